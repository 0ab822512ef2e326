/** Whole lives on a moved clock, by the official client. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { HOUR, day } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { billsOf, customerAt, meterOf, paysBy, report } from '../../tests/shop.ts';
import { listen, typesOf } from '../../tests/told.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const told = listen(kontor);

/** A customer who lives on a clock of its own, with what it subscribes to. */
async function live(at: string, items: Stripe.SubscriptionCreateParams.Item[], more: Partial<Stripe.SubscriptionCreateParams> = {}, card: string | null = 'pm_card_visa') {
  const { clock, customer } = await customerAt(stripe, day(at), card === null ? {} : paysBy(card));
  const made = await stripe.subscriptions.create({ customer, items, ...more });
  await told();
  return {
    id: made.id,
    customer,
    made,
    item: (n = 0) => made.items.data[n]!.id,
    until: (to: string | number) => kontor.advance(clock, typeof to === 'number' ? to : day(to)),
    now: () => stripe.subscriptions.retrieve(made.id),
    /** Oldest first: status, reason and the amounts of the lines. */
    bills: () => billsOf(stripe, customer),
    waits: async () => (await stripe.invoiceItems.list({ customer, pending: true })).data.reverse().map((each) => each.amount),
  };
}

const priceOf = async (unit_amount: number, more: Partial<Stripe.PriceCreateParams> = {}) => (await stripe.prices.create({ currency: 'usd', unit_amount, recurring: { interval: 'month' }, product_data: { name: 'Seat' }, ...more })).id;

async function meteredPrice(unit_amount: number, event_name: string) {
  const meter = await meterOf(stripe, event_name);
  return priceOf(unit_amount, { recurring: { interval: 'month', usage_type: 'metered', meter: meter.id } });
}

test('a seat is added in mid-month: a draft at the renewal, paid an hour later', async () => {
  const life = await live('2026-01-01', [{ price: await priceOf(2000), quantity: 2 }]);
  await life.until('2026-01-16');
  await stripe.subscriptions.update(life.id, { items: [{ id: life.item(), quantity: 3 }] });
  assert.deepEqual(await life.waits(), [-2065, 3097]); // 16 of 31 days of $40.00 and of $60.00
  await told();
  await life.until('2026-02-01');
  assert.deepEqual((await life.bills()).at(-1), 'draft subscription_cycle -2065 3097 6000');
  const events = await told();
  assert.deepEqual(typesOf(events), ['test_helpers.test_clock.advancing', 'invoice.upcoming', 'customer.subscription.updated', 'invoice.created', 'test_helpers.test_clock.ready']);
  assert.deepEqual(Object.keys(events[2]!.previous!).sort(), ['items', 'latest_invoice']);
  await life.until(day('2026-02-01') + HOUR);
  assert.deepEqual((await life.bills()).at(-1), 'paid subscription_cycle -2065 3097 6000');
});

test('change and reversal in the same second owe nothing', async () => {
  const life = await live('2026-01-01', [{ price: await priceOf(1999), quantity: 2 }]);
  await life.until('2026-01-12T07:31:13Z');
  await stripe.subscriptions.update(life.id, { items: [{ id: life.item(), quantity: 9 }] });
  await stripe.subscriptions.update(life.id, { items: [{ id: life.item(), quantity: 2 }] });
  assert.equal((await life.waits()).reduce((sum, amount) => sum + amount, 0), 0);
});

test('an add-on is bought and dropped by the requests of items', async () => {
  const life = await live('2026-01-01', [{ price: await priceOf(2000) }]);
  await life.until('2026-01-16');
  const addOn = await stripe.subscriptionItems.create({ subscription: life.id, price: await priceOf(1000), quantity: 1 });
  await life.until('2026-01-24');
  const deleted = await stripe.subscriptionItems.del(addOn.id);
  assert.deepEqual([deleted.id, deleted.deleted], [addOn.id, true]);
  assert.deepEqual(await life.waits(), [516, -258]); // 16 of 31 days, then 8 of those 16
  assert.equal((await life.now()).items.data.length, 1);
});

