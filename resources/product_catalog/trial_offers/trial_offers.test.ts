import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { day } from '../../../tests/days.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { explainedBills } from '../../../tests/own.ts';
import { customerAt } from '../../../tests/shop.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const price = async (unit_amount: number, interval: 'week' | 'month', name: string) => (await stripe.prices.create({ currency: 'usd', unit_amount, recurring: { interval }, product_data: { name } })).id;
const weekly = await price(100, 'week', 'Assistant on trial');
const monthly = await price(3_100, 'month', 'Assistant');
const seat = await price(6_200, 'month', 'Seat');

const offer = (iterations = 2, price = weekly) => stripe.productCatalog.trialOffers.create({ price, duration: { type: 'relative', relative: { iterations } }, end_behavior: { transition: { price: monthly } }, nickname: 'Two weeks' });

async function live(items: Stripe.SubscriptionCreateParams.Item[], more: Partial<Stripe.SubscriptionCreateParams> = {}) {
  const { clock, customer } = await customerAt(stripe, day('2026-01-01'));
  const made = await stripe.subscriptions.create({ customer, items, ...more });
  return {
    id: made.id,
    made,
    customer,
    until: (to: string) => kontor.advance(clock, day(to)),
    now: () => stripe.subscriptions.retrieve(made.id),
    bills: () => explainedBills(stripe, customer),
  };
}

test('an offer is made, listed, and archived', async () => {
  const made = await offer();
  const { id, ...shown } = made;
  assert.match(id, /^trof_/);
  assert.deepEqual({ ...shown, lastResponse: undefined }, {
    object: 'product_catalog.trial_offer', active: true, duration: { relative: { iterations: 2 }, type: 'relative' }, end_behavior: { transition: { price: monthly }, type: 'transition' }, livemode: false, nickname: 'Two weeks', price: weekly,
    lastResponse: undefined,
  });
  assert.deepEqual((await stripe.productCatalog.trialOffers.list({ prices: [weekly] })).data.map((each) => each.id), [id]);
  assert.deepEqual((await stripe.productCatalog.trialOffers.list({ prices: [monthly] })).data, []);
  const { price, active } = await stripe.productCatalog.trialOffers.retrieve(id, { expand: ['price'] });
  assert.deepEqual([(price as Stripe.Price).unit_amount, active], [100, true]);
  assert.equal((await stripe.productCatalog.trialOffers.update(id, { active: false })).active, false);
  assert.deepEqual((await stripe.productCatalog.trialOffers.list({ active: false })).data.map((each) => each.id), [id]);
  await assert.rejects(live([{ current_trial: { trial_offer: id } }]), (error: Stripe.errors.StripeError) => error.param === 'items[0][current_trial][trial_offer]');
});

test('what an offer asks wrongly is refused by name', async () => {
  const once = (await stripe.prices.create({ currency: 'usd', unit_amount: 100, product_data: { name: 'Once' } })).id;
  const euros = (await stripe.prices.create({ currency: 'eur', unit_amount: 100, recurring: { interval: 'month' }, product_data: { name: 'Euros' } })).id;
  const ask = (price: string, transition: string) => stripe.productCatalog.trialOffers.create({ price, duration: { type: 'relative', relative: { iterations: 1 } }, end_behavior: { transition: { price: transition } } });
  const wrong: [() => Promise<unknown>, string][] = [
    [() => ask('price_none', monthly), 'price'],
    [() => ask(once, monthly), 'price'],
    [() => ask(weekly, 'price_none'), 'end_behavior[transition][price]'],
    [() => ask(weekly, euros), 'end_behavior[transition][price]'],
    [() => ask(weekly, weekly), 'end_behavior[transition][price]'],
    [() => stripe.productCatalog.trialOffers.create({ price: weekly, duration: { type: 'relative' }, end_behavior: { transition: { price: monthly } } }), 'duration[relative][iterations]'],
  ];
  for (const [asks, param] of wrong) await assert.rejects(asks(), (error: Stripe.errors.StripeError) => error.statusCode === 400 && error.param === param, param);
});

test('two paid weeks on trial, then the month begins', async () => {
  const { id: trial_offer } = await offer();
  const life = await live([{ current_trial: { trial_offer }, quantity: 2 }]);
  const [item] = life.made.items.data;
  assert.deepEqual([item!.price.id, item!.current_trial, item!.current_period_end], [weekly, { trial_offer, start_date: day('2026-01-01'), end_date: day('2026-01-15') }, day('2026-01-08')]);
  await life.until('2026-01-15T02:00');
  const { billing_cycle_anchor, items } = await life.now();
  assert.deepEqual([billing_cycle_anchor, items.data[0]!.price.id, items.data[0]!.quantity, items.data[0]!.current_trial, items.data[0]!.current_period_end], [day('2026-01-15'), monthly, 2, null, day('2026-02-15')]);
  await life.until('2026-02-15T02:00');
  assert.deepEqual(await life.bills(), ['200', '200', '6200', '6200']);
});

test('beside another item its end moves the anchor, or leaves it alone', async () => {
  const { id: trial_offer } = await offer();
  const moved = await live([{ price: seat }, { current_trial: { trial_offer } }]);
  await moved.until('2026-01-15T02:00');
  assert.deepEqual(await moved.bills(), ['6200 100', '100', '-3400 6200 3100']); // 17 of 31 days of the seat back; both for a month from the 15th on
  assert.equal((await moved.now()).billing_cycle_anchor, day('2026-01-15'));
  const left = await live([{ price: seat }, { current_trial: { trial_offer } }], { trial_settings: { end_behavior: { billing_cycle_anchor: 'unchanged' } } });
  await left.until('2026-02-01T02:00');
  assert.deepEqual(await left.bills(), ['6200 100', '100', '1700', '6200 3100']); // 17 of 31 days, then both
});

test('an item goes into an offer in mid-period, and out of it where its price is changed', async () => {
  const { id: trial_offer } = await offer(1, seat);
  const life = await live([{ price: monthly }]);
  const [item] = life.made.items.data;
  await assert.rejects(stripe.subscriptions.update(life.id, { items: [{ id: item!.id, price: weekly, current_trial: { trial_offer } }] }), (error: Stripe.errors.StripeError) => error.param === 'items[0][current_trial][trial_offer]');
  await life.until('2026-01-16');
  const changed = await stripe.subscriptions.update(life.id, { items: [{ id: item!.id, current_trial: { trial_offer } }], proration_behavior: 'always_invoice' });
  assert.deepEqual([changed.items.data[0]!.price.id, changed.items.data[0]!.current_trial!.end_date], [seat, day('2026-02-01')]);
  await life.until('2026-02-01T02:00');
  assert.deepEqual(await life.bills(), ['3100', '-1600 3200', '3100']); // 16 of 31 days
  const again = await live([{ current_trial: { trial_offer: (await offer()).id } }]);
  const out = await stripe.subscriptions.update(again.id, { items: [{ id: again.made.items.data[0]!.id, price: seat }] });
  assert.deepEqual([out.items.data[0]!.price.id, out.items.data[0]!.current_trial], [seat, null]);
});
