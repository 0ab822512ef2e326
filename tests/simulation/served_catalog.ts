/** What a history names, made over HTTP by the official client as soon as it is needed, and the way back from its ids. */
import Stripe from 'stripe';
import { own } from '../own.ts';
import type { Coupon, Item, Once, Price, Rate } from './reference/history.ts';

const decimal = (text: string | null) => (text === null ? undefined : Stripe.Decimal.from(text));

/** A tier says one amount at least. */
const tiersOf = (tiers: Price['tiers']) => tiers?.map(({ up_to, unit_amount_decimal, flat_amount_decimal }) => ({ up_to: up_to ?? ('inf' as const), unit_amount_decimal: unit_amount_decimal ?? (flat_amount_decimal === null ? '0' : null), flat_amount_decimal }));

/** What is null is left out. */
const said = (given: object): object => Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null && value !== undefined));

export class ServedCatalog {
  private readonly stripe: Stripe;
  /** Tells apart the events of usage of several lives. */
  private readonly customer: string;
  private readonly made = new Map<string, Promise<string>>();
  /** The history's names, by id. */
  readonly names = new Map<string, string>();
  readonly metered = new Set<string>();

  constructor(stripe: Stripe, customer: string) {
    this.stripe = stripe;
    this.customer = customer;
  }

  /** The history's name of what has the id. */
  readonly name = (id: string): string => this.names.get(id)!;

  private once(name: string, make: () => Promise<{ id: string }>): Promise<string> {
    const known = this.made.get(name) ?? make().then(({ id }) => {
      this.names.set(id, name);
      return id;
    });
    this.made.set(name, known);
    return known;
  }

  event(meter: string): string {
    return `${this.customer}_${meter}`;
  }

  hasMeter(meter: string): boolean {
    return this.made.has(`meter ${meter}`);
  }

  private product(name: string): Promise<string> {
    return this.once(name, () => this.stripe.products.create({ name }));
  }

  price(price: Price): Promise<string> {
    return this.once(price.id, async () => {
      const { recurrence, currency, usage_type, billing_scheme, tiers, tiers_mode, transform_quantity } = price;
      const meter = price.meter === null ? undefined : await this.once(`meter ${price.meter}`, () => own<{ id: string }>(this.stripe, 'POST', 'meters', { display_name: price.meter!, event_name: this.event(price.meter!), dimensions: ['model'], default_aggregation: { formula: 'sum' } }));
      const made = await this.stripe.prices.create({
        product: await this.product(price.product), currency, billing_scheme,
        recurring: { ...recurrence, usage_type, meter },
        unit_amount_decimal: decimal(price.unit_amount_decimal),
        tiers_mode: tiers_mode ?? undefined,
        transform_quantity: transform_quantity ?? undefined,
        tiers: tiersOf(tiers)?.map(({ up_to, unit_amount_decimal, flat_amount_decimal }) => ({ up_to, unit_amount_decimal: decimal(unit_amount_decimal), flat_amount_decimal: decimal(flat_amount_decimal) })),
      });
      if (usage_type === 'metered') this.metered.add(made.id);
      if (price.allowance) {
        const { quantity, per, product } = price.allowance;
        await own(this.stripe, 'POST', `prices/${made.id}`, { allowance: { quantity: String(quantity), per, ...(product !== null && { seat_product: await this.product(product) }) } });
      }
      if (price.dimension_prices?.length) {
        const dimension_prices = price.dimension_prices.map(({ values, tiers, ...amounts }) => said({ dimensions: { model: values }, ...amounts, tiers: tiersOf(tiers)?.map(said) }));
        await own(this.stripe, 'POST', `prices/${made.id}`, { dimension_prices });
      }
      return made;
    });
  }

  rates(rates: readonly Rate[]): Promise<string[]> {
    return Promise.all(rates.map((rate) => this.once(rate.id, () => this.stripe.taxRates.create({ display_name: 'Tax', percentage: Number(rate.percentage), inclusive: rate.inclusive }))));
  }

  discounts(coupons: readonly Coupon[]): Promise<{ coupon: string }[]> {
    return Promise.all(coupons.map(async ({ id, percent_off, amount_off, currency, currency_options, duration, duration_in_months, products }) => ({
      coupon: await this.once(id, async () => this.stripe.coupons.create({
        duration, duration_in_months,
        ...(percent_off === undefined ? { amount_off: Number(amount_off), currency } : { percent_off: Number(percent_off) }),
        ...(currency_options && { currency_options: Object.fromEntries(Object.entries(currency_options).map(([name, amount]) => [name, { amount_off: Number(amount) }])) }),
        ...(products && { applies_to: { products: await Promise.all(products.map((product) => this.product(product))) } }),
      })),
    })));
  }

  /** The line has the name of its price. */
  async addedOnce({ key, product, unit_amount_decimal, quantity, discountable, tax_rates, discounts }: Once, currency: string): Promise<Stripe.SubscriptionCreateParams.AddInvoiceItem> {
    const price = await this.once(key, async () => this.stripe.prices.create({ product: await this.product(product), currency, unit_amount_decimal: decimal(unit_amount_decimal) }));
    const [rates, coupons] = [await this.rates(tax_rates), await this.discounts(discounts)];
    return { price, quantity, ...(rates.length > 0 && { tax_rates: rates }), ...(coupons.length > 0 && { discounts: coupons }), ...(!discountable && { discountable }) };
  }

  async asked({ price, quantity, tax_rates, discounts, usage_gte }: Item): Promise<Stripe.SubscriptionCreateParams.Item> {
    const [rates, coupons] = [await this.rates(tax_rates), await this.discounts(discounts)];
    return { price: await this.price(price), ...(price.usage_type === 'licensed' && { quantity }), ...(usage_gte !== undefined && { billing_thresholds: { usage_gte } }), ...(rates.length > 0 && { tax_rates: rates }), ...(coupons.length > 0 && { discounts: coupons }) };
  }
}
