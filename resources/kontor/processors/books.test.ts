/** What Stripe has taken, lost and paid out by itself is in the books as it happened. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { startAtStripe, type AtStripe } from '../../../tests/at_stripe.ts';
import { until } from '../../../tests/awaited.ts';
import type { Fault } from '../../../tests/fakes/server.ts';
import type { Json } from '../../../tests/own.ts';
import { listen } from '../../../tests/told.ts';
import { performDueCalls } from '../../../server/calls.ts';
import { machineClock } from '../../../server/clock.ts';
import { verify } from '../../../server/verify.ts';

/** What goes wrong with the next requests to Stripe, one each. */
const faults: Fault[] = [];
/** So far Kontor's clock is ahead of the machine's. */
let ahead_s = 0;

const at = await startAtStripe({ clock: machineClock(() => Date.now() + ahead_s * 1_000), faults });
const { fake, kontor, stripe, raw, cardAt } = at;
after(async () => {
  // What came besides is shown to whoever looks.
  await assert.rejects(at.close(), ({ message }: Error) => message.split('\n').length === 2 && /I7 .* its charges took 8000$/.test(message));
});

const BACK = 'https://shop.example.com/back';
async function standing(...accounts: string[]): Promise<number[]> {
  const { balances } = await raw('GET', 'ledger/trial_balance');
  return accounts.map((account) => (balances as Json[]).filter((each) => each.ledger_account === account).reduce((sum, each) => sum + each.balance, 0));
}

test('what came for an invoice that was paid otherwise is kept apart, and comes out of that when it is given back', async () => {
  const { id: customer } = await stripe.customers.create();
  const card = (await stripe.paymentMethods.attach(await cardAt('pm_card_authenticationRequiredOnSetup'), { customer })).id;
  const { id: invoice } = await stripe.invoices.create({ customer, currency: 'usd', auto_advance: false });
  await stripe.invoiceItems.create({ customer, invoice, amount: 8_000, currency: 'usd' });
  await stripe.invoices.finalizeInvoice(invoice);
  const [before] = (await stripe.invoicePayments.list({ invoice })).data;
  const intent = before!.payment.payment_intent as string;
  const asked = await stripe.paymentIntents.confirm(intent, { payment_method: card, return_url: BACK });
  assert.equal(asked.status, 'requires_action');
  const { url } = fake.herald;
  fake.herald.url = null;
  fake.act([...fake.intents.keys()].at(-1)!, 'succeeded');
  await stripe.invoices.pay(invoice, { paid_out_of_band: true });
  fake.herald.url = url;
  await fake.herald.settled();
  const [charge] = (await stripe.charges.list({ payment_intent: intent })).data;
  assert.deepEqual([charge!.status, charge!.amount_captured, await standing('unapplied_payments', 'refunds')], ['succeeded', 8_000, [-8_000, 0]]);
  await stripe.refunds.create({ charge: charge!.id, amount: 3_000 });
  assert.deepEqual(await standing('unapplied_payments', 'refunds'), [-5_000, 0]);

  const spoil = (applied: boolean) => kontor.database.asOwner((owner) => owner.query(`begin; set local kontor.world = '${kontor.world.id}'; update charges set applied = ${applied} where id = '${charge!.id}'; commit`));
  await spoil(true);
  const found = await verify(kontor.database, () => undefined, kontor.app.clock);
  assert.ok(found.some(({ object, sentence }) => object === charge!.id && /5000 of it are kept apart, not 0/.test(sentence)), JSON.stringify(found));
  await spoil(false);
});

test('a payment that was given back in part pays no invoice', async () => {
  const { id: customer } = await stripe.customers.create();
  const paid = await stripe.paymentIntents.create({ amount: 5_000, currency: 'usd', customer, payment_method: await cardAt('pm_card_visa'), confirm: true });
  const { id: invoice } = await stripe.invoices.create({ customer, currency: 'usd', auto_advance: false });
  await stripe.invoiceItems.create({ customer, invoice, amount: 5_000, currency: 'usd' });
  await stripe.invoices.finalizeInvoice(invoice);
  const [apart, given] = await standing('unapplied_payments', 'refunds');
  await stripe.refunds.create({ payment_intent: paid.id, amount: 1_000 });
  await assert.rejects(stripe.invoices.attachPayment(invoice, { payment_intent: paid.id }), { code: 'payment_intent_invalid_parameter', param: 'payment_intent' });
  const whole = await stripe.paymentIntents.create({ amount: 5_000, currency: 'usd', customer, payment_method: await cardAt('pm_card_visa'), confirm: true });
  await stripe.invoices.attachPayment(invoice, { payment_intent: whole.id });
  await stripe.refunds.create({ payment_intent: whole.id });
  assert.deepEqual(await standing('unapplied_payments', 'refunds'), [apart! + 1_000, given! + 5_000]);
});

