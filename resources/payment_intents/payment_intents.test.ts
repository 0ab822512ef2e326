import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import Stripe from 'stripe';
import { verify } from '../../server/verify.ts';
import { startKontor } from '../../tests/kontor.ts';
import { own } from '../../tests/own.ts';
import { refused, untyped } from '../../tests/refused.ts';
import { paysBy } from '../../tests/shop.ts';
import { listen, typesOf } from '../../tests/told.ts';

const kontor = await startKontor();
after(() => kontor.close());

test('a payment is made without a customer, and its card pays nothing else', async () => {
  const { stripe } = kontor;
  const told = listen(kontor);
  const method = await stripe.paymentMethods.create({ type: 'card', card: { number: '4242424242424242', exp_month: 12, exp_year: 2034, cvc: '123' } });
  await told();
  const paid = await stripe.paymentIntents.create({ amount: 1099, currency: 'eur', payment_method: method.id, confirm: true, description: 'A book', metadata: { isbn: '1' }, expand: ['latest_charge'] });
  assert.deepEqual([paid.status, paid.amount_received, paid.customer, paid.automatic_payment_methods?.enabled], ['succeeded', 1099, null, true]);
  const charge = paid.latest_charge as Stripe.Charge;
  assert.deepEqual(
    [charge.status, charge.paid, charge.captured, charge.amount_captured, charge.description, charge.metadata, charge.outcome?.type, charge.payment_method_details?.card?.checks?.cvc_check],
    ['succeeded', true, true, 1099, 'A book', { isbn: '1' }, 'authorized', 'pass'],
  );
  assert.deepEqual(typesOf(await told()), ['payment_intent.created', 'charge.succeeded', 'payment_intent.succeeded']);
  await assert.rejects(stripe.paymentIntents.create({ amount: 1099, currency: 'eur', payment_method: method.id, confirm: true }), { code: 'payment_method_unexpected_state' });
});

test('a declined payment waits for another method, and says why', async () => {
  const { stripe } = kontor;
  const customer = await stripe.customers.create();
  const intent = await stripe.paymentIntents.create({ amount: 500, currency: 'usd', customer: customer.id, payment_method: 'pm_card_visa_chargeDeclinedInsufficientFunds' });
  assert.equal(intent.status, 'requires_confirmation');
  const told = listen(kontor);
  await told();
  await assert.rejects(stripe.paymentIntents.confirm(intent.id), { type: 'StripeCardError', code: 'card_declined', decline_code: 'insufficient_funds', statusCode: 402 });
  assert.deepEqual(typesOf(await told()), ['charge.failed', 'payment_intent.payment_failed']);
  const declined = await stripe.paymentIntents.retrieve(intent.id);
  assert.deepEqual(
    [declined.status, declined.payment_method, declined.last_payment_error?.decline_code, declined.last_payment_error?.payment_method?.card?.brand],
    ['requires_payment_method', null, 'insufficient_funds', 'visa'],
  );
  const changed = await stripe.paymentIntents.update(intent.id, { amount: 700, payment_method: 'pm_card_visa', metadata: { a: 'b' } });
  assert.deepEqual([changed.status, changed.amount, changed.metadata], ['requires_confirmation', 700, { a: 'b' }]);
  assert.equal((await stripe.paymentIntents.confirm(intent.id)).amount_received, 700);
  assert.deepEqual((await stripe.charges.list({ payment_intent: intent.id })).data.map((each) => [each.status, each.amount]), [['succeeded', 700], ['failed', 500]]);
  await assert.rejects(stripe.paymentIntents.confirm(intent.id), { code: 'payment_intent_unexpected_state' });
});

