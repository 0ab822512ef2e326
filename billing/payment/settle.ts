/** A processor's answer becomes true: for the intent, the charge, the method, and for the invoice that is being paid. */
import type { CustomerWhole } from '../customer/customer.ts';
import { assert, decision, together, type Decision, type Moment } from '../decision.ts';
import type { InvoiceWhole } from '../invoice/invoice.ts';
import { actionRequired, attemptFailed, creditedAccount, creditInvoice, type Owed } from '../invoice/paid.ts';
import type { SubscriptionWhole } from '../subscription/subscription.ts';
import { nextAction, type ChargeQuestion } from './intent.ts';
import { asked } from './method.ts';
import type { ChargeOutcome, ChargeRow, InvoicePaymentRow, PaymentError, PaymentIntentWhole, PaymentMethodRow } from './payment.ts';

type Assessment = { type: string; network_status: string; reason: string | null; risk_level: string; risk_score: number };

/** What a processor answers, as a call's answer keeps it. Not to know is no answer. */
export type PaymentAnswer =
  | {
      kind: 'succeeded';
      reference: string;
      network_transaction_id: string | null;
      authorization_code: string | null;
      three_d_secure: { result: string; authentication_flow: string | null; version: string } | null;
      assessment: Assessment;
    }
  | {
      kind: 'declined';
      reference: string;
      code: string;
      decline_code: string | null;
      message: string;
      advice_code: string | null;
      network_decline_code: string | null;
      network_advice_code: string | null;
      assessment: Assessment;
      action: { reference: string; url: string | null } | null;
    }
  | { kind: 'requires_action'; reference: string; action: { reference: string; url: string | null } }
  | { kind: 'failed'; code: string; message: string };

type Of<Kind extends PaymentAnswer['kind']> = Extract<PaymentAnswer, { kind: Kind }>;

/** A payment that is under way, with all whom it concerns. */
export type Payment = {
  payment_intent: PaymentIntentWhole;
  payment_method: PaymentMethodRow;
  customer: CustomerWhole | null;
  /** The invoice that it pays, and what of it goes there; all three null where it pays none. */
  invoice: InvoiceWhole | null;
  payment: InvoicePaymentRow | null;
  subscription: SubscriptionWhole | null;
};

type Settled = Decision & Payment;

/** Takes the answer to a question. The intent must be `processing`: a question is answered once. */
export function settlePayment(facts: Payment, question: ChargeQuestion, answer: PaymentAnswer, moment: Moment): Settled {
  assert(facts.payment_intent.status === 'processing', `an answer came for ${facts.payment_intent.id}, which is ${facts.payment_intent.status}`);
  switch (answer.kind) {
    case 'succeeded':
      return succeeded(facts, question, answer, moment);
    case 'declined':
      return declined(facts, question, answer, moment);
    case 'requires_action':
      return waitsForHolder(facts, question, answer, moment);
    case 'failed':
      return failed(facts, question, answer, moment);
  }
}

function outcomeOf(assessment: Assessment, seller_message: string, said: Partial<ChargeOutcome> = {}): ChargeOutcome {
  return { advice_code: null, network_advice_code: null, network_decline_code: null, ...said, ...assessment, seller_message };
}

function chargeOf({ payment_intent: intent, payment_method: method }: Payment, answer: Of<'succeeded'> | Of<'declined'>, moment: Moment): ChargeRow {
  const went = answer.kind === 'succeeded' ? answer : null;
  const refused = answer.kind === 'declined' ? answer : null;
  const card = asked(method).card;
  return {
    id: moment.newId('ch'),
    created: moment.now,
    customer: intent.customer,
    payment_intent: intent.id,
    payment_method: method.id,
    status: went ? 'succeeded' : 'failed',
    amount: intent.amount,
    amount_captured: went ? intent.amount : 0n,
    amount_refunded: 0n,
    currency: intent.currency,
    failure_code: refused?.code ?? null,
    failure_message: refused?.message ?? null,
    outcome: refused ? outcomeOf(refused.assessment, refused.message, said(refused)) : outcomeOf(answer.assessment, 'The payment went through.'),
    billing_details: method.billing_details,
    payment_method_details: card && {
      type: 'card',
      card: { ...card, authorization_code: went?.authorization_code ?? null, network_transaction_id: went?.network_transaction_id ?? null, three_d_secure: went?.three_d_secure ?? null },
    },
    processor_reference: answer.reference,
    description: intent.description,
    receipt_email: intent.receipt_email,
    metadata: intent.metadata,
  };
}

const said = ({ advice_code, network_advice_code, network_decline_code }: Of<'declined'>) => ({ advice_code, network_advice_code, network_decline_code });

/** The method after it has paid: known to its issuer, kept for later where that was agreed, and used up where it belongs to nobody. */
function methodAfter({ payment_intent: intent, payment_method: before }: Payment, network_transaction_id: string | null, moment: Moment): Decision & { payment_method: PaymentMethodRow } {
  const agreed = intent.setup_future_usage !== null;
  const customer = before.customer ?? (agreed ? intent.customer : null);
  const payment_method: PaymentMethodRow = {
    ...asked(before),
    customer,
    set_up: before.set_up || intent.setup_future_usage === 'off_session',
    network_transaction_id: before.network_transaction_id ?? network_transaction_id,
    spent: customer === null,
  };
  const made = decision();
  made.puts.push({ table: 'payment_methods', before, after: payment_method });
  if (customer !== before.customer) made.facts.push({ type: 'payment_method.attached', object: 'payment_method', whole: payment_method, at: moment.now });
  return { ...made, payment_method };
}

