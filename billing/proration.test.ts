import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { AppliedDiscount, DiscountableLine } from './discount.ts';
import { creditOf, debitOf, itemizedCreditOf, partOf } from './proration.ts';

const DAY = 86_400;
/** A January of 31 days; moments are days in it. */
const january = { start: 0, end: 31 * DAY };
const day = (n: number): number => n * DAY;
const line = (amount: bigint, more: Partial<DiscountableLine> = {}): DiscountableLine => ({ amount, discountable: true, product: 'prod_a', own: [], group: null, ...more });
const percent = (id: string, percent_off: number): AppliedDiscount => ({ id, source: { percent_off, amount_off: null, currency: null, currency_options: null, applies_to: null } });
const off = (id: string, amount_off: bigint): AppliedDiscount => ({ id, source: { percent_off: null, amount_off, currency: 'usd', currency_options: null, applies_to: null } });

describe('the part of a full period', () => {
  const rows: [amount: bigint, at: number, expected: bigint][] = [
    [2000n, day(0), 2000n],
    [2000n, day(15), 1032n], // 16 of 31 days of $20.00: 1032.26
    [2000n, day(31), 0n],
    [2000n, day(30), 65n], // 1 of 31 days: 64.52
    [3100n, day(1), 3000n],
    [62n, day(30.75), 1n], // a quarter of a day: 0.5
    [1n, day(15.5), 1n], // half a period: 0.5
    [0n, day(10), 0n],
    [-2000n, day(15), -1032n],
    [2000n, 1, 2000n], // 2,678,399 of 2,678,400 seconds
    [267_840_000n, 1, 267_839_900n], // a second is worth 100
    [999n, day(1), 967n], // 30 of 31 days: 966.77
    [1000n, day(10.5), 661n], // 20.5 of 31 days: 661.29
    [100n, day(30.5), 2n], // half a day of 31: 1.61
  ];
  for (const [amount, at, expected] of rows) it(`from day ${at / DAY} of ${amount} is ${expected}`, () => assert.equal(partOf(amount, january, at, 'second'), expected));

  const others: [what: string, days: number, amount: bigint, at: number, expected: bigint][] = [
    ['a February', 28, 2800n, day(14), 1400n],
    ['a February of a leap year', 29, 2900n, day(15), 1400n], // 14 of 29 days
    ['an April', 30, 3000n, day(15.5), 1450n], // 14.5 of 30 days
    ['a quarter of 92 days', 92, 9200n, day(31), 6100n],
    ['a year', 365, 36_500n, day(90), 27_500n],
    ['a leap year', 366, 36_600n, day(60), 30_600n],
    ['a week', 7, 700n, day(2.5), 450n],
    ['a day', 1, 2400n, day(0.75), 600n], // six hours
  ];
  for (const [what, days, amount, at, expected] of others) it(`of ${what} from day ${at / DAY} of ${amount} is ${expected}`, () => assert.equal(partOf(amount, { start: 0, end: day(days) }, at, 'second'), expected));

  it('is refused outside of the period', () => {
    assert.throws(() => partOf(1n, january, -1, 'second'));
    assert.throws(() => partOf(1n, january, day(32), 'second'));
  });
});

describe('the part of a full period, counted by the day', () => {
  /** From 18:00 on day 0 to 18:00 on day 31; a change at 03:00 or 23:59 of a day counts as at its beginning. */
  const evening = { start: day(0.75), end: day(31.75) };
  const rows: [amount: bigint, at: number, expected: bigint][] = [
    [3100n, day(0.75), 3100n],
    [3100n, day(0.99), 3100n], // still the first day: 31 of 31 days
    [3100n, day(1), 3000n], // 30 of 31 days, where by the second it is 30.75 of 31
    [3100n, day(15.125), 1600n], // 16 of 31 days
    [3100n, day(15.999), 1600n], // the same day, the same part
    [3100n, day(31.1), 0n], // the last day belongs to the next period
    [2000n, day(15.5), 1032n], // 16 of 31 days: 1032.26
    [-2000n, day(15.5), -1032n],
  ];
  for (const [amount, at, expected] of rows) it(`from day ${at / DAY} of ${amount} is ${expected}`, () => assert.equal(partOf(amount, evening, at, 'day'), expected));

  it('is by the second where all lies on one day', () => assert.equal(partOf(100n, { start: day(3.5), end: day(3.75) }, day(3.6875), 'day'), 25n)); // a quarter of six hours

  it('is the whole from the first day on, and with what is given back on the same day sums to nothing', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 1_000_000n), fc.integer({ min: 0, max: 30 }), fc.tuple(fc.integer({ min: 0, max: DAY - 1 }), fc.integer({ min: 0, max: DAY - 1 })), (amount, n, [one, other]) => {
        const [early, late] = [Math.max(evening.start, day(n) + Math.min(one, other)), Math.max(evening.start, day(n) + Math.max(one, other))];
        const net = partOf(amount, evening, early, 'day');
        assert.equal(net + creditOf({ net, start: early, end: evening.end }, late, 'day'), 0n);
        assert.equal(net, partOf(amount, evening, late, 'day'));
      }),
    );
  });
});

