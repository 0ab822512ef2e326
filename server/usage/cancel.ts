/** Events that are taken back, and put back: the events stay as they are, and their hours are counted again. */
import { refuse, type Instant } from '../../billing/decision.ts';
import { refuseCount, refuseUncancelable } from '../../billing/usage.ts';
import { momentOn, type Context } from '../context.ts';
import { arrayText, row, rows, sql } from '../database/sql.ts';
import type { Tx } from '../database/world.ts';
import { eventsByName, eventsOf, type StoredEvent } from './events.ts';
import { countAgain } from './hours.ts';
import { takeNumbers } from './keys.ts';
import { tellOfUsage } from './tell.ts';

/** The latest event of a name with an identifier: a name may have had several meters, one after the other, and none. */
export async function latestEvent(ctx: Context, event_name: string, identifier: string): Promise<StoredEvent | undefined> {
  const meters = await rows<{ id: string }>(ctx.tx, sql`select id from meters where event_name = ${event_name}`);
  const found = await eventsByName(ctx, [...meters.map(({ id }) => ({ meter: id, event_name, identifier })), { meter: null, event_name, identifier }]);
  return found.filter((each) => each !== null).sort((a, b) => (a.number < b.number ? 1 : -1))[0];
}

/**
 * Takes events back. Each that is in force stops to count; of two who take the same event back at once, one waits and then takes nothing. Returns those that were in force.
 * `correction` names what took them back, null for an adjustment.
 */
export async function cancelEvents(ctx: Context, events: readonly StoredEvent[], at: Instant, correction: string | null): Promise<StoredEvent[]> {
  if (events.length === 0) return [];
  const sorted = [...events].sort((a, b) => (a.key < b.key ? -1 : 1));
  const done = await rows<{ key: bigint }>(
    ctx.tx,
    sql`insert into meter_event_cancellations (id, slot, key, canceled_at, number, correction)
        select id, slot, key, to_timestamp(${at}::bigint), ${takeNumbers(ctx.app.clock, 1)}::bigint, ${correction}
        from unnest(${arrayText(sorted.map(() => ctx.app.clock.newId('mtrec')))}::text[], ${arrayText(sorted.map((each) => each.slot))}::integer[], ${arrayText(sorted.map((each) => each.key))}::bigint[]) as r (id, slot, key)
        on conflict do nothing returning key`,
  );
  const keys = new Set(done.map(({ key }) => key));
  const canceled = sorted.filter(({ key }) => keys.has(key));
  await countAgain(ctx.tx, canceled, 'taken');
  await tellOfUsage(ctx, { recorded: [], canceled, restored: [] });
  return canceled;
}

/** The events that a correction has taken back, and which are not put back yet. */
export async function canceledBy(tx: Tx, correction: string): Promise<StoredEvent[]> {
  return eventsOf(tx, sql`from meter_event_cancellations k join meter_events e on e.slot = k.slot and e.key = k.key where k.correction = ${correction} and k.reverted_at is null order by e.key`);
}

/** Puts back what a correction has taken back. */
export async function restoreEvents(ctx: Context, correction: string, at: Instant): Promise<StoredEvent[]> {
  const restored = await canceledBy(ctx.tx, correction);
  if (restored.length === 0) return [];
  await row(ctx.tx, sql`update meter_event_cancellations set reverted_at = to_timestamp(${at}::bigint), reverted_number = ${takeNumbers(ctx.app.clock, 1)}::bigint where correction = ${correction} and reverted_at is null`);
  await countAgain(ctx.tx, restored, 'added');
  await tellOfUsage(ctx, { recorded: [], canceled: [], restored });
  return restored;
}

/** Takes an event back by its name and identifier, within 24 hours after it was received. Returns the adjustment's id and moment. */
export async function cancelByIdentifier(ctx: Context, event_name: string, identifier: string): Promise<{ id: string; at: Instant }> {
  const event = await latestEvent(ctx, event_name, identifier);
  if (!event) return refuse('resource_missing', `No event named ${event_name} has the identifier ${identifier}.`, 'cancel[identifier]', { status: 400 });
  const customer = await row<{ test_clock: string | null }>(ctx.tx, sql`select test_clock from customers where id = ${event.customer}`);
  const moment = await momentOn(ctx, customer?.test_clock ?? null);
  refuseCount(event, 'cancel[identifier]');
  refuseUncancelable(event, event.canceled, moment);
  // Somebody may have been faster.
  if ((await cancelEvents(ctx, [event], moment.now, null)).length === 0) refuseUncancelable(event, true, moment);
  return { id: ctx.app.clock.newId('mtrea'), at: moment.now };
}
