/** A life of the reference model, lived by the engine: the same history as orders to `billing/`, in memory, and what came of it in the reference's words. */
import type { CouponRow, PriceRow, TaxRateRow } from '../../billing/catalog.ts';
import type { CustomerRow } from '../../billing/customer/customer.ts';
import { decision, type Instant } from '../../billing/decision.ts';
import type { InvoiceItemRow } from '../../billing/invoice/invoice.ts';
import { redeem, noRedemptions, type DiscountGiven } from '../../billing/redeem.ts';
import { cancelSubscription } from '../../billing/subscription/cancel.ts';
import { changeSubscription, NO_CHANGE, type ChangeOrder } from '../../billing/subscription/change.ts';
import { isDue, renewAll } from '../../billing/subscription/renew.ts';
import { startSubscription, type StartOrder } from '../../billing/subscription/start.ts';
import { usageAsked } from '../../billing/subscription/lines.ts';
import type { SubscriptionFacts, SubscriptionWhole } from '../../billing/subscription/subscription.ts';
import { outcomeOf } from './outcome.ts';
import type { Action, Coupon, History, Item, ItemChange, Outcome, PendingItem, Price, Rate } from './reference.ts';
import { Store } from './store.ts';

const CUSTOMER = 'cus_1';

function priceRow(price: Price, key: string): PriceRow {
  const meter = price.usage_type === 'metered' ? `mtr_${key}` : null;
  return {
    id: price.id, created: 0, product: price.product, active: true, type: 'recurring', billing_scheme: price.billing_scheme, currency: price.currency, unit_amount_decimal: price.unit_amount_decimal,
    tiers: price.tiers, tiers_mode: price.tiers_mode, transform_quantity: price.transform_quantity, custom_unit_amount: null, currency_options: null,
    recurring: { ...price.recurrence, usage_type: price.usage_type, meter, trial_period_days: null }, meter, lookup_key: null, nickname: null, tax_behavior: 'unspecified', metadata: {}, allowance: null,
  };
}

function rateRow(rate: Rate): TaxRateRow {
  return { id: rate.id, created: 0, active: true, display_name: 'Tax', description: null, percentage: rate.percentage, inclusive: rate.inclusive, country: null, state: null, jurisdiction: null, tax_type: null, metadata: {} };
}

function couponRow(coupon: Coupon): CouponRow {
  const options = Object.entries(coupon.currency_options ?? {}).map(([currency, amount]) => [currency, { amount_off: Number(amount) }]);
  return {
    id: coupon.id, created: 0, name: null, percent_off: coupon.percent_off ?? null, amount_off: coupon.amount_off ?? null, currency: coupon.currency ?? null,
    currency_options: options.length > 0 ? Object.fromEntries(options) : null, duration: coupon.duration, duration_in_months: coupon.duration_in_months ?? null, applies_to: coupon.products ?? null,
    max_redemptions: null, redeem_by: null, times_redeemed: 0, metadata: {}, deleted: false,
  };
}

function customerRow(history: History): CustomerRow {
  return {
    id: CUSTOMER, created: 0, test_clock: null, name: 'Jenny', email: null, phone: null, description: null, address: null, shipping: null, business_name: null, individual_name: null, balance: 0n, currency: null,
    delinquent: false, invoice_prefix: 'KONTOR', next_invoice_sequence: 1, invoice_settings: { custom_fields: null, footer: null, rendering_options: null }, default_payment_method: null,
    preferred_locales: [], tax_exempt: history.tax_exempt, metadata: {}, deleted: false,
  };
}

/** A life as the engine lives it. */
export class Life {
  readonly store = new Store();
  readonly history: History;
  /** The item's key in the history, by its id. */
  readonly keys = new Map<string, string>();
  /** The pending item's key, by its id. */
  private readonly pendingKeys = new Map<string, string>();
  private subscription_id = '';
  /** The last invoice, for which the reference has a word of its own. */
  private last: string | null = null;

  constructor(history: History) {
    this.history = history;
    this.store.keep('customers', customerRow(history));
  }

  rate(rate: Rate): TaxRateRow {
    const row = rateRow(rate);
    if (!this.store.all<TaxRateRow>('tax_rates').some((each) => each.id === rate.id)) this.store.keep('tax_rates', row);
    return row;
  }

