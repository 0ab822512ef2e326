import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { machineClock } from '../../../server/clock.ts';
import { refused } from '../../../tests/refused.ts';
import { insertRow } from '../../../tests/rows.ts';
import { inWorld } from '../../../server/database/world.ts';
import { until } from '../../../tests/awaited.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { paysBy } from '../../../tests/shop.ts';
import { listen, typesOf } from '../../../tests/told.ts';

const FROZEN = 1_767_225_600;
let ahead = 0;

const kontor = await startKontor({ clock: machineClock(() => Date.now() + ahead) });
after(() => kontor.close());
const { stripe } = kontor;

/** How many rows each table has in the world, without those that are empty and those of the ledger, which is sealed meanwhile. */
async function counts(): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  await inWorld(kontor.database.pool, kontor.world, async (tx) => {
    const { rows: tables } = await tx.query<{ table: string }>(`select table_name as table from information_schema.columns where table_schema = 'public' and column_name = 'world'`);
    for (const { table } of tables) {
      if (['api_keys', 'idempotency_keys', 'events'].includes(table) || table.startsWith('ledger_')) continue;
      const { rows: [row] } = await tx.query(`select count(*)::int as count from ${table}`);
      if (row.count > 0) found[table] = row.count;
    }
  });
  return found;
}

test('a clock is made, read, listed, advanced, and tells of it', async () => {
  const heard = listen(kontor);
  await heard();
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: FROZEN, name: 'A year' });
  assert.deepEqual([clock.status, clock.frozen_time, clock.name, clock.deletes_after], ['ready', FROZEN, 'A year', clock.created + 30 * 86_400]);
  assert.deepEqual(await stripe.testHelpers.testClocks.retrieve(clock.id), clock);
  assert.deepEqual((await stripe.testHelpers.testClocks.list()).data.map((each) => each.id), [clock.id]);
  await kontor.advance(clock.id, FROZEN + 86_400);
  assert.equal((await stripe.testHelpers.testClocks.retrieve(clock.id)).frozen_time, FROZEN + 86_400);
  assert.deepEqual(typesOf(await heard()), ['test_helpers.test_clock.created', 'test_helpers.test_clock.advancing', 'test_helpers.test_clock.ready']);
  await stripe.testHelpers.testClocks.del(clock.id);
});

test('with a clock goes all that hangs on it, in every table, and nothing else', async () => {
  const kept = await stripe.customers.create({ payment_method: 'pm_card_visa', balance: -5 });
  const product = await stripe.products.create({ name: 'Desk' });
  const price = await stripe.prices.create({ product: product.id, currency: 'usd', unit_amount: 500, recurring: { interval: 'month' } });
  const coupon = await stripe.coupons.create({ percent_off: 10, duration: 'forever' });
  const meter = await stripe.billing.meters.create({ display_name: 'Calls', event_name: 'call', default_aggregation: { formula: 'sum' } });
  const before = await counts();
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: FROZEN });
  const customer = await stripe.customers.create({
    test_clock: clock.id, balance: -100, ...paysBy(), tax_id_data: [{ type: 'us_ein', value: '12-3456789' }],
  });
  await stripe.promotionCodes.create({ promotion: { type: 'coupon', coupon: coupon.id }, customer: customer.id });
  await stripe.billing.meterEvents.create({ event_name: 'call', payload: { stripe_customer_id: customer.id, value: '3' }, timestamp: FROZEN });
  const payment_method = customer.invoice_settings.default_payment_method as string;
  const on = { customer: customer.id, test_clock: clock.id, currency: 'usd' };
  const rows: [string, Record<string, unknown>][] = [
    ['subscriptions', { id: 'sub_1', ...on, status: 'active', collection_method: 'charge_automatically', default_payment_method: payment_method }],
    ['subscription_items', { id: 'si_1', subscription: 'sub_1', price: price.id }],
    ['invoices', { id: 'in_1', ...on, subscription: 'sub_1', status: 'open', collection_method: 'charge_automatically' }],
    ['invoice_items', { id: 'ii_1', ...on, subscription: 'sub_1', subscription_item: 'si_1', invoice: 'in_1', price: price.id }],
    ['invoice_lines', { id: 'il_1', invoice: 'in_1', subscription_item: 'si_1', price: price.id, currency: 'usd' }],
    ['discounts', { id: 'di_1', coupon: coupon.id, customer: customer.id }],
    ['discounts', { id: 'di_2', coupon: coupon.id, subscription: 'sub_1' }],
    ['payment_intents', { id: 'pi_1', ...on, invoice: 'in_1', status: 'processing', capture_method: 'automatic', confirmation_method: 'automatic', payment_method }],
    ['mandates', { id: 'mandate_1', customer: customer.id, payment_method, type: 'multi_use', status: 'active' }],
    ['setup_intents', { id: 'seti_1', ...on, status: 'succeeded', usage: 'off_session', payment_method, mandate: 'mandate_1' }],
    ['setup_attempts', { id: 'setatt_1', setup_intent: 'seti_1', customer: customer.id, payment_method, status: 'succeeded', usage: 'off_session' }],
    ['payment_attempts', { id: 'pi_1:charge:1', verb: 'charge', subject: 'pi_1', state: 'pending', test_clock: clock.id }],
    ['charges', { id: 'ch_1', customer: customer.id, payment_intent: 'pi_1', status: 'pending', payment_method, currency: 'usd' }],
    ['refunds', { id: 're_1', charge: 'ch_1', payment_intent: 'pi_1', customer: customer.id, test_clock: clock.id, status: 'pending', currency: 'usd' }],
    ['disputes', { id: 'dp_1', charge: 'ch_1', payment_intent: 'pi_1', customer: customer.id, test_clock: clock.id, status: 'under_review', amount: 1, currency: 'usd' }],
    ['customer_sessions', { id: 'cuss_1', customer: customer.id }],
    ['cash_balances', { id: 'cash_1', customer: customer.id, currency: 'usd' }],
    ['cash_settings', { id: customer.id, reconciliation_mode: 'manual' }],
    ['cash_balance_transactions', { id: 'ccsbtxn_1', customer: customer.id, type: 'funded', currency: 'usd', payment_intent: 'pi_1' }],
    ['confirmation_tokens', { id: 'ctoken_1', payment_method, payment_intent: 'pi_1', setup_intent: 'seti_1' }],
    ['invoice_payments', { id: 'inpay_1', invoice: 'in_1', payment_intent: 'pi_1', status: 'open', currency: 'usd' }],
    ['timers', { kind: 'nothing', subject: 'sub_1', lane: customer.id, test_clock: clock.id }],
    ['calls', { id: 'pi_1:charge:1', kind: 'processor.charge', subject: 'pi_1', state: 'answered', test_clock: clock.id }],
  ];
  for (const [table, row] of rows) await insertRow(kontor, table, row);
  const heard = listen(kontor);
  await heard();
  assert.deepEqual(await stripe.testHelpers.testClocks.del(clock.id), { id: clock.id, object: 'test_helpers.test_clock', deleted: true });
  assert.deepEqual(typesOf(await heard()), ['test_helpers.test_clock.deleted']);
  // What was counted is only ever added to.
  assert.deepEqual(await counts(), { ...before, meter_events: 1, meter_rollups: 1, meter_days: 1 });
  await assert.rejects(stripe.testHelpers.testClocks.retrieve(clock.id), { code: 'resource_missing', statusCode: 404 });
  await assert.rejects(stripe.customers.retrieve(customer.id), { code: 'resource_missing', statusCode: 404 });
  assert.deepEqual((await stripe.customers.list({ test_clock: clock.id })).data, []);
  assert.equal(((await stripe.customers.retrieve(kept.id)) as Stripe.Customer).balance, -5);
  assert.equal((await stripe.billing.meters.retrieve(meter.id)).id, meter.id);
  // What happened stays told, and in the ledger.
  const [created] = (await stripe.events.list({ type: 'customer.created' })).data;
  assert.equal((created!.data.object as Stripe.Customer).id, customer.id);
  const ledger = await inWorld(kontor.database.pool, kontor.world, (tx) => tx.query('select 1 from ledger_entries where customer = $1', [customer.id]));
  assert.equal(ledger.rowCount, 2);
});

