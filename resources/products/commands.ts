import type { ProductRow } from '../../billing/catalog.ts';
import { changeProduct, createProduct, deleteProduct, type ProductChange } from '../../billing/product.ts';
import { commit } from '../../server/commit.ts';
import { realMoment, type Context, type Json } from '../../server/context.ts';
import { sql } from '../../server/database/sql.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import { equal, page, renderList, within } from '../../server/lists.ts';
import { pricesById, productHasPrices } from '../prices/rows.ts';
import type * as params from './params.ts';
import { product, renderDeletedProduct } from './resource.ts';
import { lockProduct, productNamed, productsById } from './rows.ts';

const rendered = (ctx: Context, row: ProductRow): Json => product.render(row, ctx.world);

/** The parameters in the words of the core: sizes are numbers, lists are cleared to empty ones, and the tax code may come in its details. */
function changeOf(given: Params<typeof params.updateProduct>): ProductChange {
  const { images, marketing_features, package_dimensions: size, tax_details, ...rest } = given;
  return {
    ...rest,
    ...(images !== undefined && { images: images ?? [] }),
    ...(marketing_features !== undefined && { marketing_features: marketing_features ?? [] }),
    ...(size !== undefined && { package_dimensions: size && { height: Number(size.height), length: Number(size.length), weight: Number(size.weight), width: Number(size.width) } }),
    ...(tax_details !== undefined && tax_details?.tax_code !== undefined && { tax_code: tax_details.tax_code }),
    ...(tax_details === null && { tax_code: null }),
  };
}

export async function create(ctx: Context, given: Params<typeof params.createProduct>): Promise<Json> {
  const { id, default_price_data: defaultPrice, type: _service, ...about } = given;
  const known = await productNamed(ctx.tx, id);
  const decided = createProduct({ ...changeOf(about), id, name: about.name, known, defaultPrice }, realMoment(ctx.app));
  await commit(ctx, decided);
  return rendered(ctx, decided.product);
}

export async function update(ctx: Context, given: Params<typeof params.updateProduct>, path: { product: string }): Promise<Json> {
  const before = await lockProduct(ctx.tx, path.product);
  const { default_price: wanted } = given;
  const [defaultPrice] = wanted ? await pricesById(ctx.tx, [wanted], true) : [];
  if (wanted && !defaultPrice) missing('price', wanted, 'default_price');
  const decided = changeProduct(before, changeOf(given), defaultPrice ?? null, realMoment(ctx.app));
  await commit(ctx, decided);
  return rendered(ctx, decided.product);
}

export async function retrieve(ctx: Context, _given: object, path: { product: string }): Promise<Json> {
  const [found] = await productsById(ctx.tx, [path.product]);
  return rendered(ctx, found && !found.deleted ? found : missing('product', path.product));
}

export async function remove(ctx: Context, _given: object, path: { product: string }): Promise<Json> {
  const before = await lockProduct(ctx.tx, path.product);
  await commit(ctx, deleteProduct(before, await productHasPrices(ctx.tx, before.id), realMoment(ctx.app)));
  return renderDeletedProduct(before.id);
}

export async function list(ctx: Context, given: Params<typeof params.listProducts>): Promise<Json> {
  const { active, created, ids, shippable, type, url } = given;
  const conditions = [
    sql`not deleted`,
    ...equal('active', active),
    ...within('created', created),
    ...(ids ? [sql`id = any(${ids}::text[])`] : []),
    ...equal('shippable', shippable),
    ...(type === 'good' ? [sql`false`] : []),
    ...equal('url', url),
  ];
  const { data, has_more } = await page<ProductRow>(ctx, 'products', 'product', conditions, given);
  return renderList('/v1/products', data.map((each) => rendered(ctx, each)), has_more);
}
