/**
 * What is asked for is read, and not everything there is. PostgreSQL keeps one plan for each statement, made without knowing whose rows it will look for: one that reads all of a customer's, or a world's, is not to be seen where
 * there are few of them. Here there are more, and the rows are counted.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { inWorld } from '../../server/database/world.ts';
import { performDueCalls } from '../../server/calls.ts';
import { runDueTimers } from '../../server/timers.ts';
import { Courier } from '../../server/webhooks/deliver.ts';
import { HOUR } from '../days.ts';
import { startKontor } from '../kontor.ts';
import { testDatabase } from '../postgres.ts';
import { untyped } from '../refused.ts';
import { watchReads } from './watched.ts';

const DAY = 24 * HOUR;
/** Each of these reports in the same hours, with the same values of the dimensions and the same values to be told apart: only how often differs. */
const HOURS = 20;
const REGIONS = ['eu', 'us', 'asia'];
const [FEW, MANY] = [60, 600];
const FORMULAS = ['sum', 'count', 'max', 'last', 'unique_count', 'latest', 'weighted_by_time'] as const;
/** So many more of everything else. */
const OTHERS = 3_000;
/** A page of ten with all that it is made of. */
const PAGE = 150;

const meters = new Map<string, string>();
const subscriptions = new Map<string, string>();
const prices: string[] = [];
let few = '';
let many = '';
let today = 0;

const ask = <Answer>(method: string, path: string, body?: object) => stripe.rawRequest(method, path, untyped(body)) as Promise<Answer>;
const query = (text: string) => inWorld(kontor.database.pool, kontor.world, (tx) => tx.query(text));

async function report(customer: string, events: number): Promise<void> {
  const all = [...meters.keys()].flatMap((event_name) => Array.from({ length: events }, (_, n) => ({
    event_name, identifier: `${customer} ${n}`, timestamp: today - 2 * DAY + (n % HOURS) * HOUR + Math.floor(n / HOURS), payload: { stripe_customer_id: customer, value: String(n % 5), region: REGIONS[n % 3]! },
  })));
  for (let from = 0; from < all.length; from += 1_000) await ask('POST', '/v1/kontor/usage/events', { events: all.slice(from, from + 1_000) });
}

/** A customer with usage of everything in its period, capped, and told about. */
async function customerOf(prices: readonly string[], events: number): Promise<string> {
  const { id: customer } = await stripe.customers.create({ name: `${events} events` });
  const { id } = await stripe.subscriptions.create({ customer, items: prices.map((price) => ({ price })), collection_method: 'send_invoice', days_until_due: 30, backdate_start_date: today - 9 * DAY, proration_behavior: 'none' });
  subscriptions.set(customer, id);
  await ask('POST', '/v1/kontor/caps', { customer, amount: 1_000_000, currency: 'usd' });
  await ask('POST', '/v1/kontor/caps', { customer, meter: meters.get('sum'), quantity: '1000000', period: 'lifetime' });
  await stripe.billing.alerts.create({ title: 'Much', alert_type: 'usage_threshold', usage_threshold: { gte: 1_000_000, meter: meters.get('sum')!, recurrence: 'one_time', filters: [{ type: 'customer', customer }] } });
  await report(customer, events);
  return customer;
}

/** Copies of a row. They are none of the engine's: `after` takes them away before anybody looks whether all holds together. */
async function copies(table: string, where: string, changed: Record<string, string>): Promise<void> {
  const columns = kontor.app.columns.get(table)!.columns.map(({ name }) => name);
  const names = columns.map((name) => `"${name}"`).join(', ');
  await query(`insert into ${table} (${names}) select ${columns.map((name) => changed[name] ?? `o."${name}"`).join(', ')} from (select * from ${table} where ${where} limit 1) o, generate_series(1, ${OTHERS}) n`);
}

