import type { CustomerWhole } from '../../billing/customer/customer.ts';
import { refuse, together, type Decision, type Moment } from '../../billing/decision.ts';
import { mergeMetadata } from '../../billing/metadata.ts';
import { cancelSchedule, editSchedule, releaseSchedule, settled, type DefaultsGiven } from '../../billing/schedule/edit.ts';
import type { PhaseAsked } from '../../billing/schedule/lay.ts';
import type { DefaultSettings, ScheduleRow } from '../../billing/schedule/schedule.ts';
import { createSchedule, scheduleOf } from '../../billing/schedule/start.ts';
import { commit } from '../../server/commit.ts';
import { momentOn, type Context, type Json } from '../../server/context.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import type { Answer } from '../../server/http/route.ts';
import { page, renderList } from '../../server/lists.ts';
import { lockCustomer } from '../customers/rows.ts';
import { resolvePaymentMethod } from '../payment_methods/rows.ts';
import { billingMode, changeFacts, lockSubscription, readTerms, unpaidOf, thresholdsOf, type Catalogue } from '../subscriptions/rows.ts';
import { lockSchedule, startFacts, type LockedSchedule } from './facts.ts';
import type * as params from './params.ts';
import { renderSchedule } from './resource.ts';
import { matching, schedulesById, wholeSchedules } from './rows.ts';

type Created = Params<typeof params.createSchedule>;
type Updated = Params<typeof params.updateSchedule>;
type PhaseGiven = NonNullable<Updated['phases']>[number];

const answer = (id: string): Answer => ({ ref: { object: 'subscription_schedule', id } });

const DEFAULTS: DefaultSettings = {
  billing_cycle_anchor: 'automatic', collection_method: 'charge_automatically', default_payment_method: null, description: null,
  invoice_settings: { custom_fields: null, days_until_due: null, description: null, footer: null },
};

function endBehavior(given: Created['end_behavior']): ScheduleRow['end_behavior'] | undefined {
  if (given === 'none' || given === 'renew') return refuse('parameter_unknown', `Kontor does not support \`${given}\`: a schedule ends by \`cancel\` or \`release\`.`, 'end_behavior');
  return given;
}

type Methods = { idOf(given: string | undefined): string | null; made: Decision };

/** The payment methods that the default settings and the phases name, as the customer's. */
async function methodsOf(ctx: Context, given: Pick<Updated, 'default_settings' | 'phases'>, customer: CustomerWhole, moment: Moment): Promise<Methods> {
  const named = [{ id: given.default_settings?.default_payment_method, at: 'default_settings' }, ...(given.phases ?? []).map((phase, n) => ({ id: phase.default_payment_method, at: `phases[${n}]` }))];
  const known = new Map<string, string>();
  const made: Decision[] = [];
  for (const { id, at } of named) {
    if (id === undefined || known.has(id)) continue;
    const resolved = await resolvePaymentMethod(ctx, id, { customer: customer.id, moment, param: `${at}[default_payment_method]` });
    known.set(id, resolved.method.id);
    made.push(resolved.decision);
  }
  return { idOf: (id) => (id === undefined ? null : known.get(id)!), made: together(made) };
}

/** Keys with an empty value stay in a phase: they are taken away from the subscription when it begins. */
const unmerged = (given: Record<string, string> | '' | undefined) => given || {};

function periodOf(given: NonNullable<PhaseGiven['add_invoice_items']>[number]['period'], param: string) {
  const { start = { type: 'max_item_period_start' as const }, end = { type: 'min_item_period_end' as const } } = given ?? {};
  for (const [name, edge] of [['start', start], ['end', end]] as const) {
    if (edge.type === 'timestamp' && edge.timestamp === undefined) refuse('parameter_missing', 'A `timestamp` is needed where the type says so.', `${param}[period][${name}][timestamp]`);
  }
  return { start, end };
}

function phaseAsked(given: PhaseGiven, n: number, customer: CustomerWhole, catalogue: Catalogue, methods: Methods): PhaseAsked {
  const param = `phases[${n}]`;
  const { items, add_invoice_items = [], default_tax_rates, invoice_settings } = given;
  const [first] = items;
  const price = first?.price === undefined ? undefined : catalogue.prices.get(first.price);
  return {
    param,
    currency: given.currency ?? (customer.currency !== null && price?.currency_options?.[customer.currency] ? customer.currency : null),
    start_date: given.start_date, end_date: given.end_date, duration: given.duration, trial: given.trial, trial_end: given.trial_end,
    items: items.map((item, m) => ({ ...catalogue.newItem(item, `${param}[items][${m}]`), metadata: unmerged(item.metadata) })),
    add_invoice_items: add_invoice_items.map(({ period, ...item }, m) => {
      const at = `${param}[add_invoice_items][${m}]`;
      return { ...catalogue.addedOnce(item, at), period: periodOf(period, at) };
    }),
    discounts: catalogue.discountsOf(given.discounts, `${param}[discounts]`),
    default_tax_rates: default_tax_rates === undefined ? null : catalogue.ratesOf(default_tax_rates, `${param}[default_tax_rates]`).map((rate) => rate.id),
    billing_cycle_anchor: given.billing_cycle_anchor ?? null,
    billing_thresholds: thresholdsOf(given.billing_thresholds) ?? null,
    collection_method: given.collection_method ?? null,
    default_payment_method: methods.idOf(given.default_payment_method),
    description: given.description ?? null,
    invoice_settings: invoice_settings ? { ...DEFAULTS.invoice_settings, ...invoice_settings } : null,
    metadata: unmerged(given.metadata),
    proration_behavior: given.proration_behavior,
  };
}

