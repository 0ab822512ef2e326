/** What a price has that Stripe's prices lack: what it includes, what it costs by dimensions, and who has it. */
import type { DimensionPrice, PriceRow } from '../../../billing/catalog.ts';
import { decision, refuse, type Instant } from '../../../billing/decision.ts';
import { dimensionPricesOf } from '../../../billing/dimension_price.ts';
import { allowanceOf, type Allowance } from '../../../billing/metering.ts';
import type { SubscriptionItemRow } from '../../../billing/subscription/subscription.ts';
import { commit } from '../../../server/commit.ts';
import type { Context, Json, Resource, Room } from '../../../server/context.ts';
import { sql } from '../../../server/database/sql.ts';
import { missing } from '../../../server/http/errors.ts';
import { choice, clearable, currency, decimal, doc, exclusive, fields, id, list as listOf, listParams, map, required, text, type Params } from '../../../server/http/params.ts';
import { get, post } from '../../../server/http/route.ts';
import { minor } from '../../../server/http/wire.ts';
import { page, renderList } from '../../../server/lists.ts';
import { metersById } from '../../billing/meters/rows.ts';
import { fine, money, oneUnitAmount, tiers } from '../../prices/params.ts';
import { renderTier, wholeOf } from '../../prices/resource.ts';
import { isSubscribedTo, pricesById } from '../../prices/rows.ts';
import { productsById } from '../../products/rows.ts';
import { ownersOf, wholeItems } from '../../subscriptions/rows.ts';

/** An item with whose it is. `id`, which is the cursor, is that of the subscription's item. */
type Subscriber = Pick<SubscriptionItemRow, 'id' | 'subscription' | 'price' | 'quantity' | 'current_period_start' | 'current_period_end'> & { customer: string; price_since: Instant; next_price: string | null };

const render = (subscriber: Subscriber): Json => ({
  id: subscriber.id,
  object: 'kontor.price_subscriber',
  current_period_end: subscriber.current_period_end,
  current_period_start: subscriber.current_period_start,
  customer: subscriber.customer,
  next_price: subscriber.next_price,
  price: subscriber.price,
  quantity: subscriber.quantity === null ? null : minor(subscriber.quantity),
  since: subscriber.price_since,
  subscription: subscriber.subscription,
});

const priceSubscriber: Resource<Subscriber> = { object: 'kontor.price_subscriber', prefix: 'si', render, expands: { customer: 'customer', next_price: 'price', price: 'price', subscription: 'subscription' } };

const listSubscribers = listParams({});

/** Who has a price: the items of subscriptions that have not ended, also where the price is archived. */
async function list(ctx: Context, given: Params<typeof listSubscribers>, path: { price: string }): Promise<Json> {
  const [price] = await pricesById(ctx.tx, [path.price]);
  if (!price) return missing('price', path.price);
  const ongoing = sql`exists (select from subscriptions s where s.world = subscription_items.world and s.id = subscription_items.subscription and s.status not in ('canceled', 'incomplete_expired'))`;
  const { data, has_more } = await page<SubscriptionItemRow>(ctx, 'subscription_items', 'subscription item', [sql`price = ${price.id}`, sql`not deleted`, ongoing], given);
  const owners = new Map((await ownersOf(ctx.tx, data.map((item) => item.subscription))).map((each) => [each.id, each.customer]));
  return renderList(`/v1/kontor/prices/${price.id}/subscribers`, (await wholeItems(ctx.tx, data)).map((item) => render({ ...item, customer: owners.get(item.subscription)!, next_price: item.next?.terms.id ?? null })), has_more);
}

const renderAmounts = ({ unit_amount_decimal, tiers: of }: Pick<DimensionPrice, 'unit_amount_decimal' | 'tiers'>): Json => ({
  tiers: of && of.map(renderTier), unit_amount: wholeOf(unit_amount_decimal), unit_amount_decimal,
});

const renderEntry = ({ name, dimensions, tiers_mode, currency_options, ...amounts }: DimensionPrice): Json => ({
  currency_options: currency_options && Object.fromEntries(Object.entries(currency_options).map(([currency, option]) => [currency, renderAmounts(option)])),
  dimensions,
  name,
  tiers_mode,
  ...renderAmounts(amounts),
});

