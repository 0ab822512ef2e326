/** What is charged in one currency and settled in another: in the balance, and in the books of both. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { DAY, START } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { own, type Json } from '../../tests/own.ts';
import { customerAt, paysBy } from '../../tests/shop.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

const raw = (method: string, path: string, params?: object) => own(stripe, method, path, params);
const settleIn = (currency: string, rates: Record<string, string>) => raw('POST', 'settings', { settlement: { currency, rates } });
const pay = (amount: number, currency: string, more: Partial<Stripe.PaymentIntentCreateParams> = {}) => stripe.paymentIntents.create({ amount, currency, payment_method: 'pm_card_visa', confirm: true, ...more });
const transactionOf = async ({ latest_charge }: Stripe.PaymentIntent) => (await stripe.charges.retrieve(latest_charge as string, { expand: ['balance_transaction'] })).balance_transaction as Stripe.BalanceTransaction;
const movedOf = ({ amount, currency, exchange_rate, fee, net }: Stripe.BalanceTransaction) => [amount, currency, exchange_rate, fee, net];
/** `account currency` with what it has come to, where that is not nothing. */
async function books(): Promise<Record<string, number>> {
  const { balances } = await raw('GET', 'ledger/trial_balance');
  return Object.fromEntries((balances as Json[]).filter(({ balance }) => balance !== 0).map(({ ledger_account, currency, balance }) => [`${ledger_account} ${currency}`, balance]));
}

test('by default each currency is settled as it is', async () => {
  const moved = await transactionOf(await pay(10_000, 'eur'));
  assert.deepEqual(movedOf(moved), [10_000, 'eur', null, 320, 9_680]);
  assert.equal((await raw('GET', 'settings')).settlement, null);
});

test('a payment is converted with its fees, and each currency balances for itself, in the accounts and in the journal of the day', async () => {
  const before = await books();
  assert.deepEqual((await settleIn('usd', { eur: '1.0842', jpy: '0.0065', kwd: '3.25' })).settlement, { currency: 'usd', rates: { eur: '1.0842', jpy: '0.0065', kwd: '3.25' } });
  const { id: customer } = await stripe.customers.create(paysBy());
  const { id: invoice } = await stripe.invoices.create({ customer, currency: 'eur', auto_advance: false });
  await stripe.invoiceItems.create({ customer, invoice, amount: 9_999, currency: 'eur' });
  const paid = await stripe.invoices.pay(invoice);
  assert.deepEqual([paid.status, paid.amount_paid], ['paid', 9_999]);
  const [{ payment }] = (await stripe.invoicePayments.list({ invoice })).data as [Stripe.InvoicePayment];
  const moved = await transactionOf(await stripe.paymentIntents.retrieve(payment.payment_intent as string));
  // 99.99 × 1.0842 = 108.409…; fees of 2.90 and 0.30 come to 3.14 and 0.33.
  assert.deepEqual([movedOf(moved), moved.fee_details.map(({ amount, currency }) => [amount, currency])], [[10_841, 'usd', 1.0842, 347, 10_494], [[314, 'usd'], [33, 'usd']]]);
  const now = await books();
  assert.deepEqual(['fx_eur_usd eur', 'fx_eur_usd usd', 'cash_in_transit usd', 'processor_fees usd', 'revenue eur'].map((each) => (now[each] ?? 0) - (before[each] ?? 0)), [9_999, -10_841, 10_494, 347, -9_999]);
  const { data: accounts } = await raw('GET', 'ledger/accounts');
  assert.deepEqual((accounts as Json[]).filter(({ id }) => id === 'fx_eur_usd').map(({ kind, balances }) => [kind, balances.length]), [['exchange', 2]]);
  const { data: entries } = await raw('GET', 'ledger/entries?ledger_account=fx_eur_usd');
  assert.deepEqual((entries as Json[]).map(({ amount, currency }) => [amount, currency]).toSorted(), [[-10_841, 'usd'], [9_999, 'eur']]);
  const day = new Date().toISOString().slice(0, 10);
  for (const currency of ['eur', 'usd']) {
    const journal = await raw('GET', `ledger/journal?day=${day}&currency=${currency}`);
    assert.equal(journal.debit, journal.credit);
    assert.ok((journal.entries as Json[]).some(({ ledger_account }) => ledger_account === 'fx_eur_usd'));
  }
});

