/** What a request names: once, in bounds, and as it is spelt. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { day } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { customerAt, meteredPrice, meterOf, report, seatPrice } from '../../tests/shop.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

/** A customer on a clock, with a seat at $31.00 a month since 1 January 2026 unless other items are given. */
async function seated(more: Partial<Stripe.SubscriptionCreateParams> = {}) {
  const { clock, customer } = await customerAt(stripe, day('2026-01-01'));
  const price = await seatPrice(stripe, 3_100);
  const made = await stripe.subscriptions.create({ customer, items: [{ price: price.id }], ...more });
  return { id: made.id, item: made.items.data[0]!.id, price: price.id, customer, until: (to: string) => kontor.advance(clock, day(to)), newest: async () => (await stripe.invoices.list({ customer, limit: 1 })).data[0]! };
}

test('an item that a request names twice is refused, and nothing is credited twice', async () => {
  const { id, item, customer, until } = await seated();
  await until('2026-01-11');
  for (const again of [{ id: item, quantity: 3 }, { id: item, deleted: true }]) {
    const items = [{ id: item, quantity: 2 }, again];
    await assert.rejects(stripe.subscriptions.update(id, { items }), { param: 'items[1][id]', message: `The item ${item} is named twice. Say once what becomes of it.` });
    await assert.rejects(stripe.invoices.createPreview({ subscription: id, subscription_details: { items } }), { param: 'subscription_details[items][1][id]' });
  }
  assert.equal((await stripe.invoiceItems.list({ customer, pending: true })).data.length, 0);
});

test('what is pending is invoiced at least once a year', async () => {
  const { id } = await seated();
  for (const [interval, most] of [['day', 365], ['week', 52], ['month', 12], ['year', 1]] as const) {
    await assert.rejects(stripe.subscriptions.update(id, { pending_invoice_item_interval: { interval, interval_count: most + 1 } }), { param: 'pending_invoice_item_interval[interval_count]' });
    assert.equal((await stripe.subscriptions.update(id, { pending_invoice_item_interval: { interval, interval_count: most } })).pending_invoice_item_interval?.interval_count, most);
  }
});

test('what a price or a coupon does not have is left out where it is asked for', async () => {
  const { price } = await seated();
  const coupon = await stripe.coupons.create({ percent_off: 10, expand: ['applies_to', 'currency_options'] });
  const read = await stripe.prices.retrieve(price, { expand: ['tiers', 'currency_options'] });
  assert.deepEqual(['tiers' in read, 'currency_options' in read, 'applies_to' in coupon, 'currency_options' in coupon], [false, true, false, false]);
});

test('a plan is a price under its old name, wherever an item is asked for', async () => {
  const { id, item, price, customer } = await seated();
  const other = (await stripe.prices.create({ currency: 'usd', unit_amount: 500, recurring: { interval: 'month' }, product_data: { name: 'Inbox' } })).id;
  const names = (subscription: Stripe.Subscription) => subscription.items.data.map((each) => each.price.id);
  assert.deepEqual(names(await stripe.subscriptions.update(id, { items: [{ plan: other }] })), [price, other]);
  assert.deepEqual(names(await stripe.subscriptions.create({ customer, items: [{ plan: price }] })), [price]);
  const preview = await stripe.invoices.createPreview({ customer, subscription_details: { items: [{ plan: other }] } });
  assert.deepEqual(preview.lines.data.map((line) => line.amount), [500]);
  const schedule = await stripe.subscriptionSchedules.create({ customer, start_date: day('2026-02-01'), phases: [{ items: [{ plan: other }], duration: { interval: 'month' } }] });
  assert.equal(schedule.phases[0]!.items[0]!.price, other);
  assert.deepEqual((await stripe.subscriptions.list({ customer, plan: other })).data.map((each) => each.id), [id]);
  await assert.rejects(stripe.subscriptions.update(id, { items: [{ id: item, plan: other, price }] }), { code: 'parameters_exclusive' });
  await assert.rejects(stripe.subscriptions.update(id, { items: [{ id: item, plan: 'price_nope' }] }), { code: 'resource_missing', param: 'items[0][plan]' });
  await assert.rejects(stripe.subscriptionItems.update(item, { plan: 'price_nope' }), { code: 'resource_missing', param: 'plan' });
});

test('what is off anyway may be said to be off: location-based tax', async () => {
  const { id, customer, price } = await seated({ automatic_tax: { enabled: false } });
  assert.equal((await stripe.subscriptions.update(id, { automatic_tax: { enabled: false } })).automatic_tax.enabled, false);
  const schedule = await stripe.subscriptionSchedules.create({ customer, start_date: day('2026-02-01'), default_settings: { automatic_tax: { enabled: false } }, phases: [{ items: [{ price }], automatic_tax: { enabled: false }, duration: { interval: 'month' } }] });
  assert.equal(schedule.default_settings.automatic_tax?.enabled, false);
  await assert.rejects(stripe.subscriptions.update(id, { automatic_tax: { enabled: true } }), { code: 'parameter_unknown', param: 'automatic_tax[enabled]' });
});

test('to clear the usage of an item that goes changes nothing: it is billed, since it belongs to the meter', async () => {
  const meter = await meterOf(stripe, 'calls');
  const { id, customer, until } = await seated();
  const metered = await meteredPrice(stripe, meter.id, 5);
  const added = await stripe.subscriptionItems.create({ subscription: id, price: metered.id });
  await until('2026-01-11');
  await report(stripe, 'calls', customer, 40, day('2026-01-10'));
  await stripe.subscriptionItems.del(added.id, { clear_usage: true });
  assert.deepEqual((await stripe.invoiceItems.list({ customer, pending: true })).data.map((each) => each.amount), [200]);
});

test('a running subscription takes the trial of the price that it changes to, and is given back what it paid', async () => {
  const { id, item, until, newest } = await seated();
  const tried = await stripe.prices.create({ currency: 'usd', unit_amount: 6_200, recurring: { interval: 'month', trial_period_days: 14 }, product_data: { name: 'Suite' } });
  await until('2026-01-11');
  assert.equal((await stripe.subscriptions.update(id, { trial_from_plan: true })).trial_end, null);
  const items = [{ id: item, price: tried.id }];
  await assert.rejects(stripe.subscriptions.update(id, { items, trial_from_plan: true, trial_end: day('2026-02-01') }), { code: 'parameters_exclusive', param: 'trial_from_plan' });
  const changed = await stripe.subscriptions.update(id, { items, trial_from_plan: true });
  assert.deepEqual([changed.status, changed.trial_start, changed.trial_end, changed.billing_cycle_anchor], ['trialing', day('2026-01-11'), day('2026-01-25'), day('2026-01-25')]);
  assert.deepEqual((await newest()).lines.data.map((line) => line.amount), [-2_100, 0]); // 21 of 31 days of $31.00
});
