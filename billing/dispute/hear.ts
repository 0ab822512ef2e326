/** What a live processor says of a dispute becomes true. Its words are about the whole of it, and come in any order and more than once: what they say is only ever added to what is known. */
import { together, type Decision, type Moment } from '../decision.ts';
import { METHODS } from '../payment/offer.ts';
import { refundable } from '../payment/refund.ts';
import { isClosed, isInquiry, putDispute, tell, type DisputeStatus, type DisputeWhole, type DisputeWord } from './dispute.ts';
import { detailsOf, endMandates, newDispute, putCharge, withdraw, type Contested } from './open.ts';
import { settle } from './settle.ts';

/** A dispute goes on from the one to the next, and never back: an older word that comes late says nothing new. A bank may reverse what was lost. */
const RANKS: Record<DisputeStatus, number> = { warning_needs_response: 0, warning_under_review: 1, warning_closed: 2, needs_response: 3, under_review: 4, lost: 5, won: 6 };

/** What is contested. A bank that counts in another currency contests what is left of the charge. */
const amountOf = ({ charge }: Contested, { amount, currency }: DisputeWord): bigint => (currency === charge.currency ? amount : refundable(charge));

function opened(contested: Contested, word: DisputeWord, moment: Moment): DisputeWhole {
  const { reference, reason, network_reason_code, due_by, submission_count } = word;
  const inquiry = word.status.startsWith('warning_');
  return newDispute(contested, {
    status: inquiry ? 'warning_needs_response' : 'needs_response', reason, amount: amountOf(contested, word), fees: [],
    payment_method_details: detailsOf(contested.charge, { inquiry, reason, network_reason_code }), due_by, submission_count: submission_count ?? 0, processor_reference: reference,
  }, moment);
}

/** `known` is what was heard of it before. */
export function hearDispute(contested: Contested, known: DisputeWhole | null, word: DisputeWord, moment: Moment): Decision {
  const { settlement } = contested;
  const made: Decision[] = [];
  let dispute = known ?? opened(contested, word, moment);
  let { charge } = contested;
  const change = (after: DisputeWhole) => {
    made.push(putDispute(dispute, after));
    dispute = after;
  };
  if (known === null) {
    charge = { ...charge, disputed: true };
    made.push(putDispute(null, dispute), tell(dispute, 'created', moment));
  }
  const before = dispute;
  // A word of what was given back says that it was taken.
  if (word.taken && !dispute.withdrawn) {
    // Of what was asked about, a part may have been given back since.
    const taken = withdraw({ dispute: { ...dispute, amount: amountOf(contested, word) }, charge, settlement }, word.taken, moment);
    charge = taken.charge;
    change(taken.dispute);
    made.push(taken, tell(dispute, 'funds_withdrawn', moment));
  }
  // What is won is won when the money is back, and what is lost is lost when it was taken.
  const early = word.status === 'won' ? dispute.withdrawn && !word.returned : word.status === 'lost' && !dispute.withdrawn;
  const status: DisputeStatus = early ? 'under_review' : word.status;
  const further = RANKS[status] > RANKS[dispute.status];
  const closes = isClosed({ status });
  if (further && !closes) {
    const escalated = isInquiry(dispute) && !status.startsWith('warning_');
    change({ ...dispute, status, due_by: word.due_by, submission_count: word.submission_count ?? dispute.submission_count, ...(escalated && { reason: word.reason, payment_method_details: detailsOf(charge, { ...word, inquiry: false }) }) });
    made.push(tell(dispute, 'updated', moment, before));
  }
  if (charge !== contested.charge) made.push(putCharge(contested.charge, charge));
  if (further && closes) made.push(settle({ dispute, charge, settlement }, status as 'won' | 'lost' | 'warning_closed', moment, word.returned ?? { fees: [] }));
  const { payment_method: method, mandates } = contested;
  if (further && status === 'lost' && METHODS[method.type]?.flow === 'debit') made.push(endMandates(method, mandates, moment));
  return together(made);
}
