import type { Metadata } from '../../billing/catalog.ts';
import type { App, Context, World } from '../../server/context.ts';
import { row, rowsById, sql } from '../../server/database/sql.ts';
import { overAllWorlds, type Tx } from '../../server/database/world.ts';

export type FileLinkRow = {
  id: string;
  created: number;
  file: string;
  /** What only whoever was given the address knows. */
  secret: string;
  /** From then on it shows nothing any more; null is never. */
  expires_at: number | null;
  metadata: Metadata;
};

/** A link with its address, and whether its time is over. */
export type FileLinkWhole = FileLinkRow & { url: string; expired: boolean };

export const hasExpired = ({ expires_at }: Pick<FileLinkRow, 'expires_at'>, now: number): boolean => expires_at !== null && expires_at <= now;

export const placed = ({ app }: Pick<Context, 'app'>, link: FileLinkRow): FileLinkWhole => ({ ...link, url: `${app.url}/links/${link.id}/${link.secret}`, expired: hasExpired(link, app.clock.now()) });

/** Links, `lock`ed until the transaction ends where that is asked for. */
export function fileLinksById(tx: Tx, ids: readonly string[], lock = false): Promise<FileLinkRow[]> {
  return rowsById<FileLinkRow>(tx, 'file_links', ids, lock);
}

/** The world of a link that an address names; null where there is none. */
export async function worldOfLink(app: App, id: string): Promise<World | null> {
  return (await overAllWorlds(app.database.pool, (tx) => row<World>(tx, sql`select w.id, w.account, w.livemode from file_links l join worlds w on w.id = l.world where l.id = ${id}`))) ?? null;
}
