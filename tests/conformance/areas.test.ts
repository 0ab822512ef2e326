/** The official client walks through each area. Every answer is held against Stripe's types on the way; at the end, every operation of the loop of billing that a room answers was called. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import Stripe from 'stripe';
import { rooms } from '../../resources/register.ts';
import { START } from '../days.ts';
import { startKontor } from '../kontor.ts';
import { meterOf, seatPrice } from '../shop.ts';
import { operationOf } from './openapi.ts';

const MONTH_S = 31 * 86_400;

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

const priced = (more: Partial<Stripe.PriceCreateParams> = {}) => stripe.prices.create({ currency: 'usd', unit_amount: 1_500, recurring: { interval: 'month' }, product_data: { name: 'Seat' }, ...more });
/** A customer with a card. */
async function payer(more: Stripe.CustomerCreateParams = {}): Promise<{ customer: string; method: string }> {
  const { id: customer } = await stripe.customers.create({ name: 'Jenny', email: 'jenny@example.com', ...more });
  const { id: method } = await stripe.paymentMethods.attach('pm_card_visa', { customer });
  await stripe.customers.update(customer, { invoice_settings: { default_payment_method: method } });
  return { customer, method };
}

test('the catalogue: products and their prices', async () => {
  const product = await stripe.products.create({ name: 'Support', metadata: { plan: 'gold' }, marketing_features: [{ name: 'By phone' }] });
  const price = await stripe.prices.create({ product: product.id, currency: 'eur', unit_amount_decimal: Stripe.Decimal.from('0.25'), lookup_key: 'support', recurring: { interval: 'year' } });
  await stripe.products.update(product.id, { default_price: price.id, description: 'Day and night' });
  const found = await stripe.products.retrieve(product.id, { expand: ['default_price'] });
  assert.equal((found.default_price as Stripe.Price).unit_amount_decimal?.toString(), '0.25');
  await stripe.prices.update(price.id, { nickname: 'yearly', metadata: { a: '1' } });
  assert.equal((await stripe.prices.retrieve(price.id)).nickname, 'yearly');
  assert.deepEqual((await stripe.prices.list({ lookup_keys: ['support'] })).data.map((each) => each.id), [price.id]);
  await stripe.prices.create({
    product: product.id, currency: 'usd', billing_scheme: 'tiered', tiers_mode: 'graduated', recurring: { interval: 'month' },
    tiers: [{ up_to: 10, unit_amount: 500 }, { up_to: 'inf', unit_amount: 300, flat_amount: 100 }],
  });
  assert.equal((await stripe.products.list({ active: true })).data.length, 1);
  const unused = await stripe.products.create({ name: 'Never sold' });
  assert.deepEqual(await stripe.products.del(unused.id).then(({ deleted, object }) => [deleted, object]), [true, 'product']);
});

test('discounts and taxes: coupons, promotion codes, tax rates', async () => {
  const coupon = await stripe.coupons.create({ amount_off: 500, currency: 'usd', duration: 'repeating', duration_in_months: 3, name: 'Five off' });
  await stripe.coupons.update(coupon.id, { name: 'Five less' });
  assert.equal((await stripe.coupons.retrieve(coupon.id)).name, 'Five less');
  const code = await stripe.promotionCodes.create({ promotion: { type: 'coupon', coupon: coupon.id }, code: 'FIVE' });
  await stripe.promotionCodes.update(code.id, { metadata: { from: 'mail' } });
  assert.equal((await stripe.promotionCodes.retrieve(code.id, { expand: ['promotion.coupon'] })).code, 'FIVE');
  assert.equal((await stripe.promotionCodes.list({ code: 'FIVE' })).data.length, 1);
  const rate = await stripe.taxRates.create({ display_name: 'VAT', percentage: 19, inclusive: false, country: 'DE' });
  await stripe.taxRates.update(rate.id, { description: 'Germany' });
  assert.equal((await stripe.taxRates.retrieve(rate.id)).percentage, 19);
  assert.equal((await stripe.taxRates.list()).data.length, 1);
  assert.equal((await stripe.coupons.list()).data.length, 1);
  assert.equal((await stripe.coupons.del(coupon.id)).deleted, true);
});

