/** Prepaid credit that is bought again by itself when it runs low. */
import { checking } from '../../../billing/credit/grant.ts';
import { buyCredit, creditLeft, putTopUp, timesDue, type TopUpRow } from '../../../billing/credit/top_up.ts';
import { refuse, together, type Decision } from '../../../billing/decision.ts';
import { defined, mergeMetadata } from '../../../billing/metadata.ts';
import { refuseAmount } from '../../../billing/payment/intent.ts';
import { costSoFar } from '../../../billing/subscription/cost.ts';
import { usageAsked } from '../../../billing/subscription/lines.ts';
import { commit } from '../../../server/commit.ts';
import { momentAt, momentOn, type Context, type Json, type Resource, type Room, type TimerCommand, type World } from '../../../server/context.ts';
import { missing } from '../../../server/http/errors.ts';
import { amount, boolean, clearable, currency, doc, fields, id, integer, listParams, metadata, required, text, type Params } from '../../../server/http/params.ts';
import { get, post } from '../../../server/http/route.ts';
import { minor } from '../../../server/http/wire.ts';
import { equal, page, renderList } from '../../../server/lists.ts';
import { usageByGroup } from '../../../server/usage/counted.ts';
import { customersById, existingCustomer, lockCustomer } from '../../customers/rows.ts';
import { ongoingOf, surroundings } from '../../subscriptions/rows.ts';
import { buyersOf, topUpsById, topUpsOf, waitingUsage } from './rows.ts';

const terms = {
  expires_in_days: doc('How many days after its payment what was bought expires. By default never.', clearable(integer({ min: 1, max: 3_650 }))),
  metadata: metadata(),
  name: clearable(text({ max: 100 })),
  priority: integer({ min: 0, max: 100 }),
};
const createParams = fields({
  ...terms,
  amount: doc('How much is bought, in the smallest unit of the currency: once, or as many times on one invoice as it takes to have the threshold.', required(amount({ min: 1 }))),
  currency: required(currency()),
  customer: required(id('cus')),
  threshold: doc('Below which credit it is bought: what is left of the grants, less the usage that no invoice has billed yet.', required(amount({ min: 1 }))),
});
const updateParams = fields({ ...terms, active: boolean(), amount: amount({ min: 1 }), threshold: amount({ min: 1 }) });
const listTopUps = listParams({ active: boolean(), customer: id('cus') });
const nothing = fields({});

const render = (top_up: TopUpRow, world: World): Json => ({
  id: top_up.id,
  object: 'kontor.credit_top_up',
  active: top_up.active,
  amount: minor(top_up.amount),
  created: top_up.created,
  currency: top_up.currency,
  customer: top_up.customer,
  expires_in_days: top_up.expires_in_days,
  livemode: world.livemode,
  metadata: top_up.metadata,
  name: top_up.name,
  priority: top_up.priority,
  test_clock: top_up.test_clock,
  threshold: minor(top_up.threshold),
});

const topUp: Resource<TopUpRow> = { object: 'kontor.credit_top_up', prefix: 'ctop', render, load: (ctx, ids) => topUpsById(ctx.tx, ids), expands: { customer: 'customer' } };

async function create(ctx: Context, given: Params<typeof createParams>): Promise<Json> {
  await existingCustomer(ctx, given.customer, 'customer');
  const customer = await lockCustomer(ctx, given.customer, 'customer');
  const moment = await momentOn(ctx, customer.test_clock);
  if (customer.currency !== null && customer.currency !== given.currency) refuse(undefined, `This customer is billed in ${customer.currency}; credit in ${given.currency} could never be used.`, 'currency');
  const { expires_in_days = null, name = null, priority = 50, metadata: words, amount: sum, threshold, currency: of } = given;
  const top_up: TopUpRow = { id: moment.newId('ctop'), created: moment.now, customer: customer.id, test_clock: customer.test_clock, active: true, name, currency: of, threshold, amount: sum, priority, expires_in_days, metadata: mergeMetadata({}, words) };
  refuseAmount(top_up.amount, top_up.currency);
  const { data: others } = await page<TopUpRow>(ctx, 'credit_top_ups', 'credit top-up', [...equal('customer', customer.id), ...equal('currency', of), ...equal('active', true)], { limit: 1 });
  if (others[0]) refuse(undefined, `The customer has the top-up ${others[0].id} in ${of} already. Change that one, or make it inactive.`, 'customer');
  await commit(ctx, { ...putTopUp(null, top_up), timers: [checking(top_up, moment.now)] });
  return render(top_up, ctx.world);
}

