import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { inWorld } from '../../../server/database/world.ts';
import { DAY, FEBRUARY, HOUR, START } from '../../../tests/days.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { explained, own } from '../../../tests/own.ts';
import { meteredPrice, meterOf, paysBy, report, seatPrice } from '../../../tests/shop.ts';
import { listen, typesOf } from '../../../tests/told.ts';

const MARCH = Date.UTC(2026, 2, 1) / 1_000;

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const metered = async (event_name: string) => (await meteredPrice(stripe, (await meterOf(stripe, event_name)).id, 10, { product_data: { name: event_name } })).id;
const [calls, mails] = [await metered('calls'), await metered('mails')];
const seat = (await seatPrice(stripe, 2_000)).id;

async function onClock(more: Partial<Stripe.CustomerCreateParams> = paysBy()): Promise<{ clock: string; customer: string }> {
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: START });
  return { clock: clock.id, customer: (await stripe.customers.create({ test_clock: clock.id, ...more })).id };
}
const monetary = (value: number, currency = 'usd') => ({ type: 'monetary' as const, monetary: { currency, value } });
const ALL = { scope: { price_type: 'metered' as const } };
const grant = (customer: string, value: number, more: Partial<Stripe.Billing.CreditGrantCreateParams> = {}) => stripe.billing.creditGrants.create({ customer, amount: monetary(value), applicability_config: ALL, ...more });
const use = (event_name: string, customer: string, value: number) => report(stripe, event_name, customer, value);
const latest = async (customer: string) => (await stripe.invoices.list({ customer, limit: 1 })).data[0]!;
const movements = async (of: Stripe.Billing.CreditBalanceTransactionListParams) => (await stripe.billing.creditBalanceTransactions.list({ ...of, limit: 100 })).data.reverse().map(({ credit, debit }) => [credit?.type ?? debit!.type, (credit ?? debit)!.amount.monetary!.value]);
const balances = async (customer: string, filter: Stripe.Billing.CreditBalanceSummaryRetrieveParams.Filter = { type: 'applicability_scope', applicability_scope: { price_type: 'metered' } }) =>
  (await stripe.billing.creditBalanceSummaries.retrieve({ customer, filter })).balances.map((each) => [each.ledger_balance.monetary!.value, each.available_balance.monetary!.value]);

const explains = async (id: string): Promise<string[]> => (await explained(stripe, id)).sentences;

test('a grant is told, read, listed and summed up', async () => {
  const { customer, clock } = await onClock();
  const heard = listen(kontor);
  await heard();
  const made = await grant(customer, 5_000, { name: 'Welcome', category: 'promotional', priority: 7, metadata: { deal: '12' }, expires_at: START + 90 * DAY });
  assert.deepEqual(made, {
    id: made.id, object: 'billing.credit_grant', amount: monetary(5_000), applicability_config: ALL, category: 'promotional', created: START, customer, customer_account: null, effective_at: START,
    expires_at: START + 90 * DAY, livemode: false, metadata: { deal: '12' }, name: 'Welcome', priority: 7, test_clock: clock, updated: START, voided_at: null,
  });
  assert.deepEqual(typesOf(await heard()), ['billing.credit_grant.created', 'billing.credit_balance_transaction.created']);
  const { data: [transaction] } = await stripe.billing.creditBalanceTransactions.list({ customer });
  assert.deepEqual(transaction, {
    id: transaction!.id, object: 'billing.credit_balance_transaction', created: START, credit: { amount: monetary(5_000), credits_application_invoice_voided: null, type: 'credits_granted' }, credit_grant: made.id,
    debit: null, effective_at: START, livemode: false, test_clock: clock, type: 'credit',
  });
  assert.deepEqual(await stripe.billing.creditBalanceTransactions.retrieve(transaction!.id), transaction);
  assert.deepEqual(await stripe.billing.creditGrants.retrieve(made.id), made);
  const later = await grant(customer, 700, { effective_at: START + DAY, applicability_config: { scope: { prices: [{ id: calls }] } } });
  assert.deepEqual([later.category, later.priority, later.applicability_config], ['paid', 50, { scope: { prices: [{ id: calls }] } }]);
  assert.deepEqual((await stripe.billing.creditGrants.list({ customer })).data.map((each) => each.id), [later.id, made.id]);
  assert.deepEqual(await balances(customer), [[5_700, 5_000]]);
  assert.deepEqual(await balances(customer, { type: 'credit_grant', credit_grant: later.id }), [[700, 0]]);
  assert.deepEqual(await balances(customer, { type: 'applicability_scope', applicability_scope: { prices: [{ id: mails }] } }), [[5_000, 5_000]]);
});

