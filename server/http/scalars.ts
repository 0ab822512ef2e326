/** The kinds of single values. Nothing is coerced: a value is in the one spelling of its kind or it is refused. */
import { refuse } from '../../billing/decision.ts';
import { quoted, type Raw } from './forms.ts';
import { alternatives, isEmpty, refuseAbove, refuseBelow, refuseEmpty, said, schema, type Leaf, type Schema } from './schema.ts';

/** Without leading zeros, signs of plus, blanks, exponents or a negative zero. */
const INTEGER = /^(?:0|-?[1-9][0-9]{0,18})$/;
const DECIMAL = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/;
const LARGEST_AMOUNT = 999_999_999_999;
/** The last second of the year 9999. */
const LAST_SECOND = 253_402_300_799;

const isText = (raw: Raw): raw is string => typeof raw === 'string';
const looksNumeric = (raw: Raw): boolean => typeof raw === 'number' || (typeof raw === 'string' && /^[-+]?[0-9]/.test(raw));

type TextRules = {
  /** In characters (UTF-16 units, as JavaScript counts). */
  max?: number;
  min?: number;
  pattern?: RegExp;
  /** What the pattern wants, in words. */
  shape?: string;
  /** Whether the empty text is a value. */
  blank?: boolean;
  /** Never quoted in a message: card numbers, passwords. */
  secret?: boolean;
};

export function text(rules: TextRules = {}): Schema<string, 'optional', Leaf> {
  const { max = 5_000, min = 0, pattern, blank = false, secret = false } = rules;
  const told = (raw: Raw): string => (secret ? '[hidden]' : said(raw));
  return schema({ kind: 'text', max, ...(min > 0 && { min }), ...(pattern && { pattern: pattern.source }) }, isText, (raw, at) => {
    if (raw === '' && blank) return '';
    if (isEmpty(raw)) refuseEmpty(at);
    if (!isText(raw)) return refuse(undefined, `Invalid string: ${told(raw)}`, at);
    if (raw.length > max) refuse(undefined, `Invalid string: ${secret ? told(raw) : ends(raw)}; must be at most ${max} characters`, at);
    if (raw.length < min) refuse(undefined, `Invalid string: ${told(raw)}; must be at least ${min} characters`, at);
    if (pattern && !pattern.test(raw)) refuse(undefined, `Invalid string: ${told(raw)}; must ${rules.shape ?? `match the following pattern: ${pattern.source}`}`, at);
    return raw;
  });
}

/** Both ends of a text that is too long to be quoted whole. */
function ends(long: string): string {
  return `${long.slice(0, 20)}...${long.slice(-20)}`.toWellFormed();
}

/** What an id's prefix stands for, as Stripe's messages name it. */
const KINDS: Record<string, string> = {
  cus: 'customer', prod: 'product', price: 'price', sub: 'subscription', si: 'subscription_item', in: 'invoice', ii: 'invoiceitem', pm: 'PaymentMethod', pi: 'payment_intent',
  seti: 'setupintent', ch: 'charge', re: 'refund', cn: 'credit note', txr: 'tax rate', promo: 'promotion code', di: 'discount', clock: 'test clock', evt: 'event', we: 'webhook endpoint', mtr: 'meter',
  sub_sched: 'subscription schedule', qt: 'quote', file: 'file', txi: 'tax id', dp: 'dispute', plink: 'payment link', cs: 'checkout.session', il: 'invoice line item', inpay: 'invoice_payment',
  credgr: 'credit grant', mtrc: 'usage correction', odef: 'outcome definition', outc: 'outcome', trof: 'trial offer', ba: 'bank account', mandate: 'mandate', po: 'payout',
};

/** The id of an object. With a prefix (`cus`, without the underscore), an id of another kind is answered as one that does not exist. Products, coupons and old plans have ids of the caller's choice: no prefix there. */
export function id(prefix?: string): Schema<string, 'optional', Leaf> {
  return schema({ kind: 'id', ...(prefix && { prefix }) }, isText, (raw, at) => {
    if (isEmpty(raw)) refuseEmpty(at);
    if (!isText(raw)) return refuse(undefined, `Invalid string: ${said(raw)}`, at);
    if (raw.length > 255 || (prefix !== undefined && !raw.startsWith(`${prefix}_`))) {
      refuse('resource_missing', `No such ${KINDS[prefix ?? ''] ?? 'object'}: '${quoted(raw)}'`, at, { status: 400 });
    }
    return raw;
  });
}

