import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type Stripe from 'stripe';
import { day } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { customerAt, invoicesOf, report } from '../../tests/shop.ts';
import { listen, typesOf, type Told } from '../../tests/told.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const told = listen(kontor);

const priceOf = async (unit_amount: number, more: Partial<Stripe.PriceCreateParams> = {}) => (await stripe.prices.create({ currency: 'usd', unit_amount, recurring: { interval: 'month' }, product_data: { name: 'Seat' }, ...more })).id;
const months = (interval_count: number) => ({ interval: 'month' as const, interval_count });
/** What is told of the schedule and the subscription. */
const lifeOf = (events: readonly Told[]) => typesOf(events).filter((type) => /^(subscription_schedule|customer\.subscription)\./.test(type));

/** A customer who lives on a clock of its own. */
async function live(at: string) {
  const { clock, customer } = await customerAt(stripe, day(at));
  await told();
  return {
    customer,
    until: (to: string) => kontor.advance(clock, day(to)),
    /** Oldest first: the reason and the amounts of the lines. */
    bills: async () => (await invoicesOf(stripe, customer)).map((invoice) => `${invoice.billing_reason} ${invoice.lines.data.map((line) => line.amount).join(' ')}`),
    subscription: async () => (await stripe.subscriptions.list({ customer, status: 'all' })).data[0]!,
  };
}

test('a ramped deal: three prices follow each other at the boundaries, without prorations, and then the subscription goes on alone', async () => {
  const life = await live('2026-01-01');
  const [small, middle, large] = [await priceOf(1000), await priceOf(2000), await priceOf(3000)];
  await told();
  const made = await stripe.subscriptionSchedules.create({
    customer: life.customer,
    phases: [small, middle, large].map((price) => ({ items: [{ price, quantity: 2 }], duration: months(1) })),
    metadata: { deal: 'ramp' },
  });
  assert.equal(made.status, 'active');
  assert.deepEqual(made.phases.map((phase) => [phase.start_date, phase.end_date]), [[day('2026-01-01'), day('2026-02-01')], [day('2026-02-01'), day('2026-03-01')], [day('2026-03-01'), day('2026-04-01')]]);
  assert.deepEqual(made.current_phase, { start_date: day('2026-01-01'), end_date: day('2026-02-01') });
  const begun = await life.subscription();
  assert.deepEqual([begun.id, begun.schedule, begun.status, begun.cancel_at], [made.subscription, made.id, 'active', null]);
  assert.equal((await stripe.invoices.retrieve(begun.latest_invoice as string)).status, 'draft'); // like a renewal's, for an hour
  assert.deepEqual(typesOf(await told()), ['subscription_schedule.created', 'customer.subscription.created', 'customer.updated', 'invoice.created']);
  await life.until('2026-02-01');
  assert.deepEqual(lifeOf(await told()), ['subscription_schedule.updated', 'customer.subscription.updated', 'customer.subscription.updated']);
  await life.until('2026-03-25');
  assert.deepEqual(lifeOf(await told()), ['subscription_schedule.updated', 'customer.subscription.updated', 'customer.subscription.updated', 'subscription_schedule.expiring']);
  await life.until('2026-05-01T02:00');
  assert.deepEqual(lifeOf(await told()), ['subscription_schedule.completed', 'customer.subscription.updated', 'customer.subscription.updated', 'customer.subscription.updated']);
  assert.deepEqual(await life.bills(), ['subscription_create 2000', 'subscription_cycle 4000', 'subscription_cycle 6000', 'subscription_cycle 6000', 'subscription_cycle 6000']);
  const over = await stripe.subscriptionSchedules.retrieve(made.id);
  assert.deepEqual([over.status, over.completed_at, over.subscription, over.released_subscription, over.current_phase], ['completed', day('2026-04-01'), null, begun.id, null]);
  const left = await life.subscription();
  assert.deepEqual([left.schedule, left.status, left.items.data[0]!.id, left.items.data[0]!.price.id], [null, 'active', begun.items.data[0]!.id, large]);
});

