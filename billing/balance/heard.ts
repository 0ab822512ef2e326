/** What a processor that pays out by itself says of a payout becomes true: once, whatever the order and the number of its words. */
import { decision, together, type Decision, type Instant, type Moment } from '../decision.ts';
import type { Fee } from '../payment/outcome.ts';
import { openPayout, post, put, returnPayout, type BankAccountRow, type PayoutRow, type PayoutStatus } from './payout.ts';

export type PayoutWord = {
  kind: 'payout';
  reference: string;
  status: PayoutStatus;
  /** Below zero where the processor has taken from the bank what the balance lacked. */
  amount: bigint;
  currency: string;
  created: Instant;
  arrival_date: Instant;
  automatic: boolean;
  method: PayoutRow['method'];
  fees: Fee[];
  description: string | null;
  statement_descriptor: string | null;
  failure_code: string | null;
  failure_message: string | null;
  /** What is known of the bank account, or card, that it goes to. */
  bank: Pick<BankAccountRow, 'account_holder_name' | 'account_holder_type' | 'bank_name' | 'country' | 'last4' | 'routing_number' | 'fingerprint'> & { reference: string };
};

/** A bank account to which a processor pays out by itself. It takes no payout of ours. */
export function heardBank({ bank: { reference, ...shown }, currency }: PayoutWord, processor: string, moment: Moment): BankAccountRow {
  return { ...shown, id: moment.newId('ba'), created: moment.now, processor, processor_reference: reference, currency, default_for_currency: false, status: 'new', deleted: false };
}

/** What was paid may come back in the days after, so a failure is the last word. */
const RANKS: Record<PayoutStatus, number> = { pending: 0, in_transit: 1, paid: 2, canceled: 3, failed: 4 };

function opened({ amount, currency, fees, created, arrival_date, automatic, method, description, statement_descriptor, reference }: PayoutWord, to: BankAccountRow, moment: Moment): Decision & { payout: PayoutRow } {
  const said = { created, amount, currency, automatic, method, arrival_date, description, statement_descriptor, processor_reference: reference, metadata: {} };
  const { transaction: _transaction, ...made } = openPayout(said, fees, to, moment);
  return made;
}

/** `known` is what was heard of it before. */
export function hearPayout(known: PayoutRow | null, to: BankAccountRow, word: PayoutWord, moment: Moment): Decision & { payout: PayoutRow } {
  const first = known ? { ...decision(), payout: known } : opened(word, to, moment);
  const before = first.payout;
  if (RANKS[word.status] <= RANKS[before.status]) return first;
  const { amount } = before;
  switch (word.status) {
    case 'pending':
    case 'in_transit': {
      const payout: PayoutRow = { ...before, status: word.status, arrival_date: word.arrival_date };
      return { ...together([first, put(before, payout, 'payout.updated', moment)]), payout };
    }
    case 'paid': {
      const payout: PayoutRow = { ...before, status: 'paid', arrival_date: word.arrival_date };
      const posted = post(payout, 'paid', [{ ledger_account: 'bank', amount }, { ledger_account: 'payouts_in_transit', amount: -amount }], moment);
      return { ...together([first, put(before, payout, 'payout.paid', moment), posted]), payout };
    }
    case 'canceled':
    case 'failed': {
      const { status, failure_code, failure_message } = word;
      const bounced = before.status === 'paid' ? post(before, 'bounced', [{ ledger_account: 'payouts_in_transit', amount }, { ledger_account: 'bank', amount: -amount }], moment) : decision();
      const back = returnPayout(before, to, status === 'failed' ? 'payout_failure' : 'payout_cancel', { status, failure_code, failure_message }, `payout.${status}`, moment);
      return { ...together([first, bounced, back]), payout: back.payout };
    }
  }
}
