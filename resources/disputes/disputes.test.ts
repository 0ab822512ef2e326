import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { until } from '../../tests/awaited.ts';
import { DAY, START } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { own } from '../../tests/own.ts';
import { refused } from '../../tests/refused.ts';
import { listen } from '../../tests/told.ts';

const MANDATE = { customer_acceptance: { type: 'offline' } } as const;

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

type World = { customer: string; pass(days: number): Promise<void>; pay(payment_method: string, more?: Partial<Stripe.PaymentIntentCreateParams>): Promise<Stripe.PaymentIntent> };

/** A customer on a clock of its own, who pays $100.00. */
async function onClock(): Promise<World> {
  const { id } = await stripe.testHelpers.testClocks.create({ frozen_time: START });
  const { id: customer } = await stripe.customers.create({ name: 'Jenny Rosen', email: 'jenny@example.com', test_clock: id });
  let now = START;
  return {
    customer,
    pass: (days) => kontor.advance(id, (now += days * DAY)),
    pay: (payment_method, more = {}) => stripe.paymentIntents.create({ amount: 10_000, currency: 'usd', customer, payment_method, confirm: true, return_url: 'https://shop.example.com', ...more }),
  };
}

const disputesOf = async ({ id }: Stripe.PaymentIntent) => (await stripe.disputes.list({ payment_intent: id })).data;
const chargeOf = ({ latest_charge }: Stripe.PaymentIntent) => stripe.charges.retrieve(latest_charge as string);
const movesOf = ({ balance_transactions }: Stripe.Dispute) => balance_transactions.map(({ amount, fee, net, reporting_category, fee_details }) => [amount, fee, net, reporting_category, fee_details.map(({ description }) => description).join()]);
async function standing(...accounts: string[]): Promise<number[]> {
  const { balances } = await own<{ balances: { ledger_account: string; balance: number }[] }>(stripe, 'GET', 'ledger/trial_balance');
  return accounts.map((account) => balances.filter((each) => each.ledger_account === account).reduce((sum, each) => sum + each.balance, 0));
}
const TAKEN = [-10_000, 1_500, -11_500, 'dispute', 'Dispute'];

test('a payment is contested: the amount and the fee are taken, evidence is given, and what is won comes back', async () => {
  const { pass, pay } = await onClock();
  const paid = await pay('pm_card_createDisputeProductNotReceived');
  assert.deepEqual([(await disputesOf(paid)).length, (await chargeOf(paid)).disputed], [0, false]);
  const told = listen(kontor);
  await told();
  await pass(8);
  assert.deepEqual((await told()).flatMap(({ type }) => (type.startsWith('charge') ? [type] : [])), ['charge.dispute.created', 'charge.dispute.funds_withdrawn']);
  const [made] = await disputesOf(paid);
  assert.deepEqual([made!.status, made!.reason, made!.amount, made!.is_charge_refundable, made!.payment_method_details?.card?.case_type, made!.payment_method_details?.card?.network_reason_code], ['needs_response', 'product_not_received', 10_000, false, 'chargeback', '13.1']);
  assert.deepEqual([made!.evidence_details.due_by, made!.evidence_details.has_evidence, made!.evidence_details.submission_count], [START + 17 * DAY - 1, false, 0]);
  assert.deepEqual(movesOf(made!), [TAKEN]);
  assert.deepEqual(await standing('disputed_payments'), [10_000]);
  assert.equal((await chargeOf(paid)).disputed, true);
  await assert.rejects(stripe.refunds.create({ payment_intent: paid.id }), { code: 'charge_disputed' });

  const staged = await stripe.disputes.update(made!.id, { evidence: { customer_name: 'Jenny Rosen', shipping_carrier: 'Post' }, submit: false, metadata: { by: 'Ann' } });
  assert.deepEqual([staged.status, staged.evidence_details.has_evidence, staged.evidence.customer_name, staged.metadata], ['needs_response', true, 'Jenny Rosen', { by: 'Ann' }]);
  const sent = await stripe.disputes.update(made!.id, { evidence: { uncategorized_text: 'winning_evidence', shipping_carrier: '' } });
  assert.deepEqual([sent.status, sent.evidence.shipping_carrier, sent.evidence.customer_name, sent.evidence_details.submission_count, sent.evidence_details.submission_method], ['under_review', null, 'Jenny Rosen', 1, 'manual']);
  await assert.rejects(stripe.disputes.update(made!.id, { evidence: { product_description: 'A chair' } }), { param: 'evidence' });
  await assert.rejects(stripe.disputes.close(made!.id), { statusCode: 400 });
  await told();
  await pass(31);
  assert.deepEqual((await told()).flatMap(({ type }) => (type.startsWith('charge') ? [type] : [])), ['charge.dispute.closed', 'charge.dispute.funds_reinstated']);
  const won = await stripe.disputes.retrieve(made!.id, { expand: ['charge', 'payment_intent'] });
  assert.deepEqual([won.status, movesOf(won)], ['won', [TAKEN, [10_000, -1_500, 11_500, 'dispute_reversal', 'Dispute, given back']]]);
  assert.deepEqual([(won.charge as Stripe.Charge).disputed, (won.payment_intent as Stripe.PaymentIntent).status], [true, 'succeeded']);
  assert.deepEqual(await standing('disputed_payments'), [0]);
  assert.equal((await stripe.refunds.create({ payment_intent: paid.id })).status, 'succeeded');
});

