/** The engine against the reference model, on random lives. KONTOR_TEST_HISTORIES sets how many, KONTOR_TEST_SEED where they begin. */
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Covered } from './covered.ts';
import type { History } from './reference/history.ts';
import { judge, judgeAll } from './simulate.ts';

const COUNT = Number(process.env['KONTOR_TEST_HISTORIES'] ?? 20_000);
const SEED = Number(process.env['KONTOR_TEST_SEED'] ?? 0);

type Share = { first: number; count: number };

/** A share of the lives, in a thread of its own. */
function inThread(share: Share): Promise<ReturnType<typeof judgeAll>> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: share });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

if (isMainThread) {
  test(`${COUNT} random lives are billed the same by the engine and by the book, and leave nothing out`, async (t) => {
    const threads = Math.min(2, availableParallelism());
    const each = Math.ceil(COUNT / threads);
    const all = await Promise.all(Array.from({ length: threads }, (_, n) => inThread({ first: SEED + n * each, count: each })));
    const found = all.flatMap((share) => share.found);
    assert.equal(found.length, 0, `${found.length} lives are billed in two ways.\n\n${found.slice(0, 3).map((difference) => difference.text).join('\n\n')}`);
    const covered = new Covered();
    for (const share of all) covered.add(share.covered);
    for (const line of covered.tell()) t.diagnostic(line);
    if (COUNT < 2_000) return;
    for (const [step, count] of covered.done) assert.ok(count >= COUNT / 200, `a life in two hundred takes the step ${step}, only ${count} did`);
    for (const [trait] of covered.traits) assert.ok(covered.share(trait) >= 0.004, `four lives in a thousand have ${trait}, only ${covered.traits.get(trait)} had`);
  });

  const seeds = Array.from({ length: 400 }, (_, seed) => seed);
  for (const [what, disturb] of [
    ['an action that comes a second late', (history) => ({ ...history, actions: history.actions.map((action, n) => (n === 0 ? { ...action, at: action.at + 1 } : action)) })],
    ['a discount that is forgotten', (history) => ({ ...history, discounts: history.discounts.slice(1) })],
    ['an event of usage that is lost', (history) => ({ ...history, usage: history.usage.slice(1) })],
    ['an event of usage whose model is forgotten', (history) => ({ ...history, usage: history.usage.map(({ model: _, ...use }) => use) })],
    ['a tax rate that is forgotten', (history) => ({ ...history, default_tax_rates: [] })],
    ['one more of an item', (history) => ({ ...history, items: history.items.map((item, n) => (n === 0 && item.price.usage_type === 'licensed' ? { ...item, quantity: item.quantity + 1 } : item)) })],
  ] as [string, (history: History) => History][]) {
    test(`it would be found: ${what}`, () => assert.ok(seeds.some((seed) => judge(seed, disturb) !== null)));
  }
} else {
  const { first, count } = workerData as Share;
  parentPort!.postMessage(judgeAll(first, count));
}
