/** Lives of payments at Stripe, on test clocks where time has to pass. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { machineClock } from '../../../server/clock.ts';
import { inWorld } from '../../../server/database/world.ts';
import { startAtStripe } from '../../../tests/at_stripe.ts';
import { until } from '../../../tests/awaited.ts';
import type { Fault } from '../../../tests/fakes/server.ts';
import type { Json } from '../../../tests/own.ts';

/** What goes wrong with the next requests to Stripe, one each. */
const faults: Fault[] = [];
/** So far Kontor's clock is ahead of the machine's. */
let ahead_s = 0;

const at = await startAtStripe({ clock: machineClock(() => Date.now() + ahead_s * 1_000), faults });
const { fake, kontor, stripe, processor, raw, cardAt } = at;
after(async () => {
  // What was paid on an old page is kept apart, and shown to whoever looks.
  await assert.rejects(at.close(), ({ message }: Error) => message.split('\n').length === 2 && /I7 .* its charges took 1000$/.test(message));
});

const BACK = 'https://shop.example.com/back';
const statusOf = async (id: string): Promise<string> => (await stripe.paymentIntents.retrieve(id)).status;
/** What Stripe has of a payment, newest first. */
const thereOf = (intent: string): Json[] => [...fake.intents.values()].filter((each) => each.metadata.payment_intent === intent).toReversed();

test('a subscription is paid at Stripe from its start, and renewed', async () => {
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: Math.floor(Date.now() / 1_000) });
  const customer = await stripe.customers.create({ test_clock: clock.id });
  const method = await cardAt('pm_card_visa');
  await stripe.paymentMethods.attach(method, { customer: customer.id });
  const price = await stripe.prices.create({ currency: 'usd', unit_amount: 1_900, recurring: { interval: 'month' }, product_data: { name: 'Desk' } });
  const { id } = await stripe.subscriptions.create({ customer: customer.id, default_payment_method: method, items: [{ price: price.id }] });
  assert.equal((await stripe.subscriptions.retrieve(id)).status, 'active');
  await kontor.advance(clock.id, clock.frozen_time + 32 * 86_400);
  const { data } = await stripe.invoices.list({ subscription: id });
  assert.deepEqual(data.map((each) => [each.billing_reason, each.status]), [['subscription_cycle', 'paid'], ['subscription_create', 'paid']]);
  assert.deepEqual([...fake.intents.values()].map((each) => [each.status, each.asked.off_session ?? null]).slice(-1), [['succeeded', 'true']]);
});

test('a card whose holder was asked once is charged without its holder from then on', async () => {
  const { id: customer } = await stripe.customers.create();
  const method = await cardAt('pm_card_authenticationRequiredOnSetup');
  const asked = await stripe.paymentIntents.create({ amount: 1_000, currency: 'usd', customer, payment_method: method, confirm: true, setup_future_usage: 'off_session', return_url: BACK });
  assert.equal(asked.status, 'requires_action');
  fake.act(thereOf(asked.id)[0]!.id, 'succeeded');
  await fake.herald.settled();
  assert.equal(await statusOf(asked.id), 'succeeded');
  const later = await stripe.paymentIntents.create({ amount: 2_000, currency: 'usd', customer, payment_method: method, confirm: true, off_session: true });
  assert.equal(later.status, 'succeeded');
});

test('a card that was set up on a page of its bank is charged without its holder', async () => {
  const { id: customer } = await stripe.customers.create();
  const setup = await stripe.setupIntents.create({ customer, payment_method: await cardAt('pm_card_authenticationRequiredOnSetup'), confirm: true, return_url: BACK });
  assert.equal(setup.status, 'requires_action');
  const { reference } = (await raw('GET', `payment_attempts?subject=${setup.id}`)).data[0];
  fake.act(reference, 'succeeded');
  await fake.herald.settled();
  const done = await stripe.setupIntents.retrieve(setup.id);
  assert.equal(done.status, 'succeeded');
  const paid = await stripe.paymentIntents.create({ amount: 2_000, currency: 'usd', customer, payment_method: done.payment_method as string, confirm: true, off_session: true });
  assert.equal(paid.status, 'succeeded');
});

