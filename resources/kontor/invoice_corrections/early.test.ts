import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { when } from '../../../tests/awaited.ts';
import { verify } from '../../../server/verify.ts';
import { DAY, FEBRUARY, START } from '../../../tests/days.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { own, type Json } from '../../../tests/own.ts';
import { customerAt, invoicesOf, meteredPrice, meterOf } from '../../../tests/shop.ts';

const MARCH = Date.UTC(2026, 2, 1) / 1_000;
const LATER = 7_200;

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const { id: meter } = await meterOf(stripe, 'calls');
const recurring = { interval: 'month', usage_type: 'metered', meter } as const;
const calls = (await meteredPrice(stripe, meter, 100)).id;
const steps = (await stripe.prices.create({ currency: 'usd', billing_scheme: 'tiered', tiers_mode: 'volume', tiers: [{ up_to: 10, unit_amount: 100 }, { up_to: 'inf', unit_amount: 50 }], recurring, product_data: { name: 'Steps' } })).id;
const packs = (await meteredPrice(stripe, meter, 500, { transform_quantity: { divide_by: 5, round: 'up' }, product_data: { name: 'Packs' } })).id;

/** A customer of whose January ten calls, $10.00, were billed on its second day. */
async function early(price = calls, more: Partial<Stripe.SubscriptionCreateParams> = {}, first: (customer: string) => Promise<unknown> = async () => undefined) {
  const { clock, customer } = await customerAt(stripe, START);
  await first(customer);
  const { id: subscription } = await stripe.subscriptions.create({ customer, items: [{ price }], billing_thresholds: { amount_gte: 1_000 }, ...more });
  let now = START;
  const reach = async (at: number) => {
    if (at > now) await kontor.advance(clock, (now = at));
  };
  const use = async (value: number, timestamp: number) => {
    await reach(timestamp);
    const event = await stripe.billing.meterEvents.create({ event_name: 'calls', timestamp, payload: { stripe_customer_id: customer, value: String(value) } });
    return () => stripe.billing.meterEventAdjustments.create({ event_name: 'calls', type: 'cancel', cancel: { identifier: event.identifier } });
  };
  const takeBack = [await use(4, START + DAY), await use(6, START + DAY)] as const;
  // Where all periods begin anew with it, it is billed a second later.
  if (more.billing_thresholds && more.billing_thresholds.reset_billing_cycle_anchor) await reach(START + DAY + 60);
  const invoices = () => invoicesOf(stripe, customer);
  const [invoice] = (await when(invoices, (found) => found.some((each) => each.billing_reason === 'subscription_threshold' && each.status === (each.collection_method === 'send_invoice' ? 'open' : 'paid')))).filter((each) => each.billing_reason === 'subscription_threshold');
  const line = invoice!.lines.data[0]!.id;
  const credit = (amount: number, of = { invoice: invoice!.id, line }, given: Partial<Stripe.CreditNoteCreateParams> = { credit_amount: amount }) =>
    stripe.creditNotes.create({ invoice: of.invoice, lines: [{ type: 'invoice_line_item', invoice_line_item: of.line, amount }], ...given });
  const last = async () => (await invoices()).at(-1)!;
  const waiting = async () => (await stripe.invoiceItems.list({ customer, pending: true })).data.map((item) => item.amount);
  const end = async (at = FEBRUARY + LATER) => (await reach(at), last());
  /** What was billed, less what was given back, in all. */
  const paid = async () => (await invoices()).reduce((sum, each) => (each.status === 'void' ? sum : sum + each.total - each.pre_payment_credit_notes_amount - each.post_payment_credit_notes_amount), 0) + (await waiting()).reduce((sum, amount) => sum + amount, 0);
  return { customer, subscription, reach, use, takeBack, invoices, invoice: invoice!, line, credit, last, waiting, end, paid };
}

async function explained(id: string): Promise<Json> {
  const told = await own(stripe, 'GET', `invoices/${id}/explanation`);
  assert.deepEqual([told.differences, told.agrees], [[], true]);
  return told;
}

/** Whatever happens first, what is paid in the end is what the usage comes to, less what somebody gave away of it; and all bills are explained. */
async function settles({ invoices, paid }: Awaited<ReturnType<typeof early>>, expected: number): Promise<void> {
  assert.equal(await paid(), expected);
  for (const { id } of await invoices()) await explained(id);
}

const lines = ({ lines: { data } }: Stripe.Invoice) => data.map((line) => [line.amount, line.quantity]);

