/** A life of the reference model, lived over HTTP: by the official client, on PostgreSQL, on a test clock. What came of it is read from the tables. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import Stripe from 'stripe';
import type { CreditNoteLineRow, CreditNoteRow } from '../../billing/credit_note/credit_note.ts';
import type { InvoiceItemRow, InvoiceLineRow, InvoiceRow } from '../../billing/invoice/invoice.ts';
import type { SubscriptionRow } from '../../billing/subscription/subscription.ts';
import { rows, sql } from '../../server/database/sql.ts';
import { inWorld, type Tx } from '../../server/database/world.ts';
import type { Kontor } from '../kontor.ts';
import { quiet } from '../awaited.ts';
import { own } from '../own.ts';
import { outcomeOf } from './outcome.ts';
import type { Action, Attempt, History, Item, ItemChange, Once, Outcome, PendingItem, Phase, Threshold } from './reference/history.ts';
import { nameOf } from './reference/terms.ts';
import { isPrepaid, isWatched } from './reference/watched.ts';
import { ServedCatalog } from './served_catalog.ts';
import { assertSummary, creditOf, onGrant, setTopUp } from './served_credits.ts';

/** A test clock moves by at most two years at a time. */
const FURTHEST_S = 700 * 86_400;

type Asked<Kind extends Action['kind']> = Extract<Action, { kind: Kind }>;

const thresholdOf = ({ amount_gte, reset }: Threshold) => ({ ...(amount_gte !== null && { amount_gte: Number(amount_gte) }), reset_billing_cycle_anchor: reset });

export class Served {
  private readonly stripe: Stripe;
  private readonly kontor: Kontor;
  private readonly history: History;
  private catalog!: ServedCatalog;
  /** Ids of items, by their keys. */
  private readonly items = new Map<string, string>();
  private clock = '';
  private customer = '';
  private subscription = '';
  /** One that pays, and one that is declined. */
  private cards: Record<Attempt, string> = { pay: '', fail: '' };
  private now: number;
  private last: string | null = null;
  /** It was canceled at once, not by itself. */
  private canceled = false;
  private readonly refused: number[] = [];

  constructor(kontor: Kontor, history: History) {
    this.kontor = kontor;
    this.stripe = kontor.stripe;
    this.history = history;
    this.now = history.scheduled?.from_scratch ?? history.start;
  }

  /** New items get the keys of those that were asked for, by their prices; what a phase brings in is named by the model, by the price that it came with. */
  private async name(items: readonly Stripe.SubscriptionItem[], asked: readonly Item[]): Promise<void> {
    const { names } = this.catalog;
    const unnamed = items.filter(({ id }) => !names.has(id));
    const first = unnamed.length === 0 ? null : await inWorld(this.kontor.database.pool, this.kontor.world, (tx) => this.firstPrices(tx));
    for (const item of unnamed) {
      const key = asked.find((each) => each.price.id === names.get(item.price.id))?.key ?? nameOf(names.get(first!.get(item.id) ?? item.price.id)!, item.created);
      names.set(item.id, key);
      this.items.set(key, item.id);
    }
  }

  /** The price of each item when it was first told of: phases may have changed it since. */
  private async firstPrices(tx: Tx): Promise<Map<string, string>> {
    const told = await rows<{ id: string; price: string }>(tx, sql`select distinct on (item->>'id') item->>'id' as id, item->'price'->>'id' as price from events, json_array_elements(data->'items'->'data') item
      where object_id = ${this.subscription} order by item->>'id', events.id`);
    return new Map(told.map(({ id, price }) => [id, price]));
  }

  private async start(): Promise<void> {
    const { history, stripe } = this;
    this.clock = (await stripe.testHelpers.testClocks.create({ frozen_time: this.now })).id;
    this.customer = (await stripe.customers.create({ test_clock: this.clock, tax_exempt: history.tax_exempt })).id;
    if (history.card) await this.takeCards();
    this.catalog = new ServedCatalog(stripe, this.customer);
    const made = history.scheduled?.from_scratch === undefined ? await this.begin() : await this.beginScheduled(history.scheduled);
    this.subscription = made.id;
    await this.name(made.items.data, history.items);
    if (history.scheduled && history.scheduled.from_scratch === undefined) await this.schedule(history.scheduled);
  }

