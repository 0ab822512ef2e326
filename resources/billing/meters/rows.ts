import type { MeterRow } from '../../../billing/catalog.ts';
import { row, rows, rowsById, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';

/** Meters, in any order. `lock` keeps others from changing them until the transaction ends. */
export async function metersById(tx: Tx, ids: readonly string[], lock = false): Promise<MeterRow[]> {
  return rowsById<MeterRow>(tx, 'meters', ids, lock);
}

/** The active meter that counts the events of this name. */
export async function activeMeter(tx: Tx, eventName: string): Promise<MeterRow | null> {
  return (await row<MeterRow>(tx, sql`select * from meters where event_name = ${eventName} and status = 'active'`)) ?? null;
}

/** The active meters that count the events of these names. */
export async function activeMeters(tx: Tx, eventNames: readonly string[]): Promise<MeterRow[]> {
  return rows<MeterRow>(tx, sql`select * from meters where event_name = any(${eventNames}::text[]) and status = 'active'`);
}

/** The definition that counts its successes on a meter, or null. */
export async function counterOf(tx: Tx, meter: string): Promise<string | null> {
  const found = await row<{ definition: string }>(tx, sql`select definition from outcome_definition_versions where outcomes @> ${JSON.stringify([{ meter }])}::jsonb limit 1`);
  return found?.definition ?? null;
}
