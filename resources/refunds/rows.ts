import type { RefundFacts, RefundRow } from '../../billing/payment/refund.ts';
import type { CustomerWhole } from '../../billing/customer/customer.ts';
import type { Moment } from '../../billing/decision.ts';
import { momentOn, type Context } from '../../server/context.ts';
import { row, rows, rowsById, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import { missing } from '../../server/http/errors.ts';
import { chargesById } from '../charges/rows.ts';
import { customersById } from '../customers/rows.ts';
import { intentsById } from '../payment_intents/rows.ts';
import { methodsById } from '../payment_methods/rows.ts';

/** Refunds, in the order of their ids. `lock` keeps others from changing them until the transaction ends. */
export function refundsById(tx: Tx, ids: readonly string[], lock = false): Promise<RefundRow[]> {
  return rowsById<RefundRow>(tx, 'refunds', ids, lock);
}

/** A refund of a charge by its processor's name of it, where it was made there; null where it is new. Lock its charge first. */
export async function refundNamed(tx: Tx, charge: string, reference: string): Promise<RefundRow | null> {
  return (await row<RefundRow>(tx, sql`select * from refunds where charge = ${charge} and processor_reference = ${reference} for update`)) ?? null;
}

/** The refund that was made at a processor under a name of its own; null where there is none. */
export async function refundAt(tx: Tx, processor: string, reference: string): Promise<string | null> {
  const found = await row<{ id: string }>(tx, sql`select r.id from refunds r join charges c on c.id = r.charge where r.processor_reference = ${reference} and c.processor = ${processor}`);
  return found?.id ?? null;
}

/** What was asked to call a refund back, and answered, oldest first. */
export function cancelingOf(tx: Tx, refund: string): Promise<{ state: string; answer: { kind: string } | null }[]> {
  return rows(tx, sql`select state, answer from calls where world = kontor_world() and subject = ${refund} and kind = 'processor.cancel_refund' order by created, id`);
}

/** A charge that is to be refunded with its intent, method and customer, locked after the customer, and the moment at which that lives. */
export async function lockRefundable(ctx: Context, charge: string, param: string): Promise<RefundFacts & { customer: CustomerWhole | null; moment: Moment }> {
  const [found] = await chargesById(ctx.tx, [charge]);
  if (!found) missing('charge', charge, param);
  // The customer comes first, as wherever a payment is locked: its cash may move, and a refund names it.
  const [customer = null] = found.customer === null ? [] : await customersById(ctx.tx, [found.customer], true);
  const [payment_intent] = await intentsById(ctx.tx, [found.payment_intent], true);
  const [locked] = await chargesById(ctx.tx, [charge], true);
  const [payment_method] = await methodsById(ctx.tx, [found.payment_method!]);
  return { charge: locked!, payment_intent: payment_intent!, payment_method: payment_method!, customer, moment: await momentOn(ctx, payment_intent!.test_clock) };
}

/** The charges by which an invoice was paid, newest first, that can still be given back in part, each with its intent and method; lock the invoice first. */
export async function lockRefundableOf(ctx: Context, invoice: string): Promise<RefundFacts[]> {
  const found = await rows<{ id: string }>(
    ctx.tx,
    sql`select c.id from invoice_payments p join charges c on c.payment_intent = p.payment_intent
        where p.invoice = ${invoice} and p.status = 'paid' and c.applied and c.amount_captured > c.amount_refunded + c.amount_disputed order by c.created desc, c.id desc`,
  );
  const charges = new Map((await chargesById(ctx.tx, found.map((each) => each.id), true)).map((charge) => [charge.id, charge]));
  const intents = new Map((await intentsById(ctx.tx, [...charges.values()].map((charge) => charge.payment_intent))).map((intent) => [intent.id, intent]));
  const methods = new Map((await methodsById(ctx.tx, [...charges.values()].flatMap((charge) => charge.payment_method ?? []))).map((method) => [method.id, method]));
  return found.map(({ id }) => {
    const charge = charges.get(id)!;
    return { charge, payment_intent: intents.get(charge.payment_intent)!, payment_method: methods.get(charge.payment_method!)! };
  });
}
