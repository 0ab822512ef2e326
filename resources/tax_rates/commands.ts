import type { TaxRateRow } from '../../billing/catalog.ts';
import { changeTaxRate, createTaxRate } from '../../billing/tax_rate.ts';
import { commit } from '../../server/commit.ts';
import { realMoment, type Context, type Json } from '../../server/context.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import { equal, page, renderList, within } from '../../server/lists.ts';
import type * as params from './params.ts';
import { renderTaxRate } from './resource.ts';
import { taxRatesById } from './rows.ts';

const rendered = (ctx: Context, row: TaxRateRow): Json => renderTaxRate(row, ctx.world);

export async function create(ctx: Context, given: Params<typeof params.createTaxRate>): Promise<Json> {
  const decided = createTaxRate(given, realMoment(ctx.app));
  await commit(ctx, decided);
  return rendered(ctx, decided.rate);
}

export async function update(ctx: Context, given: Params<typeof params.updateTaxRate>, path: { tax_rate: string }): Promise<Json> {
  const [before] = await taxRatesById(ctx.tx, [path.tax_rate], true);
  const decided = changeTaxRate(before ?? missing('tax rate', path.tax_rate), given, realMoment(ctx.app));
  await commit(ctx, decided);
  return rendered(ctx, decided.rate);
}

export async function retrieve(ctx: Context, _given: object, path: { tax_rate: string }): Promise<Json> {
  const [found] = await taxRatesById(ctx.tx, [path.tax_rate]);
  return rendered(ctx, found ?? missing('tax rate', path.tax_rate));
}

export async function list(ctx: Context, given: Params<typeof params.listTaxRates>): Promise<Json> {
  const conditions = [...equal('active', given.active), ...within('created', given.created), ...equal('inclusive', given.inclusive)];
  const { data, has_more } = await page<TaxRateRow>(ctx, 'tax_rates', 'tax rate', conditions, given);
  return renderList('/v1/tax_rates', data.map((each) => rendered(ctx, each)), has_more);
}
