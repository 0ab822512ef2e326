/** A customer's cash on its way back: how that is begun, asked of the processor that has it, and what is heard of it. */
import { noCash } from '../../billing/payment/cash.ts';
import { unpack, type PackedWord } from '../../billing/payment/attempt.ts';
import { returnCash, settleReturn, type ReturnQuestion } from '../../billing/payment/cash_return.ts';
import type { RefundAnswer } from '../../billing/payment/refund.ts';
import { refuse } from '../../billing/decision.ts';
import { mergeMetadata } from '../../billing/metadata.ts';
import { commit } from '../../server/commit.ts';
import { momentAt, momentOn, realMoment, type Answered, type App, type CallCommand, type Context, type NotYet, type OpenCall, type World } from '../../server/context.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import type { Answer } from '../../server/http/route.ts';
import { cashOf, transferIn } from '../customers/cash_balance/rows.ts';
import { customersById } from '../customers/rows.ts';
import { processorOf } from '../kontor/processors/rows.ts';
import { askProcessor, hearAnswers, keep, missed } from '../payment_attempts/rows.ts';
import type * as params from './params.ts';
import { refundsById } from './rows.ts';

/** Sends back a part of a customer's cash balance. */
export async function sendBack(ctx: Context, given: Params<typeof params.createRefund>): Promise<Answer> {
  const { currency, amount } = given;
  if (given.origin === undefined || currency === undefined || amount === undefined) {
    return refuse('parameter_missing', 'To send back what a customer has sent, give the `customer` with `origin` = `customer_balance`, the `currency` and the `amount`.', given.origin === undefined ? 'origin' : currency === undefined ? 'currency' : 'amount');
  }
  // Whoever was deleted meanwhile may still have cash, of a payment that was refunded since.
  const [customer] = await customersById(ctx.tx, [given.customer!], true);
  if (!customer) missing('customer', given.customer!, 'customer');
  const cash = (await cashOf(ctx.tx, customer.id, true)).find((each) => each.currency === currency) ?? noCash(customer.id, currency);
  const processor = await processorOf(ctx);
  if (!processor.returnCash) refuse(undefined, `The payment processor ${processor.name} holds no cash of customers that could be sent back.`, 'origin');
  const order = { amount, processor: processor.name, type: transferIn(currency) ?? 'bank_transfer', test_clock: customer.test_clock, reason: given.reason ?? null, metadata: mergeMetadata({}, given.metadata) };
  const made = returnCash(cash, order, await momentOn(ctx, customer.test_clock));
  await commit(ctx, made);
  return { ref: { object: 'refund', id: made.refund.id } };
}

async function ask(app: App, world: World, call: OpenCall<ReturnQuestion>): Promise<PackedWord | NotYet | null> {
  const { processor, customer, amount, currency } = call.request;
  return askProcessor(app, world, call, { processor, verb: 'refund', put: (of) => of.returnCash!({ op_id: call.id, customer, amount: BigInt(amount), currency }) });
}

async function answer(ctx: Context, answers: readonly Answered<ReturnQuestion, PackedWord>[]): Promise<void> {
  // Whoever moves a customer's cash locks the customer first.
  await customersById(ctx.tx, [...new Set(answers.map(({ call }) => call.request.customer))], true);
  const heard = await hearAnswers(ctx, answers);
  await commit(ctx, keep(heard.values()));
  for (const { call, at } of answers) {
    const attempt = heard.get(call.id)!;
    if (attempt.before === attempt.after) continue;
    const { customer, currency, at: asked } = call.request;
    const cash = (await cashOf(ctx.tx, customer, true)).find((each) => each.currency === currency)!;
    const [refund] = await refundsById(ctx.tx, [call.subject], true);
    const { test_clock } = refund!;
    const moment = at !== undefined ? momentAt(ctx, at) : test_clock === null ? realMoment(ctx.app) : attempt.before.heard === null ? momentAt(ctx, asked) : await momentOn(ctx, test_clock);
    await commit(ctx, settleReturn(refund!, cash, attempt.after, unpack<RefundAnswer>(attempt.after.word!), moment));
  }
}

export const returning: CallCommand<ReturnQuestion, PackedWord> = { ask, answer, missed };
