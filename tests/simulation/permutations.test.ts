/**
 * Whatever order events come in, and however late, customers with the same events have the same outcomes and owe the same. KONTOR_TEST_PERMUTATIONS sets how many customers there are, each of whom sends
 * the same events in an order of its own; KONTOR_TEST_SEED chooses other events and orders.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import pg from 'pg';
import Stripe from 'stripe';
import { machineClock } from '../../server/clock.ts';
import { rows, sql } from '../../server/database/sql.ts';
import { inWorld } from '../../server/database/world.ts';
import { seeded, type Random } from '../conformance/random.ts';
import { until } from '../awaited.ts';
import { DAY, FEBRUARY, HOUR, START } from '../days.ts';
import { startKontor, type Kontor } from '../kontor.ts';
import { own } from '../own.ts';
import { verdict, type Event, type Rule } from './outcome_reference.ts';

const COUNT = Number(process.env['KONTOR_TEST_PERMUTATIONS'] ?? 45);
const SEED = Number(process.env['KONTOR_TEST_SEED'] ?? 1);

const MARCH = Date.UTC(2026, 2, 1) / 1_000;

/** Without its customer. */
type Told = { event_name: string; identifier: string; timestamp: number; payload: Record<string, string> };

const rule = (event_name: string, effect: Rule['effect'], more: Partial<Rule> = {}): Rule => ({ event_name, effect, conditions: [], outcome: null, quiet_for: null, within: null, requires_open: false, final: false, ...more });
const RULES = [rule('answered', 'open', { quiet_for: '1d' }), rule('confirmed', 'succeed', { requires_open: true }), rule('asked', 'fail'), rule('handed_over', 'fail', { final: true }), rule('reopened', 'reverse', { within: '30d' })];
const NAMES = ['answered', 'answered', 'answered', 'confirmed', 'asked', 'handed_over', 'reopened'];

/** The events of all customers: of conversations, and usage of January; no two in one second, since between those the order of receipt decides by right. */
function eventsOf(random: Random): Told[] {
  const moments = new Set<number>();
  const moment = () => { for (;;) { const at = START + random.int(1, 30 * 24 - 1) * HOUR + random.int(0, HOUR - 1); if (!moments.has(at)) { moments.add(at); return at; } } };
  const conversations = Array.from({ length: 24 }, (_, n): Told => ({ event_name: random.pick(NAMES), identifier: `c${n}`, timestamp: moment(), payload: { conversation: `c${random.int(1, 8)}` } }));
  const usage = Array.from({ length: 12 }, (_, n): Told => ({ event_name: random.pick(['tokens', 'tokens', 'level']), identifier: `u${n}`, timestamp: moment(), payload: { value: String(random.int(-20, 400)), model: random.pick(['opus', 'haiku', 'other']) } }));
  return [...conversations, ...usage];
}

function shuffled<T>(all: readonly T[], random: Random): T[] {
  return all.map((each) => ({ each, place: random.int(0, 2 ** 31) })).sort((a, b) => a.place - b.place).map(({ each }) => each);
}

async function catalogue({ stripe }: Kontor): Promise<{ prices: string[]; meter: string }> {
  const post = (path: string, body: object) => own(stripe, 'POST', path, body);
  const rules = RULES.map((each) => Object.fromEntries(Object.entries(each).filter(([name, value]) => value !== null && value !== false && name !== 'conditions')));
  const meter = (await post('outcome_definitions', { display_name: 'Agent', subject_key: 'conversation', timing: 'occurred_at', rules }))['outcomes'][0].meter as string;
  const tokens = await post('meters', { display_name: 'Tokens', event_name: 'tokens', dimensions: ['model'], default_aggregation: { formula: 'sum' } });
  const level = await post('meters', { display_name: 'Level', event_name: 'level', default_aggregation: { formula: 'last' } });
  const priceOf = async (of: string, terms: Partial<Stripe.PriceCreateParams>) => (await stripe.prices.create({ currency: 'usd', recurring: { interval: 'month', usage_type: 'metered', meter: of }, product_data: { name: 'Usage' }, ...terms })).id;
  const prices = [
    await priceOf(meter, { billing_scheme: 'tiered', tiers_mode: 'graduated', tiers: [{ up_to: 2, unit_amount: 199 }, { up_to: 'inf', unit_amount: 99 }] }),
    await priceOf(tokens['id'], { unit_amount_decimal: Stripe.Decimal.from('1.5') }),
    await priceOf(level['id'], { billing_scheme: 'tiered', tiers_mode: 'volume', tiers: [{ up_to: 100, unit_amount: 3 }, { up_to: 'inf', unit_amount: 2 }] }),
  ];
  await post(`prices/${prices[1]}`, { dimension_prices: [{ dimensions: { model: ['opus'] }, unit_amount: 7 }, { dimensions: { model: ['haiku'] }, tiers_mode: 'volume', tiers: [{ up_to: 200, unit_amount: 2 }, { up_to: 'inf', unit_amount: 1 }] }] });
  return { prices, meter };
}

