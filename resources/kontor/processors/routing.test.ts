import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import type Stripe from 'stripe';
import { machineClock } from '../../../server/clock.ts';
import { FakeAdyen } from '../../../tests/fakes/adyen/adyen.ts';
import type { Fault } from '../../../tests/fakes/server.ts';
import { FakeStripe } from '../../../tests/fakes/stripe/stripe.ts';
import { intentWhen, when } from '../../../tests/awaited.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { own, type Json } from '../../../tests/own.ts';

/** What goes wrong with the next payments, and with the next methods, at Stripe. */
const faults: { payment_intents: Fault[]; payment_methods: Fault[] } = { payment_intents: [], payment_methods: [] };
/** Whether Stripe's webhooks are lost. */
let deaf = false;
/** So far Kontor's clock is ahead of the machine's. */
let ahead_s = 0;

const at_stripe = await new FakeStripe({ key: 'sk_live_fake0123456789', mishap: () => (deaf ? 'lost' : null), fault: ({ method, path }) => (method === 'POST' && /^\/v1\/(payment_intents|payment_methods)$/.test(path) ? (faults[path.slice(4) as keyof typeof faults].shift() ?? null) : null) }).start();
const at_adyen = await new FakeAdyen({ live: true }).start();
const kontor = await startKontor({ clock: machineClock(() => Date.now() + ahead_s * 1_000), stripe: { address: at_stripe.address }, adyen: { httpClient: at_adyen.httpClient } });
const { stripe } = await kontor.another(true);
const raw = (method: string, path: string, params?: object, client = stripe) => own(client, method, path, params);
const first = await raw('POST', 'processors', { type: 'stripe', settings: { secret_key: at_stripe.key, webhook_secret: at_stripe.webhook_secret } });
const second = await raw('POST', 'processors', { type: 'adyen', settings: { api_key: at_adyen.key, hmac_key: at_adyen.hmac_key, merchant_account: at_adyen.merchant_account, live_endpoint_prefix: '1797a841fbb37ca7-Fake' } });
[at_stripe.herald.url, at_adyen.herald.url] = [first.webhook_url, second.webhook_url];
/** The processors' ids, by whose they are. */
const ids = { stripe: first.id, adyen: second.id };
/** The keys that they were given. */
const keys = { stripe: at_stripe.key, adyen: at_adyen.key };
after(async () => {
  await Promise.all([at_stripe.herald.settled(), at_adyen.herald.settled()]);
  await Promise.all([at_stripe.close(), at_adyen.close()]);
  await kontor.close();
});
beforeEach(async () => {
  deaf = false;
  inForce('stripe', true);
  inForce('adyen', true);
  await rules();
});

const rules = (...given: object[]) => raw('POST', 'settings', { routing_rules: given.length > 0 ? given : '' });
/** A key that is not in force any more is refused before anything is done. */
function inForce(of: 'stripe' | 'adyen', is: boolean): void {
  if (of === 'stripe') at_stripe.key = is ? keys.stripe : 'sk_live_another0123456789';
  else at_adyen.key = is ? keys.adyen : 'another';
}
const BACK = 'https://shop.example.com/back';
const open = (type: string, more: object = {}, currency = 'eur') => stripe.paymentIntents.create({ amount: 2_500, currency, payment_method_data: { type, ...more } as Stripe.PaymentIntentCreateParams.PaymentMethodData });
const confirm = ({ id }: { id: string }) => stripe.paymentIntents.confirm(id, { return_url: BACK });
const attemptsOf = async (subject: string): Promise<Json[]> => ((await raw('GET', `payment_attempts?subject=${subject}`)).data as Json[]).sort((a, b) => (a.id < b.id ? -1 : 1));
const course = async (subject: string): Promise<string[]> => (await attemptsOf(subject)).map((each) => `${each.processor === ids.stripe ? 'stripe' : 'adyen'} ${each.state}`);
const keptAt = async (intent: Stripe.PaymentIntent) => (await course((await confirm(intent)).id))[0]!.split(' ')[0];
const at = (fake: 'stripe' | 'adyen', intent: string): string[] =>
  fake === 'stripe' ? [...at_stripe.intents.values()].filter((each) => each.metadata.payment_intent === intent).map((each) => each.id) : [...at_adyen.payments].filter(([, each]) => String(each.reference).startsWith(`${intent}:`)).map(([reference]) => reference);

const until = (id: string, status: string) => intentWhen(stripe, id, status);

test('rules are kept in their order, and replaced and cleared as a whole', async () => {
  const given = [{ currency: 'EUR', payment_method_type: 'ideal', processor: ids.adyen }, { country: 'DE', processor: ids.stripe }];
  const kept = [{ country: null, currency: 'eur', payment_method_type: 'ideal', processor: ids.adyen }, { country: 'DE', currency: null, payment_method_type: null, processor: ids.stripe }];
  assert.deepEqual((await rules(...given)).routing_rules, kept);
  assert.deepEqual((await raw('POST', 'settings', { proration: { unit: 'day' } })).routing_rules, kept);
  assert.deepEqual((await raw('GET', 'settings')).routing_rules, kept);
  assert.deepEqual((await rules(given[1]!)).routing_rules, [kept[1]]);
  assert.deepEqual((await rules()).routing_rules, []);
  const { routing_rules } = await raw('POST', 'settings', { routing_rules: [{ processor: 'sandbox' }] }, kontor.stripe);
  assert.deepEqual(routing_rules.map((each: Json) => each.processor), ['sandbox']);
});

