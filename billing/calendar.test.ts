import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addMonths, boundary, periodAt, type Interval, type Recurrence } from './calendar.ts';

/** `2024-01-31` or `2024-01-31 12:30:05`, UTC. */
const at = (text: string): number => Date.parse(`${text.replace(' ', 'T')}${text.includes(' ') ? '' : 'T00:00:00'}Z`) / 1000;
const told = (t: number): string => new Date(t * 1000).toISOString().slice(0, 19).replace('T', ' ').replace(' 00:00:00', '');
const every = (interval_count: number, interval: Interval): Recurrence => ({ interval, interval_count });

describe('the boundaries of an anchor', () => {
  const rows: [anchor: string, Recurrence, k: number, day: number | undefined, expected: string][] = [
    ['2024-01-31', every(1, 'month'), 0, undefined, '2024-01-31'],
    ['2024-01-31', every(1, 'month'), 1, undefined, '2024-02-29'],
    ['2023-01-31', every(1, 'month'), 1, undefined, '2023-02-28'],
    ['2023-01-31', every(1, 'month'), 2, undefined, '2023-03-31'],
    ['2023-01-31', every(1, 'month'), 3, undefined, '2023-04-30'],
    ['2023-01-31', every(1, 'month'), -1, undefined, '2022-12-31'],
    ['2023-01-31', every(1, 'month'), -2, undefined, '2022-11-30'],
    ['2023-01-30', every(1, 'month'), 13, undefined, '2024-02-29'],
    ['2023-01-15 23:59:59', every(1, 'month'), 1, undefined, '2023-02-15 23:59:59'],
    ['2023-11-30', every(3, 'month'), 1, undefined, '2024-02-29'],
    ['2023-11-30', every(3, 'month'), 2, undefined, '2024-05-30'],
    ['2024-02-29', every(1, 'year'), 1, undefined, '2025-02-28'],
    ['2024-02-29', every(1, 'year'), 4, undefined, '2028-02-29'],
    ['2024-02-29', every(1, 'year'), -124, undefined, '1900-02-28'], // 1900 was not a leap year
    ['2000-02-29', every(100, 'year'), 1, undefined, '2100-02-28'],
    ['2000-02-29', every(1, 'month'), 1, undefined, '2000-03-29'],
    ['2023-02-28', every(1, 'month'), 1, 31, '2023-03-31'],
    ['2023-02-28', every(1, 'month'), 2, 31, '2023-04-30'],
    ['2023-02-28', every(1, 'month'), 0, 31, '2023-02-28'],
    ['2023-02-28', every(1, 'month'), 1, 30, '2023-03-30'],
    ['2023-02-28', every(1, 'year'), 1, 29, '2024-02-29'],
    ['2024-02-28', every(1, 'week'), 1, undefined, '2024-03-06'],
    ['2024-02-28 08:00:00', every(2, 'week'), -1, undefined, '2024-02-14 08:00:00'],
    ['2024-02-28', every(1, 'day'), 2, undefined, '2024-03-01'],
    ['2024-12-31', every(90, 'day'), 1, undefined, '2025-03-31'],
    ['1969-12-31 23:59:59', every(1, 'month'), 2, undefined, '1970-02-28 23:59:59'],
    ['2024-01-29', every(1, 'month'), 1, undefined, '2024-02-29'],
    ['2023-01-29', every(1, 'month'), 1, undefined, '2023-02-28'],
    ['2024-08-31', every(1, 'month'), 1, undefined, '2024-09-30'],
    ['2024-08-31', every(1, 'month'), 2, undefined, '2024-10-31'], // counted from the anchor, not from 30 September
    ['2024-12-31', every(2, 'month'), 1, undefined, '2025-02-28'],
    ['2024-12-31', every(2, 'month'), 2, undefined, '2025-04-30'],
    ['2024-12-31', every(2, 'month'), 4, undefined, '2025-08-31'],
    ['2024-08-31', every(6, 'month'), 1, undefined, '2025-02-28'],
    ['2024-08-31', every(6, 'month'), 2, undefined, '2025-08-31'],
    ['2024-02-29', every(2, 'year'), 1, undefined, '2026-02-28'],
    ['2024-02-29', every(2, 'year'), 2, undefined, '2028-02-29'],
    ['2024-02-29', every(12, 'month'), 1, undefined, '2025-02-28'], // as a year
    ['2024-12-30', every(1, 'week'), 9, undefined, '2025-03-03'], // 63 days
    ['2026-10-25 02:30:00', every(1, 'day'), 1, undefined, '2026-10-26 02:30:00'], // whatever clocks on walls do that night
  ];
  for (const [anchor, recurrence, k, day, expected] of rows) {
    it(`${anchor}, every ${recurrence.interval_count} ${recurrence.interval}${day ? ` on the ${day}.` : ''}, boundary ${k}: ${expected}`, () => {
      assert.equal(told(boundary(at(anchor), recurrence, k, day)), expected);
    });
  }
});

