import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import Stripe from 'stripe';
import { open } from '../../server/app.ts';
import { machineClock } from '../../server/clock.ts';
import { rows, sql } from '../../server/database/sql.ts';
import { inWorld } from '../../server/database/world.ts';
import { verify } from '../../server/verify.ts';
import { until } from '../../tests/awaited.ts';
import { DAY } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { listen, typesOf } from '../../tests/told.ts';

let ahead_ms = 0;
const clock = machineClock(() => Date.now() + ahead_ms);

const kontor = await startKontor({ clock });
after(() => kontor.close());

const T0 = 1_767_225_600; // 1 January 2026

/** A customer, on a test clock where `clock` is given, whose default card is a test card's name. */
async function customerWith(card: string | null, more: Stripe.CustomerCreateParams = {}): Promise<Stripe.Customer> {
  const { stripe } = kontor;
  const customer = await stripe.customers.create({ email: 'jenny@example.com', ...more });
  if (card === null) return customer;
  await replaceCard(customer.id, card);
  return stripe.customers.retrieve(customer.id) as Promise<Stripe.Customer>;
}

async function replaceCard(customer: string, card: string): Promise<string> {
  const method = await kontor.stripe.paymentMethods.attach(card, { customer });
  await kontor.stripe.customers.update(customer, { invoice_settings: { default_payment_method: method.id } });
  return method.id;
}

/** A draft over an amount. */
async function draft(customer: string, amount: number, more: Partial<Stripe.InvoiceCreateParams> = {}): Promise<Stripe.Invoice> {
  const { stripe } = kontor;
  const invoice = await stripe.invoices.create({ customer, currency: 'usd', ...more });
  if (amount !== 0) await stripe.invoiceItems.create({ customer, invoice: invoice.id, amount, currency: 'usd', description: 'Support' });
  return stripe.invoices.retrieve(invoice.id);
}

async function onClock(): Promise<string> {
  return (await kontor.stripe.testHelpers.testClocks.create({ frozen_time: T0 })).id;
}

/** What the ledger holds about a customer, by account, without what is settled. */
async function ledger(customer: string): Promise<Record<string, number>> {
  const found = await inWorld(kontor.database.pool, kontor.world, (tx) =>
    rows<{ ledger_account: string; sum: string }>(tx, sql`select ledger_account, sum(amount)::text as sum from ledger_entries where customer = ${customer} group by 1 having sum(amount) <> 0 order by 1`));
  return Object.fromEntries(found.map((each) => [each.ledger_account, Number(each.sum)]));
}

test('an invoice is paid at the first try', async () => {
  const { stripe } = kontor;
  const customer = await customerWith('pm_card_visa');
  const invoice = await draft(customer.id, 2000);
  assert.equal(invoice.amount_due, 2000);
  const told = listen(kontor);
  await told();
  const paid = await stripe.invoices.pay(invoice.id, { expand: ['payments.data.payment.payment_intent'] });
  assert.equal(paid.status, 'paid');
  assert.equal(paid.amount_paid, 2000);
  assert.equal(paid.number, `${customer.invoice_prefix}-0001`);
  assert.deepEqual(typesOf(await told()), [
    'customer.updated', 'payment_intent.created', 'invoice.finalized', 'charge.succeeded', 'payment_intent.succeeded', 'invoice_payment.paid', 'invoice.updated', 'invoice.paid', 'invoice.payment_succeeded',
  ]);
  assert.deepEqual(await ledger(customer.id), { cash_in_transit: 2000, revenue: -2000 });
});

