import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { verify } from '../../../server/verify.ts';
import { FEBRUARY, HOUR, START } from '../../../tests/days.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { explained, own, type Json } from '../../../tests/own.ts';
import { meteredPrice, meterOf, paysBy, seatPrice } from '../../../tests/shop.ts';
import { listen, typesOf } from '../../../tests/told.ts';

const MARCH = Date.UTC(2026, 2, 1) / 1_000;
/** As many digits as an event may have. */
const MISTAKE = '999999999999999';
const PUT_RIGHT = 'Amend the event that is mistaken with POST /v1/kontor/usage/corrections, or cancel it';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const { id: meter } = await meterOf(stripe, 'calls');
const calls = await meteredPrice(stripe, meter, 100);
const seat = await seatPrice(stripe, 1_000);
const prices = [calls.id, seat.id];

async function customerOn(clock: string) {
  const { id: customer } = await stripe.customers.create({ test_clock: clock, ...paysBy() });
  const { id: subscription } = await stripe.subscriptions.create({ customer, items: prices.map((price) => ({ price })) });
  const use = (value: string, identifier?: string, timestamp = FEBRUARY - 60) => stripe.billing.meterEvents.create({ event_name: 'calls', timestamp, payload: { stripe_customer_id: customer, value }, ...(identifier && { identifier }) });
  return { customer, subscription, use };
}
const latest = async (customer: string) => (await stripe.invoices.list({ customer, limit: 1 })).data[0]!;
const amounts = (invoice: Stripe.Invoice) => invoice.lines.data.map((line) => line.amount);
const amend = (customer: string, identifier: string, value: string) => own(stripe, 'POST', 'usage/corrections', { type: 'amend', amend: { event_name: 'calls', identifier, payload: { stripe_customer_id: customer, value } } });
const held = async (customer?: string) => (await own(stripe, 'GET', `held_usage${customer ? `?customer=${customer}` : ''}`)).data;
/** What `kontor verify` finds of usage that was billed. */
const found = async () => (await verify(kontor.database, () => undefined, kontor.app.clock, { audits: kontor.app.register.audits })).filter(({ invariant }) => invariant === 'I24').map(({ sentence }) => sentence);

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
  const data = await held(mistaken.customer);
  assert.deepEqual(data, [{ id: january.id, object: 'kontor.held_usage', currency: 'usd', customer: mistaken.customer, largest_amount: 999_999_999_999, lines: [{ comes_to: '99999999999999900', description: january.lines.data[0]!.description, line: january.lines.data[0]!.id, message: `What was used comes to $999,999,999,999,999.00, more than the $9,999,999,999.99 that a line may come to: the invoice charged 0 for it. ${PUT_RIGHT}, and the next invoice bills the usage.`, quantity: MISTAKE, status: 'not_billed', subscription_item: january.lines.data[0]!.parent!.subscription_item_details!.subscription_item }], livemode: false, subscription: mistaken.subscription }]);
  assert.ok((await sentencesOf(january.id)).some((each) => each.includes('comes to $999,999,999,999,999.00, more than the $9,999,999,999.99 that a line may come to')));
  await amend(mistaken.customer, 'mistake', '7');
  assert.deepEqual(await held(mistaken.customer), []);
  await kontor.advance(clock, MARCH + 2 * HOUR);
  const february = await latest(mistaken.customer);
  assert.deepEqual(february.lines.data.map((line) => [line.amount, line.description]).slice(0, 1), [[700, `Correction of ${january.number}: 7 instead of ${MISTAKE} × Calls (at $1.00 / month)`]]);
  await sentencesOf(february.id);
});

test('a draft with it says so, and is as it should be where that is put right in time', async () => {
  const { id: clock } = await stripe.testHelpers.testClocks.create({ frozen_time: START });
  const { customer, use } = await customerOn(clock);
  await kontor.advance(clock, FEBRUARY - 60);
  await use(MISTAKE, 'second mistake');
  await kontor.advance(clock, FEBRUARY);
  assert.deepEqual((await held(customer)).flatMap((each: Json) => each.lines.map((line: Json) => line.status)), ['draft']);
  await amend(customer, 'second mistake', '4');
  await kontor.advance(clock, FEBRUARY + 2 * HOUR);
  const january = await latest(customer);
  assert.deepEqual([amounts(january), january.lines.data[0]!.description], [[400, 1_000], '4 × Calls (at $1.00 / month)']);
  assert.deepEqual(await held(customer), []);
});