test('customers, their balance, their tax ids and what pays for them', async () => {
  const { customer, method } = await payer();
  const moved = await stripe.customers.createBalanceTransaction(customer, { amount: -1_000, currency: 'usd', description: 'Sorry' });
  await stripe.customers.updateBalanceTransaction(customer, moved.id, { metadata: { case: '7' } });
  assert.equal((await stripe.customers.retrieveBalanceTransaction(customer, moved.id)).ending_balance, -1_000);
  assert.equal((await stripe.customers.listBalanceTransactions(customer)).data.length, 1);
  const tax = await stripe.customers.createTaxId(customer, { type: 'eu_vat', value: 'DE123456789' });
  assert.equal((await stripe.customers.retrieveTaxId(customer, tax.id)).value, 'DE123456789');
  assert.equal((await stripe.customers.listTaxIds(customer)).data.length, 1);
  assert.equal((await stripe.customers.deleteTaxId(customer, tax.id)).deleted, true);
  assert.equal((await stripe.customers.listPaymentMethods(customer)).data.length, 1);
  assert.equal((await stripe.customers.retrievePaymentMethod(customer, method)).card?.last4, '4242');
  assert.equal((await stripe.paymentMethods.list({ customer, type: 'card' })).data.length, 1);
  await stripe.paymentMethods.update(method, { billing_details: { name: 'Jenny Rosen' } });
  assert.equal((await stripe.paymentMethods.retrieve(method)).billing_details.name, 'Jenny Rosen');
  const other = await stripe.paymentMethods.create({ type: 'card', card: { token: 'tok_mastercard' } });
  await stripe.paymentMethods.attach(other.id, { customer });
  assert.equal((await stripe.paymentMethods.detach(other.id)).customer, null);
  assert.equal((await stripe.customers.retrieve(customer)).deleted, undefined);
  assert.equal((await stripe.customers.list({ email: 'jenny@example.com' })).data.length, 1);
  assert.equal((await stripe.customers.del(customer)).deleted, true);
});

test('subscriptions and their items, through three months', async () => {
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: START, name: 'Three months' });
  const { customer } = await payer({ test_clock: clock.id });
  const coupon = await stripe.coupons.create({ percent_off: 10, duration: 'forever' });
  const [seat, desk] = [await priced(), await priced({ unit_amount: 700 })];
  const made = await stripe.subscriptions.create({ customer, items: [{ price: seat.id, quantity: 2 }], discounts: [{ coupon: coupon.id }], expand: ['latest_invoice.payments', 'customer', 'discounts'] });
  assert.equal(made.status, 'active');
  assert.equal((made.latest_invoice as Stripe.Invoice).amount_paid, 2_700);
  const item = await stripe.subscriptionItems.create({ subscription: made.id, price: desk.id, quantity: 1 });
  await stripe.subscriptionItems.update(item.id, { quantity: 3 });
  assert.equal((await stripe.subscriptionItems.retrieve(item.id)).quantity, 3);
  assert.equal((await stripe.subscriptionItems.list({ subscription: made.id })).data.length, 2);
  const preview = await stripe.invoices.createPreview({ subscription: made.id });
  await kontor.advance(clock.id, START + MONTH_S + 7_200);
  const [billed] = (await stripe.invoices.list({ subscription: made.id, limit: 1 })).data;
  assert.equal(billed!.total, preview.total);
  assert.equal((await stripe.subscriptionItems.del(item.id)).deleted, true);
  await stripe.subscriptions.update(made.id, { items: [{ id: made.items.data[0]!.id, quantity: 5 }], proration_behavior: 'always_invoice' });
  assert.equal((await stripe.subscriptions.deleteDiscount(made.id)).deleted, true);
  await kontor.advance(clock.id, START + 3 * MONTH_S);
  assert.equal((await stripe.subscriptions.retrieve(made.id)).items.data[0]!.quantity, 5);
  assert.equal((await stripe.subscriptions.list({ customer, status: 'all', test_clock: clock.id })).data.length, 1);
  assert.equal((await stripe.subscriptions.pause(made.id, { invoicing_behavior: 'invoice' })).status_details?.paused.type, 'subscription');
  assert.equal((await stripe.subscriptions.resume(made.id, { billing_cycle_anchor: { type: 'unchanged' } })).status, 'active');
  assert.equal((await stripe.subscriptions.cancel(made.id, { prorate: true, invoice_now: true })).status, 'canceled');
  assert.equal((await stripe.testHelpers.testClocks.list()).data.length, 1);
  assert.equal((await stripe.testHelpers.testClocks.retrieve(clock.id)).status, 'ready');
  await stripe.testHelpers.testClocks.del(clock.id);
});

