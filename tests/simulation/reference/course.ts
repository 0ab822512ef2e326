/** The course of a subscription in the reference model: its start, its renewals, its changes and its end, each of which puts lines in the book. */
import { amountOf, applyDiscounts } from './amounts.ts';
import type { Bill, Book, Draft, Fate, Owner } from './book.ts';
import { sameRecurrence, spanAround, type Span } from './calendar.ts';
import { makeUp } from './commitments.ts';
import { decimal, round, times, whole } from './exact.ts';
import type { History, ItemChange, LineKind, Once, Price, ProrationBehavior, Reason, Recurrence, Threshold } from './history.ts';
import type { Held } from './held.ts';
import { usageIn, type Early } from './usage.ts';
import { isWatched } from './watched.ts';
import { changed, find, given, isChange, isFree, isLicensed, periodOf, recursOtherwise, type Ending, type Living, type Plan, type Terms } from './terms.ts';

/** How a change is billed. `anew`: all periods begin at the moment, perhaps with a trial. `spared`: items whose periods end at the moment, which the renewal that follows bills. `asked`: somebody asked for it, the clock did not. `date`: from when on it is prorated, where that is not the moment. `once`: what is billed once. */
type Manner = { behavior: ProrationBehavior; anew: boolean; trial: number | null; spared: ReadonlySet<string>; asked: boolean; date?: number; once?: readonly Once[]; reason?: Reason };
export const PLAIN: Omit<Manner, 'behavior'> = { anew: false, trial: null, spared: new Set(), asked: true };

export class Course {
  readonly book: Book;
  readonly history: History;
  terms: Terms;
  ending: Ending = null;
  plan: Plan | null = null;
  collection: { behavior: Exclude<Fate, 'at once' | 'in an hour'>; resumes_at: number | null } | null = null;
  paused = false;
  /** When it was last paused. */
  pausedAt = 0;
  /** How often what waits is billed, beside the renewals. */
  sweep: Recurrence | null;
  /** It is charged automatically, and there is nothing to charge. */
  charged: boolean;
  ended: number | null = null;
  threshold: Threshold | null;
  commitment: bigint | null = null;
  private readonly watched: boolean;
  /** By item: what was billed of its usage before the period was over. */
  readonly early = new Map<string, Early>();
  /** When it is to be looked whether usage has reached a threshold. */
  looks: number | null = null;
  /** As it was before a phase that has just begun. */
  seated: Terms | null = null;
  /** A change that waits for its payment. */
  held: Held | null = null;
  /** Since when the clock is to look for what is due, where that is earlier than now. */
  since: number | null = null;

  constructor(book: Book) {
    const { history } = book;
    this.book = book;
    this.history = history;
    this.charged = history.missing_payment_method !== undefined;
    this.sweep = history.sweep ?? null;
    this.threshold = history.threshold ?? null;
    this.watched = isWatched(history);
    const origin = history.backdate ?? history.start;
    this.terms = {
      anchor: history.trial_end ?? history.anchor ?? origin, ...(history.anchor_day_of_month !== undefined && { day: history.anchor_day_of_month }),
      items: history.items.map((item) => ({ ...item, since: origin, own: given(item.discounts, history.start) })),
      trial: history.trial_end ?? null, shared: given(history.discounts, history.start), rates: history.default_tax_rates,
    };
  }

  line(item: Living, kind: LineKind, amount: bigint, { start, end }: Span, quantity: string): Draft {
    const rates = item.tax_rates.length > 0 ? item.tax_rates : null;
    return { key: item.key, kind, amount, period: { start, end }, quantity, proration: false, discountable: true, product: item.price.product, price: item.price.id, rates, own: item.own };
  }

  /** The usage until now of an item whose period goes on. */
  usedUntil(terms: Terms, item: Living, at: number): Draft[] {
    return usageIn(this, terms, item, { start: periodOf(terms, item, at).start, end: at });
  }

  /** The usage of an item in the period that ends now. */
  private usedIn(terms: Terms, item: Living, at: number): Draft[] {
    return usageIn(this, terms, item, { start: periodOf(terms, item, at - 1).start, end: at }, { seated: this.seated ?? terms });
  }

  wholePeriod(item: Living, span: Span): Draft {
    const line = this.line(item, 'licensed', amountOf(item.price, String(item.quantity)), span, String(item.quantity));
    return isFree(this.terms, span.start) ? { ...line, amount: 0n } : line;
  }

  /** What becomes of what it bills while its collection is paused; null where it is not. */
  withholding(at: number): Fate | null {
    const { collection } = this;
    return collection && (collection.resumes_at === null || at < collection.resumes_at) ? collection.behavior : null;
  }

  /** What somebody asked for is due at once where it is charged automatically; all else an hour later. */
  bill(at: number, reason: Reason, take: readonly Owner[], drafts: readonly Draft[], asked: boolean): Bill | null {
    return this.book.bill(at, reason, take, drafts, this.terms, this.withholding(at) ?? (asked && (this.charged || this.history.card) ? 'at once' : 'in an hour'));
  }

