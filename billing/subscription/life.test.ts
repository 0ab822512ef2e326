import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CouponRow, PriceRow, TaxRateRow } from '../catalog.ts';
import { Refusal, type Decision, type Instant } from '../decision.ts';
import { CUSTOMER, day, moment, perCall, price } from '../examples.ts';
import type { InvoiceItemWhole, InvoiceWhole } from '../invoice/invoice.ts';
import { cancelSubscription, type CancelOrder } from './cancel.ts';
import { changeSubscription, NO_CHANGE, type ChangeOrder } from './change.ts';
import { nextMoment } from './timers.ts';
import type { NewItem } from './items.ts';
import { announceRenewal, previewChange, previewRenewal } from './preview.ts';
import { renewAll, renewSubscription } from './renew.ts';
import { startSubscription, type StartOrder } from './start.ts';
import type { SubscriptionFacts, SubscriptionItemRow, SubscriptionWhole } from './subscription.ts';

const dayOf = (at: Instant): string => Temporal.Instant.fromEpochMilliseconds(at * 1_000).toString().replace('T00:00:00Z', '').replace(':00Z', '');

const seat = price('seat', '2000');
const addOn = price('addon', '1000');
const yearly = price('yearly', '12000', { interval: 'year' });
const calls = perCall('calls', '2.5');

const coupon = (id: string, more: Partial<CouponRow>): CouponRow => ({
  id, created: 0, name: null, percent_off: null, amount_off: null, currency: null, currency_options: null, duration: 'forever', duration_in_months: null, applies_to: null, max_redemptions: null,
  redeem_by: null, times_redeemed: 0, metadata: {}, deleted: false, ...more,
});
const vat: TaxRateRow = { id: 'txr_vat', created: 0, active: true, display_name: 'VAT', description: null, percentage: '20', inclusive: false, country: null, state: null, jurisdiction: null, tax_type: null, metadata: {} };

const item = (terms: PriceRow, quantity?: number, param = 'items[0]'): NewItem => ({
  param, price: { param: `${param}[price]`, terms, product_name: terms.id, product_active: true }, quantity: quantity === undefined ? undefined : BigInt(quantity), tax_rates: [], metadata: {}, discounts: [],
});

const ORDER: StartOrder = {
  items: [], currency: 'usd', collection_method: 'send_invoice', days_until_due: 30, billing_cycle_anchor: null, billing_cycle_anchor_config: null, backdate_start_date: null, trial_end: null,
  trial_period_days: null, trial_from_plan: false, billing_mode: { type: 'flexible', flexible: { proration_discounts: 'included' }, updated_at: null },
  trial_settings: { end_behavior: { missing_payment_method: 'create_invoice' } }, cancel_at: null, cancel_at_period_end: false, proration_behavior: 'create_prorations', default_payment_method: null,
  description: null, invoice_settings: { custom_fields: null, description: null, footer: null }, payment_settings: { save_default_payment_method: 'off' }, discounts: [], default_rates: [],
  add_invoice_items: [], metadata: {}, payment_behavior: 'allow_incomplete', off_session: false,
};

const AROUND = { customer: CUSTOMER, account: { business_name: 'Helpdesk', country: 'DE', proration: 'second' as const }, tax_ids: [], payment_method: null };

/** One line as `amount from → to`. */
const lines = (invoice: InvoiceWhole | null): string[] => (invoice?.lines ?? []).map((line) => `${line.amount} ${dayOf(line.period_start)} → ${dayOf(line.period_end)}`);
const types = (decided: Decision): string[] => decided.facts.map((fact) => fact.type);

