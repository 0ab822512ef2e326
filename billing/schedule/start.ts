/** A schedule is made, and begins its subscription; or takes over one that runs. */
import type { TaxRateRow } from '../catalog.ts';
import type { CustomerWhole } from '../customer/customer.ts';
import { assert, decision, refuse, Refusal, together, type Decision, type Instant, type Moment } from '../decision.ts';
import { countedOn } from '../redeem.ts';
import { updated } from '../subscription/puts.ts';
import { hasEnded, type SubscriptionWhole } from '../subscription/subscription.ts';
import { firstPeriodEnd } from '../subscription/timers.ts';
import { startSubscription, type StartFacts, type Started } from '../subscription/start.ts';
import { startOrder, type PhaseTerms } from './enter.ts';
import { layPhases, type PhaseAsked } from './lay.ts';
import { changed, endSchedule, inPhase, isOver, phaseAt, timersOf, type Phase, type ScheduleRow, type ScheduleWhole } from './schedule.ts';

export type ScheduleOrder = Pick<ScheduleRow, 'billing_mode' | 'default_settings' | 'end_behavior' | 'metadata'> & { start_date: Instant | 'now'; phases: readonly PhaseAsked[] };

/** What a schedule reads of the catalogue: the terms of a phase that is laid, and tax rates by id. */
export type Named = { terms(phase: Phase): PhaseTerms; rates: ReadonlyMap<string, TaxRateRow> };

export type Scheduled = Decision & { schedule: ScheduleWhole };

/** With the tax rates that it names. */
export function rated(schedule: ScheduleRow, rates: Named['rates']): ScheduleWhole {
  const ids = new Set(schedule.phases.flatMap((phase) => [...(phase.default_tax_rates ?? []), ...[...phase.items, ...phase.add_invoice_items].flatMap((item) => item.tax_rates)]));
  return { ...schedule, rates: [...ids].flatMap((id) => rates.get(id) ?? []) };
}

const blank = (customer: Pick<CustomerWhole, 'id' | 'test_clock'>, moment: Moment) => ({
  id: moment.newId('sub_sched'), created: moment.now, customer: customer.id, test_clock: customer.test_clock, released_subscription: null, canceled_at: null, completed_at: null, released_at: null,
});

function created(schedule: ScheduleWhole, moment: Moment): Scheduled {
  return {
    ...decision(),
    puts: [{ table: 'subscription_schedules', before: null, after: schedule }],
    facts: [{ type: 'subscription_schedule.created', object: 'subscription_schedule', whole: schedule, at: moment.now }],
    timers: timersOf(schedule, moment),
    schedule,
  };
}

/** A schedule as it is asked for, before anything is made of it. */
export function newSchedule({ start_date, phases: asked, ...order }: ScheduleOrder, { customer, first_time }: StartFacts, named: Named, moment: Moment): ScheduleWhole {
  const start = start_date === 'now' ? moment.now : start_date;
  if (start < moment.now) refuse(undefined, 'A schedule starts now or later. For a subscription that started earlier, create that by `backdate_start_date`, then the schedule by `from_subscription`.', 'start_date');
  const phases = layPhases(asked, start, { customer: customer.id, first_time, billed_in: customer.currency }, moment);
  const schedule = rated({ ...blank(customer, moment), ...order, phases, status: 'not_started', subscription: null, current_phase: null }, named.rates);
  refuseUnsent(schedule);
  return schedule;
}

/** A schedule that begins now or later. */
export function createSchedule(order: ScheduleOrder, facts: StartFacts, named: Named, moment: Moment): Scheduled {
  const schedule = newSchedule(order, facts, named, moment);
  const [first] = schedule.phases;
  if (first!.start_date > moment.now) return created(schedule, moment);
  const begun = beginSchedule(schedule, named.terms(first!), facts, moment);
  const made = created(begun.schedule, moment);
  return { ...together([made, begun]), schedule: made.schedule };
}

/** Refuses a phase whose invoices would be sent without a time to pay them in. */
export function refuseUnsent({ phases, default_settings }: ScheduleRow): void {
  phases.forEach((phase, n) => {
    const sends = (phase.collection_method ?? default_settings.collection_method) === 'send_invoice';
    const days = phase.invoice_settings?.days_until_due ?? default_settings.invoice_settings.days_until_due;
    if (sends && days === null) refuse('parameter_missing', 'Where invoices are sent, say how long they may be paid: give `days_until_due`.', phase.collection_method === 'send_invoice' ? `phases[${n}][invoice_settings][days_until_due]` : 'default_settings[invoice_settings][days_until_due]');
  });
}

/** The subscription of the first phase; the schedule itself is not written yet. */
export function beginSchedule(schedule: ScheduleWhole, terms: PhaseTerms, facts: StartFacts, moment: Moment): Scheduled & Pick<Started, 'subscription' | 'invoice'> {
  const running = inPhase(schedule, terms.phase);
  const started = startSubscription(startOrder(running, terms), facts, moment);
  return { ...started, schedule: { ...running, subscription: started.subscription.id } };
}

