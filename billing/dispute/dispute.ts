/** What a holder contests at its bank: an inquiry, which takes nothing yet, or a chargeback, which takes the amount until it is won. */
import type { FundsTransactionRow } from '../balance/funds.ts';
import type { Settlement } from '../balance/settlement.ts';
import { DAY_S } from '../calendar.ts';
import type { Metadata } from '../catalog.ts';
import { decision, type Decision, type Instant, type Moment, type Posting, type Timer } from '../decision.ts';
import type { Fee, Settled } from '../payment/outcome.ts';
import type { ChargeRow } from '../payment/payment.ts';

export type DisputeStatus = 'warning_needs_response' | 'warning_under_review' | 'warning_closed' | 'needs_response' | 'under_review' | 'won' | 'lost';

/** How a bank decides: `escalated` makes a chargeback of an inquiry. */
export type Verdict = 'won' | 'lost' | 'escalated';

type Compliance = { fee_acknowledged: boolean };
/** Evidence by the names of the API. */
export type Evidence = { enhanced_evidence?: { visa_compliance?: Compliance; mastercard_compliance?: Compliance } } & { [field: string]: unknown };

type DisputeFee = { description: string; /** Minor units as text. */ amount: string };

export type DisputeRow = {
  id: string;
  created: Instant;
  charge: string;
  payment_intent: string;
  customer: string | null;
  test_clock: string | null;
  status: DisputeStatus;
  reason: string;
  amount: bigint;
  currency: string;
  /** The amount was taken from our funds. */
  withdrawn: boolean;
  fees: DisputeFee[];
  payment_method_details: { type: string; [type: string]: unknown };
  evidence: Evidence;
  /** Until when evidence is taken; null where none is. */
  due_by: Instant | null;
  submission_count: number;
  verdict: Verdict | null;
  intended_submission_method: 'manual' | 'prefer_manual' | null;
  processor: string;
  /** The processor's id of it, where that tells what becomes of it; null where Kontor decides that itself, by what the sandbox knows. */
  processor_reference: string | null;
  metadata: Metadata;
};

/** With what it has taken and given back. */
export type DisputeWhole = DisputeRow & { transactions: FundsTransactionRow[] };

/** What was taken for a dispute, or given back: what that cost, and in what it was settled. */
export type DisputeMove = { fees: readonly Fee[]; settled?: Settled | null };

/** What a processor says of a dispute, by now. */
export type DisputeWord = {
  kind: 'dispute';
  /** The processor's ids of the dispute, and of the payment that is contested. */
  reference: string;
  charge: string;
  status: DisputeStatus;
  reason: string;
  network_reason_code: string | null;
  amount: bigint;
  currency: string;
  due_by: Instant | null;
  /** How often evidence was submitted, where that is known. */
  submission_count: number | null;
  /** Null while nothing was. */
  taken: DisputeMove | null;
  returned: DisputeMove | null;
};

/** A dispute with the charge that it is about. */
export type Disputed = { dispute: DisputeWhole; charge: ChargeRow; settlement: Settlement | null };

export const isInquiry = ({ status }: Pick<DisputeRow, 'status'>): boolean => status.startsWith('warning_');
export const awaitsResponse = ({ status }: Pick<DisputeRow, 'status'>): boolean => status === 'needs_response' || status === 'warning_needs_response';
export const isClosed = ({ status }: Pick<DisputeRow, 'status'>): boolean => status === 'won' || status === 'lost' || status === 'warning_closed';

/** Evidence is taken until the end of the ninth day (UTC) after. */
export const dueBy = (now: Instant): Instant => (Math.floor(now / DAY_S) + 10) * DAY_S - 1;
/** An inquiry of which nothing has become is closed after so long. */
const INQUIRY_ENDS_S = 120 * DAY_S;

/** When something becomes of a dispute by itself: the bank decides, nobody has answered in time, an inquiry is over. Null: never, nothing any more, or when its processor says so. */
export function nextStep(dispute: DisputeRow, decided: Instant | null = null): Timer {
  const at = isClosed(dispute) || dispute.processor_reference !== null ? null : (decided ?? (isInquiry(dispute) ? dispute.created + INQUIRY_ENDS_S : dispute.status === 'needs_response' ? dispute.due_by! + 1 : null));
  return { kind: 'dispute.proceed', subject: dispute.id, at, lane: dispute.customer ?? dispute.payment_intent, test_clock: dispute.test_clock };
}

export function tell(dispute: DisputeWhole, type: string, moment: Moment, before?: DisputeWhole): Decision {
  return { ...decision(), facts: [{ type: `charge.dispute.${type}`, object: 'dispute', whole: dispute, before, at: moment.now }] };
}

/** The row without what is read beside it. */
export function putDispute(before: DisputeWhole | null, after: DisputeWhole): Decision {
  const row = ({ transactions: _, ...rest }: DisputeWhole): DisputeRow => rest;
  return { ...decision(), puts: [{ table: 'disputes', before: before && row(before), after: row(after) }] };
}

export function post(dispute: DisputeRow, what: 'withdrawn' | 'reinstated' | 'lost' | 'recovered', legs: (Pick<Posting, 'ledger_account' | 'amount'> & Partial<Posting>)[], moment: Moment): Decision {
  return { ...decision(), postings: legs.map((leg) => ({ currency: dispute.currency, ...leg, transaction: `${dispute.id}:${what}`, document: dispute.id, customer: dispute.customer, at: moment.now })) };
}
