import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { DAY, START } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { seatPrice } from '../../tests/shop.ts';
import { listen, typesOf } from '../../tests/told.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

const MANDATE = { customer_acceptance: { type: 'offline' } } as const;

/** A customer on a clock with a method that was set up, and a way to let days pass. */
async function payer(payment_method: string) {
  const { id } = await stripe.testHelpers.testClocks.create({ frozen_time: START });
  const { id: customer } = await stripe.customers.create({ test_clock: id });
  const { payment_method: kept } = await stripe.setupIntents.create({ customer, payment_method, mandate_data: MANDATE, confirm: true });
  await stripe.customers.update(customer, { invoice_settings: { default_payment_method: kept as string } });
  let now = START;
  return { customer, method: kept as string, pass: (days: number) => kontor.advance(id, (now += days * DAY)) };
}

async function billed(customer: string, amount: number, more: Partial<Stripe.InvoiceCreateParams> = {}): Promise<Stripe.Invoice> {
  const draft = await stripe.invoices.create({ customer, currency: 'eur', auto_advance: false, ...more });
  await stripe.invoiceItems.create({ customer, invoice: draft.id, amount, currency: draft.currency });
  return stripe.invoices.finalizeInvoice(draft.id);
}

const intentOf = async (invoice: Stripe.Invoice) => (await stripe.invoicePayments.list({ invoice: invoice.id })).data[0]!.payment.payment_intent as string;

test('an invoice that is debited stays open while the money is on its way, and is paid when it has come', async () => {
  const { customer, pass } = await payer('pm_sepaDebit_success_de');
  const invoice = await billed(customer, 5_000);
  const told = listen(kontor);
  const paying = await stripe.invoices.pay(invoice.id);
  const intent = await stripe.paymentIntents.retrieve(await intentOf(invoice));
  assert.deepEqual([paying.status, paying.amount_remaining, intent.status], ['open', 5_000, 'processing']);
  await assert.rejects(stripe.invoices.pay(invoice.id), { code: 'lock_timeout' });
  await assert.rejects(stripe.invoices.voidInvoice(invoice.id), { code: 'lock_timeout' });
  await told();
  await pass(6);
  assert.deepEqual(typesOf(await told()).filter((type) => !type.startsWith('test_helpers')), [
    'charge.succeeded', 'payment_intent.succeeded', 'invoice_payment.paid', 'invoice.updated', 'invoice.paid', 'invoice.payment_succeeded',
  ]);
  assert.equal((await stripe.invoices.retrieve(invoice.id)).status, 'paid');
});

test('a debit that fails is a failed attempt, and another method pays', async () => {
  const { customer, pass } = await payer('pm_failed_de');
  const invoice = await billed(customer, 5_000);
  await stripe.invoices.pay(invoice.id);
  await pass(6);
  const failed = await stripe.invoices.retrieve(invoice.id);
  assert.deepEqual([failed.status, failed.attempted, failed.attempt_count], ['open', true, 1]);
  const card = await stripe.paymentMethods.attach('pm_card_visa', { customer });
  assert.equal((await stripe.invoices.pay(invoice.id, { payment_method: card.id })).status, 'paid');
});

test('a subscription is renewed by debits', async () => {
  const { customer, pass } = await payer('pm_usBankAccount_success');
  const price = await seatPrice(stripe, 2_000);
  const made = await stripe.subscriptions.create({ customer, items: [{ price: price.id }], payment_settings: { payment_method_types: ['us_bank_account', 'card'] } });
  await pass(5);
  await pass(32);
  const { data } = await stripe.invoices.list({ subscription: made.id });
  assert.deepEqual(data.map((invoice) => [invoice.status, invoice.payment_settings.payment_method_types]), [['paid', ['us_bank_account', 'card']], ['paid', ['us_bank_account', 'card']]]);
  assert.equal((await stripe.subscriptions.retrieve(made.id)).status, 'active');
});

test('an invoice is paid by the types that it says, and by no others', async () => {
  const { customer, method } = await payer('pm_sepaDebit_success_at');
  const invoice = await billed(customer, 5_000, { payment_settings: { payment_method_types: ['card'], payment_method_options: { card: { request_three_d_secure: 'any' } } } });
  await assert.rejects(stripe.invoices.pay(invoice.id, { payment_method: method }), { code: 'payment_intent_incompatible_payment_method' });
  const intent = await stripe.paymentIntents.retrieve(await intentOf(invoice));
  assert.deepEqual([intent.payment_method_types, intent.payment_method_options?.card?.request_three_d_secure], [['card'], 'any']);
});

