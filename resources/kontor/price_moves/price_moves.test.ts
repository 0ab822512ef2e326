/** Subscriptions go from one generation of a price to the next: what the dry run says is what is billed, each moves once, and what has changed meanwhile is left alone. */
import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import type Stripe from 'stripe';
import { machineClock } from '../../../server/clock.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { MONTH, moving, type List } from '../../../tests/price_moves.ts';
import { untyped } from '../../../tests/refused.ts';
import { meterOf } from '../../../tests/shop.ts';
import { listen, typesOf } from '../../../tests/told.ts';

const START = Date.parse('2026-01-01T00:00:00Z');
const MIDDLE = Date.parse('2026-01-16T12:00:00Z');

let now = START;

const kontor = await startKontor({ clock: machineClock(() => now), works: false });
after(() => kontor.close());
const { stripe } = kontor;
beforeEach(() => { now = START; });

const { ask, plan, begin, stop, look, run, entriesOf, price, customer, subscribe } = moving(kontor);

const invoices = async (subscription: string) => (await stripe.invoices.list({ subscription, limit: 100 })).data;

test('a price that is archived stays with whoever has it, and is refused to everybody else', async () => {
  const old = await price(1_000);
  const made = await subscribe(old);
  await stripe.prices.update(old.id, { active: false });
  const inactive = { code: undefined, param: 'items[0][price]' };
  await assert.rejects(subscribe(old), inactive);
  const item = made.items.data[0]!.id;
  now = MIDDLE;
  const preview = await stripe.invoices.createPreview({ subscription: made.id, subscription_details: { items: [{ id: item, quantity: 3 }], proration_behavior: 'always_invoice' } });
  const changed = await stripe.subscriptions.update(made.id, { items: [{ id: item, quantity: 3 }], proration_behavior: 'always_invoice' });
  assert.equal(changed.items.data[0]!.quantity, 3);
  const [update] = await invoices(made.id);
  assert.equal(preview.total, update!.total);
  // Naming the price that the item has is no new sale.
  await stripe.subscriptions.update(made.id, { items: [{ id: item, price: old.id, quantity: 4 }], proration_behavior: 'none' });
  assert.equal((await stripe.invoices.createPreview({ subscription: made.id })).total, 4_000);
  now = Date.parse('2026-02-01T00:00:00Z');
  await run();
  assert.deepEqual((await invoices(made.id)).map((invoice) => invoice.subtotal).slice(0, 1), [4_000]);
  const other = await subscribe(await price(500));
  await assert.rejects(stripe.subscriptions.update(other.id, { items: [{ id: other.items.data[0]!.id, price: old.id }] }), inactive);
  await assert.rejects(stripe.subscriptions.update(other.id, { items: [{ price: old.id }] }), inactive);
});

test('a price has a list of its subscribers, with since when they have it', async () => {
  const [old, next] = [await price(1_000), await price(1_200)];
  const made = [await subscribe(old), await subscribe(old), await subscribe(old)];
  await stripe.subscriptions.cancel((await subscribe(old)).id);
  now = MIDDLE;
  await stripe.subscriptions.update(made[1]!.id, { items: [{ id: made[1]!.items.data[0]!.id, price: next.id }], proration_behavior: 'none' });
  const subscribers = (of: Stripe.Price, query = '') => ask<List<{ id: string; subscription: string; since: number; quantity: number; current_period_end: number }>>('GET', `prices/${of.id}/subscribers${query}`);
  const first = await subscribers(old, '?limit=1');
  assert.deepEqual([first.has_more, first.data.map((each) => [each.subscription, each.since, each.quantity])], [true, [[made[2]!.id, START / 1_000, 2]]]);
  const second = await subscribers(old, `?starting_after=${first.data[0]!.id}&expand[]=data.customer`);
  assert.deepEqual(second.data.map((each) => each.subscription), [made[0]!.id]);
  assert.deepEqual((second.data[0] as unknown as { customer: { object: string } }).customer.object, 'customer');
  assert.deepEqual((await subscribers(next)).data.map((each) => [each.subscription, each.since]), [[made[1]!.id, MIDDLE / 1_000]]);
});

