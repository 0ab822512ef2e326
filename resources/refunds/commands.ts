import { decision, refuse } from '../../billing/decision.ts';
import { mergeMetadata } from '../../billing/metadata.ts';
import { noCash, type CashRow } from '../../billing/payment/cash.ts';
import { refuseFault, uneven } from '../../billing/payment/offer.ts';
import type { ChargeRow } from '../../billing/payment/payment.ts';
import { cancelRefund, createRefund, refundable, refundToCash, type RefundQuestion, type RefundRow } from '../../billing/payment/refund.ts';
import { commit } from '../../server/commit.ts';
import { momentOn, type Context, type Json } from '../../server/context.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import type { Answer } from '../../server/http/route.ts';
import { equal, page, renderList, within } from '../../server/lists.ts';
import { chargesById } from '../charges/rows.ts';
import { cashOf, receiveCash } from '../customers/cash_balance/rows.ts';
import { attemptsOf, questionsById } from '../payment_attempts/rows.ts';
import { intentsById } from '../payment_intents/rows.ts';
import type * as params from './params.ts';
import { renderRefund } from './resource.ts';
import { sendBack } from './returns.ts';
import { cancelingOf, lockRefundable, refundsById } from './rows.ts';

type Path = { refund: string };

/** The charge that is named, or that its payment intent has made. */
async function chargeOf(ctx: Context, { charge, payment_intent }: Params<typeof params.createRefund>): Promise<{ id: string; param: string }> {
  if (payment_intent === undefined) return { id: charge!, param: 'charge' };
  const [intent] = await intentsById(ctx.tx, [payment_intent]);
  if (!intent) missing('payment_intent', payment_intent, 'payment_intent');
  if (charge !== undefined && charge !== intent.latest_charge) refuse(undefined, `The charge ${charge} is not the one of the payment intent ${payment_intent}. Give one of the two.`, 'charge');
  if (intent.latest_charge === null) refuse('payment_intent_unexpected_state', `The payment intent ${payment_intent} is ${intent.status}: it has no charge that could be refunded.`, 'payment_intent');
  return { id: intent.latest_charge, param: 'payment_intent' };
}

export async function create(ctx: Context, given: Params<typeof params.createRefund>): Promise<Answer> {
  if (given.customer !== undefined) return sendBack(ctx, given);
  const { id, param } = await chargeOf(ctx, given);
  const { moment, customer, ...facts } = await lockRefundable(ctx, id, param);
  const order = { amount: given.amount ?? null, reason: given.reason ?? null, metadata: mergeMetadata({}, given.metadata) };
  if (order.amount !== null && order.amount !== refundable(facts.charge)) refuseFault(uneven(order.amount, facts.charge.currency), 'amount');
  if (facts.payment_method.type !== 'customer_balance') {
    const made = createRefund(facts, order, moment);
    await commit(ctx, made);
    return { ref: { object: 'refund', id: made.refund.id } };
  }
  const made = refundToCash(facts, await cashFor(ctx, facts.charge), order, moment);
  await commit(ctx, made);
  if (!customer!.deleted) await receiveCash(ctx, made.cash, null, customer!, moment);
  return { ref: { object: 'refund', id: made.refund.id } };
}

/** The customer's cash in the currency of a charge, locked. */
async function cashFor(ctx: Context, { customer, currency }: ChargeRow): Promise<{ cash: CashRow; stored: boolean }> {
  const cash = (await cashOf(ctx.tx, customer!, true)).find((each) => each.currency === currency);
  return cash ? { cash, stored: true } : { cash: noCash(customer!, currency), stored: false };
}

async function existing(ctx: Context, id: string, lock = false): Promise<RefundRow> {
  const [found] = await refundsById(ctx.tx, [id], lock);
  return found ?? missing('refund', id);
}

export async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  return renderRefund(await existing(ctx, path.refund));
}

export async function update(ctx: Context, given: Params<typeof params.updateRefund>, path: Path): Promise<Json> {
  const before = await existing(ctx, path.refund, true);
  const { now } = await momentOn(ctx, before.test_clock);
  const after: RefundRow = { ...before, metadata: mergeMetadata(before.metadata, given.metadata) };
  await commit(ctx, { ...decision(), puts: [{ table: 'refunds', before, after }], facts: [{ type: 'refund.updated', object: 'refund', whole: after, before, at: now }] });
  return renderRefund(after);
}

export async function cancel(ctx: Context, _given: object, path: Path): Promise<Answer> {
  const { charge } = await existing(ctx, path.refund);
  if (charge !== null) await chargesById(ctx.tx, [charge], true);
  const before = await existing(ctx, path.refund, true);
  await momentOn(ctx, before.test_clock);
  const [canceling, attempt] = [await cancelingOf(ctx.tx, before.id), (await attemptsOf(ctx.tx, [before.id]))[0]];
  if (canceling.some((each) => each.state !== 'answered')) refuse('lock_timeout', `The refund ${before.id} is being canceled right now. Wait for what comes of it.`, undefined, { status: 409, should_retry: false });
  if (before.processor_reference !== null) refuse(undefined, `The refund ${before.id} was made at its payment processor, as ${before.processor_reference}: cancel it there.`);
  if (before.status !== 'requires_action' || !attempt) refuse(undefined, `The refund ${before.id} is ${before.status}; only one that is requires_action can be canceled.`);
  const question = (await questionsById<RefundQuestion>(ctx.tx, [attempt.id])).get(attempt.id)!;
  await commit(ctx, cancelRefund(before, attempt, question.request, canceling.length + 1));
  return { ref: { object: 'refund', id: before.id, refuseUnpaid: true } };
}

export async function list(ctx: Context, given: Params<typeof params.listRefunds>): Promise<Json> {
  const { charge, payment_intent } = given;
  const everywhere = charge === undefined && payment_intent === undefined ? equal('test_clock', null) : [];
  const conditions = [...equal('charge', charge), ...equal('payment_intent', payment_intent), ...within('created', given.created), ...everywhere];
  const { data, has_more } = await page<RefundRow>(ctx, 'refunds', 'refund', conditions, given);
  return renderList('/v1/refunds', data.map(renderRefund), has_more);
}
