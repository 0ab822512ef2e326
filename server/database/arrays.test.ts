/** What PostgreSQL reads of an array in its own form is what was meant, to the ends of what there is. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { testDatabase } from '../../tests/postgres.ts';
import { instants, int8s, jsons } from './arrays.ts';
import { row, sql } from './sql.ts';

const database = await testDatabase();
after(() => database.close());

test('whole numbers and instants arrive as they are', async () => {
  const numbers = [0, 1, -1, 2 ** 32, -(2 ** 32) - 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
  const bigints = [...numbers.map(BigInt), 2n ** 63n - 1n, -(2n ** 63n)];
  const times = [0, 1, 946_684_799, 946_684_801, 1_795_862_400, 253_402_300_799];
  const ask = (some: (bigint | number)[], at: number[]) => database.asOwner((tx) => row(tx, sql`select ${int8s(some)}::bigint[] as numbers, ${instants(at)}::timestamptz[] as times`));
  assert.deepEqual(await ask(bigints, times), { numbers: bigints, times });
  assert.deepEqual(await ask(numbers, []), { numbers: numbers.map(BigInt), times: [] });
});

test('JSON arrives as it is, with letters of any length, and with nulls', async () => {
  const values = [{ a: '"\\\n', b: 'ß→𝄞' }, null, [], 'x', 'y'.repeat(70_000), { c: null }];
  const texts = values.map((value) => (value === null ? null : JSON.stringify(value)));
  assert.deepEqual(await database.asOwner((tx) => row(tx, sql`select to_json(${jsons(texts, 'json')}::json[]) as json, to_json(${jsons(texts, 'jsonb')}::jsonb[]) as jsonb`)), { json: values, jsonb: values });
});
