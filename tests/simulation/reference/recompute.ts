/**
 * The rules of docs/concepts/bill.md a second time, for the simulation to judge the engine by. It shares no code and no method with `billing/`: fractions are exact, months come from a table that was
 * walked month by month, the books are read again for each question instead of keeping running state.
 */
import { Book, type Bill } from './book.ts';
import { Course, PLAIN } from './course.ts';
import { apply, discard, hold, insteadOfHeld } from './held.ts';
import type { Action, Attempt, History, Invoice, ItemChange, Outcome, PendingItem } from './history.ts';
import { isMixed, isOfOneInterval } from './commitments.ts';
import { noteOf } from './notes.ts';
import { canPause, canResume, pause, resume } from './pauses.ts';
import { adopt, canAdopt, reach, release } from './phases.ts';
import { TopUps } from './topups.ts';
import { isPrepaid, isWatched } from './watched.ts';
import { look, lookingAfter } from './usage.ts';
import { changed, find, given, isFree, isShared, periodOf } from './terms.ts';

/** What is asked of the subscription itself. */
type Asked = Exclude<Action, { kind: 'pay' | 'void' | 'credit' | 'void_note' | 'settle' | 'grant' | 'expire_grant' | 'void_grant' | 'move_grant' | 'top_up' }>;

class Telling {
  readonly book: Book;
  readonly course: Course;
  readonly topUps: TopUps;

  constructor(history: History) {
    this.book = new Book(history);
    this.course = new Course(this.book);
    this.topUps = new TopUps(this.course);
  }

  wait({ key, at, of, amount, discountable, product, tax_rates, discounts }: PendingItem): void {
    this.book.wait({ key, kind: 'pending', amount, period: { start: at, end: at }, quantity: '1', proration: false, discountable, product, price: null, rates: tax_rates.length > 0 ? tax_rates : null, own: given(discounts, at) }, of);
  }

  /** False where it is refused. */
  act(action: Action): boolean {
    switch (action.kind) {
      case 'pay': return this.settle(this.book.bills[action.invoice], (bill) => this.book.pay(bill));
      case 'void': return this.void(this.book.bills[action.invoice], action.at);
      case 'settle': return action.how === 'pay' ? this.settle(this.course.held?.bill, (bill) => this.book.pay(bill)) : this.void(this.course.held?.bill, action.at);
      case 'credit': return this.credit(action);
      case 'void_note': return this.voidNote(action.note);
      // Whoever is billed in one currency could not use credit in another.
      case 'grant': return action.grant.currency === this.book.history.currency && (this.book.credits.give(action.grant, action.at), true);
      case 'move_grant': return this.endGrant(action.at, this.book.credits.move(action.grant, action.at, action.expires_at));
      case 'expire_grant': return this.endGrant(action.at, this.book.credits.expire(action.grant, action.at));
      case 'void_grant': return this.endGrant(action.at, this.book.credits.void(action.grant, action.at));
      case 'top_up': return this.topUps.set(action.top_up, action.at);
      default: return this.course.ended === null && this.beside(action);
    }
  }

  /** Credit may have run low by it. */
  private endGrant(at: number, done: boolean): boolean {
    if (done) this.topUps.look(at);
    return done;
  }

  private settle(bill: Bill | undefined, how: (bill: Bill) => void): boolean {
    if (bill?.status !== 'open' && bill?.status !== 'uncollectible') return false;
    how(bill);
    this.settled(bill);
    return true;
  }

  private void(bill: Bill | undefined, at: number): boolean {
    if (bill && (bill.status === 'open' || bill.status === 'uncollectible') && this.book.credits.isSpent(this.book.bills.indexOf(bill))) return false;
    return this.settle(bill, (one) => (this.course.held?.bill === one ? discard(this.course, at) : this.book.void(one, at)));
  }

  private credit({ at, invoice, credited, to }: Extract<Action, { kind: 'credit' }>): boolean {
    const bill = this.book.bills[invoice];
    const note = bill ? noteOf(at, invoice, bill, credited, to, this.book.notes) : null;
    if (note === null) return false;
    this.book.notes.push(note);
    bill!.remaining! -= note.pre_payment;
    if (bill!.remaining === 0n) bill!.status = 'paid';
    this.book.balance -= note.to_balance;
    this.settled(bill!);
    return true;
  }

  /** What waits for an invoice goes on once that is paid. */
  private settled(bill: Bill): void {
    if (this.course.held?.bill === bill && bill.status === 'paid') apply(this.course);
  }

