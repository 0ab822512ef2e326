/**
 * Reads what a caller sent, before anything is known about its meaning: a form (application/x-www-form-urlencoded, from a query string or a body) or JSON becomes a raw tree.
 * Nothing is coerced and nothing is dropped. The trees inherit nothing, so a parameter named `__proto__` or `constructor` is only a name.
 */
import { isUtf8 } from 'node:buffer';
import { refuse } from '../../billing/decision.ts';

/** What the wire carried. A form has strings as its leaves; JSON has all kinds. `a[0]`, `a[1]` of a form are a map with the keys 0 and 1 in numeric order, `a[]` is a list. */
/** A file as it was sent, in place of a value. What its type is said to be is not believed, so it is not kept. */
export class Upload {
  readonly filename: string;
  readonly bytes: Buffer;
  constructor(filename: string, bytes: Buffer) {
    this.filename = filename;
    this.bytes = bytes;
  }
}

export type Raw = string | number | boolean | null | Raw[] | RawMap;
export type RawMap = { [name: string]: Raw };

/** The deepest name of Stripe's API has ten parts: `schedule_details[phases][0][items][0][discounts][0][discount_end][duration][interval]`. */
const DEEPEST = 12;
const MOST_PARAMETERS = 1_000;
const LONGEST_NAME = 1_000;
const MOST_JSON_VALUES = 20_000;

/** What `emptyMap` makes inherits nothing. Made by a constructor it has its names in slots, where `Object.create(null)` would begin a hash table, at several times the cost in time and memory. */
const Bare = function Bare() {} as unknown as new () => Record<string, never>;
Bare.prototype = Object.create(null) as object;

export function emptyMap<Value = Raw>(): { [name: string]: Value } {
  return new Bare();
}

export function isMap(raw: Raw | undefined): raw is RawMap {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw) && !(raw instanceof Upload);
}

/** The part of a message that quotes the caller. */
export function quoted(text: string): string {
  return text.length <= 100 ? text : `${text.slice(0, 100)}…`;
}

/** The parameters of a URL's query string (without the question mark). Node hands bytes beyond ASCII over as Latin-1. */
export function decodeQuery(query: string): RawMap {
  // eslint-disable-next-line no-control-regex
  return /^[\0-\x7f]*$/.test(query) ? decodeForm(query) : decodeForm(Buffer.from(query, 'latin1'));
}

/** The parameters of a form. Refuses broken UTF-8, a parameter given twice, and names that contradict each other. */
export function decodeForm(input: string | Uint8Array, most: number = MOST_PARAMETERS): RawMap {
  const text = typeof input === 'string' ? input : textOf(input);
  const mayHoldNul = text.includes('%00') || text.includes('\0');
  const root = emptyMap();
  let count = 0;
  let start = 0;
  while (start < text.length) {
    let end = text.indexOf('&', start);
    if (end === -1) end = text.length;
    if (end > start) {
      count += 1;
      if (count > most) refuse(undefined, `Received too many parameters: a request has at most ${most}.`);
      let equals = text.indexOf('=', start);
      if (equals === -1 || equals > end) equals = end;
      const name = unescaped(text, start, equals, text.slice(start, equals));
      const value = equals === end ? '' : unescaped(text, equals + 1, end, name);
      if (mayHoldNul && (name.includes('\0') || value.includes('\0'))) refuse('invalid_characters', `Invalid characters in ${shown(name)}: text must not contain NUL.`, shown(name));
      put(root, name, value);
    }
    start = end + 1;
  }
  return root;
}

function textOf(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(buffer)) return buffer.toString('utf8');
  for (const pair of buffer.toString('latin1').split('&')) {
    if (!isUtf8(Buffer.from(pair, 'latin1'))) refuseEncoding(pair.split('=', 1)[0] ?? '');
  }
  return refuseEncoding('');
}

function unescaped(text: string, start: number, end: number, name: string): string {
  const piece = text.slice(start, end);
  const spaced = piece.includes('+') ? piece.replaceAll('+', ' ') : piece;
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return refuseEncoding(name);
  }
}

function refuseEncoding(name: string): never {
  const param = shown(name);
  return refuse('invalid_characters', param === '' ? 'Invalid request: it is not valid UTF-8.' : `Invalid characters in ${param}: a parameter must be percent-encoded UTF-8.`, param || undefined);
}

/** A name as it can be told: well-formed, of a sensible length. */
function shown(name: string): string {
  // eslint-disable-next-line no-control-regex
  return quoted(name.toWellFormed().replace(/[\0-\x1f\x7f]/g, '\ufffd'));
}