/** A payment of $100.00 at Stripe, and what Stripe calls it. */
async function paid(more: Partial<Stripe.PaymentIntentCreateParams> = {}): Promise<{ intent: Stripe.PaymentIntent; there: string }> {
  const intent = await stripe.paymentIntents.create({ amount: 10_000, currency: 'usd', payment_method: await cardAt('pm_card_visa'), confirm: true, ...more });
  await fake.herald.settled();
  return { intent, there: [...fake.intents.keys()].at(-1)! };
}
const contest = (there: string, how?: Parameters<AtStripe['fake']['banks']['contest']>[1]): string => fake.banks.contest(fake.intents.get(there)!, how);
const disputesOf = async ({ id }: Stripe.PaymentIntent) => (await stripe.disputes.list({ payment_intent: id })).data;
const movesOf = ({ balance_transactions }: Stripe.Dispute) => balance_transactions.map(({ amount, fee, net, reporting_category }) => [amount, fee, net, reporting_category]);
/** What the balance has in a currency, pending and available. */
async function balance(of = 'usd'): Promise<number> {
  const { pending, available } = await stripe.balance.retrieve();
  return [...pending, ...available].filter(({ currency }) => currency === of).reduce((sum, { amount }) => sum + amount, 0);
}

test('a payment that is contested at Stripe is contested here, evidence is sent there, and what is won comes back without the fee', async () => {
  const { intent, there } = await paid();
  const [before, told] = [await balance(), listen(kontor)];
  await told();
  const contested = contest(there, { reason: 'product_not_received' });
  await fake.herald.settled();
  assert.deepEqual((await told()).flatMap(({ type }) => (type.startsWith('charge.') ? [type] : [])), ['charge.dispute.created', 'charge.dispute.funds_withdrawn']);
  const [made] = await disputesOf(intent);
  assert.deepEqual([made!.status, made!.reason, made!.amount, made!.evidence_details.due_by, movesOf(made!)], ['needs_response', 'product_not_received', 10_000, fake.banks.dispute(contested).evidence_details.due_by, [[-10_000, 1_500, -11_500, 'dispute']]]);
  assert.deepEqual([await balance(), await standing('disputed_payments')], [before - 11_500, [10_000]]);
  await assert.rejects(stripe.refunds.create({ payment_intent: intent.id }), { code: 'charge_disputed' });

  const kept = await stripe.disputes.update(made!.id, { evidence: { customer_name: 'Jenny Rosen' }, submit: false });
  assert.deepEqual([kept.status, fake.banks.dispute(contested).evidence], ['needs_response', {}]);
  await assert.rejects(stripe.disputes.update(made!.id, { evidence: { shipping_carrier: 'Post' } }), { statusCode: 400, message: /has not taken the answer.*unknown parameter/ });
  const { id: receipt } = await stripe.files.create({ purpose: 'dispute_evidence', file: { data: Buffer.from('%PDF-1.7 receipt'), name: 'receipt.pdf', type: 'application/pdf' } });
  const sent = await stripe.disputes.update(made!.id, { evidence: { shipping_carrier: '', uncategorized_text: 'She has it.', receipt } });
  const [there_too] = [...fake.banks.files.values()];
  assert.deepEqual([sent.evidence.receipt, there_too!.filename, there_too!.type, there_too!.size], [receipt, 'receipt.pdf', 'application/pdf', 16]);
  assert.deepEqual([sent.status, sent.evidence_details.submission_count, fake.banks.dispute(contested).evidence], ['under_review', 1, { customer_name: 'Jenny Rosen', receipt: there_too!.id, uncategorized_text: 'She has it.' }]);
  fake.banks.decide(contested, 'won');
  await fake.herald.settled();
  const won = await stripe.disputes.retrieve(made!.id);
  assert.deepEqual([won.status, movesOf(won)], ['won', [[-10_000, 1_500, -11_500, 'dispute'], [10_000, 0, 10_000, 'dispute_reversal']]]);
  assert.deepEqual([await balance(), await standing('disputed_payments')], [before - 1_500, [0]]);
  assert.equal((await stripe.refunds.create({ payment_intent: intent.id })).status, 'succeeded');
});

