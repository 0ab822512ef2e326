/** Changes that wait for their payment, by `payment_behavior`. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { HOUR, day } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { customerAt } from '../../tests/shop.ts';
import { listen, typesOf } from '../../tests/told.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const told = listen(kontor);
const basic = (await stripe.prices.create({ currency: 'usd', unit_amount: 3_000, recurring: { interval: 'month' }, product_data: { name: 'Basic' } })).id;
const plus = (await stripe.prices.create({ currency: 'usd', unit_amount: 6_000, recurring: { interval: 'month' }, product_data: { name: 'Plus' } })).id;

const DECLINED = 'pm_card_chargeCustomerFail';

/** A subscription to the basic plan since 1 April 2026, on the 16th, whose customer has this card by then. */
async function basicPlan(card: string, more: Partial<Stripe.SubscriptionCreateParams> = {}) {
  const { clock, customer } = await customerAt(stripe, day('2026-04-01'));
  const made = await stripe.subscriptions.create({ customer, items: [{ price: basic }], ...more });
  await kontor.advance(clock, day('2026-04-16'));
  const method = await stripe.paymentMethods.attach(card, { customer });
  await stripe.customers.update(customer, { invoice_settings: { default_payment_method: method.id } });
  await told();
  return {
    id: made.id,
    customer,
    item: made.items.data[0]!.id,
    until: (to: number) => kontor.advance(clock, to),
    now: () => stripe.subscriptions.retrieve(made.id),
    upgrade: (behavior: Stripe.SubscriptionUpdateParams.PaymentBehavior, rest: Stripe.SubscriptionUpdateParams = {}) =>
      stripe.subscriptions.update(made.id, { items: [{ id: made.items.data[0]!.id, price: plus }], proration_behavior: 'always_invoice', payment_behavior: behavior, ...rest }),
    invoice: async () => (await stripe.invoices.list({ customer, limit: 1 })).data[0]!,
    waits: async () => (await stripe.invoiceItems.list({ customer, pending: true })).data.reverse().map((each) => each.amount),
  };
}

const priceOf = (subscription: Stripe.Subscription): string[] => subscription.items.data.map((each) => each.price.id);

/** What the attempt to pay an invoice tells, from its draft on. */
const DECLINED_ATTEMPT = ['invoiceitem.created', 'invoiceitem.created', 'invoice.created', 'payment_intent.created', 'invoice.finalized', 'charge.failed', 'payment_intent.payment_failed', 'invoice.payment_failed', 'invoice.updated', 'customer.updated'];

test('a change that is declined waits, and is applied once its invoice is paid', async () => {
  const life = await basicPlan(DECLINED);
  const waiting = await life.upgrade('pending_if_incomplete');
  assert.deepEqual([waiting.status, priceOf(waiting)], ['active', [basic]]);
  const { pending_update } = waiting;
  assert.equal(pending_update!.expires_at, day('2026-04-16') + 23 * HOUR);
  assert.deepEqual(pending_update!.subscription_items!.map((each) => [each.id, each.price.id]), [[life.item, plus]]);
  assert.deepEqual([pending_update!.billing_cycle_anchor, pending_update!.trial_end, pending_update!.metadata, pending_update!.discounts], [null, null, null, null]);
  const invoice = await life.invoice();
  assert.deepEqual([invoice.status, invoice.amount_due, waiting.latest_invoice], ['open', 1_500, invoice.id]); // 15 of 30 days of $60.00 less as many of $30.00
  const first = await told();
  assert.deepEqual(typesOf(first), [...DECLINED_ATTEMPT, 'customer.subscription.updated']);
  assert.deepEqual(Object.keys(first.at(-1)!.previous!).sort(), ['latest_invoice', 'pending_update']);

  const good = await stripe.paymentMethods.attach('pm_card_visa', { customer: life.customer });
  await stripe.invoices.pay(invoice.id, { payment_method: good.id });
  const applied = await life.now();
  assert.deepEqual([applied.pending_update, priceOf(applied), applied.latest_invoice], [null, [plus], invoice.id]);
  const events = (await told()).filter((each) => each.type.startsWith('customer.subscription.'));
  assert.deepEqual(typesOf(events), ['customer.subscription.updated', 'customer.subscription.pending_update_applied']);
  assert.deepEqual(Object.keys(events[0]!.previous!).sort(), ['items', 'pending_update']);
  // What was charged is what a change back gives back.
  await stripe.subscriptions.update(life.id, { items: [{ id: life.item, price: basic }] });
  assert.deepEqual(await life.waits(), [-3_000, 1_500]);
});

