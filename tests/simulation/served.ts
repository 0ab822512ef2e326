/** A life of the reference model, lived over HTTP: by the official client, on PostgreSQL, on a test clock. What came of it is read from the tables. */
import assert from 'node:assert/strict';
import Stripe from 'stripe';
import type { InvoiceItemRow, InvoiceLineRow, InvoiceRow } from '../../billing/invoice/invoice.ts';
import { rows, sql } from '../../server/database/sql.ts';
import { inWorld } from '../../server/database/world.ts';
import type { Kontor } from '../kontor.ts';
import { outcomeOf } from './outcome.ts';
import type { Action, Coupon, History, Item, ItemChange, Outcome, PendingItem, Price, Rate } from './reference.ts';

/** A test clock moves by at most two years at a time. */
const FURTHEST_S = 700 * 86_400;

const decimal = (text: string | null) => (text === null ? undefined : Stripe.Decimal.from(text));

export class Served {
  private readonly stripe: Stripe;
  private readonly kontor: Kontor;
  private readonly history: History;
  /** What the history's names became, and the way back; the items by their keys. */
  private readonly made = new Map<string, Promise<string>>();
  private readonly items = new Map<string, string>();
  private readonly names = new Map<string, string>();
  private readonly metered = new Set<string>();
  private clock = '';
  private customer = '';
  private subscription = '';
  private now: number;
  private last: string | null = null;
  /** It was canceled at once, not at the end of a period. */
  private canceled = false;

  constructor(kontor: Kontor, history: History) {
    this.kontor = kontor;
    this.stripe = kontor.stripe;
    this.history = history;
    this.now = history.start;
  }

  private once(name: string, make: () => Promise<{ id: string }>): Promise<string> {
    const known = this.made.get(name) ?? make().then(({ id }) => {
      this.names.set(id, name);
      return id;
    });
    this.made.set(name, known);
    return known;
  }

  private readonly event = (key: string) => `${this.customer}_${key}`;

  private product(name: string): Promise<string> {
    return this.once(name, () => this.stripe.products.create({ name }));
  }

  private price(price: Price, key: string): Promise<string> {
    return this.once(price.id, async () => {
      const { recurrence, currency, usage_type, billing_scheme, tiers, tiers_mode, transform_quantity } = price;
      const meter = usage_type === 'metered' ? await this.once(`meter ${key}`, () => this.stripe.billing.meters.create({ display_name: key, event_name: this.event(key), default_aggregation: { formula: 'sum' } })) : undefined;
      const made = await this.stripe.prices.create({
        product: await this.product(price.product), currency, billing_scheme,
        recurring: { ...recurrence, usage_type, meter },
        unit_amount_decimal: decimal(price.unit_amount_decimal),
        tiers_mode: tiers_mode ?? undefined,
        transform_quantity: transform_quantity ?? undefined,
        tiers: tiers?.map((tier) => ({ up_to: tier.up_to ?? 'inf', unit_amount_decimal: decimal(tier.unit_amount_decimal ?? (tier.flat_amount_decimal === null ? '0' : null)), flat_amount_decimal: decimal(tier.flat_amount_decimal) })),
      });
      if (usage_type === 'metered') this.metered.add(made.id);
      return made;
    });
  }

  private rates(rates: readonly Rate[]): Promise<string[]> {
    return Promise.all(rates.map((rate) => this.once(rate.id, () => this.stripe.taxRates.create({ display_name: 'Tax', percentage: Number(rate.percentage), inclusive: rate.inclusive }))));
  }

  private discounts(coupons: readonly Coupon[]): Promise<{ coupon: string }[]> {
    return Promise.all(coupons.map(async ({ id, percent_off, amount_off, currency, currency_options, duration, duration_in_months, products }) => ({
      coupon: await this.once(id, async () => this.stripe.coupons.create({
        duration, duration_in_months,
        ...(percent_off === undefined ? { amount_off: Number(amount_off), currency } : { percent_off: Number(percent_off) }),
        ...(currency_options && { currency_options: Object.fromEntries(Object.entries(currency_options).map(([name, amount]) => [name, { amount_off: Number(amount) }])) }),
        ...(products && { applies_to: { products: await Promise.all(products.map((product) => this.product(product))) } }),
      })),
    })));
  }

