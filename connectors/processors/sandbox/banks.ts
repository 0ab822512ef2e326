/** The account's own banks, to which the sandbox pays out: test accounts, by what becomes of a payout to them. Its token of one is what becomes of it. */
import { createHash } from 'node:crypto';
import type { BankKept, BankSource, Fee, PayoutEnd } from '../processor.ts';
import { FEES, type FeeSchedule } from './fees.ts';

const ENDS: Record<string, PayoutEnd> = {
  success: { status: 'paid' },
  account_closed: { status: 'failed', code: 'account_closed', message: 'The bank account has been closed.' },
  no_account: { status: 'failed', code: 'no_account', message: 'There is no such bank account.' },
  insufficient_funds: { status: 'failed', code: 'insufficient_funds', message: 'There is not enough money for this payout.' },
  debit_not_authorized: { status: 'failed', code: 'debit_not_authorized', message: 'The bank does not allow this.' },
  invalid_currency: { status: 'failed', code: 'invalid_currency', message: 'The bank does not take payouts in this currency.' },
};

/** By number, whatever the country; where one is an IBAN, without a routing number. */
const ACCOUNTS: Record<string, string> = {
  '000123456789': 'success', '000111111113': 'account_closed', '000111111116': 'no_account', '000222222227': 'insufficient_funds', '000333333335': 'debit_not_authorized', '000444444440': 'invalid_currency',
  '00012345': 'success', DE89370400440532013000: 'success', DE62370400440532013001: 'no_account', AT611904300234573201: 'success', AT861904300235473202: 'no_account',
};
/** The test banks of countries that have a number for each. */
const ROUTING: Record<string, string> = { US: '110000000', GB: '108800', CA: '11000-000', AU: '110000' };

const COUNTRIES: Record<string, string> = { usd: 'US', gbp: 'GB', cad: 'CA', aud: 'AU', eur: 'DE' };

/** The test account that stands for the account's bank where none was given. */
export const ownBank = (currency: string): BankSource => ({ country: COUNTRIES[currency] ?? 'US', currency, account_number: currency === 'eur' ? 'DE89370400440532013000' : '000123456789', routing_number: null });

export function keepBank({ account_number, routing_number, country }: BankSource): BankKept {
  const number = account_number.replaceAll(/\s/g, '').toUpperCase();
  const end = ACCOUNTS[number];
  if (!end) return { kind: 'refused', code: 'account_number_invalid', param: 'account_number', message: 'This is not one of the test accounts, and the sandbox takes no others; nothing of it was kept. Use 000123456789 or, in euros, DE89370400440532013000.' };
  const routing = ROUTING[country];
  if (routing_number !== null && routing !== undefined && routing_number !== routing) return { kind: 'refused', code: 'routing_number_invalid', param: 'routing_number', message: `The sandbox has one bank in ${country}, with the routing number ${routing}.` };
  const fingerprint = createHash('sha256').update(`kontor sandbox bank ${number} ${country}`).digest('base64').replaceAll(/[^A-Za-z0-9]/g, '').slice(0, 16);
  return { kind: 'kept', reference: end, bank_name: 'SANDBOX BANK', last4: number.slice(-4), routing_number: routing_number ?? routing ?? null, fingerprint };
}

/** What becomes of a payout. */
export const endOf = (reference: string): PayoutEnd => ENDS[reference]!;

/** An instant payout costs its share; another one nothing. */
export function payoutFees(amount: bigint, method: 'standard' | 'instant', { instant_payout: share }: FeeSchedule = FEES): Fee[] {
  const due = (amount * share + 5_000n) / 10_000n;
  return method === 'standard' || due === 0n ? [] : [{ type: 'processing', description: `Instant payout, ${Number(share) / 100} %`, amount: due }];
}
