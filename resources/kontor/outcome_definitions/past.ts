/** A definition is tried on the past, without a trace. */
import { refuse, type Instant } from '../../../billing/decision.ts';
import type { PriceRow } from '../../../billing/catalog.ts';
import type { Period } from '../../../billing/calendar.ts';
import { termsOf } from '../../../billing/outcome/define.ts';
import type { DefinitionWhole, Terms as DefinitionTerms, VersionRow } from '../../../billing/outcome/definition.ts';
import { costOf, wouldCount, type Counted, type PastSubject, type Terms } from '../../../billing/outcome/preview.ts';
import { termsIn } from '../../../billing/subscription/lines.ts';
import { fullPeriod } from '../../../billing/subscription/periods.ts';
import type { SubscriptionRow } from '../../../billing/subscription/subscription.ts';
import { realMoment, type Context, type Json } from '../../../server/context.ts';
import { int8s } from '../../../server/database/arrays.ts';
import { rows, sql } from '../../../server/database/sql.ts';
import { missing } from '../../../server/http/errors.ts';
import type { Params } from '../../../server/http/params.ts';
import { minor } from '../../../server/http/wire.ts';
import { eventsOf, type StoredEvent } from '../../../server/usage/events.ts';
import { seriesOf } from '../../../server/usage/keys.ts';
import { pricesById } from '../../prices/rows.ts';
import { aroundOf } from './commands.ts';
import type * as params from './params.ts';
import { definitionsById } from './rows.ts';

/** So many events are judged at once, of so many days at most: a year and the days by which events may be late. */
const MOST_EVENTS = 200_000;
const MOST_DAYS = 400;

type Given = Params<typeof params.previewDefinition>;
type Tried = { known: DefinitionWhole | null; subject_key: string; terms: DefinitionTerms };

/** What is tried: the terms that are given, or the newest version of the definition that is named. */
async function triedOf(ctx: Context, { definition, definition_data: data }: Given): Promise<Tried> {
  if (definition === undefined && data === undefined) refuse('parameter_missing', 'Say what to try: the `definition` that there is, `definition_data`, or both.', 'definition_data');
  const known = definition === undefined ? null : ((await definitionsById(ctx.tx, [definition]))[0] ?? missing('outcome definition', definition, 'definition'));
  if (data === undefined) return { known, subject_key: known!.subject_key, terms: known!.versions.at(-1)! };
  const subject_key = data.subject_key ?? known?.subject_key ?? refuse('parameter_missing', 'Say which key of the payload names the unit of work.', 'definition_data[subject_key]');
  const around = { ...(await aroundOf(ctx, data, false)), definitions: [] };
  const about = { id: 'preview', display_name: 'Preview', customer_key: 'stripe_customer_id', ...known, subject_key };
  const { terms } = termsOf(data, known?.versions ?? [], about, { ...around, meters: [] }, realMoment(ctx.app));
  return { known, subject_key, terms };
}

/** What an event says beside whom and what it is about, which is what rules look at. */
const saidOf = ({ payload }: StoredEvent, ...keys: string[]): Record<string, string> => Object.fromEntries(Object.entries(payload).filter(([name]) => !keys.includes(name)));

/** By what the events of these names of a customer are looked up: those that no meter counted are of the name's series, the others of that of the meter. */
async function seriesOfNames(ctx: Context, names: readonly string[], customer: string): Promise<bigint[]> {
  const meters = await rows<{ id: string }>(ctx.tx, sql`select id from meters where event_name = any(${names}::text[])`);
  return [...names.map((name) => seriesOf(ctx.world.id, null, name, customer)), ...meters.map(({ id }) => seriesOf(ctx.world.id, id, '', customer))];
}

