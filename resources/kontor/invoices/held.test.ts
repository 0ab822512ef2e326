import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type Stripe from 'stripe';
import { startKontor, type Kontor } from '../../../tests/kontor.ts';
import { explained, own, type Json } from '../../../tests/own.ts';
import { meteredPrice, meterOf, paysBy, seatPrice } from '../../../tests/shop.ts';
import { listen, typesOf } from '../../../tests/told.ts';

const START = Date.UTC(2026, 0, 1) / 1_000;
const FEBRUARY = Date.UTC(2026, 1, 1) / 1_000;
const MARCH = Date.UTC(2026, 2, 1) / 1_000;
const HOUR = 3_600;
/** As many digits as an event may have. */
const MISTAKE = '999999999999999';

let kontor: Kontor;
let stripe: Stripe;
let prices: string[];
before(async () => {
  kontor = await startKontor();
  stripe = kontor.stripe;
  const { id: meter } = await meterOf(stripe, 'calls');
  const calls = await meteredPrice(stripe, meter, 100);
  const seat = await seatPrice(stripe, 1_000);
  prices = [calls.id, seat.id];
});
after(() => kontor.close());

async function customerOn(clock: string) {
  const { id: customer } = await stripe.customers.create({ test_clock: clock, ...paysBy() });
  const { id: subscription } = await stripe.subscriptions.create({ customer, items: prices.map((price) => ({ price })) });
  const use = (value: string, identifier?: string, timestamp = FEBRUARY - 60) => stripe.billing.meterEvents.create({ event_name: 'calls', timestamp, payload: { stripe_customer_id: customer, value }, ...(identifier && { identifier }) });
  return { customer, subscription, use };
}
const latest = async (customer: string) => (await stripe.invoices.list({ customer, limit: 1 })).data[0]!;
const amounts = (invoice: Stripe.Invoice) => invoice.lines.data.map((line) => line.amount);
const amend = (customer: string, identifier: string, value: string) => own(stripe, 'POST', 'usage/corrections', { type: 'amend', amend: { event_name: 'calls', identifier, payload: { stripe_customer_id: customer, value } } });
const held = async () => (await own(stripe, 'GET', 'held_usage')).data;

const sentencesOf = async (id: string): Promise<string[]> => (await explained(stripe, id)).lines.flatMap((line: Json) => line.sentences);

test('usage that comes to more than a line may is held and listed, stops nobody, and is billed once it is put right', async () => {
  const { id: clock } = await stripe.testHelpers.testClocks.create({ frozen_time: START });
  const [mistaken, other] = [await customerOn(clock), await customerOn(clock)];
  await kontor.advance(clock, FEBRUARY - 60);
  await mistaken.use(MISTAKE, 'mistake');
  await other.use('5');
  // While the period runs it counts as the most that a line may come to, so that caps hold.
  const cost = await own(stripe, 'GET', `customers/${mistaken.customer}/usage`);
  assert.ok(JSON.stringify(cost).includes('999999999999'));
  await own(stripe, 'POST', 'caps', { customer: mistaken.customer, amount: 10_000, currency: 'usd' });
  const check = await own(stripe, 'POST', 'usage/check', { customer: mistaken.customer, event_name: 'calls', quantity: 1 });
  assert.equal(check.allowed, false);
  const preview = await stripe.invoices.createPreview({ subscription: mistaken.subscription });
  assert.equal(amounts(preview)[0], 0);
  const told = listen(kontor);
  await told();
  await kontor.advance(clock, FEBRUARY + 2 * HOUR);
  assert.deepEqual(amounts(await latest(other.customer)), [500, 1_000]);
  const january = await latest(mistaken.customer);
  assert.deepEqual([january.status, january.total, ...january.lines.data.map((line) => [line.amount, line.quantity])], ['paid', 1_000, [0, 999_999_999_999_999], [1_000, 1]]);
  assert.equal(january.lines.data[0]!.description, `${MISTAKE} × Calls (at $1.00 / month), held: more than $9,999,999,999.99`);
  assert.equal(typesOf(await told()).filter((type) => type === 'kontor.invoice.usage_held').length, 1);
  assert.deepEqual((await held()), []);
  const { data } = await own(stripe, 'GET', `held_usage?customer=${mistaken.customer}`);
  assert.deepEqual(data, [{ id: january.id, object: 'kontor.held_usage', currency: 'usd', customer: mistaken.customer, largest_amount: 999_999_999_999, lines: [{ comes_to: '99999999999999900', description: january.lines.data[0]!.description, line: january.lines.data[0]!.id, quantity: MISTAKE, subscription_item: january.lines.data[0]!.parent!.subscription_item_details!.subscription_item }], livemode: false, subscription: mistaken.subscription }]);
  assert.ok((await sentencesOf(january.id)).some((each) => each.includes('comes to $999,999,999,999,999.00, more than the $9,999,999,999.99 that a line may come to')));
  await amend(mistaken.customer, 'mistake', '7');
  assert.deepEqual((await own(stripe, 'GET', `held_usage?customer=${mistaken.customer}`)).data, []);
  await kontor.advance(clock, MARCH + 2 * HOUR);
  const february = await latest(mistaken.customer);
  assert.deepEqual(february.lines.data.map((line) => [line.amount, line.description]).slice(0, 1), [[700, `Correction of ${january.number}: 7 instead of ${MISTAKE} × Calls (at $1.00 / month)`]]);
  await sentencesOf(february.id);
});

test('a draft with it is as it should be where that is put right in time, and what is billed is left alone where it comes late', async () => {
  const { id: clock } = await stripe.testHelpers.testClocks.create({ frozen_time: START });
  const { customer, subscription, use } = await customerOn(clock);
  await kontor.advance(clock, FEBRUARY - 60);
  await use(MISTAKE, 'second mistake');
  await kontor.advance(clock, FEBRUARY);
  await amend(customer, 'second mistake', '4');
  await kontor.advance(clock, FEBRUARY + 2 * HOUR);
  const january = await latest(customer);
  assert.deepEqual([amounts(january), january.lines.data[0]!.description], [[400, 1_000], '4 × Calls (at $1.00 / month)']);
  await use(MISTAKE, 'third mistake');
  const waiting = async () => (await stripe.invoiceItems.list({ customer, pending: true })).data.map((item) => item.amount);
  assert.deepEqual(await waiting(), []);
  await amend(customer, 'third mistake', '1');
  assert.deepEqual(await waiting(), [100]);
  // Many of them are more than a number says exactly.
  for (let n = 0; n < 10; n += 1) await use(MISTAKE, undefined, FEBRUARY + HOUR);
  const { lines: { data: [, usage] } } = await stripe.invoices.createPreview({ customer, subscription });
  assert.deepEqual([usage!.amount, usage!.quantity, String(usage!.quantity_decimal)], [0, null, '9999999999999990']);
});
