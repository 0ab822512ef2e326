import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ChargeRequest, Processor } from '../processor.ts';
import { TEST_CARDS } from './cards.ts';
import { DECLINES } from './declines.ts';
import { IBANS } from './ibans.ts';
import { decideCharge, memoryBook, sandbox, type Fault } from './sandbox.ts';

const request: ChargeRequest = { op_id: 'pi_1:1:charge', amount: 10000n, currency: 'usd', method: { reference: 'visa', set_up: true }, off_session: true, capture: 'automatic', description: 'Invoice 1', metadata: { a: 'b' } };

test('a charge succeeds with all that a ledger and a network want to know, the same each time it is asked', async () => {
  const processor = sandbox();
  const first = await processor.charge(request);
  assert.ok(first.kind === 'succeeded');
  assert.match(first.reference, /^ch_[A-Za-z0-9]{24}$/);
  assert.match(first.network_transaction_id ?? '', /^[0-9]{15}$/);
  assert.equal(first.captured, true);
  assert.deepEqual(first.fees?.map((fee) => fee.amount), [290n, 30n]); // 2.9 % of 100.00, and 0.30
  assert.deepEqual(first.assessment, { type: 'authorized', network_status: 'approved_by_network', reason: null, risk_level: 'normal', risk_score: 20 });
  assert.deepEqual(await processor.charge(request), first);
  // As it comes back from storage: in another order, absent fields as null.
  assert.deepEqual(await processor.charge({ authentication: null, ...Object.fromEntries(Object.entries(request).reverse()) } as ChargeRequest), first);
  assert.deepEqual(await sandbox().charge(request), first);
  assert.notEqual(((await processor.charge({ ...request, op_id: 'pi_1:2:charge' })) as typeof first).reference, first.reference);
});

test('an amount that is only reserved is not captured and costs nothing yet; a fee is never more than the amount', async () => {
  const reserved = await sandbox().charge({ ...request, capture: 'manual' });
  assert.ok(reserved.kind === 'succeeded' && !reserved.captured && reserved.fees === undefined);
  const cent = await sandbox().charge({ ...request, amount: 1n });
  assert.ok(cent.kind === 'succeeded' && cent.fees?.length === 1 && cent.fees[0]!.amount === 1n);
  const own = await sandbox({ fees: { rates: { card: { share: 0n, each: 7n } }, disputes: {}, instant_payout: 0n } }).charge(request);
  assert.ok(own.kind === 'succeeded' && own.fees?.[0]?.amount === 7n);
});

test('a request that cannot be tried fails, has no effect, and may be asked again when put right', async () => {
  const processor = sandbox();
  const rows: [Partial<ChargeRequest>, string][] = [[{ amount: 0n }, 'amount_too_small'], [{ amount: -1n }, 'amount_too_small'], [{ currency: 'USD' }, 'invalid_currency'], [{ method: { reference: 'pm_live', set_up: true } }, 'resource_missing']];
  for (const [wrong, code] of rows) {
    const outcome = await processor.charge({ ...request, ...wrong });
    assert.ok(outcome.kind === 'failed' && outcome.code === code);
    assert.deepEqual(await processor.lookup({ op_id: request.op_id }), { kind: 'absent' });
  }
  assert.equal((await processor.charge(request)).kind, 'succeeded');
});

test('an op_id that is used for another request is never said to have had no effect', async () => {
  const processor = sandbox();
  const first = await processor.charge(request);
  assert.equal((await processor.charge({ ...request, amount: 1n })).kind, 'unknown');
  assert.equal((await processor.refund({ op_id: request.op_id, charge: 'ch_1', method: request.method, amount: 1n, currency: 'usd' })).kind, 'unknown');
  assert.deepEqual(await processor.lookup({ op_id: request.op_id }), { kind: 'charge', outcome: first });
});

