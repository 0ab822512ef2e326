import type Stripe from 'stripe';
import { decision } from '../../billing/decision.ts';
import { mergeMetadata } from '../../billing/metadata.ts';
import type { ChargeRow } from '../../billing/payment/payment.ts';
import { commit } from '../../server/commit.ts';
import { momentOn, type Context, type Json, type Room } from '../../server/context.ts';
import { agrees, covers } from '../../server/http/agreement.ts';
import { missing } from '../../server/http/errors.ts';
import { clearable, email, fields, id, listParams, metadata, range, text, unsupported, type Params } from '../../server/http/params.ts';
import { get, post } from '../../server/http/route.ts';
import { equal, page, renderList, within } from '../../server/lists.ts';
import { customersById } from '../customers/rows.ts';
import { charge, renderCharge } from './resource.ts';
import { chargesById } from './rows.ts';

const updateCharge = fields({
  description: clearable(text({ max: 1000 })),
  metadata: metadata(),
  receipt_email: clearable(email()),
  customer: unsupported("a charge is the customer's for whom it was made"),
  fraud_details: unsupported('reports of fraud are not implemented'),
  shipping: unsupported('shipping of charges is not implemented'),
  transfer_group: unsupported('transfers are not implemented'),
});
covers<Stripe.ChargeUpdateParams, typeof updateCharge>(true);
agrees<Stripe.ChargeUpdateParams, typeof updateCharge>(true);

const listCharges = listParams({ created: range(), customer: id('cus'), payment_intent: id('pi'), transfer_group: unsupported('transfers are not implemented') });
covers<Stripe.ChargeListParams, typeof listCharges>(true);
agrees<Stripe.ChargeListParams, typeof listCharges>(true);

const nothing = fields({});
covers<Stripe.ChargeRetrieveParams, typeof nothing>(true);

async function retrieve(ctx: Context, _given: object, path: { charge: string }): Promise<Json> {
  const [found] = await chargesById(ctx.tx, [path.charge]);
  return renderCharge(found ?? missing('charge', path.charge), ctx.world);
}

async function list(ctx: Context, given: Params<typeof listCharges>): Promise<Json> {
  const conditions = [...equal('customer', given.customer), ...equal('payment_intent', given.payment_intent), ...within('created', given.created)];
  const { data, has_more } = await page<ChargeRow>(ctx, 'charges', 'charge', conditions, given);
  return renderList('/v1/charges', data.map((each) => renderCharge(each, ctx.world)), has_more);
}

async function update(ctx: Context, given: Params<typeof updateCharge>, path: { charge: string }): Promise<Json> {
  const before = (await chargesById(ctx.tx, [path.charge], true))[0] ?? missing('charge', path.charge);
  const [customer] = before.customer === null ? [] : await customersById(ctx.tx, [before.customer]);
  const { now } = await momentOn(ctx, customer?.test_clock ?? null);
  const { description = before.description, receipt_email = before.receipt_email } = given;
  const after: ChargeRow = { ...before, description, receipt_email, metadata: mergeMetadata(before.metadata, given.metadata) };
  await commit(ctx, {
    ...decision(),
    puts: [{ table: 'charges', before, after }],
    facts: [{ type: 'charge.updated', object: 'charge', whole: after, before, at: now }],
  });
  return renderCharge(after, ctx.world);
}

export const charges: Room = {
  resources: [charge],
  routes: [
    get('/v1/charges', listCharges, list),
    get('/v1/charges/:charge', nothing, retrieve),
    post('/v1/charges/:charge', updateCharge, update),
  ],
};
