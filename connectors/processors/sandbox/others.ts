/** Methods that are no cards: how they are kept, charged, saved and refunded in the sandbox. */
import { createHash } from 'node:crypto';
import { METHODS } from '../../../billing/payment/offer.ts';
import type { Action, Assessment, ChargeRequest, Consequence, Declined, OtherSource, Outcome, Payer, RefundOutcome, RefundRequest, SaveRequest, Succeeded, Tokenized } from '../processor.ts';
import { contest, priced } from './disputes.ts';
import { feesOn, type FeeSchedule } from './fees.ts';
import { IBANS, ibanFor } from './ibans.ts';
import { BEHAVIOURS, DEPOSITS_REFUSED, SEPA_NAMES, SETTLES, SETTLES_LATE, UNREACHABLE_ACCOUNT, US_ACCOUNTS, US_NAMES, type Behaviour } from './methods.ts';

const AUTHORIZE = '/sandbox/authorize';
const NOBODY: Payer = { name: null, email: null, country: null };

const print = (of: string) => createHash('sha256').update(`kontor sandbox ${of}`).digest('base64').replaceAll(/[^A-Za-z0-9]/g, '').slice(0, 16);
const idOf = (prefix: string, of: string) => `${prefix}_${createHash('sha256').update(`${prefix} ${of}`).digest('base64').replaceAll(/[^A-Za-z0-9]/g, '').slice(0, 24)}`;

const refused = (code: string, param: string, message: string): Tokenized => ({ kind: 'refused', code, decline_code: null, message, param, type: 'invalid_request_error' });

const kept = (type: string, behaviour: string, details: Record<string, unknown>, payer?: Partial<Payer>): Tokenized => ({ kind: 'other', type, method: { type, reference: `${type}/${behaviour}`, set_up: false, network_transaction_id: null }, details, payer });

/** How many characters of an account number are the code of the bank, and how many of its branch, by country (ISO 13616, the registry of IBANs). */
const CODES: Readonly<Record<string, readonly [bank: number, branch: number]>> = {
  AT: [5, 0], BE: [3, 0], CH: [5, 0], DE: [8, 0], EE: [2, 2], ES: [4, 4], FI: [3, 0], FR: [5, 5], GB: [4, 6], GI: [4, 0], HR: [7, 0], IE: [4, 6], LI: [5, 0], LT: [5, 0], LU: [3, 0], NL: [4, 0], NO: [4, 0], PT: [4, 4], SE: [3, 0],
};

function sepaDebit(iban: string): Record<string, unknown> {
  const country = iban.slice(0, 2);
  const [bank, branch] = CODES[country]!;
  return { bank_code: iban.slice(4, 4 + bank), branch_code: iban.slice(4 + bank, 4 + bank + branch), country, fingerprint: print(iban), generated_from: { charge: null, setup_attempt: null }, last4: iban.slice(-4) };
}

function keepSepa({ fields, payer }: OtherSource): Tokenized {
  const iban = String(fields.iban ?? '').replaceAll(/\s/g, '').toUpperCase();
  if (!payer.name || !payer.email) return refused('parameter_missing', payer.name ? 'billing_details[email]' : 'billing_details[name]', 'A SEPA debit needs the name and the email address of the account holder, who is told before each debit.');
  const behaviour = IBANS.get(iban);
  if (!behaviour) return refused('account_number_invalid', 'sepa_debit[iban]', 'This is not one of the test IBANs, and the sandbox takes no others; nothing of it was kept. Use AT611904300234573201, or another one of the list.');
  return kept('sepa_debit', behaviour, sepaDebit(iban));
}

function usBankAccount(account: string, account_type: string, holder: string): Record<string, unknown> {
  return {
    account_holder_type: holder, account_type, bank_name: 'SANDBOX BANK', financial_connections_account: null, fingerprint: print(account), last4: account.slice(-4),
    networks: { preferred: 'ach', supported: ['ach'] }, routing_number: '110000000', status_details: {},
  };
}

