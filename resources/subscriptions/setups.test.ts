/** A subscription that wants nothing at first waits for the setup of a method for what it will want. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { day } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { own } from '../../tests/own.ts';
import { customerAt, meteredPrice, meterOf, seatPrice } from '../../tests/shop.ts';
import { listen, typesOf } from '../../tests/told.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const seat = (await seatPrice(stripe, 3_100)).id;

const SAVES = { save_default_payment_method: 'on_subscription' } as const;

/** A customer without a method, and what it subscribes to on the first of January. */
async function begun(more: Partial<Stripe.SubscriptionCreateParams> = {}) {
  const { clock, customer } = await customerAt(stripe, day('2026-01-01'), {});
  const made = await stripe.subscriptions.create({
    customer, items: [{ price: seat }], trial_period_days: 14, payment_behavior: 'default_incomplete', payment_settings: SAVES, expand: ['pending_setup_intent'], ...more,
  });
  const now = () => stripe.subscriptions.retrieve(made.id, { expand: ['latest_invoice'] });
  return { clock, customer, made, setup: made.pending_setup_intent as Stripe.SetupIntent, now, until: (to: string) => kontor.advance(clock, day(to)) };
}

const lastBill = ({ latest_invoice }: Stripe.Subscription) => latest_invoice as Stripe.Invoice;

test('what is set up during a trial pays for what follows', async () => {
  const told = listen(kontor);
  await told();
  const { customer, made, setup, now, until } = await begun();
  assert.deepEqual(typesOf(await told()).filter((type) => /^(setup|customer\.sub)/.test(type)), ['customer.subscription.created', 'setup_intent.created']);
  assert.deepEqual([made.status, setup.status, setup.customer, setup.usage, setup.payment_method], ['trialing', 'requires_payment_method', customer, 'off_session', null]);
  const done = await stripe.setupIntents.confirm(setup.id, { payment_method: 'pm_card_visa' });
  assert.equal(done.status, 'succeeded');
  const after = await told();
  assert.deepEqual(typesOf(after), ['payment_method.attached', 'setup_intent.succeeded', 'customer.subscription.updated']);
  assert.deepEqual(after.at(-1)!.previous, { default_payment_method: null, pending_setup_intent: setup.id });
  const saved = await now();
  assert.deepEqual([saved.status, saved.pending_setup_intent, saved.default_payment_method], ['trialing', null, done.payment_method]);
  await until('2026-01-15T02:00');
  const paid = await now();
  assert.deepEqual([paid.status, lastBill(paid).status, lastBill(paid).amount_paid, lastBill(paid).attempt_count], ['active', 'paid', 3_100, 1]);
});

test('a card that asks its holder is waited for, also after a refusal', async () => {
  const { setup, now, until } = await begun();
  const asks = await stripe.setupIntents.confirm(setup.id, { payment_method: 'pm_card_authenticationRequiredOnSetup', use_stripe_sdk: true });
  const { client_secret } = asks;
  const says = (result: string) => own<Stripe.SetupIntent>(stripe, 'POST', `setup_intents/${setup.id}/authenticate`, { client_secret, result });
  assert.deepEqual([asks.status, (await now()).pending_setup_intent], ['requires_action', setup.id]);
  await assert.rejects(says('failed'), { code: 'setup_intent_authentication_failure' });
  await assert.rejects(stripe.setupIntents.confirm(setup.id, { payment_method: 'pm_card_chargeDeclined' }), { code: 'card_declined' });
  assert.deepEqual([(await now()).pending_setup_intent, (await now()).default_payment_method], [setup.id, null]);
  await stripe.setupIntents.confirm(setup.id, { payment_method: 'pm_card_authenticationRequiredOnSetup', use_stripe_sdk: true });
  const done = await says('succeeded');
  assert.deepEqual([(await now()).pending_setup_intent, (await now()).default_payment_method], [null, done.payment_method]);
  await until('2026-01-15T02:00');
  assert.equal(lastBill(await now()).status, 'paid');
});

test('without `save_default_payment_method` the method is only the customer\'s', async () => {
  const { customer, setup, now, until } = await begun({ payment_settings: {}, trial_settings: { end_behavior: { missing_payment_method: 'cancel' } } });
  await stripe.setupIntents.confirm(setup.id, { payment_method: 'pm_card_visa' });
  assert.deepEqual([(await now()).pending_setup_intent, (await now()).default_payment_method, (await stripe.customers.listPaymentMethods(customer)).data.length], [null, null, 1]);
  await until('2026-01-15T02:00');
  assert.equal((await now()).status, 'canceled');
});

