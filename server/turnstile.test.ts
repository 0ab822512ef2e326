import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NotReached, Turnstile } from './turnstile.ts';

/** Work that takes until it is let go. */
function works() {
  const inside: (() => void)[] = [];
  return { inside, work: () => new Promise<void>((resolve) => { inside.push(resolve); }) };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('no more than so many are inside at once, and all come to their turn', async () => {
  const { inside, work } = works();
  const turnstile = new Turnstile(3, 20_000);
  let done = 0;
  const all = Array.from({ length: 10 }, () => turnstile.pass(work).then(() => { done += 1; }));
  for (const [under_way, before] of [[3, 0], [3, 3], [3, 6], [1, 9]] as const) {
    await settled();
    assert.deepEqual([inside.length, done], [under_way, before]);
    for (const go of inside.splice(0)) go();
  }
  await Promise.all(all);
  assert.equal(done, 10);
});

test('what does not come to its turn in time is not begun, and stands in nobody\'s way', async () => {
  const { inside, work } = works();
  const turnstile = new Turnstile(1, 1);
  const first = turnstile.pass(work);
  await assert.rejects(turnstile.pass(work), NotReached);
  assert.equal(inside.length, 1);
  inside.pop()!();
  await first;
  const next = turnstile.pass(work);
  await settled();
  assert.equal(inside.length, 1);
  inside.pop()!();
  await next;
});

test('who fails inside gives its place to the next one', async () => {
  const turnstile = new Turnstile(1, 20_000);
  const failing = turnstile.pass(async () => { throw new Error('broken'); });
  const next = turnstile.pass(async () => 'done');
  await assert.rejects(failing, /broken/);
  assert.equal(await next, 'done');
});
