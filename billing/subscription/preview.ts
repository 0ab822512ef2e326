/** What would be billed, by the same decisions that bill it; nothing of them is committed. */
import type { CustomerWhole } from '../customer/customer.ts';
import { previewCredits } from '../credit/apply.ts';
import { decision, type Decision, type Moment } from '../decision.ts';
import { workOut } from '../invoice/draft.ts';
import { relineDraft } from '../invoice/edit.ts';
import type { InvoiceItemWhole, InvoiceWhole } from '../invoice/invoice.ts';
import { applyBalance } from '../invoice/totals.ts';
import { editedSchedule, editRunning, type ScheduleChange, type ScheduleFacts } from '../schedule/edit.ts';
import type { PhaseTerms } from '../schedule/enter.ts';
import type { ScheduleWhole } from '../schedule/schedule.ts';
import { beginSchedule } from '../schedule/start.ts';
import { taken } from './bill.ts';
import { cancelSubscription, type CancelOrder } from './cancel.ts';
import { changeSubscription, type Changed, type ChangeFacts, type ChangeOrder } from './change.ts';
import { nextMoment } from './timers.ts';
import { pauseSubscription, type PauseOrder } from './pause.ts';
import { isTrialing } from './periods.ts';
import { afterChange, renewSubscription } from './renew.ts';
import { resumeSubscription, type ResumeOrder } from './resume.ts';
import { startSubscription, type StartFacts, type StartOrder } from './start.ts';
import type { SubscriptionFacts, SubscriptionWhole } from './subscription.ts';
import { sweepSubscription } from './sweep.ts';
import { isWithheld } from './withhold.ts';

/** An invoice with the subscription that it would be of, as that would be then. `begun`: the items that begin with the change that is previewed, of which the usage of the present second is. */
export type Preview = { invoice: InvoiceWhole; subscription: SubscriptionWhole; begun?: ReadonlySet<string> };

/** A draft with the credits that it would be met by; one that was finalized already has them. */
function withCredits(invoice: InvoiceWhole, customer: CustomerWhole): InvoiceWhole {
  const lines = invoice.status === 'draft' ? previewCredits(invoice, customer, invoice.created) : invoice.lines;
  return lines === invoice.lines ? invoice : workOut({ ...invoice, lines });
}

/** The invoice as the draft that it would have been, with what the customer's balance would leave to pay. */
function asDraft(preview: InvoiceWhole, customer: CustomerWhole): InvoiceWhole {
  const invoice = withCredits(preview, customer);
  const { amount_due, starting_balance, ending_balance } = applyBalance(invoice.total, customer.balance);
  return {
    ...invoice,
    billing_reason: 'upcoming',
    status: 'draft', number: null, attempted: false, auto_advance: false, automatically_finalizes_at: null,
    next_payment_attempt: invoice.status === 'draft' ? invoice.next_payment_attempt : null,
    finalized_at: null, effective_at: null, paid_at: null, due_date: null,
    amount_due, amount_paid: 0n, amount_remaining: amount_due, starting_balance, ending_balance,
  };
}

/** A preview with these items on it, new or as they would be. */
export function previewItems(preview: InvoiceWhole, items: readonly InvoiceItemWhole[], customer: CustomerWhole, moment: Moment): InvoiceWhole {
  return asDraft(relineDraft(preview, items, new Set(), moment).invoice, customer);
}

/** A preview shows what would be billed, whether or not anybody collects it then, and as if no change waited for its payment. */
const collected = <Facts extends SubscriptionFacts>(facts: Facts): Facts => ({ ...facts, subscription: { ...facts.subscription, pause_collection: null, pending_update: null, updating: [] } });

/** The next invoice that the subscription makes by itself, with the usage that is known; null where it makes none any more. */
export function previewRenewal(facts: SubscriptionFacts, moment: Moment): Preview | null {
  const at = nextMoment(facts.subscription);
  if (at === null) return null;
  const sweep = facts.subscription.next_pending_invoice_item_invoice;
  const swept = sweep !== null && sweep < at ? sweepSubscription(collected(facts), { ...moment, now: sweep }) : null;
  if (swept?.invoice) return { invoice: asDraft(swept.invoice, facts.customer), subscription: swept.subscription };
  const { invoice, subscription, waiting } = renewSubscription(collected({ ...facts, usage: facts.so_far ?? facts.usage }), { ...moment, now: at });
  // A phase that begins within a period bills nothing by itself, nor does the end of a trial of usage alone: the next invoice comes later.
  if (!invoice && nextMoment(subscription) !== null) return previewRenewal(afterChange(subscription, waiting, facts, { ...moment, now: at }), moment);
  return invoice && { invoice: asDraft(invoice, facts.customer), subscription };
}