test('a lost request is unknown and then absent; a lost answer is unknown and then found', async () => {
  let fault: Fault = 'request_lost';
  const processor = sandbox({ fault: () => fault });
  assert.equal((await processor.charge(request)).kind, 'unknown');
  assert.deepEqual(await processor.lookup({ op_id: request.op_id }), { kind: 'absent' });
  fault = 'answer_lost';
  assert.equal((await processor.charge(request)).kind, 'unknown');
  const found = await processor.lookup({ op_id: request.op_id });
  assert.ok(found.kind === 'charge' && found.outcome.kind === 'succeeded');
  fault = null;
  assert.deepEqual(await processor.charge(request), found.outcome);
});

test('what a book has dropped is no longer called absent', async () => {
  const processor = sandbox({ book: memoryBook(2) });
  for (const attempt of [1, 2, 3]) await processor.charge({ ...request, op_id: `pi_1:${attempt}:charge` });
  assert.equal((await processor.lookup({ op_id: 'pi_1:1:charge' })).kind, 'unknown');
  assert.equal((await processor.lookup({ op_id: 'pi_1:3:charge' })).kind, 'charge');
});

test('with any faults, asking again with the same op_id and looking up agree, and no operation has two effects', async () => {
  const kinds = fc.constantFrom<Fault>('request_lost', 'answer_lost', null);
  await fc.assert(
    fc.asyncProperty(fc.array(kinds, { maxLength: 6 }), fc.nat(TEST_CARDS.length - 1), fc.boolean(), async (faults, index, off_session) => {
      const left = [...faults];
      const book = memoryBook();
      let effects = 0;
      const counted = { ...book, put: async (...entry: Parameters<typeof book.put>) => { effects++; await book.put(...entry); } };
      const processor: Processor = sandbox({ book: counted, fault: () => left.shift() ?? null });
      const asked = { ...request, off_session, method: { reference: TEST_CARDS[index]!.key, set_up: false } };
      for (const fault of faults) {
        const outcome = await processor.charge(asked);
        assert.equal(outcome.kind === 'unknown', fault !== null);
      }
      const last = await processor.charge(asked);
      assert.deepEqual(last, decideCharge(asked));
      assert.deepEqual(await processor.lookup({ op_id: asked.op_id }), { kind: 'charge', outcome: last });
      assert.equal(effects, 1);
    }),
    { numRuns: 500 },
  );
});

test('each decline carries codes that Stripe knows, advice that fits, and a sentence of ours', () => {
  const advice = { generic_decline: 'try_again_later', insufficient_funds: 'try_again_later', lost_card: 'do_not_try_again', stolen_card: 'do_not_try_again', expired_card: 'do_not_try_again', incorrect_cvc: 'confirm_card_data', processing_error: 'try_again_later', card_velocity_exceeded: 'try_again_later', fraudulent: 'do_not_try_again', authentication_required: null, authentication_failed: null, authentication_error: 'try_again_later' };
  assert.deepEqual(Object.fromEntries(Object.entries(DECLINES).map(([name, decline]) => [name, decline.advice_code])), advice);
  for (const decline of Object.values(DECLINES)) assert.match(decline.message, /^[A-Z].*\.$/);
  // Whoever holds a stolen card does not learn that it is known to be stolen.
  assert.doesNotMatch(DECLINES.stolen_card.message + DECLINES.lost_card.message, /stolen|lost/i);
});

test('what is blocked never reaches the network; what the issuer declines does', () => {
  const of = (reference: string) => {
    const outcome = decideCharge({ ...request, method: { reference, set_up: false } });
    return outcome.kind === 'declined' || outcome.kind === 'succeeded' ? [outcome.assessment.type, outcome.assessment.network_status, outcome.assessment.risk_level, outcome.assessment.reason] : [];
  };
  assert.deepEqual(of('radarBlock'), ['blocked', 'not_sent_to_network', 'highest', 'highest_risk_level']);
  assert.deepEqual(of('visa_chargeDeclined'), ['issuer_declined', 'declined_by_network', 'normal', 'generic_decline']);
  assert.deepEqual(of('chargeDeclinedExpiredCard'), ['issuer_declined', 'declined_by_network', 'normal', 'expired_card']);
  assert.deepEqual(of('riskLevelElevated'), ['authorized', 'approved_by_network', 'elevated', null]);
});