test('a dispute at Stripe is lost as accepted, and what was lost may come back after all', async () => {
  const { intent, there } = await paid();
  const contested = contest(there, { amount: 4_000 });
  await fake.herald.settled();
  const [made] = await disputesOf(intent);
  const [apart] = await standing('unapplied_payments');
  assert.deepEqual([(await stripe.disputes.close(made!.id)).status, fake.banks.dispute(contested).status, await standing('unapplied_payments', 'disputed_payments')], ['lost', 'lost', [apart! + 4_000, 0]]);
  await assert.rejects(stripe.disputes.close(made!.id), { statusCode: 400 });
  await fake.herald.settled();
  fake.banks.decide(contested, 'won');
  await fake.herald.settled();
  assert.deepEqual([(await stripe.disputes.retrieve(made!.id)).status, await standing('unapplied_payments', 'disputed_payments', 'dispute_losses')], ['won', [apart, 0, 0]]);
});

test('an inquiry at Stripe takes nothing until it becomes a chargeback; and a bank takes what was given back already', async () => {
  const { intent, there } = await paid();
  const contested = contest(there, { inquiry: true });
  await fake.herald.settled();
  const [made] = await disputesOf(intent);
  assert.deepEqual([made!.status, made!.is_charge_refundable, movesOf(made!)], ['warning_needs_response', true, []]);
  await stripe.refunds.create({ payment_intent: intent.id, amount: 2_500 });
  fake.banks.escalate(contested, 9_000);
  await fake.herald.settled();
  const now = await stripe.disputes.retrieve(made!.id);
  assert.deepEqual([now.status, now.amount, now.payment_method_details?.card?.case_type, movesOf(now)], ['needs_response', 9_000, 'chargeback', [[-9_000, 1_500, -10_500, 'dispute']]]);
  await assert.rejects(stripe.refunds.create({ payment_intent: intent.id, amount: 1 }), { code: 'charge_disputed' });
  fake.banks.decide(contested, 'lost');
  await fake.herald.settled();
});

test('news of Stripe count once however often and in whatever order they come, and none about what is not ours', async () => {
  const { intent, there } = await paid();
  const url = fake.herald.url;
  fake.herald.url = null;
  const contested = contest(there);
  fake.banks.decide(contested, 'lost');
  fake.banks.contest({ ...fake.intents.get(there)!, id: 'pi_of_somebody_else' });
  fake.herald.url = url;
  await fake.herald.settled();
  assert.deepEqual((await disputesOf(intent)).map(({ status, amount }) => [status, amount]), [['lost', 10_000]]);
  const forged = JSON.stringify({ id: 'evt_forged', object: 'event', type: 'charge.dispute.created', data: { object: { id: contested, object: 'dispute' } } });
  const answer = await fetch(url!, { method: 'POST', body: forged, headers: { 'content-type': 'application/json', 'stripe-signature': 't=1,v1=00' } });
  assert.equal(answer.status, 400);
});

/** What somebody gives back in Stripe's dashboard. */
const giveBack = (payment_intent: string, amount: number) => fake.refund({ payment_intent, amount: String(amount) });

test('what is refunded in the dashboard of Stripe is refunded here: once, in the balance and in the books, and back where it comes back', async () => {
  const { intent, there } = await paid();
  const [before, told, [apart]] = [await balance(), listen(kontor), await standing('unapplied_payments')];
  await told();
  const first = giveBack(there, 2_500);
  await fake.herald.settled();
  fake.banks.touch(first);
  await fake.herald.settled();
  const [made, ...more] = (await stripe.refunds.list({ payment_intent: intent.id, expand: ['data.balance_transaction'] })).data;
  assert.deepEqual([more, made!.status, made!.amount, (made!.balance_transaction as Stripe.BalanceTransaction).net], [[], 'succeeded', 2_500, -2_500]);
  assert.deepEqual([await balance(), await standing('unapplied_payments'), (await stripe.charges.retrieve(intent.latest_charge as string)).amount_refunded], [before - 2_500, [apart! + 2_500], 2_500]);
  assert.deepEqual((await told()).map(({ type }) => type), ['refund.created', 'refund.updated', 'charge.refunded', 'refund.updated']);
  await assert.rejects(stripe.refunds.create({ payment_intent: intent.id, amount: 7_501 }), { code: 'amount_too_large' });
  await stripe.refunds.create({ payment_intent: intent.id, amount: 7_500 });
  await fake.herald.settled();
  assert.equal((await stripe.refunds.list({ payment_intent: intent.id })).data.length, 2);
  fake.banks.bounce(first);
  await fake.herald.settled();
  const back = await stripe.refunds.retrieve(made!.id);
  assert.deepEqual([back.status, back.failure_reason, await balance(), await standing('unapplied_payments')], ['failed', 'expired_or_canceled_card', before - 7_500, [apart! + 7_500]]);
});

