import type { CouponRow } from '../../billing/catalog.ts';
import { changeCoupon, createCoupon, deleteCoupon, type CouponWhole } from '../../billing/coupon.ts';
import { commit } from '../../server/commit.ts';
import { realMoment, type Context, type Json } from '../../server/context.ts';
import { holdName } from '../../server/database/name.ts';
import { sql } from '../../server/database/sql.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import { page, renderList, within } from '../../server/lists.ts';
import { productsById } from '../products/rows.ts';
import type * as params from './params.ts';
import { coupon } from './resource.ts';
import { couponsById } from './rows.ts';

type Path = { coupon: string };

const rendered = (ctx: Context, whole: CouponWhole): Json => coupon.render(whole, ctx.world);

async function refuseUnknownProducts(ctx: Context, products: readonly string[]): Promise<void> {
  const known = new Set((await productsById(ctx.tx, products)).filter((product) => !product.deleted).map((product) => product.id));
  for (const [index, id] of products.entries()) if (!known.has(id)) missing('product', id, `applies_to[products][${index}]`);
}

export async function create(ctx: Context, given: Params<typeof params.createCoupon>): Promise<Json> {
  const { id = ctx.app.clock.secret(8), applies_to, ...about } = given;
  const products = applies_to?.products ?? [];
  await refuseUnknownProducts(ctx, products);
  await holdName(ctx.tx, 'coupon', id);
  const [known = null] = await couponsById(ctx.tx, [id]);
  const decided = createCoupon({ ...about, id, products, known }, realMoment(ctx.app));
  await commit(ctx, decided);
  return rendered(ctx, decided.coupon);
}

async function lockCoupon(ctx: Context, id: string): Promise<CouponRow> {
  const [found] = await couponsById(ctx.tx, [id], true);
  return found && !found.deleted ? found : missing('coupon', id);
}

export async function update(ctx: Context, given: Params<typeof params.updateCoupon>, path: Path): Promise<Json> {
  const decided = changeCoupon(await lockCoupon(ctx, path.coupon), given, realMoment(ctx.app));
  await commit(ctx, decided);
  return rendered(ctx, decided.coupon);
}

export async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  const [found] = await coupon.load!(ctx, [path.coupon]);
  return rendered(ctx, found && !found.deleted ? found : missing('coupon', path.coupon));
}

export async function remove(ctx: Context, _given: object, path: Path): Promise<Json> {
  await commit(ctx, deleteCoupon(await lockCoupon(ctx, path.coupon), realMoment(ctx.app)));
  return { id: path.coupon, object: 'coupon', deleted: true };
}

export async function list(ctx: Context, given: Params<typeof params.listCoupons>): Promise<Json> {
  const { data, has_more } = await page<CouponRow>(ctx, 'coupons', 'coupon', [sql`not deleted`, ...within('created', given.created)], given);
  const now = ctx.app.clock.now();
  return renderList('/v1/coupons', data.map((each) => rendered(ctx, { ...each, now })), has_more);
}
