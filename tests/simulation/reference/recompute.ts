/**
 * The rules of docs/concepts/bill.md a second time, for the simulation to judge the engine by. It shares no code and no method with `billing/`: fractions are exact, months come from a table that was
 * walked month by month, the books are read again for each question instead of keeping running state.
 */
import { Book, type Bill } from './book.ts';
import { Course, PLAIN } from './course.ts';
import type { Action, History, Invoice, ItemChange, Note, Outcome, PendingItem } from './history.ts';
import { noteOf } from './notes.ts';
import { canPause, canResume, pause, resume } from './pauses.ts';
import { adopt, canAdopt, reach, release } from './phases.ts';
import { find, given, isFree, isShared, periodOf } from './terms.ts';

class Telling {
  readonly book: Book;
  readonly course: Course;
  readonly notes: Note[] = [];

  constructor(history: History) {
    this.book = new Book(history);
    this.course = new Course(this.book);
  }

  wait({ key, at, of, amount, discountable, product, tax_rates, discounts }: PendingItem): void {
    this.book.wait({ key, kind: 'pending', amount, period: { start: at, end: at }, quantity: '1', proration: false, discountable, product, rates: tax_rates.length > 0 ? tax_rates : null, own: given(discounts, at) }, of);
  }

  /** False where it is refused. */
  act(action: Action): boolean {
    const { at } = action;
    switch (action.kind) {
      case 'pay': return this.settle(action.invoice, (bill) => this.book.pay(bill));
      case 'void': return this.settle(action.invoice, (bill) => this.book.void(bill));
      case 'credit': return this.credit(action);
      case 'void_note': return this.voidNote(action.note);
      default: return this.course.ended === null && this.steer(action, at);
    }
  }

  private settle(invoice: number, how: (bill: Bill) => void): boolean {
    const bill = this.book.bills[invoice];
    if (bill?.status !== 'open' && bill?.status !== 'uncollectible') return false;
    how(bill);
    return true;
  }

  private credit({ at, invoice, credited, to }: Extract<Action, { kind: 'credit' }>): boolean {
    const bill = this.book.bills[invoice];
    const note = bill ? noteOf(at, invoice, bill, credited, to, this.notes) : null;
    if (note === null) return false;
    this.notes.push(note);
    bill!.remaining! -= note.pre_payment;
    if (bill!.remaining === 0n) bill!.status = 'paid';
    this.book.balance -= note.to_balance;
    return true;
  }

  private voidNote(n: number): boolean {
    const note = this.notes[n];
    const bill = note && this.book.bills[note.invoice]!;
    if (note?.status !== 'issued' || (bill!.status !== 'open' && bill!.status !== 'uncollectible')) return false;
    note.status = 'void';
    bill!.remaining! += note.pre_payment;
    this.book.balance += note.to_balance;
    return true;
  }

  /** What is asked of the subscription itself. */
  private steer(action: Exclude<Action, { kind: 'pay' | 'void' | 'credit' | 'void_note' }>, at: number): boolean {
    const { course } = this;
    switch (action.kind) {
      case 'cancel_now': course.cancelNow(at, action.prorate, action.invoice_now); return true;
      case 'discount': course.terms = { ...course.terms, shared: given(action.discounts, at) }; return true;
      case 'sweep': course.sweep = action.interval; return true;
      case 'resume': if (canResume(course, action)) resume(course, action); else return false; return true;
      case 'pause': return canPause(course, at) && this.unlessUnpayable(() => pause(course, action));
      case 'release': if (course.plan) release(course, action.preserve_cancel_date); else return false; return true;
      default: return !course.paused && this.steerRunning(action, at);
    }
  }

