import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { inclusiveTax, taxLine, type TaxExempt, type TaxRate } from './tax.ts';

const exclusive = (percentage: number | string): TaxRate => ({ id: `on_${percentage}`, percentage, inclusive: false });
const inclusive = (percentage: number | string): TaxRate => ({ id: `in_${percentage}`, percentage, inclusive: true });

describe('the tax of a line', () => {
  const rows: [taxable: bigint, TaxRate[], expected: bigint[]][] = [
    [1000n, [], []],
    [1000n, [exclusive(19)], [190n]],
    [1999n, [exclusive(19)], [380n]], // 379.81
    [1999n, [exclusive('19.00')], [380n]],
    [1000n, [exclusive(8.875)], [89n]], // 88.75
    [50n, [exclusive(1)], [1n]], // 0.5
    [49n, [exclusive(1)], [0n]],
    [-1999n, [exclusive(19)], [-380n]],
    [0n, [exclusive(19)], [0n]],
    [1000n, [exclusive(5), exclusive(9.975)], [50n, 100n]], // 99.75; each on the same base
    [50n, [exclusive(1), exclusive(1)], [1n, 1n]], // one rounding for each rate
    [1000n, [exclusive(0)], [0n]],
    [1190n, [inclusive(19)], [190n]],
    [1000n, [inclusive(20)], [167n]], // 1000 × 20 ÷ 120 = 166.67
    [-1000n, [inclusive(20)], [-167n]],
    [1000n, [inclusive(0)], [0n]],
    [1150n, [inclusive(5), inclusive(10)], [50n, 100n]], // of 1000
    [1000n, [inclusive(5), inclusive(9.975)], [43n, 87n]], // 43.49, 86.76 of 114.975
    [1200n, [inclusive(20), exclusive(10)], [200n, 120n]], // the exclusive one on the whole 1200
    [1000n, [inclusive(7.7)], [71n]], // 71.49
    [3n, [inclusive(20)], [1n]], // 0.5
    [333n, [exclusive(7.25)], [24n]], // 24.14
    [1n, [exclusive(50)], [1n]], // 0.5
    [9999n, [exclusive(25)], [2500n]], // 2499.75
    [10_000n, [exclusive(8.875)], [888n]], // 887.5
    [-10_000n, [exclusive(8.875)], [-888n]], // away from zero, too
    [5097n, [exclusive(10)], [510n]], // ¥509.7
    [12_340n, [exclusive(5)], [617n]], // 0.617 of 12.340 dinars
    [2500n, [exclusive(6), exclusive(1.25), exclusive(0.5)], [150n, 31n, 13n]], // 31.25, 12.5: state, county, city
    [1999n, [inclusive(19)], [319n]], // 319.17
    [1n, [inclusive(19)], [0n]], // 0.16
    [100n, [inclusive(100)], [50n]],
    [1080n, [inclusive(8)], [80n]],
    [1000n, [inclusive(8.1)], [75n]], // 74.93
    [1155n, [inclusive(5), inclusive(10.5)], [50n, 105n]], // of 1000
    [1100n, [inclusive(10), exclusive(5)], [100n, 55n]], // 5 % of the whole 1100
  ];
  for (const [taxable, rates, expected] of rows) {
    it(`of ${taxable} at ${rates.map((rate) => rate.id).join(' and ') || 'no rate'} is ${expected.join(' and ') || 'none'}`, () => {
      assert.deepEqual(taxLine(taxable, rates, 'none').map((tax) => tax.amount), expected);
    });
  }

  it('is told with its base, behaviour and reason', () => {
    assert.deepEqual(taxLine(1200n, [inclusive(20), exclusive(10), exclusive(0)], 'none'), [
      { tax_rate: 'in_20', amount: 200n, taxable_amount: 1000n, tax_behavior: 'inclusive', taxability_reason: 'standard_rated' },
      { tax_rate: 'on_10', amount: 120n, taxable_amount: 1200n, tax_behavior: 'exclusive', taxability_reason: 'standard_rated' },
      { tax_rate: 'on_0', amount: 0n, taxable_amount: 1200n, tax_behavior: 'exclusive', taxability_reason: 'zero_rated' },
    ]);
  });

  const exempt: [TaxExempt, string][] = [
    ['exempt', 'customer_exempt'],
    ['reverse', 'reverse_charge'],
  ];
  for (const [status, reason] of exempt) {
    it(`is 0 for a customer who is ${status}, with the reason`, () => {
      const taxes = taxLine(1200n, [inclusive(20), exclusive(10), exclusive(0)], status);
      assert.deepEqual(taxes.map((tax) => [tax.amount, tax.taxable_amount, tax.taxability_reason]), [[0n, 1200n, reason], [0n, 1200n, reason], [0n, 1200n, reason]]);
      assert.equal(inclusiveTax(1200n, [inclusive(20)], status), 0n);
    });
  }

  it('that is contained leaves a net on which the same rate comes back to the gross, within the rounding', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 9n), max: 10n ** 9n }), fc.integer({ min: 0, max: 500_000 }), (gross, rate) => {
        const tax = inclusiveTax(gross, [inclusive(rate / 10_000)], 'none');
        const again = taxLine(gross - tax, [exclusive(rate / 10_000)], 'none')[0]!.amount;
        const off = gross - tax + again - gross;
        assert.ok(-1n <= off && off <= 1n);
      }),
    );
  });
});