test('the next invoice is announced three days before it is made, as it would be then', async () => {
  const life = await live('2026-01-01', [{ price: await priceOf(2000), quantity: 2 }, { price: await meteredPrice(3, 'announced') }]);
  await report(stripe, 'announced', life.customer, 100);
  await life.until('2026-01-28T23:59:59Z');
  assert.deepEqual(typesOf(await told()), ['test_helpers.test_clock.advancing', 'test_helpers.test_clock.ready']);
  await life.until('2026-01-29');
  const [, upcoming] = await told();
  assert.deepEqual([upcoming!.type, upcoming!.id, 'id' in upcoming!.data], ['invoice.upcoming', null, false]);
  const { lines, ...invoice } = upcoming!.data as unknown as Stripe.Invoice;
  assert.deepEqual([invoice.object, invoice.status, invoice.billing_reason, invoice.amount_due, invoice.created, invoice.number], ['invoice', 'draft', 'upcoming', 4300, day('2026-02-01'), null]);
  assert.deepEqual(lines.data.map((line) => [line.amount, line.invoice]), [[4000, null], [300, null]]);
  await stripe.subscriptions.update(life.id, { items: [{ id: life.item(), quantity: 3 }] });
  assert.equal(typesOf(await told()).includes('invoice.upcoming'), false);
  await life.until('2026-02-01');
  assert.equal(typesOf(await told()).filter((type) => type === 'invoice.upcoming').length, 0);
  await life.until('2026-02-26');
  assert.equal(typesOf(await told()).filter((type) => type === 'invoice.upcoming').length, 1);
});

test('what is not announced: an end that bills nothing, an invoice that is sent, and what comes sooner than three days', async () => {
  const life = await live('2026-01-01', [{ price: await priceOf(2000) }]);
  await stripe.subscriptions.update(life.id, { cancel_at_period_end: true });
  const daily = await live('2026-01-01', [{ price: await priceOf(100, { recurring: { interval: 'day' } }) }]);
  const sent = await live('2026-01-01', [{ price: await priceOf(2000) }], { collection_method: 'send_invoice', days_until_due: 30 }, null);
  await told();
  await life.until('2026-02-02');
  await daily.until('2026-01-05');
  await sent.until('2026-01-30');
  assert.equal(typesOf(await told()).includes('invoice.upcoming'), false);
});

test('a trial becomes paid, and is announced three days ahead', async () => {
  const life = await live('2026-01-01', [{ price: await priceOf(2000) }], { trial_period_days: 14 });
  assert.equal(life.made.status, 'trialing');
  await life.until('2026-01-12');
  assert.deepEqual(typesOf(await told()).filter((type) => type.startsWith('customer.')), ['customer.subscription.trial_will_end']);
  await life.until('2026-01-15');
  assert.equal((await life.now()).status, 'active');
  await life.until(day('2026-01-15') + HOUR);
  assert.deepEqual(await life.bills(), ['paid subscription_create 0', 'paid subscription_cycle 2000']);
});

test('a trial that is cut short is announced to end at once', async () => {
  const life = await live('2026-01-01', [{ price: await priceOf(2000) }], { trial_period_days: 14 });
  await stripe.subscriptions.update(life.id, { trial_end: 'now' });
  const events = typesOf(await told());
  assert.equal(events.filter((type) => type === 'customer.subscription.trial_will_end').length, 1);
  assert.equal((await life.now()).status, 'active');
  await life.until('2026-01-20');
  assert.equal(typesOf(await told()).includes('customer.subscription.trial_will_end'), false);
});

test('a trial without a card ends the subscription where that was asked for', async () => {
  const life = await live('2026-01-01', [{ price: await priceOf(2000) }], { trial_period_days: 14, trial_settings: { end_behavior: { missing_payment_method: 'cancel' } } }, null);
  await life.until('2026-01-16');
  const { status, ended_at } = await life.now();
  assert.deepEqual([status, ended_at], ['canceled', day('2026-01-15')]);
});

