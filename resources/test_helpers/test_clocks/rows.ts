import type { TestClockRow } from '../../../billing/test_clock.ts';
import type { Context } from '../../../server/context.ts';
import { join, raw, rows, rowsById, sql, type Sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';
import { lockLanes } from '../../../server/lanes.ts';

export function lockClocks(tx: Tx, ids: readonly string[]): Promise<TestClockRow[]> {
  lockLanes(tx, ids);
  return rowsById<TestClockRow>(tx, 'test_clocks', ids, true);
}

type Reference = { child: string; column: string; parent: string };

/** Every foreign key, and every column that names a customer without being one. The ledger and usage are only ever added to. */
function readReferences(tx: Tx): Promise<Reference[]> {
  return rows<Reference>(
    tx,
    sql`select f.conrelid::regclass::text as child, a.attname as column, f.confrelid::regclass::text as parent
        from pg_constraint f join pg_attribute a on a.attrelid = f.conrelid and a.attnum = any(f.conkey)
        where f.contype = 'f' and f.connamespace = 'public'::regnamespace and a.attname <> 'world'
        union
        select c.oid::regclass::text, a.attname, 'customers'
        from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attname = 'customer' and has_table_privilege(c.oid, 'delete')`,
  );
}

/**
 * Deletes all rows that hang on clocks by foreign keys, in whatever table: found from parents to children, in the order in which the tables were made,
 * and deleted from children to parents, each table at once. A key that points back to a later table, such as a customer's default payment method, owns nothing.
 */
export async function deleteHanging(ctx: Context, clocks: readonly string[]): Promise<void> {
  const references = Map.groupBy(await readReferences(ctx.tx), (reference) => reference.child);
  const doomed = new Map<string, readonly string[]>([['test_clocks', clocks]]);
  const conditions: { table: string; where: Sql }[] = [];
  for (const [table, { columns }] of ctx.app.columns) {
    const held = (references.get(table) ?? []).filter(({ parent }) => parent !== table && (doomed.get(parent)?.length ?? 0) > 0);
    if (held.length === 0) continue;
    const where = join(held.map(({ column, parent }) => sql`${raw(column)} = any(${doomed.get(parent)}::text[])`), ' or ');
    conditions.push({ table, where });
    if (!columns.some((column) => column.name === 'id')) continue;
    const found = await rows<{ id: string }>(ctx.tx, sql`select id from ${raw(table)} where ${where} order by id for update`);
    doomed.set(table, found.map((each) => each.id));
  }
  for (const { table, where } of conditions.toReversed()) await rows(ctx.tx, sql`delete from ${raw(table)} where ${where}`);
}
