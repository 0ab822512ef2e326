import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type Stripe from 'stripe';
import { candidatesOf } from '../../../server/usage/intake/message.ts';
import { admit } from '../../../server/usage/record.ts';
import { when } from '../../../tests/awaited.ts';
import { DAY, HOUR, START } from '../../../tests/days.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { explained, own, type Json } from '../../../tests/own.ts';
import { customerAt, meteredPrice, meterOf, paysBy } from '../../../tests/shop.ts';
import { listen, typesOf } from '../../../tests/told.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const told = listen(kontor);

const FEB = Date.UTC(2026, 1, 1) / 1_000;
const MARCH = Date.UTC(2026, 2, 1) / 1_000;

const get = (path: string) => own(stripe, 'GET', path);
const post = (path: string, body: object) => own(stripe, 'POST', path, body);

let n = 0;

/** A customer with two seats and a metered price from 1 January on. */
async function subscribed(more: { price?: object; subscription?: object } = {}) {
  const event_name = `calls_${(n += 1)}`;
  const { clock, customer } = await customerAt(stripe, START);
  const meter = await meterOf(stripe, event_name);
  const calls = await stripe.prices.create({ currency: 'usd', recurring: { interval: 'month', usage_type: 'metered', meter: meter.id }, product_data: { name: 'Calls' }, unit_amount: 100, ...more.price } as Stripe.PriceCreateParams);
  const seat = await stripe.prices.create({ currency: 'usd', recurring: { interval: 'month' }, product_data: { name: 'Seat' }, unit_amount: 1_000 });
  const subscription = await stripe.subscriptions.create({ customer, items: [{ price: calls.id }, { price: seat.id, quantity: 2 }], ...more.subscription });
  let sent = 0;
  const use = (value: number, timestamp: number, identifier = `${event_name}-${(sent += 1)}`) => stripe.billing.meterEvents.create({ event_name, identifier, timestamp, payload: { stripe_customer_id: customer, value: String(value) } });
  const invoices = async () => (await stripe.invoices.list({ subscription: subscription.id })).data.toReversed();
  const waiting = async () => (await stripe.invoiceItems.list({ customer, pending: true })).data.map((item) => [item.amount, item.description]);
  return { clock, customer, subscription: subscription.id, event_name, use, invoices, waiting };
}

/** Counts events as a worker does that takes them from a stream: at some time after they were accepted. */
async function countAccepted(event_name: string, customer: string, value: string, accepted: number): Promise<void> {
  const { data: meters } = await stripe.billing.meters.list({ limit: 100 });
  const { id: meter } = meters.find((each) => each.event_name === event_name)!;
  await kontor.inside(async (ctx) => {
    const carried = { event_name, identifier: `${event_name} ${accepted}`, number: String(accepted * 1_000_000), created: accepted, meter, payload: { stripe_customer_id: customer, value } };
    await admit(ctx, await candidatesOf(ctx, [carried]), []);
  });
}

const lines = ({ lines: { data } }: Stripe.Invoice) => data.map((line) => [line.amount, line.description]);

test('usage that was accepted in time, and counted after its invoice, is put right as any that comes late', async () => {
  const { clock, customer, event_name, use, waiting } = await subscribed();
  await use(10, START);
  await kontor.advance(clock, FEB + 2 * HOUR);
  await countAccepted(event_name, customer, '3', START + 20 * DAY);
  assert.deepEqual((await waiting()).map(([amount]) => amount), [300]);
  // An explanation goes by when events were accepted, and would have expected this one on the invoice.
  await stripe.testHelpers.testClocks.del(clock);
});

