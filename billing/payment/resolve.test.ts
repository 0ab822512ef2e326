import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWordOf, lookAgainIn, waysTo, wordOfAbsence, wordOfPerson, type Recognition } from './resolve.ts';

const HOUR = 3_600;
const keyed: Recognition = { idempotency: 'header', ttl_hours: 24, lookup: ['op_id', 'reference'], settles_in_s: 86_400 };
const searched: Recognition = { idempotency: 'none', ttl_hours: null, lookup: ['op_id'], settles_in_s: 600 };
const neither: Recognition = { idempotency: 'none', ttl_hours: null, lookup: ['reference'], settles_in_s: 0 };

test('a question that was never begun is put, whoever is asked', () => {
  for (const recognition of [keyed, searched, neither]) assert.deepEqual(waysTo({ begun: 0, age_s: 0, verb: 'charge' }, recognition), ['put']);
});

test('one that was begun is put again only while it is certain to be recognised', () => {
  const rows: [Recognition, age_s: number, string[]][] = [
    [keyed, 0, ['put', 'look_up']],
    [keyed, 23 * HOUR - 1, ['put', 'look_up']],
    // An hour before the key may be forgotten it is forgotten for us.
    [keyed, 23 * HOUR, ['look_up']],
    [{ ...keyed, ttl_hours: null }, 10_000 * HOUR, ['put', 'look_up']],
    [searched, 1, ['look_up']],
    [neither, 1, []],
    [neither, 10_000 * HOUR, []],
  ];
  for (const [recognition, age_s, ways] of rows) for (const begun of [1, 2, 50]) assert.deepEqual(waysTo({ begun, age_s, verb: 'refund' }, recognition), ways);
});

test('what a processor has never received has failed, once nothing of it can be under way', () => {
  assert.equal(wordOfAbsence(599, searched), null);
  assert.equal(wordOfAbsence(600, searched)?.kind, 'failed');
  // Until 23 hours after it was first begun it may have been put again, and a day later that would be found.
  assert.equal(wordOfAbsence(47 * HOUR - 1, keyed), null);
  assert.equal(wordOfAbsence(47 * HOUR, keyed)?.kind, 'failed');
  // What is put again for ever is never taken to be absent.
  assert.equal(wordOfAbsence(10_000 * HOUR, { ...keyed, ttl_hours: null }), null);
});

test('that a repetition was not taken is no word about what was put before', () => {
  const refused = { kind: 'failed', technical: true };
  assert.deepEqual([isWordOf(refused, 0, 'charge'), isWordOf(refused, 1, 'charge'), isWordOf({ kind: 'failed' }, 1, 'charge'), isWordOf({ kind: 'unknown' }, 0, 'charge'), isWordOf({ kind: 'succeeded' }, 3, 'charge')], [true, false, true, false, true]);
});

test('what has one effect however often it is put is put until it is answered', () => {
  for (const recognition of [keyed, searched, neither]) for (const begun of [0, 1, 50]) assert.deepEqual(waysTo({ begun, age_s: 10_000 * HOUR, verb: 'detach' }, recognition), ['put']);
  assert.deepEqual([isWordOf({ kind: 'failed', technical: true }, 0, 'detach'), isWordOf({ kind: 'failed' }, 0, 'detach'), isWordOf({ kind: 'succeeded' }, 7, 'detach')], [false, true, true]);
});

test('what takes days is looked up less and less often, and not for ever', () => {
  const rows: [known_s: number, wait: number | null][] = [[0, 900], [1_800, 900], [7_200, 3_600], [86_400, 43_200], [1_000_000, 86_400], [90 * 86_400, 86_400], [90 * 86_400 + 1, null]];
  for (const [known_s, wait] of rows) assert.equal(lookAgainIn(known_s), wait);
});

test('a person says what a processor would have said', () => {
  const done = { outcome: 'succeeded', reference: 'ref_1' } as const;
  const charged = wordOfPerson('charge', done, true);
  assert.deepEqual([charged.kind, 'captured' in charged && charged.captured, 'reference' in charged && charged.reference], ['succeeded', true, 'ref_1']);
  const reserved = wordOfPerson('charge', done, false);
  assert.equal('captured' in reserved && reserved.captured, false);
  assert.deepEqual(wordOfPerson('refund', done, true), { kind: 'succeeded', reference: 'ref_1', network_reference: null, foretold: [] });
  assert.deepEqual(wordOfPerson('capture', done, true), { kind: 'succeeded', reference: 'ref_1' });
  assert.equal(wordOfPerson('charge', { outcome: 'not_done', reference: null }, true).kind, 'failed');
});
