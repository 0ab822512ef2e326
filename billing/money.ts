/**
 * Money and exact numbers. An amount is a bigint of its currency's minor units; a price, a quantity or a percentage is an exact decimal. Nothing here is a float, and the only rounding is half
 * away from zero (docs/concepts/bill.md, "Money and time"). Currencies are the wire's lower-case ISO 4217 codes.
 */
import { assert, refuse } from './decision.ts';

/** An exact decimal: `digits ÷ 10^scale`. One number may have several spellings (`{15n, 1}`, `{150n, 2}`); compare with `compare`, never with `===`. */
export type Decimal = { readonly digits: bigint; readonly scale: number };

export const ZERO: Decimal = { digits: 0n, scale: 0 };

const POWERS: readonly bigint[] = Array.from({ length: 40 }, (_, exponent) => 10n ** BigInt(exponent));

function powerOfTen(exponent: number): bigint {
  return POWERS[exponent] ?? 10n ** BigInt(exponent);
}

export function fromBigint(whole: bigint): Decimal {
  return { digits: whole, scale: 0 };
}

const PLAIN = /^(-?\d+)(?:\.(\d+))?$/;

/**
 * Reads plain notation (`12`, `-0.5`, `12.50`); null for anything else: no exponent, no blank, no `+`, no bare point. `places` limits the decimal places of the value, so `1.500` has one. The result
 * has no trailing zeros, which keeps later arithmetic small.
 */
export function parseDecimal(text: string, places = Infinity): Decimal | null {
  const match = PLAIN.exec(text);
  if (match === null) return null;
  const fraction = match[2]?.replace(/0+$/, '') ?? '';
  if (fraction.length > places) return null;
  return { digits: BigInt(match[1]! + fraction), scale: fraction.length };
}

/** Plain notation without trailing zeros, as Stripe writes `unit_amount_decimal`: `1950`, `0.5`, `-12.25`. */
export function formatDecimal(decimal: Decimal): string {
  const { digits, scale } = decimal;
  if (scale === 0) return digits.toString();
  const figures = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, '0');
  const fraction = figures.slice(-scale).replace(/0+$/, '');
  return (digits < 0n ? '-' : '') + figures.slice(0, -scale) + (fraction === '' ? '' : `.${fraction}`);
}

/** The decimal's digits at a scale that is at least its own: `digitsAt(0.5, 4)` is 5000n. */
export function digitsAt(decimal: Decimal, scale: number): bigint {
  return decimal.scale === scale ? decimal.digits : decimal.digits * powerOfTen(scale - decimal.scale);
}

export function add(a: Decimal, b: Decimal): Decimal {
  if (a.digits === 0n) return b;
  if (b.digits === 0n) return a;
  const scale = Math.max(a.scale, b.scale);
  return { digits: digitsAt(a, scale) + digitsAt(b, scale), scale };
}

export function subtract(a: Decimal, b: Decimal): Decimal {
  return add(a, { digits: -b.digits, scale: b.scale });
}

export function multiply(a: Decimal, b: Decimal): Decimal {
  return { digits: a.digits * b.digits, scale: a.scale + b.scale };
}

