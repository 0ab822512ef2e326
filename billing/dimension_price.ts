/** What a price says of the values of its meter's dimensions; it is said before anybody has the price, and does not change after that. */
import type { DimensionPrice, MeterRow, PriceRow } from './catalog.ts';
import { refuse } from './decision.ts';
import { refuseNoDimension } from './meter.ts';
import { optionOf, within, type OptionGiven } from './price.ts';
import { takenBefore } from './pricing/dimensions.ts';

type Amounts = Pick<OptionGiven, 'unit_amount' | 'unit_amount_decimal' | 'tiers'>;

/** An entry as it is given: its amounts in the price's way, or in tiers of its own. */
type DimensionPriceGiven = Amounts & { name?: string; dimensions: Record<string, string[]>; tiers_mode?: 'graduated' | 'volume'; currency_options?: Record<string, Amounts> };

function amountsOf(given: Amounts, tiered: boolean, currency: string, at: (param: string) => string) {
  const { unit_amount_decimal, tiers } = optionOf(given, tiered ? 'tiered' : 'per_unit', currency, at);
  return { unit_amount_decimal, tiers };
}

function entryOf(given: DimensionPriceGiven, price: PriceRow, meter: MeterRow, at: (param: string) => string): DimensionPrice {
  const { name = null, dimensions, tiers_mode = price.tiers_mode, currency_options = {}, ...amounts } = given;
  if (Object.keys(dimensions).length === 0) refuse('parameter_missing', 'An entry names the values that it is for. What no entry is for costs what the price itself says.', at('dimensions'));
  for (const [key, values] of Object.entries(dimensions)) {
    refuseNoDimension(meter, key, at(`dimensions[${key}]`));
    for (const [n, value] of values.entries()) if (values.indexOf(value) !== n) refuse(undefined, `The value ${value} is named twice.`, at(`dimensions[${key}][${n}]`));
  }
  const tiered = amounts.tiers !== undefined;
  if (tiered && price.transform_quantity) refuse(undefined, 'The price counts in packages, which tiers cannot: give a `unit_amount` for each package.', at('tiers'));
  if (tiered && tiers_mode === null) refuse('parameter_missing', 'Tiers need a `tiers_mode`: `graduated` or `volume`.', at('tiers_mode'));
  if (!tiered && given.tiers_mode !== undefined) refuse(undefined, 'A `tiers_mode` needs `tiers`.', at('tiers_mode'));
  const wanted = Object.keys(price.currency_options ?? {});
  for (const currency of Object.keys(currency_options)) if (!wanted.includes(currency)) refuse(undefined, `The price has no amount in ${currency}.`, at(`currency_options[${currency}]`));
  for (const currency of wanted) if (currency_options[currency] === undefined) refuse('parameter_missing', `The price has an amount in ${currency}, too: each of its entries needs one.`, at(`currency_options[${currency}]`));
  const options = Object.entries(currency_options).map(([currency, option]) => [currency, amountsOf(option, tiered, currency, within(at(`currency_options[${currency}]`)))] as const);
  return { name, dimensions: { ...dimensions }, ...amountsOf(amounts, tiered, price.currency, at), tiers_mode: tiered ? tiers_mode : null, currency_options: options.length === 0 ? null : Object.fromEntries(options) };
}

/** The entries of a price, checked: each must be for dimensions of its meter, in all currencies of the price, and for something that no earlier entry takes. `meter` is that of the price. */
export function dimensionPricesOf(given: readonly DimensionPriceGiven[], price: PriceRow, meter: MeterRow | null): DimensionPrice[] {
  if (meter === null) return refuse(undefined, 'Only a metered price can depend on dimensions: they are those of its meter.', 'dimension_prices');
  const entries = given.map((each, n) => entryOf(each, price, meter, within(`dimension_prices[${n}]`)));
  for (const n of entries.keys()) {
    const earlier = takenBefore(entries, n);
    if (earlier >= 0) refuse(undefined, `This entry is for nothing: the entry ${earlier} before it takes all that has its values. Put the narrower one first.`, `dimension_prices[${n}][dimensions]`);
  }
  return entries;
}