test('a card that is kept for later is attached, and charged later without its holder', async () => {
  const { stripe } = kontor;
  const customer = await stripe.customers.create();
  const told = listen(kontor);
  await told();
  const first = await stripe.paymentIntents.create({ amount: 500, currency: 'usd', customer: customer.id, payment_method: 'pm_card_visa', setup_future_usage: 'off_session', confirm: true });
  assert.deepEqual(typesOf(await told()), ['payment_intent.created', 'charge.succeeded', 'payment_method.attached', 'payment_intent.succeeded']);
  const later = await stripe.paymentIntents.create({ amount: 900, currency: 'usd', customer: customer.id, payment_method: first.payment_method as string, off_session: true, confirm: true });
  assert.equal(later.status, 'succeeded');
  // Who has no customer yet gets one afterwards.
  const guest = await stripe.paymentIntents.create({ amount: 500, currency: 'usd', payment_method: 'pm_card_visa', setup_future_usage: 'off_session', confirm: true });
  await stripe.paymentMethods.attach(guest.payment_method as string, { customer: customer.id });
  const again = await stripe.paymentIntents.create({ amount: 900, currency: 'usd', customer: customer.id, payment_method: guest.payment_method as string, off_session: true, confirm: true });
  assert.equal(again.status, 'succeeded');
});

test('where the bank asks the holder, the payment says what is to be done', async () => {
  const { stripe } = kontor;
  const intent = await stripe.paymentIntents.create({ amount: 500, currency: 'usd', payment_method: 'pm_card_authenticationRequired', confirm: true });
  assert.deepEqual([intent.status, intent.next_action?.type], ['requires_action', 'use_stripe_sdk']);
  const answer = (id: string, result: string) => own<Stripe.PaymentIntent>(stripe, 'POST', `payment_intents/${id}/authenticate`, { result });
  await assert.rejects(answer(intent.id, 'failed'), { code: 'payment_intent_authentication_failure', statusCode: 402 });
  assert.equal((await stripe.paymentIntents.confirm(intent.id, { payment_method: 'pm_card_authenticationRequired' })).status, 'requires_action');
  assert.equal((await answer(intent.id, 'succeeded')).status, 'succeeded');
  await assert.rejects(answer(intent.id, 'succeeded'), { code: 'payment_intent_unexpected_state' });
});

test('a payment that nobody waits for is canceled', async () => {
  const { stripe } = kontor;
  const intent = await stripe.paymentIntents.create({ amount: 500, currency: 'usd', payment_method: 'pm_card_authenticationRequired', confirm: true });
  const canceled = await stripe.paymentIntents.cancel(intent.id, { cancellation_reason: 'abandoned' });
  assert.deepEqual([canceled.status, canceled.cancellation_reason, canceled.next_action], ['canceled', 'abandoned', null]);
});

test('a browser reads and confirms what its client secret is for, and nothing else', async () => {
  const { stripe } = kontor;
  const customer = await stripe.customers.create();
  const intent = await stripe.paymentIntents.create({ amount: 500, currency: 'usd', customer: customer.id, metadata: { secret: 'ours' } });
  // A browser sees less of an object than the official types promise to a server.
  const browser = kontor.client(await kontor.newKey({ kind: 'publishable' }), { httpClient: Stripe.createNodeHttpClient() } as object);
  const client_secret = intent.client_secret!;
  const seen = await browser.paymentIntents.retrieve(intent.id, { client_secret });
  assert.deepEqual(['customer' in seen, 'metadata' in seen, seen.amount], [false, false, 500]);
  await assert.rejects(browser.paymentIntents.retrieve(intent.id), { code: 'resource_missing' });
  await assert.rejects(browser.paymentIntents.retrieve(intent.id, { client_secret: `${client_secret}x` }), { code: 'resource_missing' });
  await assert.rejects(browser.paymentIntents.retrieve(intent.id, { client_secret, expand: ['customer'] }), { statusCode: 403 });
  await assert.rejects(browser.paymentIntents.confirm(intent.id, untyped({ client_secret, payment_method: 'pm_card_visa', off_session: true })), { param: 'off_session' });
  await assert.rejects(browser.paymentIntents.cancel(intent.id), { statusCode: 403 });
  const ours = { capture_method: 'manual', allowed_payment_method_types: ['klarna'], excluded_payment_method_types: ['klarna'], payment_method_options: { card: { capture_method: 'manual' } } } as const;
  for (const [name, value] of Object.entries(ours)) {
    const param = name === 'payment_method_options' ? 'payment_method_options[card][capture_method]' : name;
    await assert.rejects(browser.paymentIntents.confirm(intent.id, untyped({ client_secret, payment_method: 'pm_card_visa', [name]: value })), { param });
  }
  assert.equal((await browser.paymentIntents.confirm(intent.id, untyped({ client_secret, payment_method: 'pm_card_visa' }))).status, 'succeeded');
});