test('a subscription ends with its period, unless that is taken back', async () => {
  const life = await live('2026-01-01', [{ price: await priceOf(2000) }]);
  await life.until('2026-01-10');
  assert.deepEqual([(await stripe.subscriptions.update(life.id, { cancel_at_period_end: true })).cancel_at, (await stripe.subscriptions.update(life.id, { cancel_at_period_end: false })).cancel_at], [day('2026-02-01'), null]);
  await stripe.subscriptions.update(life.id, { cancel_at_period_end: true, cancellation_details: { feedback: 'too_expensive', comment: 'Sorry' } });
  await life.until('2026-02-02');
  const ended = await life.now();
  assert.deepEqual([ended.status, ended.ended_at, ended.canceled_at], ['canceled', day('2026-02-01'), day('2026-01-10')]);
  assert.deepEqual(ended.cancellation_details, { comment: 'Sorry', feedback: 'too_expensive', feedback_option: null, reason: 'cancellation_requested' });
  assert.deepEqual(await life.bills(), ['paid subscription_create 2000']);
});

test('one is canceled now, with what was not used given back and billed at once', async () => {
  const life = await live('2026-01-01', [{ price: await priceOf(2000) }]);
  await life.until('2026-01-16');
  await told();
  const canceled = await stripe.subscriptions.cancel(life.id, { prorate: true, invoice_now: true });
  assert.equal(canceled.status, 'canceled');
  assert.deepEqual((await life.bills()).at(-1), 'paid subscription_update -1032'); // 16 of 31 days
  assert.equal(((await stripe.customers.retrieve(life.customer)) as Stripe.Customer).balance, -1032);
  assert.deepEqual(typesOf(await told()), ['invoiceitem.created', 'customer.subscription.deleted', 'invoice.created', 'customer.updated', 'invoice.finalized', 'invoice.paid', 'invoice.payment_succeeded']);
});

test('cancelling stops the collection of what is unpaid', async () => {
  const life = await live('2026-01-01', [{ price: await priceOf(2000) }]);
  await life.until('2026-02-01');
  const [draft] = (await stripe.invoices.list({ customer: life.customer })).data;
  await stripe.subscriptions.cancel(life.id);
  await life.until('2026-03-01');
  const left = await stripe.invoices.retrieve(draft!.id!);
  assert.deepEqual([left.status, left.auto_advance, left.automatically_finalizes_at], ['draft', false, null]);
});

test('one that is canceled at once takes its waiting prorations with it, and nothing else that waits', async () => {
  const life = await live('2026-01-01', [{ price: await priceOf(2000) }]);
  await life.until('2026-01-16');
  await stripe.subscriptions.update(life.id, { items: [{ id: life.item(), quantity: 2 }], add_invoice_items: [{ price: await priceOf(500, { recurring: undefined }) }] });
  await stripe.invoiceItems.create({ customer: life.customer, amount: 700, currency: 'usd' });
  assert.deepEqual(await life.waits(), [-1032, 2065, 500, 700]);
  await told();
  await stripe.subscriptions.cancel(life.id);
  assert.deepEqual(typesOf(await told()), ['customer.subscription.deleted', 'invoiceitem.deleted', 'invoiceitem.deleted']);
  assert.deepEqual(await life.waits(), [500, 700]);
});

test('prorations wait on where a cancellation adds to them', async () => {
  const life = await live('2026-01-01', [{ price: await priceOf(2000) }]);
  await life.until('2026-01-16');
  await stripe.subscriptions.update(life.id, { items: [{ id: life.item(), quantity: 2 }] });
  await stripe.subscriptions.cancel(life.id, { prorate: true });
  assert.deepEqual(await life.waits(), [-1032, 2065, -2065]);
});

