import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import type Stripe from 'stripe';
import type { ChargeRequest, StoredMethod, Tokenized } from '../processor.ts';
import { detailsOf, referenceTo, TEST_CARDS, testCardByName, testCardByNumber, testCardByReference, type TestCard } from './cards.ts';
import { decideCharge, decideRefund, decideSave } from './sandbox.ts';
import { passesLuhn } from '../../../billing/payment/card_number.ts';
import { presenter } from './present.ts';
import { showPresented, tokenize } from './tokenize.ts';

const stored = (card: TestCard, set_up = false): StoredMethod => ({ reference: referenceTo(card, true), set_up });
const named = (name: string): TestCard => testCardByName(name) ?? assert.fail(name);
const request = (card: TestCard, more: Partial<ChargeRequest> = {}): ChargeRequest => ({ op_id: `pi_1:1:charge:${card.key}`, amount: 3900n, currency: 'usd', method: stored(card), off_session: true, capture: 'automatic', ...more });
/** One word for what happens: `ok`, `ask`, or the code and decline code. */
function charged(card: TestCard, more: Partial<ChargeRequest> = {}): string {
  const outcome = decideCharge(request(card, more));
  return outcome.kind === 'succeeded' ? 'ok' : outcome.kind === 'requires_action' ? 'ask' : outcome.kind === 'declined' ? (outcome.decline_code === null ? outcome.code : `${outcome.code}/${outcome.decline_code}`) : outcome.kind;
}
function saved(card: TestCard, purpose: 'attach' | 'setup'): string {
  const outcome = decideSave({ op_id: `seti_1:${purpose}`, method: stored(card), purpose });
  return outcome.kind === 'succeeded' ? 'ok' : outcome.kind === 'requires_action' ? 'ask' : outcome.kind === 'declined' ? (outcome.decline_code === null ? outcome.code : `${outcome.code}/${outcome.decline_code}`) : outcome.kind;
}

// name behind pm_card_ and tok_ | number | attached | set up | charged in the holder's absence | … once set up | … in the holder's presence
const SPECIAL: [name: string, number: string | null, attach: string, setup: string, absent: string, absentSetUp: string, present: string][] = [
  ['visa_chargeDeclined', '4000000000000002', ...five('card_declined/generic_decline')],
  ['chargeDeclined', '4000000000000002', ...five('card_declined/generic_decline')],
  ['visa_chargeDeclinedInsufficientFunds', '4000000000009995', ...five('card_declined/insufficient_funds')],
  ['chargeDeclinedInsufficientFunds', '4000000000009995', ...five('card_declined/insufficient_funds')],
  ['visa_debit_chargeDeclinedInsufficientFunds', null, ...five('card_declined/insufficient_funds')],
  ['visa_chargeDeclinedLostCard', '4000000000009987', ...five('card_declined/lost_card')],
  ['visa_chargeDeclinedStolenCard', '4000000000009979', ...five('card_declined/stolen_card')],
  ['chargeDeclinedExpiredCard', '4000000000000069', ...five('expired_card')],
  ['visa_chargeDeclinedExpiredCard', '4000000000000069', ...five('expired_card')],
  ['chargeDeclinedIncorrectCvc', '4000000000000127', ...five('incorrect_cvc')],
  ['visa_chargeDeclinedIncorrectCvc', '4000000000000127', ...five('incorrect_cvc')],
  ['chargeDeclinedProcessingError', '4000000000000119', ...five('processing_error')],
  ['visa_chargeDeclinedProcessingError', '4000000000000119', ...five('processing_error')],
  ['visa_chargeDeclinedVelocityLimitExceeded', '4000000000006975', ...five('card_declined/card_velocity_exceeded')],
  ['visa_chargeDeclinedFraudulent', null, ...five('card_declined/fraudulent')],
  ['chargeDeclinedFraudulent', null, ...five('card_declined/fraudulent')],
  ['chargeCustomerFail', '4000000000000341', ...kept('card_declined/generic_decline')],
  ['visa_chargeCustomerFail', '4000000000000341', ...kept('card_declined/generic_decline')],
  ['visa_chargeCustomerFailLostCard', null, ...kept('card_declined/lost_card')],
  ['visa_chargeCustomerFailStolenCard', null, ...kept('card_declined/stolen_card')],
  ['radarBlock', '4100000000000019', ...kept('card_declined/fraudulent')],
  ['riskLevelHighest', '4000000000004954', ...kept('card_declined/fraudulent')],
  ['authenticationRequiredOnSetup', '4000002500003155', 'ok', 'ask', 'authentication_required/authentication_required', 'ok', 'ask'],
  ['authenticationRequired', '4000002760003184', 'ok', 'ask', 'authentication_required/authentication_required', 'authentication_required/authentication_required', 'ask'],
  ['authenticationRequiredSetupForOffSession', '4000003800000446', 'ok', 'ok', 'ok', 'ok', 'ask'],
  ['authenticationRequiredChargeDeclinedInsufficientFunds', '4000008260003178', 'ok', 'ask', 'card_declined/insufficient_funds', 'card_declined/insufficient_funds', 'ask'],
  ['threeDSecure2Required', '4000000000003220', 'ok', 'ask', 'authentication_required/authentication_required', 'authentication_required/authentication_required', 'ask'],
  ['threeDSecureRequired', '4000000000003220', 'ok', 'ask', 'authentication_required/authentication_required', 'authentication_required/authentication_required', 'ask'],
  ['threeDSecureRequiredChargeDeclined', '4000008400001629', 'ok', 'ask', 'authentication_required/authentication_required', 'authentication_required/authentication_required', 'ask'],
  ['threeDSecureRequiredProcessingError', '4000008400001280', 'ok', 'card_declined/generic_decline', 'card_declined/generic_decline', 'card_declined/generic_decline', 'card_declined/generic_decline'],
];
function five(word: string): [string, string, string, string, string] {
  return [word, word, word, word, word];
}
function kept(word: string): [string, string, string, string, string] {
  return ['ok', 'ok', word, word, word];
}
/** Numbers without a name that are not simply charged: the four challenges of mobile payments. */
const CHALLENGES = ['4000582600000094', '4000582600000045', '4000582600000102', '4000582600000110'];