function keepUsBankAccount({ fields, payer }: OtherSource): Tokenized {
  const [account, routing] = [String(fields.account_number ?? ''), String(fields.routing_number ?? '')];
  if (!payer.name) return refused('parameter_missing', 'billing_details[name]', 'A debit of a US bank account needs the name of its holder.');
  if (routing !== '110000000') return refused('routing_number_invalid', 'us_bank_account[routing_number]', 'The sandbox has one bank, with the routing number 110000000.');
  const behaviour = US_ACCOUNTS[account];
  if (!behaviour) return refused('account_number_invalid', 'us_bank_account[account_number]', 'This is not one of the test accounts, and the sandbox takes no others; nothing of it was kept. Use 000123456789, or another one of the list.');
  const mark = account === UNREACHABLE_ACCOUNT ? 'unreachable' : 'unverified';
  return kept('us_bank_account', `${behaviour}/${mark}`, usBankAccount(account, String(fields.account_type ?? 'checking'), String(fields.account_holder_type ?? 'individual')));
}

const DETAILS: Record<string, (source: OtherSource) => Record<string, unknown>> = {
  bancontact: () => ({}),
  cashapp: () => ({ buyer_id: null, cashtag: null }),
  customer_balance: () => ({}),
  ideal: ({ fields }) => ({ bank: fields.bank ?? null, bic: null }),
  klarna: ({ fields }) => ({ dob: fields.dob ?? null }),
  link: ({ payer }) => ({ email: payer.email }),
  paypal: () => ({ country: null, payer_email: null, payer_id: null }),
};

/** A method as its fields say. */
export function keepOther(source: OtherSource): Tokenized {
  const { type, payer } = source;
  if (type === 'sepa_debit') return keepSepa(source);
  if (type === 'us_bank_account') return keepUsBankAccount(source);
  const details = DETAILS[type];
  if (!details || !METHODS[type]) return refused('payment_method_not_available', 'type', `The sandbox has no payment methods of the type ${type}.`);
  if (type === 'klarna' && (!payer.email || !payer.country)) return refused('parameter_missing', payer.email ? 'billing_details[address][country]' : 'billing_details[email]', 'Klarna needs the email address and the country of who pays.');
  if (type === 'bancontact' && !payer.name) return refused('parameter_missing', 'billing_details[name]', 'Bancontact needs the name of who pays.');
  return kept(type, 'success', details(source));
}

/** A method by one of its test names; null where it is no such name. */
export function keepNamed(name: string): Tokenized | null {
  const [, us] = /^pm_usBankAccount_([A-Za-z]+)$/.exec(name) ?? [];
  const account = us === undefined ? undefined : US_NAMES[us];
  if (account) return kept('us_bank_account', US_ACCOUNTS[account]!, usBankAccount(account, 'checking', 'individual'), { ...NOBODY, name: 'Jenny Rosen', email: 'jenny@example.com', country: 'US' });
  const [, sepa = '', country = ''] = /^pm_(?:sepaDebit_)?([A-Za-z]+)_([a-z]{2})$/.exec(name) ?? [];
  const behaviour = SEPA_NAMES[sepa];
  const iban = behaviour && METHODS.sepa_debit!.countries.includes(country.toUpperCase()) ? ibanFor(country.toUpperCase(), behaviour) : null;
  if (iban) return kept('sepa_debit', behaviour!, sepaDebit(iban), { ...NOBODY, name: 'Jenny Rosen', email: 'jenny@example.com', country: country.toUpperCase() });
  const [, simple = '', contested] = /^pm_([a-z]+)(_disputed)?$/.exec(name) ?? [];
  if (!DETAILS[simple] || (contested && !METHODS[simple]!.dispute)) return null;
  return kept(simple, contested ? 'disputed' : 'success', DETAILS[simple]({ type: simple, fields: {}, payer: { ...NOBODY, email: 'jenny@example.com' } }), { name: 'Jenny Rosen', email: 'jenny@example.com', country: null });
}

type Parts = { type: string; behaviour: Behaviour; mark: string | undefined };

