import { test } from 'node:test';
import assert from 'node:assert/strict';
import { openLog, told } from './log.ts';

test('a line of the log has no card number, whatever went wrong and wherever it stood', () => {
  const lines: string[] = [];
  const log = openLog('info', (line) => lines.push(line));
  const error = new Error('no such card 4242424242424242', { cause: new Error('4000-0566-5566-5556') });
  log.error('A request for 378282246310005 failed.', { path: '/v1/customers/4242424242424242', number: 4242424242424242, at: 1795838400000, big: 4242424242424242n, ...told(error) });
  assert.equal(lines.length, 1);
  const line = JSON.parse(lines[0]!) as Record<string, unknown>;
  assert.doesNotMatch(lines[0]!, /4242|3782|5556/);
  assert.deepEqual([line.message, line.path, line.number, line.at, line.error], ['A request for [card number] failed.', '/v1/customers/[card number]', '[card number]', 1795838400000, 'no such card [card number]']);
});
