/** A discount from its beginning to its end: coupons and promotion codes are redeemed and counted, and what is over gives nothing any more. */
import type { CouponRow, DiscountRow, DiscountWhole, PromotionCodeRow } from './catalog.ts';
import type { CustomerWhole } from './customer/customer.ts';
import { decision, refuse, type Decision, type Instant, type Moment } from './decision.ts';
import { isRedeemable } from './coupon.ts';
import { amountOff, discountEnd } from './discount.ts';
import { formatMoney } from './money.ts';
import type { SubscriptionWhole } from './subscription/subscription.ts';

/** What a caller names: a coupon, directly or by a promotion code, or a discount that is there. `param` is how it was spelt, e.g. `discounts[0][coupon]`. */
export type DiscountGiven =
  | { param: string; coupon: CouponRow; promotion_code: PromotionCodeRow | null; /** It was to be redeemed when this was arranged, and is given though its time is over. */ promised?: boolean }
  | { param: string; discount: DiscountWhole };

type Holder = Partial<Pick<DiscountRow, 'customer' | 'subscription' | 'subscription_item' | 'invoice' | 'invoice_item'>>;

/** Who redeems, and for how much. `first_time`: the customer has not paid us anything yet. `amount`: what is bought, before discounts. */
export type Redeemer = { customer: string; first_time: boolean; amount: bigint; currency: string };

/** How often each was redeemed, as one decision counts on. */
export type Redemptions = { coupons: Map<string, CouponRow>; promotion_codes: Map<string, PromotionCodeRow> };

export const noRedemptions = (): Redemptions => ({ coupons: new Map(), promotion_codes: new Map() });

/**
 * The discounts of a holder as a caller lists them, in that order. `known` are those that may be named as they are: the holder's own stay, others are taken over with their time. New ones begin at
 * the moment and count as redemptions.
 */
export function redeem(given: readonly DiscountGiven[], holder: Holder, known: readonly DiscountWhole[], redeemer: Redeemer, counted: Redemptions, moment: Moment): Decision & { discounts: DiscountWhole[] } {
  const made = decision();
  const own = new Map(known.map((discount) => [discount.id, discount]));
  const coupons = new Set<string>();
  const discounts = given.map((each, position): DiscountWhole => {
    const coupon = 'discount' in each ? each.discount.source : each.coupon;
    if (coupons.has(coupon.id)) refuse(undefined, `The coupon ${coupon.id} is named twice. A coupon gives its discount once.`, each.param);
    coupons.add(coupon.id);
    if ('discount' in each && own.has(each.discount.id)) return { ...each.discount, position };
    const discount: DiscountWhole = 'discount' in each ? taken(each.discount, holder, position, moment) : { ...newDiscount(each.coupon, each.promotion_code, holder, position, moment) };
    if (!('discount' in each)) count(made, each, redeemer, counted, moment);
    made.puts.push({ table: 'discounts', before: null, after: discount });
    made.facts.push({ type: 'customer.discount.created', object: 'discount', whole: discount, at: moment.now });
    return discount;
  });
  for (const discount of discounts) {
    const before = own.get(discount.id);
    if (before && before.position !== discount.position) made.puts.push({ table: 'discounts', before, after: discount });
  }
  return { ...made, discounts };
}

const NOBODY = { customer: null, subscription: null, subscription_item: null, invoice: null, invoice_item: null };

function newDiscount(coupon: CouponRow, code: PromotionCodeRow | null, holder: Holder, position: number, moment: Moment): DiscountWhole {
  return {
    ...NOBODY, ...holder, position,
    id: moment.newId('di'),
    coupon: coupon.id,
    promotion_code: code?.id ?? null,
    start: moment.now,
    end: discountEnd(coupon, moment.now),
    ended: false,
    source: coupon,
  };
}

/** The same discount for another holder, with the time that is left of it. */
function taken(discount: DiscountWhole, holder: Holder, position: number, moment: Moment): DiscountWhole {
  return { ...discount, ...NOBODY, ...holder, position, id: moment.newId('di') };
}

