/** What is reserved is captured: once, in several parts, a little more than was reserved, or raised before. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { startKontor } from '../../tests/kontor.ts';
import { listen } from '../../tests/told.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const told = listen(kontor);

type Card = Stripe.PaymentIntentCreateParams.PaymentMethodOptions.Card;

/** An amount that is reserved, with what is asked for about it. */
async function reserve(card: Card, more: Partial<Stripe.PaymentIntentCreateParams> = {}): Promise<Stripe.PaymentIntent> {
  const intent = await stripe.paymentIntents.create({ amount: 10_000, currency: 'usd', payment_method: 'pm_card_visa', confirm: true, capture_method: 'manual', payment_method_options: { card }, ...more });
  assert.equal(intent.status, 'requires_capture');
  return intent;
}
const sums = ({ status, amount, amount_capturable, amount_received }: Stripe.PaymentIntent) => [status, amount, amount_capturable, amount_received];
const chargeOf = async ({ latest_charge }: Stripe.PaymentIntent) => stripe.charges.retrieve(latest_charge as string);

test('several captures of one authorization, each with its own money and fees', async () => {
  const intent = await reserve({ request_multicapture: 'if_available' });
  const { card } = (await chargeOf(intent)).payment_method_details!;
  assert.deepEqual([card!.multicapture, card!.incremental_authorization, card!.overcapture], [{ status: 'available' }, { status: 'unavailable' }, { maximum_amount_capturable: 10_000, status: 'unavailable' }]);
  await told();
  assert.deepEqual(sums(await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 3_000, final_capture: false })), ['requires_capture', 10_000, 7_000, 3_000]);
  assert.deepEqual((await told()).map((each) => each.type), ['charge.captured', 'payment_intent.amount_capturable_updated']);
  assert.deepEqual(sums(await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 2_500, final_capture: false })), ['requires_capture', 10_000, 4_500, 5_500]);
  await assert.rejects(stripe.paymentIntents.capture(intent.id, { amount_to_capture: 4_501, final_capture: false }), { code: 'amount_too_large', param: 'amount_to_capture' });
  await assert.rejects(stripe.paymentIntents.capture(intent.id, { amount_to_capture: 0, final_capture: false }), { code: 'parameter_invalid_integer' });
  await assert.rejects(stripe.paymentIntents.cancel(intent.id), { code: 'payment_intent_unexpected_state' });
  // What has come can be given back before the rest is captured.
  assert.equal((await stripe.refunds.create({ payment_intent: intent.id, amount: 500 })).status, 'succeeded');
  await told();
  assert.deepEqual(sums(await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 1_000 })), ['succeeded', 10_000, 0, 6_500]);
  assert.deepEqual((await told()).map((each) => each.type), ['charge.captured', 'payment_intent.succeeded']);
  const charge = await chargeOf(intent);
  assert.deepEqual([charge.amount, charge.amount_captured, charge.amount_refunded, charge.captured], [10_000, 6_500, 3_500 + 500, true]);
  const { data } = await stripe.balanceTransactions.list({ source: charge.id });
  assert.deepEqual(data.map(({ amount, fee, type }) => [amount, fee, type]), [[1_000, 59, 'charge'], [2_500, 103, 'charge'], [3_000, 117, 'charge']]);
  assert.equal(charge.balance_transaction, data.at(-1)!.id);
});

test('the rest is released by capturing nothing more, or by the time', async () => {
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: Math.floor(Date.now() / 1_000) });
  const { id: customer } = await stripe.customers.create({ test_clock: clock.id });
  const intent = await reserve({ request_multicapture: 'if_available' });
  await assert.rejects(stripe.paymentIntents.capture(intent.id, { amount_to_capture: 0 }), { code: 'parameter_invalid_integer' });
  await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 3_000, final_capture: false });
  assert.deepEqual(sums(await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 0, final_capture: true })), ['succeeded', 10_000, 0, 3_000]);
  const late = await reserve({ request_multicapture: 'if_available' }, { customer });
  await stripe.paymentIntents.capture(late.id, { amount_to_capture: 4_000, final_capture: false });
  await kontor.advance(clock.id, clock.frozen_time + 8 * 86_400);
  assert.deepEqual(sums(await stripe.paymentIntents.retrieve(late.id)), ['succeeded', 10_000, 0, 4_000]);
});