test('a trial, then what is paid for', async () => {
  const life = await live('2026-01-01');
  const price = await priceOf(1500);
  const { id } = await stripe.subscriptionSchedules.create({
    customer: life.customer, end_behavior: 'cancel',
    phases: [{ items: [{ price }], end_date: day('2026-01-15'), trial: true }, { items: [{ price }], duration: months(2) }],
  });
  const begun = await life.subscription();
  assert.deepEqual([begun.status, begun.trial_end, begun.cancel_at], ['trialing', day('2026-01-15'), day('2026-03-15')]);
  await life.until('2026-04-01');
  assert.deepEqual(await life.bills(), ['subscription_create 0', 'subscription_cycle 1500', 'subscription_cycle 1500']);
  const over = await stripe.subscriptionSchedules.retrieve(id);
  assert.deepEqual([over.status, over.completed_at, over.subscription], ['completed', day('2026-03-15'), begun.id]);
  assert.equal((await life.subscription()).status, 'canceled');
  assert.deepEqual(lifeOf(await told()).slice(-2), ['customer.subscription.deleted', 'subscription_schedule.completed']);
});

test('a subscription that runs gets a schedule, and is upgraded in the future', async () => {
  const life = await live('2026-01-01');
  const [price, better] = [await priceOf(1000), await priceOf(5000)];
  const subscription = await stripe.subscriptions.create({ customer: life.customer, items: [{ price, quantity: 3 }] });
  await life.until('2026-01-10');
  await told();
  const made = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
  assert.deepEqual(typesOf(await told()), ['subscription_schedule.created', 'customer.subscription.updated']);
  assert.deepEqual([made.status, made.subscription, made.end_behavior, made.phases.length, made.phases[0]!.items[0]!.quantity], ['active', subscription.id, 'release', 1, 3]);
  assert.deepEqual(made.current_phase, { start_date: day('2026-01-01'), end_date: day('2026-02-01') });
  const [first] = made.phases;
  await stripe.subscriptionSchedules.update(made.id, {
    phases: [
      { start_date: first!.start_date, end_date: first!.end_date, items: [{ price, quantity: 3 }] },
      { items: [{ price: better, quantity: 1 }], duration: months(1), metadata: { tier: 'better' } },
    ],
  });
  assert.deepEqual(typesOf(await told()), ['subscription_schedule.updated']);
  const preview = await stripe.invoices.createPreview({ subscription: subscription.id });
  assert.deepEqual(preview.lines.data.map((line) => line.amount), [5000]);
  await life.until('2026-02-01T02:00');
  assert.deepEqual(await life.bills(), ['subscription_create 3000', 'subscription_cycle 5000']);
  const upgraded = await life.subscription();
  assert.deepEqual([upgraded.metadata, upgraded.items.data[0]!.quantity], [{ tier: 'better' }, 1]);
  await assert.rejects(stripe.subscriptionSchedules.create({ from_subscription: subscription.id }), { param: 'from_subscription' });
  await assert.rejects(stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true }), { param: 'cancel_at_period_end' });
  await stripe.subscriptions.update(subscription.id, { metadata: { seen: 'yes' } });
});

test('a trial that lasts longer than its subscription was to goes on where that is not to end any more', async () => {
  const life = await live('2026-01-01');
  const price = await priceOf(1000);
  const { id, billing_cycle_anchor } = await stripe.subscriptions.create({ customer: life.customer, items: [{ price }], trial_end: day('2026-02-01'), cancel_at: day('2026-01-11') });
  const made = await stripe.subscriptionSchedules.create({ from_subscription: id });
  assert.deepEqual([made.end_behavior, made.phases.map((phase) => [phase.end_date, phase.trial_end])], ['cancel', [[day('2026-01-11'), day('2026-01-11')]]]);
  await stripe.subscriptionSchedules.update(made.id, { end_behavior: 'release' });
  const left = await life.subscription();
  assert.deepEqual([left.trial_end, left.billing_cycle_anchor, left.cancel_at], [day('2026-02-01'), billing_cycle_anchor, null]);
  await life.until('2026-02-01T02:00');
  assert.deepEqual(await life.bills(), ['subscription_create 0', 'subscription_cycle 1000']);
});