test('a rule that leads nowhere is refused, and nothing is changed', async () => {
  const [kept] = (await rules({ currency: 'eur', processor: ids.adyen })).routing_rules;
  const refused: [object, { param: string; code?: string }][] = [
    [{ processor: 'prc_nobody' }, { param: 'routing_rules[1][processor]', code: 'resource_missing' }],
    [{ processor: 'sandbox' }, { param: 'routing_rules[1][processor]', code: 'resource_missing' }],
    [{ processor: ids.adyen, payment_method_type: 'bancontact' }, { param: 'routing_rules[1][payment_method_type]' }],
    [{ processor: ids.adyen, payment_method_type: 'customer_balance' }, { param: 'routing_rules[1][payment_method_type]' }],
    [{ processor: ids.stripe, payment_method_type: 'ideal', currency: 'usd' }, { param: 'routing_rules[1][currency]' }],
    [{ processor: ids.stripe, payment_method_type: 'us_bank_account', country: 'DE' }, { param: 'routing_rules[1][country]' }],
    [{ processor: ids.stripe, country: 'de' }, { param: 'routing_rules[1][country]' }],
    [{ currency: 'eur' }, { param: 'routing_rules[1][processor]', code: 'parameter_missing' }],
  ];
  for (const [rule, error] of refused) await assert.rejects(rules({ currency: 'usd', processor: ids.stripe }, rule), error);
  await raw('POST', `processors/${ids.stripe}`, { status: 'inactive' });
  await assert.rejects(rules({ processor: ids.stripe }), /inactive/);
  await raw('POST', `processors/${ids.stripe}`, { status: 'active' });
  const { stripe: foreign } = await kontor.another(true);
  await assert.rejects(raw('POST', 'settings', { routing_rules: [{ processor: ids.adyen }] }, foreign), { code: 'resource_missing' });
  assert.deepEqual((await raw('GET', 'settings', undefined, foreign)).routing_rules, []);
  assert.deepEqual((await raw('GET', 'settings')).routing_rules, [kept]);
});

test('a method is kept, and so charged, where the first rule says that matches its type, currency and country', async () => {
  assert.equal(await keptAt(await open('ideal')), 'stripe');
  await rules({ payment_method_type: 'ideal', currency: 'eur', processor: ids.adyen }, { payment_method_type: 'klarna', country: 'DE', currency: 'eur', processor: ids.adyen });
  assert.equal(await keptAt(await open('ideal')), 'adyen');
  const from = (country: string) => ({ billing_details: { email: 'ada@example.com', address: { country } } });
  assert.equal(await keptAt(await open('klarna', from('DE'))), 'adyen');
  assert.equal(await keptAt(await open('klarna', from('FR'))), 'stripe');
  assert.equal(await keptAt(await open('klarna', from('US'), 'usd')), 'stripe');
  // Where nothing is paid yet, no currency is known.
  const { id: payment_method } = await stripe.paymentMethods.create({ type: 'ideal' });
  assert.equal(await keptAt(await stripe.paymentIntents.create({ amount: 900, currency: 'eur', payment_method })), 'stripe');
  // At an inactive processor nothing new is kept.
  await raw('POST', `processors/${ids.adyen}`, { status: 'inactive' });
  assert.equal(await keptAt(await open('ideal')), 'stripe');
  await raw('POST', `processors/${ids.adyen}`, { status: 'active' });
});

test('a payment that a processor could not take is taken by the next one, once', async () => {
  const intent = await open('ideal');
  inForce('stripe', false);
  const asked = await confirm(intent);
  assert.equal(asked.status, 'requires_action');
  assert.match(asked.next_action!.redirect_to_url!.url!, /checkoutshopper/);
  assert.deepEqual((await attemptsOf(intent.id)).map((each) => [each.id, each.processor, each.state]), [[`${intent.id}:charge:1`, ids.stripe, 'failed'], [`${intent.id}:charge:2`, ids.adyen, 'requires_action']]);
  const paid = await raw('POST', `payment_intents/${intent.id}/return`, { details: FakeAdyen.resultOf(at('adyen', intent.id)[0]!, 'succeeded') });
  assert.equal(paid.status, 'succeeded');
  await at_adyen.herald.settled();
  const { data: charges } = await stripe.charges.list({ payment_intent: intent.id });
  assert.deepEqual(charges.map((each) => [each.paid, each.amount_captured]), [[true, 2_500]]);
  assert.deepEqual([at('stripe', intent.id).length, at('adyen', intent.id).length], [0, 1]);
  const { data: entries } = await raw('GET', `ledger/entries?document=${charges[0]!.id}&limit=100`);
  assert.deepEqual([...new Set(entries.map((each: Json) => each.processor))].sort(), [ids.adyen, null].sort());
  const refund = await stripe.refunds.create({ payment_intent: intent.id, amount: 1_000 });
  await at_adyen.herald.settled();
  assert.equal((await stripe.refunds.retrieve(refund.id)).status, 'succeeded');
});

