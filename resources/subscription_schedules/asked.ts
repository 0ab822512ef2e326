/** From parameters to orders: schedules and their phases as they are asked for, with what they name read, or refused by name. */
import type { CustomerWhole } from '../../billing/customer/customer.ts';
import { refuse, together, type Decision, type Moment } from '../../billing/decision.ts';
import { mergeMetadata } from '../../billing/metadata.ts';
import { settled, type DefaultsGiven, type ScheduleChange } from '../../billing/schedule/edit.ts';
import type { PhaseAsked } from '../../billing/schedule/lay.ts';
import type { DefaultSettings, ScheduleRow, ScheduleWhole } from '../../billing/schedule/schedule.ts';
import type { Named, ScheduleOrder } from '../../billing/schedule/start.ts';
import type { Context } from '../../server/context.ts';
import type { Params } from '../../server/http/params.ts';
import { resolvePaymentMethod } from '../payment_methods/rows.ts';
import { billingMode, readTerms, thresholdsOf, type Catalogue } from '../subscriptions/rows.ts';
import type * as params from './params.ts';

type Created = Params<typeof params.createSchedule>;
type Updated = Params<typeof params.updateSchedule>;
type PhaseGiven = NonNullable<Updated['phases']>[number];

/** An order, what it names, and what is made on the way to it. */
type Asked<Order> = { order: Order; named: Named; made: Decision[] };

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

/** A new schedule for a customer. */
export async function newAsked(ctx: Context, given: Omit<Created, 'phases'> & Pick<Updated, 'phases'>, customer: CustomerWhole, moment: Moment): Promise<Asked<ScheduleOrder>> {
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
  return { order, named, made: [methods.made, ...catalogue.made] };
}

/** A change of a schedule. */
export async function changeAsked(ctx: Context, given: Updated, schedule: ScheduleWhole, customer: CustomerWhole, moment: Moment): Promise<Asked<ScheduleChange>> {
  const methods = await methodsOf(ctx, given, customer, moment);
  const { catalogue, named } = await readTerms(ctx, schedule.phases, moment, given.phases);
  const order = {
    default_settings: defaultsOf(given.default_settings, methods),
    end_behavior: endBehavior(given.end_behavior),
    metadata: given.metadata,
    phases: given.phases?.map((phase, n) => phaseAsked(phase, n, customer, catalogue, methods)),
    proration_behavior: given.proration_behavior,
  };
  return { order, named, made: [methods.made, ...catalogue.made] };
}
