import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { DAY, START } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { paysBy } from '../../tests/shop.ts';
import { listen, typesOf } from '../../tests/told.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

const MANDATE = { customer_acceptance: { type: 'online', online: { ip_address: '203.0.113.7', user_agent: 'Mozilla/5.0' } } } as const;
const BACK = 'https://shop.example.com/back';

/** A customer on a clock of its own, and a way to let days pass. */
async function onClock(): Promise<{ customer: string; after(days: number): Promise<void> }> {
  const { id } = await stripe.testHelpers.testClocks.create({ frozen_time: START });
  const customer = await stripe.customers.create({ name: 'Jenny Rosen', email: 'jenny@example.com', test_clock: id });
  let now = START;
  return { customer: customer.id, after: (days) => kontor.advance(id, (now += days * DAY)) };
}

const click = (url: string, result: 'succeeded' | 'failed') => fetch(url, { method: 'POST', redirect: 'manual', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: `result=${result}` });

/** Opens the page to which a payment has sent who pays, and presses a button on it. Returns where it leads. */
async function press(url: string, result: 'succeeded' | 'failed'): Promise<string | null> {
  const page = await fetch(url);
  assert.equal(page.status, 200);
  assert.match(await page.text(), /<h1>Authorize a payment<\/h1>[\s\S]*>Authorize<\/button>[\s\S]*>Fail<\/button>/);
  return (await click(url, result)).headers.get('location');
}

const pageOf = ({ next_action }: Stripe.PaymentIntent): string => (next_action?.redirect_to_url?.url ?? next_action?.cashapp_handle_redirect_or_display_qr_code?.hosted_instructions_url)!;

test('what is reserved is captured in part, and the rest is released', async () => {
  const told = listen(kontor);
  await told();
  const made = await stripe.paymentIntents.create({ amount: 10_000, currency: 'usd', payment_method: 'pm_card_visa', capture_method: 'manual', confirm: true, expand: ['latest_charge'] });
  const charge = made.latest_charge as Stripe.Charge;
  assert.deepEqual([made.status, made.amount_capturable, made.amount_received, charge.captured, charge.status, charge.amount_captured], ['requires_capture', 10_000, 0, false, 'succeeded', 0]);
  assert.deepEqual(typesOf(await told()), ['payment_intent.created', 'charge.succeeded', 'payment_intent.amount_capturable_updated']);
  await assert.rejects(stripe.paymentIntents.capture(made.id, { amount_to_capture: 10_001 }), { code: 'amount_too_large', param: 'amount_to_capture' });
  await assert.rejects(stripe.refunds.create({ payment_intent: made.id }), { code: 'charge_not_refundable' });
  const captured = await stripe.paymentIntents.capture(made.id, { amount_to_capture: 4_000, metadata: { part: '1' } });
  assert.deepEqual([captured.status, captured.amount_capturable, captured.amount_received, captured.metadata.part], ['succeeded', 0, 4_000, '1']);
  const events = await told();
  assert.deepEqual(typesOf(events), ['charge.captured', 'payment_intent.succeeded']);
  // What was released is shown as given back, and cannot be given back again.
  const { captured: was, amount_captured, amount_refunded } = events[0]!.previous!;
  assert.deepEqual([was, amount_captured, amount_refunded], [false, 0, 0]);
  const after = await stripe.charges.retrieve(charge.id);
  assert.deepEqual([after.amount_captured, after.amount_refunded, after.refunded], [4_000, 6_000, false]);
  await assert.rejects(stripe.refunds.create({ payment_intent: made.id, amount: 4_001 }), { code: 'amount_too_large' });
  assert.equal((await stripe.refunds.create({ payment_intent: made.id })).amount, 4_000);
  assert.deepEqual(await stripe.charges.retrieve(charge.id).then(({ amount_refunded, refunded }) => [amount_refunded, refunded]), [10_000, true]);
  await assert.rejects(stripe.paymentIntents.capture(made.id), { code: 'payment_intent_unexpected_state' });
});

