import type { CreditGrantRow } from '../../../billing/credit/grant.ts';
import { row, rows, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';

/** Grants, in any order. They change under the lock of their customer. */
export function grantsById(tx: Tx, ids: readonly string[]): Promise<CreditGrantRow[]> {
  return rows<CreditGrantRow>(tx, sql`select * from credit_grants where id = any(${ids}::text[])`);
}

/** The grants of customers of which something is left, and those that are named. */
export function grantsLeft(tx: Tx, customers: readonly string[], named: readonly string[]): Promise<CreditGrantRow[]> {
  return rows<CreditGrantRow>(tx, sql`select * from credit_grants where customer = any(${customers}::text[]) and (balance > 0 or id = any(${named}::text[])) order by id`);
}

export function grantsOf(tx: Tx, customer: string): Promise<CreditGrantRow[]> {
  return rows<CreditGrantRow>(tx, sql`select * from credit_grants where customer = ${customer} order by id`);
}

/** Whose a grant is, before anything is locked. */
export async function holderOf(tx: Tx, grant: string): Promise<string | undefined> {
  return (await row<{ customer: string }>(tx, sql`select customer from credit_grants where id = ${grant}`))?.customer;
}
