/**
 * Graduated: each tier prices the units above the previous tier's `up_to` up to and including its own, and its flat amount is charged when at least a part of a unit falls into it. The first tier is
 * reached even by a quantity of 0.
 */
import { compare, subtract, ZERO } from '../money.ts';
import type { Part, Way } from './price.ts';

export const graduated: Way = (rates, quantity) => {
  const parts: Part[] = [];
  let below = ZERO;
  for (const [tier, { up_to, unit_amount, flat_amount }] of rates.tiers.entries()) {
    if (tier > 0 && compare(quantity, below) <= 0) break;
    const top = up_to === null || compare(quantity, up_to) <= 0 ? quantity : up_to;
    parts.push({ quantity: subtract(top, below), unit_amount, flat_amount, tier });
    if (up_to === null) break;
    below = up_to;
  }
  return parts;
};
