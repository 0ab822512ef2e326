import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Moment } from '../decision.ts';
import type { AttemptRow } from './attempt.ts';
import { matchCash, type Awaiting, type CashRow } from './cash.ts';
import { returnCash, settleReturn } from './cash_return.ts';

const awaiting = (...of: [id: string, amount: bigint, ...references: string[]][]): Awaiting[] => of.map(([id, amount, ...references], n) => ({ id, amount, created: n, references }));

test('a transfer pays what it says, then what has its amount, then what together has it, then what it is enough for', () => {
  const open = awaiting(['a', 100n, 'KONT-0001'], ['b', 200n, 'KONT-0002'], ['c', 300n, 'KONT-0003'], ['d', 200n, 'KONT-0004']);
  const table: [cash: bigint, reference: string | null, paid: string[], why: string][] = [
    [200n, 'KONT-0004', ['d'], 'by its number'],
    [200n, 'invoice kont 0004, thanks', ['d'], 'by its number, however it is spelt'],
    [300n, 'KONT-0001 + KONT-0002', ['a', 'b'], 'several numbers'],
    [500n, 'KONT-0001', ['a', 'b', 'd'], 'too much: the rest pays others, as it would alone'],
    [1_000n, 'KONT-0001 KONT-0002 KONT-0003 KONT-0004', ['a', 'b', 'c', 'd'], 'too much for all: the rest stays'],
    [250n, 'KONT-0001 KONT-0003', ['a'], 'too little for one of two: the rest waits for that one'],
    [300n, 'KONT-00012', ['c'], 'a longer number is another one'],
    [50n, 'KONT-0001', [], 'too little: all of it stays'],
    [200n, null, ['b'], 'the oldest of its amount'],
    [500n, null, ['a', 'b', 'd'], 'the oldest that sum up'],
    [800n, null, ['a', 'b', 'c', 'd'], 'all of them'],
    [450n, null, ['a', 'b'], 'the oldest that it is enough for'],
    [250n, null, ['a'], 'no more than it is enough for'],
    [50n, null, [], 'too little for any'],
    [900n, null, ['a', 'b', 'c', 'd'], 'more than all'],
  ];
  for (const [cash, reference, paid, why] of table) assert.deepEqual(matchCash(cash, reference, open), paid, why);
});

test('no more is paid than there is, and nothing waits that it is enough for', () => {
  fc.assert(fc.property(fc.array(fc.bigInt({ min: 1n, max: 500n }), { maxLength: 12 }), fc.bigInt({ min: 0n, max: 2_000n }), fc.nat(11), (amounts, cash, named) => {
    const open = awaiting(...amounts.map((amount, n): [string, bigint, string] => [`pi_${String(n).padStart(2, '0')}`, amount, `N${n}X`]));
    const paid = matchCash(cash, `N${named}X`, open);
    const left = cash - paid.reduce((sum, id) => sum + open.find((each) => each.id === id)!.amount, 0n);
    assert.ok(left >= 0n);
    const waiting = open.filter(({ id }) => !paid.includes(id));
    assert.ok(waiting.some(({ references }) => references.includes(`N${named}X`)) || waiting.every(({ amount }) => amount > left));
    assert.equal(new Set(paid).size, paid.length);
  }));
});

test('what comes back on its way to a bank is the customer\'s cash again, once', () => {
  let n = 0;
  const moment: Moment = { now: 1_795_000_000, newId: (prefix) => `${prefix}_${(n += 1)}`, newSecret: () => 'secret' };
  const order = { amount: 700n, processor: 'sandbox', type: 'eu_bank_transfer', test_clock: null, reason: null, metadata: {} };
  const begun = returnCash({ id: 'cus_1:eur', customer: 'cus_1', currency: 'eur', amount: 1_000n }, order, moment);
  const attempt = begun.puts.find((put) => put.table === 'payment_attempts')!.after as AttemptRow;
  const cash = begun.puts.find((put) => put.table === 'cash_balances')!.after as CashRow;
  const back = settleReturn(begun.refund, cash, attempt, { kind: 'declined', reference: 'pyr_1', failure_reason: 'unknown', message: 'The account is closed.' }, moment);
  const again = settleReturn(back.refund, back.puts.find((put) => put.table === 'cash_balances')!.after as CashRow, attempt, { kind: 'declined', reference: 'pyr_1', failure_reason: 'unknown', message: 'The account is closed.' }, moment);
  assert.deepEqual([cash.amount, back.refund.status, again.postings], [300n, 'failed', []]);
  const sum = (account: string) => [...begun.postings, ...back.postings].filter((leg) => leg.ledger_account === account).reduce((total, leg) => total + leg.amount, 0n);
  assert.deepEqual([begun.postings.length, sum('customer_cash'), sum('cash_in_transit')], [2, 0n, 0n]);
});
