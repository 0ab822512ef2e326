/** Workers that die in the middle of a billing run. KONTOR_TEST_KILLS sets how many do, KONTOR_TEST_SEED chooses the moments. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killWorkers } from './killing.ts';

const KILLS = Number(process.env['KONTOR_TEST_KILLS'] ?? 50);
const SEED = Number(process.env['KONTOR_TEST_SEED'] ?? 1);

test(`${KILLS} workers are killed while a thousand subscriptions are billed, and nothing is double, missing, out of balance or lost`, async (t) => {
  const { findings, miscounted, charged_twice, invoices, busy_kills } = await killWorkers({ subscriptions: 1_000, kills: KILLS, step_s: 3_600, seed: SEED });
  t.diagnostic(`${invoices} invoices; ${busy_kills} of ${KILLS} workers were killed while there was something to do`);
  assert.deepEqual(findings.slice(0, 10), []);
  assert.deepEqual(miscounted.slice(0, 10), []);
  assert.deepEqual(charged_twice, []);
  assert.ok(busy_kills > KILLS / 4, 'most workers were killed while they were idle, which shows nothing');
});

test('the same run without transactions is found out', async (t) => {
  const { findings } = await killWorkers({ subscriptions: 300, kills: 8, step_s: 12 * 3_600, seed: SEED, naive: true });
  // What is merely late could still be done; what nothing will do any more, or is there in part, could not.
  const lost = findings.filter(({ invariant, sentence }) => invariant !== 'I2' || sentence.includes('no timer'));
  t.diagnostic(`${lost.length} things are lost, double or there in part`);
  assert.ok(lost.length > 0);
});