function moveIntent(before: PaymentIntentWhole, change: Partial<PaymentIntentWhole>, type: string, moment: Moment): Decision & { payment_intent: PaymentIntentWhole } {
  const payment_intent: PaymentIntentWhole = { ...before, ...change };
  return {
    ...decision(),
    puts: [{ table: 'payment_intents', before, after: payment_intent }],
    facts: [{ type, object: 'payment_intent', whole: payment_intent, at: moment.now }],
    payment_intent,
  };
}

function charged(charge: ChargeRow, moment: Moment): Decision {
  return {
    ...decision(),
    puts: [{ table: 'charges', before: null, after: charge }],
    facts: [{ type: `charge.${charge.status}`, object: 'charge', whole: charge, at: moment.now }],
  };
}

/** The invoice with those whom it concerns, or null where the payment pays none. */
function owedBy({ invoice, customer, subscription }: Payment): Owed | null {
  return invoice && { invoice, customer: customer!, subscription };
}

function succeeded(facts: Payment, question: ChargeQuestion, answer: Of<'succeeded'>, moment: Moment): Settled {
  const { payment_intent: intent, payment } = facts;
  const charge = chargeOf(facts, answer, moment);
  const method = methodAfter(facts, answer.network_transaction_id, moment);
  const change = { status: 'succeeded', amount_received: intent.amount, latest_charge: charge.id } as const;
  const changed = moveIntent(intent, change, 'payment_intent.succeeded', moment);
  const owed = owedBy(facts);
  const legs = { transaction: `${charge.id}:captured`, currency: charge.currency, document: charge.id, customer: charge.customer, at: moment.now };
  const received = { ...charged(charge, moment), postings: [{ ...legs, ledger_account: 'cash_in_transit', amount: charge.amount }] };
  if (!owed || !payment) {
    received.postings.push({ ...legs, ledger_account: 'unapplied_payments', amount: -charge.amount });
    return { ...facts, ...together([received, method, changed]), payment_method: method.payment_method, payment_intent: changed.payment_intent };
  }
  const account = creditedAccount(owed.invoice);
  const credited = creditInvoice(owed, { amount: charge.amount, off_stripe: false, payment_method: method.payment_method.customer && method.payment_method.id, automatic: question.automatic }, moment);
  received.postings.push({ ...legs, document: owed.invoice.id, ledger_account: account, amount: -credited.applied }, { ...legs, ledger_account: 'customer_balance', amount: -credited.overpaid });
  const paid = payInvoicePayment(payment, charge.amount, moment);
  const whole = together([received, method, changed, paid, credited]);
  const { invoice, customer, subscription } = credited;
  return { ...whole, payment_intent: changed.payment_intent, payment_method: method.payment_method, payment: paid.payment, invoice, customer, subscription };
}

/** What of the intent goes to the invoice has come. */
export function payInvoicePayment(before: InvoicePaymentRow, amount: bigint, moment: Moment): Decision & { payment: InvoicePaymentRow } {
  const payment: InvoicePaymentRow = { ...before, status: 'paid', amount_paid: amount, paid_at: moment.now };
  return {
    ...decision(),
    puts: [{ table: 'invoice_payments', before, after: payment }],
    facts: [{ type: 'invoice_payment.paid', object: 'invoice_payment', whole: payment, at: moment.now }],
    payment,
  };
}

/** The intent waits for another method; the invoice's attempt has failed. */
function unpaid(facts: Payment, question: ChargeQuestion, error: PaymentError, asks_holder: boolean, moment: Moment): Settled {
  const change = { status: 'requires_payment_method', payment_method: null, latest_charge: error.charge ?? facts.payment_intent.latest_charge, last_payment_error: error, failed_method: facts.payment_method } as const;
  const changed = moveIntent(facts.payment_intent, change, 'payment_intent.payment_failed', moment);
  const owed = owedBy(facts);
  const attempt = owed && attemptFailed(owed, { automatic: question.automatic, at: question.at, asks_holder }, moment);
  const whole = together(attempt ? [changed, attempt] : [changed]);
  return { ...facts, ...(attempt && { invoice: attempt.invoice, customer: attempt.customer, subscription: attempt.subscription }), ...whole, payment_intent: changed.payment_intent };
}

function declined(facts: Payment, question: ChargeQuestion, answer: Of<'declined'>, moment: Moment): Settled {
  const charge = chargeOf(facts, answer, moment);
  const { code, message, decline_code } = answer;
  const error: PaymentError = { type: 'card_error', code, message, decline_code, ...said(answer), charge: charge.id, payment_method: facts.payment_method.id };
  const after = unpaid({ ...facts, payment_method: asked(facts.payment_method) }, question, error, answer.action !== null, moment);
  const known = { ...decision(), puts: [{ table: 'payment_methods', before: facts.payment_method, after: after.payment_method }] };
  return { ...after, ...together([charged(charge, moment), known, after]) };
}

function failed(facts: Payment, question: ChargeQuestion, { code, message }: Of<'failed'>, moment: Moment): Settled {
  const nothing = { decline_code: null, advice_code: null, network_advice_code: null, network_decline_code: null, charge: null };
  return unpaid(facts, question, { type: 'invalid_request_error', code, message, ...nothing, payment_method: facts.payment_method.id }, false, moment);
}

function waitsForHolder(facts: Payment, question: ChargeQuestion, { action }: Of<'requires_action'>, moment: Moment): Settled {
  const changed = moveIntent(facts.payment_intent, { status: 'requires_action', next_action: nextAction(action, question) }, 'payment_intent.requires_action', moment);
  const owed = owedBy(facts);
  const asking = owed && actionRequired(owed, question.automatic, moment);
  return { ...facts, ...(asking && { invoice: asking.invoice }), ...together(asking ? [changed, asking] : [changed]), payment_intent: changed.payment_intent };
}
