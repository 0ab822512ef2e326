/** The periods of a subscription's items, counted from its one anchor. */
import { addMonths, DAY_S, periodAt, type Period, type Recurrence } from '../calendar.ts';
import type { PriceRow } from '../catalog.ts';
import { assert, type Instant } from '../decision.ts';
import type { SubscriptionRow, SubscriptionStatus } from './subscription.ts';

/** From what the boundaries are counted: the anchor and, where it was configured, the day of the month. */
export type Grid = Pick<SubscriptionRow, 'billing_cycle_anchor' | 'billing_cycle_anchor_config'>;

export function recurrenceOf(price: PriceRow): Recurrence {
  assert(price.recurring !== null, 'the price of a subscription recurs');
  return price.recurring;
}

export const sameRecurrence = (a: Recurrence, b: Recurrence): boolean => a.interval === b.interval && a.interval_count === b.interval_count;

/** The full period in which a moment lies, from one boundary to the next. */
export function fullPeriod(grid: Grid, price: PriceRow, at: Instant): Period {
  const { start, end } = periodAt(grid.billing_cycle_anchor, recurrenceOf(price), at, grid.billing_cycle_anchor_config?.day_of_month);
  return { start, end };
}

/** Whether the anchor stays where it is when a trial begins or ends. */
export const keepsAnchor = ({ trial_settings }: Pick<SubscriptionRow, 'trial_settings'>): boolean => trial_settings.end_behavior.billing_cycle_anchor === 'unchanged';

export const isTrialing = (subscription: Pick<SubscriptionRow, 'trial_end'>, at: Instant): boolean => subscription.trial_end !== null && at < subscription.trial_end;

/** Active, or in its trial, as the moment has it; in any other state it stays. */
export function statusAt({ status, trial_end }: Pick<SubscriptionRow, 'status' | 'trial_end'>, at: Instant): SubscriptionStatus {
  if (status !== 'active' && status !== 'trialing') return status;
  return isTrialing({ trial_end }, at) ? 'trialing' : 'active';
}

/** The next moment, `start` included, that a configured anchor names; what is left out of the time of day is the start's. */
export function configuredAnchor(config: NonNullable<SubscriptionRow['billing_cycle_anchor_config']>, start: Instant): Instant {
  const time = start % DAY_S;
  const hour = config.hour ?? Math.floor(time / 3_600);
  const minute = config.minute ?? Math.floor((time % 3_600) / 60);
  const second = config.second ?? time % 60;
  const midnight = start - time;
  const first = midnight + hour * 3_600 + minute * 60 + second;
  for (let months = 0; ; months += 1) {
    const candidate = addMonths(first, months, config.day_of_month);
    if (candidate >= start && (config.month === null || monthOf(candidate) === config.month)) return candidate;
  }
}

/** 1 for January. */
function monthOf(at: Instant): number {
  const { index } = periodAt(0, { interval: 'month', interval_count: 1 }, at);
  return (((index % 12) + 12) % 12) + 1;
}

/** The period in which a moment lies of those at whose ends what waits is billed, counted from the anchor as all periods are; null without an interval. */
export function sweepPeriod(subscription: Grid & Pick<SubscriptionRow, 'pending_invoice_item_interval'>, at: Instant): Period | null {
  const interval = subscription.pending_invoice_item_interval;
  return interval === null ? null : periodAt(subscription.billing_cycle_anchor, interval, at, subscription.billing_cycle_anchor_config?.day_of_month);
}

/** When what waits is billed next by its own interval. */
export const nextSweep = (subscription: Parameters<typeof sweepPeriod>[0], at: Instant): Instant | null => sweepPeriod(subscription, at)?.end ?? null;

/** With what waits billed next as the anchor and the interval say that it has now. One that changed neither keeps its moment, which may be this very one. */
export function withSweep<S extends Parameters<typeof sweepPeriod>[0] & Pick<SubscriptionRow, 'next_pending_invoice_item_invoice'>>(after: S, before: Parameters<typeof sweepPeriod>[0], at: Instant): S {
  const said = ({ billing_cycle_anchor, billing_cycle_anchor_config, pending_invoice_item_interval }: Parameters<typeof sweepPeriod>[0]) => [billing_cycle_anchor, billing_cycle_anchor_config, pending_invoice_item_interval];
  return said(after).every((each, n) => each === said(before)[n]) ? after : { ...after, next_pending_invoice_item_invoice: nextSweep(after, at) };
}
