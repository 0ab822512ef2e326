import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { nextPayout, type PayoutSchedule } from '../../billing/balance/payout.ts';
import { machineClock } from '../../server/clock.ts';
import { runDueTimers } from '../../server/timers.ts';
import { DAY } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { own } from '../../tests/own.ts';
import { refused } from '../../tests/refused.ts';
import { listen } from '../../tests/told.ts';

/** Real time, that a test may move. */
let ahead = 0;

const machine = machineClock();
const kontor = await startKontor({ clock: { ...machine, now: () => machine.now() + ahead }, works: false });
after(() => kontor.close());
const { stripe } = kontor;

const pay = (amount: number, currency = 'usd', payment_method = 'pm_card_bypassPending') => stripe.paymentIntents.create({ amount, currency, payment_method, confirm: true });
const raw = <T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) => own<T>(stripe, method, path, body);
const availableIn = async (currency: string) => (await stripe.balance.retrieve()).available.find((each) => each.currency === currency)?.amount ?? 0;
const sumsOf = async (...accounts: string[]) => {
  const { balances } = await raw<{ balances: { ledger_account: string; currency: string; balance: number }[] }>('GET', 'ledger/trial_balance');
  return accounts.map((account) => balances.filter((each) => each.ledger_account === account && each.currency === 'usd').reduce((sum, each) => sum + each.balance, 0));
};
async function pass(days: number): Promise<void> {
  for (let n = 0; n < days; n += 1) {
    ahead += DAY;
    while (await runDueTimers(kontor.app));
  }
}

test('the schedule pays out at the next midnight, on a day of the week, or of the month, which may be shorter', () => {
  const at = (text: string) => Date.parse(text) / 1_000;
  const of = (interval: PayoutSchedule['interval'], more: Partial<PayoutSchedule> = {}): PayoutSchedule => ({ interval, weekly_anchor: null, monthly_anchor: null, ...more });
  const table: [PayoutSchedule, string, string | null][] = [
    [of('manual'), '2026-01-01T10:00:00Z', null],
    [of('daily'), '2026-01-01T10:00:00Z', '2026-01-02T00:00:00Z'],
    [of('daily'), '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'],
    [of('weekly'), '2026-01-01T10:00:00Z', '2026-01-05T00:00:00Z'],
    [of('weekly', { weekly_anchor: 'thursday' }), '2026-01-01T00:00:00Z', '2026-01-08T00:00:00Z'],
    [of('weekly', { weekly_anchor: 'friday' }), '2026-01-01T10:00:00Z', '2026-01-02T00:00:00Z'],
    [of('monthly'), '2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z'],
    [of('monthly', { monthly_anchor: 31 }), '2026-02-01T00:00:00Z', '2026-02-28T00:00:00Z'],
    [of('monthly', { monthly_anchor: 31 }), '2026-02-28T00:00:00Z', '2026-03-31T00:00:00Z'],
  ];
  for (const [schedule, now, next] of table) assert.equal(nextPayout(schedule, at(now)), next === null ? null : at(next), `${JSON.stringify(schedule)} after ${now}`);
});

