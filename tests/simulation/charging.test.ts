/** Payments at processors that lose requests and answers, by a server that is killed. KONTOR_TEST_CHARGES sets how many there are, KONTOR_TEST_CHARGE_KILLS how many kills, KONTOR_TEST_SEED chooses others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chargeUnderFire } from './charging.ts';

const CHARGES = Number(process.env['KONTOR_TEST_CHARGES'] ?? 1_000);
const KILLS = Number(process.env['KONTOR_TEST_CHARGE_KILLS'] ?? 10);
const SEED = Number(process.env['KONTOR_TEST_SEED'] ?? 1);

test(`${CHARGES} payments through breaking processors of three kinds, and ${KILLS} kills: each is taken once at most, and none is taken for what it is not`, async (t) => {
  const { charges, kills, faults, captured_twice, contradicted, unlisted, by_person, unbalanced, findings } = await chargeUnderFire({ charges: CHARGES, kills: KILLS, seed: SEED });
  t.diagnostic(`${charges} payments, ${kills} kills; requests went wrong: ${JSON.stringify(faults)}; a person had to look: ${JSON.stringify(by_person)}`);
  assert.deepEqual(captured_twice.slice(0, 10), []);
  assert.deepEqual(contradicted.slice(0, 10), []);
  assert.deepEqual(unlisted.slice(0, 10), []);
  assert.deepEqual(unbalanced, []);
  assert.deepEqual(findings.slice(0, 10), []);
  assert.equal(charges, CHARGES);
  assert.equal(kills, KILLS);
  // Where a processor recognises its operations or lets itself be searched, nobody has to look.
  assert.deepEqual([by_person.key, by_person.search], [0, 0]);
  assert.ok(by_person.nothing > 0, 'no answer of the third kind of processor was lost for good, which shows nothing');
});

test('who believes that every processor recognises a repeated request is found out', async (t) => {
  const { captured_twice } = await chargeUnderFire({ charges: 90, kills: 0, seed: SEED, gullible: true });
  t.diagnostic(`${captured_twice.length} payments were taken twice`);
  assert.ok(captured_twice.length > 0);
});