test('what is told before its payment is booked waits for that, and what has only released an amount is no refund', async () => {
  const url = fake.herald.url;
  const reserved = await paid({ capture_method: 'manual' });
  fake.banks.touch(Object.assign(giveBack(reserved.there, 0), { amount: 10_000, balance_transaction: null }));
  fake.herald.url = null;
  const card = await cardAt('pm_card_authenticationRequired');
  const intent = await stripe.paymentIntents.create({ amount: 10_000, currency: 'usd', payment_method: card, confirm: true, return_url: BACK });
  const there = [...fake.intents.keys()].at(-1)!;
  fake.act(there, 'succeeded');
  const [about, refund] = [contest(there, { amount: 4_000 }), giveBack(there, 1_000)];
  fake.herald.url = url;
  fake.banks.touch(fake.banks.dispute(about));
  fake.banks.touch(refund);
  await fake.herald.settled();
  assert.deepEqual([await disputesOf(intent), (await stripe.refunds.list({ payment_intent: intent.id })).data], [[], []]);
  fake.banks.touch(fake.intents.get(there)!);
  await fake.herald.settled();
  await kontor.database.asOwner((owner) => owner.query(`begin; set local kontor.world = '${kontor.world.id}'; update calls set next_at = now() - interval '2 seconds' where state = 'unknown'; commit`));
  await performDueCalls(kontor.app);
  await until(async () => (await disputesOf(intent)).length + (await stripe.refunds.list({ payment_intent: intent.id })).data.length === 2);
  assert.deepEqual([(await disputesOf(intent)).map(({ amount }) => amount), (await stripe.refunds.list({ payment_intent: intent.id })).data.map(({ amount }) => amount)], [[4_000], [1_000]]);
  assert.deepEqual((await stripe.refunds.list({ payment_intent: reserved.intent.id })).data, []);
});

test('what Stripe pays out leaves the balance, arrives, and comes back where its bank has failed, also days after', async () => {
  await paid();
  const [before, told] = [await balance(), listen(kontor)];
  const [bank] = await standing('bank');
  await told();
  const first = fake.banks.payOut(5_000, 'usd');
  await fake.herald.settled();
  const [made] = (await stripe.payouts.list({ limit: 1, expand: ['data.destination', 'data.balance_transaction'] })).data;
  assert.deepEqual([made!.amount, made!.status, made!.automatic, (made!.destination as Stripe.BankAccount).last4, (made!.balance_transaction as Stripe.BalanceTransaction).net], [5_000, 'pending', true, '6789', -5_000]);
  assert.deepEqual([await balance(), await standing('payouts_in_transit')], [before - 5_000, [5_000]]);
  fake.banks.proceed(first, 'in_transit');
  await fake.herald.settled();
  fake.banks.proceed(first, 'paid');
  await fake.herald.settled();
  assert.deepEqual([(await stripe.payouts.retrieve(made!.id)).status, await standing('payouts_in_transit', 'bank')], ['paid', [0, bank! + 5_000]]);
  fake.banks.proceed(first, 'failed');
  await fake.herald.settled();
  const failed = await stripe.payouts.retrieve(made!.id);
  assert.deepEqual([failed.status, failed.failure_code, await balance(), await standing('payouts_in_transit', 'bank')], ['failed', 'account_closed', before, [0, bank]]);
  const instant = fake.banks.payOut(1_000, 'usd', 'instant');
  fake.banks.proceed(instant, 'paid');
  await fake.herald.settled();
  assert.deepEqual([await balance(), (await told()).flatMap(({ type }) => (type.startsWith('payout.') ? [type] : []))], [before - 1_010, ['payout.created', 'payout.updated', 'payout.paid', 'payout.failed', 'payout.created', 'payout.paid']]);
  await assert.rejects(stripe.payouts.cancel(made!.id), { statusCode: 400 });
  await assert.rejects(stripe.payouts.create({ amount: 100, currency: 'usd', destination: (made!.destination as Stripe.BankAccount).id }), { param: 'destination' });
});

