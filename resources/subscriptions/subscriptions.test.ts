import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type Stripe from 'stripe';
import { DAY, START } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { customerAt, paysBy, seatPrice } from '../../tests/shop.ts';
import { listen, typesOf } from '../../tests/told.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const told = listen(kontor);

const priceOf = (unit_amount: number, more: Partial<Stripe.PriceCreateParams> = {}) => seatPrice(stripe, unit_amount, { product_data: { name: 'Helpdesk seat' }, ...more });

/** A customer on a test clock of its own, with a card unless there is none. */
const customerOn = (card: string | null = 'pm_card_visa', more: Stripe.CustomerCreateParams = {}) => customerAt(stripe, START, { ...(card && paysBy(card)), ...more });

const idsOf = (list: { data: { id: string }[] }) => list.data.map((each) => each.id);

test('a subscription is paid at once and active, and each step is told', async () => {
  const { customer, clock } = await customerOn();
  const price = await priceOf(2000);
  await told();
  const made = await stripe.subscriptions.create({ customer, items: [{ price: price.id, quantity: 3 }], metadata: { team: 'support' }, expand: ['latest_invoice'] });
  const invoice = made.latest_invoice as Stripe.Invoice;
  assert.deepEqual([made.status, made.currency, made.billing_cycle_anchor, made.start_date, made.test_clock], ['active', 'usd', START, START, clock]);
  assert.deepEqual([invoice.status, invoice.total, invoice.billing_reason, invoice.lines.data[0]!.description], ['paid', 6000, 'subscription_create', '3 × Helpdesk seat (at $20.00 / month)']);
  const [item] = made.items.data;
  assert.deepEqual([item!.quantity, item!.current_period_start, item!.current_period_end, item!.price.id, item!.plan.id], [3, START, START + 31 * DAY, price.id, price.id]);
  const events = await told();
  assert.deepEqual(typesOf(events), [
    'customer.subscription.created', 'invoice.created', 'customer.updated', 'payment_intent.created', 'invoice.finalized',
    'charge.succeeded', 'payment_intent.succeeded', 'invoice_payment.paid', 'invoice.updated', 'invoice.paid', 'invoice.payment_succeeded', 'customer.subscription.updated',
  ]);
  assert.equal((events[0]!.data as { status: string }).status, 'incomplete');
  assert.deepEqual(events.at(-1)!.previous, { status: 'incomplete' });
  assert.deepEqual((await stripe.subscriptions.retrieve(made.id)).metadata, { team: 'support' });
});

test('a declined card leaves it incomplete; paying its invoice makes it active', async () => {
  const { customer } = await customerOn('pm_card_chargeCustomerFail');
  const price = await priceOf(2000);
  const made = await stripe.subscriptions.create({ customer, items: [{ price: price.id }] });
  assert.equal(made.status, 'incomplete');
  await stripe.invoices.pay(made.latest_invoice as string, { payment_method: 'pm_card_visa' });
  assert.equal((await stripe.subscriptions.retrieve(made.id)).status, 'active');
});

test('with `default_incomplete` the customer confirms the payment', async () => {
  const { customer } = await customerOn(null);
  const price = await priceOf(2000);
  const made = await stripe.subscriptions.create({ customer, items: [{ price: price.id }], payment_behavior: 'default_incomplete', expand: ['latest_invoice.confirmation_secret'] });
  assert.equal(made.status, 'incomplete');
  const secret = (made.latest_invoice as Stripe.Invoice).confirmation_secret!.client_secret;
  await stripe.paymentIntents.confirm(secret.split('_secret')[0]!, { payment_method: 'pm_card_visa' });
  assert.equal((await stripe.subscriptions.retrieve(made.id)).status, 'active');
});

test('with `error_if_incomplete` a declined card is the answer, and nothing goes on', async () => {
  const { customer } = await customerOn('pm_card_chargeCustomerFail');
  const price = await priceOf(2000);
  await assert.rejects(stripe.subscriptions.create({ customer, items: [{ price: price.id }], payment_behavior: 'error_if_incomplete' }), { type: 'StripeCardError', statusCode: 402 });
  const [left] = (await stripe.subscriptions.list({ customer, status: 'all' })).data;
  assert.equal(left!.status, 'incomplete_expired');
  assert.equal((await stripe.invoices.retrieve(left!.latest_invoice as string)).status, 'void');
});

