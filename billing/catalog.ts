/** The catalogue's rows: what is sold, at what price, taxed and discounted how. Fields are spelled as the table and the API spell them. */
import type { Instant } from './decision.ts';
import type { Interval } from './calendar.ts';
import type { Allowance } from './metering.ts';
import type { DimensionTerms } from './pricing/dimensions.ts';

export type Metadata = Record<string, string>;

export type ProductRow = {
  id: string;
  created: Instant;
  updated: Instant;
  active: boolean;
  name: string;
  description: string | null;
  default_price: string | null;
  images: string[];
  marketing_features: { name: string }[];
  metadata: Metadata;
  package_dimensions: { height: number; length: number; weight: number; width: number } | null;
  shippable: boolean | null;
  statement_descriptor: string | null;
  tax_code: string | null;
  unit_label: string | null;
  url: string | null;
  deleted: boolean;
};

/** A tier as it is stored: `up_to` null is the last one; decimals in minor units as text. */
export type StoredTier = { up_to: number | null; unit_amount_decimal: string | null; flat_amount_decimal: string | null };

export type Recurring = {
  interval: Interval;
  interval_count: number;
  usage_type: 'licensed' | 'metered';
  meter: string | null;
  trial_period_days: number | null;
};

export type CustomUnitAmount = { maximum: number | null; minimum: number | null; preset: number | null };

export type CurrencyOption = {
  unit_amount_decimal: string | null;
  tiers: StoredTier[] | null;
  custom_unit_amount: CustomUnitAmount | null;
  tax_behavior: 'exclusive' | 'inclusive' | 'unspecified';
};

/** What usage with some values of dimensions costs, in the price's currency and in its others. */
export type DimensionPrice = DimensionTerms & {
  tiers: StoredTier[] | null;
  currency_options: Record<string, Pick<CurrencyOption, 'unit_amount_decimal' | 'tiers'>> | null;
};

export type PriceRow = {
  id: string;
  created: Instant;
  product: string;
  active: boolean;
  type: 'one_time' | 'recurring';
  billing_scheme: 'per_unit' | 'tiered';
  currency: string;
  unit_amount_decimal: string | null;
  tiers: StoredTier[] | null;
  tiers_mode: 'graduated' | 'volume' | null;
  transform_quantity: { divide_by: number; round: 'down' | 'up' } | null;
  custom_unit_amount: CustomUnitAmount | null;
  currency_options: Record<string, CurrencyOption> | null;
  recurring: Recurring | null;
  /** The meter again, as a column of its own for the foreign key. */
  meter: string | null;
  lookup_key: string | null;
  nickname: string | null;
  tax_behavior: 'exclusive' | 'inclusive' | 'unspecified';
  metadata: Metadata;
  /** What a metered price includes in each period. */
  allowance: Allowance | null;
  /** What of its meter's usage costs something else, by the values of dimensions. */
  dimension_prices: DimensionPrice[] | null;
};

export type TaxRateRow = {
  id: string;
  created: Instant;
  active: boolean;
  display_name: string;
  description: string | null;
  /** Per cent, an exact decimal. */
  percentage: string;
  inclusive: boolean;
  country: string | null;
  state: string | null;
  jurisdiction: string | null;
  tax_type: string | null;
  metadata: Metadata;
};

export type CouponRow = {
  id: string;
  created: Instant;
  name: string | null;
  /** Per cent, an exact decimal; exactly one of this and `amount_off`. */
  percent_off: string | null;
  amount_off: bigint | null;
  currency: string | null;
  currency_options: Record<string, { amount_off: number }> | null;
  duration: 'once' | 'repeating' | 'forever';
  duration_in_months: number | null;
  /** Product ids, or null for all. */
  applies_to: string[] | null;
  max_redemptions: number | null;
  redeem_by: Instant | null;
  times_redeemed: number;
  metadata: Metadata;
  deleted: boolean;
};

export type PromotionCodeRow = {
  id: string;
  created: Instant;
  code: string;
  coupon: string;
  customer: string | null;
  active: boolean;
  expires_at: Instant | null;
  max_redemptions: number | null;
  times_redeemed: number;
  restrictions: {
    first_time_transaction: boolean;
    minimum_amount: number | null;
    minimum_amount_currency: string | null;
    currency_options: Record<string, { minimum_amount: number }> | null;
  };
  metadata: Metadata;
};

/** A coupon in force for one holder. Exactly one of the holders is the nearest one; a subscription item's discount names its subscription, too. */
export type DiscountRow = {
  id: string;
  coupon: string;
  promotion_code: string | null;
  customer: string | null;
  subscription: string | null;
  subscription_item: string | null;
  invoice: string | null;
  invoice_item: string | null;
  /** The order among the discounts of the same holder. */
  position: number;
  start: Instant;
  end: Instant | null;
  /** Used up or taken away: readable still, and giving nothing. */
  ended: boolean;
};

/** A discount with the coupon that says what it gives. */
export type DiscountWhole = DiscountRow & { source: CouponRow };

/**
 * How a meter adds up. `count`, `sum` and `last` are Stripe's, where `last` is that of the period. Ours are `max`; `unique_count`, the number of different values; `latest`, the last value ever
 * reported until then, which stays what it was in a period without events; and `weighted_by_time`, which takes each value as a level that holds until the next one, and counts level × hours.
 */
export type Formula = 'count' | 'last' | 'sum' | 'max' | 'unique_count' | 'latest' | 'weighted_by_time';

export type MeterRow = {
  id: string;
  created: Instant;
  updated: Instant;
  display_name: string;
  event_name: string;
  event_time_window: 'day' | 'hour' | null;
  customer_mapping: { event_payload_key: string; type: 'by_id' };
  default_aggregation: { formula: Formula };
  value_settings: { event_payload_key: string };
  /** The payload's keys by whose values it counts apart, sorted. */
  dimensions: string[];
  status: 'active' | 'inactive';
  deactivated_at: Instant | null;
};
