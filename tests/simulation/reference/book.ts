/** The books of the reference model: a journal of every line ever made, read again for each question instead of keeping running state; the invoices that took them up; and what the customer owes. */
import { applyDiscounts, sumOfTaxes, taxesOf, type Given, type Taken } from './amounts.ts';
import { boundary, DAY, type Span } from './calendar.ts';
import { makeUpAgain, type Agreed } from './commitments.ts';
import { Credits } from './credits.ts';
import { round, total } from './exact.ts';
import type { History, Invoice, Line, LineKind, Note, Rate, Reason } from './history.ts';

export type Draft = Omit<Line, 'discounts' | 'credits' | 'taxes'> & { product: string | null; price: string | null; /** Null where they are the default ones of whatever bills it. */ rates: readonly Rate[] | null; own: readonly Given[]; /** Of what gives back what was billed early: all that goes with it. */ back?: Back; /** Of what makes usage up. */ agreed?: Agreed };
/** What goes with an amount: `contained` is the inclusive tax of it before discounts. */
export type Back = Pick<Line, 'discounts' | 'credits' | 'taxes'> & { contained: bigint };
export type Owner = 'subscription' | 'customer';
/** A line that was made. `net`: after discounts, before tax. `on`: the invoice that took it up. `closed`: it was taken back, or nobody is to pay it. `waited`: for a bill. */
export type Entry = Draft & { of: Owner; net: bigint; on: Bill | null; closed: boolean; waited: boolean };
/** An invoice with what the books know beside: when it is to be finalized, and by how much the balance rose with it. */
export type Bill = Invoice & { entries: Entry[]; taken: Taken[][]; finalize_at: number | null; to_balance: bigint };

/** What the subscription has in common for its lines when it bills them, and the discounts that its items have then. */
type Common = { shared: readonly Given[]; rates: readonly Rate[]; items: readonly { key: string; own: readonly Given[] }[] };

/** What becomes of an invoice: it is due at once, an hour later, or nobody is to pay it. */
export type Fate = 'at once' | 'in an hour' | 'keep_as_draft' | 'mark_uncollectible' | 'void';
const HOUR = 3_600;

export class Book {
  readonly history: History;
  journal: Entry[] = [];
  readonly bills: Bill[] = [];
  readonly credits = new Credits();
  readonly notes: Note[] = [];
  /** Discounts of which a single use was made. */
  readonly spent = new Set<Given>();
  /** What is billed waits for its payment, even by a card. */
  awaits = false;
  balance = 0n;

  constructor(history: History) {
    this.history = history;
  }

  /** Remembers how it stands now; what it returns takes back what was written since. */
  remember(): () => void {
    const { balance, bills: { length } } = this;
    const journal = this.journal.map((entry) => [entry, { ...entry }] as const);
    const spent = [...this.spent];
    const takeBack = this.credits.remember();
    return () => {
      takeBack();
      this.journal = journal.map(([entry, was]) => Object.assign(entry, was));
      this.bills.length = length;
      this.spent.clear();
      for (const given of spent) this.spent.add(given);
      this.balance = balance;
    };
  }

  /** What of the usage of an item since a moment that a bill charged is gone again: notes gave it back, or the bill is void. Before discounts and tax. */
  gone(bill: Bill, key: string, start: number): bigint {
    const lines = bill.lines.flatMap((line, n) => (line.key === key && line.kind === 'metered' && line.period.start === start ? [{ line, n }] : []));
    if (bill.status === 'void') return total(lines.map(({ line }) => line.amount));
    const noted = this.notes.filter((note) => note.status === 'issued' && this.bills[note.invoice] === bill).flatMap((note) => note.lines);
    return total(noted.filter((one) => lines.some(({ n }) => n === one.line)).map((one) => one.amount));
  }

  /** The part of an amount that falls to a part of the time. By the day, each moment is the beginning of its day, but where all the time lies within one. */
  partOf(amount: bigint, part: Span, full: Span): bigint {
    const dayOf = (at: number) => Math.floor(at / DAY);
    const unit = this.history.by_day && dayOf(full.start) !== dayOf(full.end) ? dayOf : (at: number) => at;
    return round({ n: amount * BigInt(unit(part.end) - unit(part.start)), d: BigInt(unit(full.end) - unit(full.start)) });
  }

