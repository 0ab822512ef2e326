import type { ReceiptRow } from '../../../billing/outcome/receipt.ts';
import { rows, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';

export async function receiptsById(tx: Tx, ids: readonly string[]): Promise<ReceiptRow[]> {
  return rows<ReceiptRow>(tx, sql`select * from outcome_receipts where id = any(${ids}::text[])`);
}

/** Of each line and outcome, the latest receipt. */
export async function latestOfLines(tx: Tx, lines: readonly string[]): Promise<ReceiptRow[]> {
  return lines.length === 0 ? [] : rows<ReceiptRow>(tx, sql`select distinct on (line, outcome) * from outcome_receipts where line = any(${lines}::text[]) order by line, outcome, sequence desc`);
}

/** The end of each customer's chain. Whoever has locked the customer is the only one to go on with it. */
export async function endsOfChains(tx: Tx, customers: readonly string[]): Promise<Map<string, { sequence: number; hash: string }>> {
  const found = await rows<{ customer: string; sequence: number; hash: string }>(
    tx,
    sql`select distinct on (customer) customer, sequence::integer as sequence, hash from outcome_receipts where customer = any(${customers}::text[]) order by customer, sequence desc`,
  );
  return new Map(found.map((each) => [each.customer, each]));
}

export { writeReceipts } from './write.ts';
