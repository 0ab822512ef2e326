import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { earned } from '../../../billing/ledger/earned.ts';
import { sealed } from '../../../tests/awaited.ts';
import { DAY, START } from '../../../tests/days.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { own } from '../../../tests/own.ts';

const YEAR = 365 * DAY;

type Sum = { ledger_account: string; processor: string | null; currency: string; debit: number; credit: number; balance: number };
type Entry = { id: string; amount: number; ledger_account: string; document: string; transaction: string; invoice_line_item: string | null; period: { start: number; end: number } | null; currency: string };
type Line = { transaction: string; ledger_account: string; debit: number; credit: number; at: number };

const ask = <T>(path: string, more = '') => own<T>(kontor.stripe, 'GET', `ledger/${path}${more}`);
const balances = async (query = '') => (await ask<{ balances: Sum[] }>('trial_balance', query)).balances;
const standing = async (query = '') => Object.fromEntries((await balances(query)).filter((sum) => sum.balance !== 0).map((sum) => [sum.ledger_account, sum.balance]));

/** A year of a plan and a setup fee with 19 % of tax, paid by card on 1 January; a credit note of 100.00 on the plan in July. */

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const clock = await stripe.testHelpers.testClocks.create({ frozen_time: START });
const customer = await stripe.customers.create({ name: 'Jenny', test_clock: clock.id, balance: -1_000 });
const method = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
const rate = await stripe.taxRates.create({ display_name: 'VAT', percentage: 19, inclusive: false });
const price = await stripe.prices.create({ currency: 'usd', unit_amount: 36_500, recurring: { interval: 'year' }, product_data: { name: 'Plan' } });
const fee = await stripe.prices.create({ currency: 'usd', unit_amount: 5_000, product_data: { name: 'Setup' } });
await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }], add_invoice_items: [{ price: fee.id }], default_payment_method: method.id, default_tax_rates: [rate.id] });
const invoice = (await stripe.invoices.list({ customer: customer.id })).data[0]!;
await kontor.advance(clock.id, START + 181 * DAY);
const line = invoice.lines.data.find((each) => each.amount === 36_500)!;
await stripe.creditNotes.create({ invoice: invoice.id, lines: [{ type: 'invoice_line_item', invoice_line_item: line.id, amount: 10_000 }], credit_amount: 11_900 });

test('the trial balance is what docs/concepts/ledger.md works out, sealed or not, and sums to 0 at every moment', async () => {
  // 2.9 % of $483.85 and 30 cents are kept.
  const after_year = { balance_adjustments: 1_000, cash_in_transit: 48_385, customer_balance: -11_900, revenue: -31_500, tax_payable: -5_985, processor_fees: 1_433 };
  const expected = settled(after_year);
  assert.deepEqual(await standing(`?at=${START + YEAR}`), expected);
  await sealed(kontor);
  assert.deepEqual(await standing(`?at=${START + YEAR}`), expected);
  for (const at of [START, START + 1, START + DAY / 2, START + 31 * DAY, START + 181 * DAY, START + 181 * DAY + 1, START + 300 * DAY]) {
    assert.equal((await balances(`?at=${at}`)).reduce((sum, each) => sum + each.balance, 0), 0);
  }
});

/** Fees are taken from the processor's balance. */
function settled(sums: Record<string, number>): Record<string, number> {
  const { processor_fees = 0, ...rest } = sums;
  const all = { ...sums, cash_in_transit: rest['cash_in_transit']! - processor_fees };
  return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
}

test('revenue is earned by line and period, to the second, and what is to come is deferred', async () => {
  const at = START + 31 * DAY;
  // 31 of 365 days of $365.00 and of the setup fee, which has the period of the invoice: 424.66 cents of it.
  const sums = await standing(`?at=${at}`);
  assert.deepEqual([sums['revenue'], sums['deferred_revenue']], [-(3_100 + 425), -(33_400 + 4_575)]);
  // Of the credit note $100.00 go back over the whole year: 181 days of it at once.
  const noted = await standing(`?at=${START + 181 * DAY + 1}`);
  const done = (amount: bigint) => Number(earned(amount, { start: START, end: START + YEAR }, START + 181 * DAY + 1));
  assert.deepEqual([noted['revenue'], noted['deferred_revenue']], [-(done(26_500n) + done(5_000n)), -(31_500 - done(26_500n) - done(5_000n))]);
});

test('the database earns as the core does', async () => {
  const cases: [bigint, number, number, number][] = [];
  for (let n = 0; n < 500; n += 1) {
    const [since, length] = [START + ((n * 7_919) % 10_000), 1 + ((n * 104_729) % 40_000_000)];
    cases.push([BigInt(n % 2 === 0 ? n * 1_000_003 : -n * 17), since, since + length, since - 5 + ((n * 15_485_863) % (length + 10))]);
  }
  cases.push([1n, 0, 2, 1], [-1n, 0, 2, 1], [9_007_199_254_740_991n, 0, 31_536_000, 31_535_999], [5n, 10, 20, 10], [5n, 10, 20, 20]);
  const { rows } = await kontor.database.pool.query<{ earned: bigint }>(
    `select ledger_earned(a, to_timestamp(s), to_timestamp(u), to_timestamp(m)) as earned from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) with ordinality t (a, s, u, m, n) order by n`,
    [0, 1, 2, 3].map((n) => cases.map((each) => String(each[n]))));
  assert.deepEqual(rows.map((each) => BigInt(each.earned)), cases.map(([amount, start, end, moment]) => earned(amount, { start, end }, moment)));
});

