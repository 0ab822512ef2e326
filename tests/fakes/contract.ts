/** What every processor must do, in the words of the port: one suite for all of them, each behind its fake. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { CancelRequest, CaptureRequest, ChargeRequest, Failed, Found, HandledOutcome, News, Outcome, Processor, StoredMethod, Succeeded, Unknown } from '../../connectors/processors/processor.ts';
import { until } from '../awaited.ts';
import type { Fault } from './server.ts';

type Subject = {
  processor: Processor;
  /** What goes wrong with the next requests, one each. */
  faults: Fault[];
  /** The holder acts where the processor has sent it; nothing where Kontor tells the processor what the holder has said. */
  act(reference: string, result: 'succeeded' | 'failed'): void;
  /** What comes back with the holder, where the processor wants to see it. */
  back?(reference: string, result: 'succeeded' | 'failed'): Record<string, string>;
  /** What a webhook has said of an operation, where the answer says only that it was received. */
  told?(op_id: string, verb: 'capture' | 'cancel' | 'increment', charge: string): Promise<HandledOutcome>;
  /** Whether what a processor lets go is gone: not the cards of the sandbox, which are everybody's. */
  forgets: boolean;
  /** A bank takes a payment back: the news of it, where the processor tells of disputes. */
  contest?(payment: string): Promise<Pick<News, 'reference' | 'said'>>;
  /** How often money was taken by an operation; null where nobody can tell. */
  taken(op_id: string): number | null;
  close(): Promise<void>;
};

/** Names of cards at the processor, by what they do. */
export type Cards = Record<'good' | 'declined' | 'poor' | 'lost' | 'asks' | 'leaving', string>;

/** After how long an adapter gives up waiting: so long that a busy machine is not taken for a slow processor. */
export const TIMEOUT_MS = 3_000;

const TODAY = { year: 2026, month: 11 };
const BACK = 'https://shop.example.com/back';

type Kind<K extends Outcome['kind']> = Extract<Outcome, { kind: K }>;
function as<K extends Outcome['kind']>(outcome: Outcome | HandledOutcome, kind: K): Kind<K> {
  assert.equal(outcome.kind, kind, JSON.stringify(outcome, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)));
  return outcome as Kind<K>;
}

