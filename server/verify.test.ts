/** One row is falsified, as only somebody beside Kontor can: each invariant finds its own. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import pg from 'pg';
import { startKontor, type Kontor } from '../tests/kontor.ts';
import { own } from '../tests/own.ts';
import { customerAt, meterOf, seatPrice } from '../tests/shop.ts';
import type { Database } from './database/database.ts';
import { types } from './database/parse.ts';
import { invariants, ofTheHouse } from './invariants.ts';
import { verify, type Finding } from './verify.ts';

const MONTH_S = 31 * 86_400;

const kontor = await startKontor();
const superuser = new pg.Client({ connectionString: kontor.database.urls.superuser, types });
await superuser.connect();
await live(kontor);
await kontor.counted();
after(async () => {
  await superuser.end();
  await kontor.close();
});

/** Three months of a customer with a subscription that is charged, one that is sent by mail, a draft, a balance, a discount, a tax and a receiver of events; and a trial of somebody who has no card yet. */
async function live({ stripe, advance }: Kontor): Promise<void> {
  await stripe.webhookEndpoints.create({ url: 'http://127.0.0.1:9999/nobody', enabled_events: ['customer.created'] });
  const { clock, customer } = await customerAt(stripe, 1_767_225_600, { name: 'Jenny', balance: -300 });
  const method = await stripe.paymentMethods.attach('pm_card_visa', { customer });
  const rate = await stripe.taxRates.create({ display_name: 'VAT', percentage: 19, inclusive: false });
  const coupon = await stripe.coupons.create({ percent_off: 10, duration: 'forever' });
  const price = await seatPrice(stripe, 1_500);
  const items = [{ price: price.id, quantity: 3 }];
  await stripe.subscriptions.create({ customer, items, default_payment_method: method.id, default_tax_rates: [rate.id], discounts: [{ coupon: coupon.id }] }, { idempotencyKey: 'first' });
  await stripe.subscriptions.create({ customer, items, collection_method: 'send_invoice', days_until_due: 30 });
  await meterOf(stripe, 'calls');
  for (const value of ['3', '4.5']) await stripe.billing.meterEvents.create({ event_name: 'calls', identifier: `calls ${value}`, payload: { stripe_customer_id: customer, value } });
  for (const formula of ['weighted_by_time', 'unique_count']) {
    await own(stripe, 'POST', 'meters', { display_name: formula, event_name: formula, default_aggregation: { formula } });
    await stripe.billing.meterEvents.create({ event_name: formula, payload: { stripe_customer_id: customer, value: '4' } });
  }
  await stripe.billing.meterEventAdjustments.create({ event_name: 'calls', type: 'cancel', cancel: { identifier: 'calls 3' } });
  await advance(clock, 1_767_225_600 + 3 * MONTH_S);
  const [open, paid] = await Promise.all((['open', 'paid'] as const).map(async (status) => (await stripe.invoices.list({ customer, status })).data[0]!));
  await stripe.creditNotes.create({ invoice: open!.id, amount: 600 });
  await stripe.creditNotes.voidCreditNote((await stripe.creditNotes.create({ invoice: open!.id, amount: 500 })).id);
  await stripe.creditNotes.create({ invoice: paid!.id, amount: 1_190, credit_amount: 1_190 });
  await stripe.invoiceItems.create({ customer, amount: 700, currency: 'usd' });
  await stripe.testHelpers.customers.fundCashBalance(customer, { amount: 900, currency: 'eur' });
  await stripe.invoices.create({ customer, auto_advance: true, collection_method: 'send_invoice', days_until_due: 30 });
  const { id: another } = await stripe.customers.create();
  await stripe.subscriptions.create({ customer: another, items, trial_period_days: 30 });
}

/** Verifies what a transaction that never commits has made of the database. */
async function verifyWith(falsify: string): Promise<Finding[]> {
  await superuser.query('begin; set local session_replication_role = replica');
  try {
    await superuser.query(falsify);
    await superuser.query('set local role kontor_owner');
    const query = (text: string, values?: unknown[]) => {
      const world = /^begin.*kontor\.world = '([0-9]+)'/.exec(text)?.[1];
      return superuser.query(world ? `set local kontor.world = '${world}'` : text === 'rollback' ? 'select' : text, values);
    };
    const asOwner: Database['asOwner'] = (work) => work({ query } as unknown as pg.Client);
    return await verify({ asOwner }, () => undefined, undefined, { audits: kontor.app.register.audits });
  } finally {
    await superuser.query('rollback');
  }
}

