/** Concurrent changes of one subscription equal some order of them. KONTOR_TEST_RACES sets how many races, KONTOR_TEST_SEED where they begin. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { machineClock } from '../../server/clock.ts';
import { atOnce } from '../conformance/raw.ts';
import { startKontor, type Kontor } from '../kontor.ts';
import { judgeRace, randomRace, stock, type Wall } from './races.ts';

const COUNT = Number(process.env['KONTOR_TEST_RACES'] ?? 40);
/** How many of them take place in real time. */
const REAL = Math.ceil(COUNT / 5);
const START = Date.UTC(2026, 0, 31, 12, 30) / 1_000;
const SEED = Number(process.env['KONTOR_TEST_SEED'] ?? 0);

async function race(count: number, kontor: Kontor, wall?: Wall): Promise<void> {
  const goods = await stock(kontor);
  const found: string[] = [];
  // Real time is one for all, so those races take place one after the other.
  await atOnce(Array.from({ length: count }, (_, n) => SEED + n), wall ? 1 : 3, async (seed) => {
    const finding = await judgeRace(kontor, randomRace(seed, goods, wall && START), wall).catch((error: Error) => `Race ${seed} failed: ${error.stack}`);
    if (finding !== null) found.push(finding);
  });
  assert.equal(found.length, 0, `${found.length} races are explained by no order.\n\n${found.slice(0, 3).join('\n\n')}`);
}

test(`${COUNT} races of up to 16 changes of a subscription each equal an order of their changes`, async () => {
  const kontor = await startKontor();
  await race(COUNT, kontor).finally(() => kontor.close());
});

test(`${REAL} of them at the end of a period in real time, with two workers, do so, too`, async () => {
  const wall = { now: START };
  const kontor = await startKontor({ works: false, clock: machineClock(() => wall.now * 1_000) });
  await race(REAL, kontor, wall).finally(() => kontor.close());
});
