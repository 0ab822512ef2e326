/** Moments of the story, and the clock that leads from one to the next. */

import type Stripe from 'stripe';

/** `2026-02-15T10:00` as Unix seconds. All times are UTC. */
export function at(moment: string): number {
  return Temporal.Instant.from(`${moment}:00Z`).epochMilliseconds / 1000;
}

/** `15 Feb 2026, 10:00`, UTC. */
export function dateAndTime(moment: number): string {
  return `${day(moment)} ${timeOf(moment).year}, ${hours(moment)}`;
}

/** `15 Feb 10:00`, UTC. */
export function dayAndTime(moment: number): string {
  return `${day(moment)} ${hours(moment)}`;
}

/** A span as `15 Jan 10:00 – 1 Feb 00:00`; one that leaves its year as `1 Jan 2026 – 1 Jan 2027`. */
export function span(start: number, end: number): string {
  if (start === end) return dayAndTime(start);
  if (timeOf(start).year === timeOf(end).year) return `${dayAndTime(start)} – ${dayAndTime(end)}`;
  return `${day(start)} ${timeOf(start).year} – ${day(end)} ${timeOf(end).year}`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const timeOf = (moment: number) => Temporal.Instant.fromEpochMilliseconds(moment * 1000).toZonedDateTimeISO('UTC');
const day = (moment: number) => `${timeOf(moment).day} ${MONTHS[timeOf(moment).month - 1]}`;
const hours = (moment: number) => timeOf(moment).toPlainTime().toString({ smallestUnit: 'minute' });

/** Advances a test clock, and waits until all that became due on the way has been done. */
export async function advance(stripe: Stripe, clock: string, moment: number): Promise<void> {
  await stripe.testHelpers.testClocks.advance(clock, { frozen_time: moment });
  for (;;) {
    const { status } = await stripe.testHelpers.testClocks.retrieve(clock);
    if (status === 'ready') return;
    if (status === 'internal_failure') throw new Error(`The test clock ${clock} could not be advanced to ${dateAndTime(moment)}.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
