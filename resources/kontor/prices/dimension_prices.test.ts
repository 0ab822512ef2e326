import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type Stripe from 'stripe';
import { DAY, FEBRUARY, HOUR, START } from '../../../tests/days.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { explained, own, type Json } from '../../../tests/own.ts';
import { customerAt, invoicesOf, seatPrice } from '../../../tests/shop.ts';

const MARCH = Date.UTC(2026, 2, 1) / 1_000;

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

const get = (path: string) => own(stripe, 'GET', path);
const post = (path: string, body: object) => own(stripe, 'POST', path, body);

let n = 0;

/** A price per unit of a meter with the dimensions `model` and `region`, with what it costs by them, and a customer on a clock. */
async function priced(dimension_prices: object[] | null, how: { price?: object; formula?: string } = {}) {
  const event_name = `tokens_${(n += 1)}`;
  const meter = await post('meters', { display_name: 'Tokens', event_name, dimensions: ['model', 'region'], default_aggregation: { formula: how.formula ?? 'sum' } });
  const { id: price } = await stripe.prices.create({ currency: 'usd', recurring: { interval: 'month', usage_type: 'metered', meter: meter['id'] }, product_data: { name: 'Tokens' }, ...(how.price ?? { unit_amount: 1 }) } as Stripe.PriceCreateParams);
  if (dimension_prices) await post(`prices/${price}`, { dimension_prices });
  const { clock, customer } = await customerAt(stripe, START);
  let sent = 0;
  const use = (model: string | null, value: number | string, timestamp: number, region = 'eu') =>
    stripe.billing.meterEvents.create({ event_name, identifier: `${event_name}-${(sent += 1)}`, timestamp, payload: { stripe_customer_id: customer, value: String(value), region, ...(model !== null && { model }) } });
  const lines = async () => (await invoicesOf(stripe, customer)).flatMap((invoice) => invoice.lines.data.map((line) => [line.amount, line.quantity, line.description]));
  return { event_name, meter: meter['id'] as string, price, clock, customer, use, lines };
}

const MODELS = [
  { dimensions: { model: ['opus'] }, unit_amount: 3 },
  { dimensions: { model: ['haiku', 'mini'] }, unit_amount_decimal: '0.2', name: 'small' },
];

/** Every invoice of the customer follows from its facts. Returns the sentences of its lines. */
async function sentencesOf(customer: string): Promise<string[]> {
  const invoices = await invoicesOf(stripe, customer);
  const told = await Promise.all(invoices.flatMap(({ id }) => [explained(stripe, id, 'de'), explained(stripe, id)]));
  return told.flatMap(({ lines }) => lines.flatMap((line: Json) => line.sentences));
}

test('a price by dimension, as it goes over the wire', async () => {
  const { price } = await priced(MODELS);
  const { lastResponse: _, ...shown } = await get(`prices/${price}`);
  assert.deepEqual(shown, {
    id: price, object: 'kontor.price', allowance: null, price,
    dimension_prices: [
      { currency_options: null, dimensions: { model: ['opus'] }, name: null, tiers: null, tiers_mode: null, unit_amount: 3, unit_amount_decimal: '3' },
      { currency_options: null, dimensions: { model: ['haiku', 'mini'] }, name: 'small', tiers: null, tiers_mode: null, unit_amount: null, unit_amount_decimal: '0.2' },
    ],
  });
  assert.equal((await post(`prices/${price}`, { dimension_prices: '' }))['dimension_prices'], null);
});

