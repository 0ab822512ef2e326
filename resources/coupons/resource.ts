import type Stripe from 'stripe';
import type { CouponRow } from '../../billing/catalog.ts';
import { isRedeemable, type CouponWhole } from '../../billing/coupon.ts';
import type { Context, Resource, World } from '../../server/context.ts';
import { minor, type Wire } from '../../server/http/wire.ts';
import { couponsById } from './rows.ts';

/** A deleted coupon is shown whole, since discounts go on naming it; it is not valid. */
function render(coupon: CouponWhole, world: World): Wire<Stripe.Coupon> {
  return {
    id: coupon.id,
    object: 'coupon',
    amount_off: coupon.amount_off === null ? null : minor(coupon.amount_off),
    created: coupon.created,
    currency: coupon.currency,
    duration: coupon.duration,
    duration_in_months: coupon.duration_in_months,
    livemode: world.livemode,
    max_redemptions: coupon.max_redemptions,
    metadata: coupon.metadata,
    name: coupon.name,
    percent_off: coupon.percent_off === null ? null : Number(coupon.percent_off),
    redeem_by: coupon.redeem_by,
    times_redeemed: coupon.times_redeemed,
    valid: isRedeemable(coupon, coupon.now),
  };
}

async function each<Value>(ctx: Context, ids: readonly string[], of: (coupon: CouponRow) => Value): Promise<Map<string, Value>> {
  return new Map((await couponsById(ctx.tx, ids)).map((coupon) => [coupon.id, of(coupon)]));
}

export const coupon: Resource<CouponWhole> = {
  object: 'coupon',
  prefix: '',
  render,
  load: async (ctx, ids) => (await couponsById(ctx.tx, ids)).map((row) => ({ ...row, now: ctx.app.clock.now() })),
  includes: {
    applies_to: (ctx, ids) => each(ctx, ids, (row) => (row.applies_to ? { products: row.applies_to } : undefined)),
    // The coupon's own currency is among them.
    currency_options: (ctx, ids) => each(ctx, ids, (row) => (row.currency ? { [row.currency]: { amount_off: minor(row.amount_off!) }, ...row.currency_options } : undefined)),
  },
};
