import type { Reached } from '../../../billing/correction/correct.ts';
import { combine, moneyOf, NOTHING, type CorrectionRow, type Money } from '../../../billing/correction/correction.ts';
import type { Instant } from '../../../billing/decision.ts';
import type { InvoiceItemWhole } from '../../../billing/invoice/invoice.ts';
import { arrayText, rows, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';
import { itemsById } from '../../invoiceitems/rows.ts';

export async function correctionsById(tx: Tx, ids: readonly string[]): Promise<CorrectionRow[]> {
  return rows<CorrectionRow>(tx, sql`select * from invoice_corrections where id = any(${ids}::text[])`);
}

/** Usage of a meter at a moment. */
export type Touched = { meter: string; customer: string; at: Instant };

/** The finalised invoices that have billed usage of these, with whom they are for. Those in the middle of a period are left alone: its end bills what they did not. */
export async function billedWith(tx: Tx, touched: readonly Touched[]): Promise<{ id: string; customer: string; test_clock: string | null }[]> {
  return rows(
    tx,
    sql`select distinct i.id, i.customer, i.test_clock
        from unnest(${arrayText(touched.map((each) => each.meter))}::text[], ${arrayText(touched.map((each) => each.customer), true)}::text[], ${arrayText(touched.map((each) => each.at))}::bigint[]) as t (meter, customer, at)
        join invoices i on i.customer = t.customer and i.finalized_at is not null and i.status <> 'void' and i.billing_reason <> 'subscription_threshold'
        join invoice_lines l on l.invoice = i.id and l.metering ->> 'meter' = t.meter and l.period_start <= to_timestamp(t.at) and l.period_end > to_timestamp(t.at)
        order by i.id`,
  );
}

/** What corrections of lines have come to, by line, and the quantity up to which each has been corrected. Those that were undone count as not made. */
export async function earlierOf(tx: Tx, invoices: readonly string[]): Promise<{ earlier: Map<string, Money>; reached: Map<string, Reached> }> {
  const found = await rows<CorrectionRow>(
    tx,
    sql`select c.id, c.line, c.amount, c.discount_amounts, c.taxes, c.credits, c.contained, trim_scale(c.quantity_after) as quantity_after, c.quantity_groups
        from invoice_corrections c left join invoice_items t on t.id = c.invoice_item left join invoices i on i.id = t.invoice left join credit_notes n on n.id = c.credit_note
        where c.invoice = any(${invoices}::text[]) and ((t.id is not null and i.status is distinct from 'void') or n.status = 'issued') order by c.created, c.id`,
  );
  const earlier = new Map<string, Money>();
  const reached = new Map<string, Reached>();
  for (const each of found) {
    earlier.set(each.line, combine(earlier.get(each.line) ?? NOTHING, moneyOf(each), 1));
    if (each.quantity_after !== null) reached.set(each.line, { quantity: each.quantity_after, groups: each.quantity_groups?.map(({ name, after }) => ({ name, quantity: after })) ?? null });
  }
  return { earlier, reached };
}

/** The items that wait to correct lines, locked, by line. */
export async function waitingFor(tx: Tx, lines: readonly string[]): Promise<Map<string, InvoiceItemWhole>> {
  const found = await rows<{ id: string }>(tx, sql`select id from invoice_items where correction ->> 'line' = any(${lines}::text[]) and correction is not null and invoice is null order by id for update`);
  return new Map(found.length === 0 ? [] : (await itemsById(tx, found.map(({ id }) => id))).map((item) => [item.correction!.line, item]));
}
