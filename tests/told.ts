/** What was told: the events in the database, for tests that say exactly which ones there are. */
import { rows, sql } from '../server/database/sql.ts';
import { inWorld } from '../server/database/world.ts';
import type { Kontor } from './kontor.ts';

export type Told = { type: string; id: string | null; previous: Record<string, unknown> | null; data: Record<string, unknown> };

/** Returns the events since the last call, oldest first. */
export function listen(kontor: Kontor): () => Promise<Told[]> {
  let seen = '';
  return async () => {
    const found = await inWorld(kontor.database.pool, kontor.world, (tx) =>
      rows<Told & { event: string }>(tx, sql`select id as event, type, object_id as id, previous_attributes as previous, data from events where id > ${seen} order by events.id`));
    seen = found.at(-1)?.event ?? seen;
    return found.map(({ type, id, previous, data }) => ({ type, id, previous, data }));
  };
}

/** Only the types. */
export const typesOf = (told: readonly Told[]): string[] => told.map((event) => event.type);