  /** The rest of the item's period, less its part of what the discounts would give on a bill of all that recurs like it. */
  debit(item: Living, at: number, from = at): void {
    const { end, full } = periodOf(this.terms, item, at);
    const peers = this.terms.items.filter((one) => isLicensed(one) && sameRecurrence(one.price.recurrence, item.price.recurrence));
    const bill = applyDiscounts(peers.map((one) => this.wholePeriod(one, full)), this.terms.shared, this.history.currency, (one) => one.coupon.duration !== 'once' && this.book.inForce(one, at));
    const part = { start: from, end };
    const gross = this.book.partOf(amountOf(item.price, String(item.quantity)), part, full);
    const net = bill[peers.indexOf(item)]!.reduce((left, share) => left - this.book.partOf(share.amount, part, full), gross);
    const line = this.line(item, 'debit', net > 0n ? net : 0n, part, String(item.quantity));
    this.book.wait({ ...line, rates: line.rates ?? this.terms.rates, proration: true, discountable: false, own: [] });
  }

  start(): void {
    const { history, terms } = this;
    const origin = history.backdate ?? history.start;
    const drafts = terms.items.filter(isLicensed).flatMap((item): Draft[] => {
      const now = periodOf(terms, item, history.start);
      if (isFree(terms, history.start)) return [this.wholePeriod(item, now)];
      const current = this.wholePeriod(item, now);
      const past: Draft = { ...current, amount: 0n, period: { start: origin, end: now.start }, proration: true };
      for (let one = periodOf(terms, item, origin); one.end <= now.start; one = periodOf(terms, item, one.end)) past.amount += this.book.partOf(current.amount, one, one.full);
      const partial = now.start > now.full.start;
      const first = { ...current, amount: this.book.partOf(current.amount, now, now.full), proration: partial };
      if (history.proration_behavior === 'none') return partial ? [] : [first];
      return now.start > origin ? [past, first] : [first];
    });
    this.waitOnce(history.once ?? [], history.start);
    this.bill(history.start, 'subscription_create', ['subscription', 'customer'], drafts, history.scheduled?.from_scratch === undefined);
  }

  /** What is billed once waits; for the time that all items have in common. */
  private waitOnce(all: readonly Once[], at: number): void {
    const periods = this.terms.items.map((item) => periodOf(this.terms, item, at));
    const start = Math.max(...periods.map((period) => period.start));
    const period = { start, end: Math.max(start, Math.min(...periods.map(({ end }) => end))) };
    for (const { key, product, unit_amount_decimal, quantity, discountable, tax_rates, discounts } of all) {
      const amount = round(times(decimal(unit_amount_decimal), whole(quantity)));
      this.book.wait({ key, kind: 'pending', amount, period, quantity: String(quantity), proration: false, discountable, product, price: null, rates: tax_rates.length > 0 ? tax_rates : null, own: given(discounts, at) });
    }
  }

  /** When the clock has something to do next, after what was done at `now`. */
  next(now: number): number {
    if (this.ended !== null) return Infinity;
    const end = typeof this.ending === 'number' ? this.ending : Infinity;
    if (this.paused) return end;
    return Math.min(this.nextOf(now), this.nextSweep(now), this.held?.expires ?? Infinity, this.looks ?? Infinity, this.resumes(now));
  }

  /** When its collection goes on by itself, where that matters. */
  resumes(now: number): number {
    const at = this.watched && this.collection?.resumes_at;
    return at && at > now ? at : Infinity;
  }

  /** When its terms say so. */
  nextOf(now: number): number {
    const end = typeof this.ending === 'number' ? this.ending : Infinity;
    return Math.min(end, this.plan?.end ?? Infinity, ...this.terms.items.map((item) => periodOf(this.terms, item, now).end));
  }

  nextSweep(now: number): number {
    return this.sweep === null ? Infinity : spanAround(this.terms, this.sweep, now).end;
  }

  /** What waits for it is billed by itself. */
  sweepUp(at: number): void {
    if (this.ended === null && !this.paused && this.held === null) this.bill(at, 'subscription_cycle', ['subscription'], [], false);
  }

  /** At an end of periods: bills what begins then and what was used; or ends, with the usage until then. */
  renew(at: number): void {
    const { terms } = this;
    if (this.endsAt(at)) return this.end(at);
    const due = terms.items.filter((item) => this.hasBoundary(item, at));
    if (due.length === 0 && !this.hasUsageThatEnded(at)) return;
    // Usage is billed at the price that the item had, what begins at the one that it goes to.
    const later = (item: Living): Living => (item.next ? { ...item, price: item.next, next: undefined } : item);
    const drafts = due.flatMap((item) => (isLicensed(item) ? [this.wholePeriod(later(item), periodOf(terms, item, at))] : this.usedIn(terms, item, at)));
    if (due.some((item) => item.next)) this.terms = { ...terms, items: terms.items.map((item) => (due.includes(item) ? later(item) : item)) };
    this.bill(at, 'subscription_cycle', ['subscription', 'customer'], [...drafts, ...makeUp(this, this.seated ?? terms, drafts, at, true)], false);
  }

