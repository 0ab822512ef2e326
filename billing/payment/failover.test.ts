import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { AttemptRow } from './attempt.ts';
import { mayFailOver, takesPayment } from './failover.ts';
import type { ChargeQuestion } from './confirm.ts';
import { METHODS } from './offer.ts';
import type { PaymentMethodRow } from './payment.ts';

type Case = { type?: string; method?: Partial<PaymentMethodRow>; question?: Partial<ChargeQuestion>; attempt?: Partial<AttemptRow> };

const TECHNICAL = { kind: 'failed', code: 'processing_error', message: '', technical: true };
const EXAMPLES: [string, boolean, Case][] = [
  ['an iDEAL payment that could not be put', true, {}],
  ['one by Klarna', true, { type: 'klarna' }],
  ['a card, which is where its token is', false, { type: 'card' }],
  ['a debit, whose account is where its token is', false, { type: 'sepa_debit' }],
  ['a method that was kept for later', false, { method: { set_up: true } }],
  ['a method that a customer has', false, { method: { customer: 'cus_1' } }],
  ['a method that is used up', false, { method: { spent: true } }],
  ['a payment that was refused as such', false, { attempt: { word: { ...TECHNICAL, technical: false } } }],
  ['a payment whose outcome is unknown', false, { attempt: { word: { kind: 'unknown', technical: true } } }],
  ['a payment that was declined', false, { attempt: { word: { kind: 'declined', technical: true } } }],
  ['a payment of which nothing was heard', false, { attempt: { word: null } }],
  ['a payment that a person says was not done', false, { attempt: { decided: { outcome: 'not_done', reference: null, evidence: 'Seen.', at: 1 } } }],
  ['a payment that goes on after a page', false, { question: { authentication: { reference: 'r', result: 'succeeded' } } }],
  ['a payment without its holder', false, { question: { off_session: true } }],
];

for (const [what, expected, { type = 'ideal', method, question, attempt }] of EXAMPLES) {
  test(`${what} is ${expected ? '' : 'not '}put to another processor`, () => {
    const kept = { type, set_up: false, spent: false, customer: null, ...method } as PaymentMethodRow;
    assert.equal(mayFailOver(kept, { authentication: null, off_session: false, ...question }, { word: TECHNICAL, decided: null, ...attempt }), expected);
  });
}

test('a processor takes over what it can take in the currency, to be captured and kept as was asked', () => {
  const asked = { currency: 'eur', capture: 'automatic', setup_future_usage: null } as const;
  const takes = (type: string, given: object = {}) => takesPayment(METHODS[type], { ...asked, ...given });
  assert.deepEqual([takes('ideal'), takes('ideal', { currency: 'usd' }), takes('ideal', { capture: 'manual' }), takes('klarna', { capture: 'manual' }), takes('ideal', { setup_future_usage: 'on_session' }), takes('none')], [true, false, false, true, false, false]);
});
