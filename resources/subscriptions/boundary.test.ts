/** The moment at which a period ends, in real time: what the worker does then, and requests that come just then. */
import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import type Stripe from 'stripe';
import { machineClock } from '../../server/clock.ts';
import { runDueTimers } from '../../server/timers.ts';
import { startKontor } from '../../tests/kontor.ts';
import { paysBy, seatPrice } from '../../tests/shop.ts';

const START = Date.parse('2026-01-01T00:00:00Z');
const BOUNDARY = Date.parse('2026-02-01T00:00:00Z');

let now = START;

const kontor = await startKontor({ clock: machineClock(() => now), works: false });
after(() => kontor.close());
const { stripe } = kontor;
const price = (await seatPrice(stripe, 1000)).id;
beforeEach(() => { now = START; });

async function subscribe(more: Partial<Stripe.SubscriptionCreateParams> = {}, customer?: string) {
  const who = customer ?? (await stripe.customers.create(paysBy())).id;
  return stripe.subscriptions.create({ customer: who, items: [{ price, quantity: 1 }], ...more });
}

const bills = async (subscription: string) => (await stripe.invoices.list({ subscription, limit: 100 })).data.reverse().map((invoice) => invoice.lines.data.map((line) => line.amount));

test('a change at the boundary itself comes after the renewal, though no worker has come by', async () => {
  const made = await subscribe();
  now = BOUNDARY;
  const changed = await stripe.subscriptions.update(made.id, { items: [{ id: made.items.data[0]!.id, quantity: 3 }], proration_behavior: 'always_invoice' });
  assert.equal(changed.items.data[0]!.current_period_start, BOUNDARY / 1_000);
  assert.deepEqual(await bills(made.id), [[1000], [1000], [-1000, 3000]]);
  await runDueTimers(kontor.app);
  assert.equal((await bills(made.id)).length, 3);
});

test('whoever comes after a long absence finds every period billed', async () => {
  const made = await subscribe();
  now = Date.parse('2026-05-10T00:00:00Z');
  await stripe.subscriptions.update(made.id, { metadata: { seen: 'yes' } });
  assert.deepEqual(await bills(made.id), [[1000], [1000], [1000], [1000], [1000]]);
});

test('the worker and eight requests at once renew it once', async () => {
  const made = await subscribe();
  now = BOUNDARY;
  const item = made.items.data[0]!.id;
  const quantities = [2, 3, 4, 5, 6, 7, 8, 9];
  await Promise.all([runDueTimers(kontor.app), ...quantities.map((quantity) => stripe.subscriptions.update(made.id, { items: [{ id: item, quantity }] })), runDueTimers(kontor.app)]);
  assert.deepEqual(await bills(made.id), [[1000], [1000]]);
  const { quantity } = (await stripe.subscriptions.retrieve(made.id)).items.data[0]!;
  const waiting = (await stripe.invoiceItems.list({ customer: made.customer as string, pending: true, limit: 100 })).data;
  assert.equal(waiting.reduce((sum, each) => sum + each.amount, 0), (quantity! - 1) * 1000);
});

test('many renew as one batch, and what waits for their customer is billed once', async () => {
  const one = await subscribe();
  const others = await Promise.all(Array.from({ length: 20 }, () => subscribe({}, one.customer as string)));
  await stripe.invoiceItems.create({ customer: one.customer as string, amount: 77, currency: 'usd' });
  now = BOUNDARY;
  while (await runDueTimers(kontor.app));
  const all = (await Promise.all([one, ...others].map((each) => bills(each.id)))).map((each) => each.slice(1));
  assert.deepEqual(all.filter((each) => each.length !== 1), []);
  assert.deepEqual(all.flat().filter((lines) => lines.includes(77)), [[77, 1000]]);
});

test('an end at the period’s end stops the collection of what was unpaid before', async () => {
  const made = await subscribe({ collection_method: 'send_invoice', days_until_due: 90 });
  const draft = made.latest_invoice as string;
  await stripe.subscriptions.update(made.id, { cancel_at_period_end: true });
  now = BOUNDARY;
  while (await runDueTimers(kontor.app));
  assert.equal((await stripe.subscriptions.retrieve(made.id)).status, 'canceled');
  assert.equal((await stripe.invoices.retrieve(draft)).auto_advance, false);
});