/** What the token of a method says. */
export function partsOf(reference: string): Parts | null {
  const [type = '', name = '', mark] = reference.split('/');
  const behaviour = BEHAVIOURS[name];
  return METHODS[type] && behaviour ? { type, behaviour, mark } : null;
}

const ASSESSED: Assessment = { type: 'authorized', network_status: 'approved_by_network', reason: null, risk_level: 'normal', risk_score: 20 };

function declined(op_id: string, code: string, message: string, decline_code: string | null = null, action: Action | null = null): Declined {
  return {
    kind: 'declined', reference: idOf('py', op_id), code, decline_code, message, advice_code: null, network_decline_code: null, network_advice_code: null, action,
    assessment: { ...ASSESSED, type: 'issuer_declined', network_status: 'declined_by_network', reason: decline_code ?? code },
  };
}

/** What is known of a payer's account once it has paid. */
function learnedOf(type: string, payer: Payer | null | undefined, keeps: boolean, { preferred_language = 'en', preferred_locale = 'en-US' }: Readonly<Record<string, unknown>> = {}): Succeeded['learned'] {
  const name = payer?.name ?? 'Jenny Rosen';
  const email = payer?.email ?? 'jenny@example.com';
  const iban = type === 'ideal' ? 'NL39RABO0300065264' : 'BE62510007547061';
  const reusable = keeps ? { type: 'sepa_debit', reference: 'sepa_debit/success', details: sepaDebit(iban) } : undefined;
  switch (type) {
    case 'ideal':
      return { details: { bank: 'rabobank', bic: 'RABONL2U', iban_last4: '5264', transaction_id: null, verified_name: name, generated_sepa_debit: null, generated_sepa_debit_mandate: null }, reusable };
    case 'bancontact':
      return { details: { bank_code: 'VAPE', bank_name: 'VAN DE PUT & CO', bic: 'VAPEBE22', iban_last4: '7061', preferred_language, verified_name: name, generated_sepa_debit: null, generated_sepa_debit_mandate: null }, reusable };
    case 'paypal':
      return { details: { payer_email: email, payer_id: print(email), payer_name: name, seller_protection: null, transaction_id: null, country: payer?.country ?? 'US' } };
    case 'cashapp':
      return { details: { buyer_id: print(email), cashtag: '$jenny', transaction_id: null } };
    case 'klarna':
      return { details: { payment_method_category: 'pay_now', preferred_locale, payer_details: { address: { country: payer?.country ?? 'US' } } } };
    default:
      return null;
  }
}

function succeeded(op_id: string, more: Partial<Succeeded>): Succeeded {
  return { kind: 'succeeded', reference: idOf('py', op_id), captured: true, network_transaction_id: null, authorization_code: null, three_d_secure: null, assessment: ASSESSED, available: 'later', foretold: [], ...more };
}

/** The holder has to approve on another page: whether that was done, refused, or is to be asked for. Null where nothing is asked. */
function approval(op_id: string, parts: Parts, asked: { authentication?: SaveRequest['authentication']; off_session: boolean; set_up: boolean }): Outcome | null {
  if (METHODS[parts.type]!.flow !== 'redirect') return null;
  if (asked.authentication?.result === 'succeeded' || (asked.off_session && asked.set_up)) return null;
  if (asked.authentication) return declined(op_id, 'payment_intent_authentication_failure', 'The payment was not approved. Please try again, or pay another way.');
  if (asked.off_session) return declined(op_id, 'authentication_required', 'The payment has to be approved by who pays.', 'authentication_required');
  const reference = idOf('sandbox_redirect', op_id);
  return { kind: 'requires_action', reference: idOf('py', op_id), action: { kind: 'redirect', reference, url: AUTHORIZE } };
}

/** Small amounts are on their way to an account that is not proven to be the holder's. */
function deposits(op_id: string, parts: Parts, authentication: SaveRequest['authentication']): Outcome | null {
  if (!parts.mark || authentication?.result === 'succeeded') return null;
  const refused = Object.values(DEPOSITS_REFUSED).find(({ code }) => code === authentication?.details?.code);
  if (refused) return declined(op_id, refused.code, refused.message);
  if (parts.mark === 'unreachable' || authentication) return declined(op_id, 'payment_method_microdeposit_failed', 'The small amounts could not be sent to the bank account. Please check its number, or pay another way.');
  return { kind: 'requires_action', reference: idOf('py', op_id), action: { kind: 'microdeposits', reference: idOf('sandbox_deposits', op_id), type: 'descriptor_code', arrives_in: 2 * 86_400, url: AUTHORIZE } };
}