test('each special test card does what its name says when it is attached, set up and charged', () => {
  for (const [name, number, attach, setup, absent, absentSetUp, present] of SPECIAL) {
    for (const spelling of [`pm_card_${name}`, `tok_${name}`]) {
      const card = named(spelling);
      assert.equal(card.number, number, spelling);
      assert.deepEqual(
        [saved(card, 'attach'), saved(card, 'setup'), charged(card), charged(card, { method: stored(card, true) }), charged(card, { off_session: false })],
        [attach, setup, absent, absentSetUp, present], spelling,
      );
    }
  }
  for (const number of CHALLENGES) assert.equal(charged(testCardByNumber(number)!, { off_session: false }), 'ask', number);
});

test('every other test card is kept and charged without a word', () => {
  const special = new Set([...SPECIAL.map(([name]) => named(`pm_card_${name}`)), ...CHALLENGES.map((number) => testCardByNumber(number)!)]);
  const plain = TEST_CARDS.filter((card) => !special.has(card));
  assert.equal(TEST_CARDS.length - plain.length, special.size);
  for (const card of plain) {
    assert.deepEqual([saved(card, 'attach'), saved(card, 'setup'), charged(card), charged(card, { off_session: false }), charged(card, { capture: 'manual' })], ['ok', 'ok', 'ok', 'ok', 'ok'], card.key);
  }
});

test('once the holder was asked, the answer decides, then the issuer', () => {
  const rows: [name: string, succeeded: string, failed: string][] = [
    ['authenticationRequired', 'ok', 'payment_intent_authentication_failure'],
    ['authenticationRequiredOnSetup', 'ok', 'payment_intent_authentication_failure'],
    ['authenticationRequiredSetupForOffSession', 'ok', 'payment_intent_authentication_failure'],
    ['authenticationRequiredChargeDeclinedInsufficientFunds', 'card_declined/insufficient_funds', 'payment_intent_authentication_failure'],
    ['threeDSecure2Required', 'ok', 'payment_intent_authentication_failure'],
    ['threeDSecureRequiredChargeDeclined', 'card_declined/generic_decline', 'payment_intent_authentication_failure'],
  ];
  for (const [name, succeeded, failed] of rows) {
    const card = named(`pm_card_${name}`);
    const answered = (result: 'succeeded' | 'failed'): string => charged(card, { off_session: false, authentication: { reference: 'sandbox_3ds_1', result } });
    assert.deepEqual([answered('succeeded'), answered('failed')], [succeeded, failed], name);
  }
});