test('types that never pay in the currency of a bill are refused for it', async () => {
  const { id: customer } = await stripe.customers.create();
  const refused = { code: 'payment_intent_invalid_parameter', param: 'payment_settings[payment_method_types]', message: /ideal are in eur, not in usd/ };
  const payment_settings = { payment_method_types: ['card' as const, 'ideal' as const] };
  const price = await stripe.prices.create({ currency: 'usd', unit_amount: 1_000, recurring: { interval: 'month' }, product_data: { name: 'Seats' } });
  const order = { customer, items: [{ price: price.id }], collection_method: 'send_invoice' as const, days_until_due: 30 };
  await assert.rejects(stripe.subscriptions.create({ ...order, payment_settings }), refused);
  const { id } = await stripe.subscriptions.create(order);
  await assert.rejects(stripe.subscriptions.update(id, { payment_settings }), refused);
  await assert.rejects(stripe.invoices.create({ customer, currency: 'usd', payment_settings }), refused);
  const draft = await stripe.invoices.create({ customer, currency: 'usd' });
  await assert.rejects(stripe.invoices.update(draft.id, { payment_settings }), refused);
});

test('several payments pay one invoice', async () => {
  const { customer, method, pass } = await payer('pm_sepaDebit_success_at');
  const invoice = await billed(customer, 5_000);
  const first = await stripe.paymentIntents.create({ amount: 2_000, currency: 'eur', customer, payment_method: 'pm_card_visa', confirm: true });
  assert.equal((await stripe.invoices.attachPayment(invoice.id, { payment_intent: first.id })).amount_remaining, 3_000);
  const second = await stripe.paymentIntents.create({ amount: 1_000, currency: 'eur', customer, payment_method: method, off_session: true, confirm: true });
  await stripe.invoices.attachPayment(invoice.id, { payment_intent: second.id });
  await pass(6);
  assert.equal((await stripe.invoices.retrieve(invoice.id)).amount_remaining, 2_000);
  const card = await stripe.paymentMethods.attach('pm_card_visa', { customer });
  const paid = await stripe.invoices.pay(invoice.id, { payment_method: card.id });
  assert.deepEqual([paid.status, paid.amount_paid], ['paid', 5_000]);
  // A note over all of it gives back what the newest charges have taken, as far as it is asked to.
  const note = await stripe.creditNotes.create({ invoice: invoice.id, amount: 4_000, refund_amount: 3_500, credit_amount: 500 });
  assert.deepEqual(note.refunds.map((each) => each.amount_refunded).toSorted(), [1_000, 2_000, 500].toSorted());
  await assert.rejects(stripe.creditNotes.create({ invoice: invoice.id, amount: 1_000, refund_amount: 900 }), { param: 'refund_amount' });
});

