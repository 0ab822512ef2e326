/** Random prices by dimension: some of what is metered costs something else for some models, and usage says of which it is, or of none. */
import type { Dice, Shop } from './dice.ts';
import type { DimensionPrice, History, Price } from './history.ts';

const MODELS = ['opus', 'sonnet', 'haiku'];

/** Prices and usage of a life get them in place: wherever the life names a price, it is the same one. */
export function priceByModel({ usage }: History, dice: Dice, shop: Shop, metered: readonly Price[]): void {
  for (const price of metered) if (dice.chance(0.7)) price.dimension_prices = entriesOf(price, dice, shop);
  // What is taken back is of the model of which it was.
  const reported = new Map<string, string>();
  for (const use of usage) {
    const of = `${use.meter} ${use.value.replace('-', '')}`;
    const model = use.value.startsWith('-') ? reported.get(of) : dice.chance(0.8) ? dice.pick([...MODELS, 'davinci']) : undefined;
    if (model === undefined) continue;
    use.model = model;
    reported.set(of, model);
  }
}

/** Each is for a model that no earlier one has. It may name theirs again, to no effect. */
function entriesOf(price: Price, dice: Dice, shop: Shop): DimensionPrice[] {
  return MODELS.slice(0, dice.int(1, MODELS.length)).map((model, n) => {
    let made = shop.price(price.meter);
    while (price.transform_quantity && made.tiers) made = shop.price(price.meter);
    return { values: [model, ...(dice.chance(0.3) ? MODELS.slice(0, n) : [])], unit_amount_decimal: made.unit_amount_decimal, tiers: made.tiers, tiers_mode: made.tiers_mode };
  });
}