test('credits are set against usage before tax, in their order, as the preview says; the rest is charged', async () => {
  const { clock, customer } = await onClock();
  const vat = await stripe.taxRates.create({ display_name: 'VAT', percentage: 20, inclusive: false });
  const subscription = await stripe.subscriptions.create({ customer, items: [{ price: seat, quantity: 1 }, { price: calls }, { price: mails }], default_tax_rates: [vat.id] });
  const [first, second] = [await grant(customer, 600, { name: 'Mails only', priority: 1, applicability_config: { scope: { prices: [{ id: mails }] } } }), await grant(customer, 900, { name: 'Welcome' })];
  await use('calls', customer, 100);
  await use('mails', customer, 50);
  await kontor.advance(clock, START + DAY);
  const preview = await stripe.invoices.createPreview({ subscription: subscription.id });
  await kontor.advance(clock, FEBRUARY);
  const heard = listen(kontor);
  await heard();
  await kontor.advance(clock, FEBRUARY + 2 * HOUR);
  const types = typesOf(await heard());
  assert.equal(types.filter((type) => type === 'billing.credit_balance_transaction.created').length, 2);
  assert.ok(types.indexOf('billing.credit_balance_transaction.created') < types.indexOf('invoice.finalized'));
  const invoice = await latest(customer);
  // Seat 20.00; 100 calls 10.00, of which the second grant gives 9.00; 50 mails 5.00, all of it from the first one. Tax on 20.00, 1.00 and nothing.
  const shown = (of: Stripe.Invoice) => of.lines.data.map((line) => [line.amount, line.pretax_credit_amounts!.map((each) => each.amount), line.taxes!.map((tax) => [tax.taxable_amount, tax.amount])]);
  assert.deepEqual(shown(invoice), [[2_000, [], [[2_000, 400]]], [1_000, [900], [[100, 20]]], [500, [500], [[0, 0]]]]);
  assert.deepEqual([invoice.subtotal, invoice.total_excluding_tax, invoice.total, invoice.amount_due], [3_500, 2_100, 2_520, 2_520]);
  assert.deepEqual([shown(preview), preview.total, preview.amount_due], [shown(invoice), invoice.total, invoice.amount_due]);
  const { data } = await stripe.billing.creditBalanceTransactions.list({ credit_grant: second.id });
  assert.deepEqual(data[0]!.debit, { amount: monetary(900), credits_applied: { invoice: invoice.id, invoice_line_item: invoice.lines.data[1]!.id }, type: 'credits_applied' });
  assert.deepEqual(invoice.total_pretax_credit_amounts!.map(({ amount, type, credit_balance_transaction }) => [amount, type, credit_balance_transaction === data[0]!.id]), [[900, 'credit_balance_transaction', true], [500, 'credit_balance_transaction', false]]);
  assert.deepEqual([await balances(customer), await movements({ credit_grant: first.id })], [[[100, 100]], [['credits_granted', 600], ['credits_applied', 500]]]);
  const sentences = await explains(invoice.id);
  assert.ok(sentences.includes('The credit grant “Welcome” gives -$9.00, before tax.') && sentences.includes('Credit grants take off $14.00.'));
  const ledger = await inWorld(kontor.database.pool, kontor.world, (tx) => tx.query("select ledger_account, sum(amount)::text as sum from ledger_entries where transaction = $1 group by 1 order by 1", [`${invoice.id}:finalized`]));
  assert.deepEqual(ledger.rows, [{ ledger_account: 'customer_credits', sum: '1400' }, { ledger_account: 'receivable', sum: '2520' }, { ledger_account: 'revenue', sum: '-3500' }, { ledger_account: 'tax_payable', sum: '-420' }]);
  const comparison = await own<{ causes: { kind: string; amount: number }[] }>(stripe, 'GET', `invoices/${invoice.id}/comparison`);
  assert.deepEqual(comparison.causes.filter((cause) => cause.kind === 'credit' || cause.kind === 'rest'), [{ ...comparison.causes.find((cause) => cause.kind === 'credit')!, amount: -1_400 }]);
});

