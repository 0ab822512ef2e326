/** Commitments (docs/concepts/bill.md, "Commitments"): where the usage of a period comes to less than was agreed, the rest is billed. */
import type { Metering } from './metering.ts';

type Counted = { amount: bigint; metering?: Metering | null; commitment?: string | null };

/** What usage comes to in its period, also what of it was billed before; in minor units, before discounts, credits and tax. */
export const usedAmount = (lines: readonly Counted[]): bigint =>
  lines.reduce((sum, { amount, metering }) => (metering ? sum + amount + BigInt(metering.billed?.amount ?? 0) : sum), 0n);

/** What is missing to a commitment, and never less than nothing. */
export function shortOf(lines: readonly Counted[], commitment: bigint): bigint {
  const missing = commitment - usedAmount(lines);
  return missing > 0n ? missing : 0n;
}

/** The line with what is left of its commitment once the corrections of other invoices have come to so much; the same line where nothing changes. */
export function leftAfter<Line extends { commitment: string | null; commitment_corrected: string | null }>(line: Line, corrected: bigint): Line {
  const before = BigInt(line.commitment_corrected ?? 0);
  if (line.commitment === null || corrected === before) return line;
  return { ...line, commitment: (BigInt(line.commitment) + before - corrected).toString(), commitment_corrected: corrected.toString() };
}

/** The lines with what makes their usage up to the commitment, as that usage is by now; the same lines where nothing changes. */
export function madeUp<Line extends Counted>(lines: readonly Line[]): readonly Line[] {
  const changes = (line: Line): bigint | null => {
    if (line.commitment === null || line.commitment === undefined) return null;
    const amount = shortOf(lines, BigInt(line.commitment));
    return amount === line.amount ? null : amount;
  };
  return lines.some((line) => changes(line) !== null) ? lines.map((line) => ({ ...line, amount: changes(line) ?? line.amount })) : lines;
}