test('minor units are converted between currencies with different ones, each rounded once', async () => {
  // ¥1,001 are $6.5065, 12.345 dinars $40.12125: so many of a cent are one yen, and one fils.
  assert.deepEqual(movedOf(await transactionOf(await pay(1_001, 'jpy'))).slice(0, 3), [651, 'usd', 0.65]);
  assert.deepEqual(movedOf(await transactionOf(await pay(12_340, 'kwd'))).slice(0, 3), [4_011, 'usd', 0.325]);
  assert.deepEqual(movedOf(await transactionOf(await pay(1_000, 'gbp'))).slice(0, 3), [1_000, 'gbp', null]);
});

test('what is given back is converted at the rate of its day, and the difference is in the books', async () => {
  const before = await books();
  const since = async (...accounts: string[]) => { const now = await books(); return accounts.map((each) => (now[each] ?? 0) - (before[each] ?? 0)); };
  const intent = await pay(10_000, 'eur', { capture_method: 'manual' });
  await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 9_000 });
  assert.deepEqual(movedOf(await transactionOf(intent)).slice(0, 3), [9_758, 'usd', 1.0842]);
  await settleIn('usd', { eur: '1.2' });
  const refund = await stripe.refunds.create({ payment_intent: intent.id, amount: 4_000, expand: ['balance_transaction'] });
  // It had come to $43.37, and costs $48.00.
  assert.deepEqual(movedOf(refund.balance_transaction as Stripe.BalanceTransaction), [-4_800, 'usd', 1.2, 0, -4_800]);
  assert.deepEqual(await since('exchange_differences usd', 'fx_eur_usd eur', 'fx_eur_usd usd'), [463, 5_000, -5_421]);
  // Without a rate it costs what it had come to.
  await settleIn('usd', { gbp: '1.3' });
  const rest = await stripe.refunds.create({ payment_intent: intent.id, expand: ['balance_transaction'] });
  assert.deepEqual(movedOf(rest.balance_transaction as Stripe.BalanceTransaction), [-5_421, 'usd', 1.084222222222, 0, -5_421]);
  assert.deepEqual(await since('exchange_differences usd', 'fx_eur_usd eur', 'fx_eur_usd usd', 'unapplied_payments eur'), [463, 0, 0, 0]);
});

test('what is captured in parts comes at the rate of each, and is given back as one', async () => {
  await settleIn('usd', { eur: '1.1' });
  const before = await books();
  const intent = await pay(10_000, 'eur', { capture_method: 'manual', payment_method_options: { card: { request_multicapture: 'if_available' } } });
  await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 4_000, final_capture: false });
  await settleIn('usd', { eur: '1.2' });
  await stripe.paymentIntents.capture(intent.id);
  await stripe.refunds.create({ payment_intent: intent.id });
  const now = await books();
  // $44.00 and $72.00 came, and $120.00 were given back.
  assert.deepEqual(['exchange_differences usd', 'fx_eur_usd eur', 'fx_eur_usd usd'].map((each) => (now[each] ?? 0) - (before[each] ?? 0)), [400, 0, 0]);
});

test('what is given back between captures leaves nothing in the exchange, and all captures are settled as the first one was', async () => {
  const before = await books();
  const parts = () => pay(10_000, 'eur', { capture_method: 'manual', payment_method_options: { card: { request_multicapture: 'if_available' } } });
  await settleIn('usd', { eur: '0.9' });
  const intent = await parts();
  await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 4_000, final_capture: false });
  await stripe.refunds.create({ payment_intent: intent.id, amount: 3_000 });
  await settleIn('usd', { eur: '1.2' });
  await stripe.paymentIntents.capture(intent.id);
  await stripe.refunds.create({ payment_intent: intent.id });
  const now = await books();
  const change = (of: string) => (now[of] ?? 0) - (before[of] ?? 0);
  // $36.00 and $72.00 came, and $27.00 and $84.00 were given back.
  assert.deepEqual(['exchange_differences usd', 'fx_eur_usd eur', 'fx_eur_usd usd'].map(change), [300, 0, 0]);
  const [converted, plain] = [await parts(), (await raw('POST', 'settings', { settlement: '' }), await parts())];
  await settleIn('usd', { eur: '1.2' });
  await stripe.paymentIntents.capture(converted.id, { amount_to_capture: 5_000, final_capture: false });
  await raw('POST', 'settings', { settlement: '' });
  await stripe.paymentIntents.capture(plain.id, { amount_to_capture: 5_000, final_capture: false });
  await stripe.paymentIntents.capture(converted.id);
  await settleIn('usd', { eur: '1.2' });
  await stripe.paymentIntents.capture(plain.id);
  const movesOf = async ({ id }: Stripe.PaymentIntent) => (await stripe.balanceTransactions.list({ source: (await stripe.charges.list({ payment_intent: id })).data[0]!.id })).data.map(({ amount, currency }) => [amount, currency]);
  assert.deepEqual([await movesOf(converted), await movesOf(plain)], [[[6_000, 'usd'], [6_000, 'usd']], [[5_000, 'eur'], [5_000, 'eur']]]);
});

