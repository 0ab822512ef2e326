/** Workers that die in the middle of a billing run. KONTOR_TEST_KILLS sets how many do, KONTOR_TEST_SEED chooses the moments. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killWorkers } from './killing.ts';

const KILLS = Number(process.env['KONTOR_TEST_KILLS'] ?? 50);
const SEED = Number(process.env['KONTOR_TEST_SEED'] ?? 1);

test(`${KILLS} workers are killed while a thousand subscriptions are billed, and nothing is double, missing, out of balance or lost`, async (t) => {
  const { findings, miscounted, charged_twice, invoices, busy_kills } = await killWorkers({ subscriptions: 1_000, kills: KILLS, seed: SEED });
  t.diagnostic(`${invoices} invoices; ${busy_kills} of ${KILLS} workers were killed while there was something to do`);
  assert.deepEqual(findings.slice(0, 10), []);
  assert.deepEqual(miscounted.slice(0, 10), []);
  assert.deepEqual(charged_twice, []);
  assert.ok(busy_kills > KILLS / 4, 'most workers were killed while they were idle, which shows nothing');
});

test('the same run without transactions is found out', async (t) => {
  const { findings, miscounted } = await killWorkers({ subscriptions: 200, kills: 8, seed: SEED, naive: true });
  t.diagnostic(`${findings.length} findings, ${miscounted.length} subscriptions with a wrong number of invoices`);
  assert.ok(findings.length + miscounted.length > 0);
});
