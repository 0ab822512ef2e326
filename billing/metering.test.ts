import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { beyond, includedIn, meteredAmount, type Allowance, type Included, type Metering, type Used } from './metering.ts';
import { formatDecimal, parseDecimal } from './money.ts';
import { groupOf, takenBefore, type DimensionTerms } from './pricing/dimensions.ts';
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
      const found = meteredAmount(terms, usage, metering);
      assert.deepEqual([formatDecimal(found.quantity), found.amount], [quantity, amount]);
    });
  }

  it('the same, into however many lines it is cut', () => {
    const cuts = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 6 }).map((each) => each.toSorted((a, b) => a - b));
    fc.assert(
      fc.property(fc.constantFrom(perUnit, packages, graduated, volume, flat), fc.option(fc.constantFrom('0', '50', '120'), { nil: null }), cuts, fc.integer({ min: 0, max: 500 }), (terms, allowance, earlier, last) => {
        let [quantity, amount] = [0n, 0n];
        for (const total of [...earlier, last]) {
          const line = meteredAmount(terms, String(total), of(allowance, [quantity.toString(), amount.toString()]));
          quantity += line.quantity.digits;
          amount += line.amount;
        }
        assert.deepEqual([quantity, amount], [BigInt(last), meteredAmount(terms, String(last), of(allowance)).amount]);
      }),
    );
  });
});

describe('what lies beyond the included units', () => {
  const rows: [string, string[], string, string[]][] = [
    ['is nothing while they are not used up', ['49.9'], '50', ['0']],
    ['is what is above them', ['50.1'], '50', ['0.1']],
    ['is what is above them in the order of the groups', ['30', '40', '10'], '50', ['0', '20', '10']],
  ];
  for (const [name, totals, included, charged] of rows) it(name, () => assert.deepEqual(beyond(totals.map((each) => parseDecimal(each)!), { included }).map(formatDecimal), charged));
});

describe('usage of a price with dimension prices comes to', () => {
  const entry = (name: string, more: Partial<DimensionTerms>): DimensionTerms => ({ name, dimensions: { model: [name] }, unit_amount_decimal: null, tiers: null, tiers_mode: null, ...more });
  const opus = entry('opus', { unit_amount_decimal: '3' });
  const haiku = entry('haiku', { unit_amount_decimal: '0.2' });
  const bulk = entry('bulk', { tiers_mode: 'volume', tiers: [tier(100, '10', '50'), tier(null, '5', '50')] });
  const apart = (...dimension_prices: DimensionTerms[]): PriceTerms => ({ ...none, unit_amount_decimal: '1', dimension_prices });
  const metering: Metering = { meter: 'mtr_1', allowance: null, billed: null };
  const included = (units: string): Metering => ({ ...metering, allowance: { ...includedIn(perSubscription(units), 0n, MONTH, MONTH) } });
  const rows: [string, PriceTerms, Used, Metering, string, bigint][] = [
    ['each group at its own price', apart(opus, haiku), ['10', '100', '7'], metering, '117', 57n], // 30 + 20 + 7
    ['one amount, rounded once', apart(haiku, entry('other', { unit_amount_decimal: '0.2' })), ['1', '1', '0'], metering, '2', 0n], // 0.2 + 0.2; each by itself is 0, too
    ['one amount, rounded once, up', apart(haiku, entry('other', { unit_amount_decimal: '0.3' })), ['1', '1', '0'], metering, '2', 1n], // 0.2 + 0.3
    ['tiers of each group by itself', apart(bulk), ['120', '120'], metering, '240', 770n], // 120 × 5 + 50, and 120
    ['no flat amount of a group that was not used', apart(bulk), ['0', '3'], metering, '3', 3n],
    ['packages of each group by itself', { ...packages, dimension_prices: [entry('big', { unit_amount_decimal: '900' })] }, ['101', '1'], metering, '102', 2300n], // 2 × 900 + 1 × 500
    ['what is above the included units, which the first groups use up first', apart(opus, haiku), ['10', '100', '7'], included('60'), '117', 17n], // 0 + 50 × 0.2 + 7
    ['no less than nothing in any group', apart(opus), ['-5', '7'], metering, '7', 7n],
    ['the rest, where nobody says which', apart(opus), '7', metering, '7', 7n],
    ['what was not billed yet', apart(opus), ['10', '7'], { ...metering, billed: { quantity: '12', amount: '20', groups: [{ name: 'opus', quantity: '4' }, { name: 'other', quantity: '8' }] } }, '5', 17n], // 37 − 20
  ];
  for (const [name, terms, used, how, quantity, amount] of rows) {
    it(name, () => {
      const found = meteredAmount(terms, used, how);
      assert.deepEqual([formatDecimal(found.quantity), found.amount], [quantity, amount]);
    });
  }

  it('the same as one price where all groups cost the same per unit, however the usage falls', () => {
    const cheap = (model: string) => entry(model, { unit_amount_decimal: '1' });
    fc.assert(fc.property(fc.tuple(fc.nat(1_000), fc.nat(1_000), fc.nat(1_000)), fc.nat(2_000), (counts, free) => {
      const used = counts.map((n) => String(n / 100));
      const one = meteredAmount({ ...none, unit_amount_decimal: '1' }, String(counts.reduce((a, b) => a + b) / 100), free === 0 ? metering : included(String(free)));
      const several = meteredAmount(apart(cheap('a'), cheap('b')), used, free === 0 ? metering : included(String(free)));
      assert.deepEqual([several.quantity, several.amount].map(String), [one.quantity, one.amount].map(String));
    }));
  });

  it('what the first entry says that has the values', () => {
    const entries: Pick<DimensionTerms, 'dimensions'>[] = [{ dimensions: { model: ['opus'], region: ['eu', 'uk'] } }, { dimensions: { model: ['opus', 'sonnet'] } }];
    const rows: [Record<string, string>, number][] = [[{ model: 'opus', region: 'uk' }, 0], [{ model: 'opus', region: 'us' }, 1], [{ model: 'sonnet', region: 'eu' }, 1], [{ model: '', region: 'eu' }, 2], [{}, 2]];
    for (const [values, group] of rows) assert.equal(groupOf(entries, values), group);
    assert.deepEqual([takenBefore(entries, 1), takenBefore(entries.toReversed(), 1)], [-1, 0]);
  });
});