test('schedules: a deal that is agreed on, changed, canceled and released', async () => {
  const { customer } = await payer();
  const price = await seatPrice(stripe, 1_000);
  const phases = (quantity: number) => [{ items: [{ price: price.id, quantity }], duration: { interval: 'month' as const } }];
  const [one, two] = [await stripe.subscriptionSchedules.create({ customer, phases: phases(2) }), await stripe.subscriptionSchedules.create({ customer, start_date: START + 20 * 365 * 86_400, phases: phases(1) })];
  assert.equal((await stripe.subscriptionSchedules.update(one.id, { end_behavior: 'cancel' })).end_behavior, 'cancel');
  assert.deepEqual((await stripe.subscriptionSchedules.list({ customer, scheduled: true })).data.map((each) => each.id), [two.id]);
  assert.equal((await stripe.subscriptionSchedules.release(one.id)).status, 'released');
  assert.equal((await stripe.subscriptionSchedules.cancel(two.id)).status, 'canceled');
  assert.equal((await stripe.subscriptionSchedules.retrieve(one.id, { expand: ['phases.items.plan'] })).released_subscription, one.subscription);
});

test('usage: meters, events and what they add up to', async () => {
  const { customer } = await payer();
  const meter = await meterOf(stripe, 'calls');
  await stripe.billing.meters.update(meter.id, { display_name: 'API calls' });
  const now = Math.floor(Date.now() / 60_000) * 60;
  const event = await stripe.billing.meterEvents.create({ event_name: 'calls', payload: { stripe_customer_id: customer, value: '7.5' }, identifier: 'one' });
  await stripe.billing.meterEvents.create({ event_name: 'calls', payload: { stripe_customer_id: customer, value: '2' }, identifier: 'two' });
  await stripe.billing.meterEventAdjustments.create({ event_name: 'calls', type: 'cancel', cancel: { identifier: 'two' } });
  assert.equal(event.identifier, 'one');
  const summaries = await stripe.billing.meters.listEventSummaries(meter.id, { customer, start_time: now - 600, end_time: now + 600 });
  assert.deepEqual(summaries.data.map((each) => each.aggregated_value), [7.5]);
  assert.equal((await stripe.billing.meters.deactivate(meter.id)).status, 'inactive');
  assert.equal((await stripe.billing.meters.reactivate(meter.id)).status, 'active');
  assert.equal((await stripe.billing.meters.retrieve(meter.id)).display_name, 'API calls');
  assert.equal((await stripe.billing.meters.list({ status: 'active' })).data.length, 1);
});

test('invoices by hand: drafted, edited, finalized, sent, paid, voided, written off', async () => {
  const { customer, method } = await payer();
  const item = await stripe.invoiceItems.create({ customer, amount: 2_500, currency: 'usd', description: 'Setup' });
  await stripe.invoiceItems.update(item.id, { description: 'Setting up' });
  const draft = await stripe.invoices.create({ customer, collection_method: 'send_invoice', days_until_due: 14, auto_advance: false, pending_invoice_items_behavior: 'include' });
  await stripe.invoices.addLines(draft.id, { lines: [{ amount: 500, description: 'Travel' }] });
  const [travel] = (await stripe.invoices.listLineItems(draft.id)).data.filter((line) => line.description === 'Travel');
  await stripe.invoices.updateLines(draft.id, { lines: [{ id: travel!.id, amount: 600 }] });
  await stripe.invoices.updateLineItem(draft.id, travel!.id, { description: 'Train' });
  await stripe.invoices.removeLines(draft.id, { lines: [{ id: travel!.id, behavior: 'delete' }] });
  await stripe.invoices.update(draft.id, { footer: 'Thank you' });
  assert.equal((await stripe.invoices.finalizeInvoice(draft.id)).status, 'open');
  await stripe.invoices.sendInvoice(draft.id);
  const paid = await stripe.invoices.pay(draft.id, { payment_method: method, expand: ['payments'] });
  assert.deepEqual([paid.status, paid.amount_paid], ['paid', 2_500]);
  const [payment] = (await stripe.invoicePayments.list({ invoice: draft.id })).data;
  assert.equal((await stripe.invoicePayments.retrieve(payment!.id)).status, 'paid');
  assert.equal((await stripe.invoiceItems.retrieve(item.id)).invoice, draft.id);
  const billed = async (amount: number) => {
    const invoice = await stripe.invoices.create({ customer, collection_method: 'send_invoice', days_until_due: 14, auto_advance: false });
    await stripe.invoiceItems.create({ customer, invoice: invoice.id, amount, currency: 'usd' });
    return stripe.invoices.finalizeInvoice(invoice.id);
  };
  assert.equal((await stripe.invoices.voidInvoice((await billed(100)).id)).status, 'void');
  assert.equal((await stripe.invoices.markUncollectible((await billed(200)).id)).status, 'uncollectible');
  const other = await billed(300);
  const intent = await stripe.paymentIntents.create({ customer, amount: 300, currency: 'usd', payment_method: method, confirm: true, off_session: true });
  assert.equal((await stripe.invoices.attachPayment(other.id, { payment_intent: intent.id })).status, 'paid');
  const unwanted = await stripe.invoices.create({ customer });
  assert.equal((await stripe.invoices.del(unwanted.id)).deleted, true);
  const waiting = await stripe.invoiceItems.create({ customer, amount: 1, currency: 'usd' });
  assert.equal((await stripe.invoiceItems.list({ customer, pending: true })).data.length, 1);
  assert.equal((await stripe.invoiceItems.del(waiting.id)).deleted, true);
  assert.equal((await stripe.invoices.retrieve(draft.id, { expand: ['customer', 'lines.data.discounts'] })).number, draft.number ?? paid.number);
});

