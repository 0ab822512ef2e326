import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import Stripe from 'stripe';
import { rows, sql } from '../../server/database/sql.ts';
import { inWorld } from '../../server/database/world.ts';
import { startKontor } from '../../tests/kontor.ts';
import { refused, untyped } from '../../tests/refused.ts';
import { seatPrice } from '../../tests/shop.ts';
import { listen, typesOf } from '../../tests/told.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

type Line = Partial<Stripe.InvoiceItemCreateParams>;

/** A finalized invoice over these lines, paid where `card` is given. */
async function billed(lines: readonly Line[], more: Partial<Stripe.InvoiceCreateParams> = {}, card: string | null = null, person: Stripe.CustomerCreateParams = {}): Promise<Stripe.Invoice> {
  const customer = await stripe.customers.create(person);
  const draft = await stripe.invoices.create({ customer: customer.id, currency: 'usd', auto_advance: false, ...(card === null && { collection_method: 'send_invoice', days_until_due: 30 }), ...more });
  for (const line of lines) await stripe.invoiceItems.create({ customer: customer.id, invoice: draft.id, currency: 'usd', ...line });
  const invoice = await stripe.invoices.finalizeInvoice(draft.id);
  if (card === null || invoice.status === 'paid') return invoice;
  const method = await stripe.paymentMethods.attach(card, { customer: customer.id });
  return stripe.invoices.pay(invoice.id, { payment_method: method.id });
}

const again = (invoice: Stripe.Invoice) => stripe.invoices.retrieve(invoice.id);
const whole = (invoice: Stripe.Invoice) => stripe.creditNotes.create({ invoice: invoice.id, amount: invoice.amount_remaining });
const vat = (inclusive: boolean, percentage = 19) => stripe.taxRates.create({ display_name: 'VAT', percentage, inclusive });
const balanceOf = async (id: string) => ((await stripe.customers.retrieve(id)) as Stripe.Customer).balance;
/** What the invoice says about what is to be paid. */
const state = ({ status, amount_due, amount_paid, amount_remaining, pre_payment_credit_notes_amount, post_payment_credit_notes_amount }: Stripe.Invoice) =>
  [status, amount_due, amount_paid, amount_remaining, pre_payment_credit_notes_amount, post_payment_credit_notes_amount];

async function ledger(customer: unknown): Promise<Record<string, number>> {
  const found = await inWorld(kontor.database.pool, kontor.world, (tx) =>
    rows<{ ledger_account: string; sum: string }>(tx, sql`select ledger_account, sum(amount)::text as sum from ledger_entries where customer = ${customer} group by 1 having sum(amount) <> 0 order by 1`));
  return Object.fromEntries(found.map((each) => [each.ledger_account, Number(each.sum)]));
}

test('a note over an open invoice takes off what is due, and the payment that waits is for the rest', async () => {
  const rate = await vat(false);
  const invoice = await billed([{ amount: 10_000, description: 'Desk', tax_rates: [rate.id] }], { collection_method: 'charge_automatically', days_until_due: undefined });
  const told = listen(kontor);
  await told();
  const note = await stripe.creditNotes.create({ invoice: invoice.id, amount: 1_190, reason: 'order_change', memo: 'One drawer less', metadata: { ticket: '7' }, effective_at: 1_767_225_600, email_type: 'none' });
  assert.deepEqual(typesOf(await told()), ['credit_note.created', 'invoice.updated']);
  const line = note.lines.data[0]!;
  const tax = { amount: 190, tax_behavior: 'exclusive', tax_rate_details: { tax_rate: rate.id }, taxability_reason: 'standard_rated', taxable_amount: 1_000, type: 'tax_rate_details' };
  assert.deepEqual(note, {
    id: note.id, object: 'credit_note', amount: 1_190, amount_shipping: 0, created: note.created, currency: 'usd', customer: invoice.customer, customer_account: null, customer_balance_transaction: null,
    discount_amount: 0, discount_amounts: [], effective_at: 1_767_225_600, invoice: invoice.id, livemode: false, memo: 'One drawer less', metadata: { ticket: '7' }, number: `${invoice.number}-CN-01`,
    out_of_band_amount: null, pdf: '', post_payment_amount: 0, pre_payment_amount: 1_190, pretax_credit_amounts: [], reason: 'order_change', refunds: [], shipping_cost: null, status: 'issued',
    subtotal: 1_000, subtotal_excluding_tax: 1_000, total: 1_190, total_excluding_tax: 1_000, total_taxes: [tax], type: 'pre_payment', voided_at: null,
    lines: {
      object: 'list', has_more: false, url: `/v1/credit_notes/${note.id}/lines`,
      data: [{
        id: line.id, object: 'credit_note_line_item', amount: 1_000, description: 'Desk', discount_amount: 0, discount_amounts: [], invoice_line_item: invoice.lines.data[0]!.id, livemode: false, metadata: {},
        pretax_credit_amounts: [], quantity: null, tax_rates: [rate], taxes: [tax], type: 'invoice_line_item', unit_amount: null, unit_amount_decimal: null,
      }],
    },
  });
  assert.deepEqual(state(await again(invoice)), ['open', 10_710, 0, 10_710, 1_190, 0]);
  const { data } = await stripe.paymentIntents.list({ customer: invoice.customer as string });
  assert.deepEqual(data.map((intent) => [intent.amount, intent.status]), [[10_710, 'requires_payment_method']]);
  assert.deepEqual(await ledger(invoice.customer), { receivable: 10_710, revenue: -9_000, tax_payable: -1_710 });
});

