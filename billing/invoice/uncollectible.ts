/** Writing off: nobody expects the money any more. It can still come, or the invoice be voided. */
import { decision, refuse, together, type Decision, type Moment } from '../decision.ts';
import type { InvoiceWhole } from './invoice.ts';
import { corrections } from './finalize.ts';
import { post, writtenOff } from './ledger.ts';
import { changeInvoice, forgiven, noTimers, type Owed } from './paid.ts';
import { refuseWhilePaying, type WithPayments } from './pay.ts';

/** Writes off what remains to be paid of an open invoice. Refused of any other, and while a payment is under way. */
export function markUncollectible(facts: WithPayments, moment: Moment, reason: 'user_forgiven' | 'subscription_paused' = 'user_forgiven'): Decision & Owed {
  const { invoice: before } = facts;
  if (before.status !== 'open') refuse('status_transition_invalid', `The invoice ${before.id} is ${before.status}. Only an open invoice can be marked uncollectible.`);
  refuseWhilePaying(facts);
  const invoice: InvoiceWhole = {
    ...before,
    status: 'uncollectible',
    uncollectible_reason: reason,
    marked_uncollectible_at: moment.now,
    auto_advance: false,
    next_payment_attempt: null,
  };
  const made: Decision = { ...decision(), timers: [...noTimers(invoice), ...corrections(invoice, moment.now)], postings: post(invoice, `${invoice.id}:uncollectible`, writtenOff(before), moment.now) };
  made.facts.push({ type: 'invoice.marked_uncollectible', object: 'invoice', whole: invoice, at: moment.now });
  const told = forgiven({ ...facts, invoice }, moment);
  const { customer, subscription } = told;
  return { ...together([made, changeInvoice(before, invoice, moment), told]), invoice, customer, subscription };
}