test('what is paid at once is applied at once, and nothing is told of waiting', async () => {
  const life = await basicPlan('pm_card_visa');
  const changed = await life.upgrade('pending_if_incomplete');
  assert.deepEqual([changed.pending_update, priceOf(changed), changed.status], [null, [plus], 'active']);
  const events = await told();
  assert.deepEqual(typesOf(events), [
    'invoiceitem.created', 'invoiceitem.created', 'invoice.created', 'payment_intent.created', 'invoice.finalized', 'charge.succeeded', 'payment_intent.succeeded', 'invoice_payment.paid', 'invoice.updated', 'invoice.paid',
    'invoice.payment_succeeded', 'customer.subscription.updated',
  ]);
});

test('where nothing is to be paid now, nothing waits', async () => {
  const life = await basicPlan(DECLINED);
  const changed = await life.upgrade('pending_if_incomplete', { proration_behavior: 'create_prorations' });
  assert.deepEqual([changed.pending_update, priceOf(changed)], [null, [plus]]);
  const cheaper = await stripe.subscriptions.update(life.id, { items: [{ id: life.item, price: basic }], proration_behavior: 'always_invoice', payment_behavior: 'pending_if_incomplete' });
  assert.deepEqual([cheaper.pending_update, priceOf(cheaper)], [null, [basic]]);
});

test('a change that is not paid within 23 hours is discarded, its invoice void, and what waited before waits again', async () => {
  const life = await basicPlan(DECLINED);
  await stripe.invoiceItems.create({ customer: life.customer, subscription: life.id, amount: 700, currency: 'usd' });
  const { latest_invoice: earlier } = await life.now();
  await life.upgrade('pending_if_incomplete');
  assert.deepEqual([(await life.invoice()).amount_due, await life.waits()], [2_200, []]);
  await told();
  await life.until(day('2026-04-16') + 23 * HOUR);
  const left = await life.now();
  assert.deepEqual([left.pending_update, priceOf(left), left.status, left.latest_invoice], [null, [basic], 'active', earlier]);
  assert.equal((await life.invoice()).status, 'void');
  assert.deepEqual(await life.waits(), [700]);
  assert.deepEqual(typesOf(await told()), [
    'test_helpers.test_clock.advancing', 'invoice.voided', 'invoice.updated', 'payment_intent.canceled', 'customer.updated', 'customer.subscription.updated', 'customer.subscription.pending_update_expired', 'test_helpers.test_clock.ready',
  ]);
  // The old plan goes on as if nothing had been asked.
  await life.until(day('2026-05-01'));
  assert.deepEqual((await life.invoice()).lines.data.map((line) => line.amount), [700, 3_000]);
});

test('it waits no longer than the period that it changes', async () => {
  const life = await basicPlan(DECLINED);
  await life.until(day('2026-04-30T20:00'));
  const { pending_update } = await life.upgrade('pending_if_incomplete');
  assert.equal(pending_update!.expires_at, day('2026-05-01'));
  await life.until(day('2026-05-01'));
  const left = await life.now();
  assert.deepEqual([left.pending_update, priceOf(left)], [null, [basic]]);
  assert.deepEqual((await life.invoice()).lines.data.map((line) => line.amount), [3_000]);
});

test('an added item, a new anchor and a trial’s end wait as well', async () => {
  const added = await basicPlan(DECLINED);
  const item = await stripe.subscriptionItems.create({ subscription: added.id, price: plus, payment_behavior: 'pending_if_incomplete', proration_behavior: 'always_invoice' });
  assert.deepEqual([item.price.id, priceOf(await added.now())], [plus, [basic]]);
  await assert.rejects(stripe.subscriptionItems.retrieve(item.id), (error: Stripe.errors.StripeError) => error.code === 'resource_missing');
  const good = await stripe.paymentMethods.attach('pm_card_visa', { customer: added.customer });
  await stripe.invoices.pay((await added.invoice()).id, { payment_method: good.id });
  assert.deepEqual(priceOf(await added.now()), [basic, plus]);
  assert.equal((await stripe.subscriptionItems.retrieve(item.id)).id, item.id);

  const anew = await basicPlan(DECLINED);
  const waiting = await stripe.subscriptions.update(anew.id, { billing_cycle_anchor: { type: 'now' }, payment_behavior: 'pending_if_incomplete' });
  assert.deepEqual([waiting.billing_cycle_anchor, waiting.pending_update!.billing_cycle_anchor], [day('2026-04-01'), day('2026-04-16')]);
  await anew.until(day('2026-04-16T10:00'));
  const card = await stripe.paymentMethods.attach('pm_card_visa', { customer: anew.customer });
  await stripe.invoices.pay(waiting.latest_invoice as string, { payment_method: card.id });
  const { billing_cycle_anchor, items } = await anew.now();
  assert.deepEqual([billing_cycle_anchor, items.data[0]!.current_period_start, items.data[0]!.current_period_end], [day('2026-04-16'), day('2026-04-16'), day('2026-05-16')]);

  const tried = await basicPlan(DECLINED, { trial_end: day('2026-06-01') });
  const trialing = await stripe.subscriptions.update(tried.id, { trial_end: 'now', payment_behavior: 'pending_if_incomplete' });
  assert.deepEqual([trialing.status, trialing.trial_end, trialing.pending_update!.trial_end], ['trialing', day('2026-06-01'), day('2026-04-16')]);
  const visa = await stripe.paymentMethods.attach('pm_card_visa', { customer: tried.customer });
  await stripe.invoices.pay(trialing.latest_invoice as string, { payment_method: visa.id });
  const active = await tried.now();
  assert.deepEqual([active.status, active.trial_end, active.pending_update], ['active', day('2026-04-16'), null]);
});

