/** What `kontor verify` asks of usage that was billed: that it is what the meters count by now, with what was put right since. */
import { isInterim, NOTHING } from '../../../billing/correction/correction.ts';
import type { HeldLineRow } from '../../../billing/correction/held.ts';
import type { InvoiceLineRow, InvoiceWhole } from '../../../billing/invoice/invoice.ts';
import type { Audit, Audited } from '../../../server/context.ts';
import { raw, rows, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';
import { invoicesById, recounted } from '../../invoices/rows.ts';
import { earlierOf, heldOn, interim, notedOn } from './rows.ts';

const BATCH = 250;

/** All finalized invoices that bill usage; but those that are about to be put right, and those of whose usage events have been dropped, so that the parts of hours at its edges cannot be counted any more. */
async function* countAll(tx: Tx): AsyncGenerator<Audited> {
  for (let last = ''; ; ) {
    const found = await rows<{ id: string }>(
      tx,
      sql`select distinct i.id from invoices i join invoice_lines l on l.invoice = i.id and l.metering is not null and not ${interim()}
          where i.id > ${last} and i.finalized_at is not null and i.status <> 'void' and not exists (select from timers t where t.kind = 'invoice.correct' and t.subject = i.id)
            and not exists (
              select from invoice_lines d join meter_rollups r on r.meter = d.metering ->> 'meter' and r.customer = i.customer and r.hour >= date_trunc('hour', d.period_start, 'UTC') and r.hour < d.period_end and r.first_number < meter_events_kept_from()
              where d.invoice = i.id and d.metering is not null)
          order by i.id limit ${BATCH}`,
    );
    if (found.length === 0) return;
    last = found.at(-1)!.id;
    const ids = found.map(({ id }) => id);
    const invoices = await invoicesById(tx, ids);
    const [linesOf, { earlier }, noted, held] = [await recounted(tx, invoices, 'all'), await earlierOf(tx, ids), await notedOn(tx, ids), await heldOn(tx, ids)];
    yield { looked: invoices.length, findings: invoices.flatMap((invoice) => [...unseen(invoice, linesOf(invoice), held), ...differences(invoice, linesOf(invoice), held, (line) => (noted.has(line) ? null : (earlier.get(line) ?? NOTHING).amount))]) };
  }
}

/** The lines that are not known as held, and whose usage comes to more than a line may by now; and those that are, and whose usage does not. */
function unseen(invoice: InvoiceWhole, now: readonly InvoiceLineRow[], held: ReadonlyMap<string, HeldLineRow>): Audited['findings'] {
  return now.flatMap(({ id, metering, quantity_decimal }) => {
    const comes_to = metering?.held;
    if ((comes_to !== undefined) === held.has(id)) return [];
    return [{ object: id, sentence: comes_to === undefined ? `on ${invoice.id} it is listed as held, and the ${quantity_decimal} that are counted now can be billed` : `on ${invoice.id} it comes to ${comes_to}, more than a line may come to, and is not listed as held` }];
  });
}

/** The lines that are not what their usage costs now, where nothing keeps them from being put right. `corrected` says what corrections of a line have come to, null where a credit note has taken something of it. */
function differences(invoice: InvoiceWhole, now: readonly InvoiceLineRow[], held: ReadonlyMap<string, HeldLineRow>, corrected: (line: string) => bigint | null): Audited['findings'] {
  if (invoice.lines.some((line) => held.get(line.id)?.late)) return [];
  return invoice.lines.flatMap((line, n) => {
    const [since, is] = [corrected(line.id), now[n]!];
    if (line.metering === null || isInterim(invoice, line) || since === null || is.amount === line.amount + since) return [];
    return [{ object: line.id, sentence: `on ${invoice.id} it billed ${line.amount}, corrected by ${since}, and ${is.quantity_decimal} are counted now, which cost ${is.amount}` }];
  });
}

/** In SQL: what an amount comes to after its discounts. */
const netOf = (row: string): string => `(${row}.amount - coalesce((select sum((d ->> 'amount')::bigint) from jsonb_array_elements(${row}.discount_amounts) d), 0))`;

/** Periods of subscription items of which more was given back than was billed, before or after discounts: by lines, what corrects them, and credit notes. But those that are about to be put right. */
async function* countPeriods(tx: Tx): AsyncGenerator<Audited> {
  const found = await rows<{ object: string; start: string; lines: bigint; corrections: bigint; notes: bigint; net: bigint }>(
    tx,
    sql`with billed as (
          select l.id, l.subscription_item, l.period_start, l.amount, ${raw(netOf('l'))} as net, l.invoice from invoice_lines l join invoices i on i.id = l.invoice and i.finalized_at is not null and i.status <> 'void'
          where l.metering is not null and l.subscription_item is not null),
        periods as (select subscription_item, period_start from billed group by 1, 2 having count(*) > 1),
        corrected as (
          select c.line, sum(c.amount) as amount, sum(${raw(netOf('c'))}) as net from invoice_corrections c left join invoice_items t on t.id = c.invoice_item left join invoices i on i.id = t.invoice left join credit_notes n on n.id = c.credit_note
          where (t.id is not null and i.status is distinct from 'void') or n.status = 'issued' group by 1),
        family as (
          select b.id as root, b.id as line from billed b
          union all
          select c.line, l.id from (select distinct line, invoice_item from invoice_corrections where invoice_item is not null) c join invoice_lines l on l.invoice_item = c.invoice_item join invoices i on i.id = l.invoice and i.status <> 'void'),
        noted as (
          select f.root, sum(n.amount) as amount, sum(${raw(netOf('n'))}) as net from family f join credit_note_lines n on n.invoice_line_item = f.line join credit_notes c on c.id = n.credit_note and c.status = 'issued'
          where not exists (select from invoice_corrections k where k.credit_note = c.id) group by 1)
        select b.subscription_item as object, b.period_start::text as start, sum(b.amount)::bigint as lines, coalesce(sum(c.amount), 0)::bigint as corrections, coalesce(sum(n.amount), 0)::bigint as notes,
          (sum(b.net) + coalesce(sum(c.net), 0) - coalesce(sum(n.net), 0))::bigint as net
        from periods p join billed b using (subscription_item, period_start) left join corrected c on c.line = b.id left join noted n on n.root = b.id
        group by b.subscription_item, b.period_start
        having (sum(b.amount) + coalesce(sum(c.amount), 0) < coalesce(sum(n.amount), 0) or sum(b.net) + coalesce(sum(c.net), 0) < coalesce(sum(n.net), 0))
          and not exists (select from timers t join invoice_lines l on l.invoice = t.subject where t.kind = 'invoice.correct' and l.subscription_item = b.subscription_item and l.period_start = b.period_start)`,
  );
  yield { looked: 0, findings: found.map(({ object, start, lines, corrections, notes, net }) => ({ object, sentence: `of its period from ${start} on, ${lines} were billed and ${corrections} corrected, and credit notes gave back ${notes}; after discounts, ${net} is left` })) };
}

export const correctionAudits: readonly Audit[] = [
  { id: 'I24', about: 'Of the usage of a period no more is given back, by later lines, corrections and credit notes together, than was billed.', things: 'periods', look: countPeriods },
  { id: 'I24', about: 'What a line bills of usage, with what was corrected since, is what the count of its meter costs by now, or is listed as held where that is too much; lines of which a credit note took something are passed over.', things: 'invoices', look: countAll },
];
