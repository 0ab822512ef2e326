import type Stripe from 'stripe';
import { isClosed, isInquiry, type DisputeWhole } from '../../billing/dispute/dispute.ts';
import { hasEvidence } from '../../billing/dispute/respond.ts';
import type { Resource, World } from '../../server/context.ts';
import { minor, type Wire } from '../../server/http/wire.ts';
import { renderFundsTransaction } from '../balance_transactions/resource.ts';
import { FILES, TEXTS } from './evidence.ts';
import { refuseUnanswered } from './heard.ts';
import { disputesById } from './rows.ts';

/** Of payments by other types a dispute has no details. */
const DETAILED = ['card', 'klarna', 'paypal'];

type Wired = Wire<Stripe.Dispute>;

function renderEvidence({ evidence }: DisputeWhole): Wired['evidence'] {
  return { ...Object.fromEntries([...TEXTS, ...FILES].map((name) => [name, evidence[name] ?? null])), enhanced_evidence: evidence.enhanced_evidence ?? {} } as Wired['evidence'];
}

/** A dispute about the rules of its network asks us to acknowledge what it costs. */
function complianceOf({ reason, payment_method_details: { card }, evidence: { enhanced_evidence } }: DisputeWhole): { types: Wired['enhanced_eligibility_types']; details: Wired['evidence_details']['enhanced_eligibility'] } {
  if (reason !== 'noncompliant') return { types: [], details: {} };
  const type = (card as { brand: string } | undefined)?.brand === 'mastercard' ? 'mastercard_compliance' : 'visa_compliance';
  return { types: [type], details: { [type]: { status: enhanced_evidence?.[type]?.fee_acknowledged ? 'fee_acknowledged' : 'requires_fee_acknowledgement' } } };
}

export function renderDispute(dispute: DisputeWhole, world: World): Wired {
  const compliance = complianceOf(dispute);
  return {
    id: dispute.id,
    object: 'dispute',
    amount: minor(dispute.amount),
    // What a dispute takes and gives back is so at once.
    balance_transactions: dispute.transactions.map((each) => renderFundsTransaction({ ...each, available: true })),
    charge: dispute.charge,
    created: dispute.created,
    currency: dispute.currency,
    enhanced_eligibility_types: compliance.types,
    evidence: renderEvidence(dispute),
    evidence_details: {
      due_by: dispute.due_by,
      enhanced_eligibility: compliance.details,
      has_evidence: hasEvidence(dispute),
      // Evidence is refused once it is too late.
      past_due: false,
      submission_count: dispute.submission_count,
      submission_method: dispute.submission_count > 0 ? 'manual' : 'not_submitted',
    },
    intended_submission_method: dispute.intended_submission_method,
    is_charge_refundable: isInquiry(dispute) && !isClosed(dispute),
    livemode: world.livemode,
    metadata: dispute.metadata,
    payment_intent: dispute.payment_intent,
    ...(DETAILED.includes(dispute.payment_method_details.type) && { payment_method_details: dispute.payment_method_details as NonNullable<Wired['payment_method_details']> }),
    reason: dispute.reason,
    status: dispute.status,
  };
}

export const dispute: Resource<DisputeWhole> = {
  object: 'dispute',
  prefix: 'dp',
  render: renderDispute,
  refuseUnpaid: refuseUnanswered,
  load: (ctx, ids) => disputesById(ctx.tx, ids),
  expands: { charge: 'charge', payment_intent: 'payment_intent', ...Object.fromEntries(FILES.map((name) => [`evidence.${name}`, 'file'])) },
};
