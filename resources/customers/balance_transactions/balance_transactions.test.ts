import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { inWorld } from '../../../server/database/world.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { refused, untyped } from '../../../tests/refused.ts';
import { listen, typesOf } from '../../../tests/told.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

const balanceOf = async (id: string) => ((await stripe.customers.retrieve(id)) as Stripe.Customer).balance;

test('credits and debits move the balance, stay readable, and are in the ledger', async () => {
  const customer = await stripe.customers.create({ balance: -300 });
  const heard = listen(kontor);
  await heard();
  const credit = await stripe.customers.createBalanceTransaction(customer.id, { amount: -1000, currency: 'usd', description: 'An apology', metadata: { ticket: '7' } });
  assert.deepEqual(credit, {
    id: credit.id, object: 'customer_balance_transaction', amount: -1000, checkout_session: null, created: credit.created, credit_note: null, currency: 'usd', customer: customer.id,
    customer_account: null, description: 'An apology', ending_balance: -1300, invoice: null, livemode: false, metadata: { ticket: '7' }, type: 'adjustment',
  });
  const debit = await stripe.customers.createBalanceTransaction(customer.id, { amount: 200, currency: 'usd' });
  assert.equal(debit.ending_balance, -1100);
  assert.equal(await balanceOf(customer.id), -1100);
  assert.deepEqual(typesOf(await heard()), ['customer.updated', 'customer.updated']);
  const { data } = await stripe.customers.listBalanceTransactions(customer.id);
  assert.deepEqual(data.map((each) => [each.amount, each.ending_balance, each.type]), [[200, -1100, 'adjustment'], [-1000, -1300, 'adjustment'], [-300, -300, 'initial']]);
  assert.deepEqual(await stripe.customers.retrieveBalanceTransaction(customer.id, credit.id), credit);
  const sums = await inWorld(kontor.database.pool, kontor.world, (tx) => tx.query('select ledger_account, sum(amount)::text as sum from ledger_entries where customer = $1 group by 1 order by 1', [customer.id]));
  assert.deepEqual(sums.rows, [{ ledger_account: 'balance_adjustments', sum: '1100' }, { ledger_account: 'customer_balance', sum: '-1100' }]);
  const expanded = (await stripe.customers.retrieve(customer.id, { expand: ['invoice_credit_balance'] })) as Stripe.Customer;
  assert.deepEqual(expanded.invoice_credit_balance, { usd: 1100 });
});

test('many at once lose nothing', async () => {
  const customer = await stripe.customers.create();
  await Promise.all(Array.from({ length: 8 }, () => stripe.customers.createBalanceTransaction(customer.id, { amount: -10, currency: 'eur' })));
  assert.equal(await balanceOf(customer.id), -80);
  const { data } = await stripe.customers.listBalanceTransactions(customer.id);
  assert.deepEqual(data.map((each) => each.ending_balance).sort((a, b) => b - a), [-10, -20, -30, -40, -50, -60, -70, -80]);
});

test('only the description and the metadata of a transaction change', async () => {
  const customer = await stripe.customers.create();
  const made = await stripe.customers.createBalanceTransaction(customer.id, { amount: 500, currency: 'usd', metadata: { a: '1', b: '2' } });
  const changed = await stripe.customers.updateBalanceTransaction(customer.id, made.id, { description: 'Fee', metadata: { a: '' } });
  assert.deepEqual([changed.description, changed.metadata, changed.amount], ['Fee', { b: '2' }, 500]);
  await assert.rejects(stripe.customers.updateBalanceTransaction(customer.id, made.id, untyped({ amount: 1 })), { code: 'parameter_unknown', param: 'amount' });
});

test('what is refused is refused by name', async () => {
  const [mine, other] = [await stripe.customers.create({ balance: -100 }), await stripe.customers.create()];
  const theirs = await stripe.customers.createBalanceTransaction(other.id, { amount: 1, currency: 'usd' });
  const create = (params: object) => () => stripe.customers.createBalanceTransaction(mine.id, params as Stripe.CustomerCreateBalanceTransactionParams);
  await refused([
    [create({ currency: 'usd' }), 'parameter_missing', 'amount'],
    [create({ amount: 0, currency: 'usd' }), 'parameter_invalid_integer', 'amount'],
    [create({ amount: 1.5, currency: 'usd' }), 'parameter_invalid_integer', 'amount'],
    [create({ amount: 1 }), 'parameter_missing', 'currency'],
    [create({ amount: 1, currency: 'xxx' }), undefined, 'currency'],
    [create({ amount: 1, currency: 'eur' }), undefined, 'currency'],
    [create({ amount: 1_000_000_000_000, currency: 'usd' }), 'amount_too_large', 'amount'],
    [() => stripe.customers.retrieveBalanceTransaction(mine.id, theirs.id), 'resource_missing', 'id', 404],
    [() => stripe.customers.updateBalanceTransaction(mine.id, theirs.id, { description: 'x' }), 'resource_missing', 'id', 404],
    [() => stripe.customers.listBalanceTransactions('cus_nobody'), 'resource_missing', 'id', 404],
    [() => stripe.customers.createBalanceTransaction('cus_nobody', { amount: 1, currency: 'usd' }), 'resource_missing', 'id', 404],
  ]);
});
