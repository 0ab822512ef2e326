import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { AppliedDiscount } from '../discount.ts';
import { applyBalance, assessLines, totalsOf, type InvoiceLine, type InvoiceTerms, type Totals } from './totals.ts';

const percent = (id: string, percent_off: number): AppliedDiscount => ({ id, source: { percent_off, amount_off: null, currency: null, currency_options: null, applies_to: null } });
const off = (id: string, amount_off: bigint): AppliedDiscount => ({ id, source: { percent_off: null, amount_off, currency: 'usd', currency_options: null, applies_to: null } });
const line = (amount: bigint, more: Partial<InvoiceLine> = {}): InvoiceLine => ({ amount, discountable: true, product: null, own: [], group: null, tax_rates: [], ...more });
const vat = { id: 'vat', percentage: 20, inclusive: true };
const sales = { id: 'sales', percentage: 8.5, inclusive: false };
const ten = { id: 'ten', percentage: 10, inclusive: false };
const terms = (more: Partial<InvoiceTerms> = {}): InvoiceTerms => ({ currency: 'usd', discounts: [], tax_exempt: 'none', ...more });
const bill = (lines: InvoiceLine[], more: Partial<InvoiceTerms> = {}): Totals => totalsOf(assessLines(lines, terms(more)));

describe('the totals of an invoice', () => {
  const rows: [name: string, InvoiceLine[], Partial<InvoiceTerms>, subtotal: bigint, subtotalNet: bigint, total: bigint, totalNet: bigint][] = [
    ['nothing', [], {}, 0n, 0n, 0n, 0n],
    ['plain lines', [line(1000n), line(500n)], {}, 1500n, 1500n, 1500n, 1500n],
    ['a credit', [line(-1032n, { discountable: false }), line(3097n)], {}, 2065n, 2065n, 2065n, 2065n],
    ['exclusive tax', [line(1000n, { tax_rates: [sales] })], {}, 1000n, 1000n, 1085n, 1000n],
    ['exclusive tax rounded by line', [line(50n, { tax_rates: [sales] }), line(50n, { tax_rates: [sales] })], {}, 100n, 100n, 108n, 100n], // 4.25 twice
    ['inclusive tax', [line(1200n, { tax_rates: [vat] })], {}, 1200n, 1000n, 1200n, 1000n],
    ['a discount', [line(1000n)], { discounts: [percent('a', 10)] }, 1000n, 1000n, 900n, 900n],
    ['a discount, then exclusive tax', [line(1000n, { tax_rates: [sales] })], { discounts: [percent('a', 10)] }, 1000n, 1000n, 977n, 900n], // 76.5
    ['a discount of an inclusive price', [line(1200n, { tax_rates: [vat] })], { discounts: [percent('a', 50)] }, 1200n, 1000n, 600n, 500n],
    ['inclusive beside exclusive', [line(1200n, { tax_rates: [vat] }), line(1000n, { tax_rates: [sales] })], {}, 2200n, 2000n, 2285n, 2000n],
    ['both on one line', [line(1200n, { tax_rates: [vat, sales] })], {}, 1200n, 1000n, 1302n, 1000n], // 8.5 % of 1200
    ['an exempt customer', [line(1200n, { tax_rates: [vat, sales] })], { tax_exempt: 'exempt' }, 1200n, 1200n, 1200n, 1200n],
    ['reverse charge', [line(1000n, { tax_rates: [sales] })], { tax_exempt: 'reverse' }, 1000n, 1000n, 1000n, 1000n],
    ['a taxed credit', [line(-1000n, { discountable: false, tax_rates: [sales] })], {}, -1000n, -1000n, -1085n, -1000n],
    ['two discounts, then tax', [line(10_000n, { tax_rates: [sales] })], { discounts: [percent('a', 20), off('b', 500n)] }, 10_000n, 10_000n, 8138n, 7500n], // 8.5 % of 7500: 637.5
    ['an amount off over two lines, then tax', [line(1000n, { tax_rates: [sales] }), line(2000n, { tax_rates: [sales] })], { discounts: [off('a', 500n)] }, 3000n, 3000n, 2713n, 2500n], // 833 and 1667: 70.81 and 141.70
    ['an amount off in another currency', [line(1000n)], { currency: 'eur', discounts: [off('a', 500n)] }, 1000n, 1000n, 1000n, 1000n],
    ['a credit and a debit that are taxed', [line(-1032n, { discountable: false, tax_rates: [sales] }), line(3097n, { tax_rates: [sales] })], {}, 2065n, 2065n, 2240n, 2065n], // −87.72, 263.25
    ['an inclusive tax of an odd amount', [line(1999n, { tax_rates: [vat] })], {}, 1999n, 1666n, 1999n, 1666n], // 333.17
    ['yen', [line(5997n, { tax_rates: [ten] })], { currency: 'jpy', discounts: [percent('a', 15)] }, 5997n, 5997n, 5607n, 5097n], // 899.55 off, 509.7 of tax
    ['dinars', [line(12_345n, { tax_rates: [ten] })], { currency: 'kwd' }, 12_345n, 12_345n, 13_580n, 12_345n], // 1234.5
    ['all off', [line(1000n, { tax_rates: [sales] })], { discounts: [off('a', 5000n)] }, 1000n, 1000n, 0n, 0n],
  ];
  for (const [name, lines, more, subtotal, subtotalNet, total, totalNet] of rows) {
    it(name, () => {
      const totals = bill(lines, more);
      assert.deepEqual([totals.subtotal, totals.subtotal_excluding_tax, totals.total, totals.total_excluding_tax], [subtotal, subtotalNet, total, totalNet]);
    });
  }

  it('sum discounts by discount, and taxes by rate, behaviour and reason', () => {
    const own = percent('own', 50);
    const totals = bill([line(1000n, { own: [own], tax_rates: [sales] }), line(2000n, { tax_rates: [sales, vat] })], { discounts: [off('five', 500n)] });
    assert.deepEqual(totals.total_discount_amounts, [
      { discount: 'own', amount: 500n },
      { discount: 'five', amount: 500n },
    ]);
    assert.deepEqual(totals.total_taxes, [
      // 400 and 1600 are left: 34 and 136
      { tax_rate: 'sales', amount: 170n, taxable_amount: 2000n, tax_behavior: 'exclusive', taxability_reason: 'standard_rated' },
      { tax_rate: 'vat', amount: 267n, taxable_amount: 1333n, tax_behavior: 'inclusive', taxability_reason: 'standard_rated' },
    ]);
  });

  it('hold together for any lines', () => {
    const lines = fc.array(
      fc.record({ amount: fc.bigInt({ min: -10_000n, max: 10n ** 7n }), discountable: fc.boolean(), tax_rates: fc.subarray([vat, sales]) }).map((each) => line(each.amount, each)),
      { maxLength: 6 },
    );
    const offers = fc.array(fc.oneof(fc.integer({ min: 1, max: 100 }).map((n) => percent(`p${n}`, n)), fc.bigInt({ min: 1n, max: 10n ** 6n }).map((n) => off(`o${n}`, n))), { maxLength: 3 });
    fc.assert(
      fc.property(lines, offers, (each, discounts) => {
        const assessed = assessLines(each, terms({ discounts }));
        const totals = totalsOf(assessed);
        const taxes = totals.total_taxes.reduce((sum, tax) => sum + tax.amount, 0n);
        assert.equal(totals.total - totals.total_excluding_tax, taxes);
        const alone = assessed.map((one) => totalsOf([one]));
        assert.equal(alone.reduce((sum, one) => sum + one.total, 0n), totals.total);
        assert.equal(alone.reduce((sum, one) => sum + one.subtotal_excluding_tax, 0n), totals.subtotal_excluding_tax);
      }),
    );
  });
});

