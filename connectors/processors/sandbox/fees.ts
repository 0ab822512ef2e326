/** What the sandbox keeps: made up, after what processors publish, by the type of the method. Amounts are minor units of whatever currency is charged. */
import type { Fee } from '../processor.ts';

type Rate = {
  /** Hundredths of a percent. */
  share: bigint;
  /** For each payment. */
  each: bigint;
  /** The most that the share comes to. */
  most?: bigint;
};

export type FeeSchedule = { rates: Readonly<Record<string, Rate>>; /** For each dispute; given back where it is won. */ disputes: Readonly<Record<string, bigint>>; /** Of an instant payout, in hundredths of a percent. */ instant_payout: bigint };

const usual: Rate = { share: 290n, each: 30n };

export const FEES: FeeSchedule = {
  rates: {
    card: usual, link: usual, cashapp: usual, paypal: usual,
    klarna: { share: 599n, each: 30n },
    us_bank_account: { share: 80n, each: 0n, most: 500n },
    sepa_debit: { share: 80n, each: 30n, most: 600n },
    bancontact: { share: 140n, each: 25n },
    ideal: { share: 0n, each: 80n },
  },
  disputes: { card: 1_500n, link: 1_500n, cashapp: 1_500n, paypal: 1_500n, klarna: 1_500n, us_bank_account: 1_500n, sepa_debit: 750n },
  instant_payout: 100n,
};

/** `290n` as `2.9 %`. */
const percent = (share: bigint) => `${Number(share) / 100} %`;

/** What is kept of a payment, line by line, and never more than the amount. The share is rounded half up. */
export function feesOn(amount: bigint, type: string, { rates }: FeeSchedule): Fee[] {
  const rate = rates[type];
  if (!rate) return [];
  const { share, each, most } = rate;
  const part = (amount * share + 5_000n) / 10_000n;
  const lines = [
    { description: `Processing, ${percent(share)}`, due: most !== undefined && part > most ? most : part },
    { description: 'Processing, for each payment', due: each },
  ];
  let left = amount;
  return lines.flatMap(({ description, due }): Fee[] => {
    const kept = due < left ? due : left;
    left -= kept;
    return kept > 0n ? [{ type: 'processing', description, amount: kept }] : [];
  });
}
