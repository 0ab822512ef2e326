/**
 * Columns of many rows as PostgreSQL's own binary form of an array, which costs both sides a fraction of digits that are written, quoted and read again: `${int4s(…)}::integer[]`,
 * `${int8s(…)}::bigint[]`, `${instants(…)}::timestamptz[]`. What is text goes as text: see `arrayText`.
 */
import type { Instant } from '../../billing/decision.ts';

/** PostgreSQL's numbers of the types, and how long their values are. */
const TYPES = { int4: { oid: 23, bytes: 4 }, int8: { oid: 20, bytes: 8 }, timestamptz: { oid: 1184, bytes: 8 } } as const;

const HEADER = 20;
const LENGTH = 4;

function arrayOf<Value>(type: keyof typeof TYPES, values: readonly Value[], put: (view: DataView, at: number, value: Value) => void): Buffer {
  const { oid, bytes } = TYPES[type];
  const buffer = Buffer.allocUnsafe(HEADER + (LENGTH + bytes) * values.length);
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  // One dimension, no nulls, the type; so many elements, counted from 1.
  for (const [n, word] of [1, 0, oid, values.length, 1].entries()) view.setInt32(n * 4, word);
  let at = HEADER;
  for (const value of values) {
    view.setInt32(at, bytes);
    put(view, at + LENGTH, value);
    at += LENGTH + bytes;
  }
  return buffer;
}

/** `integer[]`. */
export const int4s = (values: readonly number[]): Buffer => arrayOf('int4', values, (view, at, value) => view.setInt32(at, value));

/** `bigint[]`; a number must be whole. */
export const int8s = (values: readonly (bigint | number)[]): Buffer => arrayOf('int8', values, (view, at, value) => (typeof value === 'bigint' ? view.setBigInt64(at, value) : putWhole(view, at, value)));

/** From 1970 to 2000, whence PostgreSQL counts microseconds. */
const EPOCH = 946_684_800;

/** `timestamptz[]`. */
export const instants = (values: readonly Instant[]): Buffer => arrayOf('timestamptz', values, (view, at, value) => putWhole(view, at, (value - EPOCH) * 1_000_000));

/** A whole number as 64 bits. Whole seconds in microseconds are multiples of 64, so that a number holds them exactly until the year 9999 and longer. */
function putWhole(view: DataView, at: number, whole: number): void {
  view.setInt32(at, Math.floor(whole / 2 ** 32));
  view.setUint32(at + 4, whole);
}
