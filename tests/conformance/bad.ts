/**
 * Bad requests, made from what a schema says of itself. Each of them must be refused: one thing in it is wrong for certain, all else is as right as the description allows.
 */
import type { Description } from '../../server/http/params.ts';

/** A parameter as a form spells it; the value is escaped already. */
type Pair = readonly [name: string, value: string];
export type Bad = { what: string; pairs: Pair[] };

type Wrong = { what: string; suffix?: string; value: string };
type Ids = (prefix: string | undefined) => string;

export const written = (pairs: readonly Pair[]): string => pairs.map(([name, value]) => `${name}=${value}`).join('&');
const plain = (at: string, value: string): Pair => [at, encodeURIComponent(value)];

const SAMPLES = ['x', 'X1X', 'abc', 'abc_1', '12', '2026-10-28', 'https://example.com'];

/** Right parameters for a description, as few as possible. */
function right(about: Description, at: string, ids: Ids): Pair[] {
  const one = (value: unknown): Pair[] => [plain(at, String(value))];
  switch (about.kind) {
    case 'fields':
      return Object.entries(about.fields!).filter(([, field]) => field.required).flatMap(([name, field]) => right(field, at === '' ? name : `${at}[${name}]`, ids));
    case 'list':
      return right(about.of!, `${at}[0]`, ids);
    case 'map':
    case 'metadata':
      return about.of ? right(about.of, `${at}[k]`, ids) : [plain(`${at}[k]`, 'v')];
    case 'oneOf':
      return right(about.options![0]!, at, ids);
    case 'range':
      return right(about.of!, at, ids);
    case 'text': {
      const sample = about.pattern ? SAMPLES.find((each) => new RegExp(about.pattern!).test(each)) ?? 'x' : 'x';
      return one(sample.padEnd(Number(about.min ?? 0), 'x'));
    }
    case 'id':
      return one(ids(about.prefix));
    case 'choice':
      return one(about.values![0]);
    case 'integer':
    case 'amount':
    case 'decimal':
    case 'percent':
      return one(Number(about.min ?? 0) > 0 ? about.min : 1);
    case 'timestamp':
      return one(1_893_456_000);
    case 'instant':
      return one('2030-01-01T00:00:00Z');
    case 'boolean':
      return one('true');
    case 'currency':
      return one('usd');
    case 'email':
      return one('jenny@example.com');
    case 'url':
      return one('https://example.com/');
    default:
      return one('x');
  }
}

const wrongs = (what: string, ...values: string[]): Wrong[] => values.map((value) => ({ what: `${what} (${value.slice(0, 30)})`, value: encodeURIComponent(value) }));
const NOT_TEXT: Wrong[] = [
  { what: 'NUL', value: 'a%00b' },
  { what: 'broken UTF-8', value: 'a%FFb' },
  { what: 'half a character', value: '%E2%82' },
  { what: 'a broken escape', value: '%ZZ' },
];
const NOT_A_MAP: Wrong = { what: 'a map for a value', suffix: '[zzz]', value: '1' };
const NOT_INTEGERS = ['1.5', '-0', '007', '+1', ' 1', '1e3', '0x10', 'NaN', 'Infinity', '1,000', 'one', 'null', 'true', '99999999999999999999', '-99999999999999999999', '١'];

function beyond(about: Description): Wrong[] {
  const number = (bound: unknown, step: number) => (bound === undefined || !Number.isSafeInteger(Number(bound)) ? [] : [String(Number(bound) + step)]);
  return wrongs('out of bounds', ...number(about.min, -1), ...number(about.max, 1));
}

