import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mayRetry, nextAttempt } from './dunning.ts';

const DAY = 86_400;

test('a payment is tried again three, five and seven days after its first failure, then given up', () => {
  const tried: number[] = [];
  for (let at: number | null = 0, count = 1; at !== null; at = nextAttempt(count++, at)) tried.push(at / DAY);
  assert.deepEqual(tried, [0, 3, 5, 7]);
});

test('a card that its issuer has closed is not tried again, another one is', () => {
  const error = (advice_code: string | null) => ({ advice_code, payment_method: 'pm_1' });
  assert.equal(mayRetry(null, 'pm_1'), true);
  assert.equal(mayRetry(error('try_again_later'), 'pm_1'), true);
  assert.equal(mayRetry(error('do_not_try_again'), 'pm_1'), false);
  assert.equal(mayRetry(error('do_not_try_again'), 'pm_2'), true);
});
