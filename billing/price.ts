/** What a price is made of and what of it may change: the terms never do, once people have agreed to them. */
import type { CurrencyOption, CustomUnitAmount, MeterRow, PriceRow, ProductRow, Recurring, StoredTier } from './catalog.ts';
import { decision, refuse, type Decision, type Moment } from './decision.ts';
import type { Interval } from './calendar.ts';
import { mergeMetadata } from './metadata.ts';
import { formatDecimal, formatMoney, minimumCharge, minor, parseDecimal } from './money.ts';
import { checkTiers } from './pricing/price.ts';

/** Amounts in minor units, whole or as decimals of up to 12 places; of each pair at most one is given. */
type TierGiven = { up_to: 'inf' | number; unit_amount?: bigint; unit_amount_decimal?: string; flat_amount?: bigint; flat_amount_decimal?: string };
type CustomGiven = { enabled: boolean; maximum?: bigint; minimum?: bigint; preset?: bigint };
type RecurringGiven = { interval: Interval; interval_count?: number; meter?: string; trial_period_days?: number; usage_type?: 'licensed' | 'metered' };

/** What a price says in one currency. */
export type OptionGiven = {
  unit_amount?: bigint;
  unit_amount_decimal?: string;
  tiers?: TierGiven[];
  custom_unit_amount?: CustomGiven;
  tax_behavior?: PriceRow['tax_behavior'];
};

export type PriceGiven = OptionGiven & {
  currency: string;
  currency_options?: Record<string, OptionGiven>;
  active?: boolean;
  billing_scheme?: PriceRow['billing_scheme'];
  tiers_mode?: 'graduated' | 'volume';
  transform_quantity?: { divide_by: number; round: 'down' | 'up' };
  recurring?: RecurringGiven;
  lookup_key?: string | null;
  transfer_lookup_key?: boolean;
  nickname?: string | null;
  metadata?: Record<string, string> | '';
};

type PriceChange = Pick<PriceGiven, 'active' | 'lookup_key' | 'transfer_lookup_key' | 'nickname' | 'metadata' | 'tax_behavior'> & { currency_options?: Record<string, OptionGiven> | null };

/** What a price needs to know: what it is a price of, the meter that it names, and who has the lookup key now. */
export type PriceFacts = { product: ProductRow; meter: MeterRow | null; holder: PriceRow | null };

/** Spells a parameter where the price stands inside of another object: `tiers[1]` in `default_price_data` is `default_price_data[tiers][1]`. */
type Spell = (param: string) => string;

export function within(outer: string): Spell {
  return outer === '' ? (param) => param : (param) => `${outer}[${param.replace(/\[|$/, ']$&')}`;
}

/** How a price says what to pay; every currency of it says it in the same way. */
type Way = 'per_unit' | 'tiered' | 'custom';

/** Three years, in each interval. */
const LONGEST: Record<Interval, number> = { day: 1095, week: 156, month: 36, year: 3 };

function decimalOf(whole: bigint | undefined, decimal: string | undefined): string | null {
  if (whole !== undefined) return whole.toString();
  return decimal === undefined ? null : formatDecimal(parseDecimal(decimal)!);
}

function tiersOf(given: readonly TierGiven[], at: Spell): StoredTier[] {
  const tiers = given.map((tier) => ({
    up_to: tier.up_to === 'inf' ? null : tier.up_to,
    unit_amount_decimal: decimalOf(tier.unit_amount, tier.unit_amount_decimal),
    flat_amount_decimal: decimalOf(tier.flat_amount, tier.flat_amount_decimal),
  }));
  const wrong = checkTiers(tiers);
  if (wrong) refuse(undefined, wrong.message, at(wrong.param));
  return tiers;
}

function customOf(given: CustomGiven, currency: string, at: Spell): CustomUnitAmount {
  const { enabled, maximum = null, minimum = null, preset = null } = given;
  if (!enabled) refuse(undefined, 'Leave `custom_unit_amount` out where the customer does not choose the amount.', at('custom_unit_amount[enabled]'));
  const least = minimumCharge(currency);
  if (minimum !== null && minimum < least) refuse('amount_too_small', `The least amount that can be charged in ${currency} is ${formatMoney(least, currency)}.`, at('custom_unit_amount[minimum]'));
  if (maximum !== null && maximum < (minimum ?? least)) refuse(undefined, 'The maximum must not be below the minimum.', at('custom_unit_amount[maximum]'));
  if (preset !== null && (preset < (minimum ?? 0n) || (maximum !== null && preset > maximum))) {
    refuse(undefined, 'The preset amount must lie between the minimum and the maximum.', at('custom_unit_amount[preset]'));
  }
  const number = (amount: bigint | null) => (amount === null ? null : minor(amount));
  return { maximum: number(maximum), minimum: number(minimum), preset: number(preset) };
}

