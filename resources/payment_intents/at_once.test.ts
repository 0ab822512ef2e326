/** What is asked of one payment, or of one invoice, at the same moment: one thing comes of it, nothing is paid or given back twice, and nobody hears of a failure of ours. The books are looked at in the end. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { startKontor } from '../../tests/kontor.ts';
import { paysBy } from '../../tests/shop.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

/** How often each race is run. */
const TIMES = 3;

/** What of several requests that are sent at once has come about. Each other one was refused as the caller's, or told to come again. */
async function atOnce<T>(...requests: (() => Promise<T>)[]): Promise<T[]> {
  const settled = await Promise.allSettled(requests.map((each) => each()));
  return settled.flatMap((each) => {
    if (each.status === 'fulfilled') return [each.value];
    const { statusCode, message } = each.reason as Stripe.errors.StripeError;
    assert.ok(statusCode !== undefined && statusCode < 500, message);
    return [];
  });
}
async function repeatedly(race: () => Promise<void>): Promise<void> {
  for (let n = 0; n < TIMES; n += 1) await race();
}

const paid = (more: Partial<Stripe.PaymentIntentCreateParams> = {}) => stripe.paymentIntents.create({ amount: 1_000, currency: 'usd', payment_method: 'pm_card_visa', confirm: true, ...more });
const taken = async (payment_intent: string) => (await stripe.charges.list({ payment_intent })).data.filter((each) => each.status === 'succeeded' && each.captured).map(({ amount_captured, amount_refunded }) => [amount_captured, amount_refunded]);

async function payer(): Promise<string> {
  return (await stripe.customers.create(paysBy())).id;
}
async function billed(customer: string, amount = 1_000): Promise<string> {
  const { id } = await stripe.invoices.create({ customer, currency: 'usd', auto_advance: false });
  await stripe.invoiceItems.create({ customer, invoice: id, amount, currency: 'usd' });
  await stripe.invoices.finalizeInvoice(id);
  return id;
}
const takenFrom = async (customer: string) => (await stripe.charges.list({ customer })).data.filter((each) => each.status === 'succeeded').reduce((sum, each) => sum + each.amount_captured, 0);

test('refunds at once give back no more than was paid', () => repeatedly(async () => {
  const { id } = await paid();
  const whole = () => stripe.refunds.create({ payment_intent: id });
  assert.equal((await atOnce(whole, whole, whole)).length, 1);
  assert.deepEqual(await taken(id), [[1_000, 1_000]]);
  const other = (await paid()).id;
  const part = () => stripe.refunds.create({ payment_intent: other, amount: 400 });
  assert.equal((await atOnce(part, part, part)).length, 2);
  assert.deepEqual(await taken(other), [[1_000, 800]]);
}));

test('a refund that is asked for twice with one key is one', () => repeatedly(async () => {
  const { id } = await paid();
  const refund = () => stripe.refunds.create({ payment_intent: id, amount: 100 }, { idempotencyKey: `refund ${id}` });
  const made = await atOnce(refund, refund, refund);
  assert.equal(new Set([...made, await refund()].map((each) => each.id)).size, 1);
  assert.deepEqual(await taken(id), [[1_000, 100]]);
}));

test('what is confirmed twice at once is charged once', () => repeatedly(async () => {
  const { id } = await stripe.paymentIntents.create({ amount: 1_000, currency: 'usd' });
  const confirm = () => stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_visa' });
  await atOnce(confirm, confirm, () => stripe.paymentIntents.update(id, { amount: 2_000 }), confirm);
  const intent = await stripe.paymentIntents.retrieve(id);
  assert.deepEqual([intent.status, await taken(id)], ['succeeded', [[intent.amount, 0]]]);
}));

test('what is reserved is captured, raised or given up, and no two of these', () => repeatedly(async () => {
  const { id } = await paid({ capture_method: 'manual', payment_method_options: { card: { request_incremental_authorization: 'if_available' } } });
  await atOnce(() => stripe.paymentIntents.capture(id), () => stripe.paymentIntents.cancel(id), () => stripe.paymentIntents.incrementAuthorization(id, { amount: 1_500 }), () => stripe.paymentIntents.capture(id));
  let intent = await stripe.paymentIntents.retrieve(id);
  if (intent.status === 'requires_capture') intent = await stripe.paymentIntents.capture(id);
  assert.deepEqual(await taken(id), intent.status === 'canceled' ? [] : [[intent.amount, 0]]);
}));