/** A payment whose holder is asked; nothing is heard by webhooks until they come again. */
async function asked(): Promise<{ id: string; there: string }> {
  const { id, status } = await stripe.paymentIntents.create({ amount: 1_000, currency: 'usd', payment_method: await cardAt('pm_card_authenticationRequired'), confirm: true, return_url: BACK });
  assert.equal(status, 'requires_action');
  return { id, there: thereOf(id)[0]!.id };
}
async function unheard(work: () => Promise<void>): Promise<void> {
  // What was told before would be looked up only now.
  await fake.herald.settled();
  const { url } = fake.herald;
  fake.herald.url = null;
  try {
    await work();
  } finally {
    fake.herald.url = url;
    await fake.herald.settled();
  }
}
const chargesOf = async (payment_intent: string) => (await stripe.charges.list({ payment_intent })).data.map(({ amount, amount_captured, status }) => [amount, amount_captured, status]);

test('what its holder was asked for cannot be paid any more once it is canceled, or tried in another way', async () => {
  const canceled = await asked();
  await stripe.paymentIntents.cancel(canceled.id);
  assert.equal(fake.intents.get(canceled.there)!.status, 'canceled');
  const replaced = await asked();
  const paid = await stripe.paymentIntents.confirm(replaced.id, { payment_method: await cardAt('pm_card_visa') });
  assert.deepEqual([paid.status, fake.intents.get(replaced.there)!.status, fake.captured('payment_intent', replaced.id)], ['succeeded', 'canceled', 1]);
});

/** A setup that waits for its holder on a page at Stripe, with what Stripe calls it. */
async function setupAsked(): Promise<{ id: string; there: string }> {
  const { id: customer } = await stripe.customers.create();
  const { id, status } = await stripe.setupIntents.create({ customer, payment_method: await cardAt('pm_card_authenticationRequiredOnSetup'), confirm: true, return_url: BACK });
  assert.equal(status, 'requires_action');
  return { id, there: fake.setups.at(-1)!.id };
}
const setupThere = (id: string): string => fake.setups.find((each) => each.id === id)!.status;

test('what its holder was asked to set up cannot be any more once it is canceled, or goes on with another method', async () => {
  const canceled = await setupAsked();
  await stripe.setupIntents.cancel(canceled.id);
  assert.equal(setupThere(canceled.there), 'canceled');
  const replaced = await setupAsked();
  const kept = await stripe.setupIntents.confirm(replaced.id, { payment_method: await cardAt('pm_card_visa') });
  assert.equal(kept.status, 'succeeded');
  await until(async () => setupThere(replaced.there) === 'canceled');
  const changed = await setupAsked();
  await stripe.setupIntents.update(changed.id, { payment_method: await cardAt('pm_card_visa') });
  assert.equal(setupThere(changed.there), 'canceled');
});

test('a setup that its holder has finished just before it was canceled stays canceled, and its card can be set up again', async () => {
  const { id, there } = await setupAsked();
  const method = (await stripe.setupIntents.retrieve(id)).payment_method as string;
  await unheard(async () => {
    fake.act(there, 'succeeded');
    assert.equal((await stripe.setupIntents.cancel(id)).status, 'canceled');
    assert.equal((await raw('GET', `payment_attempts?subject=${id}`)).data[0].state, 'succeeded');
  });
  assert.equal((await stripe.setupIntents.retrieve(id)).status, 'canceled');
  const { id: customer } = await stripe.customers.create();
  const again = await stripe.setupIntents.create({ customer, payment_method: method, confirm: true, return_url: BACK });
  assert.deepEqual([again.status, fake.setups.at(-1)!.customer], ['requires_action', fake.customers.ownerOf(fake.setups.at(-1)!.payment_method)]);
});

