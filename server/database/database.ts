/**
 * The way to PostgreSQL, embedded or the operator's own. Two roles use it: the owner of the tables, for migrations, and `kontor_app`, through the pool, for everything else.
 *
 * A start is `openDatabase`, then `migrate`, then `assertSafe`.
 */

import pg from 'pg';
import type { Config } from '../config.ts';
import { StartRefused } from '../refused.ts';
import { attachEmbedded, startEmbedded } from './embedded.ts';
import { types } from './parse.ts';
import { closeDoors, derivedPassword, makeAppRole, makeDatabase, makeRoles } from './roles.ts';
import { assertFit } from './safety.ts';
import { inWorld, overAllWorlds, type Tx } from './world.ts';

export { assertSafe } from './safety.ts';
export type { Queryable, Tx } from './world.ts';

export type Database = {
  /** Runs `work` in a transaction in which only the rows of the world exist; see world.ts. Every query of a tenant goes through here. */
  inWorld<Result>(world: { readonly id: number }, work: (tx: Tx) => Promise<Result>): Promise<Result>;
  /** Runs `work` in a transaction that sees all worlds and can change nothing. */
  overAllWorlds<Result>(work: (tx: Tx) => Promise<Result>): Promise<Result>;
  /** Connections of `kontor_app`, for what belongs to no tenant. */
  readonly pool: pg.Pool;
  /** True where PostgreSQL is the embedded one. */
  readonly embedded: boolean;
  /** Lends a connection of the tables' owner, for migrations. It has no time limits but that for locks. */
  asOwner<Result>(work: (owner: pg.Client) => Promise<Result>): Promise<Result>;
  /** A single connection of `kontor_app` outside of the pool, e.g. to listen on or to hold an advisory lock with. The caller ends it. */
  connect(): Promise<pg.Client>;
  /** Waits for the connections in use, ends them, and stops PostgreSQL where it is the embedded one. */
  close(): Promise<void>;
};

type Settings = Pick<Config, 'data' | 'database_url' | 'app_database_url' | 'pool' | 'statement_timeout'>;

/** Opens the database of a configuration, or refuses with a sentence. `say` is told what takes time, a sentence at a time. */
export async function openDatabase(config: Settings, say: (sentence: string) => void = () => undefined): Promise<Database> {
  const { owner, app, stop } = config.database_url === null ? await openEmbedded(config.data, say) : await openExternal(config.database_url.reveal(), config.app_database_url?.reveal() ?? null);
  return { ...connections(owner, app, config, stop), embedded: config.database_url === null };
}

/** As `openDatabase`, for a command that may run beside a server: where a Kontor runs on the data directory, its PostgreSQL is used and left running. */
export async function joinDatabase(config: Settings, say: (sentence: string) => void = () => undefined): Promise<Database> {
  const beside = config.database_url === null ? await attachEmbedded(config.data) : null;
  if (beside === null) return openDatabase(config, say);
  return { ...connections(beside.connection('kontor_owner'), beside.connection('kontor_app'), config, () => Promise.resolve()), embedded: true };
}

/** How to reach PostgreSQL as each of the two roles. */
type Access = { owner: pg.ClientConfig; app: pg.ClientConfig; stop(): Promise<void> };

async function openEmbedded(data: string, say: (sentence: string) => void): Promise<Access> {
  const embedded = await startEmbedded({ data, say });
  try {
    await lend({ ...embedded.connection('postgres', 'postgres'), types }, async (superuser) => {
      await makeRoles(superuser, embedded.passwords);
      await makeDatabase(superuser, 'kontor');
    });
    await lend(embedded.connection('kontor_owner'), closeDoors);
  } catch (error) {
    await embedded.stop();
    throw error;
  }
  return { owner: embedded.connection('kontor_owner'), app: embedded.connection('kontor_app'), stop: () => embedded.stop() };
}

