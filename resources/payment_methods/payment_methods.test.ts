import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { startKontor } from '../../tests/kontor.ts';
import { refused } from '../../tests/refused.ts';
import { customerAt } from '../../tests/shop.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

const newest = async () => (await stripe.events.list({ limit: 1 })).data[0]!;

test('each use of a test name makes a payment method of its own, attached to the customer', async () => {
  const customer = await stripe.customers.create();
  const since = (await kontor.eventTypes()).length;
  const first = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  const second = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  assert.match(first.id, /^pm_[0-9A-Za-z]{20}$/);
  assert.notEqual(first.id, second.id);
  assert.equal(first.customer, customer.id);
  assert.deepEqual([first.card?.brand, first.card?.last4, first.card?.funding, first.card?.country], ['visa', '4242', 'credit', 'US']);
  assert.equal(first.card?.checks?.cvc_check, 'pass');
  assert.deepEqual(await kontor.eventTypes(since), ['payment_method.attached', 'payment_method.attached']);
  const { data } = await stripe.customers.listPaymentMethods(customer.id);
  assert.deepEqual(data.map((each) => each.id), [second.id, first.id]);
  assert.deepEqual(await stripe.paymentMethods.retrieve(first.id), first, 'what is answered is what is stored');
});

test('a card is made from a token or a test number, with its billing details, and asks the issuer only when it is attached', async () => {
  const made = await stripe.paymentMethods.create({
    type: 'card', card: { number: '4000 0025 0000 1001', exp_month: 7, exp_year: 2031, cvc: '314', networks: { preferred: 'cartes_bancaires' } },
    billing_details: { name: 'Jenny Rosen', address: { line1: '12 Rue', postal_code: '75001', country: 'FR' } }, allow_redisplay: 'limited', metadata: { order: '6735' },
  });
  assert.equal(made.customer, null);
  assert.deepEqual(made.card?.checks, { address_line1_check: 'unchecked', address_postal_code_check: 'unchecked', cvc_check: 'unchecked' });
  assert.deepEqual(made.card?.networks, { available: ['cartes_bancaires', 'visa'], preferred: 'cartes_bancaires' });
  assert.deepEqual([made.allow_redisplay, made.metadata, made.billing_details.name, made.billing_details.address?.postal_code], ['limited', { order: '6735' }, 'Jenny Rosen', '75001']);
  const customer = await stripe.customers.create();
  const attached = await stripe.paymentMethods.attach(made.id, { customer: customer.id });
  assert.deepEqual(attached.card?.checks, { address_line1_check: 'pass', address_postal_code_check: 'pass', cvc_check: 'pass' });
  const again = await stripe.paymentMethods.attach(made.id, { customer: customer.id });
  assert.equal(again.id, made.id, 'attaching it once more to the same customer changes nothing');
  assert.equal((await newest()).type, 'payment_method.attached');
  const fromToken = await stripe.paymentMethods.create({ type: 'card', card: { token: 'tok_mastercard', networks: { preferred: 'cartes_bancaires' } } });
  assert.deepEqual([fromToken.card?.brand, fromToken.card?.networks?.preferred], ['mastercard', 'invalid_preference']);
});

test('no number of a card is stored', async () => {
  await stripe.paymentMethods.create({ type: 'card', card: { number: '5555555555554444', exp_month: 7, exp_year: 2031, cvc: '314' } }, { idempotencyKey: 'card' });
  const found = await kontor.database.asOwner(async (owner) => {
    await owner.query(`set kontor.world = '${kontor.world.id}'`);
    return owner.query(`select 1 from payment_methods p where p::text like '%5555555555554444%' union all select 1 from idempotency_keys k where k::text like '%5555555555554444%'`);
  });
  assert.equal(found.rowCount, 0);
});

test('a card that its issuer declines is not attached', async () => {
  const customer = await stripe.customers.create();
  const since = (await kontor.eventTypes()).length;
  const made = await stripe.paymentMethods.create({ type: 'card', card: { token: 'tok_chargeDeclinedInsufficientFunds' } });
  for (const [id, code, decline_code] of [
    ['pm_card_chargeDeclined', 'card_declined', 'generic_decline'],
    [made.id, 'card_declined', 'insufficient_funds'],
    ['pm_card_chargeDeclinedExpiredCard', 'expired_card', ''],
    ['pm_card_chargeDeclinedIncorrectCvc', 'incorrect_cvc', ''],
  ] as const) {
    await assert.rejects(stripe.paymentMethods.attach(id, { customer: customer.id }), (error: Stripe.errors.StripeCardError) => {
      assert.deepEqual([error.type, error.statusCode, error.code, error.decline_code], ['StripeCardError', 402, code, decline_code]);
      return true;
    });
  }
  assert.equal((await stripe.paymentMethods.retrieve(made.id)).customer, null);
  assert.deepEqual(await kontor.eventTypes(since), []);
  // Attached without complaint; its charges will fail.
  assert.equal((await stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer: customer.id })).customer, customer.id);
});

