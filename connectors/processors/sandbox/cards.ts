/**
 * Stripe's documented test cards as one table: numbers, names (`pm_card_…`, `tok_…`), and what each card does. The facts are those of Stripe's testing page; the words are ours.
 *
 * A row's key is its name behind `pm_card_` and `tok_`; `also` lists further names of the same card. Where several spellings are in use in public code, all are taken.
 */
import { createHash } from 'node:crypto';
import type { Assessment, CardChecks, CardDetails, Consequence, CheckResult } from '../processor.ts';
import type { DeclineName } from './declines.ts';
import { contest, type Contest } from './disputes.ts';

type Behaviour = {
  /** The issuer's word when the card is attached or set up, and when it is charged. */
  attach: DeclineName | null;
  charge: DeclineName | null;
  /** The two above speak of a security code, so they hold only where one was given. */
  only_with_cvc: boolean;
  /**
   * When the holder is asked: `never`; on `request` only; `always`; `unless_set_up` spares charges in the holder's absence once the card is set up;
   * `on_session` spares all charges in the holder's absence; `unsupported` cannot ask.
   */
  authentication: 'never' | 'request' | 'always' | 'unless_set_up' | 'on_session' | 'unsupported';
  /** The bank's confirmation page cannot be reached. */
  authentication_breaks: boolean;
  checks: { cvc?: CheckResult; line1?: CheckResult; postal_code?: CheckResult };
  risk_level: Assessment['risk_level'];
  afterwards: Consequence[];
  refund: 'at_once' | 'pending_then_succeeded' | 'succeeded_then_failed';
  available: 'now' | 'later';
};
type Funding = CardDetails['funding'];
export type TestCard = Behaviour & {
  key: string;
  /** Null where Stripe documents a name but no number. */
  number: string | null;
  payment_methods: string[];
  tokens: string[];
  brand: string;
  country: string;
  funding: Funding;
  last4: string;
  fingerprint: string;
  networks: string[];
};

type More = Partial<Behaviour> & { also?: string[]; networks?: string[]; last4?: string };
/** Key, number, brand, country, funding, and what is special about it. A key that starts with `#` has no name in the API, only a number. */
type Row = readonly [key: string, number: string | null, brand: string, country: string, funding: Funding, more?: More];

const refused = (name: DeclineName): More => ({ attach: name, charge: name });
const disputed = (reason: Contest['reason'], inquiry = false, times = 1): More => ({ afterwards: [contest('card', { reason, inquiry, times })] });
const visa = (country: string, number: string): Row => [country.toLowerCase(), number, 'visa', country, 'credit'];

