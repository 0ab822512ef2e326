/** Outcomes while the server is killed: judging, taking back, billing and correcting. KONTOR_TEST_OUTCOME_KILLS sets how often, KONTOR_TEST_SEED chooses other moments and events. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeUnderFire } from './outcome_fire.ts';

const KILLS = Number(process.env['KONTOR_TEST_OUTCOME_KILLS'] ?? 4);
const CUSTOMERS = Number(process.env['KONTOR_TEST_OUTCOME_CUSTOMERS'] ?? 20);
const SEED = Number(process.env['KONTOR_TEST_SEED'] ?? 1);

test(`the outcomes of ${CUSTOMERS} customers, and what is billed for them, are what the final truth comes to, though the server is killed ${KILLS} times`, async (t) => {
  const { findings, misjudged, misbilled, events, corrections, reversed, busy_kills } = await judgeUnderFire({ customers: CUSTOMERS, kills: KILLS, seed: SEED });
  t.diagnostic(`${events} events, ${reversed} successes that were taken back, ${corrections} corrections; ${busy_kills} of ${KILLS} kills came while something was to be done`);
  assert.deepEqual(misjudged.slice(0, 10), []);
  assert.deepEqual(misbilled.slice(0, 10), []);
  assert.deepEqual(findings.slice(0, 10), []);
  assert.ok(corrections > CUSTOMERS / 2 && reversed > 0, 'little was corrected or taken back, which shows little');
});