test('what Stripe settles in another currency is converted in the books as Stripe has done it', async () => {
  fake.banks.settling = { currency: 'eur', rate: 0.9 };
  const before = await balance('eur');
  const { intent, there } = await paid();
  const charge = await stripe.charges.retrieve(intent.latest_charge as string, { expand: ['balance_transaction'] });
  const moved = charge.balance_transaction as Stripe.BalanceTransaction;
  assert.deepEqual([moved.amount, moved.currency, moved.exchange_rate, moved.fee, await balance('eur')], [9_000, 'eur', 0.9, 288, before + 8_712]);
  fake.banks.settling.rate = 0.8;
  await stripe.refunds.create({ payment_intent: intent.id, amount: 5_000 });
  const contested = contest(there, { amount: 5_000 });
  await fake.herald.settled();
  fake.banks.settling.rate = 0.95;
  fake.banks.decide(contested, 'won');
  await fake.herald.settled();
  // $100.00 came as €90.00; $50.00 each went as €40.00 twice, and once came back as €47.50, with a fee of €12.00 kept.
  assert.equal(await balance('eur'), before + 8_712 - 4_000 - 4_000 - 1_200 + 4_750);
  const { data } = await raw('GET', `ledger/entries?ledger_account=exchange_differences&limit=100`);
  assert.deepEqual((data as Json[]).map(({ amount }) => amount), [4_500 - 4_750, 4_000 - 4_500, 4_000 - 4_500]);
  fake.banks.settling = null;
});

test('what Stripe has not settled yet is on its way, and booked as it was settled', async () => {
  fake.banks.settling = { currency: 'eur', rate: 0.9 };
  fake.banks.late = true;
  const before = await balance('eur');
  const options = { amount: 10_000, currency: 'usd', confirm: true } as const;
  const { id } = await stripe.paymentIntents.create({ ...options, payment_method: await cardAt('pm_card_visa') });
  const reserved = await stripe.paymentIntents.create({ ...options, payment_method: await cardAt('pm_card_visa'), capture_method: 'manual' });
  await stripe.paymentIntents.capture(reserved.id).catch((error: Stripe.errors.StripeError) => assert.equal(error.code, 'lock_timeout'));
  await fake.herald.settled();
  const statuses = async () => Promise.all([id, reserved.id].map(async (each) => (await stripe.paymentIntents.retrieve(each)).status));
  assert.deepEqual([await statuses(), await balance('eur')], [['processing', 'processing'], before]);
  fake.banks.come();
  await fake.herald.settled();
  ahead_s += 15;
  await until(async () => (await statuses()).every((each) => each === 'succeeded'));
  assert.equal(await balance('eur'), before + 2 * 8_712);
  const charge = await stripe.charges.retrieve((await stripe.paymentIntents.retrieve(id)).latest_charge as string, { expand: ['balance_transaction'] });
  assert.equal((charge.balance_transaction as Stripe.BalanceTransaction).exchange_rate, 0.9);
  // What goes back leaves once Stripe has written it down, at the rate of that.
  fake.banks.settling.rate = 0.8;
  const refund = await stripe.refunds.create({ payment_intent: id, amount: 5_000 });
  assert.deepEqual([refund.status, refund.balance_transaction, await balance('eur')], ['pending', null, before + 2 * 8_712]);
  fake.banks.come();
  await fake.herald.settled();
  await until(async () => (await stripe.refunds.retrieve(refund.id)).status === 'succeeded');
  assert.equal(await balance('eur'), before + 2 * 8_712 - 4_000);
  Object.assign(fake.banks, { settling: null, late: false });
});

test('what is captured while a part is on its way back leaves nothing in the exchange', async () => {
  const exchange = async () => {
    const { balances } = await raw('GET', 'ledger/trial_balance');
    return ['usd', 'eur'].map((currency) => (balances as Json[]).find((each) => each.ledger_account === 'fx_usd_eur' && each.currency === currency)?.balance ?? 0);
  };
  const before = await exchange();
  fake.banks.settling = { currency: 'eur', rate: 0.9 };
  const { id } = await stripe.paymentIntents.create({ amount: 10_000, currency: 'usd', payment_method: await cardAt('pm_card_visa'), confirm: true, capture_method: 'manual', payment_method_options: { card: { request_multicapture: 'if_available' } } });
  await stripe.paymentIntents.capture(id, { amount_to_capture: 4_000, final_capture: false });
  faults.push('lost_before');
  const asked = await stripe.refunds.create({ payment_intent: id, amount: 2_000 });
  assert.deepEqual([asked.status, asked.balance_transaction], ['pending', null]);
  fake.banks.settling.rate = 0.8;
  assert.equal((await stripe.paymentIntents.capture(id)).status, 'succeeded');
  ahead_s += 15;
  await until(async () => (await stripe.refunds.retrieve(asked.id)).status === 'succeeded');
  await stripe.refunds.create({ payment_intent: id, amount: 8_000 });
  assert.deepEqual(await exchange(), before);
  fake.banks.settling = null;
});
