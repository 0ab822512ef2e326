import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { machineClock } from '../../../server/clock.ts';
import { inWorld, overAllWorlds } from '../../../server/database/world.ts';
import type { Fault, Mishap } from '../../../tests/fakes/server.ts';
import { FakeStripe } from '../../../tests/fakes/stripe/stripe.ts';
import { intentWhen } from '../../../tests/awaited.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { own, type Json } from '../../../tests/own.ts';

const faults: Fault[] = [];
const mishaps: Mishap[] = [];
/** So far Kontor's clock is ahead of the machine's. */
let ahead_s = 0;

const fake = await new FakeStripe({ key: 'sk_live_fake0123456789', fault: () => faults.shift() ?? null, mishap: () => mishaps.shift() ?? null }).start();
const kontor = await startKontor({ clock: machineClock(() => Date.now() + ahead_s * 1_000), stripe: { address: fake.address, timeout_ms: 3_000 } });
const { stripe } = await kontor.another(true);
const raw = (method: string, path: string, params?: object, client = stripe) => own(client, method, path, params);
const processor = await raw('POST', 'processors', { type: 'stripe', name: 'Our Stripe', settings: { secret_key: fake.key, webhook_secret: fake.webhook_secret }, metadata: { team: 'billing' } });
fake.herald.url = processor.webhook_url;
after(async () => {
  await fake.herald.settled();
  await fake.close();
  await kontor.close();
});

const pay = (card: string, more: Partial<Stripe.PaymentIntentCreateParams> = {}) => stripe.paymentIntents.create({ amount: 4_900, currency: 'usd', payment_method: card, confirm: true, expand: ['latest_charge'], ...more });
const attemptsOf = async (subject: string): Promise<Json[]> => (await raw('GET', `payment_attempts?subject=${subject}`)).data;

const until = (id: string, status: string) => intentWhen(stripe, id, status);

test('a processor is configured by its secrets, which are sealed and not shown again', async () => {
  const { id, created, webhook_url, capabilities, ...rest } = processor;
  assert.deepEqual(rest, { object: 'kontor.processor', account: 'acct_fake', livemode: true, metadata: { team: 'billing' }, name: 'Our Stripe', settings: { secret_key: '…6789', webhook_secret: '…6789' }, status: 'active', type: 'stripe' });
  assert.deepEqual([webhook_url, capabilities.idempotency, capabilities.payment_methods.includes('ideal')], [`${kontor.url}/v1/kontor/processors/${id}/webhooks`, 'header', true]);
  assert.deepEqual(await raw('GET', `processors/${id}`), processor);
  assert.deepEqual((await raw('GET', 'processors')).data, [processor]);
  const { rows } = await overAllWorlds(kontor.database.pool, (tx) => tx.query<{ row: string }>('select p::text as row from processors p'));
  assert.match(rows[0]!.row, /…6789/);
  assert.doesNotMatch(rows[0]!.row, /sk_live|whsec/);
  assert.equal((await raw('POST', `processors/${id}`, { name: 'Stripe' })).name, 'Stripe');
  assert.ok(created > 0);
});

test('a processor whose secrets do not open is shown, stops no other, and takes new secrets', async () => {
  const { stripe: test_mode, world } = await kontor.another(false);
  const lost = await raw('POST', 'processors', { type: 'stripe', settings: { secret_key: 'sk_test_0123456789' } }, test_mode);
  await inWorld(kontor.database.pool, world, (tx) => tx.query(`update processors set secrets = jsonb_set(secrets, '{secret_key,sealed}', '"k1.AAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA"') where id = '${lost.id}'`));
  assert.deepEqual((await raw('GET', 'processors', undefined, test_mode)).data, [{ ...lost, capabilities: null }]);
  assert.equal((await test_mode.paymentMethods.create({ type: 'card', card: { token: 'tok_visa' } })).type, 'card');
  assert.equal((await raw('POST', `processors/${lost.id}`, { status: 'inactive' }, test_mode)).status, 'inactive');
  await assert.rejects(raw('POST', `processors/${lost.id}`, { settings: { webhook_secret: 'whsec_0123456789' } }, test_mode), { param: 'settings[secret_key]' });
  const mended = await raw('POST', `processors/${lost.id}`, { settings: { secret_key: 'sk_test_9876543210' } }, test_mode);
  assert.deepEqual([mended.settings.secret_key, mended.capabilities], ['…3210', lost.capabilities]);
});

