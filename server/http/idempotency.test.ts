import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type Stripe from 'stripe';
import { until } from '../../tests/awaited.ts';
import { startKontor, type Kontor } from '../../tests/kontor.ts';
import { performDueCalls } from '../calls.ts';
import { machineClock } from '../clock.ts';
import { inWorld } from '../database/world.ts';
import { customerAt, paysBy } from '../../tests/shop.ts';

type Processor = NonNullable<Kontor['app']['connectors']['processors']['test']>;

let ahead = 0;
let kontor: Kontor;
let processor: Processor;
let charge: Processor['charge'];
/** How often a charge reached the processor. */
let asked = 0;
/** Resolves when the processor may answer. */
let answering: Promise<unknown> = Promise.resolve();

before(async () => {
  kontor = await startKontor({ clock: machineClock(() => Date.now() + ahead), works: false });
  processor = kontor.app.connectors.processors.test!;
  charge = processor.charge;
  processor.charge = async (request) => {
    asked += 1;
    await answering;
    return charge(request);
  };
});
beforeEach(() => {
  asked = 0;
  answering = Promise.resolve();
});
after(() => kontor.close());

type Heard = { status: number; text: string; body: { status?: string; error?: { code: string } }; replayed: boolean };

async function post(path: string, form: string, idempotencyKey: string, key = kontor.key): Promise<Heard> {
  const answer = await fetch(kontor.url + path, { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/x-www-form-urlencoded', 'idempotency-key': idempotencyKey }, body: form });
  const text = await answer.text();
  return { status: answer.status, text, body: JSON.parse(text), replayed: answer.headers.get('idempotent-replayed') === 'true' };
}

const PAY = 'amount=1000&currency=usd&confirm=true&payment_method=';

/** Sixty-four requests with one key, half of them while the processor thinks about the charge. */
async function atOnce(form: string, key: string): Promise<Heard[]> {
  const { promise, resolve } = Promise.withResolvers<void>();
  answering = promise;
  const pay = () => post('/v1/payment_intents', form, key);
  const first = Array.from({ length: 32 }, pay);
  await until(() => asked > 0);
  const second = await Promise.all(Array.from({ length: 16 }, pay));
  assert.deepEqual([...new Set(second.map((heard) => heard.body.error?.code))], ['idempotency_key_in_use']);
  resolve();
  return [...(await Promise.all([...first, ...Array.from({ length: 16 }, pay)])), await pay()];
}

for (const [what, card, status] of [['that is made', 'pm_card_visa', 200], ['that is declined', 'pm_card_chargeDeclined', 402]] as const) {
  test(`of sixty-four requests with one key, a payment ${what} is asked for once, and has one answer`, async () => {
    const heard = await atOnce(PAY + card, `at once ${card}`);
    const answers = heard.filter((each) => each.status !== 409);
    assert.equal(asked, 1);
    assert.deepEqual([...new Set(answers.map((each) => each.status))], [status]);
    assert.equal(new Set(answers.map((each) => each.text)).size, 1);
    assert.equal(answers.at(-1)!.replayed, true);
  });
}

/** A request that waits for the processor until it is woken; others do not. */
async function sleeping(key: string): Promise<{ first: Promise<Heard>; wake: () => void }> {
  const { promise, resolve: wake } = Promise.withResolvers<void>();
  answering = promise;
  const first = post('/v1/payment_intents', `${PAY}pm_card_visa`, key);
  await until(() => asked > 0);
  answering = Promise.resolve();
  return { first, wake };
}

/** What the calls of a payment look like where their writer died before it asked, or while it did. */
function died(attempts: 0 | 1): Promise<unknown> {
  return inWorld(kontor.database.pool, kontor.world, (tx) => tx.query(`update calls set attempts = ${attempts}, next_at = created + interval '10 seconds' where state = 'pending'`));
}

test('a request whose server dies before it asks is made whole by its repetition', async () => {
  const { first, wake } = await sleeping('died before');
  await died(0);
  const again = await post('/v1/payment_intents', `${PAY}pm_card_visa`, 'died before');
  assert.deepEqual([again.status, again.body.status], [200, 'succeeded']);
  assert.equal((await post('/v1/payment_intents', `${PAY}pm_card_visa`, 'died before')).text, again.text);
  assert.equal((await kontor.stripe.charges.list()).data.filter((each) => each.payment_intent === JSON.parse(again.text).id).length, 1);
  // The one that was taken for dead comes to the same.
  wake();
  assert.equal((await first).text, again.text);
});

test('where a server dies while it asks, its request has no answer until the worker knows it, and then that one', async () => {
  const { first, wake } = await sleeping('died while');
  await died(1);
  assert.equal((await post('/v1/payment_intents', `${PAY}pm_card_visa`, 'died while')).body.error?.code, 'idempotency_key_in_use');
  ahead = 61_000;
  await performDueCalls(kontor.app);
  const again = await post('/v1/payment_intents', `${PAY}pm_card_visa`, 'died while');
  assert.deepEqual([again.status, again.body.status, again.replayed], [200, 'succeeded', false]);
  assert.equal((await post('/v1/payment_intents', `${PAY}pm_card_visa`, 'died while')).text, again.text);
  wake();
  assert.equal((await first).text, again.text);
});

test('a change that has been made and paid is answered with what it made, where others have removed that meanwhile', async () => {
  const { stripe } = kontor;
  const { customer } = await customerAt(stripe, 1_790_000_000);
  const seat = { currency: 'usd', product: (await stripe.products.create({ name: 'Seat' })).id, recurring: { interval: 'month' as const }, unit_amount: 1_000 };
  const { id, items } = await stripe.subscriptions.create({ customer, items: [{ price_data: seat }, { price_data: { ...seat, unit_amount: 500 } }] });
  const item = items.data[0]!.id;
  asked = 0;
  const { promise, resolve: wake } = Promise.withResolvers<void>();
  answering = promise;
  const changed = post(`/v1/subscription_items/${item}`, 'quantity=4&proration_behavior=always_invoice&expand[]=price.product', 'a change');
  await until(() => asked > 0);
  await stripe.subscriptionItems.del(item, { proration_behavior: 'none' });
  wake();
  const heard = await changed;
  assert.equal(heard.status, 200, heard.text);
  const { id: named, object, quantity, subscription, price } = JSON.parse(heard.text) as Stripe.SubscriptionItem;
  assert.deepEqual([named, object, quantity, subscription, (price.product as Stripe.Product).name], [item, 'subscription_item', 4, id, 'Seat']);
  assert.equal((await post(`/v1/subscription_items/${item}`, 'quantity=4&proration_behavior=always_invoice&expand[]=price.product', 'a change')).text, heard.text);
  await assert.rejects(stripe.subscriptionItems.retrieve(item), { statusCode: 404 });
  assert.equal((await stripe.invoices.list({ subscription: id })).data[0]!.amount_paid, 3_000);
});

test('a payment whose test clock is deleted while the processor thinks is answered as it was asked for', async () => {
  const { stripe } = kontor;
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: 1_790_000_000 });
  const customer = await stripe.customers.create({ test_clock: clock.id, ...paysBy() });
  const { promise, resolve: wake } = Promise.withResolvers<void>();
  answering = promise;
  const paid = post('/v1/payment_intents', `${PAY}${customer.invoice_settings.default_payment_method as string}&customer=${customer.id}&expand[]=customer`, 'deleted meanwhile');
  await until(() => asked > 0);
  await stripe.testHelpers.testClocks.del(clock.id);
  wake();
  const heard = await paid;
  assert.deepEqual([heard.status, heard.body.status, (JSON.parse(heard.text) as Stripe.PaymentIntent).customer], [200, 'processing', customer.id]);
});

