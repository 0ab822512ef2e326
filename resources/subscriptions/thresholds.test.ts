import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { machineClock } from '../../server/clock.ts';
import { when } from '../../tests/awaited.ts';
import { DAY, FEBRUARY, START } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { explained } from '../../tests/own.ts';
import { customerAt, invoicesOf, meterOf, paysBy, report, seatPrice } from '../../tests/shop.ts';
import { listen, typesOf } from '../../tests/told.ts';

let ahead_ms = 0;

const kontor = await startKontor({ clock: machineClock(() => Date.now() + ahead_ms) });
after(() => kontor.close());
const { stripe } = kontor;
const meter = await meterOf(stripe, 'calls');
const recurring = { interval: 'month', usage_type: 'metered', meter: meter.id } as const;
const calls = (await stripe.prices.create({ currency: 'usd', unit_amount: 10, recurring, product_data: { name: 'Calls' } })).id;
const steps = (await stripe.prices.create({ currency: 'usd', billing_scheme: 'tiered', tiers_mode: 'volume', tiers: [{ up_to: 100, unit_amount: 10 }, { up_to: 'inf', unit_amount: 5 }], recurring, product_data: { name: 'Steps' } })).id;
const seat = (await seatPrice(stripe, 3_100)).id;

const onClock = () => customerAt(stripe, START);
const use = (customer: string, value: number, timestamp?: number) => report(stripe, 'calls', customer, value, timestamp);
const shown = (invoices: readonly Stripe.Invoice[]) => invoices.map((invoice) => [invoice.billing_reason, invoice.status, ...invoice.lines.data.map((line) => [line.amount, line.quantity])]);

/** What usage brings about is done by the worker, right after the usage is recorded. */
const settled = (customer: string, count: number): Promise<Stripe.Invoice[]> =>
  when(() => invoicesOf(stripe, customer), (found) => found.length >= count && found.every((invoice) => invoice.status === 'paid'), shown);

async function explains(invoices: readonly Stripe.Invoice[]): Promise<void> {
  for (const { id } of invoices) await explained(stripe, id);
}

test('usage that comes to the amount is billed and charged at once, and the rest of the period without it', async () => {
  const { clock, customer } = await onClock();
  const subscription = await stripe.subscriptions.create({ customer, items: [{ price: seat, quantity: 1 }, { price: calls }], billing_thresholds: { amount_gte: 500 } });
  assert.deepEqual(subscription.billing_thresholds, { amount_gte: 500, reset_billing_cycle_anchor: null });
  await use(customer, 49, START);
  await kontor.advance(clock, START + DAY);
  const heard = listen(kontor);
  await heard();
  await use(customer, 1);
  const [, early] = await settled(customer, 2);
  assert.deepEqual(typesOf(await heard()).filter((type) => type.startsWith('invoice') || type.startsWith('customer.')), ['customer.subscription.updated', 'invoice.created', 'invoice.finalized', 'invoice_payment.paid', 'invoice.updated', 'invoice.paid', 'invoice.payment_succeeded']);
  assert.deepEqual(shown([early!]), [['subscription_threshold', 'paid', [500, 50]]]);
  await kontor.advance(clock, START + 2 * DAY);
  await use(customer, 30);
  // Late by a day, but within the period: billed with what follows.
  await use(customer, 7, START + 5);
  await kontor.advance(clock, FEBRUARY + 2 * 3_600);
  const all = await invoicesOf(stripe, customer);
  assert.deepEqual(shown(all), [['subscription_create', 'paid', [3_100, 1]], ['subscription_threshold', 'paid', [500, 50]], ['subscription_cycle', 'paid', [3_100, 1], [370, 37]]]);
  await explains(all);
});

test('an amount is reached again by as much usage again, and a period never costs another sum for it', async () => {
  const { clock, customer } = await onClock();
  await stripe.subscriptions.create({ customer, items: [{ price: steps }], billing_thresholds: { amount_gte: 400 } });
  for (let n = 0; n < 12; n += 1) {
    await use(customer, 20);
    await kontor.advance(clock, START + (n + 1) * DAY);
  }
  await kontor.advance(clock, FEBRUARY + 2 * 3_600);
  const all = await invoicesOf(stripe, customer);
  // 40 and 80 at 10 each; from 101 on all cost 5, so that 240 cost 1,200: 160 reach 800, 240 reach 1,200.
  assert.deepEqual(shown(all).map(([reason, , line]) => [reason, line]), [
    ['subscription_threshold', [400, 40]], ['subscription_threshold', [400, 40]], ['subscription_threshold', [400, 160]], ['subscription_cycle', [0, 0]],
  ]);
  await explains(all);
});

