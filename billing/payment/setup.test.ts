import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CustomerWhole } from '../customer/customer.ts';
import type { Moment } from '../decision.ts';
import { makeMethod } from './method.ts';
import type { Succeeded } from './outcome.ts';
import { confirmSetup, openSetup, settleSetup, type SaveQuestion, type SetupAttemptRow } from './setup.ts';

let made = 0;
const moment: Moment = { now: 1_795_000_000, newId: (prefix: string) => `${prefix}_${(made += 1)}`, newSecret: () => 'secret' };
const CARD = { processor: 'prc_1', type: 'card', method: { reference: 'pm_1', set_up: false }, card: null, verified: null, details: null, vault: null };

test('a setup that its processor is at for days stays processing, and goes through or is given up then', () => {
  const { method } = makeMethod(CARD, {}, moment);
  const { setup_intent } = openSetup({ customer: null, test_clock: null, usage: 'off_session', payment_method: method.id, payment_method_types: ['card'] }, moment);
  const confirmed = confirmSetup(setup_intent, method, null, {}, moment);
  const question = confirmed.calls[0]!.request as SaveQuestion;
  const setup_attempt = confirmed.puts.find((each) => each.table === 'setup_attempts')!.after as SetupAttemptRow;
  const facts = { setup_intent: confirmed.setup_intent, setup_attempt, payment_method: method, customer: null };
  const assessment = { type: 'authorized', network_status: 'approved_by_network', reason: null, risk_level: 'normal', risk_score: 0 } as const;
  const pending = settleSetup(facts, question, { kind: 'pending', reference: 'seti_1', assessment, foretold: [] }, moment);
  assert.deepEqual([pending.setup_intent.status, pending.setup_intent.next_action, pending.facts], ['processing', null, []]);
  const canceled = settleSetup({ ...facts, setup_intent: pending.setup_intent }, question, { kind: 'canceled', reference: 'seti_1' }, moment);
  assert.deepEqual([canceled.setup_intent.status, canceled.setup_intent.last_setup_error?.code], ['requires_payment_method', 'setup_intent_unexpected_state']);
});

test('a setup that ends late keeps nothing for whoever has let it go', () => {
  const { method: card } = makeMethod(CARD, {}, moment);
  const { setup_intent } = openSetup({ customer: 'cus_1', test_clock: null, usage: 'off_session', payment_method: card.id, payment_method_types: ['card'] }, moment);
  const confirmed = confirmSetup(setup_intent, card, null, {}, moment);
  const setup_attempt = confirmed.puts.find((each) => each.table === 'setup_attempts')!.after as SetupAttemptRow;
  const succeeded: Succeeded = { kind: 'succeeded', reference: 'seti_1', captured: false, network_transaction_id: null, authorization_code: null, three_d_secure: null, available: 'later', foretold: [], assessment: { type: 'authorized', network_status: 'approved_by_network', reason: null, risk_level: 'normal', risk_score: 0 } };
  const settle = (payment_method: typeof card, customer: CustomerWhole | null) => settleSetup({ setup_intent: confirmed.setup_intent, setup_attempt, payment_method, customer }, confirmed.calls[0]!.request as SaveQuestion, succeeded, moment).payment_method;
  const detached = settle({ ...card, spent: true }, null);
  const orphaned = settle(card, { id: 'cus_1', deleted: true } as CustomerWhole);
  assert.deepEqual([detached, orphaned].map(({ customer, spent, set_up }) => [customer, spent, set_up]), [[null, true, false], [null, true, false]]);
  assert.deepEqual([settle(card, { id: 'cus_1', deleted: false } as CustomerWhole)].map(({ customer, spent, set_up }) => [customer, spent, set_up]), [['cus_1', false, true]]);
});
