/** A test clock: a time of its own for the customers on it. */
import { decision, refuse, type Decision, type Instant, type Moment, type Timer } from './decision.ts';

export type TestClockRow = {
  id: string;
  created: Instant;
  name: string | null;
  frozen_time: Instant;
  /** Where it is being advanced to; null at rest. */
  target_time: Instant | null;
  status: 'ready' | 'advancing' | 'internal_failure';
  status_details: object;
  deletes_after: Instant;
};

/** Clocks are deleted with all that is on them after this time. */
const LIFETIME_S = 30 * 86_400;
/** At most this far in one advance. */
const FURTHEST_S = 2 * 366 * 86_400;

export function createTestClock(given: { frozen_time: Instant; name: string | null }, moment: Moment): Decision & { clock: TestClockRow } {
  const clock: TestClockRow = {
    id: moment.newId('clock'),
    created: moment.now,
    name: given.name,
    frozen_time: given.frozen_time,
    target_time: null,
    status: 'ready',
    status_details: {},
    deletes_after: moment.now + LIFETIME_S,
  };
  const made = decision();
  made.puts.push({ table: 'test_clocks', before: null, after: clock });
  made.facts.push({ type: 'test_helpers.test_clock.created', object: 'test_helpers.test_clock', whole: clock, at: moment.now });
  made.timers.push(expiry(clock, clock.deletes_after));
  return { ...made, clock };
}

/** Sends a clock on its way; the worker runs what becomes due, then reports `ready`. */
export function advanceTestClock(before: TestClockRow, target_time: Instant): Decision & { clock: TestClockRow } {
  if (before.status === 'advancing') refuse(undefined, `The test clock ${before.id} is being advanced already. Wait until its status is \`ready\`.`, undefined, { status: 429 });
  if (target_time <= before.frozen_time) refuse(undefined, `A test clock only moves forward: frozen_time must be after ${before.frozen_time}.`, 'frozen_time');
  if (target_time > before.frozen_time + FURTHEST_S) refuse(undefined, 'A test clock can be advanced by two years at a time.', 'frozen_time');
  const clock: TestClockRow = { ...before, target_time, status: 'advancing', status_details: { advancing: { target_frozen_time: target_time } } };
  const made = decision();
  made.puts.push({ table: 'test_clocks', before, after: clock });
  made.facts.push({ type: 'test_helpers.test_clock.advancing', object: 'test_helpers.test_clock', whole: clock, at: before.frozen_time });
  return { ...made, clock };
}

/** In real time: the clock's own may stand still for ever. */
const expiry = (clock: TestClockRow, at: Instant | null): Timer => ({ kind: 'test_clock.expire', subject: clock.id, at, lane: clock.id, test_clock: null });

/** Ends a clock. Whoever commits this has deleted what hangs on it. */
export function deleteTestClock(clock: TestClockRow): Decision {
  return {
    ...decision(),
    puts: [{ table: 'test_clocks', before: clock, after: null }],
    facts: [{ type: 'test_helpers.test_clock.deleted', object: 'test_helpers.test_clock', whole: clock, at: clock.frozen_time }],
    timers: [expiry(clock, null)],
  };
}
