/** Usage that was acknowledged and that nobody can count any more is put on record, where `kontor verify` finds it. */
import type { App } from '../../context.ts';
import { row, sql } from '../../database/sql.ts';
import type { Queryable } from '../../database/world.ts';

/** The messages of a stream in the half-open `[since, upto)`; null where nobody knows how many there were. */
type Loss = { partition: number; stream: string; since: number; upto: number | null };

export async function recordLoss(app: App, tx: Queryable, { partition, stream, since, upto }: Loss): Promise<void> {
  await row(tx, sql`insert into usage_losses (partition, stream, since, upto, found_at) values (${partition}, ${stream}, ${since}, ${upto}, to_timestamp(${app.clock.now()}::bigint)) on conflict do nothing`);
}
