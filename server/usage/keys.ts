/** What names an event and what usage is looked up by, as 64 bits; and the order of receipt. */
import { hash } from 'node:crypto';
import type { Clock } from '../clock.ts';

const eight = new DataView(new ArrayBuffer(8));

/** The first 64 bits of a text's SHA-256, which comes as a text of bytes: a buffer of its own would cost three times the hash. */
function sixtyFour(text: string): bigint {
  const bytes = hash('sha256', text, 'binary');
  for (let at = 0; at < 8; at += 1) eight.setUint8(at, bytes.charCodeAt(at));
  return eight.getBigInt64(0);
}

/** What an identifier is unique among: the events of its meter, or those of its name where no meter counts them. */
export type Named = { meter: string | null; event_name: string; identifier: string };

export const nameOf = ({ meter, event_name, identifier }: Named): string => `${meter ?? event_name}\x1f${identifier}`;

/** The key of a name. Where another name has the key, the next attempt's is taken. */
export const keyOf = (name: string, attempt: number): bigint => sixtyFour(attempt === 0 ? name : `${attempt}\x1f${name}`);

/** The series that were asked for lately, by customer, for each world and meter: whoever reports does so again and again, and a look here costs a tenth of the hash. So many cost some 10 MB. */
const MOST_SERIES = 50_000;
const known = new Map<string, Map<string, bigint>>();
let remembered = 0;

/** The series of the customers of a meter, or of a name that no meter counts. */
export function seriesWithin(world: number, meter: string | null, event_name: string): (customer: string) => bigint {
  const within = `${world}\x1f${meter ?? event_name}`;
  return (customer) => known.getOrInsertComputed(within, () => new Map()).getOrInsertComputed(customer, () => {
    if ((remembered += 1) > MOST_SERIES) {
      known.clear();
      remembered = 1;
    }
    return sixtyFour(`${within}\x1f${customer}`);
  });
}

export const seriesOf = (world: number, meter: string | null, event_name: string, customer: string): bigint => seriesWithin(world, meter, event_name)(customer);

const lastNumbers = new WeakMap<Clock, number>();

/** The next so many places in the order of receipt: the first of them. */
export function takeNumbers(clock: Clock, count: number): number {
  const first = Math.max((lastNumbers.get(clock) ?? 0) + 1, clock.milliseconds() * 1_000);
  lastNumbers.set(clock, first + count - 1);
  return first;
}
