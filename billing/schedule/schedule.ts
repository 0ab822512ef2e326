/** A subscription schedule as it is stored: what a subscription is to become, phase by phase. */
import { DAY_S } from '../calendar.ts';
import type { Metadata, TaxRateRow } from '../catalog.ts';
import type { CustomField } from '../customer/customer.ts';
import type { SubscriptionItemRow, SubscriptionRow } from '../subscription/subscription.ts';
import { decision, type Decision, type Instant, type Moment, type Timer } from '../decision.ts';

/** What a discount is made of when the phase begins, or the discount that goes on. One of them is there. */
export type PhaseDiscount = { coupon: string | null; discount: string | null; promotion_code: string | null };

type PhaseItem = {
  price: string;
  /** Null for a metered price. */
  quantity: number | null;
  /** Tax rate ids. */
  tax_rates: string[];
  discounts: PhaseDiscount[];
  billing_thresholds?: SubscriptionItemRow['billing_thresholds'];
  metadata: Metadata;
};

/** What is billed once, with the first invoice that comes after the phase has begun. */
export type PhaseAddition = {
  price: string;
  quantity: number;
  discountable: boolean;
  tax_rates: string[];
  discounts: PhaseDiscount[];
  metadata: Metadata;
  period: {
    start: { type: 'max_item_period_start' | 'phase_start' | 'timestamp'; timestamp?: Instant };
    end: { type: 'min_item_period_end' | 'phase_end' | 'timestamp'; timestamp?: Instant };
  };
};

export type PhaseInvoiceSettings = { custom_fields: CustomField[] | null; days_until_due: number | null; description: string | null; footer: string | null };

/** What holds in every phase that does not say otherwise. */
export type DefaultSettings = {
  billing_thresholds?: SubscriptionRow['billing_thresholds'];
  billing_cycle_anchor: 'automatic' | 'phase_start';
  collection_method: 'charge_automatically' | 'send_invoice';
  default_payment_method: string | null;
  description: string | null;
  invoice_settings: PhaseInvoiceSettings;
};

/** Half-open: it runs from its start to its end, where the next one starts. What is null is that of the default settings or, without one there, what the subscription has. */
export type Phase = {
  start_date: Instant;
  end_date: Instant;
  currency: string;
  items: PhaseItem[];
  add_invoice_items: PhaseAddition[];
  discounts: PhaseDiscount[];
  /** Tax rate ids; null where the subscription keeps its own. */
  default_tax_rates: string[] | null;
  billing_cycle_anchor: 'automatic' | 'phase_start' | null;
  billing_thresholds?: SubscriptionRow['billing_thresholds'];
  collection_method: 'charge_automatically' | 'send_invoice' | null;
  default_payment_method: string | null;
  description: string | null;
  invoice_settings: PhaseInvoiceSettings | null;
  metadata: Metadata;
  /** How what changes at its beginning is prorated. */
  proration_behavior: 'create_prorations' | 'always_invoice' | 'none';
  /** Within the phase, its end included: the items run free from its start until then. */
  trial_end: Instant | null;
};

type ScheduleStatus = 'not_started' | 'active' | 'completed' | 'released' | 'canceled';

export type ScheduleRow = {
  id: string;
  created: Instant;
  customer: string;
  test_clock: string | null;
  status: ScheduleStatus;
  /** What it manages. Null before it starts, and once it is released. */
  subscription: string | null;
  released_subscription: string | null;
  end_behavior: 'cancel' | 'release';
  billing_mode: { type: 'flexible'; flexible: { proration_discounts: 'included' | 'itemized' }; updated_at: Instant | null };
  current_phase: { start_date: Instant; end_date: Instant } | null;
  default_settings: DefaultSettings;
  phases: Phase[];
  metadata: Metadata;
  canceled_at: Instant | null;
  completed_at: Instant | null;
  released_at: Instant | null;
};

/** A schedule with the tax rates that its phases name, in any order. */
export type ScheduleWhole = ScheduleRow & { rates: TaxRateRow[] };