test('usage that comes after its invoice is on the next one, which says what it puts right', async () => {
  const { clock, customer, use, invoices, waiting } = await subscribed();
  await use(10, START);
  await kontor.advance(clock, FEB + 2 * HOUR);
  const [, january] = await invoices();
  assert.equal(january!.lines.data[0]!.amount, 1_000);
  await told();
  await use(3, START + 2 * DAY);
  assert.deepEqual(await waiting(), [[300, `Correction of ${january!.number}: 13 instead of 10 × Calls (at $1.00 / month)`]]);
  assert.deepEqual(typesOf(await told()), ['invoiceitem.created', 'kontor.invoice_correction.created']);
  await use(2, START + 3 * DAY);
  assert.deepEqual(await waiting(), [[500, `Correction of ${january!.number}: 15 instead of 10 × Calls (at $1.00 / month)`]]);
  const corrections = (await get(`invoice_corrections?invoice=${january!.id}`)).data;
  assert.deepEqual(corrections.map((each: Json) => [each.quantity_before, each.quantity_after, each.amount, each.line]), [['13', '15', 200, january!.lines.data[0]!.id], ['10', '13', 300, january!.lines.data[0]!.id]]);
  assert.equal((await get(`invoice_corrections/${corrections[0].id}`)).customer, customer);
  await kontor.advance(clock, MARCH + 2 * HOUR);
  const [, , february] = await invoices();
  assert.deepEqual(lines(february!).map(([amount]) => amount), [500, 0, 2_000]);
  const [line] = february!.lines.data;
  assert.deepEqual(line!.parent!.subscription_item_details!.proration_details!.credited_items, { invoice: january!.id, invoice_line_items: [january!.lines.data[0]!.id] });
  const explanation = await explained(stripe, february!.id);
  assert.match(explanation.lines[0].sentences.join('\n'), /The meter “Calls_\d+” counted 15 .*the sum over 3 events, .*The quantity that was billed is 10\..*billed 10 where it is 15 now: \$15\.00 − \$10\.00 = \$5\.00\./s);
  assert.match((await explained(stripe, february!.id, 'de')).lines[0].sentences.join('\n'), /berechnete 10, wo es nun 15 sind/);
});

test('an amendment is one correction, whose words stay true where a later change costs nothing', async () => {
  const { clock, event_name, use, invoices, waiting } = await subscribed({ price: { unit_amount: 300, transform_quantity: { divide_by: 100, round: 'up' } } });
  const event = await use(150, START);
  await use(60, START);
  await kontor.advance(clock, FEB + 2 * HOUR);
  const [, { number }] = (await invoices()) as [unknown, Stripe.Invoice];
  await told();
  const amend = { event_name, identifier: event.identifier, payload: { ...event.payload, value: '45' } };
  await post('usage/corrections', { type: 'amend', amend, dry_run: true });
  assert.deepEqual(await waiting(), []);
  await post('usage/corrections', { type: 'amend', amend });
  assert.deepEqual(await waiting(), [[-300, `Correction of ${number}: 105 instead of 210 × Calls (at $3.00 per 100 / month)`]]);
  assert.deepEqual(typesOf(await told()), ['invoiceitem.created', 'kontor.invoice_correction.created']);
  await use(5, START + DAY);
  assert.deepEqual(await waiting(), [[-300, `Correction of ${number}: 110 instead of 210 × Calls (at $3.00 per 100 / month)`]]);
});

test('an event that is canceled after its invoice gives back what it cost, with its part of discounts and taxes', async () => {
  const rate = await stripe.taxRates.create({ display_name: 'Sales tax', percentage: 8.875, inclusive: false });
  const coupon = await stripe.coupons.create({ amount_off: 500, currency: 'usd', duration: 'forever' });
  const tiers = [{ up_to: 5, unit_amount: 199 }, { up_to: 'inf', unit_amount: 99 }];
  const { clock, customer, use, invoices, event_name } = await subscribed({
    price: { unit_amount: undefined, billing_scheme: 'tiered', tiers_mode: 'graduated', tiers },
    subscription: { discounts: [{ coupon: coupon.id }], default_tax_rates: [rate.id] },
  });
  await kontor.advance(clock, FEB - HOUR);
  await use(5, FEB - HOUR);
  await use(2, FEB - HOUR, 'mistaken');
  await kontor.advance(clock, FEB + 2 * HOUR);
  const [, january] = await invoices();
  await stripe.billing.meterEventAdjustments.create({ event_name, type: 'cancel', cancel: { identifier: 'mistaken' } });
  const { data } = await stripe.invoiceItems.list({ customer, pending: true });
  // Without the mistake: 5 × $1.99 = $9.95 and $20.00, less $5.00, and 8.875 % of each.
  const [usage, seats] = [995n, 2_000n];
  const off = [166n, 334n]; // 500 × 995 ÷ 2995 = 166.1
  const tax = [((usage - off[0]!) * 8_875n + 50_000n) / 100_000n, ((seats - off[1]!) * 8_875n + 50_000n) / 100_000n];
  const truth = usage + seats - 500n + tax[0]! + tax[1]!;
  await kontor.advance(clock, MARCH + 2 * HOUR);
  const [, , february] = await invoices();
  const corrected = february!.lines.data.filter((line) => data.some((item) => item.id === line.parent!.subscription_item_details?.invoice_item));
  const net = corrected.reduce((sum, line) => sum + line.amount - line.discount_amounts!.reduce((all, each) => all + each.amount, 0) + line.taxes!.reduce((all, each) => all + each.amount, 0), 0);
  assert.equal(corrected.length, 2);
  assert.equal(BigInt(january!.total + net), truth);
  await explained(stripe, february!.id);
});