test('a declined payment is a card error, and the retry after the card was replaced pays', async () => {
  const { stripe } = kontor;
  const test_clock = await onClock();
  const customer = await customerWith('pm_card_chargeCustomerFail', { test_clock });
  const invoice = await draft(customer.id, 1500, { auto_advance: true });
  const told = listen(kontor);
  await told();
  await assert.rejects(stripe.invoices.pay(invoice.id), (error: Stripe.errors.StripeCardError) => {
    assert.equal(error.statusCode, 402);
    assert.equal(error.code, 'card_declined');
    assert.equal(error.decline_code, 'generic_decline');
    assert.equal(error.payment_intent?.status, 'requires_payment_method');
    assert.match(error.charge!, /^ch_/);
    assert.equal(error.payment_method?.card?.last4, '0341');
    return true;
  });
  assert.deepEqual(typesOf(await told()), [
    'customer.updated', 'payment_intent.created', 'invoice.finalized', 'charge.failed', 'payment_intent.payment_failed', 'invoice.payment_failed', 'invoice.updated', 'customer.updated',
  ]);
  const late = await stripe.invoices.retrieve(invoice.id);
  assert.deepEqual([late.status, late.attempt_count, late.attempted, late.next_payment_attempt], ['open', 1, true, T0 + 3 * DAY]);
  assert.equal((await stripe.customers.retrieve(customer.id) as Stripe.Customer).delinquent, true);
  assert.deepEqual(await ledger(customer.id), { receivable: 1500, revenue: -1500 });

  await kontor.advance(test_clock, T0 + 4 * DAY);
  const later = await stripe.invoices.retrieve(invoice.id);
  assert.deepEqual([later.attempt_count, later.next_payment_attempt], [2, T0 + 5 * DAY]);
  await replaceCard(customer.id, 'pm_card_visa');
  await told();
  await kontor.advance(test_clock, T0 + 6 * DAY);
  const paid = await stripe.invoices.retrieve(invoice.id);
  assert.deepEqual([paid.status, paid.attempt_count, paid.next_payment_attempt, paid.status_transitions.paid_at], ['paid', 3, null, T0 + 5 * DAY]);
  assert.deepEqual(typesOf(await told()), [
    'test_helpers.test_clock.advancing', 'charge.succeeded', 'payment_intent.succeeded', 'invoice_payment.paid', 'invoice.updated', 'invoice.paid', 'invoice.payment_succeeded', 'customer.updated',
    'test_helpers.test_clock.ready',
  ]);
  assert.equal((await stripe.customers.retrieve(customer.id) as Stripe.Customer).delinquent, false);
  assert.deepEqual(await ledger(customer.id), { cash_in_transit: 1500, revenue: -1500 });
});

test('after the last retry an invoice is given up and stays open', async () => {
  const { stripe } = kontor;
  const test_clock = await onClock();
  const customer = await customerWith('pm_card_chargeCustomerFail', { test_clock });
  const invoice = await draft(customer.id, 1500, { auto_advance: true });
  await kontor.advance(test_clock, T0 + 3_600);
  assert.equal((await stripe.invoices.retrieve(invoice.id)).attempt_count, 1, 'a draft that advances by itself is charged an hour later');
  await kontor.advance(test_clock, T0 + 3_600 + 7 * DAY);
  const given = await stripe.invoices.retrieve(invoice.id);
  assert.deepEqual([given.status, given.attempt_count, given.next_payment_attempt, given.auto_advance], ['open', 4, null, false]);
  assert.equal((await stripe.charges.list({ customer: customer.id })).data.length, 4);
});

test('where there is nothing to charge, the attempt has failed without asking', async () => {
  const { stripe } = kontor;
  const test_clock = await onClock();
  const customer = await customerWith(null, { test_clock });
  const invoice = await draft(customer.id, 900, { auto_advance: true });
  const told = listen(kontor);
  await told();
  await kontor.advance(test_clock, T0 + 3_600);
  const first = await stripe.invoices.retrieve(invoice.id);
  assert.deepEqual([first.attempt_count, first.attempted, first.next_payment_attempt], [1, true, T0 + 3_600 + 3 * DAY]);
  assert.deepEqual(typesOf(await told()).slice(1, -1), ['customer.updated', 'payment_intent.created', 'invoice.finalized', 'invoice.payment_failed', 'invoice.updated', 'customer.updated']);
  await assert.rejects(stripe.invoices.pay(invoice.id), { code: 'resource_missing', param: 'payment_method', statusCode: 400 });
});

