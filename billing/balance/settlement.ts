/** In which currency an account has its money settled: what is charged in another one is converted when it comes, and so is what is given back or lost of it. */
import { formatDecimal, minorDigits, multiply, parseDecimal, roundDecimal, roundDiv, type Decimal } from '../money.ts';
import type { Fee, Money, Settled } from '../payment/outcome.ts';
import type { ChargeRow } from '../payment/payment.ts';

/** What an account has set for a processor that settles as it says, which is the sandbox. */
export type Settlement = {
  processor: string;
  currency: string;
  /** By currency, so much of the one that is settled in is one of it: exact decimals. What has no rate is settled as it is. */
  rates: Readonly<Record<string, string>>;
};

/** A rate between minor units, as the API tells it, and by which they are converted. */
function minorRate(rate: string, from: string, into: string): Decimal {
  const { digits, scale } = parseDecimal(rate)!;
  const moved = scale + minorDigits(from) - minorDigits(into);
  return moved >= 0 ? { digits, scale: moved } : { digits: digits * 10n ** BigInt(-moved), scale: 0 };
}

/** What an amount comes to, rounded once; null where it is not converted. */
function settle(amount: bigint, currency: string, settlement: Settlement | null): Settled | null {
  const rate = settlement?.currency === currency ? undefined : settlement?.rates[currency];
  if (settlement === null || rate === undefined) return null;
  const exact = minorRate(rate, currency, settlement.currency);
  return { currency: settlement.currency, amount: roundDecimal(multiply({ digits: amount, scale: 0 }, exact)), exchange_rate: formatDecimal(exact) };
}

/** Fees that were reckoned in the currency of the charge, each line rounded. */
const converted = (fees: readonly Fee[], { exchange_rate }: Settled): Fee[] => fees.map((fee) => ({ ...fee, amount: roundDecimal(multiply({ digits: fee.amount, scale: 0 }, parseDecimal(exchange_rate)!)) }));

type Word = { kind: string; fees?: Fee[]; settled?: Settled | null };

/** A word about money that has come, with what a processor whose settlement is ours to say has settled it in. */
export function inSettlement<W extends Word>(word: W, { amount, currency, processor }: { amount: string; currency: string; processor: string }, settlement: Settlement | null): W {
  const settled = word.kind === 'succeeded' && processor === settlement?.processor ? settle(BigInt(amount), currency, settlement) : null;
  return settled ? { ...word, settled, fees: converted(word.fees ?? [], settled) } : word;
}

const RATE_SCALE = 12;

/**
 * What a movement of a converted charge comes to: what the processor says, the rate of its day where that is ours to say, else what it came to when the charge was paid. A charge that was not converted is given back as it came.
 */
export function settledAs({ currency, amount_captured, settled_amount, settled_currency }: ChargeRow, amount: bigint, said: Settled | null | undefined, settlement: Settlement | null): Settled | null {
  if (said) return said;
  if (settled_amount === null || settled_currency === null) return null;
  const today = settlement?.currency === settled_currency ? settle(amount, currency, settlement) : null;
  return today ?? { currency: settled_currency, amount: roundDiv(settled_amount * amount, amount_captured), exchange_rate: formatDecimal({ digits: roundDiv(settled_amount * 10n ** BigInt(RATE_SCALE), amount_captured), scale: RATE_SCALE }) };
}

/** A word about a capture: what comes after a first one is settled in the currency in which that was, at the rate of its day or, where there is none any more, at its own. */
export function inSettlementOf<W extends Word & { money?: Money }>(charge: ChargeRow, word: W, question: { amount: string; currency: string; processor: string }, settlement: Settlement | null): W {
  if (charge.amount_captured === 0n) return inSettlement(word, question, settlement);
  if (word.kind !== 'succeeded' || word.settled) return word;
  const amount = word.money ? word.money.amount - charge.amount_captured : BigInt(question.amount);
  return { ...word, ...movedAs(charge, amount, { fees: word.fees ?? [] }, settlement?.processor === question.processor ? settlement : null) };
}

/** The same with the fees of the movement. */
export function movedAs(charge: ChargeRow, amount: bigint, { fees, settled: said }: { fees: readonly Fee[]; settled?: Settled | null }, settlement: Settlement | null): { fees: readonly Fee[]; settled: Settled | null } {
  const settled = settledAs(charge, amount, said, settlement);
  return { settled, fees: settled && !said ? converted(fees, settled) : fees };
}