test('what is captured in parts is given back at the same time', () => repeatedly(async () => {
  const { id } = await paid({ capture_method: 'manual', payment_method_options: { card: { request_multicapture: 'if_available' } } });
  await stripe.paymentIntents.capture(id, { amount_to_capture: 400, final_capture: false });
  const back = await atOnce<object>(() => stripe.paymentIntents.capture(id, { amount_to_capture: 300 }), () => stripe.refunds.create({ payment_intent: id, amount: 400 }));
  assert.equal(back.length, 2);
  // Of 1,000 that were reserved 300 were released, and 400 of what was captured given back.
  assert.deepEqual(await taken(id), [[700, 300 + 400]]);
}));

test('an invoice that is paid several times at once is paid once', () => repeatedly(async () => {
  const customer = await payer();
  const invoice = await billed(customer);
  const pay = () => stripe.invoices.pay(invoice);
  await atOnce(pay, pay, () => stripe.invoices.pay(invoice, { paid_out_of_band: true }), () => stripe.invoices.pay(invoice, {}, { idempotencyKey: `pay ${invoice}` }), () => stripe.invoices.pay(invoice, {}, { idempotencyKey: `pay ${invoice}` }));
  const { status, amount_paid } = await stripe.invoices.retrieve(invoice);
  assert.equal(status, 'paid');
  assert.ok([0, 1_000].includes(await takenFrom(customer)));
  assert.ok([0, 1_000].includes(amount_paid));
}));

test('an invoice is paid or voided', () => repeatedly(async () => {
  const customer = await payer();
  const invoice = await billed(customer);
  await atOnce<object>(() => stripe.invoices.pay(invoice), () => stripe.invoices.voidInvoice(invoice), () => stripe.invoices.markUncollectible(invoice));
  const { status } = await stripe.invoices.retrieve(invoice);
  assert.equal(await takenFrom(customer), status === 'paid' ? 1_000 : 0, status!);
}));

test('a payment goes to one invoice, or back', () => repeatedly(async () => {
  const customer = await payer();
  const [one, other] = [await billed(customer), await billed(customer)];
  const { id } = await paid({ customer });
  await atOnce<object>(() => stripe.invoices.attachPayment(one, { payment_intent: id }), () => stripe.invoices.attachPayment(other, { payment_intent: id }), () => stripe.refunds.create({ payment_intent: id }));
  const statuses = await Promise.all([one, other].map(async (each) => (await stripe.invoices.retrieve(each)).status));
  assert.ok(statuses.filter((each) => each === 'paid').length <= 1);
  assert.equal(await takenFrom(customer), 1_000);
}));

test('credit notes at once give back no more than the invoice', () => repeatedly(async () => {
  const customer = await payer();
  const invoice = await billed(customer);
  await stripe.invoices.pay(invoice);
  const note = () => stripe.creditNotes.create({ invoice, amount: 600, refund_amount: 600 });
  const { payment } = (await stripe.invoicePayments.list({ invoice })).data[0]!;
  const made = await atOnce<object>(note, note, () => stripe.refunds.create({ payment_intent: payment.payment_intent as string, amount: 500 }));
  assert.ok(made.length >= 1);
  const [[captured, refunded]] = (await taken(payment.payment_intent as string)) as [[number, number]];
  assert.ok(refunded <= captured);
}));

test('what is contested while it is given back goes only once', async () => {
  const { id } = await paid({ payment_method: 'pm_card_createDispute' });
  const contested = async () => (await stripe.disputes.list({ payment_intent: id })).data[0];
  const refund = () => stripe.refunds.create({ payment_intent: id, amount: 7 });
  do await atOnce(refund, refund); while (!(await contested()));
  const [[captured, refunded]] = (await taken(id)) as [[number, number]];
  assert.equal((await contested())!.amount + refunded, captured);
});
