import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import Stripe from 'stripe';
import { startKontor } from '../../tests/kontor.ts';
import { untyped } from '../../tests/refused.ts';

const kontor = await startKontor({ works: false });
after(() => kontor.close());
const { stripe } = kontor;

const pay = (amount: number, more: Partial<Stripe.PaymentIntentCreateParams> = {}) => stripe.paymentIntents.create({ amount, currency: 'usd', payment_method: 'pm_card_visa', confirm: true, ...more });
const amounts = async (query: string) => (await stripe.paymentIntents.search({ query })).data.map(({ amount }) => amount).sort((a, b) => a - b);

test('payments are found by amount, currency, status, customer and metadata', async () => {
  const { id: customer } = await stripe.customers.create({ name: 'Jenny' });
  await pay(1_000, { metadata: { order: '6735', 'a "b"': 'x' } });
  await pay(2_000, { currency: 'eur', customer });
  await stripe.paymentIntents.create({ amount: 3_000, currency: 'usd', metadata: { order: '6736' } });
  const table: [string, number[]][] = [
    ['amount:1000', [1_000]],
    ['amount>="2000"', [2_000, 3_000]],
    ['amount>1000', [2_000, 3_000]],
    ['amount>=1000 AND amount<3000', [1_000, 2_000]],
    ['currency:"EUR"', [2_000]],
    ['status:"succeeded" currency:"usd"', [1_000]],
    ['-status:"succeeded"', [3_000]],
    ['customer:null', [1_000, 3_000]],
    ['-customer:null', [2_000]],
    [`customer:"${customer}"`, [2_000]],
    ['metadata["order"]:"6735"', [1_000]],
    ['metadata["order"]~"673"', [1_000, 3_000]],
    ['metadata["a \\"b\\""]:"x"', [1_000]],
    ['-metadata["order"]:null', [1_000, 3_000]],
    ['amount:1000 OR amount:2000', [1_000, 2_000]],
    [`created>${Math.floor(Date.now() / 1_000) + 1_000}`, []],
    ["status:\"x' or 1=1 --\"", []],
  ];
  for (const [query, expected] of table) assert.deepEqual(await amounts(query), expected, query);
});

test('charges are found by their cards and by what became of them: given back in whole, in part, or not at all', async () => {
  const paid = await pay(4_000, { payment_method: 'pm_card_mastercard' });
  await stripe.refunds.create({ payment_intent: paid.id });
  for (const amount of [5_000, 6_000]) await pay(amount, { payment_method: 'pm_card_mastercard' });
  await stripe.refunds.create({ payment_intent: (await stripe.paymentIntents.search({ query: 'amount:5000' })).data[0]!.id, amount: 100 });
  const find = async (query: string) => (await stripe.charges.search({ query })).data.map(({ amount }) => amount);
  assert.deepEqual(await find('payment_method_details.card.brand:"mastercard"'), [6_000, 5_000, 4_000]);
  assert.deepEqual(await find('refunded:"true" AND disputed:"false"'), [4_000]);
  assert.deepEqual(await find('refunded:"false"'), [5_000]);
  assert.deepEqual(await find('refunded:null AND payment_method_details.card.brand:"mastercard"'), [6_000]);
  for (const digits of ['"4444"', '4444']) assert.deepEqual(await find(`payment_method_details.card.last4:${digits} AND payment_method_details.card.exp_year>2020 AND amount<5000`), [4_000]);
});

