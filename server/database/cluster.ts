/** The files of the embedded PostgreSQL: where they are, who owns them, the passwords beside them, and how they are made once and whole. */

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { access, chmod, chown, constants, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StartRefused } from '../refused.ts';
import { newSecret, Secret } from '../secret.ts';
import { binaries, majorVersion, type Binaries } from './binaries.ts';
import { mayEnter, unprivileged, type Person } from './person.ts';

export type Role = 'postgres' | 'kontor_owner' | 'kontor_app';

export type Cluster = {
  /** PostgreSQL's own data directory. */
  readonly directory: string;
  /** Who owns it and runs PostgreSQL; null is whoever runs Kontor. */
  readonly person: Person | null;
  readonly programs: Binaries;
  readonly passwords: Readonly<Record<Role, Secret>>;
};

/** Makes the data directory where there is none, and says what is wrong with it where it cannot be used. */
export async function prepareDirectory(data: string): Promise<void> {
  try {
    if (existsSync(data)) {
      if (!(await stat(data)).isDirectory()) throw new StartRefused(`${data} is a file, and Kontor needs a directory for its data. Set KONTOR_DATA to one.`);
    } else {
      await makeDirectories(data);
      // Run as root, PostgreSQL's user must pass through, without seeing what else is here.
      await chmod(data, process.getuid?.() === 0 ? 0o711 : 0o700);
    }
    await access(data, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    if (error instanceof StartRefused) throw error;
    throw new StartRefused(`Kontor cannot keep its data in ${data}: ${(error as Error).message}. Make the directory writable for the user who starts Kontor, or set KONTOR_DATA to another.`);
  }
}

/** Step by step, since `recursive` tries for ever where a file system pretends that a parent is missing, as /proc does. */
async function makeDirectories(path: string): Promise<void> {
  if (existsSync(path)) return;
  await makeDirectories(dirname(path));
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

/** The cluster in a data directory, made at the first call. `durable: false` is for tests: nothing is forced to the disk. */
export async function cluster(data: string, durable: boolean, say: (sentence: string) => void): Promise<Cluster> {
  const person = unprivileged();
  const directory = await place(data, person, say);
  const version = await readFile(join(directory, 'PG_VERSION'), 'utf8').then((text) => text.trim(), () => null);
  if (version !== null && version !== String(majorVersion)) {
    throw new StartRefused(`The database in ${directory} was made by PostgreSQL ${version}, and this Kontor brings PostgreSQL ${majorVersion}. docs/operating/production.md says how to move it.`);
  }
  const owner = version === null ? person : await ownerOf(directory, person);
  const passwords = await readPasswords(data, version !== null);
  const programs = await binaries(owner);
  const made: Cluster = { directory, person: owner, programs, passwords };
  if (version === null) {
    if (durable) say('Making a new database.');
    await initialise(made, durable);
  }
  return made;
}

/** The cluster as it stands, for those who only connect to it; null where there is none. */
export async function standing(data: string): Promise<Pick<Cluster, 'directory' | 'passwords'> | null> {
  const directory = await readFile(join(data, 'postgres.at'), 'utf8').then((text) => text.trim(), () => join(data, 'postgres'));
  return existsSync(join(directory, 'PG_VERSION')) ? { directory, passwords: await readPasswords(data, true) } : null;
}

/** PostgreSQL's directory: inside the data directory, or under /var/lib where PostgreSQL's user cannot come there, e.g. below /root. Which of them, is written down at first. */
async function place(data: string, person: Person | null, say: (sentence: string) => void): Promise<string> {
  const inside = join(data, 'postgres');
  const note = join(data, 'postgres.at');
  const elsewhere = await readFile(note, 'utf8').then((text) => text.trim(), () => null);
  if (elsewhere !== null) return elsewhere;
  if (person === null || existsSync(join(inside, 'PG_VERSION')) || mayEnter(person, data)) return inside;
  const outside = join('/var/lib/kontor', `${basename(data)}-${randomBytes(6).toString('hex')}`);
  say(`PostgreSQL does not run as root, and its user ${person.name} cannot enter ${data}, so the database is kept in ${outside}.`);
  await mkdir('/var/lib/kontor', { recursive: true, mode: 0o755 });
  await writeFile(note, `${outside}\n`, { flush: true });
  return outside;
}

/** The owner of files that exist already is who must go on with them, whatever users this machine has today. */
async function ownerOf(directory: string, person: Person | null): Promise<Person | null> {
  const { uid, gid } = await stat(directory);
  if (person === null) {
    if (process.getuid === undefined || uid === process.getuid()) return null;
    throw new StartRefused(`The database in ${directory} belongs to another user (number ${uid}). Start Kontor as that user or as root, or set KONTOR_DATA to a directory of your own.`);
  }
  const owner = uid === person.uid ? person : { name: `number ${uid}`, uid, gid };
  if (uid === 0) throw new StartRefused(`The database in ${directory} belongs to root, and PostgreSQL does not run as root. Give it to PostgreSQL's user: chown -R ${person.name} ${directory}.`);
  if (mayEnter(owner, dirname(directory))) return owner;
  throw new StartRefused(`PostgreSQL does not run as root, and its user ${owner.name} may no longer enter ${directory}. Let that user pass: chmod o+x on the directories above.`);
}

/** The passwords of the three roles: random, made once, in a file for its owner only. */
async function readPasswords(data: string, exists: boolean): Promise<Record<Role, Secret>> {
  const path = join(data, 'postgres.passwords');
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text !== null) {
    try {
      const read = JSON.parse(text) as Record<Role, string>;
      return { postgres: new Secret(read.postgres), kontor_owner: new Secret(read.kontor_owner), kontor_app: new Secret(read.kontor_app) };
    } catch {
      throw new StartRefused(`The passwords of the database cannot be read as JSON: ${path}. Restore the file from a backup.`);
    }
  }
  if (exists) throw new StartRefused(`The passwords of the database are missing: ${path}. Restore the file from a backup.`);
  const made = { postgres: newSecret(), kontor_owner: newSecret(), kontor_app: newSecret() };
  const draft = `${path}.${process.pid}`;
  const shown = { postgres: made.postgres.reveal(), kontor_owner: made.kontor_owner.reveal(), kontor_app: made.kontor_app.reveal() };
  await writeFile(draft, `${JSON.stringify(shown)}\n`, { mode: 0o600, flush: true });
  await rename(draft, path);
  return made;
}

/** Runs initdb beside the final place and renames: a cluster is there whole or not at all, also when this process is killed meanwhile. */
async function initialise(made: Cluster, durable: boolean): Promise<void> {
  const draft = `${made.directory}.new`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  const passwordFile = `${made.directory}.password`;
  await rm(passwordFile, { force: true });
  const handle = await open(passwordFile, 'wx', 0o600);
  try {
    await handle.writeFile(`${made.passwords.postgres.reveal()}\n`);
    if (made.person !== null) {
      await handle.chown(made.person.uid, made.person.gid);
      await chown(draft, made.person.uid, made.person.gid);
    }
    // Sorted by code point and compared as bytes, so that an index means the same on every machine; upper and lower case are Unicode's.
    const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
    const options = [...locale, '--auth=scram-sha-256', '--username=postgres', `--pwfile=${passwordFile}`, '--no-instructions', ...(durable ? [] : ['--no-sync'])];
    await run(made, made.programs.initdb, [`--pgdata=${draft}`, ...options]);
    await rename(draft, made.directory);
  } finally {
    await handle.close();
    await rm(passwordFile, { force: true });
    await rm(draft, { recursive: true, force: true });
  }
}

/** What PostgreSQL's programs see of the environment: their messages are read, so they speak English, and no PG… variable of the caller changes what they do. */
export function environment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => ['PATH', 'HOME', 'TMPDIR', 'TEMP', 'SystemRoot'].includes(name)) as [string, string][];
  return { ...Object.fromEntries(kept), LC_ALL: 'C', TZ: 'UTC' };
}

async function run(made: Cluster, program: string, parameters: string[]): Promise<void> {
  const child = spawn(program, parameters, { ...as(made.person), cwd: '/', env: environment(), stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => { said += chunk.toString(); });
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (code !== 0) throw new StartRefused(`PostgreSQL could not make a new database in ${made.directory}:\n${said.trim()}`);
}

/** The options of `spawn` for a user. */
export function as(person: Person | null): { uid?: number; gid?: number } {
  return person === null ? {} : { uid: person.uid, gid: person.gid };
}
