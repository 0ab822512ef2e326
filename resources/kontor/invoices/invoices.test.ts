import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import pg from 'pg';
import Stripe from 'stripe';
import { HOUR } from '../../../tests/days.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { own } from '../../../tests/own.ts';
import { customerAt, paysBy } from '../../../tests/shop.ts';

type Step = { kind: string; amount: number | null; exact: string | null; sentence: string; parts: Step[]; [field: string]: unknown };
type Line = { line: string; description: string; amount: number; agrees: boolean; derivation: Step; discounts: Step[]; taxes: Step[]; sentences: string[] };
type Difference = { line: string | null; field: string; stated: unknown; recomputed: unknown; difference: number | null; sentence: string };
type Explanation = { object: string; agrees: boolean; language: string; differences: Difference[]; lines: Line[]; totals: { kind: string; amount: number; agrees: boolean }[]; sentences: string[] };
type Comparison = { object: string; difference: number; with: string; causes: { kind: string; amount: number; sentence: string }[]; sentences: string[] };

const START = Date.UTC(2026, 0, 15, 10) / 1_000;
const FEBRUARY = Date.UTC(2026, 1, 15, 10) / 1_000;

const kontor = await startKontor();
const { stripe } = kontor;
const superuser = new pg.Client({ connectionString: kontor.database.urls.superuser });
await superuser.connect();
after(async () => {
  await superuser.end();
  await kontor.close();
});

const ask = <Answer>(path: string) => own<Answer>(stripe, 'GET', `invoices/${path}`);
const explain = (invoice: string, language?: 'en' | 'de') => ask<Explanation>(`${invoice}/explanation${language ? `?language=${language}` : ''}`);
const compare = (invoice: string, other?: string) => ask<Comparison>(`${invoice}/comparison${other ? `?with=${other}` : ''}`);

/** A customer with a card on a clock of its own. */
const onClock = (more: Stripe.CustomerCreateParams = {}) => customerAt(stripe, START, { name: 'Jenny', ...paysBy(), ...more });

const seats = async (name = 'Seat', more: Partial<Stripe.PriceCreateParams> = {}): Promise<string> =>
  (await stripe.prices.create({ currency: 'usd', unit_amount: 1_000, recurring: { interval: 'month' }, product_data: { name }, ...more })).id;

async function metered(event_name: string, meter: Partial<Stripe.Billing.MeterCreateParams> = {}): Promise<string> {
  const { id } = await stripe.billing.meters.create({ display_name: event_name, event_name, default_aggregation: { formula: 'sum' }, ...meter });
  return seats(event_name, { unit_amount: 10, recurring: { interval: 'month', usage_type: 'metered', meter: id } });
}

const use = (event_name: string, customer: string, value: number, timestamp: number, identifier?: string) =>
  stripe.billing.meterEvents.create({ event_name, timestamp, payload: { stripe_customer_id: customer, value: String(value) }, ...(identifier && { identifier }) });

const invoicesOf = async (customer: string): Promise<Stripe.Invoice[]> => (await stripe.invoices.list({ customer, limit: 100 })).data.toReversed();
const step = ({ kind, amount, exact, parts }: Step): unknown => [kind, amount, exact, ...parts.map(step)];

