import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import Stripe from 'stripe';
import { startKontor } from '../../tests/kontor.ts';
import { untyped } from '../../tests/refused.ts';
import { meterOf } from '../../tests/shop.ts';
import { listen, typesOf } from '../../tests/told.ts';
import { renderPlan } from './resource.ts';
import { pricesById } from './rows.ts';
import { inWorld } from '../../server/database/world.ts';

const kontor = await startKontor();
after(() => kontor.close());
const told = listen(kontor);
const product = (await kontor.stripe.products.create({ id: 'prod_sold', name: 'Sold' })).id;
const meter = (await meterOf(kontor.stripe, 'calls')).id;
await told();

type Create = Stripe.PriceCreateParams;
const priceOf = (params: Partial<Create>, expand: string[] = []) => kontor.stripe.prices.create({ product, currency: 'usd', expand, ...params });
const decimal = (text: string) => Stripe.Decimal.from(text);

test('a price in full, as it goes over the wire and into the event', async () => {
  const made = await priceOf({ unit_amount: 1999, recurring: { interval: 'month', interval_count: 3, trial_period_days: 14 }, nickname: 'Quarterly', lookup_key: 'quarterly', metadata: { a: 'b' }, tax_behavior: 'exclusive' });
  const { lastResponse: _, id, created, ...rest } = JSON.parse(JSON.stringify(made));
  assert.match(id, /^price_/);
  assert.deepEqual(rest, {
    object: 'price',
    active: true,
    billing_scheme: 'per_unit',
    currency: 'usd',
    custom_unit_amount: null,
    livemode: false,
    lookup_key: 'quarterly',
    metadata: { a: 'b' },
    nickname: 'Quarterly',
    product,
    recurring: { interval: 'month', interval_count: 3, meter: null, trial_period_days: 14, usage_type: 'licensed' },
    tax_behavior: 'exclusive',
    tiers_mode: null,
    transform_quantity: null,
    type: 'recurring',
    unit_amount: 1999,
    unit_amount_decimal: '1999',
  });
  const [event, ...others] = await told();
  assert.deepEqual(others, []);
  assert.equal(event!.type, 'price.created');
  assert.deepEqual(event!.data, { id, created, ...rest });
});

test('a unit amount of twelve decimal places is kept exactly, and is no whole number', async () => {
  const made = await priceOf({ unit_amount_decimal: decimal('0.000000000001') });
  assert.equal(made.unit_amount, null);
  assert.equal(String(made.unit_amount_decimal), '0.000000000001');
  const whole = await priceOf({ unit_amount_decimal: untyped('1250.500') });
  assert.equal(String(whole.unit_amount_decimal), '1250.5');
  const even = await priceOf({ unit_amount_decimal: untyped('1250.00') });
  assert.equal(even.unit_amount, 1250);
});

test('tiers are shown on demand only, with amounts whole and decimal', async () => {
  const terms: Partial<Create> = {
    billing_scheme: 'tiered',
    tiers_mode: 'graduated',
    recurring: { interval: 'month', usage_type: 'metered', meter },
    tiers: [{ up_to: 10, flat_amount: 500 }, { up_to: 100, unit_amount: 20, flat_amount_decimal: decimal('0.5') }, { up_to: 'inf', unit_amount_decimal: decimal('12.25') }],
  };
  const bare = await priceOf(terms);
  assert.equal('tiers' in bare, false);
  assert.equal('currency_options' in bare, false);
  assert.deepEqual([bare.unit_amount, bare.unit_amount_decimal, bare.tiers_mode, bare.billing_scheme, bare.recurring?.meter], [null, null, 'graduated', 'tiered', meter]);
  const shown = await kontor.stripe.prices.retrieve(bare.id, { expand: ['tiers'] });
  assert.deepEqual(JSON.parse(JSON.stringify(shown.tiers)), [
    { flat_amount: 500, flat_amount_decimal: '500', unit_amount: null, unit_amount_decimal: null, up_to: 10 },
    { flat_amount: null, flat_amount_decimal: '0.5', unit_amount: 20, unit_amount_decimal: '20', up_to: 100 },
    { flat_amount: null, flat_amount_decimal: null, unit_amount: null, unit_amount_decimal: '12.25', up_to: null },
  ]);
});