test('credit notes: previewed, issued, described, voided', async () => {
  const { customer } = await payer();
  const rate = await stripe.taxRates.create({ display_name: 'VAT', percentage: 19, inclusive: false });
  const draft = await stripe.invoices.create({ customer, collection_method: 'send_invoice', days_until_due: 14, discounts: [{ coupon: (await stripe.coupons.create({ percent_off: 10, duration: 'once' })).id }] });
  await stripe.invoices.addLines(draft.id, { lines: [{ description: 'Training', amount: 90_000, tax_rates: [rate.id] }, { description: 'Travel', amount: 5_000 }] });
  const invoice = await stripe.invoices.finalizeInvoice(draft.id);
  const order = { invoice: invoice.id, lines: [{ type: 'invoice_line_item' as const, invoice_line_item: invoice.lines.data[0]!.id, amount: 30_000 }, { type: 'custom_line_item' as const, description: 'Waiting', unit_amount: 500, quantity: 2 }] };
  const seen = await stripe.creditNotes.preview(order);
  assert.deepEqual((await stripe.creditNotes.listPreviewLineItems(order)).data.map((line) => line.amount), [30_000, 1_000]);
  const note = await stripe.creditNotes.create({ ...order, reason: 'order_change', memo: 'One day less', expand: ['customer', 'discount_amounts.discount', 'invoice', 'lines.data.discount_amounts.discount'] });
  // $300 less 10 %, and 19 % of $270; and two times $5.
  assert.deepEqual([seen.total, note.total], [27_000 + 5_130 + 1_000, 27_000 + 5_130 + 1_000]);
  await stripe.creditNotes.update(note.id, { metadata: { day: '2' } });
  assert.deepEqual((await stripe.creditNotes.retrieve(note.id)).metadata, { day: '2' });
  assert.equal((await stripe.creditNotes.listLineItems(note.id)).data.length, 2);
  assert.deepEqual((await stripe.creditNotes.list({ invoice: invoice.id })).data.map((each) => each.id), [note.id]);
  assert.equal((await stripe.creditNotes.voidCreditNote(note.id)).status, 'void');
  await stripe.invoices.pay(invoice.id, { paid_out_of_band: true });
  const credit = await stripe.creditNotes.create({ invoice: invoice.id, amount: 10_000, credit_amount: 10_000, expand: ['customer_balance_transaction.customer', 'customer_balance_transaction.credit_note'] });
  assert.equal((credit.customer_balance_transaction as Stripe.CustomerBalanceTransaction).amount, -10_000);
});

