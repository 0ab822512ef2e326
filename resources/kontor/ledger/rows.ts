import type { Instant } from '../../../billing/decision.ts';
import type { LedgerAccount, PostedAccount } from '../../../billing/ledger/accounts.ts';
import { row, rows, sql, type Sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';

export type EntryRow = {
  id: string; transaction: string; ledger_account: PostedAccount; currency: string; amount: bigint; document: string; customer: string | null; at: Instant;
  line: string | null; period_start: Instant | null; period_end: Instant | null; processor: string | null; position: bigint;
};

/** Debits and credits of an account, both above zero. */
export type SumRow = { ledger_account: LedgerAccount; processor: string | null; currency: string; debit: bigint; credit: bigint };

/** The end of the last day on which something was posted, or of this second where that is later: all that is in the ledger is before it, and revenue is earned until then. */
export async function present(tx: Tx, now: Instant): Promise<Instant> {
  const found = await row<{ end: Instant | null }>(
    tx,
    sql`select greatest((select max(day) + interval '1 day' from ledger_days), (select max(at) + interval '1 second' from ledger_entries where world = kontor_world() and position >= coalesce((select max(upto) from ledger_seals), 0))) as end`,
  );
  return Math.max(now + 1, found?.end ?? 0);
}

/**
 * What each account has come to before a moment: whole days from the sums that sealing keeps, the rest from the entries. Revenue whose period goes on is split into what is earned and what is
 * deferred.
 */
export function sumsBefore(tx: Tx, moment: Instant): Promise<SumRow[]> {
  const at = sql`to_timestamp(${moment}::bigint)`;
  return rows<SumRow>(
    tx,
    sql`with sealed as (select coalesce((select max(upto) from ledger_seals), 0) as upto),
      legs as (
        select ledger_account, processor, currency, debit, credit from ledger_days where day < date_trunc('day', ${at}, 'UTC')
        union all
        select ledger_account, coalesce(processor, ''), currency, greatest(amount, 0), greatest(-amount, 0) from ledger_entries, sealed where world = kontor_world() and position < upto and at >= date_trunc('day', ${at}, 'UTC') and at < ${at}
        union all
        select ledger_account, coalesce(processor, ''), currency, greatest(amount, 0), greatest(-amount, 0) from ledger_entries, sealed where world = kontor_world() and position >= upto and at < ${at}),
      deferred as (
        select currency, sum(amount)::bigint - ledger_earned(sum(amount)::bigint, period_start, period_end, ${at}) as amount from ledger_entries where world = kontor_world() and period_end > ${at} and at < ${at} group by currency, line, period_start, period_end)
      select ledger_account, nullif(processor, '') as processor, currency, sum(debit)::bigint as debit, sum(credit)::bigint as credit from (
        select * from legs
        union all select 'revenue', '', currency, -greatest(amount, 0), -greatest(-amount, 0) from deferred
        union all select 'deferred_revenue', '', currency, greatest(amount, 0), greatest(-amount, 0) from deferred) s
      group by 1, 2, 3 having sum(debit) <> 0 or sum(credit) <> 0 order by currency, ledger_account, processor nulls first`,
  );
}

/** A line of the journal: an entry, or what of earlier ones was earned on the day. */
export type JournalRow = Omit<SumRow, 'currency'> & { transaction: string; document: string; customer: string | null; line: string | null; at: Instant };

/** All that is in the books of a day: what was posted, revenue with a period as deferred, and what of deferred revenue was earned. */
export function journalOf(tx: Tx, day: Instant, currency: string): Promise<JournalRow[]> {
  const [start, end]: Sql[] = [sql`to_timestamp(${day}::bigint)`, sql`to_timestamp(${day + 86_400}::bigint)`];
  return rows<JournalRow>(
    tx,
    sql`with posted as (
        select transaction, case when period_end is null then ledger_account else 'deferred_revenue' end as ledger_account, processor, amount, document, customer, line, at from ledger_entries where world = kontor_world() and at >= ${start} and at < ${end} and currency = ${currency}),
      earned as (
        select 'earned:' || to_char(${start} at time zone 'UTC', 'YYYY-MM-DD') as transaction, document, customer, line, ${end} - interval '1 second' as at,
          ledger_earned(sum(amount)::bigint, period_start, period_end, ${end}) - ledger_earned(coalesce(sum(amount) filter (where at < ${start}), 0)::bigint, period_start, period_end, ${start}) as amount
        from ledger_entries where world = kontor_world() and period_end > ${start} and at < ${end} and currency = ${currency} group by document, customer, line, period_start, period_end),
      legs as (
        select * from posted
        union all select transaction, 'revenue', null, amount, document, customer, line, at from earned
        union all select transaction, 'deferred_revenue', null, -amount, document, customer, line, at from earned)
      select transaction, ledger_account, processor, greatest(amount, 0) as debit, greatest(-amount, 0) as credit, document, customer, line, at from legs where amount <> 0
      order by at, transaction, ledger_account, line nulls first, amount`,
  );
}

/** All legs of the transactions about a document: those in which it is named, and those that are named after it. */
export function entriesOfDocument(tx: Tx, document: string): Promise<EntryRow[]> {
  return rows<EntryRow>(
    tx,
    sql`with named as (
        select distinct transaction from ledger_entries where world = kontor_world() and (document = ${document} or (id >= ${`${document}:`} and id < ${`${document};`}) or (id >= ${`${document}/`} and id < ${`${document}0`})))
      select e.* from named n join lateral (select * from ledger_entries l where l.world = kontor_world() and l.id >= n.transaction || '/' and l.id < n.transaction || '0') e on true order by position, transaction, id`,
  );
}
