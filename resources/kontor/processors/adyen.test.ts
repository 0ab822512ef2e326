import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { FakeAdyen } from '../../../tests/fakes/adyen/adyen.ts';
import type { Mishap } from '../../../tests/fakes/server.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { own, type Json } from '../../../tests/own.ts';

const mishaps: Mishap[] = [];

const fake = await new FakeAdyen({ live: true, mishap: () => mishaps.shift() ?? null }).start();
const kontor = await startKontor({ adyen: { httpClient: fake.httpClient } });
const { stripe } = await kontor.another(true);
const raw = (method: string, path: string, params?: object) => own(stripe, method, path, params);
const processor = await raw('POST', 'processors', { type: 'adyen', settings: { api_key: fake.key, hmac_key: fake.hmac_key, merchant_account: fake.merchant_account, live_endpoint_prefix: '1797a841fbb37ca7-Fake' } });
fake.herald.url = processor.webhook_url;
after(async () => {
  await fake.herald.settled();
  await fake.close();
  await kontor.close();
});

async function pay(card: string, more: Partial<Stripe.PaymentIntentCreateParams> = {}): Promise<Stripe.PaymentIntent> {
  const { id } = await raw('POST', `processors/${processor.id}/payment_methods`, { token: `shopper_1/${card}` });
  return stripe.paymentIntents.create({ amount: 2_500, currency: 'eur', payment_method: id, confirm: true, ...more });
}
const told = async (id: string) => { await fake.herald.settled(); return stripe.paymentIntents.retrieve(id); };

test('what Adyen shows of its settings is no secret, and live mode needs endpoints of its own', async () => {
  assert.deepEqual(processor.settings, { api_key: '…6789', hmac_key: '…A056', live_endpoint_prefix: '1797a841fbb37ca7-Fake', merchant_account: 'KontorFake' });
  const settings = { api_key: fake.key, merchant_account: fake.merchant_account };
  await assert.rejects(raw('POST', 'processors', { type: 'adyen', settings }), { code: 'parameter_missing', param: 'settings[live_endpoint_prefix]' });
  await assert.rejects(raw('POST', 'processors', { type: 'adyen', settings: { ...settings, hmac_key: 'secret' } }), { param: 'settings[hmac_key]' });
  await assert.rejects(raw('POST', `processors/${processor.id}/payment_methods`, { token: 'shopper_1/nobody' }), { code: 'resource_missing' });
});

test('a merchant account stays what it is', async () => {
  const change = (settings: object) => raw('POST', `processors/${processor.id}`, { settings });
  await assert.rejects(change({ merchant_account: 'KontorOther' }), ({ param, message }: Json) => param === 'settings[merchant_account]' && /KontorOther.*KontorFake/.test(message));
  assert.equal((await change({ merchant_account: fake.merchant_account, api_key: fake.key })).account, fake.merchant_account);
});

test('a card is charged, declined and refunded, whatever its webhooks say and how often', async () => {
  mishaps.push('twice');
  const paid = await pay('good');
  assert.deepEqual([paid.status, (await told(paid.id)).amount_received], ['succeeded', 2_500]);
  await assert.rejects(pay('poor'), { type: 'StripeCardError', decline_code: 'insufficient_funds' });
  const refund = await stripe.refunds.create({ payment_intent: paid.id, amount: 1_000 });
  await fake.herald.settled();
  assert.equal((await stripe.refunds.retrieve(refund.id)).status, 'succeeded');
  const { data } = await raw('GET', 'ledger/trial_balance').then(({ balances }) => ({ data: balances as Json[] }));
  assert.equal(data.find((each) => each.ledger_account === 'cash_in_transit' && each.currency === 'eur')!.balance, 1_500);
});

test('a capture is received, and a webhook says what came of it', async () => {
  const reserved = await pay('good', { capture_method: 'manual' });
  assert.equal(reserved.status, 'requires_capture');
  mishaps.push('late');
  assert.equal((await stripe.paymentIntents.capture(reserved.id, { amount_to_capture: 700 })).status, 'processing');
  const captured = await told(reserved.id);
  assert.deepEqual([captured.status, captured.amount_received], ['succeeded', 700]);
});

test('a holder who comes back from its bank is told of to Adyen, which goes on', async () => {
  const asked = await pay('asks', { return_url: 'https://shop.example.com/back' });
  assert.match(asked.next_action!.redirect_to_url!.url!, /checkoutshopper/);
  const reference = [...fake.payments.keys()].at(-1)!;
  const paid = await raw('POST', `payment_intents/${asked.id}/return`, { details: FakeAdyen.resultOf(reference, 'succeeded') });
  assert.deepEqual([paid.status, (await told(asked.id)).amount_received], ['succeeded', 2_500]);
  assert.equal((await stripe.charges.list({ payment_intent: asked.id })).data.filter((each) => each.paid).length, 1);
});