function put(root: RawMap, name: string, value: string): void {
  const open = name.indexOf('[');
  if (open === -1) {
    if (name === '' || name.includes(']')) refuseName(name);
    if (root[name] !== undefined) refuseAgain(name, root[name]);
    root[name] = value;
    return;
  }
  const path = partsOf(name, open);
  let holder = root;
  let index = 0;
  for (; index < path.length - 1; index += 1) {
    const key = path[index] as string;
    const next = path[index + 1] as string;
    const held = holder[key];
    if (next === '') {
      if (held !== undefined && !Array.isArray(held)) refuseAgain(name, held);
      const list = held ?? (holder[key] = []);
      if (index + 2 === path.length) {
        list.push(value);
        return;
      }
      holder = elementFor(list, path, index + 2);
      index += 1;
    } else {
      if (held !== undefined && !isMap(held)) refuseAgain(name, held);
      holder = held ?? (holder[key] = emptyMap());
    }
  }
  const last = path[index] as string;
  if (holder[last] !== undefined) refuseAgain(name, holder[last]);
  holder[last] = value;
}

/** `items[price]` → items, price; an empty part stands for "the next of a list". */
function partsOf(name: string, open: number): string[] {
  if (open === 0 || name.length > LONGEST_NAME || name.lastIndexOf(']', open) !== -1) refuseName(name);
  const parts = [name.slice(0, open)];
  let at = open;
  while (at < name.length) {
    const close = name.indexOf(']', at);
    const inner = close === -1 ? '' : name.slice(at + 1, close);
    const malformed = name[at] !== '[' || close === -1 || inner.includes('[') || (inner === '' && parts[parts.length - 1] === '');
    if (malformed) refuseName(name);
    parts.push(inner);
    if (parts.length > DEEPEST) refuse('parameter_unknown', `Received unknown parameter: ${shown(name)} (it is nested too deeply).`, shown(name));
    at = close + 1;
  }
  return parts;
}

/** The element that `a[][b]` belongs to: the last one as long as it has no `b`, then a new one. */
function elementFor(list: Raw[], path: string[], from: number): RawMap {
  const last = list[list.length - 1];
  if (isMap(last) && !has(last, path, from)) return last;
  const fresh = emptyMap();
  list.push(fresh);
  return fresh;
}

function has(map: RawMap, path: string[], from: number): boolean {
  let held: Raw | undefined = map;
  for (let index = from; index < path.length; index += 1) {
    const key = path[index] as string;
    if (key === '') return false;
    if (!isMap(held)) return true;
    held = held[key];
    if (held === undefined) return false;
  }
  return true;
}

function refuseName(name: string): never {
  return refuse('parameter_unknown', `Received unknown parameter: ${shown(name)} (names are written as a, a[b], a[0][b] or a[]).`, shown(name) || undefined);
}

function refuseAgain(name: string, held: Raw): never {
  const param = shown(name);
  const twice = typeof held === 'string' && !/\[\]/.test(name);
  return refuse('parameters_exclusive', twice ? `Received the parameter ${param} more than once, or both as a value and as a map.` : `Received ${param}, which contradicts another parameter: a name is either a value, a list or a map.`, param);
}

/** A JSON body as a raw tree. An empty body is an empty map. */
export function decodeJson(input: string | Uint8Array, most: number = MOST_JSON_VALUES): RawMap {
  const text = typeof input === 'string' ? input : textOf(input);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    if (text.trim() === '') return emptyMap();
    return refuse(undefined, 'Invalid request: the body is not valid JSON.');
  }
  // Only an escape can bring what is no text into one: JSON itself has no control characters, and UTF-8 no halves of a character.
  inspect(parsed as Raw, { left: most, most, hasEscapes: text.includes('\\u') || !text.isWellFormed(), path: [] });
  return isMap(parsed as Raw) ? (parsed as RawMap) : refuse(undefined, 'Invalid request: the body must be a JSON object.');
}

/** How many values are left to look at, and the way to the one that is looked at: it is spelt only where something is wrong. */
type Inspection = { left: number; readonly most: number; readonly hasEscapes: boolean; readonly path: (string | number)[] };

const spelt = (path: readonly (string | number)[]): string => shown(path.map((part, depth) => (depth === 0 && typeof part === 'string' ? part : `[${part}]`)).join(''));

/** Refuses what no parameter may hold, wherever it stands. */
function inspect(value: Raw, seen: Inspection): void {
  const { path } = seen;
  seen.left -= 1;
  if (seen.left < 0) refuse(undefined, `Received too many values: a request has at most ${seen.most}.`);
  if (typeof value === 'string') {
    if (seen.hasEscapes && (value.includes('\0') || !value.isWellFormed())) refuse('invalid_characters', `Invalid characters in ${spelt(path)}: text must be well-formed Unicode without NUL.`, spelt(path));
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (path.length >= DEEPEST) refuse('parameter_unknown', `Received unknown parameter: ${spelt(path)} (it is nested too deeply).`, spelt(path));
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) {
      path.push(index);
      inspect(value[index]!, seen);
      path.pop();
    }
    return;
  }
  for (const name of Object.keys(value)) {
    path.push(name);
    if (seen.hasEscapes && (name.includes('\0') || !name.isWellFormed())) refuse('invalid_characters', `Invalid characters in the name ${spelt(path)}.`, spelt(path));
    inspect(value[name] as Raw, seen);
    path.pop();
  }
}
