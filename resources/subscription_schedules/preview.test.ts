/** What a schedule bills next, previewed by its name. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type Stripe from 'stripe';
import { startKontor, type Kontor } from '../../tests/kontor.ts';

let kontor: Kontor;
let stripe: Stripe;
before(async () => {
  kontor = await startKontor();
  stripe = kontor.stripe;
});
after(() => kontor.close());

const day = (text: string): number => Date.parse(text.includes('T') ? text : `${text}T00:00:00Z`) / 1_000;
const amounts = ({ lines }: Stripe.Invoice): number[] => lines.data.map((line) => line.amount);

test('a schedule is previewed before it begins, while it runs, and not once it is over', async () => {
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: day('2026-01-01') });
  const customer = await stripe.customers.create({ test_clock: clock.id, payment_method: 'pm_card_visa', invoice_settings: { default_payment_method: 'pm_card_visa' } });
  const price = (await stripe.prices.create({ currency: 'usd', unit_amount: 3_100, recurring: { interval: 'month' }, product_data: { name: 'Seat' } })).id;
  const coupon = await stripe.coupons.create({ percent_off: 50, duration: 'forever' });
  const schedule = await stripe.subscriptionSchedules.create({
    customer: customer.id,
    start_date: day('2026-01-10'),
    phases: [
      { items: [{ price, quantity: 2 }], discounts: [{ coupon: coupon.id }], duration: { interval: 'month', interval_count: 1 } },
      { items: [{ price, quantity: 3 }], duration: { interval: 'month', interval_count: 1 } },
    ],
  });
  const count = async () => (await stripe.events.list({ limit: 100 })).data.length;
  const events = await count();
  const first = await stripe.invoices.createPreview({ schedule: schedule.id });
  assert.deepEqual([amounts(first), first.total, first.lines.data[0]!.period], [[6_200], 3_100, { start: day('2026-01-10'), end: day('2026-02-10') }]);
  assert.deepEqual([(await stripe.invoices.list({ customer: customer.id })).data.length, await count()], [0, events]);
  await kontor.advance(clock.id, day('2026-01-10T02:00'));
  const [billed] = (await stripe.invoices.list({ customer: customer.id })).data;
  assert.deepEqual([amounts(billed!), billed!.total], [amounts(first), first.total]);
  const second = await stripe.invoices.createPreview({ schedule: schedule.id, customer: customer.id });
  assert.deepEqual([amounts(second), second.total], [[9_300], 9_300]);
  await kontor.advance(clock.id, day('2026-02-10T02:00'));
  const [next] = (await stripe.invoices.list({ customer: customer.id, limit: 1 })).data;
  assert.deepEqual([amounts(next!), next!.total], [amounts(second), second.total]);
  await stripe.subscriptionSchedules.cancel(schedule.id);
  await assert.rejects(stripe.invoices.createPreview({ schedule: schedule.id }), (error: Stripe.errors.StripeError) => error.code === 'invoice_upcoming_none');
  await assert.rejects(stripe.invoices.createPreview({ schedule: 'sub_sched_none' }), (error: Stripe.errors.StripeError) => error.param === 'schedule');
  await assert.rejects(stripe.invoices.createPreview({ schedule: schedule.id, subscription: 'sub_none' }), (error: Stripe.errors.StripeError) => error.param === 'subscription');
});
