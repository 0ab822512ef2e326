import type Stripe from 'stripe';
import { agrees, covers } from '../../server/http/agreement.ts';
import { amount, choice, clearable, currency, fields, id, integer, list, listParams, map, metadata, percent, range, required, text, timestamp } from '../../server/http/params.ts';
import { ownId } from '../prices/params.ts';

const currency_options = map(fields({ amount_off: required(amount({ min: 1 })) }), { names: currency() });
const name = clearable(text({ max: 40 }));

export const createCoupon = fields({
  amount_off: amount({ min: 1 }),
  applies_to: fields({ products: list(id(), { max: 100 }) }),
  currency: currency(),
  currency_options,
  duration: choice('forever', 'once', 'repeating'),
  duration_in_months: integer({ min: 1, max: 1_200 }),
  id: ownId,
  max_redemptions: integer({ min: 1, max: 2_147_483_647 }),
  metadata: metadata(),
  name,
  percent_off: percent({ min: 0.0001, max: 100 }),
  redeem_by: timestamp(),
});
covers<Stripe.CouponCreateParams, typeof createCoupon>(true);
agrees<Stripe.CouponCreateParams, typeof createCoupon>(true);

export const updateCoupon = fields({ currency_options, metadata: metadata(), name });
covers<Stripe.CouponUpdateParams, typeof updateCoupon>(true);
agrees<Stripe.CouponUpdateParams, typeof updateCoupon>(true);

export const listCoupons = listParams({ created: range() });
covers<Stripe.CouponListParams, typeof listCoupons>(true);
agrees<Stripe.CouponListParams, typeof listCoupons>(true);

export const nothing = fields({});
