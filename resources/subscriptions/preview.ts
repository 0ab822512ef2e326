/** `POST /v1/invoices/create_preview`: what would be billed, by the decisions that bill it. Nothing is committed. */
import type Stripe from 'stripe';
import type { PriceRow } from '../../billing/catalog.ts';
import type { CustomerWhole } from '../../billing/customer/customer.ts';
import { Refusal, refuse, type Instant, type Moment } from '../../billing/decision.ts';
import { newSchedule } from '../../billing/schedule/start.ts';
import { refuseManaged } from '../../billing/subscription/change.ts';
import { hasEnded, type SubscriptionWhole } from '../../billing/subscription/subscription.ts';
import { nextMoment } from '../../billing/subscription/timers.ts';
import { previewCancel, previewChange, previewPause, previewRenewal, previewResume, previewSchedule, previewScheduleChange, previewStart, type Preview } from '../../billing/subscription/preview.ts';
import { momentOn, type Context, type Json } from '../../server/context.ts';
import { agrees, covers } from '../../server/http/agreement.ts';
import { missing } from '../../server/http/errors.ts';
import { boolean, choice, clearable, currency, fields, id, list, metadata, oneOf, required, timestamp, unsupported, type Params } from '../../server/http/params.ts';
import { hasPaid } from '../charges/rows.ts';
import { lockCustomer } from '../customers/rows.ts';
import { renderPreview } from '../invoices/resource.ts';
import { scheduleDetails } from '../subscription_schedules/params.ts';
import { changeAsked, lockSchedule, newAsked, schedulesById, startFacts } from '../subscription_schedules/rows.ts';
import { billingMode, readCatalogue, type ItemGiven } from './asked.ts';
import { changeOrder, pauseOrder, startOrder } from './commands.ts';
import { previewFacts, lockSubscription, surroundings, usedThisSecond, type Locked } from './facts.ts';
import { readTerms } from './phases.ts';
import { automaticTax, cancelAt, changedItem, createSubscription, discounts, pausing, prorationBehavior, taxRates, updateSubscription } from './params.ts';
import { previewItem, withItems, withPending } from './preview_items.ts';
import { ongoingOf, pendingOfOne } from './rows.ts';


/** What a preview is made of, for requests that say more about it. */
export const previewFields = {
  automatic_tax: automaticTax,
  currency: currency(),
  customer: id('cus'),
  customer_account: unsupported('customers are named by `customer`'),
  customer_details: fields({
    address: unsupported('an address changes no amount: taxes are by tax rates'),
    shipping: unsupported('an address changes no amount: taxes are by tax rates'),
    tax: unsupported('location-based tax is not implemented'),
    tax_exempt: clearable(choice('exempt', 'none', 'reverse')),
    tax_ids: unsupported('tax ids change no amount'),
  }),
  discounts: clearable(discounts),
  invoice_items: list(previewItem, { max: 250 }),
  issuer: unsupported('Kontor serves one account: there are no connected ones'),
  on_behalf_of: unsupported('Kontor serves one account: there are no connected ones'),
  preview_mode: choice('next'),
  schedule: id('sub_sched'),
  schedule_details: scheduleDetails,
  subscription: id('sub'),
  subscription_details: fields({
    billing_cycle_anchor: fields({ timestamp: timestamp(), type: required(choice('now', 'timestamp', 'unchanged')) }),
    billing_mode: fields({ flexible: fields({ proration_discounts: choice('included', 'itemized') }), type: required(choice('classic', 'flexible')) }),
    billing_schedules: unsupported('billing several periods ahead is not implemented'),
    cancel_at: clearable(cancelAt),
    cancel_at_period_end: boolean(),
    cancel_now: boolean(),
    default_tax_rates: taxRates,
    items: list(changedItem, { max: 40 }),
    metadata: metadata(),
    pause: fields({ ...pausing, type: choice('subscription') }),
    proration_behavior: prorationBehavior,
    proration_date: timestamp(),
    resume_at: choice('now'),
    start_date: timestamp(),
    trial_end: oneOf(choice('now'), timestamp()),
  }),
};
export const createPreview = fields(previewFields);
covers<Stripe.InvoiceCreatePreviewParams, typeof createPreview>(true);
agrees<Stripe.InvoiceCreatePreviewParams, typeof createPreview>(true);

