/** Commitments (docs/concepts/bill.md, "Commitments"): where the usage of a period comes to less than was agreed, the rest is billed. */
import type { Period } from './calendar.ts';
import type { Instant } from './decision.ts';
import type { Metering } from './metering.ts';
import { formatMoney, positive } from './money.ts';

type Counted = { amount: bigint; metering?: Metering | null; commitment?: string | null; commitment_billed?: string | null };
type Placed = Counted & { period_start: Instant; period_end: Instant };

export const isWithin = (inner: Period, outer: Period): boolean => outer.start <= inner.start && inner.end <= outer.end;

/** Of the lines of an invoice, those of usage in the period of one that makes it up: what waited since an earlier period is not made up. */
export const madeUpBy = <Line extends Placed>({ period_start: start, period_end: end }: Placed, lines: readonly Line[]): Line[] =>
  lines.filter((line) => line.metering && isWithin({ start: line.period_start, end: line.period_end }, { start, end }));

/** What usage comes to on these lines; in minor units, before discounts, credits and tax. */
export const usedAmount = (lines: readonly Counted[]): bigint => lines.reduce((sum, { amount, metering }) => (metering ? sum + amount : sum), 0n);

/** What is missing to what is left of a commitment, and never less than nothing. */
export const shortOf = (lines: readonly Counted[], commitment: bigint): bigint => positive(commitment - usedAmount(lines));

/** What is left of a line's commitment beside what other invoices have billed. */
export const leftOfCommitment = ({ commitment, commitment_billed }: Counted): bigint => BigInt(commitment ?? 0) - BigInt(commitment_billed ?? 0);

/** What the line of a commitment says, which goes by `name`: how much was agreed, and what of that other invoices have billed. */
export const describeCommitment = (name: string, agreed: bigint, billed: bigint, currency: string): string =>
  `${name}: usage made up to ${formatMoney(agreed, currency)}${billed > 0n ? `, of which ${formatMoney(billed, currency)} were billed before` : ''}`;

/** The line with what other invoices have billed by now of what was agreed; the same line where nothing changes. */
export function billedBeside<Line extends { commitment: string | null; commitment_billed: string | null; description: string | null; currency: string }>(line: Line, billed: bigint): Line {
  const { commitment, description, currency } = line;
  if (commitment === null || billed === BigInt(line.commitment_billed ?? 0)) return line;
  const name = (description ?? '').replace(/: usage made up to .*$/, '');
  return { ...line, commitment_billed: billed.toString(), description: describeCommitment(name, BigInt(commitment), billed, currency) };
}

/** The lines with what makes their usage up to the commitment, as that usage is by now; the same lines where nothing changes. */
export function madeUp<Line extends Placed>(lines: readonly Line[]): readonly Line[] {
  const changes = (line: Line): bigint | null => {
    if (line.commitment === null || line.commitment === undefined) return null;
    const amount = shortOf(madeUpBy(line, lines), leftOfCommitment(line));
    return amount === line.amount ? null : amount;
  };
  return lines.some((line) => changes(line) !== null) ? lines.map((line) => ({ ...line, amount: changes(line) ?? line.amount })) : lines;
}
