import type { TopUpRow } from '../../../billing/credit/top_up.ts';
import { rows, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';

export function topUpsById(tx: Tx, ids: readonly string[]): Promise<TopUpRow[]> {
  return rows<TopUpRow>(tx, sql`select * from credit_top_ups where id = any(${ids}::text[]) order by id`);
}

/** The active top-ups of customers. */
export function topUpsOf(tx: Tx, customers: readonly string[]): Promise<TopUpRow[]> {
  return rows<TopUpRow>(tx, sql`select * from credit_top_ups where customer = any(${customers}::text[]) and active order by id`);
}

/** Of these top-ups those whose invoice waits to be paid. */
export async function waitingOf(tx: Tx, ids: readonly string[]): Promise<Set<string>> {
  const found = await rows<{ id: string }>(tx, sql`select distinct top_up ->> 'credit_top_up' as id from invoices where top_up is not null and status in ('draft', 'open') and top_up ->> 'credit_top_up' = any(${ids}::text[])`);
  return new Set(found.map((each) => each.id));
}