test('a voided invoice gives its credits back, and what has expired is lost', async () => {
  const { clock, customer } = await onClock({});
  await stripe.subscriptions.create({ customer, items: [{ price: calls }], collection_method: 'send_invoice', days_until_due: 30 });
  const [short, long] = [await grant(customer, 300, { expires_at: FEBRUARY + DAY }), await grant(customer, 400)];
  await use('calls', customer, 100);
  await kontor.advance(clock, FEBRUARY + 2 * HOUR);
  const invoice = await latest(customer);
  assert.deepEqual([invoice.total, await balances(customer)], [300, [[0, 0]]]);
  await kontor.advance(clock, FEBRUARY + 2 * DAY);
  await stripe.invoices.voidInvoice(invoice.id);
  assert.deepEqual(await movements({ credit_grant: short.id }), [['credits_granted', 300], ['credits_applied', 300], ['credits_application_invoice_voided', 300], ['credits_expired', 300]]);
  assert.deepEqual(await movements({ credit_grant: long.id }), [['credits_granted', 400], ['credits_applied', 400], ['credits_application_invoice_voided', 400]]);
  assert.deepEqual(await balances(customer), [[400, 400]]);
  await kontor.advance(clock, MARCH + 2 * HOUR);
  assert.equal((await latest(customer)).total, 0);
});

test('what is left expires at its moment; it can be moved, brought about, or taken back while it is unused', async () => {
  const { clock, customer } = await onClock();
  const [timed, moved, ended, taken] = [await grant(customer, 100, { expires_at: START + DAY }), await grant(customer, 200, { expires_at: START + DAY }), await grant(customer, 300), await grant(customer, 400)];
  assert.equal((await stripe.billing.creditGrants.update(moved.id, { expires_at: '', metadata: { kept: 'yes' } })).expires_at, null);
  const heard = listen(kontor);
  await heard();
  assert.equal((await stripe.billing.creditGrants.expire(ended.id)).expires_at, START);
  assert.equal((await stripe.billing.creditGrants.voidGrant(taken.id)).voided_at, START);
  assert.deepEqual(typesOf(await heard()), ['billing.credit_grant.updated', 'billing.credit_balance_transaction.created', 'billing.credit_grant.updated', 'billing.credit_balance_transaction.created']);
  await kontor.advance(clock, START + 2 * DAY);
  assert.deepEqual(await balances(customer), [[200, 200]]);
  assert.deepEqual([await movements({ credit_grant: timed.id }), await movements({ credit_grant: ended.id }), await movements({ credit_grant: taken.id })], [
    [['credits_granted', 100], ['credits_expired', 100]], [['credits_granted', 300], ['credits_expired', 300]], [['credits_granted', 400], ['credits_voided', 400]],
  ]);
  for (const late of [timed, ended, taken]) {
    await assert.rejects(stripe.billing.creditGrants.expire(late.id), { statusCode: 400 });
    await assert.rejects(stripe.billing.creditGrants.voidGrant(late.id), { statusCode: 400 });
    await assert.rejects(stripe.billing.creditGrants.update(late.id, { expires_at: START + 9 * DAY }), { statusCode: 400 });
  }
});

