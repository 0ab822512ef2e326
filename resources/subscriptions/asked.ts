/** From parameters to orders: every price, tax rate, coupon and code that a request names is read, in one read for each kind, or refused by name. */
import type { CouponRow, DiscountWhole, PriceRow, ProductRow, PromotionCodeRow, TaxRateRow } from '../../billing/catalog.ts';
import { refuse, type Decision, type Moment } from '../../billing/decision.ts';
import { mergeMetadata } from '../../billing/metadata.ts';
import { createPrice, within } from '../../billing/price.ts';
import type { DiscountGiven } from '../../billing/redeem.ts';
import type { ItemChange } from '../../billing/subscription/change.ts';
import type { AddedOnce, NewItem, PriceAsked } from '../../billing/subscription/items.ts';
import type { OfferAsked } from '../../billing/subscription/offer.ts';
import type { SubscriptionRow } from '../../billing/subscription/subscription.ts';
import type { TrialOfferRow } from '../../billing/trial_offer.ts';
import type { Context } from '../../server/context.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import { couponsById } from '../coupons/rows.ts';
import { discountsById } from '../discounts/rows.ts';
import { pricesById } from '../prices/rows.ts';
import { trialOffersById } from '../product_catalog/trial_offers/rows.ts';
import { productsById } from '../products/rows.ts';
import { promotionCodesById } from '../promotion_codes/rows.ts';
import { taxRatesById } from '../tax_rates/rows.ts';
import type * as params from './params.ts';

type TrialGiven = { trial_offer: string };
type DiscountsGiven = Params<typeof params.discounts> | null | undefined;
type PriceData = Params<typeof params.recurringData> | (Omit<Params<typeof params.recurringData>, 'recurring'> & { recurring?: undefined });
export type ItemGiven = Params<typeof params.newItem>;
type ChangedItemGiven = Params<typeof params.changedItem>;
type AddedGiven = NonNullable<Params<typeof params.createSubscription>['add_invoice_items']>[number];

/** What of a request names things of the catalogue. */
export type Naming = {
  items?: readonly (ItemGiven | ChangedItemGiven)[];
  add_invoice_items?: readonly Omit<AddedGiven, 'period'>[];
  discounts?: DiscountsGiven;
  default_tax_rates?: readonly string[] | null;
};

/** What was named, as it is there. `puts` are prices that a request makes by `price_data`. */
export class Catalogue {
  readonly made: Decision[] = [];
  readonly prices = new Map<string, PriceRow>();
  readonly products = new Map<string, ProductRow>();
  readonly rates = new Map<string, TaxRateRow>();
  readonly coupons = new Map<string, CouponRow>();
  readonly codes = new Map<string, PromotionCodeRow>();
  readonly discounts = new Map<string, DiscountWhole>();
  readonly offers = new Map<string, TrialOfferRow>();
  private readonly moment: Moment;
  constructor(moment: Moment) {
    this.moment = moment;
  }

  ratesOf(ids: readonly string[] | null | undefined, param: string): TaxRateRow[] {
    return (ids ?? []).map((id, n) => {
      const rate = this.rates.get(id) ?? missing('tax rate', id, within(param)(`${n}`));
      if (!rate.active) refuse(undefined, `The tax rate ${id} is archived. Activate it, or use another one.`, within(param)(`${n}`));
      return rate;
    });
  }

  discountsOf(given: DiscountsGiven, param: string): DiscountGiven[] {
    return (given ?? []).map((each, n): DiscountGiven => {
      const at = within(param)(`${n}`);
      if (each.discount !== undefined) {
        const discount = this.discounts.get(each.discount);
        return { param: `${at}[discount]`, discount: discount && !discount.ended ? discount : missing('discount', each.discount, `${at}[discount]`) };
      }
      if (each.promotion_code !== undefined) {
        const code = this.codes.get(each.promotion_code) ?? missing('promotion code', each.promotion_code, `${at}[promotion_code]`);
        return { param: `${at}[promotion_code]`, promotion_code: code, coupon: this.coupons.get(code.coupon)! };
      }
      if (each.coupon === undefined) return refuse('parameter_missing', 'A discount is named by `coupon`, `promotion_code` or `discount`.', at);
      const coupon = this.coupons.get(each.coupon);
      return { param: `${at}[coupon]`, promotion_code: null, coupon: coupon && !coupon.deleted ? coupon : missing('coupon', each.coupon, `${at}[coupon]`) };
    });
  }

