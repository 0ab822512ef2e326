/** An installation of an earlier version, with usage, invoices and all that belongs to them in it, becomes one of this version, and what is stored still holds together. */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import pg from 'pg';
import { rooms } from '../../resources/register.ts';
import { machineClock } from '../../server/clock.ts';
import { register } from '../../server/context.ts';
import { migrate, migrationsDirectory, readMigrations } from '../../server/database/migrate.ts';
import { signer } from '../../server/secret.ts';
import { recountWorld } from '../../server/usage/rebuild.ts';
import { verify } from '../../server/verify.ts';
import { PEPPER } from '../kontor.ts';
import { testDatabase } from '../postgres.ts';

/** The version whose tables `filled_0034.json` has the rows of, by table: a customer on a test clock with four meters, a credit grant, three invoices, late usage and events that were taken back. */
const VERSION = 34;
/** When they were written. */
const NOW = Date.UTC(2026, 10, 28, 11);

const directory = await mkdtemp(join(tmpdir(), 'kontor-upgrade-'));
for (const { name } of (await readMigrations()).slice(0, VERSION)) await cp(join(migrationsDirectory, name), join(directory, name));
const database = await testDatabase({ migrations: directory });
const superuser = new pg.Client({ connectionString: database.urls.superuser });
await superuser.connect();
after(async () => {
  await superuser.end();
  await database.close();
  await rm(directory, { recursive: true });
});

/** PostgreSQL reads the rows, as JavaScript's numbers would not hold what is in them; all at once, so that nothing has to be there before anything else. */
async function fill(): Promise<string[]> {
  const text = await readFile(join(import.meta.dirname, 'filled_0034.json'), 'utf8');
  const { rows } = await superuser.query<{ name: string }>('select json_object_keys($1::json) as name', [text]);
  await superuser.query('set session_replication_role = replica');
  await superuser.query(`select make_meter_event_slot(slot) from (select distinct slot from json_populate_recordset(null::meter_events, $1::json -> 'meter_events')) slots`, [text]);
  for (const { name } of rows) {
    await superuser.query(`delete from ${name}`);
    const { rows: [{ columns }] } = await superuser.query(`select string_agg(quote_ident(attname), ', ') as columns from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''`, [name]);
    await superuser.query(`insert into ${name} (${columns}) overriding system value select ${columns} from json_populate_recordset(null::${name}, $1::json -> $2)`, [text, name]);
  }
  await superuser.query('set session_replication_role = default');
  return rows.map(({ name }) => name);
}

async function findings(): Promise<string[]> {
  const found = await verify(database, () => undefined, machineClock(() => NOW), { audits: register(rooms).audits, sign: signer(PEPPER) });
  return found.map(({ invariant, object, sentence }) => `${invariant} ${object}: ${sentence}`);
}

test('what an earlier version stored holds together after all migrations, and can be counted again', async () => {
  const tables = await fill();
  for (const name of ['meter_events', 'meter_rollups', 'meter_values', 'meter_event_cancellations', 'invoices', 'invoice_corrections', 'ledger_entries']) assert.ok(tables.includes(name), name);
  const summed = async () => (await superuser.query(`select meter, customer, hour, dimensions, events, sum from meter_rollups where events > 0 order by 1, 2, 3, 4`)).rows;
  const before = await summed();
  const applied = await database.asOwner(async (owner) => migrate(owner, await readMigrations()));
  assert.equal(applied.length, (await readMigrations()).length - VERSION);
  assert.deepEqual([await findings(), await summed()], [[], before]);
  const { rows: worlds } = await superuser.query<{ id: number; account: string; livemode: boolean }>('select id, account, livemode from worlds');
  for (const world of worlds) await database.asOwner((owner) => recountWorld(owner, world));
  assert.deepEqual([await findings(), await summed()], [[], before]);
  // What is wrong would have been found.
  await superuser.query(`update meter_rollups set sum = sum + 1 where events > 0`);
  assert.match((await findings()).join('\n'), /I10/);
});