  private async begin(): Promise<Stripe.Subscription> {
    const { history, stripe, catalog } = this;
    const { backdate, anchor, anchor_day_of_month, trial_end, proration_behavior, missing_payment_method } = history;
    const items: Stripe.SubscriptionCreateParams.Item[] = [];
    for (const item of history.items) items.push(await catalog.asked(item));
    const once = await this.addedOnce(history.once);
    const rates = await catalog.rates(history.default_tax_rates);
    const discounts = await catalog.discounts(history.discounts);
    return stripe.subscriptions.create({
      customer: this.customer, items, proration_behavior, currency: history.currency, ...(missing_payment_method || history.card ? {} : { collection_method: 'send_invoice', days_until_due: 30 }),
      ...(backdate !== undefined && { backdate_start_date: backdate }),
      ...(anchor_day_of_month !== undefined ? { billing_cycle_anchor_config: { day_of_month: anchor_day_of_month } } : anchor !== undefined && { billing_cycle_anchor: anchor }),
      ...(trial_end !== undefined && { trial_end, trial_settings: { end_behavior: { missing_payment_method: missing_payment_method ?? 'create_invoice' } } }),
      ...(rates.length > 0 && { default_tax_rates: rates }),
      ...(discounts.length > 0 && { discounts }),
      ...(history.threshold && { billing_thresholds: thresholdOf(history.threshold) }),
      ...(history.sweep && { pending_invoice_item_interval: history.sweep }),
      ...once,
    });
  }

  /** By a schedule, now or when its time has come. */
  private async beginScheduled({ end, phases, end_behavior }: NonNullable<History['scheduled']>): Promise<Stripe.Subscription> {
    const { history: { start, items, once, discounts, default_tax_rates, trial_end = null, card }, stripe, customer } = this;
    const laid: Stripe.SubscriptionScheduleCreateParams.Phase[] = [];
    for (const phase of [{ start, end, items, once, discounts, default_tax_rates, trial_end, anchored: false, proration_behavior: 'create_prorations' as const }, ...phases]) {
      const { start_date: _start, trial_end: _trial, ...asked } = await this.phase(phase);
      laid.push({ ...asked, currency: this.history.currency, end_date: phase.end, ...(phase.trial_end !== null && { trial_end: phase.trial_end }) });
    }
    const settings = card ? {} : { default_settings: { collection_method: 'send_invoice' as const, invoice_settings: { days_until_due: 30 } } };
    const made = await stripe.subscriptionSchedules.create({ customer, start_date: start, end_behavior, phases: laid, ...settings });
    await this.until(start);
    const { subscription } = await stripe.subscriptionSchedules.retrieve(made.id);
    return stripe.subscriptions.retrieve(subscription as string);
  }

  private async takeCards(): Promise<void> {
    const attach = async (card: string) => (await this.stripe.paymentMethods.attach(card, { customer: this.customer })).id;
    this.cards = { pay: await attach('pm_card_visa'), fail: await attach('pm_card_chargeCustomerFail') };
    await this.useCard('pay');
  }

  private useCard(which: Attempt): Promise<unknown> {
    return this.stripe.customers.update(this.customer, { invoice_settings: { default_payment_method: this.cards[which] } });
  }

  private async addedOnce(all: readonly Once[] = []): Promise<{ add_invoice_items?: Stripe.SubscriptionCreateParams.AddInvoiceItem[] }> {
    const items: Stripe.SubscriptionCreateParams.AddInvoiceItem[] = [];
    for (const once of all) items.push(await this.catalog.addedOnce(once, this.history.currency));
    return items.length > 0 ? { add_invoice_items: items } : {};
  }

  private async until(moment: number): Promise<void> {
    while (this.now < moment) {
      this.now = Math.min(moment, this.now + FURTHEST_S);
      await this.kontor.advance(this.clock, this.now);
    }
  }

  /** Usage of one second comes at once, so that it reaches a threshold together. */
  private async use(reported: History['usage']): Promise<void> {
    const events = reported.filter(({ meter }) => this.catalog.hasMeter(meter)).map(({ meter, at, value, model }) => ({ event_name: this.catalog.event(meter), timestamp: at, payload: { stripe_customer_id: this.customer, value, ...(model && { model }) } }));
    if (events.length === 0) return;
    const { refused } = await own<{ refused: number }>(this.stripe, 'POST', 'usage/events', { events });
    assert.equal(refused, 0);
  }