/** The past events of these names, by customer and subject. */
async function pastOf(ctx: Context, names: readonly string[], key: string, customer_key: string, { start, end }: Period, customer: string | undefined): Promise<PastSubject[]> {
  const one = customer === undefined ? sql`` : sql`and e.customer = ${customer} and e.series = any(${int8s(await seriesOfNames(ctx, names, customer))}::bigint[])`;
  const found = await eventsOf(ctx.tx, sql`from meter_events e where e.event_name = any(${names}::text[]) and e.timestamp >= to_timestamp(${start}::bigint) and e.timestamp < to_timestamp(${end}::bigint) ${one} limit ${MOST_EVENTS + 1}`);
  if (found.length > MOST_EVENTS) refuse(undefined, `There are more than ${MOST_EVENTS} such events between \`from\` and \`to\`. Look at a shorter time, or at one customer.`, 'from');
  const subjects = Map.groupBy(found.filter((event) => (event.payload[key] ?? '') !== ''), (event) => `${event.customer}\x1f${event.payload[key]}`);
  return [...subjects.values()].map((events) => ({
    customer: events[0]!.customer,
    subject: events[0]!.payload[key]!,
    events: events.map((event) => ({ name: event.event_name, identifier: event.identifier, at: event.timestamp, payload: saidOf(event, key, customer_key), ...(event.canceled && { canceled: true as const }) })),
  }));
}

/** What was counted on the meters of a definition. */
async function wasCounted(ctx: Context, definition: DefinitionWhole | null, { start, end }: Period, customer: string | undefined): Promise<Counted[]> {
  if (definition === null) return [];
  const one = customer === undefined ? sql`` : sql`and customer = ${customer}`;
  return rows<Counted>(ctx.tx, sql`select customer, outcome, counted_at as at from outcomes where definition = ${definition.id} and counted_at >= to_timestamp(${start}::bigint) and counted_at < to_timestamp(${end}::bigint) ${one}`);
}

type Subscribed = Pick<SubscriptionRow, 'customer' | 'currency' | 'billing_cycle_anchor' | 'billing_cycle_anchor_config'> & { price: string };

/** The prices of customers for what meters count, with the subscriptions by whose periods they pay. */
async function subscribedTo(ctx: Context, meters: readonly string[]): Promise<(Subscribed & { terms: PriceRow })[]> {
  const found = await rows<Subscribed>(
    ctx.tx,
    sql`select distinct on (s.customer, p.meter) s.customer, s.currency, s.billing_cycle_anchor, s.billing_cycle_anchor_config, i.price
        from subscription_items i join subscriptions s on s.id = i.subscription join prices p on p.id = i.price
        where p.meter = any(${meters}::text[]) and not i.deleted and s.status not in ('canceled', 'incomplete_expired') order by s.customer, p.meter, i.created`,
  );
  const prices = new Map((await pricesById(ctx.tx, [...new Set(found.map((each) => each.price))])).map((price) => [price.id, price]));
  return found.map((each) => ({ ...each, terms: prices.get(each.price)! }));
}

/** The periods of a subscription that begin before the end of a time and end after its start. */
function periodsOf(of: Subscribed, terms: PriceRow, { start, end }: Period): Period[] {
  const periods: Period[] = [];
  for (let at: Instant = start; at < end; at = periods.at(-1)!.end) periods.push(fullPeriod(of, terms, at));
  return periods;
}

type Names = { customer: string; outcome: string };

