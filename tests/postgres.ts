/**
 * Databases for tests: each test file has its own, migrated, in some 50 ms. `npm test` starts one PostgreSQL for all files and names it in KONTOR_TEST_POSTGRES; a file that is run
 * alone starts one itself, in memory where the machine allows, and leaves nothing behind, however it ends.
 */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { connections, lend, type Database } from '../server/database/database.ts';
import { startEmbedded } from '../server/database/embedded.ts';
import { migrate, readMigrations, type Migration } from '../server/database/migrate.ts';
import { closeDoors, makeRoles } from '../server/database/roles.ts';
import { afterwards } from './afterwards.ts';

/** A PostgreSQL for tests, as text-safe values, so that it can be handed to another process. */
export type TestServer = { host: string; port: number; passwords: { postgres: string; kontor_owner: string; kontor_app: string } };

export type TestDatabase = Database & {
  readonly name: string;
  /** For DATABASE_URL and KONTOR_APP_DATABASE_URL of a process that is started by a test. */
  readonly urls: { readonly owner: string; readonly app: string; readonly superuser: string };
  /** Closes it, and returns what PostgreSQL said of each deadlock that there was in it. */
  closeAndTell(): Promise<string[]>;
};

let server: Promise<TestServer> | null = null;
let made = 0;

/** A fresh database with all migrations applied, or with those of another directory. It need not be closed: its connections do not keep the process alive. */
export async function testDatabase(options: { migrations?: string } = {}): Promise<TestDatabase> {
  server ??= process.env['KONTOR_TEST_POSTGRES'] === undefined ? startTestServer() : Promise.resolve(JSON.parse(process.env['KONTOR_TEST_POSTGRES']) as TestServer);
  const at = await server;
  const name = `test_${process.pid}_${made += 1}`;
  await lend(connection(at, 'postgres', 'postgres'), async (superuser) => {
    const template = await ensureTemplate(at, superuser, await readMigrations(options.migrations));
    await superuser.query(`create database ${name} template ${template} owner kontor_owner strategy file_copy`);
    await superuser.query(`revoke all on database ${name} from public; grant connect on database ${name} to kontor_app`);
  });
  const url = (role: keyof TestServer['passwords']): string => `postgres://${role}:${at.passwords[role]}@${at.host.startsWith('/') ? `localhost:${at.port}/${name}?host=${at.host}` : `${at.host}:${at.port}/${name}`}`;
  const database = connections(connection(at, 'kontor_owner', name), connection(at, 'kontor_app', name), { pool: 10, statement_timeout: 30 }, () => Promise.resolve());
  return {
    ...database,
    embedded: true,
    async closeAndTell() {
      await database.close();
      return lend(connection(at, 'postgres', 'postgres'), (superuser) => deadlocksIn(superuser, name));
    },
    name,
    urls: { owner: url('kontor_owner'), app: url('kontor_app'), superuser: url('postgres') },
  };
}

/** What is counted of a connection is told when it ends, which is a moment after it was left. */
async function deadlocksIn(superuser: pg.ClientBase, name: string): Promise<string[]> {
  for (const end = Date.now() + 2_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 5))) {
    if ((await superuser.query('select from pg_stat_activity where datname = $1', [name])).rowCount === 0) break;
  }
  const { rows: [found] } = await superuser.query<{ deadlocks: number }>('select deadlocks::integer from pg_stat_database where datname = $1', [name]);
  if (!found?.deadlocks) return [];
  const { rows: [at] } = await superuser.query<{ directory: string }>(`select current_setting('data_directory') as directory`);
  const log = await readFile(`${at!.directory}.log`, 'utf8');
  // The log is that of all databases: it says which ones there were last.
  const told = log.split(/^(?=.* ERROR: {2}deadlock detected$)/m).slice(1).map((each) => each.split('\n').slice(0, 12).join('\n'));
  return told.slice(-found.deadlocks);
}

/** How to connect to a test server. */
export function connection(at: TestServer, role: keyof TestServer['passwords'], database: string): pg.ClientConfig {
  return { host: at.host, port: at.port, user: role, password: at.passwords[role], database };
}

/** The migrated database that the others are copies of, one for each state of the migrations. */
export async function ensureTemplate(at: TestServer, superuser: pg.ClientBase, migrations: readonly Migration[]): Promise<string> {
  const name = `template_${createHash('sha256').update(JSON.stringify(migrations.map((each) => each.checksum))).digest('hex').slice(0, 16)}`;
  const exists = async (): Promise<boolean> => (await superuser.query('select from pg_database where datname = $1', [name])).rowCount === 1;
  if (await exists()) return name;
  await superuser.query(`select pg_advisory_lock(hashtext('template'))`);
  try {
    if (await exists()) return name;
    const draft = `draft_${process.pid}_${made += 1}`;
    await superuser.query(`create database ${draft} owner kontor_owner`);
    await lend(connection(at, 'kontor_owner', draft), async (owner) => {
      await closeDoors(owner);
      await migrate(owner, migrations);
    });
    await superuser.query(`alter database ${draft} rename to ${name}`);
  } finally {
    await superuser.query(`select pg_advisory_unlock(hashtext('template'))`);
  }
  return name;
}

/** Starts a PostgreSQL in memory, which does not survive this process, whatever becomes of it. */
export async function startTestServer(): Promise<TestServer> {
  const data = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'kontor-test-'));
  await chmod(data, 0o711);
  const embedded = await startEmbedded({ data, durable: false });
  cleanUpAfter(embedded.pid(), data);
  const { host, port } = embedded.connection('postgres') as { host: string; port: number };
  const { postgres, kontor_owner, kontor_app } = embedded.passwords;
  await lend(embedded.connection('postgres', 'postgres'), (superuser) => makeRoles(superuser, embedded.passwords));
  return { host, port, passwords: { postgres: postgres.reveal(), kontor_owner: kontor_owner.reveal(), kontor_app: kontor_app.reveal() } };
}

/** Stops PostgreSQL and removes its files once this process is gone. */
function cleanUpAfter(postgres: number, data: string): void {
  afterwards('kill -QUIT "$1"; for i in $(seq 200); do kill -0 "$1" || break; sleep 0.05; done; rm -rf "$2"', String(postgres), data);
}
