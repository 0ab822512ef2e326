import type { PromotionCodeRow } from '../../billing/catalog.ts';
import type { PromotionCodeWhole } from '../../billing/coupon.ts';
import { changePromotionCode, createPromotionCode, makeRoom } from '../../billing/promotion_code.ts';
import { commit } from '../../server/commit.ts';
import { realMoment, type Context, type Json } from '../../server/context.ts';
import { holdName } from '../../server/database/name.ts';
import { sql } from '../../server/database/sql.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import { equal, page, renderList, within } from '../../server/lists.ts';
import { couponsById } from '../coupons/rows.ts';
import { customersById } from '../customers/rows.ts';
import type * as params from './params.ts';
import { promotionCode } from './resource.ts';
import { promotionCodesById, rivalsOf, usableAt, withCoupons } from './rows.ts';

const rendered = (ctx: Context, whole: PromotionCodeWhole): Json => promotionCode.render(whole, ctx.world);

const holdLetters = (ctx: Context, code: string): Promise<void> => holdName(ctx.tx, 'promotion_code', code.toLowerCase());

/** Sees to it that the letters are free, and stay so: what ended by itself is out of the way before the code comes. Hold them before any code is locked. */
async function clear(ctx: Context, code: string, customer: string | null, except: string | null): Promise<void> {
  await commit(ctx, makeRoom(await rivalsOf(ctx.tx, code, customer, except), realMoment(ctx.app)));
}

export async function create(ctx: Context, given: Params<typeof params.createPromotionCode>): Promise<Json> {
  const { promotion, code = ctx.app.clock.secret(8).toUpperCase(), ...about } = given;
  if (about.customer !== undefined) {
    const [customer] = await customersById(ctx.tx, [about.customer]);
    if (!customer || customer.deleted) missing('customer', about.customer, 'customer');
  }
  // Codes are locked before coupons, as wherever one is redeemed.
  if (about.active !== false) {
    await holdLetters(ctx, code);
    await clear(ctx, code, about.customer ?? null, null);
  }
  const [coupon] = await couponsById(ctx.tx, [promotion.coupon], true);
  if (!coupon || coupon.deleted) missing('coupon', promotion.coupon, 'promotion[coupon]');
  const decided = createPromotionCode({ ...about, code }, coupon, realMoment(ctx.app));
  await commit(ctx, decided);
  return rendered(ctx, decided.code);
}

export async function update(ctx: Context, given: Params<typeof params.updatePromotionCode>, path: { promotion_code: string }): Promise<Json> {
  const [seen] = await promotionCodesById(ctx.tx, [path.promotion_code]);
  if (!seen) missing('promotion code', path.promotion_code);
  if (given.active) await holdLetters(ctx, seen.code);
  const [found] = await withCoupons(ctx.tx, await promotionCodesById(ctx.tx, [seen.id], true));
  const { code, coupon } = found!;
  if (given.active) await clear(ctx, code.code, code.customer, code.id);
  const decided = changePromotionCode(code, coupon, given, realMoment(ctx.app));
  await commit(ctx, decided);
  return rendered(ctx, decided.code);
}

export async function retrieve(ctx: Context, _given: object, path: { promotion_code: string }): Promise<Json> {
  const [found] = await promotionCode.load!(ctx, [path.promotion_code]);
  return rendered(ctx, found ?? missing('promotion code', path.promotion_code));
}

export async function list(ctx: Context, given: Params<typeof params.listPromotionCodes>): Promise<Json> {
  const { active, code, coupon, created, customer } = given;
  const now = ctx.app.clock.now();
  const conditions = [
    ...(active === undefined ? [] : [active ? usableAt(now) : sql`not ${usableAt(now)}`]),
    ...(code === undefined ? [] : [sql`lower(code) = lower(${code})`]),
    ...equal('coupon', coupon),
    ...within('created', created),
    ...equal('customer', customer),
  ];
  const { data, has_more } = await page<PromotionCodeRow>(ctx, 'promotion_codes', 'promotion code', conditions, given);
  const wholes = (await withCoupons(ctx.tx, data)).map((each) => ({ ...each.code, source: each.coupon, now }));
  return renderList('/v1/promotion_codes', wholes.map((whole) => rendered(ctx, whole)), has_more);
}
