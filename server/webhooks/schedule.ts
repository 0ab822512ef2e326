/**
 * When a delivery is tried again: 15 attempts over 72 hours, ever further apart, then given up.
 *
 * The hours are those of the event, not of the last attempt, so an attempt that ran late does not push the others back. The last attempt stands at the very end:
 * an endpoint that is back at any time within 71 hours is reached.
 */
import type { Instant } from '../../billing/decision.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;

/** For how long an undelivered event is tried, in seconds. */
export const DELIVERY_WINDOW = 72 * HOUR;

/** Seconds from the first attempt to each later one, before jitter. */
const OFFSETS: readonly number[] = [30, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, 1.5 * HOUR, 4 * HOUR, 8 * HOUR, 14 * HOUR, 22 * HOUR, 31 * HOUR, 41 * HOUR, 52 * HOUR, 62 * HOUR, DELIVERY_WINDOW];

export const ATTEMPTS: number = OFFSETS.length + 1;

/** No attempt is earlier than its time by more than this, which is what keeps the last one within the final hour. */
const MOST_JITTER = 30 * MINUTE;

/** A number in [0, 1) that depends on the text only: FNV-1a, then murmur3's finishing steps, so that texts that differ in one letter land far apart. */
function fraction(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/**
 * The moment of the next attempt after `attempt` attempts have failed, or null when the event is given up.
 * `firstAt` is when the first attempt was due. `seed` is endpoint and event together: it spreads the attempts of many events over time, and gives the same moment each time it is asked.
 * Attempts that are late, since the worker was away or the endpoint disabled, do not all come at once: a tenth of the time between two lies between them all the same.
 */
export function nextAttempt(attempt: number, firstAt: Instant, seed: string, now: Instant): Instant | null {
  const offset = OFFSETS[attempt - 1];
  if (offset === undefined) return null;
  const gap = offset - (OFFSETS[attempt - 2] ?? 0);
  const planned = firstAt + offset - Math.floor(fraction(`${seed}:${attempt}`) * Math.min(gap / 4, MOST_JITTER));
  return Math.max(planned, now + Math.floor(gap / 10));
}