test('what is paid in part is asked for in the rest, and once it is paid nobody can pay it again', async () => {
  const { customer, pass } = await payer('pm_sepaDebit_success_at');
  const invoice = await billed(customer, 5_000, { payment_settings: { payment_method_types: ['card', 'customer_balance'] } });
  const intent = await intentOf(invoice);
  const part = await stripe.paymentIntents.create({ amount: 1_000, currency: 'eur', customer, payment_method: 'pm_card_visa', confirm: true });
  await stripe.invoices.attachPayment(invoice.id, { payment_intent: part.id });
  assert.equal((await stripe.paymentIntents.retrieve(intent)).amount, 4_000);
  // The holder is shown a page for what remains, and while it stands a debit for all of it comes.
  const asking = await stripe.paymentIntents.confirm(intent, { payment_method: 'pm_card_threeDSecure2Required', return_url: 'https://shop.example.com' });
  const page = asking.next_action!.redirect_to_url!.url!;
  const debit = await stripe.paymentIntents.create({ amount: 4_000, currency: 'eur', customer, payment_method: 'pm_sepaDebit_success_de', mandate_data: MANDATE, confirm: true });
  await stripe.invoices.attachPayment(invoice.id, { payment_intent: debit.id });
  await pass(6);
  assert.deepEqual([(await stripe.invoices.retrieve(invoice.id)).status, (await stripe.paymentIntents.retrieve(intent)).status], ['paid', 'canceled']);
  assert.deepEqual((await stripe.invoicePayments.list({ invoice: invoice.id })).data.map(({ status }) => status).toSorted(), ['canceled', 'paid', 'paid']);
  const pressed = await fetch(page, { method: 'POST', redirect: 'manual', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'result=succeeded' });
  assert.deepEqual([pressed.status, /<h1>Canceled</.test(await pressed.text()), (await stripe.charges.list({ payment_intent: intent })).data], [200, true, []]);
  const other = await billed(customer, 5_000, { payment_settings: { payment_method_types: ['card', 'customer_balance'] } });
  const first = await stripe.paymentIntents.create({ amount: 1_500, currency: 'eur', customer, payment_method: 'pm_card_visa', confirm: true });
  await stripe.invoices.attachPayment(other.id, { payment_intent: first.id });
  await stripe.testHelpers.customers.fundCashBalance(customer, { amount: 3_500, currency: 'eur', reference: other.number! });
  assert.deepEqual(await stripe.invoices.retrieve(other.id).then(({ status, amount_overpaid }) => [status, amount_overpaid]), ['paid', 0]);
});

test('what went back pays no invoice', async () => {
  const { customer } = await payer('pm_card_visa');
  const invoice = await billed(customer, 1_000);
  const made = await stripe.paymentIntents.create({ amount: 1_000, currency: 'eur', customer, payment_method: 'pm_card_visa', confirm: true });
  await stripe.refunds.create({ payment_intent: made.id, amount: 400 });
  await assert.rejects(stripe.invoices.attachPayment(invoice.id, { payment_intent: made.id }), { code: 'payment_intent_invalid_parameter', param: 'payment_intent' });
  assert.equal((await stripe.invoices.retrieve(invoice.id)).amount_remaining, 1_000);
});

test('a payment of an invoice is captured at once, and what is reserved besides and given up stands in nobody\'s way', async () => {
  const { customer, method } = await payer('pm_card_visa');
  const invoice = await billed(customer, 1_000);
  const card = { capture_method: 'manual' } as const;
  const intent = await intentOf(invoice);
  for (const ask of [() => stripe.paymentIntents.confirm(intent, { payment_method: method, payment_method_options: { card } }), () => stripe.paymentIntents.update(intent, { payment_method_options: { card } })]) {
    await assert.rejects(ask, { code: 'payment_intent_unexpected_state', param: 'payment_method_options[card][capture_method]' });
  }
  const reserved = await stripe.paymentIntents.create({ amount: 1_000, currency: 'eur', customer, payment_method: method, capture_method: 'manual', confirm: true });
  await stripe.invoices.attachPayment(invoice.id, { payment_intent: reserved.id });
  await assert.rejects(stripe.invoices.voidInvoice(invoice.id), { code: 'payment_intent_unexpected_state', message: /capture it, or cancel it by itself first/ });
  await stripe.paymentIntents.cancel(reserved.id);
  assert.equal((await stripe.invoices.voidInvoice(invoice.id)).status, 'void');
});

test('a note counts a refund that was made before, and no refund twice', async () => {
  const { customer } = await payer('pm_card_visa');
  const invoice = await billed(customer, 5_000);
  await stripe.invoices.pay(invoice.id);
  const refund = await stripe.refunds.create({ payment_intent: await intentOf(invoice), amount: 1_500 });
  const note = await stripe.creditNotes.create({ invoice: invoice.id, amount: 1_500, refunds: [{ refund: refund.id }] });
  assert.deepEqual([note.refunds[0]!.amount_refunded, note.post_payment_amount], [1_500, 1_500]);
  await assert.rejects(stripe.creditNotes.create({ invoice: invoice.id, amount: 100, refunds: [{ refund: refund.id, amount_refunded: 100 }] }), { code: 'amount_too_large', param: 'refunds[0][refund]' });
  await assert.rejects(stripe.creditNotes.create({ invoice: invoice.id, amount: 3_600, refund_amount: 3_600 }), { code: 'amount_too_large' });
});
