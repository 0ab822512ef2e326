/**
 * A value that must not be seen: it prints as `[secret]` wherever it is logged, thrown, joined into a string or made JSON. Only `reveal()` gives it away,
 * so that a search for `reveal(` lists every place that does.
 */

import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
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

/** Keeps secrets of accounts at rest. */
export type Safe = {
  /** The sealed text. `about` names what it belongs to; it is bound in, so that a sealed text that was moved elsewhere does not open. */
  seal(secret: Secret, about: string): string;
  /** Throws where the text was changed, moved or sealed by another installation. */
  open(sealed: string, about: string): Secret;
};

const SEALED = 'k1';

/** AES-256-GCM, with a key that follows from the installation's pepper and a nonce of its own for each text. */
export function safe(pepper: string): Safe {
  const key = Buffer.from(hkdfSync('sha256', pepper, '', 'kontor secrets of accounts', 32));
  return {
    seal(secret, about) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(about));
      const text = Buffer.concat([cipher.update(secret.reveal(), 'utf8'), cipher.final()]);
      return [SEALED, ...[nonce, text, cipher.getAuthTag()].map((part) => part.toString('base64url'))].join('.');
    },
    open(sealed, about) {
      const [version, ...parts] = sealed.split('.');
      const [nonce, text, tag] = parts.map((part) => Buffer.from(part, 'base64url'));
      if (version !== SEALED || !nonce || !text || tag?.length !== 16) throw new Error(`What is sealed for ${about} is not in a form that this version knows.`);
      const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(about)).setAuthTag(tag);
      try {
        return new Secret(Buffer.concat([decipher.update(text), decipher.final()]).toString('utf8'));
      } catch {
        throw new Error(`What is sealed for ${about} does not open: it was changed or moved, or the pepper is another one.`);
      }
    },
  };
}

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