test('where none can take it, each was asked once and the payment has failed', async () => {
  await rules({ payment_method_type: 'ideal', processor: ids.adyen });
  const intent = await open('ideal');
  inForce('adyen', false);
  inForce('stripe', false);
  await assert.rejects(confirm(intent), { code: 'processing_error' });
  assert.equal((await stripe.paymentIntents.retrieve(intent.id)).status, 'requires_payment_method');
  // Stripe could not even keep the method.
  assert.deepEqual(await course(intent.id), ['adyen failed']);
  inForce('stripe', true);
  faults.payment_methods.push('lost_before');
  const again = await open('ideal');
  await assert.rejects(confirm(again), { code: 'processing_error' });
  assert.deepEqual([await course(again.id), at('stripe', again.id)], [['adyen failed'], []]);

  inForce('adyen', true);
  await rules();
  const third = await open('ideal');
  inForce('adyen', false);
  inForce('stripe', false);
  await assert.rejects(confirm(third), { code: 'processing_error' });
  assert.deepEqual(await course(third.id), ['stripe failed', 'adyen failed']);
});

test('a method is kept at the next processor where the first one is down, and nothing is said of a name that may be its own', async () => {
  for (const down of [() => inForce('stripe', false), () => faults.payment_methods.push('lost_before')]) {
    down();
    const intent = await open('ideal');
    inForce('stripe', true);
    assert.deepEqual([await keptAt(intent), await course(intent.id)], ['adyen', ['adyen requires_action']]);
  }
  inForce('stripe', false);
  await assert.rejects(stripe.paymentIntents.create({ amount: 900, currency: 'eur', payment_method: 'pm_card_visa' }), { type: 'StripeAPIError', statusCode: 503, code: 'processing_error' });
  await assert.rejects(stripe.paymentMethods.create({ type: 'sepa_debit', sepa_debit: { iban: 'DE89370400440532013000' }, billing_details: { name: 'Ada', email: 'ada@example.com' } }), { statusCode: 503, code: 'processing_error' });
});

test('a card is charged where its token is, and nowhere else', async () => {
  const intent = await stripe.paymentIntents.create({ amount: 900, currency: 'eur', payment_method: 'pm_card_visa' });
  inForce('stripe', false);
  await assert.rejects(confirm(intent), { code: 'processing_error' });
  assert.deepEqual(await course(intent.id), ['stripe failed']);
});

for (const fault of ['lost_before', 'lost_after', 'error_after'] as const) {
  test(`a payment that is ${fault} stays where it is, even where a repetition is refused`, async () => {
    deaf = true;
    const intent = await open('ideal');
    faults.payment_intents.push(fault);
    assert.equal((await confirm(intent)).status, 'processing');
    inForce('stripe', false);
    ahead_s += 10;
    await when(() => attemptsOf(intent.id), ([attempt]) => attempt!.asked >= 2);
    assert.deepEqual([await course(intent.id), at('adyen', intent.id)], [['stripe unknown'], []]);
    inForce('stripe', true);
    ahead_s += 200;
    await until(intent.id, 'requires_action');
    assert.deepEqual([await course(intent.id), at('adyen', intent.id), at('stripe', intent.id).length], [['stripe requires_action'], [], 1]);
  });
}

for (const part of ['ask', 'answer'] as const) {
  test(`a process that ends before the next processor's ${part === 'ask' ? 'word is asked for' : 'word is written down'} loses nothing and does nothing twice`, async () => {
    const intent = await open('ideal');
    inForce('stripe', false);
    const command = kontor.app.register.calls.get('payment_method.move')! as Record<'ask' | 'answer', (...given: any[]) => Promise<any>>;
    const whole = command[part];
    command[part] = async () => { throw new Error('The process has ended.'); };
    assert.equal((await confirm(intent)).status, 'processing');
    await assert.rejects(confirm(intent), { code: 'lock_timeout' });
    command[part] = whole;
    ahead_s += 120;
    await until(intent.id, 'requires_action');
    assert.deepEqual([await course(intent.id), at('adyen', intent.id).length], [['stripe failed', 'adyen requires_action'], 1]);
  });
}

test('an answer of the next processor that is lost is unknown there, and goes no further', async () => {
  deaf = true;
  await rules({ payment_method_type: 'ideal', processor: ids.adyen });
  const intent = await open('ideal');
  inForce('adyen', false);
  faults.payment_intents.push('lost_after');
  assert.equal((await confirm(intent)).status, 'processing');
  assert.deepEqual(await course(intent.id), ['adyen failed', 'stripe unknown']);
  ahead_s += 10;
  await until(intent.id, 'requires_action');
  deaf = false;
  at_stripe.act(at('stripe', intent.id)[0]!, 'succeeded');
  assert.equal((await until(intent.id, 'succeeded')).amount_received, 2_500);
  assert.equal(at_stripe.captured('payment_intent', intent.id), 1);
});
