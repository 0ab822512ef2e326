/** Rows for tests that need what no request of theirs makes: what is not said is filled with something that the column takes. */
import { inWorld } from '../server/database/world.ts';
import type { Kontor } from './kontor.ts';

const FILLER: Record<string, unknown> = { boolean: false, integer: 0, bigint: 0, numeric: 0, jsonb: '{}', json: '{}', text: 'x', 'timestamp with time zone': '2026-01-01T00:00:00Z' };

/** Inserts a row; of the columns that are not given, those that must hold something get some value of their type. */
export async function insertRow({ database, world }: Kontor, table: string, given: Record<string, unknown>): Promise<void> {
  await inWorld(database.pool, world, async (tx) => {
    const { rows: columns } = await tx.query<{ name: string; type: string }>(
      `select a.attname as name, format_type(a.atttypid, null) as type from pg_attribute a
       where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped and a.attname <> 'world' and (a.attnotnull or a.attname = any($2::text[]))`,
      [table, Object.keys(given)],
    );
    const values = columns.map(({ name, type }) => given[name] ?? FILLER[type]);
    await tx.query(`insert into ${table} (${columns.map(({ name }) => `"${name}"`).join(', ')}) values (${columns.map((_, n) => `$${n + 1}`).join(', ')})`, values);
  });
}
