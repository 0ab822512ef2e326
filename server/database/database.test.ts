import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { StartRefused } from '../refused.ts';
import { Secret } from '../secret.ts';
import { testDatabase } from '../../tests/postgres.ts';
import { assertSafe, lend, openDatabase } from './database.ts';
import { startEmbedded } from './embedded.ts';
import { migrate, readMigrations } from './migrate.ts';
import { assertFit } from './safety.ts';
import type { Queryable } from './world.ts';

const directories: string[] = [];
after(() => Promise.all(directories.map((each) => rm(each, { recursive: true }))));

/** A schema of one tenant table, so that these tests stand on their own. */
async function migrationsOf(files: Record<string, string>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'kontor-migrations-'));
  directories.push(directory);
  for (const [name, sql] of Object.entries(files)) await writeFile(join(directory, name), sql);
  return directory;
}

const things = `
  create function kontor_world() returns integer language sql stable return nullif(current_setting('kontor.world', true), '')::integer;
  create table things (world integer not null default kontor_world(), id text not null, primary key (world, id));
  alter table things enable row level security, force row level security;
  create policy own_world on things using (world = kontor_world()) with check (world = kontor_world());
  create policy all_worlds on things for select using (kontor_world() = 0);
  grant select, insert, update, delete on things to kontor_app;`;

const migrations = await migrationsOf({ '0001_things.sql': things });
const db = await testDatabase({ migrations });

async function ids(world: number): Promise<string[]> {
  return db.inWorld({ id: world }, async (tx) => (await tx.query<{ id: string }>('select id from things order by id')).rows.map(({ id }) => id));
}

test('a world sees and writes its own rows only', async () => {
  await db.inWorld({ id: 1 }, (tx) => tx.query(`insert into things (id) values ('mine')`));
  await db.inWorld({ id: 2 }, (tx) => tx.query(`insert into things (id) values ('theirs')`));
  assert.deepEqual([await ids(1), await ids(2), await ids(3)], [['mine'], ['theirs'], []]);
  await assert.rejects(db.inWorld({ id: 1 }, (tx) => tx.query(`insert into things (world, id) values (2, 'forged')`)), /row-level security/);
  const { rowCount } = await db.inWorld({ id: 1 }, (tx) => tx.query(`delete from things where world = 2`));
  assert.equal(rowCount, 0);
  assert.equal((await db.inWorld({ id: 1 }, (tx) => tx.query(`update things set id = id`))).rowCount, 1);
});

test('outside of a transaction of ours there is no world, also on a connection that had one before', async () => {
  for (let n = 0; n < 20; n += 1) assert.equal((await db.pool.query('select from things')).rowCount, 0);
});

test('looking over all worlds sees all and changes nothing', async () => {
  assert.equal((await db.overAllWorlds((tx) => tx.query('select from things'))).rowCount, 2);
  await assert.rejects(db.overAllWorlds((tx) => tx.query('delete from things')), /read-only transaction/);
});

test('the owner of the tables is held by the policies, too', async () => {
  await db.asOwner(async (owner) => assert.equal((await owner.query('select from things')).rowCount, 0));
});

test('a world that is none is refused before anything is asked', async () => {
  for (const id of [0, -1, 1.5, NaN, '1; drop table things' as unknown as number]) await assert.rejects(async () => db.inWorld({ id }, () => Promise.resolve()), /no world/);
});

test('what throws is rolled back', async () => {
  await assert.rejects(db.inWorld({ id: 4 }, async (tx) => {
    await tx.query(`insert into things (id) values ('lost')`);
    throw new Error('changed my mind');
  }), /changed my mind/);
  assert.deepEqual(await ids(4), []);
});

test('a transaction that has failed is not taken for a committed one', async () => {
  await assert.rejects(db.inWorld({ id: 4 }, async (tx) => {
    await tx.query(`insert into things (id) values ('lost')`);
    await tx.query('select 1 / 0').catch(() => undefined);
  }), /was rolled back/);
  assert.deepEqual(await ids(4), []);
});

test('where a statement fails, those that were sent behind it are not done, fail with it, and can be sent again', async () => {
  const ids = { name: 'ids', text: 'select id from things order by id' };
  const halves = { name: 'halves', text: 'select 1 / $1::integer as half' };
  const failed = await db.inWorld({ id: 4 }, (tx) => Promise.allSettled([tx.query({ name: 'before', text: 'select 1 as one' }), tx.query({ ...halves, values: [0] }), tx.query(ids)])).then(() => null, (error: Error) => error);
  assert.match(failed!.message, /was rolled back/);
  for (let n = 0; n < 3; n += 1) assert.deepEqual(await db.inWorld({ id: 1 }, async (tx) => Promise.all([tx.query({ ...halves, values: [1] }), tx.query(ids)]).then((all) => all.map(({ rows }) => rows))), [[{ half: 1 }], [{ id: 'mine' }]]);
  await assert.rejects(db.inWorld({ id: 4 }, (tx) => Promise.all([tx.query(ids), tx.query({ ...halves, values: [0] }), tx.query({ name: 'behind', text: 'select 2 as two' })])), /division by zero/);
});

