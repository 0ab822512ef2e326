import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import Stripe from 'stripe';
import { startKontor } from '../../tests/kontor.ts';
import { own } from '../../tests/own.ts';
import { untyped } from '../../tests/refused.ts';
import { customerAt } from '../../tests/shop.ts';
import { listen, typesOf } from '../../tests/told.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

const MANDATE = { customer_acceptance: { type: 'online', online: { ip_address: '203.0.113.7', user_agent: 'Mozilla/5.0' } } } as const;
const BACK = 'https://shop.example.com/back';
const OWNER = { name: 'Jenny Rosen', email: 'jenny@example.com' };

const press = (url: string, result: string) => fetch(url, { method: 'POST', redirect: 'manual', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: `result=${result}` }).then((answer) => answer.headers.get('location'));

test('a card is set up, attached, and charged without its holder', async () => {
  const { id: customer } = await stripe.customers.create();
  const told = listen(kontor);
  await told();
  const made = await stripe.setupIntents.create({ customer, payment_method: 'pm_card_visa', metadata: { a: 'b' } });
  assert.deepEqual([made.status, made.usage, made.mandate, made.payment_method_types.includes('card')], ['requires_confirmation', 'off_session', null, true]);
  const done = await stripe.setupIntents.confirm(made.id, { expand: ['latest_attempt', 'payment_method'] });
  const method = done.payment_method as Stripe.PaymentMethod;
  assert.deepEqual([done.status, method.customer, (done.latest_attempt as Stripe.SetupAttempt).status], ['succeeded', customer, 'succeeded']);
  assert.deepEqual(typesOf(await told()), ['setup_intent.created', 'payment_method.attached', 'setup_intent.succeeded']);
  const paid = await stripe.paymentIntents.create({ amount: 500, currency: 'usd', customer, payment_method: method.id, off_session: true, confirm: true });
  assert.equal(paid.status, 'succeeded');
  await assert.rejects(stripe.setupIntents.confirm(made.id), { code: 'setup_intent_unexpected_state' });
});

test('a card that asks its holder unless set up is set up with its holder, then charged without', async () => {
  const { id: customer } = await stripe.customers.create();
  const made = await stripe.setupIntents.create({ customer, payment_method: 'pm_card_authenticationRequiredOnSetup', return_url: BACK, confirm: true });
  assert.equal(made.status, 'requires_action');
  const page = await (await fetch(made.next_action!.redirect_to_url!.url!)).text();
  assert.match(page, /<h1>Set up a payment method<\/h1>/);
  assert.equal(await press(made.next_action!.redirect_to_url!.url!, 'succeeded'), `${BACK}?setup_intent=${made.id}&setup_intent_client_secret=${made.client_secret}&redirect_status=succeeded`);
  const done = await stripe.setupIntents.retrieve(made.id);
  assert.equal(done.status, 'succeeded');
  assert.deepEqual((await stripe.setupAttempts.list({ setup_intent: made.id })).data.map(({ status }) => status), ['succeeded']);
  const paid = await stripe.paymentIntents.create({ amount: 500, currency: 'usd', customer, payment_method: done.payment_method as string, off_session: true, confirm: true });
  assert.equal(paid.status, 'succeeded');
});

test('a holder is asked where the browser is, and another method abandons that', async () => {
  const { id: customer } = await stripe.customers.create();
  const made = await stripe.setupIntents.create({ customer, payment_method: 'pm_card_authenticationRequired', use_stripe_sdk: true, confirm: true });
  assert.deepEqual([made.status, made.next_action?.type], ['requires_action', 'use_stripe_sdk']);
  const again = await stripe.setupIntents.confirm(made.id, { payment_method: 'pm_card_threeDSecure2Required', use_stripe_sdk: true });
  assert.deepEqual((await stripe.setupAttempts.list({ setup_intent: made.id })).data.map(({ status }) => status), ['requires_action', 'abandoned']);
  const authenticate = (client_secret: string) => own<Stripe.SetupIntent>(stripe, 'POST', `setup_intents/${made.id}/authenticate`, { client_secret, result: 'succeeded' });
  await assert.rejects(authenticate('wrong'), { code: 'resource_missing' });
  assert.equal((await authenticate(again.client_secret!)).status, 'succeeded');
});