test('a setup that is canceled is not waited for, and one whose subscription has ended goes on', async () => {
  const { setup, now } = await begun();
  await stripe.setupIntents.cancel(setup.id);
  assert.deepEqual([(await now()).pending_setup_intent, (await now()).status], [null, 'trialing']);
  const ended = await begun();
  await stripe.subscriptions.cancel(ended.made.id);
  assert.deepEqual([(await ended.now()).pending_setup_intent, (await stripe.setupIntents.retrieve(ended.setup.id)).status], [ended.setup.id, 'requires_payment_method']);
  await stripe.setupIntents.confirm(ended.setup.id, { payment_method: 'pm_card_visa' });
  assert.deepEqual([(await ended.now()).status, (await ended.now()).pending_setup_intent, (await ended.now()).default_payment_method], ['canceled', null, null]);
});

test('a coupon, usage and credit want nothing at first, either', async () => {
  const { id: coupon } = await stripe.coupons.create({ percent_off: 100, duration: 'once' });
  const { now, made, setup, until } = await begun({ trial_period_days: undefined, discounts: [{ coupon }] });
  assert.deepEqual([made.status, setup.status], ['active', 'requires_payment_method']);
  const done = await stripe.setupIntents.confirm(setup.id, { payment_method: 'pm_card_visa' });
  await until('2026-02-01T02:00');
  assert.deepEqual([lastBill(await now()).status, lastBill(await now()).amount_paid, (await now()).default_payment_method], ['paid', 3_100, done.payment_method]);

  const { id: meter } = await meterOf(stripe, 'setup_calls');
  const usage = await begun({ trial_period_days: undefined, items: [{ price: (await meteredPrice(stripe, meter, 5)).id }], payment_behavior: 'allow_incomplete' });
  assert.deepEqual([usage.made.status, usage.made.latest_invoice, usage.setup.status], ['active', null, 'requires_payment_method']);

  const { customer } = await customerAt(stripe, day('2026-01-01'), { balance: -5_000 });
  const credited = await stripe.subscriptions.create({ customer, items: [{ price: seat }] });
  assert.deepEqual([credited.status, typeof credited.pending_setup_intent], ['active', 'string']);
});

test('the types and options are those of its payment settings', async () => {
  const { setup } = await begun({ payment_settings: { payment_method_types: ['card', 'customer_balance'], payment_method_options: { card: { request_three_d_secure: 'any' } } } });
  assert.deepEqual([setup.payment_method_types, setup.payment_method_options!.card!.request_three_d_secure], [['card'], 'any']);
  const push = await begun({ payment_settings: { payment_method_types: ['customer_balance'] } });
  assert.equal(push.setup, null);
});

test('none is made where there is a method, a payment to wait for, or an invoice to be sent', async () => {
  const { customer } = await customerAt(stripe, day('2026-01-01'));
  const pendingOf = async (order: Partial<Stripe.SubscriptionCreateParams>) => (await begun(order)).setup;
  assert.equal(await pendingOf({ customer, trial_period_days: 14 }), null);
  assert.equal(await pendingOf({ trial_period_days: undefined }), null);
  assert.equal(await pendingOf({ collection_method: 'send_invoice', days_until_due: 30, payment_behavior: undefined }), null);
  const before = (await stripe.setupIntents.list({ customer })).data.length;
  await stripe.invoices.createPreview({ customer, subscription_details: { items: [{ price: seat }] } });
  assert.deepEqual([before, (await stripe.setupIntents.list({ customer })).data.length], [0, 0]);
});

test('a schedule begins its subscription with nobody there to set anything up', async () => {
  const { customer } = await customerAt(stripe, day('2026-01-01'), {});
  const { subscription } = await stripe.subscriptionSchedules.create({ customer, start_date: 'now', phases: [{ items: [{ price: seat }], trial_end: day('2026-01-15'), duration: { interval: 'month', interval_count: 1 } }] });
  assert.equal((await stripe.subscriptions.retrieve(subscription as string)).pending_setup_intent, null);
});

test('the same request again finds the same setup, and both go with their clock', async () => {
  const { clock, customer } = await customerAt(stripe, day('2026-01-01'), {});
  const order = { customer, items: [{ price: seat }], trial_period_days: 14 };
  const [first, again] = [await stripe.subscriptions.create(order, { idempotencyKey: 'setup-once' }), await stripe.subscriptions.create(order, { idempotencyKey: 'setup-once' })];
  assert.equal(first.pending_setup_intent, again.pending_setup_intent);
  assert.deepEqual((await stripe.setupIntents.list({ customer })).data.map(({ id }) => id), [first.pending_setup_intent]);
  const { id: used } = (await begun()).setup;
  await stripe.setupIntents.confirm(first.pending_setup_intent as string, { payment_method: 'pm_card_visa' });
  const open = await stripe.subscriptions.create(order);
  await stripe.testHelpers.testClocks.del(clock);
  for (const id of [first.pending_setup_intent, open.pending_setup_intent]) await assert.rejects(stripe.setupIntents.retrieve(id as string), { code: 'resource_missing' });
  assert.equal((await stripe.setupIntents.retrieve(used)).status, 'requires_payment_method');
});