describe('the credit of a debit', () => {
  const rows: [net: bigint, start: number, at: number, expected: bigint][] = [
    [2000n, day(0), day(15), -1032n], // 16 of 31 days
    [1800n, day(0), day(15), -929n], // what was really paid: 929.03
    [2000n, day(0), day(0), -2000n],
    [2000n, day(0), day(31), 0n],
    [2000n, day(0), day(40), 0n],
    [1032n, day(15), day(15), -1032n], // in the same second: all of it
    [1032n, day(15), day(23), -516n], // 8 of 16 days
    [1032n, day(15), day(10), -1032n], // before it began: all of it, not more
    [-500n, day(0), day(0), 500n],
    [0n, day(0), day(3), 0n],
    [1n, day(0), day(15.5), -1n], // −0.5
    [1n, day(0), day(16), 0n], // −15 ÷ 31 = −0.48
    [2839n, day(15), day(30), -177n], // 1 of 16 days: 177.44
  ];
  for (const [net, start, at, expected] of rows) {
    it(`${net} charged from day ${start / DAY} gives back ${expected} on day ${at / DAY}`, () => assert.equal(creditOf({ net, start, end: january.end }, at, 'second'), expected));
  }
});

describe('the debit of a changed item', () => {
  const rows: [name: string, lines: DiscountableLine[], changed: number, whole: AppliedDiscount[], at: number, gross: bigint, discounts: bigint[], net: bigint][] = [
    ['without discounts', [line(6000n)], 0, [], day(15), 3097n, [], 3097n], // 16 of 31 days: 3096.77
    ['with 10 % off', [line(6000n)], 0, [percent('a', 10)], day(15), 3097n, [310n], 2787n], // 600 × 16 ÷ 31 = 309.68
    ['with $5 off, alone', [line(6000n)], 0, [off('a', 500n)], day(15), 3097n, [258n], 2839n], // 500 × 16 ÷ 31 = 258.06
    ['with $5 off, shared with another item', [line(6000n), line(4000n)], 0, [off('a', 500n)], day(15), 3097n, [155n], 2942n], // 300 × 16 ÷ 31 = 154.84
    ['the other item’s share', [line(6000n), line(4000n)], 1, [off('a', 500n)], day(15), 2065n, [103n], 1962n], // 200 × 16 ÷ 31 = 103.23
    ['with its own discount first', [line(6000n, { own: [percent('own', 50)] })], 0, [percent('a', 10)], day(0), 6000n, [3000n, 300n], 2700n],
    ['with another item’s own discount', [line(6000n), line(4000n, { own: [percent('own', 50)] })], 0, [off('a', 800n)], day(0), 6000n, [600n], 5400n], // 800 × 6000 ÷ 8000
    ['with all of it off', [line(6000n)], 0, [percent('a', 100)], day(15), 3097n, [3097n], 0n],
    ['with two that take all, and round to more', [line(3n)], 0, [off('a', 1n), off('b', 2n)], day(15.5), 2n, [1n, 1n], 0n], // 1.5, 0.5 and 1
    ['with three, of which the last finds nothing left', [line(3n)], 0, [off('a', 1n), off('b', 1n), off('c', 1n)], day(15.5), 2n, [1n, 1n, 0n], 0n], // 0.5 each
    ['with 20 % and then $5 off', [line(6000n)], 0, [percent('a', 20), off('b', 500n)], day(15), 3097n, [619n, 258n], 2220n], // 1200 × 16 ÷ 31 = 619.35, 500 × 16 ÷ 31 = 258.06
    ['with $5 and then 20 % off', [line(6000n)], 0, [off('b', 500n), percent('a', 20)], day(15), 3097n, [258n, 568n], 2271n], // 20 % of 5500: 1100 × 16 ÷ 31 = 567.74
    ['with $1 off over three, the first of them', [line(100n), line(100n), line(100n)], 0, [off('a', 100n)], day(0), 100n, [34n], 66n],
    ['with $1 off over three, the last of them', [line(100n), line(100n), line(100n)], 2, [off('a', 100n)], day(0), 100n, [33n], 67n],
    ['at the very end', [line(6000n)], 0, [percent('a', 10)], day(31), 0n, [0n], 0n],
    ['for nothing', [line(0n)], 0, [percent('a', 10), off('b', 100n)], day(3), 0n, [0n, 0n], 0n],
  ];
  for (const [name, lines, changed, whole, at, gross, discounts, net] of rows) {
    it(name, () => {
      const debit = debitOf(lines, changed, whole, 'usd', january, at, 'second');
      assert.deepEqual([debit.gross, debit.discount_amounts.map((each) => each.amount), debit.net], [gross, discounts, net]);
    });
  }
});

