import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import Stripe from 'stripe';
import { startKontor } from '../../tests/kontor.ts';
import { untyped } from '../../tests/refused.ts';
import { listen } from '../../tests/told.ts';

const kontor = await startKontor();
after(() => kontor.close());
const told = listen(kontor);

test('a tax rate as it goes over the wire and into the event', async () => {
  const made = await kontor.stripe.taxRates.create({ display_name: 'MwSt', inclusive: true, percentage: 8.1234, country: 'DE', state: 'BE', jurisdiction: 'Germany', description: 'Reduced', tax_type: 'vat', metadata: { a: 'b' } });
  const { lastResponse: _, id, created, ...rest } = made;
  assert.match(id, /^txr_/);
  assert.deepEqual(rest, {
    object: 'tax_rate',
    active: true,
    country: 'DE',
    description: 'Reduced',
    display_name: 'MwSt',
    effective_percentage: 8.1234,
    flat_amount: null,
    inclusive: true,
    jurisdiction: 'Germany',
    jurisdiction_level: null,
    livemode: false,
    metadata: { a: 'b' },
    percentage: 8.1234,
    rate_type: null,
    state: 'BE',
    tax_type: 'vat',
  });
  const [event, ...others] = await told();
  assert.deepEqual(others, []);
  assert.deepEqual([event!.type, event!.data], ['tax_rate.created', { id, created, ...rest }]);
});

test('what it is called may change, what it takes never', async () => {
  const { stripe } = kontor;
  const made = await stripe.taxRates.create({ display_name: 'VAT', inclusive: false, percentage: 19, description: 'Old' });
  await told();
  const changed = await stripe.taxRates.update(made.id, { active: false, description: '', display_name: 'MwSt', metadata: { a: '1' } });
  assert.deepEqual([changed.active, changed.description, changed.display_name, changed.metadata], [false, null, 'MwSt', { a: '1' }]);
  const [event, ...others] = await told();
  assert.deepEqual(others, []);
  assert.deepEqual([event!.type, event!.previous], ['tax_rate.updated', { active: true, description: 'Old', display_name: 'VAT', metadata: { a: null } }]);
  await stripe.taxRates.update(made.id, { active: false });
  assert.deepEqual(await told(), []);
  for (const change of [{ percentage: 20 }, { inclusive: true }]) await assert.rejects(stripe.taxRates.update(made.id, untyped(change)), { code: 'parameter_unknown', param: Object.keys(change)[0] });
  await assert.rejects(stripe.taxRates.retrieve('txr_none'), { code: 'resource_missing', statusCode: 404 });
  await assert.rejects(stripe.taxRates.update('txr_none', { active: true }), { code: 'resource_missing', statusCode: 404 });
});

test('tax rates are listed by what they are', async () => {
  const { stripe } = await kontor.another();
  const a = await stripe.taxRates.create({ display_name: 'A', inclusive: true, percentage: 1 });
  const b = await stripe.taxRates.create({ display_name: 'B', inclusive: false, percentage: 0, active: false });
  const ids = async (params: Stripe.TaxRateListParams) => (await stripe.taxRates.list(params)).data.map((each) => each.id);
  assert.deepEqual(await ids({}), [b.id, a.id]);
  assert.deepEqual(await ids({ active: true }), [a.id]);
  assert.deepEqual(await ids({ inclusive: false }), [b.id]);
  assert.deepEqual(await ids({ created: { lt: a.created } }), []);
});

describe('a tax rate is refused', () => {
  const good = { display_name: 'VAT', inclusive: false, percentage: 19 };
  const table: [string, object, string | undefined, string][] = [
    ['without a name', { display_name: undefined }, 'parameter_missing', 'display_name'],
    ['without being inclusive or not', { inclusive: undefined }, 'parameter_missing', 'inclusive'],
    ['without a percentage', { percentage: undefined }, 'parameter_missing', 'percentage'],
    ['below 0', { percentage: -1 }, 'parameter_invalid_integer', 'percentage'],
    ['above 100', { percentage: 100.5 }, 'parameter_invalid_integer', 'percentage'],
    ['with five decimal places', { percentage: '1.00001' }, undefined, 'percentage'],
    ['with a country by name', { country: 'Germany' }, undefined, 'country'],
    ['of an unknown type', { tax_type: 'window_tax' }, undefined, 'tax_type'],
    ['with an unknown parameter', { rate_type: 'percentage' }, 'parameter_unknown', 'rate_type'],
  ];
  for (const [name, params, code, param] of table) test(name, () => assert.rejects(kontor.stripe.taxRates.create({ ...good, ...params } as Stripe.TaxRateCreateParams), { code, param, statusCode: 400 }));
});
