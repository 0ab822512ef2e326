import type { FundsTransactionRow } from '../../billing/balance/funds.ts';
import type { Disputed, DisputeRow, DisputeWhole } from '../../billing/dispute/dispute.ts';
import type { Contested } from '../../billing/dispute/open.ts';
import type { Context } from '../../server/context.ts';
import { rows, rowsById, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import { lockLanes } from '../../server/lanes.ts';
import { chargesById } from '../charges/rows.ts';
import { customersById } from '../customers/rows.ts';
import { settlementAt, settlementOf } from '../kontor/settings/rows.ts';
import { lockMandatesOf } from '../mandates/rows.ts';
import { intentsById } from '../payment_intents/rows.ts';
import { methodsById } from '../payment_methods/rows.ts';

/** With what they have taken and given back, oldest first. */
export async function withTransactions(tx: Tx, found: readonly DisputeRow[]): Promise<DisputeWhole[]> {
  const ids = found.map(({ id }) => id);
  const transactions = ids.length === 0 ? [] : await rows<FundsTransactionRow>(tx, sql`select * from balance_transactions where world = kontor_world() and source = any(${ids}::text[]) order by created, id`);
  return found.map((dispute) => ({ ...dispute, transactions: transactions.filter(({ source }) => source === dispute.id) }));
}

export async function disputesById(tx: Tx, ids: readonly string[]): Promise<DisputeWhole[]> {
  return withTransactions(tx, await rowsById<DisputeRow>(tx, 'disputes', ids));
}

/** Disputes with their charges, both locked after their lanes: the charges first, as where they are refunded. */
export async function lockDisputes(ctx: Pick<Context, 'app' | 'tx' | 'world'>, ids: readonly string[]): Promise<Disputed[]> {
  const { tx } = ctx;
  const settlement = await settlementOf(ctx);
  const named = await rows<{ charge: string; lane: string }>(tx, sql`select charge, coalesce(customer, payment_intent) as lane from disputes where id = any(${ids}::text[])`);
  lockLanes(tx, named.map((each) => each.lane));
  const charges = new Map((await chargesById(tx, named.map((each) => each.charge), true)).map((charge) => [charge.id, charge]));
  const locked = await withTransactions(tx, await rowsById<DisputeRow>(tx, 'disputes', ids, true));
  return locked.map((dispute) => ({ dispute, charge: charges.get(dispute.charge)!, settlement: settlementAt(settlement, dispute.processor) }));
}

/** A dispute by its processor's name of it, locked; null where it is new. Lock its charge first. */
export async function disputeNamed(tx: Tx, processor: string, reference: string): Promise<DisputeWhole | null> {
  const [found] = await withTransactions(tx, await rows<DisputeRow>(tx, sql`select * from disputes where processor = ${processor} and processor_reference = ${reference} for update`));
  return found ?? null;
}

/** The open inquiries about charges. */
export async function lockInquiriesOf(ctx: Pick<Context, 'app' | 'tx' | 'world'>, charges: readonly string[]): Promise<Disputed[]> {
  const found = await rows<{ id: string }>(ctx.tx, sql`select id from disputes where charge = any(${charges}::text[]) and status in ('warning_needs_response', 'warning_under_review')`);
  return found.length === 0 ? [] : lockDisputes(ctx, found.map(({ id }) => id));
}

/** A charge that is contested with all that this concerns, locked in the order in which payments are: the customer, the intent, the method, the charge and the mandates in force. */
export async function lockContested(ctx: Pick<Context, 'app' | 'tx' | 'world'>, id: string): Promise<Contested> {
  const { tx } = ctx;
  const [found] = await chargesById(tx, [id]);
  if (found!.customer === null) lockLanes(tx, [found!.payment_intent]);
  else await customersById(tx, [found!.customer], true);
  const [payment_intent] = await intentsById(tx, [found!.payment_intent], true);
  const [payment_method] = await methodsById(tx, [found!.payment_method!], true);
  const [charge] = await chargesById(tx, [id], true);
  return { charge: charge!, payment_intent: payment_intent!, payment_method: payment_method!, mandates: await lockMandatesOf(tx, [payment_method!.id]), settlement: settlementAt(await settlementOf(ctx), payment_method!.processor) };
}
