/** What a schedule bills next, previewed by its name. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { day } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { own } from '../../tests/own.ts';
import { customerAt, seatPrice } from '../../tests/shop.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

const amounts = ({ lines }: Stripe.Invoice): number[] => lines.data.map((line) => line.amount);

test('a schedule is previewed before it begins, while it runs, and not once it is over', async () => {
  const { clock, customer } = await customerAt(stripe, day('2026-01-01'));
  const price = (await seatPrice(stripe, 3_100)).id;
  const coupon = await stripe.coupons.create({ percent_off: 50, duration: 'forever' });
  const schedule = await stripe.subscriptionSchedules.create({
    customer,
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
  assert.deepEqual([(await stripe.invoices.list({ customer })).data.length, await count()], [0, events]);
  await kontor.advance(clock, day('2026-01-10T02:00'));
  const [billed] = (await stripe.invoices.list({ customer })).data;
  assert.deepEqual([amounts(billed!), billed!.total], [amounts(first), first.total]);
  const second = await stripe.invoices.createPreview({ schedule: schedule.id, customer });
  assert.deepEqual([amounts(second), second.total], [[9_300], 9_300]);
  await kontor.advance(clock, day('2026-02-10T02:00'));
  const [next] = (await stripe.invoices.list({ customer, limit: 1 })).data;
  assert.deepEqual([amounts(next!), next!.total], [amounts(second), second.total]);
  await stripe.subscriptionSchedules.cancel(schedule.id);
  await assert.rejects(stripe.invoices.createPreview({ schedule: schedule.id }), (error: Stripe.errors.StripeError) => error.code === 'invoice_upcoming_none');
  await assert.rejects(stripe.invoices.createPreview({ schedule: 'sub_sched_none' }), (error: Stripe.errors.StripeError) => error.param === 'schedule');
  await assert.rejects(stripe.invoices.createPreview({ schedule: schedule.id, subscription: 'sub_none' }), (error: Stripe.errors.StripeError) => error.param === 'subscription');
});

type Phases = NonNullable<Stripe.InvoiceCreatePreviewParams.ScheduleDetails['phases']>;

/** A customer who pays by card, at the beginning of 2026, and the price of a seat. */
async function buyer() {
  const { clock, customer } = await customerAt(stripe, day('2026-01-01'));
  const price = (await seatPrice(stripe, 3_100)).id;
  const newest = async () => (await stripe.invoices.list({ customer, limit: 1 })).data[0]!;
  return { customer, price, newest, until: (to: string) => kontor.advance(clock, day(to)) };
}

/** What an invoice bills, for which times. */
const bill = ({ lines, subtotal, total, total_discount_amounts }: Stripe.Invoice) => ({ subtotal, total, discounts: total_discount_amounts!.map((each) => each.amount), lines: lines.data.map((line) => [line.amount, line.period]) });

test('a schedule that is not made yet is previewed as what it bills once it is made', async () => {
  const { customer, price, newest, until } = await buyer();
  const coupon = await stripe.coupons.create({ percent_off: 50, duration: 'forever' });
  const month = { interval: 'month' as const, interval_count: 1 };
  const phases = [{ items: [{ price, quantity: 2 }], discounts: [{ coupon: coupon.id }], duration: month }, { items: [{ price, quantity: 3 }], duration: month }];
  const [first, ...rest] = phases;
  const details = { phases: [{ ...first!, start_date: day('2026-01-10') }, ...rest] };
  const later = await stripe.invoices.createPreview({ customer, schedule_details: details });
  assert.deepEqual(bill(later), { subtotal: 6_200, total: 3_100, discounts: [3_100], lines: [[6_200, { start: day('2026-01-10'), end: day('2026-02-10') }]] });
  const explained = await own<{ agrees: boolean }>(stripe, 'POST', 'invoices/create_preview/explanation', { customer, schedule_details: details });
  assert.equal(explained.agrees, true);
  assert.deepEqual([(await stripe.subscriptionSchedules.list({ customer })).data, (await stripe.invoices.list({ customer })).data], [[], []]);
  const now = await stripe.invoices.createPreview({ customer, schedule_details: { phases: [...phases] } });
  const schedule = await stripe.subscriptionSchedules.create({ customer, start_date: day('2026-01-10'), phases });
  const changed = await stripe.invoices.createPreview({ schedule: schedule.id, schedule_details: { phases: [{ ...first!, items: [{ price, quantity: 4 }], start_date: day('2026-01-12') }] } });
  assert.deepEqual(bill(changed), { subtotal: 12_400, total: 6_200, discounts: [6_200], lines: [[12_400, { start: day('2026-01-12'), end: day('2026-02-12') }]] });
  await until('2026-01-10T02:00');
  assert.deepEqual(bill(await newest()), bill(later));
  assert.deepEqual([now.total, now.lines.data[0]!.period.start], [3_100, day('2026-01-01')]);
});

