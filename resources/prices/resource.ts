import type Stripe from 'stripe';
import type { CurrencyOption, PriceRow, StoredTier } from '../../billing/catalog.ts';
import { assert } from '../../billing/decision.ts';
import type { Context, Resource, World } from '../../server/context.ts';
import type { Wire } from '../../server/http/wire.ts';
import { pricesById } from './rows.ts';

/** The amount as a number where it is whole. Decimals are kept without trailing zeros, so a point means a fraction. */
export function wholeOf(decimal: string | null): number | null {
  return decimal === null || decimal.includes('.') ? null : Number(decimal);
}

export function renderTier(tier: StoredTier): Wire<Stripe.Price.Tier> {
  return {
    flat_amount: wholeOf(tier.flat_amount_decimal),
    flat_amount_decimal: tier.flat_amount_decimal,
    unit_amount: wholeOf(tier.unit_amount_decimal),
    unit_amount_decimal: tier.unit_amount_decimal,
    up_to: tier.up_to,
  };
}

function renderOption(option: CurrencyOption): Wire<Stripe.Price.CurrencyOptions> {
  return {
    custom_unit_amount: option.custom_unit_amount,
    tax_behavior: option.tax_behavior,
    ...(option.tiers && { tiers: option.tiers.map(renderTier) }),
    unit_amount: wholeOf(option.unit_amount_decimal),
    unit_amount_decimal: option.unit_amount_decimal,
  };
}

export function renderPrice(price: PriceRow, world: World): Wire<Stripe.Price> {
  return {
    id: price.id,
    object: 'price',
    active: price.active,
    billing_scheme: price.billing_scheme,
    created: price.created,
    currency: price.currency,
    custom_unit_amount: price.custom_unit_amount,
    livemode: world.livemode,
    lookup_key: price.lookup_key,
    metadata: price.metadata,
    nickname: price.nickname,
    product: price.product,
    recurring: price.recurring,
    tax_behavior: price.tax_behavior,
    tiers_mode: price.tiers_mode,
    transform_quantity: price.transform_quantity,
    type: price.type,
    unit_amount: wholeOf(price.unit_amount_decimal),
    unit_amount_decimal: price.unit_amount_decimal,
  };
}

/** A recurring price in the older words, in which a subscription item still has it beside the price. */
export function renderPlan(price: PriceRow, world: World): Wire<Stripe.Plan> {
  const { recurring } = price;
  assert(recurring, 'a plan recurs');
  return {
    id: price.id,
    object: 'plan',
    active: price.active,
    amount: wholeOf(price.unit_amount_decimal),
    amount_decimal: price.unit_amount_decimal,
    billing_scheme: price.billing_scheme,
    created: price.created,
    currency: price.currency,
    interval: recurring.interval,
    interval_count: recurring.interval_count,
    livemode: world.livemode,
    metadata: price.metadata,
    meter: recurring.meter,
    nickname: price.nickname,
    product: price.product,
    tiers_mode: price.tiers_mode,
    transform_usage: price.transform_quantity,
    trial_period_days: recurring.trial_period_days,
    usage_type: recurring.usage_type,
  };
}

async function each<Value>(ctx: Context, ids: readonly string[], of: (price: PriceRow) => Value): Promise<Map<string, Value>> {
  return new Map((await pricesById(ctx.tx, ids)).map((price) => [price.id, of(price)]));
}

export const price: Resource<PriceRow> = {
  object: 'price',
  prefix: 'price',
  render: renderPrice,
  load: (ctx, ids) => pricesById(ctx.tx, ids),
  expands: { product: 'product' },
  includes: {
    tiers: (ctx, ids) => each(ctx, ids, (row) => row.tiers?.map(renderTier)),
    // The price's own currency is among them.
    currency_options: (ctx, ids) => each(ctx, ids, (row) => Object.fromEntries([[row.currency, row as CurrencyOption] as const, ...Object.entries(row.currency_options ?? {})].map(([currency, option]) => [currency, renderOption(option)]))),
  },
};

/** A plan is never made or read by itself: it is what a price is called in the older words. */
export const plan: Resource<PriceRow> = { object: 'plan', prefix: 'price', render: renderPlan, load: (ctx, ids) => pricesById(ctx.tx, ids), expands: { product: 'product' } };