test('dunning that ends a subscription stops the collection of its other invoices', async () => {
  const life = await live('2026-01-01', [{ price: await priceOf(2000, { recurring: { interval: 'week' } }) }]);
  const declines = await stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer: life.customer });
  await stripe.customers.update(life.customer, { invoice_settings: { default_payment_method: declines.id } });
  await life.until('2026-01-15T00:30:00Z');
  assert.deepEqual((await stripe.invoices.list({ customer: life.customer })).data.map((each) => [each.status, each.auto_advance]), [['draft', true], ['open', true], ['paid', false]]);
  await life.until('2026-01-15T02:00:00Z');
  assert.equal((await life.now()).status, 'canceled');
  assert.deepEqual((await stripe.invoices.list({ customer: life.customer })).data.map((each) => [each.status, each.auto_advance, each.next_payment_attempt]), [['draft', false, null], ['open', false, null], ['paid', false, null]]);
});

test('what waits is discounted and taxed on an invoice made by hand as on the subscription’s own', async () => {
  const [coupon, rate] = [await stripe.coupons.create({ percent_off: 50 }), await stripe.taxRates.create({ display_name: 'VAT', inclusive: false, percentage: 10 })];
  const life = await live('2026-01-01', [{ price: await priceOf(2000) }, { price: await meteredPrice(10, 'by_hand'), discounts: [{ coupon: coupon.id }] }], { default_tax_rates: [rate.id] });
  await report(stripe, 'by_hand', life.customer, 30);
  await life.until('2026-01-16');
  await stripe.subscriptions.update(life.id, { items: [{ id: life.item(1), price: await meteredPrice(20, 'by_hand_too') }] });
  const invoice = await stripe.invoices.create({ customer: life.customer, pending_invoice_items_behavior: 'include' });
  assert.deepEqual([invoice.subtotal, invoice.total_discount_amounts![0]!.amount, invoice.total_taxes![0]!.amount, invoice.total], [300, 150, 15, 165]);
});

test('a start in the past is billed since then; the anchor stays there', async () => {
  const life = await live('2026-03-15', [{ price: await priceOf(2000) }], { backdate_start_date: day('2026-01-31') });
  assert.deepEqual([life.made.start_date, life.made.billing_cycle_anchor, life.made.items.data[0]!.current_period_end], [day('2026-01-31'), day('2026-01-31'), day('2026-03-31')]);
  assert.deepEqual(await life.bills(), ['paid subscription_create 2000 2000']);
});

test('an anchor on the 31st falls on the last day of each month', async () => {
  const life = await live('2026-01-31', [{ price: await priceOf(2000) }]);
  const ends: number[] = [];
  for (const to of ['2026-02-28', '2026-03-31', '2026-04-30', '2026-05-31']) {
    await life.until(day(to) + HOUR);
    ends.push((await life.now()).items.data[0]!.current_period_start);
  }
  assert.deepEqual(ends, ['2026-02-28', '2026-03-31', '2026-04-30', '2026-05-31'].map(day));
});

test('monthly and yearly items live side by side', async () => {
  const life = await live('2026-01-15', [{ price: await priceOf(12_000, { recurring: { interval: 'year' } }) }, { price: await priceOf(1000) }]);
  await life.until('2027-01-16');
  const bills = await life.bills();
  assert.deepEqual([bills.length, bills[0], bills[1], bills.at(-1)], [13, 'paid subscription_create 12000 1000', 'paid subscription_cycle 1000', 'paid subscription_cycle 12000 1000']);
});

test('usage at the very edge belongs to the period that begins with it', async () => {
  const life = await live('2026-01-01', [{ price: await meteredPrice(10, 'edge_calls') }]);
  const use = (value: number, timestamp: number) => report(stripe, 'edge_calls', life.customer, value, timestamp);
  await life.until(day('2026-01-31'));
  await use(3, day('2026-01-31'));
  await life.until(day('2026-02-01') - 1);
  await use(4, day('2026-02-01') - 1);
  await use(100, day('2026-02-01'));
  await life.until(day('2026-02-01') + HOUR);
  assert.deepEqual(await life.bills(), ['paid subscription_cycle 70']);
  await life.until(day('2026-03-01') + HOUR);
  assert.deepEqual((await life.bills()).at(-1), 'paid subscription_cycle 1000');
});

