/**
 * How PostgreSQL's values become JavaScript's: int8 → bigint, numeric → its text, timestamptz → whole Unix seconds, date → its text, json → what it says. Arrays likewise.
 * Nothing that may be money or a quantity passes through a float.
 */

import pg from 'pg';
import type { Instant } from '../../billing/decision.ts';

/** PostgreSQL's numbers of the types, fixed since ever. */
const oid = { int8: 20, numeric: 1700, timestamp: 1114, timestamptz: 1184, date: 1082, json: 114, jsonb: 3802, float4: 700, float8: 701, interval: 1186 } as const;
const arrayOf = { int8: 1016, numeric: 1231, timestamp: 1115, timestamptz: 1185, date: 1182, json: 199, jsonb: 3807, interval: 1187 } as const;

const text = (value: string): string => value;
/** The parser of `text[]`, whose number the library's list of types leaves out. */
const textArray = pg.types.getTypeParser(1009 as never, 'text') as (value: string) => unknown;
const own = new Map<number, (value: string) => unknown>([
  [oid.int8, BigInt],
  [oid.numeric, text],
  [oid.timestamp, text],
  [oid.timestamptz, instant],
  [oid.date, text],
  [oid.interval, text],
  [oid.json, JSON.parse],
  [oid.jsonb, JSON.parse],
  [arrayOf.int8, (value) => array(value, BigInt)],
  [arrayOf.numeric, (value) => array(value, text)],
  [arrayOf.timestamp, (value) => array(value, text)],
  [arrayOf.timestamptz, (value) => array(value, instant)],
  [arrayOf.date, (value) => array(value, text)],
  [arrayOf.interval, (value) => array(value, text)],
  [arrayOf.json, (value) => array(value, JSON.parse)],
  [arrayOf.jsonb, (value) => array(value, JSON.parse)],
]);

/** For the `types` option of a client or a pool. */
export const types: pg.CustomTypesConfig = {
  getTypeParser: ((type: number, format?: 'text' | 'binary') => (format === 'binary' ? undefined : own.get(type)) ?? pg.types.getTypeParser(type, format as 'text')) as pg.CustomTypesConfig['getTypeParser'],
};

/**
 * `2026-11-22 10:14:00.5+00` as whole seconds; a fraction is cut towards the past. The sessions that we open speak UTC, so the offset is almost always `+00`; others are understood.
 * What no bill can hold (`infinity`, years before 1 or after 9999) is refused.
 */
export function instant(value: string): Instant {
  const year = two(value, 0) * 100 + two(value, 2);
  const days = daysBefore(year, two(value, 5)) + two(value, 8);
  let end = 19;
  if (value.charCodeAt(end) === 46) for (end += 1; digit(value.charCodeAt(end)); ) end += 1;
  const sign = value.charCodeAt(end) === 45 ? 1 : -1;
  const offset = two(value, end + 1) * 3600 + (value.charCodeAt(end + 3) === 58 ? two(value, end + 4) * 60 : 0) + (value.charCodeAt(end + 6) === 58 ? two(value, end + 7) : 0);
  const seconds = days * 86_400 + two(value, 11) * 3600 + two(value, 14) * 60 + two(value, 17) + sign * offset;
  if (Number.isNaN(seconds) || value.endsWith('BC')) throw new Error(`PostgreSQL sent a time that is not one between the years 1 and 9999: ${value}`);
  return seconds;
}

/** Two digits as a number, NaN where they are none. */
function two(value: string, at: number): number {
  const tens = value.charCodeAt(at);
  const ones = value.charCodeAt(at + 1);
  return digit(tens) && digit(ones) ? (tens - 48) * 10 + ones - 48 : NaN;
}

function digit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** The days from 1970-01-01 to the day before the first of the month. The year is counted from March, so that the leap day is its last. */
function daysBefore(year: number, month: number): number {
  const y = month > 2 ? year : year - 1;
  const sinceMarch = (month + 9) % 12;
  return y * 365 + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + Math.floor((sinceMarch * 306 + 5) / 10) - 719_469;
}

/** The elements of `{…}`, one dimension. */
function array<Element>(value: string, parse: (element: string) => Element): (Element | null)[] {
  return (textArray(value) as (string | null)[]).map((element) => (element === null ? null : parse(element)));
}
