/** A definition is tried on the past, without a trace. */
import { refuse, type Instant } from '../../../billing/decision.ts';
import type { PriceRow } from '../../../billing/catalog.ts';
import type { Period } from '../../../billing/calendar.ts';
import { termsOf } from '../../../billing/outcome/define.ts';
import type { DefinitionWhole, Terms as DefinitionTerms, VersionRow } from '../../../billing/outcome/definition.ts';
import { costOf, reachOf, wouldCount, type Counted, type PastSubject, type Terms } from '../../../billing/outcome/preview.ts';
import type { Contest } from '../../../billing/outcome/settle.ts';
import { termsIn } from '../../../billing/subscription/terms.ts';
import { fullPeriod } from '../../../billing/subscription/periods.ts';
import type { SubscriptionRow } from '../../../billing/subscription/subscription.ts';
import { realMoment, type Context, type Json } from '../../../server/context.ts';
import { int8s } from '../../../server/database/arrays.ts';
import { arrayText, raw, rows, sql, type Sql } from '../../../server/database/sql.ts';
import { missing } from '../../../server/http/errors.ts';
import type { Params } from '../../../server/http/params.ts';
import { minor } from '../../../server/http/wire.ts';
import { eventsOf, type StoredEvent } from '../../../server/usage/events.ts';
import { seriesOf } from '../../../server/usage/keys.ts';
import { customerClock } from '../../billing/meter_events/rows.ts';
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

/** The customers of a table's index, each once and found one after the other. `of` narrows it to what the index begins with. */
const eachCustomer = (table: string, of: Sql): Sql => sql`(
  with recursive each as (
    (select customer from ${raw(table)} where ${of} order by customer limit 1)
    union all
    select (select n.customer from ${raw(table)} n where ${of} and n.customer > each.customer order by n.customer limit 1) from each where each.customer is not null)
  select customer from each where customer is not null)`;

/** What the events of some names are looked up by, customer by customer: those that a meter counted are of its series, and the others, which outcomes were made of, of that of their name. */
async function seriesOfNames(ctx: Context, names: readonly string[], one: string | undefined): Promise<{ customer: string; series: bigint }[]> {
  const meters = await rows<{ id: string }>(ctx.tx, sql`select id from meters where event_name = any(${names}::text[])`);
  const found = one !== undefined ? [] : await rows<{ meter: string | null; customer: string }>(
    ctx.tx,
    sql`select m.id as meter, c.customer from meters m cross join lateral ${eachCustomer('meter_rollups', sql`meter = m.id`)} c where m.id = any(${meters.map(({ id }) => id)}::text[])
        union select t.meter, t.customer from tallied_hours() t where t.meter = any(${meters.map(({ id }) => id)}::text[])
        union all select null, c.customer from ${eachCustomer('outcomes', sql`world = kontor_world()`)} c`,
  );
  const customers = Map.groupBy(found, ({ meter }) => meter);
  const within = (meter: string | null, name: string) => (one === undefined ? (customers.get(meter) ?? []).map(({ customer }) => customer) : [one]).map((customer) => ({ customer, series: seriesOf(ctx.world.id, meter, name, customer) }));
  return [...names.flatMap((name) => within(null, name)), ...meters.flatMap(({ id }) => within(id, ''))];
}

/** The past events of these names, by customer and subject. */
async function pastOf(ctx: Context, names: readonly string[], key: string, customer_key: string, { start, end }: Period, customer: string | undefined): Promise<Omit<PastSubject, 'contests' | 'now'>[]> {
  const series = await seriesOfNames(ctx, names, customer);
  const found = await eventsOf(
    ctx.tx,
    sql`from unnest(${arrayText(series.map((each) => each.customer), true)}::text[], ${int8s(series.map((each) => each.series))}::bigint[]) as s (customer, series)
      cross join lateral (
        select e.* from meter_events e where e.series = s.series and e.customer = s.customer and e.event_name = any(${names}::text[]) and e.timestamp >= to_timestamp(${start}::bigint) and e.timestamp < to_timestamp(${end}::bigint) offset 0) e
      limit ${MOST_EVENTS + 1}`,
  );
  if (found.length > MOST_EVENTS) refuse(undefined, `There are more than ${MOST_EVENTS} such events between \`from\` and \`to\`, and in the days around that may decide about them. Look at a shorter time, or at one customer.`, 'from');
  const subjects = Map.groupBy(found.filter((event) => (event.payload[key] ?? '') !== ''), (event) => `${event.customer}\x1f${event.payload[key]}`);
  return [...subjects.values()].map((events) => ({
    customer: events[0]!.customer,
    subject: events[0]!.payload[key]!,
    events: events.map((event) => ({ name: event.event_name, identifier: event.identifier, at: event.timestamp, payload: saidOf(event, key, customer_key), ...(event.canceled && { canceled: true as const }) })),
  }));
}