test('what makes too much of an invoice is listed and told of once, keeps it from being corrected, and is forgotten once it is amended or canceled, or the invoice is voided', async () => {
  const { id: clock } = await stripe.testHelpers.testClocks.create({ frozen_time: START });
  const { customer, subscription, use } = await customerOn(clock);
  await stripe.subscriptions.update(subscription, { collection_method: 'send_invoice', days_until_due: 30 });
  await kontor.advance(clock, FEBRUARY - 60);
  await use('4');
  await kontor.advance(clock, FEBRUARY + 2 * HOUR);
  const january = await latest(customer);
  const waiting = async () => (await stripe.invoiceItems.list({ customer, pending: true })).data.map((item) => item.amount);
  const told = listen(kontor);
  const tellings = async () => (await told()).flatMap(({ type, id }) => (type === 'kontor.invoice.usage_held' ? [id] : []));
  await tellings();
  await use(MISTAKE, 'third mistake');
  const [{ id, lines: [line] }] = await held(customer);
  assert.deepEqual([id, line.line, line.status, line.quantity, line.comes_to], [january.id, january.lines.data[0]!.id, 'not_corrected', '1000000000000003', '100000000000000300']);
  assert.equal(line.message, `With what came after the invoice, the usage comes to $1,000,000,000,000,003.00, more than the $9,999,999,999.99 that a line may come to: nothing of the invoice is corrected meanwhile. ${PUT_RIGHT}, and the next invoice bills what is missing.`);
  // More comes, and it is looked at again: that is no news, and what is missing is told at any time.
  await use('2');
  assert.deepEqual([(await held(customer))[0].lines[0].quantity, await waiting(), await tellings()], ['1000000000000005', [], [january.id]]);
  await kontor.counted();
  assert.deepEqual(await found(), []);
  await amend(customer, 'third mistake', '1');
  assert.deepEqual([await held(customer), await waiting(), await tellings()], [[], [300], []]);
  // It may come again.
  await use(MISTAKE, 'fourth mistake');
  assert.deepEqual([(await held(customer)).length, await waiting(), await tellings()], [1, [300], [january.id]]);
  await stripe.billing.meterEventAdjustments.create({ event_name: 'calls', type: 'cancel', cancel: { identifier: 'fourth mistake' } });
  assert.deepEqual([await held(customer), await waiting(), await tellings()], [[], [300], []]);
  await use(MISTAKE, 'fifth mistake');
  const forget = (set: string) => kontor.database.inWorld(kontor.world, (tx) => tx.query(`update held_lines set ${set} where invoice = '${january.id}'`));
  await kontor.counted();
  const other = (await stripe.invoices.list({ customer })).data.flatMap((each) => each.lines.data).find((each) => each.id !== line.line)!;
  await forget(`id = '${other.id}'`);
  assert.deepEqual((await found()).map((each) => each.replace(/^on \S+ /, '')).sort(), ['it comes to 100000000000000600, more than a line may come to, and is not listed as held', 'it is listed as held, and the 1 that are counted now can be billed']);
  await forget(`id = '${line.line}'`);
  await stripe.invoices.voidInvoice(january.id);
  await kontor.advance(clock, FEBRUARY + 3 * HOUR);
  assert.deepEqual([await held(customer), await waiting()], [[], []]);
});

test('where what was held is put right and comes to too much again, nothing is given back for it', async () => {
  const { id: clock } = await stripe.testHelpers.testClocks.create({ frozen_time: START });
  const { customer, subscription, use } = await customerOn(clock);
  await kontor.advance(clock, FEBRUARY - 60);
  await use(MISTAKE, 'sixth mistake');
  await kontor.advance(clock, FEBRUARY + 2 * HOUR);
  await amend(customer, 'sixth mistake', '7');
  const waiting = async () => (await stripe.invoiceItems.list({ customer, pending: true })).data.map((item) => item.amount);
  assert.deepEqual(await waiting(), [700]);
  await use(MISTAKE, 'seventh mistake');
  assert.deepEqual([await waiting(), (await held(customer))[0].lines[0].status], [[700], 'not_corrected']);
  // Many of them are more than a number says exactly.
  for (let n = 0; n < 10; n += 1) await use(MISTAKE, undefined, FEBRUARY + HOUR);
  const { lines: { data } } = await stripe.invoices.createPreview({ customer, subscription });
  assert.deepEqual(data.map(({ amount, quantity, quantity_decimal }) => [amount, quantity, String(quantity_decimal)]).at(1), [0, null, '9999999999999990']);
});

test('what is held is not billed before its period ends', async () => {
  const { id: clock } = await stripe.testHelpers.testClocks.create({ frozen_time: START });
  const { customer, subscription, use } = await customerOn(clock);
  await stripe.subscriptions.update(subscription, { billing_thresholds: { amount_gte: 1_000 } });
  await kontor.advance(clock, START + HOUR);
  await use(MISTAKE, 'eighth mistake', START + HOUR);
  await use('20', undefined, START + HOUR);
  await kontor.advance(clock, START + 2 * HOUR);
  assert.deepEqual([(await stripe.invoices.list({ customer })).data.length, await held(customer)], [1, []]);
  await amend(customer, 'eighth mistake', '1');
  await kontor.advance(clock, START + 3 * HOUR);
  assert.deepEqual([amounts(await latest(customer)), await held(customer)], [[2_100], []]);
});
