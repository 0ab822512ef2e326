import type Stripe from 'stripe';
import type { TaxIdRow } from '../../billing/customer/customer.ts';
import type { Resource, World } from '../../server/context.ts';
import type { Wire } from '../../server/http/wire.ts';
import { taxIdsById } from './rows.ts';

export function renderTaxId(tax_id: TaxIdRow, world: World): Wire<Stripe.TaxId> {
  return {
    id: tax_id.id,
    object: 'tax_id',
    country: tax_id.country,
    created: tax_id.created,
    customer: tax_id.customer,
    customer_account: null,
    livemode: world.livemode,
    owner: { type: 'customer', customer: tax_id.customer, customer_account: null },
    type: tax_id.type,
    value: tax_id.value,
    verification: tax_id.verification,
  };
}

export const taxId: Resource<TaxIdRow> = {
  object: 'tax_id',
  prefix: 'txi',
  render: renderTaxId,
  load: (ctx, ids) => taxIdsById(ctx.tx, ids),
  expands: { customer: 'customer', 'owner.customer': 'customer' },
};
