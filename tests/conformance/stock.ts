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
  put('customers', await stripe.customers.create({ name: 'Jenny', email: 'jenny@example.com' }));
  return ids;
}
