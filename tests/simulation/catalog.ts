/** What a history names, as the rows that the engine reads. */
import type { CouponRow, PriceRow, TaxRateRow } from '../../billing/catalog.ts';
import type { CustomerRow } from '../../billing/customer/customer.ts';
import type { Coupon, History, Once, Price, Rate } from './reference/history.ts';

export const CUSTOMER = 'cus_1';

export function priceRow(price: Price): PriceRow {
  const meter = price.meter === null ? null : `mtr_${price.meter}`;
  return {
    id: price.id, created: 0, product: price.product, active: true, type: 'recurring', billing_scheme: price.billing_scheme, currency: price.currency, unit_amount_decimal: price.unit_amount_decimal,
    tiers: price.tiers, tiers_mode: price.tiers_mode, transform_quantity: price.transform_quantity, custom_unit_amount: null, currency_options: null,
    recurring: { ...price.recurrence, usage_type: price.usage_type, meter, trial_period_days: null }, meter, lookup_key: null, nickname: null, tax_behavior: 'unspecified', metadata: {}, allowance: allowanceOf(price), dimension_prices: entriesOf(price),
  };
}

const allowanceOf = ({ allowance }: Price): PriceRow['allowance'] => allowance ? { quantity: String(allowance.quantity), per: allowance.per, seat_product: allowance.product } : null;

const entriesOf = ({ dimension_prices }: Price): PriceRow['dimension_prices'] => dimension_prices?.map(({ values, ...amounts }) => ({ name: null, dimensions: { model: values }, ...amounts, currency_options: null })) ?? null;

/** The price of what is billed once. */
export function onceRow({ key, product, unit_amount_decimal }: Once, currency: string): PriceRow {
  return {
    id: key, created: 0, product, active: true, type: 'one_time', billing_scheme: 'per_unit', currency, unit_amount_decimal, tiers: null, tiers_mode: null, transform_quantity: null, custom_unit_amount: null, currency_options: null,
    recurring: null, meter: null, lookup_key: null, nickname: null, tax_behavior: 'unspecified', metadata: {}, allowance: null, dimension_prices: null,
  };
}

export function rateRow(rate: Rate): TaxRateRow {
  return { id: rate.id, created: 0, active: true, display_name: 'Tax', description: null, percentage: rate.percentage, inclusive: rate.inclusive, country: null, state: null, jurisdiction: null, tax_type: null, metadata: {} };
}

export function couponRow(coupon: Coupon): CouponRow {
  const options = Object.entries(coupon.currency_options ?? {}).map(([currency, amount]) => [currency, { amount_off: Number(amount) }]);
  return {
    id: coupon.id, created: 0, name: null, percent_off: coupon.percent_off ?? null, amount_off: coupon.amount_off ?? null, currency: coupon.currency ?? null,
    currency_options: options.length > 0 ? Object.fromEntries(options) : null, duration: coupon.duration, duration_in_months: coupon.duration_in_months ?? null, applies_to: coupon.products ?? null,
    max_redemptions: null, redeem_by: null, times_redeemed: 0, metadata: {}, deleted: false,
  };
}

export function customerRow(history: History): CustomerRow {
  return {
    id: CUSTOMER, created: 0, test_clock: null, name: 'Jenny', email: null, phone: null, description: null, address: null, shipping: null, business_name: null, individual_name: null, balance: 0n, currency: null,
    delinquent: false, invoice_prefix: 'KONTOR', next_invoice_sequence: 1, invoice_settings: { custom_fields: null, footer: null, rendering_options: null }, default_payment_method: null,
    preferred_locales: [], tax_exempt: history.tax_exempt, metadata: {}, deleted: false,
  };
}
