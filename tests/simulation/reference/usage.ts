/** Usage in the reference model: summed anew for each question, less what is included and what was billed of the same period before. */
import { amountOfUsage } from './amounts.ts';
import type { Bill, Draft } from './book.ts';
import { spanAround, type Span } from './calendar.ts';
import { PLAIN, type Course } from './course.ts';
import { backOf } from './early.ts';
import { decimal, less, minus, plain, plus, round, total, whole, type Fraction } from './exact.ts';
import type { History, Price } from './history.ts';
import { isFree, isLicensed, periodOf, type Living, type Terms } from './terms.ts';

/** What was billed of an item's usage before its period was over; it counts while the period began at `start`. */
export type Early = { start: number; quantity: Fraction; amount: bigint; bills: readonly Bill[] };

const NO_EARLY: Omit<Early, 'start'> = { quantity: whole(0), amount: 0n, bills: [] };

/** `seated`: whose seats count. `lasts`: until when what is included is counted. */
type How = { seated?: Terms; lasts?: number };

/** What the price includes in a part of a full period, in whole units. */
function includedIn(terms: Terms, seated: Terms, { price: { allowance, recurrence } }: Living, { start, end }: Span): Fraction {
  if (!allowance) return whole(0);
  const { quantity, per, product } = allowance;
  const seats = seated.items.filter((item) => isLicensed(item) && (product === null || item.price.product === product)).reduce((sum, item) => sum + item.quantity, 0);
  const all = BigInt(quantity * (per === 'seat' ? seats : 1));
  const full = spanAround(terms, recurrence, start);
  return whole(round({ n: all * BigInt(end - start), d: BigInt(full.end - full.start) }));
}

/** What was used in a span at a price, in each of its groups: of an entry is what has one of its values, and is of no earlier one. Never less than nothing. */
function groupsIn({ usage }: History, { meter, dimension_prices: entries = [] }: Price, { start, end }: Span): Fraction[] {
  const within = usage.filter((use) => use.meter === meter && start <= use.at && use.at < end);
  const entryOf = (model: string | undefined) => entries.find(({ values }) => model !== undefined && values.includes(model));
  return [...entries, undefined].map((entry) => {
    const counted = within.reduce((sum, { value, model }) => (entryOf(model) === entry ? plus(sum, decimal(value)) : sum), whole(0));
    return less(counted, whole(0)) ? whole(0) : counted;
  });
}

/** The usage of an item in a span; there is a line also where there was none. */
export function usageIn(course: Course, terms: Terms, item: Living, { start, end }: Span, { seated = terms, lasts = end }: How = {}): Draft[] {
  if (isLicensed(item) || start >= end || isFree(terms, start)) return [];
  const groups = groupsIn(course.history, item.price, { start, end });
  const used = groups.reduce(plus);
  const included = includedIn(terms, seated, item, { start, end: lasts });
  const early = course.early.get(item.key);
  const before = early?.start === start ? early : NO_EARLY;
  const quantity = plain(minus(used, before.quantity));
  const rest = amountOfUsage(item.price, groups, included) - before.amount;
  // No more is given back than is left: what notes gave back, or is void, is not given back again.
  const left = before.amount - total(before.bills.map((bill) => course.book.gone(bill, item.key, start)));
  const over = -rest > left ? left : -rest;
  const given = over > 0n ? backOf(course.book, before.bills, item.key, start, over) : null;
  const amount = given ? -given.amount : rest < 0n ? 0n : rest;
  return [{ ...course.line(item, 'metered', amount, { start, end }, quantity), ...(given && amount < 0n && { back: given.back }) }];
}

/** Something has been used, or has changed: that may reach a threshold, at once or, where all periods begin anew then, a second later. */
export function look(course: Course, at: number): void {
  if (course.threshold?.reset) course.looks = at + 1;
  else billEarly(course, at);
}

/** Looks after what may have changed what usage comes to, or at what it is billed. */
export function lookingAfter(course: Course, at: number, what: () => boolean): boolean {
  const told = () => [course.threshold, course.collection, course.held, ...course.terms.items.flatMap(({ key, price, quantity, usage_gte }) => [key, price, quantity, usage_gte])];
  const before = told();
  const done = what();
  const after = told();
  if (before.length !== after.length || before.some((each, n) => each !== after[n])) look(course, at);
  return done;
}

/** Bills what was used and not billed yet, where it has reached a threshold. */
export function billEarly(course: Course, at: number): void {
  const { threshold, terms, book, paused, ended, held } = course;
  const watched = (threshold?.amount_gte ?? null) !== null || terms.items.some((item) => item.usage_gte !== undefined);
  if (!watched || paused || ended !== null || held !== null || course.withholding(at) !== null) return;
  const lines = terms.items.flatMap((item) => {
    const { start, end } = periodOf(terms, item, at);
    return usageIn(course, terms, item, { start, end: threshold?.reset ? at : at + 1 }, { lasts: end }).filter((line) => line.quantity !== '0');
  });
  const reaches = ({ key, quantity }: Draft) => {
    const { usage_gte } = terms.items.find((item) => item.key === key)!;
    return usage_gte !== undefined && !less(decimal(quantity), whole(usage_gte));
  };
  const amount_gte = threshold?.amount_gte ?? null;
  if (!(amount_gte !== null && total(lines.map((line) => line.amount)) >= amount_gte) && !lines.some(reaches)) return;
  if (threshold?.reset) return course.change(at, [], { ...PLAIN, behavior: 'create_prorations', anew: true, reason: 'subscription_threshold' });
  const bill = book.bill(at, 'subscription_threshold', ['subscription'], lines, terms, 'at once')!;
  for (const { key, period: { start }, quantity, amount } of lines) {
    const before = course.early.get(key);
    const known = before?.start === start ? before : NO_EARLY;
    course.early.set(key, { start, quantity: plus(known.quantity, decimal(quantity)), amount: known.amount + amount, bills: [...known.bills, bill] });
  }
}
