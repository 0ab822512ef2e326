/** Pauses in the reference model. */
import type { Course } from './course.ts';
import { spanAround } from './calendar.ts';
import type { Action } from './history.ts';
import { catchUp } from './phases.ts';
import { isFree, isLicensed, periodOf } from './terms.ts';

type Asked<Kind extends Action['kind']> = Extract<Action, { kind: Kind }>;

export const canPause = (course: Course, at: number): boolean => !course.paused && course.plan === null && course.withholding(at) === null && !isFree(course.terms, at);

export function pause(course: Course, { at, unused_time_from, outstanding_usage_through, invoicing_behavior }: Asked<'pause'>): void {
  const { book, terms } = course;
  if (unused_time_from !== 'none') for (const item of terms.items) book.credit(item.key, at, unused_time_from === 'now' ? at : periodOf(terms, item, at).start);
  if (outstanding_usage_through === 'now') for (const item of terms.items) course.usedUntil(terms, item, at).forEach((line) => book.wait(line));
  if (invoicing_behavior === 'invoice') course.bill(at, 'subscription_update', ['subscription'], [], true);
  course.paused = true;
  course.pausedAt = at;
}

/** The rest of a period is counted from a moment in the periods in which it goes on, and not before the pause. */
export function canResume({ paused, pausedAt, terms }: Course, { at, anchor, date }: Asked<'resume'>): boolean {
  if (!paused || date === undefined) return paused;
  const full = terms.items.map((item) => spanAround(terms, item.price.recurrence, at));
  return anchor === 'unchanged' && date >= pausedAt && full.every(({ start, end }) => start <= date && date < end);
}

/** Goes on in periods that begin now, or in those of the grid that it has; what that costs may have to be paid before. */
export function resume(course: Course, { at, anchor, proration_behavior, date, then }: Asked<'resume'>): void {
  const { book, terms } = course;
  const earlier = new Set(book.journal);
  // Whatever usage had reached by a moment of the pause is free.
  if (course.looks !== null && course.looks <= at) course.looks = null;
  // A resumption is of what is charged automatically.
  course.charged = true;
  const bill = anchor === 'now' ? goAnew(course, at) : goOn(course, at, proration_behavior, date);
  course.charged = false;
  course.paused = false;
  const isOwed = bill !== null && bill.status === 'open';
  if (!isOwed || then !== 'void') catchUp(course, at);
  if (!isOwed || then === 'fail') return;
  if (then === 'pay') book.pay(bill);
  else {
    book.void(bill, at);
    // What had waited before waits again.
    for (const entry of bill.entries.filter((one) => earlier.has(one))) Object.assign(entry, { on: null, net: entry.amount, closed: false });
    course.paused = true;
    course.terms = { ...course.terms, trial: terms.trial };
  }
}

function goAnew(course: Course, at: number) {
  const { day: _day, ...rest } = course.terms;
  course.terms = { ...rest, anchor: at, items: rest.items.map((item) => ({ ...item, since: at })) };
  return course.bill(at, 'subscription_update', ['subscription'], course.terms.items.filter(isLicensed).map((item) => course.wholePeriod(item, periodOf(course.terms, item, at))), true);
}

/** What was not given back for the time from now on is not charged again. */
function goOn(course: Course, at: number, behavior: Asked<'resume'>['proration_behavior'], date = at) {
  const { book, terms } = course;
  const keeps = new Set(terms.items.filter((item) => isLicensed(item) && book.openDebit(item.key, at)).map((item) => item.key));
  course.terms = { ...terms, items: terms.items.map((item) => (isLicensed(item) ? item : { ...item, since: at })) };
  if (behavior !== 'none') for (const item of course.terms.items) if (isLicensed(item) && !keeps.has(item.key)) course.debit(item, at, date);
  return behavior === 'always_invoice' ? course.bill(at, 'subscription_update', ['subscription'], [], true) : null;
}