test('a quantity ramp within the month is prorated as the phase says', async () => {
  const life = await live('2026-01-01');
  const price = await priceOf(3100);
  const phase = (quantity: number, end: string, more: Partial<Stripe.SubscriptionScheduleCreateParams.Phase> = {}) => ({ items: [{ price, quantity }], end_date: day(end), ...more });
  await stripe.subscriptionSchedules.create({
    customer: life.customer,
    phases: [phase(1, '2026-01-11'), phase(2, '2026-01-21'), phase(3, '2026-01-26', { proration_behavior: 'always_invoice' }), phase(4, '2026-03-01', { proration_behavior: 'none' })],
  });
  await life.until('2026-01-11');
  await told();
  await life.until('2026-01-21');
  assert.deepEqual(lifeOf(await told()), ['subscription_schedule.updated', 'customer.subscription.updated']);
  await life.until('2026-02-01T02:00');
  // 21 of 31 days of $31.00 × 1 and × 2; 11 of 31 days × 2 and × 3; nothing for the fourth.
  assert.deepEqual(await life.bills(), ['subscription_create 3100', 'subscription_update -2100 4200 -2200 3300', 'subscription_cycle 12400']);
});

test('usage until the boundary is billed at its old price, and what comes at the boundary with the renewal', async () => {
  const life = await live('2026-01-01');
  const meter = await stripe.billing.meters.create({ display_name: 'Calls', event_name: 'calls_of_phases', default_aggregation: { formula: 'sum' } });
  const calls = (unit_amount: number) => priceOf(unit_amount, { recurring: { interval: 'month', usage_type: 'metered', meter: meter.id } });
  const [dear, cheap, seat, yearly] = [await calls(10), await calls(4), await priceOf(2000), await priceOf(12000, { recurring: { interval: 'year' } })];
  await stripe.subscriptionSchedules.create({
    customer: life.customer,
    phases: [
      { items: [{ price: dear }], duration: months(1) },
      { items: [{ price: cheap }, { price: seat, quantity: 2 }], duration: months(1) },
      { items: [{ price: yearly }], duration: months(12) },
    ],
  });
  await life.until('2026-01-20');
  const uses = (value: number, at: string) => report(stripe, 'calls_of_phases', life.customer, value, day(at));
  await uses(7, '2026-01-19');
  await life.until('2026-02-15');
  await uses(5, '2026-02-10');
  await life.until('2026-03-02');
  // 7 calls at 10 cents, 2 seats; then 5 calls at 4 cents, and the year.
  assert.deepEqual(await life.bills(), ['subscription_cycle 70 4000', 'subscription_update 20 12000']);
});