test('a line says where its quantity, price, discount and tax come from, in two languages', async () => {
  const { customer } = await onClock();
  const rate = await stripe.taxRates.create({ display_name: 'VAT', percentage: 19, inclusive: true });
  const coupon = await stripe.coupons.create({ name: 'Friends', percent_off: 12.5, duration: 'forever' });
  const price = await seats('Desk', { unit_amount: undefined, unit_amount_decimal: Stripe.Decimal.from('33.3') });
  await stripe.subscriptions.create({ customer, items: [{ price, quantity: 7, tax_rates: [rate.id], discounts: [{ coupon: coupon.id }] }] });
  const [invoice] = await invoicesOf(customer);
  const explanation = await explain(invoice!.id);
  assert.deepEqual([explanation.object, explanation.agrees, explanation.language, explanation.differences], ['kontor.invoice_explanation', true, 'en', []]);
  const [line] = explanation.lines;
  assert.deepEqual([line!.line, line!.amount, line!.agrees], [invoice!.lines.data[0]!.id, 233, true]);
  // 7 × 33.3 = 233.1; 233 × 12.5 % = 29.125; 204 × 19 ÷ 119 = 228/7
  assert.deepEqual(step(line!.derivation), ['price', 233, '2331/10', ['quantity', null, null]]);
  assert.deepEqual([...line!.discounts, ...line!.taxes].map(step), [['discount', -29, '-233/8'], ['tax', 33, '228/7']]);
  assert.deepEqual(line!.sentences, [
    '7 × Desk (at USD 0.333 / month), from 15 January 2026 10:00:00 UTC up to, and not including, 15 February 2026 10:00:00 UTC: $2.33.',
    'The quantity is 7, as it was subscribed to.',
    '7 × $0.333 = $2.331, rounded to $2.33.',
    'Discount 1 is by the coupon “Friends”, of this line: 12.5 % of $2.33 = -$0.29125, rounded to -$0.29.',
    'VAT 19 % is contained in $2.04: $2.04 × 19 ÷ 119 = $0.32571428…, rounded to $0.33.',
  ]);
  assert.deepEqual(explanation.sentences.slice(-3), ['$2.04 is due.', '$2.04 is paid.', '$0.00 remains to be paid.']);
  const german = await explain(invoice!.id, 'de');
  assert.deepEqual(german.lines[0]!.sentences.slice(1), [
    'Die Menge ist 7, wie im Abonnement vereinbart.',
    '7 × $0.333 = $2.331, gerundet $2.33.',
    'Rabatt 1 ist vom Gutschein „Friends“, für diese Position: 12.5 % von $2.33 = -$0.29125, gerundet -$0.29.',
    'VAT 19 % ist in $2.04 enthalten: $2.04 × 19 ÷ 119 = $0.32571428…, gerundet $0.33.',
  ]);
});

test('an amount off says how it is shared, and a balance what it left to pay', async () => {
  const { id: customer } = await stripe.customers.create({ name: 'Kim', balance: -500 });
  const coupon = await stripe.coupons.create({ amount_off: 100, currency: 'usd', duration: 'once' });
  const draft = await stripe.invoices.create({ customer, currency: 'usd', discounts: [{ coupon: coupon.id }] });
  await stripe.invoices.addLines(draft.id, { lines: [{ amount: 1_000, description: 'Setup' }, { price_data: { currency: 'usd', product: (await stripe.products.create({ name: 'Hour' })).id, unit_amount_decimal: Stripe.Decimal.from('333.5') }, quantity: 3 }, { amount: -50, description: 'Sorry' }] });
  const explained = await explain(draft.id);
  assert.deepEqual([explained.agrees, explained.lines.map((line) => step(line.derivation))], [true, [['given', 1_000, null], ['price', 1_001, '2001/2', ['quantity', null, null]], ['given', -50, null]]]);
  // 100 over 1000 and 1001: 49.975 and 50.025, the one left to the larger remainder.
  assert.deepEqual(explained.lines.map((line) => line.discounts.map(step)), [[['discount', -50, '-100000/2001']], [['discount', -50, '-100100/2001']], []]);
  assert.ok(explained.sentences.includes('$18.51 is due.'));
  await stripe.invoices.finalizeInvoice(draft.id);
  const final = await explain(draft.id);
  assert.deepEqual(final.totals.map(({ kind, amount, agrees }) => [kind, amount, agrees]), [
    ['subtotal', 1_951, true], ['subtotal_excluding_tax', 1_951, true], ['discounts', 100, true], ['exclusive_taxes', 0, true], ['total', 1_851, true], ['total_excluding_tax', 1_851, true],
    ['balance', 0, true], ['amount_due', 1_351, true], ['amount_paid', 0, true], ['amount_remaining', 1_351, true],
  ]);
  await stripe.creditNotes.create({ invoice: draft.id, amount: 351, reason: 'order_change' });
  const credited = await explain(draft.id);
  assert.deepEqual([credited.agrees, credited.sentences.slice(-3)], [true, [
    'Credit notes took off $3.51 before it was paid, and gave back $0.00 afterwards.', 'To the total come the balance -$5.00 and credit notes -$3.51: $10.00 is due.', '$10.00 remains to be paid.',
  ]]);
  assert.ok(final.sentences.includes("The customer's balance was -$5.00 before and is $0.00 after this invoice (negative: the customer has credit)."));
});