test('a setup that its holder refuses, or its issuer, waits for another method', async () => {
  const made = await stripe.setupIntents.create({ payment_method: 'pm_card_authenticationRequiredOnSetup', return_url: BACK, confirm: true });
  await press(made.next_action!.redirect_to_url!.url!, 'failed');
  const refused = await stripe.setupIntents.retrieve(made.id);
  assert.deepEqual([refused.status, refused.last_setup_error?.code, refused.last_setup_error?.payment_method?.type], ['requires_payment_method', 'setup_intent_authentication_failure', 'card']);
  await assert.rejects(stripe.setupIntents.confirm(made.id, { payment_method: 'pm_card_chargeDeclined' }), { type: 'StripeCardError', code: 'card_declined' });
  const [last] = (await stripe.setupAttempts.list({ setup_intent: made.id, limit: 1, expand: ['data.setup_intent'] })).data;
  assert.deepEqual([last!.status, last!.setup_error?.code], ['failed', 'card_declined']);
  assert.equal((await stripe.setupIntents.confirm(made.id, { payment_method: 'pm_card_visa' })).status, 'succeeded');
});

for (const [type, currency] of [['sepa_debit', 'eur'], ['us_bank_account', 'usd'], ['link', 'usd'], ['paypal', 'usd'], ['cashapp', 'usd'], ['klarna', 'usd'], ['ideal', 'eur'], ['bancontact', 'eur']] as const) {
  test(`${type} is set up under a mandate and charged later`, async () => {
    const { clock, customer } = await customerAt(stripe, 1_767_225_600, {});
    const fields = { sepa_debit: { sepa_debit: { iban: 'DE89370400440532013000' } }, us_bank_account: { us_bank_account: { account_number: '000123456789', routing_number: '110000000', account_holder_type: 'individual' } } } as Record<string, object>;
    const payment_method_data = { type, billing_details: { ...OWNER, address: { country: 'US' } }, ...fields[type] } as Stripe.SetupIntentCreateParams.PaymentMethodData;
    await assert.rejects(stripe.setupIntents.create({ customer, payment_method_data, return_url: BACK, confirm: true }), { code: 'setup_intent_mandate_invalid', param: 'mandate_data' });
    const made = await stripe.setupIntents.create({ customer, payment_method_data, return_url: BACK, mandate_data: MANDATE, confirm: true });
    if (made.next_action?.verify_with_microdeposits) await stripe.setupIntents.verifyMicrodeposits(made.id, { descriptor_code: 'SM11AA' });
    else if (made.next_action) await press((made.next_action.redirect_to_url?.url ?? made.next_action.cashapp_handle_redirect_or_display_qr_code?.hosted_instructions_url)!, 'succeeded');
    const done = await stripe.setupIntents.retrieve(made.id, { expand: ['mandate'] });
    assert.deepEqual([done.status, (done.mandate as Stripe.Mandate).status], ['succeeded', 'active']);
    const [kept] = (await stripe.customers.listPaymentMethods(customer)).data;
    assert.equal(kept!.type, type === 'ideal' || type === 'bancontact' ? 'sepa_debit' : type);
    const paid = await stripe.paymentIntents.create({ amount: 2_000, currency, customer, payment_method: kept!.id, off_session: true, confirm: true });
    await kontor.advance(clock, 1_767_225_600 + 6 * 86_400);
    assert.equal((await stripe.paymentIntents.retrieve(paid.id)).status, 'succeeded');
    await stripe.paymentMethods.detach(kept!.id);
    assert.equal((await stripe.mandates.retrieve((done.mandate as Stripe.Mandate).id)).status, 'inactive');
  });
}

