/** What waits for a subscription, billed at an interval of its own. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { day } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { billsOf, customerAt } from '../../tests/shop.ts';
import { listen, typesOf } from '../../tests/told.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const told = listen(kontor);

async function yearly(more: Partial<Stripe.SubscriptionCreateParams> = {}) {
  const { clock, customer } = await customerAt(stripe, day('2026-01-10'));
  const price = await stripe.prices.create({ currency: 'usd', unit_amount: 36_500, recurring: { interval: 'year' }, product_data: { name: 'Seat' } });
  const made = await stripe.subscriptions.create({ customer, items: [{ price: price.id }], ...more });
  await told();
  return {
    id: made.id,
    made,
    item: made.items.data[0]!.id,
    until: (to: string) => kontor.advance(clock, day(to)),
    now: () => stripe.subscriptions.retrieve(made.id),
    waits: (amount: number) => stripe.invoiceItems.create({ customer, subscription: made.id, amount, currency: 'usd' }),
    bills: () => billsOf(stripe, customer),
  };
}

test('prorations of a yearly subscription are billed each month', async () => {
  const life = await yearly({ pending_invoice_item_interval: { interval: 'month' } });
  assert.deepEqual([life.made.pending_invoice_item_interval, life.made.next_pending_invoice_item_invoice], [{ interval: 'month', interval_count: 1 }, day('2026-02-10')]);
  await life.until('2026-01-20');
  await stripe.subscriptions.update(life.id, { items: [{ id: life.item, quantity: 2 }] });
  const preview = await stripe.invoices.createPreview({ subscription: life.id });
  assert.deepEqual(preview.lines.data.map((line) => line.amount), [-35_500, 71_000]);
  await told();
  await life.until('2026-02-10');
  assert.deepEqual(typesOf(await told()), ['test_helpers.test_clock.advancing', 'customer.subscription.updated', 'invoice.created', 'test_helpers.test_clock.ready']);
  assert.deepEqual(await life.bills(), ['paid subscription_create 36500', 'draft subscription_cycle -35500 71000']); // 355 of 365 days
  const { next_pending_invoice_item_invoice, latest_invoice } = await life.now();
  assert.equal(next_pending_invoice_item_invoice, day('2026-03-10'));
  const invoice = await stripe.invoices.retrieve(latest_invoice as string);
  assert.deepEqual([invoice.period_start, invoice.period_end], [day('2026-01-10'), day('2026-02-10')]);
  await life.until('2026-03-10T02:00');
  assert.deepEqual((await life.bills()).slice(1), ['paid subscription_cycle -35500 71000']); // nothing waited in March: no invoice
  // A change gives back what that invoice charged.
  await stripe.subscriptions.update(life.id, { items: [{ id: life.item, quantity: 1 }], proration_date: day('2026-03-10') });
  await life.until('2026-04-10');
  assert.deepEqual((await life.bills()).slice(2), ['draft subscription_cycle -61200 30600']); // 306 of 355 days of $710.00, and of 365 of $365.00
});

test('at the end of a period what waits is billed once, with the renewal', async () => {
  const life = await yearly({ pending_invoice_item_interval: { interval: 'month', interval_count: 6 } });
  await life.until('2026-07-10T02:00');
  await life.waits(700);
  await life.until('2027-01-10T02:00');
  assert.deepEqual((await life.bills()).slice(1), ['paid subscription_cycle 700 36500']);
  assert.equal((await life.now()).next_pending_invoice_item_invoice, day('2027-07-10'));
});

test('a change that moves the anchor takes the interval along, as it is once that is paid for', async () => {
  const life = await yearly({ pending_invoice_item_interval: { interval: 'month' } });
  await life.until('2026-01-20');
  const declined = await stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer: life.made.customer as string });
  await stripe.subscriptions.update(life.id, { default_payment_method: declined.id });
  const waiting = await stripe.subscriptions.update(life.id, { billing_cycle_anchor: { type: 'now' }, proration_behavior: 'none', payment_behavior: 'pending_if_incomplete' });
  assert.equal(waiting.next_pending_invoice_item_invoice, day('2026-02-10'));
  await stripe.subscriptions.update(life.id, { pending_invoice_item_interval: { interval: 'week' } });
  await stripe.invoices.pay(waiting.latest_invoice as string, { paid_out_of_band: true });
  assert.equal((await life.now()).next_pending_invoice_item_invoice, day('2026-01-27'));
});

test('the interval can be set and cleared, and ends with the subscription; a pause leaves it waiting', async () => {
  const life = await yearly();
  await life.waits(500);
  const set = await stripe.subscriptions.update(life.id, { pending_invoice_item_interval: { interval: 'week' } });
  assert.equal(set.next_pending_invoice_item_invoice, day('2026-01-17'));
  await stripe.subscriptions.pause(life.id, { bill_for: { unused_time_from: { type: 'none' } } });
  await life.until('2026-01-18');
  assert.deepEqual([(await life.now()).next_pending_invoice_item_invoice, (await life.bills()).length], [day('2026-01-24'), 1]);
  const cleared = await stripe.subscriptions.update(life.id, { pending_invoice_item_interval: '' });
  assert.deepEqual([cleared.pending_invoice_item_interval, cleared.next_pending_invoice_item_invoice], [null, null]);
  await stripe.subscriptions.update(life.id, { pending_invoice_item_interval: { interval: 'week' } });
  assert.equal((await stripe.subscriptions.cancel(life.id)).next_pending_invoice_item_invoice, null);
  await life.until('2026-03-01');
  assert.equal((await life.bills()).length, 1);
});