test('while a clock is held, what lives on it is refused at once and keeps nobody waiting', async () => {
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: FROZEN });
  const { id } = await stripe.customers.create({ test_clock: clock.id });
  await inWorld(kontor.database.pool, kontor.world, async (tx) => {
    await tx.query('select from test_clocks where id = $1 for update', [clock.id]);
    await assert.rejects(stripe.customers.update(id, { name: 'Jenny' }), { statusCode: 429, message: /is being advanced/ });
    // As the worker does next: the request has let go of the customer.
    await tx.query('select from customers where id = $1 for update nowait', [id]);
  });
  assert.equal((await stripe.customers.update(id, { name: 'Jenny' })).name, 'Jenny');
  await stripe.testHelpers.testClocks.del(clock.id);
});

test('a clock that nobody deletes goes after thirty days', async () => {
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: FROZEN });
  const { id } = await stripe.customers.create({ test_clock: clock.id });
  ahead = 30 * 86_400_000 + 5_000;
  kontor.app.nudge();
  await until(async () => (await stripe.testHelpers.testClocks.list()).data.length === 0);
  await assert.rejects(stripe.customers.retrieve(id), { code: 'resource_missing', statusCode: 404 });
});

test('what is refused is refused by name', async () => {
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: FROZEN });
  const live = await kontor.another(true);
  const { testClocks } = stripe.testHelpers;
  await refused([
    [() => testClocks.create({} as Stripe.TestHelpers.TestClockCreateParams), 'parameter_missing', 'frozen_time'],
    [() => testClocks.create({ frozen_time: FROZEN, name: 'x'.repeat(301) }), undefined, 'name'],
    [() => testClocks.create({ frozen_time: 253_402_300_799 }), 'parameter_invalid_integer', 'frozen_time'],
    [() => testClocks.advance(clock.id, { frozen_time: 253_402_300_799 }), 'parameter_invalid_integer', 'frozen_time'],
    [() => live.stripe.testHelpers.testClocks.create({ frozen_time: FROZEN }), 'livemode_mismatch', undefined],
    [() => testClocks.advance(clock.id, { frozen_time: FROZEN }), undefined, 'frozen_time'],
    [() => testClocks.advance(clock.id, { frozen_time: FROZEN + 3 * 366 * 86_400 }), undefined, 'frozen_time'],
    [() => testClocks.advance('clock_nobody', { frozen_time: FROZEN }), 'resource_missing', 'id', 404],
    [() => testClocks.del('clock_nobody'), 'resource_missing', 'id', 404],
  ]);
});
