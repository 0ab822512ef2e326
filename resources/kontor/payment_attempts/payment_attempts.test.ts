import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { machineClock } from '../../../server/clock.ts';
import { inWorld } from '../../../server/database/world.ts';
import { kindRecognising, KINDS, type Recognising } from '../../../tests/fakes/kinds.ts';
import type { Fault } from '../../../tests/fakes/server.ts';
import { FakeStripe } from '../../../tests/fakes/stripe/stripe.ts';
import { until } from '../../../tests/awaited.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { own, type Json } from '../../../tests/own.ts';

let ahead_s = 0;
const faults: Record<Recognising, Fault[]> = { key: [], search: [], nothing: [] };
/** What requests wait for. */
const held: Partial<Record<Recognising, Promise<void>>> = {};
const fakes = {} as Record<Recognising, FakeStripe>;
const processors = {} as Record<Recognising, string>;

for (const kind of KINDS) fakes[kind] = await new FakeStripe({ recognises: kind, fault: () => faults[kind].shift() ?? null, hold: () => held[kind], mishap: () => 'lost' }).start();
const kontor = await startKontor({ clock: machineClock(() => Date.now() + ahead_s * 1_000), kinds: KINDS.map((kind) => kindRecognising(kind, { address: fakes[kind].address, timeout_ms: 10_000 })) });
const { stripe } = kontor;
const raw = (method: string, path: string, params?: object) => own(stripe, method, path, params);
for (const kind of KINDS) processors[kind] = (await raw('POST', 'processors', { type: `stripe_by_${kind}`, settings: { secret_key: fakes[kind].key, webhook_secret: fakes[kind].webhook_secret } })).id;
after(async () => {
  for (const kind of KINDS) await fakes[kind].close();
  await kontor.close();
});

/** A payment at a processor of the kind, with something going wrong on the way. */
async function pay(kind: Recognising, fault: Fault, more: Partial<Stripe.PaymentIntentCreateParams> = {}): Promise<Stripe.PaymentIntent> {
  const method = await raw('POST', `processors/${processors[kind]}/payment_methods`, { token: 'pm_card_visa' });
  faults[kind].push(fault);
  return stripe.paymentIntents.create({ amount: 1_500, currency: 'usd', payment_method: method.id, confirm: true, ...more });
}
const attemptOf = async (subject: string): Promise<Json> => (await raw('GET', `payment_attempts?subject=${subject}`)).data[0];

/** Lets time pass, and waits until something is so. */
async function later(seconds: number, isSo: () => Promise<boolean>): Promise<void> {
  ahead_s += seconds;
  await until(isSo);
}
/** Whether a charge was asked for so often, and nobody is at it. */
const rests = (id: string, asked: number) => async () => {
  const { rows } = await inWorld(kontor.database.pool, kontor.world, (tx) => tx.query<{ attempts: number; state: string }>(`select attempts, state from calls where id = '${id}:charge:1'`));
  return rows[0]!.attempts >= asked && rows[0]!.state !== 'pending';
};
const isNow = (id: string, status: string) => async () => (await stripe.paymentIntents.retrieve(id)).status === status;

test('a processor that can only be searched is never asked twice', async () => {
  const taken = await pay('search', 'lost_after');
  assert.deepEqual([taken.status, (await attemptOf(taken.id)).clears_up], ['processing', 'look_up']);
  await later(10, isNow(taken.id, 'succeeded'));
  assert.equal(fakes.search.captured('payment_intent', taken.id), 1);
});

test('that a repetition is refused, since the key is not in force any more, proves nothing about the charge', async () => {
  const taken = await pay('key', 'lost_after');
  const { key } = fakes.key;
  fakes.key.key = 'sk_test_another0123456789';
  await later(10, rests(taken.id, 2));
  assert.deepEqual([(await stripe.paymentIntents.retrieve(taken.id)).status, (await attemptOf(taken.id)).state], ['processing', 'unknown']);
  await assert.rejects(raw('POST', `payment_attempts/${taken.id}:charge:1/decide`, { outcome: 'not_done', evidence: 'Nobody has looked anywhere yet.' }), { code: 'lock_timeout' });
  fakes.key.key = key;
  await later(60, isNow(taken.id, 'succeeded'));
  assert.equal(fakes.key.captured('payment_intent', taken.id), 1);
});

test('that a search finds nothing proves something only once nothing can be under way', async () => {
  const lost = await pay('search', 'lost_before');
  // That it was written a day before it was asked makes it no older.
  const { rowCount } = await inWorld(kontor.database.pool, kontor.world, (tx) => tx.query(`update calls set created = created - interval '1 day' where subject = '${lost.id}'`));
  assert.equal(rowCount, 1);
  await later(10, rests(lost.id, 2));
  assert.equal((await stripe.paymentIntents.retrieve(lost.id)).status, 'processing');
  await later(100, isNow(lost.id, 'requires_payment_method'));
  const { last_payment_error } = await stripe.paymentIntents.retrieve(lost.id);
  assert.deepEqual([last_payment_error!.code, fakes.search.captured('payment_intent', lost.id)], ['processing_error', 0]);
});