const renderTerms = (price: PriceRow): Json => ({ id: price.id, object: 'kontor.price', allowance: price.allowance, dimension_prices: price.dimension_prices && price.dimension_prices.map(renderEntry), price: price.id });

const priceTerms: Resource<PriceRow> = { object: 'kontor.price', prefix: 'price', render: renderTerms, load: (ctx, ids) => pricesById(ctx.tx, ids), expands: { price: 'price', 'allowance.seat_product': 'product' } };

const MOST_ENTRIES = 100;
const MOST_VALUES = 50;
const amounts = { tiers, unit_amount: money, unit_amount_decimal: fine };

const dimensionPrice = fields(
  {
    ...amounts,
    currency_options: doc('Its amounts in each further currency of the price.', map(fields(amounts, oneUnitAmount), { names: currency() })),
    dimensions: doc('By dimension, the values that it is for. Usage must have one of them in each dimension that is named.', required(map(listOf(text({ min: 1, max: 100 }), { min: 1, max: MOST_VALUES }), { max: 10, names: text({ max: 100 }) }))),
    name: doc('What bills call it. By default its values.', text({ min: 1, max: 60 })),
    tiers_mode: doc('How its tiers count; by default as those of the price.', choice('graduated', 'volume')),
  },
  exclusive(['unit_amount', 'unit_amount_decimal', 'tiers']),
);

const updateTerms = fields({
  allowance: doc(
    'What a metered price includes in each period without charge. Only the units beyond it are priced.',
    clearable(
      fields({
        quantity: doc('So many units.', required(decimal({ min: '0.000000000001', max: 999_999_999_999, places: 12 }))),
        per: doc('For the subscription, or for each of its seats: the quantities of its licensed items. By default for the subscription.', choice('subscription', 'seat')),
        seat_product: doc('Only items of this product are seats. By default all licensed ones.', id()),
      }),
    ),
  ),
  dimension_prices: doc('What usage costs that has some values of its meter’s dimensions. The first entry that has its values counts; what no entry is for costs what the price itself says.', clearable(listOf(dimensionPrice, { min: 1, max: MOST_ENTRIES }))),
});

async function allowed(ctx: Context, given: NonNullable<Params<typeof updateTerms>['allowance']>, price: PriceRow): Promise<Allowance> {
  if (given.seat_product !== undefined && (await productsById(ctx.tx, [given.seat_product])).length === 0) missing('product', given.seat_product, 'allowance[seat_product]');
  return allowanceOf(given, price.meter !== null, (field) => `allowance[${field}]`);
}

/** Terms do not change once somebody has agreed to them, so they are said before anybody has the price. */
async function update(ctx: Context, given: Params<typeof updateTerms>, path: { price: string }): Promise<Json> {
  const [before] = await pricesById(ctx.tx, [path.price], true);
  if (!before) return missing('price', path.price);
  const [first] = (['allowance', 'dimension_prices'] as const).filter((name) => given[name] !== undefined);
  if (first === undefined) return renderTerms(before);
  if (await isSubscribedTo(ctx.tx, before.id)) refuse(undefined, `The price ${before.id} has been subscribed to, so what it includes and costs cannot change any more. Make a new price instead.`, first);
  const [meter = null] = before.meter === null ? [] : await metersById(ctx.tx, [before.meter]);
  const after: PriceRow = {
    ...before,
    allowance: given.allowance === undefined ? before.allowance : given.allowance && (await allowed(ctx, given.allowance, before)),
    dimension_prices: given.dimension_prices === undefined ? before.dimension_prices : given.dimension_prices && dimensionPricesOf(given.dimension_prices, before, meter),
  };
  await commit(ctx, { ...decision(), puts: [{ table: 'prices', before, after }] });
  return renderTerms(after);
}

async function retrieve(ctx: Context, _given: object, path: { price: string }): Promise<Json> {
  const [found] = await pricesById(ctx.tx, [path.price]);
  return renderTerms(found ?? missing('price', path.price));
}

export const priceExtensions: Room = {
  resources: [priceSubscriber, priceTerms],
  routes: [
    get('/v1/kontor/prices/:price', fields({}), retrieve),
    post('/v1/kontor/prices/:price', updateTerms, update),
    get('/v1/kontor/prices/:price/subscribers', listSubscribers, list),
  ],
};
