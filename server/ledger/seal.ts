/**
 * Seals what has been posted. A seal is a hash of all entries between two positions in the order of commits, chained to the one before it and signed with the installation's secret, which is not in
 * the database: whoever changes, adds or takes away a sealed entry, with whatever rights there, cannot make the seal fit.
 *
 * Posting never waits for sealing. A position is the number of the transaction that posted, and a seal ends before the oldest transaction that is still running, so that nothing can be added
 * to what is sealed, in whatever order transactions commit.
 */
import { createHash } from 'node:crypto';
import type { App, World } from '../context.ts';
import { inWorld, worldsWith, type Tx } from '../database/world.ts';
import { row, rows, sql } from '../database/sql.ts';

export type SealRow = { number: bigint; since: bigint; upto: bigint; entries: bigint; digest: Buffer; hash: Buffer; signature: string; sealed_at: number };

/** A seal is on so many entries, or on those of one transaction where these are more. */
const MOST = 50_000;

/** The hash of a seal: that of the one before it (none for the first), its number and range, and what is in it. */
export function sealHash(previous: Buffer | null, seal: Pick<SealRow, 'number' | 'since' | 'upto' | 'entries' | 'digest'>): Buffer {
  return createHash('sha256').update(previous ?? '').update(`${seal.number} ${seal.since} ${seal.upto} ${seal.entries}\n`).update(seal.digest).digest();
}

/** What is signed. */
export const sealText = (world: Pick<World, 'id'>, seal: Pick<SealRow, 'number' | 'hash'>): string => `ledger seal ${world.id} ${seal.number} ${seal.hash.toString('hex')}`;

/** Seals up to `MOST` entries of a world, and adds them to the sums of their days. Returns how many there were. */
async function sealOnce(app: App, world: World): Promise<number> {
  return inWorld(app.database.pool, world, async (tx) => {
    await row(tx, sql`select pg_advisory_xact_lock(hashtext('kontor.ledger_seals'), ${world.id}::integer)`);
    const last = (await row<SealRow>(tx, sql`select * from ledger_seals where world = kontor_world() order by number desc limit 1`)) ?? null;
    const since = last?.upto ?? 0n;
    const oldest = (await row<{ position: bigint }>(tx, sql`select ledger_position(pg_snapshot_xmin(pg_current_snapshot())) as position`))!.position;
    const upto = await endOf(tx, since, oldest);
    if (upto === null) return 0;
    const { entries, digest } = (await row<{ entries: bigint; digest: Buffer }>(
      tx,
      sql`select count(*) as entries, sha256(string_agg(ledger_digest(e), ''::bytea order by position, id)) as digest from ledger_entries e where world = kontor_world() and position >= ${since} and position < ${upto}`,
    ))!;
    const seal = { number: (last?.number ?? 0n) + 1n, since, upto, entries, digest };
    const hash = sealHash(last?.hash ?? null, seal);
    await row(
      tx,
      sql`insert into ledger_seals (number, since, upto, entries, digest, hash, signature, sealed_at)
          values (${seal.number}, ${since}, ${upto}, ${entries}, ${digest}, ${hash}, ${app.sign(sealText(world, { number: seal.number, hash }))}, to_timestamp(${app.clock.now()}::bigint))`,
    );
    await row(tx, sql`insert into ledger_days (day, ledger_account, processor, currency, debit, credit)
      select date_trunc('day', at, 'UTC'), ledger_account, coalesce(processor, ''), currency, coalesce(sum(amount) filter (where amount > 0), 0), coalesce(-sum(amount) filter (where amount < 0), 0)
      from ledger_entries where world = kontor_world() and position >= ${since} and position < ${upto} group by 1, 2, 3, 4
      on conflict (world, day, ledger_account, processor, currency) do update set debit = ledger_days.debit + excluded.debit, credit = ledger_days.credit + excluded.credit`);
    return Number(entries);
  });
}

/** Where a seal that begins at `since` ends; null where there is nothing to seal. */
async function endOf(tx: Tx, since: bigint, oldest: bigint): Promise<bigint | null> {
  const found = await rows<{ position: bigint }>(
    tx,
    sql`(select position from ledger_entries where world = kontor_world() and position >= ${since} and position < ${oldest} order by position limit 1)
        union all (select position from ledger_entries where world = kontor_world() and position >= ${since} and position < ${oldest} order by position offset ${MOST} limit 1)`,
  );
  const [first, beyond] = found;
  if (!first) return null;
  if (!beyond) return oldest;
  return beyond.position > first.position ? beyond.position : first.position + 1n;
}

/** Seals what can be sealed in all worlds. Returns whether more is waiting. */
export async function sealLedger(app: App): Promise<boolean> {
  const unsealed = sql`ledger_entries e where e.world = w.id and e.position >= coalesce((select s.upto from ledger_seals s where s.world = w.id order by s.number desc limit 1), 0)
    and e.position < ledger_position(pg_snapshot_xmin(pg_current_snapshot()))`;
  const worlds = await worldsWith(app.database.pool, unsealed);
  let more = false;
  for (const world of worlds) if (!app.stopping) more = (await sealOnce(app, world)) >= MOST || more;
  return more;
}
