/**
 * The PostgreSQL that comes with Kontor. It is a child of this process, listens on a socket in its own directory that only its user may enter (or, where the path is too long for a
 * socket, on a free port of the loopback), knows random passwords only, and writes every commit to the disk before it is acknowledged.
 *
 * What can go wrong, and what happens then:
 * - Kontor ends: PostgreSQL is stopped. Ctrl-C does not reach it directly, so that requests under way can finish.
 * - Kontor is killed with kill -9: PostgreSQL stays behind; the next start recognises and stops it before it starts its own.
 * - PostgreSQL is killed: it is started again, and recovers by itself.
 * - Everything is killed, or the machine loses power: what was left behind in files is recognised as stale at the next start.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, statfsSync } from 'node:fs';
import { appendFile, readFile, rename, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import type { ClientConfig } from 'pg';
import { StartRefused } from '../refused.ts';
import { claim, claimant, commandOf, isAlive, type Claim } from './claim.ts';
import { as, cluster, environment, prepareDirectory, standing, type Cluster, type Role } from './cluster.ts';

type EmbeddedOptions = {
  /** Kontor's data directory, absolute. */
  data: string;
  /** Tells the person at the terminal what is going on, a sentence at a time. */
  say?: (sentence: string) => void;
  /** False is for tests alone: a crash of the machine may then lose everything. */
  durable?: boolean;
};

export type Embedded = {
  /** How to connect as a role. The database is `kontor` unless another is named. */
  connection(role: Role, database?: string): ClientConfig;
  /** The passwords of the roles, e.g. to make the roles with. */
  readonly passwords: Cluster['passwords'];
  /** The number of PostgreSQL's process, which changes when it had to be started again. */
  pid(): number;
  /** Stops PostgreSQL in order and gives the data directory free. */
  stop(): Promise<void>;
};

const megabyte = 1024 * 1024;
/** How long PostgreSQL may take to start: recovery after a crash replays at most `max_wal_size`. */
const startSeconds = 300;

/** Starts PostgreSQL on the data directory and makes a cluster there at first. Refuses with a sentence where that cannot be. */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const { data, durable = true, say = () => undefined } = options;
  await prepareDirectory(data);
  const claimed = await claim(data);
  try {
    const made = await cluster(data, durable, say);
    await stopOrphan(made, say);
    return await supervise(made, claimed, data, durable, say);
  } catch (error) {
    await claimed.release();
    throw error;
  }
}

/** How long one waits for a Kontor that is just starting. */
const attachSeconds = 30;

/** The PostgreSQL that another Kontor runs on the data directory, for a command beside a server; null where none runs. */
export async function attachEmbedded(data: string): Promise<Pick<Embedded, 'connection'> | null> {
  for (const deadline = performance.now() + attachSeconds * 1000; ; await pause(50)) {
    const pid = await claimant(data);
    if (pid === null) return null;
    const made = await standing(data);
    const lines = made === null ? null : postmaster(made);
    if (made !== null && lines?.[7]?.trim() === 'ready') {
      const address = { host: lines[4]?.trim() || lines[5]!.trim(), port: Number(lines[3]) };
      return { connection: (role, database = 'kontor') => ({ ...address, user: role, password: made.passwords[role].reveal(), database }) };
    }
    if (performance.now() > deadline) throw new StartRefused(`Kontor, process ${pid}, uses the data directory ${data}, and its database does not answer. Look what that process does, or stop it, then try again.`);
  }
}

type Address = { host: string; port: number };

