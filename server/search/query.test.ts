import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseQuery } from './query.ts';

const read = (query: string) => parseQuery(query).clauses.map(({ negated, field, key, operator, value }) => [negated, field, key, operator, value]);

test('a query is clauses, joined by AND, by OR, or by a space, which is AND', () => {
  assert.deepEqual(read('email:"jenny@example.com"'), [[false, 'email', null, ':', 'jenny@example.com']]);
  assert.deepEqual(read(`-name~'O\\'Hara'  and metadata["a key"]:"\\"x\\""`), [[true, 'name', null, '~', "O'Hara"], [false, 'metadata', 'a key', ':', '"x"']]);
  assert.deepEqual(read('amount>=-5 created<"1700000000" customer:NULL url:"null"').map(([, , , operator, value]) => [operator, value]), [['>=', '-5'], ['<', '1700000000'], [':', null], [':', 'null']]);
  assert.deepEqual([parseQuery('a:1 OR b:2 or c:3').joined, parseQuery('a:1 b:2').joined, parseQuery('a:1').joined], ['or', 'and', 'and']);
  assert.deepEqual(read('text:"AND it ends"'), [[false, 'text', null, ':', 'AND it ends']]);
});

test('what is no query is refused with what is wrong', () => {
  for (const query of ['', ' ', 'email', 'email:', 'email:jenny', 'email:"jenny', 'email = "x"', '(a:1)', 'a:1 AND', 'a:1 AND b:2 OR c:3', 'a:1 b:2 OR c:3', 'a:1AND b:2', 'metadata[key]:"v"', 'AND a:1', Array(11).fill('a:1').join(' AND ')]) {
    assert.throws(() => parseQuery(query), { param: 'query' }, query);
  }
});