test('a dispute is lost: on losing evidence, where it is accepted, and where nobody answers in time', async () => {
  const { pass, pay } = await onClock();
  const paid = await Promise.all([1, 2, 3].map(() => pay('pm_card_createDispute')));
  await pass(8);
  const [losing, accepted, late] = (await Promise.all(paid.map(disputesOf))).map(([first]) => first!);
  await stripe.disputes.update(losing!.id, { evidence: { uncategorized_text: 'losing_evidence' } });
  assert.equal((await stripe.disputes.close(accepted!.id)).status, 'lost');
  await assert.rejects(stripe.disputes.close(accepted!.id), { statusCode: 400 });
  await pass(9);
  assert.equal((await stripe.disputes.retrieve(late!.id)).status, 'lost');
  await assert.rejects(stripe.disputes.update(late!.id, { evidence: { uncategorized_text: 'winning_evidence' } }), { param: 'evidence' });
  await pass(30);
  const lost = await stripe.disputes.retrieve(losing!.id);
  assert.deepEqual([lost.status, movesOf(lost)], ['lost', [TAKEN]]);
  // The payments were for nothing yet, so nothing of them is left, and no invoice was lost.
  assert.deepEqual(await standing('disputed_payments', 'dispute_losses'), [0, 0]);
  assert.deepEqual((await stripe.disputes.update(losing!.id, { metadata: { seen: '1' } })).metadata, { seen: '1' });
});

test('an inquiry takes nothing, and ends by itself, by evidence, or by a refund', async () => {
  const { pass, pay } = await onClock();
  const paid = await Promise.all([1, 2, 3].map(() => pay('pm_card_createDisputeInquiry')));
  const told = listen(kontor);
  await told();
  await pass(8);
  assert.deepEqual((await told()).flatMap(({ type }) => (type.startsWith('charge') ? [type] : [])), Array(3).fill('charge.dispute.created'));
  const [waits, answered, refunded] = (await Promise.all(paid.map(disputesOf))).map(([first]) => first!);
  assert.deepEqual([waits!.status, waits!.is_charge_refundable, waits!.balance_transactions, waits!.payment_method_details?.card?.case_type], ['warning_needs_response', true, [], 'inquiry']);
  await assert.rejects(stripe.disputes.close(waits!.id), { statusCode: 400 });
  assert.equal((await stripe.disputes.update(answered!.id, { evidence: { uncategorized_text: 'winning_evidence' } })).status, 'warning_under_review');
  await stripe.refunds.create({ payment_intent: paid[2]!.id, amount: 4_000 });
  assert.equal((await stripe.disputes.retrieve(refunded!.id)).status, 'warning_needs_response');
  await stripe.refunds.create({ payment_intent: paid[2]!.id });
  assert.deepEqual(await stripe.disputes.retrieve(refunded!.id).then(({ status, is_charge_refundable }) => [status, is_charge_refundable]), ['warning_closed', false]);
  await pass(31);
  assert.equal((await stripe.disputes.retrieve(answered!.id)).status, 'warning_closed');
  await pass(90);
  assert.equal((await stripe.disputes.retrieve(waits!.id)).status, 'warning_closed');
});