test('what is given up late leaves alone what the payment goes on with', async () => {
  const { id, there } = await asked();
  const other = await cardAt('pm_card_authenticationRequired');
  faults.push('lost_before');
  await stripe.paymentIntents.update(id, { amount: 1_500 });
  assert.equal(fake.intents.get(there)!.status, 'requires_action');
  const again = await stripe.paymentIntents.confirm(id, { payment_method: other, return_url: BACK });
  assert.equal(again.status, 'requires_action');
  await until(async () => fake.intents.get(there)!.status === 'canceled');
  ahead_s += 15;
  const over = () => inWorld(kontor.database.pool, kontor.world, (tx) => tx.query(`select 1 from calls where id = $1 and state = 'answered'`, [`${id}:give_up:1`]));
  await until(async () => (await over()).rowCount === 1);
  assert.equal(thereOf(id)[0]!.status, 'requires_action');
});

test('a holder who has paid meanwhile pays once', async () => {
  const { id, there } = await asked();
  await unheard(async () => {
    fake.act(there, 'succeeded');
    await stripe.paymentIntents.confirm(id, { payment_method: await cardAt('pm_card_visa') });
    assert.deepEqual([await statusOf(id), fake.captured('payment_intent', id), await chargesOf(id)], ['succeeded', 1, [[1_000, 1_000, 'succeeded']]]);
  });
  assert.deepEqual([await statusOf(id), await chargesOf(id)], ['succeeded', [[1_000, 1_000, 'succeeded']]]);
});

test('what was paid on an old page is booked as what was asked for there, and pays nothing else', async () => {
  const { id, there } = await asked();
  await unheard(async () => {
    fake.act(there, 'succeeded');
    await stripe.paymentIntents.update(id, { amount: 10_000 });
  });
  const intent = await stripe.paymentIntents.retrieve(id);
  assert.deepEqual([intent.status, intent.amount, intent.amount_received, await chargesOf(id)], ['requires_confirmation', 10_000, 0, [[1_000, 1_000, 'succeeded']]]);
});

test('a payment that was given up at Stripe waits for another method', async () => {
  const { id, there } = await asked();
  fake.cancel(there);
  await fake.herald.settled();
  const { status, last_payment_error } = await stripe.paymentIntents.retrieve(id);
  assert.deepEqual([status, last_payment_error!.code], ['requires_payment_method', 'payment_intent_unexpected_state']);
});

test('what is reserved is given up or captured at Stripe itself, and is so here', async () => {
  const reserve = async () => stripe.paymentIntents.create({ amount: 3_000, currency: 'usd', payment_method: await cardAt('pm_card_visa'), confirm: true, capture_method: 'manual' });
  const [given, captured, late] = [await reserve(), await reserve(), await reserve()];
  fake.cancel(thereOf(given.id)[0]!.id);
  fake.capture(thereOf(captured.id)[0]!.id, 2_000);
  await fake.herald.settled();
  assert.equal(await statusOf(given.id), 'canceled');
  assert.deepEqual([await statusOf(captured.id), (await stripe.paymentIntents.retrieve(captured.id)).amount_received], ['succeeded', 2_000]);
  await unheard(async () => {
    fake.capture(thereOf(late.id)[0]!.id, 2_500);
    await stripe.paymentIntents.capture(late.id);
    assert.deepEqual([await statusOf(late.id), (await stripe.paymentIntents.retrieve(late.id)).amount_received], ['succeeded', 2_500]);
  });
  assert.deepEqual(await chargesOf(late.id), [[3_000, 2_500, 'succeeded']]);
});