  private voidNote(n: number): boolean {
    const note = this.book.notes[n];
    const bill = note && this.book.bills[note.invoice]!;
    if (note?.status !== 'issued' || (bill!.status !== 'open' && bill!.status !== 'uncollectible')) return false;
    note.status = 'void';
    bill!.remaining! += note.pre_payment;
    this.book.balance += note.to_balance;
    return true;
  }

  /** A change that waits stays, or stands in the way, or gives way. */
  private beside(action: Asked): boolean {
    const { course } = this;
    switch (action.kind) {
      case 'sweep': course.sweep = action.interval; return true;
      case 'commitment': return this.agree(action.amount);
      case 'release': return course.plan !== null && (release(course, action.preserve_cancel_date), true);
      case 'schedule': return course.held === null && !course.paused && canAdopt(course, action) && (adopt(course, action.at, action), true);
      case 'move_price': return course.held === null && !course.paused && this.move(action);
      default: return insteadOfHeld(course, action.at, () => this.steer(action, action.at));
    }
  }

  /** What is asked of the subscription itself. */
  private steer(action: Exclude<Asked, { kind: 'sweep' | 'commitment' | 'release' | 'schedule' | 'move_price' }>, at: number): boolean {
    const { course } = this;
    switch (action.kind) {
      case 'cancel_now': course.cancelNow(at, action.prorate, action.invoice_now); return true;
      case 'discount': course.terms = { ...course.terms, shared: given(action.discounts, at) }; return true;
      case 'threshold': course.threshold = action.threshold; return true;
      case 'resume': return canResume(course, action) && (resume(course, action), true);
      case 'pause': return canPause(course, at) && this.unlessUnpayable(() => pause(course, action));
      default: return !course.paused && this.steerRunning(action, at);
    }
  }

  private steerRunning(action: Extract<Action, { kind: 'change' | 'anchor_now' | 'trial' | 'cancel_at_period_end' | 'cancel_at' | 'uncancel' | 'pause_collection' | 'collect' }>, at: number): boolean {
    const { course } = this;
    switch (action.kind) {
      case 'change': return this.change(action);
      case 'anchor_now': return this.waiting(action, () => course.change(at, [], { ...PLAIN, behavior: action.proration_behavior, anew: !isFree(course.terms, at) }));
      case 'trial': return this.try(action);
      case 'pause_collection': course.collection = action; return true;
      case 'collect': course.collection = null; return true;
      default: return this.end(action);
    }
  }

  /** To usage of one interval alone. */
  private agree(amount: bigint | null): boolean {
    const { course } = this;
    if (amount !== null && !isOfOneInterval(course.terms.items.map((item) => item.price))) return false;
    course.commitment = amount;
    return true;
  }

  /** What is there can change, usage has no quantity and alone reaches a threshold, and something stays. */
  private change(action: Extract<Action, { kind: 'change' }>): boolean {
    const { at, changes, proration_behavior, date, once, waits } = action;
    const { terms } = this.course;
    const { items } = terms;
    const unknown = changes.some(({ key, add }) => !add && !find(items, key));
    const counted = changes.some(({ key, price, quantity }) => quantity !== undefined && (price ?? find(items, key)?.price)?.usage_type === 'metered');
    const unreachable = changes.some(({ key, price }) => price?.usage_type === 'licensed' && find(items, key)?.usage_gte !== undefined);
    const left = items.length + changes.filter((one) => one.add).length - changes.filter((one) => one.remove).length;
    if (unknown || counted || unreachable || left === 0) return false;
    const after = changed(items, changes, at, () => false).map((item) => item.price);
    if (this.course.commitment !== null && isMixed(after) && !isMixed(items.map((item) => item.price))) return false;
    if (date !== undefined && !isShared(terms, changes, at, date)) return false;
    // A coupon is redeemed at once, or not at all.
    if (waits && changes.some(({ add }) => add && add.discounts.length > 0)) return false;
    return this.waiting(action, () => this.course.change(at, changes, { ...PLAIN, behavior: proration_behavior, date, once }));
  }

  /** Only what a card pays can wait for that. */
  private waiting({ at, waits }: { at: number; waits?: Attempt }, change: () => void): boolean {
    if (waits === undefined) change();
    else if (this.course.history.card) hold(this.course, at, waits, change);
    else return false;
    return true;
  }