test('an inquiry becomes a chargeback of what was not refunded, and asks for evidence anew', async () => {
  const { pass, pay } = await onClock();
  const paid = await pay('pm_card_createDisputeInquiry');
  await pass(8);
  const [made] = await disputesOf(paid);
  await stripe.refunds.create({ payment_intent: paid.id, amount: 4_000 });
  await stripe.disputes.update(made!.id, { evidence: { uncategorized_text: 'escalate_inquiry_evidence' } });
  const told = listen(kontor);
  await told();
  await pass(31);
  assert.deepEqual((await told()).flatMap(({ type }) => (type.startsWith('charge') ? [type] : [])), ['charge.dispute.updated', 'charge.dispute.funds_withdrawn']);
  const now = await stripe.disputes.retrieve(made!.id);
  assert.deepEqual([now.status, now.amount, now.evidence_details.has_evidence, now.payment_method_details?.card?.case_type], ['needs_response', 6_000, false, 'chargeback']);
  assert.deepEqual(movesOf(now), [[-6_000, 1_500, -7_500, 'dispute', 'Dispute']]);
});

test('a payment is contested in parts, and one about the rules of its network wants its fee acknowledged', async () => {
  const { pass, pay } = await onClock();
  const [twice, rules, captured] = [await pay('pm_card_createMultipleDisputes', { amount: 10_001 }), await pay('pm_card_createComplianceDispute'), await pay('pm_card_createDispute', { capture_method: 'manual' })];
  await stripe.paymentIntents.capture(captured.id, { amount_to_capture: 2_500 });
  await pass(8);
  assert.deepEqual((await disputesOf(twice)).map(({ amount }) => amount).sort(), [5_000, 5_001]);
  assert.deepEqual((await disputesOf(captured)).map(({ amount }) => amount), [2_500]);
  const [made] = await disputesOf(rules);
  assert.deepEqual([made!.enhanced_eligibility_types, made!.evidence_details.enhanced_eligibility.visa_compliance?.status], [['visa_compliance'], 'requires_fee_acknowledgement']);
  await assert.rejects(stripe.disputes.update(made!.id, { evidence: { uncategorized_text: 'winning_evidence' } }), { code: 'parameter_missing' });
  const sent = await stripe.disputes.update(made!.id, { evidence: { uncategorized_text: 'winning_evidence', enhanced_evidence: { visa_compliance: { fee_acknowledged: true } } } });
  assert.deepEqual([sent.status, sent.evidence_details.enhanced_eligibility.visa_compliance?.status], ['under_review', 'fee_acknowledged']);
});

test('a debit is contested for good, and its mandate is no longer in force', async () => {
  const { pass, pay, customer } = await onClock();
  const [us, sepa] = [await pay('pm_usBankAccount_dispute', { mandate_data: MANDATE, setup_future_usage: 'off_session' }), await pay('pm_sepaDebit_disputed_at', { mandate_data: MANDATE, currency: 'eur' })];
  await pass(6);
  const mandate = (await chargeOf(us)).payment_method_details!.us_bank_account!.mandate as string;
  assert.equal((await stripe.mandates.retrieve(mandate)).status, 'active');
  const told = listen(kontor);
  await told();
  await pass(8);
  assert.deepEqual((await told()).flatMap(({ type }) => (/^charge|^mandate/.test(type) ? [type] : [])).toSorted(), ['charge.dispute.closed', 'charge.dispute.closed', 'charge.dispute.created', 'charge.dispute.created', 'charge.dispute.funds_withdrawn', 'charge.dispute.funds_withdrawn', 'mandate.updated']);
  // The mandate of the other debit was for that only, and is over already.
  const [[ach], [debit]] = [await disputesOf(us), await disputesOf(sepa)];
  assert.deepEqual([ach!.status, debit!.status, debit!.reason, ach!.evidence_details.due_by, ach!.payment_method_details], ['lost', 'lost', 'debit_not_authorized', null, undefined]);
  assert.deepEqual([movesOf(ach!)[0]![1], movesOf(debit!)[0]![1]], [1_500, 750]);
  await assert.rejects(stripe.disputes.update(ach!.id, { evidence: { uncategorized_text: 'winning_evidence' } }), { param: 'evidence' });
  assert.equal((await stripe.mandates.retrieve(mandate)).status, 'inactive');
  await assert.rejects(stripe.paymentIntents.create({ amount: 500, currency: 'usd', customer, payment_method: us.payment_method as string, off_session: true, confirm: true }), { code: 'payment_intent_mandate_invalid' });
});