async function supervise(made: Cluster, claimed: Claim, data: string, durable: boolean, say: (sentence: string) => void): Promise<Embedded> {
  const address = await addressFor(made);
  const log = join(data, 'postgres.log');
  let stopping = false;
  let child = await launch(made, address, durable, log);
  const watch = (): void => {
    child.once('exit', () => {
      if (stopping) return;
      say('PostgreSQL has ended unexpectedly and is started again.');
      launch(made, address, durable, log).then((next) => {
        child = next;
        if (stopping) child.kill('SIGINT');
        else watch();
      }, (error: Error) => say(`PostgreSQL could not be started again: ${error.message}`));
    });
  };
  watch();
  const onExit = (): void => { child.kill('SIGINT'); };
  process.once('exit', onExit);
  return {
    connection: (role, database = 'kontor') => ({ ...address, user: role, password: made.passwords[role].reveal(), database }),
    passwords: made.passwords,
    pid: () => child.pid!,
    async stop() {
      if (stopping) return;
      stopping = true;
      await end(child);
      process.removeListener('exit', onExit);
      await claimed.release();
    },
  };
}

/** A socket in PostgreSQL's own directory; systems limit the length of its path to about 100 bytes. */
async function addressFor(made: Cluster): Promise<Address> {
  if (process.platform !== 'win32' && Buffer.byteLength(join(made.directory, '.s.PGSQL.5432')) < 100) return { host: made.directory, port: 5432 };
  return { host: '127.0.0.1', port: await freePort() };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** The settings, given at each start, so that an upgrade of Kontor brings its own. */
function settingsFor(made: Cluster, address: Address, durable: boolean): Record<string, string> {
  const memory = Math.min(totalmem(), process.constrainedMemory() || Infinity);
  const buffers = durable ? Math.max(128, Math.min(1024, Math.floor(memory / 4 / megabyte))) : 128;
  const onSocket = address.host === made.directory;
  return {
    listen_addresses: onSocket ? '' : address.host,
    port: String(address.port),
    unix_socket_directories: onSocket ? made.directory : '',
    unix_socket_permissions: '0700',
    password_encryption: 'scram-sha-256',
    max_connections: '100',
    // Each batch of the worker holds the lanes of up to 500 customers.
    max_locks_per_transaction: '256',
    fsync: durable ? 'on' : 'off',
    full_page_writes: durable ? 'on' : 'off',
    synchronous_commit: durable ? 'on' : 'off',
    shared_buffers: `${buffers}MB`,
    effective_cache_size: `${Math.max(256, Math.floor(memory / 2 / megabyte))}MB`,
    work_mem: '16MB',
    maintenance_work_mem: '128MB',
    max_wal_size: '4GB',
    wal_compression: 'on',
    checkpoint_timeout: '15min',
    // A billing run fills tables that were all but empty; plans made for empty tables must not live long.
    autovacuum_naptime: '10s',
    random_page_cost: '1.1',
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_line_prefix: '%m [%p] %u ',
    // What requests carry is not for the log.
    log_parameter_max_length: '0',
    log_parameter_max_length_on_error: '0',
    ...(smallSharedMemory() ? { dynamic_shared_memory_type: 'mmap' } : {}),
    ...(durable ? {} : { autovacuum: 'off', wal_level: 'minimal', max_wal_senders: '0' }),
  };
}

/** Containers often have 64 MB of /dev/shm, in which a parallel query can fail. */
function smallSharedMemory(): boolean {
  try {
    const { blocks, bsize } = statfsSync('/dev/shm');
    return blocks * bsize < 512 * megabyte;
  } catch {
    return false;
  }
}

async function launch(made: Cluster, address: Address, durable: boolean, log: string): Promise<ChildProcess> {
  await removeStale(made);
  await rotate(log);
  const parameters = Object.entries(settingsFor(made, address, durable)).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  for (const deadline = performance.now() + 20_000; ; ) {
    const from = existsSync(log) ? (await stat(log)).size : 0;
    const file = openSync(log, 'a', 0o600);
    // In a process group of its own, so that Ctrl-C at the terminal stops Kontor, and Kontor stops PostgreSQL.
    const child = spawn(made.programs.postgres, ['-D', made.directory, ...parameters], { ...as(made.person), cwd: '/', env: environment(), stdio: ['ignore', file, file], detached: true });
    closeSync(file);
    // What keeps the process alive is the server, not its database.
    child.unref();
    if (await ready(made, child)) return child;
    const said = (await readFile(log)).subarray(from).toString().trim();
    // After a kill -9 of its head, PostgreSQL's other processes need a moment to notice.
    if (performance.now() < deadline && /shared memory block .* is still in use|lock file .* already exists/.test(said)) await pause(200);
    else throw new StartRefused(`PostgreSQL did not start. It says:\n${said.split('\n').slice(-8).join('\n')}`);
  }
}

/** Waits until PostgreSQL has written that it is ready; false when it has ended instead. */
async function ready(made: Cluster, child: ChildProcess): Promise<boolean> {
  let ended = false;
  child.once('exit', () => { ended = true; });
  child.once('error', () => { ended = true; });
  for (const deadline = performance.now() + startSeconds * 1000; performance.now() < deadline; ) {
    if (ended) return false;
    const lines = postmaster(made);
    if (lines?.[0] === String(child.pid) && lines[7]?.trim() === 'ready') return true;
    await pause(10);
  }
  child.kill('SIGINT');
  throw new StartRefused(`PostgreSQL was not ready after ${startSeconds} seconds. Look into its log, postgres.log in the data directory, then start again.`);
}

/** Stops in order; where that does not end within a minute, at once, which is safe too: PostgreSQL then recovers at its next start. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.ref();
  child.kill('SIGINT');
  const impatient = setTimeout(() => child.kill('SIGQUIT'), 60_000);
  await ended;
  clearTimeout(impatient);
}

/** The lines of postmaster.pid: the process, the directory, …, the status in the eighth. Null where there is no such file. */
function postmaster(made: Pick<Cluster, 'directory'>): string[] | null {
  try {
    return readFileSync(join(made.directory, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return null;
  }
}

/** The number of a PostgreSQL that runs on this directory, which can only be one whose Kontor was killed: we hold the claim. */
function running(made: Cluster): number | null {
  const pid = Number(postmaster(made)?.[0]);
  if (!Number.isSafeInteger(pid) || pid <= 1 || !isAlive(pid)) return null;
  const command = commandOf(pid);
  return command.includes('postgres') && command.includes(` ${made.directory} `) ? pid : null;
}

async function stopOrphan(made: Cluster, say: (sentence: string) => void): Promise<void> {
  const pid = running(made);
  if (pid === null) return;
  say('A PostgreSQL of an earlier run, whose Kontor was killed, is stopped first.');
  process.kill(pid, 'SIGINT');
  for (const started = performance.now(); isAlive(pid); await pause(20)) {
    const seconds = (performance.now() - started) / 1000;
    if (seconds > 90) throw new StartRefused(`The PostgreSQL of an earlier run, process ${pid}, does not stop. Stop it by hand, then start Kontor again.`);
    if (seconds > 60) process.kill(pid, 'SIGQUIT');
  }
}

/**
 * Removes a lock file of a PostgreSQL that is no more where its number is that of another process now, as often in containers; PostgreSQL would refuse to start. All other stale lock
 * files are left to PostgreSQL, which also looks whether any of its former processes still lives.
 */
async function removeStale(made: Cluster): Promise<void> {
  if (running(made) !== null) return;
  for (const name of ['postmaster.pid', '.s.PGSQL.5432.lock']) {
    const path = join(made.directory, name);
    const pid = Number((await readFile(path, 'utf8').catch(() => '')).split('\n')[0]);
    if (pid > 1 && isAlive(pid)) await rm(path, { force: true });
  }
}

/** The log starts anew above 10 MB; the one before is kept. */
async function rotate(log: string): Promise<void> {
  if (existsSync(log) && (await stat(log)).size > 10 * megabyte) await rename(log, `${log}.1`);
  await appendFile(log, '', { mode: 0o600 });
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
