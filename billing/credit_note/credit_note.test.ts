/** Whatever is credited of an invoice in whatever parts: all parts together are the invoice, and the ledger is empty then. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import type { DiscountWhole, TaxRateRow } from '../catalog.ts';
import { createCustomer } from '../customer/change.ts';
import { Refusal, type Decision, type Moment } from '../decision.ts';
import { previewInvoice } from '../invoice/draft.ts';
import { finalizeInvoice } from '../invoice/finalize.ts';
import type { StoredTax } from '../invoice/invoice.ts';
import type { OpenPayment } from '../invoice/pay.ts';
import { createCreditNote, type CreditFacts, type CreditOrder } from './create.ts';
import type { CreditNoteWhole } from './credit_note.ts';
import { portion } from './portion.ts';

let count = 0;
const moment: Moment = { now: 1_767_225_600, newId: (prefix) => `${prefix}_${String(++count).padStart(6, '0')}`, newSecret: (length) => 's'.repeat(length) };

describe('a portion', () => {
  const rows: [amounts: bigint[], n: bigint, d: bigint, parts: bigint[]][] = [
    [[10n, 10n, 10n], 1n, 3n, [4n, 3n, 3n]], // 3⅓ each, 10 in all
    [[100n, -20n], 1n, 8n, [13n, -3n]], // 12.5 and −2.5, 10 in all: 12 − 3, and one more for the earlier
    [[-5n], 1n, 2n, [-3n]],
    [[7n, -3n, 0n], 4n, 4n, [7n, -3n, 0n]],
    [[7n, -3n], -2n, -4n, [4n, -2n]], // 3.5 − 1.5 = 2
    [[], 1n, 2n, []],
  ];
  for (const [amounts, n, d, parts] of rows) it(`of ${n}/${d} of [${amounts.join(', ')}] is [${parts.join(', ')}]`, () => assert.deepEqual(portion(amounts, n, d), parts));

  it('never exceeds what it is of', () => {
    fc.assert(fc.property(fc.array(fc.bigInt({ min: -1000n, max: 1000n })), fc.bigInt({ min: 0n, max: 50n }), fc.bigInt({ min: 50n, max: 60n }), (amounts, n, d) => {
      for (const [index, part] of portion(amounts, n, d).entries()) assert.ok(amounts[index]! < 0n ? part <= 0n && part >= amounts[index]! : part >= 0n && part <= amounts[index]!);
    }));
  });
});

const rate = (id: string, percentage: string, inclusive: boolean): TaxRateRow => ({ id, created: 0, active: true, display_name: 'VAT', description: null, percentage, inclusive, country: null, state: null, jurisdiction: null, tax_type: null, metadata: {} });
const RATES = [rate('txr_on', '7.7', false), rate('txr_in', '19', true), rate('txr_more', '3', false)];

/** A tenth and a half of a per cent off. */
const OFF = { id: 'di_1', source: { percent_off: '10.5', amount_off: null, currency: null, currency_options: null, applies_to: null, duration: 'forever' } } as unknown as DiscountWhole;

type Line = { amount: bigint; rates: TaxRateRow[]; quantity: number };

function factsOf(lines: readonly Line[], off: boolean): { facts: CreditFacts; made: Decision } {
  const { customer } = createCustomer({ invoice_prefix: 'ABC', test_clock: null, currency: 'usd' }, moment);
  const drafted = previewInvoice(
    {
      customer, subscription: null, account: { business_name: 'Helpdesk', country: 'US' }, tax_ids: [], billing_reason: 'manual', obligation: null, currency: 'usd', collection_method: 'charge_automatically',
      days_until_due: null, period: { start: 0, end: 0 }, pending: [], discounts: off ? [OFF] : [], default_rates: [], auto_advance: false,
      lines: lines.map((line) => ({
        amount: line.amount, rates: line.rates, quantity_decimal: String(line.quantity), description: null, discountable: true, period: { start: 0, end: 0 }, price: null, product: null, unit_amount_decimal: null,
        subscription: null, subscription_item: null, proration: false, proration_details: null, metadata: {}, discounts: [],
      })),
    },
    moment,
  );
  const made = finalizeInvoice({ invoice: drafted, customer, tax_ids: [], subscription_metadata: null, payment_method: null, reason: 'request' }, moment);
  const payments: OpenPayment[] = made.payment && made.payment_intent ? [{ payment: made.payment, intent: made.payment_intent }] : [];
  return { facts: { invoice: made.invoice, customer: made.customer, subscription: null, payments, earlier: [], charges: [] }, made };
}

const WORDS = { credit_amount: null, out_of_band_amount: null, refund_amount: null, refunds: [], effective_at: null, memo: null, reason: null, metadata: {} };

/** The facts once this is credited, and what was decided; refusals leave everything as it was. */
function credit(facts: CreditFacts, credited: CreditOrder['credited']): { facts: CreditFacts; made: Decision | null } {
  try {
    const made = createCreditNote({ ...WORDS, credited }, facts, moment);
    const after = <T extends { id: string }>(table: string, row: T): T => ({ ...row, ...made.puts.findLast((put) => put.table === table && (put.after as T).id === row.id)?.after });
    const payments = facts.payments.map(({ payment, intent }) => ({ payment: after('invoice_payments', payment), intent: after('payment_intents', intent) }));
    return { facts: { invoice: made.invoice, customer: made.customer, subscription: null, payments, earlier: [...facts.earlier, made.credit_note], charges: [] }, made };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { facts, made: null };
  }
}