test('what a credit note gave back of usage that was billed early is not given back again at the end of the period', async () => {
  const life = await early();
  await life.credit(400);
  for (const takeBack of life.takeBack) await takeBack();
  const bill = await life.end();
  assert.deepEqual(bill.lines.data.map(({ amount }) => amount), [-600]);
  const { lines: [{ sentences }] } = await explained(bill.id);
  assert.ok(sentences.some((each: string) => each.includes('have left $6.00 of it, and no more is given back: -$6.00.')), sentences.join('\n'));
  await settles(life, 0);
});

test('what is left of it is charged: the usage less what was given away', async () => {
  const life = await early();
  await life.credit(200);
  await life.takeBack[1]();
  assert.deepEqual((await life.end()).lines.data.map(({ amount }) => amount), [-600]);
  await settles(life, 200);
});

test('usage is taken back first: a credit note gives back what is left', async () => {
  const life = await early();
  for (const takeBack of life.takeBack) await takeBack();
  await life.credit(1_000);
  assert.deepEqual((await life.end()).lines.data.map(({ amount }) => amount), [0]);
  await settles(life, 0);
  const other = await early();
  await other.takeBack[1]();
  await other.end();
  // Of $10.00, $6.00 went back at the end of the period.
  await assert.rejects(other.credit(500), { code: 'amount_too_large', message: /\$4\.00 can still be credited/ });
  await other.credit(400);
  await assert.rejects(other.credit(1), { code: 'amount_too_large' });
  await settles(other, 0);
  // Two more turn out to have been used.
  await other.use(6, START + 3 * DAY);
  assert.deepEqual(await other.waiting(), [600]);
});

test('by units, by an amount of the whole invoice, with a discount and taxes: the same parts go back', async () => {
  const rate = await stripe.taxRates.create({ display_name: 'VAT', percentage: 10, inclusive: false });
  const coupon = await stripe.coupons.create({ percent_off: 10, duration: 'forever' });
  const taxed = { default_tax_rates: [rate.id], discounts: [{ coupon: coupon.id }] };
  for (const given of [{ lines: (line: string) => [{ type: 'invoice_line_item' as const, invoice_line_item: line, quantity: 4 }], amount: 396 }, { lines: null, amount: 495 }]) {
    const life = await early(calls, { ...taxed, billing_thresholds: { amount_gte: 1_000 } });
    assert.equal(life.invoice.total, 990);
    await stripe.creditNotes.create({ invoice: life.invoice.id, credit_amount: given.amount, ...(given.lines ? { lines: given.lines(life.line) } : { amount: given.amount }) });
    for (const takeBack of life.takeBack) await takeBack();
    assert.equal((await life.end()).total, given.amount - 990);
    await settles(life, 0);
  }
});

test('where later units make the earlier ones cheaper, no more is given back than is left', async () => {
  const life = await early(steps);
  await life.credit(800);
  await life.use(1, START + 2 * DAY);
  // Eleven at 50 cents are $5.50; $10.00 were billed and $8.00 given back.
  assert.deepEqual((await life.end()).lines.data.map(({ amount }) => amount), [-200]);
  await settles(life, 0);
  const packed = await early(packs);
  await packed.credit(700);
  await packed.takeBack[1]();
  // One pack of the two is left, of which $2.00 were given away too much.
  assert.deepEqual((await packed.end()).lines.data.map(({ amount }) => amount), [-300]);
  await settles(packed, 0);
});

test('what is put right after the period gives back of both its bills, and no more than notes on either have left', async () => {
  const life = await early();
  await life.use(5, START + 3 * DAY);
  const bill = await life.end();
  assert.deepEqual(lines(bill), [[500, 5]]);
  await life.credit(400);
  await life.credit(200, { invoice: bill.id, line: bill.lines.data[0]!.id });
  await life.use(-5, START + 3 * DAY);
  // $10.00 of $15.00 are the truth, of which $6.00 were given away.
  assert.deepEqual(await life.waiting(), [-500]);
  await life.use(-6, START + 2 * DAY);
  assert.deepEqual(await life.waiting(), [-900]);
  await settles(life, 0);
  await life.use(-4, START + 2 * DAY);
  assert.deepEqual(await life.waiting(), [-900]);
  await life.use(8, START + 2 * DAY);
  assert.deepEqual(await life.waiting(), [-700]);
  await life.use(-1, START + 2 * DAY);
  assert.deepEqual(await life.waiting(), [-800]);
  await life.end(MARCH + LATER);
  await settles(life, 100);
});