/** The start of a schedule has come. What cannot begin any more, because the customer is billed in another currency by now or has too many subscriptions, is aborted. */
function startSchedule(before: ScheduleWhole, facts: StartFacts, named: Named, moment: Moment): Scheduled & { [Part in 'subscription' | 'invoice']: Started[Part] | null } {
  const phase = phaseAt(before, moment.now);
  assert(phase, `${before.id} has a phase that begins at ${moment.now}`);
  try {
    const begun = beginSchedule(before, named.terms(phase), facts, moment);
    return { ...together([changed(before, begun.schedule, moment), begun]), schedule: begun.schedule, subscription: begun.subscription, invoice: begun.invoice };
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    return { ...endSchedule(before, 'aborted', moment), subscription: null, invoice: null };
  }
}

/** Starts many as one decision, each at its moment: what the first of a customer's settles, the later ones find. */
export function startAll(all: readonly { schedule: ScheduleWhole; facts: StartFacts }[], named: Named, momentOf: (schedule: ScheduleWhole) => Moment): Decision {
  const begun = new Map<string, { subscriptions: number; currency: string; billed: ReadonlySet<string> }>();
  const started = all.map(({ schedule, facts }) => {
    const { customer } = facts;
    const earlier = begun.get(customer.id);
    const known: StartFacts = earlier
      ? { ...facts, subscriptions: facts.subscriptions + earlier.subscriptions, customer: { ...customer, currency: customer.currency ?? earlier.currency }, pending: facts.pending.filter((item) => !earlier.billed.has(item.id)) }
      : facts;
    const one = startSchedule(schedule, known, named, momentOf(schedule));
    const billed = one.invoice?.lines.flatMap((line) => line.invoice_item ?? []) ?? [];
    if (one.subscription) begun.set(customer.id, { subscriptions: (earlier?.subscriptions ?? 0) + 1, currency: one.subscription.currency, billed: new Set([...(earlier?.billed ?? []), ...billed]) });
    return one;
  });
  return countedOn(together(started));
}

/** A schedule of a subscription that runs. Its one phase is the current period as it is, or all the time until the subscription is to end. */
export function scheduleOf(subscription: SubscriptionWhole, moment: Moment): Scheduled {
  const { id, scheduled, items, cancel_at, discounts, collection_method, default_payment_method, description, invoice_settings, trial_end, billing_thresholds } = subscription;
  if (scheduled !== null && !isOver(scheduled)) refuse(undefined, `The subscription ${id} has the schedule ${scheduled.id} already. Change or release that one.`, 'from_subscription');
  if (hasEnded(subscription)) refuse(undefined, `The subscription ${id} has ended.`, 'from_subscription');
  if (subscription.status === 'incomplete') refuse(undefined, `The first payment of the subscription ${id} is still awaited.`, 'from_subscription');
  if (subscription.status === 'paused') refuse(undefined, `The subscription ${id} is paused: resume it before it gets a schedule.`, 'from_subscription');
  const goesOn = (discount: { id: string }) => ({ coupon: null, discount: discount.id, promotion_code: null });
  const start_date = Math.max(...items.map((item) => item.current_period_start));
  const end_date = cancel_at ?? firstPeriodEnd(subscription);
  const phase: Phase = {
    start_date, end_date,
    currency: subscription.currency,
    items: items.map(({ price, quantity, tax_rates, metadata, discounts: own, billing_thresholds }) => ({ price, tax_rates, metadata, billing_thresholds, quantity: quantity === null ? null : Number(quantity), discounts: own.map(goesOn) })),
    add_invoice_items: [],
    discounts: discounts.map(goesOn),
    default_tax_rates: subscription.default_tax_rates,
    billing_cycle_anchor: null, collection_method: null, default_payment_method: null, description: null, invoice_settings: null,
    metadata: {},
    proration_behavior: 'create_prorations',
    trial_end: trial_end !== null && trial_end > start_date ? Math.min(trial_end, end_date) : null,
  };
  const rates = new Map([...subscription.default_rates, ...items.flatMap((item) => item.rates)].map((rate) => [rate.id, rate]));
  const schedule = rated({
    ...blank({ id: subscription.customer, test_clock: subscription.test_clock }, moment),
    status: 'active',
    subscription: id,
    end_behavior: cancel_at === null ? 'release' : 'cancel',
    billing_mode: subscription.billing_mode,
    current_phase: { start_date, end_date },
    default_settings: { billing_cycle_anchor: 'automatic', billing_thresholds, collection_method, default_payment_method, description, invoice_settings: { ...invoice_settings, days_until_due: subscription.days_until_due } },
    phases: [phase],
    metadata: {},
  }, rates);
  const made = created(schedule, moment);
  const after: SubscriptionWhole = { ...subscription, schedule: schedule.id, scheduled: schedule, cancel_at_period_end: false };
  return { ...together([made, updated(subscription, after, moment)]), schedule };
}