describe('where the account wants credit notes', () => {
  test('what was billed too much is credited at once, exactly', async () => {
    const { clock, use, invoices, waiting, event_name, customer } = await subscribed();
    await kontor.advance(clock, FEB - HOUR);
    await use(10, FEB - HOUR);
    await use(4, FEB - HOUR, 'mistaken');
    await kontor.advance(clock, FEB + 2 * HOUR);
    const [, january] = await invoices();
    await post('settings', { corrections: 'credit_note' });
    await stripe.billing.meterEventAdjustments.create({ event_name, type: 'cancel', cancel: { identifier: 'mistaken' } });
    const { data: [note] } = await stripe.creditNotes.list({ invoice: january!.id });
    assert.deepEqual([note!.total, note!.lines.data[0]!.invoice_line_item, note!.post_payment_amount, await waiting()], [400, january!.lines.data[0]!.id, 400, []]);
    assert.equal((await stripe.customers.retrieve(customer) as Stripe.Customer).balance, -400);
    // More usage is charged by the next invoice all the same.
    await use(1, START + DAY);
    assert.deepEqual((await waiting()).map(([amount]) => amount), [100]);
    await post('settings', { corrections: 'next_invoice' });
  });
});

test('a correction that is deleted counts as not made, and comes again with the next change', async () => {
  const { clock, customer, use, waiting } = await subscribed();
  await use(10, START);
  await kontor.advance(clock, FEB + 2 * HOUR);
  await use(3, START + 2 * DAY);
  const { data: [item] } = await stripe.invoiceItems.list({ customer, pending: true });
  await stripe.invoiceItems.del(item!.id);
  assert.deepEqual(await waiting(), []);
  await use(2, START + 3 * DAY);
  assert.deepEqual((await waiting()).map(([amount]) => amount), [500]);
});

describe('an invoice that is voided', () => {
  const sent = { subscription: { collection_method: 'send_invoice' as const, days_until_due: 30 } };
  /** What waits once the worker has looked. */
  const becomes = (waiting: () => Promise<unknown[][]>, expected: unknown[]) => when(waiting, (found) => isDeepStrictEqual(found.map(([amount]) => amount), expected));

  test('takes with it what waits to put it right', async () => {
    const { clock, use, invoices, waiting } = await subscribed(sent);
    await use(10, START, 'all');
    await kontor.advance(clock, FEB + 2 * HOUR);
    await use(-4, START + DAY);
    await becomes(waiting, [-400]);
    const [, january] = await invoices();
    await stripe.invoices.voidInvoice(january!.id);
    await becomes(waiting, []);
  });

  test('takes back what was put right of it by a later one', async () => {
    const { clock, use, invoices, waiting } = await subscribed(sent);
    await use(10, START, 'all');
    await kontor.advance(clock, FEB + 2 * HOUR);
    await use(-4, START + DAY);
    await kontor.advance(clock, MARCH + 2 * HOUR);
    const [, january, february] = await invoices();
    assert.equal(february!.lines.data[0]!.amount, -400);
    await stripe.invoices.voidInvoice(january!.id);
    await becomes(waiting, [400]);
    // And the other way round: what it takes back is taken back of it.
    await stripe.invoices.voidInvoice(february!.id);
    await becomes(waiting, []);
  });

  test('is explained by what it was billed, where what put it right is taken back on a bill', async () => {
    const { clock, subscription, use, invoices } = await subscribed(sent);
    await own(stripe, 'POST', `subscriptions/${subscription}`, { commitment: { amount: 2_000 } });
    await use(10, START, 'all');
    await kontor.advance(clock, FEB + 2 * HOUR);
    await use(-4, START + DAY);
    await kontor.advance(clock, MARCH + 2 * HOUR);
    const [, january] = await invoices();
    await stripe.invoices.voidInvoice(january!.id);
    await kontor.advance(clock, MARCH + 33 * DAY);
    const march = (await invoices()).at(-1)!;
    const back = march.lines.data.filter((line) => line.description!.includes(', which was voided: '));
    assert.deepEqual(back.map((line) => [line.amount, line.description!.split(', which was voided: ')[1]]), [[400, '10 instead of 6 × Calls (at $1.00 / month)'], [-400, 'Commitment: usage made up to $20.00']]);
    const { lines } = await explained(stripe, march.id);
    const last = (line: string) => lines.find((each: Json) => each.line === line).sentences.at(-1);
    assert.deepEqual(back.map((line) => last(line.id)), ['$10.00 − $6.00 = $4.00.', '$10.00 − $14.00 = -$4.00.'].map((sum) => `The invoice ${january!.number} was voided, so that what put it right is taken back: ${sum}`));
  });

  test('leaves what it put right of others to be put right again', async () => {
    const { clock, use, invoices, waiting } = await subscribed(sent);
    await use(10, START, 'all');
    await kontor.advance(clock, FEB + 2 * HOUR);
    await use(-4, START + DAY);
    await kontor.advance(clock, MARCH + 2 * HOUR);
    const [, , february] = await invoices();
    await stripe.invoices.voidInvoice(february!.id);
    await becomes(waiting, [-400]);
  });
});