test('usage is what was known when it was billed: what comes later, or is taken back later, is not on it', async () => {
  const [calls, peak, last] = [await metered('calls'), await metered('peaks', { event_time_window: 'day' }), await metered('level', { default_aggregation: { formula: 'last' } })];
  const { clock, customer } = await onClock();
  await stripe.subscriptions.create({ customer, items: [{ price: calls }, { price: peak }, { price: last }] });
  await kontor.advance(clock, FEBRUARY - HOUR);
  await use('calls', customer, 30, START, 'first');
  await use('calls', customer, 12, FEBRUARY - HOUR, 'second');
  await use('calls', customer, 5, START + 1, 'gone');
  await stripe.billing.meterEventAdjustments.create({ event_name: 'calls', type: 'cancel', cancel: { identifier: 'gone' } });
  for (const [value, at] of [[3, START], [4, START + HOUR], [9, FEBRUARY - HOUR]] as const) await use('peaks', customer, value, at);
  for (const [value, at] of [[3, START], [8, START + HOUR]] as const) await use('level', customer, value, at);
  await kontor.advance(clock, FEBRUARY);
  // While the draft waits; then at the same second as it is finalized, and after that.
  await use('calls', customer, 100, FEBRUARY - 10, 'late');
  const [draft] = await invoicesOf(customer);
  const first = await explain(draft!.id);
  assert.deepEqual([first.differences, first.lines.map((line) => line.derivation.parts[0]!['quantity'])], [[], ['42', '13', '8']]);
  await kontor.advance(clock, FEBRUARY + HOUR);
  await use('calls', customer, 7, FEBRUARY - 60);
  await use('level', customer, 50, FEBRUARY - 60);
  await stripe.billing.meterEventAdjustments.create({ event_name: 'calls', type: 'cancel', cancel: { identifier: 'second' } });
  const [renewal] = await invoicesOf(customer);
  const explained = await explain(renewal!.id);
  assert.deepEqual(explained.differences, []);
  const usage = explained.lines.map((line) => line.derivation.parts[0]!['usage'] as { counted: string; events: number; first: number; last: number; formula: string });
  assert.deepEqual(usage.map(({ counted, events, first, last, formula }) => [counted, events, first, last, formula]), [
    ['142', 3, START, FEBRUARY - 10, 'sum'], ['13', 3, START, FEBRUARY - HOUR, 'sum'], ['8', 2, START, START + HOUR, 'last'],
  ]);
  assert.equal(explained.lines[1]!.sentences[1], 'The meter “peaks” counted 13 from 15 January 2026 10:00:00 UTC up to, and not including, 15 February 2026 10:00:00 UTC: the sum over 3 events, of which the last one of each day counts, the first at 15 January 2026 10:00:00 UTC, the last at 15 February 2026 09:00:00 UTC.');
});

test('usage that is taken back in the second in which it was billed was on the line', async () => {
  const { customer } = await onClock();
  await stripe.subscriptions.create({ customer, items: [{ price: await metered('hasty') }], billing_thresholds: { amount_gte: 50 } });
  await use('hasty', customer, 9, START, 'mistaken');
  let billed: Stripe.Invoice[] = [];
  while (billed.length === 0) billed = await invoicesOf(customer);
  await stripe.billing.meterEventAdjustments.create({ event_name: 'hasty', type: 'cancel', cancel: { identifier: 'mistaken' } });
  await use('hasty', customer, 3, START);
  const { agrees, lines } = await explain(billed[0]!.id);
  assert.deepEqual([agrees, lines[0]!.amount], [true, 90]);
});

/** Takes an event back and puts another value in its place, or takes all of a span back. Returns what can be reverted. */
const correctUsage = async (correction: object): Promise<string> => (await own<{ id: string }>(stripe, 'POST', 'usage/corrections', correction)).id;