/** A subscription and what waits for its next invoice. */
class Life {
  subscription!: SubscriptionWhole;
  pending: readonly InvoiceItemWhole[] = [];
  facts(usage: string | null = null): SubscriptionFacts & { first_time: boolean; unpaid: [] } {
    const counted = new Map(usage === null ? [] : this.subscription.items.map((each) => [each.id, usage]));
    return { ...AROUND, subscription: this.subscription, pending: this.pending, usage: counted, rates: new Map([[vat.id, vat]]), first_time: true, unpaid: [] };
  }
  start(at: string, items: NewItem[], more: Partial<StartOrder> = {}) {
    const started = startSubscription({ ...ORDER, items, ...more }, { ...AROUND, subscriptions: 0, first_time: true, pending: [] }, moment(at));
    this.subscription = started.subscription;
    return started;
  }
  renew(usage: string | null = null) {
    const renewed = renewSubscription(this.facts(usage), moment(nextMoment(this.subscription)!));
    this.subscription = renewed.subscription;
    if (renewed.invoice) this.pending = [];
    return renewed;
  }
  change(at: string, more: Partial<ChangeOrder>, usage: string | null = null) {
    const changed = changeSubscription({ ...NO_CHANGE, ...more }, this.facts(usage), moment(at));
    this.subscription = changed.subscription;
    this.pending = changed.invoice ? [] : [...this.pending, ...changed.waiting];
    return changed;
  }
  cancel(at: string, order: CancelOrder, usage: string | null = null) {
    return cancelSubscription(order, this.facts(usage), moment(at));
  }
  quantity(of: number, n = 0): ChangeOrder['items'] {
    return [{ change: { param: 'items[0]', id: this.subscription.items[n]!.id, quantity: BigInt(of) } }];
  }
  get waits(): bigint[] {
    return this.pending.map((each) => each.amount);
  }
}

function lived(at: string, items: NewItem[], more: Partial<StartOrder> = {}): Life {
  const life = new Life();
  life.start(at, items, more);
  return life;
}

