/** What a card number and an expiry look like, and how a number is kept out of what people read. */

const digitAt = (digits: string | Uint8Array, place: number): number => (typeof digits === 'string' ? digits.charCodeAt(place) : digits[place]!) - 48;

/** The check digit of ISO/IEC 7812-1, annex B, of digits in ASCII and nothing else. */
export function passesLuhn(digits: string | Uint8Array): boolean {
  let sum = 0;
  for (let place = 0; place < digits.length; place += 1) {
    const digit = digitAt(digits, digits.length - 1 - place);
    const doubled = place % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

export type Expiry = { exp_month: number; exp_year: number };
export type Month = { year: number; month: number };
type Fault = { code: 'invalid_expiry_month' | 'invalid_expiry_year'; param: 'exp_month' | 'exp_year'; message: string };

/** Two-digit years are of this century. */
export const fullYear = (year: number): number => (year >= 0 && year < 100 ? 2000 + year : year);

/** What is wrong with an expiry in the month `today`; null where nothing is. */
export function faultInExpiry({ exp_month, exp_year }: Expiry, today: Month): Fault | null {
  if (!Number.isInteger(exp_month) || exp_month < 1 || exp_month > 12) return { code: 'invalid_expiry_month', param: 'exp_month', message: 'The expiry month is a number from 1 to 12.' };
  if (!Number.isInteger(exp_year) || exp_year < today.year || exp_year > today.year + 50) return { code: 'invalid_expiry_year', param: 'exp_year', message: 'The expiry year is past, or too far ahead to be one.' };
  if (exp_year === today.year && exp_month < today.month) return { code: 'invalid_expiry_month', param: 'exp_month', message: 'The card expired earlier this year; give a month that is still to come.' };
  return null;
}

/** Digits as people write card numbers, which begin with 2 to 6: a moment in milliseconds begins with 1. A `+` or `%20` is a space in a form. */
const NUMBER_LIKE = /(?<![0-9])[2-6](?:(?: |-|\+|%20)?[0-9]){11,18}(?![0-9])/g;

/** The text with each number in it that could be a card's hidden. It is the second line: what never gets a number need not hide it. */
export function withoutCardNumbers(text: string): string {
  return text.replace(NUMBER_LIKE, (found) => (passesLuhn(found.replace(/%20|[ +-]/g, '')) ? '[card number]' : found));
}
