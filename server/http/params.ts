/**
 * What a request may carry: one schema validates, types and documents. A schema turns the raw tree of a form (or of JSON) into typed values in one pass, or refuses and names the parameter
 * as the caller spelt it. Parameters that are not in the schema are refused, never dropped.
 */
import { assert, refuse, Refusal } from '../../billing/decision.ts';
import { isCurrency } from '../../billing/money.ts';
import { nearest } from '../nearest.ts';
import { emptyMap, isMap, quoted, type Raw, type RawMap } from './forms.ts';
import { boolean, id, integer, text, timestamp } from './scalars.ts';
import { alternatives, isEmpty, refuseEmpty, said, schema, type Description, type Leaf, type Params, type Presence, type Schema, type Wire } from './schema.ts';

export { amount, boolean, choice, decimal, email, id, instant, integer, percent, text, timestamp, url } from './scalars.ts';
export type { Description, Params, Presence, Schema, Wire } from './schema.ts';

type Shape = Record<string, Schema<any, Presence, any>>;
type Flat<T> = { [K in keyof T]: T[K] };
type Kept<F extends Shape, P extends Presence> = { [K in keyof F as F[K]['presence'] extends P ? K : never]: Params<F[K]> };
/** What `fields` reads: required and defaulted ones are there, optional ones may be, unsupported ones are not. */
type FieldsOf<F extends Shape> = Flat<Kept<F, 'required' | 'defaulted'> & Partial<Kept<F, 'optional'>>>;
/** The structure in types: see `agreement.ts`. */
export type Fields<F> = { fields: F };
export type ListOf<S> = { list: S };
export type MapOf<S> = { map: S };

/** A refinement over the fields of one map. `at(name)` spells the parameter. */
export type Rule<T> = { about: string; verify(params: T, at: (name: string) => string): void };

/** A map with these fields and no others. The rules are run when all fields have been read. */
export function fields<F extends Shape>(shape: F, ...rules: Rule<FieldsOf<F>>[]): Schema<FieldsOf<F>, 'optional', Fields<F>> {
  const table = new Map(Object.entries(shape));
  assert(!table.has('__proto__'), 'a field is never named __proto__');
  const required = [...table].filter(([, field]) => field.presence === 'required').map(([name]) => name);
  const defaulted = [...table].filter(([, field]) => field.presence === 'defaulted');
  const about: Description = { kind: 'fields', fields: Object.fromEntries([...table].map(([name, field]) => [name, field.about])), ...(rules.length > 0 && { rules: rules.map((rule) => rule.about) }) };
  return schema<FieldsOf<F>, Fields<F>>(about, isMap, (raw, at, wire) => {
    if (isEmpty(raw)) refuseEmpty(at);
    if (!isMap(raw)) return refuse(undefined, `Invalid object: ${said(raw)}`, at);
    for (const name in raw) if (!table.has(name)) refuseUnknown(raw, table, at);
    for (const name of required) if (raw[name] === undefined) refuseMissing(inside(at, name));
    const params: Record<string, unknown> = {};
    for (const name in raw) params[name] = table.get(name)?.read(raw[name] as Raw, inside(at, name), wire);
    for (const [name, field] of defaulted) if (raw[name] === undefined) params[name] = field.fallback;
    for (const rule of rules) rule.verify(params as FieldsOf<F>, (name) => inside(at, name));
    return params as FieldsOf<F>;
  });
}

function inside(at: string, name: string): string {
  return at === '' ? name : `${at}[${name}]`;
}

function refuseMissing(at: string): never {
  return refuse('parameter_missing', `Missing required param: ${at}.`, at);
}

function refuseUnknown(raw: RawMap, table: ReadonlyMap<string, unknown>, at: string): never {
  const unknown = Object.keys(raw).filter((name) => !table.has(name));
  const first = unknown[0] ?? '';
  const meant = unknown.length === 1 ? nearest(first, [...table.keys()]) : undefined;
  const names = unknown.slice(0, 10).map((name) => quoted(inside(at, name)));
  const hint = meant === undefined ? '' : `. Did you mean ${inside(at, meant)}?`;
  return refuse('parameter_unknown', `Received unknown parameter${unknown.length === 1 ? '' : 's'}: ${names.join(', ')}${hint}`, names[0]);
}

