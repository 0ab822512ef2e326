/** Usage events as they are kept, read back. */
import type { MeterRow } from '../../billing/catalog.ts';
import { payloadFrom, type UsageEvent } from '../../billing/usage.ts';
import { int8s } from '../database/arrays.ts';
import { later, rows, sql, type Sql } from '../database/sql.ts';
import type { Context } from '../context.ts';
import type { Tx } from '../database/world.ts';
import { keyOf, nameOf, type Named } from './keys.ts';
import { COUNTS } from './cells.ts';
import { ensureSlot, isTurn, slotAt, slotsAround } from './slots.ts';

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

/** A name whose event is looked for. */
type Asked = { name: string };

/** The events that have the first keys of some names, as seen from a slot; the keys are in the order of the names. */
export type Looked = { slot: number; keys: readonly bigint[]; stored: ReadonlyMap<bigint, StoredEvent> };

/** `keyFor` chooses other keys, so that a test can let two names have one. */
export async function lookFor(ctx: Context, asked: readonly Asked[], keyFor: (name: string, attempt: number) => bigint = keyOf): Promise<Looked> {
  const now = ctx.app.clock.now();
  const slot = slotAt(now);
  const slots = await ensureSlot(ctx.app, slot);
  // Of two processes at the turn of a slot, each would look for the other's event in the wrong one; there, one after the other.
  if (isTurn(now)) later(ctx.tx, sql`select pg_advisory_xact_lock(hashtextextended('meter events', kontor_world()))`);
  const keys = asked.map(({ name }) => keyFor(name, 0));
  return { slot, keys, stored: await storedEvents(ctx.tx, slotsAround(slots, slot), keys) };
}

/** Where the event of a name is kept, or will be; `claimed` is by which of those that are recorded now. */
type Place = { readonly name: string; readonly key: bigint; readonly stored: StoredEvent | null; claimed: UsageEvent | null };

/** The place of each of the names that were looked for: one place for a name that comes again. Its key is the first of the name's keys that no other name has. */
export async function placesOf(ctx: Context, asked: readonly Asked[], looked: Looked, keyFor: (name: string, attempt: number) => bigint = keyOf): Promise<Place[]> {
  const places: Place[] = [];
  const taken = new Map<bigint, Place>();
  let { keys, stored } = looked;
  for (let attempt = 1, open = [...asked.keys()]; ; attempt += 1) {
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
    if (open.length === 0) return places;
    keys = open.map((at) => keyFor(asked[at]!.name, attempt));
    stored = await storedEvents(ctx.tx, slotsAround(await ensureSlot(ctx.app, looked.slot), looked.slot), keys);
  }
}

/** The event of each name, in their order; null where there is none. */
export async function eventsByName(ctx: Context, names: readonly Named[]): Promise<(StoredEvent | null)[]> {
  const all = names.map((each) => ({ name: nameOf(each) }));
  return (await placesOf(ctx, all, await lookFor(ctx, all))).map(({ stored }) => stored);
}

/** The meters of events, in any order. */
export async function metersOf(tx: Tx, ids: readonly string[]): Promise<MeterRow[]> {
  return ids.length === 0 ? [] : rows<MeterRow>(tx, sql`select * from meters where id = any(${[...new Set(ids)]}::text[])`);
}
