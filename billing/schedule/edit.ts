/** What people change in a schedule: its phases that are to come, the one that runs, and how it ends. */
import { assert, decision, refuse, together, type Moment } from '../decision.ts';
import { mergeMetadata } from '../metadata.ts';
import { changeSubscription, type Changed, type ChangeFacts, type ProrationBehavior } from '../subscription/change.ts';
import { cancelSubscription, type CancelOrder } from '../subscription/cancel.ts';
import type { StartFacts } from '../subscription/start.ts';
import type { SubscriptionFacts, SubscriptionWhole } from '../subscription/subscription.ts';
import { changeOrder } from './enter.ts';
import { layPhases, type Buyer, type PhaseAsked } from './lay.ts';
import { cancelDate, changed, endSchedule, inPhase, isOver, partSchedule, phaseAt, type DefaultSettings, type Phase, type PhaseInvoiceSettings, type ScheduleWhole } from './schedule.ts';
import { beginSchedule, rated, refuseUnsent, type Named, type Scheduled } from './start.ts';
import { letGo } from './turn.ts';

export type DefaultsGiven = Partial<Omit<DefaultSettings, 'invoice_settings'>> & { invoice_settings?: Partial<PhaseInvoiceSettings> };

export type ScheduleChange = {
  default_settings?: DefaultsGiven;
  end_behavior?: ScheduleWhole['end_behavior'];
  metadata?: Record<string, string> | '';
  phases?: readonly PhaseAsked[];
  /** How a change of the phase that runs is prorated. */
  proration_behavior: ProrationBehavior;
};

/** Of one schedule, all that a change of it reads: what runs, or what is needed to begin. */
export type ScheduleFacts = { schedule: ScheduleWhole; running: ChangeFacts | null; starting: StartFacts; named: Named };

export const settled = (before: DefaultSettings, given: DefaultsGiven | undefined): DefaultSettings =>
  given === undefined ? before : { ...before, ...given, invoice_settings: { ...before.invoice_settings, ...given.invoice_settings } };

function refuseOver({ id, status }: ScheduleWhole): void {
  if (isOver({ status })) refuse(undefined, `The schedule ${id} is ${status}: it does nothing any more.`);
}

/** The schedule as the change says it, before anything is made of it. */
export function editedSchedule(order: ScheduleChange, { schedule: before, running, starting, named }: ScheduleFacts, moment: Moment): ScheduleWhole {
  refuseOver(before);
  const who: Buyer = { customer: before.customer, first_time: starting.first_time, billed_in: starting.customer.currency };
  const phases = order.phases === undefined ? before.phases : running ? relaid(order.phases, before, who, moment) : laidAhead(order.phases, before, who, moment);
  const after = rated(
    { ...before, phases, default_settings: settled(before.default_settings, order.default_settings), end_behavior: order.end_behavior ?? before.end_behavior, metadata: mergeMetadata(before.metadata, order.metadata) },
    new Map([...before.rates.map((rate) => [rate.id, rate] as const), ...named.rates]),
  );
  refuseUnsent(after);
  return after;
}

/** Changes a schedule: what runs becomes what it says now, or what was to begin by now begins. Refused of one that is over. */
export function editSchedule(order: ScheduleChange, facts: ScheduleFacts, moment: Moment): Scheduled {
  const { schedule: before, running, starting, named } = facts;
  const after = editedSchedule(order, facts, moment);
  if (running) {
    const { schedule, change } = editRunning(order, after, facts, running, moment);
    return { ...together([changed(before, schedule, moment), change]), schedule };
  }
  const [first] = after.phases;
  if (first!.start_date > moment.now) return { ...changed(before, after, moment), schedule: after };
  const begun = beginSchedule(after, named.terms(first!), starting, moment);
  return { ...together([changed(before, begun.schedule, moment), begun]), schedule: begun.schedule };
}

/** The phases of a schedule that has not started. */
function laidAhead(asked: readonly PhaseAsked[], before: ScheduleWhole, who: Buyer, moment: Moment): Phase[] {
  const phases = layPhases(asked, null, who, moment);
  if (phases[0]!.start_date < moment.now) refuse(undefined, 'A schedule that has not started starts now or later.', `${asked[0]!.param}[start_date]`);
  if (phases[0]!.currency !== before.phases[0]!.currency) refuse(undefined, `The schedule is in ${before.phases[0]!.currency}; that stays.`, `${asked[0]!.param}[currency]`);
  return phases;
}

