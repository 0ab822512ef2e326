import type { TaxRateRow } from '../../billing/catalog.ts';
import type { CreditNoteLineRow, CreditNoteRow, CreditNoteWhole } from '../../billing/credit_note/credit_note.ts';
import { rows, rowsById, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import { taxRatesById } from '../tax_rates/rows.ts';

/** Credit notes with their lines, in any order. */
export async function creditNotesById(tx: Tx, ids: readonly string[]): Promise<CreditNoteWhole[]> {
  return wholeCreditNotes(tx, await rowsById<CreditNoteRow>(tx, 'credit_notes', ids));
}

/** All credit notes of an invoice, void ones too. Whoever has locked the invoice sees no other one come. */
export async function creditNotesOf(tx: Tx, invoice: string): Promise<CreditNoteWhole[]> {
  return wholeCreditNotes(tx, await rows<CreditNoteRow>(tx, sql`select * from credit_notes where invoice = ${invoice} order by created, id`));
}

/** The lines of the credit notes of these invoices that are not void, by invoice. */
export async function creditedLinesOf(tx: Tx, invoices: readonly string[]): Promise<Map<string, CreditNoteLineRow[]>> {
  if (invoices.length === 0) return new Map();
  const found = await rows<CreditNoteLineRow & { invoice: string }>(
    tx,
    sql`select l.*, n.invoice from credit_notes n join credit_note_lines l on l.credit_note = n.id where n.invoice = any(${invoices}::text[]) and n.status = 'issued' order by n.created, n.id, l.position`,
  );
  return Map.groupBy(found, (line) => line.invoice);
}

export async function wholeCreditNotes(tx: Tx, notes: readonly CreditNoteRow[]): Promise<CreditNoteWhole[]> {
  if (notes.length === 0) return [];
  const found = await rows<CreditNoteLineRow>(tx, sql`select * from credit_note_lines where credit_note = any(${notes.map((note) => note.id)}::text[]) order by credit_note, position`);
  const lines = Map.groupBy(found, (line) => line.credit_note);
  const ids = [...new Set(found.flatMap((line) => line.tax_rates))];
  const rates = new Map<string, TaxRateRow>(ids.length === 0 ? [] : (await taxRatesById(tx, ids)).map((rate) => [rate.id, rate]));
  return notes.map((note) => {
    const own = lines.get(note.id) ?? [];
    return { ...note, lines: own, rate_rows: [...new Set(own.flatMap((line) => line.tax_rates))].flatMap((id) => rates.get(id) ?? []) };
  });
}