  discount(coupon: Coupon): DiscountGiven {
    const row = couponRow(coupon);
    this.store.keep('coupons', row);
    return { param: 'discounts', coupon: row, promotion_code: null };
  }

  price(price: Price, key: string) {
    const terms = priceRow(price, key);
    if (!this.store.all<PriceRow>('prices').some((each) => each.id === price.id)) this.store.keep('prices', terms);
    return { param: 'items', terms, product_name: price.product, product_active: true };
  }

  /** An item as it is asked for, at the start or later. */
  asked(item: Item) {
    const { key, price, quantity, tax_rates, discounts } = item;
    return {
      param: key, price: this.price(price, key), quantity: price.usage_type === 'metered' ? undefined : BigInt(quantity),
      tax_rates: tax_rates.map((rate) => this.rate(rate)), metadata: {}, discounts: discounts.map((coupon) => this.discount(coupon)),
    };
  }

  get subscription(): SubscriptionWhole {
    return this.store.subscription(this.subscription_id);
  }

  facts(at: Instant): SubscriptionFacts {
    const { subscription } = this;
    const usage = usageAsked(subscription, at).map(({ key, start, end }) => [key, sum(this.history.usage.filter((use) => use.key === this.keys.get(key) && start <= use.at && use.at < end).map((use) => use.value))] as const);
    return { ...this.around(), subscription, pending: this.store.pending(), usage: new Map(usage), rates: this.store.debitRates(subscription) };
  }

  around() {
    return { customer: this.store.customer(CUSTOMER), account: { business_name: 'Helpdesk', country: 'DE', proration: 'second' as const }, tax_ids: [], payment_method: null };
  }

  /** The keys of new items are those of the order, in its order. */
  name(before: ReadonlySet<string>, keys: readonly string[]): void {
    const fresh = this.subscription.items.filter((item) => !before.has(item.id));
    for (const [n, item] of fresh.entries()) this.keys.set(item.id, keys[n]!);
  }

  start(): void {
    const { history } = this;
    const order: StartOrder = {
      currency: history.currency, collection_method: 'send_invoice', days_until_due: 30,
      billing_cycle_anchor: history.anchor_day_of_month === undefined ? (history.anchor ?? null) : null,
      billing_cycle_anchor_config: history.anchor_day_of_month === undefined ? null : { day_of_month: history.anchor_day_of_month, hour: null, minute: null, month: null, second: null },
      backdate_start_date: history.backdate ?? null, trial_end: history.trial_end ?? null, trial_period_days: null, trial_from_plan: false,
      billing_mode: { type: 'flexible', flexible: { proration_discounts: 'included' }, updated_at: null }, trial_settings: { end_behavior: { missing_payment_method: 'create_invoice' } },
      cancel_at: null, cancel_at_period_end: false, proration_behavior: history.proration_behavior, default_payment_method: null, description: null,
      invoice_settings: { custom_fields: null, description: null, footer: null }, payment_settings: { save_default_payment_method: 'off' }, metadata: {}, add_invoice_items: [],
      items: history.items.map((item) => this.asked(item)), discounts: history.discounts.map((coupon) => this.discount(coupon)), default_rates: history.default_tax_rates.map((rate) => this.rate(rate)),
      payment_behavior: 'allow_incomplete', off_session: false,
    };
    const started = startSubscription(order, { ...this.around(), subscriptions: 0, first_time: true }, this.store.moment(history.start));
    this.subscription_id = started.subscription.id;
    this.store.apply(started);
    this.name(new Set(), history.items.map((item) => item.key));
  }

  /** Runs what is due up to the moment, inclusive. */
  run(until: Instant): void {
    for (;;) {
      const due = [...this.store.timers.values()].filter((timer) => timer.at <= until && timer.kind === 'subscription.renew').sort((a, b) => a.at - b.at)[0];
      if (!due) return;
      this.store.timers.delete(`${due.kind} ${due.subject}`);
      const facts = this.facts(due.at);
      if (!isDue(facts.subscription, due.at)) continue;
      const made = renewAll([facts], this.store.moment(due.at));
      this.store.apply(made);
      const { subscription, invoice } = made.renewed[0]!;
      if (subscription.ended_at !== null) this.last = invoice?.id ?? null;
    }
  }

