/**
 * Periods tile: held to the calendar of the platform, Temporal, which counts by another algorithm. Anchors are local times of every time zone. KONTOR_TEST_TUPLES sets how many tuples,
 * KONTOR_TEST_SEED where they begin.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addMonths, boundary, periodAt, type Interval, type Recurrence } from './calendar.ts';

const COUNT = Number(process.env['KONTOR_TEST_TUPLES'] ?? 100_000);
const SEED = Number(process.env['KONTOR_TEST_SEED'] ?? 0);

const ZONES = Intl.supportedValuesOf('timeZone');
/** The most of each interval that Stripe takes: three years. */
const MOST: Record<Interval, number> = { day: 1_095, week: 156, month: 36, year: 3 };
const INTERVALS = Object.keys(MOST) as Interval[];
const MIDNIGHT = new Temporal.PlainTime();
/** How far from its anchor a period may lie, in years. */
const REACH = 120;

/** mulberry32: a whole number from `low` to `high`. */
function numbers(seed: number): (low: number, high: number) => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  return (low, high) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return low + Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * (high - low + 1));
  };
}

type Tuple = { zone: string; local: Temporal.PlainDateTime; anchor: Temporal.PlainDateTime; recurrence: Recurrence; k: number; day: number | undefined; inside: number };

/** A date, half of the time near where months and years differ: on 29 February, on the last days of a month, on the first. */
function randomDate(int: (low: number, high: number) => number): Temporal.PlainDate {
  const [year, month] = [int(1_902, 2_298), int(1, 12)];
  switch (int(0, 9)) {
    case 0: return Temporal.PlainDate.from({ year, month: 2, day: 29 });
    case 1: case 2: return Temporal.PlainDate.from({ year, month, day: 31 });
    case 3: return Temporal.PlainDate.from({ year, month, day: int(28, 30) });
    case 4: return new Temporal.PlainDate(year, month, 1);
    default: return new Temporal.PlainDate(year, month, int(1, 28));
  }
}

function randomTuple(n: number): Tuple {
  const int = numbers(n);
  // In turn, so that each zone is met whatever the numbers are.
  const zone = ZONES[n % ZONES.length]!;
  const time = int(0, 2) === 0 ? MIDNIGHT : new Temporal.PlainTime(int(0, 23), int(0, 59), int(0, 59));
  const local = randomDate(int).toPlainDateTime(time);
  const anchor = local.toZonedDateTime(zone, { disambiguation: int(0, 1) === 0 ? 'earlier' : 'later' }).withTimeZone('UTC').toPlainDateTime();
  const interval = INTERVALS[int(0, 3)]!;
  const interval_count = int(0, 2) === 0 ? int(1, MOST[interval]) : int(1, Math.min(6, MOST[interval]));
  const perYear = { day: 365, week: 52, month: 12, year: 1 }[interval];
  const furthest = Math.floor((REACH * perYear) / interval_count);
  const last = anchor.day === anchor.daysInMonth;
  // A configured day: the anchor's own or, where the anchor stands on the last day of its month, a later one that it may have been clamped from.
  const day = int(0, 3) === 0 ? (last ? int(anchor.day, 31) : anchor.day) : undefined;
  return { zone, local, anchor, recurrence: { interval, interval_count }, k: int(-furthest, furthest), day, inside: int(0, 2 ** 31) };
}

const seconds = (moment: Temporal.PlainDateTime): number => moment.toZonedDateTime('UTC').epochMilliseconds / 1_000;

/** Boundary `k` by Temporal: one step from the anchor, in the calendar of UTC. */
function byTemporal({ anchor, recurrence: { interval, interval_count }, day }: Tuple, k: number): number {
  const steps = k * interval_count;
  if (interval === 'day') return seconds(anchor.add({ days: steps }));
  if (interval === 'week') return seconds(anchor.add({ weeks: steps }));
  if (day === undefined) return seconds(anchor.add(interval === 'month' ? { months: steps } : { years: steps }));
  const month = anchor.toPlainDate().toPlainYearMonth().add(interval === 'month' ? { months: steps } : { years: steps });
  return seconds(month.toPlainDate({ day: Math.min(day, month.daysInMonth) }).toPlainDateTime(anchor.toPlainTime()));
}

/** What is wrong with the periods around boundary `k`; null where nothing is. */
function mistake(tuple: Tuple): string | null {
  const { recurrence, k, day, inside } = tuple;
  const anchor = seconds(tuple.anchor);
  const [start, end] = [byTemporal(tuple, k), byTemporal(tuple, k + 1)];
  if (boundary(anchor, recurrence, 0, day) !== anchor) return 'boundary 0 is not the anchor';
  if (boundary(anchor, recurrence, k, day) !== start) return `boundary ${k} is ${boundary(anchor, recurrence, k, day)}, by Temporal ${start}`;
  if (boundary(anchor, recurrence, k + 1, day) !== end) return `boundary ${k + 1} is ${boundary(anchor, recurrence, k + 1, day)}, by Temporal ${end}`;
  if (start >= end) return `boundary ${k} is not before the next one`;
  if (recurrence.interval === 'month' && addMonths(anchor, k * recurrence.interval_count, day) !== start) return 'months added are not months counted';
  for (const t of [start, end - 1, start + (inside % (end - start))]) {
    const period = periodAt(anchor, recurrence, t, day);
    if (period.start !== start || period.end !== end || period.index !== k) return `${t} lies in ${JSON.stringify(period)}, by Temporal in period ${k} from ${start} to ${end}`;
  }
  const [before, after] = [periodAt(anchor, recurrence, start - 1, day), periodAt(anchor, recurrence, end, day)];
  if (before.end !== start || before.index !== k - 1) return `what is before ends at ${before.end}, not at ${start}`;
  if (after.start !== end || after.index !== k + 1) return `what follows begins at ${after.start}, not at ${end}`;
  return null;
}

test(`the periods of ${COUNT} anchors from ${ZONES.length} time zones tile as Temporal counts them`, () => {
  const met = new Map<string, number>();
  const meet = (what: string, is: boolean) => { if (is) met.set(what, (met.get(what) ?? 0) + 1); };
  const zones = new Set<string>();
  for (let n = SEED; n < SEED + COUNT; n += 1) {
    const tuple = randomTuple(n);
    const wrong = mistake(tuple);
    const { zone, local, anchor, recurrence: { interval, interval_count }, k, day } = tuple;
    if (wrong !== null) assert.fail(`${anchor}Z (${local} in ${zone}), every ${interval_count} ${interval}, period ${k}${day === undefined ? '' : `, on day ${day}`}: ${wrong}. Once more: KONTOR_TEST_TUPLES=1 KONTOR_TEST_SEED=${n} npm test -- billing/calendar.tiling`);
    zones.add(zone);
    const months = interval === 'month' || interval === 'year';
    meet(interval, true);
    meet('29 February', months && anchor.month === 2 && anchor.day === 29);
    meet('the 31st', months && anchor.day === 31);
    meet('another day than the local one', local.day !== anchor.day);
    meet('a local time that the clocks leave out', !anchor.toZonedDateTime('UTC').withTimeZone(zone).toPlainDateTime().equals(local));
    meet('a configured day that is not the anchor’s', months && day !== undefined && day !== anchor.day);
    meet('before the anchor', k < 0);
    meet('before 1970', anchor.year < 1970);
  }
  if (COUNT < 10_000) return;
  assert.equal(zones.size, ZONES.length);
  assert.equal(met.size, 11, `met only ${[...met.keys()].join(', ')}`);
});
