import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CouponRow, PriceRow } from '../catalog.ts';
import { Refusal, type Instant } from '../decision.ts';
import { CUSTOMER, day, moment, perCall, price } from '../examples.ts';
import type { InvoiceItemWhole, InvoiceWhole } from '../invoice/invoice.ts';
import { nextMoment } from '../subscription/timers.ts';
import { renewSubscription } from '../subscription/renew.ts';
import type { NewItem } from '../subscription/items.ts';
import type { SubscriptionFacts, SubscriptionWhole } from '../subscription/subscription.ts';
import type { PhaseTerms } from './enter.ts';
import { layPhases, type PhaseAsked } from './lay.ts';
import type { DefaultSettings, Phase } from './schedule.ts';
import { createSchedule, type Named } from './start.ts';

const dayOf = (at: Instant): string => Temporal.Instant.fromEpochMilliseconds(at * 1_000).toString().slice(0, 10);

const seat = price('seat', '3100');
const desk = price('desk', '6200');
const yearly = price('yearly', '36500', { interval: 'year' });
const calls = perCall('calls', '10');
const cheap = perCall('cheap', '4');

const item = (terms: PriceRow, quantity?: number): NewItem => ({
  param: 'items[0]', price: { param: 'items[0][price]', terms, product_name: terms.id, product_active: true }, quantity: quantity === undefined ? undefined : BigInt(quantity), tax_rates: [], metadata: {}, discounts: [],
});

const AROUND = { customer: CUSTOMER, account: { business_name: 'Helpdesk', country: 'DE', proration: 'second' as const }, tax_ids: [], payment_method: null };
const BUYER = { customer: 'cus_1', first_time: false, billed_in: null };
const SETTINGS: DefaultSettings = {
  billing_cycle_anchor: 'automatic', collection_method: 'charge_automatically', default_payment_method: null, description: null, invoice_settings: { custom_fields: null, days_until_due: null, description: null, footer: null },
};

const phase = (items: NewItem[], more: Partial<PhaseAsked> = {}): PhaseAsked => ({
  param: 'phases[0]', currency: null, items, add_invoice_items: [], discounts: [], default_tax_rates: null, billing_cycle_anchor: null, collection_method: null, default_payment_method: null, description: null,
  invoice_settings: null, metadata: {}, proration_behavior: 'create_prorations', start_date: undefined, end_date: undefined, duration: undefined, trial: false, trial_end: undefined, ...more,
});
const until = (end: string, items: NewItem[], more: Partial<PhaseAsked> = {}) => phase(items, { end_date: day(end), ...more });

const less = (line: InvoiceWhole['lines'][number]): string => line.discount_amounts.map((each) => ` less ${each.amount}`).join('');
const lines = (invoice: InvoiceWhole): string => invoice.lines.map((line) => `${line.amount}${less(line)} ${dayOf(line.period_start)} → ${dayOf(line.period_end)}`).join(', ');

/** A subscription from its schedule's start until a day, with what it was billed: the day, and each line. `used` is what each metered item counts in each of its periods. */
function lived(start: string, asked: readonly PhaseAsked[], end: string, how: { end_behavior?: 'cancel' | 'release'; used?: string } = {}) {
  const terms = new Map(asked.map((each, n) => [n, each]));
  const termsOf = (laid: readonly Phase[]): PhaseTerms[] => laid.map((each, n) => ({ phase: each, items: terms.get(n)!.items, add_invoice_items: terms.get(n)!.add_invoice_items, discounts: terms.get(n)!.discounts, default_rates: null }));
  const phases = termsOf(layPhases(asked, day(start), BUYER, moment(start)));
  const named: Named = { rates: new Map(), terms: (one) => phases.find((each) => each.phase.start_date === one.start_date)! };
  const order = { billing_mode: { type: 'flexible', flexible: { proration_discounts: 'included' }, updated_at: null } as const, default_settings: SETTINGS, end_behavior: how.end_behavior ?? 'release', metadata: {}, start_date: 'now' as const, phases: asked };
  const made = createSchedule(order, { ...AROUND, subscriptions: 0, first_time: false, pending: [] }, named, moment(start));
  const told = (type: string) => made.facts.find((fact) => fact.type === type)?.whole;
  let subscription = told('customer.subscription.created') as SubscriptionWhole;
  const first = told('invoice.created') as InvoiceWhole | undefined;
  const bills = first ? [`${start}: ${lines(first)}`] : [];
  let pending: readonly InvoiceItemWhole[] = [];
  for (let at = nextMoment(subscription); at !== null && at <= day(end); at = nextMoment(subscription)) {
    const usage = new Map(subscription.items.map((each) => [each.id, how.used ?? '0']));
    const facts: SubscriptionFacts = { ...AROUND, subscription, pending, usage, rates: new Map(), phases, unpaid: [] };
    const renewed = renewSubscription(facts, moment(at));
    if (renewed.invoice) bills.push(`${dayOf(at)}: ${lines(renewed.invoice)}`);
    pending = renewed.invoice ? [] : [...pending, ...renewed.waiting];
    subscription = renewed.subscription;
  }
  return { bills, subscription, pending };
}