/** The digits of an integer, or a refusal. JSON carries an int64 as a number or as a string of digits. */
function digits(raw: Raw, at: string): string {
  if (isEmpty(raw)) refuseEmpty(at);
  const spelt = typeof raw === 'number' && Number.isSafeInteger(raw) ? String(raw) : raw;
  if (typeof spelt !== 'string' || !INTEGER.test(spelt)) return refuse('parameter_invalid_integer', `Invalid integer: ${said(raw)}`, at);
  return spelt;
}

/** A count: exact within ±2⁵³. */
export function integer(bounds: { min?: number; max?: number } = {}): Schema<number, 'optional', Leaf> {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = bounds;
  return schema({ kind: 'integer', ...bounds }, looksNumeric, (raw, at) => {
    const value = Number(digits(raw, at));
    if (value < min) refuseBelow(min, at);
    if (value > max) refuseAbove(max, at);
    return value;
  });
}

/** Money in minor units. */
export function amount(bounds: { min?: number; max?: number } = {}): Schema<bigint, 'optional', Leaf> {
  const { min = -LARGEST_AMOUNT, max = LARGEST_AMOUNT } = bounds;
  return schema({ kind: 'amount', min, max }, looksNumeric, (raw, at) => {
    const value = BigInt(digits(raw, at));
    if (value > BigInt(max)) refuse('amount_too_large', `Amount must be no more than ${max}.`, at);
    if (value < BigInt(min)) {
      if (bounds.min === undefined) refuse('amount_too_large', `Amount must be no less than ${min}.`, at);
      refuseBelow(min, at);
    }
    return value;
  });
}

/** A decimal text times 10^places, exactly; the text must have been checked. */
function scaled(decimal: string, places: number): bigint {
  const [whole = '0', fraction = ''] = decimal.split('.');
  return BigInt(whole + fraction.padEnd(places, '0'));
}

function checkedDecimal(raw: Raw, at: string, places: number, min: string, max: string): string {
  if (isEmpty(raw)) refuseEmpty(at);
  if (typeof raw !== 'string' || raw.length > 100 || !DECIMAL.test(raw)) return refuse(undefined, `Invalid decimal: ${said(raw)}`, at);
  const point = raw.indexOf('.');
  if (point !== -1 && raw.length - point - 1 > places) refuse(undefined, `Invalid decimal: ${said(raw)}; must contain at maximum ${places} decimal places.`, at);
  const value = scaled(raw, places);
  if (value === 0n && raw.startsWith('-')) refuse(undefined, `Invalid decimal: ${said(raw)}`, at);
  if (value < scaled(min, places)) refuseBelow(min, at);
  if (value > scaled(max, places)) refuseAbove(max, at);
  return raw;
}

/** An exact decimal, kept as it was written; for amounts finer than a minor unit. */
export function decimal(bounds: { min?: number | string; max?: number | string; places?: number } = {}): Schema<string, 'optional', Leaf> {
  const { places = 12 } = bounds;
  const min = String(bounds.min ?? -LARGEST_AMOUNT);
  const max = String(bounds.max ?? LARGEST_AMOUNT);
  return schema({ kind: 'decimal', min, max, places }, looksNumeric, (raw, at) => checkedDecimal(raw, at, places, min, max));
}

/** A percentage as a number. It has so few digits that `String(number)` gives back the decimal that was meant, so exact arithmetic can start from it. */
export function percent(bounds: { min?: number; max?: number; places?: number } = {}): Schema<number, 'optional', Leaf> {
  const { min = 0, max = 100, places = 4 } = bounds;
  return schema({ kind: 'percent', min, max, places }, looksNumeric, (raw, at) =>
    Number(checkedDecimal(typeof raw === 'number' ? String(raw) : raw, at, places, String(min), String(max))),
  );
}

/** As forms spell it; the older official clients for Python write it with a capital. */
const SPELT = new Map<Raw, boolean>([['true', true], ['false', false], ['True', true], ['False', false]]);