/** A list. A form may write it as `a[]`, or as `a[0]`, `a[1]` in any order and with gaps: the order of the indexes counts. */
export function list<T, S>(of: Schema<T, Presence, S>, bounds: { min?: number; max?: number } = {}): Schema<T[], 'optional', ListOf<S>> {
  const { min = 0, max = 1_000 } = bounds;
  return schema<T[], ListOf<S>>(
    { kind: 'list', of: of.about, min, max },
    (raw, wire) => Array.isArray(raw) || (wire === 'form' && isMap(raw) && Object.keys(raw).every(isIndex)),
    (raw, at, wire) => {
      if (isEmpty(raw)) refuseEmpty(at);
      const names = Array.isArray(raw) ? undefined : wire === 'form' && isMap(raw) ? Object.keys(raw) : refuse(undefined, `Invalid array: ${said(raw)}`, at);
      if (names && !names.every(isIndex)) refuse(undefined, `Invalid array: the elements of ${at} are written as ${at}[0], ${at}[1]`, at);
      const length = names?.length ?? (raw as Raw[]).length;
      if (length > max) refuse(undefined, `Invalid array: ${at} has at most ${max} elements`, at);
      if (length < min) refuse(undefined, `Invalid array: ${at} needs at least ${min === 1 ? 'one element' : `${min} elements`}`, at);
      if (names) return names.map((name) => of.read((raw as RawMap)[name] as Raw, `${at}[${name}]`, wire));
      return (raw as Raw[]).map((each, index) => of.read(each, `${at}[${index}]`, wire));
    },
  );
}

/** A list whose elements are read one by one: in place of one that is refused is its refusal, in which `param` is spelt as within the element. */
export function listOfEach<T, S>(of: Schema<T, Presence, S>, bounds: { min?: number; max?: number }): Schema<(T | Refusal)[], 'optional', ListOf<S>> {
  const read = (raw: Raw, _at: string, wire: Wire): T | Refusal => {
    try {
      return of.read(raw, '', wire);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return error.param === '' ? new Refusal(undefined, `Invalid element: ${said(raw)}`) : error;
    }
  };
  return list<T | Refusal, S>({ ...of, read, fallback: undefined }, bounds);
}

function isIndex(name: string): boolean {
  return /^(?:0|[1-9][0-9]{0,3})$/.test(name);
}

/** A map with names of the caller's choice. What is read inherits nothing. */
export function map<T, S>(of: Schema<T, Presence, S>, rules: { max?: number; names?: Schema<string, Presence, any> } = {}): Schema<Record<string, T>, 'optional', MapOf<S>> {
  const { max = 200, names = text({ max: 200 }) } = rules;
  return schema<Record<string, T>, MapOf<S>>({ kind: 'map', of: of.about, max }, isMap, (raw, at, wire) => {
    if (isEmpty(raw)) refuseEmpty(at);
    if (!isMap(raw)) return refuse(undefined, `Invalid object: ${said(raw)}`, at);
    const given = Object.keys(raw);
    if (given.length > max) refuse(undefined, `Invalid object: ${at} has at most ${max} entries`, at);
    const read = emptyMap<T>();
    if (given.includes('__proto__')) refuse('parameter_unknown', `Received unknown parameter: ${inside(at, '__proto__')}`, inside(at, '__proto__'));
    for (const name of given) read[names.read(name, inside(at, quoted(name)), wire)] = of.read(raw[name] as Raw, inside(at, name), wire);
    return read;
  });
}

const METADATA = { keys: 50, key: 40, value: 500 };

