/** What would be billed is explained and compared as what was billed: by the request that previews it. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { DAY } from '../../../tests/days.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { own } from '../../../tests/own.ts';
import { customerAt, meterOf, paysBy, report } from '../../../tests/shop.ts';

type Step = { kind: string; amount: number | null; parts: Step[]; [field: string]: unknown };
type Line = { line: string; description: string; amount: number; derivation: Step; discounts: Step[]; taxes: Step[]; sentences: string[] };
type Explanation = { object: string; invoice: string; agrees: boolean; differences: unknown[]; lines: Line[]; sentences: string[]; preview: Stripe.Invoice };
type Comparison = { object: string; invoice: string; with: string; difference: number; amount_due: number; causes: { kind: string; amount: number; sentence: string }[]; sentences: string[]; preview: Stripe.Invoice };
type Preview = Stripe.InvoiceCreatePreviewParams;

const START = Date.UTC(2026, 0, 15, 10) / 1_000;

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const meter = await meterOf(stripe, 'calls');
const priced = async (name: string, more: Partial<Stripe.PriceCreateParams>) => (await stripe.prices.create({ currency: 'usd', recurring: { interval: 'month' }, product_data: { name }, ...more })).id;
const catalogue = {
  seat: await priced('Seat', { unit_amount: 3_100 }),
  desk: await priced('Desk', { billing_scheme: 'tiered', tiers_mode: 'graduated', tiers: [{ up_to: 2, unit_amount: 5_000 }, { up_to: 'inf', unit_amount: 4_000, flat_amount: 100 }] }),
  calls: await priced('Call', { unit_amount: 10, recurring: { interval: 'month', usage_type: 'metered', meter: meter.id } }),
  product: (await stripe.products.create({ name: 'Bespoke' })).id,
  once: (await stripe.coupons.create({ name: 'Half', percent_off: 50, duration: 'forever' })).id,
};

const post = <Answer>(path: string, params: object) => own<Answer>(stripe, 'POST', `invoices/create_preview/${path}`, params);
const explain = (params: Preview, language?: 'en' | 'de') => post<Explanation>('explanation', { ...params, ...(language && { language }) });
const compare = (params: Preview, more: { with?: string; language?: 'de' } = {}) => post<Comparison>('comparison', { ...params, ...more });

/** Somebody with three seats and calls, a tax and a discount, ten days into the second month, after 40 calls. */
async function lived(more: Partial<Stripe.SubscriptionCreateParams> = {}) {
  const { clock, customer } = await customerAt(stripe, START, { name: 'Jenny', ...paysBy() });
  const rate = await stripe.taxRates.create({ display_name: 'VAT', percentage: 19, inclusive: false });
  const coupon = await stripe.coupons.create({ name: 'Friends', percent_off: 10, duration: 'forever' });
  const subscription = await stripe.subscriptions.create({
    customer, items: [{ price: catalogue.seat, quantity: 3 }, { price: catalogue.calls }], default_tax_rates: [rate.id], discounts: [{ coupon: coupon.id }], ...more,
  });
  await kontor.advance(clock, START + 41 * DAY);
  await report(stripe, 'calls', customer, 40, START + 40 * DAY);
  const [seats] = subscription.items.data;
  return { clock, customer, subscription: subscription.id, seats: seats!.id };
}
type Lived = Awaited<ReturnType<typeof lived>>;

const details = (of: Lived, subscription_details: Stripe.InvoiceCreatePreviewParams.SubscriptionDetails, more: Preview = {}): Preview => ({ subscription: of.subscription, subscription_details, ...more });

