import { sql, row } from './sql.ts';
import type { Tx } from './world.ts';

/**
 * Holds a name that is to be unique in the world, e.g. a lookup key, until the transaction ends. Whoever looks whether a name is free holds it first, so that of two who want it at the same
 * moment the second one sees the first one's row and is refused in words.
 */
export async function holdName(tx: Tx, kind: string, name: string): Promise<void> {
  await row(tx, sql`select pg_advisory_xact_lock(hashtextextended(${`${kind} ${name}`}, kontor_world()))`);
}