test('a card that must not be tried again is not, until it is replaced', async () => {
  const { stripe } = kontor;
  const test_clock = await onClock();
  const customer = await customerWith('pm_card_visa_chargeCustomerFailStolenCard', { test_clock });
  const invoice = await draft(customer.id, 900, { auto_advance: true });
  await kontor.advance(test_clock, T0 + 3_600 + 4 * DAY);
  const skipped = await stripe.invoices.retrieve(invoice.id);
  assert.equal(skipped.attempt_count, 2, 'the schedule goes on');
  assert.equal((await stripe.charges.list({ customer: customer.id })).data.length, 1, 'the card is left alone');
  await replaceCard(customer.id, 'pm_card_mastercard');
  await kontor.advance(test_clock, T0 + 3_600 + 5 * DAY);
  assert.equal((await stripe.invoices.retrieve(invoice.id)).status, 'paid');
});

test('an invoice that is sent waits until its due date, and is paid by its payment intent', async () => {
  const { stripe } = kontor;
  const test_clock = await onClock();
  const customer = await customerWith(null, { test_clock });
  const invoice = await draft(customer.id, 5000, { collection_method: 'send_invoice', days_until_due: 10 });
  const told = listen(kontor);
  await told();
  const sent = await stripe.invoices.sendInvoice(invoice.id, { expand: ['confirmation_secret'] });
  assert.deepEqual([sent.status, sent.due_date, sent.next_payment_attempt], ['open', T0 + 10 * DAY, null]);
  assert.match(sent.confirmation_secret!.client_secret, /^pi_.+_secret_.+/);
  assert.deepEqual(typesOf(await told()), ['customer.updated', 'payment_intent.created', 'invoice.finalized', 'invoice.sent']);
  await kontor.advance(test_clock, T0 + 11 * DAY);
  assert.deepEqual(typesOf(await told()), ['test_helpers.test_clock.advancing', 'invoice.overdue', 'customer.updated', 'test_helpers.test_clock.ready']);

  const [intent] = sent.confirmation_secret!.client_secret.split('_secret_');
  // A browser sees less of an object than the official types promise to a server.
  const browser = kontor.client(await kontor.newKey({ kind: 'publishable' }), { httpClient: Stripe.createNodeHttpClient() } as object);
  await assert.rejects(browser.paymentIntents.confirm(intent!, { payment_method: 'pm_card_visa' }), { code: 'resource_missing', statusCode: 404 });
  const confirmed = await browser.paymentIntents.confirm(intent!, { payment_method: 'pm_card_visa', client_secret: sent.confirmation_secret!.client_secret } as Stripe.PaymentIntentConfirmParams);
  assert.equal(confirmed.status, 'succeeded');
  assert.equal('customer' in confirmed, false, 'a browser sees nothing of the customer');
  assert.equal((await stripe.invoices.retrieve(invoice.id)).status, 'paid');
  assert.deepEqual(await ledger(customer.id), { cash_in_transit: 5000, revenue: -5000 });
});

test('a card whose bank wants to ask the absent holder is declined, and asks when the holder is there', async () => {
  const { stripe } = kontor;
  const customer = await customerWith('pm_card_authenticationRequired');
  const invoice = await draft(customer.id, 3000);
  const told = listen(kontor);
  await told();
  await assert.rejects(stripe.invoices.pay(invoice.id), { code: 'authentication_required', decline_code: 'authentication_required', statusCode: 402 });
  assert.deepEqual(typesOf(await told()).slice(3), ['charge.failed', 'payment_intent.payment_failed', 'invoice.payment_failed', 'invoice.payment_action_required', 'invoice.updated', 'customer.updated']);
  await assert.rejects(stripe.invoices.pay(invoice.id, { off_session: false }), (error: Stripe.errors.StripeCardError) => {
    assert.equal(error.code, 'invoice_payment_intent_requires_action');
    assert.equal(error.payment_intent?.status, 'requires_action');
    assert.equal(error.payment_intent?.next_action?.type, 'use_stripe_sdk');
    return true;
  });
  assert.deepEqual(typesOf(await told()), ['payment_intent.requires_action', 'invoice.payment_action_required']);
  assert.equal((await stripe.invoices.retrieve(invoice.id)).status, 'open');
});

