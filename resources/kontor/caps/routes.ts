/** Caps: how much a customer may use, in units of a meter or in money. */
import { changeCap, createCap, refuseUncountable, type CapRow } from '../../../billing/cap.ts';
import { refuse } from '../../../billing/decision.ts';
import { mergeMetadata } from '../../../billing/metadata.ts';
import { commit } from '../../../server/commit.ts';
import { momentOn, type Context, type Json, type Room } from '../../../server/context.ts';
import { missing } from '../../../server/http/errors.ts';
import { amount, byDefault, choice, clearable, currency, decimal, doc, exclusive, fields, id, listParams, metadata, required, text, type Params } from '../../../server/http/params.ts';
import { get, post } from '../../../server/http/route.ts';
import { equal, page, renderList } from '../../../server/lists.ts';
import { metersById } from '../../billing/meters/rows.ts';
import { existingCustomer } from '../../customers/rows.ts';
import { cap, renderCap } from './resource.ts';
import { capsById } from './rows.ts';

const quantity = decimal({ min: 0, max: 999_999_999_999_999, places: 12 });
const createParams = fields(
  {
    amount: doc('So much money, in the smallest unit of `currency`, over all that is metered: what it costs at its prices, before discounts, credits and tax.', amount({ min: 0 })),
    currency: currency(),
    customer: required(id('cus')),
    metadata: metadata(),
    meter: doc('The meter of which so much may be used.', id()),
    name: text({ max: 100 }),
    period: doc('In which span it counts. Money counts in the billing periods of what is metered.', byDefault(choice('billing_period', 'day', 'month', 'lifetime'), 'billing_period')),
    quantity: doc('So many units of `meter`.', quantity),
  },
  exclusive(['amount', 'quantity']),
);
const updateParams = fields({ amount: amount({ min: 0 }), metadata: metadata(), name: clearable(text({ max: 100 })), quantity });
const listCaps = listParams({ customer: id('cus') });
const nothing = fields({});

async function create(ctx: Context, given: Params<typeof createParams>): Promise<Json> {
  const { customer: whose, metadata: words, name = null, period, amount: money = null, quantity: units = null, meter: named = null, currency: of = null } = given;
  const customer = await existingCustomer(ctx, whose, 'customer');
  if (money === null && units === null) refuse('parameter_missing', 'Say how much may be used: give `quantity` with `meter`, or `amount` with `currency`.', 'quantity');
  if ((units === null) !== (named === null)) refuse(units === null ? undefined : 'parameter_missing', 'A `quantity` is one of a `meter`: give both, or neither.', 'meter');
  if ((money === null) !== (of === null)) refuse(money === null ? undefined : 'parameter_missing', 'An `amount` is in a `currency`: give both, or neither.', 'currency');
  if (money !== null && period !== 'billing_period') refuse(undefined, 'Money counts in the billing periods of what is metered: leave `period` out.', 'period');
  if (named !== null) refuseUncountable((await metersById(ctx.tx, [named]))[0] ?? missing('meter', named, 'meter'), 'meter');
  const made = createCap({ customer: customer.id, test_clock: customer.test_clock, name, meter: named, quantity: units, currency: of, amount: money, period, metadata: mergeMetadata({}, words) }, await momentOn(ctx, customer.test_clock));
  await commit(ctx, made);
  return renderCap(made.cap, ctx.world);
}

type Path = { cap: string };

async function lockCap(ctx: Context, { cap: wanted }: Path): Promise<CapRow> {
  const [found] = await capsById(ctx.tx, [wanted], true);
  return found ?? missing('cap', wanted);
}

async function update(ctx: Context, given: Params<typeof updateParams>, path: Path): Promise<Json> {
  const before = await lockCap(ctx, path);
  const { amount: money, quantity: units, name, metadata: words } = given;
  if (money !== undefined && before.amount === null) refuse(undefined, `The cap ${before.id} is one of units: give \`quantity\`.`, 'amount');
  if (units !== undefined && before.quantity === null) refuse(undefined, `The cap ${before.id} is one of money: give \`amount\`.`, 'quantity');
  const made = changeCap(before, { ...(money !== undefined && { amount: money }), ...(units !== undefined && { quantity: units }), ...(name !== undefined && { name }), metadata: mergeMetadata(before.metadata, words) });
  await commit(ctx, made);
  return renderCap(made.cap, ctx.world);
}

async function archive(ctx: Context, _given: object, path: Path): Promise<Json> {
  const made = changeCap(await lockCap(ctx, path), { status: 'archived' });
  await commit(ctx, made);
  return renderCap(made.cap, ctx.world);
}

async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  const [found] = await capsById(ctx.tx, [path.cap]);
  return renderCap(found ?? missing('cap', path.cap), ctx.world);
}

async function list(ctx: Context, given: Params<typeof listCaps>): Promise<Json> {
  const conditions = [...equal('customer', given.customer), ...(given.customer === undefined ? equal('test_clock', null) : [])];
  const { data, has_more } = await page<CapRow>(ctx, 'usage_caps', 'cap', conditions, given);
  return renderList('/v1/kontor/caps', data.map((each) => renderCap(each, ctx.world)), has_more);
}

export const caps: Room = {
  resources: [cap],
  routes: [
    post('/v1/kontor/caps', createParams, create),
    get('/v1/kontor/caps', listCaps, list),
    get('/v1/kontor/caps/:cap', nothing, retrieve),
    post('/v1/kontor/caps/:cap', updateParams, update),
    post('/v1/kontor/caps/:cap/archive', nothing, archive),
  ],
};