  inForce(given: Given, at: number): boolean {
    const { coupon } = given;
    if (coupon.duration === 'repeating') return given.at <= at && at < boundary(given.at, { interval: 'month', interval_count: 1 }, coupon.duration_in_months!);
    return coupon.duration === 'forever' || !this.spent.has(given);
  }

  wait(line: Draft, of: Owner = 'subscription'): void {
    this.journal.push({ ...line, of, net: line.amount, on: null, closed: false, waited: true });
  }

  /** A credit or debit of 0 stays in the books alone. */
  private waits(entry: Entry): boolean {
    return entry.on === null && (entry.amount !== 0n || (entry.kind !== 'credit' && entry.kind !== 'debit'));
  }

  waiting(): Line[] {
    return this.journal.filter((entry) => this.waits(entry)).map(shown);
  }

  /** What waits has the discounts that its item has now, or had when it went. */
  follow(items: Common['items']): void {
    for (const entry of this.journal) if (entry.on === null && entry.discountable) entry.own = items.find((item) => item.key === entry.key)?.own ?? entry.own;
  }

  /** What was to be billed for changes never will be. */
  forgetProrations(): void {
    this.journal = this.journal.filter((entry) => !(this.waits(entry) && entry.of === 'subscription' && entry.proration));
  }

  /** Bills what waits for those who are named, then the lines; nothing where there is none. */
  bill(at: number, reason: Reason, take: readonly Owner[], drafts: readonly Draft[], common: Common, fate: Fate): Bill | null {
    const waiting = this.journal.filter((entry) => this.waits(entry) && take.includes(entry.of));
    const entries = [...waiting, ...drafts.map((line): Entry => ({ ...line, of: 'subscription', net: 0n, on: null, closed: false, waited: false }))];
    if (entries.length === 0) return null;
    this.journal.push(...entries.slice(waiting.length));
    this.follow(common.items);
    const taken = applyDiscounts(entries.map((entry) => (entry.back ? { ...entry, discountable: false } : entry)), common.shared, this.history.currency, (given) => this.inForce(given, at));
    for (const { given } of taken.flat()) this.spent.add(given);
    const bill: Bill = {
      at, reason, lines: [], subtotal: 0n, total: 0n, total_excluding_tax: 0n, subtotal_excluding_tax: 0n, status: 'draft', remaining: null, entries, taken,
      finalize_at: fate === 'in an hour' ? at + HOUR : null, to_balance: 0n,
    };
    entries.forEach((entry, i) => this.putOn(bill, entry, entry.rates ?? common.rates, taken[i]!));
    this.addUp(bill);
    this.bills.push(bill);
    if (fate === 'at once') this.collect(bill, at);
    if (fate === 'mark_uncollectible' || fate === 'void') this.withhold(bill, at, fate);
    return bill;
  }

  private putOn(bill: Bill, entry: Entry, rates: readonly Rate[], taken: readonly Taken[]): void {
    const discounts = entry.back?.discounts ?? taken.map(({ given, amount }) => ({ id: given.coupon.id, amount }));
    entry.net = entry.amount - total(discounts.map((one) => one.amount));
    entry.on = bill;
    entry.rates = rates;
    bill.lines.push({ ...shown(entry), discounts, credits: [...(entry.back?.credits ?? [])] });
  }

  /** Taxes each line on what discounts and credits leave of it, and adds all of them up. */
  private addUp(bill: Bill): void {
    const { tax_exempt } = this.history;
    Object.assign(bill, { subtotal: 0n, subtotal_excluding_tax: 0n, total: 0n, total_excluding_tax: 0n });
    for (const [n, { net, rates, back }] of bill.entries.entries()) {
      const line = bill.lines[n]!;
      const taxable = net - total(line.credits.map((one) => one.amount));
      line.taxes = back?.taxes ?? taxesOf(taxable, rates!, tax_exempt);
      bill.subtotal += line.amount;
      bill.subtotal_excluding_tax += line.amount - (back?.contained ?? sumOfTaxes(taxesOf(line.amount, rates!, tax_exempt), true));
      bill.total += taxable + sumOfTaxes(line.taxes, false);
      bill.total_excluding_tax += taxable - sumOfTaxes(line.taxes, true);
    }
  }

