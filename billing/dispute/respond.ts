/** What we say to a dispute: evidence, that we accept it, or nothing until it is too late. */
import { refuse, together, decision, type Decision, type Instant, type Moment } from '../decision.ts';
import { refundable } from '../payment/refund.ts';
import { awaitsResponse, isClosed, isInquiry, nextStep, putDispute, tell, type Disputed, type DisputeRow, type DisputeWhole, type Evidence, type Verdict } from './dispute.ts';
import { escalate } from './open.ts';
import { settle } from './settle.ts';

export type Response = {
  evidence?: Evidence;
  /** Evidence is submitted where it is given, unless this is false; true submits what was given before. */
  submit?: boolean;
  intended_submission_method?: DisputeRow['intended_submission_method'];
  metadata: DisputeRow['metadata'];
};

/** When the bank decides on evidence, and how, as a sandbox foretells; null where nobody knows. */
export type Judgement = { verdict: Verdict; at: Instant } | null;

const isGiven = (value: unknown): boolean => value !== null && value !== undefined && value !== '' && (typeof value !== 'object' || Object.values(value).some(isGiven));

/** Whether there is anything in it. */
export const hasEvidence = ({ evidence }: Pick<DisputeRow, 'evidence'>): boolean => isGiven(evidence);

/** An empty text takes a field back. */
function withEvidence(before: Evidence, { enhanced_evidence, ...given }: Evidence): Evidence {
  const fields = Object.fromEntries(Object.entries({ ...before, ...given }).filter(([, value]) => isGiven(value)));
  return enhanced_evidence === undefined ? fields : { ...fields, enhanced_evidence: { ...before.enhanced_evidence, ...enhanced_evidence } };
}

/** Whether the evidence is to be submitted with this. */
export const submits = ({ submit, evidence }: Response): boolean => submit ?? evidence !== undefined;

/** Keeps what is said; refuses what cannot be submitted, where it is to be. */
export function keepResponse(before: DisputeWhole, response: Response, moment: Moment): Decision & { dispute: DisputeWhole } {
  const kept: DisputeWhole = {
    ...before,
    metadata: response.metadata,
    intended_submission_method: response.intended_submission_method ?? before.intended_submission_method,
    evidence: response.evidence ? withEvidence(before.evidence, response.evidence) : before.evidence,
  };
  if (submits(response) || response.evidence) {
    if (before.due_by === null) refuse(undefined, `The dispute ${before.id} is final: no evidence is taken for a ${before.payment_method_details.type} payment.`, 'evidence');
    if (!awaitsResponse(before)) refuse(undefined, `The dispute ${before.id} is ${before.status}: evidence is taken once, while it needs a response.`, 'evidence');
    if (moment.now > before.due_by) refuse(undefined, `Evidence for the dispute ${before.id} was due by ${new Date(before.due_by * 1_000).toISOString()}.`, 'evidence');
  }
  if (submits(response) && !hasEvidence(kept)) refuse('parameter_missing', `There is no evidence to submit for the dispute ${before.id}. Give some in \`evidence\`, or close the dispute.`, 'evidence');
  if (submits(response) && before.reason === 'noncompliant' && !Object.values(kept.evidence.enhanced_evidence ?? {}).some((each) => each?.fee_acknowledged)) {
    refuse('parameter_missing', 'The network charges for disputes about its rules. Acknowledge that with `evidence[enhanced_evidence][visa_compliance][fee_acknowledged]`.', 'evidence[enhanced_evidence]');
  }
  return { ...together([putDispute(before, kept), tell(kept, 'updated', moment, before)]), dispute: kept };
}

/** Keeps what is said, and submits it to the bank of the sandbox. */
export function respond(before: DisputeWhole, response: Response, judge: (evidence: Evidence, dispute: DisputeRow) => Judgement, moment: Moment): Decision & { dispute: DisputeWhole } {
  const { dispute: kept, ...keeping } = keepResponse(before, response, moment);
  if (!submits(response)) return { ...keeping, dispute: kept };
  const judged = judge(kept.evidence, kept);
  const dispute: DisputeWhole = { ...kept, status: isInquiry(kept) ? 'warning_under_review' : 'under_review', submission_count: kept.submission_count + 1, verdict: judged?.verdict ?? null };
  return { ...together([putDispute(before, dispute), tell(dispute, 'updated', moment, before), { ...decision(), timers: [nextStep(dispute, judged?.at ?? null)] }]), dispute };
}

/** Only what took something, and still needs a response, can be accepted as lost. */
export function refuseUnacceptable(dispute: DisputeRow): void {
  const { id, status, charge } = dispute;
  if (isInquiry(dispute)) refuse(undefined, `The dispute ${id} is an inquiry, which took nothing: refund the charge ${charge} instead.`);
  if (status !== 'needs_response') refuse(undefined, `The dispute ${id} is ${status}; only one that needs a response can be closed.`);
}

/** Accepts a dispute as lost. */
export function acceptDispute(disputed: Disputed, moment: Moment): Decision {
  refuseUnacceptable(disputed.dispute);
  return settle(disputed, 'lost', moment);
}

/** Its time has come: the bank decides, nobody has answered, or an inquiry is over. */
export function proceedDispute(disputed: Disputed, moment: Moment): Decision {
  const { dispute } = disputed;
  if (isClosed(dispute)) return decision();
  // What was given back meanwhile is not contested.
  if (dispute.verdict === 'escalated' && refundable(disputed.charge) > 0n) return escalate(disputed, moment);
  if (isInquiry(dispute)) return settle(disputed, 'warning_closed', moment);
  return settle(disputed, dispute.verdict === 'won' ? 'won' : 'lost', moment);
}

/** What was asked about has been given back: there is nothing left to ask. */
export function refundedInquiry(disputed: Disputed, moment: Moment): Decision {
  return isInquiry(disputed.dispute) && !isClosed(disputed.dispute) ? settle(disputed, 'warning_closed', moment) : decision();
}