function booked(decisions: readonly Decision[]): Record<string, bigint> {
  const sums: Record<string, bigint> = {};
  for (const { ledger_account, amount } of decisions.flatMap((each) => each.postings)) sums[ledger_account] = (sums[ledger_account] ?? 0n) + amount;
  assert.equal(Object.values(sums).reduce((sum, each) => sum + each, 0n), 0n);
  return Object.fromEntries(Object.entries(sums).filter(([, sum]) => sum !== 0n));
}

const taxesOf = (taxes: readonly StoredTax[]) => Object.fromEntries(taxes.filter((tax) => tax.amount !== 0).map((tax) => [tax.tax_rate, tax.amount]));

/** The sums of all that was credited of each line. */
function creditedOf(earlier: readonly CreditNoteWhole[], line: string) {
  const taken = earlier.flatMap((note) => note.lines).filter((each) => each.invoice_line_item === line);
  const taxes: Record<string, number> = {};
  for (const tax of taken.flatMap((each) => each.taxes)) taxes[tax.tax_rate] = (taxes[tax.tax_rate] ?? 0) + tax.amount;
  return {
    amount: taken.reduce((sum, each) => sum + each.amount, 0n),
    off: taken.flatMap((each) => each.discount_amounts).reduce((sum, each) => sum + each.amount, 0),
    taxes: Object.fromEntries(Object.entries(taxes).filter(([, amount]) => amount !== 0)),
  };
}

test('all credit notes of an invoice together are the invoice, line by line, and leave nothing in the ledger', () => {
  const lines = fc.array(fc.record({ amount: fc.bigInt({ min: -300n, max: 2_000n }), rates: fc.subarray(RATES), quantity: fc.integer({ min: 1, max: 7 }) }), { minLength: 1, maxLength: 4 });
  const steps = fc.array(fc.oneof(fc.record({ amount: fc.bigInt({ min: 1n, max: 900n }) }), fc.record({ line: fc.nat(3), part: fc.bigInt({ min: -100n, max: 900n }) }), fc.record({ line: fc.nat(3), quantity: fc.integer({ min: 1, max: 3 }) })), { maxLength: 6 });
  fc.assert(
    fc.property(lines, steps, fc.boolean(), (each, asked, off) => {
      const { facts: begun, made } = factsOf(each, off);
      const decisions: Decision[] = [made];
      let facts = begun;
      const go = (credited: CreditOrder['credited']) => {
        const { facts: next, made: noted } = credit(facts, credited);
        if (noted) decisions.push(noted);
        facts = next;
        const { amount_due, amount_remaining, pre_payment_credit_notes_amount: pre, total } = facts.invoice;
        assert.deepEqual([amount_due, amount_remaining], [begun.invoice.amount_due - pre, begun.invoice.amount_due - pre]);
        assert.ok(pre <= (total > 0n ? total : 0n));
        for (const { payment, intent } of facts.payments) assert.equal(intent.status === 'canceled' ? 0n : intent.amount, payment.status === 'canceled' ? 0n : amount_remaining);
      };
      for (const step of asked) {
        if ('amount' in step) {
          go({ amount: step.amount });
          continue;
        }
        const line = facts.invoice.lines[step.line % facts.invoice.lines.length]!;
        const [amount, quantity] = 'part' in step ? [step.part, null] : [null, step.quantity];
        go({ lines: [{ type: 'invoice_line_item', invoice_line_item: line.id, amount, quantity, taxes: null, metadata: {}, at: (name) => name }] });
      }
      const rest = facts.invoice.amount_remaining;
      if (rest > 0n) go({ amount: rest });
      if (begun.invoice.total <= 0n) return;
      assert.equal(facts.invoice.status, 'paid');
      assert.deepEqual(booked(decisions), {});
      // Notes by line may have come to the total before a line below nothing was credited, which then is left with as much of the others.
      if (rest === 0n && begun.invoice.lines.some((line) => line.amount < 0n)) return;
      for (const line of begun.invoice.lines) {
        const { amount, off: taken, taxes } = creditedOf(facts.earlier, line.id);
        const [discount = 0] = line.discount_amounts.map((one) => one.amount);
        const lineTotal = (sum: bigint, less: number, tax: Record<string, number>) => sum - BigInt(less) + BigInt((tax.txr_on ?? 0) + (tax.txr_more ?? 0));
        assert.equal(lineTotal(amount, taken, taxes), lineTotal(line.amount, discount, taxesOf(line.taxes)));
        // A line that comes to nothing is left out where the whole is credited.
        if (amount !== 0n && lineTotal(line.amount, discount, taxesOf(line.taxes)) !== 0n) assert.deepEqual({ amount, taken, taxes }, { amount: line.amount, taken: discount, taxes: taxesOf(line.taxes) });
      }
    }),
    { numRuns: 300 },
  );
});

test('an invoice whose credits leave it less tax than nothing is credited all the same', () => {
  const { facts } = factsOf([{ amount: -1_000n, rates: [RATES[0]!], quantity: 1 }, { amount: 3_000n, rates: [], quantity: 1 }], false); // 3000 − 1000 − 77
  const { made } = credit(facts, { amount: 1_923n });
  const [note] = made!.puts.filter((put) => put.table === 'credit_notes').map((put) => put.after as CreditNoteWhole);
  assert.deepEqual([note!.total, note!.total_excluding_tax], [1_923n, 2_000n]);
});
