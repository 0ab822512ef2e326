/** What a sandbox has foretold happens in its time. A live processor tells of it when it happens. */
import type { Moment, Timer } from '../decision.ts';
import type { Consequence, Delay } from './outcome.ts';

const later = (delay: Delay, test_clock: string | null) => (test_clock === null ? delay.real : delay.on_clock);

/** Lets what a sandbox has foretold about an attempt happen in its time. */
export function foreseen(op_id: string, foretold: readonly Consequence[], intent: { id: string; customer: string | null; test_clock: string | null }, moment: Moment): Timer[] {
  const settles = foretold.find((each) => each.kind === 'charge_settles' || each.kind === 'refund_settles');
  if (!settles) return [];
  return [{ kind: 'payment_attempt.settle', subject: op_id, at: moment.now + later(settles.after, intent.test_clock), lane: intent.customer ?? intent.id, test_clock: intent.test_clock }];
}

/** Lets what a sandbox has foretold of a charge that has come be contested in its time. */
export function toBeContested(charge: string, foretold: readonly Consequence[], intent: { id: string; customer: string | null; test_clock: string | null }, moment: Moment): Timer[] {
  const news = foretold.find((each) => each.kind === 'dispute');
  if (!news) return [];
  return [{ kind: 'charge.contest', subject: charge, at: moment.now + later(news.after, intent.test_clock), lane: intent.customer ?? intent.id, test_clock: intent.test_clock }];
}
