/** Moves that wait for the end of each period; whom a plan leaves out, and why; and that what a dry run says of a set is what is billed. */
import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import type Stripe from 'stripe';
import { machineClock } from '../../../server/clock.ts';
import type { TimerCommand } from '../../../server/context.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { MONTH, moving, type Entry, type Move } from '../../../tests/price_moves.ts';
import { untyped } from '../../../tests/refused.ts';
import { meterOf, report } from '../../../tests/shop.ts';

const at = (text: string) => Date.parse(`${text}Z`);
const [START, MIDDLE, FEBRUARY, MARCH] = [at('2026-01-01T00:00'), at('2026-01-16T12:00'), at('2026-02-01T00:00'), at('2026-03-01T00:00')];
const HOUR = 3_600_000;

let now = START;

const kontor = await startKontor({ clock: machineClock(() => now), works: false });
after(() => kontor.close());
const { stripe } = kontor;
const meter = (await meterOf(stripe, 'calls')).id;
beforeEach(() => { now = START; });

const { ask, plan, look, run, price, customer, subscribe, ...moves } = moving(kontor);
const until = async (moment: number) => { now = moment; await run(); };
const entriesOf = async (move: Move) => new Map((await moves.entriesOf(move)).map((entry) => [entry.subscription, entry]));
const begin = async (move: Move) => { await moves.begin(move); await run(); };

const perCall = (unit_amount: number) => price(unit_amount, { recurring: { ...MONTH, usage_type: 'metered', meter } });
const use = (of: Stripe.Subscription, value: number) => report(stripe, 'calls', of.customer as string, value);
const totals = async (of: Stripe.Subscription) => (await stripe.invoices.list({ subscription: of.id, limit: 100 })).data.map((invoice) => invoice.total).reverse();
const priceOf = async (of: Stripe.Subscription) => (await stripe.subscriptions.retrieve(of.id)).items.data[0]!.price.id;

test('until its period ends a subscription keeps its price, then it has the new one', async () => {
  const [old, next] = [await price(1_000), await price(1_500)];
  const made = await subscribe(old);
  now = MIDDLE;
  const move = await plan({ from_price: old.id, to_price: next.id, when: 'period_end' });
  assert.deepEqual([move.status, move.when, move.proration_behavior], ['draft', 'period_end', 'none']);
  const { state, amount_now, next_amount_before, next_amount_after, next_at_after, effective_at } = (await entriesOf(move)).get(made.id)!;
  assert.deepEqual([state, amount_now, next_amount_before, next_amount_after, next_at_after, effective_at], ['pending', 0, 2_000, 3_000, FEBRUARY / 1_000, FEBRUARY / 1_000]);
  await begin(move);
  assert.deepEqual((await look(move)).progress, { pending: 0, scheduled: 1, applied: 0, skipped: 0, failed: 0 });
  assert.deepEqual([await priceOf(made), (await stripe.invoices.createPreview({ subscription: made.id })).total], [old.id, 3_000]);
  const { data: [subscriber] } = await ask<{ data: { next_price: string }[] }>('GET', `prices/${old.id}/subscribers`);
  assert.equal(subscriber!.next_price, next.id);
  // More seats in the meantime are sold at the price that it has, and the plan stays.
  await stripe.subscriptions.update(made.id, { items: [{ id: made.items.data[0]!.id, quantity: 4 }], proration_behavior: 'none' });
  await until(FEBRUARY);
  assert.deepEqual([await totals(made), await priceOf(made)], [[2_000, 6_000], next.id]);
  const applied = (await entriesOf(move)).get(made.id)!;
  assert.deepEqual([applied.state, applied.applied_at, (await look(move)).progress.applied], ['applied', FEBRUARY / 1_000, 1]);
  await until(MARCH);
  assert.deepEqual(await totals(made), [2_000, 6_000, 6_000]);
});

test('what was used is billed at the price of its period, also what is reported while the draft waits', async () => {
  const [old, next, flat] = [await perCall(10), await perCall(20), await price(5_000)];
  const [calls, flatrate] = [await subscribe(old), await subscribe(old)];
  await use(calls, 7);
  now = MIDDLE;
  const moves = [await plan({ from_price: old.id, to_price: next.id, when: 'period_end', subscriptions: [calls.id] }), await plan({ from_price: old.id, to_price: flat.id, when: 'period_end', subscriptions: [flatrate.id] })];
  for (const move of moves) await begin(move);
  for (const each of [calls, flatrate]) await use(each, 5);
  await until(FEBRUARY);
  await stripe.billing.meterEvents.create({ event_name: 'calls', timestamp: FEBRUARY / 1_000 - 60, payload: { stripe_customer_id: calls.customer as string, value: '1' } });
  await until(FEBRUARY + 2 * HOUR);
  await use(calls, 3);
  await until(MARCH + 2 * HOUR);
  // 13 calls at 10 cents, then 3 at 20; 5 calls at 10 cents and a month in advance, then another one.
  assert.deepEqual([await totals(calls), await totals(flatrate)], [[130, 60], [50 + 5_000, 5_000]]);
});

