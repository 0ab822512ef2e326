/** Prorations with their discounts beside them: the same nets, to the minor unit, as with the discounts within. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { day } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { own } from '../../tests/own.ts';
import { customerAt, seatPrice } from '../../tests/shop.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

type Shown = 'included' | 'itemized';
type Explanation = { agrees: boolean; differences: unknown[]; lines: { amount: number; derivation: { kind: string }; discounts: { kind: string; amount: number }[]; sentences: string[] }[] };

const mode = (proration_discounts: Shown) => ({ type: 'flexible' as const, flexible: { proration_discounts } });

/** Two seats at $31.00 a month since 1 January 2026, with 10 % off and 19 % of tax on top. */
async function twoSeats(proration_discounts: Shown) {
  const { clock, customer } = await customerAt(stripe, day('2026-01-01'));
  const price = await seatPrice(stripe, 3_100);
  const coupon = await stripe.coupons.create({ name: 'Friends', percent_off: 10, duration: 'forever' });
  const rate = await stripe.taxRates.create({ display_name: 'VAT', percentage: 19, inclusive: false });
  const subscription = await stripe.subscriptions.create({
    customer, items: [{ price: price.id, quantity: 2 }], discounts: [{ coupon: coupon.id }], default_tax_rates: [rate.id], billing_mode: mode(proration_discounts),
  });
  const items = (quantity: number) => [{ id: subscription.items.data[0]!.id, quantity }];
  return {
    subscription, customer, price: price.id,
    until: (to: string) => kontor.advance(clock, day(to)),
    newest: async () => (await stripe.invoices.list({ customer, limit: 1 })).data[0]!,
    seats: (quantity: number, proration_behavior: 'always_invoice' | 'create_prorations') => stripe.subscriptions.update(subscription.id, { items: items(quantity), proration_behavior }),
    preview: (quantity: number, more: Stripe.InvoiceCreatePreviewParams.SubscriptionDetails = {}) =>
      stripe.invoices.createPreview({ subscription: subscription.id, subscription_details: { items: items(quantity), proration_behavior: 'always_invoice', ...more } }),
    waits: async () => (await stripe.invoiceItems.list({ customer, pending: true })).data.toReversed(),
  };
}

/** Each line's amount and what discounts take of it. */
const linesOf = (invoice: Stripe.Invoice) => invoice.lines.data.map((line) => [line.amount, ...line.discount_amounts!.map((each) => each.amount)]);
const sumsOf = ({ subtotal, total_discount_amounts, total_excluding_tax, total, status }: Stripe.Invoice) => [subtotal, ...total_discount_amounts!.map((each) => each.amount), total_excluding_tax, total, status];
const explain = (invoice: string, language: 'en' | 'de') => own<Explanation>(stripe, 'GET', `invoices/${invoice}/explanation?language=${language}`);

test('a change is billed before discounts with these beside it, and comes to what it comes to with them within', async () => {
  const [life, twin] = [await twoSeats('itemized'), await twoSeats('included')];
  assert.deepEqual([life.subscription.billing_mode.flexible, twin.subscription.billing_mode.flexible], [{ proration_discounts: 'itemized' }, { proration_discounts: 'included' }]);
  for (const each of [life, twin]) await each.until('2026-01-16');
  // 16 of 31 days: −$62.00 + $6.20 and $93.00 − $9.30. Tax is on the nets: −547.2 and 820.8.
  const beside = [[-3_200, -320], [4_800, 480]];
  const previews = [await life.preview(3), await twin.preview(3), await twin.preview(3, { billing_mode: mode('itemized') })];
  assert.deepEqual(previews.map(linesOf), [beside, [[-2_880], [4_320]], beside]);
  for (const each of [life, twin]) await each.seats(3, 'always_invoice');
  const [invoice, included] = [await life.newest(), await twin.newest()];
  assert.deepEqual([linesOf(invoice), linesOf(included)], [beside, [[-2_880], [4_320]]]);
  assert.deepEqual([sumsOf(invoice), sumsOf(included)], [[1_600, 160, 1_440, 1_714, 'paid'], [1_440, 1_440, 1_714, 'paid']]);
  const discount = life.subscription.discounts[0] as string;
  for (const line of invoice.lines.data) assert.deepEqual([line.discountable, line.discounts], [false, [discount]]);

  // 8 of the 16 days that were charged, and 8 of 31 of one seat. What waits says both, and so does the renewal.
  await life.until('2026-01-24');
  await life.seats(1, 'create_prorations');
  assert.deepEqual(
    (await life.waits()).map((item) => [item.amount, item.proration_details!.discount_amounts.map((each) => each.amount), item.net_amount, item.discounts]),
    [[-2_400, [-240], -2_160, [discount]], [800, [80], 720, [discount]]],
  );
  await life.until('2026-02-02');
  const renewal = await life.newest();
  assert.deepEqual([linesOf(renewal), sumsOf(renewal).slice(0, 3)], [[[-2_400, -240], [800, 80], [3_100, 310]], [1_500, 150, 1_350]]);

  for (const { id } of [invoice, renewal]) {
    const [english, german] = [await explain(id, 'en'), await explain(id, 'de')];
    assert.deepEqual([english.agrees, english.differences], [true, []]);
    assert.deepEqual(english.lines.slice(0, 2).map((line) => [line.derivation.kind, ...line.discounts.map((step) => step.kind)]), [['credit', 'credited_discount'], ['part_of_period', 'discount_in_proration']]);
    assert.match(english.lines[0]!.sentences.join(' '), /charged \$\d+\.00, before discounts.* “Friends” took \$\d\.\d0 of the \$\d\.\d0 that discounts took off that charge/);
    assert.match(german.lines[0]!.sentences.join(' '), /hat vor Rabatten .* „Friends“ nahm /);
  }
});

