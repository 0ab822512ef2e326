/** Two customers of the helpdesk company: one that helped itself on the web site, and one that signed a contract. */

import type Stripe from 'stripe';

export type Buyer = { customer: string; subscription: string };

/** Pays by card, a month ahead, from the moment at which it signs up. */
export async function lumenCoffee(stripe: Stripe, clock: string): Promise<Buyer> {
  const price = await priceIds(stripe);
  const customer = await newCustomer(stripe, 'LUMEN', {
    test_clock: clock,
    name: 'Lumen Coffee',
    email: 'accounts@lumen-coffee.example',
    address: { line1: '214 Bedford Avenue', city: 'Brooklyn', state: 'NY', postal_code: '11249', country: 'US' },
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price('advanced_monthly'), quantity: 5 }, { price: price('ai_resolution') }, { price: price('messages') }],
    default_tax_rates: [await taxRate(stripe, 'Sales tax', 8.875, 'US')],
  });
  return { customer: customer.id, subscription: subscription.id };
}

/** Is sent an invoice on the first of each month, payable within 30 days, with 15 % off the seats and off nothing else. */
export async function northwindLogistics(stripe: Stripe, clock: string): Promise<Buyer> {
  const price = await priceIds(stripe);
  const customer = await newCustomer(stripe, 'NORTHWIND', {
    test_clock: clock,
    name: 'Northwind Logistics',
    email: 'payables@northwind-logistics.example',
    address: { line1: '9 Sir John Rogerson’s Quay', city: 'Dublin', postal_code: 'D02 HK52', country: 'IE' },
  });
  const negotiated = await stripe.coupons.create({ name: 'Negotiated: 15 % off Expert seats', percent_off: 15, duration: 'forever' });
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    collection_method: 'send_invoice',
    days_until_due: 30,
    billing_cycle_anchor_config: { day_of_month: 1, hour: 0, minute: 0, second: 0 },
    items: [
      { price: price('expert_monthly'), quantity: 40, discounts: [{ coupon: negotiated.id }] },
      { price: price('ai_resolution') },
      { price: price('messages') },
      { price: price('campaigns') },
    ],
    default_tax_rates: [await taxRate(stripe, 'VAT', 23, 'IE')],
    metadata: { contract: 'NW-2026-001' },
  });
  return { customer: customer.id, subscription: subscription.id };
}

/** The ids of the catalogue's prices by their lookup keys. */
export async function priceIds(stripe: Stripe): Promise<(lookup_key: string) => string> {
  const { data } = await stripe.prices.list({ active: true, limit: 100 });
  const ids = new Map(data.map((price) => [price.lookup_key, price.id]));
  return (lookup_key) => {
    const id = ids.get(lookup_key);
    if (id === undefined) throw new Error(`The catalogue has no price ${lookup_key}. Make it by catalog.ts.`);
    return id;
  };
}

/** An item of a subscription, by its price's lookup key. */
export async function itemOf(stripe: Stripe, { subscription }: Buyer, lookup_key: string): Promise<string> {
  const { items } = await stripe.subscriptions.retrieve(subscription);
  const item = items.data.find((each) => each.price.lookup_key === lookup_key);
  if (item === undefined) throw new Error(`The subscription ${subscription} has no item at the price ${lookup_key}.`);
  return item.id;
}

/** A customer whose invoices are numbered by a prefix, `LUMEN-0001`. No two customers have the same one: where the story is played again, it is `LUMEN2`. */
async function newCustomer(stripe: Stripe, prefix: string, params: Stripe.CustomerCreateParams): Promise<Stripe.Customer> {
  for (let n = 1; ; n += 1) {
    try {
      return await stripe.customers.create({ ...params, invoice_prefix: n === 1 ? prefix : `${prefix}${n}` });
    } catch (error) {
      if ((error as Stripe.errors.StripeError).param !== 'invoice_prefix' || n === 999) throw error;
    }
  }
}

/** A rate put on top of the amounts: the one of this name that is there already, or a new one. */
async function taxRate(stripe: Stripe, display_name: string, percentage: number, country: string): Promise<string> {
  for await (const rate of stripe.taxRates.list({ active: true, inclusive: false, limit: 100 })) {
    if (rate.display_name === display_name && rate.percentage === percentage && rate.country === country) return rate.id;
  }
  return (await stripe.taxRates.create({ display_name, percentage, country, inclusive: false })).id;
}