/** So many customers who are subscribed to the same prices: the first one by request, the others copied from it, which takes seconds however many there are. */
async function subscribed(kontor: Kontor, prices: readonly string[], count: number): Promise<string[]> {
  const { id: customer } = await kontor.stripe.customers.create({});
  const subscription = await kontor.stripe.subscriptions.create({ customer, items: prices.map((price) => ({ price })), collection_method: 'send_invoice', days_until_due: 30 });
  const named = (prefix: string) => `'${prefix}_' || lpad(n::text, 20, '0')`;
  const copies: [table: string, where: string, columns: Record<string, string>][] = [
    ['customers', `id = '${customer}'`, { id: named('cus'), invoice_prefix: `'P' || n` }],
    ['subscriptions', `id = '${subscription.id}'`, { id: named('sub'), customer: named('cus') }],
    ['subscription_items', `subscription = '${subscription.id}'`, { id: `o.id || '_' || n`, subscription: named('sub') }],
    ['timers', `lane = '${customer}'`, { subject: `case o.subject when '${subscription.id}' then ${named('sub')} else ${named('cus')} end`, lane: named('cus') }],
    ['events', `type in ('customer.created', 'customer.subscription.created')`, { id: `o.id || '_' || n`, object_id: `case o.type when 'customer.created' then ${named('cus')} else ${named('sub')} end`, data: `'{}'` }],
  ];
  await inWorld(kontor.database.pool, kontor.world, async (tx) => {
    for (const [table, where, columns] of copies) {
      const names = kontor.app.columns.get(table)!.columns.map(({ name }) => name);
      await tx.query(`insert into ${table} (${names.map((name) => `"${name}"`).join(', ')}) select ${names.map((name) => columns[name] ?? `o."${name}"`).join(', ')} from ${table} o, generate_series(1, ${count - 1}) n where ${where}`);
    }
  });
  return [customer, ...Array.from({ length: count - 1 }, (_, n) => `cus_${String(n + 1).padStart(20, '0')}`)];
}

/** As autovacuum does where it is on: plans for empty tables would be kept. */
async function analyze(kontor: Kontor): Promise<void> {
  const superuser = new pg.Client({ connectionString: kontor.database.urls.superuser });
  await superuser.connect();
  await superuser.query('analyze');
  await superuser.end();
}

let now = START;

const kontor = await startKontor({ clock: machineClock(() => now * 1_000) });
after(() => kontor.close());