test('a credit note takes its part of the credits with it', async () => {
  const { clock, customer } = await onClock();
  await stripe.subscriptions.create({ customer, items: [{ price: calls }] });
  await grant(customer, 400);
  await use('calls', customer, 100);
  await kontor.advance(clock, FEBRUARY + 2 * HOUR);
  const invoice = await latest(customer);
  // Of 10.00 less 4.00 of credit, half is taken back: 5.00 less 2.00.
  const note = await stripe.creditNotes.create({ invoice: invoice.id, lines: [{ type: 'invoice_line_item', invoice_line_item: invoice.lines.data[0]!.id, amount: 500 }], credit_amount: 300 });
  assert.deepEqual([note.subtotal, note.total], [500, 300]);
  const rest = await stripe.creditNotes.create({ invoice: invoice.id, amount: 300, credit_amount: 300 });
  assert.deepEqual([rest.total, await balances(customer)], [300, [[0, 0]]]);
});

test('several invoices of a customer at once use a credit once', async () => {
  const { clock, customer } = await onClock();
  for (let n = 0; n < 3; n += 1) await stripe.subscriptions.create({ customer, items: [{ price: calls }] });
  await grant(customer, 1_500);
  await use('calls', customer, 100);
  await kontor.advance(clock, FEBRUARY + 2 * HOUR);
  const { data } = await stripe.invoices.list({ customer, limit: 100 });
  assert.deepEqual([data.map((invoice) => invoice.total).sort(), await balances(customer)], [[0, 1_000, 500].sort(), [[0, 0]]]);
});

test('what cannot be granted is refused by name', async () => {
  const { customer } = await onClock();
  await stripe.subscriptions.create({ customer, items: [{ price: seat }] });
  const used = await grant(customer, 10);
  const create = (more: object) => () => grant(customer, 100, more);
  const bad: [() => Promise<unknown>, string | undefined, number?][] = [
    [create({ customer: undefined }), 'customer'],
    [create({ customer: 'cus_none' }), 'customer'],
    [create({ amount: { type: 'monetary' } }), 'amount[monetary]'],
    [create({ amount: monetary(0) }), 'amount[monetary][value]'],
    [create({ amount: monetary(5, 'eur') }), 'amount[monetary][currency]'],
    [create({ applicability_config: { scope: {} } }), 'applicability_config'],
    [create({ applicability_config: { scope: { prices: [] } } }), 'applicability_config'],
    [create({ applicability_config: { scope: { prices: [{ id: seat }] } } }), 'applicability_config[scope][prices][0][id]'],
    [create({ applicability_config: { scope: { prices: [{ id: 'price_none' }] } } }), 'applicability_config[scope][prices][0][id]'],
    [create({ category: 'gift' }), 'category'],
    [create({ expires_at: START }), 'expires_at'],
    [create({ effective_at: START + 2 * DAY, expires_at: START + DAY }), 'expires_at'],
    [create({ priority: 101 }), 'priority'],
    [() => stripe.billing.creditGrants.update(used.id, { expires_at: START - 1 }), 'expires_at'],
    [() => stripe.billing.creditGrants.retrieve('credgr_none'), 'id', 404],
    [() => stripe.billing.creditGrants.voidGrant('credgr_none'), 'id', 404],
    [() => stripe.billing.creditBalanceTransactions.retrieve('cbtxn_none'), 'id', 404],
    [() => stripe.billing.creditBalanceSummaries.retrieve({ customer, filter: { type: 'credit_grant' } }), 'filter[credit_grant]'],
    [() => stripe.billing.creditBalanceSummaries.retrieve({ customer, filter: { type: 'credit_grant', credit_grant: 'credgr_none' } }), 'filter[credit_grant]'],
    [() => stripe.billing.creditBalanceSummaries.retrieve({ customer, filter: { type: 'applicability_scope' } }), 'filter[applicability_scope]'],
  ];
  for (const [request, param, statusCode = 400] of bad) {
    const error = await request().then(() => assert.fail(`nothing was refused at ${param}`), (reason: Stripe.errors.StripeError) => reason);
    assert.deepEqual([error.param, error.statusCode], [param, statusCode], error.message);
  }
});