/** What is told apart: the way of prorating, and what the subscriptions have. */
type Case = { name: string; behavior: string; old(): Promise<Stripe.Price>; next(): Promise<Stripe.Price>; more?(): Promise<Partial<Stripe.SubscriptionCreateParams>>; customer?: Stripe.CustomerCreateParams; use?: number };
const metered = async (unit_amount: number) => {
  const meter = (await stripe.billing.meters.list({ limit: 1 })).data[0] ?? (await meterOf(stripe, 'calls'));
  return price(unit_amount, { recurring: { ...MONTH, usage_type: 'metered', meter: meter.id } });
};
const inBoth = (usd: number, eur: number) => price(usd, { currency_options: { eur: { unit_amount: eur } } });
const CASES: Case[] = [
  { name: 'billed at once', behavior: 'always_invoice', old: () => price(1_000), next: () => price(1_500) },
  { name: 'cheaper, and the credit at once', behavior: 'always_invoice', old: () => price(1_500), next: () => price(1_000) },
  { name: 'with the next invoice', behavior: 'create_prorations', old: () => price(1_000), next: () => price(1_500) },
  { name: 'without proration', behavior: 'none', old: () => price(1_000), next: () => price(1_500) },
  { name: 'from a month to a year', behavior: 'create_prorations', old: () => price(1_000), next: () => price(10_000, { recurring: { interval: 'year' } }) },
  { name: 'another currency of both prices', behavior: 'always_invoice', old: () => inBoth(1_000, 900), next: () => inBoth(1_500, 1_350), more: async () => ({ currency: 'eur' }) },
  { name: 'a discount and tax', behavior: 'always_invoice', old: () => price(1_000), next: () => price(1_500), more: async () => ({
    discounts: [{ coupon: (await stripe.coupons.create({ percent_off: 25, duration: 'forever' })).id }],
    default_tax_rates: [(await stripe.taxRates.create({ display_name: 'VAT', percentage: 19, inclusive: false })).id],
  }) },
  { name: 'a trial', behavior: 'always_invoice', old: () => price(1_000), next: () => price(1_500), more: async () => ({ trial_period_days: 30 }) },
  { name: 'a metered price, billed until now', behavior: 'create_prorations', old: () => metered(10), next: () => metered(20), use: 7 },
  { name: 'a metered price without proration', behavior: 'none', old: () => metered(10), next: () => metered(20), use: 7 },
  { name: 'from metered to licensed', behavior: 'always_invoice', old: () => metered(10), next: () => price(5_000), use: 7 },
  { name: 'an invoice that is sent', behavior: 'always_invoice', old: () => price(1_000), next: () => price(1_500), more: async () => ({ collection_method: 'send_invoice', days_until_due: 30 }), customer: { balance: -300 } },
];

for (const each of CASES) {
  test(`the dry run says what is billed: ${each.name}`, async () => {
    const [old, next] = [await each.old(), await each.next()];
    const more = (await each.more?.()) ?? {};
    const begun = async () => {
      const made = await subscribe(old, more, (await customer(each.customer)).id);
      if (each.use) await stripe.billing.meterEvents.create({ event_name: 'calls', payload: { stripe_customer_id: made.customer as string, value: String(each.use) } });
      return made;
    };
    // Its twin does not move: that is what would have been.
    const [made, twin] = [await begun(), await begun()];
    now = MIDDLE;
    const move = await plan({ from_price: old.id, to_price: next.id, proration_behavior: each.behavior, subscriptions: [made.id] });
    const [planned] = await entriesOf(move);
    assert.deepEqual([move.status, planned!.state, planned!.reason], ['draft', 'pending', null]);
    assert.deepEqual(move.totals, [{ currency: made.currency, subscriptions: 1, amount_now: planned!.amount_now, next_amount_before: planned!.next_amount_before ?? 0, next_amount_after: planned!.next_amount_after ?? 0 }]);
    const known = (await invoices(made.id)).length;
    now += 3_600_000;
    await begin(move);
    await run();
    const [applied] = await entriesOf(move);
    assert.deepEqual([applied!.state, applied!.reason, applied!.applied_at], ['applied', null, now / 1_000]);
    assert.equal((await stripe.subscriptions.retrieve(made.id)).items.data[0]!.price.id, next.id);
    const billed = await invoices(made.id);
    assert.deepEqual(billed.slice(0, billed.length - known).map((invoice) => [invoice.id, invoice.total]), applied!.invoice === null ? [] : [[applied!.invoice, planned!.amount_now]]);
    if (applied!.invoice === null) assert.equal(planned!.amount_now, 0);
    const bill = async (subscription: string, at: number | null) => {
      if (at === null) return null;
      now = Math.max(now, at * 1_000);
      await run();
      return (await invoices(subscription)).find((invoice) => invoice.billing_reason === 'subscription_cycle')?.total ?? null;
    };
    assert.equal(await bill(twin.id, planned!.next_at_before), planned!.next_amount_before);
    // A year's boundary is counted from the moment of the move, an hour after the dry run.
    assert.equal(await bill(made.id, planned!.next_at_after! + 3_600), planned!.next_amount_after);
  });
}

