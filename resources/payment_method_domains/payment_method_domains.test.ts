import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { startKontor } from '../../tests/kontor.ts';

const kontor = await startKontor({ works: false });
after(() => kontor.close());
const { stripe } = kontor;

test('a domain is added once, switched off and on, and good for wallets in test mode', async () => {
  const made = await stripe.paymentMethodDomains.create({ domain_name: 'shop.example.com' });
  assert.deepEqual([made.enabled, made.apple_pay.status, made.google_pay.status, made.amazon_pay.status], [true, 'active', 'active', 'inactive']);
  await assert.rejects(stripe.paymentMethodDomains.create({ domain_name: 'shop.example.com' }), { code: 'resource_already_exists', param: 'domain_name' });
  assert.equal((await stripe.paymentMethodDomains.update(made.id, { enabled: false })).enabled, false);
  assert.deepEqual((await stripe.paymentMethodDomains.list({ enabled: false })).data.map(({ id }) => id), [made.id]);
  assert.deepEqual((await stripe.paymentMethodDomains.list({ domain_name: 'other.example.com' })).data, []);
  assert.equal((await stripe.paymentMethodDomains.validate(made.id)).link.status, 'active');
  assert.equal((await stripe.paymentMethodDomains.retrieve(made.id)).domain_name, 'shop.example.com');
  const tries = await Promise.allSettled([1, 2, 3, 4].map(() => stripe.paymentMethodDomains.create({ domain_name: 'one.example.com' })));
  assert.equal(tries.filter(({ status }) => status === 'fulfilled').length, 1);
});

test('what is no domain is refused', async () => {
  for (const domain_name of ['', 'https://example.com', 'example.com/', 'Example.com', '-a.com', 'a..com', `${'a'.repeat(64)}.com`]) {
    await assert.rejects(stripe.paymentMethodDomains.create({ domain_name }), (error: Stripe.errors.StripeError) => error.statusCode === 400 && error.param === 'domain_name', domain_name);
  }
  await assert.rejects(stripe.paymentMethodDomains.retrieve('pmd_none'), { code: 'resource_missing' });
});