test('a credit note takes its part of a discount that stands beside a proration', async () => {
  const life = await twoSeats('itemized');
  await life.until('2026-01-16');
  await life.seats(3, 'always_invoice');
  const invoice = await life.newest();
  const note = await stripe.creditNotes.create({ invoice: invoice.id, lines: [{ type: 'invoice_line_item', invoice_line_item: invoice.lines.data[1]!.id, amount: 600 }], credit_amount: 643 });
  // An eighth of $48.00, of its discount of 480 and of its tax of 821: 60 and 102.6.
  assert.deepEqual([note.subtotal, note.discount_amount, note.total_excluding_tax, note.total], [600, 60, 540, 643]);
});

test('two discounts share what lies between a credit before and after them', async () => {
  const life = await twoSeats('itemized');
  const fixed = await stripe.coupons.create({ amount_off: 500, currency: 'usd', duration: 'forever' });
  await stripe.subscriptions.update(life.subscription.id, { discounts: [{ discount: life.subscription.discounts[0] as string }, { coupon: fixed.id }] });
  await life.until('2026-02-02');
  await life.until('2026-02-11');
  await life.seats(0, 'create_prorations');
  // $62.00 − $6.20 − $5.00 = $50.80; of each 18 of 28 days: 3985.71 and 3265.71, so 720 are shared as 620 to 500: 398.57 and 321.43.
  assert.deepEqual((await life.waits()).map((item) => [item.amount, ...item.proration_details!.discount_amounts.map((each) => each.amount), item.net_amount]), [[-3_986, -399, -321, -3_266]]);
});

test('a schedule itemizes what its phases prorate', async () => {
  const life = await twoSeats('itemized');
  const taken = await stripe.subscriptionSchedules.create({ from_subscription: life.subscription.id });
  assert.deepEqual(taken.billing_mode.flexible, { proration_discounts: 'itemized' });
  const coupon = await stripe.coupons.create({ percent_off: 50, duration: 'forever' });
  const phase = (quantity: number) => ({ items: [{ price: life.price, quantity }], discounts: [{ coupon: coupon.id }] });
  const schedule = await stripe.subscriptionSchedules.create({
    customer: life.customer, start_date: 'now', billing_mode: mode('itemized'), phases: [{ ...phase(2), end_date: day('2026-01-16') }, { ...phase(4), proration_behavior: 'always_invoice' }],
  });
  const subscription = await stripe.subscriptions.retrieve(schedule.subscription as string);
  assert.deepEqual([schedule.billing_mode.flexible, subscription.billing_mode.flexible], [{ proration_discounts: 'itemized' }, { proration_discounts: 'itemized' }]);
  await life.until('2026-01-17');
  const invoice = (await stripe.invoices.list({ subscription: subscription.id, limit: 1 })).data[0]!;
  assert.deepEqual(linesOf(invoice), [[-3_200, -1_600], [6_400, 3_200]]);
});
