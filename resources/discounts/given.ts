/** Discounts as a caller names them: by coupon, by promotion code, or one that is there already. */
import { refuse } from '../../billing/decision.ts';
import type { DiscountGiven } from '../../billing/redeem.ts';
import type { Tx } from '../../server/database/world.ts';
import { missing } from '../../server/http/errors.ts';
import { check, fields, id, list, type Params } from '../../server/http/params.ts';
import { couponsById } from '../coupons/rows.ts';
import { promotionCodesById } from '../promotion_codes/rows.ts';
import { discountsById } from './rows.ts';

type Named = { coupon?: string; promotion_code?: string; discount?: string };

const NAMES = ['coupon', 'promotion_code', 'discount'] as const;

const oneName = check<Named>((given, at) => {
  const named = NAMES.filter((name) => given[name] !== undefined);
  if (named.length === 0) refuse('parameter_missing', `Name a discount by ${at('coupon')}, ${at('promotion_code')} or ${at('discount')}.`, at('coupon'));
  if (named.length > 1) refuse('parameters_exclusive', `You may only specify one of these parameters: ${named.map(at).join(', ')}.`, at(named[0]!));
}, 'exactly one of coupon, promotion_code, discount');

/** `discounts[]` of a request; clear it by an empty value where the room says `clearable`. */
export const discountList = list(fields({ coupon: id(), promotion_code: id('promo'), discount: id('di') }, oneName), { max: 20 });

/** What the names stand for; coupons and codes are locked, since redeeming them counts. `param` spells the list. */
export async function discountsGiven(tx: Tx, given: Params<typeof discountList>, param = 'discounts'): Promise<DiscountGiven[]> {
  if (given.length === 0) return [];
  const codes = new Map((await promotionCodesById(tx, given.flatMap((each) => each.promotion_code ?? []), true)).map((code) => [code.id, code]));
  const couponIds = new Set([...given.flatMap((each) => each.coupon ?? []), ...[...codes.values()].map((code) => code.coupon)]);
  const coupons = new Map((await couponsById(tx, [...couponIds], true)).map((coupon) => [coupon.id, coupon]));
  const discounts = new Map((await discountsById(tx, given.flatMap((each) => each.discount ?? []))).map((discount) => [discount.id, discount]));
  return given.map((each, n): DiscountGiven => {
    const at = (name: string) => `${param}[${n}][${name}]`;
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