test('all of it in parts is the end, too', async () => {
  const intent = await reserve({ request_multicapture: 'if_available' });
  await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 4_000, final_capture: false });
  assert.deepEqual(sums(await stripe.paymentIntents.capture(intent.id, { final_capture: false })), ['succeeded', 10_000, 0, 10_000]);
});

test('only what was asked for with the confirmation is available', async () => {
  const intent = await reserve({});
  await assert.rejects(stripe.paymentIntents.capture(intent.id, { amount_to_capture: 3_000, final_capture: false }), { code: 'payment_intent_invalid_parameter', param: 'final_capture' });
  await assert.rejects(stripe.paymentIntents.incrementAuthorization(intent.id, { amount: 12_000 }), { code: 'payment_intent_unexpected_state' });
  await assert.rejects(stripe.paymentIntents.capture(intent.id, { amount_to_capture: 10_001 }), { code: 'amount_too_large' });
  await assert.rejects(stripe.paymentIntents.capture(intent.id, { application_fee_amount: 1 }), { code: 'parameter_unknown', param: 'application_fee_amount' });
});

test('what is raised may be overcaptured by its new amount, and a part of it be captured before the rest', async () => {
  const intent = await reserve({ request_incremental_authorization: 'if_available', request_overcapture: 'if_available', request_multicapture: 'if_available' });
  assert.deepEqual(sums(await stripe.paymentIntents.incrementAuthorization(intent.id, { amount: 20_000, description: 'More nights', metadata: { nights: '4' } })), ['requires_capture', 20_000, 20_000, 0]);
  assert.deepEqual((await chargeOf(intent)).payment_method_details!.card!.overcapture, { maximum_amount_capturable: 23_000, status: 'available' });
  await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 5_000, final_capture: false });
  await assert.rejects(stripe.paymentIntents.incrementAuthorization(intent.id, { amount: 30_000 }), { code: 'payment_intent_unexpected_state' });
  await assert.rejects(stripe.paymentIntents.capture(intent.id, { amount_to_capture: 18_001 }), { code: 'amount_too_large' });
  const done = await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 18_000, statement_descriptor_suffix: 'NIGHTS', metadata: { room: '7' } });
  assert.deepEqual([...sums(done), done.description, done.metadata, done.statement_descriptor_suffix], ['succeeded', 20_000, 0, 23_000, 'More nights', { nights: '4', room: '7' }, 'NIGHTS']);
});

test('what pays an invoice is captured once, and what is captured in part is attached to none', async () => {
  const { id: customer } = await stripe.customers.create();
  await stripe.invoiceItems.create({ customer, amount: 10_000, currency: 'usd' });
  const { id } = await stripe.invoices.create({ customer, auto_advance: false, collection_method: 'send_invoice', days_until_due: 30, pending_invoice_items_behavior: 'include' });
  const invoice = await stripe.invoices.finalizeInvoice(id);
  const [whole, part] = [await reserve({ request_multicapture: 'if_available' }, { customer }), await reserve({ request_multicapture: 'if_available' }, { customer })];
  await stripe.paymentIntents.capture(part.id, { amount_to_capture: 1_000, final_capture: false });
  await assert.rejects(stripe.invoices.attachPayment(invoice.id, { payment_intent: part.id }), /captured in parts/);
  await stripe.invoices.attachPayment(invoice.id, { payment_intent: whole.id });
  await assert.rejects(stripe.paymentIntents.capture(whole.id, { amount_to_capture: 1_000, final_capture: false }), { code: 'payment_intent_invalid_parameter', param: 'final_capture' });
  await stripe.paymentIntents.capture(whole.id);
  assert.equal((await stripe.invoices.retrieve(invoice.id)).status, 'paid');
});

test('what is to be held for longer is given up after a month', async () => {
  const charge = await chargeOf(await reserve({ request_extended_authorization: 'if_available' }));
  const { card } = charge.payment_method_details!;
  assert.deepEqual([card!.extended_authorization, card!.capture_before], [{ status: 'enabled' }, charge.created + 30 * 86_400]);
  const plain = await chargeOf(await reserve({}));
  assert.deepEqual([plain.payment_method_details!.card!.extended_authorization, plain.payment_method_details!.card!.capture_before], [{ status: 'disabled' }, plain.created + 7 * 86_400]);
});

