/** A definition tried on the past: how many successes there would have been, and what they would have cost, against what was. */
import { amountOf } from '../pricing/amount.ts';
import type { PriceTerms } from '../pricing/price.ts';
import type { Period } from '../calendar.ts';
import type { Instant } from '../decision.ts';
import { fromBigint } from '../money.ts';
import type { VersionRow } from './definition.ts';
import { judgeBy, type SubjectEvent } from './settle.ts';

/** A unit of work of a customer with its events of the past. */
export type PastSubject = { customer: string; subject: string; events: SubjectEvent[] };

/** A success that counts: which outcome, and when. */
export type Counted = { customer: string; outcome: string; at: Instant };

/** What would have counted within `[start, end)`, as it is known at its end. */
export function wouldCount(version: VersionRow, subjects: readonly PastSubject[], { start, end }: Period): Counted[] {
  return subjects.flatMap(({ customer, events }) => {
    const { counted, success } = judgeBy(version, events, [], end);
    return counted !== null && start <= counted.at && counted.at < end ? [{ customer, outcome: success!.outcome, at: counted.at }] : [];
  });
}

/** How a customer pays for an outcome: at which price, in the periods of its subscription. */
export type Terms = { price: string; currency: string; terms: PriceTerms; periods: readonly Period[] };

/** What successes come to before discounts and taxes: each period by itself, as its invoice would have it. */
export function costOf(successes: readonly Counted[], { terms, periods }: Pick<Terms, 'terms' | 'periods'>): bigint {
  return periods.reduce((sum, { start, end }) => {
    const units = successes.filter(({ at }) => start <= at && at < end).length;
    return units === 0 ? sum : sum + amountOf(terms, fromBigint(BigInt(units)));
  }, 0n);
}
