/**
 * Lanes: what happens to a customer happens one thing after the other, and so it is with whatever else has timers. Who sets, clears or runs a timer holds its lane until the transaction ends, and takes it
 * before any row.
 *
 * A request waits for its lane. The worker does not: it passes over the timers whose lanes others hold, and holds those of the timers that it takes, so that a timer's command is in its lane already. So nobody
 * who holds a lane waits for a timer in it, and of two who want the same one begins when the other is done.
 */
import { assert, type Timer } from '../billing/decision.ts';
import { later, rows, sql, type Sql } from './database/sql.ts';
import type { Tx } from './database/world.ts';

const LOCK = sql`hashtextextended('lane ' || lane, kontor_world())`;

const held = new WeakMap<Tx, Set<string>>();

function heldBy(tx: Tx): Set<string> {
  const known = held.get(tx) ?? new Set<string>();
  held.set(tx, known);
  return known;
}

/** Waits for lanes, in one order for all, and holds them until the transaction ends. Those that it holds already cost nothing. */
export function lockLanes(tx: Tx, lanes: readonly string[]): void {
  const own = heldBy(tx);
  const wanted = [...new Set(lanes)].filter((lane) => !own.has(lane)).sort();
  if (wanted.length === 0) return;
  later(tx, sql`select pg_advisory_xact_lock(${LOCK}) from unnest(${wanted}::text[]) as w (lane)`);
  for (const lane of wanted) own.add(lane);
}

/** Takes the lanes that nobody else holds, in the order of a query for them, until it has as many as are asked for. */
export async function claimLanes(tx: Tx, wanted: Sql, most: number): Promise<string[]> {
  // `offset 0` keeps PostgreSQL from locking what it then leaves out.
  const free = await rows<{ lane: string }>(tx, sql`select lane from (${wanted} offset 0) w where pg_try_advisory_xact_lock(${LOCK}) limit ${most}`);
  const lanes = [...new Set(free.map(({ lane }) => lane))];
  for (const lane of lanes) heldBy(tx).add(lane);
  return lanes;
}

/** Timers are set and cleared by who holds their lane. One that is the only one of its lane is under the lock of what it is about; one that stays as it is may be set by many at once. */
export function assertLanes(tx: Tx, timers: readonly Timer[]): void {
  for (const { kind, subject, lane, kept } of timers) assert(kept || lane === subject || heldBy(tx).has(lane), `the timer ${kind} of ${subject} is set by who does not hold the lane ${lane}`);
}
