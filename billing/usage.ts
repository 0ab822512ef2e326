/** Usage: events that meters count. They are kept as they came; what they add up to is asked when a period is billed. */
import type { MeterRow } from './catalog.ts';
import { decision, refuse, type Decision, type Instant, type Moment } from './decision.ts';
import { formatDecimal, parseDecimal } from './money.ts';

export type MeterEventRow = {
  id: string;
  meter: string;
  identifier: string;
  event_name: string;
  customer: string;
  timestamp: Instant;
  /** An exact decimal. It may be negative: a correction of what was counted before. */
  value: string;
  payload: Record<string, string>;
  created: Instant;
  /** When it was taken back; it counts no more. */
  canceled_at: Instant | null;
};

export type UsageGiven = { event_name: string; identifier?: string; payload: Record<string, string>; timestamp?: Instant };

const MINUTE = 60;
const DAY = 86_400;
const EARLIEST = 35 * DAY;
const LATEST = 5 * MINUTE;
const CANCELABLE = DAY;

/** The meter's own field of a payload. */
export function fieldOf(payload: Record<string, string>, key: string): string | undefined {
  return Object.hasOwn(payload, key) ? payload[key] : undefined;
}

/** The customer that an event is about. */
export function customerOf(meter: MeterRow, payload: Record<string, string>): string {
  const key = meter.customer_mapping.event_payload_key;
  return fieldOf(payload, key) ?? refuse('parameter_missing', `The meter ${meter.id} finds the customer in the payload's \`${key}\`, which is not there.`, `payload[${key}]`);
}

/** Up to 15 digits before the point and 12 behind it. A meter that counts events needs no value. */
function valueOf(meter: MeterRow, payload: Record<string, string>): string {
  const key = meter.value_settings.event_payload_key;
  const text = fieldOf(payload, key);
  if (text === undefined && meter.default_aggregation.formula === 'count') return '1';
  if (text === undefined) return refuse('parameter_missing', `The meter ${meter.id} finds the value in the payload's \`${key}\`, which is not there.`, `payload[${key}]`);
  const value = /^-?[0-9]{1,15}(\.|$)/.test(text) ? parseDecimal(text, 12) : null;
  return value ? formatDecimal(value) : refuse(undefined, `The value must be a plain decimal of up to 15 digits and 12 decimal places, such as 25 or 0.5; it is ${text}.`, `payload[${key}]`);
}

/**
 * Counts an event. `meter` is the active meter of that name; `taken` says that the meter has an event with this identifier already, so that a repetition is never counted twice.
 * The moment is the customer's: that of its test clock where it is on one.
 */
export function recordUsage(given: UsageGiven, facts: { meter: MeterRow; customer: string; taken: boolean }, moment: Moment): Decision & { event: MeterEventRow } {
  const { meter, customer, taken } = facts;
  const { event_name, payload, timestamp = moment.now } = given;
  if (timestamp < moment.now - EARLIEST) refuse(undefined, 'The timestamp lies more than 35 days back. Usage that old cannot be recorded any more.', 'timestamp');
  if (timestamp > moment.now + LATEST) refuse(undefined, 'The timestamp lies more than 5 minutes ahead. Usage is recorded when it has happened.', 'timestamp');
  if (taken) refuse('resource_already_exists', `An event with the identifier ${given.identifier} was recorded before and is counted once. Send a new identifier for new usage.`, 'identifier');
  const id = moment.newId('mtrev');
  const event: MeterEventRow = {
    id,
    meter: meter.id,
    identifier: given.identifier ?? id,
    event_name,
    customer,
    timestamp,
    value: valueOf(meter, payload),
    payload,
    created: moment.now,
    canceled_at: null,
  };
  const made = decision();
  made.puts.push({ table: 'meter_events', before: null, after: event });
  return { ...made, event };
}

/** Takes an event back, within 24 hours after it was received. */
export function cancelUsage(before: MeterEventRow, moment: Moment): Decision {
  if (before.canceled_at !== null) refuse(undefined, `The event ${before.identifier} is canceled already.`, 'cancel[identifier]');
  if (moment.now > before.created + CANCELABLE) refuse(undefined, `The event ${before.identifier} was received more than 24 hours ago and cannot be canceled any more. Record an event with the opposite value instead.`, 'cancel[identifier]');
  const made = decision();
  made.puts.push({ table: 'meter_events', before, after: { ...before, canceled_at: moment.now } });
  return made;
}

/** A stretch of time whose usage is asked for, half-open. */
export type Window = { start: Instant; end: Instant };

/**
 * The windows of `[start, end)`, newest first: hours, days, or all of it as one. A page of them begins after (that is, earlier than) the window that starts at `after`,
 * or ends before (later than) the one that starts at `before`.
 */
export function windowsOf(span: Window, by: 'hour' | 'day' | undefined, page: { limit: number; after?: Instant; before?: Instant }): { windows: Window[]; has_more: boolean } {
  const step = by === 'hour' ? 3_600 : by === 'day' ? DAY : MINUTE;
  for (const [param, at] of [['start_time', span.start], ['end_time', span.end]] as const) {
    if (at % step !== 0) refuse(undefined, `\`${param}\` must be the beginning of ${by === 'hour' ? 'an hour' : by === 'day' ? 'a day (UTC)' : 'a minute'}.`, param);
  }
  if (span.end <= span.start) refuse(undefined, '`end_time` must be later than `start_time`.', 'end_time');
  const length = by ? step : span.end - span.start;
  const count = (span.end - span.start) / length;
  /** The window with the number 0 is the newest one. */
  const numberOf = (start: Instant) => (span.end - length - start) / length;
  for (const [param, start] of [['starting_after', page.after], ['ending_before', page.before]] as const) {
    if (start === undefined) continue;
    const number = numberOf(start);
    if (!Number.isInteger(number) || number < 0 || number >= count) refuse('resource_missing', 'This summary is none of those that were asked for.', param, { status: 400 });
  }
  const first = page.after !== undefined ? numberOf(page.after) + 1 : page.before !== undefined ? Math.max(0, numberOf(page.before) - page.limit) : 0;
  const last = page.before !== undefined ? numberOf(page.before) : Math.min(count, first + page.limit);
  const windows = Array.from({ length: Math.max(0, last - first) }, (_, n) => {
    const start = span.end - length * (first + n + 1);
    return { start, end: start + length };
  });
  return { windows, has_more: page.before !== undefined ? first > 0 : last < count };
}