/** Negative where a < b, 0 where they are the same number, positive where a > b. */
export function compare(a: Decimal, b: Decimal): number {
  const scale = Math.max(a.scale, b.scale);
  const [left, right] = [digitsAt(a, scale), digitsAt(b, scale)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The smaller of two amounts. */
export const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** The amount, and never less than nothing. */
export const positive = (amount: bigint): bigint => (amount > 0n ? amount : 0n);

/** The quotient as a whole number, half away from zero: 1 ÷ 2 → 1, −1 ÷ 2 → −1, 5 ÷ 2 → 3. */
export function roundDiv(numerator: bigint, denominator: bigint): bigint {
  if (denominator < 0n) return roundDiv(-numerator, -denominator);
  const doubled = denominator * 2n;
  return numerator < 0n ? -((denominator - numerator * 2n) / doubled) : (numerator * 2n + denominator) / doubled;
}

/** The nearest whole number, half away from zero. */
export function roundDecimal(decimal: Decimal): bigint {
  return decimal.scale === 0 ? decimal.digits : roundDiv(decimal.digits, powerOfTen(decimal.scale));
}

/** A percentage as the wire has it (a number) or as the database keeps it (numeric text). Numbers are read to four decimal places, the most that Stripe keeps of a rate. */
export type Percentage = number | string;

export function percentage(value: Percentage): Decimal {
  if (typeof value === 'number') return { digits: BigInt(Math.round(value * 10_000)), scale: 4 };
  const parsed = parseDecimal(value);
  assert(parsed !== null, `a percentage is a plain decimal, not ${value}`);
  return parsed;
}

/** round(amount × percent ÷ 100). */
export function percentOf(amount: bigint, percent: Percentage): bigint {
  const { digits, scale } = percentage(percent);
  return roundDiv(amount * digits, 100n * powerOfTen(scale));
}

/**
 * Shares a total in proportion to weights ≥ 0 so that the shares sum to the total exactly: each gets its part rounded towards zero, and what is left goes one by one to the largest remainders,
 * ties to the earlier. A share exceeds its weight only where the total exceeds the sum of the weights. A total of 0 is shared as zeros, even over no weight at all.
 */
export function share(total: bigint, weights: readonly bigint[]): bigint[] {
  if (total < 0n) return share(-total, weights).map((each) => -each);
  if (total === 0n) return weights.map(() => 0n);
  const sum = weights.reduce((whole, weight) => whole + weight, 0n);
  assert(sum > 0n && weights.every((weight) => weight >= 0n), 'a total is shared by weights of which none is negative and one is positive');
  const shares = weights.map((weight) => (total * weight) / sum);
  const left = shares.reduce((rest, each) => rest - each, total);
  return left === 0n ? shares : byLargestRemainder(shares, weights.map((weight) => (total * weight) % sum), left);
}

/** Parts that were rounded down, with what is left (0 ≤ left ≤ their number) given one by one to those of the largest remainders, ties to the earlier. */
export function byLargestRemainder(parts: readonly bigint[], remainders: readonly bigint[], left: bigint): bigint[] {
  const order = remainders.map((remainder, index) => ({ index, remainder }));
  order.sort((a, b) => (a.remainder > b.remainder ? -1 : a.remainder < b.remainder ? 1 : a.index - b.index));
  const more = new Set(order.slice(0, Number(left)).map(({ index }) => index));
  return parts.map((part, index) => (more.has(index) ? part + 1n : part));
}

/** Takes a total from amounts in their order, of each at most all of it and of one below zero nothing: what is taken of each. */
export function takeInTurn(total: bigint, amounts: readonly bigint[]): bigint[] {
  let left = total;
  return amounts.map((amount) => {
    const taken = positive(least(amount, left));
    left -= taken;
    return taken;
  });
}

/** Stripe's presentment currencies (docs.stripe.com/currencies). */
const CURRENCIES: ReadonlySet<string> = new Set(
  (
    'aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq ' +
    'gyd hkd hnl htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk ' +
    'php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw'
  ).split(' '),
);

const ZERO_DECIMAL: ReadonlySet<string> = new Set('bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' '));
const THREE_DECIMAL: ReadonlySet<string> = new Set('bhd jod kwd omr tnd'.split(' '));

/** An amount as a JSON number, on the wire and in JSON columns: whole, and held exactly by every reader. What would come to more, such as many pieces of something dear, is refused. */
export function minor(amount: bigint): number {
  const number = Number(amount);
  if (!Number.isSafeInteger(number)) refuse('amount_too_large', `An amount of ${amount} would come of this. No amount is larger than ${Number.MAX_SAFE_INTEGER}, in the smallest unit of its currency.`);
  return number;
}

export function isCurrency(code: string): boolean {
  return CURRENCIES.has(code);
}

/** How many digits of an amount stand behind the point. As in Stripe, `isk`, `ugx` and `huf` have two although their coins have none. */
export function minorDigits(code: string): 0 | 2 | 3 {
  assert(CURRENCIES.has(code), `${code} is a currency`);
  return ZERO_DECIMAL.has(code) ? 0 : THREE_DECIMAL.has(code) ? 3 : 2;
}

const SYMBOLS: Readonly<Record<string, string>> = {
  usd: '$', eur: '€', gbp: '£', jpy: '¥', aud: 'A$', brl: 'R$', cad: 'CA$', cny: 'CN¥', hkd: 'HK$', ils: '₪', inr: '₹', krw: '₩', mxn: 'MX$', nzd: 'NZ$', php: '₱', twd: 'NT$', vnd: '₫',
};

/** An amount for people, the same on every machine: `$1,234.50`, `¥500`, `-€12.00`, `CHF 12.00`. */
export function formatMoney(amount: bigint, currency: string): string {
  const digits = minorDigits(currency);
  const figures = (amount < 0n ? -amount : amount).toString().padStart(digits + 1, '0');
  const whole = figures.slice(0, figures.length - digits).replace(/\B(?=(\d{3})+$)/g, ',');
  const fraction = digits === 0 ? '' : `.${figures.slice(-digits)}`;
  const symbol = SYMBOLS[currency] ?? `${currency.toUpperCase()} `;
  return `${amount < 0n ? '-' : ''}${symbol}${whole}${fraction}`;
}

const MINIMUM: Readonly<Record<string, bigint>> = {
  aed: 200n, ars: 50n, aud: 50n, bgn: 100n, brl: 50n, cad: 50n, chf: 50n, cop: 50n, czk: 1500n, dkk: 250n, eur: 50n, gbp: 30n, hkd: 400n, huf: 17500n, idr: 50n, ils: 50n, inr: 50n, jpy: 50n,
  krw: 50n, mxn: 1000n, myr: 200n, nok: 300n, nzd: 50n, php: 50n, pln: 200n, ron: 200n, rub: 50n, sek: 300n, sgd: 50n, thb: 1000n, usd: 50n, zar: 50n,
};

/** The least amount that can be charged (docs.stripe.com/currencies, "Minimum and maximum charge amounts"), 1 minor unit where none is documented. */
export function minimumCharge(currency: string): bigint {
  return MINIMUM[currency] ?? 1n;
}

/** What an amount that is charged, captured or given back is a multiple of (the same page, "Three-decimal currencies" and "Special cases"): the networks of cards know no third decimal, and no part of a króna or a shilling. */
export function chargeStep(currency: string): bigint {
  return THREE_DECIMAL.has(currency) ? 10n : currency === 'isk' || currency === 'ugx' ? 100n : 1n;
}

/** The same of a payout: banks know no part of a forint or of a New Taiwan dollar either. */
export const payoutStep = (currency: string): bigint => (currency === 'huf' || currency === 'twd' ? 100n : chargeStep(currency));

const MAXIMUM: Readonly<Record<string, bigint>> = { cop: 9_999_999_999n, idr: 999_999_999_999n, inr: 999_999_999n };

/** The largest amount that one payment can be of (the same page): of eight digits, in some currencies of more. */
export function maximumCharge(currency: string): bigint {
  return MAXIMUM[currency] ?? 99_999_999n;
}