const ROWS: readonly Row[] = [
  // By brand.
  ['visa', '4242424242424242', 'visa', 'US', 'credit', { also: ['us'] }],
  ['#visa_2', '4012888888881881', 'visa', 'US', 'credit'],
  ['visa_debit', '4000056655665556', 'visa', 'US', 'debit'],
  ['mastercard', '5555555555554444', 'mastercard', 'US', 'credit'],
  ['#mastercard_2_series', '2223003122003222', 'mastercard', 'US', 'credit'],
  ['mastercard_debit', '5200828282828210', 'mastercard', 'US', 'debit'],
  ['mastercard_prepaid', '5105105105105100', 'mastercard', 'US', 'prepaid'],
  ['amex', '378282246310005', 'amex', 'US', 'credit', { authentication: 'unsupported', also: ['amex_threeDSecureNotSupported'] }],
  ['#amex_2', '371449635398431', 'amex', 'US', 'credit', { authentication: 'unsupported' }],
  ['discover', '6011111111111117', 'discover', 'US', 'credit'],
  ['#discover_2', '6011000990139424', 'discover', 'US', 'credit'],
  ['#discover_debit', '6011981111111113', 'discover', 'US', 'debit'],
  ['diners', '3056930009020004', 'diners', 'US', 'credit'],
  ['#diners_14', '36227206271667', 'diners', 'US', 'credit'],
  ['#diners_14_2', '30569309025904', 'diners', 'US', 'credit'],
  ['#diners_14_3', '38520000023237', 'diners', 'US', 'credit'],
  ['#bccard', '6555900000604105', 'discover', 'KR', 'credit'],
  ['jcb', '3566002020360505', 'jcb', 'JP', 'credit'],
  ['#jcb_2', '3530111333300000', 'jcb', 'JP', 'credit'],
  ['unionpay', '6200000000000005', 'unionpay', 'CN', 'credit'],
  ['#unionpay_debit', '6200000000000047', 'unionpay', 'CN', 'debit'],
  ['#unionpay_19', '6205500000000000004', 'unionpay', 'CN', 'credit'],
  ['visa_cartesBancaires', '4000002500001001', 'visa', 'FR', 'credit', { networks: ['cartes_bancaires', 'visa'] }],
  ['mastercard_cartesBancaires', '5555552500001001', 'mastercard', 'FR', 'credit', { networks: ['cartes_bancaires', 'mastercard'] }],
  ['visa_debit_eftposAuCoBranded', '4000050360000001', 'visa', 'AU', 'debit', { networks: ['eftpos_au', 'visa'] }],
  ['mastercard_debit_eftposAuCoBranded', '5555050360000080', 'mastercard', 'AU', 'debit', { networks: ['eftpos_au', 'mastercard'] }],
  ['debit_visaFsaProductCode', '4000051230000072', 'visa', 'US', 'debit', { also: ['debit_visaHsaProductCode'] }],
  ['mastercard_debit_mastercardFsaProductCode', '5200828282828897', 'mastercard', 'US', 'debit'],

  // By country: the Americas, Europe and the Middle East, Asia and the Pacific.
  visa('AR', '4000000320000021'), visa('BR', '4000000760000002'), visa('CA', '4000001240000000'), visa('CL', '4000001520000001'), visa('CO', '4000001700000003'),
  visa('CR', '4000001880000005'), visa('EC', '4000002180000000'), visa('MX', '4000004840008001'), visa('PA', '4000005910000000'), visa('PY', '4000006000000066'),
  visa('PE', '4000006040000068'), visa('UY', '4000008580000003'), ['#mx_carnet', '5062210000000009', 'unknown', 'MX', 'credit'],
  visa('AE', '4000007840000001'), ['ae_mastercard', '5200007840000022', 'mastercard', 'AE', 'credit'],
  visa('AT', '4000000400000008'), visa('BE', '4000000560000004'), visa('BG', '4000001000000000'), visa('BY', '4000001120000005'), visa('HR', '4000001910000009'),
  visa('CY', '4000001960000008'), visa('CZ', '4000002030000002'), visa('DK', '4000002080000001'), visa('EE', '4000002330000009'), visa('FI', '4000002460000001'),
  visa('FR', '4000002500000003'), visa('DE', '4000002760000016'), visa('GI', '4000002920000005'), visa('GR', '4000003000000030'), visa('HU', '4000003480000005'),
  visa('IE', '4000003720000005'), visa('IT', '4000003800000008'), visa('LV', '4000004280000005'), visa('LI', '4000004380000004'), visa('LT', '4000004400000000'),
  visa('LU', '4000004420000006'), visa('MT', '4000004700000007'), visa('NL', '4000005280000002'), visa('NO', '4000005780000007'), visa('PL', '4000006160000005'),
  visa('PT', '4000006200000007'), visa('RO', '4000006420000001'), visa('RU', '4000006430000009'), visa('SA', '4000006820000007'), visa('SI', '4000007050000006'),
  visa('SK', '4000007030000001'), visa('ES', '4000007240000007'), visa('SE', '4000007520000008'), visa('CH', '4000007560000009'), visa('GB', '4000008260000000'),
  ['gb_debit', '4000058260000005', 'visa', 'GB', 'debit'], ['gb_mastercard', '5555558265554449', 'mastercard', 'GB', 'credit'],
  visa('AU', '4000000360000006'), visa('CN', '4000001560000002'), visa('HK', '4000003440000004'), visa('IN', '4000003560000008'), visa('JP', '4000003920000003'),
  visa('MY', '4000004580000002'), visa('NZ', '4000005540000008'), visa('SG', '4000007020000003'), visa('TW', '4000001580000008'),
  ['th_credit', '4000007640000003', 'visa', 'TH', 'credit'], ['th_debit', '4000057640000008', 'visa', 'TH', 'debit'],

  // Declined when attached and when charged.
  ['visa_chargeDeclined', '4000000000000002', 'visa', 'US', 'credit', { ...refused('generic_decline'), also: ['chargeDeclined'] }],
  ['visa_chargeDeclinedInsufficientFunds', '4000000000009995', 'visa', 'US', 'credit', { ...refused('insufficient_funds'), also: ['chargeDeclinedInsufficientFunds'] }],
  ['visa_debit_chargeDeclinedInsufficientFunds', null, 'visa', 'US', 'debit', { ...refused('insufficient_funds'), last4: '9995' }],
  ['visa_chargeDeclinedLostCard', '4000000000009987', 'visa', 'US', 'credit', { ...refused('lost_card'), also: ['chargeDeclinedLostCard'] }],
  ['visa_chargeDeclinedStolenCard', '4000000000009979', 'visa', 'US', 'credit', { ...refused('stolen_card'), also: ['chargeDeclinedStolenCard'] }],
  ['chargeDeclinedExpiredCard', '4000000000000069', 'visa', 'US', 'credit', { ...refused('expired_card'), also: ['visa_chargeDeclinedExpiredCard'] }],
  ['chargeDeclinedIncorrectCvc', '4000000000000127', 'visa', 'US', 'credit', { ...refused('incorrect_cvc'), only_with_cvc: true, checks: { cvc: 'fail' }, also: ['visa_chargeDeclinedIncorrectCvc'] }],
  ['chargeDeclinedProcessingError', '4000000000000119', 'visa', 'US', 'credit', { ...refused('processing_error'), also: ['visa_chargeDeclinedProcessingError'] }],
  ['visa_chargeDeclinedVelocityLimitExceeded', '4000000000006975', 'visa', 'US', 'credit', { ...refused('card_velocity_exceeded'), also: ['chargeDeclinedVelocityLimitExceeded'] }],
  ['visa_chargeDeclinedFraudulent', null, 'visa', 'US', 'credit', { ...refused('fraudulent'), risk_level: 'highest', last4: '0019', also: ['chargeDeclinedFraudulent'] }],

  // Attached without complaint, declined when charged.
  ['chargeCustomerFail', '4000000000000341', 'visa', 'US', 'credit', { charge: 'generic_decline', also: ['visa_chargeCustomerFail'] }],
  ['visa_chargeCustomerFailLostCard', null, 'visa', 'US', 'credit', { charge: 'lost_card', last4: '0341' }],
  ['visa_chargeCustomerFailStolenCard', null, 'visa', 'US', 'credit', { charge: 'stolen_card', last4: '0341' }],

  // Risk and checks. Two are blocked before they reach the network, as with Stripe's default rules; a failed check alone blocks nothing here.
  ['radarBlock', '4100000000000019', 'visa', 'US', 'credit', { charge: 'fraudulent', risk_level: 'highest' }],
  ['riskLevelHighest', '4000000000004954', 'visa', 'US', 'credit', { charge: 'fraudulent', risk_level: 'highest' }],
  ['riskLevelElevated', '4000000000009235', 'visa', 'US', 'credit', { risk_level: 'elevated' }],
  ['cvcCheckFail', '4000000000000101', 'visa', 'US', 'credit', { checks: { cvc: 'fail' } }],
  ['avsZipFail', '4000000000000036', 'visa', 'US', 'credit', { checks: { postal_code: 'fail' } }],
  ['cvcCheckFailElevatedRisk', '4000058400307872', 'visa', 'US', 'debit', { checks: { cvc: 'fail' }, risk_level: 'elevated' }],
  ['avsZipFailElevatedRisk', '4000058400306072', 'visa', 'US', 'debit', { checks: { postal_code: 'fail' }, risk_level: 'elevated' }],
  ['avsLine1Fail', '4000000000000028', 'visa', 'US', 'credit', { checks: { line1: 'fail' } }],
  ['avsFail', '4000000000000010', 'visa', 'US', 'credit', { checks: { line1: 'fail', postal_code: 'fail' } }],
  ['avsUnchecked', '4000000000000044', 'visa', 'US', 'credit', { checks: { line1: 'unavailable', postal_code: 'unavailable' } }],

  // Charged, then contested; refunded in two steps; at our disposal at once.
  ['createDispute', '4000000000000259', 'visa', 'US', 'credit', disputed('fraudulent')],
  ['createDisputeProductNotReceived', '4000000000002685', 'visa', 'US', 'credit', disputed('product_not_received')],
  ['createDisputeInquiry', '4000000000001976', 'visa', 'US', 'credit', disputed('fraudulent', true)],
  ['createIssuerFraudRecord', '4000000000005423', 'visa', 'US', 'credit', {}],
  ['createMultipleDisputes', '4000000404000079', 'visa', 'US', 'credit', disputed('fraudulent', false, 2)],
  ['createCe3EligibleDispute', '4000000404000038', 'visa', 'US', 'credit', disputed('fraudulent')],
  ['createComplianceDispute', '4000008400000779', 'visa', 'US', 'credit', disputed('noncompliant')],
  ['pendingRefund', '4000000000007726', 'visa', 'US', 'credit', { refund: 'pending_then_succeeded' }],
  ['refundFail', '4000000000005126', 'visa', 'US', 'credit', { refund: 'succeeded_then_failed' }],
  ['bypassPending', '4000000000000077', 'visa', 'US', 'credit', { available: 'now' }],
  ['bypassPendingInternational', '4000003720000278', 'visa', 'IE', 'credit', { available: 'now' }],
  ['domesticPricing', '4000000000000093', 'visa', 'US', 'credit'],

  // The holder is asked.
  ['authenticationRequiredOnSetup', '4000002500003155', 'visa', 'FR', 'credit', { authentication: 'unless_set_up' }],
  ['authenticationRequired', '4000002760003184', 'visa', 'DE', 'credit', { authentication: 'always' }],
  ['authenticationRequiredSetupForOffSession', '4000003800000446', 'visa', 'IT', 'credit', { authentication: 'on_session' }],
  ['authenticationRequiredChargeDeclinedInsufficientFunds', '4000008260003178', 'visa', 'GB', 'credit', { authentication: 'on_session', charge: 'insufficient_funds' }],
  ['threeDSecure2Required', '4000000000003220', 'visa', 'US', 'credit', { authentication: 'always', also: ['threeDSecureRequired'] }],
  ['threeDSecureRequiredChargeDeclined', '4000008400001629', 'visa', 'US', 'credit', { authentication: 'always', charge: 'generic_decline' }],
  ['threeDSecureRequiredProcessingError', '4000008400001280', 'visa', 'US', 'credit', { authentication: 'always', authentication_breaks: true }],
  ['threeDSecureOptional', '4000000000003055', 'visa', 'US', 'credit', { authentication: 'request' }],
  ['threeDSecureOptionalProcessingError', '4000000000003097', 'visa', 'US', 'credit', { authentication: 'request', authentication_breaks: true }],
  ['#challenge_out_of_band', '4000582600000094', 'visa', 'GB', 'debit', { authentication: 'always' }],
  ['#challenge_one_time_passcode', '4000582600000045', 'visa', 'GB', 'debit', { authentication: 'always' }],
  ['#challenge_single_select', '4000582600000102', 'visa', 'GB', 'debit', { authentication: 'always' }],
  ['#challenge_multi_select', '4000582600000110', 'visa', 'GB', 'debit', { authentication: 'always' }],

  // Special in a browser or at a reader only; here they succeed.
  ['#captcha', '4000000000001208', 'visa', 'US', 'credit'],
  ['#captcha_2', '4000000000003725', 'visa', 'US', 'credit'],
  ['#offline_pin', '4001007020000002', 'visa', 'SG', 'credit'],
  ['#offline_pin_retry', '4000008260000075', 'visa', 'GB', 'credit'],
  ['#online_pin', '4001000360000005', 'visa', 'AU', 'credit'],
  ['#online_pin_retry', '4000002760000008', 'visa', 'DE', 'credit'],
];