test('what the issuer does not raise is said, and stays reserved as it was', async () => {
  const card = { request_incremental_authorization: 'if_available' } as const;
  const made = await stripe.paymentIntents.create({ amount: 3_000, currency: 'usd', payment_method: await cardAt('pm_card_visa'), confirm: true, capture_method: 'manual', payment_method_options: { card } });
  await assert.rejects(stripe.paymentIntents.incrementAuthorization(made.id, { amount: 5_000_000 }), { statusCode: 402, code: 'card_declined', decline_code: 'insufficient_funds' });
  assert.deepEqual(await stripe.paymentIntents.retrieve(made.id).then(({ status, amount, amount_capturable }) => [status, amount, amount_capturable]), ['requires_capture', 3_000, 3_000]);
  assert.equal((await stripe.paymentIntents.incrementAuthorization(made.id, { amount: 4_000 })).amount, 4_000);
});

test('in test mode, too, the holder of a card at Stripe answers there', async () => {
  const { id, there } = await asked();
  await assert.rejects(raw('POST', `payment_intents/${id}/authenticate`, { result: 'succeeded' }), { code: 'payment_intent_unexpected_state' });
  fake.act(there, 'succeeded');
  await fake.herald.settled();
  assert.deepEqual(await chargesOf(id), [[1_000, 1_000, 'succeeded']]);
});

test('where nobody said where its holder comes back to, a card whose bank asks is refused with what to do', async () => {
  const order = { amount: 1_000, currency: 'usd', payment_method: await cardAt('pm_card_authenticationRequired'), confirm: true } as const;
  await assert.rejects(stripe.paymentIntents.create(order), ({ message }: Error) => /return_url/.test(message));
  assert.equal((await stripe.paymentIntents.create({ ...order, return_url: BACK })).status, 'requires_action');
});

test('a card that is somebody else\'s at Stripe is not charged by whoever knows its id', async () => {
  const { id: customer } = await stripe.customers.create();
  const method = await cardAt('pm_card_visa');
  await stripe.paymentMethods.attach(method, { customer });
  const there = fake.customers.methodIds().at(-1)!;
  await assert.rejects(stripe.paymentIntents.create({ amount: 1_000, currency: 'usd', payment_method: there, confirm: true }), { code: 'payment_method_unexpected_state' });
  // Whoever may bring it in gets the one that there is.
  assert.equal(await cardAt(there), method);
  assert.equal((await stripe.paymentIntents.create({ amount: 1_000, currency: 'usd', customer, payment_method: there, confirm: true })).payment_method, method);
});

test('what Stripe has as one payment method is one here, however often and by whatever way it is brought in', async () => {
  const there = fake.customers.putMethod('pm_card_visa', null);
  const both = await Promise.all([1, 2].map((n) => raw('POST', `processors/${processor}/payment_methods`, { token: there, metadata: { [`n${n}`]: 'x' } })));
  assert.equal(both[0]!.id, both[1]!.id);
  const { id, metadata } = await stripe.paymentMethods.retrieve(both[0]!.id);
  assert.deepEqual(metadata, { n1: 'x', n2: 'x' });
  await assert.rejects(stripe.paymentMethods.create({ type: 'card', card: { token: there } }), { code: 'payment_method_unexpected_state', param: 'card[token]' });
  const [{ id: customer }, other] = [await stripe.customers.create(), await stripe.customers.create()];
  assert.equal((await stripe.paymentMethods.attach(there, { customer })).id, id);
  await assert.rejects(stripe.paymentMethods.attach(there, { customer: other.id }), /attached to another customer/);
  assert.equal((await stripe.customers.update(customer, { invoice_settings: { default_payment_method: there } })).invoice_settings.default_payment_method, id);
});

