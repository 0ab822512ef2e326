/** What a customer has used in the current period of each metered item, as it is known right now: an event is in it once its report is answered or, through JetStream, a moment later. */
import type { Used } from '../../../billing/metering.ts';
import { groupsOf } from '../../../billing/pricing/dimensions.ts';
import { momentOn, type Context, type Json } from '../../../server/context.ts';
import { missing } from '../../../server/http/errors.ts';
import { fields, id, type Params } from '../../../server/http/params.ts';
import { renderList } from '../../../server/lists.ts';
import { metersOf } from '../../../server/usage/events.ts';
import { countedInFull } from '../../../server/usage/counted.ts';
import type { Asked } from '../../../server/usage/spans.ts';
import { isLevel } from '../../../server/usage/levels.ts';
import { customerClock } from '../../billing/meter_events/rows.ts';
import { isTooLarge, LARGEST_AMOUNT } from '../../../billing/pricing/amount.ts';
import { costSoFar } from '../../../billing/subscription/cost.ts';
import { minor } from '../../../server/http/wire.ts';
import { ongoingOf } from '../../subscriptions/rows.ts';

/** What is held may come to more than an amount may be: it is shown as the most that a line comes to. */
const atMost = (amount: bigint): bigint => (isTooLarge(amount) ? LARGEST_AMOUNT : amount);

export const showUsage = fields({ subscription: id('sub') });

export async function usageOfCustomer(ctx: Context, { subscription }: Params<typeof showUsage>, path: { customer: string }): Promise<Json> {
  const clock = (await customerClock(ctx.tx, path.customer)) ?? missing('customer', path.customer);
  const { now } = await momentOn(ctx, clock.test_clock);
  const ongoing = await ongoingOf(ctx.tx, path.customer);
  if (subscription !== undefined && !ongoing.some((each) => each.id === subscription)) missing('subscription', subscription, 'subscription');
  const items = ongoing.filter((each) => subscription === undefined || each.id === subscription)
    .flatMap((each) => each.items.flatMap((item) => (item.terms.meter === null ? [] : [{ subscription: each.id, item, meter: item.terms.meter }])));
  const meters = await metersOf(ctx.tx, items.map(({ meter }) => meter));
  const levels = new Set(meters.filter(isLevel).map((meter) => meter.id));
  // A level counts as far as time has come. All else counts as far as it is reported, a little ahead too, so that the present hour is read as a whole and not event by event.
  const asked = items.map(({ item, meter }): Asked => ({ key: item.id, meter, customer: path.customer, start: item.current_period_start, end: levels.has(meter) ? Math.max(item.current_period_start, Math.min(item.current_period_end, now + 1)) : item.current_period_end, groups: item.terms.dimension_prices }));
  const counted = await countedInFull(ctx.tx, asked, meters);
  const used = new Map<string, Used>([...counted].map(([key, { value, groups }]) => [key, groups ?? value]));
  const costs = new Map(ongoing.flatMap((each) => costSoFar(each, used, now + 1)).map((cost) => [cost.item, cost]));
  const data = items.map(({ subscription: owner, item, meter }) => ({
    object: 'kontor.usage',
    // Null where all usage costs the same; what no entry is for comes last.
    by_dimension_prices: counted.get(item.id)!.groups?.map((value, n) => ({ name: groupsOf(item.terms)[n]!.name, value })) ?? null,
    by_dimensions: counted.get(item.id)!.apart.flatMap(({ dimensions, value }) => (dimensions === '' ? [] : [{ dimensions: JSON.parse(dimensions) as Json, value }])),
    // Before discounts, credits and tax: of the whole period until now, and what of it no invoice has billed.
    cost: { amount: minor(atMost(costs.get(item.id)!.amount)), currency: costs.get(item.id)!.currency, unbilled_amount: minor(costs.get(item.id)!.unbilled_amount) },
    customer: path.customer,
    end_time: item.current_period_end,
    livemode: ctx.world.livemode,
    meter,
    price: item.terms.id,
    start_time: item.current_period_start,
    subscription: owner,
    subscription_item: item.id,
    // Whether all usage is in it that was acknowledged before this was asked.
    up_to_date: ctx.request!.counted,
    value: counted.get(item.id)!.value,
  }));
  return renderList(`/v1/kontor/customers/${path.customer}/usage`, data);
}
