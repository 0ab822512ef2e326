/** A Kontor to measure: durable PostgreSQL in a directory of its own, and the pieces to compare it with. */
import { execFile } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import Fastify from 'fastify';
import type pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import Stripe from 'stripe';
import { sandbox } from '../../connectors/processors/sandbox/sandbox.ts';
import { vaultOff } from '../../connectors/vault/vault.ts';
import { isStripes } from '../../resources/operations.ts';
import { rooms } from '../../resources/register.ts';
import { createAccount, createKey, listWorlds } from '../../server/accounts.ts';
import { open, type Running } from '../../server/app.ts';
import { machineClock, type Clock } from '../../server/clock.ts';
import type { World } from '../../server/context.ts';
import { readConfig } from '../../server/config.ts';
import { Batch } from '../../server/database/batch.ts';
import { lend, openDatabase, type Database } from '../../server/database/database.ts';
import { attachEmbedded } from '../../server/database/embedded.ts';
import { migrate } from '../../server/database/migrate.ts';
import { openLog } from '../../server/log.ts';
import type { NatsSettings } from '../../server/usage/intake/open.ts';
import { startCounting } from '../../server/workers.ts';
import type { Load, Measured } from './load.ts';

export type House = {
  running: Running;
  database: Database;
  stripe: Stripe;
  key: string;
  world: World;
  /** Has PostgreSQL write down what it still holds in memory, so that what is measured next does not pay for what came before. */
  checkpoint(): Promise<void>;
  close(): Promise<void>;
};

/** Starts PostgreSQL with its durable settings and Kontor on it, in this process and without workers. */
export async function openHouse(clock: Clock = machineClock(), nats: NatsSettings | null = null): Promise<House> {
  const data = await mkdtemp(join(tmpdir(), 'kontor-bench-'));
  // Where an administrator measures, PostgreSQL runs as another user, who must be able to enter.
  await chmod(data, 0o755);
  const config = readConfig({ KONTOR_DATA: data });
  const database = await openDatabase(config);
  await database.asOwner(async (owner) => migrate(owner));
  const { key, world } = await database.asOwner(async (owner) => {
    const account = await createAccount(owner, clock);
    const world = (await listWorlds(owner)).find((each) => each.account === account.id && !each.livemode)!;
    return { world, key: (await createKey(owner, clock, 'pepper', world, { kind: 'secret' })).text };
  });
  const running = await open({ database, rooms, connectors: { processors: { test: sandbox(), kinds: [] }, vaults: { test: vaultOff, live: vaultOff } }, isStripes: isStripes(), pepper: 'pepper', log: openLog('error'), host: '127.0.0.1', port: 0, allowLoopback: true, clock, nats, works: false });
  return {
    running, database, key, world,
    stripe: new Stripe(key, { host: '127.0.0.1', port: new URL(running.url).port, protocol: 'http', telemetry: false }),
    async checkpoint() {
      const { connection } = (await attachEmbedded(data))!;
      await lend(connection('postgres'), (superuser) => superuser.query('checkpoint'));
    },
    async close() {
      await running.close();
      await database.close();
      await rm(data, { recursive: true, force: true });
    },
  };
}

/** Does it while what is recorded is added to its hours, as in a server. */
export async function whileCounting(house: House, work: () => Promise<void>): Promise<void> {
  const counting = startCounting(house.running.app);
  try {
    await work();
  } finally {
    await counting.stop();
  }
}

/** The owner's connection for COPY, which cannot share one that is pipelined. */
export const forCopy = (owner: pg.Client): pg.Client => Object.assign(owner, { pipeline: false });

