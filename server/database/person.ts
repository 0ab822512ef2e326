/** The user whom PostgreSQL runs as where Kontor itself runs as root, which PostgreSQL refuses to. */

import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { StartRefused } from '../refused.ts';

export type Person = { readonly name: string; readonly uid: number; readonly gid: number };

/**
 * Null where Kontor does not run as root: PostgreSQL then runs as whoever started Kontor. Else the system user `kontor`, or `postgres` where there is none of that name;
 * where there is neither, `kontor` is made.
 */
export function unprivileged(): Person | null {
  if (process.getuid?.() !== 0) return null;
  const existing = person('kontor') ?? person('postgres');
  if (existing !== null) return existing;
  for (const [command, ...rest] of [
    ['useradd', '--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent', '--shell', '/bin/false', 'kontor'],
    ['adduser', '-S', '-D', '-H', 'kontor'],
  ] as const) {
    try {
      execFileSync(command, rest, { stdio: 'ignore' });
      break;
    } catch {
      // The next command, or the sentence below.
    }
  }
  const made = person('kontor');
  if (made !== null) return made;
  throw new StartRefused('PostgreSQL does not run as root, and no user for it could be made. Make one with useradd --system kontor, start Kontor as another user than root, or set DATABASE_URL.');
}

function person(name: string): Person | null {
  try {
    for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
      const [login, , uid, gid] = line.split(':');
      if (login === name && Number(uid) > 0) return { name, uid: Number(uid), gid: Number(gid) };
    }
  } catch {
    // No such file: no such user.
  }
  return null;
}

/** Whether this user may enter the directory, judged by its mode and by that of every directory above it. The directory must exist and be absolute. */
export function mayEnter(who: Person, directory: string): boolean {
  for (let each = directory; ; each = dirname(each)) {
    if (!permits(who, each, 0o1)) return false;
    if (each === dirname(each)) return true;
  }
}

/** Whether this user may read and run the file, judged by its own mode alone. */
export function mayRun(who: Person, file: string): boolean {
  return permits(who, file, 0o5);
}

function permits(who: Person, path: string, bits: number): boolean {
  const { mode, uid, gid } = statSync(path);
  const shift = uid === who.uid ? 6 : gid === who.gid ? 3 : 0;
  return ((mode >> shift) & bits) === bits;
}