test(`${COUNT} permutations of the same events, sent in time, while a draft waits or after its invoice, end in the same outcomes and the same bill`, async () => {
  const random = seeded(SEED);
  const { prices, meter } = await catalogue(kontor);
  const customers = await subscribed(kontor, prices, COUNT);
  const events = eventsOf(random);
  // Each customer's own order, of which the first third comes in time, or up to all of it, and some comes twice; the rest comes while the draft waits, or after its invoice.
  const sent = customers.map((customer, n) => {
    const order = shuffled(events, random);
    const cut = n % 3 === 0 ? order.length : random.int(0, order.length);
    return { customer, late: n % 3, parts: [[...order.slice(0, cut), ...order.slice(0, random.int(0, cut))], [...order.slice(0, random.int(0, cut)), ...order.slice(cut)]] };
  });
  const send = async (part: 0 | 1, late: readonly number[]) => {
    const queues = sent.filter((one) => late.includes(one.late)).map(({ customer, parts }) => parts[part]!.map((event) => ({ ...event, identifier: `${customer} ${event.identifier}`, payload: { ...event.payload, stripe_customer_id: customer } })));
    const inTurn = Array.from({ length: Math.max(0, ...queues.map((queue) => queue.length)) }, (_, n) => queues.flatMap((queue) => queue[n] ?? [])).flat();
    for (let from = 0; from < inTurn.length; from += 1_000) {
      const response = await fetch(`${kontor.url}/v1/kontor/usage/events`, { method: 'POST', headers: { authorization: `Bearer ${kontor.key}`, 'content-type': 'application/json' }, body: JSON.stringify({ events: inTurn.slice(from, from + 1_000) }) });
      assert.equal(response.status, 200, 'events are taken');
      const { results } = (await response.json()) as { results: { status: string }[] };
      assert.ok(results.every(({ status }) => status !== 'refused'), 'no event is refused');
      if (from === 0) await analyze(kontor);
    }
  };
  const read = <Row extends object>(query: ReturnType<typeof sql>) => inWorld(kontor.database.pool, kontor.world, (tx) => rows<Row>(tx, query));
  const arriveAt = async (at: number) => {
    now = at;
    await until(async () => (await read(sql`select from timers where at <= to_timestamp(${at}::bigint) limit 1`)).length === 0);
  };
  await arriveAt(FEBRUARY - 2 * HOUR);
  await send(0, [0, 1, 2]);
  await arriveAt(FEBRUARY + HOUR / 2);
  await send(1, [1]);
  await arriveAt(FEBRUARY + 2 * HOUR);
  await arriveAt(FEBRUARY + 2 * DAY);
  await send(1, [2]);
  await arriveAt(MARCH + 2 * HOUR);

  // What January comes to: of each item and customer what its lines and all that puts them right come to.
  const billed = await read<{ customer: string; price: string; quantity: string; amount: string }>(sql`
    select i.customer, l.price, (l.quantity_decimal::numeric + coalesce(sum(c.quantity_after - c.quantity_before), 0))::text as quantity, (l.amount + coalesce(sum(c.amount), 0))::text as amount
    from invoice_lines l join invoices i on i.id = l.invoice left join invoice_corrections c on c.line = l.id
    where l.correction is null and l.period_start = to_timestamp(${START}) and i.status in ('open', 'paid') group by i.customer, l.id, l.price, l.quantity_decimal, l.amount order by l.price`);
  const [first] = customers;
  const bills = Map.groupBy(billed, ({ customer }) => customer);
  const bill = (customer: string) => bills.get(customer)!.map(({ customer: _, ...rest }) => rest);
  assert.equal(bill(first!).length, 3);
  for (const customer of customers) assert.deepEqual(bill(customer), bill(first!));
  // Where everything came in time, or while the draft waited, the invoice itself is the same, and nothing was put right.
  const corrected = new Set((await read<{ customer: string }>(sql`select distinct customer from invoice_corrections`)).map(({ customer }) => customer));
  for (const { customer, late } of sent) if (late < 2) assert.ok(!corrected.has(customer), `${customer} was corrected`);
  assert.ok(COUNT < 30 || corrected.size > COUNT / 6, 'few were corrected');

  const outcomes = Map.groupBy(await read<{ customer: string; subject: string; said: string }>(sql`select customer, subject, state || ' ' || coalesce(extract(epoch from counted_at)::bigint::text, 'null') as said from outcomes order by subject`), ({ customer }) => customer);
  const definition = { archived_at: null, versions: [{ version: 1, effective_from: null, timing: 'occurred_at' as const, outcomes: [{ name: 'success', meter }], rules: RULES }] };
  const expected = [...Map.groupBy(events.filter(({ payload }) => payload['conversation']), ({ payload }) => payload['conversation']!)].map(([subject, of]) => {
    const { state, counted } = verdict(definition, of.map(({ event_name: name, identifier, timestamp: at, payload }): Event => ({ name, identifier, at, payload })), [], now);
    return { subject, said: `${state} ${counted?.at ?? null}` };
  }).sort((a, b) => (a.subject < b.subject ? -1 : 1));
  for (const customer of customers) assert.deepEqual(outcomes.get(customer)!.map(({ subject, said }) => ({ subject, said })), expected);
});