test('a note that is voided, or an invoice, changes what can be given back, before the end of the period and after it', async () => {
  const later = { collection_method: 'send_invoice', days_until_due: 90 } as const;
  const life = await early(calls, later);
  const note = await life.credit(400, undefined, {});
  for (const takeBack of life.takeBack) await takeBack();
  assert.deepEqual((await life.end()).lines.data.map(({ amount }) => amount), [-600]);
  await stripe.creditNotes.voidCreditNote(note.id);
  assert.deepEqual(await when(life.waiting, (found) => found.length > 0), [-400]);
  await life.end(MARCH + LATER);
  await settles(life, 0);
  const voided = await early(calls, later);
  await stripe.invoices.voidInvoice(voided.invoice.id);
  await voided.takeBack[1]();
  await voided.use(1, START + 3 * DAY);
  // Nothing was paid: what was billed is forgiven, and is not given back besides.
  assert.deepEqual((await voided.end()).lines.data.map(({ amount }) => amount), [0]);
  await settles(voided, 0);
  const too_late = await early(calls, later);
  await too_late.takeBack[1]();
  assert.deepEqual((await too_late.end()).lines.data.map(({ amount }) => amount), [-600]);
  await stripe.invoices.voidInvoice(too_late.invoice.id);
  assert.deepEqual(await when(too_late.waiting, (found) => found.length > 0), [600]);
  await too_late.end(MARCH + LATER);
  await settles(too_late, 0);
});

test('where the period ended with it, the invoice is corrected; where the item goes, or gets another price, the same holds', async () => {
  const reset = await early(calls, { billing_thresholds: { amount_gte: 1_000, reset_billing_cycle_anchor: true } });
  await reset.credit(400);
  for (const takeBack of reset.takeBack) await takeBack();
  assert.deepEqual(await reset.waiting(), [-600]);
  await settles(reset, 0);
  const changed = await early();
  await changed.credit(400);
  for (const takeBack of changed.takeBack) await takeBack();
  await changed.reach(START + 5 * DAY);
  const { items: { data: [item] } } = await stripe.subscriptions.retrieve(changed.subscription);
  await stripe.subscriptions.update(changed.subscription, { items: [{ id: item!.id, price: packs }] });
  assert.deepEqual(await changed.waiting(), [-600]);
  await assert.rejects(changed.credit(1), { code: 'amount_too_large' });
  await changed.end();
  await settles(changed, 0);
  const gone = await early();
  await gone.credit(400);
  for (const takeBack of gone.takeBack) await takeBack();
  await stripe.subscriptions.cancel(gone.subscription, { invoice_now: true });
  assert.deepEqual((await gone.last()).lines.data.map(({ amount }) => amount), [-600]);
  await settles(gone, 0);
});

test('what was met by credit goes back to its grant, and what was not is money', async () => {
  const rate = await stripe.taxRates.create({ display_name: 'VAT', percentage: 10, inclusive: false });
  for (const [amount, charged] of [[2_000, 0], [1_000, 0], [400, 660]] as const) {
    let grant = '';
    const life = await early(calls, { default_tax_rates: [rate.id] }, async (customer) => {
      ({ id: grant } = await stripe.billing.creditGrants.create({ customer, category: 'promotional', amount: { type: 'monetary', monetary: { currency: 'usd', value: amount } }, applicability_config: { scope: { price_type: 'metered' } } }));
    });
    assert.equal(life.invoice.total, charged);
    for (const takeBack of life.takeBack) await takeBack();
    const bill = await life.end();
    assert.deepEqual([bill.lines.data.map((line) => line.amount), bill.total], [[-1_000], 0 - charged]);
    const [{ balances: [credit] }, { balance }] = [await stripe.billing.creditBalanceSummaries.retrieve({ customer: life.customer, filter: { type: 'credit_grant', credit_grant: grant } }), await stripe.customers.retrieve(life.customer) as Stripe.Customer];
    assert.deepEqual([credit!.available_balance.monetary!.value, balance], [amount, 0 - charged]);
    await settles(life, 0);
    // Used after all: it meets credit again.
    await life.use(5, START + 3 * DAY);
    await life.end(MARCH + LATER);
    await settles(life, amount === 400 ? 110 : 0);
  }
});

