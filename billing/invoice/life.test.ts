/** An invoice's life as decisions: whatever it is of and however it ends, the ledger balances and says what the invoice says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createCustomer } from '../customer/change.ts';
import type { CustomerWhole } from '../customer/customer.ts';
import type { Decision, Moment } from '../decision.ts';
import { confirmPayment, type AskedQuestion, type ChargeQuestion } from '../payment/confirm.ts';
import type { PaymentMethodRow } from '../payment/payment.ts';
import type { PaymentAnswer } from '../payment/outcome.ts';
import { settlePayment } from '../payment/settle.ts';
import { previewInvoice, type LineOrder } from './draft.ts';
import { finalizeInvoice } from './finalize.ts';
import type { InvoiceWhole } from './invoice.ts';
import { markUncollectible } from './uncollectible.ts';
import { payInvoice, payOutOfBand } from './pay.ts';
import { voidInvoice } from './void.ts';

let count = 0;
const moment: Moment = { now: 1_767_225_600, newId: (prefix) => `${prefix}_${String(++count).padStart(6, '0')}`, newSecret: (length) => 's'.repeat(length) };

const METHOD: PaymentMethodRow = {
  id: 'pm_1', created: 0, customer: null, type: 'card', card: null, details: null, mandate: null, vault: null, processor: 'sandbox', processor_reference: 'visa', processor_identity: null, set_up: false, network_transaction_id: null, checks_when_asked: null, spent: false,
  allow_redisplay: 'unspecified', metadata: {},
  billing_details: { address: { city: null, country: null, line1: null, line2: null, postal_code: null, state: null }, email: null, name: null, phone: null, tax_id: null },
};

function customerWith(balance: bigint): CustomerWhole {
  const { customer } = createCustomer({ invoice_prefix: 'ABC', test_clock: null, currency: 'usd', balance } as Parameters<typeof createCustomer>[0], moment);
  return customer;
}

const line = (amount: bigint, percentage: string | null): LineOrder => ({
  amount, description: null, discountable: true, period: { start: 0, end: 0 }, price: null, product: null, unit_amount_decimal: null, quantity_decimal: '1', subscription: null, subscription_item: null,
  proration: false, proration_details: null, metadata: {}, discounts: [],
  rates: percentage === null ? [] : [{ id: 'txr_1', created: 0, active: true, display_name: 'VAT', description: null, percentage, inclusive: false, country: null, state: null, jurisdiction: null, tax_type: null, metadata: {} }],
});

function draftOf(customer: CustomerWhole, lines: readonly LineOrder[]): InvoiceWhole {
  return previewInvoice(
    {
      customer, subscription: null, account: { business_name: 'Helpdesk', country: 'US' }, tax_ids: [], billing_reason: 'manual', obligation: null, currency: 'usd',
      collection_method: 'charge_automatically', days_until_due: null, period: { start: 0, end: 0 }, pending: [], lines, discounts: [], default_rates: [], auto_advance: false,
    },
    moment,
  );
}

/** The sums by account of all that was posted; each transaction must balance. */
function booked(decisions: readonly Decision[]): Record<string, bigint> {
  const sums: Record<string, bigint> = {};
  for (const { postings } of decisions) {
    for (const [, legs] of Map.groupBy(postings, (posting) => posting.transaction)) assert.equal(legs.reduce((sum, leg) => sum + leg.amount, 0n), 0n);
    for (const { ledger_account, amount } of postings) sums[ledger_account] = (sums[ledger_account] ?? 0n) + amount;
  }
  return Object.fromEntries(Object.entries(sums).filter(([, sum]) => sum !== 0n));
}

const questionOf = ({ calls: [call] }: Decision): AskedQuestion => ({ ...(call!.request as ChargeQuestion), op_id: call!.id });

const SUCCEEDED: PaymentAnswer = {
  kind: 'succeeded', captured: true, available: 'later', foretold: [], reference: 'ch_1', network_transaction_id: '1', authorization_code: '1', three_d_secure: null,
  assessment: { type: 'authorized', network_status: 'approved_by_network', reason: null, risk_level: 'normal', risk_score: 1 },
};

const amounts = fc.array(fc.record({ amount: fc.bigInt({ min: -5_000n, max: 20_000n }), rate: fc.constantFrom(null, '19', '7.7') }), { minLength: 0, maxLength: 4 });
const ends = fc.constantFrom('open', 'paid', 'cash', 'void', 'written off', 'written off and paid', 'written off and voided');

