/** Lives of payments at Stripe, on test clocks where time has to pass. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type Stripe from 'stripe';
import { FakeStripe } from '../../../tests/fakes/stripe/stripe.ts';
import { startKontor, type Kontor } from '../../../tests/kontor.ts';

type Json = { [field: string]: any };

let fake: FakeStripe;
let kontor: Kontor;
let stripe: Stripe;
let processor: string;

before(async () => {
  fake = await new FakeStripe().start();
  kontor = await startKontor({ stripe: { address: fake.address, timeout_ms: 2_000 } });
  ({ stripe } = kontor);
  const made = await raw('POST', 'processors', { type: 'stripe', settings: { secret_key: fake.key, webhook_secret: fake.webhook_secret } });
  processor = made.id;
  fake.herald.url = made.webhook_url;
});
after(async () => {
  await fake.herald.settled();
  await fake.close();
  await kontor.close();
});

const BACK = 'https://shop.example.com/back';
const raw = (method: string, path: string, params?: object) => stripe.rawRequest(method, `/v1/kontor/${path}`, params) as unknown as Promise<Json>;
const cardAt = async (token: string): Promise<string> => (await raw('POST', `processors/${processor}/payment_methods`, { token })).id;
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
