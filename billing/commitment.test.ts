import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { billedBeside, madeUp, shortOf, usedAmount } from './commitment.ts';

const PERIOD = { period_start: 100, period_end: 200 };
const usage = (amount: number) => ({ ...PERIOD, amount: BigInt(amount), metering: { meter: 'mtr_1', allowance: null, billed: null } });
const seat = (amount: number) => ({ ...PERIOD, amount: BigInt(amount), metering: null });
const rest = (amount: number, commitment: number) => ({ ...PERIOD, amount: BigInt(amount), metering: null, commitment: String(commitment) });

describe('a commitment', () => {
  const rows: [string, { amount: bigint }[], number, bigint][] = [
    ['is what is missing to it', [usage(300)], 1_000, 700n],
    ['is all of it without usage', [usage(0)], 1_000, 1_000n],
    ['is met by several items', [usage(300), usage(450)], 1_000, 250n],
    ['is not met by what is licensed', [usage(300), seat(5_000)], 1_000, 700n],
    ['is nothing where it is met', [usage(1_000)], 1_000, 0n],
    ['is nothing where it is passed', [usage(1_700)], 1_000, 0n],
    ['is more where usage was taken back', [usage(-100), usage(300)], 1_000, 800n],
  ];
  for (const [name, lines, commitment, missing] of rows) it(name, () => assert.equal(shortOf(lines, BigInt(commitment)), missing));

  it('is worked out again with the usage', () => {
    const lines = [usage(300), rest(700, 1_000)];
    assert.equal(madeUp(lines), lines);
    assert.deepEqual(madeUp([usage(450), rest(700, 1_000)]).map((line) => line.amount), [450n, 550n]);
    assert.deepEqual(madeUp([usage(300), { ...rest(700, 1_000), commitment_billed: '200' }]).map((line) => line.amount), [300n, 500n]);
    assert.equal(usedAmount([usage(450), rest(700, 1_000), seat(9)]), 450n);
    const earlier = { ...usage(900), period_start: 0, period_end: 100 };
    assert.deepEqual(madeUp([earlier, usage(450), rest(700, 1_000)]).map((line) => line.amount), [900n, 450n, 550n]);
  });

  it('says what other invoices have billed of it by now', () => {
    const line = { commitment: '3100', commitment_billed: '0', description: 'Deal: B: usage made up to $31.00', currency: 'usd' };
    assert.equal(billedBeside(line, 0n), line);
    const more = billedBeside(line, 1_500n);
    assert.deepEqual([more.commitment_billed, more.description], ['1500', 'Deal: B: usage made up to $31.00, of which $15.00 were billed before']);
    assert.equal(billedBeside(more, 0n).description, line.description);
  });
});