/** Metadata as it was sent: `''` alone unsets all keys, `''` at a key unsets that key; to merge is the caller's part. */
export function metadata(): Schema<Record<string, string> | '', 'optional', Leaf> {
  return schema<Record<string, string> | ''>({ kind: 'metadata', max: METADATA.keys, clearable: true }, (raw) => isMap(raw) || isEmpty(raw), (raw, at) => {
    if (isEmpty(raw)) return '';
    if (!isMap(raw)) return refuse(undefined, `Invalid object: ${said(raw)}`, at);
    const read = emptyMap<string>();
    let kept = 0;
    for (const name of Object.keys(raw)) {
      const param = inside(at, quoted(name));
      const value = raw[name] ?? '';
      if (name === '' || name === '__proto__' || longerThan(name, METADATA.key) || /[[\]]/.test(name)) {
        refuse(undefined, `Invalid metadata key: ${quoted(name)}. Keys have 1 to ${METADATA.key} characters and no square brackets.`, param);
      }
      if (typeof value !== 'string') return refuse(undefined, `A metadata value is text; ${quoted(name)} has ${said(value)}.`, param);
      if (longerThan(value, METADATA.value)) refuse(undefined, `A metadata value has at most ${METADATA.value} characters; that of ${quoted(name)} has ${[...value].length}.`, param);
      if (value !== '') kept += 1;
      read[name] = value;
    }
    if (kept > METADATA.keys) refuse(undefined, `An object has at most ${METADATA.keys} metadata keys; these are ${kept}.`, at);
    return read;
  });
}

/** Counts characters, not UTF-16 units, and only when it matters. */
function longerThan(value: string, max: number): boolean {
  return value.length > max && (value.length > 2 * max || [...value].length > max);
}

/** A currency, in lower case whatever the caller's case. */
export function currency(isKnown: (code: string) => boolean = isCurrency): Schema<string, 'optional', Leaf> {
  return schema({ kind: 'currency' }, (raw) => typeof raw === 'string' && /^[a-z]{3}$/i.test(raw), (raw, at) => {
    if (isEmpty(raw)) refuseEmpty(at);
    if (typeof raw !== 'string' || !/^[a-z]{3}$/i.test(raw) || !isKnown(raw.toLowerCase())) {
      return refuse(undefined, `Invalid currency: ${said(raw)}. A currency is one of the three-letter codes of ISO 4217, e.g. usd.`, at);
    }
    return raw.toLowerCase();
  });
}

export type Range = number | { gt?: number; gte?: number; lt?: number; lte?: number };

/** A filter over moments, such as `created`: an exact second or bounds. On paths under /v2, `of` is `instant()`. */
export function range(of: Schema<number, 'optional', Leaf> = timestamp()): Schema<Range, 'optional', Leaf> {
  const bounds = fields({ gt: of, gte: of, lt: of, lte: of });
  return schema<Range>({ kind: 'range', of: of.about }, () => true, (raw, at, wire) => (isMap(raw) ? bounds.read(raw, at, wire) : of.read(raw, at, wire)));
}

/** The first of these kinds that the value looks like: `oneOf(choice('inf'), integer())`. */
export function oneOf<O extends Schema<any, Presence, any>[]>(...options: O): Schema<Params<O[number]>, 'optional', NonNullable<O[number]['structure']>> {
  return schema({ kind: 'oneOf', options: options.map((option) => option.about) }, (raw, wire) => options.some((option) => option.fits(raw, wire)), (raw, at, wire) => {
    const option = options.find((each) => each.fits(raw, wire));
    if (option) return option.read(raw, at, wire);
    if (isEmpty(raw)) refuseEmpty(at);
    const integral = options.some((each) => each.about.kind === 'integer' || each.about.kind === 'timestamp');
    const wanted = options.flatMap((each) => each.about.values ?? [`${/^[aeiou]/.test(each.about.kind) ? 'an' : 'a'} ${each.about.kind === 'fields' ? 'map' : each.about.kind}`]);
    return refuse(integral ? 'parameter_invalid_integer' : undefined, `Invalid ${at}: must be one of ${alternatives(wanted)}`, at);
  });
}

/** A field that an empty value (`''`, in JSON null) unsets: then it is null. */
export function clearable<T, S>(of: Schema<T, 'optional', S>): Schema<T | null, 'optional', S> {
  return schema<T | null, S>({ ...of.about, clearable: true }, (raw, wire) => isEmpty(raw) || of.fits(raw, wire), (raw, at, wire) => (isEmpty(raw) ? null : of.read(raw, at, wire)));
}

export function required<T, S>(of: Schema<T, 'optional', S>): Schema<T, 'required', S> {
  return { ...of, presence: 'required', about: { ...of.about, required: true } };
}

/** A field that has this value when it is left out. */
export function byDefault<T, S>(of: Schema<T, 'optional', S>, fallback: NoInfer<T>): Schema<T, 'defaulted', S> {
  return { ...of, presence: 'defaulted', fallback, about: { ...of.about, default: fallback } };
}

