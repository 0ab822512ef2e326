/** What names an event and what usage is looked up by, as 64 bits; and the order of receipt. */
import { hash } from 'node:crypto';
import type { Clock } from '../clock.ts';

const sixtyFour = (text: string): bigint => hash('sha256', text, 'buffer').readBigInt64BE(0);

/** What an identifier is unique among: the events of its meter, or those of its name where no meter counts them. */
export type Named = { meter: string | null; event_name: string; identifier: string };

export const nameOf = ({ meter, event_name, identifier }: Named): string => `${meter ?? event_name}\x1f${identifier}`;

/** The key of a name. Where another name has the key, the next attempt's is taken. */
export const keyOf = (name: string, attempt: number): bigint => sixtyFour(attempt === 0 ? name : `${attempt}\x1f${name}`);

export const seriesOf = (world: number, meter: string | null, event_name: string, customer: string): bigint => sixtyFour(`${world}\x1f${meter ?? event_name}\x1f${customer}`);

const lastNumbers = new WeakMap<Clock, number>();

/** The next so many places in the order of receipt: the first of them. */
export function takeNumbers(clock: Clock, count: number): number {
  const first = Math.max((lastNumbers.get(clock) ?? 0) + 1, clock.milliseconds() * 1_000);
  lastNumbers.set(clock, first + count - 1);
  return first;
}
