/** What an item costs for a while, and what after that. */
import { decision } from '../../../billing/decision.ts';
import { createTrialOffer, type TrialOfferRow } from '../../../billing/trial_offer.ts';
import { commit } from '../../../server/commit.ts';
import { realMoment, type Context, type Json, type Room } from '../../../server/context.ts';
import { sql } from '../../../server/database/sql.ts';
import { missing } from '../../../server/http/errors.ts';
import type { Params } from '../../../server/http/params.ts';
import { get, post } from '../../../server/http/route.ts';
import { equal, page, renderList, within } from '../../../server/lists.ts';
import { pricesById } from '../../prices/rows.ts';
import * as params from './params.ts';
import { trialOffer } from './resource.ts';
import { trialOffersById } from './rows.ts';

type Path = { trial_offer: string };

async function create(ctx: Context, given: Params<typeof params.createTrialOffer>): Promise<Json> {
  const { duration, end_behavior, active, nickname = null } = given;
  const prices = new Map((await pricesById(ctx.tx, [given.price, end_behavior.transition.price])).map((price) => [price.id, price]));
  const price = prices.get(given.price) ?? missing('price', given.price, 'price');
  const transition = prices.get(end_behavior.transition.price) ?? missing('price', end_behavior.transition.price, 'end_behavior[transition][price]');
  const made = createTrialOffer({ price, transition, iterations: duration.relative?.iterations, active, nickname }, realMoment(ctx.app));
  await commit(ctx, made);
  return trialOffer.render(made.offer, ctx.world);
}

async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  const [found] = await trialOffersById(ctx.tx, [path.trial_offer]);
  return trialOffer.render(found ?? missing('trial offer', path.trial_offer), ctx.world);
}

async function update(ctx: Context, given: Params<typeof params.updateTrialOffer>, path: Path): Promise<Json> {
  const [before] = await trialOffersById(ctx.tx, [path.trial_offer], true);
  if (!before) return missing('trial offer', path.trial_offer);
  const after: TrialOfferRow = { ...before, active: given.active ?? before.active };
  await commit(ctx, { ...decision(), puts: [{ table: 'trial_offers', before, after }] });
  return trialOffer.render(after, ctx.world);
}

async function list(ctx: Context, given: Params<typeof params.listTrialOffers>): Promise<Json> {
  const conditions = [...equal('active', given.active), ...within('created', given.created), ...(given.prices === undefined ? [] : [sql`price = any(${given.prices}::text[])`])];
  const { data, has_more } = await page<TrialOfferRow>(ctx, 'trial_offers', 'trial offer', conditions, given);
  return renderList('/v1/product_catalog/trial_offers', data.map((each) => trialOffer.render(each, ctx.world)), has_more);
}

export const trialOffers: Room = {
  resources: [trialOffer],
  routes: [
    post('/v1/product_catalog/trial_offers', params.createTrialOffer, create),
    get('/v1/product_catalog/trial_offers', params.listTrialOffers, list),
    get('/v1/product_catalog/trial_offers/:trial_offer', params.nothing, retrieve),
    post('/v1/product_catalog/trial_offers/:trial_offer', params.updateTrialOffer, update),
  ],
};