test('an item reaches a quantity; with the anchor reset its period begins anew', async () => {
  const { clock, customer } = await onClock();
  const subscription = await stripe.subscriptions.create({
    customer, items: [{ price: seat, quantity: 1 }, { price: calls, billing_thresholds: { usage_gte: 100 } }], billing_thresholds: { reset_billing_cycle_anchor: true },
  });
  assert.deepEqual(subscription.items.data[1]!.billing_thresholds, { usage_gte: 100 });
  await kontor.advance(clock, START + 10 * DAY);
  await use(customer, 120);
  await kontor.advance(clock, START + 10 * DAY + 60);
  const { billing_cycle_anchor, items } = await stripe.subscriptions.retrieve(subscription.id);
  const reached = START + 10 * DAY + 1;
  assert.deepEqual([billing_cycle_anchor, items.data[1]!.current_period_start], [reached, reached]);
  const all = await invoicesOf(stripe, customer);
  // 21 days less a second of 31 are given back of the seat, which is then charged for a month.
  assert.deepEqual(shown(all).at(-1), ['subscription_threshold', 'paid', [-2_100, 1], [3_100, 1], [1_200, 120]]);
  await kontor.advance(clock, FEBRUARY);
  assert.equal((await invoicesOf(stripe, customer)).length, 2);
  await explains(all);
});

test('usage that comes a little after a threshold was billed is billed once: with the rest of the period', async () => {
  const { clock, customer } = await onClock();
  await stripe.subscriptions.create({ customer, items: [{ price: calls }], billing_thresholds: { amount_gte: 500 } });
  await kontor.advance(clock, START + DAY);
  await use(customer, 50);
  await settled(customer, 1);
  await use(customer, 3, START + DAY - 60);
  await kontor.advance(clock, START + DAY + 3_600);
  assert.deepEqual((await stripe.invoiceItems.list({ customer, pending: true })).data, []);
  await kontor.advance(clock, FEBRUARY + 2 * 3_600);
  const all = await invoicesOf(stripe, customer);
  assert.deepEqual(shown(all), [['subscription_threshold', 'paid', [500, 50]], ['subscription_cycle', 'paid', [30, 3]]]);
  await explains(all);
});

test('where a threshold ends the period, usage that comes late to it is put right', async () => {
  const { clock, customer } = await onClock();
  await stripe.subscriptions.create({ customer, items: [{ price: calls }], billing_thresholds: { amount_gte: 500, reset_billing_cycle_anchor: true } });
  await kontor.advance(clock, START + 10 * DAY);
  await use(customer, 50);
  await kontor.advance(clock, START + 10 * DAY + 3_600);
  assert.deepEqual(shown(await invoicesOf(stripe, customer)), [['subscription_threshold', 'paid', [500, 50]]]);
  await use(customer, 4, START + 5 * DAY);
  assert.deepEqual((await stripe.invoiceItems.list({ customer, pending: true })).data.map((item) => item.amount), [40]);
});

test('with nothing to charge, what is reached is billed all the same, and is open', async () => {
  const { clock, customer } = await onClock();
  const [{ id: card } = { id: '' }] = (await stripe.paymentMethods.list({ customer })).data;
  await stripe.subscriptions.create({ customer, items: [{ price: seat, quantity: 1 }, { price: calls, billing_thresholds: { usage_gte: 100 } }], billing_thresholds: { reset_billing_cycle_anchor: true } });
  await stripe.paymentMethods.detach(card);
  await kontor.advance(clock, START + DAY);
  await use(customer, 120, START + DAY);
  await kontor.advance(clock, START + 2 * DAY);
  const [, reached] = await invoicesOf(stripe, customer);
  assert.deepEqual([reached?.billing_reason, reached?.status, reached?.lines.data.some((line) => line.amount === 1_200)], ['subscription_threshold', 'open', true]);
});

test('many at once reach it once, in real time', async () => {
  const customer = (await stripe.customers.create(paysBy())).id;
  await stripe.subscriptions.create({ customer, items: [{ price: calls }], billing_thresholds: { amount_gte: 200 } });
  ahead_ms += 1_000;
  await Promise.all(Array.from({ length: 39 }, () => use(customer, 1)));
  const [early] = await settled(customer, 1);
  assert.equal(early!.billing_reason, 'subscription_threshold');
  const billed = early!.lines.data[0]!.quantity!;
  assert.ok(billed >= 20 && billed <= 39);
  assert.equal((await invoicesOf(stripe, customer)).length, 1);
});

