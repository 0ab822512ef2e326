/** Each unit of usage has the price of its moment, however the price changes and whatever is prorated. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { until } from '../../tests/awaited.ts';
import { DAY, FEBRUARY, START } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { own } from '../../tests/own.ts';
import { meterOf, paysBy, report } from '../../tests/shop.ts';

const MARCH = Date.UTC(2026, 2, 1) / 1_000;
/** When the price changes. */
const T = START + 15 * DAY;

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const meter = (await meterOf(stripe, 'calls')).id;

const priceOf = async (unit_amount: number, metered = true) =>
  (await stripe.prices.create({ currency: 'usd', unit_amount, recurring: { interval: 'month', ...(metered && { usage_type: 'metered', meter }) }, product_data: { name: metered ? 'Calls' : 'Seat' } })).id;

type Prices = { old: string; dear: string; seat: string };

/** What the change is, and the price from it on, 0 being none. `first` is the price before, where it is not the old one; `early`: it is asked for at the start. */
type Change = { name: string; first?: (prices: Prices) => string; early?: boolean; later: number; change(subscription: Stripe.Subscription, prices: Prices, behavior: Stripe.SubscriptionUpdateParams.ProrationBehavior): Promise<unknown> };

const BEHAVIORS = ['create_prorations', 'always_invoice', 'none'] as const;
const item = (subscription: Stripe.Subscription) => subscription.items.data[0]!.id;
const ask = (method: string, path: string, body?: object) => own<{ id: string; status: string }>(stripe, method, `price_moves${path}`, body);

/** A plan is applied by the worker. */
async function move(prices: Prices, how: object): Promise<void> {
  const { id } = await ask('POST', '', { from_price: prices.old, to_price: prices.dear, ...how });
  await ask('POST', `/${id}/apply`, {});
  await until(async () => (await ask('GET', `/${id}`)).status !== 'applying');
}

const CHANGES: Change[] = [
  { name: 'another price', later: 20, change: (subscription, { dear }, proration_behavior) => stripe.subscriptions.update(subscription.id, { items: [{ id: item(subscription), price: dear }], proration_behavior }) },
  { name: 'another price and back', later: 10, change: async (subscription, { old, dear }, proration_behavior) => {
    for (const price of [dear, old]) await stripe.subscriptions.update(subscription.id, { items: [{ id: item(subscription), price }], proration_behavior });
  } },
  { name: 'an item that goes', later: 0, change: (subscription, { seat }, proration_behavior) => stripe.subscriptions.update(subscription.id, { items: [{ id: item(subscription), deleted: true }, { price: seat }], proration_behavior }) },
  { name: 'a licensed price instead', later: 0, change: (subscription, { seat }, proration_behavior) => stripe.subscriptions.update(subscription.id, { items: [{ id: item(subscription), price: seat }], proration_behavior }) },
  { name: 'a metered price instead of a licensed one', first: ({ seat }) => seat, later: 20, change: (subscription, { dear }, proration_behavior) => stripe.subscriptions.update(subscription.id, { items: [{ id: item(subscription), price: dear }], proration_behavior }) },
  { name: 'periods that begin anew', later: 20, change: (subscription, { dear }, proration_behavior) => stripe.subscriptions.update(subscription.id, { items: [{ id: item(subscription), price: dear }], proration_behavior, billing_cycle_anchor: { type: 'now' } }) },
  { name: 'a phase that begins', later: 20, early: true, change: async (subscription, { old, dear }, proration_behavior) => {
    const schedule = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
    await stripe.subscriptionSchedules.update(schedule.id, { phases: [{ start_date: START, end_date: T, items: [{ price: old }] }, { start_date: T, items: [{ price: dear }], duration: { interval: 'month', interval_count: 3 }, proration_behavior }] });
  } },
];

