import type Stripe from 'stripe';
import type { DiscountWhole } from '../../billing/catalog.ts';
import type { Resource, Room } from '../../server/context.ts';
import type { Wire } from '../../server/http/wire.ts';
import { discountsById } from './rows.ts';
import { discountVersions } from './versions.ts';

export function renderDiscount(discount: DiscountWhole): Wire<Stripe.Discount> {
  return {
    id: discount.id,
    object: 'discount',
    checkout_session: null,
    customer: discount.customer,
    customer_account: null,
    end: discount.end,
    invoice: discount.invoice,
    invoice_item: discount.invoice_item,
    promotion_code: discount.promotion_code,
    source: { type: 'coupon', coupon: discount.coupon },
    start: discount.start,
    subscription: discount.subscription,
    subscription_item: discount.subscription_item,
  };
}

const discount: Resource<DiscountWhole> = {
  object: 'discount',
  prefix: 'di',
  render: renderDiscount,
  load: (ctx, ids) => discountsById(ctx.tx, ids),
  expands: { customer: 'customer', promotion_code: 'promotion_code', 'source.coupon': 'coupon' },
};

/** Discounts have no requests of their own: they come and go with what they discount. */
export const discounts: Room = { resources: [discount], versions: discountVersions };