test('usage that is reported while the draft waits is billed with its period, and taken back likewise', async () => {
  const life = await live('2026-01-01', [{ price: await meteredPrice(100, 'late') }]);
  const use = (value: string, at: string, identifier?: string) => stripe.billing.meterEvents.create({ event_name: 'late', payload: { stripe_customer_id: life.customer, value }, timestamp: day(at), identifier });
  await life.until('2026-01-31T12:00:00Z');
  await use('5', '2026-01-31', 'mistaken');
  await use('7', '2026-01-31');
  await life.until('2026-02-01T00:30:00Z');
  await use('3', '2026-01-31T23:59:59Z');
  await use('20', '2026-02-01');
  await stripe.billing.meterEventAdjustments.create({ event_name: 'late', type: 'cancel', cancel: { identifier: 'mistaken' } });
  assert.deepEqual(await life.bills(), ['draft subscription_cycle 1200']);
  await told();
  await life.until('2026-02-01T01:00:00Z');
  assert.deepEqual(await life.bills(), ['paid subscription_cycle 1000']);
  assert.equal(typesOf(await told())[1], 'invoice.updated');
  await life.until('2026-03-01');
  assert.deepEqual(await life.bills(), ['paid subscription_cycle 1000', 'draft subscription_cycle 2000']);
  await use('4', '2026-02-28');
  const [draft] = (await stripe.invoices.list({ customer: life.customer, status: 'draft' })).data;
  const billed = await stripe.invoices.finalizeInvoice(draft!.id);
  assert.deepEqual([billed.total, billed.lines.data[0]!.quantity, billed.lines.data[0]!.description], [2400, 24, '24 × Seat (at $1.00 / month)']);
  await life.until('2026-04-01');
  assert.deepEqual((await life.bills()).at(-1), 'draft subscription_cycle 0');
  await use('1', '2026-03-31');
  await life.until('2026-04-01T01:00:00Z');
  assert.deepEqual((await life.bills()).at(-1), 'paid subscription_cycle 100');
});

test('one whose first payment does not come expires after 23 hours, and its invoice is voided', async () => {
  const life = await live('2026-01-01', [{ price: await priceOf(2000) }], { payment_behavior: 'default_incomplete' }, null);
  await life.until(day('2026-01-01') + 23 * HOUR);
  assert.equal((await life.now()).status, 'incomplete_expired');
  assert.deepEqual(await life.bills(), ['void subscription_create 2000']);
  const types = typesOf(await told()).filter((type) => !type.startsWith('test_helpers'));
  assert.deepEqual(types, ['invoice.voided', 'invoice.updated', 'payment_intent.canceled', 'customer.subscription.updated']);
});

test('one that was incomplete and is then paid renews like any other', async () => {
  const life = await live('2026-01-01', [{ price: await priceOf(2000) }], { payment_behavior: 'default_incomplete' }, null);
  await stripe.invoices.pay(life.made.latest_invoice as string, { payment_method: 'pm_card_visa' });
  await life.until('2026-02-01');
  assert.deepEqual(await life.bills(), ['paid subscription_create 2000', 'draft subscription_cycle 2000']);
});

test('an immediate invoice that is declined makes the subscription late, and its payment brings it back', async () => {
  const life = await live('2026-01-01', [{ price: await priceOf(2000) }]);
  await life.until('2026-01-16');
  await stripe.customers.update(life.customer, { invoice_settings: { default_payment_method: (await stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer: life.customer })).id } });
  const late = await stripe.subscriptions.update(life.id, { items: [{ id: life.item(), quantity: 2 }], proration_behavior: 'always_invoice' });
  assert.equal(late.status, 'past_due');
  await stripe.invoices.pay(late.latest_invoice as string, { payment_method: 'pm_card_visa' });
  assert.equal((await life.now()).status, 'active');
});