  private async asked({ key, price, quantity, tax_rates, discounts }: Item): Promise<Stripe.SubscriptionCreateParams.Item> {
    const [rates, coupons] = [await this.rates(tax_rates), await this.discounts(discounts)];
    return { price: await this.price(price, key), ...(price.usage_type === 'licensed' && { quantity }), ...(rates.length > 0 && { tax_rates: rates }), ...(coupons.length > 0 && { discounts: coupons }) };
  }

  /** New items get the keys of the order, in its order. */
  private name(items: readonly Stripe.SubscriptionItem[], keys: readonly string[]): void {
    const fresh = items.filter((item) => !this.names.has(item.id)).sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const [n, item] of fresh.entries()) {
      this.names.set(item.id, keys[n]!);
      this.items.set(keys[n]!, item.id);
    }
  }

  private async start(): Promise<void> {
    const { history, stripe } = this;
    const { backdate, anchor, anchor_day_of_month, trial_end, proration_behavior } = history;
    this.clock = (await stripe.testHelpers.testClocks.create({ frozen_time: history.start })).id;
    this.customer = (await stripe.customers.create({ test_clock: this.clock, tax_exempt: history.tax_exempt })).id;
    const items: Stripe.SubscriptionCreateParams.Item[] = [];
    for (const item of history.items) items.push(await this.asked(item));
    const rates = await this.rates(history.default_tax_rates);
    const discounts = await this.discounts(history.discounts);
    const made = await stripe.subscriptions.create({
      customer: this.customer, items, collection_method: 'send_invoice', days_until_due: 30, proration_behavior, currency: history.currency,
      ...(backdate !== undefined && { backdate_start_date: backdate }),
      ...(anchor_day_of_month !== undefined ? { billing_cycle_anchor_config: { day_of_month: anchor_day_of_month } } : anchor !== undefined && { billing_cycle_anchor: anchor }),
      ...(trial_end !== undefined && { trial_end, trial_settings: { end_behavior: { missing_payment_method: 'create_invoice' } } }),
      ...(rates.length > 0 && { default_tax_rates: rates }),
      ...(discounts.length > 0 && { discounts }),
    });
    this.subscription = made.id;
    this.name(made.items.data, history.items.map((item) => item.key));
  }

  private async until(moment: number): Promise<void> {
    while (this.now < moment) {
      this.now = Math.min(moment, this.now + FURTHEST_S);
      await this.kontor.advance(this.clock, this.now);
    }
  }

  private async use({ key, at, value }: History['usage'][number]): Promise<void> {
    if (!this.made.has(`meter ${key}`)) return;
    await this.stripe.billing.meterEvents.create({ event_name: this.event(key), timestamp: at, payload: { stripe_customer_id: this.customer, value } });
  }

  private async wait({ key, of, amount, discountable, tax_rates, discounts }: PendingItem): Promise<void> {
    const subscription = of === 'subscription' ? { subscription: this.subscription } : {};
    const [rates, coupons] = [await this.rates(tax_rates), await this.discounts(discounts)];
    const item = await this.stripe.invoiceItems.create({
      customer: this.customer, ...subscription, amount: Number(amount), currency: this.history.currency, discountable,
      ...(rates.length > 0 && { tax_rates: rates }), ...(coupons.length > 0 && { discounts: coupons }),
    });
    this.names.set(item.id, key);
  }

  private async change({ key, quantity, price, remove, add }: ItemChange): Promise<Stripe.SubscriptionUpdateParams.Item> {
    if (add) return this.asked(add);
    return { id: this.items.get(key), ...(remove && { deleted: true }), ...(price && { price: await this.price(price, key) }), ...(quantity !== undefined && { quantity }) };
  }

  private async act(action: Action): Promise<void> {
    const { stripe, subscription } = this;
    const before = await stripe.subscriptions.retrieve(subscription);
    if (before.ended_at !== null) return;
    if (action.kind === 'cancel_now') {
      this.canceled = true;
      const after = await stripe.subscriptions.cancel(subscription, { prorate: action.prorate, invoice_now: action.invoice_now });
      if (after.latest_invoice !== before.latest_invoice) this.last = after.latest_invoice as string;
      return;
    }
    if (action.kind === 'cancel_at_period_end') return void (await stripe.subscriptions.update(subscription, { cancel_at_period_end: true }));
    const { proration_behavior } = action;
    if (action.kind === 'anchor_now') return void (await stripe.subscriptions.update(subscription, { billing_cycle_anchor: { type: 'now' }, proration_behavior }));
    const items: Stripe.SubscriptionUpdateParams.Item[] = [];
    for (const change of action.changes) items.push(await this.change(change));
    const after = await stripe.subscriptions.update(subscription, { items, proration_behavior });
    this.name(after.items.data, action.changes.flatMap((change) => (change.add ? [change.add.key] : [])));
  }

  private outcome(): Promise<Outcome> {
    return inWorld(this.kontor.database.pool, this.kontor.world, async (tx) => {
      const invoices = await rows<InvoiceRow>(tx, sql`select * from invoices where subscription = ${this.subscription} order by created, id`);
      const lines = Map.groupBy(await rows<InvoiceLineRow>(tx, sql`select * from invoice_lines where invoice = any(${invoices.map((each) => each.id)}::text[]) order by position`), (line) => line.invoice);
      const pending = await rows<InvoiceItemRow>(tx, sql`select * from invoice_items where customer = ${this.customer} and invoice is null order by created, id`);
      const coupons = new Map((await rows<{ id: string; coupon: string }>(tx, sql`select id, coupon from discounts`)).map(({ id, coupon }) => [id, coupon]));
      const [{ ended_at, cancel_at_period_end }] = (await rows<{ ended_at: number | null; cancel_at_period_end: boolean }>(tx, sql`select ended_at, cancel_at_period_end from subscriptions where id = ${this.subscription}`)) as [{ ended_at: number | null; cancel_at_period_end: boolean }];
      const atEnd = cancel_at_period_end && !this.canceled ? invoices.find((each) => each.created === ended_at && each.billing_reason === 'subscription_cycle') : undefined;
      const name = (id: string) => this.names.get(id)!;
      return outcomeOf(
        { invoices: invoices.map((invoice) => ({ ...invoice, lines: lines.get(invoice.id) ?? [] })), pending, ended_at, last: this.last ?? atEnd?.id ?? null },
        { item: name, pending: name, rate: name, coupon: (discount) => name(coupons.get(discount)!), metered: (price) => this.metered.has(price) },
      );
    });
  }

  /** Every invoice follows from what is stored, and its difference from the one before it has causes. */
  private async explain(): Promise<void> {
    const ask = async (path: string) => (await this.stripe.rawRequest('GET', `/v1/kontor/invoices/${path}`)) as unknown as { differences: unknown[]; causes: { kind: string }[] };
    const { data } = await this.stripe.invoices.list({ customer: this.customer, limit: 100 });
    for (const [n, { id }] of data.entries()) {
      assert.deepEqual((await ask(`${id}/explanation`)).differences, [], `${id} does not follow from what is stored`);
      const other = data[n + 1]?.id;
      if (other !== undefined) assert.ok((await ask(`${id}/comparison?with=${other}`)).causes.every(({ kind }) => kind !== 'rest'), `${id} differs from ${other} without a cause`);
    }
  }

  async live(): Promise<Outcome> {
    const { history } = this;
    await this.start();
    const requests = [
      ...history.pending.map((item) => ({ at: item.at, run: () => this.wait(item) })),
      ...history.actions.map((action) => ({ at: action.at, run: () => this.act(action) })),
      ...history.usage.map((use) => ({ at: use.at, run: () => this.use(use) })),
    ].filter((each) => each.at <= history.until).sort((a, b) => a.at - b.at);
    for (const { at, run } of requests) {
      await this.until(at);
      await run();
    }
    await this.until(history.until);
    await this.explain();
    return this.outcome();
  }
}
