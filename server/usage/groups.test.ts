/** The groups of a price are told in two places, here and in the database: both must say the same. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { groupOf } from '../../billing/pricing/dimensions.ts';
import { testDatabase, type TestDatabase } from '../../tests/postgres.ts';
import { arrayText, rows, sql } from '../database/sql.ts';
import { groupNumber, groupsText } from './spans.ts';

let database: TestDatabase;
before(async () => { database = await testDatabase(); });
after(() => database.close());

const value = fc.constantFrom('a', 'b', 'ä', '"', '', '1');
const key = fc.constantFrom('model', 'region', 'it"s');
const groups = fc.array(fc.record({ dimensions: fc.dictionary(key, fc.array(value.filter((each) => each !== ''), { minLength: 1, maxLength: 3 }), { minKeys: 1, maxKeys: 3 }) }), { maxLength: 5 });

test('a thousand combinations of values fall into the same groups', async () => {
  const cases = fc.sample(fc.record({ values: fc.dictionary(key, value), groups }), { numRuns: 1_000, seed: 7 });
  const dimensions = cases.map(({ values }) => (Object.keys(values).length === 0 ? '' : JSON.stringify(values)));
  const found = await database.asOwner((tx) => rows<{ group: number }>(
    tx as never,
    sql`select ${groupNumber(sql`r.dimensions`, sql`r.groups`)} as "group" from unnest(${arrayText(dimensions, true)}::text[], ${arrayText(cases.map((each) => groupsText(each.groups)), true)}::jsonb[]) with ordinality as r (dimensions, groups, n) order by n`,
  ));
  assert.deepEqual(found.map(({ group }) => group), cases.map((each) => groupOf(each.groups, each.values)));
  assert.ok(new Set(found.map(({ group }) => group)).size > 3);
});