test('a payment method is changed, and the event says what it was', async () => {
  const customer = await stripe.customers.create();
  const { id } = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  const changed = await stripe.paymentMethods.update(id, { card: { exp_month: 3, exp_year: 2040 }, billing_details: { email: 'j@example.com', name: 'J' }, allow_redisplay: 'always', metadata: { a: '1' } });
  assert.deepEqual([changed.card?.exp_month, changed.card?.exp_year, changed.billing_details.email, changed.allow_redisplay, changed.metadata], [3, 2040, 'j@example.com', 'always', { a: '1' }]);
  const event = await newest();
  assert.equal(event.type, 'payment_method.updated');
  assert.deepEqual(event.data.previous_attributes, { allow_redisplay: 'unspecified', billing_details: { email: null, name: null }, card: { exp_month: 12, exp_year: 2034 }, metadata: { a: null } });
  const cleared = await stripe.paymentMethods.update(id, { billing_details: { name: '' } });
  assert.deepEqual([cleared.billing_details.name, cleared.billing_details.email], [null, 'j@example.com']);
});

test('a detached payment method is nobody\'s default and pays nothing any more', async () => {
  const customer = await stripe.customers.create();
  const { id } = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: id } });
  const since = (await kontor.eventTypes()).length;
  assert.equal((await stripe.paymentMethods.detach(id)).customer, null);
  assert.deepEqual(await kontor.eventTypes(since), ['payment_method.detached', 'customer.updated']);
  const events = await stripe.events.list({ limit: 2 });
  assert.deepEqual(events.data.map((event) => event.data.previous_attributes), [{ invoice_settings: { default_payment_method: id } }, { customer: customer.id }]);
  const { invoice_settings } = (await stripe.customers.retrieve(customer.id)) as Stripe.Customer;
  assert.equal(invoice_settings.default_payment_method, null);
  await assert.rejects(stripe.paymentMethods.attach(id, { customer: customer.id }), { code: 'payment_method_unexpected_state', statusCode: 400 });
  await assert.rejects(stripe.paymentMethods.detach(id), { code: 'payment_method_unexpected_state' });
});

test('lists are of a customer, a type, a readiness to be shown again', async () => {
  const customer = await stripe.customers.create();
  const one = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  const two = await stripe.paymentMethods.attach('pm_card_mastercard', { customer: customer.id });
  await stripe.paymentMethods.update(two.id, { allow_redisplay: 'always' });
  const ids = async (params: Stripe.PaymentMethodListParams) => (await stripe.paymentMethods.list(params)).data.map((each) => each.id);
  assert.deepEqual(await ids({ customer: customer.id, type: 'card' }), [two.id, one.id]);
  assert.deepEqual(await ids({ customer: customer.id, allow_redisplay: 'always' }), [two.id]);
  assert.deepEqual(await ids({ customer: customer.id, type: 'sepa_debit' }), []);
  assert.deepEqual(await ids({ customer: customer.id, starting_after: two.id }), [one.id]);
  assert.equal((await stripe.customers.retrievePaymentMethod(customer.id, one.id)).id, one.id);
  const other = await stripe.customers.create();
  await assert.rejects(stripe.customers.retrievePaymentMethod(other.id, one.id), { code: 'resource_missing', statusCode: 404 });
  const expanded = await stripe.paymentMethods.retrieve(one.id, { expand: ['customer'] });
  assert.equal((expanded.customer as Stripe.Customer).object, 'customer');
});

test('on a test clock, attaching happens at the clock\'s time', async () => {
  const { customer } = await customerAt(stripe, 1_767_225_600, {});
  const method = await stripe.paymentMethods.attach('pm_card_visa', { customer });
  assert.equal(method.created, 1_767_225_600);
  assert.equal((await newest()).created, 1_767_225_600);
});

test('live mode without a processor says so', async () => {
  const live = await kontor.another(true);
  await assert.rejects(live.stripe.paymentMethods.create({ type: 'card', card: { token: 'tok_visa' } }), { statusCode: 400, message: /No payment processor is configured/ });
  const customer = await live.stripe.customers.create();
  await assert.rejects(live.stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id }), { code: 'resource_missing', statusCode: 404 });
});

