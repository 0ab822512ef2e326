import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { ATTEMPTS, DELIVERY_WINDOW, nextAttempt } from './schedule.ts';

const FIRST = 1_790_000_000;

function all(seed: string): number[] {
  const moments = [FIRST];
  for (;;) {
    const next = nextAttempt(moments.length, FIRST, seed, moments.at(-1)!);
    if (next === null) return moments;
    moments.push(next);
  }
}

test('an event is tried 15 times over 72 hours, then given up', () => {
  assert.equal(ATTEMPTS, 15);
  assert.equal(DELIVERY_WINDOW, 259_200);
  assert.equal(all('we_1:evt_1').length, 15);
  assert.equal(nextAttempt(15, FIRST, 'we_1:evt_1', FIRST), null);
  assert.equal(nextAttempt(99, FIRST, 'we_1:evt_1', FIRST), null);
});

test('attempts come in order, the last within the final half hour, whatever the seed', () => {
  fc.assert(
    fc.property(fc.string(), (seed) => {
      const moments = all(seed);
      for (let index = 1; index < moments.length; index++) assert.ok(moments[index]! > moments[index - 1]! + 20, `attempt ${index + 1} of ${seed}`);
      const last = moments.at(-1)! - FIRST;
      assert.ok(last > 71.5 * 3600 && last <= 72 * 3600);
    }),
    { numRuns: 2000 },
  );
});

test('after a week of absence the attempts that are left are spread over hours', () => {
  const back = FIRST + 7 * 86_400;
  const moments = [back];
  for (let attempt = 4; attempt < ATTEMPTS; attempt++) moments.push(nextAttempt(attempt, FIRST, 'we_1:evt_1', moments.at(-1)!)!);
  for (let index = 1; index < moments.length; index++) assert.ok(moments[index]! >= moments[index - 1]! + 2 * 60);
  assert.ok(moments.at(-1)! - back > 6 * 3600 && moments.at(-1)! - back < 12 * 3600);
});

test('an endpoint that is back after 71 hours is reached, one that is back after 73 is not', () => {
  for (let event = 0; event < 1000; event++) {
    const moments = all(`we_1:evt_${event}`);
    assert.ok(moments.some((at) => at >= FIRST + 71 * 3600));
    assert.ok(moments.every((at) => at < FIRST + 73 * 3600));
  }
});

test('the same seed gives the same moments, and 1,000 events of one second do not come back together', () => {
  assert.deepEqual(all('we_1:evt_1'), all('we_1:evt_1'));
  const seconds = new Map<number, number>();
  for (let event = 0; event < 1000; event++) {
    const at = nextAttempt(8, FIRST, `we_1:evt_${event}`, FIRST)!;
    seconds.set(at, (seconds.get(at) ?? 0) + 1);
  }
  // 1,000 events over 1,800 seconds: a second with more than 8 would be a bad spread.
  assert.ok(seconds.size > 700 && Math.max(...seconds.values()) <= 8);
});
