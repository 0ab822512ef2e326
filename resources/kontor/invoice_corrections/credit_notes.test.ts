import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { when } from '../../../tests/awaited.ts';
import { FEBRUARY, HOUR, START } from '../../../tests/days.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { explained, own, type Json } from '../../../tests/own.ts';
import { customerAt, meteredPrice, meterOf, report } from '../../../tests/shop.ts';

const MARCH = Date.UTC(2026, 2, 1) / 1_000;

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const meter = (await meterOf(stripe, 'calls')).id;
const price = (await meteredPrice(stripe, meter, 100)).id;

/** A customer who was billed 10 calls for January, at $1.00 each. */
async function billed(more: Partial<Stripe.SubscriptionCreateParams> = {}, before: (customer: string) => Promise<unknown> = async () => undefined) {
  const { clock, customer } = await customerAt(stripe, START);
  await before(customer);
  await stripe.subscriptions.create({ customer, items: [{ price }], ...more });
  const use = (value: number) => report(stripe, 'calls', customer, value, FEBRUARY - 60);
  await kontor.advance(clock, FEBRUARY - 60);
  await use(10);
  await kontor.advance(clock, FEBRUARY + 2 * HOUR);
  const latest = async () => (await stripe.invoices.list({ customer, limit: 1 })).data[0]!;
  const invoice = await latest();
  const line = invoice.lines.data[0]!.id;
  const credit = (amount: number, of = { invoice: invoice.id, line }, given: object = { credit_amount: amount }) =>
    stripe.creditNotes.create({ invoice: of.invoice, lines: [{ type: 'invoice_line_item', invoice_line_item: of.line, amount }], ...given });
  const waiting = async () => (await stripe.invoiceItems.list({ customer, pending: true })).data;
  return { clock, customer, use, latest, invoice, line, credit, waiting };
}

test('a correction gives back no more than what a credit note has left, and says so', async () => {
  const { clock, use, latest, invoice, line, credit, waiting } = await billed();
  await credit(400);
  await use(-3);
  assert.deepEqual((await waiting()).map((item) => item.amount), [-300]);
  await use(-5);
  const [item] = await waiting();
  assert.deepEqual([item!.amount, item!.description], [-600, `Correction of ${invoice.number}: 2 instead of 10 × Calls (at $1.00 / month), as far as credit notes have left it`]);
  assert.deepEqual((await own(stripe, 'GET', `invoice_corrections?invoice=${invoice.id}`)).data.map((each: Json) => [each.amount, each.quantity_after, each.kept_by_credit_notes, each.line]), [[-300, '2', 400, line], [-300, '7', null, line]]);
  // Whatever comes after it, it is as if the truth had been known at once.
  await use(3);
  assert.deepEqual((await waiting()).map((each) => [each.amount, each.description]), [[-500, `Correction of ${invoice.number}: 5 instead of 10 × Calls (at $1.00 / month)`]]);
  await use(-4);
  await kontor.advance(clock, MARCH + 2 * HOUR);
  const next = await latest();
  assert.equal(next.lines.data[0]!.amount, -600);
  const { lines: [{ sentences }] } = await explained(stripe, next.id);
  assert.ok(sentences.some((each: string) => each.includes('billed 10 where it is 1 now') && each.includes('Credit notes gave back $4.00 of it, so that it is put right down to $4.00 only: $4.00 − $10.00 = -$6.00.')), sentences.join('\n'));
  await use(3);
  assert.deepEqual(await waiting(), []);
  await use(1);
  assert.deepEqual((await waiting()).map((each) => each.amount), [100]);
  await kontor.advance(clock, MARCH + 29 * 86_400);
});

test('a credit note takes no more of a line than what corrections have left', async () => {
  const { use, line, invoice, credit, waiting } = await billed();
  await use(-8);
  await assert.rejects(credit(600), { code: 'amount_too_large', param: 'lines[0][amount]', message: `Of the line ${line}, $2.00 can still be credited, not $6.00.` });
  await assert.rejects(stripe.creditNotes.create({ invoice: invoice.id, amount: 600, credit_amount: 600 }), { code: 'amount_too_large', param: 'amount' });
  await assert.rejects(stripe.creditNotes.create({ invoice: invoice.id, lines: [{ type: 'invoice_line_item', invoice_line_item: line, quantity: 1 }], credit_amount: 100 }), { param: 'lines[0][quantity]', message: /corrections/ });
  await credit(200);
  await assert.rejects(credit(1), { code: 'amount_too_large' });
  await use(-2);
  assert.deepEqual((await waiting()).map((item) => item.amount), [-800]);
});