test('a card that may ask does so only on request, and goes on where its bank cannot be reached', () => {
  const optional = named('pm_card_threeDSecureOptional');
  assert.equal(charged(optional, { off_session: false }), 'ok');
  assert.equal(charged(optional, { off_session: false, request_three_d_secure: 'any' }), 'ask');
  assert.equal(charged(optional, { off_session: true, request_three_d_secure: 'any' }), 'ok');
  const broken = decideCharge(request(named('pm_card_threeDSecureOptionalProcessingError'), { off_session: false, request_three_d_secure: 'challenge' }));
  assert.ok(broken.kind === 'succeeded' && broken.three_d_secure?.result === 'processing_error');
  for (const name of ['pm_card_visa', 'pm_card_amex_threeDSecureNotSupported']) assert.equal(charged(named(name), { off_session: false, request_three_d_secure: 'challenge' }), 'ok');
});

test('in the absence of the holder a card that must ask is declined, and says how to ask', () => {
  const outcome = decideCharge(request(named('pm_card_authenticationRequired')));
  assert.ok(outcome.kind === 'declined' && outcome.action?.kind === '3ds');
  assert.match(outcome.action.reference, /^sandbox_3ds_[A-Za-z0-9]{24}$/);
  assert.equal(decideCharge(request(named('pm_card_visa_chargeDeclined'))).kind === 'declined' && (decideCharge(request(named('pm_card_visa_chargeDeclined'))) as { action: unknown }).action, null);
});

/** In a week, at the usual fee. */
const contested = (more: object) => ({ kind: 'dispute', inquiry: false, times: 1, after: { on_clock: 604_800, real: 0 }, final: false, fees: [{ type: 'processing', description: 'Dispute', amount: 1_500n }], network_reason_code: null, ...more });

test('what will be disputed, refunded late or available at once says so', () => {
  const rows: [string, string, unknown][] = [
    ['createDispute', '4000000000000259', [contested({ reason: 'fraudulent', network_reason_code: '10.4' })]],
    ['createDisputeProductNotReceived', '4000000000002685', [contested({ reason: 'product_not_received', network_reason_code: '13.1' })]],
    ['createDisputeInquiry', '4000000000001976', [contested({ reason: 'fraudulent', inquiry: true, network_reason_code: '10.4' })]],
    ['createMultipleDisputes', '4000000404000079', [contested({ reason: 'fraudulent', times: 2, network_reason_code: '10.4' })]],
    ['createCe3EligibleDispute', '4000000404000038', [contested({ reason: 'fraudulent', network_reason_code: '10.4' })]],
    ['createComplianceDispute', '4000008400000779', [contested({ reason: 'noncompliant' })]],
    ['createIssuerFraudRecord', '4000000000005423', []],
    ['visa', '4242424242424242', []],
  ];
  for (const [name, number, foretold] of rows) {
    assert.equal(named(`tok_${name}`).number, number);
    const outcome = decideCharge(request(named(`pm_card_${name}`)));
    assert.deepEqual(outcome.kind === 'succeeded' && outcome.foretold, foretold, name);
  }
  const refund = (name: string) => decideRefund({ op_id: 're_1', charge: 'ch_1', method: stored(named(name)), amount: 100n, currency: 'usd' });
  const [atOnce, pending, failing] = [refund('pm_card_visa'), refund('pm_card_pendingRefund'), refund('tok_refundFail')];
  assert.deepEqual([atOnce.kind, pending.kind, failing.kind], ['succeeded', 'pending', 'succeeded']);
  assert.deepEqual(atOnce.kind === 'succeeded' && atOnce.foretold, []);
  assert.deepEqual(pending.kind === 'pending' && pending.foretold, [{ kind: 'refund_settles', outcome: { ...pending, kind: 'succeeded', foretold: [] }, after: { on_clock: 432_000, real: 1 } }]);
  assert.deepEqual(failing.kind === 'succeeded' && failing.foretold.map((each) => each.kind === 'refund_settles' && each.outcome.kind), ['declined']);
  for (const name of ['bypassPending', 'bypassPendingInternational']) {
    const outcome = decideCharge(request(named(`pm_card_${name}`)));
    assert.equal(outcome.kind === 'succeeded' && outcome.available, 'now');
  }
});