test('what is refused is refused by name', async () => {
  const customer = await stripe.customers.create();
  const theirs = await stripe.paymentMethods.attach('pm_card_visa', { customer: (await stripe.customers.create()).id });
  const unattached = await stripe.paymentMethods.create({ type: 'card', card: { token: 'tok_visa' } });
  const expiry = { exp_month: 1, exp_year: 2040 };
  const { paymentMethods } = stripe;
  await refused([
    [() => paymentMethods.create({ card: { token: 'tok_visa' } }), 'parameter_missing', 'type'],
    [() => paymentMethods.create({ type: 'card' }), 'parameter_missing', 'card'],
    [() => paymentMethods.create({ type: 'sepa_debit', sepa_debit: { iban: 'DE89370400440532013000' } } as Stripe.PaymentMethodCreateParams), 'parameter_missing', 'billing_details[name]'],
    [() => paymentMethods.create({ type: 'sepa_debit', sepa_debit: { iban: 'DE02120300000000202051' }, billing_details: { name: 'Jenny', email: 'jenny@example.com' } }), 'account_number_invalid', 'sepa_debit[iban]'],
    [() => paymentMethods.create({ type: 'us_bank_account', us_bank_account: { routing_number: '110000000', account_number: '1' }, billing_details: { name: 'Jenny' } }), 'account_number_invalid', 'us_bank_account[account_number]'],
    [() => paymentMethods.create({ type: 'boleto', boleto: { tax_id: '1' } }), undefined, 'type'],
    [() => paymentMethods.create({ type: 'paypal', card: { token: 'tok_visa' } }), 'payment_method_invalid_parameter', 'card'],
    [() => paymentMethods.attach('pm_ideal', { customer: customer.id }), 'payment_method_not_available', 'payment_method'],
    [() => paymentMethods.create({ type: 'card', card: { exp_month: 3 } }), 'parameter_missing', 'card[token]'],
    [() => paymentMethods.create({ type: 'card', card: { token: 'tok_visa', number: '4242424242424242' } }), 'parameters_exclusive', 'card[token]'],
    [() => paymentMethods.create({ type: 'card', card: { token: 'tok_nobody' } }), 'resource_missing', 'card[token]'],
    [() => paymentMethods.create({ type: 'card', card: { number: '4242424242424242' } }), 'parameter_missing', 'card[exp_month]'],
    [() => paymentMethods.create({ type: 'card', card: { number: '4242424242424241', ...expiry } }), 'incorrect_number', 'card[number]', 402],
    [() => paymentMethods.create({ type: 'card', card: { number: '4929000000006', ...expiry } }), 'card_declined', 'card[number]', 402],
    [() => paymentMethods.create({ type: 'card', card: { number: '4242424242424242', exp_month: 1, exp_year: 2020 } }), 'invalid_expiry_year', 'card[exp_year]', 402],
    [() => paymentMethods.create({ type: 'card', card: { number: '4242424242424242', exp_month: 13, exp_year: 2040 } }), 'invalid_expiry_month', 'card[exp_month]', 402],
    [() => paymentMethods.create({ type: 'card', card: { number: '4242424242424242', ...expiry, cvc: '12' } }), 'invalid_cvc', 'card[cvc]', 402],
    [() => paymentMethods.create({ type: 'card', card: { token: 'tok_visa' }, customer: customer.id }), 'parameter_unknown', 'customer'],
    [() => paymentMethods.attach('pm_card_visa', {}), 'parameter_missing', 'customer'],
    [() => paymentMethods.attach('pm_card_visa', { customer: 'cus_nobody' }), 'resource_missing', 'customer'],
    [() => paymentMethods.attach('pm_card_nobody', { customer: customer.id }), 'resource_missing', 'id', 404],
    [() => paymentMethods.attach(theirs.id, { customer: customer.id }), 'payment_method_unexpected_state', 'payment_method'],
    [() => paymentMethods.update(unattached.id, { metadata: { a: 'b' } }), 'payment_method_unexpected_state', 'payment_method'],
    [() => paymentMethods.update(theirs.id, { card: { exp_year: 2020 } }), 'invalid_expiry_year', 'card[exp_year]', 402],
    [() => paymentMethods.update(theirs.id, { us_bank_account: { account_type: 'checking' } }), 'payment_method_invalid_parameter', 'us_bank_account'],
    [() => paymentMethods.detach(unattached.id), 'payment_method_unexpected_state', 'payment_method'],
    [() => paymentMethods.retrieve('pm_nobody'), 'resource_missing', 'id', 404],
    [() => paymentMethods.list({ customer: 'cus_nobody' }), 'resource_missing', 'customer'],
    [() => paymentMethods.list({ customer_account: 'acct_1' }), 'parameter_unknown', 'customer_account'],
    [() => stripe.customers.listPaymentMethods('cus_nobody'), 'resource_missing', 'id', 404],
  ]);
});
