/**
 * Usage while the server is killed. KONTOR_TEST_USAGE sets how many events there are, KONTOR_TEST_USAGE_KILLS how many kills, KONTOR_TEST_USAGE_CRASHES how often PostgreSQL crashes as well (only
 * where this file is run alone, since it would take the other tests' databases with it), KONTOR_TEST_SEED chooses others.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crashPostgres, ingestUnderFire } from './ingestion.ts';

const EVENTS = Number(process.env['KONTOR_TEST_USAGE'] ?? 10_000);
const KILLS = Number(process.env['KONTOR_TEST_USAGE_KILLS'] ?? 3);
const CRASHES = Number(process.env['KONTOR_TEST_USAGE_CRASHES'] ?? 0);
const SEED = Number(process.env['KONTOR_TEST_SEED'] ?? 1);

test(`${EVENTS} events, some of them twice, late or out of order, are counted once each while the server is killed ${KILLS} times`, async (t) => {
  const { findings, miscounted, sent, replaced, kills } = await ingestUnderFire({ events: EVENTS, kills: KILLS, crashes: CRASHES, seed: SEED }, CRASHES > 0 ? crashPostgres : null);
  t.diagnostic(`${sent} events were sent, and the server was killed ${kills} times, PostgreSQL ${CRASHES} times`);
  assert.deepEqual(miscounted.slice(0, 10), []);
  assert.deepEqual(findings.slice(0, 10), []);
  assert.equal(replaced, 0);
  assert.equal(kills, KILLS);
});
