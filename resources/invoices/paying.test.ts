/** An invoice while the processor thinks about its payment. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { after, before, test } from 'node:test';
import type Stripe from 'stripe';
import { startKontor, type Kontor } from '../../tests/kontor.ts';
import { paysBy } from '../../tests/shop.ts';

let kontor: Kontor;
let stripe: Stripe;
/** Resolves when the processor may answer. */
let answering: Promise<unknown> = Promise.resolve();
let asked = 0;
/** Tells `asked` each time the processor is. */
const asking = new EventEmitter();

before(async () => {
  kontor = await startKontor();
  stripe = kontor.stripe;
  const processor = kontor.app.connectors.processors.test!;
  const { charge } = processor;
  processor.charge = async (request) => {
    asked += 1;
    asking.emit('asked');
    await answering;
    return charge(request);
  };
});
after(() => kontor.close());

async function openInvoice(): Promise<string> {
  const { id: customer } = await stripe.customers.create(paysBy());
  await stripe.invoiceItems.create({ customer, amount: 1500, currency: 'usd' });
  const { id } = await stripe.invoices.create({ customer, auto_advance: false, pending_invoice_items_behavior: 'include' });
  await stripe.invoices.finalizeInvoice(id);
  return id;
}

for (const [what, meanwhile] of [
  ['is not charged a second time', (id) => stripe.invoices.pay(id)],
  ['is not charged to another card', (id) => stripe.invoices.pay(id, { payment_method: 'pm_card_mastercard' })],
  ['is not paid elsewhere', (id) => stripe.invoices.pay(id, { paid_out_of_band: true })],
  ['is not voided', (id) => stripe.invoices.voidInvoice(id)],
] satisfies [string, (id: string) => Promise<unknown>][]) {
  test(`an invoice whose payment is under way ${what}`, async () => {
    const id = await openInvoice();
    const { promise, resolve } = Promise.withResolvers<void>();
    [answering, asked] = [promise, 0];
    const begun = once(asking, 'asked');
    const paying = stripe.invoices.pay(id);
    await begun;
    const begun_again = once(asking, 'asked');
    const other = meanwhile(id).then(() => null, (error: Stripe.errors.StripeError) => [error.statusCode, error.code]);
    await Promise.race([other, begun_again]);
    resolve();
    const refused = await other;
    const { status, amount_paid, attempt_count } = await paying;
    assert.deepEqual(refused, [409, 'lock_timeout']);
    assert.deepEqual([asked, status, amount_paid, attempt_count], [1, 'paid', 1500, 1]);
  });
}

test('a card that is detached while it pays stays detached, though it was to be kept', async () => {
  const { id: customer } = await stripe.customers.create();
  const { id: payment_method } = await stripe.paymentMethods.attach('pm_card_visa', { customer });
  const { promise, resolve } = Promise.withResolvers<void>();
  [answering, asked] = [promise, 0];
  const begun = once(asking, 'asked');
  const paying = stripe.paymentIntents.create({ amount: 1500, currency: 'usd', customer, payment_method, confirm: true, setup_future_usage: 'off_session' });
  await begun;
  await stripe.paymentMethods.detach(payment_method);
  resolve();
  assert.equal((await paying).status, 'succeeded');
  assert.equal((await stripe.paymentMethods.retrieve(payment_method)).customer, null);
  await assert.rejects(stripe.paymentMethods.attach(payment_method, { customer }), { code: 'payment_method_unexpected_state' });
});