  /** The offer that an item is asked to be in. */
  offerOf(given: TrialGiven | undefined, param: string): OfferAsked | undefined {
    if (given === undefined) return undefined;
    const at = within(param)('current_trial[trial_offer]');
    const offer = this.offers.get(given.trial_offer) ?? missing('trial offer', given.trial_offer, at);
    return { param: at, offer, transition: { ...this.askedPrice(this.prices.get(offer.transition_price)!, at), promised: true } };
  }

  priceOf(given: { price?: string; plan?: string; price_data?: PriceData; current_trial?: TrialGiven }, param: string): PriceAsked | undefined {
    const offer = given.price === undefined && given.price_data === undefined ? this.offerOf(given.current_trial, param)?.offer : undefined;
    if (offer) return this.askedPrice(this.prices.get(offer.price)!, within(param)('current_trial[trial_offer]'));
    if (given.price_data) return this.makePrice(given.price_data, within(param)('price_data'));
    if (given.price === undefined) return undefined;
    const at = within(param)(given.plan === undefined ? 'price' : 'plan');
    return this.askedPrice(this.prices.get(given.price) ?? missing('price', given.price, at), at);
  }

  private askedPrice(terms: PriceRow, param: string): PriceAsked {
    const product = this.products.get(terms.product)!;
    return { param, terms, product_name: product.name, product_active: product.active && !product.deleted };
  }

  /** A price that is made with what is sold at it. */
  private makePrice({ product: id, ...terms }: PriceData, param: string): PriceAsked {
    const product = this.products.get(id);
    if (!product || product.deleted) return missing('product', id, within(param)('product'));
    const created = createPrice(terms, { product, meter: null, holder: null }, this.moment, param);
    this.made.push(created);
    this.prices.set(created.price.id, created.price);
    return this.askedPrice(created.price, param);
  }

  newItem(given: ItemGiven, param: string): NewItem {
    const { quantity, metadata, tax_rates, discounts, billing_thresholds } = given;
    return {
      param,
      ...(billing_thresholds !== undefined && { billing_thresholds }),
      price: this.priceOf(given, param) ?? refuse('parameter_missing', 'An item needs a price: give `price`, or `price_data` to make one.', within(param)('price')),
      current_trial: this.offerOf(given.current_trial, param),
      quantity: quantity === undefined ? undefined : BigInt(quantity),
      tax_rates: this.ratesOf(tax_rates, within(param)('tax_rates')),
      metadata: mergeMetadata({}, metadata),
      discounts: this.discountsOf(discounts, within(param)('discounts')),
    };
  }

  itemChange(given: ChangedItemGiven & { id: string }, param: string): ItemChange {
    const { id, deleted, quantity, metadata, tax_rates, discounts, billing_thresholds } = given;
    return {
      param, id, deleted, billing_thresholds,
      price: this.priceOf(given, param),
      current_trial: this.offerOf(given.current_trial, param),
      ...(quantity !== undefined && { quantity: BigInt(quantity) }),
      ...(tax_rates !== undefined && { tax_rates: this.ratesOf(tax_rates, within(param)('tax_rates')) }),
      ...(metadata !== undefined && { metadata }),
      ...(discounts !== undefined && { discounts: this.discountsOf(discounts, within(param)('discounts')) }),
    };
  }