test('an open invoice of which nothing remains is paid, and its payment is ended', async () => {
  const invoice = await billed([{ amount: 5_000 }], { collection_method: 'charge_automatically', days_until_due: undefined });
  const told = listen(kontor);
  await told();
  await whole(invoice);
  assert.deepEqual(typesOf(await told()), ['credit_note.created', 'invoice.updated', 'invoice.paid', 'payment_intent.canceled']);
  assert.deepEqual(state(await again(invoice)), ['paid', 0, 0, 0, 5_000, 0]);
  assert.deepEqual(await ledger(invoice.customer), {});
});

test('a note over a paid invoice goes to the balance, and out of hand', async () => {
  const invoice = await billed([{ amount: 5_000, description: 'Desk' }], {}, 'pm_card_visa');
  const told = listen(kontor);
  await told();
  const note = await stripe.creditNotes.create({ invoice: invoice.id, amount: 2_000, credit_amount: 1_500, out_of_band_amount: 500 }, {});
  const events = await told();
  assert.deepEqual(typesOf(events), ['credit_note.created', 'invoice.updated', 'customer.updated']);
  assert.deepEqual(events.map((event) => event.previous), [null, { post_payment_credit_notes_amount: 0 }, { balance: 0 }]);
  assert.deepEqual([note.type, note.pre_payment_amount, note.post_payment_amount, note.out_of_band_amount], ['post_payment', 0, 2_000, 500]);
  assert.deepEqual(state(await again(invoice)), ['paid', 5_000, 5_000, 0, 0, 2_000]);
  const { data } = await stripe.customers.listBalanceTransactions(invoice.customer as string, { expand: ['data.credit_note'] });
  assert.deepEqual(data.map((each) => [each.id, each.type, each.amount, each.invoice, (each.credit_note as Stripe.CreditNote).id]), [[note.customer_balance_transaction, 'credit_note', -1_500, invoice.id, note.id]]);
  assert.equal(await balanceOf(invoice.customer as string), -1_500);
  assert.deepEqual(await ledger(invoice.customer), { cash_in_transit: 5_000, customer_balance: -1_500, paid_out_of_band: -500, revenue: -3_000 });
});

test('a note over more than remains takes off the rest, and gives back what was paid', async () => {
  const invoice = await billed([{ amount: 1_000 }]);
  const method = await stripe.paymentMethods.attach('pm_card_visa', { customer: invoice.customer as string });
  const intent = await stripe.paymentIntents.create({ amount: 400, currency: 'usd', customer: invoice.customer as string, payment_method: method.id, confirm: true, return_url: 'https://example.com' });
  await stripe.invoices.attachPayment(invoice.id, { payment_intent: intent.id });
  const note = await stripe.creditNotes.create({ invoice: invoice.id, amount: 900, credit_amount: 300 });
  assert.deepEqual([note.type, note.pre_payment_amount, note.post_payment_amount], ['mixed', 600, 300]);
  assert.deepEqual(state(await again(invoice)), ['paid', 400, 400, 0, 600, 300]);
  assert.equal(await balanceOf(invoice.customer as string), -300);
});