test('where a statement fails that nobody waits for, nothing is kept, and its failure is told', async () => {
  const forged = { text: `insert into things (world, id) values (2, 'forged')` };
  await assert.rejects(db.inWorld({ id: 4 }, async (tx) => {
    await tx.query(`insert into things (id) values ('lost')`);
    tx.later(forged);
  }), /row-level security/);
  await assert.rejects(db.inWorld({ id: 4 }, async (tx) => {
    tx.later(forged);
    await tx.query({ name: 'passed over', text: `insert into things (id) values ('lost')` });
  }), /row-level security/);
  assert.deepEqual(await ids(4), []);
});

test('a connection that breaks in a transaction is replaced', async () => {
  await assert.rejects(db.inWorld({ id: 4 }, (tx) => tx.query('select pg_terminate_backend(pg_backend_pid())')));
  assert.deepEqual(await ids(1), ['mine']);
});

test('a session speaks UTC and has its limits', async () => {
  const { rows: [row] } = await db.pool.query(`
    select current_setting('TimeZone') as zone, current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
      current_setting('idle_in_transaction_session_timeout') as idle, current_user as who`);
  assert.deepEqual(row, { zone: 'UTC', statement: '30s', lock: '15s', idle: '1min', who: 'kontor_app' });
});

test('kontor_app can neither make, nor change, nor drop a table', async () => {
  for (const sql of ['create table mine (id int)', 'create temporary table mine (id int)', 'alter table things disable row level security', 'drop table things', 'truncate things', 'create role me']) {
    await assert.rejects(db.pool.query(sql), /permission denied|must be owner/, sql);
  }
});

/** The sentences of a refusal, without those on the settings of the PostgreSQL for tests, which forces nothing to the disk. */
async function complaints(config: { connectionString: string }): Promise<string[]> {
  const error = await lend(config, assertSafe).then(() => null, (reason: Error) => reason);
  assert.ok(error instanceof StartRefused);
  return error.message.split('\n').filter((line) => !line.startsWith('PostgreSQL runs with'));
}

test('a PostgreSQL that is too old, or a database in another encoding, is refused before anything is made in it', async () => {
  const old = { query: () => Promise.resolve({ rows: [{ number: 150_018, version: '15.18 (Debian 15.18-0+deb12u1)', encoding: 'UTF8' }] }) } as unknown as Queryable;
  await assert.rejects(assertFit(old), { name: 'StartRefused', message: /^PostgreSQL is version 15\.18 \(.*\), and Kontor needs 18 or later\. Upgrade it, or start without DATABASE_URL/ });
  await lend({ connectionString: db.urls.superuser }, (superuser) => superuser.query(`create database latin owner kontor_owner encoding 'LATIN1' locale 'C' template template0`));
  const url = new URL(db.urls.owner);
  url.pathname = '/latin';
  await assert.rejects(openDatabase({ data: '', database_url: new Secret(url.href), app_database_url: null, pool: 1, statement_timeout: 1 }), { name: 'StartRefused', message: /^The database is encoded in LATIN1, and Kontor needs UTF8\./ });
});

test('a database that can lose what was acknowledged is refused', async () => {
  await assert.rejects(assertSafe(db.pool), (error: Error) => ['fsync', 'full_page_writes', 'synchronous_commit'].every((name) => error.message.includes(`${name} = off`)));
});

test('kontor_app is a safe role, a superuser and the owner are not', async () => {
  assert.deepEqual(await complaints({ connectionString: db.urls.app }), []);
  assert.match((await complaints({ connectionString: db.urls.superuser })).join(), /postgres, a superuser/);
  assert.match((await complaints({ connectionString: db.urls.owner })).join(), /kontor_owner, who owns tables/);
});

test('a tenant table on which row security is not forced is refused by name', async () => {
  const other = await testDatabase({ migrations });
  await other.asOwner((owner) => owner.query('alter table things no force row level security'));
  assert.match((await complaints({ connectionString: other.urls.app })).join(), /not forced on the table things/);
});