export async function preview(ctx: Context, given: Given): Promise<Json> {
  const { from: start, to: end = ctx.app.clock.now(), customer } = given;
  if (end <= start) refuse(undefined, '`to` must be later than `from`.', 'to');
  if (end - start > MOST_DAYS * 86_400) refuse(undefined, `At most ${MOST_DAYS} days are looked at; from \`from\` to \`to\` it is more.`, 'from');
  const span = { start, end };
  const { known, subject_key, terms } = await triedOf(ctx, given);
  const version: VersionRow = { ...terms, id: 'preview', created: end, definition: known?.id ?? 'preview', version: 0, effective_from: null };
  const subjects = await pastOf(ctx, [...new Set(terms.rules.map((rule) => rule.event_name))], subject_key, known?.customer_key ?? 'stripe_customer_id', span, customer);
  const would = wouldCount(version, subjects, span);
  const was = await wasCounted(ctx, known, span, customer);
  const payers = await subscribedTo(ctx, [...new Set([...terms.outcomes, ...(known?.versions.flatMap((each) => each.outcomes) ?? [])].map((kind) => kind.meter))]);
  const asked = new Map((given.prices ?? []).map(({ outcome, price }) => [outcome, price]));
  const others = new Map((await pricesById(ctx.tx, [...asked.values()])).map((price) => [price.id, price]));
  for (const [n, { outcome, price }] of (given.prices ?? []).entries()) {
    if (!terms.outcomes.some((kind) => kind.name === outcome)) refuse(undefined, `There is no outcome \`${outcome}\`; there are ${terms.outcomes.map(({ name }) => `\`${name}\``).join(', ')}.`, `prices[${n}][outcome]`);
    if (!others.has(price)) missing('price', price, `prices[${n}][price]`);
  }
  const meterOf = (outcome: string) => [...terms.outcomes, ...(known?.versions.toReversed().flatMap((each) => each.outcomes) ?? [])].find((kind) => kind.name === outcome)!.meter;
  const paying = new Map(payers.map((each) => [`${each.customer} ${each.terms.meter}`, each]));
  const own = ({ customer: payer, outcome }: Names): Terms | null => {
    const found = paying.get(`${payer} ${meterOf(outcome)}`);
    const priced = found && termsIn(found.terms, found.currency);
    return found && priced ? { price: found.price, currency: found.currency, terms: priced, periods: periodsOf(found, found.terms, span) } : null;
  };
  const tried = (names: Names): Terms | null => {
    const [other, paid] = [others.get(asked.get(names.outcome) ?? ''), own(names)];
    if (!other) return paid;
    const currency = paid?.currency ?? other.currency;
    const priced = termsIn(other, currency);
    return priced && { price: other.id, currency, terms: priced, periods: paid?.periods ?? [span] };
  };
  const nameOf = ({ customer: payer, outcome }: Names) => `${payer} ${outcome}`;
  const names = [...new Map([...would, ...was].map(({ customer: payer, outcome }) => [nameOf({ customer: payer, outcome }), { customer: payer, outcome }])).values()].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const [all, earlier] = [Map.groupBy(would, nameOf), Map.groupBy(was, nameOf)];
  const entries = names.map((each) => {
    const [now, before, mine, theirs] = [all.get(nameOf(each)) ?? [], earlier.get(nameOf(each)) ?? [], tried(each), own(each)];
    return { ...each, currency: mine?.currency ?? null, price: mine?.price ?? null, count: now.length, amount: mine && costOf(now, mine), was_count: before.length, was_amount: theirs && costOf(before, theirs) };
  });
  return {
    object: 'kontor.outcome_preview',
    data: entries.map(({ amount, was_amount, ...each }) => ({ ...each, amount: amount === null ? null : minor(amount), was_amount: was_amount === null ? null : minor(was_amount) })),
    definition: known?.id ?? null,
    events: subjects.reduce((sum, each) => sum + each.events.length, 0),
    from: start,
    livemode: ctx.world.livemode,
    subjects: subjects.length,
    to: end,
    totals: totalsOf(entries),
  };
}

/** Sums by outcome and currency. What has no price has no sum of money. */
function totalsOf(entries: readonly { outcome: string; currency: string | null; count: number; amount: bigint | null; was_count: number; was_amount: bigint | null }[]): Json[] {
  const sum = (amounts: readonly (bigint | null)[]) => (amounts.every((amount) => amount === null) ? null : minor(amounts.reduce<bigint>((all, amount) => all + (amount ?? 0n), 0n)));
  return [...Map.groupBy(entries, (each) => `${each.outcome} ${each.currency}`).values()].map((group) => ({
    amount: sum(group.map((each) => each.amount)),
    count: group.reduce((all, each) => all + each.count, 0),
    currency: group[0]!.currency,
    outcome: group[0]!.outcome,
    was_amount: sum(group.map((each) => each.was_amount)),
    was_count: group.reduce((all, each) => all + each.was_count, 0),
  }));
}