test('an authorization is raised, captured for a little more, given up, or expires', async () => {
  const card = { request_incremental_authorization: 'if_available', request_overcapture: 'if_available' } as const;
  const reserve = (more: Partial<Stripe.PaymentIntentCreateParams> = {}) =>
    stripe.paymentIntents.create({ amount: 10_000, currency: 'usd', payment_method: 'pm_card_visa', capture_method: 'manual', confirm: true, payment_method_options: { card }, ...more });
  const raised = await reserve();
  await assert.rejects(stripe.paymentIntents.incrementAuthorization(raised.id, { amount: 9_000 }), { code: 'amount_too_small' });
  assert.equal((await stripe.paymentIntents.incrementAuthorization(raised.id, { amount: 12_000 })).amount_capturable, 12_000);
  assert.equal((await stripe.paymentIntents.capture(raised.id, { amount_to_capture: 13_800 })).amount_received, 13_800);
  const plain = await reserve({ payment_method_options: {} });
  await assert.rejects(stripe.paymentIntents.incrementAuthorization(plain.id, { amount: 12_000 }), { code: 'payment_intent_unexpected_state' });
  const dropped = await stripe.paymentIntents.cancel(plain.id, { cancellation_reason: 'duplicate', });
  assert.deepEqual([dropped.status, dropped.cancellation_reason, dropped.amount_capturable], ['canceled', 'duplicate', 0]);
  const { customer, after: pass } = await onClock();
  const left = await reserve({ customer });
  await pass(8);
  const expired = await stripe.paymentIntents.retrieve(left.id, { expand: ['latest_charge'] });
  assert.deepEqual([expired.status, expired.cancellation_reason, (expired.latest_charge as Stripe.Charge).refunded], ['canceled', 'automatic', true]);
});

test('a refund is partial, then the rest, and no more', async () => {
  const paid = await stripe.paymentIntents.create({ amount: 1_000, currency: 'usd', payment_method: 'pm_card_visa', confirm: true });
  const told = listen(kontor);
  await told();
  const first = await stripe.refunds.create({ payment_intent: paid.id, amount: 300, reason: 'requested_by_customer' });
  assert.deepEqual([first.status, first.amount, first.charge, first.destination_details?.card?.reference_status], ['succeeded', 300, paid.latest_charge, 'available']);
  const events = await told();
  assert.deepEqual([typesOf(events), events[2]!.previous], [['refund.created', 'refund.updated', 'charge.refunded'], { amount_refunded: 0 }]);
  await assert.rejects(stripe.refunds.create({ charge: paid.latest_charge as string, amount: 701 }), { code: 'amount_too_large' });
  await stripe.refunds.create({ charge: paid.latest_charge as string });
  assert.deepEqual(await stripe.charges.retrieve(paid.latest_charge as string).then(({ refunded, amount_refunded }) => [refunded, amount_refunded]), [true, 1_000]);
  await assert.rejects(stripe.refunds.create({ payment_intent: paid.id }), { code: 'charge_already_refunded' });
  await assert.rejects(stripe.refunds.cancel(first.id), { statusCode: 400 });
  const refunds = (await stripe.refunds.list({ payment_intent: paid.id })).data;
  assert.deepEqual(refunds.map(({ amount }) => amount), [700, 300]);
  const expanded = await stripe.paymentIntents.retrieve(paid.id, { expand: ['latest_charge.refunds.data.balance_transaction'] });
  assert.deepEqual((expanded.latest_charge as Stripe.Charge).refunds?.data.map(({ id, balance_transaction }) => [id, (balance_transaction as Stripe.BalanceTransaction).net]), [[refunds[0]!.id, -700], [first.id, -300]]);
  const { id: payment_intent } = await stripe.paymentIntents.create({ amount: 1_000, currency: 'usd', payment_method: 'pm_card_visa', confirm: true });
  const tries = await Promise.allSettled(Array.from({ length: 5 }, () => stripe.refunds.create({ payment_intent, amount: 400 })));
  assert.equal(tries.filter(({ status }) => status === 'fulfilled').length, 2);
});

