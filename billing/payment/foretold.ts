/** What a sandbox has foretold happens in its time. A live processor tells of it when it happens. */
import type { Moment, Timer } from '../decision.ts';
import type { Consequence, Delay } from './outcome.ts';

/** What it is foretold of, and whom it concerns. */
type About = { id: string; customer: string | null; test_clock: string | null };

const inTime = (kind: string, subject: string, { on_clock, real }: Delay, { id, customer, test_clock }: About, { now }: Moment): Timer =>
  ({ kind, subject, at: now + (test_clock === null ? real : on_clock), lane: customer ?? id, test_clock });

/** Lets an attempt end as it was foretold. */
export function foreseen(op_id: string, foretold: readonly Consequence[], about: About, moment: Moment): Timer[] {
  const settles = foretold.find((each) => each.kind === 'charge_settles' || each.kind === 'refund_settles');
  return settles ? [inTime('payment_attempt.settle', op_id, settles.after, about, moment)] : [];
}

/** Lets a charge that has come be contested as it was foretold. */
export function toBeContested(charge: string, foretold: readonly Consequence[], about: About, moment: Moment): Timer[] {
  const news = foretold.find((each) => each.kind === 'dispute');
  return news ? [inTime('charge.contest', charge, news.after, about, moment)] : [];
}
