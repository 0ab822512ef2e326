import type Stripe from 'stripe';
import { agrees, covers } from '../../server/http/agreement.ts';
import { boolean, byDefault, fields, id, listParams, required, timestamp } from '../../server/http/params.ts';
import { clear_usage, itemFields, oneItemPrice, paymentBehavior, prorationBehavior } from '../subscriptions/params.ts';

const prorated = { payment_behavior: paymentBehavior, proration_behavior: prorationBehavior, proration_date: timestamp() };

export const createItem = fields({ ...itemFields, ...prorated, subscription: required(id('sub')) }, oneItemPrice);
covers<Stripe.SubscriptionItemCreateParams, typeof createItem>(true);
agrees<Stripe.SubscriptionItemCreateParams, typeof createItem>(true);

export const updateItem = fields({ ...itemFields, ...prorated, off_session: byDefault(boolean(), false) }, oneItemPrice);
covers<Stripe.SubscriptionItemUpdateParams, typeof updateItem>(true);
agrees<Stripe.SubscriptionItemUpdateParams, typeof updateItem>(true);

export const deleteItem = fields({ ...prorated, clear_usage });
covers<Stripe.SubscriptionItemDeleteParams, typeof deleteItem>(true);
agrees<Stripe.SubscriptionItemDeleteParams, typeof deleteItem>(true);

export const listItems = listParams({ subscription: required(id('sub')) });
covers<Stripe.SubscriptionItemListParams, typeof listItems>(true);
agrees<Stripe.SubscriptionItemListParams, typeof listItems>(true);

export const nothing = fields({});
covers<Stripe.SubscriptionItemRetrieveParams, typeof nothing>(true);
