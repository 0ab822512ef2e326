import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { beginAttempt, isOver, merge, pack, stateOf, unpack, type AttemptRow, type PackedWord } from './attempt.ts';
import type { Succeeded } from './outcome.ts';

const sending: AttemptRow = beginAttempt('pi_1:charge:1', 'charge', 'pi_1', 'sandbox', null, 1);

const WORDS: PackedWord[] = [
  { kind: 'unknown', reason: 'timeout', retry_after: null },
  { kind: 'failed', code: 'amount_too_small', message: 'Too small.' },
  { kind: 'requires_action', reference: 'ch_1', action: { kind: '3ds', reference: 'tds_1', url: null } },
  { kind: 'pending', reference: 'ch_1' },
  { kind: 'succeeded', reference: 'ch_1', captured: false },
  { kind: 'canceled', reference: 'ch_1' },
  { kind: 'declined', reference: 'ch_1', code: 'card_declined' },
  { kind: 'succeeded', reference: 'ch_1', captured: true },
  { kind: 'succeeded', reference: 'ch_2', captured: true },
];

/** Without the moment, which depends on what came last. */
const known = ({ heard: _, ...attempt }: AttemptRow) => attempt;
const after = (words: readonly PackedWord[]) => known(words.reduce((attempt, word, n) => merge(attempt, word, n + 2), sending));

function* orders<T>(of: readonly T[]): Generator<T[]> {
  if (of.length === 0) yield [];
  for (const [n, first] of of.entries()) for (const rest of orders(of.toSpliced(n, 1))) yield [first, ...rest];
}

test('whatever the order of the words, the attempt ends the same: all orders of all sets of up to five words', () => {
  let checked = 0;
  for (let set = 0; set < 2 ** WORDS.length; set += 1) {
    const words = WORDS.filter((_, n) => (set >> n) & 1);
    if (words.length > 5) continue;
    const first = after(words);
    for (const order of orders(words)) {
      assert.deepEqual(after(order), first);
      checked += 1;
    }
  }
  assert.ok(checked > 15_000);
});

test('a word that comes again changes nothing', () => {
  fc.assert(fc.property(fc.array(fc.nat(WORDS.length - 1), { maxLength: 12 }), fc.array(fc.nat(11), { maxLength: 12 }), (words, again) => {
    const heard = words.map((n) => WORDS[n]!);
    const repeated = [...heard, ...again.flatMap((n) => heard[n] ?? [])];
    assert.deepEqual(after(repeated), after(heard));
  }));
});

test('what was taken was taken, whatever else is said', () => {
  for (const word of WORDS) assert.equal(after([WORDS[7]!, word]).state, 'succeeded');
  for (const word of WORDS.slice(0, 4)) assert.equal(after([word, WORDS[6]!]).state, 'declined');
});

test('a refund that succeeded may come back, in whatever order that is heard', () => {
  const refund: AttemptRow = { ...sending, id: 're_1:refund:1', verb: 'refund' };
  const words: PackedWord[] = [{ kind: 'pending', reference: 're_1' }, { kind: 'succeeded', reference: 're_1' }, { kind: 'declined', reference: 're_1', failure_reason: 'unknown' }];
  for (const order of orders(words)) assert.equal(order.reduce((attempt, word, n) => merge(attempt, word, n), refund).state, 'declined');
});

test('only what is over or was never tried may be followed by another attempt', () => {
  const over = { sending: false, unknown: false, pending: false, requires_action: false, authorized: false, failed: true, declined: true, canceled: true, succeeded: true } as const;
  for (const [state, is] of Object.entries(over)) assert.equal(isOver(state as AttemptRow['state']), is, state);
});

test('a word is kept as JSON with its amounts', () => {
  const word: Succeeded = {
    kind: 'succeeded', reference: 'ch_1', captured: true, fees: [{ type: 'processing', description: '2.9 %', amount: 12_345_678_901_234_567n }], network_transaction_id: null, authorization_code: null, three_d_secure: null,
    assessment: { type: 'authorized', network_status: 'approved_by_network', reason: null, risk_level: 'normal', risk_score: 20 }, available: 'now', foretold: [],
  };
  assert.deepEqual(unpack<Succeeded>(JSON.parse(JSON.stringify(pack(word))) as PackedWord), word);
  assert.equal(stateOf('capture', { kind: 'succeeded' }), 'succeeded');
});
