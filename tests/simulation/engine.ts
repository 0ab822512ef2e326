/** A life of the reference model, lived by the engine: the same history as orders to `billing/`, in memory, and what came of it in the reference's words. */
import type { DimensionPrice, PriceRow, TaxRateRow } from '../../billing/catalog.ts';
import { endGrant, type CreditGrantRow, type CreditTransactionRow } from '../../billing/credit/grant.ts';
import { decision, Refusal, type Instant } from '../../billing/decision.ts';
import { advanceInvoice } from '../../billing/invoice/advance.ts';
import type { InvoiceItemRow } from '../../billing/invoice/invoice.ts';
import type { Used } from '../../billing/metering.ts';
import { draftMove } from '../../billing/price_move/move.ts';
import { applyEntry, planEntry } from '../../billing/price_move/entry.ts';
import { groupOf } from '../../billing/pricing/dimensions.ts';
import { redeem, noRedemptions, type DiscountGiven } from '../../billing/redeem.ts';
import { cancelSubscription } from '../../billing/subscription/cancel.ts';
import { commitTo } from '../../billing/subscription/committed.ts';
import { changeSubscription, NO_CHANGE, refuseManaged, type ChangeOrder } from '../../billing/subscription/change.ts';
import type { AddedOnce, NewItem, PriceAsked } from '../../billing/subscription/items.ts';
import { usageAsked } from '../../billing/subscription/lines.ts';
import { pauseSubscription } from '../../billing/subscription/pause.ts';
import { changesTerms } from '../../billing/subscription/pending.ts';
import { resumeCollection } from '../../billing/subscription/withhold.ts';
import { isDue, renewAll } from '../../billing/subscription/renew.ts';
import { sweepSubscription } from '../../billing/subscription/sweep.ts';
import { startSubscription, type StartOrder } from '../../billing/subscription/start.ts';
import { billThreshold, countsUntil } from '../../billing/subscription/threshold.ts';
import type { SubscriptionFacts, SubscriptionRow, SubscriptionWhole } from '../../billing/subscription/subscription.ts';
import { couponRow, CUSTOMER, customerRow, onceRow, priceRow, rateRow } from './catalog.ts';
import { billedUsage, recountCommitment } from './engine_commitments.ts';
import { actOnGrant } from './engine_credits.ts';
import { withLeftOfEarly } from './engine_early.ts';
import { actOnInvoice, resume } from './engine_invoices.ts';
import { CARD, collect, expire, settle } from './engine_payments.ts';
import { adopt, comingPhases, fromScratch, release } from './engine_schedules.ts';
import { checkTopUp, setTopUp, watchCredit } from './engine_top_ups.ts';
import { outcomeOf } from './outcome.ts';
import type { Action, Attempt, Coupon, History, Item, ItemChange, Once, Outcome, PendingItem, Price, Rate, Threshold } from './reference/history.ts';
import { isPrepaid, isWatched } from './reference/watched.ts';
import { nameOf } from './reference/terms.ts';
import { Store } from './store.ts';