test('what is amended in the second of a bill counts as it did then: before it for it, after it not', async () => {
  const { customer } = await onClock();
  await stripe.subscriptions.create({ customer, items: [{ price: await metered('amended') }], billing_thresholds: { amount_gte: 50 } });
  const amend = (identifier: string, value: number) => correctUsage({ type: 'amend', amend: { event_name: 'amended', identifier, payload: { stripe_customer_id: customer, value: String(value) } } });
  await use('amended', customer, 1, START, 'first');
  await use('amended', customer, 2, START, 'second');
  await amend('first', 9);
  let billed: Stripe.Invoice[] = [];
  while (billed.length === 0) billed = await invoicesOf(customer);
  await amend('second', 4);
  const { agrees, lines } = await explain(billed[0]!.id);
  assert.deepEqual([agrees, lines[0]!.amount], [true, 110]);
});

test('what was taken back when it was billed, and is put back since, was not on the line', async () => {
  const { clock, customer } = await onClock();
  await stripe.subscriptions.create({ customer, items: [{ price: await metered('reverted') }] });
  await use('reverted', customer, 5, START);
  await kontor.advance(clock, START + HOUR);
  await use('reverted', customer, 3, START + HOUR);
  await kontor.advance(clock, START + 2 * HOUR);
  const correction = await correctUsage({ type: 'backfill', backfill: { event_name: 'reverted', customer, start_time: START + HOUR, end_time: START + 2 * HOUR } });
  await kontor.advance(clock, FEBRUARY + 2 * HOUR);
  await correctUsage({ type: 'revert', revert: { correction } });
  const [invoice] = (await invoicesOf(customer)).toReversed();
  const { agrees, lines } = await explain(invoice!.id);
  assert.deepEqual([agrees, lines[0]!.amount], [true, 50]);
  assert.deepEqual((await stripe.invoiceItems.list({ customer, pending: true })).data.map((item) => item.amount), [30]);
});

test('levels are those that were known, and what puts them right is counted again; by the hour where the events are not kept any more', async () => {
  const meter = async (event_name: string, formula: string) =>
    (await own<{ id: string }>(stripe, 'POST', 'meters', { display_name: event_name, event_name, default_aggregation: { formula }, dimensions: ['pool'] })).id;
  const price = async (event_name: string, formula: string) => seats(event_name, { unit_amount: 10, recurring: { interval: 'month', usage_type: 'metered', meter: await meter(event_name, formula) } });
  const items = [{ price: await price('desks', 'latest') }, { price: await price('disks', 'weighted_by_time') }];
  const { clock, customer } = await onClock();
  await stripe.subscriptions.create({ customer, items });
  const report = (event_name: string, value: number, timestamp: number, pool = 'a') => stripe.billing.meterEvents.create({ event_name, timestamp, payload: { stripe_customer_id: customer, value: String(value), pool } });
  const DAYS = 24 * HOUR;
  for (const name of ['desks', 'disks']) for (const [value, at, pool] of [[5, START, 'a'], [2, START, 'b']] as const) await report(name, value, at, pool);
  await kontor.advance(clock, FEBRUARY - 2 * DAYS);
  for (const name of ['desks', 'disks']) await report(name, 8, FEBRUARY - 2 * DAYS);
  await kontor.advance(clock, FEBRUARY + 2 * HOUR);
  // After the invoice: 9 desks and disks in the last day, which the second invoice puts right; and 1 more in the last hour, after that one, which the third does.
  for (const name of ['desks', 'disks']) await report(name, 9, FEBRUARY - DAYS);
  const MARCH = Date.UTC(2026, 2, 15, 10) / 1_000;
  await kontor.advance(clock, MARCH + 2 * HOUR);
  for (const name of ['desks', 'disks']) await report(name, 10, FEBRUARY - HOUR);
  await kontor.advance(clock, Date.UTC(2026, 3, 15, 12) / 1_000);
  const seen = async () => {
    const all = await Promise.all((await invoicesOf(customer)).map((each) => explain(each.id)));
    assert.deepEqual(all.map((each) => each.differences), [[], [], []]);
    const counted = (of: Step): string[] => [...((of['usage'] as { counted: string } | undefined) ? [(of['usage'] as { counted: string }).counted] : []), ...of.parts.flatMap(counted)];
    return { all, counted: all.map((each) => each.lines.map((line) => counted(line.derivation)[0])) };
  };
  const hours = (...levels: [level: number, hours: number][]) => String(levels.reduce((sum, [level, span]) => sum + level * span, 0));
  const [JANUARY_H, FEBRUARY_H, MARCH_H] = [31 * 24, 28 * 24, 31 * 24];
  const { counted } = await seen();
  assert.deepEqual(counted, [
    ['10', hours([7, JANUARY_H - 48], [10, 48])],
    // What puts the first period right, and the second, which begins with what is known by then; the last event reaches into both.
    ['11', hours([7, JANUARY_H - 48], [10, 24], [11, 24]), '11', hours([11, FEBRUARY_H])],
    ['12', '12', hours([7, JANUARY_H - 48], [10, 24], [11, 23], [12, 1]), hours([12, FEBRUARY_H]), '12', hours([12, MARCH_H])],
  ]);
  await superuser.query(`create table events_kept as select * from meter_events where customer = '${customer}'; delete from meter_events where customer = '${customer}'`);
  const later = await seen();
  await superuser.query('insert into meter_events select * from events_kept; drop table events_kept');
  assert.deepEqual(later.counted, counted);
  assert.match(later.all[0]!.lines[0]!.sentences[1]!, /The events themselves are not kept any more: this is what they added up to by the hour\.$/);
  assert.match(later.all[0]!.lines[1]!.sentences[1]!, /The events themselves are not kept any more: this is what was billed\.$/);
});