test('the brands, countries and fundings are those of the documented cards', () => {
  const rows: [string, string, string, string, string][] = [
    ['visa', '4242', 'visa', 'US', 'credit'], ['us', '4242', 'visa', 'US', 'credit'], ['visa_debit', '5556', 'visa', 'US', 'debit'], ['mastercard', '4444', 'mastercard', 'US', 'credit'],
    ['mastercard_debit', '8210', 'mastercard', 'US', 'debit'], ['mastercard_prepaid', '5100', 'mastercard', 'US', 'prepaid'], ['amex', '0005', 'amex', 'US', 'credit'], ['discover', '1117', 'discover', 'US', 'credit'],
    ['diners', '0004', 'diners', 'US', 'credit'], ['jcb', '0505', 'jcb', 'JP', 'credit'], ['unionpay', '0005', 'unionpay', 'CN', 'credit'], ['gb_debit', '0005', 'visa', 'GB', 'debit'], ['gb_mastercard', '4449', 'mastercard', 'GB', 'credit'],
    ['th_credit', '0003', 'visa', 'TH', 'credit'], ['th_debit', '0008', 'visa', 'TH', 'debit'], ['ae_mastercard', '0022', 'mastercard', 'AE', 'credit'], ['de', '0016', 'visa', 'DE', 'credit'], ['in', '0008', 'visa', 'IN', 'credit'],
  ];
  for (const [name, last4, brand, country, funding] of rows) {
    const card = named(`pm_card_${name}`);
    assert.deepEqual([card.last4, card.brand, card.country, card.funding], [last4, brand, country, funding], name);
    assert.equal(named(`tok_${name}`), card);
  }
  const countries = 'ar br ca cl co cr ec mx pa py pe uy ae at be bg by hr cy cz dk ee fi fr de gi gr hu ie it lv li lt lu mt nl no pl pt ro ru sa si sk es se ch gb au cn hk in jp my nz sg tw'.split(' ');
  for (const country of countries) assert.equal(named(`pm_card_${country}`).country, country.toUpperCase());
});

test('the table is sound: names, numbers, keys and fingerprints are unique, numbers pass their check digit', () => {
  const names = TEST_CARDS.flatMap((card) => [...card.payment_methods, ...card.tokens]);
  const numbers = TEST_CARDS.flatMap((card) => card.number ?? []);
  for (const list of [names, numbers, TEST_CARDS.map((card) => card.key), TEST_CARDS.map((card) => card.fingerprint)]) assert.equal(new Set(list).size, list.length);
  for (const number of numbers) assert.ok(passesLuhn(number), number);
  for (const card of TEST_CARDS) {
    assert.match(card.fingerprint, /^[A-Za-z0-9]{16}$/);
    assert.match(card.last4, /^[0-9]{4}$/);
    for (const cvc_given of [true, false]) assert.deepEqual(testCardByReference(referenceTo(card, cvc_given)), { card, cvc_given });
    if (card.number) assert.ok(!referenceTo(card, true).includes(card.number));
  }
  assert.equal(testCardByReference('pm_card_visa'), null);
});

test('the card is shown in the shape of a payment method of the API', () => {
  const shown = detailsOf(named('pm_card_visa_cartesBancaires'), { exp_month: 12, exp_year: 2034 }, { cvc: true, line1: false, postal_code: true });
  const shape: Omit<Stripe.PaymentMethod.Card, 'generated_from' | 'wallet' | 'regulated_status'> = shown;
  assert.deepEqual([shape.brand, shape.networks?.available, shape.checks], ['visa', ['cartes_bancaires', 'visa'], { cvc_check: 'unchecked', address_line1_check: null, address_postal_code_check: 'unchecked' }]);
  assert.equal(detailsOf(named('pm_card_amex'), { exp_month: 1, exp_year: 2030 }, { cvc: true, line1: false, postal_code: false }).three_d_secure_usage.supported, false);
});