function count(made: Decision, given: Extract<DiscountGiven, { coupon: CouponRow }>, redeemer: Redeemer, counted: Redemptions, moment: Moment): void {
  const coupon = counted.coupons.get(given.coupon.id) ?? given.coupon;
  if (!given.promised && !isRedeemable(coupon, moment.now)) refuse('coupon_expired', `The coupon ${coupon.id} cannot be redeemed any more: its time is over, or it was redeemed as often as it may be.`, given.param);
  if (!given.promised) refuseCurrency(coupon, given.param, redeemer.currency);
  const after = { ...coupon, times_redeemed: coupon.times_redeemed + 1 };
  counted.coupons.set(coupon.id, after);
  made.puts.push({ table: 'coupons', before: coupon, after });
  if (given.promotion_code === null) return;
  const code = counted.promotion_codes.get(given.promotion_code.id) ?? given.promotion_code;
  if (!given.promised) refuseCode(code, given.param, redeemer, moment);
  const used = { ...code, times_redeemed: code.times_redeemed + 1 };
  counted.promotion_codes.set(code.id, used);
  made.puts.push({ table: 'promotion_codes', before: code, after: used });
}

/** What would never give anything is not given: an amount in another currency. */
function refuseCurrency(coupon: CouponRow, param: string, currency: string): void {
  if (coupon.amount_off === null || amountOff(coupon, currency) !== null) return;
  refuse(undefined, `The coupon ${coupon.id} takes off an amount in ${coupon.currency}, and this is in ${currency}. Give the coupon an amount for it by \`currency_options[${currency}][amount_off]\`, or name another coupon.`, param);
}

function refuseCode(code: PromotionCodeRow, param: string, redeemer: Redeemer, moment: Moment): void {
  const { restrictions } = code;
  if (!code.active) refuse('coupon_expired', `The promotion code ${code.code} is not active.`, param);
  if (code.expires_at !== null && code.expires_at <= moment.now) refuse('coupon_expired', `The promotion code ${code.code} has expired.`, param);
  if (code.max_redemptions !== null && code.times_redeemed >= code.max_redemptions) refuse('coupon_expired', `The promotion code ${code.code} was redeemed as often as it may be.`, param);
  if (code.customer !== null && code.customer !== redeemer.customer) refuse(undefined, `The promotion code ${code.code} is for another customer.`, param);
  if (restrictions.first_time_transaction && !redeemer.first_time) refuse(undefined, `The promotion code ${code.code} is for customers who have not bought before.`, param);
  const least = restrictions.minimum_amount_currency === redeemer.currency ? restrictions.minimum_amount : (restrictions.currency_options?.[redeemer.currency]?.minimum_amount ?? null);
  if (restrictions.minimum_amount !== null && (least === null || redeemer.amount < BigInt(least))) {
    refuse(undefined, least === null ? `The promotion code ${code.code} is not for purchases in ${redeemer.currency}.` : `The promotion code ${code.code} needs a purchase of at least ${formatMoney(BigInt(least), redeemer.currency)}.`, param);
  }
}

/** Redemptions that were decided side by side, each from the same count, counted one after the other. */
export function countedOn<Made extends Decision>(made: Made): Made {
  const last = new Map<string, CouponRow | PromotionCodeRow>();
  const puts = made.puts.map((put) => {
    if (put.table !== 'coupons' && put.table !== 'promotion_codes') return put;
    const [was, is] = [put.before as CouponRow, put.after as CouponRow];
    const before = last.get(is.id) ?? was;
    const after = { ...before, times_redeemed: before.times_redeemed + is.times_redeemed - was.times_redeemed };
    last.set(is.id, after);
    return { ...put, before, after };
  });
  return { ...made, puts };
}

/** The discounts of the subscription, its items and its customer whose time is over, but for those that end already. */
export function expired({ discounts, items }: SubscriptionWhole, customer: Pick<CustomerWhole, 'discount'>, at: Instant, ending: readonly DiscountWhole[]): DiscountWhole[] {
  const known = new Set(ending.map((discount) => discount.id));
  const all = [...discounts, ...items.flatMap((item) => item.discounts), ...(customer.discount ? [customer.discount] : [])];
  return all.filter((discount) => !discount.ended && discount.end !== null && discount.end <= at && !known.has(discount.id));
}

/** Discounts whose time is over, or that were taken away: they stay readable and give nothing. */
export function endDiscounts(discounts: readonly DiscountWhole[], moment: Moment): Decision {
  return {
    ...decision(),
    puts: discounts.map((before) => ({ table: 'discounts', before, after: { ...before, ended: true } })),
    facts: discounts.map((discount) => ({ type: 'customer.discount.deleted', object: 'discount', whole: { ...discount, ended: true }, at: moment.now })),
  };
}
