import { byLargestRemainder, roundDiv } from '../money.ts';

function floorDiv(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  return numerator % denominator < 0n ? quotient - 1n : quotient;
}

/**
 * The part n ÷ d (0 ≤ n ÷ d ≤ 1) of each amount, so that the parts sum to the rounded part of the sum: each is rounded down, and what is left goes one by one to the largest remainders, ties to the
 * earlier. No part exceeds its amount, and the whole of all is each as it was.
 */
export function portion(amounts: readonly bigint[], n: bigint, d: bigint): bigint[] {
  if (d < 0n) return portion(amounts, -n, -d);
  const parts = amounts.map((amount) => floorDiv(amount * n, d));
  const sum = amounts.reduce((whole, amount) => whole + amount, 0n);
  const left = parts.reduce((rest, part) => rest - part, roundDiv(sum * n, d));
  return byLargestRemainder(parts, amounts.map((amount, index) => amount * n - parts[index]! * d), left);
}
