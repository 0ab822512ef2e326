/** What waits for a customer: which invoice takes it, and what is shown of it before. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { day } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { billsOf, customerAt, paysBy, seatPrice } from '../../tests/shop.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const { id: price } = await seatPrice(stripe, 3_100);

const START = day('2026-01-01');

/** A customer for whom $5.00 wait. */
async function owing(about = paysBy()) {
  const { clock, customer } = await customerAt(stripe, START, about);
  await stripe.invoiceItems.create({ customer, amount: 500, currency: 'usd' });
  const waits = async () => (await stripe.invoiceItems.list({ customer, pending: true })).data.map((item) => item.amount);
  return { customer, waits, until: (to: string) => kontor.advance(clock, day(to)), amounts: (invoice: unknown) => (invoice as { lines: { data: { amount: number }[] } }).lines.data.map((line) => line.amount) };
}

test('the first invoice of a subscription takes what waits for its customer, as its preview shows', async () => {
  const { customer, waits, until, amounts } = await owing();
  assert.deepEqual(amounts(await stripe.invoices.createPreview({ customer, subscription_details: { items: [{ price }] } })), [500, 3_100]);
  await stripe.subscriptions.create({ customer, items: [{ price }], add_invoice_items: [{ price_data: { currency: 'usd', product: (await stripe.prices.retrieve(price)).product as string, unit_amount: 70 } }] });
  await until('2026-02-01T02:00');
  assert.deepEqual([await billsOf(stripe, customer), await waits()], [['paid subscription_create 500 70 3100', 'paid subscription_cycle 3100'], []]);
});

test('what stood on a first invoice that nobody paid waits again, and the next subscription takes it', async () => {
  const { customer, waits, until } = await owing(paysBy('pm_card_chargeCustomerFail'));
  const { id } = await stripe.subscriptions.create({ customer, items: [{ price }] });
  assert.deepEqual(await waits(), []);
  await until('2026-01-02');
  assert.deepEqual([(await stripe.subscriptions.retrieve(id)).status, await waits()], ['incomplete_expired', [500]]);
  await stripe.subscriptions.create({ customer, items: [{ price }], collection_method: 'send_invoice', days_until_due: 7 });
  assert.deepEqual(await billsOf(stripe, customer), ['void subscription_create 500 3100', 'draft subscription_create 500 3100']);
});

test('of two schedules that begin at once the first one bills what waits', async () => {
  const { customer, until } = await owing();
  for (let n = 0; n < 2; n++) await stripe.subscriptionSchedules.create({ customer, start_date: day('2026-01-10'), phases: [{ items: [{ price }] }] });
  await until('2026-01-11');
  assert.deepEqual((await billsOf(stripe, customer)).sort(), ['paid subscription_create 3100', 'paid subscription_create 500 3100']);
});

test('an invoice for a subscription takes what waits for that alone', async () => {
  const { customer, waits, amounts } = await owing();
  const { id: subscription } = await stripe.subscriptions.create({ customer, items: [{ price }] });
  await stripe.invoiceItems.create({ customer, subscription, amount: 88, currency: 'usd' });
  await stripe.invoiceItems.create({ customer, amount: 99, currency: 'usd' });
  assert.deepEqual([amounts(await stripe.invoices.create({ customer, subscription, pending_invoice_items_behavior: 'exclude' })), amounts(await stripe.invoices.create({ customer, subscription })), await waits()], [[], [88], [99]]);
});

test('what waits is previewed for a customer without a subscription, at the discounts that are named', async () => {
  const { customer, amounts } = await owing();
  const { id: coupon } = await stripe.coupons.create({ percent_off: 10 });
  const total = async (more: object) => (await stripe.invoices.createPreview({ customer, ...more })).total;
  assert.deepEqual(amounts(await stripe.invoices.createPreview({ customer })), [500]);
  assert.deepEqual([await total({ discounts: [{ coupon }] }), await total({ discounts: [{ coupon }], invoice_items: [{ amount: 1_000, currency: 'usd' }] })], [450, 1_350]);
  await assert.rejects(total({ currency: 'eur' }), { code: 'invoice_upcoming_none' });
  const { customer: nobody } = await customerAt(stripe, START);
  await assert.rejects(stripe.invoices.createPreview({ customer: nobody }), { code: 'invoice_upcoming_none', statusCode: 404 });
});

test('a change that prorates nothing invoices nothing, however it would be invoiced', async () => {
  const { customer, waits, until } = await owing();
  const { id, items } = await stripe.subscriptions.create({ customer, items: [{ price }] });
  await until('2026-01-16');
  await stripe.subscriptions.update(id, { items: [{ id: items.data[0]!.id, quantity: 2 }] });
  await stripe.subscriptions.update(id, { metadata: { team: 'support' }, proration_behavior: 'always_invoice' });
  assert.deepEqual([await waits(), (await billsOf(stripe, customer)).length], [[3_200, -1_600], 1]);
});
