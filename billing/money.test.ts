import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { add, chargeStep, compare, formatDecimal, formatMoney, fromBigint, isCurrency, minimumCharge, minor, minorDigits, multiply, parseDecimal, payoutStep, percentOf, roundDecimal, roundDiv, share, subtract } from './money.ts';

describe('an exact decimal', () => {
  const read: [string, string | null][] = [
    ['0', '0'],
    ['1950', '1950'],
    ['0.5', '0.5'],
    ['0.50', '0.5'],
    ['007', '7'],
    ['-0', '0'],
    ['-12.250', '-12.25'],
    ['-0.05', '-0.05'],
    ['0.000000000001', '0.000000000001'],
    ['12345678901234567890.5', '12345678901234567890.5'],
    ['', null],
    ['.5', null],
    ['5.', null],
    ['+5', null],
    ['1e3', null],
    [' 1', null],
    ['1\n', null],
    ['1,5', null],
    ['NaN', null],
    ['0x10', null],
  ];
  for (const [text, expected] of read) {
    it(`reads ${JSON.stringify(text)} as ${expected}`, () => {
      const decimal = parseDecimal(text);
      assert.equal(decimal === null ? null : formatDecimal(decimal), expected);
    });
  }

  it('limits the places of the value, not of its spelling', () => {
    assert.notEqual(parseDecimal('1.5000', 1), null);
    assert.equal(parseDecimal('1.51', 1), null);
    assert.notEqual(parseDecimal('0.000000000001', 12), null);
    assert.equal(parseDecimal('0.0000000000001', 12), null);
  });

  const decimals = fc.record({ digits: fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), scale: fc.nat({ max: 14 }) });

  it('is written as it is read', () => {
    fc.assert(fc.property(decimals, (decimal) => assert.equal(compare(parseDecimal(formatDecimal(decimal))!, decimal), 0)));
  });

  it('adds, subtracts and multiplies exactly', () => {
    fc.assert(
      fc.property(decimals, decimals, decimals, (a, b, c) => {
        assert.equal(compare(subtract(add(a, b), b), a), 0);
        assert.equal(compare(multiply(add(a, b), c), add(multiply(a, c), multiply(b, c))), 0);
        assert.equal(Math.sign(compare(a, b)), -Math.sign(compare(b, a)) + 0);
      }),
    );
  });
});

describe('rounding', () => {
  const rounded: [bigint, bigint, bigint][] = [
    [1n, 2n, 1n],
    [-1n, 2n, -1n],
    [5n, 2n, 3n],
    [-5n, 2n, -3n],
    [1n, 3n, 0n],
    [2n, 3n, 1n],
    [-2n, 3n, -1n],
    [1n, -2n, -1n],
    [0n, 7n, 0n],
    [10n, 5n, 2n],
    [49n, 100n, 0n],
    [-49n, 100n, 0n],
  ];
  for (const [numerator, denominator, expected] of rounded) {
    it(`takes ${numerator} ÷ ${denominator} to ${expected}`, () => assert.equal(roundDiv(numerator, denominator), expected));
  }

  it('is symmetric around zero and never further than half away', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }), fc.bigInt({ min: 1n, max: 10n ** 9n }), (n, d) => {
        const q = roundDiv(n, d);
        assert.equal(roundDiv(-n, d), -q);
        const off = 2n * (n - q * d);
        assert.ok(-d <= off && off <= d);
      }),
    );
  });

  it('takes a decimal to the nearest whole number', () => {
    assert.deepEqual(['0.5', '-0.5', '2.5', '2.499999999999', '7'].map((text) => roundDecimal(parseDecimal(text)!)), [1n, -1n, 3n, 2n, 7n]);
    assert.equal(roundDecimal(fromBigint(3n)), 3n);
  });

  it('finds percentages of amounts, given as number or text', () => {
    assert.equal(percentOf(1999n, 15), 300n); // 299.85
    assert.equal(percentOf(1999n, '15.00'), 300n);
    assert.equal(percentOf(1000n, 33.33), 333n); // 333.3
    assert.equal(percentOf(100_000n, 0.0005), 1n); // 0.5
    assert.equal(percentOf(-150n, 33), -50n); // −49.5
    assert.equal(percentOf(1_000_000n, 8.875), 88_750n);
    assert.equal(percentOf(100_00n, 1.005), 101n); // 100.5, where floats would see 100.4999…
  });
});

