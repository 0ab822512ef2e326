import type { InvoicePaymentRow } from '../../billing/payment/payment.ts';
import { rows, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';

/** In a list of `invoice_payments`: those for invoices that no test clock moves. */
export const OFF_CLOCKS = sql`not exists (select from invoices i where i.id = invoice_payments.invoice and i.test_clock is not null)`;

export function invoicePaymentsById(tx: Tx, ids: readonly string[]): Promise<InvoicePaymentRow[]> {
  return rows<InvoicePaymentRow>(tx, sql`select * from invoice_payments where id = any(${ids}::text[])`);
}

/** All payments of many invoices, newest first. */
export async function paymentsOfInvoices(tx: Tx, invoices: readonly string[]): Promise<Map<string, InvoicePaymentRow[]>> {
  const found = await rows<InvoicePaymentRow>(tx, sql`select * from invoice_payments where invoice = any(${invoices}::text[]) order by created desc, id desc`);
  return Map.groupBy(found, (payment) => payment.invoice);
}

/** The payments that are to go to these invoices and are not over, locked. */
export function openPaymentsOf(tx: Tx, invoices: readonly string[]): Promise<InvoicePaymentRow[]> {
  return rows<InvoicePaymentRow>(tx, sql`select * from invoice_payments where invoice = any(${invoices}::text[]) and status = 'open' order by id for update`);
}
