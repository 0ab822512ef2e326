/** Products: what is sold. What it costs is said by its prices. */
import type { PriceRow, ProductRow } from './catalog.ts';
import { decision, refuse, together, type Decision, type Moment } from './decision.ts';
import { defined, mergeMetadata } from './metadata.ts';
import { createPrice, type PriceGiven } from './price.ts';

/** What may be said about a product at its creation and later: what is left out stays as it is. */
export type ProductChange = Partial<Omit<ProductRow, 'id' | 'created' | 'updated' | 'metadata' | 'deleted'>> & { metadata?: Record<string, string> | '' };

const BLANK: Omit<ProductRow, 'id' | 'created' | 'updated' | 'name'> = {
  active: true,
  description: null,
  default_price: null,
  images: [],
  marketing_features: [],
  metadata: {},
  package_dimensions: null,
  shippable: null,
  statement_descriptor: null,
  tax_code: null,
  unit_label: null,
  url: null,
  deleted: false,
};

function applied(row: ProductRow, change: ProductChange): ProductRow {
  const { metadata, ...rest } = change;
  return { ...row, ...defined(rest), metadata: mergeMetadata(row.metadata, metadata) };
}

/**
 * A new product. `known` is the product that has the wanted id already, deleted or not. `defaultPrice` is made with it, and told after it.
 * `outer` is the parameter in which the product is described, where it is made on the way of something else.
 */
export function createProduct(
  given: ProductChange & { id?: string; name: string; known: ProductRow | null; defaultPrice?: Omit<PriceGiven, 'lookup_key' | 'billing_scheme'> },
  moment: Moment,
  outer = '',
): Decision & { product: ProductRow } {
  const { id, known, defaultPrice, ...change } = given;
  if (known) {
    const why = known.deleted ? 'was the id of a product that is deleted, and an id is not used twice' : 'is the id of another product';
    refuse('resource_already_exists', `${known.id} ${why}.`, outer === '' ? 'id' : `${outer}[id]`);
  }
  const bare = applied({ ...BLANK, id: id ?? moment.newId('prod'), created: moment.now, updated: moment.now, name: given.name }, change);
  const price = defaultPrice && createPrice(defaultPrice, { product: bare, meter: null, holder: null }, moment, 'default_price_data');
  const product = price ? { ...bare, default_price: price.price.id } : bare;
  const made = decision();
  made.puts.push({ table: 'products', before: null, after: product });
  made.facts.push({ type: 'product.created', object: 'product', whole: product, at: moment.now });
  return { ...together([made, price]), product };
}

/** Changes what is named. `defaultPrice` is the price that `default_price` names. */
export function changeProduct(before: ProductRow, change: ProductChange, defaultPrice: PriceRow | null, moment: Moment): Decision & { product: ProductRow } {
  if (defaultPrice && defaultPrice.id !== before.default_price) {
    if (defaultPrice.product !== before.id) refuse(undefined, `The price ${defaultPrice.id} belongs to the product ${defaultPrice.product}; a default price is one of the product's own.`, 'default_price');
    if (!defaultPrice.active) refuse(undefined, `The price ${defaultPrice.id} is inactive. Activate it before it becomes the default.`, 'default_price');
  }
  const next = applied(before, change);
  const product = differs(before, next) ? { ...next, updated: moment.now } : before;
  const made = decision();
  made.puts.push({ table: 'products', before, after: product });
  made.facts.push({ type: 'product.updated', object: 'product', whole: product, before, at: moment.now });
  return { ...made, product };
}

/** A change to what is there already is none, and leaves `updated` alone. The order of fields says nothing. */
function differs(before: ProductRow, after: ProductRow): boolean {
  return inOrder(before) !== inOrder(after);
}

function inOrder(row: object): string {
  return JSON.stringify(row, (_name, value: unknown) => (typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort()) : value));
}

/** Takes a product away for good. The event shows it as it was. */
export function deleteProduct(before: ProductRow, hasPrices: boolean, moment: Moment): Decision {
  if (hasPrices) refuse(undefined, `The product ${before.id} has prices, and bills may rest on them, so it cannot be deleted. Set its \`active\` to false instead.`);
  const made = decision();
  made.puts.push({ table: 'products', before, after: { ...before, deleted: true } });
  made.facts.push({ type: 'product.deleted', object: 'product', whole: before, at: moment.now });
  return made;
}
