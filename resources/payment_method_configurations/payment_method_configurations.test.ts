import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { startKontor } from '../../tests/kontor.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

const offered = async (more: Partial<Stripe.PaymentIntentCreateParams> = {}) => (await stripe.paymentIntents.create({ amount: 1_000, currency: 'eur', ...more })).payment_method_types;

test('what an account switches off is not offered', async () => {
  assert.deepEqual(await offered(), ['card', 'link', 'sepa_debit', 'ideal', 'bancontact', 'klarna', 'paypal']);
  const [usual] = (await stripe.paymentMethodConfigurations.list()).data;
  assert.deepEqual([usual!.is_default, usual!.card?.available, usual!.customer_balance?.available], [true, true, false]);
  await stripe.paymentMethodConfigurations.update(usual!.id, { klarna: { display_preference: { preference: 'off' } } });
  assert.equal((await stripe.paymentMethodConfigurations.retrieve(usual!.id)).klarna?.display_preference.value, 'off');
  assert.deepEqual(await offered(), ['card', 'link', 'sepa_debit', 'ideal', 'bancontact', 'paypal']);
  await assert.rejects(stripe.paymentMethodConfigurations.update(usual!.id, { active: false }), { param: 'active' });
});

test('a payment or a setup names a configuration of its own', async () => {
  const off = { display_preference: { preference: 'off' } } as const;
  const made = await stripe.paymentMethodConfigurations.create({ name: 'Cards and debits', link: off, ideal: off, bancontact: off, klarna: off, paypal: off, cashapp: off });
  assert.deepEqual(await offered({ payment_method_configuration: made.id }), ['card', 'sepa_debit']);
  const setup = await stripe.setupIntents.create({ payment_method_configuration: made.id });
  assert.deepEqual([setup.payment_method_types, setup.payment_method_configuration_details?.id], [['card', 'us_bank_account', 'sepa_debit'], made.id]);
  await stripe.paymentMethodConfigurations.update(made.id, { active: false });
  await assert.rejects(offered({ payment_method_configuration: made.id }), { param: 'payment_method_configuration' });
  await assert.rejects(offered({ payment_method_configuration: 'pmc_none' }), { code: 'resource_missing' });
});

test('types are allowed or excluded for one payment', async () => {
  assert.deepEqual(await offered({ excluded_payment_method_types: ['ideal', 'bancontact', 'klarna', 'paypal'] }), ['card', 'link', 'sepa_debit']);
  assert.deepEqual(await offered({ allowed_payment_method_types: ['ideal', 'card'] }), ['card', 'ideal']);
  assert.deepEqual(await offered({ automatic_payment_methods: { enabled: true, allow_redirects: 'never' } }), ['card', 'link', 'sepa_debit']);
  assert.deepEqual(await offered({ capture_method: 'manual', currency: 'usd', excluded_payment_method_types: ['klarna'] }), ['card', 'link', 'cashapp', 'paypal']);
});

test('a browser gets a session for its customer', async () => {
  const { id: customer } = await stripe.customers.create();
  const session = await stripe.customerSessions.create({ customer, components: { payment_element: { enabled: true, features: { payment_method_redisplay: 'enabled' } } } });
  assert.match(session.client_secret, /^cuss_secret_/);
  assert.deepEqual([session.expires_at - session.created, session.components?.payment_element.features?.payment_method_redisplay, session.components?.payment_element.features?.payment_method_remove], [1_800, 'enabled', 'disabled']);
});

test('a card in a wallet is charged as the card behind it', async () => {
  for (const [name, type] of [['pm_card_visa_applePay', 'apple_pay'], ['pm_card_visa_googlePay', 'google_pay']] as const) {
    const paid = await stripe.paymentIntents.create({ amount: 500, currency: 'usd', payment_method: name, confirm: true, expand: ['latest_charge', 'payment_method'] });
    assert.deepEqual([paid.status, (paid.payment_method as Stripe.PaymentMethod).card?.wallet?.type, (paid.latest_charge as Stripe.Charge).payment_method_details?.card?.wallet?.type], ['succeeded', type, type]);
  }
  await assert.rejects(stripe.paymentIntents.create({ amount: 500, currency: 'usd', payment_method: 'pm_card_chargeDeclined_applePay', confirm: true }), { code: 'card_declined' });
});