test('a voided invoice counts for nothing, and gives back the balance that it took', async () => {
  const { stripe } = kontor;
  const customer = await customerWith('pm_card_visa', { balance: -500 });
  const invoice = await draft(customer.id, 2000);
  const open = await stripe.invoices.finalizeInvoice(invoice.id);
  assert.deepEqual([open.amount_due, open.starting_balance, open.ending_balance], [1500, -500, 0]);
  const told = listen(kontor);
  await told();
  const voided = await stripe.invoices.voidInvoice(invoice.id);
  assert.equal(voided.status, 'void');
  assert.deepEqual(typesOf(await told()), ['invoice.voided', 'invoice.updated', 'payment_intent.canceled', 'customer.updated']);
  assert.equal((await stripe.customers.retrieve(customer.id) as Stripe.Customer).balance, -500);
  assert.deepEqual(await ledger(customer.id), { balance_adjustments: 500, customer_balance: -500 });
  await assert.rejects(stripe.invoices.pay(invoice.id), { code: 'status_transition_invalid' });
  await assert.rejects(stripe.invoices.voidInvoice(invoice.id), { code: 'status_transition_invalid' });
});

test('an uncollectible invoice is written off, and can still be paid or voided', async () => {
  const { stripe } = kontor;
  const customer = await customerWith('pm_card_visa');
  const [first, second] = [await draft(customer.id, 2000), await draft(customer.id, 700)];
  await stripe.invoices.finalizeInvoice(first.id);
  await stripe.invoices.finalizeInvoice(second.id);
  const told = listen(kontor);
  await told();
  const lost = await stripe.invoices.markUncollectible(first.id);
  assert.deepEqual([lost.status, lost.status_details?.uncollectible?.reason], ['uncollectible', 'user_forgiven']);
  assert.deepEqual(typesOf(await told()), ['invoice.marked_uncollectible', 'invoice.updated']);
  await stripe.invoices.markUncollectible(second.id);
  assert.deepEqual(await ledger(customer.id), { bad_debt: 2700, revenue: -2700 });
  assert.equal((await stripe.invoices.pay(first.id)).status, 'paid');
  await stripe.invoices.voidInvoice(second.id);
  assert.deepEqual(await ledger(customer.id), { cash_in_transit: 2000, revenue: -2000 });
});

test('an invoice of nothing is paid at once', async () => {
  const { stripe } = kontor;
  const customer = await customerWith(null);
  const invoice = await draft(customer.id, 0);
  const told = listen(kontor);
  await told();
  const paid = await stripe.invoices.finalizeInvoice(invoice.id);
  assert.deepEqual([paid.status, paid.amount_due, paid.attempted], ['paid', 0, true]);
  assert.deepEqual(typesOf(await told()), ['customer.updated', 'invoice.finalized', 'invoice.paid', 'invoice.payment_succeeded']);
  assert.deepEqual(await ledger(customer.id), {});
});

test('a negative total goes to the customer, and the next invoice takes it', async () => {
  const { stripe } = kontor;
  const customer = await customerWith('pm_card_visa');
  const credit = await stripe.invoices.finalizeInvoice((await draft(customer.id, -800)).id);
  assert.deepEqual([credit.status, credit.total, credit.amount_due, credit.ending_balance], ['paid', -800, 0, -800]);
  const [movement] = (await stripe.customers.listBalanceTransactions(customer.id)).data;
  assert.deepEqual([movement!.type, movement!.amount, movement!.invoice], ['applied_to_invoice', -800, credit.id]);
  const next = await stripe.invoices.pay((await draft(customer.id, 2000)).id);
  assert.deepEqual([next.amount_due, next.amount_paid, next.starting_balance, next.ending_balance], [1200, 1200, -800, 0]);
  assert.deepEqual(await ledger(customer.id), { cash_in_transit: 1200, revenue: -1200 });
});