describe('a subscription that starts', () => {
  const rows: [name: string, at: string, items: NewItem[], more: Partial<StartOrder>, billed: string[], next: string][] = [
    ['is billed for its first period', '2026-01-15', [item(seat, 3)], {}, ['6000 2026-01-15 → 2026-02-15'], '2026-02-15'],
    ['renews first where an interval ends first', '2026-01-15', [item(yearly, 1), item(seat, 1)], {}, ['12000 2026-01-15 → 2027-01-15', '2000 2026-01-15 → 2026-02-15'], '2026-02-15'],
    ['pays nothing for what is metered', '2026-01-15', [item(calls)], {}, [], '2026-02-15'],
    ['on trial gets a line of 0', '2026-01-15', [item(seat, 3), item(calls, undefined, 'items[1]')], { trial_period_days: 14 }, ['0 2026-01-15 → 2026-01-29'], '2026-01-29'],
    ['pays a part until its anchor', '2026-01-15', [item(seat, 3)], { billing_cycle_anchor: day('2026-02-01') }, ['3290 2026-01-15 → 2026-02-01'], '2026-02-01'], // 17 of 31 days of $60.00
    ['has that part for free without prorations', '2026-01-15', [item(seat, 3)], { billing_cycle_anchor: day('2026-02-01'), proration_behavior: 'none' }, [], '2026-02-01'],
    ['is anchored on a day of the month', '2026-01-15', [item(seat, 1)], { billing_cycle_anchor_config: { day_of_month: 31, hour: null, minute: null, month: null, second: null } }, ['1032 2026-01-15 → 2026-01-31'], '2026-01-31'], // 16 of 31
    ['in the past is billed since then', '2026-03-15', [item(seat, 1)], { backdate_start_date: day('2026-01-01') }, ['4000 2026-01-01 → 2026-03-01', '2000 2026-03-01 → 2026-04-01'], '2026-04-01'],
    ['in the past without prorations is billed from the current period on', '2026-03-15', [item(seat, 1)], { backdate_start_date: day('2026-01-01'), proration_behavior: 'none' }, ['2000 2026-03-01 → 2026-04-01'], '2026-04-01'],
  ];
  for (const [name, at, items, more, billed, next] of rows) {
    it(name, () => {
      const { subscription, invoice } = new Life().start(at, items, more);
      assert.deepEqual(lines(invoice), billed);
      assert.equal(dayOf(nextMoment(subscription)!), next);
    });
  }

  it('tells of itself first, then of its invoice', () => {
    const started = new Life().start('2026-01-15', [item(seat, 1)], { discounts: [{ param: 'discounts[0]', coupon: coupon('half', { percent_off: '50', duration: 'once' }), promotion_code: null }] });
    assert.deepEqual(types(started), ['customer.discount.created', 'customer.subscription.created', 'customer.updated', 'invoice.created', 'customer.discount.deleted']);
    assert.equal(started.invoice!.total, 1000n);
    assert.deepEqual(started.subscription.discounts, []);
  });

  const refused: [name: string, items: NewItem[], more: Partial<StartOrder>, param: string, code?: string][] = [
    ['two items of one price', [item(seat, 1), item(seat, 2, 'items[1]')], {}, 'items[1][price]'],
    ['a price in another currency', [item(seat, 1), item({ ...addOn, currency: 'eur' }, 1, 'items[1]')], {}, 'items[1][price]'],
    ['an inactive price', [item({ ...seat, active: false }, 1)], {}, 'items[0][price]'],
    ['a price that recurs never', [item({ ...seat, type: 'one_time', recurring: null }, 1)], {}, 'items[0][price]'],
    ['an inactive product', [{ ...item(seat), price: { ...item(seat).price, product_active: false } }], {}, 'items[0][price]', 'product_inactive'],
    ['a quantity of what is metered', [item(calls, 3)], {}, 'items[0][quantity]'],
    ['a trial that is over', [item(seat)], { trial_end: day('2026-01-14') }, 'trial_end'],
    ['an anchor that is over', [item(seat)], { billing_cycle_anchor: day('2026-01-15') }, 'billing_cycle_anchor'],
    ['an anchor more than a period ahead', [item(seat)], { billing_cycle_anchor: day('2026-02-16') }, 'billing_cycle_anchor'],
    ['a day of the month for weeks', [item(price('week', '100', { interval: 'week' }))], { billing_cycle_anchor_config: { day_of_month: 1, hour: null, minute: null, month: null, second: null } }, 'billing_cycle_anchor_config'],
    ['a start in the future', [item(seat)], { backdate_start_date: day('2026-01-16') }, 'backdate_start_date'],
    ['a spent coupon', [item(seat)], { discounts: [{ param: 'discounts[0][coupon]', coupon: coupon('x', { percent_off: '5', max_redemptions: 1, times_redeemed: 1 }), promotion_code: null }] }, 'discounts[0][coupon]', 'coupon_expired'],
    ['an end in the past', [item(seat)], { cancel_at: day('2026-01-01') }, 'cancel_at'],
  ];
  for (const [name, items, more, param, code] of refused) {
    it(`is refused with ${name}`, () => {
      assert.throws(() => new Life().start('2026-01-15', items, more), (error: unknown) => error instanceof Refusal && error.param === param && error.code === code);
    });
  }
});

