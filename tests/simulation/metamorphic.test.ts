/** What must make no difference to a life makes none. KONTOR_TEST_METAMORPHIC sets how many lives each is tried on, KONTOR_TEST_SEED where they begin. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { orderOfGrants, orderOfUsage, previewIsActual, splitGrant, splitItem, thereAndBack, voidAndReissue, type Finding } from './metamorphic.ts';

const COUNT = Number(process.env['KONTOR_TEST_METAMORPHIC'] ?? 200);
const SEED = Number(process.env['KONTOR_TEST_SEED'] ?? 0);

const FEW = Math.ceil(COUNT / 8);

const properties: readonly [what: string, property: (seed: number) => Finding, count?: number][] = [
  ['the order in which usage is reported, and in how many parts, is irrelevant', orderOfUsage],
  ['an item that is split in two costs what the whole does', splitItem],
  ['an upgrade and a downgrade in the same second are nothing', thereAndBack],
  ['an invoice that is voided and issued anew is the same', voidAndReissue],
  ['what is previewed is what is then billed', previewIsActual],
  ['a grant of credit that comes in two parts gives what the whole does', splitGrant, FEW],
  ['the order in which grants come, and are used, is irrelevant to what they give together', orderOfGrants, FEW],
];

for (const [what, property, count = COUNT] of properties) {
  test(`on ${count} lives, ${what}`, () => {
    const found: string[] = [];
    let tried = 0;
    for (let seed = SEED; tried < count && found.length < 3; seed += 1) {
      const finding = property(seed);
      if (finding !== undefined) tried += 1;
      if (finding) found.push(`Life ${seed}. Once more: KONTOR_TEST_METAMORPHIC=1 KONTOR_TEST_SEED=${seed} npm test -- tests/simulation/metamorphic\n${finding}`);
    }
    assert.equal(found.length, 0, found.join('\n\n'));
  });
}