const one = (table: string, condition = 'true') => `(select ctid from ${table} where ${condition} order by ctid limit 1)`;
const change = (table: string, set: string, condition?: string) => `update ${table} set ${set} where ctid = ${one(table, condition)}`;
const remove = (table: string, condition?: string) => `delete from ${table} where ctid = ${one(table, condition)}`;
const copy = (table: string, changes: string, condition?: string) =>
  `insert into ${table} select (jsonb_populate_record(o, jsonb_build_object(${changes}))).* from ${table} o where o.ctid = ${one(table, condition)}`;
const late = `'2020-01-01T00:00:00Z'`;

test('what was lived holds together, and that is said', async () => {
  const said: string[] = [];
  assert.deepEqual(await verify(kontor.database, (sentence) => said.push(sentence)), []);
  assert.match(said.at(-1)!, /^[0-9]+ worlds verified/);
});

for (const [what, invariant, falsify] of [
  ['an obligation that two invoices discharge', 'I1', `drop index invoices_obligation; ${copy('invoices', `'id', 'in_copy', 'number', null`, `obligation is not null`)}`],
  ['a renewal that is billed twice', 'I1', copy('invoices', `'id', 'in_copy', 'number', null, 'obligation', null`, `billing_reason = 'subscription_cycle'`)],
  ['a period that is over and was not followed', 'I2', change('subscription_items', `current_period_start = ${late}, current_period_end = ${late}`)],
  ['a subscription that nothing will renew', 'I2', remove('timers', `kind = 'subscription.renew'`)],
  ['a setup that is over and still waited for', 'I2', change('setup_intents', `status = 'canceled'`)],
  ['a draft that nothing will finalize', 'I2', remove('timers', `kind = 'invoice.finalize'`)],
  ['a timer that nobody took', 'I2', change('timers', `at = ${late}`)],
  ['a timer that failed', 'I2', change('timers', `failures = 1, error = 'No reason.'`)],
  ['a period that overlaps the one before', 'I3', change('invoice_lines', `period_start = period_start - interval '1 day'`, `invoice in (select id from invoices where billing_reason = 'subscription_cycle')`)],
  ['a gap between two periods', 'I3', change('invoice_lines', `period_start = period_start + interval '1 day'`, `invoice in (select id from invoices where billing_reason = 'subscription_cycle')`)],
  ['a finalized invoice without a number', 'I4', change('invoices', 'number = null', 'number is not null')],
  ['a number that is given twice', 'I4', `drop index invoices_number; update invoices set number = (select min(number) from invoices) where number = (select max(number) from invoices)`],
  ['a gap between numbers', 'I4', change('customers', 'next_invoice_sequence = next_invoice_sequence + 1', 'next_invoice_sequence > 1')],
  ['a line that was changed', 'I5', change('invoice_lines', 'amount = amount + 1')],
  ['a total that was changed', 'I5', change('invoices', 'total = total + 1')],
  ['a discount that was changed', 'I5', change('invoices', `total_discount_amounts = '[{"discount":"di_x","amount":1}]'`)],
  ['a tax that was changed', 'I5', change('invoices', `total_taxes = '[]'`, `total_taxes <> '[]'`)],
  ['a balance that was changed on an invoice', 'I5', change('invoices', 'ending_balance = ending_balance + 1', 'ending_balance is not null')],
  ['a payment that was made up', 'I5', change('invoices', 'amount_paid = amount_paid + 1', `status in ('open', 'paid')`)],
  ['an unpaid invoice that is called paid', 'I5', change('invoices', `status = 'paid'`, `status = 'open' and amount_remaining > 0`)],
  ['a credit that no credit note gave', 'I5', change('invoices', 'post_payment_credit_notes_amount = post_payment_credit_notes_amount + 1', `status = 'paid'`)],
  ['a line of which too much was credited', 'I5', change('credit_note_lines', 'amount = 1000000')],
  ['a credit note that the ledger does not know', 'I6', `delete from ledger_entries where transaction = (select id || ':issued' from credit_notes limit 1)`],
  ['a voided credit note that the ledger still counts', 'I6', `delete from ledger_entries where transaction like 'cn\\_%:voided'`],
  ['a ledger entry that was changed', 'I6', change('ledger_entries', 'amount = amount + 1')],
  ['a ledger transaction that was removed', 'I6', `delete from ledger_entries where transaction = (select transaction from ledger_entries where ledger_account = 'revenue' limit 1)`],
  ['a debt that the ledger does not know', 'I6', change('ledger_entries', `ledger_account = 'bad_debt'`, `ledger_account = 'receivable' and document in (select id from invoices where status = 'open')`)],
  ["a customer's balance that was changed", 'I6', change('customers', 'balance = balance + 1')],
  ['cash that no transfer brought', 'I6', change('cash_balances', 'amount = amount + 1')],
  ['a payment that was taken twice', 'I7', copy('charges', `'id', 'ch_copy', 'attempt', null, 'processor_reference', 'ch_other'`, `status = 'succeeded'`)],
  ['a payment that was not received', 'I7', change('payment_intents', 'amount_received = amount_received - 1', `status = 'succeeded'`)],
  ['more given back than taken', 'I8', change('charges', 'amount_refunded = amount_captured + 1')],
  ['a balance transaction of another amount', 'I26', change('balance_transactions', 'amount = amount + 1, net = net + 1')],
  ['a fee that is not its lines', 'I26', change('balance_transactions', 'fee = fee + 1, net = net - 1')],
  ['a dispute that is not there', 'I27', change('charges', 'amount_disputed = 1')],
  ['an event that was not told', 'I9', remove('events', `type = 'invoice.finalized'`)],
  ['an event that was told twice', 'I9', copy('events', `'id', 'evt_copy'`, `type = 'invoice.paid'`)],
  ['a subscription whose beginning was not told', 'I9', remove('events', `type = 'customer.subscription.created'`)],
  ['a payment that was not told', 'I9', remove('events', `type = 'payment_intent.succeeded'`)],
  ['a setup that was not told', 'I9', remove('events', `type = 'setup_intent.created'`)],
  ['a credit note that was not told', 'I9', remove('events', `type = 'credit_note.voided'`)],
  ['an event that waits too long', 'I9', change('webhook_deliveries', `state = 'pending', next_at = ${late}`)],
  ['usage that was counted twice', 'I10', change('meter_rollups', 'sum = sum + 4.5, events = events + 1')],
  ['usage that was taken back and is still counted', 'I10', `delete from meter_event_cancellations`],
  ['an event that is gone', 'I10', `delete from meter_events where identifier = 'calls 4.5'`],
  ['a level that held for longer', 'I10', change('meter_rollups', 'level_seconds = level_seconds + 1', 'level_seconds is not null')],
  ['a value that came more often', 'I10', change('meter_values', 'events = events + 1')],
  ['a day that is not what its hours come to', 'I10', change('meter_days', 'sum = sum + 1')],
  ['an hour that is gone', 'I10', 'delete from meter_rollups'],
  ['a tally that was made up', 'I10', `insert into meter_tallies (world, meters, customers, hours, dimensions, events, sums, first_numbers) select world, array[meter], array[customer], array[hour], array[dimensions], '{1}', '{1}', array[first_number] from meter_rollups limit 1`],
  ['a line whose price does not exist', 'I15', change('invoice_lines', `price = 'price_nowhere'`)],
  ['an invoice of a customer of another world', 'I15', `update invoices set customer = 'cus_elsewhere' where ctid = ${one('invoices')}; update customers set world = world + 1, id = 'cus_elsewhere' where ctid = ${one('customers')}`],
  ['a reference that may leave its world', 'I15', 'alter table tax_ids add column other text unique; alter table products add column other text references tax_ids (other)'],
  ['a question that was never asked', 'I19', copy('calls', `'id', 'call_copy', 'state', 'pending', 'next_at', ${late}`)],
  ['a quantity that is not the one that was billed', 'I21', change('invoice_lines', `quantity_decimal = '4'`)],
  ['a part of a discount that was moved to another line, so that all sums still agree', 'I21', `update invoice_lines set discount_amounts = jsonb_set(discount_amounts, '{0,amount}', to_jsonb((discount_amounts->0->>'amount')::bigint + 1)), amount = amount + 1 where ctid = ${one('invoice_lines', `discount_amounts <> '[]'`)}`],
  ['a price that was raised after it was billed', 'I21', change('prices', `unit_amount_decimal = '1600'`)],
  ['usage that was set aside and that nothing will count', 'I28', `insert into usage_set_aside (world, id, events, error, created) select id, 'mtrev_x', '[]', 'No reason.', ${late} from worlds limit 1`],
  ['usage that has waited too long to be counted', 'I28', `update usage_leases set behind_since = ${late} where partition = 3`],
  ['usage that was acknowledged and is gone', 'I28', `insert into usage_losses (partition, stream, since, upto, found_at) values (3, 'made once', 17, 21, ${late})`],
  ['an idempotency key without an answer', 'I16', change('idempotency_keys', 'status = null, body = null, continuation = null')],
  ['an idempotency key that waits for nothing', 'I16', change('idempotency_keys', `status = null, body = null, continuation = '{"object":"invoice","id":"in_x","expand":[],"calls":["call_nowhere"]}'`)],
] as const) {
  test(`found: ${what}`, async () => {
    const found = await verifyWith(falsify);
    assert.ok(found.some((finding) => finding.invariant === invariant), `found only ${JSON.stringify(found)}`);
    assert.ok(found.every((finding) => finding.object && finding.sentence));
  });
}

test('every invariant says what is always true', () => {
  for (const { id, about } of [...invariants, ...ofTheHouse]) assert.match(`${id} ${about}`, /^I[0-9]+ .+\.$/);
});
