/** AES-256-GCM, with what a sealed value is and belongs to bound in. */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** World, token, field and version of the key: a sealed value that was moved to another of any of them does not open. Keys of a world have no token. */
type Bond = { world: number; token: string; field: 'number' | 'data key' | 'world key' | 'fingerprint key'; version: number };

const boundIn = ({ world, token, field, version }: Bond): Buffer => Buffer.from([world, token, field, version].join('|'));

export const newKey = (): Buffer => randomBytes(KEY_BYTES);

export function seal(key: Uint8Array, plain: Uint8Array, bond: Bond): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(boundIn(bond));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Throws where the value was changed or moved, or the key is another one. */
export function unseal(key: Uint8Array, sealed: Uint8Array, bond: Bond): Buffer {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) throw new Error(`The ${bond.field} is cut off.`);
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES)).setAAD(boundIn(bond)).setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES)), decipher.final()]);
  } catch {
    throw new Error(`The ${bond.field} does not open: it was changed or moved, or is sealed with another key.`);
  }
}

/** Of the whole number, with a key that is for nothing else. */
export const fingerprintOf = (key: Uint8Array, number: Uint8Array): Buffer => createHmac('sha256', key).update(number).digest();

/** By which a root key is recognised without being given away. */
export const printOf = (root: Uint8Array): string => createHmac('sha256', root).update('kontor vault root key').digest('hex').slice(0, 16);