test('a discount of its time goes back as it was taken: one that is over, and none that came later', async () => {
  const half = await stripe.coupons.create({ percent_off: 50, duration: 'once' });
  const once = await early(calls, { discounts: [{ coupon: half.id }] });
  assert.equal(once.invoice.total, 500);
  for (const takeBack of once.takeBack) await takeBack();
  assert.equal((await once.end()).total, -500);
  await settles(once, 0);
  const off = await stripe.coupons.create({ amount_off: 400, currency: 'usd', duration: 'once' });
  const part = await early(calls, { discounts: [{ coupon: off.id }] });
  await part.takeBack[0]();
  // Six calls less $4.00 are $2.00, and $6.00 were charged.
  assert.equal((await part.end()).total, -400);
  await part.use(-6, START + DAY);
  assert.deepEqual(await part.waiting(), [-600]);
  await part.end(MARCH + LATER);
  await settles(part, 0);
  const later = await early();
  await stripe.subscriptions.update(later.subscription, { discounts: [{ coupon: (await stripe.coupons.create({ percent_off: 50, duration: 'forever' })).id }] });
  for (const takeBack of later.takeBack) await takeBack();
  assert.equal((await later.end()).total, -1_000);
  await settles(later, 0);
});

test('where the item gets another price, or goes, it goes back in the same way', async () => {
  const half = await stripe.coupons.create({ percent_off: 50, duration: 'once' });
  let grant = '';
  const given = async (customer: string) => {
    ({ id: grant } = await stripe.billing.creditGrants.create({ customer, category: 'promotional', amount: { type: 'monetary', monetary: { currency: 'usd', value: 200 } }, applicability_config: { scope: { price_type: 'metered' } } }));
  };
  const left = async (customer: string) => (await stripe.billing.creditBalanceSummaries.retrieve({ customer, filter: { type: 'credit_grant', credit_grant: grant } })).balances[0]!.available_balance.monetary!.value;
  const changed = await early(calls, { discounts: [{ coupon: half.id }] }, given);
  assert.equal(changed.invoice.total, 300);
  for (const takeBack of changed.takeBack) await takeBack();
  await changed.reach(START + 5 * DAY);
  const { items: { data: [item] } } = await stripe.subscriptions.retrieve(changed.subscription);
  await stripe.subscriptions.update(changed.subscription, { items: [{ id: item!.id, price: packs }] });
  assert.deepEqual(await changed.waiting(), [-1_000]);
  const preview = await stripe.invoices.createPreview({ subscription: changed.subscription });
  assert.equal(preview.total, -300);
  assert.equal((await changed.end()).total, -300);
  assert.equal(await left(changed.customer), 200);
  await settles(changed, 0);
  const off = await stripe.coupons.create({ amount_off: 400, currency: 'usd', duration: 'once' });
  const part = await early(calls, { discounts: [{ coupon: off.id }] });
  await part.takeBack[0]();
  await part.reach(START + 5 * DAY);
  const { items: { data: [kept] } } = await stripe.subscriptions.retrieve(part.subscription);
  await stripe.subscriptions.update(part.subscription, { items: [{ id: kept!.id, price: packs }] });
  assert.deepEqual(await part.waiting(), [-400]);
  // Of the $6.00 that were charged, $4.00 wait to go back.
  assert.equal((await part.credit(600, undefined, { credit_amount: 200 })).total, 200);
  assert.equal((await part.end()).total, -400);
  await settles(part, 0);
  const gone = await early(calls, { discounts: [{ coupon: half.id }] }, given);
  for (const takeBack of gone.takeBack) await takeBack();
  await stripe.subscriptions.cancel(gone.subscription, { invoice_now: true });
  assert.equal((await gone.last()).total, -300);
  assert.equal(await left(gone.customer), 200);
  await settles(gone, 0);
});

test('of what was billed twice before the end, the newest goes back first, with the taxes of its time', async () => {
  const rates = [await stripe.taxRates.create({ display_name: 'VAT', percentage: 10, inclusive: false }), await stripe.taxRates.create({ display_name: 'VAT', percentage: 20, inclusive: false })];
  const life = await early(calls, { default_tax_rates: [rates[0]!.id] });
  await stripe.subscriptions.update(life.subscription, { default_tax_rates: [rates[1]!.id] });
  const takeBack = await life.use(10, START + 2 * DAY);
  const second = await when(life.last, (invoice) => invoice.id !== life.invoice.id && invoice.status !== 'draft');
  assert.deepEqual([life.invoice.total, second.total], [1_100, 1_200]);
  await takeBack();
  await life.takeBack[0]();
  // $10.00 with a fifth of tax, and $4.00 with a tenth.
  assert.equal((await life.end()).total, -1_640);
  await settles(life, 660);
});

