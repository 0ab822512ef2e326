import type Stripe from 'stripe';
import type { TaxRateRow } from '../../billing/catalog.ts';
import type { Resource, World } from '../../server/context.ts';
import type { Wire } from '../../server/http/wire.ts';
import { taxRatesById } from './rows.ts';

export function renderTaxRate(rate: TaxRateRow, world: World): Wire<Stripe.TaxRate> {
  return {
    id: rate.id,
    object: 'tax_rate',
    active: rate.active,
    country: rate.country,
    created: rate.created,
    description: rate.description,
    display_name: rate.display_name,
    effective_percentage: Number(rate.percentage),
    flat_amount: null,
    inclusive: rate.inclusive,
    jurisdiction: rate.jurisdiction,
    jurisdiction_level: null,
    livemode: world.livemode,
    metadata: rate.metadata,
    percentage: Number(rate.percentage),
    rate_type: null,
    state: rate.state,
    tax_type: rate.tax_type,
  };
}

export const taxRate: Resource<TaxRateRow> = {
  object: 'tax_rate',
  prefix: 'txr',
  render: renderTaxRate,
  load: (ctx, ids) => taxRatesById(ctx.tx, ids),
};
