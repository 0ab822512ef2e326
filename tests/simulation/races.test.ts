/** Concurrent changes of one subscription equal some order of them. KONTOR_TEST_RACES sets how many races, KONTOR_TEST_SEED where they begin. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { atOnce } from '../conformance/raw.ts';
import { startKontor, type Kontor } from '../kontor.ts';
import { judgeRace, randomRace, stock } from './races.ts';

const COUNT = Number(process.env['KONTOR_TEST_RACES'] ?? 40);
const SEED = Number(process.env['KONTOR_TEST_SEED'] ?? 0);

let kontor: Kontor;
before(async () => { kontor = await startKontor(); });
after(() => kontor.close());

test(`${COUNT} races of up to 16 changes of a subscription each equal an order of their changes`, async () => {
  const goods = await stock(kontor);
  const found: string[] = [];
  await atOnce(Array.from({ length: COUNT }, (_, n) => SEED + n), 3, async (seed) => {
    const race = randomRace(seed, goods);
    const finding = await judgeRace(kontor, race).catch((error: Error) => `Race ${seed} failed: ${error.stack}`);
    if (finding !== null) found.push(finding);
  });
  assert.equal(found.length, 0, `${found.length} races are explained by no order.\n\n${found.slice(0, 3).join('\n\n')}`);
});
