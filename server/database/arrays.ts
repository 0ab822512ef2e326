/**
 * Columns of many rows as PostgreSQL's own binary form of an array, which costs both sides a fraction of digits that are written, quoted and read again: `${int4s(…)}::integer[]`,
 * `${int8s(…)}::bigint[]`, `${instants(…)}::timestamptz[]`, `${jsons(…)}::json[]`. What is other text goes as text: see `arrayText`.
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

/** PostgreSQL's numbers of the types, and what it wants before the text of each value. */
const JSON_TYPES = { json: { oid: 114, before: [] }, jsonb: { oid: 3802, before: [1] } } as const;
export type JsonType = keyof typeof JSON_TYPES;

/** `json[]` or `jsonb[]` of texts, which as text would have all their quotes escaped. */
export function jsons(values: readonly (string | null)[], type: JsonType): Buffer {
  const { oid, before } = JSON_TYPES[type];
  const lengths = values.map((value) => (value === null ? -1 : before.length + Buffer.byteLength(value)));
  const buffer = Buffer.allocUnsafe(HEADER + lengths.reduce((sum, length) => sum + LENGTH + Math.max(0, length), 0));
  let at = 0;
  for (const word of [1, lengths.includes(-1) ? 1 : 0, oid, values.length, 1]) at = buffer.writeInt32BE(word, at);
  for (const [n, value] of values.entries()) {
    at = buffer.writeInt32BE(lengths[n]!, at);
    if (value === null) continue;
    for (const byte of before) at = buffer.writeUInt8(byte, at);
    at += buffer.write(value, at);
  }
  return buffer;
}
