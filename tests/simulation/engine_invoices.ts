/** What is asked of the invoices of a life, and the resumption that may have to be paid: by the engine. */
import type { CreditLineOrder } from '../../billing/credit_note/lines.ts';
import { refuseSpent } from '../../billing/credit/apply.ts';
import { createCreditNote, draftCreditNote, type CreditFacts } from '../../billing/credit_note/create.ts';
import { voidCreditNote } from '../../billing/credit_note/change.ts';
import { Refusal } from '../../billing/decision.ts';
import { attemptFailed } from '../../billing/invoice/paid.ts';
import { payOutOfBand } from '../../billing/invoice/pay.ts';
import { voidInvoice } from '../../billing/invoice/void.ts';
import { resumeSubscription } from '../../billing/subscription/resume.ts';
import { CUSTOMER } from './catalog.ts';
import type { Life } from './engine.ts';
import type { Action, Credited } from './reference/history.ts';

function owed(life: Life, id: string): CreditFacts {
  const { store } = life;
  const invoice = store.invoice(id);
  return { invoice, customer: store.customer(CUSTOMER), subscription: invoice.subscription === null ? null : life.subscription, payments: store.openPayments(id), earlier: store.notes().filter((note) => note.invoice === id), charges: [] };
}

const missing = (what: string): never => {
  throw new Refusal('resource_missing', `There is no such ${what}.`);
};

export function actOnInvoice(life: Life, action: Extract<Action, { kind: 'pay' | 'void' | 'credit' | 'void_note' }>): void {
  const { store } = life;
  const moment = store.moment(action.at);
  if (action.kind === 'void_note') {
    const note = store.notes()[action.note] ?? missing('note');
    return store.apply(voidCreditNote(note, owed(life, note.invoice), moment));
  }
  const invoice = store.invoices()[action.invoice] ?? missing('invoice');
  const facts = owed(life, invoice.id);
  if (action.kind === 'void' && (invoice.status === 'open' || invoice.status === 'uncollectible')) refuseSpent(invoice, facts.customer);
  if (action.kind !== 'credit') return store.apply(action.kind === 'pay' ? payOutOfBand(facts, moment) : voidInvoice(facts, moment));
  const words = { effective_at: null, memo: null, reason: null, metadata: {}, credit_amount: null, out_of_band_amount: null, refund_amount: null, refunds: [] };
  const order = { ...words, credited: creditedOf(action.credited, facts) };
  // How much is to be given back is known once the note is worked out.
  const back = draftCreditNote(order, facts, store.moment(action.at)).post_payment_amount;
  const how = back === 0n ? {} : action.to === 'balance' ? { credit_amount: back } : { out_of_band_amount: back };
  store.apply(createCreditNote({ ...order, ...how }, facts, moment));
}

function creditedOf(credited: Credited, { invoice }: CreditFacts): { amount: bigint } | { lines: CreditLineOrder[] } {
  if ('amount' in credited) return credited;
  return {
    lines: credited.lines.map(({ line, amount, quantity }): CreditLineOrder => ({
      type: 'invoice_line_item', invoice_line_item: (invoice.lines[line] ?? missing('line')).id, amount: amount ?? null, quantity: quantity ?? null, taxes: null, metadata: {}, at: (name) => name,
    })),
  };
}

/** A resumption is of subscriptions that are charged automatically, so one that is sent its invoices is charged meanwhile. */
export function resume(life: Life, action: Extract<Action, { kind: 'resume' }>): void {
  if (life.row.status !== 'paused' || life.history.card) return resumeCharged(life, action);
  life.change(action.at, { collection_method: 'charge_automatically' });
  try {
    resumeCharged(life, action);
  } finally {
    life.change(action.at, { collection_method: 'send_invoice', days_until_due: 30 });
  }
}

/** What it makes is settled as the history says. */
function resumeCharged(life: Life, { at, anchor, proration_behavior, date, then }: Extract<Action, { kind: 'resume' }>): void {
  const { store } = life;
  const made = resumeSubscription({ billing_cycle_anchor: anchor, proration_behavior, proration_date: date ?? null, payment_behavior: 'resume_on_payment_attempt' }, life.facts(at), store.moment(at));
  store.apply(made);
  const { invoice } = made;
  if (invoice !== null && invoice.status === 'open') {
    const facts = owed(life, invoice.id);
    const moment = store.moment(at);
    if (then === 'pay') store.apply(payOutOfBand(facts, moment));
    else if (then === 'void') store.apply(voidInvoice(facts, moment));
    else store.apply(attemptFailed(facts, { automatic: false, at, asks_holder: false }, moment));
  }
}