const database = await testDatabase();
const reads = await watchReads(database);
const kontor = await startKontor({ database, works: false, nats: null });
const { stripe } = kontor;
today = kontor.app.clock.now() - (kontor.app.clock.now() % DAY);
for (const formula of FORMULAS) for (const dimensions of [[], ['region']]) {
  const event_name = dimensions.length > 0 ? `${formula} by region` : formula;
  const { id: meter } = await ask<{ id: string }>('POST', '/v1/kontor/meters', { display_name: event_name, event_name, default_aggregation: { formula }, ...(dimensions.length > 0 && { dimensions }) });
  meters.set(event_name, meter);
  prices.push((await stripe.prices.create({ currency: 'usd', unit_amount: 1, recurring: { interval: 'month', usage_type: 'metered', meter }, product_data: { name: event_name } })).id);
}
await stripe.webhookEndpoints.create({ url: 'https://example.com/hooks', enabled_events: ['customer.created'] });
few = await customerOf(prices, FEW);
many = await customerOf(prices, MANY);
await kontor.counted();
const invoice = await stripe.invoices.create({ customer: many, collection_method: 'send_invoice', days_until_due: 30, auto_advance: false });
await stripe.invoices.finalizeInvoice(invoice.id, { auto_advance: false });
const id = (prefix: string) => `'${prefix}_' || lpad(n::text, 20, '0')`;
const created = `o.created - n * interval '1 minute'`;
await copies('customers', `id = '${few}'`, { id: id('cus'), invoice_prefix: `'N' || n`, created });
await copies('invoices', `id = '${invoice.id}'`, { id: id('in'), number: `'N-' || n`, obligation: `'copy ' || n`, customer: `case when n % 3 = 0 then o.customer else ${id('cus')} end`, status: `'paid'`, created });
await copies('events', `type = 'customer.created'`, { id: `'evt_zz' || lpad(n::text, 20, '0')`, object_id: 'null', type: `'customer.tax_id.created'`, created });
await copies('webhook_deliveries', 'true', { id: id('whd'), event: `'evt_zz' || lpad(n::text, 20, '0')`, state: `'delivered'`, created });
await copies('timers', 'true', { kind: `'copy'`, subject: id('copy'), lane: id('copy'), at: `o.at + interval '1 year'` });
await kontor.database.asOwner((owner) => owner.query('analyze'));
after(async () => {
  for (const [table, where] of [['webhook_deliveries', `id like 'whd_0000%'`], ['events', `id like 'evt_zz%'`], ['invoices', `number like 'N-%'`], ['billing_alerts', `customer like 'cus_0000%'`], ['customers', `id like 'cus_0000%'`], ['timers', `kind = 'copy'`]]) {
    await kontor.database.asOwner((owner) => owner.query(`set kontor.world = '${kontor.world.id}'; delete from ${table} where ${where}`));
  }
  await kontor.close();
});

/** How many rows are read for it, and by what most of them. What is added to the rollups meanwhile is somebody else's. */
async function rowsOf(work: () => Promise<unknown>): Promise<{ rows: number; most: string }> {
  const found = (await reads(work)).filter(({ text }) => !/meter_tallies/.test(text)).toSorted((a, b) => b.rows - a.rows);
  return { rows: found.reduce((sum, each) => sum + each.rows, 0), most: found[0] ? `${found[0].rows} of them by ${found[0].most}: ${found[0].text.slice(0, 300)}` : '' };
}

test('usage and what it costs are answered from as many rows however many events there are', async () => {
  const day = { start_time: today - 2 * DAY, end_time: today - DAY };
  const asked = new Map<string, (customer: string) => Promise<unknown>>([
    ['the usage of the period', (customer) => ask('GET', `/v1/kontor/customers/${customer}/usage`)],
    ['whether more may be used', (customer) => ask('POST', '/v1/kontor/usage/check', { customer, event_name: 'sum' })],
    ['reserving some', (customer) => ask('POST', '/v1/kontor/usage/reservations', { customer, event_name: 'sum' })],
    ['the next invoice', (customer) => stripe.invoices.createPreview({ subscription: subscriptions.get(customer)! })],
    ['why the next invoice is as it will be', (customer) => ask('POST', '/v1/kontor/invoices/create_preview/explanation', { subscription: subscriptions.get(customer)! })],
    ['the invoice of an end', (customer) => stripe.invoices.createPreview({ subscription: subscriptions.get(customer)!, subscription_details: { cancel_now: true } })],
    ...[...meters].flatMap(([name, meter]): [string, (customer: string) => Promise<unknown>][] => [
      [`a page of the events of ${name}`, (customer) => ask('GET', `/v1/kontor/usage/events?customer=${customer}&meter=${meter}&limit=5`)],
      [`${name} of a day`, (customer) => stripe.billing.meters.listEventSummaries(meter, { customer, ...day })],
      [`${name} of its hours`, (customer) => stripe.billing.meters.listEventSummaries(meter, { customer, ...day, value_grouping_window: 'hour' })],
    ]),
  ]);
  for (const [what, of] of asked) {
    // What is remembered from one time to the next is not read again.
    await of(few);
    const [least, most] = [await rowsOf(() => of(few)), await rowsOf(() => of(many))];
    // What has just been written is looked at once more, or not.
    assert.ok(most.rows < least.rows + 20, `${what}: ${most.rows} rows for ten times as many events as those for which it is ${least.rows}; ${most.most}`);
  }
});

test('a day of what adds up is read as one row', async () => {
  for (const name of ['sum', 'count']) {
    const { rows, most } = await rowsOf(() => stripe.billing.meters.listEventSummaries(meters.get(name)!, { customer: many, start_time: today - 5 * DAY, end_time: today }));
    assert.ok(rows < HOURS, `${rows} rows for ${HOURS} hours; ${most}`);
  }
});

