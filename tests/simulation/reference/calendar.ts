/** The calendar of the reference model: months come from a table that was walked month by month. */
import type { Recurrence } from './history.ts';

export const DAY = 86_400;

function daysIn(month: number): number {
  const year = 1970 + Math.floor(month / 12);
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month % 12]!;
}
/** Of each month since January 1970, in days since then. */
const firstDayOf: number[] = [0];
for (let month = 0; month < 12 * 400; month += 1) firstDayOf.push(firstDayOf[month]! + daysIn(month));

export function boundary(anchor: number, { interval, interval_count }: Recurrence, k: number, day_of_month?: number): number {
  if (interval === 'day') return anchor + k * interval_count * DAY;
  if (interval === 'week') return anchor + k * interval_count * 7 * DAY;
  const day = Math.floor(anchor / DAY);
  let month = Math.floor(day / 31);
  while (firstDayOf[month + 1]! <= day) month += 1;
  const there = month + k * interval_count * (interval === 'year' ? 12 : 1);
  const wanted = day_of_month ?? day - firstDayOf[month]! + 1;
  return (firstDayOf[there]! + Math.min(wanted, daysIn(there)) - 1) * DAY + anchor - day * DAY;
}

export type Span = { start: number; end: number };
export type Grid = { anchor: number; day?: number };

export const sameRecurrence = (a: Recurrence, b: Recurrence): boolean => a.interval === b.interval && a.interval_count === b.interval_count;

/** The period between two neighbouring boundaries that holds the moment. */
export function spanAround({ anchor, day }: Grid, recurrence: Recurrence, moment: number): Span {
  const days = { day: 1, week: 7, month: 31, year: 366 }[recurrence.interval] * recurrence.interval_count;
  let k = Math.trunc((moment - anchor) / (days * DAY));
  while (boundary(anchor, recurrence, k, day) > moment) k -= 1;
  while (boundary(anchor, recurrence, k + 1, day) <= moment) k += 1;
  return { start: boundary(anchor, recurrence, k, day), end: boundary(anchor, recurrence, k + 1, day) };
}