/** A customer who uses, on a clock that others live on, too. */
async function begin(clock: string, prices: Prices, first: string) {
  const { id: customer } = await stripe.customers.create({ test_clock: clock, ...paysBy() });
  const subscription = await stripe.subscriptions.create({ customer, items: [{ price: first }] });
  const used: { at: number; value: number }[] = [];
  return {
    subscription, used,
    use: async (value: number, at: number) => {
      used.push({ at, value });
      await report(stripe, 'calls', customer, value, at);
    },
    /** What was billed for usage in all. */
    billed: async () => {
      const usage = new Set([prices.old, prices.dear]);
      const lines = (await stripe.invoices.list({ customer, limit: 100 })).data.flatMap((invoice) => invoice.lines.data);
      return lines.filter((line) => usage.has((line.pricing?.price_details?.price as string | undefined) ?? '')).reduce((sum, line) => sum + line.amount, 0);
    },
  };
}

type Life = { name: string; prices: Prices; first?: string; early?: boolean; change(subscription: Stripe.Subscription): Promise<unknown>; priceAt(at: number): number };

/** All use around the change, at its very moment and late, until everything is billed: what was, by name, and what each event costs at the price of its moment. */
async function liveThrough(all: readonly Life[]) {
  const { id: clock } = await stripe.testHelpers.testClocks.create({ frozen_time: START });
  const lives = await Promise.all(all.map(async (each) => ({ ...each, ...(await begin(clock, each.prices, each.first ?? each.prices.old)) })));
  const together = (does: (life: (typeof lives)[number]) => Promise<unknown>) => Promise.all(lives.map(does));
  await together(async (life) => life.early && life.change(life.subscription));
  await together(({ use }) => use(3, START));
  await kontor.advance(clock, T);
  await together(async ({ use }) => Promise.all([use(5, T - DAY), use(7, T - 1)]));
  await together(async (life) => life.early || life.change(life.subscription));
  await together(({ use }) => use(11, T));
  await kontor.advance(clock, FEBRUARY - 1);
  await together(async ({ use }) => Promise.all([use(13, T + DAY), use(17, T - 2 * DAY)]));
  await kontor.advance(clock, FEBRUARY + DAY);
  await together(({ use }) => use(19, FEBRUARY + 5));
  await kontor.advance(clock, MARCH + 16 * DAY);
  const billed = await together(async (life) => [life.name, await life.billed()]);
  return { billed, owed: lives.map(({ name, used, priceAt }) => [name, used.reduce((sum, { at, value }) => sum + value * priceAt(at), 0)]) };
}

const newPrices = async (): Promise<Prices> => ({ old: await priceOf(10), dear: await priceOf(20), seat: await priceOf(3_000, false) });

for (const behavior of BEHAVIORS) {
  test(`with ${behavior}, usage has the price of its moment across every change`, async () => {
    const lives = await Promise.all(CHANGES.map(async ({ name, first, later, early, change }): Promise<Life> => {
      const prices = await newPrices();
      return { name, prices, early, first: first?.(prices), change: (subscription) => change(subscription, prices, behavior), priceAt: (at) => (at >= T ? later : first ? 0 : 10) };
    }));
    const { billed, owed } = await liveThrough(lives);
    assert.deepEqual(billed, owed);
  });
}

test('usage has the price of its moment where a plan moves the price', async () => {
  const moves = [[{ when: 'now', proration_behavior: 'none' }, T], [{ when: 'now', proration_behavior: 'always_invoice' }, T], [{ when: 'period_end' }, FEBRUARY]] as const;
  const lives = await Promise.all(moves.map(async ([how, turn]): Promise<Life> => {
    const prices = await newPrices();
    return { name: Object.values(how).join(', '), prices, change: ({ id }) => move(prices, { ...how, subscriptions: [id] }), priceAt: (at) => (at < turn ? 10 : 20) };
  }));
  const { billed, owed } = await liveThrough(lives);
  assert.deepEqual(billed, owed);
});