test('a preview is what is then billed', async () => {
  const life = await live('2026-01-01', [{ price: await priceOf(2000), quantity: 2 }]);
  await life.until('2026-01-16');
  const items = [{ id: life.item(), quantity: 5 }];
  const shown = await stripe.invoices.createPreview({ subscription: life.id, subscription_details: { items } });
  const atOnce = await stripe.invoices.createPreview({ subscription: life.id, subscription_details: { items, proration_behavior: 'always_invoice' } });
  assert.deepEqual([atOnce.total, atOnce.billing_reason, atOnce.status], [3096, 'upcoming', 'draft']); // 16 of 31 days: 5161 − 2065
  assert.deepEqual(await life.waits(), []);
  await stripe.subscriptions.update(life.id, { items });
  await life.until('2026-02-01');
  const [billed] = (await stripe.invoices.list({ customer: life.customer, limit: 1 })).data;
  assert.deepEqual([shown.lines.data.map((line) => line.amount), shown.total], [billed!.lines.data.map((line) => line.amount), billed!.total]);
  assert.equal((await stripe.invoices.createPreview({ customer: life.customer })).total, 10_000);
  assert.equal((await stripe.invoices.createPreview({ customer: life.customer, subscription_details: { items: [{ price: await priceOf(700), quantity: 3 }] } })).total, 2100);
});

test('a preview shows what would be billed besides: new items, and pending ones as they would be', async () => {
  const life = await live('2026-01-01', [{ price: await priceOf(2000) }]);
  const once = await priceOf(150, { recurring: undefined });
  const waiting = await stripe.invoiceItems.create({ customer: life.customer, amount: 700, currency: 'usd' });
  const coupon = await stripe.coupons.create({ percent_off: 10 });
  const amounts = async (params: Stripe.InvoiceCreatePreviewParams) => {
    const { lines, total, amount_due } = await stripe.invoices.createPreview(params);
    return [...lines.data.map((line) => line.amount), total, amount_due];
  };
  const items: Stripe.InvoiceCreatePreviewParams.InvoiceItem[] = [{ invoiceitem: waiting.id, amount: 900 }, { price: once, quantity: 3, discounts: [{ coupon: coupon.id }] }, { unit_amount: -100, quantity: 2 }];
  assert.deepEqual(await amounts({ subscription: life.id, invoice_items: items }), [900, 2000, 450, -200, 3105, 3105]);
  assert.deepEqual(await amounts({ customer: life.customer, subscription_details: { items: [{ price: await priceOf(3000) }] }, invoice_items: items.slice(1) }), [700, 3000, 450, -200, 3905, 3905]);
  const alone = await stripe.customers.create({ test_clock: life.made.test_clock as string });
  assert.deepEqual(await amounts({ customer: alone.id, invoice_items: [{ amount: 500, currency: 'eur' }] }), [500, 500, 500]);
  assert.deepEqual(await life.waits(), [700]);
  assert.equal((await stripe.coupons.retrieve(coupon.id)).times_redeemed, 0);
  const refused = (invoice_items: Stripe.InvoiceCreatePreviewParams.InvoiceItem[], param: string) => assert.rejects(stripe.invoices.createPreview({ subscription: life.id, invoice_items }), { statusCode: 400, param });
  await refused([{ price: 'price_none' }], 'invoice_items[0][price]');
  await refused([{ amount: 1 }, { amount: 1, currency: 'eur' }], 'invoice_items[1][currency]');
  await refused([{ invoiceitem: 'ii_none', amount: 1 }], 'invoice_items[0][invoiceitem]');
});

test('a preview shows all of its lines', async () => {
  const life = await live('2026-01-01', [{ price: await priceOf(2000) }]);
  await stripe.invoices.createPreview({ subscription: life.id, invoice_items: Array.from({ length: 14 }, () => ({ amount: 1 })) }).then(({ lines }) => assert.deepEqual([lines.data.length, lines.has_more], [15, false]));
});
