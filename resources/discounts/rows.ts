import type { CouponRow, DiscountRow, DiscountWhole } from '../../billing/catalog.ts';
import { raw, rows, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';

/** Who holds a discount: the nearest one counts, so a subscription's discounts are those that name no item. */
export type Holder = 'customer' | 'subscription' | 'subscription_item' | 'invoice' | 'invoice_item';

/** For each holder, what must be empty beside it. */
const FURTHER: Record<Holder, string> = {
  customer: 'subscription is null and subscription_item is null and invoice is null and invoice_item is null',
  subscription: 'subscription_item is null and invoice is null and invoice_item is null',
  subscription_item: 'invoice is null and invoice_item is null',
  invoice: 'invoice_item is null',
  invoice_item: 'true',
};

/** The discounts in force of many holders of one kind, by holder, in their order. */
export async function discountsOf(tx: Tx, holder: Holder, ids: readonly string[]): Promise<Map<string, DiscountWhole[]>> {
  const found = await rows<DiscountRow>(
    tx,
    sql`select * from discounts where ${raw(holder)} = any(${ids}::text[]) and not ended and ${raw(FURTHER[holder])} order by ${raw(holder)}, position, id`,
  );
  return Map.groupBy(await withCoupons(tx, found), (discount) => discount[holder]!);
}

export async function discountsById(tx: Tx, ids: readonly string[]): Promise<DiscountWhole[]> {
  return withCoupons(tx, await rows<DiscountRow>(tx, sql`select * from discounts where id = any(${ids}::text[])`));
}

async function withCoupons(tx: Tx, discounts: readonly DiscountRow[]): Promise<DiscountWhole[]> {
  if (discounts.length === 0) return [];
  const ids = [...new Set(discounts.map((discount) => discount.coupon))];
  const coupons = new Map((await rows<CouponRow>(tx, sql`select * from coupons where id = any(${ids}::text[])`)).map((coupon) => [coupon.id, coupon]));
  return discounts.map((discount) => ({ ...discount, source: coupons.get(discount.coupon)! }));
}