// The official client serializes no Decimal inside of a map, so there it goes as text.
test('a price in several currencies says each on demand, its own among them', async () => {
  const made = await priceOf({ unit_amount: 1000, currency_options: { eur: { unit_amount: 900, tax_behavior: 'inclusive' }, jpy: { unit_amount_decimal: untyped('1500.5') } } }, ['currency_options']);
  assert.deepEqual(JSON.parse(JSON.stringify(made.currency_options)), {
    usd: { custom_unit_amount: null, tax_behavior: 'unspecified', unit_amount: 1000, unit_amount_decimal: '1000' },
    eur: { custom_unit_amount: null, tax_behavior: 'inclusive', unit_amount: 900, unit_amount_decimal: '900' },
    jpy: { custom_unit_amount: null, tax_behavior: 'unspecified', unit_amount: null, unit_amount_decimal: '1500.5' },
  });
  const more = await kontor.stripe.prices.update(made.id, { currency_options: { eur: { unit_amount: 950 }, gbp: { unit_amount: 800 }, jpy: { tax_behavior: 'exclusive' } }, expand: ['currency_options'] });
  const options = more.currency_options!;
  assert.deepEqual([options.eur!.unit_amount, options.eur!.tax_behavior, options.gbp!.unit_amount], [950, 'inclusive', 800]);
  assert.deepEqual([String(options.jpy!.unit_amount_decimal), options.jpy!.tax_behavior], ['1500.5', 'exclusive']);
  await assert.rejects(kontor.stripe.prices.update(made.id, { currency_options: { eur: { tax_behavior: 'exclusive' } } }), { param: 'currency_options[eur][tax_behavior]' });
  await assert.rejects(kontor.stripe.prices.update(made.id, { currency_options: { usd: { unit_amount: 1 } } }), { param: 'currency_options[usd]' });
  await assert.rejects(kontor.stripe.prices.update(made.id, { currency_options: { chf: { tax_behavior: 'exclusive' } } }), { code: 'parameter_missing', param: 'currency_options[chf][unit_amount]' });
  const none = await kontor.stripe.prices.update(made.id, { currency_options: '', expand: ['currency_options'] });
  assert.deepEqual(Object.keys(none.currency_options!), ['usd']);
});

test('tiers may stand in every currency of a tiered price', async () => {
  const made = await priceOf(
    { billing_scheme: 'tiered', tiers_mode: 'volume', tiers: [{ up_to: 'inf', unit_amount: 5 }], currency_options: { eur: { tiers: [{ up_to: 'inf', unit_amount: 4 }] } } },
    ['tiers', 'currency_options.eur.tiers'],
  );
  assert.equal(made.type, 'one_time');
  assert.equal(made.tiers![0]!.unit_amount, 5);
  assert.equal(made.currency_options!.eur!.tiers![0]!.unit_amount, 4);
});

test('the customer may choose the amount of a one-time price', async () => {
  const made = await priceOf({ custom_unit_amount: { enabled: true, minimum: 100, preset: 500, maximum: 10_000 } });
  assert.deepEqual(made.custom_unit_amount, { maximum: 10_000, minimum: 100, preset: 500 });
  assert.equal(made.unit_amount, null);
});

test('a product can be made with its price, and is told first', async () => {
  await told();
  const made = await kontor.stripe.prices.create({ currency: 'usd', unit_amount: 5, product_data: { id: 'on-the-way', name: 'On the way', tax_details: { tax_code: 'txcd_10000000' }, unit_label: 'seat' }, expand: ['product'] });
  const { id, name, tax_code, unit_label, default_price } = made.product as Stripe.Product;
  assert.deepEqual([id, name, tax_code, unit_label, default_price], ['on-the-way', 'On the way', 'txcd_10000000', 'seat', null]);
  assert.deepEqual(typesOf(await told()), ['product.created', 'price.created']);
  await assert.rejects(kontor.stripe.prices.create({ currency: 'usd', unit_amount: 5, product_data: { id: 'on-the-way', name: 'Twice' } }), { code: 'resource_already_exists', param: 'product_data[id]' });
});

test('a lookup key belongs to one price and moves only when that is asked for', async () => {
  const first = await priceOf({ unit_amount: 1, lookup_key: 'standard' });
  await told();
  await assert.rejects(priceOf({ unit_amount: 2, lookup_key: 'standard' }), { code: 'resource_already_exists', param: 'lookup_key' });
  await assert.rejects(priceOf({ unit_amount: 2, transfer_lookup_key: true }), { code: 'parameter_missing', param: 'lookup_key' });
  const second = await priceOf({ unit_amount: 2, lookup_key: 'standard', transfer_lookup_key: true });
  assert.deepEqual((await told()).map(({ type, id, previous }) => ({ type, id, previous })), [
    { type: 'price.updated', id: first.id, previous: { lookup_key: 'standard' } },
    { type: 'price.created', id: second.id, previous: null },
  ]);
  const back = await kontor.stripe.prices.update(first.id, { lookup_key: 'standard', transfer_lookup_key: true });
  assert.equal(back.lookup_key, 'standard');
  assert.equal((await kontor.stripe.prices.retrieve(second.id)).lookup_key, null);
  assert.deepEqual((await told()).map(({ type, id, previous }) => ({ type, id, previous })), [
    { type: 'price.updated', id: second.id, previous: { lookup_key: 'standard' } },
    { type: 'price.updated', id: first.id, previous: { lookup_key: null } },
  ]);
  await kontor.stripe.prices.update(first.id, { lookup_key: 'standard' });
  assert.deepEqual(await told(), [], 'to have what one has is no change');
});

