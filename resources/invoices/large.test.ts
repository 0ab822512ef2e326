/** What is too much for one payment, and what a method does not pay from where its holder is: refused by request, a failed attempt that says why by itself, and never in the way of other bills. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { until } from '../../tests/awaited.ts';
import { DAY, START } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { own } from '../../tests/own.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

const MOST = 99_999_999;

async function customerOn(test_clock: string | undefined, payment_method = 'pm_card_visa'): Promise<string> {
  const { id } = await stripe.customers.create({ ...(test_clock && { test_clock }) });
  const method = await stripe.paymentMethods.attach(payment_method, { customer: id });
  await stripe.customers.update(id, { invoice_settings: { default_payment_method: method.id } });
  return id;
}
const clockAt = async () => (await stripe.testHelpers.testClocks.create({ frozen_time: START })).id;
const intentOf = async (invoice: string) => stripe.paymentIntents.retrieve((await stripe.invoicePayments.list({ invoice })).data[0]!.payment.payment_intent as string);

test('a payment has eight digits at most, in some currencies more', async () => {
  const create = (amount: number, currency: string) => stripe.paymentIntents.create({ amount, currency });
  for (const [currency, most] of [['usd', MOST], ['inr', 999_999_999], ['cop', 9_999_999_999], ['idr', 999_999_999_999]] as const) {
    assert.equal((await create(most, currency)).amount, most);
    await assert.rejects(create(most + 1, currency), { code: 'amount_too_large', param: 'amount', statusCode: 400 });
  }
  const intent = await create(MOST, 'usd');
  await assert.rejects(stripe.paymentIntents.update(intent.id, { amount: MOST + 1 }), { code: 'amount_too_large', param: 'amount' });
  assert.equal((await stripe.paymentIntents.retrieve(intent.id)).amount, MOST);
});

test('what is reserved is raised, captured and given back within that', async () => {
  const options = { card: { request_incremental_authorization: 'if_available', request_overcapture: 'if_available' } } as const;
  const reserved = await stripe.paymentIntents.create({ amount: 99_000_000, currency: 'usd', payment_method: 'pm_card_visa', confirm: true, capture_method: 'manual', payment_method_options: options });
  assert.equal(reserved.status, 'requires_capture');
  await assert.rejects(stripe.paymentIntents.incrementAuthorization(reserved.id, { amount: MOST + 1 }), { code: 'amount_too_large', param: 'amount' });
  await assert.rejects(stripe.paymentIntents.capture(reserved.id, { amount_to_capture: MOST + 1 }), { code: 'amount_too_large', param: 'amount_to_capture' });
  assert.equal((await stripe.paymentIntents.capture(reserved.id, { amount_to_capture: MOST })).amount_received, MOST);
  await assert.rejects(stripe.refunds.create({ payment_intent: reserved.id, amount: MOST + 1 }), { code: 'amount_too_large', param: 'amount' });
  assert.equal((await stripe.refunds.create({ payment_intent: reserved.id })).amount, MOST);
});

test('an invoice of more is not paid at once, but in parts', async () => {
  const customer = await customerOn(undefined);
  const draft = await stripe.invoices.create({ customer, currency: 'usd', auto_advance: false });
  for (const amount of [MOST, 1_000_001]) await stripe.invoiceItems.create({ customer, invoice: draft.id, amount, currency: 'usd' });
  await assert.rejects(stripe.invoices.pay(draft.id), { code: 'amount_too_large', statusCode: 400 });
  assert.equal((await stripe.invoices.retrieve(draft.id)).status, 'draft');
  await stripe.invoices.finalizeInvoice(draft.id);
  await assert.rejects(stripe.invoices.pay(draft.id), { code: 'amount_too_large', statusCode: 400 });
  const intent = await intentOf(draft.id);
  await assert.rejects(stripe.paymentIntents.confirm(intent.id, { payment_method: 'pm_card_visa' }), { code: 'amount_too_large', statusCode: 400 });
  assert.deepEqual([intent.status, (await stripe.charges.list({ customer })).data], ['requires_payment_method', []]);
  const part = await stripe.paymentIntents.create({ amount: 1_000_000, currency: 'usd', customer, payment_method: 'pm_card_visa', confirm: true });
  assert.equal((await stripe.invoices.attachPayment(draft.id, { payment_intent: part.id })).amount_remaining, MOST + 1);
  const more = await stripe.paymentIntents.create({ amount: 1_000, currency: 'usd', customer, payment_method: 'pm_card_visa', confirm: true });
  await stripe.invoices.attachPayment(draft.id, { payment_intent: more.id });
  assert.equal((await stripe.invoices.pay(draft.id)).status, 'paid');
});

test('a run goes on past a bill that is too large to be charged, which fails with the reason and is retried', async () => {
  const clock = await clockAt();
  const price = await stripe.prices.create({ currency: 'usd', unit_amount: 60_000_000, recurring: { interval: 'month' }, product_data: { name: 'Fleet' } });
  const [large, usual] = [await customerOn(clock), await customerOn(clock)];
  const subscribed = async (customer: string) => (await stripe.subscriptions.create({ customer, items: [{ price: price.id }] })).id;
  const [first, second] = [await subscribed(large), await subscribed(usual)];
  await stripe.invoiceItems.create({ customer: large, subscription: first, amount: 50_000_000, currency: 'usd' });
  await kontor.advance(clock, START + 31 * DAY + 7_200);
  const [billed, fine] = [(await stripe.invoices.list({ subscription: first })).data[0]!, (await stripe.invoices.list({ subscription: second })).data[0]!];
  assert.deepEqual([billed.amount_due, billed.status, billed.attempted, billed.attempt_count, fine.status], [110_000_000, 'open', true, 1, 'paid']);
  assert.ok(billed.next_payment_attempt);
  const { last_payment_error: error, latest_charge } = await intentOf(billed.id);
  assert.deepEqual([error?.code, error?.type, latest_charge], ['amount_too_large', 'invalid_request_error', null]);
  assert.deepEqual([(await stripe.subscriptions.retrieve(first)).status, (await stripe.subscriptions.retrieve(second)).status], ['past_due', 'active']);
  await kontor.advance(clock, START + 36 * DAY);
  assert.equal((await stripe.invoices.retrieve(billed.id)).attempt_count, 2);
});

test('a subscription whose first bill is too large waits for another payment, or says why it cannot begin', async () => {
  const customer = await customerOn(undefined);
  const price = await stripe.prices.create({ currency: 'usd', unit_amount: MOST + 1, recurring: { interval: 'month' }, product_data: { name: 'Fleet' } });
  const { status } = await stripe.subscriptions.create({ customer, items: [{ price: price.id }] });
  assert.equal(status, 'incomplete');
  await assert.rejects(stripe.subscriptions.create({ customer, items: [{ price: price.id }], payment_behavior: 'error_if_incomplete' }), { code: 'amount_too_large' });
});

test('a change whose bill is too large is late, or waits for another payment', async () => {
  const prices = await Promise.all([1_000, MOST + 2_000].map((unit_amount) => stripe.prices.create({ currency: 'usd', unit_amount, recurring: { interval: 'month' }, product_data: { name: 'Fleet' } })));
  const changed = async (payment_behavior: 'allow_incomplete' | 'pending_if_incomplete') => {
    const { id, items } = await stripe.subscriptions.create({ customer: await customerOn(undefined), items: [{ price: prices[0]!.id }] });
    await stripe.subscriptions.update(id, { items: [{ id: items.data[0]!.id, price: prices[1]!.id }], proration_behavior: 'always_invoice', payment_behavior });
    const newest = async () => (await stripe.invoices.list({ subscription: id })).data[0]!;
    await until(async () => (await newest()).attempted);
    const invoice = await newest();
    assert.deepEqual([invoice.status, invoice.attempt_count, (await intentOf(invoice.id)).last_payment_error?.code], ['open', 1, 'amount_too_large']);
    return stripe.subscriptions.retrieve(id);
  };
  assert.equal((await changed('allow_incomplete')).status, 'past_due');
  const waiting = await changed('pending_if_incomplete');
  assert.deepEqual([waiting.status, waiting.pending_update !== null, waiting.items.data[0]!.price.id], ['active', true, prices[0]!.id]);
});

test('what Klarna does not sell where who pays lives is a failed attempt, and refused by request', async () => {
  const clock = await clockAt();
  const { id: customer } = await stripe.customers.create({ test_clock: clock });
  const data = { type: 'klarna', billing_details: { email: 'jenny@example.com', address: { country: 'DE' } } } as const;
  const setup = await stripe.setupIntents.create({ customer, payment_method_data: data, confirm: true, return_url: 'https://shop.example.com/back', mandate_data: { customer_acceptance: { type: 'offline' } } });
  await own(stripe, 'POST', `setup_intents/${setup.id}/authenticate`, { result: 'succeeded' });
  const { payment_method, status } = await stripe.setupIntents.retrieve(setup.id);
  assert.equal(status, 'succeeded');
  await stripe.customers.update(customer, { invoice_settings: { default_payment_method: payment_method as string } });
  const draft = await stripe.invoices.create({ customer, currency: 'usd', auto_advance: true });
  await stripe.invoiceItems.create({ customer, invoice: draft.id, amount: 5_000, currency: 'usd' });
  await kontor.advance(clock, START + 7_200);
  const billed = await stripe.invoices.retrieve(draft.id);
  assert.deepEqual([billed.status, billed.attempted, (await intentOf(draft.id)).last_payment_error?.code], ['open', true, 'payment_method_currency_mismatch']);
  await assert.rejects(stripe.invoices.pay(draft.id), { code: 'payment_method_currency_mismatch', param: 'payment_method' });
});
