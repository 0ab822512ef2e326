/** What a price has that Stripe's prices lack: what it includes, and who has it. */
import type { PriceRow } from '../../../billing/catalog.ts';
import { decision, refuse, type Instant } from '../../../billing/decision.ts';
import { allowanceOf } from '../../../billing/metering.ts';
import type { SubscriptionItemRow } from '../../../billing/subscription/subscription.ts';
import { commit } from '../../../server/commit.ts';
import type { Context, Json, Resource, Room } from '../../../server/context.ts';
import { sql } from '../../../server/database/sql.ts';
import { missing } from '../../../server/http/errors.ts';
import { choice, clearable, decimal, doc, fields, id, listParams, required, type Params } from '../../../server/http/params.ts';
import { get, post } from '../../../server/http/route.ts';
import { minor } from '../../../server/http/wire.ts';
import { page, renderList } from '../../../server/lists.ts';
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

const renderTerms = (price: PriceRow): Json => ({ id: price.id, object: 'kontor.price', allowance: price.allowance, price: price.id });

const priceTerms: Resource<PriceRow> = { object: 'kontor.price', prefix: 'price', render: renderTerms, load: (ctx, ids) => pricesById(ctx.tx, ids), expands: { price: 'price', 'allowance.seat_product': 'product' } };

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
});

/** Terms do not change once somebody has agreed to them, so they are said before anybody has the price. */
async function update(ctx: Context, given: Params<typeof updateTerms>, path: { price: string }): Promise<Json> {
  const [before] = await pricesById(ctx.tx, [path.price], true);
  if (!before) return missing('price', path.price);
  if (given.allowance === undefined) return renderTerms(before);
  if (await isSubscribedTo(ctx.tx, before.id)) refuse(undefined, `The price ${before.id} has been subscribed to, so what it includes cannot change any more. Make a new price instead.`, 'allowance');
  const { allowance } = given;
  if (allowance?.seat_product !== undefined && (await productsById(ctx.tx, [allowance.seat_product])).length === 0) missing('product', allowance.seat_product, 'allowance[seat_product]');
  const after: PriceRow = { ...before, allowance: allowance && allowanceOf(allowance, before.meter !== null, (field) => `allowance[${field}]`) };
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