test('an invoice is paid another way', async () => {
  const { stripe } = kontor;
  const customer = await customerWith(null);
  const invoice = await draft(customer.id, 2000);
  const told = listen(kontor);
  await told();
  await assert.rejects(stripe.invoices.pay(invoice.id, { paid_out_of_band: true, payment_method: 'pm_card_visa' }), { code: 'parameters_exclusive', param: 'payment_method' });
  const paid = await stripe.invoices.pay(invoice.id, { paid_out_of_band: true });
  assert.deepEqual([paid.status, paid.amount_paid, paid.amount_paid_off_stripe, paid.amount_remaining], ['paid', 2000, 2000, 0]);
  assert.deepEqual(typesOf(await told()), ['customer.updated', 'payment_intent.created', 'invoice.finalized', 'payment_intent.canceled', 'invoice.updated', 'invoice.paid']);
  assert.deepEqual(await ledger(customer.id), { paid_out_of_band: 2000, revenue: -2000 });
  await assert.rejects(stripe.invoices.pay(invoice.id), { code: 'status_transition_invalid' });
});

test('eight that pay at once make one charge', async () => {
  const { stripe } = kontor;
  const customer = await customerWith('pm_card_visa');
  const invoice = await stripe.invoices.finalizeInvoice((await draft(customer.id, 2000)).id);
  const tries = await Promise.allSettled(Array.from({ length: 8 }, () => stripe.invoices.pay(invoice.id)));
  assert.equal(tries.filter((each) => each.status === 'fulfilled').length, 1);
  for (const each of tries) if (each.status === 'rejected') assert.match(String((each.reason as Stripe.errors.StripeError).code), /^(lock_timeout|status_transition_invalid)$/);
  assert.equal((await stripe.charges.list({ customer: customer.id })).data.length, 1);
  assert.deepEqual(await ledger(customer.id), { cash_in_transit: 2000, revenue: -2000 });
});

test('a payment that is repeated with its idempotency key is made once', async () => {
  const { stripe } = kontor;
  const customer = await customerWith('pm_card_visa');
  const invoice = await stripe.invoices.finalizeInvoice((await draft(customer.id, 2000)).id);
  const [first, again] = [await stripe.invoices.pay(invoice.id, {}, { idempotencyKey: 'pay-once' }), await stripe.invoices.pay(invoice.id, {}, { idempotencyKey: 'pay-once' })];
  assert.deepEqual([first.status, again.status, again.lastResponse.headers['idempotent-replayed']], ['paid', 'paid', 'true']);
  assert.equal((await stripe.charges.list({ customer: customer.id })).data.length, 1);
});

test('a payment that was made for itself is attached to an invoice', async () => {
  const { stripe } = kontor;
  const customer = await customerWith(null);
  const made = await stripe.paymentIntents.create({ amount: 2500, currency: 'usd', customer: customer.id, payment_method: 'pm_card_visa', confirm: true });
  assert.equal(made.status, 'succeeded');
  assert.deepEqual(await ledger(customer.id), { cash_in_transit: 2500, unapplied_payments: -2500 });
  const invoice = await stripe.invoices.finalizeInvoice((await draft(customer.id, 2000)).id);
  const told = listen(kontor);
  await told();
  const paid = await stripe.invoices.attachPayment(invoice.id, { payment_intent: made.id });
  assert.deepEqual([paid.status, paid.amount_paid, paid.amount_overpaid], ['paid', 2000, 500]);
  assert.deepEqual(typesOf(await told()), ['invoice_payment.paid', 'invoice.updated', 'invoice.paid', 'invoice.payment_succeeded', 'invoice.overpaid', 'customer.updated', 'payment_intent.canceled']);
  assert.equal((await stripe.customers.retrieve(customer.id) as Stripe.Customer).balance, -500);
  assert.deepEqual(await ledger(customer.id), { cash_in_transit: 2500, customer_balance: -500, revenue: -2000 });
  await assert.rejects(stripe.invoices.attachPayment(invoice.id, { payment_intent: made.id }), { code: 'status_transition_invalid' });
});

