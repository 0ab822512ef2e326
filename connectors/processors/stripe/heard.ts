/** What Stripe has of what happens there by itself or by its dashboard: disputes, payouts, and refunds. */
import type Stripe from 'stripe';
import type { DisputeAnswer, DisputeWord, Failed, Fee, PayoutWord, RefundWord, Unknown } from '../processor.ts';
import { feesIn, idOf, outcomeOfRefund, REFUND, settledIn, UNSETTLED, unknown, wordOfError } from './words.ts';

const STATUSES: Readonly<Record<string, DisputeWord['status']>> = {
  warning_needs_response: 'warning_needs_response', warning_under_review: 'warning_under_review', warning_closed: 'warning_closed', needs_response: 'needs_response', under_review: 'under_review', won: 'won', lost: 'lost',
  // An appeal is about what was lost, and stays so until it is won.
  appeal_needs_response: 'lost', appeal_under_review: 'lost',
};

/** A dispute that was prevented asks for nothing any more. */
function statusOf(status: string, returned: boolean): DisputeWord['status'] | null {
  return status === 'prevented' ? (returned ? 'won' : 'warning_closed') : (STATUSES[status] ?? null);
}

function codeOf({ network_reason_code, payment_method_details: details }: Stripe.Dispute): string | null {
  return network_reason_code ?? details?.card?.network_reason_code ?? details?.klarna?.reason_code ?? details?.paypal?.reason_code ?? null;
}

function wordOfDispute(dispute: Stripe.Dispute): DisputeWord | Unknown {
  const { id, payment_intent, reason, amount, currency, evidence_details: { due_by, submission_count }, balance_transactions } = dispute;
  const charge = idOf(payment_intent);
  const [taken, returned] = [balance_transactions.find((each) => each.amount < 0), balance_transactions.find((each) => each.amount > 0)];
  const status = statusOf(dispute.status, returned !== undefined);
  if (status === null || charge === null) return unknown(status === null ? `Stripe has the dispute as ${dispute.status}.` : 'Stripe has the dispute without a payment.');
  const moveOf = (moved: Stripe.BalanceTransaction | undefined) => (moved ? { fees: feesIn(moved), settled: settledIn(moved, currency) } : null);
  return { kind: 'dispute', reference: id, charge, status, reason, network_reason_code: codeOf(dispute), amount: BigInt(amount), currency, due_by, submission_count, taken: moveOf(taken), returned: moveOf(returned) };
}

/** What it is, or why that is not known; what Stripe does not know is absent. */
async function asked<W extends { kind: string }>(work: () => Promise<W>): Promise<W | { kind: 'absent' } | Unknown> {
  try {
    return await work();
  } catch (error) {
    if ((error as Stripe.errors.StripeError).code === 'resource_missing') return { kind: 'absent' };
    const word = wordOfError(error);
    return word.kind === 'unknown' ? word : unknown(word.message);
  }
}

export const findDispute = (stripe: Stripe, reference: string): Promise<DisputeWord | { kind: 'absent' } | Unknown> => asked(async () => wordOfDispute(await stripe.disputes.retrieve(reference)));

export async function respondTo(stripe: Stripe, answer: DisputeAnswer): Promise<DisputeWord | Failed | Unknown> {
  const { op_id, dispute } = answer;
  try {
    if ('accept' in answer) return wordOfDispute(await stripe.disputes.close(dispute, {}, { idempotencyKey: op_id }));
    const evidence = { ...answer.evidence };
    for (const { field, filename: name, type, bytes: data } of answer.files) evidence[field] = (await stripe.files.create({ purpose: 'dispute_evidence', file: { data, name, type } }, { idempotencyKey: `${op_id}:${field}` })).id;
    return wordOfDispute(await stripe.disputes.update(dispute, { evidence: evidence as Stripe.DisputeUpdateParams.Evidence, submit: true }, { idempotencyKey: op_id }));
  } catch (error) {
    const word = wordOfError(error);
    return word.kind === 'declined' ? { kind: 'failed', code: word.code, message: word.message } : word;
  }
}

const whole = <T extends { id: string }>(of: string | T | null | undefined): T | null => (typeof of === 'object' && of !== null ? of : null);

/** Stripe names what it pays out to by its id; the rest it shows where it may. */
function bankOf(destination: Stripe.Payout['destination']): PayoutWord['bank'] {
  const known = whole(destination) as Partial<Stripe.BankAccount> | null;
  const { account_holder_name = null, account_holder_type = null, bank_name = null, country, last4, routing_number = null, fingerprint } = { ...known };
  return { reference: idOf(destination) ?? 'unknown', account_holder_name, account_holder_type, bank_name, country: country ?? '', last4: last4 ?? '', routing_number, fingerprint: fingerprint ?? '' };
}

const PAYOUT_STATUSES = ['pending', 'in_transit', 'paid', 'failed', 'canceled'] as const;

export const findPayout = (stripe: Stripe, reference: string): Promise<PayoutWord | { kind: 'absent' } | Unknown> =>
  asked(async () => {
    const payout = await stripe.payouts.retrieve(reference, { expand: ['balance_transaction', 'destination'] });
    const { id, amount, currency, created, arrival_date, automatic, description, statement_descriptor, failure_code, failure_message, destination } = payout;
    const status = PAYOUT_STATUSES.find((each) => each === payout.status);
    if (!status) return unknown(`Stripe has the payout as ${payout.status}.`);
    const moved = whole(payout.balance_transaction);
    if (moved === null) return UNSETTLED;
    const fees: Fee[] = feesIn(moved);
    return {
      kind: 'payout', reference: id, status, amount: BigInt(amount), currency, created, arrival_date, automatic, method: payout.method === 'instant' ? 'instant' : 'standard', fees, description, statement_descriptor, failure_code, failure_message, bank: bankOf(destination),
    } as const;
  });

const REASONS = ['duplicate', 'fraudulent', 'requested_by_customer'] as const;

/** What has no movement has taken nothing: it waits, or it has only released what was reserved. */
export const findRefund = (stripe: Stripe, reference: string): Promise<RefundWord | { kind: 'absent' } | Unknown> =>
  asked(async () => {
    const refund = await stripe.refunds.retrieve(reference, REFUND);
    const { id, amount, currency, metadata } = refund;
    const [charge, moved, outcome] = [idOf(refund.payment_intent), whole(refund.balance_transaction), outcomeOfRefund(refund)];
    if (charge === null || moved === null) return { kind: 'absent' };
    if (outcome.kind === 'unknown') return outcome;
    const reason = REASONS.find((each) => each === refund.reason) ?? null;
    return { kind: 'refund', reference: id, charge, amount: BigInt(amount), currency, reason, metadata: metadata ?? {}, settled: settledIn(moved, currency), outcome } as const;
  });
