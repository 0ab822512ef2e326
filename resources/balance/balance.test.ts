import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { advanceClocks, runDueTimers } from '../../server/timers.ts';
import { verify } from '../../server/verify.ts';
import { machineClock } from '../../server/clock.ts';
import { DAY, START } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { own } from '../../tests/own.ts';
import { customerAt } from '../../tests/shop.ts';
import { listen } from '../../tests/told.ts';

const MANDATE = { customer_acceptance: { type: 'offline' } } as const;

/** Real time, that a test may move. */
let ahead = 0;

const machine = machineClock();
const kontor = await startKontor({ clock: { ...machine, now: () => machine.now() + ahead }, works: false });
after(() => kontor.close());
const { stripe } = kontor;

const pay = (payment_method: string, more: Partial<Stripe.PaymentIntentCreateParams> = {}) =>
  stripe.paymentIntents.create({ amount: 10_000, currency: 'usd', payment_method, confirm: true, return_url: 'https://shop.example.com', ...more });
const transactionOf = async ({ latest_charge }: Stripe.PaymentIntent) => (await stripe.charges.retrieve(latest_charge as string, { expand: ['balance_transaction'] })).balance_transaction as Stripe.BalanceTransaction;
const linesOf = ({ fee_details }: Stripe.BalanceTransaction) => fee_details.map(({ amount, currency, description, type }) => [amount, currency, description, type]);
const usdOf = ({ available }: Stripe.Balance) => available.find((each) => each.currency === 'usd')!.amount;
const balance = async (currency: string) => {
  const { available, pending } = await stripe.balance.retrieve();
  return [available, pending].map((all) => all.find((each) => each.currency === currency)?.amount ?? 0);
};

test('before anything was paid the balance is nothing in the currency of the account', async () => {
  const { available, pending, livemode } = await stripe.balance.retrieve();
  assert.deepEqual([livemode, available, pending], [false, ...[0, 0].map((amount) => [{ amount, currency: 'usd', source_types: { card: 0 } }])]);
});

test('a payment says what was kept of it, line by line, in the balance and in the ledger', async () => {
  const moved = await transactionOf(await pay('pm_card_visa', { description: 'A chair' }));
  assert.deepEqual([moved.type, moved.reporting_category, moved.amount, moved.fee, moved.net, moved.status, moved.description], ['charge', 'charge', 10_000, 320, 9_680, 'pending', 'A chair']);
  assert.deepEqual(linesOf(moved), [[290, 'usd', 'Processing, 2.9 %', 'stripe_fee'], [30, 'usd', 'Processing, for each payment', 'stripe_fee']]);
  assert.equal(moved.available_on % DAY, 0);
  const { data } = await own<{ data: { amount: number; fee: string; invoice_line_item: null }[] }>(stripe, 'GET', `ledger/entries?document=${moved.source}&ledger_account=processor_fees`);
  assert.deepEqual(data.map(({ amount, fee, invoice_line_item }) => [amount, fee, invoice_line_item]).reverse(), [[290, 'Processing, 2.9 %', null], [30, 'Processing, for each payment', null]]);
  assert.equal(((await stripe.balanceTransactions.retrieve(moved.id, { expand: ['source.balance_transaction'] })).source as Stripe.Charge).object, 'charge');
});

test('what is captured in part is charged for as a part', async () => {
  const reserved = await pay('pm_card_visa', { capture_method: 'manual', expand: ['latest_charge'] });
  assert.equal((reserved.latest_charge as Stripe.Charge).balance_transaction, null);
  const moved = await transactionOf(await stripe.paymentIntents.capture(reserved.id, { amount_to_capture: 5_000 }));
  assert.deepEqual([moved.amount, moved.fee, moved.net], [5_000, 175, 4_825]);
});

test('each method has its rates, and the share of some has a most', async () => {
  const { id: test_clock } = await stripe.testHelpers.testClocks.create({ frozen_time: START });
  const { id: customer } = await stripe.customers.create({ test_clock, name: 'Jenny', email: 'jenny@example.com' });
  const debits = await Promise.all([pay('pm_usBankAccount_success', { customer, mandate_data: MANDATE, amount: 100_000 }), pay('pm_sepaDebit_success_at', { customer, mandate_data: MANDATE, currency: 'eur' })]);
  assert.deepEqual(debits.map(({ status }) => status), ['processing', 'processing']);
  assert.deepEqual(await balance('eur'), [0, 0]);
  await advance(test_clock, START + 6 * DAY);
  const [us, sepa] = await Promise.all(debits.map(transactionOf));
  // 0.8 % of $1,000.00 would be $8.00; and 0.8 % of €100.00 and €0.30.
  assert.deepEqual([us!.type, linesOf(us!).map(([amount]) => amount), linesOf(sepa!).map(([amount]) => amount)], ['payment', [500], [80, 30]]);
  assert.deepEqual([us!.status, sepa!.status], ['available', 'pending']);
  assert.deepEqual(await balance('eur'), [0, 9_890]);
  await advance(test_clock, START + 8 * DAY);
  assert.deepEqual([(await transactionOf(debits[1]!)).status, await balance('eur')], ['available', [9_890, 0]]);
  // What its customer paid stays the account's when the clock is deleted.
  await stripe.testHelpers.testClocks.del(test_clock);
  assert.deepEqual(await balance('eur'), [9_890, 0]);
});