/** The kinds of steps that each preview has, by line. */
const CASES: [string, (of: Lived) => Preview | Promise<Preview>, string[][]][] = [
  ['the renewal', (of) => ({ subscription: of.subscription }), [['price', 'quantity'], ['price', 'usage']]],
  ['the first of the customer\'s renewals', (of) => ({ customer: of.customer }), [['price', 'quantity'], ['price', 'usage']]],
  ['more seats, billed at once', (of) => details(of, { items: [{ id: of.seats, quantity: 5 }], proration_behavior: 'always_invoice' }), [['credit'], ['net', 'part_of_period', 'price', 'quantity', 'discount_in_proration']]],
  ['more seats, with the renewal', (of) => details(of, { items: [{ id: of.seats, quantity: 5 }] }), [['credit'], ['net', 'part_of_period', 'price', 'quantity', 'discount_in_proration'], ['price', 'quantity'], ['price', 'usage']]],
  ['another price, in tiers', (of) => details(of, { items: [{ id: of.seats, price: catalogue.desk }], proration_behavior: 'always_invoice' }), [['credit'], ['net', 'part_of_period', 'price', 'quantity', 'discount_in_proration']]],
  ['a price that is made for it', (of) => details(of, { items: [{ id: of.seats, price_data: { currency: 'usd', product: catalogue.product, recurring: { interval: 'month' }, unit_amount: 7_777 } }], proration_behavior: 'none' }), [['price', 'quantity'], ['price', 'usage']]],
  ['a new discount on an item', (of) => details(of, { items: [{ id: of.seats, quantity: 4, discounts: [{ coupon: catalogue.once }] }], proration_behavior: 'always_invoice' }), [['credit'], ['net', 'part_of_period', 'price', 'quantity', 'discount_in_proration', 'discount_in_proration']]],
  ['calls that are not sold any more', async (of) => details(of, { items: [{ id: (await stripe.subscriptions.retrieve(of.subscription)).items.data[1]!.id, deleted: true }], proration_behavior: 'always_invoice' }), [['price', 'usage']]],
  ['a year instead of a month', (of) => details(of, { items: [{ id: of.seats, price_data: { currency: 'usd', product: catalogue.product, recurring: { interval: 'year' }, unit_amount: 30_000 } }] }), [['credit'], ['price', 'quantity'], ['price', 'usage']]],
  ['an end now', (of) => details(of, { cancel_now: true }), [['credit'], ['price', 'usage']]],
  ['an end within the period', (of) => details(of, { cancel_at: START + 50 * DAY }), [['credit'], ['price', 'usage']]],
  ['a pause', (of) => details(of, { pause: { type: 'subscription', bill_for: { outstanding_usage_through: { type: 'now' }, unused_time_from: { type: 'now' } }, invoicing_behavior: 'invoice' } }), [['credit'], ['price', 'usage']]],
  ['items of its own', (of) => ({ subscription: of.subscription, invoice_items: [{ amount: 900, currency: 'usd', description: 'Training' }, { price_data: { currency: 'usd', product: catalogue.product, unit_amount: 333 }, quantity: 3, discounts: [{ coupon: catalogue.once }] }] }), [['price', 'quantity'], ['price', 'usage'], ['given'], ['price', 'quantity']]],
  ['another one', (of) => ({ customer: of.customer, discounts: [{ coupon: catalogue.once }], subscription_details: { items: [{ price_data: { currency: 'usd', product: catalogue.product, recurring: { interval: 'month' }, unit_amount: 1_999 }, quantity: 7 }] } }), [['price', 'quantity']]],
  ['one that began in the past', (of) => ({ customer: of.customer, subscription_details: { start_date: START, items: [{ price: catalogue.seat }] } }), [['part_of_period', 'price', 'quantity'], ['price', 'quantity']]],
  ['a trial', (of) => ({ customer: of.customer, subscription_details: { trial_end: START + 60 * DAY, items: [{ price: catalogue.seat }] } }), [['trial']]],
];

const kinds = ({ kind, parts }: Step): string[] => [kind, ...parts.flatMap(kinds)];

test('every preview is explained to the cent, and its parts say from what it would be made', async () => {
  const of = await lived();
  for (const [what, asked, expected] of CASES) {
    const params = await asked(of);
    const plain = await stripe.invoices.createPreview(params);
    const explained = await explain(params);
    assert.deepEqual([explained.object, explained.differences, explained.agrees], ['kontor.invoice_explanation', [], true], what);
    assert.deepEqual(explained.lines.map((line) => kinds(line.derivation)), expected, what);
    assert.deepEqual([explained.preview.total, explained.preview.amount_due, explained.invoice], [plain.total, plain.amount_due, explained.preview.id], what);
    assert.deepEqual(explained.lines.map((line) => [line.line, line.amount]), explained.preview.lines.data.map((line) => [line.id, line.amount]), what);
    const { causes, difference, amount_due, preview, with: other } = await compare(params, { ...(params.subscription ? {} : { with: (await stripe.invoices.list({ customer: of.customer })).data[0]!.id }) });
    assert.equal(causes.reduce((sum, cause) => sum + cause.amount, 0), difference, what);
    assert.ok(causes.every((cause) => cause.kind !== 'rest'), what);
    assert.equal(difference, plain.amount_due - (await stripe.invoices.retrieve(other)).amount_due, what);
    assert.deepEqual([amount_due, preview.total], [plain.amount_due, plain.total], what);
  }
});