describe('a subscription that renews', () => {
  it('at the 31st does so on the last day of shorter months', () => {
    const life = lived('2026-01-31', [item(seat, 1)]);
    assert.deepEqual([lines(life.renew().invoice), lines(life.renew().invoice)].flat(), ['2000 2026-02-28 → 2026-03-31', '2000 2026-03-31 → 2026-04-30']);
  });

  it('bills the usage behind it and the seats ahead of it, in the order of the items', () => {
    const life = lived('2026-01-15', [item(calls), item(seat, 2, 'items[1]')]);
    const renewed = life.renew('33');
    assert.deepEqual(lines(renewed.invoice), ['83 2026-01-15 → 2026-02-15', '4000 2026-02-15 → 2026-03-15']); // 82.5
    assert.deepEqual(types(renewed), ['customer.subscription.updated', 'invoice.created']);
    assert.equal(renewed.invoice!.obligation, `${life.subscription.id}:${day('2026-02-15')}`);
  });

  it('says so where there was no usage', () => {
    const renewed = lived('2026-01-15', [item(calls)]).renew();
    assert.deepEqual(lines(renewed.invoice), ['0 2026-01-15 → 2026-02-15']);
    assert.equal(dayOf(renewed.subscription.items[0]!.current_period_end), '2026-03-15');
  });

  it('bills each interval at its own boundary', () => {
    const life = lived('2026-01-15', [item(yearly, 1), item(seat, 1, 'items[1]')]);
    for (let month = 2; month <= 12; month += 1) assert.equal(life.renew().invoice!.total, 2000n);
    assert.equal(life.renew().invoice!.total, 14_000n);
  });

  it('becomes active where its trial ends, and usage in the trial was free', () => {
    const life = lived('2026-01-15', [item(seat, 1), item(calls, undefined, 'items[1]')], { trial_period_days: 14 });
    assert.equal(life.subscription.status, 'trialing');
    assert.deepEqual(lines(life.renew('500').invoice), ['2000 2026-01-29 → 2026-02-28']);
    assert.equal(life.subscription.status, 'active');
    assert.deepEqual(lines(life.renew('4').invoice), ['2000 2026-02-28 → 2026-03-29', '10 2026-01-29 → 2026-02-28']);
  });

  it('ends with its trial where there is nothing to charge and that was asked for', () => {
    const life = lived('2026-01-15', [item(seat, 1)], { collection_method: 'charge_automatically', days_until_due: null, trial_period_days: 14, trial_settings: { end_behavior: { missing_payment_method: 'cancel' } } });
    const renewed = life.renew();
    assert.deepEqual([renewed.subscription.status, renewed.invoice, types(renewed)], ['canceled', null, ['customer.subscription.deleted']]);
  });

  it('loses a discount whose months are over', () => {
    const life = lived('2026-01-15', [item(seat, 1)], { discounts: [{ param: '', coupon: coupon('two', { percent_off: '10', duration: 'repeating', duration_in_months: 2 }), promotion_code: null }] });
    assert.equal(life.renew().invoice!.total, 1800n);
    const renewed = life.renew();
    assert.equal(renewed.invoice!.total, 2000n);
    assert.deepEqual(types(renewed), ['customer.discount.deleted', 'customer.subscription.updated', 'invoice.created']);
    assert.deepEqual(life.subscription.discounts, []);
  });

  it('loses it where a change begins the periods anew after that, too', () => {
    const life = lived('2026-01-15', [item(seat, 1)], { discounts: [{ param: '', coupon: coupon('one', { percent_off: '10', duration: 'repeating', duration_in_months: 1 }), promotion_code: null }] });
    assert.deepEqual(life.change('2026-02-10', { billing_cycle_anchor: 'now' }).invoice!.total_discount_amounts.map((each) => each.amount), [200]);
    assert.deepEqual(types(life.change('2026-02-20', { billing_cycle_anchor: 'now' })).filter((type) => type.startsWith('customer.')), ['customer.discount.deleted', 'customer.subscription.updated']);
    assert.deepEqual(life.subscription.discounts, []);
  });

  it('takes what waits for its customer once, though two renew together', () => {
    const [one, other] = [lived('2026-01-15', [item(seat, 1)]), lived('2026-01-15', [item(addOn, 1)])];
    const waiting = { ...lived('2026-01-15', [item(seat, 1)]).change('2026-01-20', { items: [{ add: item(addOn, 1) }] }).waiting[0]!, subscription: null, subscription_item: null, amount: 77n };
    const { renewed } = renewAll([one, other].map((life) => ({ ...life.facts(), pending: [waiting] })), moment('2026-02-15'));
    assert.deepEqual(renewed.map((each) => each.invoice!.total), [2077n, 1000n]);
  });
});