test('a subscription runs late while its renewal is not paid, is in order once it is, and ends when it is given up', async () => {
  const { stripe } = kontor;
  const test_clock = await onClock();
  const customer = await customerWith('pm_card_visa', { test_clock });
  const product = await stripe.products.create({ name: 'Seats' });
  const price = await stripe.prices.create({ product: product.id, currency: 'usd', unit_amount: 1000, recurring: { interval: 'month' } });
  const subscription = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id, quantity: 2 }] });
  assert.equal(subscription.status, 'active');
  await replaceCard(customer.id, 'pm_card_chargeCustomerFail');
  const february = T0 + 31 * DAY;
  await kontor.advance(test_clock, february + 3_600);
  assert.equal((await stripe.subscriptions.retrieve(subscription.id)).status, 'past_due');
  const late = (await stripe.subscriptions.retrieve(subscription.id, { expand: ['latest_invoice'] })).latest_invoice as Stripe.Invoice;
  assert.deepEqual([late.status, late.attempt_count, late.next_payment_attempt], ['open', 1, february + 3_600 + 3 * DAY]);
  await assert.rejects(stripe.invoices.pay(late.id), { code: 'card_declined' });
  assert.equal((await stripe.invoices.retrieve(late.id)).next_payment_attempt, late.next_payment_attempt, 'what is tried by hand leaves the schedule as it is');
  const own = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  await stripe.invoices.pay(late.id, { payment_method: own.id });
  assert.equal((await stripe.subscriptions.retrieve(subscription.id)).status, 'active');
  await kontor.advance(test_clock, T0 + 59 * DAY + 3_600 + 8 * DAY);
  const ended = await stripe.subscriptions.retrieve(subscription.id);
  assert.deepEqual([ended.status, ended.cancellation_details?.reason], ['canceled', 'payment_failed']);
  assert.deepEqual(await ledger(customer.id), { cash_in_transit: 4000, receivable: 2000, revenue: -6000 });
});

test('two servers on one database finalize and charge each draft once', async (t) => {
  const { stripe } = kontor;
  const { app } = kontor;
  const { resources, timers, calls } = app.register;
  const house = { resources: [...resources.values()], timers: Object.fromEntries(timers), calls: Object.fromEntries(calls) };
  const other = await open({ database: kontor.database, rooms: [house], connectors: app.connectors, isStripes: () => false, pepper: 'pepper of the tests', log: app.log, host: '127.0.0.1', port: 0, allowLoopback: true, clock });
  t.after(() => other.close());
  const due = clock.now() + 3_600;
  const customers = await Promise.all(Array.from({ length: 6 }, () => customerWith('pm_card_visa')));
  const drafts = await Promise.all(customers.flatMap((customer) => [1, 2, 3].map((n) => draft(customer.id, 1000 * n, { auto_advance: true, automatically_finalizes_at: due }))));
  ahead_ms = 3_600_000;
  for (const each of drafts) await until(async () => (await stripe.invoices.retrieve(each.id)).status === 'paid');
  for (const customer of customers) {
    const charges = (await stripe.charges.list({ customer: customer.id })).data;
    assert.deepEqual(charges.map((charge) => charge.amount).sort(), [1000, 2000, 3000]);
    const numbers = (await stripe.invoices.list({ customer: customer.id })).data.map((each) => each.number!.split('-')[1]).sort();
    assert.deepEqual(numbers, ['0001', '0002', '0003']);
    assert.deepEqual(await ledger(customer.id), { cash_in_transit: 6000, revenue: -6000 });
  }
});

test('the ledger balances and says what the documents say', async () => {
  assert.deepEqual(await verify(kontor.database, () => {}), []);
});
