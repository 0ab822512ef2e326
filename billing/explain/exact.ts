/** Exact values before a rounding, and how they are written. */
import { add, formatDecimal, formatMoney, minorDigits, multiply, parseDecimal, roundDiv, ZERO, type Decimal } from '../money.ts';
import { assert } from '../decision.ts';

/** `numerator ÷ denominator` minor units, the denominator being positive. */
export type Fraction = { readonly numerator: bigint; readonly denominator: bigint };

const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? (a < 0n ? -a : a) : gcd(b, a % b));

/** In lowest terms. */
export function fraction(numerator: bigint, denominator: bigint): Fraction {
  assert(denominator > 0n, 'a fraction has a positive denominator');
  const by = gcd(numerator, denominator);
  return by === 0n ? { numerator, denominator } : { numerator: numerator / by, denominator: denominator / by };
}

export const fromDecimal = ({ digits, scale }: Decimal): Fraction => fraction(digits, 10n ** BigInt(scale));

export const addFractions = (a: Fraction, b: Fraction): Fraction => fraction(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator);

/** A decimal that is known to be one. */
export function decimalOf(text: string): Decimal {
  const read = parseDecimal(text);
  assert(read !== null, `${text} is a plain decimal`);
  return read;
}

/** Half away from zero, as every amount is rounded. */
export const roundFraction = ({ numerator, denominator }: Fraction): bigint => roundDiv(numerator, denominator);

/** Σ unit × quantity + flat. */
export const sumOfParts = (parts: readonly { quantity: string; unit_amount_decimal: string; flat_amount_decimal: string }[]): Fraction =>
  fromDecimal(parts.reduce((sum, part) => add(sum, add(multiply(decimalOf(part.unit_amount_decimal), decimalOf(part.quantity)), decimalOf(part.flat_amount_decimal))), ZERO));

/** For machines: a whole number of minor units, or a fraction such as `12705/62`. */
export const fractionText = ({ numerator, denominator }: Fraction): string => (denominator === 1n ? `${numerator}` : `${numerator}/${denominator}`);

/** For people: `$20.32560483…`, with so many places of a minor unit. What is cut off is marked; nothing is rounded here. */
export function exactMoney({ numerator, denominator }: Fraction, currency: string, places = 6): string {
  const size = numerator < 0n ? -numerator : numerator;
  const [whole, rest] = [size / denominator, size % denominator];
  const text = `${numerator < 0n ? '-' : ''}${formatMoney(whole, currency)}`;
  if (rest === 0n) return text;
  const figures = (rest * 10n ** BigInt(places)) / denominator;
  const cut = (rest * 10n ** BigInt(places)) % denominator !== 0n;
  const digits = figures.toString().padStart(places, '0');
  return `${text}${minorDigits(currency) === 0 ? '.' : ''}${cut ? `${digits}…` : digits.replace(/0+$/, '')}`;
}

/** `$0.04`, or where it is finer than the currency's minor unit, `$0.0025`: a unit amount has up to 12 places. */
export const unitMoney = (decimal: string, currency: string): string => exactMoney(fromDecimal(decimalOf(decimal)), currency, 12);

/** A percentage as it is written: `8.875`. */
export const percentText = (percent: string): string => formatDecimal(decimalOf(percent));