type Path = { top_up: string };

async function update(ctx: Context, given: Params<typeof updateParams>, path: Path): Promise<Json> {
  const [found] = await topUpsById(ctx.tx, [path.top_up]);
  const customer = await lockCustomer(ctx, (found ?? missing('credit top-up', path.top_up)).customer);
  const [before] = await topUpsById(ctx.tx, [path.top_up]);
  const { metadata: words, ...rest } = given;
  if (rest.active === true && !before!.active) refuse(undefined, 'A top-up that is inactive stays so. Make another one.', 'active');
  const after: TopUpRow = { ...before!, ...defined(rest), metadata: mergeMetadata(before!.metadata, words) };
  refuseAmount(after.amount, after.currency);
  const { now } = await momentOn(ctx, customer.test_clock);
  await commit(ctx, { ...putTopUp(before!, after), timers: [checking(after, now)] });
  return render(after, ctx.world);
}

/** A customer has one active top-up in a currency. */
const keyOf = ({ customer, currency: of }: { customer: string; currency: string }): string => `${customer} ${of}`;

/** Buys credit for each customer whose credit has run low. Customers are locked, so that of several who see it one buys. */
const checkDue: TimerCommand = async (ctx, due) => {
  const set = new Map(due.map((each) => [each.subject, each.at]));
  const asked = await topUpsById(ctx.tx, [...set.keys()]);
  const customers = new Map((await customersById(ctx.tx, [...new Set(asked.map((each) => each.customer))], true)).filter((each) => !each.deleted).map((each) => [each.id, each]));
  // Another one may have taken the place of the one that was to look.
  const at = new Map(asked.toSorted((a, b) => set.get(a.id)! - set.get(b.id)!).map((each) => [keyOf(each), set.get(each.id)!]));
  const found = (await topUpsOf(ctx.tx, [...customers.keys()])).filter((each) => at.has(keyOf(each)));
  const buyers = await buyersOf(ctx.tx, [...customers.keys()]);
  const around = await surroundings(ctx, [...customers.values()]);
  const until = (top_up: TopUpRow) => at.get(keyOf(top_up))! + 1;
  const ongoing = Map.groupBy(await ongoingOf(ctx.tx, ...customers.keys()), keyOf);
  const usage = await usageByGroup(ctx.tx, found.flatMap((each) => (ongoing.get(keyOf(each)) ?? []).flatMap((one) => usageAsked(one, until(each)))));
  const waiting = await waitingUsage(ctx.tx, [...customers.keys()]);
  const decided: Decision[] = [];
  for (const each of found) {
    const customer = customers.get(each.customer)!;
    const moment = momentAt(ctx, at.get(keyOf(each))!);
    const costs = (ongoing.get(keyOf(each)) ?? []).flatMap((one) => costSoFar(one, usage, until(each)));
    const left = creditLeft(customer, costs, waiting.get(keyOf(each)) ?? 0n, each.currency, moment.now);
    const times = timesDue(each, left, buyers.has(keyOf(each)));
    if (times === 0n) continue;
    const bought = buyCredit(each, times, around(customer), moment);
    customers.set(customer.id, bought.customer);
    decided.push(bought);
  }
  await commit(ctx, together(decided));
};

async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  const [found] = await topUpsById(ctx.tx, [path.top_up]);
  return render(found ?? missing('credit top-up', path.top_up), ctx.world);
}

async function list(ctx: Context, given: Params<typeof listTopUps>): Promise<Json> {
  const conditions = [...equal('customer', given.customer), ...equal('active', given.active), ...(given.customer === undefined ? equal('test_clock', null) : [])];
  const { data, has_more } = await page<TopUpRow>(ctx, 'credit_top_ups', 'credit top-up', conditions, given);
  return renderList('/v1/kontor/credit_top_ups', data.map((each) => render(each, ctx.world)), has_more);
}

export const creditTopUps: Room = {
  resources: [topUp],
  routes: [
    post('/v1/kontor/credit_top_ups', createParams, create),
    get('/v1/kontor/credit_top_ups', listTopUps, list),
    get('/v1/kontor/credit_top_ups/:top_up', nothing, retrieve),
    post('/v1/kontor/credit_top_ups/:top_up', updateParams, update),
  ],
  timers: { 'credit_top_up.check': checkDue },
};
