/**
 * What a caller sent as a card, as a test card or as a refusal.
 *
 * A sandbox must never see a real card: a number is taken only if it is one of the table's, and a number that could be somebody's is refused before it is kept, logged or echoed.
 */
import type { AddressGiven, MethodSource, Tokenized } from '../processor.ts';
import { checksOf, detailsOf, referenceTo, testCardByName, testCardByNumber, type TestCard } from './cards.ts';
import { keepNamed, keepOther } from './others.ts';

/** The expiry of cards that are named instead of typed, where the caller gives none. */
export const NAMED_EXPIRY = { exp_month: 12, exp_year: 2034 } as const;

const NO_ADDRESS: AddressGiven = { line1: false, postal_code: false };

function refusal(code: string, param: string, message: string, decline_code: string | null = null): Tokenized & { kind: 'refused' } {
  return { kind: 'refused', code, decline_code, message, param };
}

/** The check digit of ISO/IEC 7812-1, annex B. */
export function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let place = 0; place < digits.length; place++) {
    const digit = Number(digits[digits.length - 1 - place]);
    const doubled = place % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** A card that a phone gives has the name of the card and of the wallet: `pm_card_visa_applePay`. It is charged as the card behind it. */
function walletIn(token: string): { name: string; wallet: 'apple_pay' | 'google_pay' | null } {
  const [, name, wallet] = /^(.+)_(applePay|googlePay)$/.exec(token) ?? [];
  return { name: name ?? token, wallet: wallet === undefined ? null : wallet === 'applePay' ? 'apple_pay' : 'google_pay' };
}

function found(card: TestCard, expiry: { exp_month: number; exp_year: number }, cvc: boolean, address: AddressGiven, wallet: 'apple_pay' | 'google_pay' | null = null): Tokenized {
  const given = { cvc, ...address };
  return {
    kind: 'card',
    method: { reference: referenceTo(card, cvc), set_up: false, network_transaction_id: null },
    card: { ...detailsOf(card, expiry, given), ...(wallet && { wallet: { type: wallet, dynamic_last4: card.last4, [wallet]: {} } }) },
    verified: checksOf(card, given, true),
  };
}

function refuseExpiry(exp_month: number, exp_year: number, today: { year: number; month: number }): Tokenized | null {
  if (!Number.isInteger(exp_month) || exp_month < 1 || exp_month > 12) return refusal('invalid_expiry_month', 'exp_month', 'The expiry month is a number from 1 to 12.');
  if (!Number.isInteger(exp_year) || exp_year < today.year || exp_year > today.year + 50) return refusal('invalid_expiry_year', 'exp_year', 'The expiry year is past, or too far ahead to be one.');
  if (exp_year === today.year && exp_month < today.month) return refusal('invalid_expiry_month', 'exp_month', 'The card expired earlier this year; give a month that is still to come.');
  return null;
}

/** Two-digit years are of this century. */
const fullYear = (year: number): number => (year >= 0 && year < 100 ? 2000 + year : year);

export function tokenize(source: MethodSource, today: { year: number; month: number }, address: AddressGiven = NO_ADDRESS): Tokenized {
  if ('type' in source) return keepOther(source);
  if ('token' in source) {
    const { name, wallet } = walletIn(source.token);
    const named = testCardByName(name);
    if (!named) return keepNamed(source.token) ?? { kind: 'absent' };
    const expiry = { exp_month: source.exp_month ?? NAMED_EXPIRY.exp_month, exp_year: fullYear(source.exp_year ?? NAMED_EXPIRY.exp_year) };
    const kept = found(named, expiry, true, address, wallet);
    return (source.exp_month ?? source.exp_year) === undefined ? kept : (refuseExpiry(expiry.exp_month, expiry.exp_year, today) ?? kept);
  }
  const number = source.number.replaceAll(/[\s-]/g, '');
  if (!/^[0-9]{12,19}$/.test(number)) return refusal('invalid_number', 'number', 'A card number has 12 to 19 digits. In the sandbox, use a test number such as 4242 4242 4242 4242.');
  if (!passesLuhn(number)) return refusal('incorrect_number', 'number', 'The card number is mistyped: its check digit is wrong.');
  const card = testCardByNumber(number);
  if (!card) {
    return refusal(
      'card_declined', 'number',
      'This looks like a real card, and the sandbox takes test cards only; nothing of it was kept. Use 4242 4242 4242 4242, or another number from the list of test cards.', 'test_mode_live_card',
    );
  }
  const expiry = { exp_month: source.exp_month, exp_year: fullYear(source.exp_year) };
  const expired = refuseExpiry(expiry.exp_month, expiry.exp_year, today);
  if (expired) return expired;
  const cvc = source.cvc ?? '';
  if (cvc !== '' && !(card.brand === 'amex' ? /^[0-9]{3,4}$/ : /^[0-9]{3}$/).test(cvc)) {
    return refusal('invalid_cvc', 'cvc', card.brand === 'amex' ? 'The security code has four digits.' : 'The security code has three digits.');
  }
  return found(card, expiry, cvc !== '', address);
}