describe('phases follow each other', () => {
  const rows: [name: string, phases: PhaseAsked[], end: string, bills: string[]][] = [
    ['at boundaries without prorations', [until('2026-02-01', [item(seat, 1)]), until('2026-03-01', [item(desk, 1)]), until('2026-04-01', [item(desk, 2)])], '2026-04-01',
      ['2026-01-01: 3100 2026-01-01 → 2026-02-01', '2026-02-01: 6200 2026-02-01 → 2026-03-01', '2026-03-01: 12400 2026-03-01 → 2026-04-01', '2026-04-01: 12400 2026-04-01 → 2026-05-01']],
    ['at a boundary where another item comes', [until('2026-02-01', [item(seat, 1)]), until('2026-03-01', [item(seat, 1), item(desk, 1)])], '2026-02-01',
      ['2026-01-01: 3100 2026-01-01 → 2026-02-01', '2026-02-01: 3100 2026-02-01 → 2026-03-01, 6200 2026-02-01 → 2026-03-01']],
    ['at a boundary where one goes', [until('2026-02-01', [item(seat, 1), item(desk, 1)]), until('2026-03-01', [item(desk, 1)])], '2026-02-01',
      ['2026-01-01: 3100 2026-01-01 → 2026-02-01, 6200 2026-01-01 → 2026-02-01', '2026-02-01: 6200 2026-02-01 → 2026-03-01']],
    ['within a month, and what is left of it is prorated', [until('2026-01-11', [item(seat, 1)]), until('2026-03-01', [item(seat, 2)])], '2026-02-01', // 21 of 31 days
      ['2026-01-01: 3100 2026-01-01 → 2026-02-01', '2026-02-01: -2100 2026-01-11 → 2026-02-01, 4200 2026-01-11 → 2026-02-01, 6200 2026-02-01 → 2026-03-01']],
    ['within a month, and nothing is prorated', [until('2026-01-11', [item(seat, 1)]), until('2026-03-01', [item(seat, 2)], { proration_behavior: 'none' })], '2026-02-01',
      ['2026-01-01: 3100 2026-01-01 → 2026-02-01', '2026-02-01: 6200 2026-02-01 → 2026-03-01']],
    ['from months to a year, at a boundary', [until('2026-02-01', [item(seat, 1)]), until('2027-02-01', [item(yearly, 1)])], '2027-02-01',
      ['2026-01-01: 3100 2026-01-01 → 2026-02-01', '2026-02-01: 36500 2026-02-01 → 2027-02-01', '2027-02-01: 36500 2027-02-01 → 2028-02-01']],
    ['from a trial to what is paid for', [until('2026-01-15', [item(seat, 1)], { trial: true }), until('2026-03-15', [item(seat, 1)])], '2026-02-15',
      ['2026-01-01: 0 2026-01-01 → 2026-01-15', '2026-01-15: 3100 2026-01-15 → 2026-02-15', '2026-02-15: 3100 2026-02-15 → 2026-03-15']],
    ['into a trial', [until('2026-01-11', [item(seat, 1)]), until('2026-02-11', [item(seat, 1)], { trial_end: day('2026-01-21') })], '2026-01-21',
      ['2026-01-01: 3100 2026-01-01 → 2026-02-01', '2026-01-11: -2100 2026-01-11 → 2026-02-01, 0 2026-01-11 → 2026-01-21', '2026-01-21: 3100 2026-01-21 → 2026-02-21']],
    ['with a new cycle', [until('2026-01-11', [item(seat, 1)]), until('2026-02-11', [item(seat, 1)], { billing_cycle_anchor: 'phase_start' })], '2026-01-11',
      ['2026-01-01: 3100 2026-01-01 → 2026-02-01', '2026-01-11: -2100 2026-01-11 → 2026-02-01, 3100 2026-01-11 → 2026-02-11']],
  ];
  for (const [name, phases, end, bills] of rows) it(name, () => assert.deepEqual(lived('2026-01-01', phases, end).bills, bills));

  it('and usage until a boundary is billed once, at its own price', () => {
    const phases = [until('2026-02-01', [item(calls)]), until('2026-03-01', [item(cheap)]), until('2026-04-01', [item(seat, 1)])];
    assert.deepEqual(lived('2026-01-01', phases, '2026-03-01', { used: '7' }).bills, [
      '2026-02-01: 70 2026-01-01 → 2026-02-01',
      '2026-03-01: 28 2026-02-01 → 2026-03-01, 3100 2026-03-01 → 2026-04-01',
    ]);
  });
});

