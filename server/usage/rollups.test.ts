/** Whatever order events come in, their hours come to the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { UsageEvent } from '../../billing/usage.ts';
import { formatDecimal } from '../../billing/money.ts';
import { folded } from './rollups.ts';

const event = fc.record({ customer: fc.constantFrom('cus_1', 'cus_2'), timestamp: fc.integer({ min: 0, max: 4 * 3_600 }), value: fc.integer({ min: -1_000, max: 1_000_000 }).map((n) => String(n / 100)), dimensions: fc.constantFrom('', '{"a":"1"}') });

const told = (events: readonly UsageEvent[]) => folded(events).map(([name, each]) => [name, each.events, formatDecimal(each.sum), formatDecimal(each.largest), formatDecimal(each.last), each.last_at, each.last_number, each.first_number]);

test('ten thousand permutations come to the same rollups', () => {
  fc.assert(fc.property(fc.array(event, { maxLength: 12 }), fc.infiniteStream(fc.nat()), (given, chance) => {
    const events = given.map((each, n): UsageEvent => ({ ...each, meter: 'mtr_1', event_name: 'calls', identifier: String(n), payload: {}, created: 0, number: BigInt(n) }));
    const shuffled = events.map((each) => ({ each, place: chance.next().value as number })).sort((a, b) => a.place - b.place).map(({ each }) => each);
    assert.deepEqual(told(shuffled), told(events));
  }), { numRuns: 10_000 });
});