test('after the end of the subscription it waits for the next invoice of the customer', async () => {
  const { clock, customer, subscription, use } = await subscribed();
  await use(10, START);
  await stripe.subscriptions.update(subscription, { cancel_at_period_end: true });
  await kontor.advance(clock, FEB + 2 * HOUR);
  await use(3, START + 2 * DAY);
  const { data: [item] } = await stripe.invoiceItems.list({ customer, pending: true });
  assert.deepEqual([item!.amount, item!.parent?.subscription_details ?? null], [300, null]);
  const invoice = await stripe.invoices.create({ customer, pending_invoice_items_behavior: 'include', auto_advance: false });
  assert.equal((await stripe.invoices.finalizeInvoice(invoice.id)).total, 300);
});

describe('usage that is told of late is billed at its price where nothing had been told of', () => {
  test('when the price changed', async () => {
    const { clock, customer, subscription, use, waiting, invoices } = await subscribed();
    await kontor.advance(clock, START + 10 * DAY);
    const { items: { data: [calls] } } = await stripe.subscriptions.retrieve(subscription);
    const dear = await stripe.prices.create({ currency: 'usd', recurring: { interval: 'month', usage_type: 'metered', meter: calls!.price.recurring!.meter! }, product_data: { name: 'Dear calls' }, unit_amount: 700 });
    await stripe.subscriptions.update(subscription, { items: [{ id: calls!.id, price: dear.id }], proration_behavior: 'always_invoice' });
    assert.deepEqual(lines((await invoices())[1]!), [[0, '0 × Calls (at $1.00 / month)']]);
    await kontor.advance(clock, START + 12 * DAY);
    await use(3, START + 9 * DAY);
    await use(1, START + 11 * DAY);
    assert.deepEqual((await waiting()).map(([amount]) => amount), [300]);
    await kontor.advance(clock, FEB + 2 * HOUR);
    assert.deepEqual(lines((await invoices())[2]!).map(([amount]) => amount), [300, 700, 2_000]);
    assert.equal((await stripe.invoiceItems.list({ customer, pending: true })).data.length, 0);
  });

  test('when the subscription ended', async () => {
    const { clock, subscription, use, waiting } = await subscribed();
    await kontor.advance(clock, START + 10 * DAY);
    await stripe.subscriptions.cancel(subscription, { invoice_now: true });
    await kontor.advance(clock, START + 12 * DAY);
    await use(3, START + 9 * DAY);
    assert.deepEqual((await waiting()).map(([amount]) => amount), [300]);
  });
});

