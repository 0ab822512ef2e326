/** Usage: events that meters count. They are kept as they came; what they add up to is asked when a period is billed. */
import { DAY_S } from './calendar.ts';
import type { MeterRow } from './catalog.ts';
import { Refusal, refuse, type Instant, type Moment } from './decision.ts';
import { formatDecimal, parseDecimal } from './money.ts';
import { isCount } from './outcome/outcome.ts';

/** An event as it is kept. It never changes; where it is taken back, a cancellation says so. */
export type UsageEvent = {
  /** The meter that counts it; null where it is only observed. */
  meter: string | null;
  event_name: string;
  identifier: string;
  customer: string;
  timestamp: Instant;
  /** An exact decimal, which may be negative: a correction of what was counted before. 1 where a meter counts events or unique values; null without a meter. */
  value: string | null;
  /** The values of the meter's dimensions as JSON with sorted keys; `''` where the meter has none. A dimension that the payload lacks has the value `''`. */
  dimensions: string;
  payload: Record<string, string>;
  created: Instant;
  /** The order of receipt: microseconds since 1970, never the same twice in a process. */
  number: bigint;
};

/** An event as it is reported. The timestamp is by default the moment of receipt, the identifier one of our own. */
export type UsageGiven = { event_name: string; identifier?: string; payload: Record<string, string>; timestamp?: Instant };

/** What finds the customer of an event: its meter's mapping, or that of whoever observes events of its name. */
export type Mapping = MeterRow['customer_mapping'];

/** What whoever watches events of a name finds in their payload: the customer, and, under one of the keys at least, what they are about. `ending`: soon, or by now, only what has begun is still looked at. */
export type Watched = { mapping: Mapping; keys: readonly string[]; ending: boolean };

const MINUTE = 60;
const EARLIEST = 35 * DAY_S;
const LATEST = 5 * MINUTE;
const CANCELABLE = DAY_S;

/** The meter's own field of a payload. */
export function fieldOf(payload: Record<string, string>, key: string): string | undefined {
  return Object.hasOwn(payload, key) ? payload[key] : undefined;
}

/** The customer that an event is about. */
export function customerOf({ event_payload_key: key }: Mapping, payload: Record<string, string>): string {
  return fieldOf(payload, key) ?? refuse('parameter_missing', `The customer of the event is found in the payload's \`${key}\`, which is not there.`, `payload[${key}]`, { usage_error: 'meter_event_no_customer_defined' });
}

/** An event that no meter counts has something to say to whoever watches its name. */
export function refuseAboutNothing(keys: readonly string[], payload: Record<string, string>): void {
  if (keys.some((key) => (fieldOf(payload, key) ?? '') !== '')) return;
  refuse('parameter_missing', `What the event is about is found in the payload's ${keys.map((key) => `\`${key}\``).join(' or ')}, which is not there, and no meter counts it.`, `payload[${keys[0]}]`, { usage_error: 'outcome_subject_not_found' });
}

/** Up to 15 digits before the point and 12 behind it. A meter that counts events needs no value; one that counts unique values takes any text. */
function valueOf(meter: MeterRow, payload: Record<string, string>): string {
  const key = meter.value_settings.event_payload_key;
  const { formula } = meter.default_aggregation;
  const text = fieldOf(payload, key);
  if (formula === 'count') return '1';
  if (text === undefined) return refuse('parameter_missing', `The meter ${meter.id} finds the value in the payload's \`${key}\`, which is not there.`, `payload[${key}]`, { usage_error: 'meter_event_invalid_value' });
  if (formula === 'unique_count') return '1';
  if (/^(?:0|[1-9][0-9]{0,14})$/.test(text)) return text;
  const value = /^-?[0-9]{1,15}(\.|$)/.test(text) ? parseDecimal(text, 12) : null;
  return value ? formatDecimal(value) : refuse(undefined, `The value must be a plain decimal of up to 15 digits and 12 decimal places, such as 25 or 0.5; it is ${text}.`, `payload[${key}]`, { usage_error: /^-?[0-9]+(\.[0-9]+)?$/.test(text) ? 'meter_event_value_too_many_digits' : 'meter_event_invalid_value' });
}