  private end(action: Extract<Action, { kind: 'cancel_at_period_end' | 'cancel_at' | 'uncancel' }>): boolean {
    if (this.course.plan) return false;
    this.course.ending = action.kind === 'cancel_at_period_end' ? 'period' : action.kind === 'cancel_at' ? action.moment : null;
    return true;
  }

  private move({ at, from, to, proration_behavior, when }: Extract<Action, { kind: 'move_price' }>): boolean {
    const item = this.course.terms.items.find((one) => one.price.id === from);
    const { plan, ending, terms } = this.course;
    if (!item || plan || item.next) return false;
    // Nor is anything moved that ends with its period.
    if (ending === 'period' || (ending !== null && ending <= periodOf(terms, item, at).end)) return false;
    if (when === 'period_end') {
      this.course.terms = { ...terms, items: terms.items.map((one) => (one === item ? { ...one, next: to } : one)) };
      return true;
    }
    const changes: ItemChange[] = [{ key: item.key, price: to }];
    return this.unlessUnpayable(() => this.course.change(at, changes, { ...PLAIN, behavior: proration_behavior }));
  }

  /** Nothing is done where that is to be charged at once, and there is nothing to charge. */
  private unlessUnpayable(what: () => void): boolean {
    const { book, course } = this;
    const { terms, paused } = course;
    const made = book.bills.length;
    const undo = course.charged ? book.remember() : null;
    what();
    if (undo === null || book.bills.slice(made).every((bill) => bill.status !== 'open')) return true;
    undo();
    Object.assign(course, { terms, paused });
    return false;
  }

  private try(action: Extract<Action, { kind: 'trial' }>): boolean {
    return this.waiting(action, () => this.moveTrial(action));
  }

  private moveTrial({ at, until, proration_behavior }: Extract<Action, { kind: 'trial' }>): void {
    const { course } = this;
    const free = isFree(course.terms, at);
    if (until !== 'now' && free) {
      course.terms = { ...course.terms, trial: until, anchor: until };
      course.change(at, [], { ...PLAIN, behavior: proration_behavior });
      return;
    }
    course.change(at, [], { ...PLAIN, behavior: proration_behavior, anew: free || until !== 'now', trial: until === 'now' ? null : until });
  }
}

const invoiceOf = ({ at, reason, lines, subtotal, total, total_excluding_tax, subtotal_excluding_tax, status, remaining }: Bill): Invoice =>
  ({ at, reason, lines, subtotal, total, total_excluding_tax, subtotal_excluding_tax, status, remaining });

/** Which invoices must come of a history, and all else that must. */
export function recompute(history: History): Outcome {
  const telling = new Telling(history);
  const { book, course, topUps } = telling;
  const refused: number[] = [];
  course.start();
  if (history.scheduled) adopt(course, history.start, history.scheduled);
  const use = (at: number): void => {
    topUps.look(at);
    if (isWatched(history) && !course.paused) look(course, at);
  };
  const requests = [
    ...history.pending.map((item) => ({ at: item.at, run: () => telling.wait(item) })),
    ...history.actions.map((action, n) => ({ at: action.at, run: () => { if (!lookingAfter(course, action.at, () => telling.act(action))) refused.push(n); } })),
    ...(isWatched(history) || isPrepaid(history) ? [...new Set(history.usage.map(({ at }) => at))].map((at) => ({ at, run: () => use(at) })) : []),
  ].sort((a, b) => a.at - b.at);
  for (let now = history.start; ; ) {
    const final = Math.min(...book.bills.map((bill) => bill.finalize_at ?? Infinity));
    const from = course.since ?? now;
    const due = course.next(from);
    if (due > now) course.since = null;
    const request = requests[0]?.at ?? Infinity;
    const expiry = book.credits.nextExpiry();
    const next = Math.min(final, due, request, expiry);
    if (next > history.until) break;
    if (expiry === next) {
      book.credits.expireAll(next);
      topUps.look(next, next - 1);
      continue;
    }
    if (final === next) for (const bill of book.bills.filter((one) => one.finalize_at === next)) book.collect(bill, next);
    else if (due === next) {
      reach(course, next, from);
      if (course.since !== null) course.since = next;
    } else requests.shift()!.run();
    topUps.grant(next);
    now = Math.max(now, next);
  }
  return { invoices: book.bills.map(invoiceOf), notes: book.notes, pending: book.waiting(), ended_at: course.ended, paused: course.paused && course.ended === null, balance: book.balance, grants: book.credits.states(), refused };
}
