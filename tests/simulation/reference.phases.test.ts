/** The reference model by hand: schedules, pauses, price moves, credit notes and the days of a period. The terms are seats at $31.00 a month and calls at $0.10, from 1 January 2026. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Action, Coupon, History, Item, Line, Phase, Price, Rate } from './reference/history.ts';
import { recompute } from './reference/recompute.ts';

const at = (text: string): number => Date.parse(`2026-${text.includes('T') ? text : `${text}T00:00:00`}Z`) / 1000;
const price = (id: string, unit: string, more: Partial<Price> = {}): Price => ({
  id, product: `prod_${id}`, currency: 'usd', recurrence: { interval: 'month', interval_count: 1 }, usage_type: more.meter ? 'metered' : 'licensed', meter: null, billing_scheme: 'per_unit', unit_amount_decimal: unit,
  tiers: null, tiers_mode: null, transform_quantity: null, ...more,
});
const item = (price: Price, quantity: number, more: Partial<Item> = {}): Item => ({ key: price.id, price, quantity, tax_rates: [], discounts: [], ...more });
const seat = price('seat', '3100');
const desk = price('desk', '6200');
const calls = price('calls', '10', { meter: 'm' });
const cheap = price('cheap', '4', { meter: 'm' });

const phase = (start: string, end: string, items: Item[], more: Partial<Phase> = {}): Phase => ({
  start: at(start), end: at(end), items, discounts: [], default_tax_rates: null, trial_end: null, anchored: false, proration_behavior: 'create_prorations', ...more,
});
const life = (items: Item[], until: string, more: Partial<History> = {}): History => ({
  currency: 'usd', tax_exempt: 'none', start: at('01-01'), proration_behavior: 'create_prorations', items, discounts: [], default_tax_rates: [], usage: [], pending: [], actions: [], until: at(until), ...more,
});
const scheduled = (phases: Phase[], end_behavior: 'cancel' | 'release' = 'release') => ({ end: phases[0]!.start, phases, end_behavior });
const day = (time: number): string => new Date(time * 1000).toISOString().slice(5, 10);
const tell = (line: Line): string => `${line.kind} ${line.amount} ${day(line.period.start)}..${day(line.period.end)}${line.discounts.map((one) => ` -${one.amount}`).join('')}${line.taxes.map((tax) => ` +${tax.amount}`).join('')}`;
const bills = (history: History): string[] => recompute(history).invoices.map((invoice) => `${day(invoice.at)}: ${invoice.lines.map(tell).join(', ')}`);
const FIRST = '01-01: licensed 3100 01-01..02-01';

const rows: [what: string, history: History, expected: string[]][] = [
  ['a phase at a boundary is billed as a whole, and nothing is prorated', life([item(seat, 1)], '02-01', { scheduled: scheduled([phase('02-01', '03-01', [item(desk, 2)])]) }), [FIRST, '02-01: licensed 12400 02-01..03-01']],
  // 21 of 31 days of $31.00, and of $62.00
  ['a phase within a period is prorated', life([item(seat, 1)], '02-01', { scheduled: scheduled([phase('01-11', '03-01', [item(desk, 1)])]) }), [FIRST, '02-01: credit -2100 01-11..02-01, debit 4200 01-11..02-01, licensed 6200 02-01..03-01']],
  ['or not', life([item(seat, 1)], '02-01', { scheduled: scheduled([phase('01-11', '03-01', [item(desk, 1)], { proration_behavior: 'none' })]) }), [FIRST, '02-01: licensed 6200 02-01..03-01']],
  ['usage until a boundary is billed at its own price', life([item(calls, 0)], '03-01', { usage: [{ meter: 'm', at: at('01-31'), value: '7' }, { meter: 'm', at: at('02-01'), value: '5' }], scheduled: scheduled([phase('02-01', '03-15', [item(cheap, 0)])]) }),
    ['02-01: metered 70 01-01..02-01', '03-01: metered 20 02-01..03-01']],
  ['a trial in a phase ends all periods, and its end begins them', life([item(seat, 1)], '01-21', { scheduled: scheduled([phase('01-11', '03-01', [item(seat, 1)], { trial_end: at('01-21') })]) }),
    [FIRST, '01-11: credit -2100 01-11..02-01, licensed 0 01-11..01-21', '01-21: licensed 3100 01-21..02-21']],
  ['a new cycle ends all periods', life([item(seat, 1)], '01-11', { scheduled: scheduled([phase('01-11', '03-01', [item(seat, 1)], { anchored: true })]) }), [FIRST, '01-11: credit -2100 01-11..02-01, licensed 3100 01-11..02-11']],
  ['the last phase ends it, and what is left is given back', life([item(seat, 1)], '06-01', { scheduled: scheduled([phase('01-06', '01-11', [item(seat, 1)])], 'cancel') }), [FIRST, '01-11: credit -2100 01-11..02-01']],
];
for (const [what, history, expected] of rows) test(what, () => assert.deepEqual(bills(history), expected));

const coupon: Coupon = { id: 'half', percent_off: '50', duration: 'repeating', duration_in_months: 1 };
test('a coupon that goes on keeps its time, and one that is over is redeemed anew', () => {
  const again = (start: string) => bills(life([item(seat, 1)], '04-01', { discounts: [coupon], scheduled: scheduled([phase(start, '05-01', [item(seat, 1)], { discounts: [coupon] })]) })).slice(1);
  assert.deepEqual(again('01-15'), ['02-01: licensed 3100 02-01..03-01', '03-01: licensed 3100 03-01..04-01', '04-01: licensed 3100 04-01..05-01']); // until 1 February
  assert.deepEqual(again('02-15'), ['02-01: licensed 3100 02-01..03-01', '03-01: licensed 3100 03-01..04-01 -1550', '04-01: licensed 3100 04-01..05-01']); // until 15 March
});

test('what is taken back is taxed as it was charged', () => {
  const vat: Rate = { id: 'vat', percentage: '10', inclusive: false };
  const history = life([item(seat, 1)], '02-01', { scheduled: scheduled([phase('01-11', '03-01', [item(seat, 2)], { default_tax_rates: [vat] })]) });
  // Nothing on the $31.00 of January, 10 % of 21 of 31 days of $62.00
  assert.deepEqual(bills(history)[1], '02-01: credit -2100 01-11..02-01, debit 4200 01-11..02-01 +420, licensed 6200 02-01..03-01 +620');
});

const pause = (when: string, more: Partial<Extract<Action, { kind: 'pause' }>> = {}): Action => ({ at: at(when), kind: 'pause', unused_time_from: 'now', outstanding_usage_through: 'now', invoicing_behavior: 'pending_invoice_item', ...more });
const resume = (when: string, more: Partial<Extract<Action, { kind: 'resume' }>> = {}): Action => ({ at: at(when), kind: 'resume', anchor: 'unchanged', proration_behavior: 'create_prorations', then: 'pay', ...more });
test('a pause gives back what is left, and a resumption charges the rest of its period', () => {
  const actions = [pause('01-16'), resume('02-15')];
  // 16 of 31 days of $31.00; 7 calls; 14 of 28 days of $31.00
  assert.deepEqual(bills(life([item(seat, 1), item(calls, 0)], '03-01', { actions, usage: [{ meter: 'm', at: at('01-10'), value: '7' }, { meter: 'm', at: at('01-20'), value: '100' }, { meter: 'm', at: at('02-20'), value: '3' }] })), [
    FIRST, '03-01: credit -1600 01-16..02-01, metered 70 01-01..01-16, debit 1550 02-15..03-01, licensed 3100 03-01..04-01, metered 30 02-15..03-01',
  ]);
  const anew = recompute(life([item(seat, 1)], '03-10', { actions: [pause('01-16'), resume('03-10', { anchor: 'now' })] }));
  assert.deepEqual(anew.invoices[1]!.lines.map(tell), ['credit -1600 01-16..02-01', 'licensed 3100 03-10..04-10']);
  const voided = recompute(life([item(seat, 1)], '03-10', { actions: [pause('01-16'), resume('03-10', { anchor: 'now', then: 'void' })] }));
  assert.deepEqual([voided.paused, voided.pending.map(tell)], [true, ['credit -1600 01-16..02-01']]);
});

test('nothing is given back of what nobody had to pay', () => {
  const change = (): Action => ({ at: at('02-15'), kind: 'change', changes: [{ key: 'seat', quantity: 2 }], proration_behavior: 'create_prorations' });
  const pending = (behavior: 'keep_as_draft' | 'mark_uncollectible' | 'void') => recompute(life([item(seat, 1)], '02-15', { actions: [{ at: at('01-15'), kind: 'pause_collection', behavior, resumes_at: at('02-10') }, change()] })).pending.map(tell);
  assert.deepEqual([pending('keep_as_draft'), pending('void'), pending('mark_uncollectible')], [['credit -1550 02-15..03-01', 'debit 3100 02-15..03-01'], ['debit 3100 02-15..03-01'], ['debit 3100 02-15..03-01']]);
});

test('a credit note takes discounts and taxes in proportion, first off what is due', () => {
  const vat: Rate = { id: 'vat', percentage: '10', inclusive: false };
  const tenth: Coupon = { id: 'tenth', percent_off: '10', duration: 'forever' };
  const actions: Action[] = [
    { at: at('01-10'), kind: 'credit', invoice: 0, credited: { lines: [{ line: 0, quantity: 1 }] }, to: 'balance' },
    { at: at('01-11'), kind: 'pay', invoice: 0 },
    { at: at('01-12'), kind: 'credit', invoice: 0, credited: { amount: 1000n }, to: 'balance' },
  ];
  const { notes, invoices, balance } = recompute(life([item(seat, 3)], '01-15', { discounts: [tenth], default_tax_rates: [vat], actions }));
  // 3 × $31.00, less $9.30, and $8.37 of tax: $92.07. A third of it is $31.00, $3.10 and $2.79. Of $10.00, 10.1 were the amount, 1.01 the discount and 0.91 the tax.
  assert.deepEqual(notes.map((note) => [note.total, note.lines.map((line) => [line.amount, line.discounts.map((one) => one.amount), line.taxes.map((tax) => tax.amount)]), note.pre_payment, note.to_balance]), [
    [3069n, [[3100n, [310n], [279n]]], 3069n, 0n],
    [1000n, [[1010n, [101n], [91n]]], 0n, 1000n],
  ]);
  assert.deepEqual([invoices[0]!.total, invoices[0]!.status, balance], [9207n, 'paid', -1000n]);
});

test('by the day a change counts from the beginning of its day', () => {
  const change: Action = { at: at('01-11T18:00:00'), kind: 'change', changes: [{ key: 'seat', quantity: 2 }], proration_behavior: 'create_prorations' };
  const pending = (more: Partial<History>) => recompute(life([item(seat, 1)], '01-12', { actions: [change], ...more })).pending.map((line) => line.amount);
  assert.deepEqual([pending({}), pending({ by_day: true })], [[-2025n, 4050n], [-2100n, 4200n]]); // 20.25 of 31 days, and 21
});

test('a price move changes who has the price, and nobody who ends with the period', () => {
  const move: Action = { at: at('01-11'), kind: 'move_price', from: 'seat', to: desk, proration_behavior: 'create_prorations', when: 'now' };
  assert.deepEqual(recompute(life([item(seat, 1)], '01-11', { actions: [move] })).pending.map(tell), ['credit -2100 01-11..02-01', 'debit 4200 01-11..02-01']);
  assert.deepEqual(recompute(life([item(seat, 1)], '01-11', { actions: [{ at: at('01-05'), kind: 'cancel_at_period_end' }, move] })).refused, [1]);
});

test('what would have to be charged at once is refused where there is nothing to charge', () => {
  const tried = (until: string, more: Partial<History>) => recompute(life([item(seat, 1)], until, { trial_end: at('01-11'), missing_payment_method: 'pause', ...more }));
  const waits: History['pending'] = [{ key: 'setup', at: at('01-05'), of: 'subscription', amount: 500n, discountable: true, product: null, tax_rates: [], discounts: [] }];
  const move: Action = { at: at('01-06'), kind: 'move_price', from: 'seat', to: desk, proration_behavior: 'always_invoice', when: 'now' };
  assert.deepEqual(tried('01-06', { actions: [move] }).refused, []);
  // A change in a trial prorates nothing, and so bills nothing of what waits.
  const moved = tried('01-06', { pending: waits, actions: [move] });
  assert.deepEqual([moved.refused, moved.invoices.length, moved.pending.map(tell)], [[], 1, ['pending 500 01-05..01-05']]);
  // A trial whose collection is paused is billed at its end, whatever there is to charge.
  const uncollected: Action[] = [{ at: at('01-10'), kind: 'pause_collection', behavior: 'void', resumes_at: null }, { at: at('01-12'), kind: 'collect' }];
  const paused = (invoicing_behavior: 'invoice' | 'pending_invoice_item') => tried('01-16', { pending: waits.map((one) => ({ ...one, at: at('01-13') })), actions: [...uncollected, pause('01-16', { invoicing_behavior })] });
  assert.deepEqual([paused('invoice').refused, paused('invoice').paused], [[2], false]);
  assert.deepEqual([paused('pending_invoice_item').refused, paused('pending_invoice_item').paused], [[], true]);
});

test('of the phases that came during a pause, the one of the moment begins with the resumption', () => {
  const phases = [phase('01-21', '02-11', [item(desk, 9)]), phase('02-11', '06-01', [item(desk, 1)])];
  const actions = [resume('03-10', { anchor: 'now' })];
  const { invoices, pending } = recompute(life([item(seat, 1)], '03-10', { trial_end: at('01-11'), missing_payment_method: 'pause', scheduled: scheduled(phases), actions }));
  assert.deepEqual(invoices.at(-1)!.lines.map(tell), ['licensed 3100 03-10..04-10']);
  assert.deepEqual(pending.map(tell), ['credit -3100 03-10..04-10', 'debit 6200 03-10..04-10']);
});