test('usage of the second of a price change is of the new price', async () => {
  const of = await lived({ discounts: [] });
  const dearer = await priced('Dear call', { unit_amount: 30, recurring: { interval: 'month', usage_type: 'metered', meter: meter.id } });
  const { data: [, calls] } = (await stripe.subscriptions.retrieve(of.subscription)).items;
  await report(stripe, 'calls', of.customer, 7);
  const { preview, differences } = await explain(details(of, { items: [{ id: calls!.id, price: dearer }, { price: catalogue.calls }] }));
  const usage = preview.lines.data.filter((line) => !line.description!.includes('Seat'));
  assert.deepEqual([usage.map((line) => [line.quantity, line.amount]), differences], [[[40, 400], [7, 210], [7, 70]], []]);
});

test('a preview says in sentences what it would cost, and why that is not what was paid last', async () => {
  const of = await lived();
  const params: Preview = { subscription: of.subscription, subscription_details: { items: [{ id: of.seats, quantity: 5 }], proration_behavior: 'none' } };
  const { lines } = await explain(params, 'de');
  assert.deepEqual(lines[1]!.sentences.slice(1), [
    'Der Zähler „Calls“ hat vom 15. Februar 2026 10:00:00 UTC bis ausschließlich 15. März 2026 10:00:00 UTC 40 gezählt: die Summe aus 1 Ereignis, das erste am 24. Februar 2026 10:00:00 UTC, das letzte am 24. Februar 2026 10:00:00 UTC.',
    '40 × $0.10 = $4.00.',
    'Rabatt 1 ist vom Gutschein „Friends“, für die ganze Rechnung: 10 % von $4.00 = -$0.40.',
    'VAT 19 % kommt auf $3.60 dazu: $0.684, gerundet $0.68.',
  ]);
  const [last] = (await stripe.invoices.list({ customer: of.customer })).data;
  const { sentences, with: other } = await compare(params);
  assert.equal(other, last!.id);
  // 3 × $31 − 10 % + 19 % = $99.60. 5 × $31 + $4 − 10 % + 19 % = $170.28: 155 × 0.9 × 1.19 = 166.005 and 3.6 × 1.19 = 4.284, each rounded.
  assert.deepEqual(sentences, [
    `On the preview $170.29 is due, on ${last!.number} it was $99.60: $70.69 more.`,
    '5 × Seat (at $31.00 / month): the quantity went from 3 to 5: +$62.00.',
    '40 × Call (at $0.10 / month): the usage went from 0 to 40: +$4.00.',
    'The discount Friends went from $9.30 to $15.90: -$6.60.',
    'VAT went from $15.90 to $27.19: +$11.29.',
  ]);
  const [first] = (await stripe.invoices.list({ customer: of.customer })).data.slice(-1);
  assert.equal((await compare(params, { with: first!.id, language: 'de' })).sentences[0], `Auf der Vorschau sind $170.29 fällig, auf ${first!.number} waren es $99.60: $70.69 mehr.`);
});

test('units that are included and credit that was granted are explained before they are billed', async () => {
  const { clock, customer } = await customerAt(stripe, START, { name: 'Kim', ...paysBy() });
  const { recurring } = await stripe.prices.retrieve(catalogue.calls);
  const { id: price } = await stripe.prices.create({ currency: 'usd', unit_amount: 10, product: catalogue.product, recurring: { interval: 'month', usage_type: 'metered', meter: recurring!.meter! } });
  await own(stripe, 'POST', `prices/${price}`, { allowance: { quantity: '15' } });
  await stripe.billing.creditGrants.create({ customer, name: 'Welcome', category: 'promotional', amount: { type: 'monetary', monetary: { currency: 'usd', value: 120 } }, applicability_config: { scope: { price_type: 'metered' } } });
  const { id: subscription } = await stripe.subscriptions.create({ customer, items: [{ price: catalogue.seat }, { price }] });
  await kontor.advance(clock, START + 5 * DAY);
  await report(stripe, 'calls', customer, 40, START + 4 * DAY);
  // A seat; of 40 calls 15 are included, 25 cost $2.50, of which $1.20 are met by the credit.
  const explained = await explain({ subscription });
  assert.deepEqual([explained.differences, explained.preview.total], [[], 3_100 + 250 - 120]);
  assert.deepEqual(explained.lines.map((line) => kinds(line.derivation)), [['price', 'quantity'], ['price', 'allowance', 'usage']]);
  const { causes, difference } = await compare({ subscription });
  assert.deepEqual([difference, causes.reduce((sum, cause) => sum + cause.amount, 0), causes.some((cause) => cause.kind === 'rest')], [130, 130, false]);
});

