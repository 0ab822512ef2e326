import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { CustomerWhole } from '../customer/customer.ts';
import type { InvoiceLineRow, InvoiceWhole } from '../invoice/invoice.ts';
import { creditsFor, refuseSpent, returnCredits } from './apply.ts';
import type { CreditGrantRow, CreditTransactionRow } from './grant.ts';

const NOW = 1_000;
const PERIOD_END = 900;
const grant = (id: string, balance: number, more: Partial<CreditGrantRow> = {}): CreditGrantRow => ({
  id, created: 0, updated: 0, customer: 'cus_1', test_clock: null, name: null, currency: 'usd', amount: BigInt(balance), balance: BigInt(balance), category: 'paid', priority: 50, prices: null, effective_at: 0,
  expires_at: null, voided_at: null, metadata: {}, ...more,
});
const usage = (id: string, amount: number, discount = 0, price = 'price_1') =>
  ({ id, amount: BigInt(amount), price, metering: { meter: 'mtr_1', allowance: null, billed: null }, credits: [], correction: null, discount_amounts: discount === 0 ? [] : [{ discount: 'di_1', amount: discount }] }) as unknown as InvoiceLineRow;
const licensed = (id: string, amount: number) => ({ ...usage(id, amount), metering: null }) as InvoiceLineRow;
const taken = (lines: InvoiceLineRow[], grants: CreditGrantRow[]) => creditsFor({ lines, currency: 'usd', period_end: PERIOD_END }, grants, NOW).map(({ grant: { id }, line, amount }) => `${id} ${line.id} ${amount}`);

describe('credits', () => {
  const rows: [string, InvoiceLineRow[], CreditGrantRow[], string[]][] = [
    ['are taken of the lines in their order', [usage('a', 300), usage('b', 500)], [grant('x', 700)], ['x a 300', 'x b 400']],
    ['take no more than there is', [usage('a', 300)], [grant('x', 700)], ['x a 300']],
    ['come after discounts', [usage('a', 300, 100)], [grant('x', 700)], ['x a 200']],
    ['are not for what is licensed', [licensed('a', 300), usage('b', 100)], [grant('x', 700)], ['x b 100']],
    ['are for their prices', [usage('a', 300), usage('b', 100, 0, 'price_2')], [grant('x', 700, { prices: ['price_2'] })], ['x b 100']],
    ['are used by priority', [usage('a', 300)], [grant('x', 200), grant('y', 200, { priority: 1 })], ['y a 200', 'x a 100']],
    ['are used as they expire', [usage('a', 300)], [grant('x', 200), grant('y', 200, { expires_at: 3_000 }), grant('z', 50, { expires_at: 2_000 })], ['z a 50', 'y a 200', 'x a 50']],
    ['are used promotional first', [usage('a', 300)], [grant('x', 200), grant('y', 200, { category: 'promotional' })], ['y a 200', 'x a 100']],
    ['are used as they became effective', [usage('a', 300)], [grant('x', 200, { effective_at: 5 }), grant('y', 200, { effective_at: 4 })], ['y a 200', 'x a 100']],
    ['are used as they were made', [usage('a', 300)], [grant('x', 200, { created: 5 }), grant('y', 200, { created: 4 })], ['y a 200', 'x a 100']],
    ['of another currency are not used', [usage('a', 300)], [grant('x', 200, { currency: 'eur' })], []],
    ['that are not effective yet are not used', [usage('a', 300)], [grant('x', 200, { effective_at: NOW + 1 })], []],
    ['that became effective while it was a draft are not used', [usage('a', 300)], [grant('x', 200, { effective_at: PERIOD_END + 1 })], []],
    ['are effective from their moment on', [usage('a', 300)], [grant('x', 200, { effective_at: PERIOD_END })], ['x a 200']],
    ['have expired at their moment', [usage('a', 300)], [grant('x', 200, { expires_at: NOW })], []],
    ['that are voided are not used', [usage('a', 300)], [grant('x', 200, { voided_at: 3 })], []],
    ['leave a negative line alone, and make no money of it', [usage('a', -100), usage('b', 250)], [grant('x', 700)], ['x b 150']],
    ['give nothing where usage comes to less than nothing', [usage('a', -100), usage('b', 50)], [grant('x', 700)], []],
  ];
  for (const [name, lines, grants, expected] of rows) it(name, () => assert.deepEqual(taken(lines, grants), expected));

  it('never take more than a grant has, nor than the lines come to, and leave nothing that they could take', () => {
    const lines = fc.array(fc.integer({ min: -300, max: 900 }), { maxLength: 6 }).map((amounts) => amounts.map((amount, n) => usage(`l${n}`, amount)));
    const grants = fc.array(fc.tuple(fc.integer({ min: 1, max: 900 }), fc.integer({ min: 0, max: 3 })), { maxLength: 6 }).map((all) => all.map(([balance, priority], n) => grant(`g${n}`, balance, { priority })));
    fc.assert(
      fc.property(lines, grants, (on, of) => {
        const given = creditsFor({ lines: on, currency: 'usd', period_end: PERIOD_END }, of, NOW);
        const sum = (amounts: readonly bigint[]) => amounts.reduce((whole, amount) => whole + amount, 0n);
        for (const each of of) assert.ok(sum(given.filter((one) => one.grant === each).map((one) => one.amount)) <= each.balance);
        for (const line of on) assert.ok(sum(given.filter((one) => one.line === line).map((one) => one.amount)) <= (line.amount > 0n ? line.amount : 0n));
        const [owed, had] = [sum(on.map((line) => line.amount)), sum(of.map((each) => each.balance))];
        assert.equal(sum(given.map((one) => one.amount)), owed <= 0n ? 0n : owed < had ? owed : had);
      }),
    );
  });
});