/** What is wrong at the place of this description, whatever stands around it. */
function wrongAt(about: Description): Wrong[] {
  const empty: Wrong[] = about.clearable ? [] : [{ what: 'an empty value', value: '' }];
  switch (about.kind) {
    case 'unsupported':
      return [...wrongs('an unsupported parameter', 'x', '1', ''), { ...NOT_A_MAP, what: 'an unsupported map' }];
    case 'fields':
      return [...empty, ...wrongs('a value for a map', 'x', '1'), { what: 'an unknown name', suffix: '[zzz_unknown]', value: '1' }, { what: 'an unknown prototype', suffix: '[__proto__]', value: '1' }];
    case 'list':
      return [...empty, ...wrongs('a value for a list', 'x'), { what: 'a name for an index', suffix: '[zzz]', value: '1' }, { what: 'a negative index', suffix: '[-1]', value: '1' }];
    case 'map':
      return [...empty, ...wrongs('a value for a map', 'x')];
    case 'metadata':
      return [
        ...wrongs('a value for metadata', 'x'),
        { what: 'a map in metadata', suffix: '[a][b]', value: '1' },
        { what: 'a long name', suffix: `[${'k'.repeat(41)}]`, value: '1' },
        { what: 'a long value', suffix: '[k]', value: 'v'.repeat(501) },
        ...NOT_TEXT.map((each) => ({ ...each, suffix: '[k]' })),
      ];
    case 'oneOf': {
      const [first, ...others] = about.options!.map(wrongAt);
      const same = (a: Wrong) => (b: Wrong) => a.suffix === b.suffix && a.value === b.value;
      const shared = (first ?? []).filter((each) => others.every((other) => other.some(same(each))));
      return about.clearable ? shared.filter((each) => each.value !== '' || each.suffix !== undefined) : shared;
    }
    case 'range':
      return [NOT_A_MAP, ...NOT_TEXT, ...wrongs('no moment', 'yesterday', '1.5')];
    case 'text':
      return [NOT_A_MAP, ...NOT_TEXT, { what: 'a text that is too long', value: 'x'.repeat(Number(about.max) + 1) }, ...(about.pattern && !new RegExp(about.pattern).test('¿ ?') ? wrongs('another pattern', '¿ ?') : [])];
    case 'id':
      return [NOT_A_MAP, ...NOT_TEXT, ...empty, ...wrongs('too long an id', `${about.prefix ?? 'x'}_${'1'.repeat(256)}`), ...(about.prefix ? wrongs('the id of another kind', 'zzz_123', about.prefix) : [])];
    case 'integer':
    case 'amount':
    case 'timestamp':
      return [NOT_A_MAP, ...NOT_TEXT, ...empty, ...wrongs('no integer', ...NOT_INTEGERS), ...(about.kind === 'timestamp' ? wrongs('before all time', '-1', '253402300800') : []), ...beyond(about)];
    case 'decimal':
    case 'percent':
      return [NOT_A_MAP, ...NOT_TEXT, ...empty, ...wrongs('no decimal', '1.', '.5', '1e3', '-0', '0x1', 'NaN', '1,5', '01', `0.${'1'.repeat(Number(about.places) + 1)}`), ...beyond(about)];
    case 'file':
      return [NOT_A_MAP, ...NOT_TEXT, ...empty, ...wrongs('no file', 'x', 'file_123')];
    case 'boolean':
      return [NOT_A_MAP, ...NOT_TEXT, ...empty, ...wrongs('no boolean', '1', '0', 'yes', 'TRUE', 'null')];
    case 'choice':
      return [NOT_A_MAP, ...NOT_TEXT, ...empty, ...wrongs('no such choice', 'zzz', `${about.values![0]} `, ...(/[a-z]/.test(about.values![0]!) ? [about.values![0]!.toUpperCase()] : []))];
    case 'currency':
      return [NOT_A_MAP, ...NOT_TEXT, ...empty, ...wrongs('no currency', 'zzz', 'us', 'dollars', '12')];
    case 'email':
      return [NOT_A_MAP, ...NOT_TEXT, ...empty, ...wrongs('no address', 'nobody', '@', 'a@b', `${'x'.repeat(512)}@example.com`)];
    case 'url':
      return [NOT_A_MAP, ...NOT_TEXT, ...empty, ...wrongs('no address', 'example', 'ftp://example.com', 'javascript:alert(1)', 'https://')];
    case 'instant':
      return [NOT_A_MAP, ...NOT_TEXT, ...empty, ...wrongs('no moment', '1893456000', 'yesterday', '2030-13-01T00:00:00Z')];
    default:
      return NOT_TEXT;
  }
}