test('of what was written off, nothing goes back as money that nobody has paid', async () => {
  const later = { collection_method: 'send_invoice', days_until_due: 90 } as const;
  const life = await early(calls, later);
  await stripe.invoices.markUncollectible(life.invoice.id);
  for (const takeBack of life.takeBack) await takeBack();
  assert.equal((await life.end()).total, 0);
  // Paid after all, it is given back.
  await stripe.invoices.pay(life.invoice.id, { paid_out_of_band: true });
  assert.deepEqual(await when(life.waiting, (found) => found.length > 0), [-1_000]);
  await life.end(MARCH + LATER);
  await settles(life, 0);
  const too_late = await early(calls, later);
  for (const takeBack of too_late.takeBack) await takeBack();
  assert.equal((await too_late.end()).total, -1_000);
  await stripe.invoices.markUncollectible(too_late.invoice.id);
  assert.deepEqual(await when(too_late.waiting, (found) => found.length > 0), [1_000]);
});

test('of what was written off after a part was paid, that part goes back, as far as it is more than the usage costs', async () => {
  const later = { collection_method: 'send_invoice', days_until_due: 90 } as const;
  // $3.00 of $10.00 were paid from the balance, and nobody expects the other $7.00 any more.
  const lifeOf = async () => {
    const life = await early(calls, later, (customer) => stripe.customers.createBalanceTransaction(customer, { amount: -300, currency: 'usd' }));
    assert.equal(life.invoice.amount_due, 700);
    await stripe.invoices.markUncollectible(life.invoice.id);
    return life;
  };
  const part = await lifeOf();
  await part.takeBack[1]();
  assert.deepEqual((await part.end()).lines.data.map(({ amount }) => amount), [0]);
  for (const { id } of await part.invoices()) await explained(id);
  const whole = await lifeOf();
  for (const takeBack of whole.takeBack) await takeBack();
  const bill = await whole.end();
  assert.deepEqual([bill.lines.data.map(({ amount }) => amount), bill.total], [[-300], -300]);
  const { lines: [{ sentences }] } = await explained(bill.id);
  assert.ok(sentences.some((each: string) => each.includes('an invoice that was voided or written off, have left $3.00 of it')), sentences.join('\n'));
  await stripe.invoices.pay(whole.invoice.id, { paid_out_of_band: true });
  assert.deepEqual(await when(whole.waiting, (found) => found.length > 0), [-700]);
  await whole.end(MARCH + LATER);
  await settles(whole, 0);
});

test('where more was given back of a period than was billed, it is found', async () => {
  const life = await early();
  const note = await life.credit(400);
  for (const takeBack of life.takeBack) await takeBack();
  await life.end();
  await kontor.counted();
  const found = async () => (await verify(kontor.database, () => undefined, kontor.app.clock, { audits: kontor.app.register.audits })).filter(({ invariant }) => invariant === 'I24').map(({ sentence }) => sentence);
  // Of all lives above, too.
  assert.deepEqual(await found(), []);
  const falsify = (by: number) => kontor.database.inWorld(kontor.world, (tx) => tx.query(`update credit_note_lines set amount = amount + ${by} where credit_note = '${note.id}'`));
  await falsify(100);
  assert.ok((await found()).some((sentence) => sentence.endsWith('400 were billed and 0 corrected, and credit notes gave back 500; after discounts, -100 is left')));
  await falsify(-100);
  const half = await early(calls, { discounts: [{ coupon: (await stripe.coupons.create({ percent_off: 50, duration: 'once' })).id }] });
  for (const takeBack of half.takeBack) await takeBack();
  const { id } = await half.end();
  await kontor.counted();
  const [{ discount_amounts } = { discount_amounts: null }] = (await kontor.database.inWorld(kontor.world, (tx) => tx.query<{ discount_amounts: object }>(`select discount_amounts from invoice_lines where invoice = '${id}'`))).rows;
  const put = (amounts: object) => kontor.database.inWorld(kontor.world, (tx) => tx.query(`update invoice_lines set discount_amounts = '${JSON.stringify(amounts)}' where invoice = '${id}'`));
  await put([]);
  assert.ok((await found()).some((sentence) => sentence.endsWith('0 were billed and 0 corrected, and credit notes gave back 0; after discounts, -500 is left')));
  await put(discount_amounts!);
});
