/** While a processor is waited for, nobody waits for a lock. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Asked } from '../../tests/fakes/server.ts';
import { FakeStripe } from '../../tests/fakes/stripe/stripe.ts';
import { startKontor } from '../../tests/kontor.ts';
import { own } from '../../tests/own.ts';

/** Which requests hang, told of the first one and let go on by whoever holds them. */
let held: { fits: (asked: Asked) => boolean; come: () => void; going: Promise<void> } | null = null;

const fake = await new FakeStripe({ hold: (asked) => { if (!held?.fits(asked)) return undefined; held.come(); return held.going; } }).start();
const kontor = await startKontor({ stripe: { address: fake.address } });
const { stripe } = kontor;
const raw = (method: string, path: string, params?: object) => own(stripe, method, path, params);
const processor = await raw('POST', 'processors', { type: 'stripe', settings: { secret_key: fake.key, webhook_secret: fake.webhook_secret } });
after(async () => {
  await fake.close();
  await kontor.close();
});

const cardAt = async (token: string): Promise<string> => (await raw('POST', `processors/${processor.id}/payment_methods`, { token })).id;

/** Lets something hang at Stripe, and something else go through meanwhile. */
async function meanwhile<T>(fits: (asked: Asked) => boolean, hanging: () => Promise<T>, goes: () => Promise<void>): Promise<T> {
  let goOn!: () => void;
  const come = new Promise<void>((resolve) => { held = { fits, come: resolve, going: new Promise((go) => { goOn = go; }) }; });
  const result = hanging();
  await Promise.race([come, result]);
  try {
    await goes();
  } finally {
    held = null;
    goOn();
  }
  return result;
}

const attaches = ({ method, path }: Asked) => method === 'POST' && path.endsWith('/attach');
const retrieves = ({ method, path }: Asked) => method === 'GET' && path.startsWith('/v1/payment_methods/');

test('a customer and its card can be changed while Stripe is asked to attach the card', async () => {
  const { id: customer } = await stripe.customers.create();
  const method = await cardAt('pm_card_visa');
  const attached = await meanwhile(attaches, () => stripe.paymentMethods.attach(method, { customer }), async () => {
    assert.equal((await stripe.customers.update(customer, { name: 'Jenny Rosen' })).name, 'Jenny Rosen');
    assert.equal((await stripe.paymentIntents.create({ amount: 900, currency: 'usd', customer })).status, 'requires_payment_method');
    assert.equal((await stripe.paymentMethods.retrieve(method)).customer, null);
  });
  assert.equal(attached.customer, customer);
});

test('of two customers that want one card while Stripe is asked, one has it', async () => {
  const [first, second] = [await stripe.customers.create(), await stripe.customers.create()];
  const method = await cardAt('pm_card_visa');
  const late = await meanwhile(attaches, () => stripe.paymentMethods.attach(method, { customer: first.id }).catch((error: Error) => error), async () => {
    held = { ...held!, fits: () => false };
    assert.equal((await stripe.paymentMethods.attach(method, { customer: second.id })).customer, second.id);
  });
  assert.match((late as Error).message, /attached to another customer/);
  assert.equal((await stripe.paymentMethods.retrieve(method)).customer, second.id);
});

test('a customer that is deleted while Stripe is asked gets no card', async () => {
  const { id: customer } = await stripe.customers.create();
  const method = await cardAt('pm_card_visa');
  const late = await meanwhile(attaches, () => stripe.paymentMethods.attach(method, { customer }).catch((error: Error) => error), async () => {
    assert.equal((await stripe.customers.del(customer)).deleted, true);
  });
  assert.match((late as Error).message, /No such customer/);
});

test('a payment can be changed while Stripe is asked for the card that is named for it', async () => {
  const { id } = await stripe.paymentIntents.create({ amount: 900, currency: 'usd' });
  const name = fake.customers.putMethod('pm_card_visa', null);
  const paid = await meanwhile(retrieves, () => stripe.paymentIntents.confirm(id, { payment_method: name }), async () => {
    assert.equal((await stripe.paymentIntents.update(id, { amount: 1_100 })).amount, 1_100);
  });
  assert.deepEqual([paid.status, paid.amount_received], ['succeeded', 1_100]);
});

test('an attempt can be looked at, and its payment canceled, while a person has it looked up', async () => {
  const { id } = await stripe.paymentIntents.create({ amount: 900, currency: 'usd', payment_method: await cardAt('pm_card_authenticationRequired'), confirm: true, return_url: 'https://shop.example.com' });
  const attempt = `${id}:charge:1`;
  let looks = 0;
  const firstLook = ({ method, path }: Asked) => method === 'GET' && path.startsWith('/v1/payment_intents/') && (looks += 1) === 1;
  const looked = await meanwhile(firstLook, () => raw('POST', `payment_attempts/${attempt}/look_up`), async () => {
    assert.equal((await raw('GET', `payment_attempts/${attempt}`)).state, 'requires_action');
    assert.equal((await stripe.paymentIntents.cancel(id)).status, 'canceled');
  });
  assert.equal(looked.subject, id);
  assert.equal((await stripe.paymentIntents.retrieve(id)).status, 'canceled');
});