test('wallets and payments later are contested with evidence, a bank transfer or iDEAL never', async () => {
  const { pass, pay } = await onClock();
  const link = await pay('pm_link_disputed', { mandate_data: MANDATE });
  const paypal = await pay('pm_paypal_disputed');
  await own(stripe, 'POST', `payment_intents/${paypal.id}/authenticate`, { result: 'succeeded' });
  await assert.rejects(pay('pm_ideal_disputed', { currency: 'eur' }), { code: 'resource_missing' });
  await pass(8);
  const [[first], [second]] = [await disputesOf(link), await disputesOf(await stripe.paymentIntents.retrieve(paypal.id))];
  assert.deepEqual([first!.status, second!.status, second!.payment_method_details?.paypal?.reason_code], ['needs_response', 'needs_response', null]);
  assert.equal((await stripe.disputes.update(second!.id, { evidence: { uncategorized_text: 'winning_evidence' } })).status, 'under_review');
});

test('an invoice whose payment is lost stays paid, and the loss is in the books', async () => {
  const { pass, customer } = await onClock();
  const draft = await stripe.invoices.create({ customer, currency: 'usd', auto_advance: false });
  await stripe.invoiceItems.create({ customer, invoice: draft.id, amount: 8_000, currency: 'usd' });
  const [losses] = await standing('dispute_losses');
  await stripe.invoices.pay(draft.id, { payment_method: (await stripe.paymentMethods.attach('pm_card_createDispute', { customer })).id });
  await pass(8);
  const [payment] = (await stripe.invoicePayments.list({ invoice: draft.id })).data;
  const intent = await stripe.paymentIntents.retrieve(payment!.payment.payment_intent as string);
  const [made] = await disputesOf(intent);
  await assert.rejects(stripe.creditNotes.create({ invoice: draft.id, amount: 8_000, refund_amount: 8_000 }), { statusCode: 400 });
  await stripe.disputes.close(made!.id);
  const after_it = await stripe.invoices.retrieve(draft.id);
  assert.deepEqual([after_it.status, after_it.amount_paid, await standing('dispute_losses')], ['paid', 8_000, [losses! + 8_000]]);
});

test('in real time a payment is contested at once', async () => {
  const paid = await stripe.paymentIntents.create({ amount: 10_000, currency: 'usd', payment_method: 'pm_card_createDispute', confirm: true });
  await until(async () => (await disputesOf(paid)).length > 0);
  const [made] = (await stripe.disputes.list({ charge: paid.latest_charge as string })).data;
  assert.equal((await stripe.disputes.list()).data[0]!.id, made!.id);
});

test('what is wrong with a request about a dispute is said', async () => {
  const { pass, pay } = await onClock();
  const paid = await pay('pm_card_createDispute');
  await pass(8);
  const { id } = (await disputesOf(paid))[0]!;
  await refused([
    [() => stripe.disputes.update(id, { submit: true }), 'parameter_missing', 'evidence'],
    [() => stripe.disputes.update(id, { evidence: { uncategorized_text: ' '.repeat(20_001) } }), undefined, 'evidence[uncategorized_text]'],
    [() => stripe.disputes.update(id, { evidence: { receipt: 'file_1' } }), 'resource_missing', 'evidence[receipt]'],
    [() => stripe.disputes.update(id, { intended_submission_method: 'smart_disputes' }), undefined, 'intended_submission_method'],
    [() => stripe.disputes.retrieve('dp_none'), 'resource_missing', 'id', 404],
    [() => stripe.disputes.close('dp_none'), 'resource_missing', 'id', 404],
  ]);
});