type Given = Params<typeof createPreview>;
type Details = NonNullable<Given['subscription_details']>;
type ScheduleDetails = NonNullable<Given['schedule_details']>;

const inDetails = (param: string): string => `subscription_details[${param}]`;
const inSchedule = (param: string): string => `schedule_details[${param}]`;

/** What is refused of the details is named as it was spelt here: `items[0][price]` is `subscription_details[items][0][price]`. */
async function inside<T>(details: object, work: () => Promise<T>, at = inDetails): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const [, name, rest] = (error instanceof Refusal && /^([^[]+)(.*)$/s.exec(error.param ?? '')) || [];
    if (!(error instanceof Refusal) || name === undefined || !(name in details)) throw error;
    throw new Refusal(error.code, error.message, `${at(name)}${rest}`, error.details);
  }
}

/** The customer with what the caller would change of it. */
const asGiven = (customer: CustomerWhole, { customer_details }: Given): CustomerWhole =>
  customer_details?.tax_exempt === undefined ? customer : { ...customer, tax_exempt: customer_details.tax_exempt ?? 'none' };

/** What would be billed, with what of it is stored nowhere: the subscription as it would be then, and the prices that were given for it. `at` is the moment at which it was looked. */
export type Previewed = Pick<Preview, 'invoice' | 'begun'> & { subscription: SubscriptionWhole | null; prices: readonly PriceRow[]; at: Instant };

async function withGiven(ctx: Context, given: Given, preview: Preview | null, customer: CustomerWhole, moment: Moment): Promise<Previewed> {
  const { invoice_items = [] } = given;
  const subscription = preview?.subscription ?? null;
  const prices = subscription?.items.map((item) => item.terms) ?? [];
  if (invoice_items.length > 0) {
    const made = await withItems(ctx, invoice_items, preview?.invoice ?? null, customer, given, moment);
    return { ...preview, invoice: made.invoice, subscription, prices: [...prices, ...made.prices], at: moment.now };
  }
  if (!preview) return refuse('invoice_upcoming_none', 'There is no invoice to come: nothing would be billed.', undefined, { status: 404 });
  return { ...preview, prices, at: moment.now };
}

async function ofChange(ctx: Context, given: Given, locked: Locked, details: Details): Promise<Preview | null> {
  const { billing_cycle_anchor: anchor, cancel_now, start_date, billing_mode, pause, resume_at, ...rest } = details;
  if (start_date !== undefined) refuse(undefined, 'This subscription has started: `start_date` is for a new one.', inDetails('start_date'));
  if (anchor?.type === 'timestamp') refuse(undefined, 'A subscription that has started is anchored anew `now`, or at the end of a trial.', inDetails('billing_cycle_anchor'));
  const all = await previewFacts(ctx, locked);
  const facts = { ...all, customer: asGiven(all.customer, given), subscription: billing_mode ? { ...all.subscription, billing_mode: billingMode(billing_mode) } : all.subscription };
  if (cancel_now) return previewCancel({ prorate: details.proration_behavior !== 'none' }, facts, locked.moment);
  if (pause && Object.keys(pause).length > 0) return previewPause(pauseOrder(pause), facts, locked.moment);
  if (resume_at) {
    const { proration_behavior, proration_date = null } = details;
    return previewResume({ billing_cycle_anchor: anchor?.type ?? 'now', proration_behavior, proration_date, payment_behavior: 'resume_on_payment_attempt' }, facts, locked.moment);
  }
  const change = { ...updateSubscription.read({}, '', 'form'), ...rest, ...(given.discounts !== undefined && { discounts: given.discounts }), ...(anchor && { billing_cycle_anchor: { type: anchor.type as 'now' | 'unchanged' } }) };
  const catalogue = await readCatalogue(ctx, change, locked.moment);
  const order = changeOrder(change, catalogue, undefined);
  refuseManaged(order, locked.subscription);
  return previewChange(order, { ...facts, this_second: await usedThisSecond(ctx, locked, order) }, locked.moment);
}

