/** Forgets what is kept for a time only. */
import type { Instant } from '../billing/decision.ts';
import { firstId } from './clock.ts';
import type { App } from './context.ts';
import { raw, rows, sql, type Sql } from './database/sql.ts';
import { inWorld, worldsWith } from './database/world.ts';
import { KEY_LIFETIME_S } from './http/idempotency.ts';
import { VISIBLE_S } from './webhooks/deliver.ts';

/** So many at once, so that what has gathered while nobody pruned is not too much for one statement. */
const PORTION = 10_000;

/** What goes with time, and which rows `k` are past theirs. Events stay, since invoices are explained by them; thin ones, which nobody can read any more, go with their deliveries. */
const PAST: Record<string, (now: Instant) => Sql> = {
  idempotency_keys: (now) => sql`k.created <= to_timestamp(${now - KEY_LIFETIME_S}::bigint)`,
  thin_events: (now) => sql`k.id < ${firstId('evt', now - VISIBLE_S)}`,
};

/** Deletes what is past its time. Returns whether there is more. */
export async function prune(app: App): Promise<boolean> {
  const now = app.clock.now();
  let more = false;
  for (const [name, past] of Object.entries(PAST)) {
    const [table, old] = [raw(name), past(now)];
    const worlds = await worldsWith(app.database.pool, sql`${table} k where k.world = w.id and ${old}`);
    const portion = sql`delete from ${table} d using (select k.ctid from ${table} k where k.world = kontor_world() and ${old} limit ${PORTION} for update skip locked) old where d.ctid = old.ctid returning 1`;
    for (const world of worlds) more = (await inWorld(app.database.pool, world, (tx) => rows(tx, portion))).length === PORTION || more;
  }
  return more;
}
