/**
 * Usage events are kept in slots of receipt, a partition of `meter_events` each: made ahead, and dropped as a whole when every event in them is older than `KONTOR_USAGE_DAYS`, once they are in the
 * archive where there is one. What they added up to by the hour stays. Slots go by the real time of receipt, also where a customer lives on a test clock.
 */
import type { PoolClient } from 'pg';
import type { App } from '../context.ts';
import { told } from '../log.ts';
import { archiveSlot } from './archive.ts';

/** Slots of receipt are this long: 13 weeks. Slot 0 begins in 1970. */
export const SLOT_S = 91 * 86_400;
/** An identifier is looked for in so many slots before the present one: 455 days, which is a year and 35 days and more, as long as the events are kept. */
const SLOTS = 5;
export const USAGE_DAYS = (SLOTS * SLOT_S) / 86_400;
/** So near to the turn of a slot, processes may not agree which slot it is. */
const TURN_S = 600;

export const slotAt = (seconds: number): number => Math.floor(seconds / SLOT_S);

/** Whether a slot begins or has begun just now. */
export const isTurn = (seconds: number): boolean => slotAt(seconds - TURN_S) !== slotAt(seconds + TURN_S);

const known = new WeakMap<App['database'], Set<number>>();

/**
 * Makes the slot where it is not there yet; it is there when this returns, whatever becomes of the caller's transaction. Returns the slots that there are, in which an identifier is looked for: also
 * the next one, which is another process's already where its clock is ahead.
 */
export async function ensureSlot(app: App, slot: number): Promise<ReadonlySet<number>> {
  const slots = known.get(app.database);
  if (slots?.has(slot)) return slots;
  await app.database.pool.query('select make_meter_event_slot($1)', [slot]);
  return readSlots(app);
}

async function readSlots(app: App): Promise<ReadonlySet<number>> {
  const { rows } = await app.database.pool.query<{ slot: number }>(`select substring(inhrelid::regclass::text from '[0-9]+$')::integer as slot from pg_inherits where inhparent = 'meter_events'::regclass`);
  const slots = new Set(rows.map(({ slot }) => slot));
  known.set(app.database, slots);
  return slots;
}

/** Those of the slots that may hold an identifier which comes again in this one. */
export const slotsAround = (slots: ReadonlySet<number>, slot: number): number[] => [...slots].filter((each) => each >= slot - SLOTS && each <= slot + 1);

/** A slot is made this long before it begins. */
const AHEAD_S = 30 * 86_400;

/** Makes the slots of now and of the time to come, and drops those that are past their time. Where somebody reads a slot that is to be dropped, the next round does it: there is never more to do at once. */
export async function turnSlots(app: App): Promise<false> {
  const now = app.clock.now();
  for (const at of [now, now + AHEAD_S]) await ensureSlot(app, slotAt(at));
  const until = slotAt(now - app.usage_days * 86_400);
  const old = [...(await readSlots(app))].filter((slot) => slot < until).sort((a, b) => a - b);
  if (old.length === 0) return false;
  const client = await app.database.pool.connect();
  try {
    // One process at a time: two would write the same file.
    const { rows: [alone] } = await client.query<{ locked: boolean }>(`select pg_try_advisory_lock(hashtext('kontor.usage_archive')) as locked`);
    for (const slot of alone!.locked ? old : []) await endSlot(app, client, slot);
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    app.log.warn(`Usage events past their time could not be ${app.usage_archive === null ? '' : 'archived and '}dropped. They are kept, and it is tried again.`, told(error));
  } finally {
    // What holds the lock is the connection.
    await client.query('select pg_advisory_unlock_all()').then(() => client.release(), (error: Error) => client.release(error));
  }
  return false;
}

/** Drops a slot and any that are older, once it is in the archive. */
async function endSlot(app: App, client: PoolClient, slot: number): Promise<void> {
  const archived = app.usage_archive === null ? null : await archiveSlot(app, slot, app.usage_archive);
  await client.query(`begin; set local lock_timeout = '2s'`);
  await client.query('select drop_meter_event_slots($1)', [slot + 1]);
  await client.query('commit');
  app.log.info('Usage events past their time were dropped.', { slot, until: new Date((slot + 1) * SLOT_S * 1_000).toISOString(), ...(archived && { events: archived.events, archive: archived.file }) });
}
