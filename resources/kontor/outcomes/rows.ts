import type { Instant } from '../../../billing/decision.ts';
import type { Subject } from '../../../billing/outcome/observe.ts';
import type { OutcomeRow } from '../../../billing/outcome/outcome.ts';
import { instants } from '../../../server/database/arrays.ts';
import { arrayText, raw, row, rows, rowsById, sql, type Sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';
import { seriesOf } from '../../../server/usage/keys.ts';
import { interim } from '../invoice_corrections/rows.ts';

export async function outcomesById(tx: Tx, ids: readonly string[], lock = false): Promise<OutcomeRow[]> {
  return rowsById<OutcomeRow>(tx, 'outcomes', ids, lock);
}

/** Those of some outcomes that nobody is changing right now, locked. */
export async function idleOutcomes(tx: Tx, ids: readonly string[]): Promise<OutcomeRow[]> {
  return rows<OutcomeRow>(tx, sql`select * from outcomes where id = any(${ids}::text[]) order by id for update skip locked`);
}

/** What names a subject. */
export const subjectKey = ({ definition, customer, subject }: Omit<Subject, 'test_clock'>): string => `${subject}\x1f${definition}\x1f${customer}`;

/** The outcomes of subjects, locked, by their keys; those that have none are left out. Who writes a receipt of one in the lane of its customer does not wait for this lock, as whoever has it may come to wait for that lane. */
export async function lockSubjects(tx: Tx, subjects: readonly Omit<Subject, 'test_clock'>[]): Promise<Map<string, OutcomeRow>> {
  if (subjects.length === 0) return new Map();
  const found = await rows<OutcomeRow>(
    tx,
    sql`select o.* from outcomes o
        join unnest(${arrayText(subjects.map((each) => each.definition))}::text[], ${arrayText(subjects.map((each) => each.customer), true)}::text[], ${arrayText(subjects.map((each) => each.subject), true)}::text[]) as s (definition, customer, subject)
          on o.definition = s.definition and o.customer = s.customer and o.subject = s.subject
        order by o.subject, o.definition, o.customer for no key update of o`,
  );
  return new Map(found.map((each) => [subjectKey(each), each]));
}

/** Customers that are there, with the test clocks on which they live and what time it is there. They stay until the transaction ends: only with its clock does a customer go, and the clocks are held. */
export async function clocksOf(tx: Tx, customers: readonly string[], now: Instant): Promise<Map<string, { test_clock: string | null; now: Instant }>> {
  const ids = sql`any(${arrayText([...customers], true)}::text[])`;
  const found = await rows<{ id: string; test_clock: string | null; frozen_time: Instant | null }>(
    tx,
    sql`with held as (select id, frozen_time from test_clocks where id in (select test_clock from customers where id = ${ids}) order by id for key share)
        select c.id, c.test_clock, h.frozen_time from customers c left join held h on h.id = c.test_clock where c.id = ${ids} and not c.deleted and (c.test_clock is null or h.id is not null)`,
  );
  return new Map(found.map(({ id, test_clock, frozen_time }) => [id, { test_clock, now: frozen_time ?? now }]));
}

/** The customers of these that are there. */
export async function livingCustomers(tx: Tx, customers: readonly string[]): Promise<Set<string>> {
  return new Set((await rows<{ id: string }>(tx, sql`select id from customers where id = any(${[...new Set(customers)]}::text[]) and not deleted`)).map(({ id }) => id));
}

/** The successes that a customer will have if nothing else happens, open and due, by the meter that will count them. Caps count them as if they were reserved. */
export async function provisionalOf(tx: Tx, customer: string): Promise<{ meter: string; quantity: string }[]> {
  return rows(tx, sql`select provisional_meter as meter, count(*)::text as quantity from outcomes where customer = ${customer} and provisional_meter is not null group by 1 order by 1`);
}

/** A customer's usage of a meter in the half-open `[start, end)`; `key` names the answer. */
type Stretch = { key: string; meter: string; customer: string; start: Instant; end: Instant };

/** The outcomes that are counted on meters in stretches of time, by key, the earliest first; in one query however many are asked. */
export async function countedIn(tx: Tx, asked: readonly Stretch[]): Promise<Map<string, OutcomeRow[]>> {
  if (asked.length === 0) return new Map();
  const found = await rows<OutcomeRow & { key: string }>(
    tx,
    sql`select a.key, o.* from unnest(${arrayText(asked.map((each) => each.key))}::text[], ${arrayText(asked.map((each) => each.meter))}::text[], ${arrayText(asked.map((each) => each.customer), true)}::text[],
          ${instants(asked.map((each) => each.start))}::timestamptz[], ${instants(asked.map((each) => each.end))}::timestamptz[]) as a (key, meter, customer, start, past)
        join outcomes o on o.meter = a.meter and o.customer = a.customer and o.counted_at >= a.start and o.counted_at < a.past order by o.counted_at, o.id`,
  );
  return Map.groupBy(found, (each) => each.key);
}

/** Whether an outcome stands on a finalised invoice: its customer's usage of the meter in its moment was billed. */
export async function isBilled(tx: Tx, { customer, meter, counted_at }: OutcomeRow): Promise<boolean> {
  if (meter === null) return false;
  const found = await rows(
    tx,
    sql`select 1 from invoices i join invoice_lines l on l.invoice = i.id
        where i.customer = ${customer} and i.finalized_at is not null and i.status <> 'void' and l.metering ->> 'meter' = ${meter} and l.period_start <= to_timestamp(${counted_at}::bigint) and l.period_end > to_timestamp(${counted_at}::bigint) limit 1`,
  );
  return found.length > 0;
}

/** A page of a definition's subjects that began at a moment or later, in the order of their ids, and locked in the order in which all lock them. */
export async function begunSince(tx: Tx, definition: string, since: Instant, after: string, limit: number): Promise<OutcomeRow[]> {
  const page = await rows<OutcomeRow>(tx, sql`select * from outcomes where definition = ${definition} and began_at >= to_timestamp(${since}::bigint) and id > ${after} order by id limit ${limit}`);
  const locked = await lockSubjects(tx, page);
  return page.map((each) => locked.get(subjectKey(each))!);
}

/**
 * The line that billed usage, with its meter, null where it bills none. `changed`: where it bills what came to be known in a time, and not the whole of its period, from when until when. So does a line that puts another one
 * right, which is that one then: since the last correction that reached the customer; and one of a period that a threshold billed in its middle: since the last of those.
 */
type BilledLine = { id: string; customer: string; meter: string | null; period_start: Instant; period_end: Instant; changed: { since: Instant; until: Instant } | null };

/** Later than anything that is known. */
const NOT_YET = raw('to_timestamp(99999999999)');

export async function billedLine(tx: Tx, invoice: string, line: string): Promise<BilledLine | undefined> {
  const found = await row<Omit<BilledLine, 'changed'> & { since: Instant | null; until: Instant | null }>(
    tx,
    sql`select b.id, i.customer, b.metering ->> 'meter' as meter, b.period_start, b.period_end, case when own.until is not null then own.until when early.is_early then coalesce(i.finalized_at, ${NOT_YET}) end as until,
          case when own.until is null then coalesce(early.since, to_timestamp(0)) else coalesce((
            select max(c.created) + interval '1 second' from invoice_corrections c left join invoice_items t on t.id = c.invoice_item left join invoices v on v.id = t.invoice left join credit_notes n on n.id = c.credit_note
            where c.line = b.id and c.created < own.first and ((t.id is not null and v.status is distinct from 'void') or n.status = 'issued')), i.finalized_at) end as since
        from invoice_lines l join invoice_lines b on b.id = coalesce(l.correction ->> 'line', l.id) join invoices i on i.id = b.invoice
        cross join lateral (select min(c.created) as first, max(c.created) as until from invoice_corrections c where c.line = b.id and l.correction is not null and c.invoice_item = l.invoice_item) own
        cross join lateral (
          select max(e.finalized_at) filter (where e.id <> i.id) + interval '1 second' as since, count(*) > 0 as is_early from invoice_lines el join invoices e on e.id = el.invoice
          where el.subscription_item = b.subscription_item and el.period_start = b.period_start and ${interim('e', 'el')} and (e.id = i.id or e.finalized_at < coalesce(i.finalized_at, ${NOT_YET}))) early
        where l.invoice = ${invoice} and l.id = ${line}`,
  );
  return found && { ...found, changed: found.until === null ? null : { since: found.since!, until: found.until } };
}

/** The outcomes, as a query, that a line billed: those that are counted in its period, and those on its receipts. Where it bills a change, those that were put on the meter or taken off in that time; as long as the events are kept that did so. */
export function outcomesOfLine(world: number, { id, customer, meter, period_start, period_end, changed }: BilledLine): Sql {
  if (changed === null || meter === null) {
    const counting = meter === null ? sql`` : sql` union select id from outcomes where meter = ${meter} and customer = ${customer} and counted_at >= to_timestamp(${period_start}::bigint) and counted_at < to_timestamp(${period_end}::bigint)`;
    return sql`select r.outcome from outcome_receipts r where r.line = ${id}${counting}`;
  }
  return sql`select split_part(e.identifier, ':', 1) from meter_events e
    where e.series = ${seriesOf(world, meter, '', customer)} and e.timestamp >= to_timestamp(${period_start}::bigint) and e.timestamp < to_timestamp(${period_end}::bigint)
      and e.created >= to_timestamp(${changed.since}::bigint) and e.created <= to_timestamp(${changed.until}::bigint) group by 1 having sum(e.value) <> 0`;
}

/** The receipts of outcomes on a line: the latest that bills it, and whether it was taken back after that. */
export async function receiptsOfLine(tx: Tx, line: string, outcomes: readonly string[]): Promise<Map<string, { billed: string; taken_back: boolean }>> {
  const found = await rows<{ outcome: string; billed: string; taken_back: boolean }>(
    tx,
    sql`select outcome, (array_agg(id order by sequence desc) filter (where kind = 'billed'))[1] as billed, (array_agg(kind order by sequence desc))[1] = 'taken_back' as taken_back
        from outcome_receipts where line = ${line} and outcome = any(${outcomes}::text[]) group by outcome`,
  );
  return new Map(found.map(({ outcome, ...each }) => [outcome, each]));
}
