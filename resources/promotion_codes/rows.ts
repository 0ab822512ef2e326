import type { PromotionCodeRow } from '../../billing/catalog.ts';
import type { Rival } from '../../billing/promotion_code.ts';
import { rows, rowsById, sql, type Sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import { couponsById } from '../coupons/rows.ts';

/** Promotion codes, in any order. `lock` keeps others from changing them until the transaction ends. */
export async function promotionCodesById(tx: Tx, ids: readonly string[], lock = false): Promise<PromotionCodeRow[]> {
  return rowsById<PromotionCodeRow>(tx, 'promotion_codes', ids, lock);
}

/** Codes with their coupons. */
export async function withCoupons(tx: Tx, codes: readonly PromotionCodeRow[]): Promise<Rival[]> {
  if (codes.length === 0) return [];
  const coupons = new Map((await couponsById(tx, [...new Set(codes.map((code) => code.coupon))])).map((coupon) => [coupon.id, coupon]));
  return codes.map((code) => ({ code, coupon: coupons.get(code.coupon)! }));
}

/** The codes of the same letters that are switched on, of this customer or of all, with their coupons; locked. A code for all customers has every other one in its way. */
export async function rivalsOf(tx: Tx, code: string, customer: string | null, except: string | null): Promise<Rival[]> {
  const found = await rows<PromotionCodeRow>(
    tx,
    sql`select * from promotion_codes where lower(code) = lower(${code}) and active and (customer is null or ${customer}::text is null or customer = ${customer}) and id is distinct from ${except} order by id for update`,
  );
  return withCoupons(tx, found);
}

/** The condition that a code of the table can be used at `now`. */
export function usableAt(now: number): Sql {
  return sql`(active and (expires_at is null or expires_at > to_timestamp(${now}::bigint)) and (max_redemptions is null or times_redeemed < max_redemptions)
    and exists (select from coupons c where c.id = promotion_codes.coupon and not c.deleted and (c.redeem_by is null or c.redeem_by >= to_timestamp(${now}::bigint))
      and (c.max_redemptions is null or c.times_redeemed < c.max_redemptions)))`;
}
