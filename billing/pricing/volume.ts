/** Volume: the first tier with q ≤ up_to prices the whole quantity, u × q + flat. */
import { assert } from '../decision.ts';
import { compare } from '../money.ts';
import type { Way } from './price.ts';

export const volume: Way = (rates, quantity) => {
  const index = rates.tiers.findIndex((each) => each.up_to === null || compare(quantity, each.up_to) <= 0);
  const tier = rates.tiers[index];
  assert(tier !== undefined, 'the last tier has no upper limit');
  return [{ quantity, unit_amount: tier.unit_amount, flat_amount: tier.flat_amount, tier: index }];
};
