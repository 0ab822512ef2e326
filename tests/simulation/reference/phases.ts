/** Schedules in the reference model: what a subscription is to become, and when. */
import { spanAround } from './calendar.ts';
import { PLAIN, type Course } from './course.ts';
import { discard } from './held.ts';
import type { Phase } from './history.ts';
import { billEarly, look } from './usage.ts';
import { changesBy, goingOn, isFree, recursOtherwise, type Plan, type Terms } from './terms.ts';

const endOf = ({ end, phases }: Plan): number => phases.at(-1)?.end ?? end;

/** When its trial ends as a schedule of it says: no later than it was to end itself. */
const trialEnd = ({ terms: { trial }, ending }: Course): number | null => (trial !== null && typeof ending === 'number' ? Math.min(trial, ending) : trial);

/** A trial ends within its phase, the first one too. */
export const canAdopt = (course: Course, { at, end }: { at: number; end: number }): boolean => course.plan === null && !(isFree(course.terms, at) && end < trialEnd(course)!);

/** As it is until the plan's `end`, then by its phases. A trial that lasts longer is left alone where it lasts until then. */
export function adopt(course: Course, at: number, plan: Plan): void {
  const trial = trialEnd(course);
  if (isFree(course.terms, at) && trial !== null && trial !== course.terms.trial && trial !== plan.end) course.terms = { ...course.terms, trial, anchor: trial };
  course.plan = { ...plan, threshold: course.threshold };
  course.ending = plan.end_behavior === 'cancel' ? endOf(plan) : null;
}

/** It goes on alone, and ends no more as the schedule said, unless that is to be kept. */
export function release(course: Course, preserve_cancel_date: boolean): void {
  if (course.plan!.end_behavior === 'cancel' && !preserve_cancel_date) course.ending = null;
  course.plan = null;
}

/** What the clock does at the moment: a phase begins, and what ends then is renewed by its terms. */
export function reach(course: Course, at: number, before: number): void {
  const sweeps = course.nextSweep(before) === at;
  const resumes = course.resumes(before) === at;
  const expires = course.held?.expires === at;
  if (expires) discard(course, at);
  course.seated = course.terms;
  turnAndRenew(course, at);
  const entered = course.terms !== course.seated;
  course.seated = null;
  if (sweeps) course.sweepUp(at);
  if (course.looks === at) {
    course.looks = null;
    billEarly(course, at);
  } else if (resumes || expires || entered) look(course, at);
}

function turnAndRenew(course: Course, at: number): void {
  const { plan, paused } = course;
  if (!paused && plan?.end === at && course.ending !== at && !turn(course, at, plan)) return;
  const unpayable = !paused && course.charged && course.terms.trial === at;
  if (unpayable && course.history.missing_payment_method === 'pause' && course.withholding(at) === null && !course.endsAt(at)) Object.assign(course, { paused: true, pausedAt: at });
  else if (unpayable && course.history.missing_payment_method === 'cancel') {
    course.ended = at;
    course.book.keepDrafts();
  }
  else course.renew(at);
}

/** Of the phases that came during a pause, the one of the moment begins now. */
export function catchUp(course: Course, at: number): void {
  const { plan } = course;
  if (plan === null || plan.end > at) return;
  const [current, ...later] = plan.phases.filter((phase) => phase.end > at);
  course.plan = current === undefined ? null : { ...plan, end: at, phases: [{ ...current, start: at }, ...later] };
}

/** Whether something is to be renewed then: not where no period ends, or all of them begin with the phase. */
function turn(course: Course, at: number, { phases: [phase, ...later], end_behavior, threshold }: Plan): boolean {
  course.plan = phase === undefined ? null : { end: phase.end, phases: later, end_behavior, threshold };
  // What a schedule was made with holds in each of its phases.
  if (phase !== undefined && threshold) course.threshold = threshold;
  return phase === undefined || enter(course, at, phase);
}

function enter(course: Course, at: number, phase: Phase): boolean {
  const { terms } = course;
  const changes = changesBy(terms.items, phase);
  const trial = phase.trial_end !== null && phase.trial_end > at ? phase.trial_end : null;
  const free = isFree(terms, at);
  // A trial that runs goes on until another moment; it ends with a phase that has none.
  const goes_on = free && trial !== null;
  const anew = free ? !goes_on : phase.anchored || trial !== null;
  const renewed = terms.items.filter((item) => item.since < at && course.hasBoundary(item, at)).map((item) => item.key);
  // Where there is a renewal, it bills the whole period of what comes as well.
  const whole = renewed.length === 0 ? [] : changes.filter(({ add }) => add && spanAround(terms, add.price.recurrence, at).start === at).map(({ key }) => key);
  const spared = new Set([...renewed, ...whole]);
  const goOn = (before: Terms['shared'], coupons: Phase['discounts']) => goingOn(before.filter((one) => course.book.inForce(one, at)), coupons, at);
  course.change(at, changes, { ...PLAIN, behavior: phase.proration_behavior, anew, trial, spared, asked: false, once: phase.once }, (after) => ({
    ...after,
    ...(goes_on && { trial, anchor: trial }),
    shared: goOn(after.shared, phase.discounts),
    rates: phase.default_tax_rates ?? after.rates,
    items: after.items.map((item) => {
      const asked = phase.items.find((one) => one.price.id === item.price.id)!;
      return { ...item, usage_gte: asked.usage_gte, tax_rates: asked.tax_rates, own: goOn(item.own, asked.discounts) };
    }),
  }));
  course.book.follow(course.terms.items);
  return renewed.length > 0 && !anew && !recursOtherwise(terms.items, changes.filter((one) => !one.add));
}
