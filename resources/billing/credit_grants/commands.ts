import { changeGrant, checking, createGrant, endGrant, expireGrant, voidGrant, type CreditGrantRow } from '../../../billing/credit/grant.ts';
import { decision, refuse, together, type Decision, type Instant, type Moment } from '../../../billing/decision.ts';
import { commit } from '../../../server/commit.ts';
import { momentAt, momentOn, type Context, type Json, type TimerCommand } from '../../../server/context.ts';
import { missing } from '../../../server/http/errors.ts';
import type { Params } from '../../../server/http/params.ts';
import { equal, page, renderList } from '../../../server/lists.ts';
import { customersById, existingCustomer, lockCustomer } from '../../customers/rows.ts';
import { topUpsOf } from '../../kontor/credit_top_ups/rows.ts';
import { pricesById } from '../../prices/rows.ts';
import type * as params from './params.ts';
import { renderGrant } from './resource.ts';
import { grantsById, holderOf } from './rows.ts';

/** The metered prices that are named; null for all. */
async function pricesNamed(ctx: Context, scope: Params<typeof params.scope>, at: string): Promise<string[] | null> {
  if (scope.price_type !== undefined) return null;
  const named = scope.prices ?? refuse('parameter_missing', 'Say what the credit is for: give `price_type` as `metered`, or `prices`.', at);
  const found = new Map((await pricesById(ctx.tx, named.map((price) => price.id))).map((price) => [price.id, price]));
  return named.map(({ id }, n) => {
    const price = found.get(id) ?? missing('price', id, `${at}[prices][${n}][id]`);
    if (price.meter === null) refuse(undefined, `The price ${id} is not metered. Credits are set against usage only.`, `${at}[prices][${n}][id]`);
    return id;
  });
}

export async function create(ctx: Context, given: Params<typeof params.createGrant>): Promise<Json> {
  const { customer: whose = refuse('parameter_missing', 'Say whom credit is granted to: give `customer`.', 'customer'), amount, applicability_config, ...rest } = given;
  const { currency, value } = amount.monetary ?? refuse('parameter_missing', 'Say how much is granted: give `amount[monetary]`.', 'amount[monetary]');
  await existingCustomer(ctx, whose, 'customer');
  const customer = await lockCustomer(ctx, whose, 'customer');
  const prices = await pricesNamed(ctx, applicability_config.scope, 'applicability_config[scope]');
  const made = createGrant({ ...rest, currency, amount: value, prices }, customer, (customer.grants ?? []).filter((grant) => grant.balance > 0n).length, await momentOn(ctx, customer.test_clock));
  await commit(ctx, made);
  return renderGrant(made.grant, ctx.world);
}

/** Where a grant ends, the credit of its customer may have run low: top-ups look at the moment. */
async function runningLow(ctx: Context, customers: ReadonlyMap<string, Instant>): Promise<Decision> {
  return { ...decision(), timers: (await topUpsOf(ctx.tx, [...customers.keys()])).map((each) => checking(each, customers.get(each.customer)!)) };
}

/** A grant under the lock of its customer, changed at the time at which that lives. */
async function change(ctx: Context, id: string, decide: (grant: CreditGrantRow, moment: Moment) => Decision & { grant: CreditGrantRow }): Promise<Json> {
  const holder = (await holderOf(ctx.tx, id)) ?? missing('credit grant', id);
  const [customer] = await customersById(ctx.tx, [holder], true);
  const [grant] = await grantsById(ctx.tx, [id]);
  const moment = await momentOn(ctx, customer!.test_clock);
  const made = decide(grant!, moment);
  await commit(ctx, together([made, await runningLow(ctx, new Map([[holder, moment.now]]))]));
  return renderGrant(made.grant, ctx.world);
}

type Path = { grant: string };

export const update = (ctx: Context, given: Params<typeof params.updateGrant>, path: Path): Promise<Json> => change(ctx, path.grant, (grant, moment) => changeGrant(grant, given, moment));
export const expire = (ctx: Context, _given: object, path: Path): Promise<Json> => change(ctx, path.grant, expireGrant);
export const voided = (ctx: Context, _given: object, path: Path): Promise<Json> => change(ctx, path.grant, voidGrant);

/** What is left of grants is lost when they expire. */
export const expireDue: TimerCommand = async (ctx, due) => {
  const at = new Map(due.map((each) => [each.subject, each.at]));
  const found = await grantsById(ctx.tx, [...at.keys()]);
  const customers = new Map(found.map((grant) => [grant.customer, at.get(grant.id)!]));
  await customersById(ctx.tx, [...customers.keys()], true);
  const ended = (await grantsById(ctx.tx, [...at.keys()])).map((grant) => endGrant(grant, momentAt(ctx, at.get(grant.id)!)));
  await commit(ctx, together([...ended, await runningLow(ctx, customers)]));
};

export async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  const [found] = await grantsById(ctx.tx, [path.grant]);
  return renderGrant(found ?? missing('credit grant', path.grant), ctx.world);
}

export async function list(ctx: Context, given: Params<typeof params.listGrants>): Promise<Json> {
  // What lives on test clocks is listed by its customer only.
  const conditions = [...equal('customer', given.customer), ...(given.customer === undefined ? equal('test_clock', null) : [])];
  const { data, has_more } = await page<CreditGrantRow>(ctx, 'credit_grants', 'credit grant', conditions, given);
  return renderList('/v1/billing/credit_grants', data.map((grant) => renderGrant(grant, ctx.world)), has_more);
}