test('what may change is changed, and tax behavior only once', async () => {
  const made = await priceOf({ unit_amount: 1, metadata: { a: '1' } });
  await told();
  const changed = await kontor.stripe.prices.update(made.id, { active: false, metadata: { a: '', b: '2' }, nickname: 'Old', tax_behavior: 'inclusive' });
  assert.deepEqual([changed.active, changed.metadata, changed.nickname, changed.tax_behavior], [false, { b: '2' }, 'Old', 'inclusive']);
  const [event, ...others] = await told();
  assert.deepEqual(others, []);
  assert.deepEqual([event!.type, event!.previous], ['price.updated', { active: true, metadata: { a: '1', b: null }, nickname: null, tax_behavior: 'unspecified' }]);
  for (const tax_behavior of ['exclusive', 'unspecified'] as const) await assert.rejects(kontor.stripe.prices.update(made.id, { tax_behavior }), { param: 'tax_behavior', statusCode: 400 });
  assert.equal((await kontor.stripe.prices.update(made.id, { tax_behavior: 'inclusive' })).tax_behavior, 'inclusive');
});

test('the default price of a product stays active', async () => {
  const { default_price } = await kontor.stripe.products.create({ name: 'Defaulted', default_price_data: { currency: 'usd', unit_amount: 1 } });
  await assert.rejects(kontor.stripe.prices.update(default_price as string, { active: false }), { param: 'active', statusCode: 400 });
});

test('prices are listed by what they are', async () => {
  const { stripe } = await kontor.another();
  const { id: sold } = await stripe.products.create({ name: 'Sold' });
  const calls = await stripe.billing.meters.create({ display_name: 'Calls', event_name: 'calls', default_aggregation: { formula: 'count' } });
  const once = await stripe.prices.create({ product: sold, currency: 'usd', unit_amount: 1, lookup_key: 'once' });
  const yearly = await stripe.prices.create({ product: sold, currency: 'eur', unit_amount: 2, recurring: { interval: 'year' }, active: false });
  const metered = await stripe.prices.create({ product_data: { name: 'Other' }, currency: 'usd', unit_amount: 3, recurring: { interval: 'month', usage_type: 'metered', meter: calls.id } });
  const ids = async (params: Stripe.PriceListParams) => (await stripe.prices.list(params)).data.map((each) => each.id);
  assert.deepEqual(await ids({}), [metered.id, yearly.id, once.id]);
  assert.deepEqual(await ids({ active: false }), [yearly.id]);
  assert.deepEqual(await ids({ currency: 'eur' }), [yearly.id]);
  assert.deepEqual(await ids({ lookup_keys: ['once', 'never'] }), [once.id]);
  assert.deepEqual(await ids({ product: sold }), [yearly.id, once.id]);
  assert.deepEqual(await ids({ type: 'one_time' }), [once.id]);
  assert.deepEqual(await ids({ recurring: { interval: 'year' } }), [yearly.id]);
  assert.deepEqual(await ids({ recurring: { usage_type: 'metered' } }), [metered.id]);
  assert.deepEqual(await ids({ recurring: { meter: calls.id } }), [metered.id]);
  assert.deepEqual(await ids({ created: { gt: metered.created } }), []);
  assert.deepEqual(await ids({ limit: 1, ending_before: once.id }), [yearly.id]);
});

test('a recurring price is a plan in the older words', async () => {
  const made = await priceOf({ unit_amount_decimal: decimal('2.5'), recurring: { interval: 'week', interval_count: 156, usage_type: 'metered', meter }, transform_quantity: { divide_by: 1000, round: 'up' }, nickname: 'Old' });
  const [row] = await inWorld(kontor.database.pool, kontor.world, (tx) => pricesById(tx, [made.id]));
  assert.deepEqual(renderPlan(row!, kontor.world), {
    id: made.id,
    object: 'plan',
    active: true,
    amount: null,
    amount_decimal: '2.5',
    billing_scheme: 'per_unit',
    created: made.created,
    currency: 'usd',
    interval: 'week',
    interval_count: 156,
    livemode: false,
    metadata: {},
    meter,
    nickname: 'Old',
    product,
    tiers_mode: null,
    transform_usage: { divide_by: 1000, round: 'up' },
    trial_period_days: null,
    usage_type: 'metered',
  });
});

