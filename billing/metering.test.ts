import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { beyond, includedIn, meteredAmount, type Allowance, type Included, type Metering } from './metering.ts';
import { formatDecimal, fromBigint, parseDecimal } from './money.ts';
import type { PriceTerms, Tier } from './pricing/price.ts';

const DAY = 86_400;
const MONTH = { start: 0, end: 30 * DAY };
const until = (days: number) => ({ start: 0, end: days * DAY });
const perSubscription = (quantity: string): Allowance => ({ quantity, per: 'subscription', seat_product: null });
const perSeat = (quantity: string): Allowance => ({ quantity, per: 'seat', seat_product: null });

const none = { billing_scheme: 'per_unit', unit_amount_decimal: null, tiers: null, tiers_mode: null, transform_quantity: null } as const;
const tier = (up_to: number | null, unit: string, flat: string | null = null): Tier => ({ up_to: up_to === null ? null : BigInt(up_to), unit_amount_decimal: unit, flat_amount_decimal: flat });
const perUnit: PriceTerms = { ...none, unit_amount_decimal: '10' };
const packages: PriceTerms = { ...none, unit_amount_decimal: '500', transform_quantity: { divide_by: 100, round: 'up' } };
const graduated: PriceTerms = { ...none, billing_scheme: 'tiered', tiers_mode: 'graduated', tiers: [tier(100, '10'), tier(null, '5')] };
const volume: PriceTerms = { ...none, billing_scheme: 'tiered', tiers_mode: 'volume', tiers: [tier(100, '10'), tier(null, '5')] };
const flat: PriceTerms = { ...none, billing_scheme: 'tiered', tiers_mode: 'graduated', tiers: [tier(100, '0', '1000'), tier(null, '5')] };

describe('what is included', () => {
  const rows: [string, Allowance, bigint, number, string][] = [
    ['in a full period is all of it', perSubscription('50'), 9n, 30, '50'],
    ['per seat is multiplied', perSeat('50'), 3n, 30, '150'],
    ['without seats is nothing', perSeat('50'), 0n, 30, '0'],
    ['may be finer than a unit', perSeat('0.5'), 3n, 30, '1.5'],
    ['in half of a period is half of it', perSubscription('50'), 0n, 15, '25'],
    ['in a part is rounded to whole units', perSubscription('50'), 0n, 10, '17'], // 16.67
    ['in a part of a period, per seat', perSeat('0.5'), 3n, 10, '1'], // 0.5, half away from zero
    ['is no more than that of a full period', perSubscription('50'), 0n, 45, '50'],
  ];
  for (const [name, allowance, seats, days, included] of rows) it(name, () => assert.equal(includedIn(allowance, seats, until(days), MONTH).included, included));
});

describe('usage comes to', () => {
  const included = (units: string): Included => ({ ...includedIn(perSubscription(units), 0n, MONTH, MONTH) });
  const of = (allowance: string | null, billed: [string, string] | null = null): Metering => ({ meter: 'mtr_1', allowance: allowance === null ? null : included(allowance), billed: billed && { quantity: billed[0], amount: billed[1] } });
  const rows: [string, PriceTerms, string, Metering, string, bigint][] = [
    ['nothing within the allowance', perUnit, '50', of('50'), '50', 0n],
    ['the units beyond it', perUnit, '53', of('50'), '53', 30n],
    ['the units beyond it, where they are parts', perUnit, '50.5', of('50'), '50.5', 5n],
    ['whole packages beyond it', packages, '151', of('50'), '151', 1000n], // 101 → 2 packages
    ['tiers that begin beyond it', graduated, '170', of('50'), '170', 1100n], // 100 × 10 + 20 × 5
    ['the tier of what lies beyond it', volume, '160', of('50'), '160', 550n], // 110 × 5
    ['a flat amount, also within it', flat, '10', of('50'), '10', 1000n],
    ['no less than nothing', perUnit, '-3', of(null), '0', 0n],
    ['what was not billed yet', perUnit, '80', of(null, ['30', '300']), '50', 500n],
    ['what was not billed yet, in its tier', graduated, '120', of(null, ['80', '800']), '40', 300n], // 1100 − 800
    ['a flat amount once', flat, '120', of(null, ['10', '1000']), '110', 100n], // 1100 − 1000
    ['a credit where all units became cheaper', volume, '110', of(null, ['100', '1000']), '10', -450n], // 550 − 1000
    ['a credit where usage was taken back', perUnit, '20', of(null, ['30', '300']), '-10', -100n],
    ['the units beyond the allowance that were not billed yet', perUnit, '80', of('50', ['60', '100']), '20', 200n],
  ];
  for (const [name, terms, usage, metering, quantity, amount] of rows) {
    it(name, () => {
      const found = meteredAmount(terms, parseDecimal(usage)!, metering);
      assert.deepEqual([formatDecimal(found.quantity), found.amount], [quantity, amount]);
    });
  }

  it('the same, into however many lines it is cut', () => {
    const cuts = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 6 }).map((each) => each.toSorted((a, b) => a - b));
    fc.assert(
      fc.property(fc.constantFrom(perUnit, packages, graduated, volume, flat), fc.option(fc.constantFrom('0', '50', '120'), { nil: null }), cuts, fc.integer({ min: 0, max: 500 }), (terms, allowance, earlier, last) => {
        let [quantity, amount] = [0n, 0n];
        for (const total of [...earlier, last]) {
          const line = meteredAmount(terms, fromBigint(BigInt(total)), of(allowance, [quantity.toString(), amount.toString()]));
          quantity += line.quantity.digits;
          amount += line.amount;
        }
        assert.deepEqual([quantity, amount], [BigInt(last), meteredAmount(terms, fromBigint(BigInt(last)), of(allowance)).amount]);
      }),
    );
  });
});

it('nothing lies beyond an allowance that is not used up', () => {
  assert.equal(formatDecimal(beyond(parseDecimal('49.9')!, { included: '50' })), '0');
  assert.equal(formatDecimal(beyond(parseDecimal('50.1')!, { included: '50' })), '0.1');
});