  /** A phase that began now has taken usage away whose period is over. */
  private hasUsageThatEnded(at: number): boolean {
    const { book, seated } = this;
    const over = seated?.items.filter((item) => periodOf(seated, item, at - 1).end === at) ?? [];
    return book.journal.some(({ on, kind, key, period }) => on === null && kind === 'metered' && period.end === at && find(over, key));
  }

  endsAt(at: number): boolean {
    return this.ending === at || (this.ending === 'period' && this.terms.items.some((item) => this.hasBoundary(item, at)));
  }

  hasBoundary(item: Living, at: number): boolean {
    return periodOf(this.terms, item, at - 1).end === at;
  }

  private end(at: number): void {
    const { terms, book } = this;
    this.ended = at;
    book.keepDrafts();
    if (this.paused) return;
    for (const item of terms.items) book.credit(item.key, at);
    const drafts = terms.items.flatMap((item) => this.usedIn(terms, item, at));
    this.bill(at, 'subscription_cancel', ['subscription', 'customer'], [...drafts, ...makeUp(this, this.seated ?? terms, drafts, at, false)], false);
  }

  /** `reshape`: what else of the terms is other from then on. */
  change(at: number, changes: readonly ItemChange[], asked: Manner, reshape: (terms: Terms) => Terms = (terms) => terms): void {
    const { book, terms: old } = this;
    const { items: before } = old;
    const free = isFree(old, at);
    const anew = asked.anew || (!free && recursOtherwise(before, changes));
    const bills = asked.behavior !== 'none' && !free;
    const begins = (item: Living, later: Price) => (!isLicensed(item) || later.usage_type === 'metered') && (!free || asked.spared.has(item.key));
    this.terms = reshape({ ...old, items: changed(before, changes, at, begins) });
    if (anew) return this.beginAnew(at, old, asked, bills);
    const waited = book.waiting().length;
    for (const one of changes) {
      const earlier = find(before, one.key);
      const later = find(this.terms.items, one.key);
      if (earlier && !isChange(earlier, one)) continue;
      const spared = asked.spared.has(one.key);
      const prorates = bills && !spared;
      // What was charged from a later moment on is given back from there, and so is charged what takes its place.
      const from = Math.max(asked.date ?? at, (earlier && book.openDebit(earlier.key, at)?.period.start) ?? 0);
      if (earlier && prorates) book.credit(earlier.key, at, from);
      // Usage is priced by the price of its moment, whatever is prorated.
      if (earlier && (!free || spared)) this.usedUntilBoundary(old, earlier, at, spared).forEach((line) => book.wait(line));
      if (later && isLicensed(later) && prorates) this.debit(later, at, from);
    }
    this.waitOnce(asked.once ?? [], at);
    if (asked.behavior === 'always_invoice' && asked.spared.size === 0 && book.waiting().length > waited) this.bill(at, 'subscription_update', ['subscription'], [], asked.asked);
  }

  private usedUntilBoundary(terms: Terms, item: Living, at: number, ends: boolean): Draft[] {
    return ends ? this.usedIn(terms, item, at) : this.usedUntil(terms, item, at);
  }

  /** All periods end at the moment and others begin, free or billed at once. */
  private beginAnew(at: number, old: Terms, { trial, asked, spared, date, once, reason = 'subscription_update' }: Manner, bills: boolean): void {
    const { book } = this;
    const { day: _day, ...rest } = this.terms;
    this.terms = { ...rest, anchor: trial ?? at, trial, items: rest.items.map((item) => ({ ...item, since: at })) };
    const used = (item: Living) => this.usedUntilBoundary(old, item, at, spared.has(item.key));
    for (const item of old.items) {
      if (bills) book.credit(item.key, at, date ?? at);
      book.close(item.key);
      if (!find(this.terms.items, item.key)) used(item).forEach((line) => book.wait(line));
    }
    this.waitOnce(once ?? [], at);
    const drafts = this.terms.items.flatMap((item) => {
      const earlier = find(old.items, item.key);
      return [...(earlier ? used(earlier) : []), ...(isLicensed(item) ? [this.wholePeriod(item, periodOf(this.terms, item, at))] : [])];
    });
    this.bill(at, reason, ['subscription'], [...drafts, ...makeUp(this, old, drafts, at, false)], asked);
  }

  /** What is a draft then stays one, but for the last invoice. */
  cancelNow(at: number, prorate: boolean, invoice_now: boolean): void {
    const { book, terms } = this;
    book.keepDrafts();
    if (!prorate && !invoice_now) book.forgetProrations();
    if (prorate) for (const item of terms.items) book.credit(item.key, at);
    const used = this.paused ? [] : terms.items.flatMap((item) => this.usedUntil(terms, item, at));
    if (invoice_now) this.bill(at, 'subscription_cancel', ['subscription'], [...used, ...makeUp(this, terms, used, at, false)], true);
    this.ended = at;
  }
}