test('one that is sent is active at once, with a draft for an hour', async () => {
  const { customer } = await customerOn(null);
  const price = await priceOf(2000);
  const made = await stripe.subscriptions.create({ customer, items: [{ price: price.id }], collection_method: 'send_invoice', days_until_due: 14, expand: ['latest_invoice'] });
  assert.deepEqual([made.status, made.days_until_due, (made.latest_invoice as Stripe.Invoice).status], ['active', 14, 'draft']);
});

test('what it was told comes back, and onto its invoices', async () => {
  const { customer } = await customerOn();
  const price = await priceOf(2000);
  const rate = await stripe.taxRates.create({ display_name: 'VAT', inclusive: false, percentage: 20 });
  const coupon = await stripe.coupons.create({ percent_off: 50, duration: 'once' });
  const code = await stripe.promotionCodes.create({ promotion: { type: 'coupon', coupon: coupon.id }, code: 'HALF' });
  const setup = await stripe.prices.create({ currency: 'usd', unit_amount: 5000, product_data: { name: 'Setup' } });
  const made = await stripe.subscriptions.create({
    customer,
    items: [{ price: price.id, quantity: 2, metadata: { kind: 'seat' } }, { price_data: { currency: 'usd', unit_amount: 700, product: price.product as string, recurring: { interval: 'year' } } }],
    add_invoice_items: [{ price: setup.id, discountable: false }],
    default_tax_rates: [rate.id],
    discounts: [{ promotion_code: code.id }],
    description: 'Support plan',
    invoice_settings: { footer: 'Thank you', custom_fields: [{ name: 'PO', value: '7' }] },
    expand: ['latest_invoice', 'discounts'],
  });
  const invoice = made.latest_invoice as Stripe.Invoice;
  assert.deepEqual(invoice.lines.data.map((line) => [line.amount, line.discount_amounts!.map((each) => each.amount)]), [[5000, []], [4000, [2000]], [700, [350]]]);
  assert.deepEqual([invoice.subtotal, invoice.total, invoice.footer, invoice.custom_fields], [9700, 8820, 'Thank you', [{ name: 'PO', value: '7' }]]); // 7350 and 20 % of each line
  assert.deepEqual([made.description, made.default_tax_rates!.map((each) => each.id), made.discounts, made.items.data[0]!.metadata], ['Support plan', [rate.id], [], { kind: 'seat' }]);
  assert.equal((await stripe.promotionCodes.retrieve(code.id)).times_redeemed, 1);
  assert.equal((await stripe.coupons.retrieve(coupon.id)).times_redeemed, 1);
});

test('without a method to charge it is refused, unless nothing is due', async () => {
  const { customer } = await customerOn(null);
  const price = await priceOf(2000);
  await assert.rejects(stripe.subscriptions.create({ customer, items: [{ price: price.id }] }), { code: 'resource_missing', statusCode: 400 });
  const trial = await stripe.subscriptions.create({ customer, items: [{ price: price.id }], trial_period_days: 2, expand: ['latest_invoice'] });
  assert.deepEqual([trial.status, trial.trial_end, (trial.latest_invoice as Stripe.Invoice).total], ['trialing', START + 2 * DAY, 0]);
});

test('a change prorates, and is refused by name where it cannot be', async () => {
  const { customer, clock } = await customerOn();
  const [price, other] = [await priceOf(2000), await priceOf(1000)];
  const made = await stripe.subscriptions.create({ customer, items: [{ price: price.id, quantity: 2 }] });
  await kontor.advance(clock, START + 15 * DAY);
  await told();
  const changed = await stripe.subscriptions.update(made.id, { items: [{ id: made.items.data[0]!.id, quantity: 3 }, { price: other.id }], metadata: { grown: 'yes' } });
  assert.deepEqual(changed.items.data.map((item) => [item.price.id, item.quantity]), [[price.id, 3], [other.id, 1]]);
  const events = await told();
  assert.deepEqual(typesOf(events), ['invoiceitem.created', 'invoiceitem.created', 'invoiceitem.created', 'customer.subscription.updated']);
  assert.deepEqual(events.slice(0, 3).map((event) => (event.data as { amount: number }).amount), [-2065, 3097, 516]); // 16 of 31 days of $40.00, of $60.00 and of $10.00
  await assert.rejects(stripe.subscriptions.update(made.id, { items: [{ price: price.id }] }), { param: 'items[0][price]' });
});