/** The token of an account from the time on at which it is proven to be the holder's. */
const provenBy = (reference: string, { mark }: Parts): Succeeded['learned'] => (mark ? { reference: reference.slice(0, -mark.length - 1) } : null);

/** What the sandbox answers to a charge of such a method. */
export function chargeOther(request: ChargeRequest, parts: Parts, schedule: FeeSchedule): Outcome {
  const { op_id, method, currency, capture } = request;
  const { type, behaviour } = parts;
  const { currencies, flow } = METHODS[type]!;
  if (currencies !== 'all' && !currencies.includes(currency)) return { kind: 'failed', code: 'payment_method_currency_mismatch', message: `Payments by ${type} are in ${currencies.join(', ')}.` };
  const asked = approval(op_id, parts, { ...request, set_up: method.set_up }) ?? deposits(op_id, parts, request.authentication);
  if (asked) return asked;
  if (behaviour.refused) return declined(op_id, behaviour.code!, behaviour.message!, behaviour.code!);
  const reason = flow !== 'debit' ? 'product_not_received' : type === 'us_bank_account' ? 'fraudulent' : 'debit_not_authorized';
  const foretold: Consequence[] = behaviour.disputed ? priced([contest(type, { reason })], type, schedule) : [];
  const keeps = request.setup_future_usage === 'off_session' && METHODS[type]!.kept_as !== undefined;
  const paid = succeeded(op_id, { captured: capture === 'automatic', money: { amount: request.amount, currency }, ...(capture === 'automatic' && { fees: feesOn(request.amount, type, schedule) }), learned: learnedOf(type, request.payer, keeps, request.options), foretold });
  if (flow !== 'debit') return paid;
  const reference = paid.reference;
  const learned = provenBy(method.reference, parts);
  if (behaviour.ends === 'never') return { kind: 'pending', reference, assessment: ASSESSED, learned, foretold: [] };
  const outcome = behaviour.ends === 'succeeds' ? paid : declined(op_id, behaviour.code!, behaviour.message!, behaviour.code!);
  return { kind: 'pending', reference, assessment: ASSESSED, learned, foretold: [{ kind: 'charge_settles', outcome, after: behaviour.late ? SETTLES_LATE : SETTLES[type]! }] };
}

/** What the sandbox answers where such a method is to be kept. */
export function saveOther(request: SaveRequest, parts: Parts): Outcome {
  const { op_id, purpose, authentication } = request;
  if (purpose === 'setup') {
    const asked = approval(op_id, parts, { authentication, off_session: false, set_up: false }) ?? deposits(op_id, parts, authentication);
    if (asked) return asked;
  } else if (parts.mark) {
    return { kind: 'failed', code: 'payment_method_unactivated', message: 'The bank account is not proven to be the holder\'s. Set it up with a setup intent, then it is attached.' };
  }
  const proven = provenBy(request.method.reference, parts);
  return succeeded(op_id, { reference: idOf('kept', op_id), captured: false, learned: proven ?? (purpose === 'setup' ? learnedOf(parts.type, request.payer, METHODS[parts.type]!.kept_as !== undefined) : null) });
}

/** Debits are refunded by a transfer, which takes days. */
export function refundOther({ op_id }: RefundRequest, parts: Parts): RefundOutcome {
  const told = { reference: idOf('pyr', op_id), network_reference: null };
  if (METHODS[parts.type]!.flow !== 'debit') return { kind: 'succeeded', ...told, foretold: [] };
  return { kind: 'pending', ...told, foretold: [{ kind: 'refund_settles', outcome: { kind: 'succeeded', ...told, foretold: [] }, after: SETTLES[parts.type]! }] };
}