test('a price that recurs otherwise begins anew where the period ends', async () => {
  const [old, next, addOn] = [await price(1_000), await price(10_000, { recurring: { interval: 'year' } }), await price(600, { recurring: { interval: 'month', interval_count: 2 } })];
  const [made, both] = [await subscribe(old), await subscribe(old, { items: [{ price: old.id }, { price: addOn.id }] })];
  now = MIDDLE;
  const move = await plan({ from_price: old.id, to_price: next.id, when: 'period_end' });
  const planned = await entriesOf(move);
  await begin(move);
  await until(FEBRUARY);
  // Two seats for a year. And a seat for a year with the add-on anew, of whose 59 days 28 are given back: 600 × 28 ÷ 59 = 284.7.
  assert.deepEqual([await totals(made), await totals(both)], [[2_000, 20_000], [1_600, 10_000 + 600 - 285]]);
  assert.deepEqual([planned.get(made.id)!.next_amount_after, planned.get(both.id)!.next_amount_after], [20_000, 10_315]);
  const { items, billing_cycle_anchor } = await stripe.subscriptions.retrieve(made.id);
  assert.deepEqual([items.data[0]!.current_period_end, billing_cycle_anchor], [at('2027-02-01T00:00') / 1_000, FEBRUARY / 1_000]);
  assert.deepEqual((await look(move)).progress, { pending: 0, scheduled: 0, applied: 2, skipped: 0, failed: 0 });
});

test('whoever names a price, ends a subscription or cancels the plan before the period is over has the last word', async () => {
  const [old, next, third] = [await price(1_000), await price(1_500), await price(1_100)];
  const made: Record<string, Stripe.Subscription> = {};
  for (const name of ['stays', 'elsewhere', 'ended', 'canceled']) made[name] = await subscribe(old);
  made['removed'] = await subscribe(old, { items: [{ price: old.id }, { price: third.id }] });
  now = MIDDLE;
  const ids = (...names: string[]) => names.map((name) => made[name]!.id);
  const move = await plan({ from_price: old.id, to_price: next.id, when: 'period_end', subscriptions: ids('stays', 'elsewhere', 'ended', 'removed') });
  const off = await plan({ from_price: old.id, to_price: next.id, when: 'period_end', subscriptions: ids('canceled') });
  for (const each of [move, off]) await begin(each);
  const again = (await entriesOf(await plan({ from_price: old.id, to_price: third.id, when: 'period_end', subscriptions: ids('stays') }))).get(made['stays']!.id)!;
  assert.deepEqual([again.state, again.reason], ['skipped', `By the price move ${move.id} it goes to the price ${next.id} when its period ends. Cancel that move first.`]);
  await assert.rejects(stripe.subscriptions.update(made['stays']!.id, { items: [{ price: next.id }] }), { param: 'items[0][price]', message: /Two items would have the price/ });
  const item = (name: string) => made[name]!.items.data[0]!.id;
  await stripe.subscriptions.update(made['stays']!.id, { items: [{ id: item('stays'), price: old.id }] });
  await stripe.subscriptions.update(made['elsewhere']!.id, { items: [{ id: item('elsewhere'), price: third.id }], proration_behavior: 'none' });
  await stripe.subscriptions.update(made['removed']!.id, { items: [{ id: item('removed'), deleted: true }], proration_behavior: 'none' });
  await stripe.subscriptions.cancel(made['ended']!.id);
  assert.deepEqual((await ask<Move>('POST', `price_moves/${off.id}/cancel`)).progress, { pending: 0, scheduled: 1, applied: 0, skipped: 0, failed: 0 });
  await assert.rejects(ask('POST', `price_moves/${move.id}/cancel`), { statusCode: 400 });
  await until(FEBRUARY);
  const [changed, ended] = ['Its price was changed before its period ended.', 'It ended, or its item was removed, before its period ended.'];
  const reasons = await entriesOf(move);
  assert.deepEqual(ids('stays', 'elsewhere', 'ended', 'removed').map((id) => reasons.get(id)!.reason), [changed, changed, ended, ended]);
  assert.deepEqual([await totals(made['stays']!), await totals(made['elsewhere']!), await totals(made['canceled']!)], [[2_000, 2_000], [2_000, 2_200], [2_000, 2_000]]);
});