/** The values of a meter's dimensions, as they are kept. */
export function dimensionsOf(meter: Pick<MeterRow, 'dimensions'> | null, payload: Record<string, string>): string {
  if (meter === null || meter.dimensions.length === 0) return '';
  return JSON.stringify(Object.fromEntries(meter.dimensions.map((key) => [key, fieldOf(payload, key) ?? ''])));
}

/**
 * What is to be kept of an event; the meter is the active one of that name, or null where the event is only observed. The moment is the customer's: that of its test clock where it is on one.
 * `settled` is for what Kontor counts itself, which may concern any time. The name of an event that came without one, and its place in the order of receipt, are given to it when it is kept.
 */
export function usageEvent(given: UsageGiven, facts: { meter: MeterRow | null; customer: string; settled?: boolean }, moment: Pick<Moment, 'now'>): Omit<UsageEvent, 'number' | 'identifier'> {
  const { meter, customer, settled = false } = facts;
  const { event_name, payload, timestamp = moment.now } = given;
  if (!settled) refuseOwn(given);
  if (!settled && timestamp < moment.now - EARLIEST) refuse(undefined, 'The timestamp lies more than 35 days back. Usage that old cannot be recorded any more.', 'timestamp', { usage_error: 'timestamp_too_far_in_past' });
  if (!settled && timestamp > moment.now + LATEST) refuse(undefined, 'The timestamp lies more than 5 minutes ahead. Usage is recorded when it has happened.', 'timestamp', { usage_error: 'timestamp_in_future' });
  return { meter: meter?.id ?? null, event_name, customer, timestamp, value: meter && valueOf(meter, payload), dimensions: dimensionsOf(meter, payload), payload, created: moment.now };
}

/** Whether a name of events is one of Kontor's own, which counts outcomes. */
export const isOwnName = (event_name: string): boolean => event_name.startsWith('kontor.');

/** Refuses names of events that are Kontor's own. `param` spells the name. */
export function refuseOwnName(event_name: string, param: string): void {
  if (isOwnName(event_name)) refuse(undefined, `The events named ${event_name} are Kontor's own: they count outcomes. Report what happened, and they follow.`, param);
}

/** Refuses to let others say what Kontor says itself: which outcomes count. */
function refuseOwn({ event_name, identifier }: UsageGiven): void {
  refuseOwnName(event_name, 'event_name');
  if (identifier !== undefined && isCount(identifier)) refuse(undefined, `The identifier ${identifier} is one of Kontor's own, which count outcomes. Choose another one.`, 'identifier');
}

/** Refuses to take back, or to replace, what counts an outcome: it is taken back by what happens to the outcome, or by a contest. `param` spells what names the event. */
export function refuseCount({ identifier }: Pick<UsageEvent, 'identifier'>, param: string): void {
  if (isCount(identifier)) refuse(undefined, `The event ${identifier} counts an outcome. Take back an event from which the outcome follows, or contest the outcome.`, param);
}

/** What a payload says besides what is kept in columns: the customer and, where it is a number, the value. Null where there is nothing else. */
export function restOf(payload: Record<string, string>, { event_payload_key }: Mapping, meter: MeterRow | null): Record<string, string> | null {
  const value = keepsValue(meter) ? meter.value_settings.event_payload_key : null;
  const names = Object.keys(payload).filter((name) => name !== event_payload_key && name !== value);
  return names.length === 0 ? null : Object.fromEntries(names.map((name) => [name, payload[name]!]));
}

