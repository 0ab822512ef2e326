import { refuse } from '../../billing/decision.ts';
import { check, fields, id, list } from '../../server/http/params.ts';

type Named = { coupon?: string; promotion_code?: string; discount?: string };

const NAMES = ['coupon', 'promotion_code', 'discount'] as const;

const oneName = check<Named>((given, at) => {
  const named = NAMES.filter((name) => given[name] !== undefined);
  if (named.length === 0) refuse('parameter_missing', `Name a discount by ${at('coupon')}, ${at('promotion_code')} or ${at('discount')}.`, at('coupon'));
  if (named.length > 1) refuse('parameters_exclusive', `You may only specify one of these parameters: ${named.map(at).join(', ')}.`, at(named[0]!));
}, 'exactly one of coupon, promotion_code, discount');

/** One discount, by what it is named. */
export const discountFields = fields({ coupon: id(), promotion_code: id('promo'), discount: id('di') }, oneName);

/** `discounts[]` of a request; clear it by an empty value where the room says `clearable`. */
export const discountList = list(discountFields, { max: 20 });