/** The phases of a schedule that runs: those that are over stay as they were, the one that runs began when it began, or another one begins now. */
function relaid(asked: readonly PhaseAsked[], before: ScheduleWhole, who: Buyer, moment: Moment): Phase[] {
  const current = before.current_phase;
  assert(current !== null, `${before.id} runs`);
  const laid = layPhases(asked, null, who, moment);
  const phases = laid.map((phase, n): Phase => {
    const at = (name: string) => `${asked[n]!.param}[${name}]`;
    if (phase.currency !== before.phases[0]!.currency) refuse(undefined, `The schedule is in ${before.phases[0]!.currency}; that stays.`, at('currency'));
    if (phase.start_date >= moment.now) return phase;
    const known = before.phases.find((each) => each.start_date === phase.start_date);
    if (!known) return refuse(undefined, `No phase began at ${phase.start_date}. The one that runs began at ${current.start_date}: give that, or \`now\` to begin another one.`, at('start_date'));
    if (phase.end_date > moment.now) return { ...phase, add_invoice_items: known.add_invoice_items };
    const over = known.start_date === current.start_date ? moment.now : known.end_date;
    if (phase.end_date !== over) refuse(undefined, `This phase ${known.start_date === current.start_date ? 'runs: it can end now or later' : `ended at ${over}; that stays`}.`, at('end_date'));
    return { ...known, end_date: over };
  });
  if (phaseAt({ phases }, moment.now) === null) refuse(undefined, 'No phase would run now. Give the one that runs with its `start_date`, or one that starts `now`; to end the schedule, cancel or release it.', 'phases');
  return phases;
}

/** The subscription becomes what the phase that runs says now; its change is null where nothing of that is said anew. */
export function editRunning(order: ScheduleChange, edited: ScheduleWhole, { schedule: before, named }: ScheduleFacts, running: ChangeFacts, moment: Moment): { schedule: ScheduleWhole; change: Changed | null } {
  const { subscription } = running;
  const phase = phaseAt(edited, moment.now)!;
  const after = inPhase(edited, phase);
  const begins = phase.start_date === moment.now && before.current_phase!.start_date !== moment.now;
  const touched = begins || order.phases !== undefined || order.default_settings !== undefined || cancelDate(after) !== cancelDate(before);
  if (!touched) return { schedule: after, change: null };
  const within: ChangeFacts = { ...running, subscription: { ...subscription, scheduled: after } };
  const how = { begins, at_boundary: false, proration_behavior: begins ? phase.proration_behavior : order.proration_behavior, now: moment.now };
  return { schedule: after, change: changeSubscription(changeOrder(after, named.terms(phase), subscription, how), within, moment) };
}

/** Cancels a schedule and, where it has begun, its subscription at once. */
export function cancelSchedule(order: CancelOrder, schedule: ScheduleWhole, running: SubscriptionFacts | null, moment: Moment): Scheduled {
  refuseOver(schedule);
  if (running === null) return endSchedule(schedule, 'canceled', moment);
  return { ...cancelSubscription(order, running, moment), schedule };
}

/** Ends a schedule and lets its subscription go on as it is; it ends no more as the schedule said, unless that is to be kept. */
export function releaseSchedule({ preserve_cancel_date }: { preserve_cancel_date: boolean }, schedule: ScheduleWhole, subscription: SubscriptionWhole | null, moment: Moment): Scheduled {
  refuseOver(schedule);
  if (subscription === null) return partSchedule(schedule, 'released', moment);
  const freed = schedule.end_behavior === 'cancel' && !preserve_cancel_date;
  return letGo(subscription, 'released', moment, freed ? { cancel_at: null, ends_unprorated_since: null, canceled_at: null, cancellation_details: { ...subscription.cancellation_details, reason: null } } : {});
}

/** Announces that a schedule ends soon. */
export function announceEnd(schedule: ScheduleWhole, moment: Moment) {
  if (isOver(schedule)) return decision();
  return { ...decision(), facts: [{ type: 'subscription_schedule.expiring', object: 'subscription_schedule', whole: schedule, at: moment.now }] };
}