test('metadata, an end and what is added once wait with it', async () => {
  const life = await basicPlan(DECLINED);
  const setup = (await stripe.prices.create({ currency: 'usd', unit_amount: 500, product_data: { name: 'Setup' } })).id;
  const waiting = await life.upgrade('pending_if_incomplete', { metadata: { plan: 'plus' }, cancel_at_period_end: true, add_invoice_items: [{ price: setup }] });
  assert.deepEqual([waiting.metadata, waiting.cancel_at_period_end, waiting.cancel_at], [{}, false, null]);
  assert.deepEqual([waiting.pending_update!.metadata, waiting.pending_update!.cancel_at_period_end, (await life.invoice()).amount_due], [{ plan: 'plus' }, true, 2_000]);
  const good = await stripe.paymentMethods.attach('pm_card_visa', { customer: life.customer });
  await stripe.invoices.pay(waiting.latest_invoice as string, { payment_method: good.id });
  const applied = await life.now();
  assert.deepEqual([applied.metadata, applied.cancel_at_period_end, applied.cancel_at, applied.cancellation_details!.reason], [{ plan: 'plus' }, true, day('2026-05-01'), 'cancellation_requested']);
  await life.until(day('2026-05-02'));
  assert.equal((await life.now()).status, 'canceled');
});

test('another change takes its place, other words stand beside it, and an end discards it', async () => {
  const life = await basicPlan(DECLINED);
  await life.upgrade('pending_if_incomplete');
  const first = await life.invoice();
  assert.notEqual((await stripe.subscriptions.update(life.id, { metadata: { order: '7' } })).pending_update, null);
  const second = await life.upgrade('pending_if_incomplete', { items: [{ id: life.item, quantity: 3 }] });
  assert.deepEqual(second.pending_update!.subscription_items!.map((each) => each.quantity), [3]);
  assert.equal((await stripe.invoices.retrieve(first.id)).status, 'void');
  const [, third] = [await life.invoice(), await stripe.subscriptions.update(life.id, { cancel_at_period_end: true })];
  assert.deepEqual([third.pending_update, third.cancel_at_period_end], [null, true]);
  await life.upgrade('pending_if_incomplete');
  const open = await life.invoice();
  await stripe.subscriptions.cancel(life.id);
  assert.equal((await stripe.invoices.retrieve(open.id)).status, 'void');
});

test('while the holder of the card is asked, it waits', async () => {
  const life = await basicPlan('pm_card_threeDSecure2Required');
  const waiting = await life.upgrade('pending_if_incomplete');
  assert.deepEqual([waiting.status, priceOf(waiting), waiting.pending_update!.subscription_items![0]!.price.id], ['active', [basic], plus]);
  assert.deepEqual(typesOf(await told()).slice(-4), ['payment_intent.requires_action', 'invoice.payment_action_required', 'invoice.updated', 'customer.subscription.updated']);
  await assert.rejects(life.upgrade('error_if_incomplete'), (error: Stripe.errors.StripeError) => error.statusCode === 402);
  assert.deepEqual([(await life.now()).pending_update, (await stripe.invoices.retrieve(waiting.latest_invoice as string)).status], [null, 'void']);
});