type Known = { customer: string; subject: string };
const nameOf = ({ customer, subject }: Known): string => `${customer}\x1f${subject}`;

/** What was decided about contests of these subjects. */
async function contestsOf(ctx: Context, definition: DefinitionWhole | null, subjects: readonly Known[]): Promise<Map<string, Contest[]>> {
  if (definition === null || subjects.length === 0) return new Map();
  const found = await rows<Known & { contests: Contest[] }>(
    ctx.tx,
    sql`select o.customer, o.subject, o.contests from outcomes o
        join unnest(${arrayText(subjects.map((each) => each.customer), true)}::text[], ${arrayText(subjects.map((each) => each.subject), true)}::text[]) as s (customer, subject) on o.customer = s.customer and o.subject = s.subject
        where o.definition = ${definition.id} and o.contests <> '[]'`,
  );
  return new Map(found.map((each) => [nameOf(each), each.contests]));
}

/** What time it is for each of these customers. */
async function presentOf(ctx: Context, customers: readonly string[]): Promise<Map<string, Instant>> {
  const found = await rows<{ id: string; now: Instant | null }>(ctx.tx, sql`select c.id, t.frozen_time as now from customers c left join test_clocks t on t.id = c.test_clock where c.id = any(${arrayText([...new Set(customers)], true)}::text[])`);
  return new Map(found.map(({ id, now }) => [id, now ?? ctx.app.clock.now()]));
}

/** What was counted on the meters of a definition. */
async function wasCounted(ctx: Context, definition: DefinitionWhole | null, { start, end }: Period, customer: string | undefined): Promise<Counted[]> {
  if (definition === null) return [];
  const one = customer === undefined ? sql`` : sql`and customer = ${customer}`;
  return rows<Counted>(ctx.tx, sql`select customer, outcome, counted_at as at from outcomes where definition = ${definition.id} and counted_at >= to_timestamp(${start}::bigint) and counted_at < to_timestamp(${end}::bigint) ${one}`);
}

type Subscribed = Pick<SubscriptionRow, 'customer' | 'currency' | 'billing_cycle_anchor' | 'billing_cycle_anchor_config'> & { price: string; /** What is licensed beside it. */ seats: { product: string; quantity: number }[] };

/** The prices of customers for what meters count, with the subscriptions by whose periods they pay. */
async function subscribedTo(ctx: Context, meters: readonly string[]): Promise<(Subscribed & { terms: PriceRow })[]> {
  const found = await rows<Subscribed>(
    ctx.tx,
    sql`select distinct on (s.customer, p.meter) s.customer, s.currency, s.billing_cycle_anchor, s.billing_cycle_anchor_config, i.price,
          (select coalesce(json_agg(json_build_object('product', lp.product, 'quantity', l.quantity)), '[]') from subscription_items l join prices lp on lp.id = l.price
            where l.subscription = s.id and not l.deleted and lp.meter is null) as seats
        from subscription_items i join subscriptions s on s.id = i.subscription join prices p on p.id = i.price
        where p.meter = any(${meters}::text[]) and not i.deleted and s.status not in ('canceled', 'incomplete_expired') order by s.customer, p.meter, i.created`,
  );
  const prices = new Map((await pricesById(ctx.tx, [...new Set(found.map((each) => each.price))])).map((price) => [price.id, price]));
  return found.map((each) => ({ ...each, terms: prices.get(each.price)! }));
}

/** How a price charges whoever has this subscription, or none. */
function allowedBy({ meter, allowance }: PriceRow, of: Subscribed | undefined): Pick<Terms, 'meter' | 'allowance' | 'seats'> {
  const seats = of?.seats.filter(({ product }) => (allowance?.seat_product ?? product) === product) ?? [];
  return { meter: meter!, allowance, seats: seats.reduce((sum, { quantity }) => sum + BigInt(quantity), 0n) };
}

/** The periods of a subscription that begin before the end of a time and end after its start. */
function periodsOf(of: Subscribed, terms: PriceRow, { start, end }: Period): Period[] {
  const periods: Period[] = [];
  for (let at: Instant = start; at < end; at = periods.at(-1)!.end) periods.push(fullPeriod(of, terms, at));
  return periods;
}

type Names = { customer: string; outcome: string };

/** Of one outcome there is one other price. */
function refusePrices(prices: NonNullable<Given['prices']>): void {
  const names = prices.map(({ outcome }) => outcome);
  const again = names.findIndex((name, n) => names.indexOf(name) < n);
  if (again >= 0) refuse(undefined, `The outcome \`${names[again]}\` is given two prices. Try one after the other.`, `prices[${again}][outcome]`);
}

