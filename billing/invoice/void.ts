/** Voiding: an invoice that should not have been. It keeps its number, counts for nothing, and what of the customer's balance and credits it took or gave goes back. */
import { move } from '../customer/change.ts';
import { returnCredits } from '../credit/apply.ts';
import { decision, refuse, together, type Decision, type Moment } from '../decision.ts';
import { cancelIntent } from '../payment/intent.ts';
import { corrections } from './finalize.ts';
import type { InvoiceWhole } from './invoice.ts';
import { billed, post, reversed, writtenOff } from './ledger.ts';
import { changeInvoice, forgiven, noTimers, type Owed } from './paid.ts';
import { refuseWhilePaying, type WithPayments } from './pay.ts';

/** Voids an invoice of which nothing was paid, with what followed from it for the ledger, the customer and the subscription. Refused of any other, and while a payment is under way. */
export function voidInvoice(facts: WithPayments, moment: Moment): Decision & Owed {
  const { invoice: before, payments } = facts;
  if (before.status !== 'open' && before.status !== 'uncollectible') {
    const hint = before.status === 'draft' ? 'Delete the draft instead.' : 'Only an open or uncollectible invoice can be voided.';
    refuse('status_transition_invalid', `The invoice ${before.id} is ${before.status}. ${hint}`);
  }
  if (before.amount_paid > 0n) refuse('status_transition_invalid', `The invoice ${before.id} has been paid in part, so it cannot be voided. Mark it uncollectible instead.`);
  refuseWhilePaying(facts);
  const invoice: InvoiceWhole = { ...before, status: 'void', voided_at: moment.now, auto_advance: false, next_payment_attempt: null };
  const stands = before.status === 'uncollectible' ? [...billed(before), ...writtenOff(before)] : billed(before);
  // What was put right of it is undone, and what it put right of others is due again.
  const timers = [...noTimers(invoice), ...corrections(invoice, moment.now)];
  const made: Decision = { ...decision(), timers, postings: post(invoice, `${invoice.id}:voided`, reversed(stands), moment.now) };
  made.facts.push({ type: 'invoice.voided', object: 'invoice', whole: invoice, at: moment.now });
  const canceled = payments.map(({ payment, intent }) => cancelIntent(intent, payment, 'void_invoice', moment));
  const given = returnCredits(before, facts.customer, moment);
  const returned = giveBack({ ...facts, customer: given.customer }, moment);
  const told = forgiven({ ...facts, ...returned, invoice }, moment);
  const { customer, subscription } = told;
  return { ...together([made, changeInvoice(before, invoice, moment), ...canceled, given, returned, told]), invoice, customer, subscription };
}

/** The balance that the invoice took from the customer, or gave. */
function giveBack({ invoice, customer: before }: Owed, moment: Moment) {
  const applied = (invoice.ending_balance ?? 0n) - invoice.starting_balance;
  const made = decision();
  if (applied === 0n) return { ...made, customer: before };
  const customer = { ...before, balance: before.balance - applied };
  made.puts.push({ table: 'customers', before, after: customer });
  move(made, before, customer, 'unapplied_from_invoice', { invoice: invoice.id }, moment);
  made.facts.push({ type: 'customer.updated', object: 'customer', whole: customer, before, at: moment.now });
  return { ...made, customer };
}
