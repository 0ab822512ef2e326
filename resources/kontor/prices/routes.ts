/** Who has a price: the items of subscriptions that have not ended, also where the price is archived. */
import type { Instant } from '../../../billing/decision.ts';
import type { SubscriptionItemRow } from '../../../billing/subscription/subscription.ts';
import type { Context, Json, Resource, Room } from '../../../server/context.ts';
import { sql } from '../../../server/database/sql.ts';
import { missing } from '../../../server/http/errors.ts';
import { listParams, type Params } from '../../../server/http/params.ts';
import { get } from '../../../server/http/route.ts';
import { minor } from '../../../server/http/wire.ts';
import { page, renderList } from '../../../server/lists.ts';
import { pricesById } from '../../prices/rows.ts';
import { ownersOf } from '../../subscriptions/rows.ts';

/** An item with whose it is. `id`, which is the cursor, is that of the subscription's item. */
type Subscriber = Pick<SubscriptionItemRow, 'id' | 'subscription' | 'price' | 'quantity' | 'current_period_start' | 'current_period_end'> & { customer: string; price_since: Instant };

const render = (subscriber: Subscriber): Json => ({
  id: subscriber.id,
  object: 'kontor.price_subscriber',
  current_period_end: subscriber.current_period_end,
  current_period_start: subscriber.current_period_start,
  customer: subscriber.customer,
  price: subscriber.price,
  quantity: subscriber.quantity === null ? null : minor(subscriber.quantity),
  since: subscriber.price_since,
  subscription: subscriber.subscription,
});

const priceSubscriber: Resource<Subscriber> = { object: 'kontor.price_subscriber', prefix: 'si', render, expands: { customer: 'customer', price: 'price', subscription: 'subscription' } };

const listSubscribers = listParams({});

async function list(ctx: Context, given: Params<typeof listSubscribers>, path: { price: string }): Promise<Json> {
  const [price] = await pricesById(ctx.tx, [path.price]);
  if (!price) return missing('price', path.price);
  const ongoing = sql`exists (select from subscriptions s where s.world = subscription_items.world and s.id = subscription_items.subscription and s.status not in ('canceled', 'incomplete_expired'))`;
  const { data, has_more } = await page<SubscriptionItemRow>(ctx, 'subscription_items', 'subscription item', [sql`price = ${price.id}`, sql`not deleted`, ongoing], given);
  const owners = new Map((await ownersOf(ctx.tx, data.map((item) => item.subscription))).map((each) => [each.id, each.customer]));
  return renderList(`/v1/kontor/prices/${price.id}/subscribers`, data.map((item) => render({ ...item, customer: owners.get(item.subscription)! })), has_more);
}

export const priceSubscribers: Room = { resources: [priceSubscriber], routes: [get('/v1/kontor/prices/:price/subscribers', listSubscribers, list)] };