test('usage is billed on one line by its values, previewed, explained, and put right when more of it comes', async () => {
  const { price, clock, customer, use, lines } = await priced(MODELS);
  const subscription = await stripe.subscriptions.create({ customer, items: [{ price }] });
  await use('opus', 100, START + 5);
  await use('haiku', 1_000, START + 6);
  await use('mini', 4, START + 7);
  await use('other-model', 10, START + 8);
  await use(null, 7, START + 9);
  await kontor.advance(clock, START + HOUR);
  const [now] = (await get(`customers/${customer}/usage`))['data'];
  assert.deepEqual([now.value, now.cost, now.by_dimension_prices], ['1121', { amount: 518, currency: 'usd', unbilled_amount: 518 }, [{ name: 'opus', value: '100' }, { name: 'small', value: '1004' }, { name: 'other', value: '17' }]]);
  const preview = await stripe.invoices.createPreview({ subscription: subscription.id });
  const description = '1121 × Tokens (100 × opus at $0.03, 1004 × small at USD 0.002, 17 × other at $0.01 / month)';
  assert.deepEqual(preview.lines.data.map((line) => [line.amount, line.description]), [[518, description]]); // 300 + 200.8 + 17
  assert.equal((await post('invoices/create_preview/explanation', { subscription: subscription.id }))['agrees'], true);
  await kontor.advance(clock, FEBRUARY);
  // While the draft waits, as much of another model takes the place of some.
  await use('opus', 1, FEBRUARY - 5);
  await use(null, -1, FEBRUARY - 5);
  await kontor.advance(clock, FEBRUARY + 2 * HOUR);
  assert.deepEqual(await lines(), [[520, 1121, '1121 × Tokens (101 × opus at $0.03, 1004 × small at USD 0.002, 16 × other at $0.01 / month)']]);
  const told = await sentencesOf(customer);
  for (const sentence of ['Of “opus” 101 were used. 101 × $0.03 = $3.03.', 'Of “small” 1004 were used. 1004 × $0.002 = $2.008.', 'Together they come to $5.198, rounded to $5.20.', 'Zusammen ergibt das $5.198, gerundet $5.20.']) assert.ok(told.includes(sentence), `${sentence} is not among ${told.join('\n')}`);
  // What comes late changes the group that it is of, also where as much is taken off another one.
  await use('haiku', -100, START + DAY);
  await use('opus', 100, START + DAY);
  const [january] = (await stripe.invoices.list({ customer })).data;
  assert.deepEqual((await stripe.invoiceItems.list({ customer, pending: true })).data.map((item) => [item.amount, item.description]), [[280, `Correction of ${january!.number}: 201 instead of 101 × opus, 904 instead of 1004 × small of Tokens`]]); // 603 + 180.8 + 16 − 520
  assert.deepEqual((await get(`invoice_corrections?invoice=${january!.id}`))['data'].map((each: Json) => [each['quantity_before'], each['quantity_after'], each['quantity_groups'].map((group: Json) => [group['name'], group['before'], group['after']])]), [
    ['1021', '1121', [['opus', '101', '201'], ['small', '904', '904'], ['other', '16', '16']]],
    ['1121', '1021', [['opus', '101', '101'], ['small', '1004', '904'], ['other', '16', '16']]],
  ]);
  await use('opus', 10, FEBRUARY + HOUR);
  await kontor.advance(clock, MARCH + 2 * HOUR);
  assert.deepEqual((await lines()).slice(1), [[280, 1, `Correction of ${january!.number}: 201 instead of 101 × opus, 904 instead of 1004 × small of Tokens`], [30, 10, '10 × Tokens (10 × opus at $0.03 / month)']]);
  await sentencesOf(customer);
  const [march] = (await stripe.invoices.list({ customer })).data;
  const comparison = await get(`invoices/${march!.id}/comparison`);
  assert.deepEqual(comparison['causes'].map((cause: Json) => [cause['kind'], cause['amount']]), [['usage', -490], ['new_item', 280]]);
});

test('tiers, packages, included units and further currencies go by the group', async () => {
  const tiers = [{ up_to: 100, unit_amount: 5 }, { up_to: 'inf', unit_amount: 2 }];
  const { price, clock, customer, use, lines } = await priced([{ dimensions: { model: ['opus'], region: ['eu'] }, tiers, tiers_mode: 'graduated', currency_options: { eur: { tiers } } }, { dimensions: { model: ['opus'] }, unit_amount: 4, currency_options: { eur: { unit_amount: 3 } } }], { price: { unit_amount: 1, currency_options: { eur: { unit_amount: 2 } } } });
  await post(`prices/${price}`, { allowance: { quantity: '50' } });
  await assert.rejects(stripe.prices.update(price, { currency_options: { gbp: { unit_amount: 1 } } }), { param: 'currency_options', statusCode: 400 });
  await stripe.subscriptions.create({ customer, currency: 'eur', items: [{ price }] });
  await use('opus', 170, START + 5);
  await use('opus', 10, START + 6, 'us');
  await use('haiku', 10, START + 7);
  await kontor.advance(clock, FEBRUARY + 2 * HOUR);
  // Of 170 the first 50 are included: 100 × 5 + 20 × 2, 10 × 3 and 10 × 2.
  assert.deepEqual(await lines(), [[590, 190, '190 × Tokens, 50 included (170 × opus, eu tiered pricing, 10 × opus at €0.03, 10 × other at €0.02 / month)']]);
  const told = await sentencesOf(customer);
  assert.ok(told.includes('Of “opus, eu” 170 were used, of which 120 are charged. Each tier prices its own part: 100 × €0.05 (up to 100) + 20 × €0.02 (above 100) = €5.40.'), told.join('\n'));
});

