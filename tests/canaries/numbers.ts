/** Card numbers that are nowhere else: where one is found, it has come from its flow. */
import { passesLuhn } from '../../billing/payment/card_number.ts';

/** What begins so is taken by the vault of the proof; what begins with the second is refused as a real card would be; the third is in the caller's own text, where it may be found. */
export const CANARY = '4000973151';
export const STRANGER = '4539973151';
export const CONTROL = '5200973151';
/** Security codes that are wrong, and long enough to be looked for. */
export const LONG_CODE = '9153004';

/** The keys of the test cards as which canaries behave, in turn: paid, declined at the charge, declined when kept, asked for, contested, refund that comes back, wrong code. */
export const BEHAVIOURS = ['visa', 'chargeCustomerFail', 'visa_chargeDeclinedInsufficientFunds', 'authenticationRequired', 'createDispute', 'refundFail', 'chargeDeclinedIncorrectCvc'] as const;

const PLACES = 5;

export function numberOf(prefix: string, n: number): string {
  const body = prefix + String(n).padStart(PLACES, '0');
  return body + [...'0123456789'].find((digit) => passesLuhn(body + digit))!;
}

export const nOf = (number: string): number => Number(number.slice(CANARY.length, CANARY.length + PLACES));

/** In each of the forms in which bytes of a database and texts of a log may have it. */
export const formsOf = (prefix: string): Buffer[] => [Buffer.from(prefix), Buffer.from(Buffer.from(prefix).toString('hex')), Buffer.from(Buffer.from(prefix).toString('base64').slice(0, 12)), Buffer.from(prefix.replace(/^(.{4})(.{4})/, '$1 $2 '))];
