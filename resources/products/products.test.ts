import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startKontor } from '../../tests/kontor.ts';
import { untyped } from '../../tests/refused.ts';
import { listen, typesOf } from '../../tests/told.ts';

const kontor = await startKontor();
after(() => kontor.close());
const told = listen(kontor);

test('a product is made under an id of its own choice with its default price, and both are told', async () => {
  const { stripe } = kontor;
  const made = await stripe.products.create({
    id: 'gold-plan',
    name: 'Gold plan',
    default_price_data: { currency: 'USD' as 'usd', unit_amount: 1500, recurring: { interval: 'month' } },
    images: ['https://example.com/gold.png'],
    marketing_features: [{ name: 'Support by phone' }],
    metadata: { tier: '1' },
    package_dimensions: { width: 1.5, height: 2, length: 3, weight: 4.25 },
    shippable: true,
    statement_descriptor: 'GOLD',
    tax_code: 'txcd_10000000',
    type: 'service',
    unit_label: 'seat',
    url: 'https://example.com/gold',
  });
  const { lastResponse: _, created, updated, default_price, ...rest } = made;
  assert.deepEqual(rest, {
    id: 'gold-plan',
    object: 'product',
    active: true,
    description: null,
    images: ['https://example.com/gold.png'],
    livemode: false,
    marketing_features: [{ name: 'Support by phone' }],
    metadata: { tier: '1' },
    name: 'Gold plan',
    package_dimensions: { height: 2, length: 3, weight: 4.25, width: 1.5 },
    shippable: true,
    statement_descriptor: 'GOLD',
    tax_code: 'txcd_10000000',
    tax_details: { performance_location: null, tax_code: 'txcd_10000000' },
    type: 'service',
    unit_label: 'seat',
    url: 'https://example.com/gold',
  });
  assert.equal(updated, created);
  const price = await stripe.prices.retrieve(default_price as string);
  assert.equal(price.product, 'gold-plan');
  assert.deepEqual([price.currency, price.unit_amount, price.recurring?.interval], ['usd', 1500, 'month']);
  const events = await told();
  assert.deepEqual(typesOf(events), ['product.created', 'price.created']);
  assert.equal(events[0]!.data['default_price'], price.id);
});

test('what is named is changed, what is cleared is gone, and the event says what it was', async () => {
  const { stripe } = kontor;
  const made = await stripe.products.create({ name: 'Silver', description: 'Shiny', images: ['https://example.com/a.png'], tax_code: 'txcd_10000000' });
  const price = await stripe.prices.create({ product: made.id, currency: 'eur', unit_amount: 5 });
  await told();
  const changed = await stripe.products.update(made.id, { description: '', images: '', name: 'Sterling', default_price: price.id, tax_details: { tax_code: '' } });
  assert.deepEqual([changed.name, changed.description, changed.images, changed.default_price, changed.tax_code, changed.tax_details], ['Sterling', null, [], price.id, null, null]);
  const [event, ...others] = await told();
  assert.deepEqual(others, []);
  assert.equal(event!.type, 'product.updated');
  const { updated: _, ...previous } = event!.previous!;
  assert.deepEqual(previous, { default_price: null, description: 'Shiny', images: ['https://example.com/a.png'], name: 'Silver', tax_code: 'txcd_10000000', tax_details: { performance_location: null, tax_code: 'txcd_10000000' } });
});

test('a change to what is there already is none', async () => {
  const { stripe } = kontor;
  const made = await stripe.products.create({ name: 'Same', package_dimensions: { width: 1, height: 2, length: 3, weight: 4 } });
  await told();
  const again = await stripe.products.update(made.id, { name: 'Same', package_dimensions: { weight: 4, length: 3, height: 2, width: 1 } });
  assert.equal(again.updated, made.updated);
  assert.deepEqual(await told(), []);
});

test('the default price is expanded on demand, also in a list', async () => {
  const { stripe } = kontor;
  const made = await stripe.products.create({ name: 'Expanded', default_price_data: { currency: 'usd', unit_amount: 7, currency_options: { eur: { unit_amount: 6 } } }, expand: ['default_price.currency_options'] });
  assert.ok(typeof made.default_price === 'object' && made.default_price);
  assert.deepEqual(Object.keys(made.default_price.currency_options!).sort(), ['eur', 'usd']);
  const { data } = await stripe.products.list({ ids: [made.id], expand: ['data.default_price'] });
  assert.equal((data[0]!.default_price as { unit_amount: number }).unit_amount, 7);
});

test('products are listed by what they are', async () => {
  const { stripe } = await kontor.another();
  const a = await stripe.products.create({ id: 'a', name: 'A', shippable: true, url: 'https://example.com/a' });
  const b = await stripe.products.create({ id: 'b', name: 'B', active: false });
  const c = await stripe.products.create({ id: 'c', name: 'C', shippable: false });
  const ids = async (params: object) => (await stripe.products.list(params)).data.map((each) => each.id);
  assert.deepEqual(await ids({}), [c.id, b.id, a.id]);
  assert.deepEqual(await ids({ active: true }), ['c', 'a']);
  assert.deepEqual(await ids({ ids: ['b', 'a', 'none'] }), ['b', 'a']);
  assert.deepEqual(await ids({ shippable: true }), ['a']);
  assert.deepEqual(await ids({ url: 'https://example.com/a' }), ['a']);
  assert.deepEqual(await ids({ type: 'good' }), []);
  assert.deepEqual(await ids({ created: { gt: c.created } }), []);
  assert.deepEqual(await ids({ limit: 1, starting_after: 'c' }), ['b']);
});

