import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statementName } from './sql.ts';

test('the same text has the same name, and only so many texts have one', () => {
  const names = Array.from({ length: 3_000 }, (_, n) => statementName(`select ${n}`));
  const named = names.filter((name) => name !== undefined);
  assert.equal(new Set(named).size, named.length);
  assert.equal(named.length, 2_000);
  assert.equal(statementName('select 1'), names[1]);
});
