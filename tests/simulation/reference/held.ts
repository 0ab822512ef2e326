/** Changes that wait for their payment in the reference model: what they make of the subscription is kept beside it, and so is what they did to the books, to be undone. */
import type { Bill, Entry } from './book.ts';
import type { Given } from './amounts.ts';
import type { Course } from './course.ts';
import type { Terms } from './terms.ts';

const HOURS = 23 * 3_600;

/** `touched`: entries as they were before the change. `spent`: the subscription's own discounts that its bill used up. */
export type Held = { bill: Bill; at: number; after: Terms; expires: number; touched: [Entry, Entry][]; made: ReadonlySet<Entry>; spent: readonly Given[] };

/** Makes the change, or keeps it where the first attempt to pay for it fails. */
export function hold(course: Course, at: number, attempt: 'pay' | 'fail', change: () => void): void {
  const { book, terms } = course;
  const before = new Map(book.journal.map((entry) => [entry, { ...entry }]));
  const spent = new Set(book.spent);
  const expires = Math.min(at + HOURS, course.nextOf(at));
  book.awaits = true;
  const made = book.bills.length;
  change();
  book.awaits = false;
  const bill = book.bills[made];
  if (bill?.status !== 'open') return;
  if (attempt === 'pay') return book.pay(bill);
  const own = new Set([...terms.shared, ...course.terms.shared, ...[...terms.items, ...course.terms.items].flatMap((item) => item.own)]);
  course.held = {
    bill, at, after: course.terms, expires, made: new Set(book.journal.filter((entry) => !before.has(entry))), spent: [...book.spent].filter((given) => !spent.has(given) && own.has(given)),
    touched: [...before].filter(([entry, was]) => entry.on !== was.on || entry.closed !== was.closed),
  };
  course.terms = terms;
}

/** It is paid for: the subscription is what the change made of it, since then. */
export function apply(course: Course): void {
  const { after, at } = course.held!;
  course.terms = after;
  course.since = at;
  course.held = null;
}

/** It is not: nothing has changed. */
export function discard(course: Course, now: number): void {
  const { bill, touched, made, spent } = course.held!;
  const { book } = course;
  course.held = null;
  book.void(bill, now);
  book.journal = book.journal.filter((entry) => !made.has(entry));
  for (const [entry, { on, net, closed }] of touched) Object.assign(entry, { on, net, closed });
  for (const given of spent) book.spent.delete(given);
}

/** Does what takes the place of a change that waits: that is discarded, unless the other one is refused. */
export function insteadOfHeld(course: Course, at: number, what: () => boolean): boolean {
  const { held, book, terms } = course;
  if (held === null) return what();
  const undo = book.remember();
  const bill = { ...held.bill };
  discard(course, at);
  if (what()) return true;
  undo();
  Object.assign(held.bill, bill);
  Object.assign(course, { held, terms });
  return false;
}