/** The payload again, from what is kept. */
export function payloadFrom(rest: Record<string, string> | null, { customer, value }: Pick<UsageEvent, 'customer' | 'value'>, { event_payload_key }: Mapping, meter: MeterRow | null): Record<string, string> {
  return { ...rest, [event_payload_key]: customer, ...(keepsValue(meter) && { [meter.value_settings.event_payload_key]: value! }) };
}

const keepsValue = (meter: MeterRow | null): meter is MeterRow => meter !== null && meter.default_aggregation.formula !== 'count' && meter.default_aggregation.formula !== 'unique_count';

/**
 * Whether an event says the same as the one that came before it with its identifier. The timestamp is compared where it was given; numbers are, not their spelling. The customer is compared as such: `keys` are the names under
 * which payloads have it, which may be another one in an event that was read back.
 */
export function isRepetition(before: UsageEvent, again: Omit<UsageEvent, 'number' | 'identifier'>, given: UsageGiven, keys: readonly string[]): boolean {
  if (before.customer !== again.customer || before.event_name !== again.event_name || before.value !== again.value) return false;
  if (given.timestamp !== undefined && given.timestamp !== before.timestamp) return false;
  const namesOf = ({ payload }: Pick<UsageEvent, 'payload'>) => Object.keys(payload).filter((name) => !keys.includes(name));
  const [was, is] = [namesOf(before), namesOf(again)];
  return was.length === is.length && is.every((name) => before.payload[name] === again.payload[name] || sameNumber(before, name, again.payload[name]!));
}

function sameNumber({ payload, value }: UsageEvent, name: string, text: string): boolean {
  const [was, is] = [payload[name] === undefined ? null : parseDecimal(payload[name]), parseDecimal(text)];
  return was !== null && is !== null && formatDecimal(was) === value && formatDecimal(is) === value;
}

/** That a customer has used a meter, from the first to the last moment of some events. */
export type Use = { meter: string; customer: string; first: Instant; last: Instant };

/** Who has used which meter, and when; what no meter counts is left out. */
export function usesIn(events: readonly UsageEvent[]): Use[] {
  const all: Use[] = [];
  const meters = new Map<string, Map<string, Use>>();
  for (const { meter, customer, timestamp } of events) {
    if (meter === null) continue;
    const use = meters.getOrInsertComputed(meter, () => new Map()).getOrInsertComputed(customer, () => {
      const first = { meter, customer, first: timestamp, last: timestamp };
      all.push(first);
      return first;
    });
    if (timestamp < use.first) use.first = timestamp;
    else if (timestamp > use.last) use.last = timestamp;
  }
  return all;
}

/** Why an identifier is refused that another event has. */
export const OTHER_EVENT = (identifier: string): Refusal =>
  new Refusal('resource_already_exists', `An event with the identifier ${identifier} was recorded before, and it says something else. Repeat it unchanged, or send a new identifier for new usage.`, 'identifier', { usage_error: 'identifier_conflict' });

/** Refuses to take an event back that was received more than 24 hours ago. */
export function refuseUncancelable(event: UsageEvent, canceled: boolean, moment: Pick<Moment, 'now'>): void {
  if (canceled) refuse(undefined, `The event ${event.identifier} is canceled already.`, 'cancel[identifier]');
  if (moment.now > event.created + CANCELABLE) refuse(undefined, `The event ${event.identifier} was received more than 24 hours ago and cannot be canceled any more. Correct it by POST /v1/kontor/usage/corrections.`, 'cancel[identifier]');
}

/** A stretch of time whose usage is asked for, half-open. */
export type Window = { start: Instant; end: Instant };

/**
 * The windows of `[start, end)`, newest first: hours, days, or all of it as one. A page of them begins after (that is, earlier than) the window that starts at `after`,
 * or ends before (later than) the one that starts at `before`.
 */
export function windowsOf(span: Window, by: 'hour' | 'day' | undefined, page: { limit: number; after?: Instant; before?: Instant }): { windows: Window[]; has_more: boolean } {
  const step = by === 'hour' ? 3_600 : by === 'day' ? DAY_S : MINUTE;
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