test('a debit that is on its way is trusted: the change is applied, and is late where it does not come', async () => {
  const { clock, customer } = await customerAt(stripe, day('2026-04-01'));
  const [small, big] = await Promise.all([3_000, 6_000].map(async (unit_amount) => (await stripe.prices.create({ currency: 'eur', unit_amount, recurring: { interval: 'month' }, product_data: { name: 'Plan' } })).id));
  const made = await stripe.subscriptions.create({ customer, items: [{ price: small! }] });
  const mandate_data = { customer_acceptance: { type: 'online', online: { ip_address: '203.0.113.7', user_agent: 'test' } } } as const;
  const { payment_method } = await stripe.paymentIntents.create({ amount: 100, currency: 'eur', customer, payment_method: 'pm_failed_de', confirm: true, mandate_data, setup_future_usage: 'off_session' });
  await stripe.customers.update(customer, { invoice_settings: { default_payment_method: payment_method as string } });
  const changed = await stripe.subscriptions.update(made.id, { items: [{ id: made.items.data[0]!.id, price: big! }], proration_behavior: 'always_invoice', payment_behavior: 'pending_if_incomplete' });
  assert.deepEqual([changed.status, priceOf(changed), changed.pending_update], ['active', [big], null]);
  await kontor.advance(clock, day('2026-04-08'));
  assert.equal((await stripe.subscriptions.retrieve(made.id)).status, 'past_due');
});

test('voiding its invoice discards it', async () => {
  const life = await basicPlan(DECLINED);
  await life.upgrade('pending_if_incomplete');
  await told();
  await stripe.invoices.voidInvoice((await life.invoice()).id);
  assert.deepEqual([(await life.now()).pending_update, priceOf(await life.now())], [null, [basic]]);
  assert.deepEqual(typesOf(await told()), ['invoice.voided', 'invoice.updated', 'payment_intent.canceled', 'customer.updated', 'customer.subscription.updated']);
});

test('only what Stripe lets wait may be asked for with it', async () => {
  const life = await basicPlan(DECLINED);
  const coupon = await stripe.coupons.create({ percent_off: 10, duration: 'once' });
  const rate = await stripe.taxRates.create({ display_name: 'VAT', percentage: 19, inclusive: true });
  await told();
  const unfit: [Stripe.SubscriptionUpdateParams, string][] = [
    [{ description: 'x' }, 'description'],
    [{ default_tax_rates: [rate.id] }, 'default_tax_rates'],
    [{ discounts: [{ coupon: coupon.id }] }, 'discounts'],
    [{ collection_method: 'send_invoice', days_until_due: 3 }, 'collection_method'],
    [{ trial_settings: { end_behavior: { missing_payment_method: 'cancel' } } }, 'trial_settings'],
    [{ items: [{ id: life.item, discounts: [{ coupon: coupon.id }] }] }, 'items[0][discounts]'],
  ];
  for (const [params, param] of unfit) {
    await assert.rejects(life.upgrade('pending_if_incomplete', params), (error: Stripe.errors.StripeError) => error.statusCode === 400 && error.param === param, param);
  }
  await assert.rejects(stripe.subscriptions.create({ customer: life.customer, items: [{ price: plus }], payment_behavior: 'pending_if_incomplete' }), (error: Stripe.errors.StripeError) => error.param === 'payment_behavior');
  assert.deepEqual(await told(), []);
});

test('with error_if_incomplete a change that is declined answers 402, and everything is as before', async () => {
  const life = await basicPlan(DECLINED);
  await stripe.invoiceItems.create({ customer: life.customer, subscription: life.id, amount: 700, currency: 'usd' });
  const as_before = await life.now();
  await told();
  await assert.rejects(life.upgrade('error_if_incomplete', { description: 'Bigger' }), (error: Stripe.errors.StripeError) => error.statusCode === 402 && error.code === 'card_declined');
  assert.deepEqual(await life.now(), as_before);
  assert.deepEqual(await life.waits(), [700]);
  assert.equal((await life.invoice()).status, 'void');
  assert.deepEqual(typesOf(await told()).filter((type) => type.startsWith('customer.subscription')), []);
  await assert.rejects(stripe.subscriptionItems.update(life.item, { price: plus, proration_behavior: 'always_invoice', payment_behavior: 'error_if_incomplete' }), (error: Stripe.errors.StripeError) => error.statusCode === 402);
  assert.deepEqual(priceOf(await life.now()), [basic]);

  const paid = await basicPlan('pm_card_visa');
  const changed = await paid.upgrade('error_if_incomplete', { description: 'Bigger' });
  assert.deepEqual([priceOf(changed), changed.description], [[plus], 'Bigger']);
});
