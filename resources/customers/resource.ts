import type Stripe from 'stripe';
import type { CustomerWhole } from '../../billing/customer/customer.ts';
import type { Resource, World } from '../../server/context.ts';
import { raw, type Sql } from '../../server/database/sql.ts';
import { minor, type Wire } from '../../server/http/wire.ts';
import { renderList } from '../../server/lists.ts';
import { renderDiscount } from '../discounts/resource.ts';
import { customersById, newestOfEach } from './rows.ts';

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

/** How many objects a list inside a customer holds. */
const PAGE = 10;

type Include = NonNullable<Resource['includes']>[string];

/** A list of what belongs to each customer, as its own request would begin it. The room that renders it is found by the objects' name. */
const listOf = (object: string, table: string, path: string, condition: Sql = raw('true')): Include => async (ctx, customers) => {
  const ids = await newestOfEach(ctx.tx, table, condition, customers, PAGE);
  const resource = ctx.app.register.resources.get(object);
  const wholes: { id: string }[] = (await resource?.load?.(ctx, [...ids.values()].flat())) ?? [];
  const rendered = new Map(wholes.map((whole) => [whole.id, resource!.render(whole as never, ctx.world)]));
  return new Map(customers.map((customer) => {
    const of = ids.get(customer) ?? [];
    return [customer, renderList(`/v1/customers/${customer}/${path}`, of.slice(0, PAGE).map((id) => rendered.get(id)!), of.length > PAGE)];
  }));
};

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
    invoice_credit_balance: creditBalance,
    // There are none: cards are payment methods.
    sources: async (_ctx, ids) => new Map(ids.map((id) => [id, renderList(`/v1/customers/${id}/sources`, [])])),
    subscriptions: listOf('subscription', 'subscriptions', 'subscriptions', raw(`status not in ('canceled', 'incomplete_expired')`)),
    tax_ids: listOf('tax_id', 'tax_ids', 'tax_ids'),
  },
};