test('a subscription that has changed since the dry run is left alone, and says why', async () => {
  const [old, next, euros] = [await inBoth(1_000, 900), await price(1_500), await price(700)];
  const made: Record<string, Stripe.Subscription> = {};
  for (const name of ['same', 'more', 'ended', 'elsewhere', 'discounted']) made[name] = await subscribe(old);
  made['euros'] = await subscribe(old, { currency: 'eur' });
  made['both'] = await subscribe(old, { items: [{ price: old.id }, { price: next.id }] });
  made['unpayable'] = await subscribe(old, { collection_method: 'send_invoice', days_until_due: 30 }, (await stripe.customers.create()).id);
  await stripe.subscriptions.update(made['unpayable']!.id, { collection_method: 'charge_automatically' });
  const item = (name: string) => made[name]!.items.data[0]!.id;
  now = MIDDLE;
  const move = await plan({ from_price: old.id, to_price: next.id, proration_behavior: 'always_invoice' });
  assert.deepEqual(move.progress, { pending: 5, scheduled: 0, applied: 0, skipped: 3, failed: 0 });
  now += 60_000;
  await stripe.subscriptions.update(made['more']!.id, { items: [{ id: item('more'), quantity: 9 }], proration_behavior: 'none' });
  await stripe.subscriptions.cancel(made['ended']!.id);
  await stripe.subscriptions.update(made['elsewhere']!.id, { items: [{ id: item('elsewhere'), price: euros.id }] });
  await stripe.subscriptions.update(made['discounted']!.id, { discounts: [{ coupon: (await stripe.coupons.create({ percent_off: 5, duration: 'once' })).id }] });
  const told = listen(kontor);
  await told();
  await begin(move);
  await run();
  const reasons = new Map((await entriesOf(move)).map((entry) => [entry.subscription, entry.reason]));
  assert.deepEqual(Object.fromEntries(Object.entries(made).map(([name, { id }]) => [name, reasons.get(id)])), {
    same: null,
    more: 'It has changed since the dry run: items.',
    ended: 'The subscription has ended.',
    elsewhere: 'The subscription does not have the price any more.',
    discounted: 'It has changed since the dry run: discounts.',
    euros: `The price ${next.id} has no amount in eur, the currency of this subscription. It has one in usd.`,
    both: `Two items would have the price ${next.id}. Change the quantity of the one that has it.`,
    unpayable: 'There is nothing to charge: neither the subscription nor its customer has a default payment method. Set one, or give `payment_behavior` as `default_incomplete` and confirm the payment later.',
  });
  assert.deepEqual((await look(move)).progress, { pending: 0, scheduled: 0, applied: 1, skipped: 7, failed: 0 });
  assert.deepEqual((await entriesOf(move, '&state=applied')).map((entry) => entry.subscription), [made['same']!.id]);
  assert.deepEqual([...new Set(typesOf((await told()).filter((event) => event.type.startsWith('customer.subscription'))))], ['customer.subscription.updated']);
  // Whoever is left can be moved by another plan.
  assert.equal((await plan({ from_price: old.id, to_price: next.id, proration_behavior: 'none' })).progress.pending, 3);
});