test('a payment that went on after its page is one charge, whichever of its attempts the words are about', async () => {
  for (const capture_method of ['automatic', 'manual'] as const) {
    const { id } = await stripe.paymentIntents.create({ amount: 1_000, currency: 'usd', payment_method: await cardAt('pm_card_authenticationRequired'), confirm: true, return_url: BACK, capture_method });
    await unheard(async () => {
      fake.act(thereOf(id)[0]!.id, 'succeeded');
      assert.equal((await raw('POST', `payment_intents/${id}/return`, { details: { source: 'page' } })).status, capture_method === 'manual' ? 'requires_capture' : 'succeeded');
      if (capture_method === 'manual') assert.equal((await stripe.paymentIntents.capture(id)).status, 'succeeded');
    });
    const attempts = (await raw('GET', `payment_attempts?subject=${id}`)).data as Json[];
    assert.deepEqual(attempts.filter((each) => each.verb === 'charge').map((each) => each.reference), [thereOf(id)[0]!.id, thereOf(id)[0]!.id]);
    assert.deepEqual(await chargesOf(id), [[1_000, 1_000, 'succeeded']]);
  }
});

/** A card that a customer has, and what Stripe has of it. */
async function cardOf(customer: string, token = 'pm_card_visa'): Promise<{ method: string; there: string }> {
  const method = await cardAt(token);
  await stripe.paymentMethods.attach(method, { customer });
  return { method, there: fake.customers.methodIds().at(-1)! };
}
const detachOf = async (method: string): Promise<Json> => (await raw('GET', `payment_attempts?subject=${method}`)).data[0];

test('a card that is detached is let go at Stripe, with the customer that was made for it there', async () => {
  const { id: customer } = await stripe.customers.create();
  const before = fake.customers.ids();
  const { method, there } = await cardOf(customer);
  const owner = fake.customers.ownerOf(there)!;
  assert.deepEqual(fake.customers.ids(), [...before, owner]);
  assert.equal((await stripe.paymentMethods.detach(method)).customer, null);
  assert.deepEqual([fake.customers.ownerOf(there), fake.customers.ids()], [null, before]);
  const { verb, state, asked } = await detachOf(method);
  assert.deepEqual([verb, state, asked], ['detach', 'succeeded', 1]);
});

test('a customer at Stripe that has other cards, or was not made for Kontor, stays there', async () => {
  const [elsewhere, { id: customer }] = [fake.customers.put(), await stripe.customers.create()];
  const foreign = fake.customers.putMethod('pm_card_visa', elsewhere);
  await stripe.paymentMethods.attach(await cardAt(foreign), { customer });
  const { there } = await cardOf(customer);
  const second = fake.customers.putMethod('pm_card_mastercard', fake.customers.ownerOf(there)!);
  await stripe.paymentMethods.attach(await cardAt(second), { customer });
  const { data } = await stripe.customers.listPaymentMethods(customer);
  for (const { id } of data.slice(1)) await stripe.paymentMethods.detach(id);
  assert.deepEqual([fake.customers.ownerOf(foreign), fake.customers.ownerOf(there), fake.customers.ownerOf(second) === null, fake.customers.ids().includes(elsewhere)], [null, null, false, true]);
  await stripe.paymentMethods.detach(data[0]!.id);
  assert.equal(fake.customers.ownerOf(second), null);
});

test('what is detached while Stripe does not answer, or does not take the key, is let go there later', async () => {
  const { id: customer } = await stripe.customers.create();
  const { method, there } = await cardOf(customer);
  const { key } = fake;
  fake.key = 'sk_test_another0123456789';
  assert.equal((await stripe.paymentMethods.detach(method)).customer, null);
  assert.deepEqual([(await detachOf(method)).state, (await detachOf(method)).clears_up], ['unknown', 'repetition']);
  assert.notEqual(fake.customers.ownerOf(there), null);
  await assert.rejects(raw('POST', `payment_attempts/${(await detachOf(method)).id}/decide`, { outcome: 'not_done', evidence: 'It has nothing to do with money.' }), { code: 'lock_timeout' });
  fake.key = key;
  ahead_s += 10;
  await until(async () => (await detachOf(method)).state === 'succeeded');
  assert.equal(fake.customers.ownerOf(there), null);
});

