/** Per package (`transform_quantity`): u × ⌈q ÷ divide_by⌉, or ⌊ ⌋ with `round: down`. The part's quantity is the number of packages. */
import { assert } from '../decision.ts';
import { digitsAt, fromBigint, ZERO } from '../money.ts';
import type { Way } from './price.ts';

export const perPackage: Way = (rates, quantity) => {
  assert(rates.unit_amount !== null, 'a price per package has a unit amount');
  const size = digitsAt(fromBigint(rates.divide_by), quantity.scale);
  const full = quantity.digits / size;
  const opened = rates.round === 'up' && quantity.digits % size !== 0n ? full + 1n : full;
  return [{ quantity: fromBigint(opened), unit_amount: rates.unit_amount, flat_amount: ZERO, tier: null }];
};