test('what is written and does not follow from the facts is told at the top', async () => {
  const { customer } = await onClock();
  const rate = await stripe.taxRates.create({ display_name: 'VAT', percentage: 20, inclusive: false });
  await stripe.subscriptions.create({ customer, items: [{ price: await seats(), quantity: 3 }], default_tax_rates: [rate.id] });
  const [invoice] = await invoicesOf(customer);
  const { id: line } = invoice!.lines.data[0]!;
  await superuser.query('update invoice_lines set amount = 2500 where id = $1', [line]);
  try {
    const { agrees, differences, sentences, lines } = await explain(invoice!.id);
    assert.deepEqual([agrees, lines[0]!.agrees, lines[0]!.amount, lines[0]!.derivation.amount], [false, false, 2_500, 3_000]);
    assert.deepEqual(differences.map(({ line, field, stated, recomputed, difference }) => [line, field.split('[')[0], stated, recomputed, difference]), [
      [line, 'amount', 2_500, 3_000, -500], [line, 'taxes', 600, 500, 100], [null, 'subtotal', 3_000, 2_500, 500], [null, 'subtotal_excluding_tax', 3_000, 2_500, 500], [null, 'exclusive_taxes', 600, 500, 100],
      [null, 'total', 3_600, 3_000, 600], [null, 'total_excluding_tax', 3_000, 2_500, 500], [null, 'amount_due', 3_600, 3_000, 600], [null, 'amount_remaining', 0, -600, 600],
    ]);
    assert.deepEqual(sentences.slice(0, 2), [
      'ATTENTION: what is written here is not what the facts come to.',
      'The line “3 × Seat (at $10.00 / month)” says $25.00 as its amount; the facts come to $30.00, a difference of -$5.00.',
    ]);
    assert.equal((await explain(invoice!.id, 'de')).sentences[1], 'Die Position „3 × Seat (at $10.00 / month)“ nennt $25.00 als Betrag; aus den Tatsachen ergibt sich $30.00, ein Unterschied von -$5.00.');
  } finally {
    await superuser.query('update invoice_lines set amount = 3000 where id = $1', [line]);
  }
});