test('lines are credited by amount and by quantity, with their part of discount and tax, until nothing is left of them', async () => {
  const [rate, coupon] = [await vat(false, 7.7), await stripe.coupons.create({ percent_off: 33, duration: 'once' })];
  const price = await stripe.prices.create({ currency: 'usd', unit_amount_decimal: Stripe.Decimal.from('33.3'), product_data: { name: 'Screw' } });
  const invoice = await billed([{ pricing: { price: price.id }, quantity: 7, tax_rates: [rate.id] }, { amount: 1_001, tax_rates: [rate.id] }], { discounts: [{ coupon: coupon.id }] });
  const [screws, other] = invoice.lines.data;
  const notes: Stripe.CreditNote[] = [];
  for (const quantity of [1, 2, 4]) notes.push(await stripe.creditNotes.create({ invoice: invoice.id, lines: [{ type: 'invoice_line_item', invoice_line_item: screws!.id, quantity }] }));
  for (const amount of [500, 501]) notes.push(await stripe.creditNotes.create({ invoice: invoice.id, lines: [{ type: 'invoice_line_item', invoice_line_item: other!.id, amount, metadata: { n: '1' } }] }));
  // 7 × 33.3 = 233.1 → 233: 1 of 7 of 233, 2 of 6 of 200, and the 4 that are left.
  assert.deepEqual(notes.map((note) => note.lines.data[0]!.amount), [33, 67, 133, 500, 501]);
  assert.deepEqual(notes.map((note) => [note.lines.data[0]!.quantity, note.lines.data[0]!.unit_amount_decimal?.toString() ?? null]), [[1, '33.3'], [2, '33.3'], [4, '33.3'], [null, null], [null, null]]);
  const sum = (of: (note: Stripe.CreditNote) => number) => notes.reduce((all, note) => all + of(note), 0);
  assert.equal(sum((note) => note.total), invoice.total);
  assert.equal(sum((note) => note.discount_amount), invoice.total_discount_amounts![0]!.amount);
  assert.equal(sum((note) => note.total_taxes![0]!.amount), invoice.total_taxes![0]!.amount);
  assert.deepEqual(notes.map((note) => note.number), [1, 2, 3, 4, 5].map((n) => `${invoice.number}-CN-0${n}`));
  assert.deepEqual(state(await again(invoice)), ['paid', 0, 0, 0, invoice.total, 0]);
  assert.deepEqual(await ledger(invoice.customer), {});
});

test('an amount is taken of all lines in proportion, credits among them', async () => {
  const rate = await vat(true, 25);
  const invoice = await billed([{ amount: 3_000, tax_rates: [rate.id] }, { amount: -1_000 }, { amount: 0 }]);
  const half = await stripe.creditNotes.create({ invoice: invoice.id, amount: 1_001 });
  // 1.5015 and −0.5005 thousand: 1,501.5 → 1,502 and −500.5 → −501, the first with the larger remainder.
  assert.deepEqual(half.lines.data.map((line) => line.amount), [1_502, -501]);
  assert.deepEqual([half.subtotal, half.subtotal_excluding_tax, half.total, half.total_excluding_tax], [1_001, 701, 1_001, 701]);
  const rest = await whole(await again(invoice));
  assert.deepEqual(rest.lines.data.map((line) => line.amount), [1_498, -499]);
  assert.equal(half.total_taxes![0]!.amount + rest.total_taxes![0]!.amount, 600);
});

test('custom lines are priced and taxed by themselves', async () => {
  const rate = await vat(false);
  const invoice = await billed([{ amount: 10_000, tax_rates: [rate.id] }]);
  const note = await stripe.creditNotes.create({
    invoice: invoice.id,
    lines: [
      { type: 'custom_line_item', description: 'An apology', unit_amount_decimal: Stripe.Decimal.from('33.3'), quantity: 10, tax_rates: [rate.id] },
      { type: 'custom_line_item', description: 'Another', unit_amount: 100, tax_amounts: [{ amount: 7, tax_rate: rate.id, taxable_amount: 100 }] },
      { type: 'invoice_line_item', invoice_line_item: invoice.lines.data[0]!.id, amount: 1_000, tax_amounts: '' },
    ],
  });
  // 333 + 63 of tax; 100 + 7; 1,000 + 190.
  assert.deepEqual([note.total, note.total_excluding_tax, note.subtotal], [396 + 107 + 1_190, 1_433, 1_433]);
  assert.deepEqual(note.lines.data.map((line) => [line.type, line.amount, line.quantity, line.unit_amount, line.taxes![0]!.amount]), [
    ['custom_line_item', 333, 10, null, 63], ['custom_line_item', 100, 1, 100, 7], ['invoice_line_item', 1_000, null, null, 190],
  ]);
});

