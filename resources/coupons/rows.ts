import type { CouponRow } from '../../billing/catalog.ts';
import { rowsById } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';

/** Coupons, deleted ones among them, in any order: who has a deleted coupon keeps it. `lock` keeps others from changing them until the transaction ends. */
export async function couponsById(tx: Tx, ids: readonly string[], lock = false): Promise<CouponRow[]> {
  return rowsById<CouponRow>(tx, 'coupons', ids, lock);
}