test('payments: confirmed, declined, captured, canceled', async () => {
  const { customer, method } = await payer();
  const intent = await stripe.paymentIntents.create({ customer, amount: 1_000, currency: 'usd' });
  await stripe.paymentIntents.update(intent.id, { payment_method: method, metadata: { order: '1' } });
  const confirmed = await stripe.paymentIntents.confirm(intent.id, { return_url: 'https://example.com/done', expand: ['latest_charge'] });
  const charge = confirmed.latest_charge as Stripe.Charge;
  assert.deepEqual([confirmed.status, charge.captured], ['succeeded', true]);
  assert.equal((await stripe.charges.retrieve(charge.id)).amount, 1_000);
  assert.equal((await stripe.balanceTransactions.retrieve(charge.balance_transaction as string)).net, 941);
  assert.equal((await stripe.balanceTransactions.list({ source: charge.id })).data.length, 1);
  await stripe.charges.update(charge.id, { description: 'First' });
  assert.equal((await stripe.charges.list({ payment_intent: intent.id })).data.length, 1);
  assert.equal((await stripe.paymentIntents.list({ customer })).data.length, 1);
  assert.equal((await stripe.paymentIntents.retrieve(intent.id)).amount_received, 1_000);
  const reserved = await stripe.paymentIntents.create({ customer, amount: 2_000, currency: 'usd', payment_method: method, capture_method: 'manual', confirm: true, off_session: true });
  assert.deepEqual([reserved.status, (await stripe.paymentIntents.capture(reserved.id, { amount_to_capture: 1_500 })).amount_received], ['requires_capture', 1_500]);
  const refund = await stripe.refunds.create({ payment_intent: reserved.id, amount: 500 });
  await stripe.refunds.update(refund.id, { metadata: { why: 'too much' } });
  assert.equal((await stripe.refunds.retrieve(refund.id, { expand: ['charge'] })).status, 'succeeded');
  assert.equal((await stripe.refunds.list({ payment_intent: reserved.id })).data.length, 1);
  const dropped = await stripe.paymentIntents.create({ amount: 500, currency: 'usd' });
  assert.equal((await stripe.paymentIntents.cancel(dropped.id)).status, 'canceled');
  await assert.rejects(
    stripe.paymentIntents.create({ amount: 500, currency: 'usd', payment_method: 'pm_card_chargeDeclinedInsufficientFunds', confirm: true, return_url: 'https://example.com/done' }),
    (error) => error instanceof Stripe.errors.StripeCardError && error.statusCode === 402 && error.decline_code === 'insufficient_funds' && error.payment_intent?.status === 'requires_payment_method',
  );
});

test('methods are set up for later', async () => {
  const { id: customer } = await stripe.customers.create();
  const intent = await stripe.setupIntents.create({ customer });
  await stripe.setupIntents.update(intent.id, { description: 'A card' });
  const token = await stripe.testHelpers.confirmationTokens.create({ payment_method: 'pm_card_visa' });
  assert.equal((await stripe.setupIntents.confirm(intent.id, { confirmation_token: token.id })).status, 'succeeded');
  assert.equal((await stripe.confirmationTokens.retrieve(token.id)).setup_intent, intent.id);
  assert.equal((await stripe.setupIntents.retrieve(intent.id)).customer, customer);
  assert.equal((await stripe.setupIntents.cancel((await stripe.setupIntents.create()).id)).status, 'canceled');
  assert.equal((await stripe.setupIntents.list({ customer })).data.length, 1);
  assert.equal((await stripe.customerSessions.create({ customer, components: { payment_element: { enabled: true } } })).customer, customer);
});

test('events and the places they go to', async () => {
  const endpoint = await stripe.webhookEndpoints.create({ url: 'https://example.com/hooks', enabled_events: ['customer.created'] });
  assert.match(endpoint.secret!, /^whsec_/);
  await stripe.webhookEndpoints.update(endpoint.id, { enabled_events: ['*'], disabled: true });
  assert.equal((await stripe.webhookEndpoints.retrieve(endpoint.id)).status, 'disabled');
  assert.equal((await stripe.webhookEndpoints.list()).data.length, 1);
  assert.equal((await stripe.webhookEndpoints.del(endpoint.id)).deleted, true);
  const [event] = (await stripe.events.list({ types: ['customer.created'] })).data;
  assert.equal((await stripe.events.retrieve(event!.id)).type, 'customer.created');
  assert.equal((await stripe.accounts.retrieveCurrent()).object, 'account');
});

/** Answered, and never with success: this version of the API has no way to give a customer a discount. */
const NEVER = ['Customer.deleteDiscount'];

test('what has nothing to act on says so', async () => {
  const { customer } = await payer();
  await assert.rejects(stripe.customers.deleteDiscount(customer), { statusCode: 404, code: 'resource_missing' });
});

test('every operation of the loop of billing that a room answers was called', () => {
  const answered = new Map(rooms.flatMap((room) => room.routes ?? []).flatMap((route) => {
    const operation = operationOf(route.method, route.path);
    return operation?.tier === 'T1' ? [[operation.id, operation.sdk] as const] : [];
  }));
  assert.deepEqual([...answered].filter(([id]) => !kontor.judge.called.has(id)).map(([, sdk]) => sdk).sort(), NEVER.toSorted());
});