function defaultsOf(given: Updated['default_settings'], methods: Methods): DefaultsGiven | undefined {
  if (given === undefined) return undefined;
  const { automatic_tax: _off, billing_thresholds, default_payment_method, ...rest } = given;
  return {
    ...rest,
    ...(billing_thresholds !== undefined && { billing_thresholds: thresholdsOf(billing_thresholds) }),
    ...(default_payment_method !== undefined && { default_payment_method: methods.idOf(default_payment_method) }),
  };
}

export async function create(ctx: Context, given: Created): Promise<Answer> {
  if (given.from_subscription !== undefined) return adopt(ctx, given, given.from_subscription);
  const { customer: whose = refuse('parameter_missing', 'Say for whom the schedule is: give `customer`, or `from_subscription`.', 'customer') } = given;
  const customer = await lockCustomer(ctx, whose, 'customer');
  const moment = await momentOn(ctx, customer.test_clock);
  const phases = given.phases ?? refuse('parameter_missing', 'A schedule has at least one phase.', 'phases');
  const methods = await methodsOf(ctx, given, customer, moment);
  const { catalogue, named } = await readTerms(ctx, [], moment, phases);
  const order = {
    start_date: given.start_date ?? 'now',
    end_behavior: endBehavior(given.end_behavior) ?? 'release',
    billing_mode: billingMode(given.billing_mode),
    default_settings: settled(DEFAULTS, defaultsOf(given.default_settings, methods)),
    metadata: mergeMetadata({}, given.metadata),
    phases: phases.map((phase, n) => phaseAsked(phase, n, customer, catalogue, methods)),
  };
  const made = createSchedule(order, (await startFacts(ctx, [customer]))(customer), named, moment);
  await commit(ctx, together([methods.made, ...catalogue.made, made]));
  return answer(made.schedule.id);
}

/** A schedule of a subscription that runs is made of that alone; what is to come is said by a change of it. */
async function adopt(ctx: Context, { from_subscription: _from, ...rest }: Created, subscription: string): Promise<Answer> {
  const [more] = Object.entries(rest).filter(([, value]) => value !== undefined).map(([name]) => name);
  if (more !== undefined) refuse(undefined, 'A schedule that is made `from_subscription` takes everything from there. Make it first, then change it.', more);
  const locked = await lockSubscription(ctx, subscription, 'from_subscription');
  const made = scheduleOf(locked.subscription, locked.moment);
  await commit(ctx, made);
  return answer(made.schedule.id);
}

export async function update(ctx: Context, given: Updated, path: { schedule: string }): Promise<Answer> {
  const locked = await lockSchedule(ctx, path.schedule);
  const { schedule, customer, moment } = locked;
  const methods = await methodsOf(ctx, given, customer, moment);
  const { catalogue, named } = await readTerms(ctx, schedule.phases, moment, given.phases);
  const order = {
    default_settings: defaultsOf(given.default_settings, methods),
    end_behavior: endBehavior(given.end_behavior),
    metadata: given.metadata,
    phases: given.phases?.map((phase, n) => phaseAsked(phase, n, customer, catalogue, methods)),
    proration_behavior: given.proration_behavior,
  };
  const facts = { schedule, named, running: locked.running && (await changeFacts(ctx, locked.running)), starting: (await startFacts(ctx, [customer]))(customer) };
  await commit(ctx, together([methods.made, ...catalogue.made, editSchedule(order, facts, moment)]));
  return answer(schedule.id);
}

const runningFacts = async (ctx: Context, { running }: LockedSchedule) => running && { ...(await changeFacts(ctx, running)), unpaid: await unpaidOf(ctx.tx, [running.subscription.id]) };

export async function cancel(ctx: Context, given: Params<typeof params.cancelSchedule>, path: { schedule: string }): Promise<Answer> {
  const locked = await lockSchedule(ctx, path.schedule);
  await commit(ctx, cancelSchedule(given, locked.schedule, await runningFacts(ctx, locked), locked.moment));
  return answer(path.schedule);
}

export async function release(ctx: Context, given: Params<typeof params.releaseSchedule>, path: { schedule: string }): Promise<Answer> {
  const { schedule, running, moment } = await lockSchedule(ctx, path.schedule);
  await commit(ctx, releaseSchedule(given, schedule, running && running.subscription, moment));
  return answer(path.schedule);
}

export async function retrieve(ctx: Context, _given: object, path: { schedule: string }): Promise<Json> {
  const [found] = await schedulesById(ctx.tx, [path.schedule]);
  return renderSchedule(found ?? missing('subscription schedule', path.schedule), ctx.world);
}

export async function list(ctx: Context, given: Params<typeof params.listSchedules>): Promise<Json> {
  const { data, has_more } = await page<ScheduleRow>(ctx, 'subscription_schedules', 'subscription schedule', matching(given), given);
  return renderList('/v1/subscription_schedules', (await wholeSchedules(ctx.tx, data)).map((each) => renderSchedule(each, ctx.world)), has_more);
}
