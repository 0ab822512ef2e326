/** The only place that reads the machine's time and chance. Everything else is handed a clock. */
import { randomFillSync } from 'node:crypto';
import type { Instant } from '../billing/decision.ts';

export type Clock = {
  /** Whole Unix seconds. */
  now(): Instant;
  /** Milliseconds, for waits and leases; never for billing. */
  milliseconds(): number;
  /** `prefix_` and 20 letters and digits: ids made later, in one process, sort later. Unique; not secret. */
  newId(prefix: string): string;
  /** Unguessable letters and digits, for keys and client secrets. */
  secret(length: number): string;
};

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** A number in base 62 with a fixed width, in the order of the alphabet, which is that of collation "C". */
function base62(value: number, width: number): string {
  let text = '';
  for (let rest = value; text.length < width; rest = Math.floor(rest / 62)) text = ALPHABET[rest % 62] + text;
  return text;
}

const pool = new Uint8Array(8192);
let drawn = pool.length;

/** Random letters and digits without bias: bytes of 248 and more are thrown away. */
function random62(length: number): string {
  let text = '';
  while (text.length < length) {
    if (drawn === pool.length) {
      randomFillSync(pool);
      drawn = 0;
    }
    const byte = pool[drawn++]!;
    if (byte < 248) text += ALPHABET[byte % 62];
  }
  return text;
}

/** The machine's clock. `milliseconds` may be replaced where a program needs another time. */
export function machineClock(milliseconds: () => number = () => Date.now()): Clock {
  let stamp = 0;
  let count = 0;
  let prefixOfStamp = '';
  return {
    now: () => Math.floor(milliseconds() / 1000),
    milliseconds,
    newId(prefix) {
      const at = milliseconds();
      // A clock that is set back, or 238,328 ids in a millisecond, must not disturb the order: the stamp only moves forward.
      if (at > stamp || count === 62 ** 3) {
        stamp = Math.max(at, stamp + 1);
        count = 0;
        prefixOfStamp = base62(stamp, 8);
      }
      return `${prefix}_${prefixOfStamp}${base62(count++, 3)}${random62(9)}`;
    },
    secret: random62,
  };
}

/** No id of this prefix that was made at the moment or later sorts before this text: for bounds on what was made when. */
export function firstId(prefix: string, at: Instant): string {
  return `${prefix}_${base62(at * 1000, 8)}`;
}
