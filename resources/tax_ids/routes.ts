/** Tax ids of customers. */
import type Stripe from 'stripe';
import type { CustomerWhole, TaxIdRow } from '../../billing/customer/customer.ts';
import { createTaxId, deleteTaxId, TAX_ID_TYPES, verifyTaxId } from '../../billing/customer/tax_id.ts';
import { together, type Moment } from '../../billing/decision.ts';
import { showCustomer } from '../../billing/invoice/edit.ts';
import { commit } from '../../server/commit.ts';
import { momentOn, type Context, type Json, type Room, type TimerCommand } from '../../server/context.ts';
import { agrees, covers } from '../../server/http/agreement.ts';
import { missing } from '../../server/http/errors.ts';
import { choice, fields, listParams, required, text, type Params } from '../../server/http/params.ts';
import { del, get, post } from '../../server/http/route.ts';
import type { Wire } from '../../server/http/wire.ts';
import { equal, page, renderList } from '../../server/lists.ts';
import { existingCustomer, lockCustomer } from '../customers/rows.ts';
import { draftsOf } from '../invoices/rows.ts';
import { renderTaxId, taxId } from './resource.ts';
import { taxIdsById, taxIdsOf } from './rows.ts';

const createParams = fields({ type: required(choice(...TAX_ID_TYPES)), value: required(text({ max: 100 })) });
covers<Stripe.CustomerCreateTaxIdParams, typeof createParams>(true);
agrees<Stripe.CustomerCreateTaxIdParams, typeof createParams>(true);
const listTaxIds = listParams({});
covers<Stripe.CustomerListTaxIdsParams, typeof listTaxIds>(true);
agrees<Stripe.CustomerListTaxIdsParams, typeof listTaxIds>(true);
const nothing = fields({});
covers<Stripe.CustomerRetrieveTaxIdParams, typeof nothing>(true);
covers<Stripe.CustomerDeleteTaxIdParams, typeof nothing>(true);

type Path = { customer: string; id: string };

/** Drafts show the tax ids that their customer has now. */
async function showOnDrafts(ctx: Context, customer: CustomerWhole, moment: Moment): Promise<void> {
  const drafts = await draftsOf(ctx.tx, customer.id);
  if (drafts.length === 0) return;
  const tax_ids = await taxIdsOf(ctx.tx, [customer.id]);
  await commit(ctx, together(drafts.map((draft) => showCustomer(draft, customer, tax_ids, moment))));
}

async function create(ctx: Context, given: Params<typeof createParams>, path: { customer: string }): Promise<Json> {
  const owner = await lockCustomer(ctx, path.customer);
  const moment = await momentOn(ctx, owner.test_clock);
  const decided = createTaxId({ ...given, param: 'value' }, owner, ctx.world.livemode, moment);
  await commit(ctx, decided);
  await showOnDrafts(ctx, owner, moment);
  return renderTaxId(decided.tax_id, ctx.world);
}

async function ofCustomer(ctx: Context, { customer, id }: Path): Promise<TaxIdRow> {
  const [found] = await taxIdsById(ctx.tx, [id]);
  return found?.customer === customer ? found : missing('tax id', id);
}

async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  return renderTaxId(await ofCustomer(ctx, path), ctx.world);
}

async function list(ctx: Context, given: Params<typeof listTaxIds>, { customer }: { customer: string }): Promise<Json> {
  await existingCustomer(ctx, customer);
  const { data, has_more } = await page<TaxIdRow>(ctx, 'tax_ids', 'tax id', equal('customer', customer), given);
  return renderList(`/v1/customers/${customer}/tax_ids`, data.map((each) => renderTaxId(each, ctx.world)), has_more);
}

async function remove(ctx: Context, _given: object, path: Path): Promise<Wire<Stripe.DeletedTaxId>> {
  const owner = await lockCustomer(ctx, path.customer);
  const found = await ofCustomer(ctx, path);
  const moment = await momentOn(ctx, owner.test_clock);
  await commit(ctx, deleteTaxId(found, owner, moment));
  await showOnDrafts(ctx, owner, moment);
  return { id: found.id, object: 'tax_id', deleted: true };
}

/** The answer of the register that a test number stands for. */
const verify: TimerCommand = async (ctx, due) => {
  const found = new Map((await taxIdsById(ctx.tx, due.map((each) => each.subject), true)).map((each) => [each.id, each]));
  await commit(ctx, together(due.filter((each) => found.has(each.subject)).map((each) => verifyTaxId(found.get(each.subject)!, { now: each.at }))));
};

export const taxIds: Room = {
  resources: [taxId],
  timers: { 'tax_id.verify': verify },
  routes: [
    post('/v1/customers/:customer/tax_ids', createParams, create),
    get('/v1/customers/:customer/tax_ids', listTaxIds, list),
    get('/v1/customers/:customer/tax_ids/:id', nothing, retrieve),
    del('/v1/customers/:customer/tax_ids/:id', nothing, remove),
  ],
};