test('a product without prices can be deleted, one with prices cannot', async () => {
  const { stripe } = kontor;
  const bare = await stripe.products.create({ id: 'bare', name: 'Bare' });
  const sold = await stripe.products.create({ name: 'Sold', default_price_data: { currency: 'usd', unit_amount: 1 } });
  await told();
  const { lastResponse: _, ...answer } = await stripe.products.del(bare.id);
  assert.deepEqual(answer, { id: 'bare', object: 'product', deleted: true });
  const [event, ...others] = await told();
  assert.deepEqual(others, []);
  assert.equal(event!.type, 'product.deleted');
  assert.equal(event!.data['name'], 'Bare');
  await assert.rejects(stripe.products.retrieve('bare'), { code: 'resource_missing', statusCode: 404 });
  await assert.rejects(stripe.products.del('bare'), { code: 'resource_missing', statusCode: 404 });
  await assert.rejects(stripe.prices.create({ product: 'bare', currency: 'usd', unit_amount: 1 }), { code: 'resource_missing', param: 'product', statusCode: 400 });
  await assert.rejects(stripe.products.create({ id: 'bare', name: 'Again' }), { code: 'resource_already_exists', param: 'id' });
  await assert.rejects(stripe.products.del(sold.id), { statusCode: 400, message: /has prices/ });
  assert.deepEqual(await told(), []);
});

test('of two who want the same id at the same moment one is refused in words', async () => {
  const both = await Promise.allSettled([1, 2].map(() => kontor.stripe.products.create({ id: 'wanted', name: 'Wanted' })));
  const refused = both.filter((each) => each.status === 'rejected');
  assert.equal(refused.length, 1);
  assert.equal(refused[0]!.reason.code, 'resource_already_exists');
});

describe('a product is refused', () => {
  const dimensions = { height: 1, length: 1, weight: 1, width: 1 };
  const table: [string, object, string | undefined, string][] = [
    ['without a name', {}, 'parameter_missing', 'name'],
    ['with an empty name', { name: '' }, 'parameter_invalid_empty', 'name'],
    ['under an id with a slash', { name: 'X', id: 'a/b' }, undefined, 'id'],
    ['as a good', { name: 'X', type: 'good' }, undefined, 'type'],
    ['with nine images', { name: 'X', images: Array(9).fill('https://example.com/a.png') }, undefined, 'images'],
    ['with an image that is no address', { name: 'X', images: ['nope'] }, 'url_invalid', 'images[0]'],
    ['with sixteen features', { name: 'X', marketing_features: Array(16).fill({ name: 'F' }) }, undefined, 'marketing_features'],
    ['with three decimal places of an inch', { name: 'X', package_dimensions: { ...dimensions, width: '1.005' } }, undefined, 'package_dimensions[width]'],
    ['with three of four dimensions', { name: 'X', package_dimensions: { height: 1, length: 1, weight: 1 } }, 'parameter_missing', 'package_dimensions[width]'],
    ['with a descriptor without a letter', { name: 'X', statement_descriptor: '123' }, undefined, 'statement_descriptor'],
    ['with a descriptor of forbidden signs', { name: 'X', statement_descriptor: 'A<B' }, undefined, 'statement_descriptor'],
    ['with two tax codes', { name: 'X', tax_code: 'txcd_10000000', tax_details: { tax_code: 'txcd_10000000' } }, 'parameters_exclusive', 'tax_code'],
    ['with a place of performance', { name: 'X', tax_details: { performance_location: 'taxloc_1' } }, 'parameter_unknown', 'tax_details[performance_location]'],
    ['with a default price by id', { name: 'X', default_price: 'price_1' }, 'parameter_unknown', 'default_price'],
    ['with a default price as a float', { name: 'X', default_price_data: { currency: 'usd', unit_amount: 9.5 } }, 'parameter_invalid_integer', 'default_price_data[unit_amount]'],
    ['with a default price without an amount', { name: 'X', default_price_data: { currency: 'usd' } }, 'parameter_missing', 'default_price_data[unit_amount]'],
    ['with a default price in an own currency twice', { name: 'X', default_price_data: { currency: 'usd', unit_amount: 1, currency_options: { usd: { unit_amount: 1 } } } }, undefined, 'default_price_data[currency_options][usd]'],
    ['with a default price every four years', { name: 'X', default_price_data: { currency: 'usd', unit_amount: 1, recurring: { interval: 'year', interval_count: 4 } } }, undefined, 'default_price_data[recurring][interval_count]'],
  ];
  for (const [name, params, code, param] of table) test(name, () => assert.rejects(kontor.stripe.products.create(untyped(params)), { code, param, statusCode: 400 }));

  test('with a default price that is another product’s, inactive or unknown', async () => {
    const { stripe } = kontor;
    const [one, other] = await Promise.all([stripe.products.create({ name: 'One' }), stripe.products.create({ name: 'Other' })]);
    const foreign = await stripe.prices.create({ product: other.id, currency: 'usd', unit_amount: 1 });
    const inactive = await stripe.prices.create({ product: one.id, currency: 'usd', unit_amount: 1, active: false });
    for (const [price, code] of [[foreign.id, undefined], [inactive.id, undefined], ['price_none', 'resource_missing']] as const) {
      await assert.rejects(stripe.products.update(one.id, { default_price: price }), { code, param: 'default_price', statusCode: 400 });
    }
  });

  test('in a list of ids with a cursor', () => assert.rejects(kontor.stripe.products.list({ ids: ['a'], starting_after: 'gold-plan' }), { code: 'parameters_exclusive', param: 'ids' }));
});