test('a schedule starts in the future, with what is billed once and a discount that ends with its phase', async () => {
  const life = await live('2026-01-01');
  const [price, setup] = [await priceOf(1000), (await stripe.prices.create({ currency: 'usd', unit_amount: 500, product_data: { name: 'Setup' } })).id];
  const coupon = await stripe.coupons.create({ percent_off: 50, duration: 'forever' });
  const rate = await stripe.taxRates.create({ display_name: 'VAT', percentage: 20, inclusive: false });
  await told();
  const made = await stripe.subscriptionSchedules.create({
    customer: life.customer, start_date: day('2026-02-10'),
    default_settings: { collection_method: 'send_invoice', invoice_settings: { days_until_due: 14 }, description: 'As agreed' },
    phases: [
      { items: [{ price }], duration: months(1), add_invoice_items: [{ price: setup, period: { start: { type: 'phase_start' }, end: { type: 'phase_end' } } }], discounts: [{ coupon: coupon.id }], default_tax_rates: [rate.id] },
      { items: [{ price }], duration: months(1) },
    ],
  });
  assert.deepEqual([made.status, made.subscription, made.current_phase], ['not_started', null, null]);
  assert.deepEqual(typesOf(await told()), ['subscription_schedule.created']);
  const listed = await stripe.subscriptionSchedules.list({ customer: life.customer, scheduled: true });
  assert.deepEqual(listed.data.map((each) => each.id), [made.id]);
  await stripe.coupons.del(coupon.id);
  await life.until('2026-02-10');
  const begun = await life.subscription();
  assert.deepEqual([begun.schedule, begun.start_date, begun.collection_method, begun.days_until_due, begun.description], [made.id, day('2026-02-10'), 'send_invoice', 14, 'As agreed']);
  assert.equal(begun.discounts.length, 1);
  const [first] = (await stripe.invoices.list({ customer: life.customer })).data;
  assert.deepEqual([first!.subtotal, first!.total], [1500, 900]); // (500 + 1000) / 2, and 20%
  const once = first!.lines.data.find((line) => line.amount === 500)!;
  assert.deepEqual(once.period, { start: day('2026-02-10'), end: day('2026-03-10') });
  await life.until('2026-03-11');
  assert.deepEqual((await life.subscription()).discounts, []);
  const [second] = (await stripe.invoices.list({ customer: life.customer })).data;
  assert.deepEqual([second!.subtotal, second!.total], [1000, 1200]);
});

test('a phase that starts the billing cycle anew bills at once', async () => {
  const life = await live('2026-01-01');
  const price = await priceOf(3100);
  await stripe.subscriptionSchedules.create({ customer: life.customer, phases: [{ items: [{ price }], end_date: day('2026-01-11') }, { items: [{ price }], duration: months(1), billing_cycle_anchor: 'phase_start' }] });
  await life.until('2026-02-12');
  // 21 of 31 days are given back, and a new month begins on the 11th.
  assert.deepEqual(await life.bills(), ['subscription_create 3100', 'subscription_update -2100 3100', 'subscription_cycle 3100']);
});

test('the phase that runs is changed, and another one begins now', async () => {
  const life = await live('2026-01-01');
  const price = await priceOf(3100);
  const made = await stripe.subscriptionSchedules.create({ customer: life.customer, phases: [{ items: [{ price, quantity: 1 }], duration: months(2) }] });
  await life.until('2026-01-11');
  await told();
  const start_date = made.phases[0]!.start_date;
  const more = await stripe.subscriptionSchedules.update(made.id, { phases: [{ start_date, items: [{ price, quantity: 2 }], duration: months(2) }], proration_behavior: 'none' });
  assert.equal(more.phases[0]!.items[0]!.quantity, 2);
  assert.deepEqual(typesOf(await told()), ['subscription_schedule.updated', 'customer.subscription.updated']);
  const split = await stripe.subscriptionSchedules.update(made.id, {
    end_behavior: 'cancel',
    phases: [{ start_date, end_date: 'now', items: [{ price, quantity: 2 }] }, { start_date: 'now', items: [{ price, quantity: 3 }], duration: months(1), proration_behavior: 'always_invoice' }],
  });
  assert.deepEqual([split.phases.length, split.current_phase], [2, { start_date: day('2026-01-11'), end_date: day('2026-02-11') }]);
  const now = await life.subscription();
  assert.deepEqual([now.items.data[0]!.quantity, now.cancel_at], [3, day('2026-02-11')]);
  assert.deepEqual(await life.bills(), ['subscription_create 3100', 'subscription_update -2100 6300']); // what was charged was for one seat
  const back = await stripe.subscriptionSchedules.update(made.id, { end_behavior: 'release', metadata: { kept: 'yes' }, default_settings: { description: 'Seats' } });
  assert.deepEqual([back.metadata, (await life.subscription()).cancel_at, (await life.subscription()).description], [{ kept: 'yes' }, null, 'Seats']);
});