/** Announces the next invoice that is charged automatically, as it would be now; where nothing will be billed, or collected, there is nothing to announce. */
export function announceRenewal(facts: SubscriptionFacts, moment: Moment): Decision {
  const { subscription } = facts;
  const isCollected = subscription.collection_method === 'charge_automatically' && !isWithheld(subscription, nextMoment(subscription) ?? moment.now);
  const preview = isCollected ? previewRenewal(facts, moment) : null;
  // Where the end of a trial bills nothing, what comes a period later is announced then.
  const isLater = isTrialing(subscription, moment.now) && preview !== null && preview.invoice.created > subscription.trial_end!;
  return { ...decision(), facts: preview === null || isLater ? [] : [{ type: 'invoice.upcoming', object: 'upcoming_invoice', whole: preview.invoice, at: moment.now }] };
}

/** A change's own invoice or, where it makes none, the next one with all that waits for it then. */
export function previewChange(order: ChangeOrder, facts: ChangeFacts, moment: Moment): Preview | null {
  const changed = changeSubscription({ ...order, payment_behavior: 'default_incomplete' }, collected(facts), moment);
  if (changed.invoice) return { invoice: asDraft(changed.invoice, facts.customer), subscription: changed.subscription };
  return previewAfter(changed, facts, moment);
}

/** The next invoice after a change, with what waits for it then: a change that bills takes with it what waited for the subscription. */
export function previewAfter({ subscription, waiting, invoice }: Changed, facts: SubscriptionFacts, moment: Moment): Preview | null {
  const billed = new Set(invoice === null ? [] : taken(facts, 'subscription'));
  const after = afterChange(subscription, waiting, { ...facts, pending: facts.pending.filter((item) => !billed.has(item)) }, moment);
  const begun = new Map(subscription.items.flatMap(({ id, price, current_period_start }) => (after.so_far?.has(id) || current_period_start !== moment.now || !facts.this_second?.has(price) ? [] : [[id, facts.this_second.get(price)!]])));
  const preview = previewRenewal(begun.size === 0 ? after : { ...after, so_far: new Map([...(after.so_far ?? []), ...begun]) }, moment);
  return preview && { ...preview, begun: new Set(begun.keys()) };
}

/** The first invoice of a subscription that begins now or, where nothing is due then, its next one. */
export function previewStart(order: StartOrder, facts: StartFacts, moment: Moment): Preview | null {
  const started = startSubscription({ ...order, payment_behavior: 'default_incomplete' }, facts, moment);
  if (started.invoice) return { invoice: asDraft(started.invoice, facts.customer), subscription: started.subscription };
  return previewRenewal({ ...facts, subscription: started.subscription, pending: [], usage: new Map(), rates: new Map() }, moment);
}

/** The first invoice of a schedule that is to begin, at the moment at which it does; where nothing is due then, the next one. `terms` are those of all phases. */
export function previewSchedule(schedule: ScheduleWhole, terms: readonly PhaseTerms[], facts: StartFacts, moment: Moment): Preview | null {
  const started = beginSchedule(schedule, terms[0]!, facts, moment);
  const subscription: SubscriptionWhole = { ...started.subscription, scheduled: started.schedule };
  if (started.invoice) return { invoice: asDraft(started.invoice, facts.customer), subscription };
  return previewRenewal({ ...facts, subscription, pending: [], usage: new Map(), rates: new Map(), phases: terms.slice(1) }, moment);
}

/** What a schedule bills next where it is changed so: by the change itself, at its start where that is to come, else by its subscription. */
export function previewScheduleChange(order: ScheduleChange, facts: ScheduleFacts, moment: Moment): Preview | null {
  const { starting, named } = facts;
  const edited = editedSchedule(order, facts, moment);
  if (facts.running === null) return previewSchedule(edited, edited.phases.map(named.terms), starting, { ...moment, now: Math.max(moment.now, edited.phases[0]!.start_date) });
  const running = collected(facts.running);
  const { schedule, change } = editRunning(order, edited, facts, running, moment);
  const known = { ...running, phases: schedule.phases.filter((phase) => phase.start_date >= schedule.current_phase!.end_date).map(named.terms) };
  if (change === null) return previewRenewal({ ...known, subscription: { ...running.subscription, scheduled: schedule } }, moment);
  return change.invoice ? { invoice: asDraft(change.invoice, running.customer), subscription: change.subscription } : previewAfter(change, known, moment);
}

/** The last invoice of a subscription that is canceled now. */
export function previewCancel(order: Omit<CancelOrder, 'invoice_now'>, facts: SubscriptionFacts, moment: Moment): Preview | null {
  const { invoice, subscription } = cancelSubscription({ ...order, invoice_now: true }, collected(facts), moment);
  return invoice && { invoice: asDraft(invoice, facts.customer), subscription };
}

/** The invoice that a pause makes; null where it makes none. */
export function previewPause(order: PauseOrder, facts: SubscriptionFacts, moment: Moment): Preview | null {
  const { invoice, subscription } = pauseSubscription(order, facts, moment);
  return invoice && { invoice: asDraft(invoice, facts.customer), subscription };
}

/** The invoice by which a paused subscription is resumed; null where it goes on without one. */
export function previewResume(order: ResumeOrder, facts: SubscriptionFacts, moment: Moment): Preview | null {
  const { invoice, subscription } = resumeSubscription(order, facts, moment);
  return invoice && { invoice: asDraft(invoice, facts.customer), subscription };
}