/** Sixteen letters and digits, the same for the same number; the number cannot be found from it faster than by trying this table. */
function fingerprint(of: string): string {
  return createHash('sha256').update(`kontor sandbox card ${of}`).digest('base64').replaceAll(/[^A-Za-z0-9]/g, '').slice(0, 16);
}

function card([name, number, brand, country, funding, more = {}]: Row): TestCard {
  const { also = [], networks = [brand], last4, ...behaviour } = more;
  const key = name.replace('#', 'number_');
  const names = name.startsWith('#') ? [] : [name, ...also];
  return {
    attach: null, charge: null, only_with_cvc: false, authentication: 'never', authentication_breaks: false, checks: {}, risk_level: 'normal', afterwards: [], refund: 'at_once', available: 'later',
    ...behaviour,
    key, number, brand, country, funding, networks,
    payment_methods: names.map((each) => `pm_card_${each}`),
    tokens: names.map((each) => `tok_${each}`),
    last4: number?.slice(-4) ?? last4 ?? '0000',
    fingerprint: fingerprint(number ?? key),
  };
}

export const TEST_CARDS: readonly TestCard[] = ROWS.map(card);

const byName = new Map(TEST_CARDS.flatMap((each) => [...each.payment_methods, ...each.tokens].map((name) => [name, each] as const)));
const byNumber = new Map(TEST_CARDS.filter((each) => each.number !== null).map((each) => [each.number!, each] as const));
const byKey = new Map(TEST_CARDS.map((each) => [each.key, each] as const));

