import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatDecimal, parseDecimal } from '../money.ts';
import { amountOf, derive } from './amount.ts';
import { checkTiers, type PriceTerms, type Tier } from './price.ts';

const quantity = (text: string) => parseDecimal(text)!;
const tier = (up_to: number | null, unit: string | null, flat: string | null = null): Tier => ({
  up_to: up_to === null ? null : BigInt(up_to),
  unit_amount_decimal: unit,
  flat_amount_decimal: flat,
});
const none = { billing_scheme: 'per_unit', unit_amount_decimal: null, tiers: null, tiers_mode: null, transform_quantity: null } as const;
const perUnit = (unit: string): PriceTerms => ({ ...none, unit_amount_decimal: unit });
const packages = (unit: string, divide_by: number, round: 'up' | 'down' = 'up'): PriceTerms => ({ ...none, unit_amount_decimal: unit, transform_quantity: { divide_by, round } });
const tiered = (tiers_mode: 'graduated' | 'volume', ...tiers: Tier[]): PriceTerms => ({ ...none, billing_scheme: 'tiered', tiers_mode, tiers });

function table(name: string, rows: [PriceTerms, string, bigint][]): void {
  describe(name, () => {
    for (const [terms, q, expected] of rows)
      it(`${q} of ${JSON.stringify(terms.tiers_mode ?? terms.unit_amount_decimal)} cost ${expected}`, () => assert.equal(amountOf(terms, quantity(q)), expected));
  });
}

table('a price per unit', [
  [perUnit('2000'), '0', 0n],
  [perUnit('2000'), '1', 2000n],
  [perUnit('2000'), '3', 6000n],
  [perUnit('0'), '1000', 0n],
  [perUnit('0.5'), '1', 1n], // half away from zero
  [perUnit('0.5'), '3', 2n], // 1.5
  [perUnit('0.4'), '1', 0n],
  [perUnit('0.05'), '12345', 617n], // 617.25
  [perUnit('0.000000000001'), '499999999999', 0n], // 0.499999999999
  [perUnit('0.000000000001'), '500000000000', 1n],
  [perUnit('12.5'), '2.5', 31n], // 31.25
  [perUnit('1'), '0.5', 1n],
  [perUnit('99999999'), '1000000', 99_999_999_000_000n],
  [perUnit('1999'), '12', 23_988n],
  [perUnit('99'), '1847', 182_853n], // 1,847 × $0.99
  [perUnit('33.3'), '7', 233n], // 233.1
  [perUnit('2.5'), '1', 3n], // half away from zero
  [perUnit('2.4999'), '1', 2n],
  [perUnit('0.0001'), '4999', 0n], // 0.4999
  [perUnit('0.0001'), '5000', 1n], // 0.5
]);

table('a price per package', [
  [packages('500', 10), '0', 0n],
  [packages('500', 10), '1', 500n],
  [packages('500', 10), '10', 500n],
  [packages('500', 10), '11', 1000n],
  [packages('500', 10, 'down'), '9', 0n],
  [packages('500', 10, 'down'), '19', 500n],
  [packages('500', 10, 'down'), '20', 1000n],
  [packages('500', 10), '10.000000000001', 1000n],
  [packages('500', 10, 'down'), '19.999999999999', 500n],
  [packages('0.5', 1000), '2500', 2n], // 3 × 0.5
  [packages('1000', 100), '100', 1000n], // the last unit of the first package
  [packages('1000', 100), '101', 2000n], // the first one of the second
  [packages('1000', 100, 'down'), '99', 0n],
  [packages('1000', 100, 'down'), '100', 1000n],
  [packages('33.4', 3), '7', 100n], // 3 × 33.4 = 100.2
  [packages('500', 1), '3', 1500n], // packages of one
  [packages('999', 1000), '1000.5', 1998n], // half a unit begins the second
]);