test('a plan that is killed on its way, and a renewal that is, move each subscription once', async () => {
  const [old, next] = [await price(1_000), await price(1_500)];
  const made = await Promise.all(Array.from({ length: 8 }, () => subscribe(old)));
  now = MIDDLE;
  const move = await plan({ from_price: old.id, to_price: next.id, when: 'period_end' });
  const { timers } = kontor.app.register;
  const { log } = kontor.app;
  const said = log.error;
  log.error = () => undefined; // What the killed ones would say.
  /** Dies once when all of it is written and nothing is committed. */
  const dying = async (kind: string, work: () => Promise<void>) => {
    const whole = timers.get(kind)!;
    let lives = 0;
    timers.set(kind, (async (ctx, due) => {
      await whole(ctx, due);
      if ((lives += 1) === 1) throw new Error('killed');
    }) satisfies TimerCommand);
    await work();
    timers.set(kind, whole);
    now += 10 * 60_000;
    await run();
  };
  await dying('price_move.apply', () => begin(move));
  assert.deepEqual((await look(move)).progress, { pending: 0, scheduled: 8, applied: 0, skipped: 0, failed: 0 });
  await dying('subscription.renew', () => until(FEBRUARY));
  log.error = said;
  assert.deepEqual((await look(move)).progress, { pending: 0, scheduled: 0, applied: 8, skipped: 0, failed: 0 });
  for (const each of made) assert.deepEqual(await totals(each), [2_000, 3_000]);
});

test('whom a plan takes along, and whom it leaves out with a reason that stands in the dry run', async () => {
  const [old, next] = [await price(1_000), await price(1_500)];
  const made: Record<string, Stripe.Subscription> = {};
  made['active'] = await subscribe(old);
  made['trialing'] = await subscribe(old, { trial_period_days: 60 });
  made['late'] = await subscribe(old, {}, (await customer()).id);
  made['uncollected'] = await subscribe(old);
  await stripe.subscriptions.update(made['uncollected'].id, { pause_collection: { behavior: 'void' } });
  made['ends later'] = await subscribe(old, { cancel_at: at('2026-05-01T00:00') / 1_000 });
  made['paused'] = await subscribe(old);
  await stripe.subscriptions.pause(made['paused'].id);
  const card = await stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer: made['late'].customer as string });
  await stripe.customers.update(made['late'].customer as string, { invoice_settings: { default_payment_method: card.id } });
  await until(FEBRUARY + 2 * HOUR);
  made['scheduled'] = await subscribe(old);
  const schedule = await stripe.subscriptionSchedules.create({ from_subscription: made['scheduled'].id });
  made['incomplete'] = await subscribe(old, { payment_behavior: 'default_incomplete' });
  made['waiting'] = await subscribe(old);
  const declined = await stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer: made['waiting'].customer as string });
  await stripe.customers.update(made['waiting'].customer as string, { invoice_settings: { default_payment_method: declined.id } });
  const { latest_invoice } = await stripe.subscriptions.update(made['waiting'].id, { items: [{ id: made['waiting'].items.data[0]!.id, quantity: 5 }], proration_behavior: 'always_invoice', payment_behavior: 'pending_if_incomplete' });
  made['ending'] = await subscribe(old);
  await stripe.subscriptions.update(made['ending'].id, { cancel_at_period_end: true });
  assert.deepEqual([(await stripe.subscriptions.retrieve(made['late'].id)).status, (await stripe.subscriptions.retrieve(made['incomplete'].id)).status], ['past_due', 'incomplete']);
  const ids = Object.fromEntries(Object.entries(made).map(([name, { id }]) => [name, id]));
  const expected = {
    active: null, trialing: null, late: null, uncollected: null, 'ends later': null,
    ending: 'It ends before it would be renewed, so that it never bills the new price.',
    paused: 'It is paused, and bills nothing until it is resumed. Move it then.',
    scheduled: `Its schedule ${schedule.id} says which prices it has: change the schedule's phases, or release the subscription from it first.`,
    waiting: `A change of the subscription ${ids['waiting']} waits for the payment of its invoice ${latest_invoice}. Pay or void that first.`,
    incomplete: `The first payment of the subscription ${ids['incomplete']} is still awaited: pay its invoice, or cancel it and start another one.`,
  };
  for (const params of [{ proration_behavior: 'none' }, { when: 'period_end' }]) {
    const planned = await entriesOf(await plan({ from_price: old.id, to_price: next.id, subscriptions: Object.values(ids), ...params }));
    assert.deepEqual(Object.fromEntries(Object.entries(ids).map(([name, id]) => [name, planned.get(id)!.reason])), expected);
    const amounts = (name: string) => [planned.get(ids[name]!)!.next_amount_before, planned.get(ids[name]!)!.next_amount_after];
    assert.deepEqual([amounts('active'), amounts('trialing'), amounts('late'), amounts('uncollected')], [[2_000, 3_000], [2_000, 3_000], [2_000, 3_000], [2_000, 3_000]]);
  }
});

