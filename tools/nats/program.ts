/**
 * The program `nats-server`: the one of KONTOR_TEST_NATS_SERVER, the one that is installed, or Debian's, which is fetched by Debian's own tools into `node_modules/.cache` (no administrator is needed) and found
 * there the next time.
 */
import { execFile } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type Program = { path: string; version: string };

/** Debian's current package is of a version that can force each message to the disk; those of older releases are not. */
const SUITE = 'sid';
const KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';
const MINUTES_3 = 180_000;

const cache = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'nats-server');
const cached = join(cache, 'usr', 'sbin', 'nats-server');

async function versionOf(path: string): Promise<string | null> {
  return run(path, ['--version']).then(({ stdout }) => /v([0-9]+\.[0-9]+\.[0-9]+)/.exec(stdout)?.[1] ?? null, () => null);
}

/** The program, or a sentence about why there is none. */
export async function findNats(): Promise<Program | string> {
  const named = process.env['KONTOR_TEST_NATS_SERVER'];
  for (const path of named === undefined ? ['nats-server', '/usr/sbin/nats-server', cached] : [named]) {
    const version = await versionOf(path);
    if (version !== null && (named !== undefined || canSync(version))) return { path, version };
  }
  if (named !== undefined) return `KONTOR_TEST_NATS_SERVER is ${named}, which is no nats-server.`;
  try {
    await fetchFromDebian();
  } catch (error) {
    return `There is no nats-server of version 2.10 or later, and Debian's could not be fetched: ${(error as Error).message.split('\n', 1)[0]}. Install one, and name it in KONTOR_TEST_NATS_SERVER where it is not on the path.`;
  }
  const version = await versionOf(cached);
  return version === null ? `Debian's nats-server does not run on this machine. Install one, and name it in KONTOR_TEST_NATS_SERVER.` : { path: cached, version };
}

const canSync = (version: string): boolean => version.split('.').map(Number)[1]! >= 10;

async function fetchFromDebian(): Promise<void> {
  if (!existsSync(KEYS)) throw new Error(`this is no Debian (${KEYS} is missing)`);
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'fetch-'));
  try {
    await Promise.all(['lists/partial', 'archives/partial'].map((folder) => mkdir(join(work, folder), { recursive: true })));
    await writeFile(join(work, 'sources.list'), `deb [signed-by=${KEYS}] http://deb.debian.org/debian ${SUITE} main\n`);
    const settings = { 'Dir::Etc::SourceList': join(work, 'sources.list'), 'Dir::Etc::SourceParts': '/dev/null', 'Dir::State::Lists': join(work, 'lists'), 'Dir::Cache': work, 'APT::Sandbox::User': '', 'Acquire::Languages': 'none', 'Debug::NoLocking': 'true' };
    const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
    await run('apt-get', [...options, 'update'], { timeout: MINUTES_3 });
    await run('apt-get', [...options, 'download', 'nats-server'], { cwd: work, timeout: MINUTES_3 });
    const [archive] = globSync('nats-server_*.deb', { cwd: work });
    await run('dpkg-deb', ['-x', join(work, archive!), join(work, 'unpacked')]);
    // Of several who fetch it at once, one is first; it is the same for all.
    await rename(join(work, 'unpacked', 'usr'), join(cache, 'usr')).catch((error: Error) => { if (!existsSync(cached)) throw error; });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
