/** What worked examples begin with: moments, prices, coupons, tax rates and a customer. Only tests import it. */
import type { CouponRow, DiscountWhole, PriceRow, TaxRateRow } from './catalog.ts';
import type { CreditGrantRow } from './credit/grant.ts';
import type { CustomerWhole } from './customer/customer.ts';
import type { Instant, Moment } from './decision.ts';

/** `day('2026-01-31')` is that day's first moment in UTC, `day('2026-01-31T12:30:00Z')` one within it. */
export const day = (text: string): Instant => Temporal.Instant.from(text.includes('T') ? text : `${text}T00:00:00Z`).epochMilliseconds / 1_000;

let ids = 0;

/** A moment whose ids are numbered: those made later sort later. */
export function moment(at: string | Instant): Moment {
  const next = () => String((ids += 1)).padStart(9, '0');
  return { now: typeof at === 'string' ? day(at) : at, newId: (prefix) => `${prefix}_${next()}`, newSecret: next };
}

/** A price of so many cents a unit and month. */
export const price = (id: string, unit_amount_decimal: string, more: Partial<NonNullable<PriceRow['recurring']>> = {}): PriceRow => ({
  id, created: 0, product: `prod_${id}`, active: true, type: 'recurring', billing_scheme: 'per_unit', currency: 'usd', unit_amount_decimal, tiers: null, tiers_mode: null, transform_quantity: null,
  custom_unit_amount: null, currency_options: null, meter: more.meter ?? null, lookup_key: null, nickname: null, tax_behavior: 'unspecified', metadata: {}, allowance: null, dimension_prices: null,
  recurring: { interval: 'month', interval_count: 1, usage_type: 'licensed', meter: null, trial_period_days: null, ...more },
});

/** A price of so many cents a call. */
export const perCall = (id: string, unit_amount_decimal: string): PriceRow => price(id, unit_amount_decimal, { usage_type: 'metered', meter: 'mtr_1' });

export const tier = (up_to: number | null, unit_amount_decimal: string | null, flat_amount_decimal: string | null = null) => ({ up_to, unit_amount_decimal, flat_amount_decimal });

/** A call priced by tiers. */
export const tiered = (id: string, tiers_mode: 'graduated' | 'volume', ...tiers: ReturnType<typeof tier>[]): PriceRow => ({ ...perCall(id, '0'), billing_scheme: 'tiered', unit_amount_decimal: null, tiers_mode, tiers });

/** A discount of a subscription, for ever. */
export const discount = (id: string, more: Partial<CouponRow>): DiscountWhole => ({
  id, coupon: id, promotion_code: null, customer: null, subscription: 'sub_1', subscription_item: null, invoice: null, invoice_item: null, position: 0, start: 0, end: null, ended: false,
  source: { id, created: 0, name: null, percent_off: null, amount_off: null, currency: null, currency_options: null, duration: 'forever', duration_in_months: null, applies_to: null, max_redemptions: null, redeem_by: null, times_redeemed: 0, metadata: {}, deleted: false, ...more },
});

export const taxRate = (id: string, percentage: string, inclusive: boolean): TaxRateRow => ({ id, created: 0, active: true, display_name: id, description: null, percentage, inclusive, country: null, state: null, jurisdiction: null, tax_type: null, metadata: {} });

/** Credit of the customer for all that is metered. */
export const grant = (id: string, priority: number, balance: bigint): CreditGrantRow => ({
  id, created: 0, updated: 0, customer: 'cus_1', test_clock: null, name: null, currency: 'usd', amount: balance, balance, category: 'paid', priority, prices: null, effective_at: 0, expires_at: null, voided_at: null, metadata: {},
});

export const CUSTOMER: CustomerWhole = {
  id: 'cus_1', created: 0, test_clock: null, name: 'Jenny', email: null, phone: null, description: null, address: null, shipping: null, business_name: null, individual_name: null, balance: 0n, currency: null,
  delinquent: false, invoice_prefix: 'KONTOR', next_invoice_sequence: 1, invoice_settings: { custom_fields: null, footer: null, rendering_options: null }, default_payment_method: null,
  preferred_locales: [], tax_exempt: 'none', metadata: {}, deleted: false, discount: null,
};