/** How long before its end a schedule is announced to end. One that is shorter is not. */
const EXPIRING_S = 7 * DAY_S;

export const isOver = ({ status }: Pick<ScheduleRow, 'status'>): boolean => status !== 'not_started' && status !== 'active';

/** Where its last phase ends. */
export const endOf = ({ phases }: Pick<ScheduleRow, 'phases'>): Instant => phases.at(-1)!.end_date;

/** When its subscription is to end by it; null where it lets it go on. */
export const cancelDate = (schedule: ScheduleRow): Instant | null => (schedule.end_behavior === 'cancel' ? endOf(schedule) : null);

/** The phase that runs at a moment. */
export const phaseAt = ({ phases }: Pick<ScheduleRow, 'phases'>, at: Instant): Phase | null => phases.find((phase) => phase.start_date <= at && at < phase.end_date) ?? null;

/** With the phase running that runs at the moment. */
export function inPhase(schedule: ScheduleWhole, { start_date, end_date }: Phase): ScheduleWhole {
  return { ...schedule, status: 'active', current_phase: { start_date, end_date } };
}

type ScheduleTimer = 'subscription_schedule.advance' | 'subscription_schedule.expiring';
const timer = (kind: ScheduleTimer, schedule: ScheduleRow, at: Instant | null): Timer => ({ kind, subject: schedule.id, at, lane: schedule.customer, test_clock: schedule.test_clock });

/** A schedule waits for its start by itself; once it has started, its subscription does what is next. */
export function timersOf(schedule: ScheduleRow, moment: Moment): Timer[] {
  const notice = endOf(schedule) - EXPIRING_S;
  return [
    timer('subscription_schedule.advance', schedule, schedule.status === 'not_started' ? schedule.phases[0]!.start_date : null),
    timer('subscription_schedule.expiring', schedule, !isOver(schedule) && notice > moment.now ? notice : null),
  ];
}

/** The schedule as it changed, told as an update, with its timers. */
export function changed(before: ScheduleWhole, after: ScheduleWhole, moment: Moment): Decision {
  return {
    ...decision(),
    puts: [{ table: 'subscription_schedules', before, after }],
    facts: [{ type: 'subscription_schedule.updated', object: 'subscription_schedule', whole: after, before, at: moment.now }],
    timers: timersOf(after, moment),
  };
}

export type ScheduleEnd = 'completed' | 'released' | 'canceled' | 'aborted';

function ended(before: ScheduleWhole, how: ScheduleEnd, manages: Pick<ScheduleRow, 'subscription' | 'released_subscription'>, moment: Moment): Decision & { schedule: ScheduleWhole } {
  const { now } = moment;
  const schedule: ScheduleWhole = {
    ...before,
    ...manages,
    status: how === 'aborted' ? 'canceled' : how,
    current_phase: null,
    canceled_at: how === 'canceled' || how === 'aborted' ? now : null,
    completed_at: how === 'completed' ? now : null,
    released_at: how === 'released' ? now : null,
  };
  return {
    ...decision(),
    puts: [{ table: 'subscription_schedules', before, after: schedule }],
    facts: [{ type: `subscription_schedule.${how}`, object: 'subscription_schedule', whole: schedule, at: now }],
    timers: timersOf(schedule, moment),
    schedule,
  };
}

/** Ends it at the moment, with the subscription that it manages, if there is one. One that was aborted is canceled, by no wish of anybody. */
export const endSchedule = (before: ScheduleWhole, how: Exclude<ScheduleEnd, 'released'>, moment: Moment): Decision & { schedule: ScheduleWhole } =>
  ended(before, how, { subscription: before.subscription, released_subscription: null }, moment);

/** Ends it at the moment. What it managed goes on without it, and is remembered as released. */
export const partSchedule = (before: ScheduleWhole, how: ScheduleEnd, moment: Moment): Decision & { schedule: ScheduleWhole } =>
  ended(before, how, { subscription: null, released_subscription: before.subscription }, moment);
