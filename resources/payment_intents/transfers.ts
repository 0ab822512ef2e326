/** Payments by bank transfer: the customer sends the money, which is applied when it has come. */
import type { CustomerWhole } from '../../billing/customer/customer.ts';
import { refuse, type Decision, type Moment } from '../../billing/decision.ts';
import { awaitsCash, awaitTransfer } from '../../billing/payment/cash.ts';
import { refuseUnconfirmable } from '../../billing/payment/confirm.ts';
import { refuseType } from '../../billing/payment/offer.ts';
import type { PaymentIntentWhole, PaymentMethodRow } from '../../billing/payment/payment.ts';
import { momentAt, type Context, type TimerCommand } from '../../server/context.ts';
import type { Params } from '../../server/http/params.ts';
import type { Answer } from '../../server/http/route.ts';
import { accountFor, cashOf, modeOf, payFromCash } from '../customers/cash_balance/rows.ts';
import type * as params from './params.ts';
import { intentsById, lockIntent } from './rows.ts';

type Transfer = { bank_transfer?: { type?: string; eu_bank_transfer?: { country: string } } };

/** The intent waits for a transfer to the customer's own account. What is there already pays it by `payWaiting`, or by `apply_customer_balance`. */
export async function confirmTransfer(ctx: Context, intent: PaymentIntentWhole, method: PaymentMethodRow, moment: Moment): Promise<Decision> {
  refuseUnconfirmable(intent);
  refuseType(method, intent.payment_method_types, `the payment intent ${intent.id}`);
  if (intent.customer === null) refuse('parameter_missing', 'A bank transfer goes to an account of the customer\'s own: give the `customer`.', 'customer');
  const { bank_transfer = {} } = (intent.payment_method_options.customer_balance ?? {}) as Transfer;
  const account = await accountFor(ctx, intent.customer, intent.currency, bank_transfer, 'payment_method_options[customer_balance][bank_transfer][type]');
  return awaitTransfer(intent, method, account, moment);
}

/** Pays an intent with the cash that is there already, where that is enough and cash is applied by itself. Lock the customer first. */
export async function payWaiting(ctx: Context, id: string, customer: CustomerWhole, moment: Moment): Promise<void> {
  const [intent] = await intentsById(ctx.tx, [id], true);
  if (!intent || !awaitsCash(intent)) return;
  const cash = (await cashOf(ctx.tx, customer.id, true)).find((each) => each.currency === intent.currency);
  if (!cash || cash.amount < intent.amount || (await modeOf(ctx.tx, customer.id)).mode !== 'automatic') return;
  await payFromCash(ctx, id, cash, customer, moment);
}

export const payWaitingInvoices: TimerCommand = async (ctx, due) => {
  for (const { subject, at } of due) {
    const { customer } = await lockIntent(ctx, subject);
    if (customer && !customer.deleted) await payWaiting(ctx, subject, customer, momentAt(ctx, at));
  }
};

/** Pays an intent with what its customer has sent. */
export async function applyCustomerBalance(ctx: Context, given: Params<typeof params.applyCustomerBalance>, path: { intent: string }): Promise<Answer> {
  const { intent, customer, moment } = await lockIntent(ctx, path.intent);
  if (!awaitsCash(intent) || !intent.payment_method_types.includes('customer_balance')) {
    refuse('payment_intent_unexpected_state', `The payment intent ${intent.id} is ${intent.status} and can be paid with ${intent.payment_method_types.join(', ')}: no cash balance can be applied to it.`);
  }
  if (customer === null) refuse('payment_intent_unexpected_state', `The payment intent ${intent.id} has no customer whose cash could be applied.`);
  if (given.currency !== undefined && given.currency !== intent.currency) refuse(undefined, `The payment intent ${intent.id} is in ${intent.currency}.`, 'currency');
  if (given.amount !== undefined && given.amount !== intent.amount) refuse(undefined, 'Cash is applied to a payment as a whole: leave `amount` out.', 'amount');
  const cash = (await cashOf(ctx.tx, customer.id, true)).find((each) => each.currency === intent.currency);
  if (!cash || cash.amount < intent.amount) refuse('amount_too_large', `The customer ${customer.id} does not have enough cash in ${intent.currency} to pay ${intent.id}.`);
  await payFromCash(ctx, intent.id, cash, customer, moment);
  return { ref: { object: 'payment_intent', id: intent.id } };
}