export function boolean(): Schema<boolean, 'optional', Leaf> {
  return schema({ kind: 'boolean' }, (raw) => SPELT.has(raw) || typeof raw === 'boolean', (raw, at, wire) => {
    if (isEmpty(raw)) refuseEmpty(at);
    const value = wire === 'json' ? raw : SPELT.get(raw);
    return typeof value === 'boolean' ? value : refuse(undefined, `Invalid boolean: ${said(raw)}. It is true or false.`, at);
  });
}

/** A moment in whole Unix seconds. */
export function timestamp(bounds: { min?: number; max?: number } = {}): Schema<number, 'optional', Leaf> {
  const { min = 0, max = LAST_SECOND } = bounds;
  return schema({ kind: 'timestamp', ...bounds }, looksNumeric, (raw, at) => {
    const value = Number(digits(raw, at));
    if (value < min || value > max) refuse('parameter_invalid_integer', `Invalid timestamp: ${said(raw)}; must be Unix seconds from ${min} to ${max}.`, at);
    return value;
  });
}

const RFC_3339 = /^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})$/;

/** The two digits at a place. */
const two = (text: string, at: number): number => text.charCodeAt(at) * 10 + text.charCodeAt(at + 1) - 528;

/** Whole seconds of what looks like a moment, null where the calendar has none such. In UTC and on a day that every month has it is computed at a third of what `Temporal` takes, which knows the rest. */
function secondsOf(text: string): number | null {
  const [year, month, day, hour, minute, second] = [two(text, 0) * 100 + two(text, 2), two(text, 5), two(text, 8), two(text, 11), two(text, 14), two(text, 17)];
  const isPlain = text.endsWith('Z') && year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= 28 && hour <= 23 && minute <= 59 && second <= 59;
  if (isPlain) return Date.UTC(year, month - 1, day, hour, minute, second) / 1_000;
  try {
    return Math.floor(Temporal.Instant.from(text).epochMilliseconds / 1_000);
  } catch {
    return null;
  }
}

/** A moment as the paths under /v2 write it, e.g. `2026-10-28T12:00:00.000Z`; whole Unix seconds, the fraction cut off. */
export function instant(): Schema<number, 'optional', Leaf> {
  return schema({ kind: 'instant' }, (raw) => isText(raw) && RFC_3339.test(raw), (raw, at) => {
    if (isEmpty(raw)) refuseEmpty(at);
    const wrong = (): never => refuse(undefined, `Invalid timestamp: ${said(raw)}; must be written as 2026-10-28T12:00:00Z (RFC 3339)`, at);
    if (!isText(raw) || !RFC_3339.test(raw)) return wrong();
    const seconds = secondsOf(raw);
    return seconds === null || seconds < 0 || seconds > LAST_SECOND ? wrong() : seconds;
  });
}

export function choice<const V extends readonly string[]>(...values: V): Schema<V[number], 'optional', { values: V[number] }> {
  const known: ReadonlySet<Raw> = new Set<Raw>(values);
  return schema<V[number], { values: V[number] }>({ kind: 'choice', values: [...values] }, (raw) => known.has(raw), (raw, at) => {
    if (known.has(raw)) return raw as V[number];
    if (isEmpty(raw)) refuseEmpty(at);
    return refuse(undefined, `Invalid ${at}: must be ${values.length === 1 ? '' : 'one of '}${alternatives(values)}`, at);
  });
}

const EMAIL = /^[^@\s]+@[^@\s]+\.[^@\s.]+$/;

export function email(): Schema<string, 'optional', Leaf> {
  return schema({ kind: 'email', max: 512 }, isText, (raw, at) => {
    if (isEmpty(raw)) refuseEmpty(at);
    if (!isText(raw) || raw.length > 512 || !EMAIL.test(raw)) return refuse('email_invalid', `Invalid email address: ${said(raw)}`, at);
    return raw;
  });
}

/** An absolute address of the web. */
export function url(rules: { max?: number } = {}): Schema<string, 'optional', Leaf> {
  const { max = 5_000 } = rules;
  return schema({ kind: 'url', max }, isText, (raw, at) => {
    if (isEmpty(raw)) refuseEmpty(at);
    if (!isText(raw) || raw.length > max || !/^https?:\/\//i.test(raw) || !URL.canParse(raw)) return refuse('url_invalid', `Invalid URL: ${said(raw)}. URLs must begin with http or https.`, at);
    return raw;
  });
}