test('a refund that is pending succeeds in days, and one that succeeded may come back', async () => {
  const { customer, after: pass } = await onClock();
  const refunded = async (payment_method: string) => {
    const paid = await stripe.paymentIntents.create({ amount: 1_000, currency: 'usd', customer, payment_method, confirm: true });
    return stripe.refunds.create({ payment_intent: paid.id });
  };
  const [slow, lost] = [await refunded('pm_card_pendingRefund'), await refunded('pm_card_refundFail')];
  assert.deepEqual([slow.status, lost.status], ['pending', 'succeeded']);
  await pass(6);
  const [done, back] = [await stripe.refunds.retrieve(slow.id), await stripe.refunds.retrieve(lost.id)];
  assert.deepEqual([done.status, back.status, back.failure_reason], ['succeeded', 'failed', 'unknown']);
  assert.equal((await stripe.charges.retrieve(lost.charge as string)).amount_refunded, 0);
});

test('a debit takes days: it comes, fails, or is told to be impossible at once', async () => {
  const { customer, after: pass } = await onClock();
  const debit = (payment_method: string, currency = 'eur') => stripe.paymentIntents.create({ amount: 1_000, currency, customer, payment_method, mandate_data: MANDATE, confirm: true, setup_future_usage: 'off_session' });
  const told = listen(kontor);
  await told();
  const comes = await debit('pm_sepaDebit_success_at');
  assert.deepEqual([comes.status, comes.payment_method_types], ['processing', ['card', 'link', 'sepa_debit', 'ideal', 'bancontact', 'klarna', 'paypal'].filter((type) => comes.payment_method_types.includes(type))]);
  assert.deepEqual(typesOf(await told()), ['payment_intent.created', 'charge.pending', 'payment_method.attached', 'payment_intent.processing']);
  assert.equal((await stripe.charges.retrieve(comes.latest_charge as string)).amount_refunded, 0);
  const fails = await debit('pm_failed_de');
  const us = await debit('pm_usBankAccount_insufficientFunds', 'usd');
  await assert.rejects(debit('pm_exceedsSourceLimit_at'), { code: 'charge_exceeds_source_limit' });
  await assert.rejects(stripe.paymentIntents.confirm(comes.id), { code: 'lock_timeout' });
  await told();
  await pass(6);
  const [came, failed, bounced] = await Promise.all([comes, fails, us].map(({ id }) => stripe.paymentIntents.retrieve(id, { expand: ['latest_charge'] })));
  assert.deepEqual([came!.status, came!.amount_received, failed!.status, bounced!.last_payment_error?.code], ['succeeded', 1_000, 'requires_payment_method', 'insufficient_funds']);
  assert.deepEqual(typesOf(await told()).filter((type) => type.startsWith('charge.')).toSorted(), ['charge.failed', 'charge.failed', 'charge.succeeded']);
  const details = (came!.latest_charge as Stripe.Charge).payment_method_details!.sepa_debit!;
  const mandate = await stripe.mandates.retrieve(details.mandate!, { expand: ['payment_method'] });
  assert.deepEqual([details.last4, mandate.status, mandate.type, mandate.customer_acceptance.online?.ip_address, (mandate.payment_method as Stripe.PaymentMethod).type], ['3201', 'active', 'multi_use', '203.0.113.7', 'sepa_debit']);
  // Under its mandate it is debited again without its holder, and given back by a transfer.
  const later = await stripe.paymentIntents.create({ amount: 700, currency: 'eur', customer, payment_method: came!.payment_method as string, off_session: true, confirm: true });
  await pass(6);
  assert.equal((await stripe.paymentIntents.retrieve(later.id)).status, 'succeeded');
  const refund = await stripe.refunds.create({ payment_intent: later.id });
  assert.equal(refund.status, 'pending');
  await pass(6);
  assert.equal((await stripe.refunds.retrieve(refund.id)).status, 'succeeded');
});

