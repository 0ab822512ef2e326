import type Stripe from 'stripe';
import type { CustomerWhole } from '../../billing/customer/customer.ts';
import type { Resource, World } from '../../server/context.ts';
import { minor, type Wire } from '../../server/http/wire.ts';
import { renderDiscount } from '../discounts/resource.ts';
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
  } as Wire<Stripe.Customer>;
}

export const customer: Resource<CustomerWhole> = {
  object: 'customer',
  prefix: 'cus',
  render,
  load: (ctx, ids) => customersById(ctx.tx, ids),
  expands: {
    test_clock: 'test_helpers.test_clock',
    'invoice_settings.default_payment_method': 'payment_method',
  },
};