/** The amounts in one currency, which must be given in the price's way and in no other. */
export function optionOf(given: OptionGiven, way: Way, currency: string, at: Spell): CurrencyOption {
  const unit = given.unit_amount !== undefined ? 'unit_amount' : given.unit_amount_decimal !== undefined ? 'unit_amount_decimal' : null;
  if (way !== 'tiered' && given.tiers) refuse(undefined, 'Tiers need a price whose `billing_scheme` is `tiered`.', at('tiers'));
  if (way !== 'custom' && given.custom_unit_amount) refuse(undefined, 'The customer can choose the amount only where the whole price says so, and no other amount is given.', at('custom_unit_amount'));
  if (way !== 'per_unit' && unit) {
    const instead = way === 'tiered' ? 'A tiered price has its amounts in `tiers`.' : 'The customer chooses the amount by `custom_unit_amount`.';
    refuse('parameters_exclusive', `${instead} Leave \`${unit}\` out.`, at(unit));
  }
  if (way === 'per_unit' && !unit) refuse('parameter_missing', 'A price needs one of `unit_amount`, `unit_amount_decimal` or `custom_unit_amount`, or tiers.', at('unit_amount'));
  if (way === 'tiered' && !given.tiers) refuse('parameter_missing', 'A price whose `billing_scheme` is `tiered` needs `tiers`.', at('tiers'));
  if (way === 'custom' && !given.custom_unit_amount) refuse('parameter_missing', 'The customer chooses the amount of this price, so in every currency it needs `custom_unit_amount`.', at('custom_unit_amount'));
  return {
    unit_amount_decimal: decimalOf(given.unit_amount, given.unit_amount_decimal),
    tiers: given.tiers ? tiersOf(given.tiers, at) : null,
    custom_unit_amount: given.custom_unit_amount ? customOf(given.custom_unit_amount, currency, at) : null,
    tax_behavior: given.tax_behavior ?? 'unspecified',
  };
}

function optionsOf(given: Record<string, OptionGiven>, way: Way, own: string, at: Spell): Record<string, CurrencyOption> {
  const options = Object.entries(given).map(([currency, option]) => {
    refuseOwn(currency, own, at);
    return [currency, optionOf(option, way, currency, within(at(`currency_options[${currency}]`)))] as const;
  });
  return Object.fromEntries(options);
}

function refuseOwn(currency: string, own: string, at: Spell): void {
  if (currency === own) refuse(undefined, `The price itself is in ${own}: \`currency_options\` are for other currencies.`, at(`currency_options[${currency}]`));
}

function recurringOf(given: RecurringGiven, meter: MeterRow | null, at: Spell): Recurring {
  const { interval, interval_count = 1, usage_type = 'licensed', trial_period_days = null } = given;
  const longest = LONGEST[interval];
  if (interval_count > longest) refuse(undefined, `A price recurs at least every three years: \`interval_count\` is at most ${longest} for the interval \`${interval}\`.`, at('recurring[interval_count]'));
  if (usage_type === 'metered' && !meter) refuse('parameter_missing', 'A metered price needs the meter that measures its usage: give `recurring[meter]`.', at('recurring[meter]'));
  if (usage_type === 'licensed' && meter) refuse(undefined, 'Only a metered price has a meter: give `recurring[usage_type]` as `metered`, too.', at('recurring[meter]'));
  if (meter?.status === 'inactive') refuse(undefined, `The meter ${meter.id} is inactive and cannot measure for new prices. Reactivate it, or name another one.`, at('recurring[meter]'));
  return { interval, interval_count, usage_type, meter: meter?.id ?? null, trial_period_days };
}

function wayOf(given: PriceGiven, at: Spell): Way {
  const { billing_scheme = 'per_unit', tiers_mode, transform_quantity, custom_unit_amount, recurring } = given;
  if (billing_scheme === 'tiered') {
    if (!tiers_mode) refuse('parameter_missing', 'A price whose `billing_scheme` is `tiered` needs a `tiers_mode`: `graduated` or `volume`.', at('tiers_mode'));
    if (transform_quantity) refuse(undefined, 'Quantities cannot be transformed where the price is tiered.', at('transform_quantity'));
    return 'tiered';
  }
  if (tiers_mode) refuse(undefined, 'A `tiers_mode` needs a price whose `billing_scheme` is `tiered`.', at('tiers_mode'));
  if (!custom_unit_amount) return 'per_unit';
  if (recurring) refuse(undefined, 'The customer can choose the amount of a one-time price only.', at('custom_unit_amount'));
  if (transform_quantity) refuse(undefined, 'Quantities cannot be transformed where the customer chooses the amount.', at('transform_quantity'));
  return 'custom';
}

/** Gives the key to a price; it is taken away from its holder where the caller says so. */
function takeKey(into: Decision, price: string | null, given: Pick<PriceGiven, 'lookup_key' | 'transfer_lookup_key'>, holder: PriceRow | null, moment: Moment): void {
  if (!given.lookup_key) {
    if (given.transfer_lookup_key) refuse('parameter_missing', 'Give the `lookup_key` that is to be transferred.', 'lookup_key');
    return;
  }
  if (!holder || holder.id === price) return;
  if (!given.transfer_lookup_key) {
    refuse('resource_already_exists', `The price ${holder.id} has the lookup key ${given.lookup_key}. Choose another key, or give \`transfer_lookup_key\` to take it over.`, 'lookup_key');
  }
  const bereft: PriceRow = { ...holder, lookup_key: null };
  into.puts.push({ table: 'prices', before: holder, after: bereft });
  into.facts.push({ type: 'price.updated', object: 'price', whole: bereft, before: holder, at: moment.now });
}

