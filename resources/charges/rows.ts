import { pack, type PackedWord } from '../../billing/payment/attempt.ts';
import type { ChargeRow } from '../../billing/payment/payment.ts';
import type { App, OpenCall, World } from '../../server/context.ts';
import { row, rows, rowsById, sql } from '../../server/database/sql.ts';
import { inWorld, type Tx } from '../../server/database/world.ts';

/** In a list of `charges`: those of customers whom no test clock moves. */
export const OFF_CLOCKS = sql`not exists (select from customers c where c.id = charges.customer and c.test_clock is not null)`;

/** Charges, in any order. `lock` keeps others from changing them until the transaction ends. */
export function chargesById(tx: Tx, ids: readonly string[], lock = false): Promise<ChargeRow[]> {
  return rowsById<ChargeRow>(tx, 'charges', ids, lock);
}

/** The charges that these attempts have made, locked. */
export function chargesOfAttempts(tx: Tx, attempts: readonly string[]): Promise<ChargeRow[]> {
  return rows<ChargeRow>(tx, sql`select * from charges where attempt = any(${attempts}::text[]) order by id for update`);
}

/** The charge that a processor has under a name of its own, where it is one of ours. */
export async function chargeAt(tx: Tx, processor: string, reference: string): Promise<string | null> {
  const found = await row<{ id: string }>(tx, sql`select id from charges where processor = ${processor} and processor_reference = ${reference} and status = 'succeeded'`);
  return found?.id ?? null;
}

/** A payment whose charge is not booked after so long is none of ours. */
const BOOKED_WITHIN_S = 3 * 86_400;

/** A word about a payment as the answer to a call; null while its charge may still come to be booked, so that it is asked for again. */
export async function onceBooked(app: App, world: World, { created }: OpenCall, processor: string, word: { kind: string; charge: string }): Promise<PackedWord | null> {
  const charge = await inWorld(app.database.pool, world, (tx) => chargeAt(tx, processor, word.charge));
  return charge === null && app.clock.now() < created + BOOKED_WITHIN_S ? null : pack(word);
}

/** The charges that processors have under these names, locked; one that has failed took nothing. */
export function chargesNamed(tx: Tx, names: readonly { processor: string; reference: string }[]): Promise<ChargeRow[]> {
  return rows<ChargeRow>(
    tx,
    sql`select c.* from charges c join unnest(${names.map((each) => each.processor)}::text[], ${names.map((each) => each.reference)}::text[]) as n (processor, reference) on c.processor = n.processor and c.processor_reference = n.reference
        where c.status <> 'failed' order by c.id for update of c`,
  );
}

/** What of charges is asked to be given back, and has not left us yet. Lock them first. */
export async function refundingOf(tx: Tx, charges: readonly string[]): Promise<Map<string, bigint>> {
  const found = await rows<{ charge: string; amount: bigint }>(tx, sql`select charge, sum(amount)::bigint as amount from refunds where charge = any(${charges}::text[]) and not sent and status in ('pending', 'requires_action') group by charge`);
  return new Map(found.map(({ charge, amount }) => [charge, amount]));
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