  /** An invoice item made by hand. */
  wait(given: PendingItem): void {
    const moment = this.store.moment(given.at);
    const row: InvoiceItemRow = {
      id: moment.newId('ii'), created: given.at, customer: CUSTOMER, subscription: given.of === 'subscription' ? this.subscription_id : null, subscription_item: null, invoice: null, test_clock: null,
      amount: given.amount, currency: this.history.currency, description: null, discountable: given.discountable, period_start: given.at, period_end: given.at, price: null, product: given.product,
      unit_amount_decimal: null, quantity_decimal: '1', proration: false, proration_details: null, metering: null, tax_rates: given.tax_rates.map((rate) => this.rate(rate).id), metadata: {},
    };
    this.pendingKeys.set(row.id, given.key);
    const discounting = redeem(given.discounts.map((coupon) => this.discount(coupon)), { customer: CUSTOMER, invoice_item: row.id }, [], { customer: CUSTOMER, first_time: true, amount: 0n, currency: this.history.currency }, noRedemptions(), moment);
    this.store.apply({ ...decision(), puts: [{ table: 'invoice_items', before: null, after: row }] });
    this.store.apply(discounting);
  }

  act(action: Action): void {
    if (this.subscription.ended_at !== null) return;
    if (action.kind === 'cancel_now') return this.cancel(action);
    const order: ChangeOrder = {
      ...NO_CHANGE,
      ...(action.kind === 'cancel_at_period_end' ? { cancel_at_period_end: true } : { proration_behavior: action.proration_behavior }),
      ...(action.kind === 'anchor_now' && { billing_cycle_anchor: 'now' as const }),
      items: action.kind === 'change' ? action.changes.map((change) => this.change(change)) : [],
    };
    const before = new Set(this.subscription.items.map((item) => item.id));
    this.store.apply(changeSubscription(order, { ...this.facts(action.at), first_time: true }, this.store.moment(action.at)));
    this.name(before, action.kind === 'change' ? action.changes.flatMap((change) => (change.add ? [change.add.key] : [])) : []);
  }

  private change({ key, quantity, price, remove, add }: ItemChange): ChangeOrder['items'][number] {
    if (add) return { add: this.asked(add) };
    const id = this.subscription.items.find((item) => this.keys.get(item.id) === key)!.id;
    return { change: { param: key, id, ...(remove && { deleted: true }), ...(price && { price: this.price(price, key) }), ...(quantity !== undefined && { quantity: BigInt(quantity) }) } };
  }

  private cancel({ at, prorate, invoice_now }: Extract<Action, { kind: 'cancel_now' }>): void {
    const made = cancelSubscription({ prorate, invoice_now }, { ...this.facts(at), unpaid: [] }, this.store.moment(at));
    this.store.apply(made);
    this.last = made.invoice?.id ?? null;
  }

  outcome(): Outcome {
    const { store, last } = this;
    const found = { invoices: store.invoices(), pending: store.pending(), ended_at: this.subscription.ended_at, last };
    return outcomeOf(found, {
      item: (id) => this.keys.get(id)!,
      pending: (id) => this.pendingKeys.get(id)!,
      coupon: (discount) => store.get<{ coupon: string }>('discounts', discount).coupon,
      rate: (id) => id,
      metered: (price) => store.get<PriceRow>('prices', price).recurring!.usage_type === 'metered',
    });
  }
}

/** Σ of plain decimals with up to 12 places. */
export function sum(values: readonly string[]): string {
  const scaled = values.reduce((total, value) => {
    const [whole, places = ''] = value.split('.');
    return total + BigInt(whole! + places.padEnd(12, '0'));
  }, 0n);
  const text = scaled.toString().padStart(13, '0');
  return `${text.slice(0, -12)}.${text.slice(-12)}`.replace(/\.?0+$/, '');
}

/** The whole history, up to its end. */
export const live = (history: History): Outcome => liveThrough(history).outcome();

/** The same, with all that is stored at its end. */
export function liveThrough(history: History): Life {
  const life = new Life(history);
  life.start();
  const requests = [...history.pending.map((item) => ({ at: item.at, run: () => life.wait(item) })), ...history.actions.map((action) => ({ at: action.at, run: () => life.act(action) }))].sort((a, b) => a.at - b.at);
  for (const request of requests.filter((each) => each.at <= history.until)) {
    life.run(request.at);
    request.run();
  }
  life.run(history.until);
  return life;
}