// The first 5 at 5.00, the next 5 at 4.00, then 3.00.
const plain: Tier[] = [tier(5, '500'), tier(10, '400'), tier(null, '300')];
// 10.00 flat for the first 10; then 1.00 each and 5.00 flat; above 100 only 0.50 each.
const flat: Tier[] = [tier(10, null, '1000'), tier(100, '100', '500'), tier(null, '50')];

table('a volume price', [
  [tiered('volume', ...plain), '0', 0n],
  [tiered('volume', ...plain), '1', 500n],
  [tiered('volume', ...plain), '5', 2500n],
  [tiered('volume', ...plain), '5.5', 2200n], // the second tier prices all
  [tiered('volume', ...plain), '6', 2400n],
  [tiered('volume', ...plain), '10', 4000n],
  [tiered('volume', ...plain), '11', 3300n],
  [tiered('volume', ...flat), '0', 1000n], // the first tier's flat amount
  [tiered('volume', ...flat), '10', 1000n],
  [tiered('volume', ...flat), '11', 1600n], // 11 × 100 + 500
  [tiered('volume', ...flat), '101', 5050n],
  [tiered('volume', tier(null, '0.3', '0.3')), '1', 1n], // 0.6: one rounding
  [tiered('volume', ...plain), '10.000000000001', 3000n], // above the second tier by so little: all at 3.00
  [tiered('volume', ...flat), '100', 10_500n], // 100 × 100 + 500
  [tiered('volume', ...flat), '100.5', 5025n], // 100.5 × 50
  [tiered('volume', tier(1, '1000'), tier(null, '900')), '1', 1000n],
  [tiered('volume', tier(1, '1000'), tier(null, '900')), '2', 1800n],
]);

table('a graduated price', [
  [tiered('graduated', ...plain), '0', 0n],
  [tiered('graduated', ...plain), '1', 500n],
  [tiered('graduated', ...plain), '5', 2500n],
  [tiered('graduated', ...plain), '5.5', 2700n], // 2500 + 0.5 × 400
  [tiered('graduated', ...plain), '6', 2900n], // 2500 + 400
  [tiered('graduated', ...plain), '10', 4500n], // 2500 + 2000
  [tiered('graduated', ...plain), '12', 5100n], // 2500 + 2000 + 600
  [tiered('graduated', ...flat), '0', 1000n], // the first tier's flat amount
  [tiered('graduated', ...flat), '10', 1000n],
  [tiered('graduated', ...flat), '10.01', 1501n], // 1000 + 500 + 0.01 × 100
  [tiered('graduated', ...flat), '11', 1600n], // 1000 + 500 + 100
  [tiered('graduated', ...flat), '100', 10_500n], // 1000 + 500 + 90 × 100
  [tiered('graduated', ...flat), '120', 11_500n], // + 20 × 50
  [tiered('graduated', tier(1, '0.3'), tier(2, '0.3'), tier(null, '0.3')), '3', 1n], // 0.9 rounded once, not 3 × 0
  [tiered('graduated', tier(null, '7')), '6', 42n],
  [tiered('graduated', ...plain), '10.5', 4650n], // 2500 + 2000 + 0.5 × 300
  [tiered('graduated', ...flat), '100.5', 10_525n], // 1000 + 500 + 9000 + 0.5 × 50
  [tiered('graduated', ...flat), '101', 10_550n], // 1000 + 500 + 9000 + 50
  [tiered('graduated', tier(100, '0'), tier(null, '5')), '100', 0n], // a hundred are included
  [tiered('graduated', tier(100, '0'), tier(null, '5')), '101', 5n],
  [tiered('graduated', tier(100, '0'), tier(null, '5')), '250', 750n], // 150 × 5
  [tiered('graduated', tier(1000, '0.15'), tier(null, '0.05')), '999', 150n], // 149.85
  [tiered('graduated', tier(1000, '0.15'), tier(null, '0.05')), '1001', 150n], // 150 + 0.05
  [tiered('graduated', tier(1000, '0.15'), tier(null, '0.05')), '1010', 151n], // 150 + 0.5
]);

