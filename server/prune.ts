/** Forgets what is kept for a time only. */
import type { App, World } from './context.ts';
import { row, rows, sql } from './database/sql.ts';
import { inWorld, overAllWorlds } from './database/world.ts';
import { KEY_LIFETIME_S } from './http/idempotency.ts';

/** Deletes the idempotency keys that are past their time. */
export async function prune(app: App): Promise<boolean> {
  const limit = app.clock.now() - KEY_LIFETIME_S;
  const worlds = await overAllWorlds(app.database.pool, (tx) =>
    rows<World>(tx, sql`select w.id, w.account, w.livemode from worlds w where exists (select from idempotency_keys k where k.world = w.id and k.created <= to_timestamp(${limit}::bigint))`),
  );
  for (const world of worlds) await inWorld(app.database.pool, world, (tx) => row(tx, sql`delete from idempotency_keys where created <= to_timestamp(${limit}::bigint)`));
  return false;
}