test('a difference from the invoice before has causes that sum to it', async () => {
  const [seat, calls] = [await seats(), await metered('dials')];
  const { clock, customer } = await onClock();
  const rate = await stripe.taxRates.create({ display_name: 'VAT', percentage: 20, inclusive: false });
  const coupon = await stripe.coupons.create({ name: 'Welcome', percent_off: 50, duration: 'once' });
  const subscription = await stripe.subscriptions.create({ customer, items: [{ price: seat, quantity: 4 }, { price: calls }], default_tax_rates: [rate.id], discounts: [{ coupon: coupon.id }] });
  await use('dials', customer, 50, START);
  await stripe.customers.createBalanceTransaction(customer, { amount: -300, currency: 'usd' });
  await kontor.advance(clock, START + 24 * HOUR);
  await stripe.subscriptions.update(subscription.id, { items: [{ id: subscription.items.data[0]!.id, quantity: 6 }], proration_behavior: 'none' });
  await stripe.invoiceItems.create({ customer, amount: 900, currency: 'usd', description: 'Training' });
  await kontor.advance(clock, FEBRUARY + 2 * HOUR);
  const [first, second] = await invoicesOf(customer);
  assert.deepEqual([first!.amount_due, second!.amount_due], [2_400, 8_580]);
  const { sentences: told, derivation } = (await explain(second!.id)).lines.find((line) => line.amount === 6_000)!;
  assert.equal(told[1], 'The quantity is 6, as it was subscribed to: 4 from 15 January 2026 10:00:00 UTC, 6 from 16 January 2026 10:00:00 UTC.');
  assert.deepEqual(derivation.parts[0]!['history'], [{ quantity: '4', since: START }, { quantity: '6', since: START + 24 * HOUR }]);
  const comparison = await compare(second!.id);
  assert.deepEqual([comparison.object, comparison.with, comparison.difference], ['kontor.invoice_comparison', first!.id, 6_180]);
  assert.deepEqual(comparison.causes.map(({ kind, amount }) => [kind, amount]), [['quantity', 2_000], ['usage', 500], ['new_item', 900], ['discount', 2_000], ['tax', 1_080], ['balance', -300]]);
  assert.deepEqual(comparison.sentences, [
    `On ${second!.number} $85.80 is due, on ${first!.number} it was $24.00: $61.80 more.`,
    '6 × Seat (at $10.00 / month): the quantity went from 4 to 6: +$20.00.',
    '50 × dials (at $0.10 / month): the usage went from none to 50: +$5.00.',
    'Training is on this invoice only: +$9.00.',
    'The discount Welcome was for one invoice and went from $20.00 to $0.00: +$20.00.',
    'VAT went from $4.00 to $14.80: +$10.80.',
    "The customer's balance changed what was due by $0.00 then and by -$3.00 now: -$3.00.",
  ]);
  const back = await compare(first!.id, second!.id);
  assert.equal(back.difference, -6_180);
  assert.equal(back.causes.reduce((sum, cause) => sum + cause.amount, 0), -6_180);
});

test('what cannot be explained or compared is refused', async () => {
  const [one, other] = [await onClock(), await onClock()];
  const price = await seats();
  for (const { customer } of [one, other]) await stripe.subscriptions.create({ customer, items: [{ price, quantity: 1 }] });
  const [[mine], [theirs]] = [await invoicesOf(one.customer), await invoicesOf(other.customer)];
  const { id: nobody } = await stripe.customers.create({ name: 'Lee' });
  const loose = await stripe.invoices.create({ customer: nobody, currency: 'usd' });
  const foreign = await stripe.invoices.create({ customer: nobody, currency: 'eur' });
  const bad: [string, number, string | undefined, string | undefined][] = [
    ['in_none/explanation', 404, 'resource_missing', 'id'],
    [`${mine!.id}/explanation?language=fr`, 400, undefined, 'language'],
    [`${mine!.id}/explanation?lang=de`, 400, 'parameter_unknown', 'lang'],
    ['in_none/comparison', 404, 'resource_missing', 'id'],
    [`${mine!.id}/comparison`, 400, 'parameter_missing', 'with'],
    [`${loose.id}/comparison`, 400, 'parameter_missing', 'with'],
    [`${mine!.id}/comparison?with=in_none`, 400, 'resource_missing', 'with'],
    [`${mine!.id}/comparison?with=cus_1`, 400, 'resource_missing', 'with'],
    [`${mine!.id}/comparison?with=${mine!.id}`, 400, undefined, 'with'],
    [`${mine!.id}/comparison?with=${theirs!.id}`, 400, undefined, 'with'],
    [`${loose.id}/comparison?with=${foreign.id}`, 400, undefined, 'with'],
  ];
  for (const [path, status, code, param] of bad) {
    const error = await ask(path).then(() => assert.fail(`${path} was answered`), (reason: Stripe.errors.StripeError) => reason);
    assert.deepEqual([error.statusCode, error.code, error.param], [status, code, param], path);
  }
  const { stripe: stranger } = await kontor.another();
  await assert.rejects(own(stranger, 'GET', `invoices/${mine!.id}/explanation`), { statusCode: 404 });
});
