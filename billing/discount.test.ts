import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { applyDiscounts, discountEnd, inForce, type AppliedDiscount, type CouponTerms, type DiscountableLine } from './discount.ts';

const percent = (id: string, percent_off: number | string, applies_to: string[] | null = null): AppliedDiscount => ({
  id,
  source: { percent_off, amount_off: null, currency: null, currency_options: null, applies_to },
});
const off = (id: string, amount_off: bigint, more: Partial<CouponTerms> = {}): AppliedDiscount => ({
  id,
  source: { percent_off: null, amount_off, currency: 'usd', currency_options: null, applies_to: null, ...more },
});
const line = (amount: bigint, more: Partial<DiscountableLine> = {}): DiscountableLine => ({ amount, discountable: true, product: 'prod_a', own: [], group: null, ...more });

/** What each line is told: `di_a 200, di_b 80`. */
const told = (lines: DiscountableLine[], whole: AppliedDiscount[], currency = 'usd'): string[] =>
  applyDiscounts(lines, whole, currency).map((amounts) => amounts.map(({ discount, amount }) => `${discount} ${amount}`).join(', '));

describe('discounts', () => {
  const half = percent('half', 50);
  const rows: [name: string, DiscountableLine[], AppliedDiscount[], string[]][] = [
    ['none at all', [line(1000n)], [], ['']],
    ['a percentage of each line', [line(1000n), line(333n)], [percent('a', 20)], ['a 200', 'a 67']], // 66.6
    ['a percentage with decimals', [line(10_000n)], [percent('a', 12.34)], ['a 1234']],
    ['a percentage as numeric text', [line(10_000n)], [percent('a', '12.34')], ['a 1234']],
    ['half of an odd amount rounds away from zero', [line(5n), line(-5n)], [half], ['half 3', 'half -3']],
    ['a percentage of a negative line', [line(-1000n)], [percent('a', 25)], ['a -250']],
    ['all of it', [line(1999n)], [percent('a', 100)], ['a 1999']],
    ['one upon what another left', [line(1000n)], [percent('a', 20), percent('b', 10)], ['a 200, b 80']],
    ['a percentage, then an amount', [line(1000n)], [percent('a', 20), off('b', 100n)], ['a 200, b 100']],
    ['an amount, then a percentage', [line(1000n)], [off('b', 100n), percent('a', 20)], ['b 100, a 180']],
    ['an amount on one line', [line(1000n)], [off('a', 300n)], ['a 300']],
    ['an amount shared in proportion', [line(1000n), line(2000n)], [off('a', 500n)], ['a 167', 'a 333']], // 166.67, 333.33
    ['an amount shared with a tie to the earlier', [line(100n), line(100n)], [off('a', 51n)], ['a 26', 'a 25']],
    ['an amount over three equal lines', [line(100n), line(100n), line(100n)], [off('a', 100n)], ['a 34', 'a 33', 'a 33']],
    ['an amount of at most what is there', [line(100n), line(50n)], [off('a', 1000n)], ['a 100', 'a 50']],
    ['an amount takes nothing off a negative line', [line(1000n), line(-400n)], [off('a', 800n)], ['a 800', 'a 0']],
    ['an amount with nothing left', [line(1000n)], [percent('a', 100), off('b', 100n)], ['a 1000, b 0']],
    ['an amount shared by remainders, not amounts', [line(1000n, { own: [half] }), line(500n)], [off('b', 100n)], ['half 500, b 50', 'b 50']],
    ['not on a line that is not discountable', [line(1000n), line(1000n, { discountable: false })], [off('a', 500n), half], ['a 500, half 250', '']],
    ['not by its own discounts either', [line(1000n, { discountable: false, own: [half] })], [], ['']],
    ['own before whole', [line(1000n, { own: [percent('own', 10)] })], [percent('whole', 50)], ['own 100, whole 450']],
    ['own ones of one line only', [line(1000n, { own: [half] }), line(1000n)], [], ['half 500', '']],
    ['several own ones, in their order', [line(1000n, { own: [off('a', 100n), half] })], [], ['a 100, half 450']],
    ['an own amount over the item’s lines', [line(300n, { own: [off('a', 100n)], group: 'si_1' }), line(900n), line(100n, { own: [off('a', 100n)], group: 'si_1' })], [], ['a 75', '', 'a 25']],
    ['own amounts of lines without a group, each in full', [line(300n, { own: [off('a', 100n)] }), line(100n, { own: [off('b', 100n)] })], [], ['a 100', 'b 100']],
    [
      'an item’s proration line stands aside',
      [line(-50n, { discountable: false, group: 'si_1' }), line(300n, { own: [off('a', 100n)], group: 'si_1' })],
      [],
      ['', 'a 100'],
    ],
    ['of one product only', [line(1000n), line(1000n, { product: 'prod_b' })], [percent('a', 10, ['prod_b'])], ['', 'a 100']],
    ['an amount of one product only', [line(1000n), line(1000n, { product: 'prod_b' })], [off('a', 300n, { applies_to: ['prod_b'] })], ['', 'a 300']],
    ['not of a line without a product', [line(1000n, { product: null })], [percent('a', 10, ['prod_b'])], ['']],
    ['own but for another product', [line(1000n, { own: [percent('a', 10, ['prod_b'])] })], [], ['']],
    ['an amount in another currency gives nothing', [line(1000n)], [off('a', 300n, { currency: 'eur' })], ['']],
    ['an amount in one of its other currencies', [line(1000n)], [off('a', 300n, { currency: 'eur', currency_options: { usd: { amount_off: 350 } } })], ['a 350']],
    ['a percentage in every currency', [line(1000n)], [percent('a', 10)], ['a 100']],
    ['no lines', [], [half], []],
    ['three halves, each of what the former left', [line(10_000n)], [percent('a', 50), percent('b', 50), percent('c', 50)], ['a 5000, b 2500, c 1250']],
    ['a third of what a third left', [line(100n)], [percent('a', 33.33), percent('b', 33.33)], ['a 33, b 22']], // 33.33; 67 × 33.33 % = 22.33
    ['a hundredth of a percent', [line(1000n)], [percent('a', 0.01)], ['a 0']], // 0.1
    ['five hundredths of a percent', [line(1000n)], [percent('a', 0.05)], ['a 1']], // 0.5
    ['a percentage of nothing', [line(0n)], [percent('a', 10)], ['a 0']],
    ['one cent over two', [line(1n), line(1n)], [off('a', 1n)], ['a 1', 'a 0']],
    ['three cents over five', [line(1n), line(1n), line(1n), line(1n), line(1n)], [off('a', 3n)], ['a 1', 'a 1', 'a 1', 'a 0', 'a 0']], // 0.6 each
    ['two amounts, one after the other', [line(300n), line(100n)], [off('a', 200n), off('b', 100n)], ['a 150, b 75', 'a 50, b 25']],
    ['an amount beside a line that its own discount has used up', [line(1000n, { own: [percent('own', 100)] }), line(500n)], [off('a', 200n)], ['own 1000, a 0', 'a 200']],
    ['an amount that a restricted one left', [line(600n), line(400n, { product: 'prod_b' })], [off('a', 400n, { applies_to: ['prod_b'] }), off('b', 60n)], ['b 60', 'a 400, b 0']],
  ];
  for (const [name, lines, whole, expected] of rows) it(name, () => assert.deepEqual(told(lines, whole), expected));

  it('refuse lines of one item that have different discounts', () => {
    const lines = [line(100n, { own: [off('a', 1n)], group: 'si_1' }), line(100n, { own: [off('b', 1n)], group: 'si_1' })];
    assert.throws(() => applyDiscounts(lines, [], 'usd'), /same discounts/);
  });

  const lines = fc.array(
    fc.record({ amount: fc.bigInt({ min: -5000n, max: 100_000n }), discountable: fc.boolean() }).map((each) => line(each.amount, each)),
    { minLength: 1, maxLength: 8 },
  );
  const offers = fc.array(
    fc.oneof(fc.bigInt({ min: 1n, max: 200_000n }).map((amount) => off('amount', amount)), fc.integer({ min: 1, max: 10_000 }).map((n) => percent('percent', n / 100))),
    { maxLength: 5 },
  );

  it('never take a line over zero, and an amount off is given in full or to the last cent', () => {
    fc.assert(
      fc.property(lines, offers, fc.bigInt({ min: 1n, max: 300_000n }), (each, some, last) => {
        const result = applyDiscounts(each, [...some, off('last', last)], 'usd');
        const left = each.map(({ amount }, index) => result[index]!.reduce((rest, one) => rest - one.amount, amount));
        for (const [index, { amount }] of each.entries()) assert.ok(amount >= 0n ? 0n <= left[index]! && left[index]! <= amount : amount <= left[index]! && left[index]! <= 0n);
        const given = result.flat().filter((one) => one.discount === 'last').reduce((sum, one) => sum + one.amount, 0n);
        const rest = left.reduce((sum, one, index) => (each[index]!.discountable && one > 0n ? sum + one : sum), 0n);
        assert.ok(given === last || (given < last && rest === 0n));
      }),
    );
  });
});