test('the days of the journal come to the trial balance, in JSON and in CSV', async () => {
  const sums: Record<string, number> = {};
  const days = [0, 1, 2, 30, 180, 181, 182, 364];
  for (let n = 0; n < 365; n += 1) {
    // Days on which nothing is posted only earn: a few of them are read, and the whole is compared in the middle and at the end by one day each.
    if (!days.includes(n)) continue;
    const day = new Date((START + n * DAY) * 1_000).toISOString().slice(0, 10);
    const { entries, debit, credit } = await ask<{ entries: Line[]; debit: number; credit: number }>('journal', `?day=${day}&currency=usd`);
    assert.equal(debit, credit);
    const before = await standing(`?at=${START + n * DAY}`);
    const after = await standing(`?at=${START + (n + 1) * DAY}`);
    const moved: Record<string, number> = {};
    for (const each of entries) moved[each.ledger_account] = (moved[each.ledger_account] ?? 0) + each.debit - each.credit;
    for (const account of new Set([...Object.keys(before), ...Object.keys(after), ...Object.keys(moved)])) assert.equal((after[account] ?? 0) - (before[account] ?? 0), moved[account] ?? 0, `${account} on ${day}`);
    sums[day] = entries.length;
    const file = await fetch(`${kontor.url}/v1/kontor/ledger/journal?day=${day}&currency=usd&format=csv`, { headers: { authorization: `Bearer ${kontor.key}` } });
    assert.deepEqual([file.headers.get('content-type'), file.headers.get('content-disposition')], ['text/csv; charset=utf-8', `attachment; filename*=UTF-8''journal-${day}-usd.csv`]);
    assert.equal((await file.text()).trimEnd().split('\r\n').length, entries.length + 1);
  }
  assert.equal(sums['2026-01-02'], 4);
});

test('entries are listed by page and filtered, and a document shows all that is about it', async () => {
  const all = await ask<{ data: Entry[]; has_more: boolean }>('entries', '?limit=100');
  const paged: Entry[] = [];
  for (let page = await ask<{ data: Entry[]; has_more: boolean }>('entries', '?limit=3'); ; page = await ask('entries', `?limit=3&starting_after=${encodeURIComponent(paged.at(-1)!.id)}`)) {
    paged.push(...page.data);
    if (!page.has_more) break;
  }
  assert.deepEqual(paged, all.data);
  const revenue = await ask<{ data: Entry[] }>('entries', `?ledger_account=revenue&document=${invoice.id}`);
  assert.deepEqual(revenue.data.map((each) => [each.amount, each.period !== null]).sort(), [[-36_500, true], [-5_000, true], [10_000, true]].sort());
  const about = await ask<{ transactions: { id: string; entries: Entry[] }[]; balances: Sum[] }>(`documents/${invoice.id}`);
  assert.ok(about.transactions.length >= 3);
  for (const { entries } of about.transactions) assert.equal(entries.reduce((sum, each) => sum + each.amount, 0), 0);
  assert.equal(about.balances.find((each) => each.ledger_account === 'receivable')!.balance, 0);
  await assert.rejects(ask('documents/in_nowhere'), { code: 'resource_missing' });
  await assert.rejects(ask('journal', '?day=2026-02-30&currency=usd'), { param: 'day' });
});

test('the chart says what each account is for and what it has come to', async () => {
  const { data } = await ask<{ data: { id: string; normal_side: string; description: string; balances: Sum[] }[] }>('accounts');
  const tax = data.find((each) => each.id === 'tax_payable')!;
  assert.deepEqual([tax.normal_side, tax.balances[0]!.balance], ['credit', -5_985]);
  assert.ok(data.every((each) => each.description.endsWith('.')));
});

test('what is posted can be neither changed nor removed, nor be out of balance, whoever asks', async () => {
  const refused = (text: string) => assert.rejects(kontor.database.pool.connect().then(async (client) => {
    try { await client.query(`begin; set local kontor.world = '${kontor.world.id}'`); await client.query(text); } finally { await client.query('rollback'); client.release(); }
  }));
  for (const table of ['ledger_entries', 'ledger_seals']) for (const text of [`update ${table} set world = world`, `delete from ${table}`, `truncate ${table}`]) await refused(text);
  await kontor.database.asOwner(async (owner) => {
    await owner.query(`begin; set local kontor.world = '${kontor.world.id}'`);
    await assert.rejects(owner.query('update ledger_entries set amount = amount + 1'), /append-only/);
    await owner.query('rollback');
  });
  await refused(`insert into ledger_entries (id, transaction, ledger_account, currency, amount, document, at) values ('x/0', 'x', 'revenue', 'usd', -1, 'x', now())`);
});

test('a voided invoice leaves nothing, also where a part of it was credited before', async () => {
  const { stripe } = kontor;
  const other = await stripe.customers.create({ email: 'a@example.com' });
  const now = Math.floor(Date.now() / 1_000);
  await stripe.invoiceItems.create({ customer: other.id, currency: 'eur', amount: 12_000, period: { start: now, end: now + YEAR } });
  await stripe.invoiceItems.create({ customer: other.id, currency: 'eur', amount: 777 });
  const draft = await stripe.invoices.create({ customer: other.id, currency: 'eur', collection_method: 'send_invoice', days_until_due: 30, pending_invoice_items_behavior: 'include' });
  const open = await stripe.invoices.finalizeInvoice(draft.id);
  await stripe.creditNotes.create({ invoice: open.id, amount: 1_000 });
  await stripe.invoices.voidInvoice(open.id);
  for (const at of [now + 60, now + 100 * DAY, now + YEAR]) {
    assert.deepEqual((await balances(`?at=${at}`)).filter((each) => each.currency === 'eur').map((each) => each.balance).filter((each) => each !== 0), []);
  }
});