test('what cannot be expanded is refused before anything is charged, and of what was charged nobody is told otherwise', async () => {
  const { stripe } = kontor;
  const customer = await stripe.customers.create();
  const pay = (expand: string[]) => stripe.paymentIntents.create({ amount: 500, currency: 'usd', customer: customer.id, payment_method: 'pm_card_visa', confirm: true, expand });
  await assert.rejects(pay(['nothing']), { statusCode: 400, param: 'expand' });
  assert.deepEqual((await stripe.paymentIntents.list({ customer: customer.id })).data, []);
  assert.deepEqual(await pay(['latest_charge.nothing']).then(({ status, latest_charge }) => [status, typeof latest_charge]), ['succeeded', 'string']);
});

test('what was said of a payment is taken back by an empty word', async () => {
  const { stripe } = kontor;
  const card = { request_three_d_secure: 'any', setup_future_usage: 'off_session' } as const;
  const { id } = await stripe.paymentIntents.create({ amount: 500, currency: 'usd', payment_method: 'pm_card_visa', payment_method_options: { card } });
  const changed = await stripe.paymentIntents.update(id, { payment_method: '', payment_method_options: { card: { setup_future_usage: '' } } });
  assert.deepEqual([changed.status, changed.payment_method, changed.payment_method_options!.card!.setup_future_usage], ['requires_payment_method', null, undefined]);
  const asked = await stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_authenticationRequired' });
  assert.deepEqual(await stripe.paymentIntents.update(asked.id, { payment_method: '' }).then(({ status, next_action }) => [status, next_action]), ['requires_payment_method', null]);
  const setup = await stripe.setupIntents.create({ payment_method: 'pm_card_visa' });
  assert.deepEqual(await stripe.setupIntents.update(setup.id, { payment_method: '' }).then(({ status, payment_method }) => [status, payment_method]), ['requires_payment_method', null]);
});

test('what the holder has agreed to is no word about another payment', async () => {
  const { stripe } = kontor;
  const agreed = async () => {
    const made = await stripe.paymentIntents.create({ amount: 500, currency: 'usd', payment_method: 'pm_card_authenticationRequired', confirmation_method: 'manual', automatic_payment_methods: { enabled: false }, confirm: true });
    await own(stripe, 'POST', `payment_intents/${made.id}/authenticate`, { result: 'succeeded' });
    return made.id;
  };
  const [same, more, other] = [await agreed(), await agreed(), await agreed()];
  await stripe.paymentIntents.update(same, { amount: 500, description: 'A book' });
  assert.equal((await stripe.paymentIntents.confirm(same)).status, 'succeeded');
  await stripe.paymentIntents.update(more, { amount: 50_000 });
  assert.equal((await stripe.paymentIntents.confirm(more)).status, 'requires_action');
  await stripe.paymentIntents.update(other, { payment_method: 'pm_card_threeDSecure2Required' });
  assert.equal((await stripe.paymentIntents.confirm(other)).status, 'requires_action');
});

