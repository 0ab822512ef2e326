/**
 * Periods counted from an anchor (docs/concepts/bill.md, "Boundaries"). Every boundary is one step from the anchor, so that a short month never pulls the later ones with it. Whole seconds, UTC,
 * proleptic Gregorian calendar; integer arithmetic throughout, exact for every year in which seconds are safe integers.
 */
import type { Instant } from './decision.ts';

export type Interval = 'day' | 'week' | 'month' | 'year';

/** How often: every `interval_count` (a whole number ≥ 1) intervals. */
export type Recurrence = { readonly interval: Interval; readonly interval_count: number };

/** Half-open: `start` belongs to it, `end` to the next one. */
export type Period = { readonly start: Instant; readonly end: Instant };

/** A day of UTC. */
export const DAY_S = 86_400;
const DAYS_BEFORE_MONTH = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334] as const;
/** Days from 1 January of the year 1 to 1 January 1970. */
const EPOCH = 719_162;

/** Months are counted as year × 12 + month, January being 0. This is the number of days from 1970 to the first of the month. */
function firstDay(month: number): number {
  const year = Math.floor(month / 12);
  const inYear = month - year * 12;
  const before = year - 1;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const leapDays = Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400) + (leap && inYear > 1 ? 1 : 0);
  return before * 365 + leapDays + DAYS_BEFORE_MONTH[inYear]! - EPOCH;
}

/** The month in which a day (counted from 1970) lies. The mean month guesses it to within one. */
function monthOf(day: number): number {
  const guess = 1970 * 12 + Math.floor(day / 30.436875);
  if (firstDay(guess) > day) return guess - 1;
  return firstDay(guess + 1) <= day ? guess + 1 : guess;
}

/** The given day of a month, or its last one where it is shorter, at the time of day of `like`. */
function inMonth(month: number, dayOfMonth: number, like: Instant): Instant {
  const first = firstDay(month);
  const last = firstDay(month + 1) - 1;
  return Math.min(first + dayOfMonth - 1, last) * DAY_S + (like - Math.floor(like / DAY_S) * DAY_S);
}

/** The moment `months` later (or earlier): same day, or the last day of a shorter month, same time of day. */
export function addMonths(t: Instant, months: number, dayOfMonth?: number): Instant {
  const day = Math.floor(t / DAY_S);
  const month = monthOf(day);
  return inMonth(month + months, dayOfMonth ?? day - firstDay(month) + 1, t);
}

/** The length of a recurrence in seconds where it is fixed, else in months. */
function lengthOf(recurrence: Recurrence): { seconds: number; months: number } {
  const { interval, interval_count: count } = recurrence;
  switch (interval) {
    case 'day': return { seconds: count * DAY_S, months: 0 };
    case 'week': return { seconds: count * 7 * DAY_S, months: 0 };
    case 'month': return { seconds: 0, months: count };
    case 'year': return { seconds: 0, months: count * 12 };
  }
}

/**
 * Boundary `k` of the anchor: boundary 0 is the anchor itself, `k` may be negative. `dayOfMonth` (1–31) is the configured day (`billing_cycle_anchor_config.day_of_month`) where the anchor's own day
 * may be a clamped one; it counts for months and years only.
 */
export function boundary(anchor: Instant, recurrence: Recurrence, k: number, dayOfMonth?: number): Instant {
  const { seconds, months } = lengthOf(recurrence);
  return months === 0 ? anchor + k * seconds : addMonths(anchor, k * months, dayOfMonth);
}

/** The period in which `t` lies, `start` ≤ t < `end`; it runs from boundary `index` to boundary `index + 1`. */
export function periodAt(anchor: Instant, recurrence: Recurrence, t: Instant, dayOfMonth?: number): Period & { index: number } {
  const { seconds, months } = lengthOf(recurrence);
  if (months === 0) {
    const index = Math.floor((t - anchor) / seconds);
    return { index, start: anchor + index * seconds, end: anchor + (index + 1) * seconds };
  }
  const anchorDay = Math.floor(anchor / DAY_S);
  const anchorMonth = monthOf(anchorDay);
  const day = dayOfMonth ?? anchorDay - firstDay(anchorMonth) + 1;
  // A boundary lies in its own month, whatever the clamping, so t's month names the period but for the days before the boundary in that month.
  let index = Math.floor((monthOf(Math.floor(t / DAY_S)) - anchorMonth) / months);
  let start = inMonth(anchorMonth + index * months, day, anchor);
  if (start <= t) return { index, start, end: inMonth(anchorMonth + (index + 1) * months, day, anchor) };
  const end = start;
  index -= 1;
  start = inMonth(anchorMonth + index * months, day, anchor);
  return { index, start, end };
}