/** By `pm_card_…` or `tok_…`. */
export function testCardByName(name: string): TestCard | null {
  return byName.get(name) ?? null;
}

/** By digits only. */
export function testCardByNumber(number: string): TestCard | null {
  return byNumber.get(number) ?? null;
}

/** The sandbox's token for a card is its row's key, with a mark where no security code was given. */
export function referenceTo(of: TestCard, cvc_given: boolean): string {
  return cvc_given ? of.key : `${of.key}.no_cvc`;
}

export function testCardByReference(reference: string): { card: TestCard; cvc_given: boolean } | null {
  const cvc_given = !reference.endsWith('.no_cvc');
  const found = byKey.get(cvc_given ? reference : reference.slice(0, -'.no_cvc'.length));
  return found ? { card: found, cvc_given } : null;
}

type Given = { cvc: boolean; line1: boolean; postal_code: boolean };

/** The checks before the issuer was asked, or after. */
export function checksOf(of: TestCard, given: Given, asked: boolean): CardChecks {
  const result = (was: boolean, special: CheckResult | undefined): CheckResult | null => (!was ? null : !asked ? 'unchecked' : (special ?? 'pass'));
  return {
    cvc_check: result(given.cvc, of.checks.cvc),
    address_line1_check: result(given.line1, of.checks.line1),
    address_postal_code_check: result(given.postal_code, of.checks.postal_code),
  };
}

/** The card as the API shows it before its first use. */
export function detailsOf(of: TestCard, expiry: { exp_month: number; exp_year: number }, given: Given): CardDetails {
  return {
    brand: of.brand, country: of.country, display_brand: of.networks.length > 1 ? of.networks[0]! : of.brand, exp_month: expiry.exp_month, exp_year: expiry.exp_year,
    fingerprint: of.fingerprint, funding: of.funding, last4: of.last4, networks: { available: of.networks, preferred: null }, regulated_status: 'unregulated',
    three_d_secure_usage: { supported: of.authentication !== 'unsupported' }, checks: checksOf(of, given, false),
  };
}