test('a refund that fails comes back at the rate of then, and so does a dispute that is won', async () => {
  const { clock, customer } = await customerAt(stripe, START, {});
  await settleIn('usd', { eur: '1.1' });
  const before = await books();
  const [failing, contested] = [await pay(10_000, 'eur', { customer, payment_method: 'pm_card_refundFail' }), await pay(10_000, 'eur', { customer, payment_method: 'pm_card_createDisputeProductNotReceived' })];
  const refund = await stripe.refunds.create({ payment_intent: failing.id });
  await kontor.advance(clock, START + 3 * DAY);
  await settleIn('usd', { eur: '1.05' });
  await kontor.advance(clock, START + 8 * DAY);
  const back = await stripe.refunds.retrieve(refund.id, { expand: ['failure_balance_transaction'] });
  assert.deepEqual([back.status, movedOf(back.failure_balance_transaction as Stripe.BalanceTransaction).slice(0, 2)], ['failed', [10_500, 'usd']]);
  const [made] = (await stripe.disputes.list({ payment_intent: contested.id })).data;
  await stripe.disputes.update(made!.id, { evidence: { uncategorized_text: 'winning_evidence' } });
  await settleIn('usd', { eur: '1.15' });
  await kontor.advance(clock, START + 60 * DAY);
  const won = await stripe.disputes.retrieve(made!.id);
  assert.deepEqual([won.status, won.balance_transactions.map(movedOf)], ['won', [[-10_500, 'usd', 1.05, 1_575, -12_075], [11_500, 'usd', 1.15, -1_725, 13_225]]]);
  const now = await books();
  // A refund that cost $110.00 and came back as $105.00; a dispute that took $105.00 and gave back $115.00.
  assert.deepEqual(['exchange_differences usd', 'fx_eur_usd eur', 'fx_eur_usd usd', 'disputed_payments eur'].map((each) => (now[each] ?? 0) - (before[each] ?? 0)), [500 - 500 - 500, 20_000, -22_000, 0]);
});

test('what is settled is paid out in the currency of the settlement', async () => {
  const { stripe: other } = await kontor.another();
  await own(other, 'POST', 'settings', { settlement: { currency: 'usd', rates: { eur: '1.5' } } });
  await other.paymentIntents.create({ amount: 10_000, currency: 'eur', payment_method: 'pm_card_bypassPending', confirm: true });
  const { available } = await other.balance.retrieve();
  assert.deepEqual(available.map(({ amount, currency }) => [amount, currency]).filter(([amount]) => amount !== 0), [[14_520, 'usd']]);
  assert.equal((await other.payouts.create({ amount: 14_520, currency: 'usd' })).currency, 'usd');
  await assert.rejects(other.payouts.create({ amount: 1, currency: 'eur' }), { code: 'balance_insufficient' });
});

test('what is wrong with a settlement is said, and live processors settle as they are set', async () => {
  const wrong: [object | string, string][] = [
    [{ currency: 'usd' }, 'settlement[rates]'], [{ currency: 'usd', rates: { usd: '1' } }, 'settlement[rates][usd]'], [{ currency: 'usd', rates: { eur: '0' } }, 'settlement[rates][eur]'],
    [{ currency: 'usd', rates: { eur: '1e3' } }, 'settlement[rates][eur]'], [{ currency: 'zzz', rates: { eur: '1' } }, 'settlement[currency]'], [{ currency: 'usd', rates: { zzz: '1' } }, 'settlement[rates][zzz]'],
  ];
  for (const [settlement, param] of wrong) await assert.rejects(raw('POST', 'settings', { settlement }), { statusCode: 400, param });
  assert.equal((await raw('POST', 'settings', { settlement: '' })).settlement, null);
  const { stripe: live } = await kontor.another(true);
  await assert.rejects(own(live, 'POST', 'settings', { settlement: { currency: 'usd', rates: { eur: '1.1' } } }), { statusCode: 400, param: 'settlement' });
});