test('a customer that is deleted is so at Stripe', async () => {
  const { id: customer } = await stripe.customers.create();
  const before = fake.customers.ids();
  const [first, second] = [await cardOf(customer), await cardOf(customer, 'pm_card_mastercard')];
  assert.equal(fake.customers.ids().length, before.length + 2);
  await stripe.customers.del(customer);
  ahead_s += 15;
  await until(async () => (await detachOf(first.method)).state === 'succeeded' && (await detachOf(second.method)).state === 'succeeded');
  assert.deepEqual([fake.customers.ownerOf(first.there), fake.customers.ownerOf(second.there), fake.customers.ids()], [null, null, before]);
});

test('a card that was detached while its holder agreed to keep it is kept nowhere', async () => {
  const { id: customer } = await stripe.customers.create();
  const setup = await stripe.setupIntents.create({ customer, payment_method: await cardAt('pm_card_authenticationRequiredOnSetup'), confirm: true, return_url: BACK });
  const { reference } = (await raw('GET', `payment_attempts?subject=${setup.id}`)).data[0];
  const there = fake.customers.methodIds().at(-1)!;
  await stripe.customers.del(customer);
  fake.act(reference, 'succeeded');
  assert.notEqual(fake.customers.ownerOf(there), null);
  await fake.herald.settled();
  await until(async () => fake.customers.ownerOf(there) === null);
  assert.equal((await stripe.paymentMethods.retrieve(setup.payment_method as string)).customer, null);
});

test('a refund that waits for its receiver is called back at Stripe, unless it has gone meanwhile', async () => {
  fake.asks_receivers = true;
  const paid = await stripe.paymentIntents.create({ amount: 1_000, currency: 'usd', payment_method: await cardAt('pm_card_visa'), confirm: true });
  const [back, gone] = [await stripe.refunds.create({ payment_intent: paid.id, amount: 400 }), await stripe.refunds.create({ payment_intent: paid.id, amount: 300 })];
  fake.asks_receivers = false;
  assert.deepEqual([back.status, gone.status], ['requires_action', 'requires_action']);
  const [there, sent] = [...fake.refunds.values()].slice(-2) as Json[] as [Json, Json];
  assert.equal((await stripe.refunds.cancel(back.id)).status, 'canceled');
  assert.equal(there.status, 'canceled');
  await fake.herald.settled();
  assert.equal((await stripe.charges.retrieve(paid.latest_charge as string)).amount_refunded, 300);
  await assert.rejects(stripe.refunds.cancel(back.id), { statusCode: 400 });
  sent.status = 'succeeded';
  await assert.rejects(stripe.refunds.cancel(gone.id), ({ message }: Error) => /has it as succeeded/.test(message));
  assert.equal((await stripe.refunds.retrieve(gone.id)).status, 'succeeded');
  // What was called back can be given back anew, and no more than that.
  await stripe.refunds.create({ payment_intent: paid.id, amount: 700 });
  assert.equal((await stripe.charges.retrieve(paid.latest_charge as string)).refunded, true);
});

test('a refund whose calling back Stripe has not answered is called back once it does', async () => {
  fake.asks_receivers = true;
  const paid = await stripe.paymentIntents.create({ amount: 1_000, currency: 'usd', payment_method: await cardAt('pm_card_visa'), confirm: true });
  const refund = await stripe.refunds.create({ payment_intent: paid.id });
  fake.asks_receivers = false;
  const { key } = fake;
  fake.key = 'sk_test_another0123456789';
  assert.equal((await stripe.refunds.cancel(refund.id)).status, 'requires_action');
  await assert.rejects(stripe.refunds.cancel(refund.id), { code: 'lock_timeout' });
  fake.key = key;
  ahead_s += 10;
  await until(async () => (await stripe.refunds.retrieve(refund.id)).status === 'canceled');
  await fake.herald.settled();
  assert.equal((await stripe.charges.retrieve(paid.latest_charge as string)).amount_refunded, 0);
});