export function contract(name: string, cards: Cards, start: () => Promise<Subject>): void {
  describe(`the contract of processors, kept by ${name}`, () => {
    let subject: Subject;
    let processor: Processor;
    let made = 0;
    before(async () => { subject = await start(); ({ processor } = subject); });
    after(() => subject.close());

    const operation = (verb: string) => `pi_${name.replaceAll(/\W/g, '')}${(made += 1)}:${verb}:1`;

    /** What came of something that was asked about a charge: its answer, or the webhook after it. */
    async function handled(verb: 'capture' | 'cancel' | 'increment', request: CaptureRequest & CancelRequest): Promise<HandledOutcome> {
      const outcome = await processor[verb](request);
      return outcome.kind === 'unknown' && subject.told ? subject.told(request.op_id, verb, request.charge) : outcome;
    }

    async function kept(card: keyof Cards): Promise<StoredMethod> {
      const known = await processor.tokenize({ token: cards[card] }, TODAY);
      assert.equal(known.kind, 'card');
      return (known as { method: StoredMethod }).method;
    }

    async function charge(card: keyof Cards | StoredMethod, more: Partial<ChargeRequest> = {}): Promise<{ request: ChargeRequest; outcome: Outcome }> {
      const method = typeof card === 'string' ? await kept(card) : card;
      const request: ChargeRequest = { op_id: operation('charge'), amount: 10_000n, currency: 'usd', method, off_session: false, capture: 'automatic', return_url: BACK, ...more };
      return { request, outcome: await processor.charge(request) };
    }

    const answer = (reference: string, result: 'succeeded' | 'failed') => ({ reference, result, ...(subject.back && { details: subject.back(reference, result) }) });

    const outcomeIn = (found: Found): Outcome | HandledOutcome => (found as { outcome: Outcome | HandledOutcome }).outcome;

    test('a card that is kept there is known with what may be shown of it, and never with its number', async () => {
      const known = await processor.tokenize({ token: cards.good }, TODAY);
      assert.equal(known.kind, 'card');
      const { card } = known as Extract<typeof known, { kind: 'card' }>;
      assert.match(card.last4, /^[0-9]{4}$/);
      assert.doesNotMatch(JSON.stringify(known), /\b[0-9]{12,}\b/);
      assert.equal((await processor.tokenize({ token: 'pm_card_nobody' }, TODAY)).kind, 'absent');
    });

    test('a charge succeeds, and asking again is the same charge', async () => {
      const { request, outcome } = await charge('good');
      const first = as(outcome, 'succeeded');
      assert.equal(first.captured, true);
      assert.ok(first.network_transaction_id);
      assert.deepEqual(await processor.charge(request), first);
      assert.notEqual(subject.taken(request.op_id) ?? 1, 2);
    });

    test('a decline has a code of ours, what the network said, and what to do', async () => {
      for (const [card, decline_code] of [['declined', 'generic_decline'], ['poor', 'insufficient_funds'], ['lost', 'lost_card|restricted_card']] as const) {
        const outcome = as((await charge(card)).outcome, 'declined');
        assert.deepEqual([outcome.code, outcome.assessment.type, outcome.assessment.network_status], ['card_declined', 'issuer_declined', 'declined_by_network']);
        assert.match(outcome.decline_code!, new RegExp(`^(${decline_code})$`));
        assert.ok(outcome.network_decline_code);
        assert.equal(outcome.advice_code, card === 'lost' ? 'do_not_try_again' : 'try_again_later');
      }
    });

    test('what is reserved is captured in part, once', async () => {
      const { request, outcome } = await charge('good', { capture: 'manual' });
      const reserved = as(outcome, 'succeeded');
      assert.equal(reserved.captured, false);
      const about = { charge: reserved.reference, authorized: request.op_id, method: request.method, currency: 'usd' };
      const capture = { ...about, op_id: operation('capture'), amount: 6_000n, final: true };
      const first = await handled('capture', capture);
      as(first, 'succeeded');
      assert.deepEqual(await handled('capture', capture), first);
      assert.equal((await handled('capture', { ...about, op_id: operation('capture'), amount: 1_000n, final: true })).kind, 'declined');
      if (!processor.capabilities().lookup.includes('reference')) return;
      // The operation that reserved it is told as it was, or with what was captured since.
      const after = as(outcomeIn(await processor.lookup({ op_id: request.op_id, reference: reserved.reference, verb: 'charge' })), 'succeeded');
      assert.ok(!after.captured || after.money?.amount === 6_000n);
    });

    test('what is reserved is captured in full, or raised first', async () => {
      const { request, outcome } = await charge('good', { capture: 'manual', options: { request_incremental_authorization: 'if_available' } });
      const about = { charge: as(outcome, 'succeeded').reference, authorized: request.op_id, method: request.method, currency: 'usd' };
      as(await handled('increment', { ...about, op_id: operation('increment'), amount: 12_000n, final: true }), 'succeeded');
      as(await handled('capture', { ...about, op_id: operation('capture'), amount: 12_000n, final: true }), 'succeeded');
    });

    test('what has moved is named, in amount and currency', async () => {
      assert.deepEqual(as((await charge('good', { currency: 'eur' })).outcome, 'succeeded').money, { amount: 10_000n, currency: 'eur' });
      const reserved = as((await charge('good', { capture: 'manual' })).outcome, 'succeeded');
      assert.deepEqual([reserved.money, reserved.allowed], [{ amount: 10_000n, currency: 'usd' }, { increment: false, multicapture: false, extended: false, most: 10_000n }]);
    });

    test('what is reserved is captured in several parts, where that is asked for and the processor can', async () => {
      const { request, outcome } = await charge('good', { capture: 'manual', options: { request_multicapture: 'if_available' } });
      const reserved = as(outcome, 'succeeded');
      const able = processor.capabilities().methods.card!.multicapture;
      assert.equal(reserved.allowed!.multicapture, able);
      if (!able) return;
      const about = { charge: reserved.reference, authorized: request.op_id, method: request.method, currency: 'usd' };
      const part = { ...about, op_id: operation('capture'), amount: 3_000n, final: false };
      const first = await handled('capture', part);
      assert.ok(((first as { fees?: object[] }).fees ?? []).length > 0);
      assert.deepEqual(await handled('capture', part), first);
      as(await handled('capture', { ...about, op_id: operation('capture'), amount: 2_000n, final: false }), 'succeeded');
      as(await handled('capture', { ...about, op_id: operation('capture'), amount: 0n, final: true }), 'succeeded');
      assert.equal((await handled('capture', { ...about, op_id: operation('capture'), amount: 1_000n, final: true })).kind, 'declined');
    });

    test('what is reserved is given up, and cannot be captured then', async () => {
      const { request, outcome } = await charge('good', { capture: 'manual' });
      const about = { charge: as(outcome, 'succeeded').reference, authorized: request.op_id, method: request.method, currency: 'usd' };
      as(await handled('cancel', { ...about, op_id: operation('cancel'), amount: 0n, final: true, reason: 'requested_by_customer' }), 'succeeded');
      assert.equal((await handled('capture', { ...about, op_id: operation('capture'), amount: 10_000n, final: true })).kind, 'declined');
    });

    test('a charge is given back in parts, each once', async () => {
      const { request, outcome } = await charge('good');
      const { reference } = as(outcome, 'succeeded');
      const about = { charge: reference, method: request.method, currency: 'usd' };
      const first = { ...about, op_id: operation('refund'), amount: 4_000n };
      const given = await processor.refund(first);
      assert.ok(given.kind === 'succeeded' || given.kind === 'pending', given.kind);
      assert.deepEqual(await processor.refund(first), given);
      const rest = await processor.refund({ ...about, op_id: operation('refund'), amount: 6_000n });
      assert.ok(rest.kind === 'succeeded' || rest.kind === 'pending', rest.kind);
      if (given.kind !== 'succeeded' && given.kind !== 'pending') return;
      if (processor.capabilities().lookup.includes('reference')) assert.equal((await processor.lookup({ op_id: first.op_id, reference: given.reference, verb: 'refund', charge: reference })).kind, 'refund');
    });

    test('the holder is asked, and agrees', async () => {
      const { request, outcome } = await charge('asks');
      const { action } = as(outcome, 'requires_action');
      assert.equal(action.kind, '3ds');
      assert.ok(action.kind === '3ds' && action.url);
      subject.act(action.reference, 'succeeded');
      const next = await processor.charge({ ...request, op_id: operation('charge'), authentication: answer(action.reference, 'succeeded') });
      assert.equal(as(next, 'succeeded').captured, true);
      assert.equal(as(next, 'succeeded').three_d_secure?.result, 'authenticated');
    });

    test('the holder is asked, and does not agree', async () => {
      const { request, outcome } = await charge('asks');
      const { action } = as(outcome, 'requires_action');
      subject.act(action.reference, 'failed');
      const next = await processor.charge({ ...request, op_id: operation('charge'), authentication: answer(action.reference, 'failed') });
      assert.equal(as(next, 'declined').code, 'payment_intent_authentication_failure');
    });

    test('an absent holder cannot be asked: that is a decline which says so', async () => {
      const outcome = as((await charge('asks', { off_session: true })).outcome, 'declined');
      assert.equal(outcome.code, 'authentication_required');
    });

    test('a method is kept with its holder, and charged later without', async () => {
      const method = await kept('good');
      const saved: Succeeded = as(await processor.save({ op_id: operation('save'), method, purpose: 'setup', usage: 'off_session', return_url: BACK }), 'succeeded');
      const later = { ...method, reference: saved.learned?.reference ?? method.reference, set_up: true };
      as((await charge(later, { off_session: true })).outcome, 'succeeded');
      assert.equal((await processor.save({ op_id: operation('save'), method: await kept('declined'), purpose: 'setup', usage: 'off_session', return_url: BACK })).kind, 'declined');
    });

    test('what its holder was asked about and agreed to keep is charged again by its new token', async () => {
      const { request, outcome } = await charge('asks', { setup_future_usage: 'off_session' });
      const { action } = as(outcome, 'requires_action');
      subject.act(action.reference, 'succeeded');
      const agreed = as(await processor.charge({ ...request, op_id: operation('charge'), authentication: answer(action.reference, 'succeeded') }), 'succeeded');
      // This issuer asks at each charge.
      as((await charge({ ...request.method, reference: agreed.learned?.reference ?? request.method.reference, set_up: true })).outcome, 'requires_action');
    });

    test('an absent holder cannot agree to anything, and is charged all the same', async () => {
      const method = await kept('good');
      const saved = as(await processor.save({ op_id: operation('save'), method, purpose: 'setup', usage: 'off_session', return_url: BACK }), 'succeeded');
      const later = { ...method, reference: saved.learned?.reference ?? method.reference, set_up: true };
      as((await charge(later, { off_session: true, setup_future_usage: 'off_session' })).outcome, 'succeeded');
    });

    test('a method is let go once and for all, however often and with whatever mishap it is asked for', async () => {
      const method = await kept('leaving');
      const saved = as(await processor.save({ op_id: operation('save'), method, purpose: 'setup', usage: 'off_session', return_url: BACK }), 'succeeded');
      const token = { ...method, reference: saved.learned?.reference ?? method.reference, set_up: true };
      const request = { op_id: operation('detach'), method: token };
      subject.faults.push('lost_after');
      assert.equal((await processor.detach(request)).kind, 'unknown');
      const gone = as(await processor.detach(request), 'succeeded');
      assert.deepEqual(await processor.detach(request), gone);
      if (subject.forgets) assert.equal((await charge(token, { off_session: true })).outcome.kind, 'failed');
      // What was never kept there is gone as well.
      assert.equal((await processor.detach({ op_id: operation('detach'), method: { type: 'ideal', reference: 'ideal', set_up: false } })).kind, 'succeeded');
    });

    test('what is wrong is refused before anything is tried', async () => {
      assert.equal((await charge('good', { amount: 0n })).outcome.kind, 'failed');
    });

    test('a payment that its bank takes back is told of as that payment, with what was taken', async (t) => {
      if (!subject.contest) return t.skip('It tells of no disputes by webhook.');
      const { outcome } = await charge('good');
      const { reference } = as(outcome, 'succeeded');
      const news = await subject.contest(reference);
      const word = await processor.disputes!.find(news);
      assert.ok(word.kind === 'dispute', word.kind);
      assert.deepEqual([word.reference, word.charge, word.status, word.amount, word.currency, word.returned], [news.reference, reference, 'needs_response', 10_000n, 'usd', null]);
      assert.ok(word.taken);
      assert.notEqual((await processor.disputes!.find({ reference: 'du_of_nobody' })).kind, 'dispute');
    });

    test('a webhook that nobody has signed is not believed', async () => {
      assert.equal((await processor.receive({ body: Buffer.from('{"type":"payment_intent.succeeded"}'), headers: {} })).kind, 'refused');
    });

    const isOpen = (outcome: Outcome | HandledOutcome | Failed | Unknown): boolean => outcome.kind === 'unknown';

    for (const fault of ['lost_before', 'lost_after', 'slow', 'error_after'] as const) {
      test(`where a charge is ${fault}, its outcome is unknown, and what is recognised again takes money once`, async () => {
        const method = await kept('good');
        subject.faults.push(fault);
        const { request, outcome } = await charge(method);
        assert.ok(isOpen(outcome), `${outcome.kind} is no word after ${fault}`);
        if (fault === 'slow') await until(() => subject.taken(request.op_id) !== 0);
        const { idempotency, lookup } = processor.capabilities();
        const again = idempotency === 'none' ? null : await processor.charge(request);
        if (again && !isOpen(again)) assert.equal(again.kind, 'succeeded');
        if (lookup.includes('op_id')) {
          const found = await processor.lookup({ op_id: request.op_id, verb: 'charge', method });
          assert.equal(found.kind, again === null && fault === 'lost_before' ? 'absent' : 'charge');
          if (found.kind === 'charge') assert.equal(found.outcome.kind, 'succeeded');
        }
        assert.equal(subject.taken(request.op_id) ?? 1, again === null && fault === 'lost_before' ? 0 : 1);
      });
    }
  });
}