describe('what is asked wrongly is refused by name', () => {
  let [customer, price, oneTime, euro, dear, dearOnce]: string[] = [];
  before(async () => {
    customer = (await customerOn()).customer;
    price = (await priceOf(2000)).id;
    oneTime = (await stripe.prices.create({ currency: 'usd', unit_amount: 100, product_data: { name: 'Once' } })).id;
    dear = (await priceOf(999_999_999_999)).id;
    dearOnce = (await stripe.prices.create({ currency: 'usd', unit_amount: 999_999_999_999, product_data: { name: 'Dear' } })).id;
    euro = (await priceOf(100, { currency: 'eur' })).id;
  });
  const rows: [name: string, params: () => Partial<Stripe.SubscriptionCreateParams>, param: string, code?: string][] = [
    ['an unknown price', () => ({ items: [{ price: 'price_none' }] }), 'items[0][price]', 'resource_missing'],
    ['a price that recurs never', () => ({ items: [{ price: oneTime! }] }), 'items[0][price]'],
    ['another currency', () => ({ items: [{ price: price! }, { price: euro! }] }), 'items[1][price]'],
    ['the same price twice', () => ({ items: [{ price: price! }, { price: price! }] }), 'items[1][price]'],
    ['a negative quantity', () => ({ items: [{ price: price!, quantity: -1 }] }), 'items[0][quantity]', 'parameter_invalid_integer'],
    ['more than an amount can be', () => ({ items: [{ price: dear!, quantity: 2 }] }), 'items[0][quantity]', 'amount_too_large'],
    ['more than an amount can be, once', () => ({ items: [{ price: price! }], add_invoice_items: [{ price: oneTime!, quantity: 999_999_999 }, { price: dearOnce!, quantity: 2 }] }), 'add_invoice_items[1][quantity]', 'amount_too_large'],
    ['no price', () => ({ items: [{ quantity: 1 }] }), 'items[0][price]', 'parameter_missing'],
    ['an unknown tax rate', () => ({ items: [{ price: price! }], default_tax_rates: ['txr_none'] }), 'default_tax_rates[0]', 'resource_missing'],
    ['an unknown coupon', () => ({ items: [{ price: price! }], discounts: [{ coupon: 'none' }] }), 'discounts[0][coupon]', 'resource_missing'],
    ['classic billing', () => ({ items: [{ price: price! }], billing_mode: { type: 'classic' } }), 'billing_mode[type]'],
    ['waiting updates', () => ({ items: [{ price: price! }], payment_behavior: 'pending_if_incomplete' }), 'payment_behavior'],
    ['days without sending', () => ({ items: [{ price: price! }], days_until_due: 3 }), 'days_until_due'],
    ['sending without days', () => ({ items: [{ price: price! }], collection_method: 'send_invoice' }), 'days_until_due', 'parameter_missing'],
    ['automatic tax', () => ({ items: [{ price: price! }], automatic_tax: { enabled: true } }), 'automatic_tax[enabled]', 'parameter_unknown'],
    ['somebody else’s card', () => ({ items: [{ price: price! }], default_payment_method: 'pm_none' }), 'default_payment_method', 'resource_missing'],
  ];
  for (const [name, params, param, code] of rows) {
    test(name, async () => {
      await assert.rejects(stripe.subscriptions.create({ customer, ...params() }), { statusCode: 400, param, code });
    });
  }
  test('a customer billed in another currency', async () => {
    await stripe.subscriptions.create({ customer: customer!, items: [{ price: price! }] });
    await assert.rejects(stripe.subscriptions.create({ customer: customer!, items: [{ price: euro! }] }), { param: 'items[0][price]' });
  });
  test('an unknown subscription, and one that has ended', async () => {
    await assert.rejects(stripe.subscriptions.retrieve('sub_none'), { statusCode: 404, code: 'resource_missing' });
    await assert.rejects(stripe.subscriptions.update('sub_none', {}), { statusCode: 404, code: 'resource_missing' });
    const made = await stripe.subscriptions.create({ customer: customer!, items: [{ price: price! }] });
    await stripe.subscriptions.cancel(made.id);
    await assert.rejects(stripe.subscriptions.cancel(made.id), { statusCode: 404, code: 'resource_missing' });
    await assert.rejects(stripe.subscriptions.update(made.id, { cancel_at_period_end: true }), { code: 'invalid_canceled_subscription_fields' });
  });
});