test("a confirmation token charges nobody else's method, and none that is used up", async () => {
  const { stripe } = kontor;
  const [ann, bob] = [await stripe.customers.create(), await stripe.customers.create()];
  const tokenOf = async (payment_method: string) => (await stripe.testHelpers.confirmationTokens.create({ payment_method })).id;
  const { id: hers } = await stripe.paymentMethods.attach('pm_card_visa', { customer: ann.id });
  const pay = async (confirmation_token: string, customer?: string) => stripe.paymentIntents.create({ amount: 500, currency: 'usd', customer, confirmation_token, confirm: true });
  await assert.rejects(pay(await tokenOf(hers), bob.id), { code: 'resource_missing', param: 'confirmation_token' });
  await assert.rejects(pay(await tokenOf(hers)), { code: 'payment_method_unexpected_state', param: 'confirmation_token' });
  assert.equal((await pay(await tokenOf(hers), ann.id)).status, 'succeeded');
  const { id: once } = await stripe.paymentMethods.create({ type: 'link', billing_details: { email: 'jenny@example.com' } });
  const [first, second] = [await tokenOf(once), await tokenOf(once)];
  assert.equal((await pay(first)).status, 'succeeded');
  await assert.rejects(pay(second), { code: 'payment_method_unexpected_state', param: 'confirmation_token' });
});

test('eight that confirm at once make one charge', async () => {
  const { stripe } = kontor;
  const customer = await stripe.customers.create();
  const intent = await stripe.paymentIntents.create({ amount: 500, currency: 'usd', customer: customer.id, payment_method: 'pm_card_visa' });
  const tries = await Promise.allSettled(Array.from({ length: 8 }, () => stripe.paymentIntents.confirm(intent.id)));
  assert.equal(tries.filter((each) => each.status === 'fulfilled').length, 1);
  assert.equal((await stripe.charges.list({ customer: customer.id })).data.length, 1);
});

test('a charge is described, and a payment of an invoice is found by its intent', async () => {
  const { stripe } = kontor;
  const customer = await stripe.customers.create(paysBy());
  const draft = await stripe.invoices.create({ customer: customer.id, currency: 'usd' });
  await stripe.invoiceItems.create({ customer: customer.id, invoice: draft.id, amount: 1000, currency: 'usd' });
  const paid = await stripe.invoices.pay(draft.id, { payment_method: 'pm_card_visa', expand: ['payments'] });
  const [payment] = paid.payments!.data;
  assert.deepEqual([payment!.status, payment!.amount_paid, payment!.is_default, payment!.invoice], ['paid', 1000, true, paid.id]);
  const intent = payment!.payment.payment_intent as string;
  assert.deepEqual((await stripe.invoicePayments.list({ payment: { type: 'payment_intent', payment_intent: intent } })).data.map((each) => each.id), [payment!.id]);
  assert.equal((await stripe.invoicePayments.retrieve(payment!.id, { expand: ['payment.payment_intent'] })).payment.type, 'payment_intent');
  assert.deepEqual((await stripe.invoicePayments.list({ invoice: paid.id, status: 'open' })).data, []);
  const [charge] = (await stripe.charges.list({ payment_intent: intent })).data;
  const told = listen(kontor);
  await told();
  const changed = await stripe.charges.update(charge!.id, { description: 'For support', metadata: { a: 'b' } });
  assert.deepEqual([changed.description, changed.metadata], ['For support', { a: 'b' }]);
  const address = { line1: '1 Test Street', city: 'Berlin', country: 'DE' };
  const sent = await stripe.charges.update(charge!.id, { shipping: { name: 'Jenny', address }, fraud_details: { user_report: 'safe' } });
  assert.deepEqual([sent.shipping?.name, sent.shipping?.address?.city, sent.fraud_details, sent.description], ['Jenny', 'Berlin', { user_report: 'safe' }, 'For support']);
  assert.deepEqual((await stripe.charges.update(charge!.id, { fraud_details: { user_report: '' }, shipping: untyped('') })).fraud_details, {});
  assert.deepEqual((await told()).map(({ type, previous }) => [type, Object.keys(previous ?? {})]), [['charge.updated', ['description', 'metadata']], ['charge.updated', ['fraud_details', 'shipping']], ['charge.updated', ['fraud_details', 'shipping']]]);
  await assert.rejects(stripe.paymentIntents.cancel(intent), { code: 'payment_intent_unexpected_state' });
});

