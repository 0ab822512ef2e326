/** What a trial's end makes of the billing cycle. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { day } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { explainedBills } from '../../tests/own.ts';
import { untyped } from '../../tests/refused.ts';
import { customerAt, seatPrice } from '../../tests/shop.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const seat = (await seatPrice(stripe, 3_100)).id;

const UNCHANGED = { end_behavior: { billing_cycle_anchor: 'unchanged' } } as const;

async function live(at: string, more: Partial<Stripe.SubscriptionCreateParams> = {}) {
  const { clock, customer } = await customerAt(stripe, day(at));
  const made = await stripe.subscriptions.create({ customer, items: [{ price: seat }], ...more });
  return {
    id: made.id,
    made,
    until: (to: string) => kontor.advance(clock, day(to)),
    now: () => stripe.subscriptions.retrieve(made.id),
    bills: () => explainedBills(stripe, customer),
  };
}

const periodOf = ({ items }: Stripe.Subscription) => [items.data[0]!.current_period_start, items.data[0]!.current_period_end];

test('a trial that leaves the anchor alone is followed by what is left of a period', async () => {
  const life = await live('2026-01-10', { trial_end: day('2026-01-20'), billing_cycle_anchor: day('2026-02-01'), trial_settings: UNCHANGED });
  assert.deepEqual([life.made.billing_cycle_anchor, life.made.trial_settings!.end_behavior], [day('2026-02-01'), { billing_cycle_anchor: 'unchanged', missing_payment_method: 'create_invoice' }]);
  assert.deepEqual(periodOf(life.made), [day('2026-01-10'), day('2026-01-20')]);
  await life.until('2026-01-20T02:00');
  assert.deepEqual(periodOf(await life.now()), [day('2026-01-20'), day('2026-02-01')]);
  await life.until('2026-02-01T02:00');
  assert.deepEqual(await life.bills(), ['0', '1200', '3100']); // 12 of 31 days; the full February
  assert.equal((await life.now()).billing_cycle_anchor, day('2026-02-01'));
});

test('without an anchor of its own it is the start, and a change gives back the part that was charged', async () => {
  const life = await live('2026-01-10', { trial_period_days: 7, trial_settings: UNCHANGED });
  assert.equal(life.made.billing_cycle_anchor, day('2026-01-10'));
  await life.until('2026-01-25T00:00');
  await stripe.subscriptions.update(life.id, { items: [{ id: life.made.items.data[0]!.id, quantity: 2 }], proration_behavior: 'always_invoice' });
  assert.deepEqual(await life.bills(), ['0', '2400', '-1600 3200']); // 24 of 31 days; 16 of those 24 back, and 16 of 31 days of two seats
});

test('a request that ends such a trial charges for the rest, or leaves it free', async () => {
  const charged = await live('2026-01-10', { trial_end: day('2026-03-01'), trial_settings: UNCHANGED });
  await charged.until('2026-01-20');
  const ended = await stripe.subscriptions.update(charged.id, { trial_end: 'now' });
  assert.deepEqual([ended.status, ended.billing_cycle_anchor, periodOf(ended)], ['active', day('2026-01-10'), [day('2026-01-20'), day('2026-02-10')]]);
  assert.deepEqual(await charged.bills(), ['0', '2100']); // 21 of 31 days
  const free = await live('2026-01-10', { trial_end: day('2026-03-01'), trial_settings: UNCHANGED });
  await free.until('2026-01-20');
  await stripe.subscriptions.update(free.id, { trial_end: 'now', proration_behavior: 'none' });
  await free.until('2026-02-10T02:00');
  assert.deepEqual(await free.bills(), ['0', '3100']);
});

test('a trial in a running subscription leaves the anchor, too; what the setting is at its end counts', async () => {
  const life = await live('2026-01-10', { trial_settings: UNCHANGED });
  await life.until('2026-01-20');
  const trialing = await stripe.subscriptions.update(life.id, { trial_end: day('2026-01-30'), proration_behavior: 'none' });
  assert.deepEqual([trialing.status, trialing.billing_cycle_anchor], ['trialing', day('2026-01-10')]);
  await life.until('2026-01-30T02:00');
  assert.deepEqual((await life.bills()).at(-1), '1100'); // 11 of 31 days

  const moved = await live('2026-01-10', { trial_period_days: 10, trial_settings: UNCHANGED });
  const changed = await stripe.subscriptions.update(moved.id, { trial_settings: { end_behavior: { billing_cycle_anchor: 'now' } } });
  assert.deepEqual(changed.trial_settings!.end_behavior, { billing_cycle_anchor: 'now', missing_payment_method: 'create_invoice' });
  await moved.until('2026-01-20T02:00');
  assert.deepEqual([(await moved.now()).billing_cycle_anchor, await moved.bills()], [day('2026-01-20'), ['0', '3100']]);
});

test('what a card may be charged by is kept, and stands on the invoices', async () => {
  const life = await live('2026-01-10', { payment_settings: { payment_method_types: ['card'] } });
  assert.deepEqual([life.made.payment_settings!.payment_method_types, (await stripe.invoices.retrieve(life.made.latest_invoice as string)).payment_settings.payment_method_types], [['card'], ['card']]);
  assert.equal((await stripe.subscriptions.update(life.id, { payment_settings: { payment_method_types: '' } })).payment_settings!.payment_method_types, null);
  await assert.rejects(stripe.subscriptions.update(life.id, { payment_settings: { payment_method_types: [untyped('giropay')] } }), (error: Stripe.errors.StripeError) => error.param === 'payment_settings[payment_method_types][0]');
});
