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

test('what is archived is not used anew, stays where it is, and is what is credited by', async () => {
  const { stripe } = kontor;
  const { id } = await stripe.taxRates.create({ display_name: 'Old', inclusive: false, percentage: 10 });
  const { id: other } = await stripe.taxRates.create({ display_name: 'New', inclusive: false, percentage: 20 });
  const { id: customer } = await stripe.customers.create();
  const item = await stripe.invoiceItems.create({ customer, amount: 1_000, currency: 'usd', tax_rates: [id] });
  const draft = await stripe.invoices.create({ customer, pending_invoice_items_behavior: 'include', collection_method: 'send_invoice', days_until_due: 3, default_tax_rates: [id] });
  await stripe.taxRates.update(id, { active: false });
  const line = draft.lines.data[0]!.id;
  const wrong: [() => Promise<unknown>, string][] = [
    [() => stripe.invoiceItems.create({ customer, amount: 1, currency: 'usd', tax_rates: [id] }), 'tax_rates[0]'],
    [() => stripe.invoices.create({ customer, default_tax_rates: [other, id] }), 'default_tax_rates[1]'],
    [() => stripe.invoices.addLines(draft.id, { lines: [{ amount: 1, tax_rates: [id] }] }), 'lines[0][tax_rates][0]'],
    [() => stripe.invoices.createPreview({ customer, invoice_items: [{ amount: 1, currency: 'usd', tax_rates: [id] }] }), 'invoice_items[0][tax_rates][0]'],
  ];
  for (const [ask, param] of wrong) await assert.rejects(ask, { statusCode: 400, param, message: /is archived/ });
  await stripe.invoiceItems.update(item.id, { tax_rates: [other, id] });
  await stripe.invoices.update(draft.id, { default_tax_rates: [id, other] });
  await stripe.invoices.updateLineItem(draft.id, line, { tax_rates: [id] });
  assert.equal((await stripe.invoices.finalizeInvoice(draft.id)).total, 1_100);
  const { lines: { data: [billed] } } = await stripe.invoices.retrieve(draft.id);
  const credited = await stripe.creditNotes.create({ invoice: draft.id, lines: [{ type: 'invoice_line_item', invoice_line_item: billed!.id, amount: 500, tax_amounts: [{ amount: 50, tax_rate: id, taxable_amount: 500 }] }] });
  assert.equal(credited.total, 550);
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