test('a person says nothing of what is asked right now, however long it has been asked for', async () => {
  const lost = await pay('search', 'lost_before');
  let goOn!: () => void;
  held.search = new Promise((resolve) => { goOn = resolve; });
  await later(4 * 86_400, async () => (await attemptOf(lost.id)).asked === 2);
  const decide = () => raw('POST', `payment_attempts/${lost.id}:charge:1/decide`, { outcome: 'not_done', evidence: 'There is nothing of it in the dashboard.' });
  await assert.rejects(decide(), ({ code, message }: Json) => code === 'lock_timeout' && /right now/.test(message));
  delete held.search;
  goOn();
  await later(0, isNow(lost.id, 'requires_payment_method'));
  await assert.rejects(decide(), /the processor has said so/);
});

test('where a processor recognises nothing, it is asked once, and a person says what became of it', async () => {
  const [taken, lost] = [await pay('nothing', 'lost_after'), await pay('nothing', 'lost_before')];
  await later(50_000, async () => (await attemptOf(taken.id)).asked > 1 && (await attemptOf(lost.id)).asked > 1);
  const { data } = await raw('GET', 'payment_attempts?state=unknown');
  assert.deepEqual(data.map((each: Json) => [each.subject, each.clears_up, each.processor]), [[lost.id, 'person', processors.nothing], [taken.id, 'person', processors.nothing]]);
  assert.equal([...fakes.nothing.intents.values()].length, 1);
  const decide = (subject: string, params: object) => raw('POST', `payment_attempts/${subject}:charge:1/decide`, params);
  const evidence = 'Seen in the dashboard of the processor by Ada, with a screenshot in ticket 7.';
  const reference = [...fakes.nothing.intents.keys()][0]!;
  await assert.rejects(decide(taken.id, { outcome: 'succeeded', evidence }), { code: 'parameter_missing', param: 'reference' });
  await assert.rejects(decide(taken.id, { outcome: 'succeeded', reference }), { code: 'parameter_missing', param: 'evidence' });
  await assert.rejects(decide(lost.id, { outcome: 'not_done', reference, evidence }), /no `reference`/);
  await assert.rejects(decide('pi_nobody', { outcome: 'not_done', evidence }), { statusCode: 404 });
  const decided = await decide(taken.id, { outcome: 'succeeded', reference, evidence });
  await assert.rejects(decide(lost.id, { outcome: 'succeeded', reference, evidence }), { param: 'reference' });
  assert.deepEqual([decided.state, decided.reference, decided.decided.evidence, decided.clears_up], ['succeeded', reference, evidence, null]);
  assert.equal((await decide(lost.id, { outcome: 'not_done', evidence })).state, 'failed');
  assert.deepEqual(await Promise.all([taken, lost].map(async ({ id }) => (await stripe.paymentIntents.retrieve(id)).status)), ['succeeded', 'requires_payment_method']);
  await assert.rejects(decide(taken.id, { outcome: 'not_done', evidence }), /the processor has said so/);
  // What was decided is not asked again.
  await later(100_000, async () => (await raw('GET', 'payment_attempts?state=unknown')).data.length === 0);
  assert.equal([...fakes.nothing.intents.values()].length, 1);
});

test('a capture and a refund of which nothing is known wait for a person, too', async () => {
  const reserved = await pay('nothing', null, { capture_method: 'manual' });
  faults.nothing.push('lost_after');
  assert.equal((await stripe.paymentIntents.capture(reserved.id)).status, 'processing');
  const evidence = 'Captured, as the processor has told us by telephone.';
  const capture = (await raw('GET', 'payment_attempts?state=unknown')).data[0];
  assert.equal(capture.verb, 'capture');
  await raw('POST', `payment_attempts/${capture.id}/decide`, { outcome: 'succeeded', reference: 'pi_1', evidence });
  assert.equal((await stripe.paymentIntents.retrieve(reserved.id)).amount_received, 1_500);
  faults.nothing.push('lost_before');
  const refund = await stripe.refunds.create({ payment_intent: reserved.id, amount: 500 });
  assert.equal(refund.status, 'pending');
  const there = await stripe.refunds.create({ payment_intent: reserved.id, amount: 100 });
  await kontor.database.asOwner((owner) => owner.query(`begin; set local kontor.world = '${kontor.world.id}'; update refunds set processor_reference = 're_there' where id = '${there.id}'; commit`));
  await assert.rejects(raw('POST', `payment_attempts/${refund.id}:refund:1/decide`, { outcome: 'succeeded', reference: 're_there', evidence }), ({ message }: Json) => message.includes(there.id));
  await raw('POST', `payment_attempts/${refund.id}:refund:1/decide`, { outcome: 'not_done', evidence });
  assert.equal((await stripe.refunds.retrieve(refund.id)).status, 'failed');
});