  private steerRunning(action: Extract<Action, { kind: 'change' | 'move_price' | 'anchor_now' | 'trial' | 'cancel_at_period_end' | 'cancel_at' | 'uncancel' | 'pause_collection' | 'collect' | 'schedule' }>, at: number): boolean {
    const { course } = this;
    switch (action.kind) {
      case 'change': return this.change(action);
      case 'move_price': return this.move(action);
      case 'anchor_now': course.change(at, [], { ...PLAIN, behavior: action.proration_behavior, anew: !isFree(course.terms, at) }); return true;
      case 'trial': return this.try(action);
      case 'pause_collection': course.collection = action; return true;
      case 'collect': course.collection = null; return true;
      case 'schedule': return canAdopt(course, action) && (adopt(course, at, action), true);
      default: return this.end(action);
    }
  }

  /** What is there can change, usage has no quantity, and something stays. */
  private change({ at, changes, proration_behavior, date, once }: Extract<Action, { kind: 'change' }>): boolean {
    const { terms } = this.course;
    const { items } = terms;
    const unknown = changes.some(({ key, add }) => !add && !find(items, key));
    const counted = changes.some(({ key, price, quantity }) => quantity !== undefined && (price ?? find(items, key)?.price)?.usage_type === 'metered');
    const left = items.length + changes.filter((one) => one.add).length - changes.filter((one) => one.remove).length;
    if (unknown || counted || left === 0) return false;
    if (date !== undefined && !isShared(terms, changes, at, date)) return false;
    this.course.change(at, changes, { ...PLAIN, behavior: proration_behavior, date, once });
    return true;
  }

  private end(action: Extract<Action, { kind: 'cancel_at_period_end' | 'cancel_at' | 'uncancel' }>): boolean {
    if (this.course.plan) return false;
    this.course.ending = action.kind === 'cancel_at_period_end' ? 'period' : action.kind === 'cancel_at' ? action.moment : null;
    return true;
  }

  private move({ at, from, to, proration_behavior }: Extract<Action, { kind: 'move_price' }>): boolean {
    const item = this.course.terms.items.find((one) => one.price.id === from);
    const { plan, ending, terms } = this.course;
    if (!item || plan) return false;
    // Nor is anything moved that ends with its period.
    if (ending === 'period' || (ending !== null && ending <= periodOf(terms, item, at).end)) return false;
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

  private try({ at, until, proration_behavior }: Extract<Action, { kind: 'trial' }>): boolean {
    const { course } = this;
    const free = isFree(course.terms, at);
    if (until !== 'now' && free) {
      course.terms = { ...course.terms, trial: until, anchor: until };
      course.change(at, [], { ...PLAIN, behavior: proration_behavior });
      return true;
    }
    course.change(at, [], { ...PLAIN, behavior: proration_behavior, anew: free || until !== 'now', trial: until === 'now' ? null : until });
    return true;
  }
}

const invoiceOf = ({ at, reason, lines, subtotal, total, total_excluding_tax, subtotal_excluding_tax, status, remaining }: Bill): Invoice =>
  ({ at, reason, lines, subtotal, total, total_excluding_tax, subtotal_excluding_tax, status, remaining });

/** Which invoices must come of a history, and all else that must. */
export function recompute(history: History): Outcome {
  const telling = new Telling(history);
  const { book, course } = telling;
  const refused: number[] = [];
  course.start();
  if (history.scheduled) adopt(course, history.start, history.scheduled);
  const requests = [
    ...history.pending.map((item) => ({ at: item.at, run: () => telling.wait(item) })),
    ...history.actions.map((action, n) => ({ at: action.at, run: () => { if (!telling.act(action)) refused.push(n); } })),
  ].sort((a, b) => a.at - b.at);
  for (let now = history.start; ; ) {
    const final = Math.min(...book.bills.map((bill) => bill.finalize_at ?? Infinity));
    const due = course.next(now);
    const request = requests[0]?.at ?? Infinity;
    const next = Math.min(final, due, request);
    if (next > history.until) break;
    if (final === next) for (const bill of book.bills.filter((one) => one.finalize_at === next)) book.finalize(bill);
    else if (due === next) reach(course, next, now);
    else requests.shift()!.run();
    now = Math.max(now, next);
  }
  return { invoices: book.bills.map(invoiceOf), notes: telling.notes, pending: book.waiting(), ended_at: course.ended, paused: course.paused && course.ended === null, balance: book.balance, refused };
}