describe('a credit with the discounts of its debit beside it', () => {
  const rows: [name: string, net: bigint, discounts: bigint[], at: number, gross: bigint, parts: bigint[], credited: bigint][] = [
    ['without discounts', 6000n, [], day(15), -3097n, [], -3097n], // 6000 × 16 ÷ 31 = 3096.77
    ['of $60.00 at 10 % off', 5400n, [600n], day(15), -3097n, [-310n], -2787n], // 3096.77 and 2787.10: −3097 + 310 = −2787
    ['of $60.00 at 20 % and then $5 off', 4300n, [1200n, 500n], day(15), -3097n, [-620n, -258n], -2219n], // 3096.77 and 2219.35; 878 as 1200 to 500: 619.76 and 258.24; −3097 + 620 + 258 = −2219
    ['in the same second: all of each', 4300n, [1200n, 500n], day(0), -6000n, [-1200n, -500n], -4300n],
    ['of what was all taken off', 0n, [2000n], day(15), -1032n, [-1032n], 0n], // 1032.26 and 0
    ['of two that took the same, a tie', 1n, [1n, 1n], day(15.5), -2n, [-1n, 0n], -1n], // 1.5 and 0.5: 1 to the earlier
    ['of one that took nothing', 5400n, [600n, 0n], day(15), -3097n, [-310n, 0n], -2787n],
    ['when the period is over', 5400n, [600n], day(31), 0n, [0n], 0n],
    ['of less than nothing', -540n, [-60n], day(15), 310n, [31n], 279n], // 309.68 and 278.71: 310 − 31 = 279
  ];
  for (const [name, net, taken, at, gross, parts, credited] of rows) {
    it(name, () => {
      const credit = itemizedCreditOf({ net, ...january }, taken.map((amount, n) => ({ discount: `di_${n}`, amount })), at, 'second');
      assert.deepEqual([credit.gross, credit.discount_amounts.map((each) => each.amount), credit.net], [gross, parts, credited]);
      assert.equal(credit.discount_amounts.reduce((rest, each) => rest - each.amount, credit.gross), credit.net);
    });
  }

  it('has the net that it has without them, and gives back of none more than it took', () => {
    const took = fc.array(fc.bigInt({ min: 0n, max: 10n ** 6n }), { maxLength: 4 });
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 9n }), took, fc.integer({ min: 0, max: january.end }), (net, taken, at) => {
        const credit = itemizedCreditOf({ net, ...january }, taken.map((amount, n) => ({ discount: `di_${n}`, amount })), at, 'second');
        assert.equal(credit.net, creditOf({ net, ...january }, at, 'second'));
        assert.equal(credit.discount_amounts.reduce((rest, each) => rest - each.amount, credit.gross), credit.net);
        assert.ok(credit.discount_amounts.every(({ amount }, n) => -taken[n]! <= amount && amount <= 0n));
      }),
    );
  });
});

describe('changes of mind', () => {
  const amounts = fc.bigInt({ min: 0n, max: 10n ** 9n });
  const moments = fc.integer({ min: 0, max: january.end - 1 });
  const offers = fc.array(fc.oneof(fc.integer({ min: 1, max: 10_000 }).map((n) => percent('p', n / 100)), fc.bigInt({ min: 1n, max: 10n ** 6n }).map((n) => off('o', n))), { maxLength: 3 });

  it('in the same second cost nothing: the second gives back all that the first charged, whatever was discounted', () => {
    fc.assert(
      fc.property(amounts, moments, offers, (amount, at, whole) => {
        const { net } = debitOf([line(amount)], 0, whole, 'usd', january, at, 'second');
        assert.equal(net + creditOf({ net, start: at, end: january.end }, at, 'second'), 0n);
      }),
    );
  });

  it('and back cost nothing where nothing is discounted: the old price costs what its credit gave', () => {
    fc.assert(
      fc.property(amounts, moments, (amount, at) => {
        assert.equal(creditOf({ net: amount, ...january }, at, 'second') + debitOf([line(amount)], 0, [], 'usd', january, at, 'second').net, 0n);
      }),
    );
  });

  it('never give back more than was charged, nor more the later they come', () => {
    fc.assert(
      fc.property(amounts, moments, moments, (net, a, b) => {
        const [early, late] = a <= b ? [a, b] : [b, a];
        const [first, second] = [creditOf({ net, ...january }, early, 'second'), creditOf({ net, ...january }, late, 'second')];
        assert.ok(-net <= first && first <= second && second <= 0n);
      }),
    );
  });
});