describe('a coupon of two months that two phases name', () => {
  const half: CouponRow = {
    id: 'half', created: 0, name: null, percent_off: '50', amount_off: null, currency: null, currency_options: null, duration: 'repeating', duration_in_months: 2, applies_to: null, max_redemptions: null, redeem_by: null,
    times_redeemed: 0, metadata: {}, deleted: false,
  };
  const discounts = [{ param: 'discounts', coupon: half, promotion_code: null }];
  const bills = (second: string) => lived('2026-01-01', [until(second, [item(seat, 1)], { discounts }), until('2026-06-15', [item(seat, 1)], { discounts })], '2026-05-01').bills.map((bill) => bill.split(' 2026')[0]!.slice(12));
  it('goes on with its first start while its time is not over', () => assert.deepEqual(bills('2026-02-15'), ['3100 less 1550', '3100 less 1550', '3100', '3100', '3100']));
  it('is redeemed anew where it is over', () => assert.deepEqual(bills('2026-03-15'), ['3100 less 1550', '3100 less 1550', '3100', '3100 less 1550', '3100 less 1550']));
});

describe('what a phase bills once', () => {
  const training: PriceRow = { ...price('training', '900'), type: 'one_time', recurring: null };
  const once: PhaseAsked['add_invoice_items'] = [{
    ...item(training, 1), quantity: 1n, discountable: true, period_start: null, period_end: null, period: { start: { type: 'max_item_period_start' }, end: { type: 'min_item_period_end' } },
  }];
  it('is for the period that begins with it, or in which it begins', () => {
    const { bills } = lived('2026-01-01', [until('2026-02-01', [item(seat, 1)]), until('2026-02-10', [item(seat, 2)], { add_invoice_items: once }), until('2026-04-01', [item(seat, 2)], { add_invoice_items: once })], '2026-03-01');
    assert.deepEqual(bills.slice(1), ['2026-02-01: 900 2026-02-01 → 2026-03-01, 6200 2026-02-01 → 2026-03-01', '2026-03-01: 900 2026-02-01 → 2026-03-01, 6200 2026-03-01 → 2026-04-01']);
  });
});

describe('after the last phase', () => {
  const phases = [until('2026-02-01', [item(seat, 1)])];
  it('the subscription goes on alone', () => {
    const { subscription } = lived('2026-01-01', phases, '2026-02-01');
    assert.deepEqual([subscription.schedule, subscription.status, dayOf(nextMoment(subscription)!)], [null, 'active', '2026-03-01']);
  });
  it('or it ends, and nothing more is billed', () => {
    const { subscription, bills } = lived('2026-01-01', phases, '2026-05-01', { end_behavior: 'cancel' });
    assert.deepEqual([subscription.status, dayOf(subscription.ended_at!), bills.length], ['canceled', '2026-02-01', 1]);
  });
  it('or it ends within a month, and what is left of that is given back', () => {
    const { bills } = lived('2026-01-01', [until('2026-01-11', [item(seat, 1)])], '2026-05-01', { end_behavior: 'cancel' });
    assert.deepEqual(bills.slice(1), ['2026-01-11: -2100 2026-01-11 → 2026-02-01']);
  });
});

describe('phases are laid', () => {
  const laid = (asked: PhaseAsked[], start: string | null = '2026-01-31') => layPhases(asked, start === null ? null : day(start), BUYER, moment('2026-01-31')).map((each) => `${dayOf(each.start_date)} → ${dayOf(each.end_date)}`);
  it('by durations, by ends, and by the price’s own interval', () => {
    const asked = [phase([item(seat, 1)], { duration: { interval: 'month', interval_count: 1 } }), until('2026-03-10', [item(seat, 1)]), phase([item(yearly, 1)])];
    assert.deepEqual(laid(asked), ['2026-01-31 → 2026-02-28', '2026-02-28 → 2026-03-10', '2026-03-10 → 2027-03-10']);
  });
  const refused: [name: string, asked: PhaseAsked[], param: string][] = [
    ['a gap', [until('2026-03-01', [item(seat, 1)]), until('2026-05-01', [item(seat, 1)], { param: 'phases[1]', start_date: day('2026-03-02') })], 'phases[1][start_date]'],
    ['an overlap', [until('2026-03-01', [item(seat, 1)]), until('2026-05-01', [item(seat, 1)], { param: 'phases[1]', start_date: day('2026-02-28') })], 'phases[1][start_date]'],
    ['an end before the start', [until('2026-01-30', [item(seat, 1)])], 'phases[0][end_date]'],
    ['two currencies', [until('2026-03-01', [item(seat, 1)]), until('2026-04-01', [item({ ...seat, currency: 'eur' }, 1)], { param: 'phases[1]' })], 'phases[1][currency]'],
    ['a quantity of usage', [until('2026-03-01', [item(calls, 3)])], 'items[0][quantity]'],
  ];
  for (const [name, asked, param] of refused) it(`without ${name}`, () => assert.throws(() => laid(asked), (error) => error instanceof Refusal && error.param === param));
});