async function ofStart(ctx: Context, given: Given, customer: CustomerWhole, details: Details): Promise<Preview | null> {
  const { billing_cycle_anchor: anchor, start_date, cancel_now, proration_date, cancel_at, pause, resume_at, items = [], ...rest } = details;
  if (cancel_now) refuse(undefined, 'There is nothing to cancel: name a `subscription`.', inDetails('cancel_now'));
  if (pause || resume_at) refuse(undefined, 'There is nothing to pause or to resume: name a `subscription`.', inDetails(pause ? 'pause' : 'resume_at'));
  if (proration_date !== undefined) refuse(undefined, 'A new subscription prorates nothing.', inDetails('proration_date'));
  const moment = await momentOn(ctx, customer.test_clock);
  const start = {
    ...createSubscription.read({ customer: customer.id, items: [{}] }, '', 'form'),
    ...rest,
    items: items as ItemGiven[],
    customer: customer.id,
    ...(given.currency !== undefined && { currency: given.currency }),
    ...(given.discounts !== undefined && { discounts: given.discounts }),
    ...(cancel_at !== undefined && cancel_at !== null && { cancel_at }),
    ...(anchor?.type === 'timestamp' && { billing_cycle_anchor: anchor.timestamp }),
    ...(start_date !== undefined && { backdate_start_date: start_date }),
  };
  const catalogue = await readCatalogue(ctx, start, moment);
  const around = (await surroundings(ctx, [customer]))(asGiven(customer, given));
  const facts = { ...around, subscriptions: 0, first_time: !(await hasPaid(ctx.tx, customer.id)), pending: await pendingOfOne(ctx.tx, customer.id) };
  return previewStart(startOrder(start, customer, catalogue, null), facts, moment);
}

/** Of the customer's subscriptions, the invoice that comes first. */
async function ofCustomer(ctx: Context, given: Given, customer: CustomerWhole): Promise<Preview | null> {
  const ongoing = (await ongoingOf(ctx.tx, customer.id)).filter((each) => nextMoment(each) !== null).sort((a, b) => nextMoment(a)! - nextMoment(b)!);
  const [first] = ongoing;
  return first ? ofSubscription(ctx, given, await lockSubscription(ctx, first.id)) : null;
}

async function ofSubscription(ctx: Context, given: Given, locked: Locked): Promise<Preview | null> {
  if (hasEnded(locked.subscription)) return null;
  if (given.subscription_details || given.discounts !== undefined) {
    const details = given.subscription_details ?? { proration_behavior: 'create_prorations' as const };
    return inside(details, () => ofChange(ctx, given, locked, details));
  }
  const facts = await previewFacts(ctx, locked);
  return previewRenewal({ ...facts, customer: asGiven(facts.customer, given) }, locked.moment);
}

/** What is previewed of a schedule is previewed of it alone. */
function refuseBeside(given: Given): void {
  const beside = (['subscription', 'subscription_details', 'discounts'] as const).find((name) => given[name] !== undefined);
  if (beside !== undefined) refuse('parameters_exclusive', 'What a schedule bills is previewed as it is, or by its `schedule_details`: give the schedule alone, or the `subscription`.', beside);
}

/** What a schedule that is not made yet would bill first. */
async function ofNewSchedule(ctx: Context, given: Given, details: ScheduleDetails): Promise<Previewed> {
  refuseBeside(given);
  const customer = await lockCustomer(ctx, given.customer ?? refuse('parameter_missing', 'Say whose schedule is to be previewed: give `customer`, or the `schedule` that would change.', 'customer'), 'customer');
  const moment = await momentOn(ctx, customer.test_clock);
  return inside({ phases: undefined, ...details }, async () => {
    const { proration_behavior: _of_changes, ...rest } = details;
    const start_date = details.phases?.[0]?.start_date ?? 'now';
    if (start_date !== 'now' && start_date < moment.now) refuse(undefined, 'A schedule starts now or later.', 'phases[0][start_date]');
    const { order, named } = await newAsked(ctx, { ...rest, start_date }, customer, moment);
    const facts = (await startFacts(ctx, [customer]))(asGiven(customer, given));
    const schedule = newSchedule(order, facts, named, moment);
    const then = { ...moment, now: schedule.phases[0]!.start_date };
    return withGiven(ctx, given, previewSchedule(schedule, schedule.phases.map(named.terms), facts, then), facts.customer, then);
  }, inSchedule);
}

