/** Prepaid credit in the reference model: what is left of it once all usage is set against it that no bill has met yet, and what is bought where that is too little. */
import type { Bill, Draft } from './book.ts';
import { DAY } from './calendar.ts';
import type { Course } from './course.ts';
import { total } from './exact.ts';
import type { TopUp } from './history.ts';
import { periodOf } from './terms.ts';
import { usageIn } from './usage.ts';

/** A line comes to no more. */
const MOST = 999_999_999_999n;

type Bought = TopUp & { bill: Bill; granted: boolean };

export class TopUps {
  private readonly course: Course;
  private terms: TopUp | null = null;
  private readonly bought: Bought[] = [];

  constructor(course: Course) {
    this.course = course;
  }

  /** False where there is none to be ended. */
  set(terms: TopUp | null, at: number): boolean {
    if (terms === null && this.terms === null) return false;
    this.terms = terms;
    this.look(at);
    return true;
  }

  /** Before discounts: of the periods that run at a moment `within`, on drafts that will be finalized, and what waits for a bill. */
  private unbilled(at: number, within: number): bigint {
    const { course } = this;
    const { terms, book: { bills, journal } } = course;
    const running = course.paused || course.ended !== null ? [] : terms.items.flatMap((item) => {
      const { start, end } = periodOf(terms, item, within);
      return usageIn(course, terms, item, { start, end: at + 1 }, { lasts: end });
    });
    const drafted = bills.flatMap((bill) => (bill.status === 'draft' && bill.finalize_at !== null ? bill.lines : []));
    return total([...running, ...drafted, ...journal.filter((entry) => entry.on === null)].flatMap(({ kind, amount }) => (kind === 'metered' ? [amount] : [])));
  }

  /** While something that was bought waits to be paid, nothing else is. Where it comes before what is billed at the moment, the periods that end with it still run (`within`). */
  look(at: number, within = at): void {
    const { terms, course: { book } } = this;
    if (terms === null || this.bought.some(({ bill }) => bill.status === 'open')) return;
    const lacks = terms.threshold - (book.credits.left(at) - this.unbilled(at, within));
    if (lacks <= 0n) return;
    let times = 1n;
    while (times * terms.amount < lacks && (times + 1n) * terms.amount <= MOST) times += 1n;
    const amount = times * terms.amount;
    const draft: Draft = { key: 'top_up', kind: 'top_up', amount, period: { start: at, end: at }, quantity: String(times), proration: false, discountable: false, product: null, price: null, rates: [], own: [] };
    const bill = book.bill(at, 'manual', [], [draft], { shared: [], rates: [], items: [] }, 'at once')!;
    this.bought.push({ ...terms, amount, bill, granted: false });
    this.grant(at);
  }

  /** What is paid by now is granted, but for what notes took off it. Then it may be too little again. */
  grant(at: number): void {
    const { book } = this.course;
    let given = false;
    for (const one of this.bought) {
      if (one.granted || one.bill.status !== 'paid') continue;
      one.granted = true;
      const invoice = book.bills.indexOf(one.bill);
      const amount = one.amount - total(book.notes.flatMap((note) => (note.invoice === invoice && note.status === 'issued' ? [note.pre_payment] : [])));
      const { priority, expires_in_days: days } = one;
      if (amount <= 0n) continue;
      given = true;
      book.credits.give({ id: `bought on ${invoice}`, currency: book.history.currency, amount, priority, category: 'paid', effective_at: at, expires_at: days === null ? null : at + days * DAY, prices: null }, at);
    }
    if (given) this.look(at);
  }
}