test('a US bank account is proven by small amounts, then debited', async () => {
  const { customer, after: pass } = await onClock();
  const account = { type: 'us_bank_account', us_bank_account: { account_holder_type: 'individual', account_number: '000123456789', routing_number: '110000000' }, billing_details: { name: 'Jenny Rosen' } } as const;
  const make = () => stripe.paymentIntents.create({ amount: 5_000, currency: 'usd', customer, payment_method_data: account, mandate_data: MANDATE, confirm: true });
  const made = await make();
  assert.deepEqual([made.status, made.next_action?.type, made.next_action?.verify_with_microdeposits?.microdeposit_type], ['requires_action', 'verify_with_microdeposits', 'descriptor_code']);
  await assert.rejects(stripe.paymentIntents.verifyMicrodeposits(made.id, { amounts: [1, 2] }), { code: 'payment_method_microdeposit_verification_amounts_mismatch', param: 'amounts' });
  assert.equal((await stripe.paymentIntents.verifyMicrodeposits(made.id, { amounts: [45, 32] })).status, 'processing');
  await assert.rejects(stripe.paymentIntents.verifyMicrodeposits((await make()).id, { descriptor_code: 'SM33CC' }), { code: 'payment_method_microdeposit_verification_attempts_exceeded' });
  await assert.rejects(stripe.paymentIntents.verifyMicrodeposits((await make()).id, { amounts: [40, 41] }), { code: 'payment_method_microdeposit_verification_timeout' });
  await pass(5);
  const paid = await stripe.paymentIntents.retrieve(made.id);
  assert.deepEqual([paid.status, paid.amount_received], ['succeeded', 5_000]);
});

for (const [type, currency, details] of [
  ['ideal', 'eur', {}], ['bancontact', 'eur', {}], ['klarna', 'usd', { address: { country: 'US' } }], ['paypal', 'usd', {}], ['cashapp', 'usd', {}],
] as const) {
  test(`${type}: who pays authorizes or refuses on another page, and comes back`, async () => {
    const billing_details = { name: 'Jenny Rosen', email: 'jenny@example.com', ...details };
    const pay = () => stripe.paymentIntents.create({ amount: 1_999, currency, payment_method_data: { type, billing_details }, return_url: BACK, confirm: true });
    const made = await pay();
    assert.equal(made.status, 'requires_action');
    for (const guess of ['someoneX', 'someoneÜ']) assert.equal((await fetch(pageOf(made).replace(/.{8}$/, guess))).status, 404);
    const way = await press(pageOf(made), 'succeeded');
    assert.equal(way, `${BACK}?payment_intent=${made.id}&payment_intent_client_secret=${made.client_secret}&redirect_status=succeeded`);
    const paid = await stripe.paymentIntents.retrieve(made.id, { expand: ['latest_charge'] });
    assert.deepEqual([paid.status, (paid.latest_charge as Stripe.Charge).payment_method_details?.type], ['succeeded', type]);
    assert.equal((await stripe.refunds.create({ payment_intent: paid.id, amount: 500 })).status, 'succeeded');
    const refused = await pay();
    await press(pageOf(refused), 'failed');
    const after = await stripe.paymentIntents.retrieve(refused.id);
    assert.deepEqual([after.status, after.last_payment_error?.code], ['requires_payment_method', 'payment_intent_authentication_failure']);
  });
}

test('what is left of an iDEAL payment is a debit that can be charged later', async () => {
  const { customer, after: pass } = await onClock();
  const made = await stripe.paymentIntents.create({
    amount: 1_000, currency: 'eur', customer, payment_method_data: { type: 'ideal', billing_details: { name: 'Jenny Rosen', email: 'jenny@example.com' } }, setup_future_usage: 'off_session', mandate_data: MANDATE, return_url: BACK, confirm: true,
  });
  await press(pageOf(made), 'succeeded');
  const { data } = await stripe.customers.listPaymentMethods(customer);
  assert.deepEqual(data.map((method) => [method.type, method.sepa_debit?.country]), [['sepa_debit', 'NL']]);
  // The charge leads to it, and it leads to the charge.
  const charge = (await stripe.paymentIntents.retrieve(made.id, { expand: ['latest_charge'] })).latest_charge as Stripe.Charge;
  const left = charge.payment_method_details!.ideal!;
  assert.deepEqual([left.generated_sepa_debit, data[0]!.sepa_debit?.generated_from?.charge], [data[0]!.id, charge.id]);
  assert.equal((await stripe.mandates.retrieve(left.generated_sepa_debit_mandate as string)).payment_method, data[0]!.id);
  const guest = await stripe.paymentIntents.create({ amount: 1_000, currency: 'eur', payment_method: 'pm_ideal', setup_future_usage: 'off_session', mandate_data: MANDATE, return_url: BACK, confirm: true });
  await press(pageOf(guest), 'succeeded');
  const theirs = ((await stripe.paymentIntents.retrieve(guest.id, { expand: ['latest_charge'] })).latest_charge as Stripe.Charge).payment_method_details!.ideal!.generated_sepa_debit as string;
  assert.equal((await stripe.paymentMethods.attach(theirs, { customer })).sepa_debit?.country, 'NL');
  const later = await stripe.paymentIntents.create({ amount: 1_000, currency: 'eur', customer, payment_method: data[0]!.id, off_session: true, confirm: true });
  await pass(6);
  assert.equal((await stripe.paymentIntents.retrieve(later.id)).status, 'succeeded');
});