test('whoever orders by telephone is not asked by the bank, and who keeps a card is where that is wanted', async () => {
  const made = { amount: 500, currency: 'usd', payment_method: 'pm_card_authenticationRequired', confirm: true } as const;
  assert.equal((await stripe.paymentIntents.create(made)).status, 'requires_action');
  const ordered = await stripe.paymentIntents.create({ ...made, payment_method_options: { card: { moto: true } } });
  assert.deepEqual([ordered.status, 'moto' in ordered.payment_method_options!.card!], ['succeeded', false]);
  const { id: customer } = await stripe.customers.create();
  const setup = { customer, payment_method: 'pm_card_threeDSecureOptional', confirm: true } as const;
  assert.equal((await stripe.setupIntents.create({ ...setup, payment_method_options: { card: { request_three_d_secure: 'any' } } })).status, 'requires_action');
  assert.equal((await stripe.setupIntents.create(setup)).status, 'succeeded');
});

test('a card has no statement descriptor of its own', async () => {
  const made = { amount: 500, currency: 'usd', payment_method: 'pm_card_visa', confirm: true } as const;
  await assert.rejects(stripe.paymentIntents.create({ ...made, statement_descriptor: 'SHOP' }), { code: 'payment_intent_invalid_parameter', param: 'statement_descriptor' });
  await assert.rejects(stripe.paymentIntents.create({ ...made, statement_descriptor_suffix: '12345' }), { param: 'statement_descriptor_suffix' });
  assert.equal((await stripe.paymentIntents.create({ ...made, statement_descriptor_suffix: 'ORDER 12' })).statement_descriptor_suffix, 'ORDER 12');
  const reserved = await reserve({});
  await assert.rejects(stripe.paymentIntents.capture(reserved.id, { statement_descriptor: 'SHOP' }), { code: 'payment_intent_invalid_parameter', param: 'statement_descriptor' });
});

for (const [currency, step] of [['kwd', 10], ['isk', 100]] as const) {
  test(`what is charged, raised, captured or refunded in ${currency} is a multiple of ${step}`, async () => {
    const wrong = (param: string) => ({ code: 'invalid_charge_amount', param });
    await assert.rejects(stripe.paymentIntents.create({ amount: 50_001, currency }), wrong('amount'));
    const open = await stripe.paymentIntents.create({ amount: 50_001, currency: 'usd' });
    await assert.rejects(stripe.paymentIntents.update(open.id, { currency }), wrong('amount'));
    const reserved = await reserve({ request_incremental_authorization: 'if_available' }, { amount: 50_000, currency });
    await assert.rejects(stripe.paymentIntents.incrementAuthorization(reserved.id, { amount: 60_001 }), wrong('amount'));
    await assert.rejects(stripe.paymentIntents.capture(reserved.id, { amount_to_capture: 40_001 }), wrong('amount_to_capture'));
    assert.equal((await stripe.paymentIntents.capture(reserved.id, { amount_to_capture: 40_000 })).amount_received, 40_000);
    await assert.rejects(stripe.refunds.create({ payment_intent: reserved.id, amount: 101 }), wrong('amount'));
    assert.equal((await stripe.refunds.create({ payment_intent: reserved.id, amount: 100 })).status, 'succeeded');
  });
}

test('what an invoice comes to is charged as it is, and can be refunded as a whole', async () => {
  const { id: customer } = await stripe.customers.create();
  const { id: payment_method } = await stripe.paymentMethods.attach('pm_card_visa', { customer });
  const { id } = await stripe.invoices.create({ customer, currency: 'kwd', auto_advance: false });
  await stripe.invoiceItems.create({ customer, invoice: id, amount: 5_124, currency: 'kwd' });
  await stripe.invoices.finalizeInvoice(id);
  assert.equal((await stripe.invoices.pay(id, { payment_method })).amount_paid, 5_124);
  const [charge] = (await stripe.charges.list({ customer })).data as [Stripe.Charge];
  assert.equal((await stripe.refunds.create({ charge: charge.id, amount: 5_124 })).status, 'succeeded');
});
