import type Stripe from 'stripe';
import type { CustomerWhole } from '../../billing/customer/customer.ts';
import type { Resource, World } from '../../server/context.ts';
import { raw } from '../../server/database/sql.ts';
import { minor, type Wire } from '../../server/http/wire.ts';
import { listInside, renderList } from '../../server/lists.ts';
import { renderDiscount } from '../discounts/resource.ts';
import { renderCashBalance } from './cash_balance/resource.ts';
import { cashWholes } from './cash_balance/rows.ts';
import { customersById } from './rows.ts';

function render(customer: CustomerWhole, world: World): Wire<Stripe.Customer> | Wire<Stripe.DeletedCustomer> {
  if (customer.deleted) return { id: customer.id, object: 'customer', deleted: true };
  return {
    id: customer.id,
    object: 'customer',
    address: customer.address,
    balance: minor(customer.balance),
    ...(customer.business_name !== null && { business_name: customer.business_name }),
    created: customer.created,
    currency: customer.currency,
    default_source: null,
    delinquent: customer.delinquent,
    description: customer.description,
    discount: customer.discount && renderDiscount(customer.discount),
    email: customer.email,
    ...(customer.individual_name !== null && { individual_name: customer.individual_name }),
    invoice_prefix: customer.invoice_prefix,
    invoice_settings: { ...customer.invoice_settings, default_payment_method: customer.default_payment_method },
    livemode: world.livemode,
    metadata: customer.metadata,
    name: customer.name,
    next_invoice_sequence: customer.next_invoice_sequence,
    phone: customer.phone,
    preferred_locales: customer.preferred_locales,
    shipping: customer.shipping,
    tax_exempt: customer.tax_exempt,
    test_clock: customer.test_clock,
  };
}

type Include = NonNullable<Resource['includes']>[string];

/** What we owe the customer, by currency: the balance seen from the other side. */
const creditBalance: Include = async (ctx, ids) => {
  const found = await customersById(ctx.tx, ids);
  return new Map(found.map(({ id, currency, balance }) => [id, currency === null ? {} : { [currency]: minor(-balance) }]));
};

export const customer: Resource<CustomerWhole> = {
  object: 'customer',
  prefix: 'cus',
  render,
  load: (ctx, ids) => customersById(ctx.tx, ids),
  expands: {
    test_clock: 'test_helpers.test_clock',
    'invoice_settings.default_payment_method': 'payment_method',
  },
  includes: {
    cash_balance: async (ctx, ids) => new Map((await cashWholes(ctx.tx, ids)).map((each) => [each.customer, renderCashBalance(each, ctx.world)])),
    invoice_credit_balance: creditBalance,
    // There are none: cards are payment methods.
    sources: async (_ctx, ids) => new Map(ids.map((id) => [id, renderList(`/v1/customers/${id}/sources`, [])])),
    subscriptions: listInside('subscription', { table: 'subscriptions', owner: 'customer', url: (id) => `/v1/customers/${id}/subscriptions`, condition: raw(`status not in ('canceled', 'incomplete_expired')`) }),
    tax_ids: listInside('tax_id', { table: 'tax_ids', owner: 'customer', url: (id) => `/v1/customers/${id}/tax_ids` }),
  },
};