describe('a total shared by weights', () => {
  const shared: [bigint, bigint[], bigint[]][] = [
    [100n, [1n, 1n, 1n], [34n, 33n, 33n]],
    [101n, [1n, 1n, 1n], [34n, 34n, 33n]],
    [500n, [1000n, 2000n], [167n, 333n]], // 166.67, 333.33
    [10n, [3n, 3n, 4n], [3n, 3n, 4n]],
    [1n, [1n, 2n, 1n], [0n, 1n, 0n]],
    [1n, [1n, 1n], [1n, 0n]],
    [7n, [0n, 5n, 0n], [0n, 7n, 0n]],
    [0n, [0n, 0n], [0n, 0n]],
    [0n, [], []],
    [-100n, [1n, 1n, 1n], [-34n, -33n, -33n]],
  ];
  for (const [total, weights, expected] of shared) {
    it(`gives ${expected} of ${total} to ${weights}`, () => assert.deepEqual(share(total, weights), expected));
  }

  it('sums to the total, within one of the exact part, and never over the weight while the total is covered', () => {
    const weights = fc.array(fc.bigInt({ min: 0n, max: 10n ** 9n }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(weights, fc.bigInt({ min: 0n, max: 10n ** 10n }), (parts, total) => {
        const sum = parts.reduce((a, b) => a + b, 0n);
        if (sum === 0n) return;
        const shares = share(total, parts);
        assert.equal(shares.reduce((a, b) => a + b, 0n), total);
        for (const [index, part] of shares.entries()) {
          const off = part * sum - total * parts[index]!;
          assert.ok(-sum < off && off < sum);
          if (total <= sum) assert.ok(part <= parts[index]!);
        }
      }),
    );
  });

  it('refuses to share something over nothing', () => {
    assert.throws(() => share(1n, [0n]), /weights/);
    assert.throws(() => share(1n, [2n, -1n]), /weights/);
  });
});

describe('a currency', () => {
  it('is one of the lower-case codes that Stripe supports', () => {
    assert.deepEqual(['usd', 'eur', 'kwd', 'jpy', 'USD', 'xxx', ''].map(isCurrency), [true, true, true, true, false, false, false]);
    assert.deepEqual(['usd', 'jpy', 'kwd', 'isk', 'huf', 'ugx', 'xof'].map(minorDigits), [2, 0, 3, 2, 2, 2, 0]);
  });

  const told: [bigint, string, string][] = [
    [123450n, 'usd', '$1,234.50'],
    [500n, 'jpy', '¥500'],
    [1200n, 'eur', '€12.00'],
    [5n, 'gbp', '£0.05'],
    [0n, 'usd', '$0.00'],
    [-1999n, 'usd', '-$19.99'],
    [1200n, 'chf', 'CHF 12.00'],
    [1234567n, 'kwd', 'KWD 1,234.567'],
    [1234567n, 'jpy', '¥1,234,567'],
    [100000000n, 'cad', 'CA$1,000,000.00'],
  ];
  for (const [amount, currency, expected] of told) {
    it(`tells ${amount} ${currency} as ${expected}`, () => assert.equal(formatMoney(amount, currency), expected));
  }

  it('is told in JSON where it is held exactly, and refused where it is not', () => {
    assert.deepEqual([minor(9_007_199_254_740_991n), minor(-9_007_199_254_740_991n)], [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]);
    for (const amount of [9_007_199_254_740_992n, -9_007_199_254_740_992n, 10n ** 30n]) assert.throws(() => minor(amount), { code: 'amount_too_large' });
  });

  it('is charged in steps that the networks of cards know', () => {
    assert.deepEqual(['usd', 'jpy', 'bhd', 'jod', 'kwd', 'omr', 'tnd', 'isk', 'ugx', 'huf'].map(chargeStep), [1n, 1n, 10n, 10n, 10n, 10n, 10n, 100n, 100n, 1n]);
    assert.deepEqual(['usd', 'kwd', 'isk', 'huf', 'twd'].map(payoutStep), [1n, 10n, 100n, 100n, 100n]);
  });

  it('has a least amount that can be charged', () => {
    assert.deepEqual(['usd', 'eur', 'gbp', 'jpy', 'huf', 'afn'].map(minimumCharge), [50n, 50n, 30n, 50n, 17500n, 1n]);
  });
});
