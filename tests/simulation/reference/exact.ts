/** Exact numbers of the reference model: fractions, never rounded but where the book says so. */

/** d > 0. */
export type Fraction = { n: bigint; d: bigint };

export const whole = (n: bigint | number): Fraction => ({ n: BigInt(n), d: 1n });
export const plus = (a: Fraction, b: Fraction): Fraction => (a.d === b.d ? { n: a.n + b.n, d: a.d } : { n: a.n * b.d + b.n * a.d, d: a.d * b.d });
export const minus = (a: Fraction, b: Fraction): Fraction => plus(a, { n: -b.n, d: b.d });
export const times = (a: Fraction, b: Fraction): Fraction => ({ n: a.n * b.n, d: a.d * b.d });
export const less = (a: Fraction, b: Fraction): boolean => a.n * b.d < b.n * a.d;

export function decimal(text: string | null): Fraction {
  if (text?.startsWith('-')) return minus(whole(0), decimal(text.slice(1)));
  const [integer, places = ''] = (text ?? '0').split('.');
  return { n: BigInt(integer! + places), d: 10n ** BigInt(places.length) };
}

/** As a plain decimal; the denominator is a power of ten. */
export function plain({ n, d }: Fraction): string {
  if (n < 0n) return `-${plain({ n: -n, d })}`;
  const places = d.toString().length - 1;
  const digits = n.toString().padStart(places + 1, '0');
  return (digits.slice(0, digits.length - places) + (places ? `.${digits.slice(digits.length - places)}` : '')).replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');
}

/** Half away from zero. */
export function round({ n, d }: Fraction): bigint {
  const size = n < 0n ? -n : n;
  const down = size / d;
  const result = (size - down * d) * 2n >= d ? down + 1n : down;
  return n < 0n ? -result : result;
}

export const total = (amounts: Iterable<bigint>): bigint => [...amounts].reduce((a, b) => a + b, 0n);

/** Parts of `pool` in proportion to the weights: over and over a unit (at first a large one) to whoever lacks most of his due, ties to the earlier. */
export function shareOut(pool: bigint, weights: readonly bigint[]): bigint[] {
  const sum = total(weights);
  const given = weights.map(() => 0n);
  let rest = pool;
  for (let unit = 10n ** 12n; unit > 0n; unit /= 10n) {
    while (rest >= unit) {
      const lacks = weights.map((weight, i) => pool * weight - given[i]! * sum);
      const neediest = lacks.reduce((best, lack, i) => (lack > lacks[best]! ? i : best), 0);
      if (unit > 1n && lacks[neediest]! < unit * sum) break;
      given[neediest]! += unit;
      rest -= unit;
    }
  }
  return given;
}