describe('a change in the middle of January', () => {
  const at = '2026-01-16'; // 16 of 31 days are left
  it('of the quantity credits the old seats and charges the new ones', () => {
    const life = lived('2026-01-01', [item(seat, 2)]);
    life.change(at, { items: life.quantity(3) });
    assert.deepEqual(life.waits, [-2065n, 3097n]); // 16 of 31 days of $40.00 and of $60.00
    assert.deepEqual(lines(life.renew().invoice), ['-2065 2026-01-16 → 2026-02-01', '3097 2026-01-16 → 2026-02-01', '6000 2026-02-01 → 2026-03-01']);
  });

  it('and back in the same second owes nothing', () => {
    const life = lived('2026-01-01', [item(seat, 2)]);
    life.change(at, { items: life.quantity(3) });
    life.change(at, { items: life.quantity(2) });
    assert.deepEqual(life.waits, [-2065n, 3097n, -3097n, 2065n]);
  });

  it('is invoiced at once where that is asked for', () => {
    const life = lived('2026-01-01', [item(seat, 2)]);
    const changed = life.change(at, { items: life.quantity(3), proration_behavior: 'always_invoice' });
    assert.equal(changed.invoice!.total, 1032n);
    assert.deepEqual(types(changed), ['invoiceitem.created', 'invoiceitem.created', 'customer.subscription.updated', 'invoice.created']);
    assert.equal(changed.subscription.latest_invoice, changed.invoice!.id);
  });

  it('bills nothing without prorations, and what was charged before is still what is given back', () => {
    const life = lived('2026-01-01', [item(seat, 2)]);
    life.change('2026-01-11', { items: life.quantity(5), proration_behavior: 'none' });
    assert.deepEqual(life.waits, []);
    life.change(at, { items: life.quantity(1) });
    assert.deepEqual(life.waits, [-2065n, 1032n]); // of the $40.00 that were charged, not of $100.00
  });

  it('charges no time twice that an earlier change was charged for from its own date on', () => {
    const life = lived('2026-01-01', [item(seat, 1)]);
    life.change('2026-01-11', { items: life.quantity(2), proration_date: day('2026-01-22') });
    assert.deepEqual(life.waits, [-645n, 1290n]); // 10 of 31 days of $20.00 and of $40.00
    life.change(at, { items: life.quantity(3) });
    assert.deepEqual(life.waits.slice(2), [-1290n, 1935n]); // from the 22nd on: until then one seat is paid for
    life.change('2026-01-28', { items: life.quantity(1), proration_date: day('2026-01-02') });
    assert.deepEqual(life.waits.slice(4), [-1935n, 645n]);
  });

  it('is prorated from a date in the full period of what comes', () => {
    const weekly = item(price('weekly', '700', { interval: 'week' }), 1);
    const life = lived('2026-01-01', [item(seat, 1)]);
    assert.throws(() => life.change(at, { items: [{ add: weekly }], proration_date: day('2026-01-14') }), (error) => error instanceof Refusal && error.param === 'proration_date');
    life.change(at, { items: [{ add: weekly }], proration_date: day('2026-01-20') });
    assert.deepEqual(life.waits, [200n]); // 2 of the 7 days from the 15th to the 22nd
  });

  it('moves what waits for an interval of its own with the anchor', () => {
    const life = lived('2026-01-01', [item(yearly, 1)], { pending_invoice_item_interval: { interval: 'month', interval_count: 1 } });
    const { timers } = life.change(at, { billing_cycle_anchor: 'now' });
    assert.equal(dayOf(life.subscription.next_pending_invoice_item_invoice!), '2026-02-16');
    assert.deepEqual(timers.filter((timer) => timer.kind === 'subscription.sweep').map((timer) => timer.at), [day('2026-02-16')]);
  });

  it('keeps the discount and the taxes of what it gives back', () => {
    const life = lived('2026-01-01', [item(seat, 2)], { default_rates: [vat], discounts: [{ param: '', coupon: coupon('tenth', { percent_off: '10' }), promotion_code: null }] });
    life.change(at, { items: life.quantity(3) });
    assert.deepEqual(life.waits, [-1858n, 2787n]); // of $36.00; 3097 less 10 % of it
    const { invoice } = life.renew();
    assert.equal(invoice!.total, 7594n); // −1858 + 2787 + 5400, and 20 % of each
    assert.deepEqual(invoice!.lines.map((line) => line.taxes[0]!.amount), [-372, 557, 1080]);
  });

  it('adds an item, and drops it again', () => {
    const life = lived('2026-01-01', [item(seat, 1)]);
    life.change(at, { items: [{ add: item(addOn, 1) }] });
    const added = life.subscription.items[1]!;
    const dropped = life.change('2026-01-24', { items: [{ change: { param: 'items[0]', id: added.id, deleted: true } }] });
    assert.deepEqual(life.waits, [516n, -258n]); // 16 of 31 days, then 8 of those 16
    assert.equal(dropped.puts.filter((put) => put.table === 'subscription_items').length, 1);
    assert.equal(life.subscription.items.length, 1);
  });

  describe('has usage at the price of its moment', () => {
    const dear = perCall('dear', '5');
    const rows: [name: string, from: PriceRow, to: PriceRow | null, waits: bigint[], renewed: string[]][] = [
      ['at another price', calls, dear, [250n], ['250 2026-01-01 → 2026-01-16', '50 2026-01-16 → 2026-02-01']],
      ['that goes', calls, null, [250n], []],
      ['that is licensed from then on', calls, seat, [250n], ['250 2026-01-01 → 2026-01-16', '2000 2026-02-01 → 2026-03-01']],
      ['that was licensed before', seat, dear, [], ['50 2026-01-16 → 2026-02-01']],
    ];
    for (const [name, from, to, waits, renewed] of rows) {
      it(`${name}, also where nothing is prorated`, () => {
        const life = lived('2026-01-01', [item(from), item(yearly)]);
        const id = life.subscription.items[0]!.id;
        life.change(at, { items: [{ change: to ? { param: 'items[0]', id, price: item(to).price } : { param: 'items[0]', id, deleted: true } }], proration_behavior: 'none' }, '100');
        assert.deepEqual(life.waits, waits);
        if (to) assert.deepEqual(lines(life.renew('10').invoice), renewed);
      });
    }
  });

  it('from months to years ends the period and bills the new one at once', () => {
    const life = lived('2026-01-01', [item(seat, 2)]);
    const changed = life.change(at, { items: [{ change: { param: 'items[0]', id: life.subscription.items[0]!.id, price: item(yearly).price, quantity: 1n } }] });
    assert.deepEqual(lines(changed.invoice), ['-2065 2026-01-16 → 2026-02-01', '12000 2026-01-16 → 2027-01-16']);
    assert.equal(dayOf(life.subscription.billing_cycle_anchor), '2026-01-16');
  });

  it('of the trial’s end: now, later, or back into one', () => {
    const life = lived('2026-01-01', [item(seat, 1)], { trial_period_days: 30 });
    life.change('2026-01-10', { trial_end: day('2026-02-10') });
    assert.deepEqual([dayOf(life.subscription.items[0]!.current_period_end), dayOf(life.subscription.billing_cycle_anchor)], ['2026-02-10', '2026-02-10']);
    assert.deepEqual(lines(life.change(at, { trial_end: 'now' }).invoice), ['2000 2026-01-16 → 2026-02-16']);
    assert.equal(life.subscription.status, 'active');
    const again = life.change('2026-01-26', { trial_end: day('2026-03-01') });
    assert.deepEqual(lines(again.invoice), ['-1355 2026-01-26 → 2026-02-16', '0 2026-01-26 → 2026-03-01']); // 21 of 31 days
    assert.equal(life.subscription.status, 'trialing');
  });

  it('previews what it then bills, to the cent', () => {
    const life = lived('2026-01-01', [item(seat, 2), item(calls, undefined, 'items[1]')]);
    const order = { ...NO_CHANGE, items: life.quantity(7) };
    const shown = previewChange(order, life.facts('40'), moment(at))!;
    life.change(at, order);
    const { invoice } = life.renew('40');
    assert.deepEqual([lines(shown.invoice), shown.invoice.total, shown.invoice.status], [lines(invoice), invoice!.total, 'draft']);
    assert.equal(previewRenewal(life.facts(), moment('2026-02-02'))!.invoice.total, 14_000n);
  });

  it('previews the first bill after a trial of usage alone, whose end bills nothing', () => {
    const life = lived('2026-01-01', [item(calls)], { trial_period_days: 14 });
    const { invoice } = previewRenewal(life.facts('40'), moment('2026-01-05'))!;
    assert.deepEqual([dayOf(invoice.created), lines(invoice)], ['2026-02-15', ['0 2026-01-15 → 2026-02-15']]); // the 40 were free
    assert.deepEqual(announceRenewal({ ...life.facts('40'), subscription: { ...life.subscription, collection_method: 'charge_automatically' } }, moment('2026-01-12')).facts, []);
  });
});

