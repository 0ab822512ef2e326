/** Forgets what is kept for a time only. */
import type { App, World } from './context.ts';
import { rows, sql } from './database/sql.ts';
import { inWorld, overAllWorlds } from './database/world.ts';
import { KEY_LIFETIME_S } from './http/idempotency.ts';

/** So many at once, so that what has gathered while nobody pruned is not too much for one statement. */
const PORTION = 10_000;

/** Deletes idempotency keys that are past their time. Returns whether there are more. */
export async function prune(app: App): Promise<boolean> {
  const limit = app.clock.now() - KEY_LIFETIME_S;
  const worlds = await overAllWorlds(app.database.pool, (tx) =>
    rows<World>(tx, sql`select w.id, w.account, w.livemode from worlds w where exists (select from idempotency_keys k where k.world = w.id and k.created <= to_timestamp(${limit}::bigint))`),
  );
  const portion = sql`delete from idempotency_keys k using (select ctid from idempotency_keys where created <= to_timestamp(${limit}::bigint) limit ${PORTION} for update skip locked) old where k.ctid = old.ctid returning k.key`;
  let more = false;
  for (const world of worlds) more = (await inWorld(app.database.pool, world, (tx) => rows(tx, portion))).length === PORTION || more;
  return more;
}
