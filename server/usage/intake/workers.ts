/**
 * The workers that count what the streams hold. Each process takes its share of the partitions by leases, so that a stream is read once; that a message counts once does not rest on them. A process that
 * dies is missed when its leases run out.
 */
import type { App } from '../../context.ts';
import { arrayText, row, rows, sql } from '../../database/sql.ts';
import { inWorldsInTurn } from '../../database/world.ts';
import type { Intake } from './intake.ts';
import { PARTITIONS } from './message.ts';
import { Reader, Turns } from './read.ts';

const LEASE_S = 6;
/** How many partitions are counted at once in a process. */
const AT_ONCE = 4;
/** What was counted stays in the stream for a day at least, so that a PostgreSQL that was restored from a backup of that day takes it up again. */
const KEPT_S = 86_400;

export class IntakeWorkers {
  private readonly app: App;
  private readonly intake: Intake;
  private readonly id: string;
  private readonly readers = new Map<number, Reader>();
  private readonly turns = new Turns(AT_ONCE);
  constructor(app: App, intake: Intake) {
    this.app = app;
    this.intake = intake;
    this.id = app.clock.newId('folder');
  }

  /** Takes the partitions that are this process's share, gives up those that are not, and removes what was counted long ago. To be called again before a lease runs out. */
  async tend(): Promise<false> {
    const mine = await this.lease();
    for (const [partition, reader] of this.readers) {
      if (mine.has(partition)) continue;
      this.readers.delete(partition);
      await reader.stop();
    }
    for (const partition of mine) if (!this.readers.has(partition)) this.readers.set(partition, new Reader(this.app, this.intake, partition, this.turns));
    await this.tidy([...mine]);
    return false;
  }

  private lease(): Promise<Set<number>> {
    const now = this.app.clock.milliseconds() / 1_000;
    const [at, until] = [sql`to_timestamp(${now}::double precision)`, sql`to_timestamp(${now + LEASE_S}::double precision)`];
    return inWorldsInTurn(this.app.database.pool, async (tx) => {
      await row(tx, sql`insert into usage_folders (id, until) values (${this.id}, ${until}) on conflict (id) do update set until = excluded.until`);
      await row(tx, sql`delete from usage_folders where until < ${at}`);
      const folders = await row<{ count: bigint }>(tx, sql`select count(*) from usage_folders`);
      const share = Math.ceil(PARTITIONS / Number(folders!.count));
      const taken = await rows<{ partition: number }>(
        tx,
        sql`update usage_leases set folder = ${this.id}, until = ${until} where partition in (
              select partition from usage_leases where folder = ${this.id} or folder is null or until < ${at} order by (folder = ${this.id}) is true desc, partition limit ${share} for update skip locked) returning partition`,
      );
      const mine = taken.map(({ partition }) => partition);
      await row(tx, sql`update usage_leases set folder = null where folder = ${this.id} and partition <> all(${arrayText(mine)}::integer[])`);
      return new Set(mine);
    });
  }

  /** Once a day and partition: removes from the stream what was counted a day ago, all but the last message of it. */
  private async tidy(partitions: readonly number[]): Promise<void> {
    const now = this.app.clock.now();
    const due = await rows<{ partition: number; marked: bigint; stream: string }>(
      this.app.database.pool,
      sql`select partition, marked, stream from usage_partitions where partition = any(${arrayText(partitions)}::integer[]) and sequence > 0 and (marked_at is null or marked_at < to_timestamp(${now - KEPT_S}::bigint))`,
    );
    for (const { partition, marked } of due) {
      if (marked > 0n) await this.intake.manager.streams.purge(this.intake.stream(partition), { seq: Number(marked) });
      await row(this.app.database.pool, sql`update usage_partitions set marked = sequence, marked_at = to_timestamp(${now}::bigint) where partition = ${partition}`);
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.readers.values()].map((reader) => reader.stop()));
    await row(this.app.database.pool, sql`update usage_leases set folder = null where folder = ${this.id}`);
    await row(this.app.database.pool, sql`delete from usage_folders where id = ${this.id}`);
  }
}
