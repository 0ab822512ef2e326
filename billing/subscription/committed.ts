/** What a subscription has agreed to use at least, and what makes its usage up to that where its periods end (docs/concepts/bill.md, "Commitments"). */
import type { Period } from '../calendar.ts';
import { describeCommitment, isWithin, shortOf } from '../commitment.ts';
import { refuse, type Decision, type Instant, type Moment } from '../decision.ts';
import type { LineOrder } from '../invoice/draft.ts';
import type { InvoiceItemWhole } from '../invoice/invoice.ts';
import { roundDiv } from '../money.ts';
import { updated } from './puts.ts';
import { isMetered } from './terms.ts';
import { fullPeriod, recurrenceOf, sameRecurrence } from './periods.ts';
import { hasEnded, type SubscriptionFacts, type SubscriptionItemWhole, type SubscriptionWhole } from './subscription.ts';

/** The first of the metered items, where all of them have its interval: theirs are the periods of a commitment. */
function meteredAlike(items: readonly SubscriptionItemWhole[]): SubscriptionItemWhole | null {
  const [first, ...others] = items.filter(isMetered);
  return first && others.every((item) => sameRecurrence(recurrenceOf(item.terms), recurrenceOf(first.terms))) ? first : null;
}

/** Agrees to an amount for each period, in minor units, or to nothing any more. */
export function commitTo(wanted: { amount: bigint; name?: string } | null, before: SubscriptionWhole, moment: Moment): Decision & { subscription: SubscriptionWhole } {
  if (hasEnded(before)) refuse(undefined, `The subscription ${before.id} has ended.`, 'commitment');
  if (wanted !== null && !before.items.some(isMetered)) refuse(undefined, `Nothing in the subscription ${before.id} is metered, so there is no usage to commit to.`, 'commitment');
  if (wanted !== null && isMixed(before.items)) refuse(undefined, 'The metered items have different intervals; a commitment needs one period for all of them.', 'commitment');
  const subscription: SubscriptionWhole = { ...before, commitment: wanted && { amount: wanted.amount.toString(), name: wanted.name ?? null } };
  return { ...updated(before, subscription, moment), subscription };
}

const isMixed = (items: readonly SubscriptionItemWhole[]): boolean => items.some(isMetered) && meteredAlike(items) === null;

/** Where usage was agreed to, no request gives it several intervals; as long as something else has done so, nothing is made up. */
export function refuseMixed(before: SubscriptionWhole, items: readonly SubscriptionItemWhole[]): void {
  if (before.commitment !== null && isMixed(items) && !isMixed(before.items)) {
    refuse(undefined, 'The metered items would have different intervals, and the commitment of the subscription needs one period for all of them. Unset the commitment first.', 'items');
  }
}

/** Since when usage counts for what was agreed for the periods around a moment, or that end then; null where nothing was agreed, or usage has no one period. */
export function committedSince({ commitment, items, ...grid }: SubscriptionWhole, at: Instant): Instant | null {
  const metered = meteredAlike(items);
  return commitment === null || metered === null ? null : fullPeriod(grid, metered.terms, at - 1).start;
}

/** How many seconds lie in at least one of the periods. */
function secondsOf(periods: readonly Period[]): number {
  let [seconds, until] = [0, -Infinity];
  for (const { start, end } of periods.toSorted((a, b) => a.start - b.start)) {
    seconds += Math.max(0, end - Math.max(start, until));
    until = Math.max(until, end);
  }
  return seconds;
}

const waited = ({ period_start: start, period_end: end }: InvoiceItemWhole): Period => ({ start, end });

/**
 * What makes usage up to what was agreed for the periods that end now; null where nothing was agreed, or no usage of them is billed. It stands also where it is 0, since usage is counted again while a draft waits. What was
 * used at another price in the period counts, whether it waits or was billed at once, and so does each second that is billed, once.
 */
function commitmentLine(subscription: SubscriptionWhole, lines: readonly LineOrder[], pending: readonly InvoiceItemWhole[], at: Instant, billed: SubscriptionFacts['billed_usage'], renews: boolean): LineOrder | null {
  const { commitment, currency } = subscription;
  const metered = meteredAlike(subscription.items);
  if (commitment === null || metered === null) return null;
  const full = fullPeriod(subscription, metered.terms, at - 1);
  const usage = [...lines, ...pending.map((item) => ({ ...item, period: waited(item) }))].filter((line) => line.metering && isWithin(line.period, { start: full.start, end: at }));
  // A phase may end usage where only something else is renewed: its period goes on.
  if (usage.length === 0 || (renews && full.end !== at)) return null;
  const periods = [...usage.map((line) => line.period), ...(billed?.periods ?? [])];
  const agreed = roundDiv(BigInt(commitment.amount) * BigInt(secondsOf(periods)), BigInt(full.end - full.start));
  const elsewhere = billed?.amount ?? 0n;
  const period = { start: Math.min(...periods.map(({ start }) => start)), end: at };
  return {
    amount: shortOf(usage, agreed - elsewhere),
    description: describeCommitment(commitment.name ?? 'Commitment', agreed, elsewhere, currency),
    discountable: false,
    period,
    price: null, product: null, unit_amount_decimal: null, quantity_decimal: '1',
    subscription: subscription.id,
    subscription_item: null,
    proration: false, proration_details: null,
    commitment: agreed.toString(),
    commitment_billed: elsewhere.toString(),
    metadata: subscription.metadata,
    discounts: [], rates: [],
  };
}

/** The lines with what makes them up to a commitment, which is the last one. `renews`: only whole periods end. What a phase has just changed is billed as it was until now. */
export function withCommitment({ subscription, seated = subscription, billed_usage }: SubscriptionFacts, lines: readonly LineOrder[], pending: readonly InvoiceItemWhole[], at: Instant, renews = false): LineOrder[] {
  const line = commitmentLine({ ...seated, commitment: subscription.commitment, metadata: subscription.metadata }, lines, pending, at, billed_usage, renews);
  return line === null ? [...lines] : [...lines, line];
}