test('in real time the worker puts it right', async () => {
  const event_name = `real_${(n += 1)}`;
  const { id: customer } = await stripe.customers.create(paysBy());
  const meter = await meterOf(stripe, event_name);
  const price = await meteredPrice(stripe, meter.id, 100);
  const now = Math.floor(Date.now() / 1_000);
  const subscription = await stripe.subscriptions.create({ customer, items: [{ price: price.id }], backdate_start_date: now - 10 * DAY });
  const use = (value: string, timestamp: number) => stripe.billing.meterEvents.create({ event_name, timestamp, payload: { stripe_customer_id: customer, value } });
  await use('5', now - DAY);
  const canceled = await stripe.subscriptions.cancel(subscription.id, { invoice_now: true });
  const invoice = await stripe.invoices.retrieve(canceled.latest_invoice as string);
  if (invoice.status === 'draft') await stripe.invoices.finalizeInvoice(invoice.id);
  await use('2', now - 2 * DAY);
  const { data: [correction] } = await when(() => stripe.invoiceItems.list({ customer, pending: true }), ({ data }) => data.length > 0);
  assert.equal(correction!.amount, 200);
  // What is a little late is still looked for in its time.
  const { finalized_at } = (await stripe.invoices.retrieve(invoice.id)).status_transitions;
  const { rows } = await kontor.database.inWorld(kontor.world, (tx) => tx.query(`select extract(epoch from at)::integer as at from timers where kind = 'invoice.correct' and subject = '${invoice.id}'`));
  assert.deepEqual(rows, [{ at: finalized_at! + 300 }]);
});

test('an invoice that gave credit back is voided, and the credit taken again, only while it is there', async () => {
  const { clock, customer, use, invoices } = await subscribed({ subscription: { collection_method: 'send_invoice', days_until_due: 30 } });
  const grant = await stripe.billing.creditGrants.create({ customer, amount: { type: 'monetary', monetary: { currency: 'usd', value: 1_000 } }, applicability_config: { scope: { price_type: 'metered' } }, category: 'paid' });
  const balance = async () => (await stripe.billing.creditBalanceSummaries.retrieve({ customer, filter: { type: 'applicability_scope', applicability_scope: { price_type: 'metered' } } })).balances[0]?.available_balance.monetary!.value ?? 0;
  await use(10, START, 'all');
  await kontor.advance(clock, FEB + 2 * HOUR);
  assert.equal(await balance(), 0);
  // Four of ten were none, so 400 come back with the invoice of February.
  await use(-4, START + DAY);
  await kontor.advance(clock, MARCH + 2 * HOUR);
  assert.equal(await balance(), 400);
  const [, , february] = await invoices();
  await use(3, MARCH + HOUR);
  await kontor.advance(clock, MARCH + 32 * DAY);
  assert.equal(await balance(), 100);
  await assert.rejects(stripe.invoices.voidInvoice(february!.id), { code: 'status_transition_invalid', message: new RegExp(`gave credit back to the grant ${grant.id}`) });
  const [, , , march] = await invoices();
  await stripe.invoices.voidInvoice(march!.id);
  assert.equal(await balance(), 400);
  await stripe.invoices.voidInvoice(february!.id);
  assert.equal(await balance(), 0);
});