describe('credit that a correction gave back, where its invoice is void', () => {
  const invoice = (...amounts: number[]) => ({ id: 'in_1', grant_rows: [grant('x', 0)], lines: amounts.map((amount, n) => ({ id: `il_${n}`, credits: [{ credit_grant: 'x', transaction: null, amount, name: null }] })) }) as unknown as InvoiceWhole;
  const holder = (balance: number) => ({ grants: [grant('x', balance)] }) as unknown as CustomerWhole;
  const moment = { now: NOW, newId: (prefix: string) => prefix, newSecret: () => '' };
  const rows: [name: string, amounts: number[], balance: number, left: bigint, spent: boolean][] = [
    ['is taken again', [-50], 80, 30n, false],
    ['is set against what the invoice used', [60, -50], 0, 10n, false],
    ['stays used where it was used', [-50], 20, 0n, true],
  ];
  for (const [name, amounts, balance, left, spent] of rows) {
    it(name, () => {
      const made = returnCredits(invoice(...amounts), holder(balance), moment);
      const moved = made.puts.filter((put) => put.table === 'credit_balance_transactions').map((put) => put.after as CreditTransactionRow);
      for (const { type, amount } of moved) assert.equal(type, amount < 0n ? 'credits_applied' : 'credits_application_invoice_voided');
      assert.equal((made.puts.findLast((put) => put.table === 'credit_grants')!.after as CreditGrantRow).balance, left);
      assert.equal(made.postings.reduce((sum, posting) => sum + posting.amount, 0n), 0n);
      if (spent) assert.throws(() => refuseSpent(invoice(...amounts), holder(balance)), { code: 'status_transition_invalid' });
      else refuseSpent(invoice(...amounts), holder(balance));
    });
  }

  it('is not lost twice where nothing is left of a grant that has expired', () => {
    const expired = { grants: [grant('x', 0, { expires_at: NOW - 1 })] } as unknown as CustomerWhole;
    const moved = returnCredits(invoice(50, -50), expired, moment).puts.filter((put) => put.table === 'credit_balance_transactions').map((put) => (put.after as CreditTransactionRow).type);
    assert.deepEqual(moved, ['credits_application_invoice_voided', 'credits_applied']);
  });
});