  /** What grants give to its usage. */
  private meetByCredits(bill: Bill, at: number): void {
    const number = this.bills.indexOf(bill);
    const back = bill.lines.flatMap(({ credits }, line) => credits.map(({ id, amount }) => ({ line, grant: id, amount })));
    this.credits.takeBack(back, number, at);
    const usage = bill.entries.flatMap(({ kind, price, net, back }, line) => (kind === 'metered' && !back ? [{ line, price: price!, left: net }] : []));
    for (const { line, grant, amount } of this.credits.meet(number, bill.at, at, this.history.currency, usage, back)) bill.lines[line]!.credits.push({ id: grant, amount });
    this.addUp(bill);
  }

  /** What is due after credits and the customer's balance; a total below nothing goes there. What is `void` at once meets neither. */
  finalize(bill: Bill, at: number, is_void = false): void {
    if (makeUpAgain(this, bill)) this.addUp(bill);
    if (!is_void) this.meetByCredits(bill, at);
    const owed = bill.total + (!is_void || bill.total < 0n ? this.balance : 0n);
    const due = bill.total < 0n || owed < 0n ? 0n : owed;
    bill.finalize_at = null;
    bill.remaining = due;
    bill.status = due === 0n ? 'paid' : 'open';
    bill.to_balance = bill.total - due;
    this.balance += bill.to_balance;
  }

  collect(bill: Bill, at: number): void {
    this.finalize(bill, at);
    if (this.history.card && bill.status === 'open' && !this.awaits) this.pay(bill);
  }

  /** Nobody collects what is a draft now. */
  keepDrafts(): void {
    for (const bill of this.bills) bill.finalize_at = null;
  }

  pay(bill: Bill): void {
    bill.status = 'paid';
    bill.remaining = 0n;
  }

  /** It should not have been: the balance is as if it had not, and nothing of it is given back. */
  void(bill: Bill, at: number): void {
    bill.status = 'void';
    this.balance -= bill.to_balance;
    this.credits.giveBack(this.bills.indexOf(bill), at);
    bill.to_balance = 0n;
    for (const entry of bill.entries) entry.closed = true;
  }

  /** Nobody expects the money any more. */
  forgive(bill: Bill): void {
    bill.status = 'uncollectible';
    for (const entry of bill.entries) entry.closed = true;
  }

  private withhold(bill: Bill, at: number, how: 'mark_uncollectible' | 'void'): void {
    this.finalize(bill, at, how === 'void');
    if (bill.status !== 'open') return;
    if (how === 'void') this.void(bill, at);
    else this.forgive(bill);
  }

  /** A period is over before its end, and nothing more of what was charged for it is given back. */
  close(key: string): void {
    const last = this.journal.findLast((entry) => entry.key === key && CHARGES.includes(entry.kind));
    if (last) last.closed = true;
  }

  /** What was last charged for an item, where something of it is left at the moment. */
  openDebit(key: string, at: number): Entry | null {
    const last = this.journal.findLast((entry) => entry.key === key && CHARGES.includes(entry.kind));
    // A debit of nothing is none.
    const none = last?.kind === 'debit' && last.net === 0n;
    return !last || none || last.closed || last.kind === 'credit' || last.period.end <= at ? null : last;
  }

  /** Gives back what of an item's last charge is left from a moment on. */
  credit(key: string, at: number, from = at): void {
    const last = this.openDebit(key, at);
    if (!last) return;
    const unused: Span = { start: from > last.period.start ? from : last.period.start, end: last.period.end };
    this.wait({ ...last, kind: 'credit', amount: -this.partOf(last.net, unused, last.period), period: unused, proration: true, discountable: false, own: [] });
  }
}

const CHARGES: readonly LineKind[] = ['licensed', 'debit', 'credit'];

const shown = ({ key, kind, amount, period, quantity, proration, discountable }: Entry): Line => ({ key, kind, amount, period, quantity, proration, discountable, discounts: [], credits: [], taxes: [] });
