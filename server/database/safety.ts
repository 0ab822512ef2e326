/** What must be true of a database before Kontor keeps money in it, asked of the database itself at each start. */

import type { Queryable } from './world.ts';
import { StartRefused } from '../refused.ts';

/** Refuses a PostgreSQL that Kontor cannot work on, before anything is made in it. */
export async function assertFit(owner: Queryable): Promise<void> {
  const { rows: [found] } = await owner.query<{ number: number; version: string; encoding: string }>(
    `select current_setting('server_version_num')::int as number, current_setting('server_version') as version, current_setting('server_encoding') as encoding`,
  );
  const { number, version, encoding } = found!;
  if (number < 180_000) throw new StartRefused(`PostgreSQL is version ${version}, and Kontor needs 18 or later. Upgrade it, or start without DATABASE_URL: Kontor brings a PostgreSQL of its own.`);
  if (encoding !== 'UTF8') throw new StartRefused(`The database is encoded in ${encoding}, and Kontor needs UTF8. Make another with: create database … encoding 'UTF8' template template0.`);
}

/** Refuses, with a sentence for each thing that is wrong, unless this connection is safe to serve requests with. To be asked through `kontor_app`, after the migrations. */
export async function assertSafe(app: Queryable): Promise<void> {
  const wrong = [...(await settings(app)), ...(await role(app)), ...(await tables(app))];
  if (wrong.length > 0) throw new StartRefused(wrong.join('\n'));
}

const durable = {
  fsync: 'a crash of the machine could then lose or destroy everything',
  full_page_writes: 'a crash of the machine in the middle of writing a page could then destroy the page',
  synchronous_commit: 'a crash could then lose what was already acknowledged, such as a payment',
} as const;

async function settings(app: Queryable): Promise<string[]> {
  const { rows } = await app.query<{ name: keyof typeof durable; setting: string }>('select name, setting from pg_settings where name = any($1)', [Object.keys(durable)]);
  return rows.filter(({ setting }) => setting === 'off').map(({ name }) => `PostgreSQL runs with ${name} = off: ${durable[name]}. Turn it on.`);
}

async function role(app: Queryable): Promise<string[]> {
  const { rows: [me] } = await app.query<{ name: string; superuser: boolean; bypasses: boolean; creates: boolean; owns: string | null }>(`
    select current_user as name, r.rolsuper as superuser, r.rolbypassrls as bypasses,
      has_schema_privilege(current_user, 'public', 'create') as creates,
      (select min(c.relname) from pg_class c where c.relnamespace = 'public'::regnamespace and pg_has_role(current_user, c.relowner, 'usage')) as owns
    from pg_roles r where r.rolname = current_user`);
  const wrong: string[] = [];
  if (me!.superuser) wrong.push(`Kontor serves requests as ${me!.name}, a superuser, who sees the rows of every account. Use kontor_app.`);
  else if (me!.bypasses) wrong.push(`Kontor serves requests as ${me!.name}, who bypasses row security and so sees the rows of every account: alter role ${me!.name} nobypassrls.`);
  else if (me!.owns !== null) wrong.push(`Kontor serves requests as ${me!.name}, who owns tables (${me!.owns}) and so could change them. Use kontor_app.`);
  else if (me!.creates) wrong.push(`Kontor serves requests as ${me!.name}, who may create tables: revoke create on schema public from public, ${me!.name}.`);
  return wrong;
}

/** Every table with the column `world` holds rows of tenants, and the policies must hold for each connection, the owner's too. */
async function tables(app: Queryable): Promise<string[]> {
  const { rows } = await app.query<{ name: string }>(`
    select c.relname as name from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
      and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'world' and not a.attisdropped)
      and not (c.relrowsecurity and c.relforcerowsecurity)
    order by 1`);
  return rows.map(({ name }) => `Row security is not forced on the table ${name}, so that one account could see another's rows. Run kontor migrate; if that does not help, restore the schema.`);
}
