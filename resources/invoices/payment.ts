/** What is asked of an invoice once it is drafted: to be billed, sent, paid, or not to be. */
import { together, type Decision, type Moment } from '../../billing/decision.ts';
import { refuseSpent } from '../../billing/credit/apply.ts';
import { finalizeByRequest } from '../../billing/invoice/advance.ts';
import { recountDraft } from '../../billing/invoice/edit.ts';
import { attachPayment as decideAttaching, payInvoice, payOutOfBand, refuseUnpayable, refuseWhilePaying, refuseWithoutMethod, type WithPayments } from '../../billing/invoice/pay.ts';
import { refuseUnsendable, sendInvoice } from '../../billing/invoice/send.ts';
import { markUncollectible as decideUncollectible } from '../../billing/invoice/uncollectible.ts';
import { voidInvoice as decideVoiding } from '../../billing/invoice/void.ts';
import type { PaymentMethodRow } from '../../billing/payment/payment.ts';
import { commit } from '../../server/commit.ts';
import type { Context, Json } from '../../server/context.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import type { Answer } from '../../server/http/route.ts';
import { chargesById } from '../charges/rows.ts';
import { intentsById } from '../payment_intents/rows.ts';
import { resolvePaymentMethod } from '../payment_methods/rows.ts';
import { taxIdsOf } from '../tax_ids/rows.ts';
import type * as params from './params.ts';
import { renderInvoice } from './resource.ts';
import { lockInvoice, payingMethods } from './rows.ts';
import { recounted } from './usage.ts';

type Path = { invoice: string };
type Finalized = Decision & WithPayments;

async function defaultMethod(ctx: Context, invoice: string): Promise<PaymentMethodRow | null> {
  return (await payingMethods(ctx.tx, [invoice])).get(invoice) ?? null;
}

async function finalized(ctx: Context, facts: WithPayments, auto_advance: boolean | undefined, payment_method: PaymentMethodRow | null, moment: Moment): Promise<Finalized> {
  const counted = recountDraft(facts.invoice, facts.invoice.status === 'draft' ? (await recounted(ctx.tx, [facts.invoice]))(facts.invoice) : facts.invoice.lines, moment);
  const made = finalizeByRequest({ ...facts, invoice: counted.invoice }, auto_advance, { tax_ids: await taxIdsOf(ctx.tx, [facts.customer.id]), payment_method }, moment);
  return { ...made, ...together([counted, made]) };
}

export async function finalize(ctx: Context, given: Params<typeof params.finalizeInvoice>, path: Path): Promise<Json> {
  const { moment, ...facts } = await lockInvoice(ctx, path.invoice);
  const made = await finalized(ctx, facts, given.auto_advance, await defaultMethod(ctx, path.invoice), moment);
  await commit(ctx, made);
  return renderInvoice(made.invoice, ctx.world);
}

export async function send(ctx: Context, _given: object, path: Path): Promise<Json> {
  const { moment, ...facts } = await lockInvoice(ctx, path.invoice);
  refuseUnsendable(facts.invoice, facts.customer);
  const made = facts.invoice.status === 'draft' ? await finalized(ctx, facts, undefined, null, moment) : { ...together([]), ...facts };
  await commit(ctx, together([made, sendInvoice(made.invoice, moment)]));
  return renderInvoice(made.invoice, ctx.world);
}

export async function voidInvoice(ctx: Context, _given: object, path: Path): Promise<Json> {
  const { moment, ...facts } = await lockInvoice(ctx, path.invoice);
  if (facts.invoice.status === 'open' || facts.invoice.status === 'uncollectible') refuseSpent(facts.invoice, facts.customer);
  const made = decideVoiding(facts, moment);
  await commit(ctx, made);
  return renderInvoice(made.invoice, ctx.world);
}

export async function markUncollectible(ctx: Context, _given: object, path: Path): Promise<Json> {
  const { moment, ...facts } = await lockInvoice(ctx, path.invoice);
  const made = decideUncollectible(facts, moment);
  await commit(ctx, made);
  return renderInvoice(made.invoice, ctx.world);
}

/** A draft that is to be paid is billed first. */
async function payOtherwise(ctx: Context, facts: WithPayments, moment: Moment): Promise<Answer> {
  const billed = facts.invoice.status === 'draft' ? await finalized(ctx, facts, undefined, null, moment) : { ...together([]), ...facts };
  const made = billed.invoice.status === 'paid' ? billed : payOutOfBand(billed, moment);
  await commit(ctx, made === billed ? billed : together([billed, made]));
  return renderInvoice(made.invoice, ctx.world);
}

/** The answer is the invoice as it is once the processor has spoken, or the card error where it has declined. */
export async function pay(ctx: Context, given: Params<typeof params.payInvoice>, path: Path): Promise<Answer> {
  const { moment, ...facts } = await lockInvoice(ctx, path.invoice);
  if (facts.invoice.status !== 'draft') {
    refuseUnpayable(facts);
    refuseWhilePaying(facts);
  }
  if (given.paid_out_of_band) return payOtherwise(ctx, facts, moment);
  const named = given.payment_method === undefined ? null : await resolvePaymentMethod(ctx, given.payment_method, { customer: facts.customer.id, moment, param: 'payment_method' });
  const method = named?.method ?? (await defaultMethod(ctx, path.invoice));
  const billed = facts.invoice.status === 'draft' ? await finalized(ctx, facts, undefined, null, moment) : { ...together([]), ...facts };
  const paid = billed.invoice.status === 'paid';
  const paying = paid ? together([]) : payInvoice(billed, method ?? refuseWithoutMethod(billed.invoice), { off_session: given.off_session, automatic: false }, moment);
  await commit(ctx, together([...(named ? [named.decision] : []), billed, paying]));
  return { ref: { object: 'invoice', id: path.invoice, refuseUnpaid: true } };
}

export async function attachPayment(ctx: Context, given: Params<typeof params.attachPayment>, path: Path): Promise<Json> {
  const { moment, ...facts } = await lockInvoice(ctx, path.invoice);
  const [intent] = await intentsById(ctx.tx, [given.payment_intent], true);
  if (!intent) missing('payment_intent', given.payment_intent, 'payment_intent');
  const [charge] = intent.latest_charge === null ? [] : await chargesById(ctx.tx, [intent.latest_charge], true);
  const made = decideAttaching(facts, intent, charge ?? null, moment);
  await commit(ctx, made);
  return renderInvoice(made.invoice, ctx.world);
}
