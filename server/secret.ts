/**
 * A value that must not be seen: it prints as `[secret]` wherever it is logged, thrown, joined into a string or made JSON. Only `reveal()` gives it away,
 * so that a search for `reveal(` lists every place that does.
 */

import { createHmac, randomBytes } from 'node:crypto';
import { chmod, link, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { inspect } from 'node:util';
import { StartRefused } from './refused.ts';

export class Secret {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  reveal(): string {
    return this.#value;
  }
  toString(): string {
    return '[secret]';
  }
  toJSON(): string {
    return '[secret]';
  }
  [inspect.custom](): string {
    return '[secret]';
  }
}

/** Signs texts with an installation's secret. */
export const signer = (pepper: string) => (text: string): string => createHmac('sha256', pepper).update(text).digest('base64url');

/** A new random secret of 256 bits, in 43 characters that are safe in a URL. */
export function newSecret(): Secret {
  return new Secret(randomBytes(32).toString('base64url'));
}

/**
 * The secret in a file that only its owner may read; made with a random value where the file does not exist yet. Two processes that start at once agree on one value:
 * the file appears whole, by a link, and the one that comes second reads what the first has written. `what` names the secret in a refusal.
 */
export async function secretFile(path: string, what: string): Promise<Secret> {
  const existing = await readSecret(path, what);
  if (existing !== null) return existing;
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    await writeFile(draft, `${newSecret().reveal()}\n`, { mode: 0o600, flag: 'wx', flush: true });
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } catch (error) {
    throw new StartRefused(`The file for ${what}, ${path}, cannot be made: ${(error as Error).message}. Let Kontor write there, or name another file.`);
  } finally {
    await unlink(draft).catch(() => undefined);
  }
  return (await readSecret(path, what))!;
}

async function readSecret(path: string, what: string): Promise<Secret | null> {
  let text: string;
  try {
    text = (await readFile(path, 'utf8')).trim();
    if (process.platform !== 'win32' && ((await stat(path)).mode & 0o077) !== 0) await chmod(path, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new StartRefused(`The file with ${what}, ${path}, cannot be read or be kept to its owner: ${(error as Error).message}.`);
  }
  if (text.length < 32) throw new StartRefused(`The file with ${what}, ${path}, holds fewer than 32 characters. Restore it from a backup; a new value would make what was protected by the old one useless.`);
  return new Secret(text);
}