test('a key of the same Stripe account takes the place of the first one, and one of another account does not', async () => {
  const { key, account } = fake;
  const change = (secret_key: string) => raw('POST', `processors/${processor.id}`, { settings: { secret_key } });
  try {
    Object.assign(fake, { key: 'sk_live_foreign0123456', account: 'acct_foreign' });
    await assert.rejects(change(fake.key), ({ param, message }: Json) => param === 'settings[secret_key]' && /acct_foreign.*acct_fake/.test(message) && !message.includes(fake.key));
    Object.assign(fake, { key: 'sk_live_second01234567', account });
    await assert.rejects(change('sk_live_mistyped0123456'), ({ param, statusCode }: Json) => param === 'settings[secret_key]' && statusCode === 400);
    faults.push('lost_after');
    await assert.rejects(change(fake.key), { statusCode: 503 });
    const changed = await change(fake.key);
    assert.deepEqual([changed.account, changed.settings.secret_key], [account, '…4567']);
    assert.equal((await pay('pm_card_visa')).status, 'succeeded');
  } finally {
    Object.assign(fake, { key, account });
  }
  assert.equal((await change(key)).account, account);
});

test('settings that cannot be meant are refused, and never repeated', async () => {
  const rows: [params: object, code: string | undefined, param: string][] = [
    [{ type: 'stripe', settings: {} }, 'parameter_missing', 'settings'],
    [{ type: 'stripe', settings: { webhook_secret: 'whsec_0123456789' } }, 'parameter_missing', 'settings[secret_key]'],
    [{ type: 'stripe', settings: { secret_key: 'sk_test_0123456789' } }, 'livemode_mismatch', 'settings[secret_key]'],
    [{ type: 'stripe', settings: { secret_key: 'hunter2-hunter2' } }, undefined, 'settings[secret_key]'],
    [{ type: 'stripe', settings: { secret_key: fake.key, api_key: '1' } }, 'parameter_unknown', 'settings[api_key]'],
    [{ type: 'nobody', settings: { secret_key: fake.key } }, undefined, 'type'],
  ];
  for (const [params, code, param] of rows) {
    await assert.rejects(raw('POST', 'processors', params), (error: Json) => error.code === code && error.param === param && !error.message.includes('hunter2') && !error.message.includes(fake.key), `${JSON.stringify(params)}`);
  }
  await assert.rejects(raw('POST', 'processors', { type: 'stripe', settings: { secret_key: fake.key } }, kontor.stripe), { code: 'livemode_mismatch' });
  await assert.rejects(raw('GET', 'processors/prc_nobody'), { statusCode: 404 });
});

test('a live card comes by its token, is charged, and its fees are in the books', async () => {
  const intent = await pay('pm_card_visa');
  const charge = intent.latest_charge as Stripe.Charge;
  assert.deepEqual([intent.status, intent.livemode, charge.payment_method_details!.card!.last4, fake.captured('payment_intent', intent.id)], ['succeeded', true, '4242', 1]);
  const { data } = await raw('GET', `ledger/entries?document=${charge.id}&limit=100`);
  const legs = data.map((each: Json) => [each.ledger_account, each.amount, each.processor]).sort();
  // 2.9 % of $49.00 are $1.42, and 30 cents.
  assert.deepEqual(legs, [['cash_in_transit', -172, processor.id], ['cash_in_transit', 4_900, processor.id], ['processor_fees', 172, processor.id], ['unapplied_payments', -4_900, null]]);
  const [attempt] = await attemptsOf(intent.id);
  assert.deepEqual([attempt!.state, attempt!.verb, attempt!.processor, attempt!.clears_up, attempt!.asked], ['succeeded', 'charge', processor.id, null, 1]);
});

test('a customer keeps a card there, and is charged for an invoice when it is absent', async () => {
  const customer = await stripe.customers.create({ name: 'Ada Lovelace', email: 'ada@example.com' });
  const method = await raw('POST', `processors/${processor.id}/payment_methods`, { token: 'pm_card_visa' });
  await stripe.paymentMethods.attach(method.id, { customer: customer.id });
  await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: method.id } });
  const invoice = await stripe.invoices.create({ customer: customer.id, auto_advance: false });
  await stripe.invoiceItems.create({ customer: customer.id, invoice: invoice.id, amount: 2_000, currency: 'usd' });
  assert.equal((await stripe.invoices.pay(invoice.id)).status, 'paid');
  await assert.rejects(raw('POST', `processors/${processor.id}/payment_methods`, { token: 'pm_nobody' }), { code: 'resource_missing', param: 'token' });
  await assert.rejects(stripe.paymentMethods.create({ type: 'card', card: { number: '4242424242424242', exp_month: 12, exp_year: 2034 } }), { code: 'payment_method_invalid_parameter' });
});

test('a decline, a capture in part and a refund are as in the sandbox', async () => {
  await assert.rejects(pay('pm_card_visa_chargeDeclinedInsufficientFunds'), { type: 'StripeCardError', decline_code: 'insufficient_funds' });
  const reserved = await pay('pm_card_visa', { capture_method: 'manual' });
  assert.equal(reserved.status, 'requires_capture');
  const captured = await stripe.paymentIntents.capture(reserved.id, { amount_to_capture: 1_000 });
  assert.deepEqual([captured.status, captured.amount_received], ['succeeded', 1_000]);
  const refund = await stripe.refunds.create({ payment_intent: reserved.id, amount: 400 });
  assert.equal(refund.status, 'succeeded');
  await fake.herald.settled();
  assert.equal((await stripe.paymentIntents.retrieve(reserved.id)).amount_received, 1_000);
});