test('what is paid on a test clock is in the lists of its customer, and in none of all', async () => {
  const { customer } = await onClock();
  const paid = await stripe.paymentIntents.create({ amount: 500, currency: 'usd', customer, payment_method: 'pm_card_visa', confirm: true });
  const isIn = async (params: object) => [(await stripe.paymentIntents.list(params)).data.some(({ id }) => id === paid.id), (await stripe.charges.list(params)).data.some(({ id }) => id === paid.latest_charge)];
  assert.deepEqual([await isIn({ limit: 5 }), await isIn({ customer })], [[false, false], [true, true]]);
  const { id: invoice } = await stripe.invoices.create({ customer, auto_advance: false });
  await stripe.invoiceItems.create({ customer, invoice, amount: 500, currency: 'usd' });
  await stripe.invoices.finalizeInvoice(invoice);
  const paysIt = async (params: object) => (await stripe.invoicePayments.list(params)).data.some((each) => each.invoice === invoice);
  assert.deepEqual([await paysIt({ limit: 5 }), await paysIt({ invoice })], [false, true]);
});

test('a mandate for one payment is good for one', async () => {
  const { customer, after: pass } = await onClock();
  const { id: method } = await stripe.paymentMethods.attach('pm_sepaDebit_success_at', { customer });
  const paid = await stripe.paymentIntents.create({ amount: 1_000, currency: 'eur', customer, payment_method: method, mandate_data: MANDATE, confirm: true });
  await pass(6);
  const charge = (await stripe.paymentIntents.retrieve(paid.id, { expand: ['latest_charge'] })).latest_charge as Stripe.Charge;
  const mandate = await stripe.mandates.retrieve(charge.payment_method_details!.sepa_debit!.mandate!);
  assert.deepEqual([mandate.type, mandate.status, mandate.single_use], ['single_use', 'inactive', { amount: 1_000, currency: 'eur' }]);
  const again = stripe.paymentIntents.create({ amount: 90_000, currency: 'eur', customer, payment_method: method, mandate: mandate.id, confirm: true });
  await assert.rejects(again, { code: 'payment_intent_mandate_invalid', param: 'mandate' });
});

test('who has authorized what is declined all the same comes back with that', async () => {
  const made = await stripe.paymentIntents.create({ amount: 1_000, currency: 'usd', payment_method: 'pm_card_threeDSecureRequiredChargeDeclined', return_url: BACK, confirm: true });
  assert.match((await press(pageOf(made), 'succeeded'))!, /redirect_status=failed$/);
});