describe('the period of a moment', () => {
  const rows: [anchor: string, Recurrence, moment: string, start: string, end: string, index: number][] = [
    ['2023-01-31', every(1, 'month'), '2023-01-31', '2023-01-31', '2023-02-28', 0],
    ['2023-01-31', every(1, 'month'), '2023-02-27 23:59:59', '2023-01-31', '2023-02-28', 0],
    ['2023-01-31', every(1, 'month'), '2023-02-28', '2023-02-28', '2023-03-31', 1],
    ['2023-01-31', every(1, 'month'), '2023-03-30', '2023-02-28', '2023-03-31', 1],
    ['2023-01-31', every(1, 'month'), '2023-01-30', '2022-12-31', '2023-01-31', -1],
    ['2024-02-29', every(1, 'year'), '2025-02-28', '2025-02-28', '2026-02-28', 1],
    ['2024-02-29', every(1, 'year'), '2028-02-28', '2027-02-28', '2028-02-29', 3],
    ['2023-11-30', every(3, 'month'), '2024-03-01', '2024-02-29', '2024-05-30', 1],
    ['2024-01-01', every(1, 'week'), '2024-01-07 23:59:59', '2024-01-01', '2024-01-08', 0],
    ['2024-01-01', every(1, 'week'), '2023-12-31 23:59:59', '2023-12-25', '2024-01-01', -1],
    ['2024-01-01 12:00:00', every(1, 'day'), '2024-01-05 11:59:59', '2024-01-04 12:00:00', '2024-01-05 12:00:00', 3],
    ['2024-01-31', every(1, 'month'), '2024-02-29', '2024-02-29', '2024-03-31', 1],
    ['2023-12-31', every(3, 'month'), '2024-06-29 23:59:59', '2024-03-31', '2024-06-30', 1],
    ['2024-02-29', every(1, 'year'), '2024-02-28 23:59:59', '2023-02-28', '2024-02-29', -1],
    ['2024-01-15 10:00:00', every(1, 'month'), '2024-02-15 09:59:59', '2024-01-15 10:00:00', '2024-02-15 10:00:00', 0],
  ];
  for (const [anchor, recurrence, moment, start, end, index] of rows) {
    it(`${moment} from ${anchor}, every ${recurrence.interval_count} ${recurrence.interval}: ${start} to ${end}`, () => {
      const period = periodAt(at(anchor), recurrence, at(moment));
      assert.deepEqual([told(period.start), told(period.end), period.index], [start, end, index]);
    });
  }
});

describe('months added to a moment', () => {
  const rows: [string, number, string][] = [
    ['2024-01-31', 1, '2024-02-29'],
    ['2024-03-31', -1, '2024-02-29'],
    ['2024-02-29', 12, '2025-02-28'],
    ['2024-08-31 10:20:30', 6, '2025-02-28 10:20:30'],
    ['2024-05-05', 0, '2024-05-05'],
    ['2023-10-31', 4, '2024-02-29'],
    ['2024-02-29', -12, '2023-02-28'],
    ['2024-12-31 23:59:59', 2, '2025-02-28 23:59:59'],
  ];
  for (const [moment, months, expected] of rows) it(`${moment} and ${months}: ${expected}`, () => assert.equal(told(addMonths(at(moment), months)), expected));
});