test('a holder who acts on its bank\'s page is heard of by a webhook', async () => {
  const intent = await pay('pm_card_authenticationRequired', { return_url: 'https://shop.example.com/back' });
  assert.equal(intent.status, 'requires_action');
  assert.match(intent.next_action!.redirect_to_url!.url!, /\/authenticate\/pi_fake/);
  mishaps.push('twice');
  fake.act([...fake.intents.values()].find((each) => each.metadata.payment_intent === intent.id)!.id, 'succeeded');
  assert.equal((await until(intent.id, 'succeeded')).amount_received, 4_900);
});

test('a holder who comes back, and of whom a webhook tells, too, has paid once', async () => {
  const intent = await pay('pm_card_authenticationRequired', { return_url: 'https://shop.example.com/back' });
  mishaps.push('late');
  const at_stripe = [...fake.intents.values()].find((each) => each.metadata.payment_intent === intent.id)!.id;
  fake.act(at_stripe, 'succeeded');
  const paid = await raw('POST', `payment_intents/${intent.id}/return`, { details: { redirect_status: 'succeeded' } });
  assert.equal(paid.status, 'succeeded');
  await fake.herald.settled();
  assert.deepEqual((await attemptsOf(intent.id)).map((each) => [each.state, each.reference]), [['succeeded', at_stripe], ['succeeded', at_stripe]]);
  assert.equal((await stripe.charges.list({ payment_intent: intent.id })).data.filter((each) => each.paid).length, 1);
  await assert.rejects(raw('POST', `payment_intents/${intent.id}/return`, { details: { a: 'b' } }), { code: 'payment_intent_unexpected_state' });
});

test('what is heard of by no webhook is looked up in time', async () => {
  const intent = await pay('pm_card_authenticationRequired', { return_url: 'https://shop.example.com/back' });
  mishaps.push('lost');
  fake.act([...fake.intents.values()].find((each) => each.metadata.payment_intent === intent.id)!.id, 'succeeded');
  ahead_s += 1_000;
  assert.equal((await until(intent.id, 'succeeded')).amount_received, 4_900);
});

for (const fault of ['lost_before', 'lost_after', 'slow', 'error_after'] as const) {
  test(`a charge that is ${fault} is unknown, and is taken once in the end`, async () => {
    // Nor is it heard of by a webhook.
    mishaps.push('lost');
    const method = await raw('POST', `processors/${processor.id}/payment_methods`, { token: 'pm_card_visa' });
    faults.push(fault);
    const intent = await pay(method.id);
    assert.equal(intent.status, 'processing');
    const [attempt] = await attemptsOf(intent.id);
    assert.deepEqual([attempt!.state, attempt!.clears_up], ['unknown', 'repetition']);
    await assert.rejects(stripe.paymentIntents.confirm(intent.id), { code: 'lock_timeout' });
    await fake.idle();
    ahead_s += 10;
    await until(intent.id, 'succeeded');
    assert.equal(fake.captured('payment_intent', intent.id), 1);
    mishaps.length = 0;
  });
}

test('a webhook brings what an answer did not', async () => {
  const method = await raw('POST', `processors/${processor.id}/payment_methods`, { token: 'pm_card_visa' });
  faults.push('lost_after');
  const intent = await pay(method.id);
  assert.equal((await until(intent.id, 'succeeded')).amount_received, 4_900);
  assert.equal(fake.captured('payment_intent', intent.id), 1);
});

test('webhooks that nobody has signed, or for nobody, change nothing', async () => {
  const send = (url: string, headers: Record<string, string> = {}) => fetch(url, { method: 'POST', body: '{"type":"payment_intent.succeeded"}', headers: { 'content-type': 'application/json', ...headers } });
  const forged = await send(processor.webhook_url, { 'stripe-signature': 't=1,v1=00' });
  assert.deepEqual([forged.status, ((await forged.json()) as Json).error.code], [400, 'webhook_signature_invalid']);
  assert.equal((await send(`${kontor.url}/v1/kontor/processors/prc_nobody/webhooks`)).status, 404);
});

test('an attempt about which a word has come is not for a person to decide', async () => {
  const [attempt] = (await raw('GET', 'payment_attempts?state=succeeded&limit=1')).data;
  await assert.rejects(raw('POST', `payment_attempts/${attempt.id}/decide`, { outcome: 'not_done', evidence: 'I have looked at the dashboard.' }), /the processor has said so/);
  assert.equal((await raw('POST', `payment_attempts/${attempt.id}/look_up`)).state, 'succeeded');
  assert.deepEqual((await raw('GET', 'payment_attempts?state=unknown')).data, []);
});
