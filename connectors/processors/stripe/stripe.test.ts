import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { FakeStripe } from '../../../tests/fakes/stripe/stripe.ts';
import type { ChargeRequest, Succeeded } from '../processor.ts';
import { stripeProcessor } from './stripe.ts';
import { wordOfError } from './words.ts';

const open = (address: FakeStripe['address'], key = fake.key) => stripeProcessor({ address, timeout_ms: 1_000 }).open({ id: 'prc_stripe', livemode: false, settings: { secret_key: key, webhook_secret: fake.webhook_secret } });

const fake = await new FakeStripe().start();
const processor = await open(fake.address);
after(() => fake.close());

let made = 0;
async function requestWith(card: string, more: Partial<ChargeRequest> = {}): Promise<ChargeRequest> {
  const kept = await processor.tokenize({ token: card }, { year: 2026, month: 11 });
  assert.equal(kept.kind, 'card');
  const { method } = kept as { method: ChargeRequest['method'] };
  return { op_id: `pi_own:charge:${(made += 1)}`, amount: 1_000n, currency: 'usd', method, off_session: false, capture: 'automatic', return_url: 'https://shop.example.com/back', ...more };
}

test('what has never left is known from what may have arrived', async () => {
  const unreachable = await open({ ...fake.address, port: 1 });
  const outcome = await unreachable.charge(await requestWith('pm_card_visa'));
  assert.deepEqual([outcome.kind, outcome.kind === 'failed' && outcome.technical], ['failed', true]);
  const broken = (detail: object) => wordOfError({ type: 'StripeConnectionError', detail }).kind;
  const refused = { code: 'ECONNREFUSED', syscall: 'connect' };
  assert.equal(broken({ code: 'ENOTFOUND', syscall: 'getaddrinfo' }), 'failed');
  assert.equal(broken({ code: 'ECONNREFUSED', errors: [refused, refused] }), 'failed');
  assert.equal(broken({ code: 'ECONNREFUSED', errors: [refused, { code: 'ETIMEDOUT', syscall: 'connect' }] }), 'unknown');
  // A router may say so of a connection on which the request went out.
  assert.equal(broken({ code: 'EHOSTUNREACH', syscall: 'read' }), 'unknown');
  assert.equal(broken({}), 'unknown');
});

test('that Stripe cannot be asked about a payment says nothing of it', async () => {
  const request = await requestWith('pm_card_authenticationRequired');
  const asked = await processor.charge(request);
  assert.equal(asked.kind, 'requires_action');
  const { reference } = (asked as { action: { reference: string } }).action;
  fake.act(reference, 'succeeded');
  const stranger = await open(fake.address, 'sk_test_revoked0123456789');
  const authentication = { reference, result: 'succeeded' } as const;
  assert.equal((await stranger.charge({ ...request, op_id: 'pi_own:charge:1001', authentication })).kind, 'unknown');
  assert.equal((await stranger.lookup({ op_id: request.op_id, verb: 'charge' })).kind, 'unknown');
  // Nor does that another account does not know it.
  assert.equal((await processor.lookup({ op_id: request.op_id, reference: 'pi_elsewhere', verb: 'charge' })).kind, 'unknown');
  assert.equal((await processor.charge({ ...request, op_id: 'pi_own:charge:1001', authentication })).kind, 'succeeded');
});

test('a method that its holder has agreed to keep is charged again, however the word has come', async () => {
  const request = await requestWith('pm_card_authenticationRequiredOnSetup', { setup_future_usage: 'off_session' });
  const asked = await processor.charge(request);
  fake.act((asked as { reference: string }).reference, 'succeeded');
  const found = await processor.lookup({ op_id: request.op_id, verb: 'charge' });
  const { learned } = (found as { outcome: Succeeded }).outcome;
  assert.match(learned!.reference!, /^cus_.+\/pm_/);
  const later = await requestWith('pm_card_visa', { method: { ...request.method, reference: learned!.reference!, set_up: true }, off_session: true, setup_future_usage: 'off_session' });
  assert.equal((await processor.charge(later)).kind, 'succeeded');
  // As the processor forgets nothing of it, the method without its customer is nobody's.
  assert.equal((await processor.charge({ ...later, op_id: 'pi_own:charge:1002', method: request.method })).kind, 'failed');
});

test('a refund is found behind a hundred others', async () => {
  const request = await requestWith('pm_card_visa');
  const { reference } = (await processor.charge(request)) as Succeeded;
  const refund = { op_id: 're_own:refund:1', charge: reference, method: request.method, amount: 100n, currency: 'usd' };
  await processor.refund(refund);
  for (let n = 0; n < 150; n += 1) fake.refunds.set(`re_other${n}`, { id: `re_other${n}`, object: 'refund', payment_intent: reference, status: 'failed', metadata: {} });
  assert.equal((await processor.lookup({ op_id: refund.op_id, verb: 'refund', charge: reference })).kind, 'refund');
  assert.equal((await processor.lookup({ op_id: 're_own:refund:2', verb: 'refund', charge: reference })).kind, 'absent');
});

test('what is to be kept with an absent holder is kept before it is charged', async () => {
  const request = await requestWith('pm_card_visa', { off_session: true, setup_future_usage: 'off_session' });
  const outcome = await processor.charge(request);
  assert.match((outcome as Succeeded).learned!.reference!, /^cus_.+\/pm_/);
});

test('what was attached by an operation whose answer was lost is attached by it, long after its key was forgotten', async () => {
  const { method } = await requestWith('pm_card_visa');
  const request = { op_id: 'pm_own:attach', method, purpose: 'attach' } as const;
  const first = await processor.save(request);
  fake.forgetKeys();
  assert.deepEqual(await processor.save(request), first);
  assert.equal((await processor.save({ ...request, op_id: 'pm_other:attach' })).kind, 'failed');
});
