import type Stripe from 'stripe';
import { agrees, covers } from '../../server/http/agreement.ts';
import { amount, boolean, choice, currency, fields, id, integer, listParams, map, metadata, range, required, text, timestamp, unsupported } from '../../server/http/params.ts';

const customer_account = unsupported('accounts as customers belong to Connect, which is not implemented: give `customer`');
const code = text({ max: 500, pattern: /^[A-Za-z0-9-]+$/, shape: 'consist of letters, digits and dashes' });
const currency_options = map(fields({ minimum_amount: required(amount({ min: 1 })) }), { names: currency() });

export const createPromotionCode = fields({
  active: boolean(),
  code,
  customer: id('cus'),
  customer_account,
  expires_at: timestamp(),
  max_redemptions: integer({ min: 1, max: 2_147_483_647 }),
  metadata: metadata(),
  promotion: required(fields({ coupon: required(id()), type: required(choice('coupon')) })),
  restrictions: fields({ currency_options, first_time_transaction: boolean(), minimum_amount: amount({ min: 1 }), minimum_amount_currency: currency() }),
});
covers<Stripe.PromotionCodeCreateParams, typeof createPromotionCode>(true);
agrees<Stripe.PromotionCodeCreateParams, typeof createPromotionCode>(true);

export const updatePromotionCode = fields({ active: boolean(), metadata: metadata(), restrictions: fields({ currency_options }) });
covers<Stripe.PromotionCodeUpdateParams, typeof updatePromotionCode>(true);
agrees<Stripe.PromotionCodeUpdateParams, typeof updatePromotionCode>(true);

export const listPromotionCodes = listParams({ active: boolean(), code: text({ max: 500 }), coupon: id(), created: range(), customer: id(), customer_account });
covers<Stripe.PromotionCodeListParams, typeof listPromotionCodes>(true);
agrees<Stripe.PromotionCodeListParams, typeof listPromotionCodes>(true);

export const nothing = fields({});