test('an invoice of usage is explained from as many rows however many events are behind it', async () => {
  const explained = async (customer: string) => {
    const { id } = await stripe.subscriptions.create({ customer, items: [{ price: prices[0]! }], collection_method: 'send_invoice', days_until_due: 30, backdate_start_date: today - 9 * DAY, proration_behavior: 'none' });
    const { latest_invoice } = await stripe.subscriptions.cancel(id, { invoice_now: true });
    await stripe.invoices.finalizeInvoice(latest_invoice as string);
    const { agrees } = await ask<{ agrees: boolean }>('GET', `/v1/kontor/invoices/${latest_invoice as string}/explanation`);
    assert.ok(agrees);
    return rowsOf(() => ask('GET', `/v1/kontor/invoices/${latest_invoice as string}/explanation`));
  };
  const [least, most] = [await explained(few), await explained(many)];
  assert.ok(most.rows < least.rows + 20, `${most.rows} rows for ten times as many events as those for which it is ${least.rows}; ${most.most}`);
});

test('a definition is tried on the events that it looks at, and the others are not read', async () => {
  const definition_data = { subject_key: 'conversation', rules: [{ event_name: 'confirmed', effect: 'succeed' }] };
  await ask('POST', '/v1/kontor/outcome_definitions', { display_name: 'AI agent', ...definition_data });
  await ask('POST', '/v1/kontor/usage/events', { events: [1, 2, 3].map((n) => ({ event_name: 'confirmed', identifier: `${n}`, timestamp: today - DAY, payload: { stripe_customer_id: few, conversation: `${n}` } })) });
  const from = today - 9 * DAY;
  const { events } = await ask<{ events: number }>('POST', '/v1/kontor/outcome_definitions/preview', { definition_data, from });
  const { rows, most } = await rowsOf(() => ask('POST', '/v1/kontor/outcome_definitions/preview', { definition_data, from }));
  assert.equal(events, 3);
  assert.ok(rows < PAGE, `${rows} rows; ${most}`);
  // Those that a meter counts, too, of every customer who has some.
  const counted = await ask<{ events: number; subjects: number }>('POST', '/v1/kontor/outcome_definitions/preview', { definition_data: { subject_key: 'region', rules: [{ event_name: 'count', effect: 'succeed' }] }, from });
  assert.deepEqual([counted.events, counted.subjects], [FEW + MANY, 2 * REGIONS.length]);
});

test('a page is read from its own rows, whatever it is narrowed to and however much else there is', async () => {
  const pages = [
    '/v1/customers?', '/v1/invoices?', '/v1/invoices?status=open&', '/v1/invoices?status=void&', `/v1/invoices?customer=${few}&`, `/v1/invoices?customer=${many}&`, `/v1/subscriptions?status=canceled&`,
    '/v1/events?', '/v1/events?type=customer.created&', '/v1/events?type=customer.deleted&', '/v1/events?type=meter.*&', '/v1/events?types[0]=price.created&types[1]=price.deleted&', '/v1/events?delivery_success=false&', '/v1/events?delivery_success=true&',
    '/v1/kontor/webhook_deliveries?', '/v1/kontor/webhook_deliveries?state=pending&', '/v1/kontor/webhook_deliveries?state=given_up&', '/v1/kontor/webhook_deliveries?event=evt_zz00000000000000000007&',
  ];
  for (const path of pages) {
    const { data } = await ask<{ data: { id: string }[] }>('GET', `${path}limit=10`);
    const cursors = data.length === 0 ? [''] : ['', `&starting_after=${data.at(-1)!.id}`, `&ending_before=${data[0]!.id}`];
    for (const cursor of cursors) {
      const { rows, most } = await rowsOf(() => ask('GET', `${path}limit=10${cursor}`));
      assert.ok(rows < PAGE, `${path}${cursor} reads ${rows} rows; ${most}`);
    }
  }
});

test('usage is recorded without a look at what waits for that of others', async () => {
  const { rows, most } = await rowsOf(() => ask('POST', '/v1/billing/meter_events', { event_name: 'sum', payload: { stripe_customer_id: few, value: '1' } }));
  assert.ok(rows < 20, `${rows} rows; ${most}`);
});

test('the worker finds out that nothing is due without looking at what is not', async () => {
  await runDueTimers(kontor.app);
  const courier = new Courier(kontor.app);
  await query(`update webhook_deliveries set next_at = now() + interval '1 hour' where state = 'pending'`);
  for (const job of [() => runDueTimers(kontor.app), () => performDueCalls(kontor.app), () => courier.deliverDue(() => undefined)]) {
    const { rows, most } = await rowsOf(job);
    assert.ok(rows < 10, `${rows} rows; ${most}`);
  }
  await courier.stop();
});