describe('the end of a subscription', () => {
  it('at the end of the period bills the last usage and nothing ahead', () => {
    const life = lived('2026-01-01', [item(seat, 1), item(calls, undefined, 'items[1]')]);
    const asked = life.change('2026-01-16', { cancel_at_period_end: true });
    assert.deepEqual([asked.subscription.cancel_at, asked.subscription.canceled_at, asked.subscription.cancellation_details.reason], [day('2026-02-01'), day('2026-01-16'), 'cancellation_requested']);
    const last = life.renew('10');
    assert.deepEqual(lines(last.invoice), ['25 2026-01-01 → 2026-02-01']);
    assert.deepEqual([last.subscription.status, last.subscription.ended_at, types(last)], ['canceled', day('2026-02-01'), ['customer.subscription.deleted', 'invoice.created']]);
  });

  it('is taken back before it comes', () => {
    const life = lived('2026-01-01', [item(seat, 1)]);
    life.change('2026-01-16', { cancel_at_period_end: true });
    const { cancel_at, canceled_at, cancellation_details } = life.change('2026-01-17', { cancel_at_period_end: false }).subscription;
    assert.deepEqual([cancel_at, canceled_at, cancellation_details.reason], [null, null, null]);
  });
  it('within a period gives back the time that is left', () => {
    const life = lived('2026-01-01', [item(seat, 2)]);
    life.change('2026-01-10', { cancel_at: day('2026-01-16') });
    const last = life.renew();
    assert.deepEqual([lines(last.invoice), last.invoice!.total, last.subscription.status], [['-2065 2026-01-16 → 2026-02-01'], -2065n, 'canceled']);
  });

  it('at once forgets what was charged, though that had been written off and may yet be paid', () => {
    const life = lived('2026-01-01', [item(seat, 1)]);
    life.subscription = { ...life.subscription, items: life.subscription.items.map((each) => ({ ...each, debits: [] })) };
    assert.deepEqual(life.cancel('2026-01-16', { prorate: false, invoice_now: false }).puts.filter((put) => put.table === 'subscription_items').map((put) => (put.after as SubscriptionItemRow).debits), [[]]);
  });

  const rows: [name: string, order: CancelOrder, billed: string[], waits: number][] = [
    ['at once bills nothing', { prorate: false, invoice_now: false }, [], 0],
    ['with prorate leaves the credit waiting', { prorate: true, invoice_now: false }, [], 1],
    ['with invoice_now bills the usage', { prorate: false, invoice_now: true }, ['25 2026-01-01 → 2026-01-16'], 0],
    ['with both bills the usage and the credit', { prorate: true, invoice_now: true }, ['-1032 2026-01-16 → 2026-02-01', '25 2026-01-01 → 2026-01-16'], 1],
  ];
  for (const [name, order, billed, waits] of rows) {
    it(name, () => {
      const canceled = lived('2026-01-01', [item(seat, 1), item(calls, undefined, 'items[1]')]).cancel('2026-01-16', order, '10');
      assert.deepEqual(lines(canceled.invoice), billed);
      assert.equal(types(canceled).filter((type) => type === 'invoiceitem.created').length, waits);
      assert.equal(types(canceled).filter((type) => type === 'customer.subscription.deleted').length, 1);
    });
  }

  it('leaves only the words to be changed', () => {
    const life = lived('2026-01-01', [item(seat, 1)]);
    life.subscription = life.cancel('2026-01-16', { prorate: false, invoice_now: false }).subscription;
    assert.throws(() => life.change('2026-01-17', { items: life.quantity(2) }), { code: 'invalid_canceled_subscription_fields', param: 'items' });
    assert.deepEqual(life.change('2026-01-17', { metadata: { why: 'moved' } }).subscription.metadata, { why: 'moved' });
  });
});