test('what was credited of late usage is not given back again with it', async () => {
  const { clock, use, latest, credit, waiting } = await billed();
  await use(3);
  await kontor.advance(clock, MARCH + 2 * HOUR);
  const next = await latest();
  const late = next.lines.data[0]!;
  assert.equal(late.amount, 300);
  await credit(300, { invoice: next.id, line: late.id });
  await use(-3);
  assert.deepEqual((await waiting()).map((item) => item.amount), [-300]);
  await use(-8);
  assert.deepEqual((await waiting()).map((item) => item.amount), [-1_000]);
});

test('discounts, taxes and credit go with what is left, and nothing is given back twice', async () => {
  const rate = await stripe.taxRates.create({ display_name: 'VAT', percentage: 10, inclusive: false });
  const coupon = await stripe.coupons.create({ percent_off: 10, duration: 'forever' });
  const given = await billed({ default_tax_rates: [rate.id], discounts: [{ coupon: coupon.id }] }, (customer) =>
    stripe.billing.creditGrants.create({ customer, amount: { type: 'monetary', monetary: { currency: 'usd', value: 450 } }, applicability_config: { scope: { price_type: 'metered' } }, category: 'paid' }));
  const { clock, use, latest, invoice, credit, waiting } = given;
  // $10.00 less $1.00 less $4.50 of credit, with 10 % tax.
  assert.equal(invoice.total, 495);
  const note = await credit(400, undefined, { credit_amount: 198 });
  assert.equal(note.total, 198);
  const corrected = async () => (await own(stripe, 'GET', `invoice_corrections?invoice=${invoice.id}`)).data.reduce((sum: number[], each: Json) => [sum[0]! + each.amount, sum[1]! + each.total, sum[2]! + each.credits.reduce((all: number, one: Json) => all + one.amount, 0)], [0, 0, 0]);
  // Five calls are $4.50: $1.80 of them in money were given back already, the other $2.70 are met by credit.
  await use(-5);
  assert.deepEqual(await corrected(), [-500, -297, -180]);
  await use(-5);
  assert.deepEqual(await corrected(), [-600, -297, -270]);
  await kontor.advance(clock, MARCH + 2 * HOUR);
  assert.deepEqual(await waiting(), []);
  await explained(stripe, (await latest()).id);
});

test('a credit note that is voided leaves the correction to give back all', async () => {
  const { use, invoice, credit, waiting } = await billed({ collection_method: 'send_invoice', days_until_due: 30 });
  const note = await credit(400, undefined, {});
  await use(-8);
  assert.deepEqual((await waiting()).map((item) => item.amount), [-600]);
  await stripe.creditNotes.voidCreditNote(note.id);
  const [correction] = await when(waiting, ([item]) => item!.amount === -800);
  assert.equal(correction!.description, `Correction of ${invoice.number}: 2 instead of 10 × Calls (at $1.00 / month)`);
});

test('what nobody expects to be paid any more is not given back as money: it is credited on its invoice', async () => {
  const { customer, use, invoice, waiting } = await billed({ collection_method: 'send_invoice', days_until_due: 30 });
  await stripe.invoices.markUncollectible(invoice.id);
  await use(-4);
  const { data: [note] } = await stripe.creditNotes.list({ invoice: invoice.id });
  const { amount_remaining, status } = await stripe.invoices.retrieve(invoice.id);
  assert.deepEqual([note!.total, note!.pre_payment_amount, amount_remaining, status, await waiting()], [400, 400, 600, 'uncollectible', []]);
  assert.equal((await stripe.customers.retrieve(customer) as Stripe.Customer).balance, 0);
  // What comes late is charged by the next invoice all the same.
  await use(1);
  assert.deepEqual((await waiting()).map((item) => item.amount), [100]);
});

test('a correction that is a credit note itself takes what the others have left', async () => {
  await own(stripe, 'POST', 'settings', { corrections: 'credit_note' });
  const { use, invoice, credit, waiting } = await billed();
  await credit(400);
  await use(-8);
  await use(-1);
  const { data: notes } = await stripe.creditNotes.list({ invoice: invoice.id });
  assert.deepEqual([notes.map((note) => note.total), await waiting()], [[600, 400], []]);
  await own(stripe, 'POST', 'settings', { corrections: 'next_invoice' });
});
