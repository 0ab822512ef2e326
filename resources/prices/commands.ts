import type { MeterRow, PriceRow } from '../../billing/catalog.ts';
import { refuse, together } from '../../billing/decision.ts';
import { changePrice, createPrice, type PriceFacts, type PriceGiven } from '../../billing/price.ts';
import { createProduct } from '../../billing/product.ts';
import { commit } from '../../server/commit.ts';
import { realMoment, type Context, type Json } from '../../server/context.ts';
import { holdName } from '../../server/database/name.ts';
import { sql } from '../../server/database/sql.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import { equal, page, renderList, within } from '../../server/lists.ts';
import { metersById } from '../billing/meters/rows.ts';
import { lockProduct, productNamed } from '../products/rows.ts';
import type * as params from './params.ts';
import { price } from './resource.ts';
import { lockHolder, pricesById } from './rows.ts';

const rendered = (ctx: Context, row: PriceRow): Json => price.render(row, ctx.world);

async function holderOf(ctx: Context, lookupKey: string | null | undefined): Promise<PriceRow | null> {
  if (!lookupKey) return null;
  await holdName(ctx.tx, 'lookup_key', lookupKey);
  return lockHolder(ctx.tx, lookupKey);
}

/** The meter that a price names, kept from being deactivated meanwhile. */
async function meterOf(ctx: Context, id: string | undefined): Promise<MeterRow | null> {
  if (id === undefined) return null;
  const [meter] = await metersById(ctx.tx, [id], true);
  return meter ?? missing('meter', id, 'recurring[meter]');
}

/** What a new price needs to know beside its product. The product is locked before prices are, by all who lock both. */
async function factsOf(ctx: Context, terms: PriceGiven): Promise<Omit<PriceFacts, 'product'>> {
  return { meter: await meterOf(ctx, terms.recurring?.meter), holder: await holderOf(ctx, terms.lookup_key) };
}

export async function create(ctx: Context, given: Params<typeof params.createPrice>): Promise<Json> {
  const { product, product_data, ...terms } = given;
  if (product_data) return createWithProduct(ctx, product_data, terms);
  if (product === undefined) refuse('parameter_missing', 'A price needs a product: give `product`, or `product_data` to make one.', 'product');
  const found = await lockProduct(ctx.tx, product, 'product');
  const decided = createPrice(terms, { product: found, ...(await factsOf(ctx, terms)) }, realMoment(ctx.app));
  await commit(ctx, decided);
  return rendered(ctx, decided.price);
}

async function createWithProduct(ctx: Context, data: Params<typeof params.productData>, terms: PriceGiven): Promise<Json> {
  const { tax_details, ...about } = data;
  const moment = realMoment(ctx.app);
  const known = await productNamed(ctx.tx, about.id);
  const made = createProduct({ ...about, ...(tax_details?.tax_code && { tax_code: tax_details.tax_code }), known }, moment, 'product_data');
  const decided = createPrice(terms, { product: made.product, ...(await factsOf(ctx, terms)) }, moment);
  await commit(ctx, together([made, decided]));
  return rendered(ctx, decided.price);
}

export async function update(ctx: Context, given: Params<typeof params.updatePrice>, path: { price: string }): Promise<Json> {
  const [found] = await pricesById(ctx.tx, [path.price]);
  if (!found) missing('price', path.price);
  const product = await lockProduct(ctx.tx, found.product);
  const holder = await holderOf(ctx, given.lookup_key);
  const [before] = await pricesById(ctx.tx, [path.price], true);
  const decided = changePrice(before!, given, { product, holder }, realMoment(ctx.app));
  await commit(ctx, decided);
  return rendered(ctx, decided.price);
}

export async function retrieve(ctx: Context, _given: object, path: { price: string }): Promise<Json> {
  const [found] = await pricesById(ctx.tx, [path.price]);
  return rendered(ctx, found ?? missing('price', path.price));
}

export async function list(ctx: Context, given: Params<typeof params.listPrices>): Promise<Json> {
  const { active, created, currency, lookup_keys, product, recurring = {}, type } = given;
  const conditions = [
    ...equal('active', active),
    ...within('created', created),
    ...equal('currency', currency),
    ...(lookup_keys ? [sql`lookup_key = any(${lookup_keys}::text[])`] : []),
    ...equal('product', product),
    ...equal(`recurring ->> 'interval'`, recurring.interval),
    ...equal('meter', recurring.meter),
    ...equal(`recurring ->> 'usage_type'`, recurring.usage_type),
    ...equal('type', type),
  ];
  const { data, has_more } = await page<PriceRow>(ctx, 'prices', 'price', conditions, given);
  return renderList('/v1/prices', data.map((each) => rendered(ctx, each)), has_more);
}