test('in real time what was paid becomes available at the second midnight, and that is told once', async () => {
  const told = listen(kontor);
  await told();
  const [before] = await balance('usd');
  const at_once = await transactionOf(await pay('pm_card_bypassPending'));
  assert.deepEqual([at_once.status, at_once.available_on, (await balance('usd'))[0]], ['available', at_once.created, before! + 9_680]);
  while (await runDueTimers(kontor.app));
  assert.deepEqual((await told()).flatMap(({ type, data }) => (type === 'balance.available' ? [usdOf(data as unknown as Stripe.Balance)] : [])), [before! + 9_680]);
  ahead = 2 * DAY;
  while (await runDueTimers(kontor.app));
  assert.deepEqual((await told()).map(({ type }) => type), ['balance.available']);
  const [available, pending] = await balance('usd');
  assert.ok(available! > before! + 9_680 && pending === 0);
});

test('a refund takes from the balance, without the fee, and gives back what came back', async () => {
  const paid = await pay('pm_card_bypassPending');
  const [before] = await balance('usd');
  const { balance_transaction: id } = await stripe.refunds.create({ payment_intent: paid.id, amount: 4_000 });
  const moved = await stripe.balanceTransactions.retrieve(id as string, { expand: ['source'] });
  assert.deepEqual([moved.type, moved.reporting_category, moved.amount, moved.fee, moved.net, (moved.source as Stripe.Refund).object], ['refund', 'refund', -4_000, 0, -4_000, 'refund']);
  assert.equal((await balance('usd'))[0], before! - 4_000);
  const { clock, customer } = await customerAt(stripe, START, {});
  const lost = await stripe.refunds.create({ payment_intent: (await pay('pm_card_refundFail', { customer })).id });
  await advance(clock, START + 6 * DAY);
  const back = await stripe.refunds.retrieve(lost.id, { expand: ['failure_balance_transaction'] });
  const came = back.failure_balance_transaction as Stripe.BalanceTransaction;
  assert.deepEqual([back.status, came.type, came.amount], ['failed', 'refund_failure', 10_000]);
  assert.deepEqual((await stripe.balanceTransactions.list({ source: lost.id })).data.map(({ net }) => net), [10_000, -10_000]);
});

test('transactions are listed by what they are, and what is not there is said', async () => {
  const all = await stripe.balanceTransactions.list({ limit: 100 });
  const refunds = await stripe.balanceTransactions.list({ type: 'refund', currency: 'usd' });
  assert.deepEqual(refunds.data.map(({ id }) => id), all.data.filter(({ type }) => type === 'refund').map(({ id }) => id));
  assert.equal((await stripe.balanceTransactions.list({ limit: 1, starting_after: all.data[0]!.id })).data[0]!.id, all.data[1]!.id);
  await assert.rejects(stripe.balanceTransactions.retrieve('txn_none'), { code: 'resource_missing', statusCode: 404 });
  await assert.rejects(stripe.balanceTransactions.retrieve(all.data[0]!.id, { expand: ['nothing'] }), { param: 'expand' });
});

test('a balance transaction that is not as the ledger has it is found', async () => {
  const spoil = (text: string) => kontor.database.asOwner((owner) => owner.query(`begin; set local kontor.world = '${kontor.world.id}'; ${text}; commit`));
  await spoil(`update balance_transactions set amount = amount + 1, net = net + 1 where type = 'refund'`);
  const found = await verify(kontor.database, () => undefined, kontor.app.clock);
  assert.ok(found.some(({ invariant, object }) => invariant === 'I26' && object === 'the balance in usd'));
  await spoil(`update balance_transactions set amount = amount - 1, net = net - 1 where type = 'refund'`);
});

/** Without workers a clock is advanced by hand. */
async function advance(id: string, to: number): Promise<void> {
  await stripe.testHelpers.testClocks.advance(id, { frozen_time: to });
  while ((await stripe.testHelpers.testClocks.retrieve(id)).status !== 'ready') await advanceClocks(kontor.app);
}
