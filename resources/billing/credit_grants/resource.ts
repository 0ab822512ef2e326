import type Stripe from 'stripe';
import type { CreditGrantRow } from '../../../billing/credit/grant.ts';
import type { Resource, World } from '../../../server/context.ts';
import { minor, type Wire } from '../../../server/http/wire.ts';
import { grantsById } from './rows.ts';

export const renderMonetary = (value: bigint, currency: string) => ({ monetary: { currency, value: minor(value) }, type: 'monetary' as const });

export function renderGrant(grant: CreditGrantRow, world: World): Wire<Stripe.Billing.CreditGrant> {
  return {
    id: grant.id,
    object: 'billing.credit_grant',
    amount: renderMonetary(grant.amount, grant.currency),
    applicability_config: { scope: grant.prices === null ? { price_type: 'metered' } : { prices: grant.prices.map((id) => ({ id })) } },
    category: grant.category,
    created: grant.created,
    customer: grant.customer,
    customer_account: null,
    effective_at: grant.effective_at,
    expires_at: grant.expires_at,
    livemode: world.livemode,
    metadata: grant.metadata,
    name: grant.name,
    priority: grant.priority,
    test_clock: grant.test_clock,
    updated: grant.updated,
    voided_at: grant.voided_at,
  };
}

export const creditGrant: Resource<CreditGrantRow> = {
  object: 'billing.credit_grant',
  prefix: 'credgr',
  render: renderGrant,
  load: (ctx, ids) => grantsById(ctx.tx, ids),
  expands: { customer: 'customer', test_clock: 'test_helpers.test_clock' },
};
