import type { Reached } from '../../../billing/correction/correct.ts';
import { combine, moneyOf, NOTHING, type Correction, type CorrectionRow, type Money } from '../../../billing/correction/correction.ts';
import { leftEarly, type EarlyInvoice, type EarlyLine, type LeftOfEarly } from '../../../billing/correction/early.ts';
import type { HeldLineRow } from '../../../billing/correction/held.ts';
import { lateLine, type LateLine } from '../../../billing/correction/late.ts';
import { leftOf, type Left, type NotedLine } from '../../../billing/correction/left.ts';
import type { Instant } from '../../../billing/decision.ts';
import { rateIds, taxationOf, type InvoiceItemWhole, type InvoiceLineRow, type InvoiceWhole } from '../../../billing/invoice/invoice.ts';
import type { Metering } from '../../../billing/metering.ts';
import type { Use } from '../../../billing/usage.ts';
import { instants } from '../../../server/database/arrays.ts';
import { arrayText, raw, rows, sql, type Sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';
import { discountsById } from '../../discounts/rows.ts';
import { itemsById } from '../../invoiceitems/rows.ts';
import { invoicesById } from '../../invoices/rows.ts';
import { taxRatesById } from '../../tax_rates/rows.ts';

export async function correctionsById(tx: Tx, ids: readonly string[]): Promise<CorrectionRow[]> {
  return rows<CorrectionRow>(tx, sql`select * from invoice_corrections where id = any(${ids}::text[])`);
}

/** `isInterim`, in SQL, of an invoice and its line. */
export const interim = (invoice = 'i', line = 'l'): Sql => raw(`(${invoice}.billing_reason = 'subscription_threshold' and ${invoice}.period_start < ${invoice}.period_end and ${line}.invoice_item is null)`);

/** Usage of a meter; `new` where it comes only now. What was counted and is taken back, or put back, may have been billed however lately it happened. */
export type Touched = Use & { new: boolean };

/**
 * The finalized invoices that have billed usage of these, or of a moment between two of one customer's, with whom they are for; new usage only where it lies more than `late` seconds before the present of its
 * customer, which is that of its test clock or `now`. A level that was reported may reach into later periods. Lines in the middle of a period are left alone: its end bills what they did not.
 */
export async function billedWith(tx: Tx, touched: readonly Touched[], late: number, now: Instant): Promise<{ id: string; customer: string; test_clock: string | null }[]> {
  return rows(
    tx,
    sql`select distinct i.id, i.customer, i.test_clock
        from unnest(${arrayText(touched.map((each) => each.meter))}::text[], ${arrayText(touched.map((each) => each.customer), true)}::text[], ${instants(touched.map((each) => each.first))}::timestamptz[],
          ${instants(touched.map((each) => each.last))}::timestamptz[], ${arrayText(touched.map((each) => String(each.new)))}::boolean[]) as t (meter, customer, first, last, new)
        join invoices i on i.customer = t.customer and i.finalized_at is not null and i.status <> 'void'
        join meters m on m.id = t.meter
        join invoice_lines l on l.invoice = i.id and l.metering ->> 'meter' = t.meter and l.period_end > t.first and (l.period_start <= t.last or m.default_aggregation ->> 'formula' in ('latest', 'weighted_by_time'))
          and not ${interim()}
        left join test_clocks c on c.id = i.test_clock
        where not t.new or greatest(t.first, l.period_start) < coalesce(c.frozen_time, to_timestamp(${now}::bigint)) - make_interval(secs => ${late})
        order by i.id`,
  );
}

/** The finalized invoices that make usage up to a commitment of which these have billed a part, at an earlier price or by a threshold, each with the one of these. They change with what these billed. */
export async function madeUpBeside(tx: Tx, ids: readonly string[]): Promise<{ invoice: string; beside: string }[]> {
  return rows(
    tx,
    sql`select distinct on (m.invoice) m.invoice, l.invoice as beside
        from invoice_lines l join subscription_items s on s.id = l.subscription_item
        join invoices i on i.subscription = s.subscription and i.id <> l.invoice and i.finalized_at is not null and i.status <> 'void'
        join invoice_lines m on m.invoice = i.id and m.commitment is not null and m.period_start <= l.period_start and m.period_end >= l.period_end
        join invoices b on b.id = l.invoice
        where l.invoice = any(${ids}::text[]) and l.metering is not null and (l.invoice_item is not null or b.billing_reason = 'subscription_threshold') order by m.invoice, l.invoice`,
  );
}

type Earlier = {
  /** What corrections have come to, by the line that they correct; what those have that were billed or credited; and those that are no credit notes. */
  earlier: Map<string, Money>;
  billed: Map<string, Money>;
  items: Map<string, Money>;
  /** The quantity up to which each line has been corrected. */
  reached: Map<string, Reached>;
};

/** What corrections have come to. Those that were undone count as not made, and so do credit notes of what is void, since they took off only what was to be paid of it. */
export async function earlierOf(tx: Tx, invoices: readonly string[]): Promise<Earlier> {
  const found = await rows<CorrectionRow & { is_billed: boolean; is_item: boolean }>(
    tx,
    sql`select c.id, c.line, c.amount, c.discount_amounts, c.taxes, c.credits, c.contained, trim_scale(c.quantity_after) as quantity_after, c.quantity_groups, c.kept, n.id is null as is_item, n.id is not null or i.finalized_at is not null as is_billed
        from invoice_corrections c left join invoice_items t on t.id = c.invoice_item left join invoices i on i.id = t.invoice left join credit_notes n on n.id = c.credit_note join invoices corrected on corrected.id = c.invoice
        where c.invoice = any(${invoices}::text[]) and ((t.id is not null and i.status is distinct from 'void' and (c.credited_on is null or c.credited_on = i.id)) or (n.status = 'issued' and corrected.status <> 'void')) order by c.created, c.id`,
  );
  const [earlier, billed, items] = [new Map<string, Money>(), new Map<string, Money>(), new Map<string, Money>()];
  const reached = new Map<string, Reached>();
  for (const each of found) {
    for (const sums of [earlier, ...(each.is_billed ? [billed] : []), ...(each.is_item ? [items] : [])]) sums.set(each.line, combine(sums.get(each.line) ?? NOTHING, moneyOf(each), 1));
    if (each.quantity_after !== null) reached.set(each.line, { quantity: each.quantity_after, groups: each.quantity_groups?.map(({ name, after }) => ({ name, quantity: after })) ?? null, kept: each.kept });
  }
  return { earlier, billed, items, reached };
}

/** What credit notes that count took of lines of these invoices, and of the lines that put them right, by the line that was billed first. */
export async function notedOn(tx: Tx, invoices: readonly string[]): Promise<Map<string, NotedLine[]>> {
  const found = await rows<NotedLine & { root: string }>(
    tx,
    sql`with family as (
          select l.id as root, l.id as line from invoice_lines l where l.invoice = any(${invoices}::text[]) and l.correction is null
          union
          select c.line, l.id from invoice_corrections c join invoice_items t on t.id = c.invoice_item join invoice_lines l on l.invoice = t.invoice and l.invoice_item = t.id where c.invoice = any(${invoices}::text[]))
        select f.root, n.*, not exists (select from invoice_corrections c where c.credit_note = n.credit_note) as by_hand
        from family f join credit_note_lines n on n.invoice_line_item = f.line join credit_notes cn on cn.id = n.credit_note and cn.status = 'issued' join invoices i on i.id = cn.invoice and i.status <> 'void'
        order by cn.created, n.id`,
  );
  return Map.groupBy(found, ({ root }) => root);
}

/** A period of a subscription item, by when it began. */
type PeriodOfItem = { subscription_item: string; start: Instant };

const periodOf = ({ subscription_item, period_start }: InvoiceLineRow): PeriodOfItem => ({ subscription_item: subscription_item!, start: period_start });
const periodKey = ({ subscription_item, start }: PeriodOfItem): string => `${subscription_item} ${start}`;

/** What is left of the lines that billed usage before the end of its period; null where there are none. */
export async function leftOfEarly(tx: Tx, asked: readonly PeriodOfItem[]): Promise<(period: PeriodOfItem) => LeftOfEarly | null> {
  const lines = asked.length === 0 ? [] : await rows<InvoiceLineRow>(
    tx,
    sql`select l.* from (select distinct * from unnest(${asked.map((each) => each.subscription_item)}::text[], ${instants(asked.map((each) => each.start))}::timestamptz[]) as p (item, start)) a
        join invoice_lines l on l.subscription_item = a.item and l.period_start = a.start and l.metering is not null join invoices i on i.id = l.invoice and ${interim()} order by l.period_end, l.id`,
  );
  if (lines.length === 0) return () => null;
  const found = await rows<Omit<EarlyInvoice, 'discount_rows' | 'rate_rows'>>(
    tx,
    sql`select id, status, total, amount_remaining, pre_payment_credit_notes_amount, post_payment_credit_notes_amount, default_tax_rates, customer_snapshot from invoices where id = any(${lines.map((line) => line.invoice)}::text[])`,
  );
  const invoices = new Map(found.map((invoice) => [invoice.id, invoice]));
  const ratesOf = (line: InvoiceLineRow) => rateIds(line, invoices.get(line.invoice)!.default_tax_rates);
  const [discounts, rates] = [await discountsById(tx, lines.flatMap((line) => line.discount_amounts.map((each) => each.discount))), await taxRatesById(tx, lines.flatMap(ratesOf))];
  const noted = await notedOn(tx, [...invoices.keys()]);
  const early = (line: InvoiceLineRow): EarlyLine => ({ line, invoice: { ...invoices.get(line.invoice)!, discount_rows: discounts, rate_rows: rates }, notes: noted.get(line.id) ?? [] });
  const byPeriod = Map.groupBy(lines, (line) => periodKey(periodOf(line)));
  return (period) => {
    const of = byPeriod.get(periodKey(period));
    return of ? leftEarly(of.map(early)) : null;
  };
}

/** The same for each of these lines that take off what was billed before them: less what credit notes took of the line itself, since that is given back as well. */
export async function leftBefore(tx: Tx, lines: readonly InvoiceLineRow[]): Promise<(line: InvoiceLineRow) => LeftOfEarly | null> {
  const after = lines.filter((line) => line.metering?.billed);
  if (after.length === 0) return () => null;
  const [left, noted] = [await leftOfEarly(tx, after.map(periodOf)), await notedOn(tx, [...new Set(after.map((line) => line.invoice))])];
  return (line) => {
    if (!line.metering?.billed) return null;
    const [before, own] = [left(periodOf(line)), (noted.get(line.id) ?? []).filter((note) => note.by_hand)];
    if (before === null || own.length === 0) return before;
    return { ...before, left: own.reduce((rest, note) => rest - note.amount, before.left ?? BigInt(line.metering.billed.amount)) };
  };
}

/** Grants that gave to usage which was billed before the end of its period: they may get something back. */
export async function grantsOfEarly(tx: Tx, customers: readonly string[]): Promise<string[]> {
  const found = customers.length === 0 ? [] : await rows<{ credit_grant: string }>(
    tx,
    sql`select distinct c ->> 'credit_grant' as credit_grant from invoices i join invoice_lines l on l.invoice = i.id and ${interim()} cross join lateral jsonb_array_elements(l.credits) c
        where i.customer = any(${customers}::text[]) and l.metering is not null`,
  );
  return found.map((each) => each.credit_grant);
}

/** What credit notes have left of the lines of invoices of which they took something, by line. */
export async function leftOfNoted(tx: Tx, invoices: readonly InvoiceWhole[], corrected: ReadonlyMap<string, Money>): Promise<Map<string, Left>> {
  const noted = await notedOn(tx, invoices.map(({ id }) => id));
  return new Map(invoices.flatMap((invoice) => invoice.lines.filter((line) => noted.has(line.id)).map((line) => [line.id, leftOf(line, invoice, corrected.get(line.id) ?? NOTHING, noted.get(line.id)!)] as const)));
}

/** The finalized invoices that have taken off what these billed of usage before the end of its period, each with the one of these. They change with what is left of that. */
export async function billedAfter(tx: Tx, ids: readonly string[]): Promise<{ invoice: string; beside: string }[]> {
  return rows(
    tx,
    sql`select distinct on (after.invoice) after.invoice, l.invoice as beside
        from invoice_lines l join invoices i on i.id = l.invoice and ${interim()}
        join invoice_lines after on after.subscription_item = l.subscription_item and after.period_start = l.period_start and after.metering -> 'billed' <> 'null'
        join invoices a on a.id = after.invoice and a.finalized_at is not null and a.status <> 'void' and not ${interim('a', 'after')}
        where l.invoice = any(${ids}::text[]) and l.metering is not null order by after.invoice, l.invoice`,
  );
}

type Beside = { line: string | null; invoice: string | null; amount: bigint; metering: Metering };

/** The other lines that bill usage of the same periods of items as these, by line: of finalized invoices, or of items that wait to be billed. What is void is left out. */
async function besideOf(tx: Tx, lines: readonly InvoiceLineRow[]): Promise<Map<string, Beside[]>> {
  const found = await rows<Beside & { of: string }>(
    tx,
    sql`select l.id as of, o.id as line, o.invoice, o.amount, o.metering from invoice_lines l
          join invoice_lines o on o.subscription_item = l.subscription_item and o.period_start = l.period_start and o.id <> l.id and o.metering is not null
          join invoices i on i.id = o.invoice and i.finalized_at is not null and i.status <> 'void'
        where l.id = any(${lines.map(({ id }) => id)}::text[]) and l.metering is not null
        union all
        select l.id, null, null, t.amount, t.metering from invoice_lines l
          join invoice_items t on t.subscription_item = l.subscription_item and t.period_start = l.period_start and t.metering is not null and t.correction is null
          left join invoices i on i.id = t.invoice
        where l.id = any(${lines.map(({ id }) => id)}::text[]) and l.metering is not null and i.finalized_at is null`,
  );
  return Map.groupBy(found, ({ of }) => of);
}

/** What usage that waits gives back of what was billed early; nothing where it does not. */
const waitingBack = ({ amount, metering }: Beside): Money => (metering.billed?.back ? moneyOf({ ...metering.billed.back, amount }) : NOTHING);

/**
 * What is left of the lines of an invoice that corrections have put right, or that are such corrections, or of whose usage another line of the same period gave something back, by line: credit notes take no more.
 */
export async function leftOfCorrected(tx: Tx, invoice: InvoiceWhole): Promise<Map<string, Money>> {
  const beside = await besideOf(tx, invoice.lines);
  const ids = [...new Set([invoice.id, ...invoice.lines.flatMap((line) => line.correction?.invoice ?? []), ...[...beside.values()].flat().flatMap((each) => each.invoice ?? [])])];
  const { items } = await earlierOf(tx, ids);
  if (items.size === 0 && beside.size === 0) return new Map();
  const noted = await notedOn(tx, ids);
  const others = ids.length === 1 ? [] : await invoicesById(tx, ids.slice(1));
  const billed = new Map([invoice, ...others].flatMap((of) => of.lines.map((line) => [line.id, { line, of }] as const)));
  const left = (id: string) => leftOf(billed.get(id)!.line, billed.get(id)!.of, items.get(id) ?? NOTHING, noted.get(id) ?? []).money;
  return new Map(invoice.lines.flatMap((line): [string, Money][] => {
    const first = billed.get(line.correction?.line ?? line.id);
    const rest = (beside.get(line.id) ?? []).reduce((sum, each) => combine(sum, each.line === null ? waitingBack(each) : left(each.line), 1), NOTHING);
    if (!first || (!items.has(first.line.id) && rest.amount >= 0n)) return [];
    const own = left(first.line.id);
    // What the others of its period have given back, or will, is not left of it.
    return [[line.id, rest.amount < 0n ? combine(own, rest, 1) : own]];
  }));
}

/** What corrections that are on no finalized invoice yet mean for the credits of a customer: the lines of usage that they put right, and the grants that they give something back to. */
type Late = { late: Map<string, LateLine>; grants: Set<string> };

/** By customer, of those that have such corrections. */
export async function lateOf(tx: Tx, customers: readonly string[]): Promise<Map<string, Late>> {
  const found = await rows<{ customer: string; correction: Correction }>(
    tx,
    sql`select t.customer, t.correction from invoice_items t left join invoices i on i.id = t.invoice where t.customer = any(${customers}::text[]) and t.correction is not null and i.finalized_at is null order by t.id`,
  );
  const corrected = [...new Set(found.map(({ correction }) => correction.invoice))];
  if (corrected.length === 0) return new Map();
  const invoices = new Map((await invoicesById(tx, corrected)).map((invoice) => [invoice.id, invoice]));
  const { earlier, billed } = await earlierOf(tx, corrected);
  const late = new Map<string, Late>();
  for (const { customer, correction } of found) {
    const of = late.get(customer) ?? { late: new Map(), grants: new Set() };
    late.set(customer, of);
    for (const { credit_grant } of correction.credits) of.grants.add(credit_grant);
    const invoice = invoices.get(correction.invoice)!;
    const line = invoice.lines.find((each) => each.id === correction.line);
    if (!line?.metering || invoice.status === 'void') continue;
    const { rates, exempt } = taxationOf(line, invoice);
    of.late.set(line.id, lateLine(line, { all: earlier.get(line.id) ?? NOTHING, billed: billed.get(line.id) ?? NOTHING }, invoice.currency, rates, exempt));
  }
  return late;
}

/** What is held of the usage on finalized invoices, by line. */
export async function heldOn(tx: Tx, invoices: readonly string[]): Promise<Map<string, HeldLineRow>> {
  return new Map((await rows<HeldLineRow>(tx, sql`select * from held_lines where invoice = any(${invoices}::text[])`)).map((held) => [held.id, held]));
}

/** The items that wait to correct lines, locked, by line. */
export async function waitingFor(tx: Tx, lines: readonly string[]): Promise<Map<string, InvoiceItemWhole>> {
  const found = await rows<{ id: string }>(tx, sql`select id from invoice_items where correction ->> 'line' = any(${lines}::text[]) and correction is not null and invoice is null order by id for update`);
  return new Map(found.length === 0 ? [] : (await itemsById(tx, found.map(({ id }) => id))).map((item) => [item.correction!.line, item]));
}
