import type { ChargeRow } from '../../billing/payment/payment.ts';
import { rows, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';

/** Charges, in any order. `lock` keeps others from changing them until the transaction ends. */
export function chargesById(tx: Tx, ids: readonly string[], lock = false): Promise<ChargeRow[]> {
  return rows<ChargeRow>(tx, sql`select * from charges where id = any(${ids}::text[]) order by id ${lock ? sql`for update` : sql``}`);
}

/** The charges that these attempts have made, locked. */
export function chargesOfAttempts(tx: Tx, attempts: readonly string[]): Promise<ChargeRow[]> {
  return rows<ChargeRow>(tx, sql`select * from charges where attempt = any(${attempts}::text[]) order by id for update`);
}

/** The charge that a processor has under a name of its own, where it is one of ours. */
export async function chargeAt(tx: Tx, processor: string, reference: string): Promise<string | null> {
  const [found] = await rows<{ id: string }>(tx, sql`select c.id from charges c join payment_attempts a on a.id = c.attempt and a.processor = ${processor} where c.processor_reference = ${reference} and c.status = 'succeeded'`);
  return found?.id ?? null;
}

/** Whether a customer has ever paid us anything. */
export async function hasPaid(tx: Tx, customer: string): Promise<boolean> {
  return (await payersOf(tx, [customer])).has(customer);
}

/** Those of the customers who have ever paid us anything. */
export async function payersOf(tx: Tx, customers: readonly string[]): Promise<Set<string>> {
  const found = await rows<{ customer: string }>(
    tx,
    sql`select c.customer from unnest(${customers}::text[]) as c (customer) where exists (select from charges p where p.world = kontor_world() and p.customer = c.customer and p.status = 'succeeded')`,
  );
  return new Set(found.map((each) => each.customer));
}
