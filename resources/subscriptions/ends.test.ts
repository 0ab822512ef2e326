/** An end that is set: what it gives back of the periods that it cuts short. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { day } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { billsOf, customerAt, seatPrice } from '../../tests/shop.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const { id: monthly } = await seatPrice(stripe, 2_800);
const { id: yearly } = await seatPrice(stripe, 36_500, { recurring: { interval: 'year' } });

/** The bills of a subscription since 1 January 2026 that is changed at once, by 1 March. */
async function billed(more: Partial<Stripe.SubscriptionCreateParams>, change?: Stripe.SubscriptionUpdateParams) {
  const { clock, customer } = await customerAt(stripe, day('2026-01-01'));
  const { id } = await stripe.subscriptions.create({ customer, items: [{ price: monthly }], ...more });
  if (change) await stripe.subscriptions.update(id, change);
  await kontor.advance(clock, day('2026-03-01'));
  assert.equal((await stripe.subscriptions.retrieve(id)).status, 'canceled');
  return (await billsOf(stripe, customer)).map((bill) => bill.replace('paid subscription_', ''));
}

test('with `none` an end gives back nothing of the period in which it was asked for', async () => {
  const cancel_at = day('2026-01-15');
  assert.deepEqual(await billed({ cancel_at }), ['create 2800', 'cycle -1535']); // 17 of 31 days
  assert.deepEqual(await billed({ cancel_at, proration_behavior: 'none' }), ['create 2800']);
  assert.deepEqual(await billed({}, { cancel_at, proration_behavior: 'none' }), ['create 2800']);
  assert.deepEqual(await billed({ cancel_at, proration_behavior: 'none' }, { cancel_at }), ['create 2800', 'cycle -1535']);
});

test('what is charged for a later period is given back in any case', async () => {
  assert.deepEqual(await billed({ cancel_at: day('2026-02-15'), proration_behavior: 'none' }), ['create 2800', 'cycle 2800', 'cycle -1400']);
});

test('an end with the shortest period gives back the rest of the longer ones, unless it was asked for with `none`', async () => {
  const items = [{ price: monthly }, { price: yearly }];
  assert.deepEqual(await billed({ items, cancel_at_period_end: true }), ['create 2800 36500', 'cycle -33400']); // 334 of 365 days
  assert.deepEqual(await billed({ items, cancel_at: 'min_period_end' }), ['create 2800 36500', 'cycle -33400']);
  assert.deepEqual(await billed({ items }, { cancel_at_period_end: true, proration_behavior: 'none' }), ['create 2800 36500']);
});

test('an end that is asked for at the start is one that was asked for', async () => {
  const { customer } = await customerAt(stripe, day('2026-01-01'));
  const made = await stripe.subscriptions.create({ customer, items: [{ price: monthly }], cancel_at_period_end: true });
  assert.deepEqual([made.canceled_at, made.cancellation_details!.reason], [day('2026-01-01'), 'cancellation_requested']);
});