test('a schedule that has not started is changed, started at once, canceled and released', async () => {
  const life = await live('2026-01-01');
  const price = await priceOf(1000);
  const later = () => stripe.subscriptionSchedules.create({ customer: life.customer, start_date: day('2026-06-01'), phases: [{ items: [{ price }], duration: months(1) }] });
  const [one, two, three] = [await later(), await later(), await later()];
  await told();
  const canceled = await stripe.subscriptionSchedules.cancel(one.id);
  assert.deepEqual([canceled.status, canceled.canceled_at], ['canceled', day('2026-01-01')]);
  const released = await stripe.subscriptionSchedules.release(two.id);
  assert.deepEqual([released.status, released.released_at, released.released_subscription], ['released', day('2026-01-01'), null]);
  const started = await stripe.subscriptionSchedules.update(three.id, { phases: [{ start_date: 'now', items: [{ price, quantity: 4 }], duration: months(1) }] });
  assert.deepEqual([started.status, (await life.subscription()).items.data[0]!.quantity], ['active', 4]);
  assert.deepEqual(lifeOf(await told()), ['subscription_schedule.canceled', 'subscription_schedule.released', 'subscription_schedule.updated', 'customer.subscription.created']);
  for (const id of [one.id, two.id]) {
    await assert.rejects(stripe.subscriptionSchedules.update(id, { metadata: { a: 'b' } }), { statusCode: 400 });
    await assert.rejects(stripe.subscriptionSchedules.cancel(id), { statusCode: 400 });
    await assert.rejects(stripe.subscriptionSchedules.release(id), { statusCode: 400 });
  }
  await life.until('2026-06-02');
  assert.equal((await stripe.subscriptions.list({ customer: life.customer, status: 'all' })).data.length, 1);
});

test('to release keeps the subscription, with the end that it was to have or without; to cancel ends it and settles', async () => {
  const life = await live('2026-01-01');
  const price = await priceOf(3100);
  const begin = () => stripe.subscriptionSchedules.create({ customer: life.customer, end_behavior: 'cancel', phases: [{ items: [{ price }], duration: months(3) }] });
  const [kept, freed, ended] = [await begin(), await begin(), await begin()];
  await life.until('2026-01-11');
  await told();
  await stripe.subscriptionSchedules.release(kept.id, { preserve_cancel_date: true });
  assert.deepEqual(typesOf(await told()), ['subscription_schedule.released', 'customer.subscription.updated']);
  const released = await stripe.subscriptionSchedules.release(freed.id);
  assert.deepEqual([released.status, released.subscription, released.released_subscription], ['released', null, freed.subscription]);
  const subscription = async (schedule: Stripe.SubscriptionSchedule) => stripe.subscriptions.retrieve(schedule.subscription as string);
  assert.deepEqual([(await subscription(kept)).cancel_at, (await subscription(freed)).cancel_at, (await subscription(freed)).schedule], [day('2026-04-01'), null, null]);
  await told();
  const canceled = await stripe.subscriptionSchedules.cancel(ended.id);
  assert.deepEqual([canceled.status, canceled.subscription], ['canceled', ended.subscription]);
  assert.deepEqual(lifeOf(await told()), ['customer.subscription.deleted', 'subscription_schedule.canceled']);
  const last = await stripe.invoices.retrieve((await subscription(ended)).latest_invoice as string);
  assert.equal(last.total, -2100); // 21 of 31 days of $31.00
});

test('a schedule ends with its subscription, whatever ends that, and with its customer', async () => {
  const life = await live('2026-01-01');
  const price = await priceOf(1000);
  const made = await stripe.subscriptionSchedules.create({ customer: life.customer, phases: [{ items: [{ price }], duration: months(3) }] });
  await told();
  await stripe.subscriptions.cancel(made.subscription as string);
  assert.deepEqual(lifeOf(await told()), ['customer.subscription.deleted', 'subscription_schedule.canceled']);
  const later = await stripe.subscriptionSchedules.create({ customer: life.customer, start_date: day('2026-06-01'), phases: [{ items: [{ price }] }] });
  await told();
  await stripe.customers.del(life.customer);
  assert.deepEqual(lifeOf(await told()), ['subscription_schedule.canceled']);
  assert.equal((await stripe.subscriptionSchedules.retrieve(later.id)).status, 'canceled');
});