test('migrations are applied once and in order, and what they did stays', async () => {
  const later = await migrationsOf({ '0001_things.sql': things, '0002_more.sql': 'alter table things add note text' });
  const other = await testDatabase({ migrations });
  const again = async (): Promise<string[]> => other.asOwner(async (owner) => migrate(owner, await readMigrations(later)));
  assert.deepEqual(await again(), ['0002_more.sql']);
  assert.deepEqual(await again(), []);
  await other.pool.query('select note from things');
});

test('processes that start at once migrate once', async () => {
  const later = await readMigrations(await migrationsOf({ '0001_things.sql': things, '0002_slow.sql': 'select pg_sleep(0.2); create table slow (id int primary key)' }));
  const other = await testDatabase({ migrations });
  const applied = await Promise.all([1, 2, 3].map(() => other.asOwner((owner) => migrate(owner, later))));
  assert.deepEqual(applied.flat(), ['0002_slow.sql']);
});

test('a migration that fails leaves nothing, and says where', async () => {
  const wrong = await readMigrations(await migrationsOf({ '0001_things.sql': things, '0002_wrong.sql': 'create table half (id int);\nselect nothing from nowhere' }));
  const other = await testDatabase({ migrations });
  await assert.rejects(other.asOwner((owner) => migrate(owner, wrong)), /0002_wrong\.sql, line 2 failed, and nothing of it was applied: relation "nowhere" does not exist/);
  await other.asOwner(async (owner) => assert.equal((await owner.query(`select from pg_class where relname = 'half'`)).rowCount, 0));
});

test('an applied migration that was changed, a later database and a gap in the numbers are refused', async () => {
  const other = await testDatabase({ migrations });
  const changed = await readMigrations(await migrationsOf({ '0001_things.sql': `${things} -- and more` }));
  await assert.rejects(other.asOwner((owner) => migrate(owner, changed)), /0001_things\.sql has changed since it was applied/);
  await assert.rejects(other.asOwner((owner) => migrate(owner, [])), /later version of Kontor \(0001_things\.sql\)/);
  await assert.rejects(readMigrations(await migrationsOf({ '0001_a.sql': '', '0003_c.sql': '' })), /0003_c\.sql is out of order: number 0002/);
});

test('a PostgreSQL of the operator is used by its URL, and kontor_app logs in with a password of its own', async () => {
  const limits = { data: '/nowhere', pool: 2, statement_timeout: 5 };
  const opened = await openDatabase({ ...limits, database_url: new Secret(db.urls.owner), app_database_url: new Secret(db.urls.app) });
  assert.equal(opened.embedded, false);
  assert.equal((await opened.pool.query<{ who: string }>('select current_user as who')).rows[0]!.who, 'kontor_app');
  await opened.close();
});

test('an owner who may not make roles is told what to do', async () => {
  const limits = { data: '/nowhere', pool: 2, statement_timeout: 5, app_database_url: null };
  await assert.rejects(openDatabase({ ...limits, database_url: new Secret(db.urls.owner) }), (error: Error) => error instanceof StartRefused && /KONTOR_APP_DATABASE_URL/.test(error.message));
  await assert.rejects(openDatabase({ ...limits, database_url: new Secret('postgres://a:b@127.0.0.1:1/none') }), /The database of DATABASE_URL cannot be used/);
});

test('an owner who may make roles is enough: kontor_app is made, agreed on by every process, and follows the owner\'s password', async () => {
  const data = join(await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'kontor-external-')), 'data');
  await chmod(join(data, '..'), 0o711);
  const theirs = await startEmbedded({ data, durable: false });
  const ask = (sql: string): Promise<void> => lend(theirs.connection('postgres', 'postgres'), async (superuser) => { await superuser.query(sql); });
  await ask(`create role operator login createrole password 'first'`);
  await ask(`create database shop owner operator encoding 'UTF8' template template0`);
  const open = (password: string): ReturnType<typeof openDatabase> => {
    const { host } = theirs.connection('postgres');
    return openDatabase({ data: '/nowhere', pool: 2, statement_timeout: 5, app_database_url: null, database_url: new Secret(`postgres://operator:${password}@localhost:5432/shop?host=${host}`) });
  };
  const serves = async (database: Awaited<ReturnType<typeof openDatabase>>): Promise<void> => {
    assert.deepEqual((await database.pool.query('select current_user as who')).rows, [{ who: 'kontor_app' }]);
    await assert.rejects(database.pool.query('create table mine (id int)'), /permission denied/);
    await database.close();
  };
  const first = await open('first');
  assert.deepEqual(await first.asOwner(async (owner) => migrate(owner, await readMigrations(migrations))), ['0001_things.sql']);
  await serves(await open('first'));
  await ask(`alter role operator password 'second'`);
  await serves(await open('second'));
  await first.close();
  await theirs.stop();
  await rm(join(data, '..'), { recursive: true });
});
