import { refuse, together, type Decision, type Moment } from '../../billing/decision.ts';
import { attachMethod, makeMethod, refuseAttaching } from '../../billing/payment/method.ts';
import type { PaymentMethodRow } from '../../billing/payment/payment.ts';
import type { Context } from '../../server/context.ts';
import { rows, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import { missing } from '../../server/http/errors.ts';
import { askIssuer, findProcessor, keepCard } from './processor.ts';

export function methodsById(tx: Tx, ids: readonly string[], lock = false): Promise<PaymentMethodRow[]> {
  return rows<PaymentMethodRow>(tx, sql`select * from payment_methods where id = any(${ids}::text[]) order by id ${lock ? sql`for update` : sql``}`);
}

/** All payment methods that are attached to a customer, locked. */
export function lockMethodsOf(tx: Tx, customer: string): Promise<PaymentMethodRow[]> {
  return rows<PaymentMethodRow>(tx, sql`select * from payment_methods where customer = ${customer} order by id for update`);
}

/** A new payment method for one of the processor's test names, such as `pm_card_visa`; null where it is no such name. */
export async function methodOfName(ctx: Context, name: string, moment: Moment, param: string): Promise<(Decision & { method: PaymentMethodRow }) | null> {
  if (!name.startsWith('pm_') || !findProcessor(ctx.app, ctx.world)) return null;
  const kept = await keepCard(ctx, { token: name }, moment, () => param);
  return kept && makeMethod(kept, {}, moment);
}

export type Resolved = { method: PaymentMethodRow; decision: Decision };

/** Attaches a stored payment method, or a new one of the sandbox's test names, to a customer; a card that may not be kept is refused in its issuer's words. Lock the customer first. */
export async function attachPaymentMethod(ctx: Context, id: string, { customer, moment, param }: { customer: string; moment: Moment; param?: string }): Promise<Resolved> {
  const [stored] = await methodsById(ctx.tx, [id], true);
  const made = stored ? null : ((await methodOfName(ctx, id, moment, param ?? 'payment_method')) ?? missing('PaymentMethod', id, param));
  const method = stored ?? made!.method;
  refuseAttaching(method, customer, param);
  if (method.customer === null) await askIssuer(ctx, method, customer, param);
  const attached = attachMethod(method, customer, moment);
  return { method: attached.method, decision: together(made ? [made, attached] : [attached]) };
}

/** Whose the payment method is to be, when, and the parameter that names it. */
export type Wanted = {
  customer: string | null;
  moment: Moment;
  param: string;
  /** One that belongs to nobody will do, and stays nobody's: it is used for one payment. Otherwise it must be the customer's. */
  once?: boolean;
};

/**
 * The payment method that a parameter names, and what must be committed for it to be there. One of the sandbox's test names makes a new payment method at each use,
 * attached to the customer unless it is wanted `once`. Lock the customer first.
 */
export async function resolvePaymentMethod(ctx: Context, id: string, { customer, moment, param, once = false }: Wanted): Promise<Resolved> {
  const [method] = await methodsById(ctx.tx, [id]);
  if (method) {
    refuseUnusable(method, customer, param, once);
    return { method, decision: together([]) };
  }
  if (customer !== null && !once) return attachPaymentMethod(ctx, id, { customer, moment, param });
  const made = (await methodOfName(ctx, id, moment, param)) ?? missing('PaymentMethod', id, param);
  return { method: made.method, decision: together([made]) };
}

function refuseUnusable(method: PaymentMethodRow, customer: string | null, param: string, once: boolean): void {
  if (method.spent) refuse('payment_method_unexpected_state', `The payment method ${method.id} was detached from a customer, or used without one, and cannot be used again.`, param);
  if (method.customer === customer || (method.customer === null && once)) return;
  if (customer === null) refuse('payment_method_unexpected_state', `The payment method ${method.id} belongs to a customer. Name the customer, too.`, param);
  refuse('resource_missing', `The customer ${customer} has no payment method ${method.id}. Attach it to the customer first.`, param, { status: 400 });
}
