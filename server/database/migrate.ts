/**
 * Brings a database to the schema of this version: plain SQL files, numbered without a gap, each applied once, in order, in a transaction of its own, and recorded with its checksum.
 * Several processes may start at once; one migrates, the others wait for it.
 */

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClientBase } from 'pg';
import { keepAhead } from '../ledger/position.ts';
import { StartRefused } from '../refused.ts';

export type Migration = { readonly version: number; readonly name: string; readonly sql: string; readonly checksum: string };

export const migrationsDirectory = join(import.meta.dirname, 'migrations');

/** The files of a directory in their order: `0001_beginning.sql`, `0002_….sql`. */
export async function readMigrations(directory: string = migrationsDirectory): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(names.map(async (name, index) => {
    const version = Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1] ?? NaN);
    if (version !== index + 1) throw new StartRefused(`The migration ${name} is out of order: number ${String(index + 1).padStart(4, '0')} is expected, and a name such as 0001_beginning.sql.`);
    const sql = await readFile(join(directory, name), 'utf8');
    return { version, name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
  }));
}

/** Applies what is missing, as the owner of the tables, and returns the names of what was applied. Refuses when an applied file has changed, or when the database is of a later version. */
export async function migrate(owner: ClientBase, migrations?: readonly Migration[]): Promise<string[]> {
  const wanted = migrations ?? await readMigrations();
  await owner.query(`select pg_advisory_lock(hashtext('kontor.migrate'))`);
  try {
    const missing = await pending(owner, wanted);
    for (const migration of missing) await apply(owner, migration);
    if (missing.length > 0) await owner.query(WORLDS_ARE_FEW);
    await keepAhead(owner);
    return missing.map(({ name }) => name);
  } finally {
    await owner.query(`select pg_advisory_unlock(hashtext('kontor.migrate'))`);
  }
}

/**
 * Tells the planner what it cannot know of a table that was never analyzed: that `world` says next to nothing about a row. It would guess that one row in two hundred has a given world, and
 * would then read a whole world to find one row by its id: quadratic work for a first import or billing run, in statements and foreign keys alike, until autovacuum comes by.
 */
const WORLDS_ARE_FEW = `
  select pg_restore_attribute_stats('schemaname', n.nspname::text, 'relname', c.relname::text, 'attname', 'world', 'inherited', false, 'version', current_setting('server_version_num')::integer,
    'null_frac', 0::real, 'avg_width', 4, 'n_distinct', 1::real)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid and a.attname = 'world'
  where n.nspname = 'public' and c.relkind = 'r' and not exists (select from pg_stats s where s.schemaname = n.nspname and s.tablename = c.relname and s.attname = 'world')`;

async function pending(owner: ClientBase, wanted: readonly Migration[]): Promise<readonly Migration[]> {
  const { rows: [found] } = await owner.query<{ exists: boolean }>(`select to_regclass('public.schema_migrations') is not null as exists`);
  if (!found!.exists) {
    await owner.query(`
      create table public.schema_migrations (version integer primary key, name text not null, checksum text not null, applied_at timestamptz not null default now());
      grant select on public.schema_migrations to kontor_app`);
  }
  const { rows: applied } = await owner.query<{ version: number; name: string; checksum: string }>('select version, name, checksum from public.schema_migrations order by version');
  for (const [index, each] of applied.entries()) {
    const file = wanted[index];
    if (file === undefined) throw new StartRefused(`The database was migrated by a later version of Kontor (${each.name}). Start that version or a later one.`);
    if (file.checksum !== each.checksum) {
      throw new StartRefused(`The migration ${each.name} has changed since it was applied to this database (now ${file.name}). Put the file back as it was, and write a new migration for the change.`);
    }
  }
  return wanted.slice(applied.length);
}

async function apply(owner: ClientBase, { version, name, sql, checksum }: Migration): Promise<void> {
  await owner.query('begin');
  try {
    await owner.query(sql);
    await owner.query('insert into public.schema_migrations (version, name, checksum) values ($1, $2, $3)', [version, name, checksum]);
    await owner.query('commit');
  } catch (error) {
    await owner.query('rollback').catch(() => undefined);
    const { message, position, detail } = error as { message: string; position?: string; detail?: string };
    const line = position === undefined ? '' : `, line ${sql.slice(0, Number(position)).split('\n').length}`;
    throw new Error(`The migration ${name}${line} failed, and nothing of it was applied: ${message}${detail === undefined ? '' : ` (${detail})`}`, { cause: error });
  }
}