const TODAY = { year: 2027, month: 5 };

/** As the vault presents it. */
async function typed(number: string, cvc: string | null = '123', address = { line1: true, postal_code: true }): Promise<Tokenized> {
  const bytes = Buffer.from(number);
  assert.ok(presenter.takes(bytes));
  const { reference } = await presenter.present({ number: bytes, cvc: cvc === null ? null : Buffer.from(cvc) });
  return showPresented({ reference, last4: number.slice(-4), exp_month: 12, exp_year: 2034 }, address);
}

test('every test number is taken as it is presented, and is the card of its name', async () => {
  for (const card of TEST_CARDS) {
    if (card.number === null) continue;
    const taken = await typed(card.number);
    assert.ok(taken.kind === 'card', card.key);
    assert.deepEqual([taken.method.reference, taken.card.last4, taken.card.fingerprint, taken.card.exp_year], [card.key, card.last4, card.fingerprint, 2034]);
  }
  for (const number of ['4539578763621486', '424242424242424', '']) assert.equal(presenter.takes(Buffer.from(number)), false);
  assert.equal(showPresented({ reference: 'nobody', last4: '0000', exp_month: 1, exp_year: 2034 }, { line1: false, postal_code: false }).kind, 'absent');
});

test('the checks of a card fail or are unavailable as its number says, once its issuer was asked', async () => {
  const rows: [string, string | null, string | null, string | null][] = [
    ['4242424242424242', 'pass', 'pass', 'pass'], ['4000000000000101', 'fail', 'pass', 'pass'], ['4000000000000036', 'pass', 'pass', 'fail'], ['4000058400307872', 'fail', 'pass', 'pass'], ['4000058400306072', 'pass', 'pass', 'fail'],
    ['4000000000000028', 'pass', 'fail', 'pass'], ['4000000000000010', 'pass', 'fail', 'fail'], ['4000000000000044', 'pass', 'unavailable', 'unavailable'], ['4000000000000127', 'fail', 'pass', 'pass'],
  ];
  for (const [number, cvc_check, address_line1_check, address_postal_code_check] of rows) {
    const taken = await typed(number);
    assert.ok(taken.kind === 'card');
    assert.deepEqual(taken.card.checks, { cvc_check: 'unchecked', address_line1_check: 'unchecked', address_postal_code_check: 'unchecked' });
    assert.deepEqual(taken.verified, { cvc_check, address_line1_check, address_postal_code_check }, number);
  }
  const bare = await typed('4000000000000101', null, { line1: false, postal_code: false });
  assert.deepEqual(bare.kind === 'card' && bare.verified, { cvc_check: null, address_line1_check: null, address_postal_code_check: null });
});

test('a security code that was not given cannot be wrong', async () => {
  const taken = await typed('4000000000000127', null);
  assert.ok(taken.kind === 'card');
  const card = named('pm_card_chargeDeclinedIncorrectCvc');
  assert.equal(charged(card, { method: taken.method }), 'ok');
  assert.equal(charged(card), 'incorrect_cvc');
});

test('a named card expires in December 2034 unless told otherwise, and an unknown name is nobody\'s', () => {
  const usual = tokenize({ token: 'pm_card_visa' }, TODAY);
  assert.deepEqual(usual.kind === 'card' && [usual.card.exp_month, usual.card.exp_year, usual.method.reference], [12, 2034, 'visa']);
  const told = tokenize({ token: 'tok_visa', exp_month: 3, exp_year: 2029 }, TODAY);
  assert.deepEqual(told.kind === 'card' && [told.card.exp_month, told.card.exp_year], [3, 2029]);
  const past = tokenize({ token: 'pm_card_visa', exp_month: 13, exp_year: 2034 }, TODAY);
  assert.deepEqual(past.kind === 'refused' && [past.code, past.param], ['invalid_expiry_month', 'exp_month']);
  for (const token of ['pm_card_nonesuch', 'tok_', 'pm_1N', 'visa', '4242424242424242', 'pm_card_number_jcb_2', '__proto__']) assert.equal(tokenize({ token }, TODAY).kind, 'absent', token);
});