/** The clock's own. */
const TIMERS = new Set(['subscription.renew', 'subscription.collect', 'subscription.sweep', 'subscription.expire', 'subscription.threshold', 'invoice.finalize', 'credit_grant.expire', 'credit_top_up.check']);

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
  readonly refused: number[] = [];

  constructor(history: History) {
    this.history = history;
    this.store.keep('customers', customerRow(history));
  }

  private once<T extends { id: string }>(table: string, row: T): T {
    if (!this.store.all<T>(table).some((each) => each.id === row.id)) this.store.keep(table, row);
    return row;
  }

  rate(rate: Rate): TaxRateRow {
    return this.once('tax_rates', rateRow(rate));
  }

  discount(coupon: Coupon): DiscountGiven {
    return { param: 'discounts', coupon: this.once('coupons', couponRow(coupon)), promotion_code: null };
  }

  price(price: Price): PriceAsked {
    return { param: 'items', terms: this.once('prices', priceRow(price)), product_name: price.product, product_active: true };
  }

  /** An item as it is asked for, at the start or later. */
  asked(item: Item): NewItem {
    const { key, price, quantity, tax_rates, discounts } = item;
    return {
      param: key, price: this.price(price), quantity: price.usage_type === 'metered' ? undefined : BigInt(quantity),
      tax_rates: tax_rates.map((rate) => this.rate(rate)), metadata: {}, discounts: discounts.map((coupon) => this.discount(coupon)),
      billing_thresholds: item.usage_gte === undefined ? null : { usage_gte: item.usage_gte },
    };
  }

  addedOnce(once: Once): AddedOnce {
    const { key, product, quantity, tax_rates, discounts, discountable } = once;
    return {
      param: key, price: { param: key, terms: this.once('prices', onceRow(once, this.history.currency)), product_name: product, product_active: true }, quantity: BigInt(quantity), tax_rates: tax_rates.map((rate) => this.rate(rate)), metadata: {},
      discounts: discounts.map((coupon) => this.discount(coupon)), discountable, period_start: null, period_end: null,
    };
  }

  /** What is stored of it, without what it is made of. */
  get row(): SubscriptionRow {
    return this.store.get<SubscriptionRow>('subscriptions', this.subscription_id);
  }

  get subscription(): SubscriptionWhole {
    return this.store.subscription(this.subscription_id);
  }

  facts(at: Instant): SubscriptionFacts {
    const subscription = withLeftOfEarly(this.store, this.subscription);
    const usage = usageAsked(subscription, at).map((asked) => [asked.key, usedIn(usesIn(this.history, asked), asked.groups)] as const);
    return { ...this.around(), subscription, pending: this.store.pending(), usage: new Map(usage), billed_usage: billedUsage(this.store, subscription, at), rates: this.store.debitRates(subscription), phases: comingPhases(this.store, subscription), unpaid: this.store.invoices(({ status }) => status === 'draft' || status === 'open') };
  }

  around() {
    return { customer: this.store.customer(CUSTOMER), account: { business_name: 'Helpdesk', country: 'DE', proration: this.history.by_day ? ('day' as const) : ('second' as const) }, tax_ids: [], payment_method: this.history.card ? CARD : null };
  }

  /** New items get the keys of those that were asked for, by their prices; what a phase brings in is named by the model. */
  private name(asked: readonly Item[]): void {
    const { items, updating } = this.subscription;
    for (const item of [...items, ...updating]) {
      if (this.keys.has(item.id)) continue;
      this.keys.set(item.id, asked.find((each) => each.price.id === item.price)?.key ?? nameOf(item.price, item.created));
    }
  }

  start(): void {
    const { history } = this;
    if (history.scheduled?.from_scratch === undefined) this.begin();
    else fromScratch(this, history.scheduled.from_scratch);
    this.subscription_id = this.store.all<SubscriptionRow>('subscriptions')[0]!.id;
    collect(this, history.start);
    this.name(history.items);
    if (history.scheduled && history.scheduled.from_scratch === undefined) adopt(this, history.start, history.scheduled);
  }

  private begin(): void {
    const { history } = this;
    const order: StartOrder = {
      currency: history.currency, collection_method: 'send_invoice', days_until_due: 30,
      billing_cycle_anchor: history.anchor_day_of_month === undefined ? (history.anchor ?? null) : null,
      billing_cycle_anchor_config: history.anchor_day_of_month === undefined ? null : { day_of_month: history.anchor_day_of_month, hour: null, minute: null, month: null, second: null },
      backdate_start_date: history.backdate ?? null, trial_end: history.trial_end ?? null, trial_period_days: null, trial_from_plan: false,
      billing_mode: { type: 'flexible', flexible: { proration_discounts: history.itemized ? 'itemized' : 'included' }, updated_at: null }, trial_settings: { end_behavior: { missing_payment_method: history.missing_payment_method ?? 'create_invoice' } },
      cancel_at: null, cancel_at_period_end: false, proration_behavior: history.proration_behavior, default_payment_method: null, description: null,
      invoice_settings: { custom_fields: null, description: null, footer: null }, payment_settings: { save_default_payment_method: 'off' }, metadata: {}, add_invoice_items: (history.once ?? []).map((once) => this.addedOnce(once)), pending_invoice_item_interval: history.sweep ?? null, billing_thresholds: thresholdOf(history.threshold ?? null),
      items: history.items.map((item) => this.asked(item)), discounts: history.discounts.map((coupon) => this.discount(coupon)), default_rates: history.default_tax_rates.map((rate) => this.rate(rate)),
      payment_behavior: 'allow_incomplete', off_session: false,
      ...((history.missing_payment_method !== undefined || history.card) && { collection_method: 'charge_automatically', days_until_due: null }),
    };
    const started = startSubscription(order, { ...this.around(), subscriptions: 0, first_time: true, pending: [] }, this.store.moment(history.start));
    this.store.apply(started);
  }

  /** Runs what is due up to the moment, inclusive. */
  run(until: Instant): void {
    for (;;) {
      const due = [...this.store.timers.values()].filter((timer) => timer.at <= until && TIMERS.has(timer.kind)).sort((a, b) => a.at - b.at || (a.kind < b.kind ? -1 : 1))[0];
      if (!due) return;
      this.store.timers.delete(`${due.kind} ${due.subject}`);
      if (due.kind === 'subscription.renew') this.renew(due.at);
      else if (due.kind === 'subscription.expire') expire(this, due.at);
      else if (due.kind === 'credit_grant.expire') {
        this.store.apply(endGrant(this.store.get<CreditGrantRow>('credit_grants', due.subject), this.store.moment(due.at)));
        watchCredit(this, due.at);
      } else if (due.kind === 'credit_top_up.check') checkTopUp(this, due.at);
      else if (due.kind === 'subscription.threshold') this.reachThreshold(due.at);
      else if (due.kind === 'subscription.sweep') this.store.apply(sweepSubscription(this.facts(due.at), this.store.moment(due.at)));
      else if (due.kind === 'subscription.collect') this.store.apply(resumeCollection(this.subscription, this.store.moment(due.at)));
      else {
        recountCommitment(this.store, due.subject, due.at);
        this.store.apply(advanceInvoice({ invoice: this.store.invoice(due.subject), customer: this.store.customer(CUSTOMER), subscription: this.subscription }, this.history.card ? CARD : null, [], this.store.moment(due.at)));
      }
      collect(this, due.at);
    }
  }

  /** Something was used, which may reach a threshold. */
  use(at: Instant): void {
    const { id, watched, status, billing_thresholds } = this.row;
    watchCredit(this, at);
    if (watched && (status === 'active' || status === 'past_due')) this.store.timers.set(`subscription.threshold ${id}`, { kind: 'subscription.threshold', subject: id, at: at + (billing_thresholds?.reset_billing_cycle_anchor ? 1 : 0) });
  }

  private reachThreshold(at: Instant): void {
    const { subscription } = this;
    if (!subscription.watched || subscription.pending_update !== null || isDue(subscription, at)) return;
    this.store.apply(billThreshold({ ...this.facts(countsUntil(subscription, at)), first_time: false }, this.store.moment(at)));
    collect(this, at);
  }

  private renew(at: Instant): void {
    const facts = this.facts(at);
    if (!isDue(facts.subscription, at)) return;
    const made = renewAll([facts], this.store.moment(at));
    this.store.apply(made);
    const { subscription, invoice } = made.renewed[0]!;
    if (subscription.ended_at !== null) this.last = invoice?.id ?? null;
    this.name([]);
  }

  /** An invoice item made by hand. */
  wait(given: PendingItem): void {
    const moment = this.store.moment(given.at);
    const row: InvoiceItemRow = {
      id: moment.newId('ii'), created: given.at, customer: CUSTOMER, subscription: given.of === 'subscription' ? this.subscription_id : null, subscription_item: null, invoice: null, test_clock: null,
      amount: given.amount, currency: this.history.currency, description: null, discountable: given.discountable, period_start: given.at, period_end: given.at, price: null, product: given.product,
      unit_amount_decimal: null, quantity_decimal: '1', proration: false, proration_details: null, metering: null, correction: null, tax_rates: given.tax_rates.map((rate) => this.rate(rate).id), metadata: {},
    };
    this.pendingKeys.set(row.id, given.key);
    const discounting = redeem(given.discounts.map((coupon) => this.discount(coupon)), { customer: CUSTOMER, invoice_item: row.id }, [], { customer: CUSTOMER, first_time: true, amount: 0n, currency: this.history.currency }, noRedemptions(), moment);
    this.store.apply({ ...decision(), puts: [{ table: 'invoice_items', before: null, after: row }] });
    this.store.apply(discounting);
  }

  /** Does what is asked, or notes that it was refused. */
  act(action: Action): void {
    const undo = this.row.pending_update === null ? null : this.store.remember();
    try {
      this.carryOut(action);
      collect(this, action.at);
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      undo?.();
      this.refused.push(this.history.actions.indexOf(action));
    }
  }

  carryOut(action: Action): void {
    const { at } = action;
    switch (action.kind) {
      case 'pay': case 'void': case 'credit': case 'void_note': return actOnInvoice(this, action);
      case 'grant': case 'move_grant': case 'expire_grant': case 'void_grant':
        actOnGrant(this, action);
        return action.kind === 'grant' ? undefined : watchCredit(this, at);
      case 'top_up': return setTopUp(this, action);
      case 'settle': return settle(this, at, action.how);
      case 'cancel_now': return this.cancel(action);
      case 'pause': {
        this.discard(at);
        const { unused_time_from, outstanding_usage_through, invoicing_behavior } = action;
        return this.store.apply(pauseSubscription({ unused_time_from, outstanding_usage_through, invoicing_behavior }, this.facts(at), this.store.moment(at)));
      }
      case 'resume': return resume(this, action);
      case 'schedule': return adopt(this, at, action);
      case 'release': return release(this, action);
      case 'move_price': return this.move(action);
      case 'commitment': return this.store.apply(commitTo(action.amount === null ? null : { amount: action.amount }, this.subscription, this.store.moment(at)));
      default: return this.change(at, this.orderOf(action), action.kind === 'change' ? action.changes : [], 'waits' in action ? action.waits : undefined);
    }
  }

  /** A change that waits is not wanted any more. */
  private discard(at: Instant): void {
    if (this.row.pending_update !== null) settle(this, at, 'void');
  }

  change(at: Instant, asked: Partial<ChangeOrder>, changes: readonly ItemChange[] = [], waits?: Attempt): void {
    const unpaid = this.row.collection_method === 'send_invoice' || this.history.card ? 'allow_incomplete' : 'default_incomplete';
    const order: ChangeOrder = { ...NO_CHANGE, payment_behavior: waits ? 'pending_if_incomplete' : unpaid, ...asked };
    refuseManaged(order, this.subscription);
    if (changesTerms(order)) this.discard(at);
    this.store.apply(changeSubscription(order, { ...this.facts(at), first_time: true }, this.store.moment(at)));
    this.name(changes.flatMap((change) => change.add ?? []));
    if (waits && this.row.pending_update !== null) settle(this, at, waits);
  }

  orderOf(action: Exclude<Action, { kind: 'pay' | 'void' | 'settle' | 'credit' | 'void_note' | 'grant' | 'move_grant' | 'expire_grant' | 'void_grant' | 'top_up' | 'cancel_now' | 'pause' | 'resume' | 'schedule' | 'release' | 'move_price' | 'commitment' }>): Partial<ChangeOrder> {
    switch (action.kind) {
      case 'change': return { items: action.changes.map((change) => this.itemChange(change)), proration_behavior: action.proration_behavior, proration_date: action.date ?? null, add_invoice_items: (action.once ?? []).map((once) => this.addedOnce(once)) };
      case 'anchor_now': return { billing_cycle_anchor: 'now', proration_behavior: action.proration_behavior };
      case 'trial': return { trial_end: action.until, proration_behavior: action.proration_behavior };
      case 'discount': return { discounts: action.discounts.map((coupon) => this.discount(coupon)) };
      case 'cancel_at_period_end': return { cancel_at_period_end: true };
      case 'cancel_at': return { cancel_at: action.moment };
      case 'uncancel': return this.row.cancel_at_period_end ? { cancel_at_period_end: false } : { cancel_at: null };
      case 'pause_collection': return { pause_collection: { behavior: action.behavior, resumes_at: action.resumes_at } };
      case 'collect': return { pause_collection: null };
      case 'sweep': return { pending_invoice_item_interval: action.interval };
      case 'threshold': return { billing_thresholds: thresholdOf(action.threshold) };
    }
  }

  /** An item that is not there has an id that nobody knows. */
  private itemChange({ key, quantity, price, remove, add }: ItemChange): ChangeOrder['items'][number] {
    if (add) return { add: this.asked(add) };
    const id = this.subscription.items.find((item) => this.keys.get(item.id) === key)?.id ?? `si_${key}`;
    return { change: { param: key, id, ...(remove && { deleted: true }), ...(price && { price: this.price(price) }), ...(quantity !== undefined && { quantity: BigInt(quantity) }) } };
  }

  /** As its plan says, which was made in the same second. */
  private move({ at, from, to, proration_behavior, when }: Extract<Action, { kind: 'move_price' }>): void {
    const moment = this.store.moment(at);
    const asked = this.price(to);
    const move = draftMove({ from: { id: from }, to: asked, proration_behavior: when === 'now' ? proration_behavior : 'none', when }, moment);
    const found = { facts: this.facts(at), price: asked };
    const planned = planEntry(move, found, moment);
    if (planned?.state !== 'pending') throw new Refusal(undefined, planned?.reason ?? 'It does not have the price.');
    const { entry, ...made } = applyEntry(move, planned, found, moment);
    if (entry.state !== 'applied' && entry.state !== 'scheduled') throw new Refusal(undefined, entry.reason ?? 'skipped');
    this.store.keep('price_moves', move);
    this.store.keep('price_move_entries', entry);
    this.store.apply(made);
  }

  private cancel({ at, prorate, invoice_now }: Extract<Action, { kind: 'cancel_now' }>): void {
    this.discard(at);
    const made = cancelSubscription({ prorate, invoice_now }, this.facts(at), this.store.moment(at));
    this.store.apply(made);
    this.last = made.invoice?.id ?? null;
  }

  outcome(): Outcome {
    const { store, last, subscription, refused } = this;
    const found = { invoices: store.invoices(), notes: store.notes(), pending: store.pending(), subscription, balance: store.customer(CUSTOMER).balance, grants: store.all<CreditGrantRow>('credit_grants'), credit_transactions: store.all<CreditTransactionRow>('credit_balance_transactions'), last, refused };
    return outcomeOf(found, {
      item: (id) => this.keys.get(id)!,
      pending: (id) => this.pendingKeys.get(id) ?? store.get<InvoiceItemRow>('invoice_items', id).price!,
      coupon: (discount) => store.discount(discount).coupon,
      rate: (id) => id,
      metered: (price) => store.get<PriceRow>('prices', price).recurring!.usage_type === 'metered',
    });
  }
}

