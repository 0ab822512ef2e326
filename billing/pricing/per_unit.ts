/** Per unit: u × q. */
import { assert } from '../decision.ts';
import { ZERO } from '../money.ts';
import type { Way } from './price.ts';

export const perUnit: Way = (rates, quantity) => {
  assert(rates.unit_amount !== null, 'a price per unit has a unit amount');
  return [{ quantity, unit_amount: rates.unit_amount, flat_amount: ZERO, tier: null }];
};
