/** A plan on its way: in batches, killed and taken up again, stopped, and with a subscription about which Kontor itself is wrong. */
import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import type Stripe from 'stripe';
import { machineClock } from '../../../server/clock.ts';
import type { TimerCommand } from '../../../server/context.ts';
import { inWorld } from '../../../server/database/world.ts';
import { runDueTimers } from '../../../server/timers.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { moving, type List, type Move } from '../../../tests/price_moves.ts';
import { listen } from '../../../tests/told.ts';

const START = Date.parse('2026-01-01T00:00:00Z');
const MIDDLE = Date.parse('2026-01-16T12:00:00Z');

let now = START;

const kontor = await startKontor({ clock: machineClock(() => now), works: false });
after(() => kontor.close());
const { stripe } = kontor;
beforeEach(() => { now = START; });

const { ask, plan, begin, stop, look, run, entriesOf, price, customer, subscribe } = moving(kontor);

test('hundreds of subscriptions move in batches, each once, though one of the batches is killed', async () => {
  const [old, next] = [await price(1_000), await price(1_500)];
  const terms = { collection_method: 'send_invoice', days_until_due: 30 } as const;
  // Of each customer three: those of one customer move in batches of their own.
  const people = await Promise.all(Array.from({ length: 20 }, async () => Promise.all(Array.from({ length: 6 }, () => stripe.customers.create()))));
  for (let n = 0; n < 3; n += 1) for (const some of people) await Promise.all(some.map((each) => subscribe(old, terms, each.id)));
  await stripe.prices.update(old.id, { active: false });
  now = MIDDLE;
  const move = await plan({ from_price: old.id, to_price: next.id, proration_behavior: 'always_invoice' });
  const each = 2 * (750 - 500); // Half of the month is left: +$15.00 × ½ − $10.00 × ½, two seats.
  assert.deepEqual(move.totals, [{ currency: 'usd', subscriptions: 360, amount_now: 360 * each, next_amount_before: 720_000, next_amount_after: 1_080_000 }]);
  assert.deepEqual([move.status, move.progress, move.left_out], ['draft', { pending: 360, scheduled: 0, applied: 0, skipped: 0, failed: 0 }, 0]);
  await begin(move);
  const told = listen(kontor);
  await told();

  const { timers } = kontor.app.register;
  const whole = timers.get('price_move.apply')!;
  let batches = 0;
  const killed: TimerCommand = async (ctx, due) => {
    await whole(ctx, due);
    batches += 1;
    // The third batch dies when all of it is written and nothing is committed.
    if (batches === 3 || batches === 4) throw new Error('killed');
  };
  timers.set('price_move.apply', killed);
  kontor.app.log.error = () => undefined; // What the killed batch would say.
  await run();
  const halfway = await look(move);
  assert.deepEqual([halfway.status, halfway.progress.applied, halfway.progress.pending], ['applying', 200, 160]);
  now += 60_000;
  await run();
  timers.set('price_move.apply', whole);

  const done = await look(move);
  assert.deepEqual([done.status, done.progress, done.finished_at], ['applied', { pending: 0, scheduled: 0, applied: 360, skipped: 0, failed: 0 }, now / 1_000]);
  const entries = await entriesOf(move);
  assert.equal(new Set(entries.map((entry) => entry.subscription)).size, 360);
  assert.deepEqual(new Set(entries.map((entry) => entry.amount_now)), new Set([each]));
  const moved = (await told()).filter((event) => event.type === 'customer.subscription.updated');
  assert.deepEqual([moved.length, new Set(moved.map((event) => event.id)).size], [360, 360]);
  const updates = new Map<string, number[]>();
  for await (const invoice of stripe.invoices.list({ limit: 100, created: { gte: MIDDLE / 1_000 } })) {
    const { subscription } = invoice.parent!.subscription_details!;
    updates.set(subscription as string, [...(updates.get(subscription as string) ?? []), invoice.total]);
  }
  assert.deepEqual([updates.size, new Set([...updates.values()].map(String))], [360, new Set([String(each)])]);
  assert.deepEqual((await ask<List<object>>('GET', `prices/${old.id}/subscribers`)).data, []);
});

test('a part of the subscribers moves first, and a plan is stopped on its way', async () => {
  const [old, next] = [await price(1_000), await price(1_500)];
  const made: Stripe.Subscription[] = [];
  const { id } = await customer();
  for (let n = 0; n < 4; n += 1) made.push(await subscribe(old, {}, id));
  now = MIDDLE;
  const few = await plan({ from_price: old.id, to_price: next.id, proration_behavior: 'none', limit: 3 });
  assert.deepEqual([few.left_out, few.progress.pending], [1, 3]);
  assert.deepEqual((await ask<List<Move>>('GET', `price_moves?from_price=${old.id}&status=draft`)).data.map((each) => each.id), [few.id]);
  await begin(few);
  await runDueTimers(kontor.app);
  // Subscriptions of one customer are in batches of their own: one has moved, two have not.
  assert.deepEqual((await stop(few)).progress, { pending: 2, scheduled: 0, applied: 1, skipped: 0, failed: 0 });
  await run();
  assert.deepEqual([(await look(few)).status, (await look(few)).progress.applied], ['canceled', 1]);
  assert.deepEqual((await entriesOf(few, '&state=applied')).map((entry) => entry.subscription), [made[0]!.id]);
  const draft = await plan({ from_price: old.id, to_price: next.id, proration_behavior: 'none' });
  assert.equal((await stop(draft)).status, 'canceled');
  const nobody = await plan({ from_price: (await price(1)).id, to_price: next.id, proration_behavior: 'none' });
  await begin(nobody);
  await run();
  assert.deepEqual([(await look(nobody)).status, nobody.totals], ['applied', []]);
});

test('what Kontor fails to decide is set down as failed, and does not stop the others', async () => {
  const next = await price(1_500, { currency_options: { eur: { unit_amount: 1_400 } } });
  const both = await price(1_000, { currency_options: { eur: { unit_amount: 900 } } });
  const made = [await subscribe(both), await subscribe(both, { currency: 'eur' })];
  now = MIDDLE;
  const move = await plan({ from_price: both.id, to_price: next.id, proration_behavior: 'none' });
  const store = (options: object) => inWorld(kontor.database.pool, kontor.world, (tx) => tx.query('update prices set currency_options = $1 where id = $2', [options, next.id]));
  await store({ eur: { unit_amount_decimal: 'broken', tiers: null, custom_unit_amount: null, tax_behavior: 'unspecified' } });
  kontor.app.log.error = () => undefined;
  await begin(move);
  await run();
  await store({ eur: { unit_amount_decimal: '1400', tiers: null, custom_unit_amount: null, tax_behavior: 'unspecified' } });
  const states = new Map((await entriesOf(move)).map((entry) => [entry.subscription, [entry.state, entry.reason]]));
  assert.deepEqual(made.map((each) => states.get(each.id)), [['applied', null], ['failed', 'Kontor failed to move it; the log of the server says why. The subscription is as it was.']]);
  assert.deepEqual((await look(move)).progress, { pending: 0, scheduled: 0, applied: 1, skipped: 0, failed: 1 });
  assert.equal((await stripe.subscriptions.retrieve(made[1]!.id)).items.data[0]!.price.id, both.id);
});