test('a list finds by customer, price, status, collection, times and clock, and hides what is canceled', async () => {
  const { customer, clock } = await customerOn();
  const [price, other] = [await priceOf(2000), await priceOf(1000)];
  const one = await stripe.subscriptions.create({ customer, items: [{ price: price.id }] });
  const two = await stripe.subscriptions.create({ customer, items: [{ price: other.id }], collection_method: 'send_invoice', days_until_due: 3 });
  const gone = await stripe.subscriptions.create({ customer, items: [{ price: price.id }] });
  await stripe.subscriptions.cancel(gone.id);
  const find = async (params: Stripe.SubscriptionListParams) => idsOf(await stripe.subscriptions.list(params));
  assert.deepEqual(await find({ customer }), [two.id, one.id]);
  assert.deepEqual(await find({ customer, status: 'all' }), [gone.id, two.id, one.id]);
  assert.deepEqual(await find({ customer, status: 'ended' }), [gone.id]);
  assert.deepEqual(await find({ customer, status: 'canceled' }), [gone.id]);
  assert.deepEqual(await find({ test_clock: clock, price: price.id }), [one.id]);
  assert.deepEqual(await find({ customer, collection_method: 'send_invoice' }), [two.id]);
  assert.deepEqual(await find({ customer, current_period_end: { gt: START + 31 * DAY } }), []);
  assert.deepEqual(await find({ customer, current_period_end: START + 31 * DAY, created: { gte: START } }), [two.id, one.id]);
  assert.ok(!(await find({ limit: 100 })).includes(one.id));
});

test('the subscription’s discount is taken away', async () => {
  const { customer } = await customerOn();
  const price = await priceOf(2000);
  const coupon = await stripe.coupons.create({ percent_off: 10, duration: 'forever' });
  const made = await stripe.subscriptions.create({ customer, items: [{ price: price.id }], discounts: [{ coupon: coupon.id }] });
  await told();
  const deleted = await stripe.subscriptions.deleteDiscount(made.id);
  assert.deepEqual([deleted.deleted, deleted.id], [true, made.discounts[0]]);
  assert.deepEqual(typesOf(await told()), ['customer.discount.deleted', 'customer.subscription.updated']);
  assert.deepEqual((await stripe.subscriptions.retrieve(made.id)).discounts, []);
  await assert.rejects(stripe.subscriptions.deleteDiscount(made.id), { statusCode: 404 });
});

test('eight changes at once are serialised: nothing is prorated twice', async () => {
  const { customer, clock } = await customerOn();
  const price = await priceOf(3100);
  const made = await stripe.subscriptions.create({ customer, items: [{ price: price.id, quantity: 1 }] });
  await kontor.advance(clock, START + 10 * DAY);
  const item = made.items.data[0]!.id;
  await Promise.all([2, 3, 4, 5, 6, 7, 8, 9].map((quantity) => stripe.subscriptions.update(made.id, { items: [{ id: item, quantity }] })));
  const { quantity } = (await stripe.subscriptions.retrieve(made.id)).items.data[0]!;
  const waiting = await stripe.invoiceItems.list({ customer, pending: true, limit: 100 });
  assert.equal(waiting.data.length, 16);
  assert.equal(waiting.data.reduce((sum, each) => sum + each.amount, 0), (quantity! - 1) * 2100); // 21 of 31 days of $31.00
});