test('many schedules start and turn in one batch, and what they name is shown whole', async () => {
  const life = await live('2026-01-01');
  const [price, next] = [await priceOf(1000), await priceOf(2000)];
  const coupon = await stripe.coupons.create({ percent_off: 10, duration: 'once' });
  const many = await Promise.all(Array.from({ length: 12 }, () =>
    stripe.subscriptionSchedules.create({ customer: life.customer, start_date: day('2026-01-05'), phases: [{ items: [{ price }], duration: months(1), discounts: [{ coupon: coupon.id }] }, { items: [{ price: next }], duration: months(1) }] })));
  await life.until('2026-02-05T02:00');
  assert.equal((await stripe.coupons.retrieve(coupon.id)).times_redeemed, 12);
  const totals = (await stripe.invoices.list({ customer: life.customer, limit: 100 })).data.map((invoice) => invoice.total);
  assert.deepEqual(totals, [...Array(12).fill(2000), ...Array(12).fill(900)]);
  const whole = await stripe.subscriptionSchedules.retrieve(many[0]!.id, { expand: ['subscription.schedule', 'phases.items.price', 'customer', 'phases.discounts.coupon'] });
  assert.equal(((whole.subscription as Stripe.Subscription).schedule as Stripe.SubscriptionSchedule).id, whole.id);
  assert.equal((whole.phases[1]!.items[0]!.price as Stripe.Price).unit_amount, 2000);
});

test('what cannot begin any more is aborted, and stops nothing else', async () => {
  const life = await live('2026-01-01');
  const [price, euro] = [await priceOf(1000), await priceOf(1000, { currency: 'eur' })];
  const made = await stripe.subscriptionSchedules.create({ customer: life.customer, start_date: day('2026-02-01'), phases: [{ items: [{ price: euro }] }] });
  await stripe.subscriptions.create({ customer: life.customer, items: [{ price }] });
  await told();
  await life.until('2026-02-02');
  assert.deepEqual(lifeOf(await told()), ['customer.subscription.updated', 'subscription_schedule.aborted']);
  assert.equal((await stripe.subscriptionSchedules.retrieve(made.id)).status, 'canceled');
});