test('a card whose bank asks its holder is authorized on the page, where there is a way back', async () => {
  const made = await stripe.paymentIntents.create({ amount: 1_000, currency: 'usd', payment_method: 'pm_card_threeDSecure2Required', return_url: BACK, confirm: true });
  assert.deepEqual([made.status, made.next_action?.type], ['requires_action', 'redirect_to_url']);
  await press(pageOf(made), 'succeeded');
  const paid = await stripe.paymentIntents.retrieve(made.id, { expand: ['latest_charge'] });
  assert.deepEqual([paid.status, (paid.latest_charge as Stripe.Charge).payment_method_details?.card?.three_d_secure?.result], ['succeeded', 'authenticated']);
  // Who looks again, or presses a button once more, sees what has happened.
  for (const again of [await fetch(pageOf(made)), await click(pageOf(made), 'succeeded'), await click(pageOf(made), 'failed')]) {
    assert.deepEqual([again.status, /<h1>Authorized already<\/h1>[^]*<a class="back go" href="https:\/\/shop\.example\.com[^"]*redirect_status=succeeded"/.test(await again.text())], [200, true]);
  }
  assert.equal((await stripe.charges.list({ payment_intent: made.id })).data.length, 1);
});

test('of several clicks at once one counts, and each sees what has happened', async () => {
  const made = await stripe.paymentIntents.create({ amount: 1_000, currency: 'usd', payment_method: 'pm_card_threeDSecure2Required', return_url: BACK, confirm: true });
  const clicks = await Promise.all(Array.from({ length: 6 }, (_, n) => click(pageOf(made), n % 2 ? 'failed' : 'succeeded')));
  assert.deepEqual([...new Set(clicks.map(({ status }) => status))].filter((status) => status !== 200 && status !== 303), []);
  const charges = (await stripe.charges.list({ payment_intent: made.id })).data.filter(({ paid }) => paid);
  assert.equal(charges.length, (await stripe.paymentIntents.retrieve(made.id)).status === 'succeeded' ? 1 : 0);
});

test('a page that was refused, canceled or overtaken says so', async () => {
  const make = () => stripe.paymentIntents.create({ amount: 1_000, currency: 'usd', payment_method: 'pm_card_threeDSecure2Required', return_url: BACK, confirm: true });
  const titleAt = async (page: string) => /<h1>(.*)<\/h1>/.exec(await (await fetch(page)).text())?.[1];
  const [refused, canceled, declined, changed] = [await make(), await make(), await stripe.paymentIntents.create({ amount: 1_000, currency: 'usd', payment_method: 'pm_card_threeDSecureRequiredChargeDeclined', return_url: BACK, confirm: true }), await make()];
  await press(pageOf(refused), 'failed');
  await stripe.paymentIntents.cancel(canceled.id);
  await press(pageOf(declined), 'succeeded');
  await stripe.paymentIntents.update(changed.id, { amount: 2_000 });
  assert.deepEqual(await Promise.all([refused, canceled, declined, changed].map((made) => titleAt(pageOf(made)))), ['Not authorized', 'Canceled', 'Declined', 'Not asked any more']);
  // The next attempt has a page of its own, and the old one does nothing to it.
  const again = await stripe.paymentIntents.confirm(refused.id, { payment_method: 'pm_card_threeDSecure2Required', return_url: BACK });
  await click(pageOf(refused), 'succeeded');
  assert.deepEqual([await titleAt(pageOf(refused)), await titleAt(pageOf(again)), (await stripe.paymentIntents.retrieve(again.id)).status], ['Not authorized', 'Authorize a payment', 'requires_action']);
});

test('a payment that is confirmed by hand waits for the server once its holder has acted', async () => {
  const made = await stripe.paymentIntents.create({
    amount: 1_000, currency: 'usd', payment_method: 'pm_card_threeDSecure2Required', confirmation_method: 'manual', automatic_payment_methods: { enabled: false }, return_url: BACK, confirm: true,
  });
  await press(pageOf(made), 'succeeded');
  assert.equal((await stripe.paymentIntents.retrieve(made.id)).status, 'requires_confirmation');
  assert.equal((await stripe.paymentIntents.confirm(made.id)).status, 'succeeded');
});

test('a payment that must not wait for its holder fails instead', async () => {
  const ask = stripe.paymentIntents.create({ amount: 1_000, currency: 'usd', payment_method: 'pm_card_threeDSecure2Required', error_on_requires_action: true, confirm: true });
  await assert.rejects(ask, { code: 'authentication_required', statusCode: 402 });
});

test('Klarna is paid in the currency of the country of who pays', async () => {
  const from = (country: string, currency: string) => stripe.paymentIntents.create({ amount: 5_000, currency, confirm: true, return_url: 'https://shop.example.com/back', payment_method_data: { type: 'klarna', billing_details: { email: 'jenny@example.com', address: { country } } } });
  for (const [country, currency] of [['US', 'eur'], ['DE', 'usd'], ['JP', 'usd']] as const) await assert.rejects(from(country, currency), { code: 'payment_method_currency_mismatch', param: 'payment_method' });
  assert.equal((await from('SE', 'sek')).status, 'requires_action');
});

test('a card on two networks is charged on the one that is asked for, or that its holder prefers, and on no other', async () => {
  const charge = (payment_method: string, network?: Stripe.PaymentIntentCreateParams.PaymentMethodOptions.Card.Network) =>
    stripe.paymentIntents.create({ amount: 1_000, currency: 'eur', confirm: true, payment_method, ...(network && { payment_method_options: { card: { network } } }), expand: ['latest_charge'] });
  const networkOf = ({ latest_charge }: Stripe.PaymentIntent) => (latest_charge as Stripe.Charge).payment_method_details!.card!.network;
  assert.equal(networkOf(await charge('pm_card_visa_cartesBancaires')), 'visa');
  const asked = await charge('pm_card_visa_cartesBancaires', 'cartes_bancaires');
  assert.deepEqual([networkOf(asked), asked.payment_method_options!.card!.network], ['cartes_bancaires', 'cartes_bancaires']);
  const preferring = await stripe.paymentMethods.create({ type: 'card', card: { token: 'tok_visa_cartesBancaires', networks: { preferred: 'cartes_bancaires' } } });
  assert.equal(networkOf(await charge(preferring.id)), 'cartes_bancaires');
  const refused = { code: 'payment_intent_invalid_parameter', param: 'payment_method_options[card][network]' };
  await assert.rejects(charge('pm_card_visa', 'cartes_bancaires'), refused);
  await assert.rejects(stripe.setupIntents.create({ payment_method: 'pm_card_visa', confirm: true, payment_method_options: { card: { network: 'mastercard' } } }), refused);
});

test('a subscription on a network that its card is not on says so once it is charged', async () => {
  const { id: customer } = await stripe.customers.create(paysBy());
  const price = await stripe.prices.create({ currency: 'eur', unit_amount: 1_000, recurring: { interval: 'month' }, product_data: { name: 'Desk' } });
  const order = { customer, items: [{ price: price.id }], payment_settings: { payment_method_options: { card: { network: 'cartes_bancaires' as const } } } };
  assert.equal((await stripe.subscriptions.create(order)).status, 'incomplete');
  await assert.rejects(stripe.subscriptions.create({ ...order, payment_behavior: 'error_if_incomplete' }), { code: 'payment_intent_invalid_parameter' });
});

test('the reference of a SEPA mandate begins as its creditor wants it to', async () => {
  const data = { type: 'sepa_debit', sepa_debit: { iban: 'AT611904300234573201' }, billing_details: { name: 'Jenny', email: 'jenny@example.com' } } as const;
  const set = (reference_prefix: string) =>
    stripe.setupIntents.create({ confirm: true, payment_method_data: data, mandate_data: { customer_acceptance: { type: 'offline' } }, payment_method_options: { sepa_debit: { mandate_options: { reference_prefix } } }, expand: ['mandate'] });
  const { reference } = ((await set('DESK-2026 ')).mandate as Stripe.Mandate).payment_method_details.sepa_debit!;
  assert.match(reference, /^DESK-2026 [0-9A-Z]{16}$/);
  const paid = await stripe.paymentIntents.create({ amount: 1_000, currency: 'eur', confirm: true, payment_method_data: data, mandate_data: { customer_acceptance: { type: 'offline' } }, payment_method_options: { sepa_debit: { mandate_options: { reference_prefix: 'LAMP' } } }, expand: ['latest_charge'] });
  const mandate = await stripe.mandates.retrieve((paid.latest_charge as Stripe.Charge).payment_method_details!.sepa_debit!.mandate!);
  assert.match(mandate.payment_method_details.sepa_debit!.reference, /^LAMP/);
  for (const wrong of ['STRIPE-1', 'desk', 'A*B', 'THIRTEEN-LONG']) await assert.rejects(set(wrong), { statusCode: 400 });
});
