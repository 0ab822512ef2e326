import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { testDatabase } from '../../tests/postgres.ts';
import { lend } from './database.ts';
import type { Queryable } from './world.ts';

/** Tables of the installation, not of a tenant. */
const ofTheHouse = ['accounts', 'worlds', 'schema_migrations', 'installation', 'usage_partitions', 'usage_folders', 'usage_leases', 'usage_losses'];
/** Their world is not the row's first key, since a key is found before its world is known. */
const foundByAnotherKey = ['api_keys'];

const names = (list: string[]): string => `(${list.map((name) => `'${name}'`).join(', ')})`;
const ofTheSchema = `c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')`;
const ofTenants = `${ofTheSchema} and c.relname not in ${names(ofTheHouse)}`;
const column = `pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped`;
const typed = `c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, null)`;
const money = `a.attname ~ '(^|_)(amount|subtotal|total|balance|fee|tax|cost|price|spend|revenue)(_|$)'
  and a.attname !~ '_(decimal|behavior|type|id|code|exempt|rate|rates|percent|bps|details)$'`;

/** What is always true of the schema, with the query that finds what breaks it. */
const laws: Record<string, string> = {
  'every tenant table has its world, which is never null': `
    select c.relname as what from pg_class c where ${ofTenants}
      and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'world' and a.attnotnull and a.atttypid = 'integer'::regtype)`,
  'the world is the first column of every unique index of a tenant table, so that worlds cannot collide': `
    select n.relname as what from pg_class c join pg_index i on i.indrelid = c.oid join pg_class n on n.oid = i.indexrelid
    where ${ofTenants} and c.relname not in ${names(foundByAnotherKey)} and i.indisunique
      and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attnum = i.indkey[0] and a.attname = 'world')`,
  'every table has a primary key': `
    select c.relname as what from pg_class c where ${ofTheSchema} and not exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary)`,
  'row security is enabled and forced on every tenant table, by a policy that compares the world': `
    select c.relname as what from pg_class c where ${ofTenants} and not (c.relrowsecurity and c.relforcerowsecurity and exists (
      select from pg_policy p where p.polrelid = c.oid and p.polcmd = '*' and p.polpermissive and pg_get_expr(p.polqual, p.polrelid) = '(world = kontor_world())'
        and pg_get_expr(p.polwithcheck, p.polrelid) = '(world = kontor_world())'))`,
  'whoever looks over all worlds can only look': `
    select c.relname || '.' || p.polname as what from pg_policy p join pg_class c on c.oid = p.polrelid
    where p.polname <> 'own_world' and not (p.polcmd = 'r' and pg_get_expr(p.polqual, p.polrelid) = '(kontor_world() = 0)')`,
  'a foreign key between tenant tables includes the world, so that no row refers to a row of another world': `
    select k.conname as what from pg_class c join pg_constraint k on k.conrelid = c.oid and k.contype = 'f' join pg_class r on r.oid = k.confrelid
    where ${ofTenants} and r.relname not in ${names(ofTheHouse)}
      and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'world' and a.attnum = any(k.conkey))`,
  'every foreign key has an index that begins with its columns': `
    select k.conname as what from pg_constraint k where k.contype = 'f' and k.connamespace = 'public'::regnamespace and k.conparentid = 0
      and not exists (select from pg_index i where i.indrelid = k.conrelid
        and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey and k.conkey @> (i.indkey::int2[])[0:cardinality(k.conkey) - 1])`,
  'money is a bigint': `select ${typed} as what from ${column} where ${ofTheSchema} and ${money} and a.atttypid in ('int2'::regtype, 'int4'::regtype, 'numeric'::regtype)`,
  'money has its currency in the same row': `
    select ${typed} as what from ${column} where ${ofTheSchema} and ${money} and a.atttypid = 'bigint'::regtype
      and not exists (select from pg_attribute b where b.attrelid = a.attrelid and b.attname = 'currency')`,
  'no column is a float': `select ${typed} as what from ${column} where ${ofTheSchema} and a.atttypid in ('real'::regtype, 'double precision'::regtype, 'money'::regtype)`,
  'times are timestamptz': `
    select ${typed} as what from ${column} where ${ofTheSchema} and (a.atttypid in ('timestamp'::regtype, 'date'::regtype, 'time'::regtype, 'timetz'::regtype)
      or (a.attname ~ '(_at|_date|_time)$|^(created|updated|at|timestamp)$' and a.atttypid in ('text'::regtype, 'integer'::regtype, 'bigint'::regtype, 'numeric'::regtype)))`,
  'ids compare by code point, so that pages are in one order on every machine': `
    select ${typed} as what from ${column} where ${ofTheSchema} and a.attname = 'id' and a.atttypid = 'text'::regtype
      and a.attcollation not in (select oid from pg_collation where collname = 'C')`,
  'kontor_app owns nothing': `select c.relname as what from pg_class c where ${ofTheSchema} and c.relowner = 'kontor_app'::regrole`,
  'kontor_app may not empty a table at once': `select c.relname as what from pg_class c where ${ofTheSchema} and has_table_privilege('kontor_app', c.oid, 'truncate')`,
  'the ledger can be written to, but neither changed nor removed from': `
    select name || ' ' || privilege as what from unnest(array['update', 'delete', 'truncate']) privilege, unnest(array['ledger_entries', 'ledger_seals']) name where has_table_privilege('kontor_app', name, privilege)`,
};

const database = await testDatabase();
after(() => database.close());

async function broken(db: Queryable, law: string): Promise<string[]> {
  const { rows } = await db.query<{ what: string }>(`${laws[law]} order by 1`);
  return rows.map(({ what }) => what);
}

for (const law of Object.keys(laws)) {
  test(law, async () => {
    assert.deepEqual(await database.asOwner((owner) => broken(owner, law)), []);
  });
}

test('each of these laws is found broken where it is', async () => {
  const bad = await testDatabase();
  await lend({ connectionString: bad.urls.superuser }, async (superuser) => {
    await superuser.query(`
      create table bad_things (id text unique, amount bigint, price numeric, weight real, created timestamp);
      create table bad_links (world integer not null, thing text references bad_things (id));
      create policy everything on bad_links using (true);
      alter table bad_links owner to kontor_app;
      grant update on ledger_entries to kontor_app`);
    for (const law of Object.keys(laws)) assert.notDeepEqual(await broken(superuser, law), [], law);
  });
});