describe('how an amount came about', () => {
  it('names the units, unit amount and flat amount of each tier that was reached', () => {
    assert.deepEqual(derive(tiered('graduated', ...flat), quantity('120')), {
      amount: 11_500n,
      parts: [
        { quantity: '10', unit_amount_decimal: '0', flat_amount_decimal: '1000', tier: 0 },
        { quantity: '90', unit_amount_decimal: '100', flat_amount_decimal: '500', tier: 1 },
        { quantity: '20', unit_amount_decimal: '50', flat_amount_decimal: '0', tier: 2 },
      ],
    });
    assert.deepEqual(derive(tiered('volume', ...flat), quantity('11')), { amount: 1600n, parts: [{ quantity: '11', unit_amount_decimal: '100', flat_amount_decimal: '500', tier: 1 }] });
    assert.deepEqual(derive(packages('500', 10), quantity('11')), { amount: 1000n, parts: [{ quantity: '2', unit_amount_decimal: '500', flat_amount_decimal: '0', tier: null }] });
  });

  const amounts = fc.option(fc.bigInt({ min: 0n, max: 10n ** 9n }).map((digits) => formatDecimal({ digits, scale: 4 })), { nil: null });
  const ladders = fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), amounts, amounts), { minLength: 1, maxLength: 6 }).map((steps) => {
    let reached = 0;
    return steps.map(([width, unit, flatAmount], index) => tier(index === steps.length - 1 ? null : (reached += width), unit ?? (flatAmount === null ? '1' : null), flatAmount));
  });
  const quantities = fc.bigInt({ min: 0n, max: 40_000n }).map((digits) => ({ digits, scale: 2 }));

  it('covers the whole quantity, once', () => {
    fc.assert(
      fc.property(ladders, quantities, (tiers, q) => {
        assert.equal(checkTiers(tiers), null);
        const { amount, parts } = derive(tiered('graduated', ...tiers), q);
        assert.equal(parts.reduce((sum, part) => sum + Math.round(Number(part.quantity) * 100), 0), Number(q.digits));
        assert.equal(amount, amountOf(tiered('graduated', ...tiers), q));
      }),
    );
  });

  it('never makes more units cheaper where tiers are graduated', () => {
    fc.assert(
      fc.property(ladders, quantities, quantities, (tiers, a, b) => {
        const terms = tiered('graduated', ...tiers);
        const [less, more] = a.digits <= b.digits ? [a, b] : [b, a];
        assert.ok(amountOf(terms, less) <= amountOf(terms, more));
      }),
    );
  });

  it('is the same for one tier, whether volume or graduated, and for a price per unit', () => {
    fc.assert(
      fc.property(amounts, quantities, (unit, q) => {
        const one = amountOf(perUnit(unit ?? '3'), q);
        assert.equal(amountOf(tiered('volume', tier(null, unit ?? '3')), q), one);
        assert.equal(amountOf(tiered('graduated', tier(null, unit ?? '3')), q), one);
      }),
    );
  });
});

describe('tiers are refused', () => {
  const rows: [string, Tier[], string | null][] = [
    ['where there are none', [], 'tiers'],
    ['where they do not ascend', [tier(10, '5'), tier(5, '4'), tier(null, '3')], 'tiers[1][up_to]'],
    ['where they meet', [tier(10, '5'), tier(10, '4'), tier(null, '3')], 'tiers[1][up_to]'],
    ['where the first covers nothing', [tier(0, '5'), tier(null, '3')], 'tiers[0][up_to]'],
    ['where the last has a limit', [tier(10, '5'), tier(20, '3')], 'tiers[1][up_to]'],
    ['where a middle one has none', [tier(null, '5'), tier(null, '3')], 'tiers[0][up_to]'],
    ['where one has no amount', [tier(10, '5'), tier(null, null)], 'tiers[1]'],
    ['never where all is well', flat, null],
  ];
  for (const [name, tiers, param] of rows) it(name, () => assert.equal(checkTiers(tiers)?.param ?? null, param));
});
