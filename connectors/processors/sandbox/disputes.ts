/** What is contested in the sandbox, and how its banks decide on evidence. Debits are contested for good; all else takes evidence. */
import type { Verdict } from '../../../billing/dispute/dispute.ts';
import { METHODS } from '../../../billing/payment/offer.ts';
import type { Consequence, Delay } from '../processor.ts';
import type { FeeSchedule } from './fees.ts';

export type Contest = { reason: 'fraudulent' | 'product_not_received' | 'noncompliant' | 'debit_not_authorized'; inquiry?: boolean; times?: number };

/** A week, as in life at the soonest; in real time at once. */
const CONTESTED: Delay = { on_clock: 7 * 86_400, real: 0 };
/** Banks take a month. */
const DECIDED: Delay = { on_clock: 30 * 86_400, real: 1 };

/** Visa's codes, which stand for those of all networks. */
const NETWORK_CODES: Partial<Record<Contest['reason'], string>> = { fraudulent: '10.4', product_not_received: '13.1' };

export function contest(type: string, { reason, inquiry = false, times = 1 }: Contest): Consequence {
  return {
    kind: 'dispute', reason, inquiry, times, after: CONTESTED, final: METHODS[type]!.flow === 'debit',
    network_reason_code: type === 'card' ? (NETWORK_CODES[reason] ?? null) : null,
  };
}

/** The same with what the bank charges for a dispute. */
export function priced(foretold: readonly Consequence[], type: string, { disputes }: FeeSchedule): Consequence[] {
  const fee = disputes[type];
  return foretold.map((each) => (each.kind === 'dispute' && fee !== undefined ? { ...each, fees: [{ type: 'processing', description: 'Dispute', amount: fee }] } : each));
}

const WORDS: Record<string, Verdict> = { winning_evidence: 'won', losing_evidence: 'lost', escalate_inquiry_evidence: 'escalated' };

/** The words that Stripe documents for `uncategorized_text`; only an inquiry can escalate. On any other evidence the bank never decides. */
export function judgeEvidence(evidence: string | null, inquiry: boolean): { verdict: Verdict; after: Delay } | null {
  const verdict = WORDS[evidence ?? ''];
  return verdict && (inquiry || verdict !== 'escalated') ? { verdict, after: DECIDED } : null;
}