test('what is done to a payment in the Customer Area, under its name, is no word about whether it was paid', async () => {
  const asked = await pay('asks', { return_url: 'https://shop.example.com/back' });
  const reference = [...fake.payments.keys()].at(-1)!;
  for (const event of ['REFUND', 'CANCELLATION', 'CAPTURE']) fake.contest(reference, event);
  assert.equal((await told(asked.id)).status, 'requires_action');
  await stripe.paymentIntents.cancel(asked.id);
});

test('a payment on another page needs no token', async () => {
  const intent = await stripe.paymentIntents.create({ amount: 900, currency: 'eur', payment_method_data: { type: 'ideal' }, confirm: true, return_url: 'https://shop.example.com/back' });
  assert.equal(intent.status, 'requires_action');
  const reference = [...fake.payments.keys()].at(-1)!;
  await assert.rejects(raw('POST', `payment_intents/${intent.id}/return`, { details: FakeAdyen.resultOf(reference, 'failed') }), { code: 'payment_intent_authentication_failure' });
  assert.equal((await told(intent.id)).status, 'requires_payment_method');
});

test('a webhook whose outcome was changed on the way is not believed', async () => {
  const body = (success: string) => JSON.stringify({ live: 'true', notificationItems: [{ NotificationRequestItem: { pspReference: 'P1', originalReference: '', merchantAccountCode: fake.merchant_account, merchantReference: 'pi_1:charge:1', amount: { value: 1, currency: 'EUR' }, eventCode: 'AUTHORISATION', success, additionalData: { hmacSignature: 'AAAA' } } }] });
  for (const text of [body('true'), body('false'), '{}', 'x']) {
    const answer = await fetch(processor.webhook_url, { method: 'POST', body: text, headers: { 'content-type': 'application/json' } });
    assert.deepEqual([answer.status, ((await answer.json()) as Json).error.code], [400, 'webhook_signature_invalid']);
  }
});

test('what a bank takes back is told by Adyen in whatever order, and is answered there', async () => {
  const dispute = async (...events: string[]): Promise<Stripe.Dispute[]> => {
    const intent = await pay('good');
    const there = [...fake.payments.keys()].at(-1)!;
    let contested: string | undefined;
    for (const event of events) {
      mishaps.push('twice');
      contested = fake.contest(there, event, contested);
      await fake.herald.settled();
    }
    return (await stripe.disputes.list({ payment_intent: intent.id })).data;
  };
  const shown = (disputes: Stripe.Dispute[]) => disputes.map(({ status, balance_transactions }) => [status, ...balance_transactions.map(({ net }) => net)]);
  assert.deepEqual(shown(await dispute('REQUEST_FOR_INFORMATION', 'NOTIFICATION_OF_CHARGEBACK')), [['needs_response']]);
  assert.deepEqual(shown(await dispute('NOTIFICATION_OF_CHARGEBACK', 'CHARGEBACK', 'INFORMATION_SUPPLIED', 'CHARGEBACK_REVERSED')), [['won', -2_500, 2_500]]);
  assert.deepEqual(shown(await dispute('CHARGEBACK_REVERSED', 'INFORMATION_SUPPLIED', 'CHARGEBACK', 'NOTIFICATION_OF_CHARGEBACK')), [['won', -2_500, 2_500]]);
  assert.deepEqual(shown(await dispute('CHARGEBACK', 'CHARGEBACK_REVERSED', 'SECOND_CHARGEBACK')), [['lost', -2_500], ['won', -2_500, 2_500]]);
  assert.deepEqual(shown(await dispute('NOTIFICATION_OF_CHARGEBACK', 'DISPUTE_DEFENSE_PERIOD_ENDED', 'CHARGEBACK')), [['lost', -2_500]]);
  const [open] = await dispute('NOTIFICATION_OF_CHARGEBACK', 'CHARGEBACK');
  assert.deepEqual([open!.status, open!.payment_method_details?.card?.network_reason_code, open!.evidence_details.due_by], ['needs_response', '10.4', Date.UTC(2026, 11, 15, 7) / 1_000]);
  await assert.rejects(stripe.disputes.update(open!.id, { evidence: { uncategorized_text: 'It was hers.' } }), { statusCode: 400, message: /answered at the payment processor/ });
  await assert.rejects(stripe.disputes.close(open!.id), { statusCode: 400, message: /answered at the payment processor/ });
});

test('a page of Adyen that was left open does not stand in the way of paying otherwise', async () => {
  const asked = await pay('asks', { return_url: 'https://shop.example.com/back' });
  assert.equal(asked.status, 'requires_action');
  const { id } = await raw('POST', `processors/${processor.id}/payment_methods`, { token: 'shopper_9/good' });
  const paid = await stripe.paymentIntents.confirm(asked.id, { payment_method: id });
  await fake.herald.settled();
  assert.equal((await stripe.paymentIntents.retrieve(asked.id)).status, 'succeeded', paid.status);
});