test('a voided note is due again, and another one has the next number', async () => {
  const invoice = await billed([{ amount: 5_000 }], { collection_method: 'charge_automatically', days_until_due: undefined });
  const note = await stripe.creditNotes.create({ invoice: invoice.id, amount: 2_000 });
  const told = listen(kontor);
  await told();
  const voided = await stripe.creditNotes.voidCreditNote(note.id);
  assert.deepEqual(typesOf(await told()), ['credit_note.voided', 'invoice.updated']);
  assert.deepEqual([voided.status, typeof voided.voided_at], ['void', 'number']);
  assert.deepEqual(state(await again(invoice)), ['open', 5_000, 0, 5_000, 0, 0]);
  assert.equal((await stripe.paymentIntents.list({ customer: invoice.customer as string })).data[0]!.amount, 5_000);
  assert.deepEqual(await ledger(invoice.customer), { receivable: 5_000, revenue: -5_000 });
  await assert.rejects(stripe.creditNotes.voidCreditNote(note.id), { code: 'status_transition_invalid' });
  const next = await whole(await again(invoice));
  assert.equal(next.number, `${invoice.number}-CN-02`);
  await assert.rejects(stripe.creditNotes.voidCreditNote(next.id), { code: 'status_transition_invalid' }, 'it has paid the invoice');
});

test('an invoice that is credited in part can be written off, or voided', async () => {
  const rate = await vat(false);
  const [lost, wrong] = [await billed([{ amount: 1_000, tax_rates: [rate.id] }]), await billed([{ amount: 1_000, tax_rates: [rate.id] }])];
  for (const invoice of [lost, wrong]) await stripe.creditNotes.create({ invoice: invoice.id, amount: 119 });
  await stripe.invoices.markUncollectible(lost.id);
  assert.deepEqual(await ledger(lost.customer), { bad_debt: 1_071, revenue: -900, tax_payable: -171 });
  const note = await stripe.creditNotes.create({ invoice: lost.id, amount: 71 });
  await stripe.creditNotes.voidCreditNote(note.id);
  await whole(await again(lost));
  assert.deepEqual(await ledger(lost.customer), {});
  await stripe.invoices.voidInvoice(wrong.id);
  assert.deepEqual(await ledger(wrong.customer), {});
});

test('a note of what the balance had paid gives it back to the balance', async () => {
  const invoice = await billed([{ amount: 1_000 }], {}, 'pm_card_visa', { balance: -1_000 });
  assert.deepEqual([invoice.status, invoice.amount_due], ['paid', 0]);
  await stripe.creditNotes.create({ invoice: invoice.id, amount: 600, credit_amount: 600 });
  assert.equal(await balanceOf(invoice.customer as string), -600);
});

test('what makes the first invoice of a subscription paid lets it begin', async () => {
  const customer = await stripe.customers.create();
  const price = await seatPrice(stripe, 1_000);
  const subscription = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }], payment_behavior: 'default_incomplete' });
  assert.equal(subscription.status, 'incomplete');
  await stripe.creditNotes.create({ invoice: subscription.latest_invoice as string, amount: 1_000 });
  assert.equal((await stripe.subscriptions.retrieve(subscription.id)).status, 'active');
});

test('units that were credited and voided can be credited again, to the last cent', async () => {
  const price = await stripe.prices.create({ currency: 'usd', unit_amount_decimal: Stripe.Decimal.from('33.333333'), product_data: { name: 'Third' } });
  const invoice = await billed([{ pricing: { price: price.id }, quantity: 3 }]);
  const one = () => stripe.creditNotes.create({ invoice: invoice.id, lines: [{ type: 'invoice_line_item', invoice_line_item: invoice.lines.data[0]!.id, quantity: 1 }] });
  const [first, second] = [await one(), await one()];
  await stripe.creditNotes.voidCreditNote(first.id);
  const [third, fourth] = [await one(), await one()];
  // A third of 100 is 33; half of 67 is 34. With the first one void 66 are left: 33 and 33.
  assert.deepEqual([first.total, second.total, third.total, fourth.total], [33, 34, 33, 33]);
});

test('two notes at once do not credit more than there is', async () => {
  const invoice = await billed([{ amount: 1_000 }]);
  const both = await Promise.allSettled([1, 2].map(() => stripe.creditNotes.create({ invoice: invoice.id, amount: 600 })));
  assert.deepEqual(both.map((each) => each.status).sort(), ['fulfilled', 'rejected']);
  assert.equal((await again(invoice)).amount_due, 400);
});

