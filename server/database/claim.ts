/** One Kontor for each data directory: a file names the process that uses it, by its number and by when it was started, since numbers are used again. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartRefused } from '../refused.ts';

export type Claim = { release(): Promise<void> };

/** Claims the directory, or refuses with a sentence while another living process has it. What a killed process has left behind is taken over. */
export async function claim(directory: string): Promise<Claim> {
  const path = join(directory, 'kontor.pid');
  const mine = JSON.stringify({ pid: process.pid, started: startOf(process.pid) });
  for (let attempt = 0; attempt < 20; attempt += 1) {
    try {
      await writeFile(path, mine, { flag: 'wx', mode: 0o600 });
      return { release: () => unlink(path).catch(() => undefined) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = await holderOf(path);
    const pid = holder === null ? null : livingPid(holder);
    if (pid !== null) throw new StartRefused(`Another Kontor, process ${pid}, uses the data directory ${directory}. Stop it first, or set KONTOR_DATA to another directory.`);
    // Moved aside under the name of what was judged; if another starter has claimed meanwhile and its file was caught instead, it is put back.
    const aside = `${path}.${process.pid}`;
    await rename(path, aside).catch(() => undefined);
    const caught = await holderOf(aside);
    if (caught !== null && caught !== holder && livingPid(caught) !== null) await rename(aside, path).catch(() => undefined);
    else await unlink(aside).catch(() => undefined);
  }
  throw new StartRefused(`The data directory ${directory} could not be claimed, since several processes try to at once. Start one Kontor.`);
}

/** The number of the living process that uses the directory; null where none does. */
export async function claimant(directory: string): Promise<number | null> {
  const holder = await holderOf(join(directory, 'kontor.pid'));
  return holder === null ? null : livingPid(holder);
}

async function holderOf(path: string): Promise<string | null> {
  for (let attempt = 0; ; attempt += 1) {
    const text = await readFile(path, 'utf8').catch(() => null);
    // An empty file is one that is being written this instant, unless its writer was killed there.
    if (text !== '' || attempt === 10) return text;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function livingPid(holder: string): number | null {
  let named: { pid: number; started: string | null };
  try {
    named = JSON.parse(holder) as { pid: number; started: string | null };
  } catch {
    return null;
  }
  return isAlive(named.pid) && startOf(named.pid) === named.started ? named.pid : null;
}

/** Whether a process of this number runs. One that has ended and waits to be collected does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return statFields(pid)?.[0] !== 'Z';
}

/** When a process was started, as a text that no other process of this machine shares with the same number; null where the system does not say. */
function startOf(pid: number): string | null {
  const fields = statFields(pid);
  try {
    if (fields !== null) return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${fields[19]}`;
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return null;
  }
}

/** The fields of /proc/<pid>/stat after the command's name, the state first; null where there is no /proc or no such process. */
function statFields(pid: number): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

/** The command line of a process, empty where it cannot be read. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    // No /proc on this system.
  }
  try {
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}