test('what is billed is what the customer owes, what its balance met, what was earned and what is tax, however the invoice ends', () => {
  fc.assert(fc.property(amounts, fc.bigInt({ min: -10_000n, max: 10_000n }), ends, (lines, balance, end) => {
    const customer = customerWith(balance);
    const draft = draftOf(customer, lines.map(({ amount, rate }) => line(amount, rate)));
    const billed = finalizeInvoice({ invoice: draft, customer, tax_ids: [], subscription_metadata: null, payment_method: null, reason: 'request' }, moment);
    const { invoice } = billed;
    assert.equal(invoice.number, 'ABC-0001');
    assert.equal(invoice.amount_due + invoice.ending_balance!, invoice.total + balance);
    assert.equal(billed.customer.balance, invoice.ending_balance);
    const made: Decision[] = [billed];
    let facts = { invoice, customer: billed.customer, subscription: null, payments: billed.payment ? [{ payment: billed.payment, intent: billed.payment_intent! }] : [] };
    const take = (next: Decision & { invoice: InvoiceWhole; customer: CustomerWhole }): void => {
      made.push(next);
      facts = { ...facts, invoice: next.invoice, customer: next.customer };
    };
    const pay = (): void => {
      const asked = payInvoice(facts, METHOD, { off_session: true, automatic: false }, moment);
      const settled = settlePayment({ payment_intent: asked.payment_intent, payment_method: METHOD, customer: facts.customer, invoice: facts.invoice, payment: facts.payments[0]!.payment, charge: null, refunding: 0n, subscription: null, others: [] }, questionOf(asked), SUCCEEDED, moment);
      made.push(asked);
      take({ ...settled, invoice: settled.invoice!, customer: settled.customer! });
    };
    if (invoice.status === 'open') {
      if (end === 'paid') pay();
      if (end === 'cash') take(payOutOfBand(facts, moment));
      if (end.startsWith('written off')) take(markUncollectible(facts, moment));
      if (end === 'written off and paid') pay();
      if (end === 'void' || end === 'written off and voided') take(voidInvoice(facts, moment));
    }
    const sums = booked(made);
    const after = facts.invoice;
    const owed = after.status === 'open' ? after.amount_remaining : 0n;
    assert.equal(sums.receivable ?? 0n, owed);
    assert.equal(sums.bad_debt ?? 0n, after.status === 'uncollectible' ? after.amount_remaining : 0n);
    assert.equal(sums.cash_in_transit ?? 0n, after.amount_paid - after.amount_paid_off_stripe);
    assert.equal(sums.paid_out_of_band ?? 0n, after.amount_paid_off_stripe);
    assert.equal(sums.customer_balance ?? 0n, facts.customer.balance - balance);
    assert.equal(-(sums.revenue ?? 0n), after.status === 'void' ? 0n : after.total_excluding_tax);
  }));
});

test('a payment that comes after the invoice was paid another way goes to the customer', () => {
  const customer = customerWith(0n);
  const billed = finalizeInvoice({ invoice: draftOf(customer, [line(1000n, null)]), customer, tax_ids: [], subscription_metadata: null, payment_method: METHOD, reason: 'request', confirm: true }, moment);
  const question = questionOf(billed);
  const paid: InvoiceWhole = { ...billed.invoice, status: 'paid', amount_paid: 1000n, amount_remaining: 0n };
  const late = settlePayment({ payment_intent: billed.payment_intent!, payment_method: METHOD, customer: billed.customer, invoice: paid, payment: billed.payment!, charge: null, refunding: 0n, subscription: null, others: [] }, question, SUCCEEDED, moment);
  assert.deepEqual([late.invoice!.amount_overpaid, late.invoice!.amount_paid, late.customer!.balance], [1000n, 1000n, -1000n]);
  assert.deepEqual(late.facts.map((fact) => fact.type), ['charge.succeeded', 'payment_intent.succeeded', 'invoice_payment.paid', 'invoice.updated', 'invoice.overpaid', 'customer.updated']);
});

test('a payment that is under way is asked for once', () => {
  const customer = customerWith(0n);
  const billed = finalizeInvoice({ invoice: draftOf(customer, [line(1000n, null)]), customer, tax_ids: [], subscription_metadata: null, payment_method: METHOD, reason: 'request', confirm: true }, moment);
  assert.deepEqual(billed.calls.map((call) => call.id), [`${billed.payment_intent!.id}:charge:1`]);
  assert.throws(() => confirmPayment(billed.payment_intent!, METHOD, { off_session: true, automatic: false }, moment), { code: 'lock_timeout' });
});