/** Seconds that PostgreSQL needs to take rows (table and condition) by COPY into tables with the same columns, keys and indexes, and how many there are. */
export async function copySeconds(house: House, output: readonly [table: string, where: string][]): Promise<{ seconds: number; rows: number; bytes: number }> {
  const directory = await mkdtemp(join(tmpdir(), 'kontor-copy-'));
  try {
    return await house.database.asOwner(async (owner: pg.Client) => {
      await forCopy(owner).query(`set kontor.world = '${house.world.id}'`);
      const total = { seconds: 0, rows: 0, bytes: 0 };
      for (const [table, where] of output) {
        const file = join(directory, table);
        await pipeline(owner.query(copyTo(`copy (select * from ${table} where ${where}) to stdout`)), createWriteStream(file));
        await owner.query(`create table taken_${table} (like ${table} including all)`);
        await house.checkpoint();
        const started = performance.now();
        const into = owner.query(copyFrom(`copy taken_${table} from stdin`));
        await pipeline(createReadStream(file), into);
        total.seconds += (performance.now() - started) / 1_000;
        total.rows += into.rowCount ?? 0;
        total.bytes += (await stat(file)).size;
        await owner.query(`drop table taken_${table}`);
      }
      return total;
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Puts a load on a server from another process. */
export async function load(what: Load): Promise<Measured> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'load.ts'), JSON.stringify(what)]);
  return JSON.parse(stdout) as Measured;
}

type Statement = string | { name?: string; text: string; values?: unknown[] };

/** The statements that the house sends to PostgreSQL while `work` runs. */
export async function statements(house: House, work: () => Promise<unknown>): Promise<Statement[]> {
  const sent: Statement[] = [];
  const client = await house.database.pool.connect();
  const prototype = Object.getPrototypeOf(client) as { query: (...given: unknown[]) => unknown };
  client.release();
  const original = prototype.query;
  prototype.query = function recorded(...given) {
    if (given[0] instanceof Batch) sent.push(...asOne(given[0].steps));
    else sent.push(given[0] as Statement);
    return original.apply(this, given);
  };
  try {
    await work();
  } finally {
    prototype.query = original;
  }
  return sent;
}

/** A transaction is opened, and its world set, in one round trip, as anybody would who sends one thing after the other. */
const asOne = (steps: Batch['steps']): Statement[] => (steps[0]!.text.startsWith('begin') ? [`${steps[0]!.text}; set local kontor.world = '${String(steps[1]!.values[0])}'`, ...steps.slice(2)] : [...steps]);

/** The values of a statement with new ids, keys and prefixes in place of those that were recorded: an id that comes again in the request is renewed as before. */
function renewed(value: unknown, ids: Map<string, string>): unknown {
  if (typeof value !== 'string') return value;
  return value
    .replace(/\b([a-z]+_)[0-9A-Za-z]{20,}\b/g, (id, prefix: string) => {
      const known = ids.get(id) ?? prefix + crypto.randomUUID().replaceAll('-', '').slice(0, id.length - prefix.length);
      ids.set(id, known);
      return known;
    })
    .replace(/^[0-9a-f]{8}-[0-9a-f-]{27}$/, () => crypto.randomUUID())
    .replace(/^\{"?[0-9A-Z]{8}"?\}$/, () => `{${crypto.randomUUID().slice(0, 8).toUpperCase()}}`);
}

/**
 * The bare route to compare with: Fastify, and the statements that Kontor sends for the same request, written down beforehand, one round trip each. It has no authentication, no parameters,
 * no decisions and no rendering: what Kontor adds to HTTP and PostgreSQL is the difference.
 */
export async function openBare(house: House, recorded: readonly Statement[], writes: boolean): Promise<{ url: string; close(): Promise<void> }> {
  const server = Fastify({ logger: false });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  server.route({
    method: ['GET', 'POST'],
    url: '/*',
    async handler() {
      const client = await house.database.pool.connect();
      const ids = new Map<string, string>();
      try {
        for (const statement of recorded) await client.query(typeof statement === 'string' || !writes ? (statement as string) : { ...statement, values: statement.values?.map((value) => renewed(value, ids)) });
      } finally {
        client.release();
      }
      return { id: 'bare', object: 'bare' };
    },
  });
  return { url: await server.listen({ host: '127.0.0.1', port: 0 }), close: () => server.close() };
}