const thresholdOf = (threshold: Threshold | null): SubscriptionRow['billing_thresholds'] => threshold && { amount_gte: threshold.amount_gte === null ? null : Number(threshold.amount_gte), reset_billing_cycle_anchor: threshold.reset };

/** What was used of a meter in a span. */
export const usesIn = ({ usage }: History, { meter, start, end }: { meter: string; start: Instant; end: Instant }): History['usage'] => usage.filter((use) => `mtr_${use.meter}` === meter && start <= use.at && use.at < end);

/** What it comes to, by the groups of a price that has entries. */
export function usedIn(uses: History['usage'], entries: readonly Pick<DimensionPrice, 'dimensions'>[] | null): Used {
  const valuesOf = (some: History['usage']) => sum(some.map(({ value }) => value));
  if (entries === null) return valuesOf(uses);
  const byGroup = Map.groupBy(uses, ({ model }) => groupOf(entries, model === undefined ? {} : { model }));
  return [...entries.keys(), entries.length].map((n) => valuesOf(byGroup.get(n) ?? []));
}

/** Σ of plain decimals with up to 12 places. */
function sum(values: readonly string[]): string {
  const scaled = values.reduce((total, value) => {
    const [whole, places = ''] = value.split('.');
    return total + BigInt(whole! + places.padEnd(12, '0'));
  }, 0n);
  const text = (scaled < 0n ? -scaled : scaled).toString().padStart(13, '0');
  return `${scaled < 0n ? '-' : ''}${text.slice(0, -12)}.${text.slice(-12)}`.replace(/\.?0+$/, '');
}

/** The whole history, up to its end. */
export const live = (history: History): Outcome => liveThrough(history).outcome();

/** The same, with all that is stored at its end. */
export function liveThrough(history: History): Life {
  const life = new Life(history);
  life.start();
  const requests = [...history.pending.map((item) => ({ at: item.at, run: () => life.wait(item) })), ...history.actions.map((action) => ({ at: action.at, run: () => life.act(action) })), ...(isWatched(history) || isPrepaid(history) ? [...new Set(history.usage.map(({ at }) => at))].map((at) => ({ at, run: () => life.use(at) })) : [])].sort((a, b) => a.at - b.at);
  for (const request of requests.filter((each) => each.at <= history.until)) {
    life.run(request.at);
    request.run();
  }
  life.run(history.until);
  return life;
}