test('a period that ends between the dry run and the move is a change, whether it is renewed already or not', async () => {
  const [old, next] = [await price(1_000), await price(1_500)];
  await subscribe(old);
  now = MIDDLE;
  const move = await plan({ from_price: old.id, to_price: next.id, proration_behavior: 'create_prorations' });
  now = Date.parse('2026-02-01T00:00:00Z');
  await run();
  await begin(move);
  await run();
  assert.deepEqual((await entriesOf(move)).map((entry) => entry.reason), ['It has changed since the dry run: items.']);
  now = Date.parse('2026-03-01T00:00:00Z');
  const late = await plan({ from_price: old.id, to_price: next.id, proration_behavior: 'create_prorations' });
  assert.deepEqual((await entriesOf(late)).map((entry) => [entry.state, entry.reason]), [['skipped', 'Its period has ended and is being renewed.']]);
});

test('on a test clock a subscription moves at the clock’s time', async () => {
  const [old, next] = [await price(1_000), await price(1_500)];
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: 1_893_456_000 });
  const made = await subscribe(old, {}, (await customer({ test_clock: clock.id })).id);
  const move = await plan({ from_price: old.id, to_price: next.id, proration_behavior: 'always_invoice' });
  await begin(move);
  await run();
  assert.deepEqual((await entriesOf(move)).map((entry) => [entry.subscription, entry.applied_at, entry.amount_now]), [[made.id, 1_893_456_000, 1_000]]);
});

test('bad requests are refused by name', async () => {
  const [old, next, once, archived] = [await price(1_000), await price(1_500), await price(1, { recurring: untyped(undefined) }), await price(1, { active: false })];
  const made = await subscribe(old);
  const good = { from_price: old.id, to_price: next.id, proration_behavior: 'none' };
  const sold = await price(1);
  await stripe.products.update(sold.product as string, { active: false });
  const other = (await subscribe(next)).id;
  const table: [object, string | undefined, string][] = [
    [{ ...good, from_price: undefined }, 'parameter_missing', 'from_price'],
    [{ ...good, to_price: undefined }, 'parameter_missing', 'to_price'],
    [{ ...good, proration_behavior: undefined }, 'parameter_missing', 'proration_behavior'],
    [{ ...good, proration_behavior: 'sometimes' }, undefined, 'proration_behavior'],
    [{ ...good, from_price: 'price_none' }, 'resource_missing', 'from_price'],
    [{ ...good, to_price: 'price_none' }, 'resource_missing', 'to_price'],
    [{ ...good, to_price: old.id }, undefined, 'to_price'],
    [{ ...good, to_price: once.id }, undefined, 'to_price'],
    [{ ...good, to_price: archived.id }, undefined, 'to_price'],
    [{ ...good, to_price: sold.id }, 'product_inactive', 'to_price'],
    [{ ...good, subscriptions: [made.id, 'sub_none'] }, 'resource_missing', 'subscriptions[1]'],
    [{ ...good, subscriptions: [other] }, undefined, 'subscriptions[0]'],
    [{ ...good, subscriptions: [made.id], limit: 1 }, 'parameters_exclusive', 'subscriptions'],
    [{ ...good, limit: 0 }, 'parameter_invalid_integer', 'limit'],
    [{ ...good, limit: 10_001 }, 'parameter_invalid_integer', 'limit'],
    [{ ...good, when: 'tomorrow' }, undefined, 'when'],
    [{ ...good, when: 'period_end', proration_behavior: 'create_prorations' }, undefined, 'proration_behavior'],
  ];
  for (const [params, code, param] of table) await assert.rejects(plan(params), { code, param, statusCode: 400 }, JSON.stringify(params));
  for (const [method, path] of [['GET', 'price_moves/pmv_none'], ['GET', 'price_moves/pmv_none/entries'], ['POST', 'price_moves/pmv_none/apply'], ['POST', 'price_moves/pmv_none/cancel'], ['GET', 'prices/price_none/subscribers']] as const) {
    await assert.rejects(ask(method, path), { code: 'resource_missing', statusCode: 404 }, path);
  }
  const move = await plan(good);
  await begin(move);
  await assert.rejects(begin(move), { code: undefined, statusCode: 400 });
  await run();
  await assert.rejects(stop(move), { code: undefined, statusCode: 400 });
});
