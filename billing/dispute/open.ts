/** A bank contests a charge, or makes a chargeback of an inquiry. */
import { fundsLegs, moveFunds } from '../balance/funds.ts';
import { movedAs, type Settlement } from '../balance/settlement.ts';
import { decision, together, type Decision, type Moment } from '../decision.ts';
import { least } from '../money.ts';
import { endMandate } from '../payment/mandate.ts';
import type { Consequence, Fee } from '../payment/outcome.ts';
import type { ChargeRow, MandateRow, PaymentIntentRow, PaymentMethodRow } from '../payment/payment.ts';
import { refundable } from '../payment/refund.ts';
import { dueBy, nextStep, post, putDispute, tell, type Disputed, type DisputeMove, type DisputeWhole } from './dispute.ts';
import { settle } from './settle.ts';

export type DisputeNews = Extract<Consequence, { kind: 'dispute' }>;

/** A charge that is contested with all that this concerns. */
export type Contested = { charge: ChargeRow; payment_intent: PaymentIntentRow; payment_method: PaymentMethodRow; /** In force for the method. */ mandates: readonly MandateRow[]; settlement: Settlement | null };

/** What of the dispute is special to the type of the method. */
export function detailsOf({ payment_method_details: details }: ChargeRow, { inquiry, reason, network_reason_code = null }: Pick<DisputeNews, 'inquiry' | 'reason' | 'network_reason_code'>): DisputeWhole['payment_method_details'] {
  const type = details?.type ?? 'card';
  switch (type) {
    case 'card': {
      const brand = details?.card?.brand ?? 'unknown';
      return { type, card: { brand, case_type: inquiry ? 'inquiry' : reason === 'noncompliant' ? 'compliance' : 'chargeback', network: details?.card?.network ?? brand, network_reason_code } };
    }
    case 'klarna': return { type, klarna: { reason_code: network_reason_code } };
    case 'paypal': return { type, paypal: { case_id: null, reason_code: network_reason_code } };
    default: return { type };
  }
}

/** A dispute as it is opened, with what is said of it. Nothing was taken or answered yet. */
export function newDispute(
  { charge, payment_intent: intent, payment_method: { processor } }: Contested,
  said: Pick<DisputeWhole, 'status' | 'reason' | 'amount' | 'fees' | 'payment_method_details' | 'due_by' | 'submission_count' | 'processor_reference'>,
  moment: Moment,
): DisputeWhole {
  return {
    ...said, id: moment.newId('dp'), created: moment.now, charge: charge.id, payment_intent: intent.id, customer: intent.customer, test_clock: intent.test_clock, currency: charge.currency,
    withdrawn: false, evidence: {}, verdict: null, intended_submission_method: null, processor, metadata: {}, transactions: [],
  };
}

/** What the bank charges, as it was foretold. */
const foretold = ({ fees }: DisputeWhole): DisputeMove => ({ fees: fees.map((fee): Fee => ({ type: 'processing', description: fee.description, amount: BigInt(fee.amount) })) });

/** Takes the amount from our funds, with what the bank charges for it. */
export function withdraw({ dispute: before, charge, settlement }: Disputed, move: DisputeMove, moment: Moment): Decision & { dispute: DisputeWhole; charge: ChargeRow } {
  const { id: source, amount, currency, processor, test_clock } = before;
  const { fees, settled } = movedAs(charge, -amount, move, settlement);
  const { transaction, ...moved } = moveFunds({ type: 'adjustment', reporting_category: 'dispute', source, description: `Dispute of ${charge.id}`, amount: -amount, currency, fees, settled, available: 'now', processor, test_clock }, moment);
  const dispute: DisputeWhole = { ...before, withdrawn: true, transactions: [...before.transactions, transaction] };
  const posted = post(dispute, 'withdrawn', [{ ledger_account: 'disputed_payments', amount }, ...fundsLegs(-amount, charge, transaction)], moment);
  return { ...together([moved, posted]), dispute, charge: { ...charge, amount_disputed: charge.amount_disputed + amount } };
}

export const putCharge = (before: ChargeRow, after: ChargeRow): Decision => ({ ...decision(), puts: [{ table: 'charges', before, after }] });

/** Whoever has contested a debit has to agree anew before the next one. */
export function endMandates(method: PaymentMethodRow, mandates: readonly MandateRow[], moment: Moment): Decision {
  const forgotten: Decision = { ...decision(), puts: method.mandate === null ? [] : [{ table: 'payment_methods', before: method, after: { ...method, mandate: null } }] };
  return together([forgotten, ...mandates.map((mandate) => endMandate(mandate, moment))]);
}

/** What of a charge is left can be contested, as a whole or in parts. A debit's dispute is final: its bank asks nobody, and the mandate is no longer in force. */
export function openDisputes(contested: Contested, news: DisputeNews, moment: Moment): Decision & { charge: ChargeRow } {
  const { payment_method: method, mandates, settlement } = contested;
  const made: Decision[] = [];
  let { charge } = contested;
  for (let left = news.times; left > 0; left -= 1) {
    const amount = refundable(charge) / BigInt(left);
    if (amount <= 0n) continue;
    const dispute = newDispute(contested, {
      status: news.inquiry ? 'warning_needs_response' : 'needs_response', reason: news.reason, amount, payment_method_details: detailsOf(charge, news),
      fees: (news.fees ?? []).map((fee) => ({ description: fee.description, amount: String(fee.amount) })),
      due_by: news.final ? null : dueBy(moment.now), submission_count: 0, processor_reference: null,
    }, moment);
    charge = { ...charge, disputed: true };
    const taken = news.inquiry ? { ...decision(), dispute, charge } : withdraw({ dispute, charge, settlement }, foretold(dispute), moment);
    charge = taken.charge;
    made.push(putDispute(null, taken.dispute), tell(taken.dispute, 'created', moment), taken);
    if (!news.inquiry) made.push(tell(taken.dispute, 'funds_withdrawn', moment));
    if (news.final) made.push(settle({ dispute: taken.dispute, charge, settlement }, 'lost', moment), endMandates(method, mandates, moment));
    else made.push({ ...decision(), timers: [nextStep(taken.dispute)] });
  }
  return { ...together(made.length > 0 ? [putCharge(contested.charge, charge), ...made] : []), charge };
}

/** The inquiry has become a chargeback, which asks for evidence anew. */
export function escalate(disputed: Disputed, moment: Moment): Decision {
  const { dispute: before, charge } = disputed;
  const details = before.payment_method_details.card ? { ...before.payment_method_details, card: { ...(before.payment_method_details.card as object), case_type: 'chargeback' } } : before.payment_method_details;
  const reopened: DisputeWhole = { ...before, status: 'needs_response', payment_method_details: details, due_by: dueBy(moment.now), evidence: {}, submission_count: 0, verdict: null };
  // What was refunded since is not contested any more.
  const amount = least(refundable(charge), before.amount);
  const taken = withdraw({ ...disputed, dispute: { ...reopened, amount } }, foretold(before), moment);
  return together([putDispute(before, taken.dispute), putCharge(charge, taken.charge), tell(taken.dispute, 'updated', moment, before), taken, tell(taken.dispute, 'funds_withdrawn', moment), { ...decision(), timers: [nextStep(taken.dispute)] }]);
}