/** Numbers in `[0, below)` that are the same each time. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test('of a set of subscriptions that differ in everything, the dry run says to the cent what is billed to whom, now and next', async () => {
  const random = numbers(20_260_101);
  const rate = await stripe.taxRates.create({ display_name: 'VAT', percentage: 7.7, inclusive: false });
  const coupons = [await stripe.coupons.create({ percent_off: 12.5, duration: 'forever' }), await stripe.coupons.create({ amount_off: 333, currency: 'usd', duration: 'forever' })];
  const addOn = await price(777, { product_data: { name: 'Add-on' } });
  const tiers = (flat: number): Partial<Stripe.PriceCreateParams> => ({ unit_amount: untyped(undefined), billing_scheme: 'tiered', tiers_mode: 'graduated', tiers: [{ up_to: 3, unit_amount: 999 + flat }, { up_to: 'inf', unit_amount: 501, flat_amount: flat }] });
  const pairs = [[await price(1_001), await price(1_499)], [await price(0, tiers(0)), await price(0, tiers(77))], [await price(2_000), await price(19_999, { recurring: { interval: 'year' } })]] as const;
  for (const [old, next] of pairs) {
    now = START;
    const made: Stripe.Subscription[] = [];
    for (let n = 0; n < 12; n += 1) {
      now = START + random(10) * 24 * HOUR;
      const who = await customer({ ...(random(3) === 0 && { balance: -random(900) }) });
      const items = [{ price: old.id, quantity: 1 + random(9) }, ...(random(2) === 0 ? [{ price: addOn.id, quantity: 1 + random(3) }] : [])];
      made.push(await stripe.subscriptions.create({
        customer: who.id, items,
        ...(random(2) === 0 && { default_tax_rates: [rate.id] }),
        ...(random(2) === 0 && { discounts: [{ coupon: coupons[random(2)]!.id }] }),
        ...(random(5) === 0 && { trial_period_days: 20 + random(20) }),
        ...(random(4) === 0 && { collection_method: 'send_invoice', days_until_due: 14 }),
      }));
      if (random(3) === 0) await stripe.invoiceItems.create({ customer: who.id, subscription: made.at(-1)!.id, amount: 1 + random(500), currency: 'usd' });
    }
    now = MIDDLE;
    const ways = [{ when: 'period_end' }, { proration_behavior: 'none' }, { proration_behavior: 'create_prorations' }, { proration_behavior: 'always_invoice' }];
    const planned: Entry[] = [];
    for (const [n, way] of ways.entries()) {
      const move = await plan({ from_price: old.id, to_price: next.id, subscriptions: made.filter((_, m) => m % ways.length === n).map((each) => each.id), ...way });
      assert.equal(move.progress.pending, 3);
      planned.push(...(await entriesOf(move)).values());
      await begin(move);
      for (const { subscription, invoice } of (await entriesOf(move)).values()) {
        const { amount_now } = planned.find((entry) => entry.subscription === subscription)!;
        assert.equal(invoice === null ? 0 : (await stripe.invoices.retrieve(invoice)).total, amount_now, subscription);
      }
    }
    for (const entry of planned.sort((a, b) => a.next_at_after! - b.next_at_after!)) {
      await until(Math.max(now, entry.next_at_after! * 1_000));
      const [next_one] = (await stripe.invoices.list({ subscription: entry.subscription, limit: 1, created: { gte: entry.next_at_after! } })).data;
      assert.deepEqual([next_one!.created, next_one!.total], [entry.next_at_after, entry.next_amount_after], entry.subscription);
    }
  }
});