describe('a discount’s time', () => {
  const at = (text: string): number => Date.parse(`${text}Z`) / 1000;
  const start = at('2024-01-31T12:00:00');
  const end = discountEnd({ duration: 'repeating', duration_in_months: 1 }, start);
  const rows: [string, { start: number; end: number | null }, string, boolean][] = [
    ['begins at its start', { start, end }, '2024-01-31T12:00:00', true],
    ['is not before it', { start, end }, '2024-01-31T11:59:59', false],
    ['lasts to the second before its end, the last day of a shorter month', { start, end }, '2024-02-29T11:59:59', true],
    ['is over at its end', { start, end }, '2024-02-29T12:00:00', false],
    ['never ends where it is forever', { start, end: discountEnd({ duration: 'forever', duration_in_months: null }, start) }, '2124-01-01T00:00:00', true],
    ['of three months from 30 November lasts into a leap day\'s eve', { start: at('2023-11-30T00:00:00'), end: discountEnd({ duration: 'repeating', duration_in_months: 3 }, at('2023-11-30T00:00:00')) }, '2024-02-28T23:59:59', true],
    ['of three months from 30 November is over on the leap day', { start: at('2023-11-30T00:00:00'), end: discountEnd({ duration: 'repeating', duration_in_months: 3 }, at('2023-11-30T00:00:00')) }, '2024-02-29T00:00:00', false],
    ['of twelve months from a leap day lasts to 27 February', { start: at('2024-02-29T00:00:00'), end: discountEnd({ duration: 'repeating', duration_in_months: 12 }, at('2024-02-29T00:00:00')) }, '2025-02-27T23:59:59', true],
    ['of twelve months from a leap day is over on 28 February', { start: at('2024-02-29T00:00:00'), end: discountEnd({ duration: 'repeating', duration_in_months: 12 }, at('2024-02-29T00:00:00')) }, '2025-02-28T00:00:00', false],
    ['is ended by use alone where it is once', { start, end: discountEnd({ duration: 'once', duration_in_months: null }, start) }, '2124-01-01T00:00:00', true],
  ];
  for (const [name, discount, moment, expected] of rows) it(name, () => assert.equal(inForce(discount, at(moment)), expected));
});