test('a browser sets up what its client secret is for', async () => {
  const { id: customer } = await stripe.customers.create();
  const made = await stripe.setupIntents.create({ customer, description: 'ours' });
  const browser = kontor.client(await kontor.newKey({ kind: 'publishable' }), { httpClient: Stripe.createNodeHttpClient() } as object);
  const client_secret = made.client_secret!;
  await assert.rejects(browser.setupIntents.retrieve(made.id), { code: 'resource_missing' });
  assert.deepEqual([(await browser.setupIntents.retrieve(made.id, { client_secret })).status, 'customer' in (await browser.setupIntents.retrieve(made.id, { client_secret }))], ['requires_payment_method', false]);
  const data = { type: 'sepa_debit', sepa_debit: { iban: 'AT611904300234573201' }, billing_details: OWNER };
  const done = await browser.setupIntents.confirm(made.id, untyped({ client_secret, payment_method_data: data, mandate_data: { customer_acceptance: { type: 'online', online: { infer_from_client: true } } } }));
  assert.equal(done.status, 'succeeded');
  const { mandate } = await stripe.setupIntents.retrieve(made.id, { expand: ['mandate'] });
  assert.equal((mandate as Stripe.Mandate).customer_acceptance.online?.ip_address, '127.0.0.1');
  await assert.rejects(browser.setupIntents.cancel(made.id), { statusCode: 403 });
});

test('a confirmation token carries what a browser collected, once', async () => {
  const { id: customer } = await stripe.customers.create();
  const token = await stripe.testHelpers.confirmationTokens.create({ payment_method: 'pm_card_visa', setup_future_usage: 'off_session', return_url: BACK, shipping: { name: 'Jenny', address: { line1: '1 Main St' } } });
  assert.deepEqual([token.payment_method_preview?.card?.last4, token.setup_future_usage, token.payment_intent], ['4242', 'off_session', null]);
  const paid = await stripe.paymentIntents.create({ amount: 500, currency: 'usd', customer, confirmation_token: token.id, confirm: true });
  assert.deepEqual([paid.status, paid.setup_future_usage, paid.shipping?.name], ['succeeded', 'off_session', 'Jenny']);
  assert.equal((await stripe.confirmationTokens.retrieve(token.id)).payment_intent, paid.id);
  assert.equal((await stripe.customers.listPaymentMethods(customer)).data.length, 1);
  const made = await stripe.setupIntents.create({ customer });
  await assert.rejects(stripe.setupIntents.confirm(made.id, { confirmation_token: token.id }), { param: 'confirmation_token' });
  const second = await stripe.testHelpers.confirmationTokens.create({ payment_method_data: { type: 'link', billing_details: OWNER } });
  await assert.rejects(stripe.setupIntents.confirm(made.id, { confirmation_token: second.id }), { code: 'setup_intent_mandate_invalid' });
  assert.equal((await stripe.setupIntents.confirm(made.id, { confirmation_token: second.id, mandate_data: MANDATE })).status, 'succeeded');
});

test('setups are listed, changed and canceled', async () => {
  const { id: customer } = await stripe.customers.create();
  const made = await stripe.setupIntents.create({ customer, allowed_payment_method_types: ['card'] });
  const changed = await stripe.setupIntents.update(made.id, { description: 'A card', metadata: { a: '1' }, payment_method: 'pm_card_visa' });
  assert.deepEqual([changed.status, changed.description, changed.payment_method_types], ['requires_confirmation', 'A card', ['card']]);
  await assert.rejects(stripe.setupIntents.update(made.id, { payment_method: 'pm_sepaDebit_success_at' }), { code: 'payment_intent_incompatible_payment_method' });
  assert.equal((await stripe.setupIntents.cancel(made.id, { cancellation_reason: 'abandoned' })).status, 'canceled');
  assert.deepEqual((await stripe.setupIntents.list({ customer })).data.map((each) => each.id), [made.id]);
  await assert.rejects(stripe.setupIntents.confirm(made.id), { code: 'setup_intent_unexpected_state' });
});
