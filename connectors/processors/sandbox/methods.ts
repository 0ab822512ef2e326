/**
 * What the sandbox takes beside cards, and what it does with it. The facts are those of Stripe's documentation; delays on a test clock are those of life, in real time a second, or three minutes for the values
 * that are documented to take so long.
 *
 * The sandbox's token for such a method is `type/behaviour`, so that it answers without having to remember anything.
 */
import { METHODS } from '../../../billing/payment/offer.ts';
import type { Capabilities, Delay } from '../processor.ts';

const DAY_S = 86_400;

export const CAPABILITIES: Capabilities = { methods: METHODS, idempotency: 'header', ttl_hours: null, lookup: ['op_id', 'reference'], settles_in_s: 0, gives_up: true };

/** How long it takes until a debit is known to have come, and until its documented slow values have. */
export const SETTLES: Record<string, Delay> = { us_bank_account: { on_clock: 4 * DAY_S, real: 1 }, sepa_debit: { on_clock: 5 * DAY_S, real: 1 } };
export const SETTLES_LATE: Delay = { on_clock: 14 * DAY_S, real: 180 };

export type Behaviour = {
  /** How a charge ends. */
  ends: 'succeeds' | 'fails' | 'never';
  late?: boolean;
  /** Refused at once, before it is put to the bank. */
  refused?: boolean;
  code?: string;
  message?: string;
  disputed?: boolean;
};

const fails = (code: string, message: string, more: Partial<Behaviour> = {}): Behaviour => ({ ends: 'fails', code, message, ...more });
const LIMITS = {
  exceeds_source_limit: fails('charge_exceeds_source_limit', 'The amount is more than may be debited from the account in the given time.', { refused: true }),
  exceeds_weekly_limit: fails('charge_exceeds_source_limit', 'The amount is more than may be debited from the account in a week.', { refused: true }),
};

export const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  success: { ends: 'succeeds' },
  success_delayed: { ends: 'succeeds', late: true },
  failed: fails('payment_intent_payment_attempt_failed', "The account holder's bank has refused the debit."),
  failed_delayed: fails('payment_intent_payment_attempt_failed', "The account holder's bank has refused the debit.", { late: true }),
  disputed: { ends: 'succeeds', disputed: true },
  processing: { ends: 'never' },
  account_closed: fails('account_closed', 'The bank account has been closed.'),
  no_account: fails('no_account', 'There is no such bank account.'),
  insufficient_funds: fails('insufficient_funds', 'There is not enough money in the account for this payment.'),
  debit_not_authorized: fails('debit_not_authorized', 'The account holder has not authorized the debit.'),
  invalid_currency: fails('payment_method_currency_mismatch', 'The bank does not take payments in this currency.'),
  ...LIMITS,
};

/** Account numbers at the routing number 110000000. */
export const US_ACCOUNTS: Readonly<Record<string, string>> = {
  '000123456789': 'success', '000111111113': 'account_closed', '000111111116': 'no_account', '000222222227': 'insufficient_funds', '000333333335': 'debit_not_authorized', '000444444440': 'invalid_currency',
  '000555555559': 'disputed', '000666666661': 'success', '000000000009': 'processing', '000777777771': 'exceeds_weekly_limit',
};
/** To this one no small amounts can be sent. */
export const UNREACHABLE_ACCOUNT = '000666666661';

/** Names of methods that are verified already, behind `pm_usBankAccount_`. */
export const US_NAMES: Readonly<Record<string, string>> = {
  success: '000123456789', accountClosed: '000111111113', noAccount: '000111111116', insufficientFunds: '000222222227', debitNotAuthorized: '000333333335', invalidCurrency: '000444444440', dispute: '000555555559',
  processing: '000000000009', weeklyLimitExceeded: '000777777771',
};

/** Names behind `pm_` or `pm_sepaDebit_`, before `_` and the country. */
export const SEPA_NAMES: Readonly<Record<string, string>> = {
  success: 'success', successDelayed: 'success_delayed', failed: 'failed', failedDelayed: 'failed_delayed', disputed: 'disputed', exceedsSourceLimit: 'exceeds_source_limit', exceedsWeeklyLimit: 'exceeds_weekly_limit',
  exceedsWeeklyVolumeLimit: 'exceeds_source_limit', exceedsWeeklyTransactionLimit: 'exceeds_weekly_limit',
  insufficientFunds: 'insufficient_funds',
};

/** The amounts and codes by which an account is proven, or not. */
export function judgeDeposits(given: { amounts?: readonly number[]; descriptor_code?: string }): 'verified' | 'mismatch' | 'exceeded' | 'timeout' {
  const said = given.descriptor_code?.toUpperCase() ?? [...(given.amounts ?? [])].sort((a, b) => a - b).join('/');
  if (said === '32/45' || said === 'SM11AA') return 'verified';
  if (said === '10/11' || said === 'SM33CC') return 'exceeded';
  if (said === '40/41' || said === 'SM44DD') return 'timeout';
  return 'mismatch';
}

export const DEPOSITS_REFUSED = {
  mismatch: { code: 'payment_method_microdeposit_verification_amounts_mismatch', message: 'These are not the amounts or the code that were sent to the account. In the sandbox they are 32 and 45, or SM11AA.', final: false },
  exceeded: { code: 'payment_method_microdeposit_verification_attempts_exceeded', message: 'It was tried too often to verify the bank account. Give another payment method.', final: true },
  timeout: { code: 'payment_method_microdeposit_verification_timeout', message: 'The bank account was not verified in time. Give another payment method.', final: true },
};