test('what is available is paid out: on its way, sent, arrived, in the balance and in the ledger', async () => {
  const { net } = (await stripe.charges.retrieve((await pay(10_000)).latest_charge as string, { expand: ['balance_transaction'] })).balance_transaction as Stripe.BalanceTransaction;
  await pay(5_000, 'usd', 'pm_card_visa');
  await assert.rejects(stripe.payouts.create({ amount: net + 1, currency: 'usd' }), { code: 'balance_insufficient', param: 'amount', statusCode: 400 });
  const told = listen(kontor);
  await told();
  const made = await stripe.payouts.create({ amount: 9_000, currency: 'usd', description: 'November', statement_descriptor: 'SHOP', metadata: { month: '11' }, expand: ['balance_transaction', 'destination'] });
  const moved = made.balance_transaction as Stripe.BalanceTransaction;
  assert.deepEqual([made.status, made.automatic, made.method, made.reconciliation_status, moved.type, moved.amount, moved.fee, moved.source], ['pending', false, 'standard', 'not_applicable', 'payout', -9_000, 0, made.id]);
  assert.deepEqual([(made.destination as Stripe.BankAccount).last4, (made.destination as Stripe.BankAccount).default_for_currency], ['6789', true]);
  assert.equal(await availableIn('usd'), net - 9_000);
  assert.deepEqual(await sumsOf('payouts_in_transit', 'bank'), [9_000, 0]);
  await pass(1);
  assert.equal((await stripe.payouts.retrieve(made.id)).status, 'in_transit');
  await assert.rejects(stripe.payouts.cancel(made.id), { statusCode: 400 });
  await pass(1);
  assert.equal((await stripe.payouts.update(made.id, { metadata: { month: '12' } })).status, 'paid');
  assert.deepEqual(await sumsOf('payouts_in_transit', 'bank'), [0, 9_000]);
  assert.deepEqual((await told()).flatMap(({ type }) => (type.startsWith('payout') ? [type] : [])), ['payout.created', 'payout.updated', 'payout.paid', 'payout.updated']);
});

test('a payout that is not sent yet is canceled, and the money is available again', async () => {
  const before = await availableIn('usd');
  const made = await stripe.payouts.create({ amount: 500, currency: 'usd' });
  const canceled = await stripe.payouts.cancel(made.id, { expand: ['failure_balance_transaction'] });
  assert.deepEqual([canceled.status, (canceled.failure_balance_transaction as Stripe.BalanceTransaction).type, await availableIn('usd')], ['canceled', 'payout_cancel', before]);
  await assert.rejects(stripe.payouts.cancel(made.id), { statusCode: 400 });
  await pass(2);
  assert.equal((await stripe.payouts.retrieve(made.id)).status, 'canceled');
});

test('an instant payout costs a share, as a line of its own', async () => {
  await pay(20_000);
  const before = await availableIn('usd');
  await assert.rejects(stripe.payouts.create({ amount: before, currency: 'usd', method: 'instant' }), { code: 'balance_insufficient' });
  const made = await stripe.payouts.create({ amount: 10_000, currency: 'usd', method: 'instant', expand: ['balance_transaction'] });
  const moved = made.balance_transaction as Stripe.BalanceTransaction;
  assert.deepEqual([moved.amount, moved.net, moved.fee_details.map(({ amount, description }) => [amount, description])], [-10_000, -10_100, [[100, 'Instant payout, 1 %']]]);
  assert.equal(await availableIn('usd'), before - 10_100);
  while (await runDueTimers(kontor.app));
  assert.equal((await stripe.payouts.retrieve(made.id)).status, 'paid');
});

test('a payout that the bank sends back has failed, and its bank account gets no automatic ones', async () => {
  const bank = await raw<Stripe.BankAccount>('POST', 'bank_accounts', { country: 'US', currency: 'usd', account_number: '000111111116', account_holder_name: 'Helpdesk Inc.' });
  const before = await availableIn('usd');
  const made = await stripe.payouts.create({ amount: 1_000, currency: 'usd' });
  assert.equal(made.destination, bank.id);
  await pass(2);
  const failed = await stripe.payouts.retrieve(made.id, { expand: ['failure_balance_transaction'] });
  assert.deepEqual([failed.status, failed.failure_code, (failed.failure_balance_transaction as Stripe.BalanceTransaction).type, await availableIn('usd')], ['failed', 'no_account', 'payout_failure', before]);
  assert.equal((await raw<Stripe.BankAccount>('GET', `bank_accounts/${bank.id}`)).status, 'errored');
  await raw('POST', 'settings', { payouts: { interval: 'daily' } });
  await pass(1);
  assert.equal((await stripe.payouts.list({ limit: 1 })).data[0]!.id, made.id);
  await assert.rejects(raw('DELETE', `bank_accounts/${bank.id}`), { statusCode: 400 });
  await raw('POST', 'bank_accounts', { country: 'US', currency: 'usd', account_number: '000123456789', routing_number: '110000000' });
  await raw('DELETE', `bank_accounts/${bank.id}`);
  assert.equal((await raw<{ data: unknown[] }>('GET', 'bank_accounts?currency=usd')).data.length, 2);
});

