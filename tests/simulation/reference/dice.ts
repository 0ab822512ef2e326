/** Chance that is always the same for a seed, and what a shop sells by it. */
import type { Coupon, Item, Once, Price, Rate, Recurrence } from './history.ts';

export class Dice {
  private state: number;
  private ids = 0;

  constructor(seed: number) {
    this.state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  }

  /** Within [0, 1), by mulberry32. */
  random(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Both ends included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.random() * (high - low + 1));
  }

  chance(p: number): boolean {
    return this.random() < p;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(0, list.length - 1)]!;
  }

  /** None or a few. */
  some<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.int(0, most) }, make);
  }

  id(prefix: string): string {
    this.ids += 1;
    return `${prefix}_${this.ids}`;
  }
}

/** What is sold in one currency and at some intervals. */
export class Shop {
  readonly currency: string;
  readonly family: readonly Recurrence[];
  private readonly dice: Dice;

  constructor(dice: Dice, currency: string, family: readonly Recurrence[]) {
    this.dice = dice;
    this.currency = currency;
    this.family = family;
  }

  private money(): string {
    const { dice } = this;
    return dice.chance(0.6) ? String(dice.int(0, 6000)) : `${dice.int(0, 900)}.${[0, ...dice.some(1, () => 0)].map(() => String(dice.int(0, 999_999)).padStart(6, '0')).join('')}`;
  }

  product(): string {
    return this.dice.pick(['prod_a', 'prod_b', 'prod_c']);
  }

  /** With a meter it is of usage. */
  price(meter: string | null, recurrence: Recurrence = this.dice.pick(this.family)): Price {
    const { dice } = this;
    const way = dice.pick(['per_unit', 'per_unit', 'transform', 'volume', 'graduated'] as const);
    const tiers_mode = way === 'volume' || way === 'graduated' ? way : null;
    const ups = [...new Set(dice.some(2, () => dice.int(1, 25)))].sort((a, b) => a - b);
    const tiers = [...ups, null].map((up_to) => ({ up_to, unit_amount_decimal: dice.chance(0.8) ? this.money() : null, flat_amount_decimal: dice.chance(0.4) ? this.money() : null }));
    return {
      id: dice.id('price'), product: this.product(), currency: this.currency, recurrence, usage_type: meter === null ? 'licensed' : 'metered', meter, billing_scheme: tiers_mode ? 'tiered' : 'per_unit',
      unit_amount_decimal: tiers_mode ? null : this.money(), tiers: tiers_mode && tiers, tiers_mode, transform_quantity: way === 'transform' ? { divide_by: dice.int(2, 9), round: dice.pick(['up', 'down']) } : null,
      ...(meter !== null && dice.chance(0.15) && { allowance: this.allowance() }),
    };
  }

  private allowance(): Price['allowance'] {
    const { dice } = this;
    const quantity = dice.int(1, 25);
    return dice.chance(0.5) ? { quantity, per: 'subscription', product: null } : { quantity, per: 'seat', product: dice.chance(0.5) ? null : this.product() };
  }

  rate(): Rate {
    const { dice } = this;
    return { id: dice.id('txr'), percentage: dice.pick(['19', '7', '8.25', '20', '5.5', '0.125']), inclusive: dice.chance(0.4) };
  }

  coupon(): Coupon {
    const { dice, currency } = this;
    const foreign = (): Partial<Coupon> => ({ amount_off: 77n, currency: 'chf', currency_options: { [currency]: BigInt(dice.int(1, 900)) } });
    return {
      id: dice.id('di'),
      ...(dice.chance(0.5) ? { percent_off: dice.pick(['10', '25', '33.33', '50', '100', '12.5', '0.5']) } : dice.chance(0.9) ? { amount_off: BigInt(dice.int(1, 4000)), currency } : foreign()),
      ...(dice.chance(0.3) ? { duration: 'repeating', duration_in_months: dice.int(1, 4) } : { duration: dice.pick(['once', 'forever']) }),
      ...(dice.chance(0.25) && { products: [...new Set([this.product(), this.product()])] }),
    };
  }

  discounts(): Coupon[] {
    return this.dice.chance(0.35) ? this.dice.some(2, () => this.coupon()) : [];
  }

  once(): Once {
    const { dice } = this;
    return { key: dice.id('once'), product: this.product(), unit_amount_decimal: this.money(), quantity: dice.int(0, 5), discountable: dice.chance(0.7), tax_rates: dice.chance(0.3) ? [this.rate()] : [], discounts: dice.chance(0.2) ? [this.coupon()] : [] };
  }

  item(metered = this.dice.chance(0.3)): Item {
    const { dice } = this;
    const key = dice.id('item');
    return { key, price: this.price(metered ? dice.id('meter') : null), quantity: metered ? 0 : dice.int(0, 12), tax_rates: dice.chance(0.3) ? dice.some(2, () => this.rate()) : [], discounts: this.discounts(), ...(metered && dice.chance(0.06) && { usage_gte: dice.int(1, 40) }) };
  }
}