test('what is wrong with a request is said', async () => {
  const { stripe } = kontor;
  const customer = await stripe.customers.create();
  const open = await stripe.paymentIntents.create({ amount: 500, currency: 'usd', customer: customer.id });
  const over = await stripe.paymentIntents.cancel((await stripe.paymentIntents.create({ amount: 500, currency: 'usd' })).id);
  const make = (given: object) => () => stripe.paymentIntents.create(untyped({ amount: 500, currency: 'usd', ...given }));
  await refused([
    [() => stripe.paymentIntents.create(untyped({ currency: 'usd' })), 'parameter_missing', 'amount'],
    [make({ amount: 10 }), 'amount_too_small', 'amount'],
    [make({ currency: 'xxx' }), undefined, 'currency'],
    [make({ customer: 'cus_none' }), 'resource_missing', 'customer'],
    [make({ payment_method: 'pm_none' }), 'resource_missing', 'payment_method'],
    [make({ confirm: true }), 'parameter_missing', 'payment_method'],
    [make({ off_session: true }), undefined, 'off_session'],
    [make({ off_session: true, confirm: true, payment_method: 'pm_card_visa', setup_future_usage: 'off_session' }), 'payment_intent_invalid_parameter', 'off_session'],
    [make({ capture_method: 'later' }), undefined, 'capture_method'],
    [make({ allowed_payment_method_types: ['ideal'] }), 'payment_intent_invalid_parameter', 'allowed_payment_method_types'],
    [make({ excluded_payment_method_types: ['card'], payment_method: 'pm_card_visa' }), 'payment_intent_incompatible_payment_method', 'payment_method'],
    [make({ payment_method: 'pm_paypal', confirm: true }), 'parameter_missing', 'return_url'],
    [make({ payment_method: 'pm_usBankAccount_success', confirm: true }), 'payment_intent_mandate_invalid', 'mandate_data'],
    [make({ transfer_group: 'x' }), 'parameter_unknown', 'transfer_group'],
    [make({ payment_method_data: { type: 'card' } }), undefined, 'payment_method_data[type]'],
    [make({ payment_method_data: { type: 'sepa_debit', sepa_debit: { iban: 'AT61' }, billing_details: { name: 'A', email: 'a@example.com' } } }), 'account_number_invalid', 'payment_method_data[sepa_debit][iban]'],
    [() => stripe.paymentIntents.confirm(open.id), 'payment_intent_unexpected_state', 'payment_method'],
    [() => stripe.paymentIntents.confirm(open.id, untyped({ client_secret: 'wrong', payment_method: 'pm_card_visa' })), 'resource_missing', 'id', 404],
    [() => stripe.paymentIntents.update(over.id, { amount: 700 }), 'payment_intent_unexpected_state', 'amount'],
    [() => stripe.paymentIntents.cancel(over.id), 'payment_intent_unexpected_state', undefined],
    [() => stripe.paymentIntents.capture(open.id), 'payment_intent_unexpected_state', undefined],
    [() => stripe.paymentIntents.retrieve('pi_none'), 'resource_missing', 'id', 404],
    [() => stripe.charges.retrieve('ch_none'), 'resource_missing', 'id', 404],
    [() => stripe.charges.update('ch_none', {}), 'resource_missing', 'id', 404],
    [() => stripe.invoicePayments.retrieve('inpay_none'), 'resource_missing', 'id', 404],
    [() => stripe.paymentIntents.list({ starting_after: 'pi_none' }), 'resource_missing', 'starting_after'],
  ]);
});

test('the books agree with the documents', async () => {
  assert.deepEqual(await verify(kontor.database, () => {}), []);
});
