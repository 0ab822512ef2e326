import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { until } from '../../tests/awaited.ts';
import { startKontor } from '../../tests/kontor.ts';
import { refused } from '../../tests/refused.ts';
import { listen, typesOf } from '../../tests/told.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

test('a tax id is made, read, listed and deleted, and each is told', async () => {
  const customer = await stripe.customers.create();
  const heard = listen(kontor);
  await heard();
  const made = await stripe.customers.createTaxId(customer.id, { type: 'eu_vat', value: 'EL123456789' });
  assert.deepEqual(made, {
    id: made.id, object: 'tax_id', country: 'GR', created: made.created, customer: customer.id, customer_account: null, livemode: false,
    owner: { type: 'customer', customer: customer.id, customer_account: null }, type: 'eu_vat', value: 'EL123456789', verification: { status: 'unavailable', verified_address: null, verified_name: null },
  });
  assert.deepEqual(await stripe.customers.retrieveTaxId(customer.id, made.id), made);
  const second = await stripe.customers.createTaxId(customer.id, { type: 'ad_nrt', value: 'A-123456-Z' });
  assert.deepEqual((await stripe.customers.listTaxIds(customer.id)).data.map((each) => each.id), [second.id, made.id]);
  assert.deepEqual(await stripe.customers.deleteTaxId(customer.id, made.id), { id: made.id, object: 'tax_id', deleted: true });
  assert.deepEqual((await stripe.customers.listTaxIds(customer.id)).data.map((each) => each.id), [second.id]);
  const told = await heard();
  assert.deepEqual(typesOf(told), ['customer.tax_id.created', 'customer.tax_id.created', 'customer.tax_id.deleted']);
  assert.deepEqual(told.map((event) => event.data.object), ['tax_id', 'tax_id', 'tax_id']);
});

test('a draft shows the tax ids that its customer has now', async () => {
  const { id: customer } = await stripe.customers.create();
  const { id: draft } = await stripe.invoices.create({ customer });
  const shown = async () => (await stripe.invoices.retrieve(draft)).customer_tax_ids;
  const made = await stripe.customers.createTaxId(customer, { type: 'eu_vat', value: 'DE123456789' });
  assert.deepEqual(await shown(), [{ type: 'eu_vat', value: 'DE123456789' }]);
  await stripe.customers.deleteTaxId(customer, made.id);
  assert.deepEqual(await shown(), []);
});

test('common tax ids are taken as people write them', async () => {
  const customer = await stripe.customers.create();
  const table: [Stripe.CustomerCreateTaxIdParams.Type, string, string | null][] = [
    ['eu_vat', 'ATU12345678', 'AT'], ['eu_vat', 'de 123 456 789', 'DE'], ['eu_vat', 'FRAB123456789', 'FR'], ['eu_vat', 'IE1234567AB', 'IE'], ['eu_vat', 'NL123456789B12', 'NL'],
    ['eu_vat', 'XI123456789', 'GB'], ['gb_vat', 'GB123456789', 'GB'], ['us_ein', '12-3456789', 'US'], ['ch_vat', 'CHE-123.456.789 MWST', 'CH'], ['au_abn', '12 345 678 912', 'AU'],
    ['br_cnpj', '01.234.456/5432-10', 'BR'], ['ca_gst_hst', '123456789RT0002', 'CA'], ['in_gst', '12ABCDE3456FGZH', 'IN'], ['eu_oss_vat', 'EU123456789', null], ['ic_nif', 'A12345678', 'ES'],
  ];
  for (const [type, value, country] of table) {
    const made = await stripe.customers.createTaxId(customer.id, { type, value });
    assert.deepEqual([made.value, made.country], [value, country]);
  }
});

test('test numbers are verified, are not, or wait for ever', async () => {
  const customer = await stripe.customers.create();
  const heard = listen(kontor);
  await heard();
  const [good, bad, never] = await Promise.all(['000000000', '111111111', '222222222'].map((value) => stripe.customers.createTaxId(customer.id, { type: 'eu_vat', value })));
  assert.deepEqual([good, bad, never].map((each) => each!.verification?.status), ['pending', 'pending', 'pending']);
  const status = async (id: string) => (await stripe.customers.retrieveTaxId(customer.id, id)).verification?.status;
  await until(async () => (await status(good!.id)) !== 'pending' && (await status(bad!.id)) !== 'pending');
  assert.deepEqual([await status(good!.id), await status(bad!.id), await status(never!.id)], ['verified', 'unverified', 'pending']);
  const updated = (await heard()).filter((event) => event.type === 'customer.tax_id.updated');
  assert.deepEqual(updated.map((event) => [event.id, event.previous]).sort(), [
    [good!.id, { verification: { status: 'pending', verified_address: null, verified_name: null } }],
    [bad!.id, { verification: { status: 'pending' } }],
  ].sort());
});

test('what is refused is refused by name', async () => {
  const [mine, other] = [await stripe.customers.create(), await stripe.customers.create()];
  const theirs = await stripe.customers.createTaxId(other.id, { type: 'us_ein', value: '123456789' });
  const create = (type: string, value: string) => () => stripe.customers.createTaxId(mine.id, { type, value } as Stripe.CustomerCreateTaxIdParams);
  const live = await kontor.another(true);
  const liveCustomer = await live.stripe.customers.create();
  await refused([
    [create('eu_vat', 'DE12345678'), 'tax_id_invalid', 'value'],
    [create('eu_vat', 'US123456789'), 'tax_id_invalid', 'value'],
    [create('gb_vat', 'DE123456789'), 'tax_id_invalid', 'value'],
    [create('us_ein', '12-345678'), 'tax_id_invalid', 'value'],
    [create('unknown', '1'), undefined, 'type'],
    [create('us_ein', ''), 'parameter_invalid_empty', 'value'],
    [() => live.stripe.customers.createTaxId(liveCustomer.id, { type: 'eu_vat', value: '000000000' }), 'tax_id_invalid', 'value'],
    [() => stripe.customers.retrieveTaxId(mine.id, theirs.id), 'resource_missing', 'id', 404],
    [() => stripe.customers.deleteTaxId(mine.id, theirs.id), 'resource_missing', 'id', 404],
    [() => stripe.customers.createTaxId('cus_nobody', { type: 'us_ein', value: '123456789' }), 'resource_missing', 'id', 404],
    [() => stripe.customers.listTaxIds('cus_nobody'), 'resource_missing', 'id', 404],
  ]);
});