describe('the customer’s balance', () => {
  const rows: [total: bigint, balance: bigint, due: bigint, after: bigint][] = [
    [1000n, 0n, 1000n, 0n],
    [1000n, -300n, 700n, 0n],
    [1000n, -1000n, 0n, 0n],
    [1000n, -1500n, 0n, -500n],
    [1000n, 300n, 1300n, 0n],
    [0n, 0n, 0n, 0n],
    [0n, -300n, 0n, -300n],
    [0n, 300n, 300n, 0n],
    [-500n, 0n, 0n, -500n],
    [-500n, -100n, 0n, -600n],
    [-500n, 200n, 0n, -300n],
    [-100n, 300n, 0n, 200n], // a negative total collects nothing
  ];
  for (const [total, balance, due, after] of rows) {
    it(`of ${balance} with a total of ${total}: ${due} due, ${after} after`, () => {
      assert.deepEqual(applyBalance(total, balance), { amount_due: due, starting_balance: balance, ending_balance: after });
    });
  }

  it('loses nothing', () => {
    const amounts = fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n });
    fc.assert(
      fc.property(amounts, amounts, (total, balance) => {
        const { amount_due, ending_balance } = applyBalance(total, balance);
        assert.ok(amount_due >= 0n);
        assert.equal(amount_due + ending_balance, total + balance);
      }),
    );
  });
});