/** Every place in a schema, with the right parameters around it. */
function* places(about: Description, at: string, around: Pair[], ids: Ids, depth = 0): Generator<{ about: Description; at: string; around: Pair[] }> {
  if (at !== '') yield { about, at, around };
  if (depth > 8) return;
  if (about.kind === 'fields') {
    for (const [name, field] of Object.entries(about.fields!)) {
      const here = at === '' ? name : `${at}[${name}]`;
      const siblings = Object.entries(about.fields!).filter(([other, { required }]) => other !== name && required).flatMap(([other, each]) => right(each, at === '' ? other : `${at}[${other}]`, ids));
      yield* places(field, here, [...around, ...siblings], ids, depth + 1);
    }
  }
  if (about.kind === 'list') yield* places(about.of!, `${at}[0]`, around, ids, depth + 1);
  if (about.kind === 'map') yield* places(about.of!, `${at}[k]`, around, ids, depth + 1);
  if (about.kind === 'oneOf') for (const option of about.options!) if (option.fields ?? option.of) yield* insideOnly(option, at, around, ids, depth);
}

function* insideOnly(option: Description, at: string, around: Pair[], ids: Ids, depth: number) {
  for (const place of places(option, at, around, ids, depth + 1)) if (place.at !== at) yield place;
}

/** All the ways in which the parameters of this schema can be wrong in one place. `missing` gives ids that do not exist for whoever asks; none where asking for them is right. */
export function badParameters(about: Description, ids: Ids, missing: (prefix: string | undefined) => string[] = () => []): Bad[] {
  const all = right(about, '', ids);
  const bad: Bad[] = [];
  for (const place of places(about, '', [], ids)) {
    for (const { what, suffix = '', value } of wrongAt(place.about)) bad.push({ what: `${place.at}: ${what}`, pairs: [...place.around, [`${place.at}${suffix}`, value]] });
    // The id that a new object is to have is the caller's choice.
    if (place.about.kind === 'id' && place.at !== 'id') for (const id of missing(place.about.prefix)) bad.push({ what: `${place.at}: an id that is not there`, pairs: [...place.around, plain(place.at, id)] });
    const parent = place.at.slice(0, Math.max(0, place.at.lastIndexOf('[')));
    if (place.about.required && (parent === '' || place.around.some(([name]) => name.startsWith(`${parent}[`)))) bad.push({ what: `${place.at}: missing`, pairs: place.around });
    if (place.about.kind !== 'unsupported') bad.push({ what: `${place.at}: a name in the wrong case`, pairs: [...all, [`${place.at.slice(0, 1).toUpperCase()}${place.at.slice(1)}`, '1']] });
  }
  const [first] = all;
  if (first) bad.push({ what: 'a parameter given twice', pairs: [...all, first] }, { what: 'a value that is a map, too', pairs: [...all, [`${first[0]}[zzz]`, '1']] });
  const whole = (what: string, ...pairs: Pair[]) => bad.push({ what, pairs: [...all, ...pairs] });
  whole('an unknown parameter', ['zzz_unknown', '1']);
  whole('an unknown prototype', ['__proto__[polluted]', '1']);
  whole('an unknown constructor', ['constructor[prototype][polluted]', '1']);
  whole('a name of too many parts', [`metadata${'[a]'.repeat(13)}`, '1']);
  whole('a name that does not close', ['a[b', '1']);
  whole('a name that does not open', ['a]b', '1']);
  whole('a name of nothing', ['', '1']);
  whole('too many parameters', ...Array.from({ length: 1_001 }, (_, n): Pair => [`zzz[${n}]`, '1']));
  whole('an expansion too deep', ['expand[]', 'a.b.c.d.e']);
  whole('an expansion of nothing', ['expand[]', 'zzz_unknown']);
  whole('an expansion that is no list', ['expand', 'zzz_unknown']);
  whole('an expansion with a broken path', ['expand[]', '..%2F..%2Fetc']);
  whole('21 expansions', ...Array.from({ length: 21 }, (_, n): Pair => [`expand[${n}]`, `a${n}`]));
  return bad;
}