/** A parameter that Stripe has and Kontor does not (yet): whoever sends it is told so, rather than believed to have been heard. */
export function unsupported(reason = 'it is not implemented'): Schema<never, 'unsupported', Leaf> {
  return {
    presence: 'unsupported',
    fallback: undefined,
    about: { kind: 'unsupported', unsupported: reason },
    fits: () => true,
    read: (_raw, at) => refuse('parameter_unknown', `Kontor does not support \`${at}\` here yet: ${reason.replace(/\.$/, '')}.`, at),
  };
}

/** A switch that Kontor cannot turn on (yet): whoever says that it is off is understood. */
export function off(reason: string): Schema<boolean, 'optional', Leaf> {
  const of = boolean();
  const on = unsupported(reason);
  return { ...of, about: { ...of.about, doc: `Only \`false\`: ${reason}.` }, read: (raw, at, wire) => of.read(raw, at, wire) && on.read(raw, at, wire) };
}

/** One line of documentation. */
export function doc<S extends Schema<any, Presence, any>>(line: string, of: S): S {
  return { ...of, about: { ...of.about, doc: line } };
}

/** At most one of these may be given. */
export function exclusive(names: readonly string[]): Rule<any> {
  return {
    about: `at most one of ${names.join(', ')}`,
    verify: (params, at) => {
      const given = names.filter((name) => params[name] !== undefined && params[name] !== null);
      if (given.length > 1) refuse('parameters_exclusive', `Give only one of ${names.map(at).join(', ')}.`, at(given[0] as string));
    },
  };
}

/** Exactly one of these must be given. */
export function exactlyOne(names: readonly string[]): Rule<any> {
  const { verify } = exclusive(names);
  return {
    about: `exactly one of ${names.join(', ')}`,
    verify: (params, at) => {
      if (names.every((name) => params[name] === undefined)) refuse('parameter_missing', `Give one of ${names.map(at).join(', ')}.`, at(names[0]!));
      verify(params, at);
    },
  };
}

/** A refinement in code: it refuses, naming the parameter by `at(name)`. */
export function check<T>(verify: (params: T, at: (name: string) => string) => void, about = 'further conditions'): Rule<T> {
  return { about, verify };
}

const MOST_EXPANSIONS = 20;
const expansions = list(text({ max: 200, pattern: /^[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*$/, shape: 'be a path of field names joined by dots' }), { max: MOST_EXPANSIONS });

function readExpand(raw: Raw): string[] {
  const paths = expansions.read(raw, 'expand', 'form');
  for (const [index, path] of paths.entries()) {
    if (path.split('.').length > 4) refuse(undefined, `\`expand\` reaches four levels deep at most: ${quoted(path)}`, `expand[${index}]`);
  }
  return [...new Set(paths)];
}

/** Reads a whole request. `expand` is implicit in every schema and comes out separately; the paths under /v2 do not have it (`expands: false`), and their bodies are JSON. */
export function read<T, F>(of: Schema<T, Presence, Fields<F>>, raw: RawMap, how: { wire?: Wire; expands?: boolean } = {}): { params: T; expand: string[] } {
  const { wire = 'form', expands = wire === 'form' } = how;
  if (!expands || raw.expand === undefined) return { params: of.read(raw, '', wire), expand: [] };
  const expand = readExpand(raw.expand);
  const rest = emptyMap();
  for (const name in raw) if (name !== 'expand') rest[name] = raw[name] as Raw;
  return { params: of.read(rest, '', wire), expand };
}

const PAGE = {
  limit: byDefault(integer({ min: 1, max: 100 }), 10),
  starting_after: id(),
  ending_before: id(),
};

/** The parameters of a list: its filters and the page. */
export function listParams<F extends Shape>(filters: F, ...rules: Rule<any>[]): Schema<FieldsOf<F & typeof PAGE>, 'optional', Fields<F & typeof PAGE>> {
  return fields({ ...filters, ...PAGE } as F & typeof PAGE, exclusive(['starting_after', 'ending_before']), ...rules);
}

/** The schema as data. */
export function describe(of: Schema<any, Presence, any>): Description {
  return of.about;
}
