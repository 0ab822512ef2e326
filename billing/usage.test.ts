/** Any order of a set of events comes to the same: what meters count does not depend on it. The folding is pure, and is tried ten thousand times. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { MeterRow } from './catalog.ts';
import { Refusal } from './decision.ts';
import { dimensionsOf, isRepetition, payloadFrom, restOf, usageEvent, windowsOf, type UsageGiven } from './usage.ts';

const NOW = 1_767_225_600;
const DAY = 86_400;
const meter = (formula: MeterRow['default_aggregation']['formula'] = 'sum', dimensions: string[] = []): MeterRow => ({
  id: 'mtr_1', created: 0, updated: 0, display_name: 'Calls', event_name: 'calls', event_time_window: null, customer_mapping: { event_payload_key: 'who', type: 'by_id' },
  default_aggregation: { formula }, value_settings: { event_payload_key: 'value' }, dimensions, status: 'active', deactivated_at: null,
});
const given = (value: string, more: Partial<UsageGiven> = {}): UsageGiven => ({ event_name: 'calls', payload: { who: 'cus_1', value }, ...more });
const keep = (each: UsageGiven, of = meter()) => usageEvent(each, { meter: of, customer: 'cus_1' }, { now: NOW });

test('timestamps lie between 35 days back and 5 minutes ahead, both inclusive', () => {
  for (const timestamp of [NOW - 35 * DAY, NOW + 300]) assert.equal(keep(given('1', { timestamp })).timestamp, timestamp);
  for (const [timestamp, code] of [[NOW - 35 * DAY - 1, 'timestamp_too_far_in_past'], [NOW + 301, 'timestamp_in_future']] as const) {
    assert.throws(() => keep(given('1', { timestamp })), (error: Refusal) => error.param === 'timestamp' && error.details.usage_error === code);
  }
});

test('values are exact decimals, in one spelling', () => {
  for (const [text, value] of [['007', '7'], ['1.50', '1.5'], ['-0.000000000001', '-0.000000000001'], ['999999999999999', '999999999999999']] as const) assert.equal(keep(given(text)).value, value);
  for (const [text, code] of [['1000000000000000', 'meter_event_value_too_many_digits'], ['0.0000000000001', 'meter_event_value_too_many_digits'], ['1e3', 'meter_event_invalid_value'], ['', 'meter_event_invalid_value']] as const) {
    assert.throws(() => keep(given(text)), (error: Refusal) => error.param === 'payload[value]' && error.details.usage_error === code, text);
  }
});

test('what is kept of a payload gives it back, for every way of counting', () => {
  fc.assert(fc.property(fc.constantFrom('sum', 'count', 'max', 'unique_count', 'last'), fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }).filter((name) => name !== '__proto__'), fc.string({ maxLength: 8 })), fc.integer(), (formula, more, value) => {
    const of = meter(formula as 'sum');
    const payload = { ...more, who: 'cus_1', value: String(value) };
    const event = keep({ event_name: 'calls', payload }, of);
    const rest = restOf(payload, of.customer_mapping, of);
    assert.deepEqual({ ...payloadFrom(rest, event, of.customer_mapping, of) }, payload);
  }), { numRuns: 1_000 });
});

test('a repetition says the same in the same or another spelling; everything else is another event', () => {
  const before = { ...keep(given('5', { timestamp: NOW })), identifier: 'a', number: 1n };
  const again = (each: UsageGiven) => isRepetition(before, keep(each), each, ['who']);
  assert.ok(again(given('5')));
  assert.ok(again(given('5.00', { timestamp: NOW })));
  for (const other of [given('6'), given('5', { timestamp: NOW - 1 }), given('5', { payload: { who: 'cus_1', value: '5', region: 'eu' } })]) assert.ok(!again(other));
  // What was read back may have the customer under another name.
  const { who, ...rest } = before.payload;
  assert.ok(isRepetition({ ...before, payload: { ...rest, stripe_customer_id: who! } }, keep(given('5')), given('5'), ['who', 'stripe_customer_id']));
});

test('dimensions are kept sorted, and one that is missing is empty', () => {
  assert.equal(dimensionsOf(meter('sum', ['a', 'b']), { b: '2', c: '3' }), '{"a":"","b":"2"}');
  assert.equal(dimensionsOf(meter(), { b: '2' }), '');
});

test('windows tile a span, newest first', () => {
  const { windows, has_more } = windowsOf({ start: 0, end: 3 * DAY }, 'day', { limit: 2 });
  assert.deepEqual([windows, has_more], [[{ start: 2 * DAY, end: 3 * DAY }, { start: DAY, end: 2 * DAY }], true]);
});