  addedOnce(given: AddedGiven, param: string): AddedOnce {
    const { quantity = 1, discountable = true, metadata, period, tax_rates, discounts } = given;
    const stamp = (edge: { type: string; timestamp?: number } | undefined, at: string) => {
      if (edge?.type === 'now') return this.moment.now;
      if (edge?.type !== 'timestamp') return null;
      return edge.timestamp ?? refuse('parameter_missing', 'A `timestamp` is needed where the type says so.', within(param)(`period[${at}][timestamp]`));
    };
    return {
      param, discountable,
      price: this.priceOf(given, param) ?? refuse('parameter_missing', 'What is added needs a price: give `price`, or `price_data` to make one.', within(param)('price')),
      quantity: BigInt(quantity),
      tax_rates: this.ratesOf(tax_rates, within(param)('tax_rates')),
      metadata: mergeMetadata({}, metadata),
      discounts: this.discountsOf(discounts, within(param)('discounts')),
      period_start: stamp(period?.start, 'start'),
      period_end: stamp(period?.end, 'end'),
    };
  }
}

async function keep<Thing extends { id: string }>(into: Map<string, Thing>, ids: readonly (string | undefined)[], load: (ids: string[]) => Promise<Thing[]>): Promise<void> {
  const wanted = [...new Set(ids.filter((id) => id !== undefined))];
  if (wanted.length > 0) for (const thing of await load(wanted)) into.set(thing.id, thing);
}

/** Reads what a request names. Coupons and codes are locked, since redeeming them counts: after customers and subscriptions, by all who lock both. */
export async function readCatalogue(ctx: Context, naming: Naming, moment: Moment): Promise<Catalogue> {
  const catalogue = new Catalogue(moment);
  const { tx } = ctx;
  const priced = [...(naming.items ?? []), ...(naming.add_invoice_items ?? [])];
  const discounts = [naming.discounts, ...priced.map((each) => each.discounts)].flatMap((each) => each ?? []);
  const trials = (naming.items ?? []).map((each) => each.current_trial?.trial_offer);
  await keep(catalogue.offers, trials, (ids) => trialOffersById(tx, ids));
  const offered = [...catalogue.offers.values().flatMap((offer) => [offer.price, offer.transition_price])];
  await keep(catalogue.prices, [...priced.map((each) => each.price), ...offered], (ids) => pricesById(tx, ids));
  await keep(catalogue.products, [...catalogue.prices.values().map((price) => price.product), ...priced.map((each) => each.price_data?.product)], (ids) => productsById(tx, ids));
  await keep(catalogue.rates, [naming.default_tax_rates, ...priced.map((each) => each.tax_rates)].flatMap((each) => each ?? []), (ids) => taxRatesById(tx, ids));
  await keep(catalogue.codes, discounts.map((each) => each.promotion_code), (ids) => promotionCodesById(tx, ids, true));
  await keep(catalogue.coupons, [...discounts.map((each) => each.coupon), ...catalogue.codes.values().map((code) => code.coupon)], (ids) => couponsById(tx, ids, true));
  await keep(catalogue.discounts, discounts.map((each) => each.discount), (ids) => discountsById(tx, ids));
  return catalogue;
}

/** Thresholds of a subscription as they are kept; undefined where nothing is said of them. */
export function thresholdsOf(given: Params<typeof params.thresholds> | undefined): SubscriptionRow['billing_thresholds'] | undefined {
  return given && { amount_gte: given.amount_gte ?? null, reset_billing_cycle_anchor: given.reset_billing_cycle_anchor ?? null };
}

/** Everything is billed in the flexible mode. */
export function billingMode(given: Params<typeof params.createSubscription>['billing_mode']): SubscriptionRow['billing_mode'] {
  if (given?.type === 'classic') refuse(undefined, 'Kontor bills in the flexible mode only: leave `billing_mode` out, or give its type as `flexible`.', 'billing_mode[type]');
  return { type: 'flexible', flexible: { proration_discounts: given?.flexible?.proration_discounts ?? 'included' }, updated_at: null };
}