test('what was reported a moment ago is in the next preview, as it is in the usage that is shown, also beside a change', async () => {
  const { clock, customer } = await customerAt(stripe, START, { name: 'Lea', ...paysBy() });
  const subscription = await stripe.subscriptions.create({ customer, items: [{ price: catalogue.seat }, { price: catalogue.calls }] });
  const seats = subscription.items.data[0]!.id;
  const calls = async (params: Preview) => {
    const { differences, preview } = await explain({ subscription: subscription.id, ...params });
    assert.deepEqual([differences, (await stripe.invoices.createPreview({ subscription: subscription.id, ...params })).total], [[], preview.total]);
    return preview.lines.data.at(-1)!.amount;
  };
  const more: Preview = { subscription_details: { items: [{ id: seats, quantity: 2 }] } };
  for (const [at, reported, cost] of [[START, 7, 70], [START + 5 * DAY, 3, 100]] as const) {
    if (at > START) await kontor.advance(clock, at);
    await report(stripe, 'calls', customer, reported);
    assert.deepEqual([await calls({}), await calls(more), (await own(stripe, 'GET', `customers/${customer}/usage`)).data[0].cost.amount], [cost, cost, cost]);
  }
});

test('what would not be billed is not explained, and what is wrong with a preview is told by its own name', async () => {
  const of = await lived();
  const stranger = await stripe.customers.create({ name: 'Lee' });
  const theirs = await stripe.invoices.create({ customer: stranger.id, currency: 'usd' });
  const bad: [string, object, number, string | undefined, string | undefined][] = [
    ['explanation', {}, 400, 'parameter_missing', 'customer'],
    ['explanation', { customer: stranger.id }, 404, 'invoice_upcoming_none', undefined],
    ['explanation', { subscription: of.subscription, language: 'fr' }, 400, undefined, 'language'],
    ['explanation', { subscription: of.subscription, with: theirs.id }, 400, 'parameter_unknown', 'with'],
    ['explanation', { subscription: of.subscription, subscription_details: { items: [{ id: 'si_none' }] } }, 400, 'resource_missing', 'subscription_details[items][0][id]'],
    ['explanation', { customer: of.customer, subscription_details: { items: [{ price: 'price_none' }] } }, 400, 'resource_missing', 'subscription_details[items][0][price]'],
    ['explanation', { subscription: of.subscription, automatic_tax: { enabled: true } }, 400, 'parameter_unknown', 'automatic_tax[enabled]'],
    ['comparison', { subscription: of.subscription, with: theirs.id }, 400, undefined, 'with'],
    ['comparison', { subscription: of.subscription, with: 'in_none' }, 400, 'resource_missing', 'with'],
    ['comparison', { customer: of.customer, subscription_details: { items: [{ price: catalogue.seat }] } }, 400, 'parameter_missing', 'with'],
  ];
  for (const [path, params, status, code, param] of bad) {
    const error = await post(path, params).then(() => assert.fail(`${path} ${JSON.stringify(params)} was answered`), (reason: Stripe.errors.StripeError) => reason);
    assert.deepEqual([error.statusCode, error.code, error.param], [status, code, param], JSON.stringify(params));
  }
  const invoices = (await stripe.invoices.list({ customer: of.customer })).data.length;
  await explain({ subscription: of.subscription, subscription_details: { items: [{ id: of.seats, quantity: 9 }], proration_behavior: 'always_invoice' } });
  assert.equal((await stripe.invoices.list({ customer: of.customer })).data.length, invoices);
});
