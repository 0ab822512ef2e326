/** A definition tried on the past: how many successes there would have been, and what they would have cost, against what was. */
import type { Period } from '../calendar.ts';
import type { Instant } from '../decision.ts';
import { includedIn, meteredAmount, type Allowance } from '../metering.ts';
import type { PriceTerms } from '../pricing/price.ts';
import { seconds, type OutcomeRule, type VersionRow } from './definition.ts';
import { judgeBy, type Contest, type SubjectEvent } from './settle.ts';

/** A unit of work of a customer with its events, the contests of it, and the moment at which it is judged. */
export type PastSubject = { customer: string; subject: string; events: SubjectEvent[]; contests: readonly Contest[]; now: Instant };

/** As late as events may be. */
const AROUND_S = 35 * 86_400;

/** For how long before and after a time events are looked at that decide what counts within it, in seconds: what began before may succeed in it, and what succeeded in it be taken back later. */
export const reachOf = (rules: readonly OutcomeRule[]): number => Math.max(AROUND_S, ...rules.flatMap(({ quiet_for, within }) => [quiet_for, within].map((each) => (each === null ? 0 : seconds(each)!))));

/** A success that counts: which outcome, and when. */
export type Counted = { customer: string; outcome: string; at: Instant };

/** What would have counted within `[start, end)`. */
export function wouldCount(version: VersionRow, subjects: readonly PastSubject[], { start, end }: Period): Counted[] {
  return subjects.flatMap(({ customer, events, contests, now }) => {
    const { counted, success } = judgeBy(version, events, contests, now);
    return counted !== null && start <= counted.at && counted.at < end ? [{ customer, outcome: success!.outcome, at: counted.at }] : [];
  });
}

/** How a customer pays for an outcome: at which price, with what is included for how many seats, in the periods of its subscription. */
export type Terms = { price: string; currency: string; terms: PriceTerms; meter: string; allowance: Allowance | null; seats: bigint; periods: readonly Period[] };

/** What successes come to before discounts and taxes: each period by itself, as its invoice would have it. */
export function costOf(successes: readonly Counted[], { terms, meter, allowance, seats, periods }: Omit<Terms, 'price' | 'currency'>): bigint {
  return periods.reduce((sum, period) => {
    const units = successes.filter(({ at }) => period.start <= at && at < period.end).length;
    return units === 0 ? sum : sum + meteredAmount(terms, String(units), { meter, allowance: allowance && includedIn(allowance, seats, period, period), billed: null }).amount;
  }, 0n);
}
