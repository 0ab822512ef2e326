/** Usage events as they are kept, read back. */
import type { MeterRow } from '../../billing/catalog.ts';
import { payloadFrom, type UsageEvent } from '../../billing/usage.ts';
import { int8s } from '../database/arrays.ts';
import { rows, sql, type Sql } from '../database/sql.ts';
import type { Context } from '../context.ts';
import type { Tx } from '../database/world.ts';
import { keyOf, nameOf, type Named } from './keys.ts';
import { COUNTS } from './cells.ts';
import { ensureSlot, slotAt, slotsAround } from './slots.ts';

/** An event with where it is kept, and whether it was taken back. */
export type StoredEvent = UsageEvent & { slot: number; key: bigint; series: bigint; canceled: boolean };

type EventRow = Omit<StoredEvent, 'payload'> & { payload: Record<string, string> | null };

/** Events of a query over `e`, with their payloads whole. What nobody counts has its customer where Stripe has it by default. */
export async function eventsOf(tx: Tx, from: Sql): Promise<StoredEvent[]> {
  const found = await rows<EventRow>(
    tx,
    sql`select e.slot, e.key, e.series, e.number, e.meter, e.event_name, e.identifier, e.customer, e.timestamp, trim_scale(e.value) as value, e.dimensions, e.payload, e.created, not (${COUNTS}) as canceled ${from}`,
  );
  const meters = new Map((await metersOf(tx, found.flatMap((each) => each.meter ?? []))).map((meter) => [meter.id, meter]));
  return found.map((each) => {
    const meter = each.meter === null ? null : meters.get(each.meter)!;
    return { ...each, payload: payloadFrom(each.payload, each, meter?.customer_mapping ?? BY_DEFAULT, meter) };
  });
}

export const BY_DEFAULT: MeterRow['customer_mapping'] = { type: 'by_id', event_payload_key: 'stripe_customer_id' };

/** Events by their keys, in these slots. */
async function storedEvents(tx: Tx, slots: readonly number[], keys: readonly bigint[]): Promise<Map<bigint, StoredEvent>> {
  if (keys.length === 0) return new Map();
  // Slot by slot (`offset 0` keeps it so), each in one walk through its index.
  const inSlot = sql`select e.* from meter_events e where e.slot = s.slot and e.key = any(${int8s(keys)}::bigint[]) offset 0`;
  const found = await eventsOf(tx, sql`from unnest(${slots}::integer[]) as s (slot) cross join lateral (${inSlot}) e`);
  return new Map(found.map((each) => [each.key, each]));
}

/** Where the event of a name is kept, or will be; `claimed` is by which of those that are recorded now. */
type Place = { readonly name: string; readonly key: bigint; readonly stored: StoredEvent | null; claimed: UsageEvent | null };

/**
 * The place of each of the names, as seen from a slot: one place for a name that comes again. Its key is the first of the name's keys that no other name has. `keyFor` chooses other keys, so that a test can
 * let two names have one.
 */
export async function placesOf(ctx: Context, slot: number, asked: readonly { name: string; unused?: boolean }[], keyFor: (name: string, attempt: number) => bigint = keyOf): Promise<Place[]> {
  const slots = slotsAround(await ensureSlot(ctx.app, slot), slot);
  const places: Place[] = [];
  const taken = new Map<bigint, Place>();
  for (let attempt = 0, open = [...asked.keys()]; open.length > 0; attempt += 1) {
    const keys = open.map((at) => keyFor(asked[at]!.name, attempt));
    const stored: ReadonlyMap<bigint, StoredEvent> = await storedEvents(ctx.tx, slots, keys.filter((_, n) => !asked[open[n]!]!.unused));
    open = open.filter((at, n) => {
      const [key, { name }] = [keys[n]!, asked[at]!];
      const place = taken.getOrInsertComputed(key, () => {
        const there = stored.get(key) ?? null;
        return { name: there ? nameOf(there) : name, key, stored: there, claimed: null };
      });
      if (place.name !== name) return true;
      places[at] = place;
      return false;
    });
  }
  return places;
}

/** The event of each name, in their order; null where there is none. */
export async function eventsByName(ctx: Context, names: readonly Named[]): Promise<(StoredEvent | null)[]> {
  return (await placesOf(ctx, slotAt(ctx.app.clock.now()), names.map((each) => ({ name: nameOf(each) })))).map(({ stored }) => stored);
}

/** The meters of events, in any order. */
export async function metersOf(tx: Tx, ids: readonly string[]): Promise<MeterRow[]> {
  return ids.length === 0 ? [] : rows<MeterRow>(tx, sql`select * from meters where id = any(${[...new Set(ids)]}::text[])`);
}