describe('what is asked wrongly is refused by name', () => {
  let customer: string;
  let price: string;
  let once: string;
  before(async () => {
    customer = (await live('2026-01-01')).customer;
    price = await priceOf(1000);
    once = (await stripe.prices.create({ currency: 'usd', unit_amount: 500, product_data: { name: 'Setup' } })).id;
  });
  type Params = Stripe.SubscriptionScheduleCreateParams;
  const item = () => [{ price }];
  const rows: [name: string, params: () => Params, param: string, code?: string][] = [
    ['nobody', () => ({ phases: [{ items: item() }] }), 'customer', 'parameter_missing'],
    ['an unknown customer', () => ({ customer: 'cus_none', phases: [{ items: item() }] }), 'customer', 'resource_missing'],
    ['no phase', () => ({ customer }), 'phases', 'parameter_missing'],
    ['a start in the past', () => ({ customer, start_date: day('2025-12-01'), phases: [{ items: item() }] }), 'start_date'],
    ['a phase that ends before it starts', () => ({ customer, phases: [{ items: item(), end_date: day('2026-03-01') }, { items: item(), end_date: day('2026-02-01') }] }), 'phases[1][end_date]'],
    ['an end and a duration', () => ({ customer, phases: [{ items: item(), end_date: day('2026-03-01'), duration: months(1) }] }), 'phases[0][end_date]', 'parameters_exclusive'],
    ['an unknown price', () => ({ customer, phases: [{ items: [{ price: 'price_none' }] }] }), 'phases[0][items][0][price]', 'resource_missing'],
    ['a price that recurs never', () => ({ customer, phases: [{ items: [{ price: once }] }] }), 'phases[0][items][0][price]'],
    ['a price twice', () => ({ customer, phases: [{ items: [...item(), ...item()] }] }), 'phases[0][items][1][price]'],
    ['something recurring to be billed once', () => ({ customer, phases: [{ items: item(), add_invoice_items: [{ price }] }] }), 'phases[0][add_invoice_items][0][price]'],
    ['a trial beyond its phase', () => ({ customer, phases: [{ items: item(), duration: months(1), trial_end: day('2026-05-01') }] }), 'phases[0][trial_end]'],
    ['an unknown coupon', () => ({ customer, phases: [{ items: item(), discounts: [{ coupon: 'none' }] }] }), 'phases[0][discounts][0][coupon]', 'resource_missing'],
    ['an unknown tax rate', () => ({ customer, phases: [{ items: item(), default_tax_rates: ['txr_none'] }] }), 'phases[0][default_tax_rates][0]', 'resource_missing'],
    ['somebody else’s card', () => ({ customer, phases: [{ items: item(), default_payment_method: 'pm_none' }] }), 'phases[0][default_payment_method]', 'resource_missing'],
    ['sending without days', () => ({ customer, phases: [{ items: item(), collection_method: 'send_invoice' }] }), 'phases[0][invoice_settings][days_until_due]', 'parameter_missing'],
    ['to end as nobody does', () => ({ customer, end_behavior: 'renew', phases: [{ items: item() }] }), 'end_behavior', 'parameter_unknown'],
    ['pauses', () => ({ customer, phases: [{ items: item() }], pause_schedules: [{ pause: { pause_at: { type: 'now' } } }] }), 'pause_schedules', 'parameter_unknown'],
    ['classic billing', () => ({ customer, phases: [{ items: item() }], billing_mode: { type: 'classic' } }), 'billing_mode[type]'],
    ['a subscription and more', () => ({ from_subscription: 'sub_none', metadata: { a: 'b' } }), 'metadata'],
    ['an unknown subscription', () => ({ from_subscription: 'sub_none' }), 'from_subscription', 'resource_missing'],
    ['more than ten phases', () => ({ customer, phases: Array.from({ length: 11 }, () => ({ items: item(), duration: months(1) })) }), 'phases'],
  ];
  for (const [name, params, param, code] of rows) {
    test(name, async () => {
      await assert.rejects(stripe.subscriptionSchedules.create(params()), { statusCode: 400, param, ...(code && { code }) });
    });
  }

  test('gaps, overlaps, another past, and no present', async () => {
    const life = await live('2026-01-01');
    const made = await stripe.subscriptionSchedules.create({ customer: life.customer, phases: [{ items: item(), duration: months(1) }] });
    await life.until('2026-01-10');
    const update = (phases: Stripe.SubscriptionScheduleUpdateParams.Phase[]) => stripe.subscriptionSchedules.update(made.id, { phases });
    const [start, end] = [day('2026-01-01'), day('2026-02-01')];
    await assert.rejects(update([{ start_date: start, end_date: end, items: item() }, { start_date: end + 1, items: item() }]), { param: 'phases[1][start_date]' });
    await assert.rejects(update([{ start_date: start, end_date: end, items: item() }, { start_date: end - 1, items: item() }]), { param: 'phases[1][start_date]' });
    await assert.rejects(update([{ items: item() }]), { param: 'phases[0][start_date]', code: 'parameter_missing' });
    await assert.rejects(update([{ start_date: start + 1, end_date: end, items: item() }]), { param: 'phases[0][start_date]' });
    await assert.rejects(update([{ start_date: start, end_date: day('2026-01-05'), items: item() }, { items: item() }]), { param: 'phases[0][end_date]' });
    await assert.rejects(update([{ start_date: day('2026-03-01'), items: item() }]), { param: 'phases' });
    await assert.rejects(update([{ start_date: start, end_date: 'now', items: item() }]), { param: 'phases' });
    await assert.rejects(stripe.subscriptionSchedules.retrieve('sub_sched_none'), { statusCode: 404, code: 'resource_missing' });
  });
});