test('packages are begun for each group by itself', async () => {
  const { price, clock, customer, use, lines } = await priced([{ dimensions: { model: ['opus'] }, unit_amount: 900 }], { price: { unit_amount: 500, transform_quantity: { divide_by: 1_000, round: 'up' } } });
  await stripe.subscriptions.create({ customer, items: [{ price }] });
  await use('opus', 1_001, START + 5);
  await use('haiku', 1, START + 6);
  await kontor.advance(clock, FEBRUARY + 2 * HOUR);
  assert.deepEqual(await lines(), [[2_300, 1002, '1002 × Tokens (1001 × opus at $9.00 per 1000, 1 × other at $5.00 per 1000 / month)']]);
  await sentencesOf(customer);
});

test('a threshold bills early what came, and the end of the period the rest, by the group', async () => {
  const { price, clock, customer, use, lines } = await priced(MODELS);
  await stripe.subscriptions.create({ customer, items: [{ price }], billing_thresholds: { amount_gte: 1_000 } });
  await use('opus', 300, START);
  await use('haiku', 1_000, START);
  await kontor.advance(clock, START + DAY);
  await use('opus', 5, START + DAY);
  await kontor.advance(clock, FEBRUARY + 2 * HOUR);
  assert.deepEqual(await lines(), [[1_100, 1300, '1300 × Tokens (300 × opus at $0.03, 1000 × small at USD 0.002 / month)'], [15, 5, '5 × Tokens (5 × opus at $0.03 / month)']]);
  await sentencesOf(customer);
});

describe('by any formula a group is counted by itself', () => {
  const rows: [string, string[], string, number][] = [
    ['count', ['opus', 'opus', 'haiku'], '3', 6], // 2 × 3 + 1 × 0.2
    ['max', ['opus', 'opus', 'haiku'], '5', 7], // 2 and 3: 2 × 3 + 3 × 0.2
    ['last', ['opus', 'opus', 'haiku'], '5', 7],
    ['latest', ['opus', 'opus', 'haiku'], '5', 7],
    ['unique_count', ['opus', 'opus', 'haiku'], '3', 6],
  ];
  for (const [formula, models, value, amount] of rows) {
    test(formula, async () => {
      const { price, clock, customer, use, lines } = await priced(MODELS, { formula });
      await stripe.subscriptions.create({ customer, items: [{ price }] });
      for (const [at, model] of models.entries()) await use(model, at + 1, START + at, at === 0 ? 'us' : 'eu');
      // The same value in two regions of a group is one value; the last value of a group is that of each of its regions.
      if (formula === 'unique_count') await use('opus', 2, START + 9, 'us');
      if (formula === 'last' || formula === 'latest') await use('opus', 0, START + 9, 'us');
      await kontor.advance(clock, FEBRUARY + 2 * HOUR);
      assert.deepEqual((await lines()).map(([billed, quantity]) => [billed, String(quantity)]), [[amount, value]]);
      await sentencesOf(customer);
    });
  }
});

test('a cap of money, and what is reserved, go by the price of the values', async () => {
  const { event_name, price, customer, use } = await priced(MODELS);
  await stripe.subscriptions.create({ customer, items: [{ price }] });
  await post('caps', { customer, amount: 100, currency: 'usd' });
  await use('opus', 10, START);
  const ask = async (quantity: number, dimensions?: object) => (await post('usage/check', { customer, event_name, quantity, ...(dimensions && { dimensions }) }))['allowed'];
  assert.deepEqual([await ask(23, { model: 'opus' }), await ask(24, { model: 'opus' }), await ask(70), await ask(71), await ask(350, { model: 'mini' })], [true, false, true, false, true]);
  const held = await post('usage/reservations', { customer, event_name, quantity: 20, dimensions: { model: 'opus', region: 'eu' } });
  assert.deepEqual([held['dimensions'], await ask(3, { model: 'opus' }), await ask(4, { model: 'opus' })], [{ model: 'opus', region: 'eu' }, true, false]);
  await post(`usage/reservations/${held['id']}/finalize`, {});
  const [now] = (await get(`customers/${customer}/usage`))['data'];
  assert.deepEqual([now.value, now.cost.amount, now.by_dimensions], ['30', 90, [{ dimensions: { model: 'opus', region: 'eu' }, value: '30' }]]);
  await assert.rejects(ask(1, { colour: 'red' }), { statusCode: 400, param: 'dimensions[colour]' });
});

