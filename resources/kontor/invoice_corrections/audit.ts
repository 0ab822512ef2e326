/** What `kontor verify` asks of usage that was billed: that it is what the meters count by now, with what was put right since. */
import { isInterim, NOTHING } from '../../../billing/correction/correction.ts';
import type { InvoiceLineRow, InvoiceWhole } from '../../../billing/invoice/invoice.ts';
import type { Audit, Audited } from '../../../server/context.ts';
import { raw, rows, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';
import { invoicesById, recounted } from '../../invoices/rows.ts';
import { earlierOf, INTERIM, notedOn } from './rows.ts';

const BATCH = 250;

/** All finalised invoices that bill usage; but those that are about to be put right, and those of whose usage events have been dropped, so that the parts of hours at its edges cannot be counted any more. */
async function* countAll(tx: Tx): AsyncGenerator<Audited> {
  for (let last = ''; ; ) {
    const found = await rows<{ id: string }>(
      tx,
      sql`select distinct i.id from invoices i join invoice_lines l on l.invoice = i.id and l.metering is not null and not ${raw(INTERIM)}
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
    const [linesOf, { earlier }, noted] = [await recounted(tx, invoices, 'all'), await earlierOf(tx, ids), await notedOn(tx, ids)];
    yield { looked: invoices.length, findings: invoices.flatMap((invoice) => differences(invoice, linesOf(invoice), (line) => (noted.has(line) ? null : (earlier.get(line) ?? NOTHING).amount))) };
  }
}

/** The lines that are not what their usage costs now. `corrected` says what corrections of a line have come to, null where a credit note has taken something of it. */
function differences(invoice: InvoiceWhole, now: readonly InvoiceLineRow[], corrected: (line: string) => bigint | null): Audited['findings'] {
  return invoice.lines.flatMap((line, n) => {
    const [since, is] = [corrected(line.id), now[n]!];
    if (line.metering === null || isInterim(invoice, line) || since === null || is.amount === line.amount + since) return [];
    return [{ object: line.id, sentence: `on ${invoice.id} it billed ${line.amount}, corrected by ${since}, and ${is.quantity_decimal} are counted now, which cost ${is.amount}` }];
  });
}

export const correctionAudits: readonly Audit[] = [
  { id: 'I24', about: 'What a line bills of usage, with what was corrected since, is what the count of its meter costs by now; lines of which a credit note took something are passed over.', things: 'invoices', look: countAll },
];