test('what lives on a test clock is credited at its time, and goes with it', async () => {
  const { id: test_clock } = await stripe.testHelpers.testClocks.create({ frozen_time: 1_767_225_600 });
  const invoice = await billed([{ amount: 1_000 }], {}, 'pm_card_visa', { test_clock });
  const note = await stripe.creditNotes.create({ invoice: invoice.id, amount: 600, credit_amount: 600 });
  assert.deepEqual([note.created, note.effective_at], [1_767_225_600, 1_767_225_600]);
  assert.ok((await stripe.creditNotes.list({ limit: 100 })).data.every((each) => each.id !== note.id));
  await stripe.testHelpers.testClocks.del(test_clock);
  await assert.rejects(stripe.creditNotes.retrieve(note.id), { code: 'resource_missing' });
});

test('a preview shows the note and changes nothing', async () => {
  const invoice = await billed([{ amount: 1_000 }, { amount: 500 }, { amount: 250 }], {}, 'pm_card_visa');
  const told = listen(kontor);
  await told();
  const note = await stripe.creditNotes.preview({ invoice: invoice.id, amount: 700 });
  assert.deepEqual([note.total, note.post_payment_amount, note.number, note.lines.data.map((line) => line.amount)], [700, 700, `${invoice.number}-CN-01`, [400, 200, 100]]);
  const first = await stripe.creditNotes.listPreviewLineItems({ invoice: invoice.id, amount: 700, limit: 1 });
  assert.deepEqual([first.data.map((line) => line.amount), first.has_more], [[400], true]);
  const rest = await stripe.creditNotes.listPreviewLineItems({ invoice: invoice.id, amount: 700, starting_after: first.data[0]!.id });
  assert.deepEqual([rest.data.map((line) => line.amount), rest.has_more], [[200, 100], false]);
  assert.deepEqual(await told(), []);
  assert.deepEqual((await stripe.creditNotes.list({ invoice: invoice.id })).data, []);
});

test('notes are read, listed and described anew', async () => {
  const invoice = await billed(Array.from({ length: 12 }, () => ({ amount: 100 })));
  const note = await stripe.creditNotes.create({ invoice: invoice.id, amount: 600, memo: 'a', metadata: { a: '1', b: '2' } });
  assert.deepEqual([note.lines.data.length, note.lines.has_more], [10, true]);
  const { data, has_more } = await stripe.creditNotes.listLineItems(note.id, { starting_after: note.lines.data[9]!.id });
  assert.deepEqual([data.map((line) => line.amount), has_more], [[50, 50], false]);
  const told = listen(kontor);
  await told();
  const changed = await stripe.creditNotes.update(note.id, { memo: 'b', metadata: { a: '' } });
  assert.deepEqual((await told()).map((event) => [event.type, event.previous]), [['credit_note.updated', { memo: 'a', metadata: { a: '1' } }]]);
  assert.deepEqual(await stripe.creditNotes.retrieve(note.id), changed);
  for (const filter of [{ invoice: invoice.id }, { customer: invoice.customer as string }, { invoice: invoice.id, created: { gte: note.created } }]) {
    assert.deepEqual((await stripe.creditNotes.list(filter)).data.map((each) => each.id), [note.id]);
  }
  const expanded = await stripe.creditNotes.retrieve(note.id, { expand: ['customer', 'invoice.customer', 'lines', 'customer_balance_transaction'] });
  assert.equal(((expanded.invoice as Stripe.Invoice).customer as Stripe.Customer).id, (expanded.customer as Stripe.Customer).id);
});