async function openExternal(ownerUrl: string, appUrl: string | null): Promise<Access> {
  const owner: pg.ClientConfig = { connectionString: ownerUrl };
  await lend(owner, assertFit).catch(explain('DATABASE_URL'));
  const stop = (): Promise<void> => Promise.resolve();
  if (appUrl !== null) {
    await lend(owner, closeDoors).catch(explain('DATABASE_URL'));
    return { owner, app: { connectionString: appUrl }, stop };
  }
  const url = new URL(ownerUrl);
  const ownerPassword = decodeURIComponent(url.password);
  if (ownerPassword === '') throw new StartRefused('DATABASE_URL has no password to derive that of kontor_app from. Set KONTOR_APP_DATABASE_URL to log in as kontor_app.');
  const password = derivedPassword(ownerPassword);
  url.username = 'kontor_app';
  url.password = password.reveal();
  const app: pg.ClientConfig = { connectionString: url.href };
  await lend(owner, async (client) => {
    if (!(await opens(app))) await makeAppRole(client, password);
    await closeDoors(client);
  }).catch(explain('DATABASE_URL'));
  return { owner, app, stop };
}

/** Whether the role can log in. Anything but a refusal of the role is somebody else's question. */
async function opens(app: pg.ClientConfig): Promise<boolean> {
  return lend(app, () => Promise.resolve(true)).catch((error: { code?: string }) => {
    if (error.code === '28P01' || error.code === '28000' || error.code === '42501') return false;
    throw error;
  });
}

function explain(variable: string): (error: unknown) => never {
  return (error) => {
    if (error instanceof StartRefused) throw error;
    throw new StartRefused(`The database of ${variable} cannot be used: ${(error as Error).message || (error as { code?: string }).code}. Look whether PostgreSQL runs there and lets Kontor in.`);
  };
}

/**
 * The settings of every session. UTC is what `timestamptz` is read and written in. Plans are made once for each statement and must hold when a table has grown: they do not depend on the
 * values of the first call, nor on a table having been small enough to be read as a whole.
 */
function session(seconds: { statement: number; lock: number; idle: number }): Pick<pg.ClientConfig, 'options' | 'types' | 'connectionTimeoutMillis' | 'keepAlive'> {
  const options = `-c TimeZone=UTC -c DateStyle=ISO -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c statement_timeout=${seconds.statement}s -c lock_timeout=${seconds.lock}s -c idle_in_transaction_session_timeout=${seconds.idle}s`;
  return { options, types, connectionTimeoutMillis: 10_000, keepAlive: true };
}

/** The pool and the rest, over a database that is open. */
export function connections(owner: pg.ClientConfig, app: pg.ClientConfig, limits: { pool: number; statement_timeout: number }, stop: () => Promise<void>): Omit<Database, 'embedded'> {
  // A request that waits for a lock gives up before its statement does, so that the message says which of the two it was.
  const appSession = session({ statement: limits.statement_timeout, lock: Math.max(1, Math.floor(limits.statement_timeout / 2)), idle: 2 * limits.statement_timeout });
  const pool = new pg.Pool({ ...app, ...appSession, pipeline: true, max: limits.pool, idleTimeoutMillis: 60_000, application_name: 'kontor', allowExitOnIdle: true });
  // A connection that breaks tells the query that it breaks, or is replaced at the next one if it idles; there is nothing else to do about it.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  let closed: Promise<void> | null = null;
  return {
    pool,
    inWorld: (world, work) => inWorld(pool, world, work),
    overAllWorlds: (work) => overAllWorlds(pool, work),
    asOwner: (work) => lend({ ...owner, ...session({ statement: 0, lock: 60, idle: 0 }), pipeline: true, application_name: 'kontor migrate' }, work),
    async connect() {
      const client = new pg.Client({ ...app, ...appSession, application_name: 'kontor' });
      await client.connect();
      return client;
    },
    close() {
      if (closed === null) {
        // Idle connections do not keep the process alive, and their end has to be waited for.
        const alive = setInterval(() => undefined, 60_000);
        closed = pool.end().then(stop).finally(() => clearInterval(alive));
      }
      return closed;
    },
  };
}

/** Connects, lends the connection to `work`, and ends it in any case. */
export async function lend<Result>(config: pg.ClientConfig, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client(config);
  // A connection that breaks is told by the query that it breaks.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
