/** Events go into the hours of their meters, and out of them: as tallies where they only add up, and else straight into the rollups. */
import type { MeterRow } from '../../billing/catalog.ts';
import type { UsageEvent } from '../../billing/usage.ts';
import type { Tx } from '../database/world.ts';
import { cellOf } from './cells.ts';
import { metersOf, type StoredEvent } from './events.ts';
import { recount } from './recount.ts';
import { fold, foldValues, isUnique } from './rollups.ts';
import { addsUp, tally } from './tallies.ts';

/** The events that a meter counts: those that only add up, and the others. Unique values add up, each by itself. */
function apart<Event extends UsageEvent>(events: readonly Event[], meters: ReadonlyMap<string, MeterRow>): { adding?: Event[]; other?: Event[] } {
  const adding = new Set([...meters.values()].filter((meter) => addsUp(meter) || isUnique(meter)).map((meter) => meter.id));
  return Object.groupBy(events.filter(({ meter }) => meter !== null), ({ meter }) => (adding.has(meter!) ? 'adding' : 'other'));
}

/** Counts new events, with what the transaction sends next. Those that no meter counts are passed over. */
export function countIn(tx: Tx, world: number, events: readonly UsageEvent[], meters: ReadonlyMap<string, MeterRow>): void {
  const { adding = [], other = [] } = apart(events, meters);
  tally(tx, adding, 'added');
  foldValues(tx, adding, meters, 'added');
  fold(tx, world, other, meters);
}

/** Counts again what events are part of that were taken back, or put back (`added`). Refused where that takes events which are not kept any more. */
export async function countAgain(tx: Tx, events: readonly StoredEvent[], how: 'added' | 'taken'): Promise<void> {
  const meters = new Map((await metersOf(tx, events.flatMap(({ meter }) => meter ?? []))).map((meter) => [meter.id, meter]));
  const { adding = [], other = [] } = apart(events, meters);
  tally(tx, adding, how);
  foldValues(tx, adding, meters, how);
  await recount(tx, other.map((event) => ({ ...cellOf(event), series: event.series })));
}
