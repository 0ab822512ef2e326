import type { Context } from '../../server/context.ts';
import { row, rows, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';

export type FileRow = { id: string; created: number; purpose: 'dispute_evidence'; filename: string; type: FileType; size: bigint };

/** What is taken, by how it begins; the types by their names in the API. */
const BEGINNINGS = { pdf: '255044462d', png: '89504e470d0a1a0a', jpg: 'ffd8ff' } as const;
type FileType = keyof typeof BEGINNINGS;
export const MEDIA_TYPES: Record<FileType, string> = { pdf: 'application/pdf', png: 'image/png', jpg: 'image/jpeg' };

/** What a file is by what is in it; null where it is none of these. */
export function typeOf(bytes: Buffer): FileType | null {
  const found = Object.entries(BEGINNINGS).find(([, beginning]) => bytes.subarray(0, beginning.length / 2).toString('hex') === beginning);
  return found ? (found[0] as FileType) : null;
}

/** A file with where its contents are. */
export type FileWhole = FileRow & { url: string };

export const placed = (ctx: Context, file: FileRow): FileWhole => ({ ...file, url: `${ctx.app.url}/v1/files/${file.id}/contents` });

export function filesById(tx: Tx, ids: readonly string[]): Promise<FileRow[]> {
  return rows<FileRow>(tx, sql`select * from files where id = any(${ids}::text[])`);
}

/** A file with what is in it. */
export async function fileWithContents(tx: Tx, id: string): Promise<(FileRow & { bytes: Buffer }) | undefined> {
  return row<FileRow & { bytes: Buffer }>(tx, sql`select f.*, c.bytes from files f join file_contents c on c.id = f.id where f.id = ${id}`);
}
