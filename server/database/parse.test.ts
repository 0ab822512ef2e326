import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { testDatabase } from '../../tests/postgres.ts';
import { instant } from './parse.ts';

test('times are read as whole seconds, fractions cut towards the past', () => {
  for (const [text, seconds] of [
    ['1970-01-01 00:00:00+00', 0],
    ['1969-12-31 23:59:59.5+00', -1],
    ['2024-02-29 12:00:00+00', 1709208000],
    ['2026-11-22 10:14:00.999999+00', 1795342440],
    ['2026-11-22 15:44:00+05:30', 1795342440],
    ['2026-11-22 06:14:00.25-04', 1795342440],
    ['1891-01-01 00:00:00+00:09:21', -2492986161],
    ['0001-01-01 00:00:00+00', -62135596800],
    ['9999-12-31 23:59:59+00', 253402300799],
  ] as const) assert.equal(instant(text), seconds, text);
});

test('times that no bill can hold are refused', () => {
  for (const text of ['infinity', '-infinity', '10000-01-01 00:00:00+00', '0044-03-15 00:00:00+00 BC']) assert.throws(() => instant(text), /years 1 and 9999/);
});

test('every second between the years 1 and 9999 comes back as it was', () => {
  fc.assert(fc.property(fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }), (seconds) => {
    const text = new Date(seconds * 1000).toISOString().replace('T', ' ').replace('.000Z', '+00');
    assert.equal(instant(text), seconds);
  }), { numRuns: 2000 });
});

test('what PostgreSQL holds is read without passing through a float', async () => {
  const { pool } = await testDatabase();
  const { rows } = await pool.query(`
    select 9223372036854775807::int8 as big, 0.10::numeric as exact, 12345678901234567890.123456789012::numeric as long, 7::int4 as small, true as yes, null::int8 as nothing,
      to_timestamp(1795342440) as at, '2026-01-31'::date as day, '{"a": [1, "2"]}'::jsonb as json, array[1, null]::int8[] as bigs, array['1.10', null]::numeric[] as exacts,
      array[to_timestamp(0), null] as times, array['{"b": null}']::jsonb[] as jsons, array['a"b', null] as texts, '\\x00ff'::bytea as bytes`);
  assert.deepEqual(rows[0], {
    big: 9223372036854775807n, exact: '0.10', long: '12345678901234567890.123456789012', small: 7, yes: true, nothing: null,
    at: 1795342440, day: '2026-01-31', json: { a: [1, '2'] }, bigs: [1n, null], exacts: ['1.10', null],
    times: [0, null], jsons: [{ b: null }], texts: ['a"b', null], bytes: Buffer.from([0, 255]),
  });
});
