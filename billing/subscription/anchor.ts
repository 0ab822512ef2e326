/** When a subscription starts, when its trial ends, and from which moment its periods are counted. */
import { DAY_S, periodAt, type Period } from '../calendar.ts';
import type { PriceRow } from '../catalog.ts';
import { refuse, type Instant, type Moment } from '../decision.ts';
import type { NewItem } from './items.ts';
import { configuredAnchor, fullPeriod, keepsAnchor, recurrenceOf } from './periods.ts';
import type { StartOrder } from './start.ts';
import type { SubscriptionRow } from './subscription.ts';

/** A trial lasts at most this long. */
const LONGEST_TRIAL_S = 731 * DAY_S;

/** When it starts: now, or at the past moment that it is dated back to. */
export function startOf({ backdate_start_date: backdate, billing_cycle_anchor, trial_end, trial_period_days, trial_from_plan }: StartOrder, moment: Moment): Instant {
  if (backdate === null) return moment.now;
  if (backdate > moment.now) refuse(undefined, 'A start that is backdated lies in the past. To begin in the future, give `billing_cycle_anchor` or a trial.', 'backdate_start_date');
  if (trial_end !== null || trial_period_days !== null || trial_from_plan) refuse(undefined, 'A backdated start cannot be combined with a trial here.', 'backdate_start_date');
  if (billing_cycle_anchor !== null && billing_cycle_anchor <= backdate) refuse(undefined, 'The anchor must lie after the start.', 'billing_cycle_anchor');
  return backdate;
}

/** When the trial ends; null without one. */
export function trialEnd(order: StartOrder, moment: Moment): Instant | null {
  const { trial_end, trial_period_days, trial_from_plan } = order;
  if (trial_from_plan && (trial_end !== null || trial_period_days !== null)) refuse('parameters_exclusive', 'Take the trial from the prices or give one, not both.', 'trial_from_plan');
  if (trial_end !== null && trial_period_days !== null) refuse('parameters_exclusive', 'Give one of `trial_end` and `trial_period_days`.', 'trial_period_days');
  if (trial_end === 'now') return null;
  const end = trial_end ?? (trial_period_days !== null ? moment.now + trial_period_days * DAY_S : trial_from_plan ? trialOfPrices(order.items.map((item) => item.price.terms), moment) : null);
  if (end === null) return null;
  refuseTrial(end, moment);
  return end;
}

/** When the longest trial ends that prices bring with them, if it begins now; null where none of them has one. */
export function trialOfPrices(prices: readonly PriceRow[], moment: Moment): Instant | null {
  const days = Math.max(0, ...prices.map((price) => price.recurring?.trial_period_days ?? 0));
  return days > 0 ? moment.now + days * DAY_S : null;
}

/** A trial lies ahead, and no more than two years. */
export function refuseTrial(end: Instant, moment: Moment): void {
  const param = 'trial_end';
  if (end <= moment.now) refuse(undefined, `The trial must end in the future. To go without one, give \`${param}\` as \`now\`.`, param);
  if (end > moment.now + LONGEST_TRIAL_S) refuse(undefined, 'A trial lasts two years at most.', param);
}

/** The moment from which its periods are counted. */
export function anchorOf(order: StartOrder, start: Instant, trial_end: Instant | null, moment: Moment): Instant {
  const { billing_cycle_anchor: anchor, billing_cycle_anchor_config: config } = order;
  if (trial_end !== null && !keepsAnchor(order)) {
    if (anchor !== null || config !== null) refuse(undefined, 'With a trial, the billing cycle is anchored at its end. Leave the anchor out, or give `trial_settings[end_behavior][billing_cycle_anchor]` as `unchanged`.', anchor !== null ? 'billing_cycle_anchor' : 'billing_cycle_anchor_config');
    return trial_end;
  }
  if (anchor !== null && config !== null) refuse('parameters_exclusive', 'Give one of `billing_cycle_anchor` and `billing_cycle_anchor_config`.', 'billing_cycle_anchor_config');
  if (config !== null) {
    const other = order.items.find((item) => item.price.terms.recurring !== null && !['month', 'year'].includes(item.price.terms.recurring.interval));
    if (other) refuse(undefined, 'A day of the month anchors monthly and yearly prices only.', 'billing_cycle_anchor_config');
    return configuredAnchor(config, moment.now);
  }
  if (anchor !== null && anchor <= moment.now) refuse(undefined, 'The anchor must lie in the future. For a start in the past, give `backdate_start_date`.', 'billing_cycle_anchor');
  return anchor ?? start;
}

/** An anchor ahead is at most one recurrence away, for each of the items. */
export function refuseFarAnchor(order: StartOrder, { billing_cycle_anchor, billing_cycle_anchor_config: config, trial_end }: SubscriptionRow, moment: Moment): void {
  if (trial_end !== null || billing_cycle_anchor <= moment.now) return;
  for (const { price } of order.items) {
    const { index } = periodAt(billing_cycle_anchor, recurrenceOf(price.terms), moment.now, config?.day_of_month);
    if (index < -1) refuse(undefined, `The anchor lies more than one period of the price ${price.terms.id} ahead.`, order.billing_cycle_anchor !== null ? 'billing_cycle_anchor' : 'billing_cycle_anchor_config');
  }
}

/** An item's first period that is not over: to the trial's end, or from the start or the last boundary to the next one. */
export function firstPeriod(subscription: SubscriptionRow, { price }: NewItem, moment: Moment): Period {
  if (subscription.trial_end !== null) return { start: moment.now, end: subscription.trial_end };
  if (price.terms.recurring === null) return { start: moment.now, end: moment.now }; // refused with the item
  const full = fullPeriod(subscription, price.terms, moment.now);
  return { start: Math.max(full.start, subscription.start_date), end: full.end };
}
