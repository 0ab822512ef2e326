/** A subscription's items by themselves: each request is a change of the subscription, decided like any other. */
import type Stripe from 'stripe';
import { refuse, together, type Decision } from '../../billing/decision.ts';
import { changeSubscription, NO_CHANGE, type Changed, type ChangeOrder } from '../../billing/subscription/change.ts';
import type { SubscriptionItemRow } from '../../billing/subscription/subscription.ts';
import { commit } from '../../server/commit.ts';
import type { Context, Json, Room } from '../../server/context.ts';
import { sql } from '../../server/database/sql.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import { del, get, post, type Answer } from '../../server/http/route.ts';
import type { Wire } from '../../server/http/wire.ts';
import { page, renderList } from '../../server/lists.ts';
import { renderItem, subscriptionItem } from '../subscriptions/resource.ts';
import { changeFacts, itemsById, lockSubscription, readCatalogue, subscriptionOfItem, subscriptionsById, wholeItems, withoutPending, type Locked } from '../subscriptions/rows.ts';
import * as params from './params.ts';

type Prorated = { payment_behavior: Params<typeof params.createItem>['payment_behavior']; proration_behavior: ChangeOrder['proration_behavior']; proration_date?: number; off_session?: boolean };

/** How the change is billed; the rest of the parameters is about the item. */
function orderOf({ payment_behavior, proration_behavior, proration_date, off_session = false }: Prorated): ChangeOrder {
  return { ...NO_CHANGE, payment_behavior, proration_behavior, proration_date: proration_date ?? null, off_session };
}

/** The item's subscription, locked. Another request may have removed the item before it was. */
async function lockOwner(ctx: Context, item: string): Promise<Locked> {
  const locked = await lockSubscription(ctx, (await subscriptionOfItem(ctx.tx, item)) ?? missing('subscription item', item));
  return locked.subscription.items.some((each) => each.id === item) ? locked : missing('subscription item', item);
}

async function change(ctx: Context, locked: Locked, order: ChangeOrder, before: readonly Decision[]): Promise<Changed> {
  const facts = await changeFacts(ctx, locked.subscription.pending_update === null ? locked : await withoutPending(ctx, locked));
  const changed = changeSubscription(order, facts, locked.moment);
  await commit(ctx, together([...before, changed]));
  return changed;
}

/** `refuses` where a change that is not paid at once is told as the card error, and taken back. */
const answer = (id: string, { payment_behavior }: Pick<ChangeOrder, 'payment_behavior'>): Answer => ({ ref: { object: 'subscription_item', id, refuseUnpaid: payment_behavior === 'error_if_incomplete' } });

/** The item is the request: its parameters stand by themselves, where a subscription's request has `items[0][price]`. */
const ITEM = '';

async function create(ctx: Context, given: Params<typeof params.createItem>): Promise<Answer> {
  const { subscription: id, payment_behavior, proration_behavior, proration_date, ...item } = given;
  const locked = await lockSubscription(ctx, id, 'subscription');
  const known = new Set(locked.subscription.items.map((each) => each.id));
  const catalogue = await readCatalogue(ctx, { items: [item] }, locked.moment);
  const order = { ...orderOf({ payment_behavior, proration_behavior, proration_date }), items: [{ add: catalogue.newItem(item, ITEM) }] };
  const { subscription } = await change(ctx, locked, order, catalogue.made);
  return answer([...subscription.items, ...subscription.updating].find((each) => !known.has(each.id))!.id, order);
}

async function update(ctx: Context, given: Params<typeof params.updateItem>, path: { item: string }): Promise<Answer> {
  const { payment_behavior, proration_behavior, proration_date, off_session, ...item } = given;
  const locked = await lockOwner(ctx, path.item);
  const catalogue = await readCatalogue(ctx, { items: [item] }, locked.moment);
  const asked = catalogue.itemChange({ ...item, id: path.item }, ITEM);
  await change(ctx, locked, { ...orderOf({ payment_behavior, proration_behavior, proration_date, off_session }), items: [{ change: asked }] }, catalogue.made);
  return answer(path.item, { payment_behavior });
}

async function remove(ctx: Context, given: Params<typeof params.deleteItem>, path: { item: string }): Promise<Wire<Stripe.DeletedSubscriptionItem>> {
  const locked = await lockOwner(ctx, path.item);
  if (locked.subscription.items.length === 1) refuse(undefined, 'This is the last item of its subscription. To end the subscription, cancel it.', undefined, { status: 400 });
  const { subscription } = await change(ctx, locked, { ...orderOf(given), items: [{ change: { param: ITEM, id: path.item, deleted: true } }] }, []);
  if (subscription.pending_update !== null) refuse(undefined, 'To remove this item would cost something, for which the removal would wait. Remove it by changing the subscription, whose answer says so.', 'payment_behavior');
  return { id: path.item, object: 'subscription_item', deleted: true };
}

async function retrieve(ctx: Context, _given: object, path: { item: string }): Promise<Json> {
  const [item] = await itemsById(ctx.tx, [path.item]);
  return renderItem(item ?? missing('subscription item', path.item), ctx.world);
}

async function list(ctx: Context, given: Params<typeof params.listItems>): Promise<Json> {
  const [owner] = await subscriptionsById(ctx.tx, [given.subscription]);
  if (!owner) missing('subscription', given.subscription, 'subscription');
  const { data, has_more } = await page<SubscriptionItemRow>(ctx, 'subscription_items', 'subscription item', [sql`subscription = ${given.subscription}`, sql`not deleted`], given);
  return renderList('/v1/subscription_items', (await wholeItems(ctx.tx, data)).map((item) => renderItem(item, ctx.world)), has_more);
}

export const subscriptionItems: Room = {
  resources: [subscriptionItem],
  routes: [
    post('/v1/subscription_items', params.createItem, create, { counts: true }),
    get('/v1/subscription_items', params.listItems, list),
    get('/v1/subscription_items/:item', params.nothing, retrieve),
    post('/v1/subscription_items/:item', params.updateItem, update, { counts: true }),
    del('/v1/subscription_items/:item', params.deleteItem, remove, { counts: true }),
  ],
};