test('a threshold that is set below what was used already is reached at once; an empty one is none', async () => {
  const { customer } = await onClock();
  const subscription = await stripe.subscriptions.create({ customer, items: [{ price: calls }] });
  await use(customer, 90);
  await stripe.subscriptions.update(subscription.id, { billing_thresholds: { amount_gte: 900 } });
  const found = await settled(customer, 1);
  assert.deepEqual(shown(found), [['subscription_threshold', 'paid', [900, 90]]]);
  assert.equal((await stripe.subscriptions.update(subscription.id, { billing_thresholds: '' })).billing_thresholds, null);
  const item = subscription.items.data[0]!.id;
  assert.deepEqual((await stripe.subscriptionItems.update(item, { billing_thresholds: { usage_gte: 7 } })).billing_thresholds, { usage_gte: 7 });
  assert.equal((await stripe.subscriptionItems.update(item, { billing_thresholds: '' })).billing_thresholds, null);
});

test('the phases of a schedule say thresholds, or its default settings do', async () => {
  const { clock, customer } = await onClock();
  const schedule = await stripe.subscriptionSchedules.create({
    customer, start_date: 'now', default_settings: { billing_thresholds: { amount_gte: 300 } },
    phases: [
      { items: [{ price: calls, billing_thresholds: { usage_gte: 1_000 } }], duration: { interval: 'month' } },
      { items: [{ price: calls }], duration: { interval: 'month' }, billing_thresholds: { amount_gte: 800 } },
    ],
  });
  assert.deepEqual([schedule.default_settings.billing_thresholds?.amount_gte, ...schedule.phases.map((phase) => [phase.billing_thresholds?.amount_gte ?? null, phase.items[0]!.billing_thresholds])], [300, [null, { usage_gte: 1_000 }], [800, null]]);
  const id = schedule.subscription as string;
  assert.equal((await stripe.subscriptions.retrieve(id)).billing_thresholds!.amount_gte, 300);
  await kontor.advance(clock, FEBRUARY + 3_600);
  const later = await stripe.subscriptions.retrieve(id);
  assert.deepEqual([later.billing_thresholds!.amount_gte, later.items.data[0]!.billing_thresholds], [800, null]);
});

test('thresholds that nothing can reach are refused by name', async () => {
  const { customer } = await onClock();
  const bad: [Stripe.SubscriptionCreateParams, string][] = [
    [{ customer, items: [{ price: seat, billing_thresholds: { usage_gte: 5 } }] }, 'items[0][billing_thresholds]'],
    [{ customer, items: [{ price: calls, billing_thresholds: { usage_gte: 0 } }] }, 'items[0][billing_thresholds][usage_gte]'],
    [{ customer, items: [{ price: calls }], billing_thresholds: { amount_gte: 0 } }, 'billing_thresholds[amount_gte]'],
  ];
  for (const [params, param] of bad) await assert.rejects(stripe.subscriptions.create(params), { statusCode: 400, param });
});

test('what was used while collection was paused is billed once that is over, and a flat amount for no usage is not billed early', async () => {
  const { clock, customer } = await onClock();
  const tiers: Stripe.PriceCreateParams.Tier[] = [{ up_to: 'inf', unit_amount: 10, flat_amount: 700 }];
  const meter = (await stripe.prices.retrieve(calls)).recurring!.meter!;
  const flat = await stripe.prices.create({ currency: 'usd', billing_scheme: 'tiered', tiers_mode: 'graduated', tiers, recurring: { interval: 'month', usage_type: 'metered', meter }, product_data: { name: 'Flat' } });
  const subscription = await stripe.subscriptions.create({ customer, items: [{ price: flat.id }], billing_thresholds: { amount_gte: 500 } });
  await kontor.advance(clock, START + DAY);
  await stripe.subscriptions.update(subscription.id, { pause_collection: { behavior: 'void', resumes_at: START + 3 * DAY } });
  assert.deepEqual(await invoicesOf(stripe, customer), []);
  await use(customer, 30);
  await kontor.advance(clock, START + 2 * DAY);
  assert.deepEqual(await invoicesOf(stripe, customer), []);
  await kontor.advance(clock, START + 3 * DAY);
  assert.deepEqual(shown(await settled(customer, 1)), [['subscription_threshold', 'paid', [1_000, 30]]]);
});