/** A new price. `outer` is the parameter in which the price is described, where it is made on the way of something else. */
export function createPrice(given: PriceGiven, facts: PriceFacts, moment: Moment, outer = ''): Decision & { price: PriceRow } {
  const at = within(outer);
  const { currency, active = true, recurring, transform_quantity = null, tiers_mode = null, lookup_key = null, nickname = null } = given;
  const way = wayOf(given, at);
  const price: PriceRow = {
    id: moment.newId('price'),
    created: moment.now,
    product: facts.product.id,
    active,
    type: recurring ? 'recurring' : 'one_time',
    billing_scheme: way === 'tiered' ? 'tiered' : 'per_unit',
    currency,
    ...optionOf(given, way, currency, at),
    tiers_mode,
    transform_quantity,
    currency_options: given.currency_options ? optionsOf(given.currency_options, way, currency, at) : null,
    recurring: recurring ? recurringOf(recurring, facts.meter, at) : null,
    meter: facts.meter?.id ?? null,
    lookup_key,
    nickname,
    metadata: mergeMetadata({}, given.metadata),
    allowance: null,
    dimension_prices: null,
  };
  const made = decision();
  takeKey(made, null, given, facts.holder, moment);
  made.puts.push({ table: 'prices', before: null, after: price });
  made.facts.push({ type: 'price.created', object: 'price', whole: price, at: moment.now });
  return { ...made, price };
}

/** People have relied on it: what was said about tax cannot be unsaid. */
function settled(before: PriceRow['tax_behavior'], given: PriceRow['tax_behavior'] | undefined, param: string): PriceRow['tax_behavior'] {
  if (given === undefined || given === before) return before;
  if (before !== 'unspecified') refuse(undefined, `The tax behavior of this price is \`${before}\` and cannot change any more. Make a new price instead.`, param);
  return given;
}

const says = (given: OptionGiven): boolean => Object.keys(given).some((name) => name !== 'tax_behavior');

/** The options with those given put over them; one that only says its tax behavior keeps its amounts. */
function mergeOptions(before: PriceRow, given: Record<string, OptionGiven>): Record<string, CurrencyOption> {
  const way: Way = before.billing_scheme === 'tiered' ? 'tiered' : before.custom_unit_amount ? 'custom' : 'per_unit';
  const merged = { ...before.currency_options };
  for (const [currency, option] of Object.entries(given)) {
    const outer = `currency_options[${currency}]`;
    refuseOwn(currency, before.currency, within(''));
    const known = merged[currency];
    const amounts = known && !says(option) ? known : optionOf(option, way, currency, within(outer));
    merged[currency] = { ...amounts, tax_behavior: settled(known?.tax_behavior ?? 'unspecified', option.tax_behavior, within(outer)('tax_behavior')) };
  }
  return merged;
}

/** Refuses to take currencies from a price with dimension prices, or to give it some of which they say nothing. */
function refuseOtherCurrencies(before: PriceRow, after: PriceRow): void {
  const [was, is] = [before, after].map((price) => Object.keys(price.currency_options ?? {}).sort().join());
  if (before.dimension_prices && was !== is) refuse(undefined, `The price ${before.id} has other amounts for some dimensions, in the currencies that it has. Make a new price for others.`, 'currency_options');
}

/** Changes what is named; `currency_options` null takes them all away. */
export function changePrice(before: PriceRow, change: PriceChange, facts: Pick<PriceFacts, 'product' | 'holder'>, moment: Moment): Decision & { price: PriceRow } {
  if (change.active === false && before.active && facts.product.default_price === before.id) {
    refuse(undefined, `This is the default price of the product ${before.product}. Give the product another default price first.`, 'active');
  }
  const price: PriceRow = {
    ...before,
    active: change.active ?? before.active,
    lookup_key: change.lookup_key === undefined ? before.lookup_key : change.lookup_key,
    nickname: change.nickname === undefined ? before.nickname : change.nickname,
    tax_behavior: settled(before.tax_behavior, change.tax_behavior, 'tax_behavior'),
    currency_options: change.currency_options === undefined ? before.currency_options : change.currency_options && mergeOptions(before, change.currency_options),
    metadata: mergeMetadata(before.metadata, change.metadata),
  };
  refuseOtherCurrencies(before, price);
  const made = decision();
  takeKey(made, before.id, change, facts.holder, moment);
  made.puts.push({ table: 'prices', before, after: price });
  made.facts.push({ type: 'price.updated', object: 'price', whole: price, before, at: moment.now });
  return { ...made, price };
}