test('what is wrong with a request is said', async () => {
  const invoice = await billed([{ amount: 1_000 }]);
  const paid = await billed([{ amount: 1_000 }], {}, 'pm_card_visa');
  const draft = await stripe.invoices.create({ customer: invoice.customer as string, currency: 'usd' });
  const gone = await stripe.invoices.voidInvoice((await billed([{ amount: 1_000 }])).id);
  const rate = await vat(false);
  const [il, other] = [invoice.lines.data[0]!.id, paid.lines.data[0]!.id];
  const create = (given: object) => () => stripe.creditNotes.create({ invoice: invoice.id, ...given } as Stripe.CreditNoteCreateParams);
  const line = (given: object) => create({ lines: [{ type: 'invoice_line_item', invoice_line_item: il, ...given }] });
  const custom = (given: object) => create({ lines: [{ type: 'custom_line_item', ...given }] });
  await refused([
    [() => stripe.creditNotes.create(untyped({ amount: 1 })), 'parameter_missing', 'invoice'],
    [create({ invoice: 'in_nothing', amount: 1 }), 'resource_missing', 'invoice'],
    [create({ invoice: draft.id, amount: 1 }), undefined, 'invoice'],
    [create({ invoice: gone.id, amount: 1 }), undefined, 'invoice'],
    [create({}), 'parameter_missing', 'amount'],
    [create({ amount: 1, lines: [{ type: 'invoice_line_item', invoice_line_item: il, amount: 1 }] }), 'parameters_exclusive', 'amount'],
    [create({ amount: 0 }), 'parameter_invalid_integer', 'amount'],
    [create({ amount: 1_001 }), 'amount_too_large', 'amount'],
    [create({ amount: 1, credit_amount: 1 }), undefined, 'credit_amount'],
    [create({ invoice: paid.id, amount: 10 }), undefined, 'credit_amount'],
    [create({ invoice: paid.id, amount: 10, out_of_band_amount: 9 }), undefined, 'out_of_band_amount'],
    [create({ invoice: paid.id, amount: 10, refund_amount: 9 }), undefined, 'refund_amount'],
    [create({ amount: 1, refunds: [{ refund: 're_1' }] }), 'resource_missing', 'refunds[0][refund]'],
    [create({ shipping_cost: { shipping_rate: 'shr_1' } }), 'parameter_unknown', 'shipping_cost'],
    [create({ amount: 1, reason: 'whim' }), undefined, 'reason'],
    [create({ amount: 1, email_type: 'credit_note' }), undefined, 'email_type'],
    [line({}), 'parameter_missing', 'lines[0][amount]'],
    [line({ amount: 1, quantity: 1 }), 'parameters_exclusive', 'lines[0][amount]'],
    [line({ amount: 0 }), undefined, 'lines'],
    [line({ amount: -1 }), 'amount_too_large', 'lines[0][amount]'],
    [line({ amount: 1_001 }), 'amount_too_large', 'lines[0][amount]'],
    [line({ quantity: 2 }), 'amount_too_large', 'lines[0][quantity]'],
    [line({ amount: 1, unit_amount: 1 }), undefined, 'lines[0][unit_amount]'],
    [line({ amount: 1, tax_amounts: [{ amount: 1, tax_rate: rate.id, taxable_amount: 1 }] }), 'amount_too_large', 'lines[0][tax_amounts][0][amount]'],
    [line({ invoice_line_item: other, amount: 1 }), 'resource_missing', 'lines[0][invoice_line_item]'],
    [create({ lines: [1, 2].map((amount) => ({ type: 'invoice_line_item', invoice_line_item: il, amount })) }), undefined, 'lines[1][invoice_line_item]'],
    [custom({}), 'parameter_missing', 'lines[0][unit_amount]'],
    [custom({ unit_amount: 1, unit_amount_decimal: '1' }), 'parameters_exclusive', 'lines[0][unit_amount]'],
    [custom({ unit_amount: 1, amount: 1 }), undefined, 'lines[0][amount]'],
    [custom({ unit_amount: 1, tax_rates: ['txr_nothing'] }), 'resource_missing', 'lines[0][tax_rates][0]'],
    [custom({ unit_amount: 1, tax_rates: [rate.id], tax_amounts: [{ amount: 0, tax_rate: rate.id, taxable_amount: 1 }] }), 'parameters_exclusive', 'lines[0][tax_amounts]'],
    [custom({ unit_amount: 100, tax_rates: [rate.id] }), 'amount_too_large', 'lines'],
    [custom({ unit_amount: 999_999_999_999, quantity: 999_999_999 }), 'amount_too_large', 'lines'],
    [() => stripe.creditNotes.preview({ invoice: invoice.id, amount: 1, out_of_band_amount: 1 }), undefined, 'out_of_band_amount'],
    [() => stripe.creditNotes.retrieve('cn_nothing'), 'resource_missing', 'id', 404],
    [() => stripe.creditNotes.update('cn_nothing'), 'resource_missing', 'id', 404],
    [() => stripe.creditNotes.voidCreditNote('cn_nothing'), 'resource_missing', 'id', 404],
    [() => stripe.creditNotes.listLineItems('cn_nothing'), 'resource_missing', 'id', 404],
  ]);
  await line({ amount: 1 })();
  await assert.rejects(line({ quantity: 1 }), { param: 'lines[0][quantity]' });
});