describe('late usage of a customer with credit', () => {
  const granted = (customer: string, value: number, more: Partial<Stripe.Billing.CreditGrantCreateParams> = {}) =>
    stripe.billing.creditGrants.create({ customer, amount: { type: 'monetary', monetary: { currency: 'usd', value } }, applicability_config: { scope: { price_type: 'metered' } }, category: 'paid', ...more });
  const movements = async (customer: string) => (await stripe.billing.creditBalanceTransactions.list({ customer })).data.map((each) => [each.credit_grant, each.debit?.type ?? each.credit!.type, (each.debit ?? each.credit)!.amount.monetary!.value]);

  test('is met by it as usage on time is, by priority and before tax, and gives it back', async () => {
    const rate = await stripe.taxRates.create({ display_name: 'Sales tax', percentage: 10, inclusive: false });
    const { clock, customer, use, invoices } = await subscribed({ subscription: { default_tax_rates: [rate.id] } });
    await use(10, START);
    await kontor.advance(clock, FEB + 2 * HOUR);
    const [, january] = await invoices();
    const [last, first] = [await granted(customer, 1_000), await granted(customer, 100, { priority: 1, name: 'Welcome' })];
    await granted(customer, 5_000, { effective_at: MARCH + DAY });
    await use(3, START + 2 * DAY);
    const preview = await stripe.invoices.createPreview({ customer });
    assert.deepEqual(preview.total_pretax_credit_amounts!.map((each) => each.amount), [100, 200]);
    await kontor.advance(clock, MARCH + 2 * HOUR);
    const [, , february] = await invoices();
    assert.deepEqual([february!.subtotal, february!.total_pretax_credit_amounts!.map((each) => [each.credit_balance_transaction === undefined, each.amount]), february!.total], [2_300, [[false, 100], [false, 200]], 2_200]);
    assert.deepEqual((await movements(customer)).slice(0, 2), [[last.id, 'credits_applied', 200], [first.id, 'credits_applied', 100]]);
    const corrections = (await get(`invoice_corrections?invoice=${january!.id}`)).data;
    assert.deepEqual(corrections.map((each: Json) => [each.amount, each.credits, each.total, each.credited_on]), [
      [0, [{ above: 1_000, amount: 100, credit_grant: first.id }, { above: 1_000, amount: 200, credit_grant: last.id }], -330, february!.id], [300, [], 330, null],
    ]);
    const explanation = await explained(stripe, february!.id);
    assert.deepEqual(explanation.lines[0].sentences.filter((each: string) => each.includes('credit grant')), [
      'The credit grant “Welcome” gives -$1.00, before tax.', `The credit grant “${last.id}” gives -$2.00, before tax.`,
    ]);
    // Two of the three were none after all: what was drawn for them goes back to where it was taken last.
    await use(-2, FEB - DAY);
    await kontor.advance(clock, MARCH + 33 * DAY);
    assert.deepEqual((await movements(customer)).slice(0, 1), [[last.id, 'credits_application_invoice_voided', 200]]);
    const [, , , march] = await invoices();
    assert.deepEqual([march!.lines.data[0]!.amount, march!.total], [-200, 2_200]);
    await explained(stripe, march!.id);
  });

  test('gives credit back where a change is billed at once and nothing is left of the grant', async () => {
    const { clock, customer, subscription, use, invoices } = await subscribed();
    await granted(customer, 1_000);
    await use(10, START);
    await kontor.advance(clock, FEB + 2 * HOUR);
    await use(-4, START + DAY);
    const { data: items } = (await stripe.subscriptions.retrieve(subscription)).items;
    await stripe.subscriptions.update(subscription, { items: [{ id: items[1]!.id, quantity: 3 }], proration_behavior: 'always_invoice' });
    const [, , change] = await invoices();
    assert.equal(change!.lines.data.find((line) => line.amount === -400)!.description!.startsWith('Correction of'), true);
    assert.deepEqual((await movements(customer))[0]!.slice(1), ['credits_application_invoice_voided', 400]);
  });

  test('gives back in the ledger, too, what is lost at once because its grant has expired', async () => {
    const { clock, customer, use } = await subscribed();
    await granted(customer, 1_000, { expires_at: FEB + 10 * DAY });
    await use(10, START);
    await kontor.advance(clock, FEB + 2 * HOUR);
    await use(-4, START + DAY);
    await kontor.advance(clock, MARCH + 2 * HOUR);
    assert.deepEqual((await movements(customer)).map(([, ...each]) => each), [['credits_expired', 400], ['credits_application_invoice_voided', 400], ['credits_applied', 1_000], ['credits_granted', 1_000]]);
    const { rows: [owed] } = await kontor.database.asOwner((owner) => owner.query<{ owed: bigint }>(`select sum(amount) as owed from ledger_entries where ledger_account = 'customer_credits' and customer = $1`, [customer]));
    assert.equal(Number(owed!.owed), 0);
  });

  test('draws no credit that was taken back before it was billed', async () => {
    const { clock, customer, use, invoices } = await subscribed();
    await use(10, START);
    await kontor.advance(clock, FEB + 2 * HOUR);
    await granted(customer, 1_000);
    await use(3, FEB - DAY);
    await kontor.advance(clock, MARCH + HOUR / 2);
    // The draft of March has the late usage; what takes it back comes before that is finalised.
    await use(-3, FEB - DAY);
    await kontor.advance(clock, MARCH + 2 * HOUR);
    const [, , february] = await invoices();
    assert.deepEqual([february!.lines.data[0]!.amount, february!.total_pretax_credit_amounts], [300, []]);
    await kontor.advance(clock, MARCH + 33 * DAY);
    const [, , , march] = await invoices();
    assert.deepEqual([march!.lines.data[0]!.amount, march!.total_pretax_credit_amounts], [-300, []]);
  });
});