describe('prices by dimension are refused', () => {
  const opus = { dimensions: { model: ['opus'] } };
  const table: [string, object[], string | undefined, string, object?][] = [
    ['of a dimension that the meter lacks', [{ dimensions: { colour: ['red'] }, unit_amount: 1 }], undefined, 'dimension_prices[0][dimensions][colour]'],
    ['of a value twice', [{ dimensions: { model: ['a', 'b', 'a'] }, unit_amount: 1 }], undefined, 'dimension_prices[0][dimensions][model][2]'],
    ['for no values', [{ dimensions: { model: '' }, unit_amount: 1 }], undefined, 'dimension_prices[0][dimensions][model]'],
    ['which say no amount', [opus], 'parameter_missing', 'dimension_prices[0][unit_amount]'],
    ['which say two', [{ ...opus, unit_amount: 1, tiers: [{ up_to: 'inf', unit_amount: 1 }] }], 'parameters_exclusive', 'dimension_prices[0][unit_amount]'],
    ['of an amount below nothing', [{ ...opus, unit_amount: -1 }], 'parameter_invalid_integer', 'dimension_prices[0][unit_amount]'],
    ['of tiers that say not how they count', [{ ...opus, tiers: [{ up_to: 'inf', unit_amount: 1 }] }], 'parameter_missing', 'dimension_prices[0][tiers_mode]'],
    ['of tiers with an end', [{ ...opus, tiers_mode: 'volume', tiers: [{ up_to: 5, unit_amount: 1 }] }], undefined, 'dimension_prices[0][tiers][0][up_to]'],
    ['of a mode without tiers', [{ ...opus, tiers_mode: 'volume', unit_amount: 1 }], undefined, 'dimension_prices[0][tiers_mode]'],
    ['of tiers where the price counts packages', [{ ...opus, tiers_mode: 'volume', tiers: [{ up_to: 'inf', unit_amount: 1 }] }], undefined, 'dimension_prices[0][tiers]', { unit_amount: 5, transform_quantity: { divide_by: 10, round: 'up' } }],
    ['without a currency of the price', [{ ...opus, unit_amount: 1 }], 'parameter_missing', 'dimension_prices[0][currency_options][eur]', { unit_amount: 5, currency_options: { eur: { unit_amount: 5 } } }],
    ['in a currency that the price lacks', [{ ...opus, unit_amount: 1, currency_options: { eur: { unit_amount: 1 } } }], undefined, 'dimension_prices[0][currency_options][eur]'],
    ['of which one is never reached', [{ ...opus, unit_amount: 1 }, { dimensions: { model: ['opus'], region: ['eu'] }, unit_amount: 2 }], undefined, 'dimension_prices[1][dimensions]'],
  ];
  for (const [name, dimension_prices, code, param, more] of table) {
    test(name, async () => {
      const { price } = await priced(null, more && { price: more });
      const error = await post(`prices/${price}`, { dimension_prices }).then(() => assert.fail('it was taken'), (reason: Stripe.errors.StripeError) => reason);
      assert.deepEqual([error.statusCode, error.param, ...(code ? [error.code] : [])], [400, param, ...(code ? [code] : [])], error.message);
    });
  }

  test('of a licensed price, and of one that somebody has', async () => {
    const seat = await seatPrice(stripe, 1);
    const { price, customer } = await priced(MODELS);
    await stripe.subscriptions.create({ customer, items: [{ price }] });
    for (const id of [seat.id, price]) await assert.rejects(post(`prices/${id}`, { dimension_prices: MODELS }), { statusCode: 400, param: 'dimension_prices' });
  });
});