export async function preview(ctx: Context, given: Given): Promise<Json> {
  const { from: start, to: end = ctx.app.clock.now(), customer } = given;
  if (end <= start) refuse(undefined, '`to` must be later than `from`.', 'to');
  if (customer !== undefined && !(await customerClock(ctx.tx, customer))) missing('customer', customer, 'customer');
  if (end - start > MOST_DAYS * 86_400) refuse(undefined, `At most ${MOST_DAYS} days are looked at; from \`from\` to \`to\` it is more.`, 'from');
  const span = { start, end };
  const { known, subject_key, terms } = await triedOf(ctx, given);
  const version: VersionRow = { ...terms, id: 'preview', created: end, definition: known?.id ?? 'preview', version: 0, effective_from: null };
  const around = reachOf(terms.rules);
  const past = await pastOf(ctx, [...new Set(terms.rules.map((rule) => rule.event_name))], subject_key, known?.customer_key ?? 'stripe_customer_id', { start: Math.max(0, start - around), end: end + around }, customer);
  const [contests, present] = [await contestsOf(ctx, known, past), await presentOf(ctx, past.map((each) => each.customer))];
  const would = wouldCount(version, past.map((each) => ({ ...each, contests: contests.get(nameOf(each)) ?? [], now: Math.min(present.get(each.customer)!, end + around) })), span);
  const subjects = past.map(({ events }) => events.filter(({ at }) => start <= at && at < end).length).filter((events) => events > 0);
  const was = await wasCounted(ctx, known, span, customer);
  const payers = await subscribedTo(ctx, [...new Set([...terms.outcomes, ...(known?.versions.flatMap((each) => each.outcomes) ?? [])].map((kind) => kind.meter))]);
  refusePrices(given.prices ?? []);
  const asked = new Map((given.prices ?? []).map(({ outcome, price }) => [outcome, price]));
  const others = new Map((await pricesById(ctx.tx, [...asked.values()])).map((price) => [price.id, price]));
  for (const [n, { outcome, price }] of (given.prices ?? []).entries()) {
    if (!terms.outcomes.some((kind) => kind.name === outcome)) refuse(undefined, `There is no outcome \`${outcome}\`; there are ${terms.outcomes.map(({ name }) => `\`${name}\``).join(', ')}.`, `prices[${n}][outcome]`);
    const other = others.get(price) ?? missing('price', price, `prices[${n}][price]`);
    if (other.meter === null) refuse(undefined, `The price ${price} is not metered. Successes are usage: name a metered price, of whatever meter.`, `prices[${n}][price]`);
  }
  const meterOf = (outcome: string) => [...terms.outcomes, ...(known?.versions.toReversed().flatMap((each) => each.outcomes) ?? [])].find((kind) => kind.name === outcome)!.meter;
  const paying = new Map(payers.map((each) => [`${each.customer} ${each.terms.meter}`, each]));
  const own = ({ customer: payer, outcome }: Names): Terms | null => {
    const found = paying.get(`${payer} ${meterOf(outcome)}`);
    const priced = found && termsIn(found.terms, found.currency);
    return found && priced ? { price: found.price, currency: found.currency, terms: priced, ...allowedBy(found.terms, found), periods: periodsOf(found, found.terms, span) } : null;
  };
  const tried = (names: Names): Terms | null => {
    const [other, paid] = [others.get(asked.get(names.outcome) ?? ''), own(names)];
    if (!other) return paid;
    const currency = paid?.currency ?? other.currency;
    const priced = termsIn(other, currency);
    return priced && { price: other.id, currency, terms: priced, ...allowedBy(other, paying.get(`${names.customer} ${meterOf(names.outcome)}`)), periods: paid?.periods ?? [span] };
  };
  const keyOf = ({ customer: payer, outcome }: Names) => `${payer} ${outcome}`;
  const names = [...new Map([...would, ...was].map(({ customer: payer, outcome }) => [keyOf({ customer: payer, outcome }), { customer: payer, outcome }])).values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const [all, earlier] = [Map.groupBy(would, keyOf), Map.groupBy(was, keyOf)];
  const entries = names.map((each) => {
    const [now, before, mine, theirs] = [all.get(keyOf(each)) ?? [], earlier.get(keyOf(each)) ?? [], tried(each), own(each)];
    return { ...each, currency: mine?.currency ?? null, price: mine?.price ?? null, count: now.length, amount: mine && costOf(now, mine), was_count: before.length, was_amount: theirs && costOf(before, theirs) };
  });
  return {
    object: 'kontor.outcome_preview',
    data: entries.map(({ amount, was_amount, ...each }) => ({ ...each, amount: amount === null ? null : minor(amount), was_amount: was_amount === null ? null : minor(was_amount) })),
    definition: known?.id ?? null,
    events: subjects.reduce((sum, events) => sum + events, 0),
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
