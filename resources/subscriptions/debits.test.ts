/** What is given back is what was really charged, whatever became of the invoice since. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { day } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { customerAt, seatPrice } from '../../tests/shop.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

/** Two seats at $31.00 a month since 1 January 2026. */
async function twoSeats(more: Partial<Stripe.SubscriptionCreateParams> = {}) {
  const { clock, customer } = await customerAt(stripe, day('2026-01-01'));
  const price = await seatPrice(stripe, 3_100);
  const made = await stripe.subscriptions.create({ customer, items: [{ price: price.id, quantity: 2 }], ...more });
  return {
    id: made.id,
    customer,
    until: (to: string) => kontor.advance(clock, day(to)),
    newest: async () => (await stripe.invoices.list({ customer, limit: 1 })).data[0]!,
    seats: (quantity: number) => stripe.subscriptions.update(made.id, { items: [{ id: made.items.data[0]!.id, quantity }] }),
    waits: async () => (await stripe.invoiceItems.list({ customer, pending: true })).data.toReversed(),
  };
}

const amounts = (items: readonly Stripe.InvoiceItem[]) => items.map((each) => each.amount);

test('a draft that is discounted after it was made gives back what it came to', async () => {
  const life = await twoSeats();
  await life.until('2026-02-01T00:30');
  const draft = await life.newest();
  const coupon = await stripe.coupons.create({ percent_off: 50, duration: 'once' });
  await stripe.invoices.update(draft.id, { discounts: [{ coupon: coupon.id }] });
  await life.until('2026-02-15');
  assert.equal((await life.newest()).total, 3_100);
  await life.seats(1);
  assert.deepEqual(amounts(await life.waits()), [-1_550, 1_550]); // 14 of 28 days of the $31.00 that were charged, and of $31.00
});

test('nothing is given back of what was voided or written off', async () => {
  for (const giveUp of ['voidInvoice', 'markUncollectible'] as const) {
    const life = await twoSeats({ collection_method: 'send_invoice', days_until_due: 20 });
    await life.until('2026-01-01T02:00');
    await stripe.invoices[giveUp]((await life.newest()).id);
    await life.until('2026-01-16');
    await life.seats(1);
    assert.deepEqual(amounts(await life.waits()), [1_600], giveUp); // 16 of 31 days
  }
});

test('a proration that was deleted before it was billed is not given back', async () => {
  const life = await twoSeats();
  await life.until('2026-01-16');
  await life.seats(3);
  const [credit, debit] = await life.waits();
  assert.deepEqual(amounts([credit!, debit!]), [-3_200, 4_800]);
  await stripe.invoiceItems.del(debit!.id);
  await life.until('2026-01-24');
  await life.seats(2);
  assert.deepEqual(amounts(await life.waits()), [-3_200, 1_600]); // of the deleted one nothing; 8 of 31 days of $62.00
});