test("a browser is not answered with what a secret key was answered, and does not use up the account's keys", async () => {
  const browser = await kontor.newKey({ kind: 'publishable' });
  const { id, client_secret } = await kontor.stripe.paymentIntents.create({ amount: 500, currency: 'usd', metadata: { margin: '80 %' } });
  const form = `payment_method=pm_card_visa&client_secret=${client_secret}`;
  const own = await post(`/v1/payment_intents/${id}/confirm`, form, 'order 1');
  assert.equal(own.status, 200);
  const seen = await post(`/v1/payment_intents/${id}/confirm`, form, 'order 1', browser);
  assert.deepEqual([seen.status, seen.replayed, seen.text.includes('margin')], [400, false, false]);
  await post(`/v1/payment_intents/${id}/confirm`, form, 'order 2', browser);
  assert.equal((await post('/v1/customers', 'name=Jenny', 'order 2')).status, 200);
});

test('a key belongs to one request: with other parameters, or to another path, it is refused, and the first answer stays', async () => {
  const first = await post('/v1/customers', 'name=Jenny', 'one request');
  for (const [path, form] of [['/v1/customers', 'name=Jennifer'], ['/v1/customers', ''], ['/v1/products', 'name=Jenny']] as const) {
    const other = await post(path, form, 'one request');
    assert.deepEqual([other.status, (other.body.error as { type?: string }).type, other.replayed], [400, 'idempotency_error', false], `${path} ${form}`);
  }
  const again = await post('/v1/customers', 'name=Jenny', 'one request');
  assert.deepEqual([again.status, again.text, again.replayed], [200, first.text, true]);
});

test('a request is known by its parameters, however they are spelt and in whichever order, and lists by the order of what is in them', async () => {
  const first = await post('/v1/customers', 'name=Jenny+Rosen&metadata[a]=1&metadata[b]=2&preferred_locales[]=de&preferred_locales[]=en', 'spelt');
  assert.equal((await post('/v1/customers', 'metadata%5Bb%5D=2&preferred_locales[]=de&name=Jenny%20Rosen&preferred_locales[]=en&metadata[a]=1', 'spelt')).text, first.text);
  assert.equal((await post('/v1/customers?name=Jenny%20Rosen&metadata[a]=1', 'metadata[b]=2&preferred_locales[]=de&preferred_locales[]=en', 'spelt')).text, first.text);
  for (const form of ['name=Jenny+Rosen&metadata[a]=1&metadata[b]=2&preferred_locales[]=en&preferred_locales[]=de', 'name=Jenny+Rosen&metadata[a]=2&metadata[b]=1&preferred_locales[]=de&preferred_locales[]=en']) {
    assert.equal((await post('/v1/customers', form, 'spelt')).status, 400, form);
  }
});

test('the same key of another account is another key', async () => {
  const other = await kontor.another();
  const [mine, theirs] = [await post('/v1/customers', 'name=Jenny', 'a key of many'), await post('/v1/customers', 'name=Ada', 'a key of many', other.key)];
  assert.deepEqual([mine.status, theirs.status, theirs.replayed], [200, 200, false]);
});