test('the sandbox says what it can do', () => {
  const { methods, idempotency, lookup } = sandbox().capabilities();
  assert.deepEqual([Object.keys(methods).length, methods.sepa_debit?.flow, idempotency, lookup], [10, 'debit', 'header', ['op_id', 'reference']]);
});

test('what is reserved is captured, raised or given up, each once', async () => {
  const processor = sandbox();
  const reserve = async (op_id: string) => {
    const outcome = await processor.charge({ ...request, op_id, capture: 'manual' });
    assert.ok(outcome.kind === 'succeeded' && !outcome.captured);
    return { charge: outcome.reference, authorized: op_id, method: request.method, currency: 'usd' };
  };
  const first = await reserve('pi_1:charge:1');
  assert.equal((await processor.increment({ ...first, op_id: 'pi_1:increment:1', amount: 12_000n })).kind, 'succeeded');
  const capture = { ...first, op_id: 'pi_1:capture:1', amount: 12_000n, final: true };
  const captured = await processor.capture(capture);
  assert.ok(captured.kind === 'succeeded');
  assert.deepEqual(captured.fees?.map((fee) => fee.amount), [348n, 30n]);
  assert.deepEqual(await processor.capture(capture), captured);
  assert.deepEqual(await processor.lookup({ op_id: capture.op_id }), { kind: 'capture', outcome: captured });
  for (const again of [processor.capture({ ...capture, op_id: 'pi_1:capture:2' }), processor.cancel({ ...first, op_id: 'pi_1:cancel:1' }), processor.increment({ ...first, op_id: 'pi_1:increment:2', amount: 13_000n })]) {
    assert.equal((await again).kind, 'declined');
  }
  const second = await reserve('pi_2:charge:1');
  assert.equal((await processor.cancel({ ...second, op_id: 'pi_2:cancel:1' })).kind, 'succeeded');
  assert.equal((await processor.capture({ ...second, op_id: 'pi_2:capture:1', amount: 1n, final: true })).kind, 'declined');
});

test('an operation is found by the reference of what it did', async () => {
  const processor = sandbox();
  const outcome = await processor.charge(request);
  assert.ok(outcome.kind === 'succeeded');
  assert.deepEqual(await processor.lookup({ reference: outcome.reference }), { kind: 'charge', outcome });
  assert.deepEqual(await processor.lookup({ reference: 'ch_none' }), { kind: 'absent' });
});

test('each test IBAN is a right number, and what it does has a name', async () => {
  const digits = (text: string) => [...text].map((letter) => String(Number.parseInt(letter, 36))).join('');
  for (const [iban] of IBANS) assert.equal(BigInt(digits(`${iban.slice(4)}${iban.slice(0, 4)}`)) % 97n, 1n, iban);
  assert.equal(IBANS.size, 19 * 8 + 1);
  const names = ['success', 'successDelayed', 'failed', 'failedDelayed', 'disputed', 'exceedsWeeklyVolumeLimit', 'exceedsWeeklyTransactionLimit', 'insufficientFunds'];
  for (const name of names) for (const country of ['at', 'hr', 'no']) assert.equal((await sandbox().tokenize({ token: `pm_sepaDebit_${name}_${country}` }, { year: 2026, month: 1 })).kind, 'other', `${name} ${country}`);
});

test('an IBAN has the codes of its bank and its branch where its country has them', async () => {
  const codesOf = async (iban: string) => {
    const kept = await sandbox().tokenize({ type: 'sepa_debit', fields: { iban }, payer: { name: 'Ada', email: 'ada@example.com', country: null } }, { year: 2026, month: 1 });
    return kept.kind === 'other' && [kept.details.bank_code, kept.details.branch_code, kept.details.country];
  };
  assert.deepEqual(await Promise.all(['AT611904300234573201', 'DE89370400440532013000', 'FR1420041010050500013M02606'].map(codesOf)), [['19043', '', 'AT'], ['37040044', '', 'DE'], ['20041', '01005', 'FR']]);
});