test('a change of a schedule that runs is previewed as what it bills, at once or next', async () => {
  const { customer, price, newest, until } = await buyer();
  const coupon = await stripe.coupons.create({ percent_off: 10, duration: 'forever' });
  const start_date = day('2026-01-01');
  const phase = (quantity: number, more: Partial<Phases[number]> = {}) => ({ items: [{ price, quantity }], discounts: [{ coupon: coupon.id }], end_date: day('2026-03-01'), ...more });
  const made = await stripe.subscriptionSchedules.create({ customer, start_date, billing_mode: { type: 'flexible', flexible: { proration_discounts: 'itemized' } }, phases: [{ items: [{ price, quantity: 2 }], discounts: [{ coupon: coupon.id }], end_date: day('2026-03-01') }] });
  const schedule = made.id;
  await until('2026-01-16');
  const preview = (phases: Phases, proration_behavior: 'always_invoice' | 'create_prorations' = 'create_prorations') => stripe.invoices.createPreview({ schedule, schedule_details: { phases, proration_behavior } });
  const renewal = { start: day('2026-02-01'), end: day('2026-03-01') };
  const rest = { start: day('2026-01-16'), end: day('2026-02-01') };
  // Of the phase that runs: 16 of 31 days of $62.00 back, and of $93.00.
  const atOnce = await preview([phase(3, { start_date })], 'always_invoice');
  assert.deepEqual(bill(atOnce), { subtotal: 1_600, total: 1_440, discounts: [160], lines: [[-3_200, rest], [4_800, rest]] });
  const waiting = await preview([phase(3, { start_date })]);
  assert.deepEqual(bill(waiting), { subtotal: 10_900, total: 9_810, discounts: [1_090], lines: [[-3_200, rest], [4_800, rest], [9_300, renewal]] });
  // Of one that comes with the renewal, and of nothing that is billed now.
  const next = await preview([phase(2, { start_date, end_date: day('2026-02-01') }), phase(5)]);
  assert.deepEqual(bill(next), { subtotal: 15_500, total: 13_950, discounts: [1_550], lines: [[15_500, renewal]] });
  assert.deepEqual(bill(await stripe.invoices.createPreview({ schedule, schedule_details: { end_behavior: 'cancel' } })), bill(await stripe.invoices.createPreview({ schedule })));
  assert.equal((await stripe.subscriptionSchedules.retrieve(schedule)).phases.length, 1);
  assert.equal((await stripe.invoices.list({ customer })).data.length, 1);

  await stripe.subscriptionSchedules.update(schedule, { phases: [phase(3, { start_date })], proration_behavior: 'create_prorations' });
  assert.deepEqual(bill(await stripe.invoices.createPreview({ schedule })), bill(waiting));
  await until('2026-02-01T02:00');
  assert.deepEqual(bill(await newest()), bill(waiting));
});

test('what cannot be previewed of a schedule is refused by its name', async () => {
  const { customer, price } = await buyer();
  const phases = [{ items: [{ price, quantity: 1 }] }];
  const schedule = (await stripe.subscriptionSchedules.create({ customer, start_date: 'now', phases })).id;
  for (const [given, param] of [
    [{ schedule_details: { phases } }, 'customer'],
    [{ customer, schedule_details: { end_behavior: 'cancel' } }, 'schedule_details[phases]'],
    [{ customer, schedule_details: { phases: [{ items: [{ price: 'price_none' }] }] } }, 'schedule_details[phases][0][items][0][price]'],
    [{ customer, schedule_details: { phases: [{ ...phases[0]!, start_date: day('2025-12-01') }] } }, 'schedule_details[phases][0][start_date]'],
    [{ schedule, schedule_details: { phases } }, 'schedule_details[phases][0][start_date]'],
    [{ schedule, schedule_details: { billing_mode: { type: 'classic' } } }, 'schedule_details[billing_mode][type]'],
    [{ subscription: 'sub_none', schedule_details: { phases } }, 'subscription'],
    [{ customer, subscription_details: { cancel_now: true }, schedule_details: { phases } }, 'subscription_details'],
  ] satisfies [Stripe.InvoiceCreatePreviewParams, string][]) {
    await assert.rejects(stripe.invoices.createPreview(given), (error: Stripe.errors.StripeError) => error.param === param, param);
  }
  await stripe.subscriptionSchedules.release(schedule);
  await assert.rejects(stripe.invoices.createPreview({ schedule, schedule_details: { phases } }), { message: `The schedule ${schedule} is released: it does nothing any more.` });
});