  private async wait({ key, of, amount, discountable, tax_rates, discounts }: PendingItem): Promise<void> {
    const subscription = of === 'subscription' ? { subscription: this.subscription } : {};
    const [rates, coupons] = [await this.catalog.rates(tax_rates), await this.catalog.discounts(discounts)];
    const item = await this.stripe.invoiceItems.create({
      customer: this.customer, ...subscription, amount: Number(amount), currency: this.history.currency, discountable,
      ...(rates.length > 0 && { tax_rates: rates }), ...(coupons.length > 0 && { discounts: coupons }),
    });
    this.catalog.names.set(item.id, key);
  }

  private async change({ key, quantity, price, remove, add }: ItemChange): Promise<Stripe.SubscriptionUpdateParams.Item> {
    if (add) return this.catalog.asked(add);
    return { id: this.items.get(key) ?? `si_${key}`, ...(remove && { deleted: true }), ...(price && { price: await this.catalog.price(price) }), ...(quantity !== undefined && { quantity }) };
  }

  /** Does what is asked, or notes that it was refused. */
  private async act(action: Action): Promise<void> {
    const now = await this.stripe.subscriptions.retrieve(this.subscription);
    await this.name(now.items.data, []);
    const ofCustomer = ['pay', 'void', 'credit', 'void_note', 'grant', 'move_grant', 'expire_grant', 'void_grant', 'top_up'].includes(action.kind);
    try {
      if (!ofCustomer && now.ended_at !== null) throw new Stripe.errors.StripeInvalidRequestError({ type: 'invalid_request_error', message: 'It has ended.' });
      await this.carryOut(action, now);
    } catch (error) {
      if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) throw error;
      this.refused.push(this.history.actions.indexOf(action));
    }
  }

  private async carryOut(action: Action, now: Stripe.Subscription): Promise<unknown> {
    const { stripe, subscription, catalog } = this;
    const update = (params: Stripe.SubscriptionUpdateParams) => stripe.subscriptions.update(subscription, params);
    const waiting = (params: Stripe.SubscriptionUpdateParams, waits: Attempt | undefined) => this.waiting({ ...params, ...this.unpaid(now) }, waits);
    switch (action.kind) {
      case 'change': {
        const items: Stripe.SubscriptionUpdateParams.Item[] = [];
        for (const change of action.changes) items.push(await this.change(change));
        const once = await this.addedOnce(action.once);
        const after = await waiting({ items, proration_behavior: action.proration_behavior, ...(action.date !== undefined && { proration_date: action.date }), ...once }, action.waits);
        return this.name([...after.items.data, ...(after.pending_update?.subscription_items ?? [])], action.changes.flatMap((change) => change.add ?? []));
      }
      case 'anchor_now': return waiting({ billing_cycle_anchor: { type: 'now' }, proration_behavior: action.proration_behavior }, action.waits);
      case 'trial': return waiting({ trial_end: action.until, proration_behavior: action.proration_behavior }, action.waits);
      case 'discount': return update({ discounts: action.discounts.length > 0 ? await catalog.discounts(action.discounts) : '' });
      case 'cancel_at_period_end': return update({ cancel_at_period_end: true });
      case 'cancel_at': return update({ cancel_at: action.moment });
      case 'uncancel': return update(now.cancel_at_period_end ? { cancel_at_period_end: false } : { cancel_at: '' });
      case 'pause_collection': return update({ pause_collection: { behavior: action.behavior, ...(action.resumes_at !== null && { resumes_at: action.resumes_at }) } });
      case 'collect': return update({ pause_collection: '' });
      case 'threshold': return update({ billing_thresholds: action.threshold === null ? '' : thresholdOf(action.threshold) });
      case 'sweep': return update({ pending_invoice_item_interval: action.interval ?? '' });
      case 'pause': return stripe.subscriptions.pause(subscription, { bill_for: { unused_time_from: { type: action.unused_time_from }, outstanding_usage_through: { type: action.outstanding_usage_through } }, invoicing_behavior: action.invoicing_behavior });
      case 'resume': return this.resume(action, now);
      case 'schedule': return this.schedule(action);
      case 'release': return now.schedule === null ? this.refuse() : stripe.subscriptionSchedules.release(now.schedule as string, { preserve_cancel_date: action.preserve_cancel_date });
      case 'move_price': return this.move(action);
      case 'settle': return this.settle(now.pending_update === null ? this.refuse() : (now.latest_invoice as string), action.how);
      case 'cancel_now': return this.cancel(action, now);
      case 'pay': case 'void': case 'credit': case 'void_note': return this.onInvoice(action);
      case 'commitment': return own(stripe, 'POST', `subscriptions/${subscription}`, { commitment: action.amount === null ? '' : { amount: Number(action.amount) } });
      case 'top_up': return setTopUp(stripe, this.customer, this.history.currency, action.top_up);
      case 'grant': case 'move_grant': case 'expire_grant': case 'void_grant': return onGrant(stripe, this.catalog, this.customer, action);
    }
  }

  private refuse(): never {
    throw new Stripe.errors.StripeInvalidRequestError({ type: 'invalid_request_error', message: 'There is nothing to do that with.' });
  }

  private settle(invoice: string, how: 'pay' | 'void'): Promise<unknown> {
    return how === 'pay' ? this.stripe.invoices.pay(invoice, { paid_out_of_band: true }) : this.stripe.invoices.voidInvoice(invoice);
  }

  /** A change, for which it may wait that the card that is there now pays. */
  private async waiting(params: Stripe.SubscriptionUpdateParams, waits: Attempt | undefined): Promise<Stripe.Subscription> {
    if (waits === undefined || !this.history.card) return this.stripe.subscriptions.update(this.subscription, waits ? { ...params, payment_behavior: 'pending_if_incomplete' } : params);
    await this.useCard(waits);
    try {
      return await this.stripe.subscriptions.update(this.subscription, { ...params, payment_behavior: 'pending_if_incomplete' });
    } finally {
      await this.useCard('pay');
    }
  }

  /** What is charged automatically, and has nothing to be charged, may wait for its payment. */
  private unpaid({ collection_method }: Stripe.Subscription): Stripe.SubscriptionUpdateParams {
    return collection_method === 'charge_automatically' && !this.history.card ? { payment_behavior: 'default_incomplete' } : {};
  }

  private async cancel({ prorate, invoice_now }: Asked<'cancel_now'>, now: Stripe.Subscription): Promise<void> {
    const after = await this.stripe.subscriptions.cancel(this.subscription, { prorate, invoice_now });
    this.canceled = true;
    if (after.latest_invoice !== now.latest_invoice) this.last = after.latest_invoice as string;
  }

  /** A resumption is of subscriptions that are charged automatically, so one that is sent its invoices is charged meanwhile. */
  private async resume(action: Asked<'resume'>, now: Stripe.Subscription): Promise<void> {
    const { stripe: { subscriptions }, subscription } = this;
    if (now.status !== 'paused' || this.history.card) return this.resumeCharged(action, now);
    await subscriptions.update(subscription, { collection_method: 'charge_automatically' });
    try {
      await this.resumeCharged(action, now);
    } finally {
      await subscriptions.update(subscription, { collection_method: 'send_invoice', days_until_due: 30 });
    }
  }

  /** The invoice that it may need is settled at once, and never by a card that has money. */
  private async resumeCharged({ anchor, proration_behavior, date, then }: Asked<'resume'>, now: Stripe.Subscription): Promise<void> {
    const { stripe, subscription } = this;
    const after = await stripe.subscriptions.resume(subscription, { billing_cycle_anchor: { type: anchor }, proration_behavior, ...(date !== undefined && { proration_date: date }) });
    if (after.latest_invoice !== now.latest_invoice) {
      const invoice = await stripe.invoices.retrieve(after.latest_invoice as string);
      if (invoice.status === 'open' && then === 'pay') await stripe.invoices.pay(invoice.id, { paid_out_of_band: true });
      if (invoice.status === 'open' && then === 'fail') await assert.rejects(stripe.invoices.pay(invoice.id, { payment_method: 'pm_card_chargeCustomerFail' }), Stripe.errors.StripeCardError);
      if (invoice.status === 'open' && then === 'void') await stripe.invoices.voidInvoice(invoice.id);
    }
  }

  private async phase({ start, end, items, once, discounts, default_tax_rates, trial_end, anchored, proration_behavior }: Phase): Promise<Stripe.SubscriptionScheduleUpdateParams.Phase> {
    const asked: Stripe.SubscriptionScheduleUpdateParams.Phase.Item[] = [];
    for (const item of items) asked.push(await this.catalog.asked(item));
    return {
      start_date: start, end_date: end, items: asked, ...(await this.addedOnce(once)), discounts: await this.catalog.discounts(discounts), proration_behavior, ...(trial_end !== null && { trial_end }), ...(anchored && { billing_cycle_anchor: 'phase_start' }),
      ...(default_tax_rates && { default_tax_rates: default_tax_rates.length > 0 ? await this.catalog.rates(default_tax_rates) : ('' as const) }),
    };
  }

  /** Made of the subscription as it is, then given its phases. Where these are refused, it is let go. */
  private async schedule({ end, phases, end_behavior }: { end: number; phases: readonly Phase[]; end_behavior: 'cancel' | 'release' }): Promise<void> {
    const { stripe } = this;
    const made = await stripe.subscriptionSchedules.create({ from_subscription: this.subscription });
    const [first] = made.phases;
    const { start_date, items, discounts, trial_end } = first!;
    const goesOn = (given: readonly { discount: string | Stripe.Discount | null }[] | null) => (given ?? []).map(({ discount }) => ({ discount: discount as string }));
    const going: Stripe.SubscriptionScheduleUpdateParams.Phase = {
      start_date, end_date: end, ...(trial_end !== null && { trial_end }), discounts: goesOn(discounts),
      items: items.map((item) => ({ price: item.price as string, ...(item.quantity !== undefined && { quantity: item.quantity }), ...(item.billing_thresholds?.usage_gte && { billing_thresholds: { usage_gte: item.billing_thresholds.usage_gte } }), tax_rates: (item.tax_rates ?? []).map(({ id }) => id), discounts: goesOn(item.discounts) })),
    };
    try {
      const coming: Stripe.SubscriptionScheduleUpdateParams.Phase[] = [];
      for (const phase of phases) coming.push(await this.phase(phase));
      await stripe.subscriptionSchedules.update(made.id, { phases: [going, ...coming], end_behavior });
    } catch (error) {
      await stripe.subscriptionSchedules.release(made.id);
      throw error;
    }
  }

  /** By a plan for this subscription alone, which is reviewed and applied. */
  private async move({ from, to, proration_behavior, when }: Asked<'move_price'>): Promise<void> {
    const ask = async (method: 'GET' | 'POST', path: string, params?: Record<string, unknown>) =>
      await own<{ id: string; status: string; progress: { pending: number; applied: number; scheduled: number } }>(this.stripe, method, `price_moves${path}`, params);
    const from_price = [...this.catalog.names].find(([, name]) => name === from)?.[0] ?? `price_${from}`;
    const plan = await ask('POST', '', { from_price, to_price: await this.catalog.price(to), subscriptions: [this.subscription], when, ...(when === 'now' && { proration_behavior }) });
    if (plan.progress.pending === 0) this.refuse();
    await ask('POST', `/${plan.id}/apply`);
    for (let done = plan; done.status !== 'applied'; ) {
      await sleep(20);
      done = await ask('GET', `/${plan.id}`);
      if (done.status === 'applied' && done.progress.applied + done.progress.scheduled === 0) this.refuse();
    }
  }

  private async onInvoice(action: Asked<'pay' | 'void' | 'credit' | 'void_note'>): Promise<void> {
    const { stripe } = this;
    if (action.kind === 'void_note') {
      const notes = (await stripe.creditNotes.list({ customer: this.customer, limit: 100 })).data.reverse();
      await stripe.creditNotes.voidCreditNote(notes[action.note]?.id ?? this.refuse());
      return;
    }
    const invoices = (await stripe.invoices.list({ customer: this.customer, limit: 100 })).data.reverse();
    const invoice = invoices[action.invoice] ?? this.refuse();
    // By a request a draft would be finalized before it is paid.
    if (action.kind === 'pay' && invoice.status === 'draft') this.refuse();
    if (action.kind !== 'credit') {
      await (action.kind === 'pay' ? stripe.invoices.pay(invoice.id, { paid_out_of_band: true }) : stripe.invoices.voidInvoice(invoice.id));
      return;
    }
    const { credited, to } = action;
    const what = 'amount' in credited
      ? { amount: Number(credited.amount) }
      : { lines: credited.lines.map(({ line, amount, quantity }) => ({ type: 'invoice_line_item' as const, invoice_line_item: invoice.lines.data[line]?.id ?? this.refuse(), ...(amount === undefined ? { quantity } : { amount: Number(amount) }) })) };
    const { post_payment_amount: back } = await stripe.creditNotes.preview({ invoice: invoice.id, ...what });
    await stripe.creditNotes.create({ invoice: invoice.id, ...what, ...(back > 0 && (to === 'balance' ? { credit_amount: back } : { out_of_band_amount: back })) });
  }

  private async outcome(): Promise<Outcome> {
    await this.name((await this.stripe.subscriptions.retrieve(this.subscription)).items.data, []);
    return inWorld(this.kontor.database.pool, this.kontor.world, async (tx) => {
      const invoices = await rows<InvoiceRow>(tx, sql`select * from invoices where customer = ${this.customer} order by created, id`);
      const ids = invoices.map((each) => each.id);
      const lines = Map.groupBy(await rows<InvoiceLineRow>(tx, sql`select * from invoice_lines where invoice = any(${ids}::text[]) order by position`), (line) => line.invoice);
      const notes = await rows<CreditNoteRow>(tx, sql`select * from credit_notes where invoice = any(${ids}::text[]) order by created, id`);
      const noteLines = Map.groupBy(await rows<CreditNoteLineRow>(tx, sql`select * from credit_note_lines where credit_note = any(${notes.map((note) => note.id)}::text[]) order by position`), (line) => line.credit_note);
      const pending = await rows<InvoiceItemRow>(tx, sql`select * from invoice_items where customer = ${this.customer} and invoice is null order by created, id`);
      const coupons = new Map((await rows<{ id: string; coupon: string }>(tx, sql`select id, coupon from discounts`)).map(({ id, coupon }) => [id, coupon]));
      const prices = new Map((await rows<{ id: string; price: string }>(tx, sql`select id, price from invoice_items where customer = ${this.customer} and price is not null`)).map(({ id, price }) => [id, price]));
      const [subscription] = (await rows<SubscriptionRow>(tx, sql`select * from subscriptions where id = ${this.subscription}`)) as [SubscriptionRow];
      const [{ balance }] = (await rows<{ balance: bigint }>(tx, sql`select balance from customers where id = ${this.customer}`)) as [{ balance: bigint }];
      const items = new Map((await rows<{ id: string; price: string; created: number }>(tx, sql`select id, price, created from subscription_items where subscription = ${this.subscription}`)).map((item) => [item.id, item]));
      const first = await this.firstPrices(tx);
      const atEnd = this.canceled ? undefined : invoices.find((each) => each.created === subscription.ended_at && each.billing_reason === 'subscription_cycle');
      const { names, metered, name } = this.catalog;
      const itemName = (id: string) => names.get(id) ?? nameOf(names.get(first.get(id) ?? items.get(id)!.price)!, items.get(id)!.created);
      return outcomeOf(
        {
          invoices: invoices.map((invoice) => ({ ...invoice, lines: lines.get(invoice.id) ?? [] })), notes: notes.map((note) => ({ ...note, lines: noteLines.get(note.id) ?? [] })),
          pending, subscription, balance, ...(await creditOf(tx, this.customer)), last: this.last ?? atEnd?.id ?? null, refused: this.refused,
        },
        { item: itemName, pending: (id) => names.get(id) ?? name(prices.get(id)!), rate: name, coupon: (discount) => name(coupons.get(discount)!), metered: (price) => metered.has(price) },
      );
    });
  }

  /** Every invoice follows from what is stored, and its difference from the one before it has causes. */
  private async explain(): Promise<void> {
    const ask = (path: string) => own<{ differences: unknown[]; causes: { kind: string }[] }>(this.stripe, 'GET', `invoices/${path}`);
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
    const watches = isWatched(history) || isPrepaid(history);
    const requests = [
      ...history.pending.map((item) => ({ at: item.at, run: () => this.wait(item) })),
      ...history.actions.map((action) => ({ at: action.at, run: () => this.act(action) })),
      ...[...Map.groupBy(history.usage, ({ at, reported = at }) => reported)].map(([at, uses]) => ({ at, run: () => this.use(uses) })),
    ].filter((each) => each.at <= history.until).sort((a, b) => a.at - b.at);
    for (const { at, run } of requests) {
      await this.until(at);
      await run();
      if (watches) await quiet(this.kontor, this.customer, this.now);
    }
    await this.until(history.until);
    await this.explain();
    await assertSummary(this.stripe, this.customer, this.now);
    return this.outcome();
  }
}
