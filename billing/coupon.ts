/** Coupons and the codes by which customers get them. What a coupon gives never changes; whether it can still be had does. */
import type { CouponRow, PromotionCodeRow } from './catalog.ts';
import { addMonths } from './calendar.ts';
import { decision, refuse, type Decision, type Instant, type Moment } from './decision.ts';
import { mergeMetadata } from './metadata.ts';
import { minor } from './money.ts';

/** A coupon as it is at a moment, on which it depends whether it is valid. */
export type CouponWhole = CouponRow & { now: Instant };

/** A code with its coupon, as they are at a moment. */
export type PromotionCodeWhole = PromotionCodeRow & { source: CouponRow; now: Instant };

type OptionsGiven = Record<string, { amount_off: bigint }>;

type CouponGiven = {
  percent_off?: number;
  amount_off?: bigint;
  currency?: string;
  currency_options?: OptionsGiven;
  duration?: CouponRow['duration'];
  duration_in_months?: number;
  products?: string[];
  max_redemptions?: number;
  redeem_by?: Instant;
  name?: string | null;
  metadata?: Record<string, string> | '';
};

/** Whether a coupon can still be given to somebody at `now`. */
export function isRedeemable(coupon: CouponRow, now: Instant): boolean {
  return !coupon.deleted && (coupon.redeem_by === null || now <= coupon.redeem_by) && (coupon.max_redemptions === null || coupon.times_redeemed < coupon.max_redemptions);
}

/** Whether a code can still be used at `now`: it is switched on, neither over nor used up, and its coupon can be given. */
export function isUsable(code: PromotionCodeRow, coupon: CouponRow, now: Instant): boolean {
  return code.active && isUnspent(code, now) && isRedeemable(coupon, now);
}

function isUnspent(code: PromotionCodeRow, now: Instant): boolean {
  return (code.expires_at === null || now < code.expires_at) && (code.max_redemptions === null || code.times_redeemed < code.max_redemptions);
}

function optionsOf(given: OptionsGiven, own: string): Record<string, { amount_off: number }> {
  if (Object.hasOwn(given, own)) refuse(undefined, `The coupon itself is in ${own}: \`currency_options\` are for other currencies.`, `currency_options[${own}]`);
  return Object.fromEntries(Object.entries(given).map(([currency, { amount_off }]) => [currency, { amount_off: minor(amount_off) }]));
}

function refuseUnclear(given: CouponGiven, now: Instant): void {
  const { percent_off, amount_off, currency, currency_options, duration = 'once', duration_in_months, redeem_by } = given;
  if ((percent_off === undefined) === (amount_off === undefined)) refuse(amount_off === undefined ? 'parameter_missing' : 'parameters_exclusive', 'A coupon takes off either a part or an amount: give one of `percent_off` and `amount_off`.', 'percent_off');
  if (amount_off !== undefined && currency === undefined) refuse('parameter_missing', 'An amount needs its `currency`.', 'currency');
  if (amount_off === undefined && currency !== undefined) refuse(undefined, 'A part of the price is taken off in every currency: leave `currency` out.', 'currency');
  if (amount_off === undefined && currency_options) refuse(undefined, 'A part of the price is taken off in every currency: leave `currency_options` out.', 'currency_options');
  if (duration === 'repeating' && duration_in_months === undefined) refuse('parameter_missing', 'A `repeating` coupon lasts a number of months: give `duration_in_months`.', 'duration_in_months');
  if (duration !== 'repeating' && duration_in_months !== undefined) refuse(undefined, 'Only a `repeating` coupon lasts a number of months.', 'duration_in_months');
  if (redeem_by !== undefined && redeem_by <= now) refuse(undefined, 'The last time to redeem the coupon must lie ahead.', 'redeem_by');
  if (redeem_by !== undefined && redeem_by > addMonths(now, 60)) refuse(undefined, 'The last time to redeem the coupon lies at most five years ahead.', 'redeem_by');
}

/** A new coupon. `known` is the coupon that has the id already, deleted or not. The products to which it is restricted exist. */
export function createCoupon(given: CouponGiven & { id: string; known: CouponRow | null }, moment: Moment): Decision & { coupon: CouponWhole } {
  const { id, known, percent_off, amount_off, currency, currency_options } = given;
  if (known) refuse('resource_already_exists', known.deleted ? `${id} was the id of a coupon that is deleted, and an id is not used twice.` : `${id} is the id of another coupon.`, 'id');
  refuseUnclear(given, moment.now);
  const coupon: CouponWhole = {
    id,
    created: moment.now,
    name: given.name ?? null,
    percent_off: percent_off === undefined ? null : String(percent_off),
    amount_off: amount_off ?? null,
    currency: currency ?? null,
    currency_options: currency !== undefined && currency_options ? optionsOf(currency_options, currency) : null,
    duration: given.duration ?? 'once',
    duration_in_months: given.duration_in_months ?? null,
    applies_to: given.products && given.products.length > 0 ? [...new Set(given.products)] : null,
    max_redemptions: given.max_redemptions ?? null,
    redeem_by: given.redeem_by ?? null,
    times_redeemed: 0,
    metadata: mergeMetadata({}, given.metadata),
    deleted: false,
    now: moment.now,
  };
  const made = decision();
  made.puts.push({ table: 'coupons', before: null, after: coupon });
  made.facts.push({ type: 'coupon.created', object: 'coupon', whole: coupon, at: moment.now });
  return { ...made, coupon };
}

/** Changes the name, the metadata and the amounts in other currencies; an option that is there is put over. */
export function changeCoupon(row: CouponRow, change: Pick<CouponGiven, 'name' | 'metadata' | 'currency_options'>, moment: Moment): Decision & { coupon: CouponWhole } {
  const { name, metadata, currency_options } = change;
  if (currency_options && row.currency === null) refuse(undefined, 'This coupon takes off a part of the price in every currency; it has no amounts.', 'currency_options');
  const before: CouponWhole = { ...row, now: moment.now };
  const coupon: CouponWhole = {
    ...before,
    name: name === undefined ? before.name : name,
    metadata: mergeMetadata(before.metadata, metadata),
    currency_options: currency_options ? { ...before.currency_options, ...optionsOf(currency_options, before.currency!) } : before.currency_options,
  };
  const made = decision();
  made.puts.push({ table: 'coupons', before, after: coupon });
  made.facts.push({ type: 'coupon.updated', object: 'coupon', whole: coupon, before, at: moment.now });
  return { ...made, coupon };
}

/** Nobody can have it from now on; who has it keeps it. The event shows it as it was. */
export function deleteCoupon(before: CouponRow, moment: Moment): Decision {
  const made = decision();
  made.puts.push({ table: 'coupons', before, after: { ...before, deleted: true } });
  made.facts.push({ type: 'coupon.deleted', object: 'coupon', whole: { ...before, now: moment.now }, at: moment.now });
  return made;
}