/** What a schedule would bill next if it were changed so. */
async function ofChangedSchedule(ctx: Context, given: Given, id: string, { billing_mode, ...details }: ScheduleDetails): Promise<Previewed> {
  const { schedule: stored, customer, moment, running: locked } = await lockSchedule(ctx, id);
  return inside({ billing_mode, ...details }, async () => {
    const mode = billing_mode && { billing_mode: billingMode(billing_mode) };
    const schedule = { ...stored, ...mode };
    const { order, named } = await changeAsked(ctx, details, schedule, customer, moment);
    const all = locked && (await previewFacts(ctx, locked));
    const buyer = asGiven(customer, given);
    const running = all && { ...all, customer: buyer, subscription: { ...all.subscription, ...mode } };
    const preview = previewScheduleChange(order, { schedule, named, running, starting: (await startFacts(ctx, [customer]))(buyer) }, moment);
    return withGiven(ctx, given, preview, buyer, { ...moment, now: Math.max(moment.now, preview?.subscription.start_date ?? 0) });
  }, inSchedule);
}

/** What a schedule bills next: its subscription, or where it has not begun, what that will begin with. */
async function ofSchedule(ctx: Context, { schedule: _schedule, ...given }: Given, id: string): Promise<Previewed> {
  const [first] = await schedulesById(ctx.tx, [id]);
  const whose = first ?? missing('subscription schedule', id, 'schedule');
  refuseBeside(given);
  if (given.customer !== undefined && given.customer !== whose.customer) refuse(undefined, `The schedule ${id} is another customer's.`, 'customer');
  if (given.schedule_details) return ofChangedSchedule(ctx, given, id, given.schedule_details);
  const customer = await lockCustomer(ctx, whose.customer, 'customer');
  const [schedule] = await schedulesById(ctx.tx, [id]);
  if (schedule!.status === 'active') return previewOf(ctx, { ...given, subscription: schedule!.subscription! });
  const now = await momentOn(ctx, customer.test_clock);
  const moment = { ...now, now: Math.max(now.now, schedule!.phases[0]!.start_date) };
  if (schedule!.status !== 'not_started') return withGiven(ctx, given, null, asGiven(customer, given), now);
  const { named } = await readTerms(ctx, schedule!.phases, moment);
  const facts = (await startFacts(ctx, [customer]))(asGiven(customer, given));
  const preview = previewSchedule(schedule!, schedule!.phases.map(named.terms), facts, moment);
  return withGiven(ctx, given, preview, asGiven(customer, given), moment);
}

/** What would be billed. Refuses where that is nothing. */
export async function previewOf(ctx: Context, given: Given): Promise<Previewed> {
  if (given.schedule !== undefined) return ofSchedule(ctx, given, given.schedule);
  if (given.schedule_details) return ofNewSchedule(ctx, given, given.schedule_details);
  if (given.subscription !== undefined) {
    const locked = await lockSubscription(ctx, given.subscription, 'subscription');
    if (given.customer !== undefined && given.customer !== locked.customer.id) refuse(undefined, `The subscription ${given.subscription} is another customer's.`, 'customer');
    return withGiven(ctx, given, await ofSubscription(ctx, given, locked), asGiven(locked.customer, given), locked.moment);
  }
  if (given.customer === undefined) return refuse('parameter_missing', 'Say whose invoice is to be previewed: give `customer` or `subscription`.', 'customer');
  const customer = await lockCustomer(ctx, given.customer, 'customer');
  const details = given.subscription_details;
  const preview = details?.items ? await inside(details, () => ofStart(ctx, given, customer, details)) : await ofCustomer(ctx, given, customer);
  const moment = await momentOn(ctx, customer.test_clock);
  const alone = preview || details?.items || given.invoice_items?.length ? null : await withPending(ctx, asGiven(customer, given), given, moment);
  return alone ? { invoice: alone, subscription: null, prices: [], at: moment.now } : withGiven(ctx, given, preview, asGiven(customer, given), moment);
}

export async function preview(ctx: Context, given: Given): Promise<Json> {
  return renderPreview((await previewOf(ctx, given)).invoice, ctx.world);
}
