/** What is taken back of invoices, open and paid. What each comes to is worked out beside it; the whole paper is in goldens/. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startKontor } from '../kontor.ts';
import { begin } from './story.ts';

const kontor = await startKontor();
after(() => kontor.close());

test('a paid month is credited in part, and the next one is met by it', async (t) => {
  const { stripe } = kontor;
  const vat = await stripe.taxRates.create({ display_name: 'VAT', percentage: 20, inclusive: false });
  const price = await stripe.prices.create({ currency: 'usd', unit_amount: 2_500, recurring: { interval: 'month' }, product_data: { name: 'Room' } });
  const kim = await begin(kontor, '2026-03-01T09:00', { name: 'Kim', invoice_prefix: 'KIM' });
  const subscription = await kim.tells('Kim rents four rooms.', () => stripe.subscriptions.create({ customer: kim.customer, items: [{ price: price.id, quantity: 4 }], default_tax_rates: [vat.id] }));
  await kim.until('2026-03-12T15:00');
  const invoice = await stripe.invoices.retrieve(subscription.latest_invoice as string);
  const room = { invoice: invoice.id, lines: [{ type: 'invoice_line_item' as const, invoice_line_item: invoice.lines.data[0]!.id, quantity: 1 }] };
  const seen = await stripe.creditNotes.preview(room);
  await kim.tells('One room was flooded: its month goes to the balance.', () => stripe.creditNotes.create({ ...room, credit_amount: seen.total, reason: 'product_unsatisfactory' }));
  await kim.until('2026-04-01T09:30');
  const drafted = await stripe.subscriptions.retrieve(subscription.id);
  await kim.until('2026-04-01T11:00');
  await kim.until('2026-04-02T09:00');
  await kim.tells('Kim gives notice.', () => stripe.subscriptions.cancel(subscription.id));
  const second = await stripe.invoices.retrieve(drafted.latest_invoice as string);
  // 4 × $25 and 20 %; of that one room, $25 and 20 %, was credited.
  assert.equal(seen.total, 3_000);
  assert.deepEqual([second.total, second.amount_due, second.amount_paid], [12_000, 9_000, 9_000]);
  await kim.isTold(t, 'credited_month');
});

test('an open bill is credited twice, and paid with what is left of it', async (t) => {
  const { stripe } = kontor;
  const vat = await stripe.taxRates.create({ display_name: 'VAT', percentage: 7, inclusive: true });
  const lou = await begin(kontor, '2026-05-04T08:00', { name: 'Lou', invoice_prefix: 'LOU' });
  const draft = await stripe.invoices.create({ customer: lou.customer, auto_advance: false, collection_method: 'send_invoice', days_until_due: 14 });
  for (const [description, amount] of [['Bread', 10_000], ['Cake', 5_350]] as const) await stripe.invoiceItems.create({ customer: lou.customer, invoice: draft.id, currency: 'usd', amount, description, tax_rates: [vat.id] });
  const invoice = await lou.tells('Lou is billed.', () => stripe.invoices.finalizeInvoice(draft.id));
  await lou.tells('The cake never came.', () => stripe.creditNotes.create({ invoice: invoice.id, lines: [{ type: 'invoice_line_item', invoice_line_item: invoice.lines.data[1]!.id, amount: 5_350 }] }));
  const mistaken = await lou.tells('A tenth of the bread was stale.', () => stripe.creditNotes.create({ invoice: invoice.id, amount: 1_000 }));
  await lou.tells('No, it was not.', () => stripe.creditNotes.voidCreditNote(mistaken.id));
  await lou.until('2026-05-10T08:00');
  await lou.tells('Lou pays.', () => stripe.invoices.pay(invoice.id));
  await lou.tells('Half of the bread was stale indeed.', () => stripe.creditNotes.create({ invoice: invoice.id, amount: 5_000, out_of_band_amount: 2_000, credit_amount: 3_000 }));
  const paid = await stripe.invoices.retrieve(invoice.id);
  // $100 and $53.50, less the cake; then $50 of the bread given back.
  assert.deepEqual([paid.amount_due, paid.amount_paid, paid.pre_payment_credit_notes_amount, paid.post_payment_credit_notes_amount], [10_000, 10_000, 5_350, 5_000]);
  await lou.isTold(t, 'credited_bill');
});