test('by the schedule all that is available is paid out, and the payout says what it carries', async () => {
  await pay(3_000, 'eur');
  const [usd, eur] = [await availableIn('usd'), await availableIn('eur')];
  await pass(1);
  assert.deepEqual([await availableIn('usd'), await availableIn('eur')], [0, 0]);
  const made = (await stripe.payouts.list({ status: 'pending' })).data;
  assert.deepEqual(made.map(({ currency, amount, automatic, reconciliation_status }) => [currency, amount, automatic, reconciliation_status]).sort(), [['eur', eur, true, 'completed'], ['usd', usd, true, 'completed']]);
  const carried = await stripe.balanceTransactions.list({ payout: made.find((each) => each.currency === 'eur')!.id });
  assert.deepEqual(carried.data.map(({ type, net }) => [type, net]), [['payout', -eur], ['charge', eur]]);
  await assert.rejects(stripe.payouts.cancel(made[0]!.id), { statusCode: 400 });
  const all = await stripe.balanceTransactions.list({ payout: made.find((each) => each.currency === 'usd')!.id, limit: 100 });
  assert.equal(all.data.reduce((sum, { net }) => sum + net, 0), 0);
  await pay(1_000);
  await raw('POST', 'settings', { payouts: { interval: 'manual' } });
  await pass(3);
  assert.equal(await availableIn('usd'), 941);
});

test('of eight payouts at once no two take the same money', async () => {
  const tries = await Promise.allSettled(Array.from({ length: 8 }, () => stripe.payouts.create({ amount: 300, currency: 'usd' })));
  assert.equal(tries.filter(({ status }) => status === 'fulfilled').length, 3);
  assert.equal(await availableIn('usd'), 41);
});

test('what is wrong with a payout or a bank account is said', async () => {
  const { id: eur } = await raw<Stripe.BankAccount>('POST', 'bank_accounts', { country: 'DE', currency: 'eur', account_number: 'DE62 3704 0044 0532 0130 01', default_for_currency: false });
  await refused([
    [() => stripe.payouts.create({ amount: 0, currency: 'usd' }), 'parameter_invalid_integer', 'amount'],
    [() => stripe.payouts.create({ amount: 10, currency: 'usd', destination: 'ba_none' }), 'resource_missing', 'destination'],
    [() => stripe.payouts.create({ amount: 10, currency: 'usd', destination: eur }), undefined, 'destination'],
    [() => stripe.payouts.create({ amount: 10, currency: 'usd', source_type: 'fpx' }), undefined, 'source_type'],
    [() => stripe.payouts.create({ amount: 10, currency: 'jpy' }), 'balance_insufficient', 'amount'],
    [() => stripe.payouts.create({ amount: 1_045, currency: 'huf' }), undefined, 'amount'],
    [() => stripe.payouts.create({ amount: 1_000, currency: 'huf' }), 'balance_insufficient', 'amount'],
    [() => stripe.payouts.retrieve('po_none'), 'resource_missing', 'id', 404],
    [() => raw('POST', 'bank_accounts', { country: 'US', currency: 'usd', account_number: '123' }), 'account_number_invalid', 'account_number'],
    [() => raw('POST', 'bank_accounts', { country: 'US', currency: 'usd', account_number: '000123456789', routing_number: '021000021' }), 'routing_number_invalid', 'routing_number'],
    [() => raw('POST', 'settings', { payouts: { interval: 'daily', weekly_anchor: 'monday' } }), undefined, 'payouts[weekly_anchor]'],
    [() => raw('POST', 'settings', { payouts: { monthly_anchor: 3 } }), undefined, 'payouts[monthly_anchor]'],
  ]);
});
