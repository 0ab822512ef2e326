/** Thresholds: a subscription is billed before its period ends, once the usage that was not billed yet comes to an amount, or that of an item to a quantity. */
import type { CustomerWhole } from '../customer/customer.ts';
import { decision, together, type Decision, type Instant, type Moment } from '../decision.ts';
import type { LineOrder } from '../invoice/draft.ts';
import { add, compare, formatDecimal, fromBigint, parseDecimal } from '../money.ts';
import { billAtOnce, taken, UNATTENDED, type Bill } from './bill.ts';
import { changeSubscription, NO_CHANGE, type ChangeFacts } from './change.ts';
import { putItems, updated, withoutDiscounts } from './puts.ts';
import { isWatched } from './items.ts';
import { periodUsageLine } from './lines.ts';
import type { SubscriptionFacts, SubscriptionItemWhole, SubscriptionRow, SubscriptionWhole } from './subscription.ts';
import { isWithheld } from './withhold.ts';

const resets = ({ billing_thresholds }: Pick<SubscriptionRow, 'billing_thresholds'>): boolean => billing_thresholds?.reset_billing_cycle_anchor === true;

/** Up to when usage counts that may reach a threshold at a moment: that of the moment itself does, but where all periods begin anew then. */
export const countsUntil = (subscription: Pick<SubscriptionRow, 'billing_thresholds'>, at: Instant): Instant => (resets(subscription) ? at : at + 1);

/** What the metered items come to by a moment and was not billed yet: a line for each of which something was used, before discounts and tax. A flat amount for no usage waits for the end of the period, and so does what is held. */
function unbilledUsage({ subscription, usage }: Pick<SubscriptionFacts, 'subscription' | 'usage'>, until: Instant): LineOrder[] {
  return subscription.items.flatMap((item) => {
    const line = periodUsageLine(subscription, item, usage, until, { lasts: item.current_period_end });
    return line === null || line.quantity_decimal === '0' || line.metering!.held !== undefined ? [] : [line];
  });
}

function isReached({ items, billing_thresholds }: SubscriptionWhole, lines: readonly LineOrder[]): boolean {
  const amount_gte = billing_thresholds?.amount_gte ?? null;
  if (amount_gte !== null && lines.reduce((sum, line) => sum + line.amount, 0n) >= BigInt(amount_gte)) return true;
  return items.some((item) => {
    const usage_gte = item.billing_thresholds?.usage_gte ?? null;
    const line = lines.find((each) => each.subscription_item === item.id);
    return usage_gte !== null && line !== undefined && compare(parseDecimal(line.quantity_decimal!)!, fromBigint(BigInt(usage_gte))) >= 0;
  });
}

/** The items with what is billed of their usage by now: the rest of the period is billed without it. */
function remembering(items: readonly SubscriptionItemWhole[], lines: readonly LineOrder[]): SubscriptionItemWhole[] {
  return items.map((item) => {
    const line = lines.find((each) => each.subscription_item === item.id);
    if (!line) return item;
    const before = item.billed?.start === item.current_period_start ? item.billed : { quantity: '0', amount: '0' };
    const quantity = formatDecimal(add(parseDecimal(before.quantity)!, parseDecimal(line.quantity_decimal!)!));
    const groups = line.metering!.groups;
    return { ...item, billed: { start: item.current_period_start, quantity, amount: (BigInt(before.amount) + line.amount).toString(), ...(groups && { groups }) } };
  });
}

/**
 * Bills the usage of all metered items where a threshold is reached, with what waits for the subscription: one invoice, finalised and charged at once, since it says how far usage is billed. It can be
 * reached again by as much usage again. With `reset_billing_cycle_anchor` all periods begin anew instead, as by a change. While collection is paused nothing is billed early.
 */
export function billThreshold(facts: ChangeFacts, moment: Moment): Decision & { customer: CustomerWhole } {
  const { customer } = facts;
  const { subscription: before } = facts;
  if ((before.status !== 'active' && before.status !== 'past_due') || !isWatched(before) || isWithheld(before, moment.now)) return { ...decision(), customer };
  const until = countsUntil(before, moment.now);
  const lines = unbilledUsage(facts, until);
  if (!isReached(before, lines)) return { ...decision(), customer };
  const reason = { billing_reason: 'subscription_threshold' as const, obligation: null };
  if (resets(before)) return changeSubscription({ ...NO_CHANGE, ...reason, billing_cycle_anchor: 'now', off_session: true }, facts, moment);
  const bill: Bill = {
    ...reason,
    subscription: before,
    period: { start: Math.min(...lines.map((line) => line.period.start)), end: until },
    pending: taken(facts, 'subscription'),
    lines,
  };
  const billed = billAtOnce(UNATTENDED, bill, facts, moment);
  const after = withoutDiscounts({ ...before, items: remembering(before.items, lines), latest_invoice: billed.invoice!.id }, billed.used);
  return { ...together([updated(before, after, moment), putItems(before.items, after.items), billed]), customer: billed.customer };
}
