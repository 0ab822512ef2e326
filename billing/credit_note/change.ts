/** What happens to a credit note that was issued: its words change, or it is taken back. */
import { decision, refuse, together, type Decision, type Moment } from '../decision.ts';
import { corrections } from '../invoice/finalize.ts';
import type { InvoiceWhole } from '../invoice/invoice.ts';
import { legs, post, reversed, takenBack } from '../invoice/ledger.ts';
import { changeInvoice, creditedAccount, type Owed } from '../invoice/paid.ts';
import { refuseWhilePaying, type WithPayments } from '../invoice/pay.ts';
import { mergeMetadata } from '../metadata.ts';
import { followRemaining } from '../invoice/follow.ts';
import type { Issued } from './create.ts';
import type { CreditNoteWhole } from './credit_note.ts';

type CreditNoteChange = { memo?: string; metadata?: Record<string, string> | '' };

/** Changes its words; its amounts never change. */
export function updateCreditNote(before: CreditNoteWhole, { memo, metadata }: CreditNoteChange, moment: Moment): Decision & { credit_note: CreditNoteWhole } {
  const credit_note: CreditNoteWhole = { ...before, memo: memo ?? before.memo, metadata: mergeMetadata(before.metadata, metadata) };
  return {
    ...decision(),
    puts: [{ table: 'credit_notes', before, after: credit_note }],
    facts: [{ type: 'credit_note.updated', object: 'credit_note', whole: credit_note, before, at: moment.now }],
    credit_note,
  };
}

/** Takes a note back: what came off the invoice is due again. An invoice that is paid stays paid, so what was given back for it, or made it paid, stays as it is. */
export function voidCreditNote(before: CreditNoteWhole, facts: WithPayments, moment: Moment): Issued {
  const { invoice: credited, payments } = facts;
  if (before.status === 'void') refuse('status_transition_invalid', `The credit note ${before.id} is void already.`);
  if (credited.status !== 'open' && credited.status !== 'uncollectible') {
    refuse('status_transition_invalid', `The invoice ${credited.id} is ${credited.status}. A credit note can only be voided while its invoice is still to be paid.`);
  }
  refuseWhilePaying(facts);
  const { total, total_excluding_tax, pre_payment_amount: pre } = before;
  const tax = total - total_excluding_tax;
  const credit_note: CreditNoteWhole = { ...before, status: 'void', voided_at: moment.now };
  const invoice: InvoiceWhole = {
    ...credited,
    amount_due: credited.amount_due + pre,
    amount_remaining: credited.amount_remaining + pre,
    pre_payment_credit_notes_amount: credited.pre_payment_credit_notes_amount - pre,
    credit_notes_tax: credited.credit_notes_tax - tax,
  };
  const made: Decision = {
    ...decision(),
    puts: [{ table: 'credit_notes', before, after: credit_note }],
    facts: [{ type: 'credit_note.voided', object: 'credit_note', whole: credit_note, at: moment.now }],
    // What a correction could not give back beside it, it can now.
    timers: corrections(invoice, moment.now),
    postings: post(invoice, `${before.id}:voided`, [...reversed(takenBack(before.lines, credited)), ...legs({ tax_payable: -tax, [creditedAccount(credited)]: pre })], moment.now),
  };
  const owed: Owed = { invoice, customer: facts.customer, subscription: facts.subscription };
  return { ...together([made, changeInvoice(credited, invoice, moment), followRemaining(payments, invoice, moment)]), ...owed, credit_note };
}
