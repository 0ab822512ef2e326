/** What is said with a payment arrives at the processor, and what the processor says is held against what was asked. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { FakeAdyen } from '../../../tests/fakes/adyen/adyen.ts';
import { FakeStripe } from '../../../tests/fakes/stripe/stripe.ts';
import { intentWhen } from '../../../tests/awaited.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { own, type Json } from '../../../tests/own.ts';

const processors: Record<string, string> = {};

const atStripe = await new FakeStripe().start();
const atAdyen = await new FakeAdyen().start();
const kontor = await startKontor({ stripe: { address: atStripe.address }, adyen: { httpClient: atAdyen.httpClient } });
const { stripe } = kontor;
const raw = (method: string, path: string, params?: object) => own(stripe, method, path, params);
for (const [type, settings] of [['stripe', { secret_key: atStripe.key, webhook_secret: atStripe.webhook_secret }], ['adyen', { api_key: atAdyen.key, hmac_key: atAdyen.hmac_key, merchant_account: atAdyen.merchant_account }]] as const) {
  processors[type] = (await raw('POST', 'processors', { type, settings })).id;
}
after(async () => {
  await atStripe.close();
  await atAdyen.close();
  // What was taken in another amount than was asked for is shown to whoever looks.
  await assert.rejects(kontor.close(), ({ message }: Error) => message.split('\n').length === 2 && /I7 .*: 900 usd were taken, and asked for were 1000 usd$/.test(message));
});

const methodAt = async (processor: string, token: string): Promise<string> => (await raw('POST', `processors/${processors[processor]}/payment_methods`, { token })).id;
const BACK = 'https://shop.example.com/back';
const address = { line1: '1 Test Street', line2: 'Floor 2', city: 'Berlin', postal_code: '10115', country: 'DE' };
const words = { description: 'Order 12', receipt_email: 'ada@example.com', shipping: { name: 'Ada', phone: '+49301', carrier: 'Fedex', address }, statement_descriptor_suffix: 'ORDER 12', metadata: { order: '12', kontor_operation: 'forged' } } as const;

async function pay(processor: string, token: string, more: Partial<Stripe.PaymentIntentCreateParams> = {}): Promise<Stripe.PaymentIntent> {
  return stripe.paymentIntents.create({ amount: 1_000, currency: 'usd', payment_method: await methodAt(processor, token), confirm: true, ...more });
}
const thereOf = (intent: Pick<Stripe.PaymentIntent, 'id'>): Json => [...atStripe.intents.values()].find((each) => each.metadata.payment_intent === intent.id)!;

test('at Stripe: all that is said with a payment by card', async () => {
  const paid = await pay('stripe', 'pm_card_visa', words);
  const { asked, metadata } = thereOf(paid);
  assert.deepEqual([asked.description, asked.receipt_email, asked.statement_descriptor_suffix, asked.payment_method_options], ['Order 12', 'ada@example.com', 'ORDER 12', undefined]);
  assert.deepEqual(asked.shipping, { name: 'Ada', phone: '+49301', carrier: 'Fedex', address });
  assert.deepEqual(metadata, { order: '12', payment_intent: paid.id, kontor_operation: `${paid.id}:charge:1` });
  const refund = await stripe.refunds.create({ payment_intent: paid.id, metadata: { why: 'late' } });
  assert.deepEqual([...atStripe.refunds.values()].map((each) => each.metadata), [{ why: 'late', kontor_operation: `${refund.id}:refund:1` }]);
});

test('at Stripe: what the amount is made of, where it comes to it', async () => {
  const line_items = [{ product_name: 'Desk', product_code: 'DESK', quantity: 2, unit_cost: 450 }];
  const paid = await pay('stripe', 'pm_card_visa', { amount_details: { line_items, tax: { total_tax_amount: 100 } }, payment_details: { order_reference: '12' } });
  const { asked } = thereOf(paid);
  assert.deepEqual(asked.amount_details, { tax: { total_tax_amount: '100' }, line_items: { 0: { product_name: 'Desk', product_code: 'DESK', quantity: '2', unit_cost: '450' } } });
  assert.deepEqual(asked.payment_details, { order_reference: '12' });
  const wrong = await pay('stripe', 'pm_card_visa', { amount_details: { line_items, enforce_arithmetic_validation: false } });
  assert.equal(thereOf(wrong).asked.amount_details.enforce_arithmetic_validation, 'false');
});

test('at Stripe: as many metadata as fit beside those of Kontor', async () => {
  const metadata = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`key${n}`, 'value']));
  const paid = await pay('stripe', 'pm_card_visa', { metadata });
  assert.equal(paid.status, 'succeeded');
  assert.ok(Object.keys(thereOf(paid).metadata).length >= 47);
});

test('at Stripe: the statement of what is no card, and what an invoice says on that of a card', async () => {
  const payment_method_data = { type: 'ideal' } as const;
  await raw('POST', 'settings', { routing_rules: [{ payment_method_type: 'ideal', processor: processors.stripe }] });
  const ideal = await stripe.paymentIntents.create({ amount: 1_000, currency: 'eur', payment_method_data, confirm: true, return_url: BACK, statement_descriptor: 'SHOP' });
  assert.equal(thereOf(ideal).asked.statement_descriptor, 'SHOP');
  const { id: customer } = await stripe.customers.create();
  const method = await methodAt('stripe', 'pm_card_visa');
  await stripe.paymentMethods.attach(method, { customer });
  const draft = await stripe.invoices.create({ customer, currency: 'usd', statement_descriptor: 'INVOICE' });
  await stripe.invoiceItems.create({ customer, invoice: draft.id, amount: 1_000, currency: 'usd' });
  const paid = await stripe.invoices.pay(draft.id, { payment_method: method, expand: ['payments'] });
  const { asked } = thereOf({ id: paid.payments!.data[0]!.payment.payment_intent as string });
  assert.deepEqual([asked.statement_descriptor, asked.statement_descriptor_suffix], [undefined, 'INVOICE']);
});

test('at Stripe: only what is asked for about a reserved amount, and how it was captured', async () => {
  const plain = await pay('stripe', 'pm_card_visa', { capture_method: 'manual' });
  assert.equal(thereOf(plain).asked.payment_method_options, undefined);
  await assert.rejects(stripe.paymentIntents.incrementAuthorization(plain.id, { amount: 2_000 }), { code: 'payment_intent_unexpected_state' });
  const card = { request_multicapture: 'if_available', request_overcapture: 'if_available', request_three_d_secure: 'any' } as const;
  const intent = await pay('stripe', 'pm_card_visa', { capture_method: 'manual', payment_method_options: { card } });
  assert.deepEqual(thereOf(intent).asked.payment_method_options, { card });
  await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 300, final_capture: false });
  await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 200, final_capture: false, statement_descriptor_suffix: 'PART', metadata: { part: '2' } });
  const done = await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 700 });
  assert.deepEqual([done.status, done.amount_received, thereOf(intent).amount_received, thereOf(intent).metadata.part, thereOf(intent).statement_descriptor_suffix], ['succeeded', 1_200, 1_200, '2', 'PART']);
  const { data } = await stripe.balanceTransactions.list({ source: done.latest_charge as string });
  assert.deepEqual(data.map(({ amount, fee }) => [amount, fee]), [[700, 50], [200, 36], [300, 39]]);
});

test('at Stripe: a capture that was made there between two of ours is booked as such', async () => {
  const card = { request_multicapture: 'if_available' } as const;
  const intent = await pay('stripe', 'pm_card_visa', { capture_method: 'manual', payment_method_options: { card } });
  await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 300, final_capture: false });
  atStripe.capture(thereOf(intent).id, 500);
  const late = await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 100 }).catch((error: Error) => error);
  assert.ok(!(late instanceof Error));
  assert.equal((await intentWhen(stripe, intent.id, 'succeeded')).amount_received, 800);
});

test('at Stripe: a setup says what it is for, and asks its holder where that is wanted', async () => {
  const { id: customer } = await stripe.customers.create();
  const payment_method = await methodAt('stripe', 'pm_card_visa');
  const setup = await stripe.setupIntents.create({ customer, payment_method, confirm: true, description: 'For the helpdesk', metadata: { seat: '1' }, payment_method_options: { card: { request_three_d_secure: 'challenge' } }, return_url: BACK });
  const { asked } = atStripe.setups.at(-1)!;
  assert.deepEqual([asked.description, asked.metadata, asked.payment_method_options], ['For the helpdesk', { seat: '1', setup_intent: setup.id, kontor_operation: `${setup.id}:save:1` }, { card: { request_three_d_secure: 'challenge' } }]);
});

test('at Adyen: what it has a place for, and by name what it has not', async () => {
  const { receipt_email, ...told } = words;
  await assert.rejects(pay('adyen', 'shopper_1/good', { ...told, receipt_email }), /receipt_email/);
  const paid = await pay('adyen', 'shopper_1/good', { ...told, metadata: { order: '12', long: 'x'.repeat(100) }, payment_method_options: { card: { request_three_d_secure: 'challenge' } } });
  const { given } = [...atAdyen.payments.values()].at(-1)!;
  assert.deepEqual([given.shopperStatement, given.metadata, given.telephoneNumber], ['ORDER 12', { order: '12', payment_intent: paid.id }, '+49301']);
  assert.deepEqual(given.deliveryAddress, { street: '1 Test Street, Floor 2', houseNumberOrName: 'N/A', city: 'Berlin', postalCode: '10115', country: 'DE' });
  assert.deepEqual(given.threeDS2RequestData, { threeDSRequestorChallengeInd: '03' });
});

test('what has moved in another amount is booked as it has moved', async () => {
  atStripe.mistake = { amount: 900 };
  const paid = await pay('stripe', 'pm_card_visa');
  assert.deepEqual([paid.status, paid.amount, paid.amount_received], ['succeeded', 1_000, 900]);
  assert.equal((await stripe.charges.retrieve(paid.latest_charge as string)).amount_captured, 900);
});

test('what has moved in another currency is no word about the payment, and waits for a person', async () => {
  atStripe.mistake = { currency: 'jpy' };
  const paid = await pay('stripe', 'pm_card_visa');
  assert.equal(paid.status, 'processing');
  const [attempt] = (await raw('GET', 'payment_attempts?state=unknown')).data;
  assert.deepEqual([attempt.subject, attempt.clears_up], [paid.id, 'person']);
  assert.match(attempt.outcome.message, /1,000.*jpy|jpy.*1,?000|¥/i);
  const evidence = 'Seen in the dashboard of Stripe by Ada, and refunded there.';
  await assert.rejects(raw('POST', `payment_attempts/${attempt.id}/decide`, { outcome: 'succeeded', reference: thereOf(paid).id, evidence }), { param: 'outcome' });
  assert.equal((await raw('POST', `payment_attempts/${attempt.id}/decide`, { outcome: 'not_done', evidence })).state, 'failed');
  assert.equal((await stripe.paymentIntents.retrieve(paid.id)).status, 'requires_payment_method');
});
