import { refuse, type Decision, type Moment } from '../../billing/decision.ts';
import { changeMethod, detachMethod, makeMethod, type MethodChange } from '../../billing/payment/method.ts';
import type { PaymentMethodRow } from '../../billing/payment/payment.ts';
import type { CardSource } from '../../connectors/processors/processor.ts';
import { commit } from '../../server/commit.ts';
import { momentOn, realMoment, type Context, type Json } from '../../server/context.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import type { Answer } from '../../server/http/route.ts';
import { equal, page, renderList } from '../../server/lists.ts';
import { existingCustomer, lockCustomer } from '../customers/rows.ts';
import { processorsFor } from '../kontor/processors/rows.ts';
import { lockMandatesOf } from '../mandates/rows.ts';
import type * as params from './params.ts';
import { keepMethod } from './processor.ts';
import { renderPaymentMethod } from './resource.ts';
import { attachPaymentMethod, detailsOf, makeOther, methodsById, methodWith } from './rows.ts';
import type { TypedCard } from './vault.ts';

async function methodById(ctx: Context, id: string): Promise<PaymentMethodRow> {
  const [method] = await methodsById(ctx.tx, [id]);
  return method ?? missing('PaymentMethod', id);
}

async function made(ctx: Context, given: Params<typeof params.createPaymentMethod>): Promise<Decision & { method: PaymentMethodRow }> {
  const moment = realMoment(ctx.app);
  const details = detailsOf(given.billing_details);
  if (given.type !== 'card') return makeOther(ctx, { ...given, billing_details: details }, moment, (name) => name);
  const { card, allow_redisplay, metadata } = given;
  const { networks, ...source } = card!;
  const processors = await processorsFor(ctx, { type: 'card', currency: null, country: details.address?.country ?? null });
  const kept = (await keepMethod(ctx, processors, source as CardSource | TypedCard, moment, (name) => `card[${name}]`, details)) ?? missing('token', source.token!, 'card[token]');
  const twin = await methodWith(ctx, kept.processor, kept.method.identity);
  if (twin) refuse('payment_method_unexpected_state', `The payment method ${twin.id} is this one already: use that.`, 'card[token]');
  return makeMethod(kept, { billing_details: details, allow_redisplay, metadata, preferred_network: networks?.preferred }, moment);
}

export async function create(ctx: Context, given: Params<typeof params.createPaymentMethod>): Promise<Json> {
  const decided = await made(ctx, given);
  await commit(ctx, decided);
  return renderPaymentMethod(decided.method, ctx.world);
}

export async function retrieve(ctx: Context, _given: object, path: { payment_method: string }): Promise<Json> {
  return renderPaymentMethod(await methodById(ctx, path.payment_method), ctx.world);
}

/** The payment method with its customer, both locked, the customer first, and the moment at which the customer lives. */
async function lockWithOwner(ctx: Context, id: string) {
  const { customer } = await methodById(ctx, id);
  const owner = customer === null ? null : await lockCustomer(ctx, customer);
  const [method] = await methodsById(ctx.tx, [id], true);
  if (method?.customer !== customer) refuse('lock_timeout', 'The payment method is being moved by another request. Try again.');
  const moment: Moment = owner ? await momentOn(ctx, owner.test_clock) : realMoment(ctx.app);
  return { method, owner, moment };
}

export async function update(ctx: Context, given: Params<typeof params.updatePaymentMethod>, path: { payment_method: string }): Promise<Json> {
  const { method, moment } = await lockWithOwner(ctx, path.payment_method);
  const { billing_details, ...rest } = given;
  const change: MethodChange = { ...rest, ...(billing_details && { billing_details: detailsOf(billing_details) }) };
  const decided = changeMethod(method, change, moment);
  await commit(ctx, decided);
  return renderPaymentMethod(decided.method, ctx.world);
}

export async function attach(ctx: Context, given: Params<typeof params.attachPaymentMethod>, path: { payment_method: string }): Promise<Json> {
  const owner = await lockCustomer(ctx, given.customer, 'customer');
  const moment = await momentOn(ctx, owner.test_clock);
  const { method, decision } = await attachPaymentMethod(ctx, path.payment_method, { customer: owner.id, moment });
  await commit(ctx, decision);
  return renderPaymentMethod(method, ctx.world);
}

export async function detach(ctx: Context, _given: object, path: { payment_method: string }): Promise<Answer> {
  const { method, owner, moment } = await lockWithOwner(ctx, path.payment_method);
  if (!owner) return refuse('payment_method_unexpected_state', `The payment method ${method.id} is not attached to a customer, so it cannot be detached.`, 'payment_method');
  await commit(ctx, detachMethod(method, await lockMandatesOf(ctx.tx, [method.id]), owner, moment));
  return { ref: { object: 'payment_method', id: method.id } };
}

type Filters = Params<typeof params.listPaymentMethods>;

async function listed(ctx: Context, url: string, given: Filters): Promise<Json> {
  const conditions = [...equal('customer', given.customer), ...equal('type', given.type), ...equal('allow_redisplay', given.allow_redisplay)];
  const { data, has_more } = await page<PaymentMethodRow>(ctx, 'payment_methods', 'PaymentMethod', conditions, given);
  return renderList(url, data.map((each) => renderPaymentMethod(each, ctx.world)), has_more);
}

export async function list(ctx: Context, given: Filters): Promise<Json> {
  if (given.customer !== undefined) await existingCustomer(ctx, given.customer, 'customer');
  return listed(ctx, '/v1/payment_methods', given);
}

export async function listOfCustomer(ctx: Context, given: Params<typeof params.listOfCustomer>, { customer }: { customer: string }): Promise<Json> {
  await existingCustomer(ctx, customer);
  return listed(ctx, `/v1/customers/${customer}/payment_methods`, { ...given, customer });
}

export async function retrieveOfCustomer(ctx: Context, _given: object, path: { customer: string; payment_method: string }): Promise<Json> {
  const method = await methodById(ctx, path.payment_method);
  if (method.customer !== path.customer) missing('PaymentMethod', path.payment_method);
  return renderPaymentMethod(method, ctx.world);
}
