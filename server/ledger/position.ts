/** The order of commits goes on where it was when a database is restored into another cluster, whose transactions are numbered anew. */
import type { ClientBase } from 'pg';

/** Moves `ledger_position` past all that is posted and sealed, where the numbers of new transactions are not past it already. The owner of the tables asks, before anybody posts. */
export async function keepAhead(owner: ClientBase): Promise<void> {
  const { rows: [known] } = await owner.query<{ exists: boolean }>(`select to_regclass('public.ledger_seals') is not null as exists`);
  if (!known!.exists) return;
  await owner.query(`begin; set local kontor.world = '0'`);
  try {
    const { rows: [found] } = await owner.query<{ behind: bigint | null; shift: bigint }>(`
      select max(greatest(upto, position + 1)) - ledger_position(pg_current_xact_id()) as behind, ledger_position(pg_current_xact_id()) - pg_current_xact_id()::text::bigint as shift
      from (select (select s.upto from ledger_seals s where s.world = w.id order by s.number desc limit 1) as upto, (select e.position from ledger_entries e where e.world = w.id order by e.position desc, e.id desc limit 1) as position from worlds w) reached`);
    const [behind, shift] = [BigInt(found!.behind ?? 0), BigInt(found!.shift)];
    if (behind > 0n) await owner.query(`create or replace function ledger_position(transaction xid8) returns bigint language sql immutable parallel safe return transaction::text::bigint + ${shift + behind}`);
    await owner.query('commit');
  } catch (error) {
    await owner.query('rollback').catch(() => undefined);
    throw error;
  }
}
