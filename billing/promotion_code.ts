/** Promotion codes: the words by which customers get a coupon. */
import type { CouponRow, PromotionCodeRow } from './catalog.ts';
import { isRedeemable, isUsable, type PromotionCodeWhole } from './coupon.ts';
import { decision, refuse, type Decision, type Instant, type Moment } from './decision.ts';
import { minor } from './money.ts';
import { mergeMetadata } from './metadata.ts';

type OptionsGiven = Record<string, { minimum_amount: bigint }>;

type PromotionCodeGiven = {
  code: string;
  customer?: string;
  active?: boolean;
  expires_at?: Instant;
  max_redemptions?: number;
  metadata?: Record<string, string> | '';
  restrictions?: { first_time_transaction?: boolean; minimum_amount?: bigint; minimum_amount_currency?: string; currency_options?: OptionsGiven };
};

/** The codes of the same letters that are switched on and would stand in the way, with their coupons. */
export type Rival = { code: PromotionCodeRow; coupon: CouponRow };

function optionsOf(given: OptionsGiven, own: string | null): Record<string, { minimum_amount: number }> {
  if (own === null) refuse('parameter_missing', 'Minimum amounts in other currencies need one in the first place: `restrictions[minimum_amount]` with its currency.', 'restrictions[minimum_amount]');
  if (Object.hasOwn(given, own)) refuse(undefined, `The minimum amount itself is in ${own}: \`currency_options\` are for other currencies.`, `restrictions[currency_options][${own}]`);
  return Object.fromEntries(Object.entries(given).map(([currency, { minimum_amount }]) => [currency, { minimum_amount: minor(minimum_amount) }]));
}

function restrictionsOf(given: NonNullable<PromotionCodeGiven['restrictions']>): PromotionCodeRow['restrictions'] {
  const { first_time_transaction = false, minimum_amount, minimum_amount_currency, currency_options } = given;
  if (minimum_amount !== undefined && minimum_amount_currency === undefined) refuse('parameter_missing', 'A minimum amount needs its currency.', 'restrictions[minimum_amount_currency]');
  if (minimum_amount === undefined && minimum_amount_currency !== undefined) refuse('parameter_missing', 'A currency alone is no minimum: give the amount.', 'restrictions[minimum_amount]');
  return {
    first_time_transaction,
    minimum_amount: minimum_amount === undefined ? null : minor(minimum_amount),
    minimum_amount_currency: minimum_amount_currency ?? null,
    currency_options: currency_options ? optionsOf(currency_options, minimum_amount_currency ?? null) : null,
  };
}

/**
 * Switches off those that have ended by themselves, which nobody notices, and refuses where one can still be used: of the codes of the same letters, a customer may have one, or all customers
 * may. To be written before the code that takes the place.
 */
export function makeRoom(rivals: readonly Rival[], moment: Moment): Decision {
  const made = decision();
  for (const { code, coupon } of rivals) {
    if (isUsable(code, coupon, moment.now)) refuse('resource_already_exists', `The active promotion code ${code.id} has the code ${code.code}. Deactivate it, or choose another code.`, 'code');
    made.puts.push({ table: 'promotion_codes', before: code, after: { ...code, active: false } });
  }
  return made;
}

/** A new code for a coupon that can still be given. */
export function createPromotionCode(given: PromotionCodeGiven, coupon: CouponRow, moment: Moment): Decision & { code: PromotionCodeWhole } {
  const { expires_at = null, max_redemptions = null } = given;
  if (!isRedeemable(coupon, moment.now)) refuse('coupon_expired', `The coupon ${coupon.id} can no longer be redeemed.`, 'promotion[coupon]');
  if (expires_at !== null && expires_at <= moment.now) refuse(undefined, 'The code must expire at a time that lies ahead.', 'expires_at');
  if (expires_at !== null && coupon.redeem_by !== null && expires_at > coupon.redeem_by) refuse(undefined, 'The code cannot be used for longer than its coupon can be redeemed.', 'expires_at');
  if (max_redemptions !== null && coupon.max_redemptions !== null && max_redemptions > coupon.max_redemptions) {
    refuse(undefined, `The coupon can be redeemed ${coupon.max_redemptions} times; its code cannot be used more often.`, 'max_redemptions');
  }
  const code: PromotionCodeWhole = {
    id: moment.newId('promo'),
    created: moment.now,
    code: given.code,
    coupon: coupon.id,
    customer: given.customer ?? null,
    active: given.active ?? true,
    expires_at,
    max_redemptions,
    times_redeemed: 0,
    restrictions: restrictionsOf(given.restrictions ?? {}),
    metadata: mergeMetadata({}, given.metadata),
    source: coupon,
    now: moment.now,
  };
  const made = decision();
  made.puts.push({ table: 'promotion_codes', before: null, after: code });
  made.facts.push({ type: 'promotion_code.created', object: 'promotion_code', whole: code, at: moment.now });
  return { ...made, code };
}

type PromotionCodeChange = Pick<PromotionCodeGiven, 'active' | 'metadata'> & { restrictions?: { currency_options?: OptionsGiven } };

/** Changes what is named. A code is switched on again only where it can then be used. */
export function changePromotionCode(row: PromotionCodeRow, source: CouponRow, change: PromotionCodeChange, moment: Moment): Decision & { code: PromotionCodeWhole } {
  const before: PromotionCodeWhole = { ...row, source, now: moment.now };
  const { restrictions } = before;
  const options = change.restrictions?.currency_options && optionsOf(change.restrictions.currency_options, restrictions.minimum_amount_currency);
  const code: PromotionCodeWhole = {
    ...before,
    active: change.active ?? before.active,
    metadata: mergeMetadata(before.metadata, change.metadata),
    restrictions: options ? { ...restrictions, currency_options: { ...restrictions.currency_options, ...options } } : restrictions,
  };
  if (change.active && !isUsable(code, source, moment.now)) refuse(undefined, 'This code cannot be used any more: it has expired or is used up, or its coupon is. Make a new one.', 'active');
  const made = decision();
  made.puts.push({ table: 'promotion_codes', before, after: code });
  made.facts.push({ type: 'promotion_code.updated', object: 'promotion_code', whole: code, before, at: moment.now });
  return { ...made, code };
}
