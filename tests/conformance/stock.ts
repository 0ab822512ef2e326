/** A little of everything that the rooms can make, so that requests have something to be about. */
import type Stripe from 'stripe';

/** Ids by the prefix of the kind (`cus`) and by the collection in the path (`customers`). */
export async function stock(stripe: Stripe): Promise<Map<string, string>> {
  const ids = new Map<string, string>();
  const put = (collection: string, { id }: { id: string }): string => {
    ids.set(collection, id);
    const prefix = /^[a-z_]+(?=_)/.exec(id)?.[0];
    if (prefix && !ids.has(prefix)) ids.set(prefix, id);
    return id;
  };
  put('test_helpers/test_clocks', await stripe.testHelpers.testClocks.create({ frozen_time: 1_767_225_600 }));
  const customer = put('customers', await stripe.customers.create({ name: 'Jenny', email: 'jenny@example.com' }));
  put('payment_methods', await stripe.paymentMethods.attach('pm_card_visa', { customer }));
  const product = put('products', await stripe.products.create({ name: 'Seat' }));
  put('prices', await stripe.prices.create({ product, currency: 'usd', unit_amount: 1_500, recurring: { interval: 'month' } }));
  const coupon = put('coupons', await stripe.coupons.create({ percent_off: 25, duration: 'once' }));
  put('promotion_codes', await stripe.promotionCodes.create({ promotion: { type: 'coupon', coupon } }));
  put('tax_rates', await stripe.taxRates.create({ display_name: 'VAT', percentage: 19, inclusive: false }));
  put('billing/meters', await stripe.billing.meters.create({ display_name: 'Calls', event_name: 'calls', default_aggregation: { formula: 'sum' } }));
  put('events', (await stripe.events.list({ limit: 1 })).data[0]!);
  return ids;
}
