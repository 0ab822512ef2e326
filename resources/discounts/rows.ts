import type { CouponRow, DiscountRow, DiscountWhole } from '../../billing/catalog.ts';
import type { DiscountGiven } from '../../billing/redeem.ts';
import { within } from '../../billing/price.ts';
import { raw, rows, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import { couponsById } from '../coupons/rows.ts';
import { promotionCodesById } from '../promotion_codes/rows.ts';
import type { discountList } from './params.ts';

/** Who holds a discount: the nearest one counts, so a subscription's discounts are those that name no item. */
type Holder = 'customer' | 'subscription' | 'subscription_item' | 'invoice' | 'invoice_item';

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

/** What the names stand for; coupons and codes are locked, since redeeming them counts. `spelt` spells the nth of them. */
export async function discountsGiven(tx: Tx, given: Params<typeof discountList>, spelt: (n: number) => string = (n) => `discounts[${n}]`): Promise<DiscountGiven[]> {
  if (given.length === 0) return [];
  const codes = new Map((await promotionCodesById(tx, given.flatMap((each) => each.promotion_code ?? []), true)).map((code) => [code.id, code]));
  const couponIds = new Set([...given.flatMap((each) => each.coupon ?? []), ...[...codes.values()].map((code) => code.coupon)]);
  const coupons = new Map((await couponsById(tx, [...couponIds], true)).map((coupon) => [coupon.id, coupon]));
  const discounts = new Map((await discountsById(tx, given.flatMap((each) => each.discount ?? []))).map((discount) => [discount.id, discount]));
  return given.map((each, n): DiscountGiven => {
    const at = within(spelt(n));
    if (each.discount !== undefined) return { param: at('discount'), discount: discounts.get(each.discount) ?? missing('discount', each.discount, at('discount')) };
    if (each.promotion_code !== undefined) {
      const code = codes.get(each.promotion_code) ?? missing('promotion code', each.promotion_code, at('promotion_code'));
      return { param: at('promotion_code'), coupon: coupons.get(code.coupon)!, promotion_code: code };
    }
    const coupon = coupons.get(each.coupon!);
    if (!coupon || coupon.deleted) missing('coupon', each.coupon!, at('coupon'));
    return { param: at('coupon'), coupon, promotion_code: null };
  });
}
