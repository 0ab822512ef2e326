import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { machineClock } from '../../server/clock.ts';
import { runDueTimers } from '../../server/timers.ts';
import { startKontor } from '../../tests/kontor.ts';
import { meteredPrice, meterOf, paysBy, report } from '../../tests/shop.ts';

/** Real time that only the test moves, and a worker that it calls. */
let now = Date.UTC(2026, 0, 1) / 1_000;

const kontor = await startKontor({ works: false, clock: machineClock(() => now * 1_000) });
after(() => kontor.close());
const { stripe } = kontor;
const { id: meter } = await meterOf(stripe, 'calls');
const price = (await meteredPrice(stripe, meter, 10)).id;

/** Usage second by second while no worker looks, from ten seconds after the start on; then one looks. Returns what thresholds have billed, and since when the period lasts. */
async function used(billing_thresholds: Stripe.SubscriptionCreateParams['billing_thresholds'], each: readonly (readonly [value: number, ahead?: number])[]) {
  const { id: customer } = await stripe.customers.create(paysBy());
  const { id } = await stripe.subscriptions.create({ customer, items: [{ price }], billing_thresholds });
  const first = (now += 10);
  for (const [value, ahead = 0] of each) {
    await report(stripe, 'calls', customer, value, now + ahead);
    now += 1;
  }
  now += 120;
  while (await runDueTimers(kontor.app));
  const invoices = (await stripe.invoices.list({ subscription: id })).data.toReversed();
  const { items: { data: [item] } } = await stripe.subscriptions.retrieve(id);
  return {
    billed: invoices.map(({ billing_reason, created, lines: { data: [line] } }) => [billing_reason, created - first, line!.period.end - first, line!.amount]),
    since: item!.current_period_start - first,
    unbilled: (await stripe.invoices.createPreview({ subscription: id })).lines.data[0]!.amount,
  };
}

const resets = { amount_gte: 500, reset_billing_cycle_anchor: true };

test('the periods begin anew one second after the usage that reached it, whatever comes before anybody looks', async () => {
  assert.deepEqual(await used(resets, [[60], [5], [7]]), { billed: [['subscription_threshold', 1, 1, 600]], since: 1, unbilled: 120 });
});

test('usage that reaches it while an earlier look is due is looked at in its own second', async () => {
  assert.deepEqual(await used(resets, [[5], [60], [7]]), { billed: [['subscription_threshold', 2, 2, 650]], since: 2, unbilled: 70 });
  assert.deepEqual(await used(resets, [[60], [1], [60], [2]]), { billed: [['subscription_threshold', 1, 1, 600], ['subscription_threshold', 3, 3, 610]], since: 3, unbilled: 20 });
});

test('usage that is reported a little ahead of its time reaches it when that has come', async () => {
  assert.deepEqual(await used(resets, [[60, 40]]), { billed: [['subscription_threshold', 41, 41, 600]], since: 41, unbilled: 0 });
  assert.deepEqual((await used({ amount_gte: 500 }, [[60, 40]])).billed, [['subscription_threshold', 40, 41, 600]]);
});

test('where the period goes on, the second in which it is reached counts, and the next one does not', async () => {
  assert.deepEqual((await used({ amount_gte: 500 }, [[60], [5], [7]])).billed, [['subscription_threshold', 0, 1, 600]]);
  assert.deepEqual((await used({ amount_gte: 500 }, [[5], [60], [7], [50]])).billed, [['subscription_threshold', 1, 2, 650], ['subscription_threshold', 3, 4, 570]]);
});
