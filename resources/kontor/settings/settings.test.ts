import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { startKontor } from '../../../tests/kontor.ts';
import { own } from '../../../tests/own.ts';
import { customerAt, seatPrice } from '../../../tests/shop.ts';

type Settings = { object: string; livemode: boolean; proration: { unit: string } };
type Explanation = { differences: unknown[]; lines: { sentences: string[] }[] };

const kontor = await startKontor();
after(() => kontor.close());

const read = (stripe: Stripe) => own<Settings>(stripe, 'GET', 'settings');
const set = (stripe: Stripe, unit: string) => own<Settings>(stripe, 'POST', 'settings', { proration: { unit } });
const explain = (stripe: Stripe, invoice: string) => own<Explanation>(stripe, 'GET', `invoices/${invoice}/explanation`);

/** Two seats at $31.00 a month from 1 January 2026, 18:00, on a clock that has come to 16 January, 21:00. */
async function twoSeats(stripe: Stripe) {
  const { clock, customer } = await customerAt(stripe, Date.UTC(2026, 0, 1, 18) / 1_000);
  const price = await seatPrice(stripe, 3_100);
  const made = await stripe.subscriptions.create({ customer, items: [{ price: price.id, quantity: 2 }] });
  await kontor.advance(clock, Date.UTC(2026, 0, 16, 21) / 1_000, stripe);
  return { customer, subscription: made.id, items: (quantity: number) => [{ id: made.items.data[0]!.id, quantity }] };
}

const amountsOf = ({ lines }: Stripe.Invoice): number[] => lines.data.map((line) => line.amount);

test('settings are there from the start, and belong to an account in one mode', async () => {
  const [first, second] = [await kontor.another(), await kontor.another()];
  assert.deepEqual(await read(first.stripe), { object: 'kontor.settings', corrections: 'next_invoice', livemode: false, payouts: { interval: 'manual', monthly_anchor: null, weekly_anchor: null }, proration: { unit: 'second' }, routing_rules: [], settlement: null });
  assert.deepEqual((await set(first.stripe, 'day')).proration, { unit: 'day' });
  assert.deepEqual((await read(first.stripe)).proration, { unit: 'day' });
  assert.deepEqual((await read(second.stripe)).proration, { unit: 'second' });
  assert.deepEqual((await set(first.stripe, 'second')).proration, { unit: 'second' });
  await assert.rejects(set(first.stripe, 'hour'), (error: Stripe.errors.StripeError) => error.statusCode === 400 && error.param === 'proration[unit]');
});

test('of two requests at once that set it for the first time, neither fails', async () => {
  const { stripe } = await kontor.another();
  await Promise.all(['day', 'day', 'day', 'day'].map((unit) => set(stripe, unit)));
  assert.deepEqual((await read(stripe)).proration, { unit: 'day' });
});

test('a change in the middle of a period is counted by the second or by the day, as it was previewed, and says so', async () => {
  const { stripe } = kontor;
  const change = async (unit: string) => {
    const { subscription, items } = await twoSeats(stripe);
    await set(stripe, unit);
    const preview = await stripe.invoices.createPreview({ subscription, subscription_details: { items: items(3), proration_behavior: 'always_invoice' } });
    const { latest_invoice } = await stripe.subscriptions.update(subscription, { items: items(3), proration_behavior: 'always_invoice', expand: ['latest_invoice'] });
    assert.deepEqual(amountsOf(preview), amountsOf(latest_invoice as Stripe.Invoice));
    const { differences, lines } = await explain(stripe, (latest_invoice as Stripe.Invoice).id);
    assert.deepEqual(differences, []);
    return { amounts: amountsOf(latest_invoice as Stripe.Invoice), sentences: lines.flatMap((line) => line.sentences).join('\n') };
  };
  // 1,371,600 of 2,678,400 seconds: 15 days and 21 hours of 31 days of $62.00 and of $93.00.
  assert.deepEqual((await change('second')).amounts, [-3_175, 4_763]);
  // From the 16th on, 16 of 31 days.
  const { amounts, sentences } = await change('day');
  assert.deepEqual(amounts, [-3_200, 4_800]);
  assert.match(sentences, /16 of 31 days: -\$62\.00 × 16 ÷ 31 = -\$32\.00/);
  assert.match(sentences, /16 of 31 days: \$93\.00 × 16 ÷ 31 = \$48\.00/);
});

test('counted by the day, a change and its reversal later that day come to nothing', async () => {
  const { stripe } = await kontor.another();
  await set(stripe, 'day');
  const { customer, subscription, items } = await twoSeats(stripe);
  await stripe.subscriptions.update(subscription, { items: items(5) });
  const { test_clock } = await stripe.subscriptions.retrieve(subscription);
  await kontor.advance(test_clock as string, Date.UTC(2026, 0, 16, 23, 30) / 1_000, stripe);
  await stripe.subscriptions.update(subscription, { items: items(2) });
  const { data } = await stripe.invoiceItems.list({ customer, pending: true });
  assert.deepEqual(data.map((each) => each.amount).reverse(), [-3_200, 8_000, -8_000, 3_200]);
});

test('counted by the day, the first part of a period up to an anchor that was set is so many days of the full one', async () => {
  const { stripe } = await kontor.another();
  await set(stripe, 'day');
  const { customer } = await customerAt(stripe, Date.UTC(2026, 2, 20, 23) / 1_000);
  const price = await seatPrice(stripe, 3_100);
  const made = await stripe.subscriptions.create({ customer, items: [{ price: price.id }], billing_cycle_anchor: Date.UTC(2026, 3, 1) / 1_000, expand: ['latest_invoice'] });
  const invoice = made.latest_invoice as Stripe.Invoice;
  assert.deepEqual(amountsOf(invoice), [1_200]); // From the 20th on, 12 of 31 days.
  const { differences, lines } = await explain(stripe, invoice.id);
  assert.deepEqual(differences, []);
  assert.match(lines[0]!.sentences.join('\n'), /12 of 31 days/);
});