describe('a price is refused', () => {
  const month = { interval: 'month' };
  const tiered = { billing_scheme: 'tiered', tiers_mode: 'graduated' };
  const inf = { up_to: 'inf', unit_amount: 1 };
  const table: [string, object, string | undefined, string][] = [
    ['as a float', { unit_amount: 9.99 }, 'parameter_invalid_integer', 'unit_amount'],
    ['when it is negative', { unit_amount: -1 }, 'parameter_invalid_integer', 'unit_amount'],
    ['when its decimal is negative', { unit_amount_decimal: '-0.5' }, 'parameter_invalid_integer', 'unit_amount_decimal'],
    ['with thirteen decimal places', { unit_amount_decimal: '0.0000000000001' }, undefined, 'unit_amount_decimal'],
    ['with an exponent', { unit_amount_decimal: '1e3' }, undefined, 'unit_amount_decimal'],
    ['with two amounts', { unit_amount: 1, unit_amount_decimal: '1' }, 'parameters_exclusive', 'unit_amount'],
    ['without an amount', {}, 'parameter_missing', 'unit_amount'],
    ['in an unknown currency', { unit_amount: 1, currency: 'xyz' }, undefined, 'currency'],
    ['of an unknown product', { unit_amount: 1, product: 'prod_none' }, 'resource_missing', 'product'],
    ['without a product', { unit_amount: 1, product: undefined }, 'parameter_missing', 'product'],
    ['of two products', { unit_amount: 1, product_data: { name: 'Other' } }, 'parameters_exclusive', 'product'],
    ['every 37 months', { unit_amount: 1, recurring: { interval: 'month', interval_count: 37 } }, undefined, 'recurring[interval_count]'],
    ['every 157 weeks', { unit_amount: 1, recurring: { interval: 'week', interval_count: 157 } }, undefined, 'recurring[interval_count]'],
    ['every 1096 days', { unit_amount: 1, recurring: { interval: 'day', interval_count: 1096 } }, undefined, 'recurring[interval_count]'],
    ['every 4 years', { unit_amount: 1, recurring: { interval: 'year', interval_count: 4 } }, undefined, 'recurring[interval_count]'],
    ['every 0 months', { unit_amount: 1, recurring: { interval: 'month', interval_count: 0 } }, 'parameter_invalid_integer', 'recurring[interval_count]'],
    ['every fortnight', { unit_amount: 1, recurring: { interval: 'fortnight' } }, undefined, 'recurring[interval]'],
    ['when it is metered without a meter', { unit_amount: 1, recurring: { ...month, usage_type: 'metered' } }, 'parameter_missing', 'recurring[meter]'],
    ['when its meter is unknown', { unit_amount: 1, recurring: { ...month, usage_type: 'metered', meter: 'mtr_none' } }, 'resource_missing', 'recurring[meter]'],
    ['with the usage records of old', { unit_amount: 1, recurring: { ...month, usage_type: 'metered', aggregate_usage: 'sum' } }, 'parameter_unknown', 'recurring[aggregate_usage]'],
    ['with tiers and no scheme', { tiers: [inf] }, undefined, 'tiers'],
    ['with a mode and no scheme', { unit_amount: 1, tiers_mode: 'volume' }, undefined, 'tiers_mode'],
    ['when it is tiered without a mode', { billing_scheme: 'tiered', tiers: [inf] }, 'parameter_missing', 'tiers_mode'],
    ['when it is tiered without tiers', tiered, 'parameter_missing', 'tiers'],
    ['when it is tiered with a unit amount', { ...tiered, tiers: [inf], unit_amount: 1 }, 'parameters_exclusive', 'unit_amount'],
    ['when it is tiered with packages', { ...tiered, tiers: [inf], transform_quantity: { divide_by: 2, round: 'up' } }, undefined, 'transform_quantity'],
    ['when the last tier ends', { ...tiered, tiers: [{ up_to: 5, unit_amount: 1 }] }, undefined, 'tiers[0][up_to]'],
    ['when tiers overlap', { ...tiered, tiers: [{ up_to: 5, unit_amount: 1 }, { up_to: 5, unit_amount: 1 }, inf] }, undefined, 'tiers[1][up_to]'],
    ['when a tier has no amount', { ...tiered, tiers: [{ up_to: 5 }, inf] }, undefined, 'tiers[0]'],
    ['when a tier has two amounts', { ...tiered, tiers: [{ up_to: 'inf', flat_amount: 1, flat_amount_decimal: '1' }] }, 'parameters_exclusive', 'tiers[0][flat_amount]'],
    ['when a tier reaches nowhere', { ...tiered, tiers: [{ up_to: 'all', unit_amount: 1 }] }, 'parameter_invalid_integer', 'tiers[0][up_to]'],
    ['when packages hold nothing', { unit_amount: 1, transform_quantity: { divide_by: 0, round: 'up' } }, 'parameter_invalid_integer', 'transform_quantity[divide_by]'],
    ['when packages are rounded to the nearest', { unit_amount: 1, transform_quantity: { divide_by: 2, round: 'nearest' } }, undefined, 'transform_quantity[round]'],
    ['when a recurring amount is to be chosen', { custom_unit_amount: { enabled: true }, recurring: month }, undefined, 'custom_unit_amount'],
    ['when the chosen amount is off', { custom_unit_amount: { enabled: false } }, undefined, 'custom_unit_amount[enabled]'],
    ['when the least chosen amount cannot be charged', { custom_unit_amount: { enabled: true, minimum: 49 } }, 'amount_too_small', 'custom_unit_amount[minimum]'],
    ['when the most is less than the least', { custom_unit_amount: { enabled: true, minimum: 100, maximum: 99 } }, undefined, 'custom_unit_amount[maximum]'],
    ['when the preset is out of bounds', { custom_unit_amount: { enabled: true, maximum: 100, preset: 101 } }, undefined, 'custom_unit_amount[preset]'],
    ['when an amount is given and chosen', { custom_unit_amount: { enabled: true }, unit_amount: 5 }, 'parameters_exclusive', 'unit_amount'],
    ['when an option has its own currency', { unit_amount: 1, currency_options: { usd: { unit_amount: 1 } } }, undefined, 'currency_options[usd]'],
    ['when an option is of another kind', { unit_amount: 1, currency_options: { eur: { tiers: [inf] } } }, undefined, 'currency_options[eur][tiers]'],
    ['when an option says nothing', { unit_amount: 1, currency_options: { eur: { tax_behavior: 'inclusive' } } }, 'parameter_missing', 'currency_options[eur][unit_amount]'],
    ['when an option has bad tiers', { ...tiered, tiers: [inf], currency_options: { eur: { tiers: [{ up_to: 5, unit_amount: 1 }] } } }, undefined, 'currency_options[eur][tiers][0][up_to]'],
    ['when an option has two amounts', { unit_amount: 1, currency_options: { eur: { unit_amount: 1, unit_amount_decimal: '1' } } }, 'parameters_exclusive', 'currency_options[eur][unit_amount]'],
    ['when an option’s currency is unknown', { unit_amount: 1, currency_options: { xyz: { unit_amount: 1 } } }, undefined, 'currency_options[xyz]'],
    ['with a key that is too long', { unit_amount: 1, lookup_key: 'k'.repeat(201) }, undefined, 'lookup_key'],
  ];
  for (const [name, params, code, param] of table) test(name, () => assert.rejects(priceOf(params), { code, param, statusCode: 400 }));

  test('with a meter where it is licensed', () => assert.rejects(priceOf({ unit_amount: 1, recurring: { interval: 'month', meter } }), { param: 'recurring[meter]' }));

  test('with a meter that is inactive', async () => {
    const idle = await meterOf(kontor.stripe, 'idle');
    await kontor.stripe.billing.meters.deactivate(idle.id);
    await assert.rejects(priceOf({ unit_amount: 1, recurring: { interval: 'month', usage_type: 'metered', meter: idle.id } }), { param: 'recurring[meter]', message: /inactive/ });
  });

  test('when it is not there', async () => {
    await assert.rejects(kontor.stripe.prices.retrieve('price_none'), { code: 'resource_missing', statusCode: 404 });
    await assert.rejects(kontor.stripe.prices.update('price_none', { active: false }), { code: 'resource_missing', statusCode: 404 });
  });

  test('when its amount is to change', async () => {
    const { id } = await priceOf({ unit_amount: 1 });
    await assert.rejects(kontor.stripe.prices.update(id, untyped({ unit_amount: 2 })), { code: 'parameter_unknown', param: 'unit_amount' });
  });
});
