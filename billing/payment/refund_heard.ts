/** A refund that somebody has made at a live processor becomes true here. Words about it are about the whole of it, and come in any order and more than once. */
import type { Settlement } from '../balance/settlement.ts';
import type { Metadata } from '../catalog.ts';
import { assert, together, type Decision, type Moment } from '../decision.ts';
import type { Failed, RefundOutcome, Settled, Unknown } from './outcome.ts';
import type { ChargeRow } from './payment.ts';
import { openRefund, refundOf, settleRefund, type RefundFacts, type RefundQuestion, type RefundRow } from './refund.ts';

/** What a processor says of a refund, by now. */
export type RefundWord = {
  kind: 'refund';
  /** The processor's ids of the refund, and of the payment of which it gives back. */
  reference: string;
  charge: string;
  amount: bigint;
  currency: string;
  reason: RefundQuestion['reason'];
  metadata: Metadata;
  /** In what its leaving was settled. */
  settled: Settled | null;
  outcome: Exclude<RefundOutcome, Failed | Unknown>;
};

/** A refund goes on from the one to the next, and never back; what has come back has come back. */
const RANKS: Record<RefundRow['status'], number> = { requires_action: 0, pending: 1, succeeded: 2, canceled: 3, failed: 4 };

function opened({ charge, payment_intent: intent, payment_method: { type } }: RefundFacts, { amount, reason, metadata, reference }: RefundWord, moment: Moment): ReturnType<typeof openRefund> {
  return openRefund(charge, { ...refundOf(charge, intent, amount, type, { amount, reason, metadata }, moment), processor_reference: reference }, moment);
}

/** `known` is what was heard of it before. */
export function hearRefund(facts: RefundFacts & { settlement: Settlement | null }, known: RefundRow | null, word: RefundWord, moment: Moment): Decision & { charge: ChargeRow } {
  const { settlement, payment_method: { processor } } = facts;
  const { reference, currency, settled, outcome } = word;
  assert(currency === facts.charge.currency, `the refund ${reference} is in ${currency}, and its charge is not`);
  const by = { id: reference, processor };
  const made: Decision[] = [];
  let [refund, charge] = [known, facts.charge];
  if (refund === null) {
    const first = opened(facts, word, moment);
    // What has come back has left before.
    const left = settleRefund({ refund: first.refund, charge: first.charge, settlement }, by, { kind: 'pending', reference, network_reference: null, settled, foretold: [] }, moment);
    made.push(first, left);
    ({ refund, charge } = left);
  }
  if (RANKS[outcome.kind === 'declined' ? 'failed' : outcome.kind] > RANKS[refund.status]) {
    const further = settleRefund({ refund, charge, settlement }, by, outcome, moment);
    made.push(further);
    ({ charge } = further);
  }
  return { ...together(made), charge };
}
