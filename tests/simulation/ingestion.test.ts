/**
 * Usage while the server and PostgreSQL are killed, and, through a cluster of three JetStream servers, while these and the workers that count are killed, too. KONTOR_TEST_USAGE sets how many events there are, KONTOR_TEST_USAGE_KILLS how many kills, KONTOR_TEST_USAGE_CRASHES how often PostgreSQL crashes as
 * well, KONTOR_TEST_SEED chooses others; KONTOR_TEST_NATS_USAGE and KONTOR_TEST_NATS_KILLS say the same for JetStream.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testNats } from '../nats.ts';
import { crashPostgres, ingestUnderFire } from './ingestion.ts';

const EVENTS = Number(process.env['KONTOR_TEST_USAGE'] ?? 100_000);
const KILLS = Number(process.env['KONTOR_TEST_USAGE_KILLS'] ?? 3);
const CRASHES = Number(process.env['KONTOR_TEST_USAGE_CRASHES'] ?? 2);
const SEED = Number(process.env['KONTOR_TEST_SEED'] ?? 1);

test(`${EVENTS} events, some of them twice, late or out of order, are counted once each while the server is killed ${KILLS} times, and PostgreSQL ${CRASHES} times`, async (t) => {
  // A crash of the PostgreSQL that all tests share would be one of theirs, too.
  delete process.env['KONTOR_TEST_POSTGRES'];
  const { findings, miscounted, sent, replaced, kills } = await ingestUnderFire({ events: EVENTS, kills: KILLS, crashes: CRASHES, seed: SEED }, CRASHES > 0 ? crashPostgres : null);
  t.diagnostic(`${sent} events were sent, and the server was killed ${kills} times, PostgreSQL ${CRASHES} times`);
  assert.deepEqual(miscounted.slice(0, 10), []);
  assert.deepEqual(findings.slice(0, 10), []);
  assert.equal(replaced, 0);
  assert.equal(kills, KILLS);
});

const NATS_EVENTS = Number(process.env['KONTOR_TEST_NATS_USAGE'] ?? 3_000);
const NATS_KILLS = Number(process.env['KONTOR_TEST_NATS_KILLS'] ?? 3);

test(`${NATS_EVENTS} events through three JetStream servers are counted once each while these, the server and the workers are killed ${NATS_KILLS} times`, async (t) => {
  const nats = await testNats(3);
  if (typeof nats === 'string') return t.skip(nats);
  try {
    const { findings, miscounted, sent, replaced, kills } = await ingestUnderFire({ events: NATS_EVENTS, kills: NATS_KILLS, crashes: 0, seed: SEED }, null, nats);
    t.diagnostic(`${sent} events were sent, and ${kills} processes were killed`);
    assert.deepEqual(miscounted.slice(0, 10), []);
    assert.deepEqual(findings.slice(0, 10), []);
    assert.equal(replaced, 0);
    assert.equal(kills, NATS_KILLS);
  } finally {
    await nats.stop();
  }
});
