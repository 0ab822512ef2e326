/** Commitments and prepaid credit by hand, against the engine and the reference model. A subscription of calls at 10 cents each, billed by the month from 1 January; $31.00 a month are agreed, so a dollar for each day of January. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { live } from './engine.ts';
import type { Action, History, Item, Outcome, Phase, Price, Recurrence } from './reference/history.ts';
import { recompute } from './reference/recompute.ts';

const at = (text: string): number => Date.parse(`2025-${text}T00:00Z`) / 1_000;
const WEEKLY: Recurrence = { interval: 'week', interval_count: 1 };

function item(key: string, more: Partial<Price> = {}): Item {
  const price: Price = {
    id: key, product: 'prod', currency: 'usd', recurrence: { interval: 'month', interval_count: 1 }, usage_type: 'metered', meter: 'calls', billing_scheme: 'per_unit', unit_amount_decimal: '10', tiers: null, tiers_mode: null,
    transform_quantity: null, ...more,
  };
  return { key, price, quantity: price.meter === null ? 1 : 0, tax_rates: [], discounts: [] };
}
const calls = item('calls');
const dear = item('dear', { unit_amount_decimal: '20' });
const seat = item('seat', { usage_type: 'licensed', meter: null, recurrence: WEEKLY, unit_amount_decimal: '500' });
const mails = item('mails', { meter: 'mails', recurrence: WEEKLY });

const phase = (start: string, end: string, ...items: Item[]): Phase => ({ start: at(start), end: at(end), items, discounts: [], default_tax_rates: null, trial_end: null, anchored: false, proration_behavior: 'create_prorations' });
const agreed = (amount: number, on = '01-01'): Action => ({ at: at(on), kind: 'commitment', amount: BigInt(amount) });
const used = (on: string, value: number) => ({ meter: 'calls', at: at(on), value: String(value) });
const pause = (on: string): Action => ({ at: at(on), kind: 'pause', unused_time_from: 'now', outstanding_usage_through: 'now', invoicing_behavior: 'pending_invoice_item' });
const resume = (on: string): Action => ({ at: at(on), kind: 'resume', anchor: 'unchanged', proration_behavior: 'none', then: 'pay' });
const priced = (on: string, proration_behavior: 'create_prorations' | 'always_invoice'): Action => ({ at: at(on), kind: 'change', changes: [{ key: 'calls', price: dear.price }], proration_behavior });

const day = (time: number): string => new Date(time * 1_000).toISOString().slice(5, 10);
const bills = ({ invoices }: Outcome): string[] => invoices.map(({ at: on, lines }) => `${day(on)} ${lines.map(({ key, amount }) => `${key} ${amount}`).join(', ')}`);

function bothBill(history: Partial<History>, expected: readonly string[], refused: readonly number[] = []): void {
  const whole: History = { currency: 'usd', tax_exempt: 'none', start: at('01-01'), proration_behavior: 'create_prorations', items: [calls], discounts: [], default_tax_rates: [], usage: [], pending: [], actions: [], until: at('02-02'), ...history };
  for (const [who, outcome] of [['the book', recompute(whole)], ['the engine', live(whole)]] as const) assert.deepEqual([bills(outcome), outcome.refused], [expected, refused], who);
}

const rows: [what: string, history: Partial<History>, bills: string[], refused?: number[]][] = [
  ['is made up at the end of the period', { actions: [agreed(3_100)], usage: [used('01-10', 40)] }, ['02-01 calls 400, commitment 2700']],
  ['that comes in a period is for all of it', { actions: [agreed(3_100, '01-20')] }, ['02-01 calls 0, commitment 3100']],
  ['is taxed as the subscription is', { actions: [agreed(3_100)], default_tax_rates: [{ id: 'vat', percentage: '20', inclusive: false }], discounts: [{ id: 'half', percent_off: '50', duration: 'forever' }] }, ['02-01 calls 0, commitment 3100']],
  ['counts what was used at an earlier price, where it waits', { actions: [agreed(3_100), priced('01-11', 'create_prorations')], usage: [used('01-05', 100), used('01-20', 10)] }, ['02-01 calls 1000, calls 200, commitment 1900']],
  ['counts it where it was billed at once', { actions: [agreed(3_100), priced('01-11', 'always_invoice')], usage: [used('01-05', 100), used('01-20', 10)] }, ['01-11 calls 1000', '02-01 calls 200, commitment 1900']],
  ['does not count what is voided of that', { actions: [agreed(3_100), priced('01-11', 'always_invoice'), { at: at('01-15'), kind: 'void', invoice: 0 }], usage: [used('01-05', 100)] }, ['01-11 calls 1000', '02-01 calls 0, commitment 3100']],
  // 10 of 31 days.
  ['is for the days until it ends at once, where that is invoiced', { actions: [agreed(3_100), { at: at('01-11'), kind: 'cancel_now', prorate: false, invoice_now: true }] }, ['01-11 calls 0, commitment 1000']],
  ['is for nothing where that is not', { actions: [agreed(3_100), { at: at('01-11'), kind: 'cancel_now', prorate: false, invoice_now: false }] }, []],
  // Ten days before the pause and eleven after it.
  ['is for the days that are not paused', { actions: [agreed(3_100), pause('01-11'), resume('01-21')], usage: [used('01-05', 10)] }, ['02-01 calls 100, calls 0, commitment 2000']],
  // 18 of 28 days of February: 1992.86. What was used in January is no usage of February, and January, which ended in the pause, is not made up.
  ['counts no usage of a period that a pause has outlasted', { actions: [agreed(3_100), pause('01-11'), resume('02-11')], usage: [used('01-05', 100)], until: at('03-02') }, ['03-01 calls 1000, calls 0, commitment 1993']],
  // Usage until then is billed with the seats of the week; the month goes on.
  ['is not made up where a phase changes the price in the middle', { items: [seat, calls], actions: [agreed(3_100), { at: at('01-02'), kind: 'schedule', end: at('01-08'), phases: [phase('01-08', '03-01', seat, dear)], end_behavior: 'release' }], usage: [used('01-05', 100)], until: at('01-09') },
    ['01-01 seat 500', '01-08 calls 1000, seat 500']],
  ['is made up where a phase takes usage away as the period ends', { items: [seat, calls], start: at('01-04'), actions: [agreed(3_100, '01-04'), { at: at('01-05'), kind: 'schedule', end: at('02-04'), phases: [phase('02-04', '03-04', seat)], end_behavior: 'release' }], until: at('02-05') },
    ['01-04 seat 500', '01-11 seat 500', '01-18 seat 500', '01-25 seat 500', '02-01 seat 500', '02-04 calls 0, commitment 3100']],
  ['keeps usage of another interval away', { actions: [agreed(3_100), { at: at('01-05'), kind: 'change', changes: [{ key: 'mails', add: mails }], proration_behavior: 'none' }] }, ['02-01 calls 0, commitment 3100'], [1]],
  ['is not for usage of several intervals', { items: [calls, mails], actions: [agreed(3_100)], until: at('01-09') }, ['01-08 mails 0'], [0]],
];
for (const [what, history, expected, refused] of rows) test(`a commitment ${what}`, () => bothBill(history, expected, refused));

const topUp = (on: string, amount = 1_000): Action => ({ at: at(on), kind: 'top_up', top_up: { amount: BigInt(amount), threshold: 300n, priority: 50, expires_in_days: null } });
const prepaid: [what: string, history: Partial<History>, bills: string[]][] = [
  // $3.00 of $10.00 are left by 70 calls, which is not less than $3.00; one more leaves less.
  ['is bought where less than the threshold is left', { card: true, actions: [topUp('01-02')], usage: [used('01-05', 70), used('01-06', 1), used('01-07', 1)] }, ['01-02 top_up 1000', '01-06 top_up 1000', '02-01 calls 720']],
  ['is bought once until that is paid, though another top-up takes its place', { actions: [topUp('01-02'), { at: at('01-03'), kind: 'top_up', top_up: null }, topUp('01-04', 2_000)], usage: [used('01-05', 70)] }, ['01-02 top_up 1000', '02-01 calls 700']],
  // It was set against usage until 1:00, and is all that there is of it.
  ['is not spent twice while usage is on a draft', { card: true, actions: [topUp('01-02')], usage: [used('01-05', 60), used('02-02', 20)], until: at('02-03') }, ['01-02 top_up 1000', '02-01 calls 600', '02-02 top_up 1000']],
];
for (const [what, history, expected] of prepaid) test(`prepaid credit ${what}`, () => bothBill(history, expected));
