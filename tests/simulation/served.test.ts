/** The whole server against the reference model: random lives, lived by the official client. KONTOR_TEST_SERVED sets how many, KONTOR_TEST_SEED where they begin. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atOnce } from '../conformance/raw.ts';
import { startKontor } from '../kontor.ts';
import { randomHistory } from './reference/random.ts';
import { recompute } from './reference/recompute.ts';
import { Served } from './served.ts';
import { historyText, outcomeText, sideBySide } from './tell.ts';

const COUNT = Number(process.env['KONTOR_TEST_SERVED'] ?? 40);
const SEED = Number(process.env['KONTOR_TEST_SEED'] ?? 0);

const kontor = await startKontor();
after(() => kontor.close());

test(`${COUNT} random lives are billed by the server as by the book`, async () => {
  const found: string[] = [];
  const seeds = Array.from({ length: COUNT }, (_, n) => SEED + n);
  await atOnce(seeds, 3, async (seed) => {
    const { by_day: _byDay, ...life } = randomHistory(seed);
    // An amount that is added by hand names no product, nothing can be added to a subscription that has ended, and how parts of periods are counted is a setting of the account.
    const end = recompute(life).ended_at ?? Infinity;
    const history = { ...life, pending: life.pending.filter((item) => item.of === 'customer' || item.at < end).map((item) => ({ ...item, product: null })) };
    const book = outcomeText(recompute(history));
    const served = await new Served(kontor, history).live().then(outcomeText, (error: Error) => [`  failed: ${error.stack}`]);
    if (book.join('\n') !== served.join('\n')) found.push([`Life ${seed}. Once more: KONTOR_TEST_SERVED=1 KONTOR_TEST_SEED=${seed} npm test -- tests/simulation/served`, ...historyText(history), 'comes to', ...sideBySide(book, served)].join('\n'));
  });
  assert.equal(found.length, 0, `${found.length} lives are billed in two ways.\n\n${found.slice(0, 3).join('\n\n')}`);
});