test('customers, products, prices, invoices and subscriptions are found, and what was deleted is not', async () => {
  const { id: customer } = await stripe.customers.create({ name: 'Jörg 100%_\\Müller', email: 'Joerg@Example.com' });
  const gone = await stripe.customers.create({ name: 'Jörg Gone' });
  await stripe.customers.del(gone.id);
  const find = async (query: string) => (await stripe.customers.search({ query })).data.map(({ id }) => id);
  assert.deepEqual([await find('name:"jörg"'), await find('name:"Jörg  100%_\\\\Müller"'), await find('name:"müller"'), await find('name:"100%_"'), await find('name:" "')], [[customer], [customer], [], [], []]);
  assert.deepEqual([await find('email:"joerg@example.com"'), await find('name~"jörg"'), await find('name~"0%_\\\\m"'), await find('name~"0xx"')], [[customer], [customer], [customer], []]);
  const price = await stripe.prices.create({ currency: 'usd', unit_amount: 700, lookup_key: 'seat', recurring: { interval: 'month' }, product_data: { name: 'Seat for one' } });
  const subscription = await stripe.subscriptions.create({ customer, items: [{ price: price.id }], collection_method: 'send_invoice', days_until_due: 9, metadata: { team: 'blue' } });
  assert.deepEqual((await stripe.products.search({ query: 'name~"for one" AND active:"true"' })).data.map(({ id }) => id), [price.product]);
  assert.deepEqual((await stripe.prices.search({ query: `lookup_key:"seat" AND product:"${price.product as string}"`, expand: ['data.product'] })).data.map(({ product }) => (product as Stripe.Product).name), ['Seat for one']);
  assert.deepEqual((await stripe.subscriptions.search({ query: 'status:"active" AND metadata["team"]:"blue"' })).data.map(({ id }) => id), [subscription.id]);
  assert.deepEqual((await stripe.invoices.search({ query: `subscription:"${subscription.id}" AND total:700` })).data.map(({ id }) => id), [subscription.latest_invoice]);
});

test('results come by pages and with their number, which older versions read, too', async () => {
  for (let n = 0; n < 5; n += 1) await stripe.products.create({ name: `Thing number ${n}` });
  const first = await stripe.products.search({ query: 'name~"thing"', limit: 2, expand: ['total_count'] });
  assert.deepEqual([first.data.map(({ name }) => name), first.has_more, first.total_count, first.url], [['Thing number 4', 'Thing number 3'], true, 5, '/v1/products/search']);
  const names: string[] = [];
  for await (const each of stripe.products.search({ query: 'name~"thing"', limit: 2 })) names.push(each.name);
  assert.equal(names.length, 5);
  assert.equal((await stripe.products.search({ query: 'name~"thing"', limit: 5 })).next_page, null);
});

test('what is wrong with a query is said', async () => {
  const search = (query: string, more: object = {}) => () => stripe.charges.search({ query, ...more });
  const table: [() => Promise<unknown>, string, RegExp][] = [
    [() => stripe.charges.search(untyped({})), 'query', /query/],
    [search('amount'), 'query', /no clause/],
    [search('colour:"red"'), 'query', /`colour` cannot be searched for here, as can amount/],
    [search('amount:"one"'), 'query', /whole number/],
    [search('amount~1000'), 'query', /it is a number/],
    [search('amount:1.5'), 'query', /whole number/],
    [search('amount:99999999999999999999'), 'query', /whole number/],
    [search('created>999999999999999'), 'query', /Unix seconds/],
    [search('currency~"usd"'), 'query', /compared by `:`/],
    [search('refunded:"maybe"'), 'query', /"true"/],
    [search('metadata:"x"'), 'query', /which key/],
    [search('metadata["x"]~"ab"'), 'query', /three letters/],
    [search('amount>null'), 'query', /only compared by/],
    [search('constructor:"x"'), 'query', /cannot be searched/],
    [search('amount:1', { page: 'x' }), 'page', /no page/],
    [search('amount:1', { page: Buffer.from('ch_\0').toString('base64url') }), 'page', /no page/],
    [search('amount:1', { limit: 101 }), 'limit', /at most 100/],
  ];
  for (const [n, [ask, param, message]] of table.entries()) {
    await assert.rejects(ask, (error: Stripe.errors.StripeError) => (assert.deepEqual([n, error.statusCode, error.param], [n, 400, param], error.message), assert.match(error.message, message), true));
  }
});
