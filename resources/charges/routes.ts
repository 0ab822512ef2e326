import type Stripe from 'stripe';
import { decision } from '../../billing/decision.ts';
import { mergeMetadata } from '../../billing/metadata.ts';
import type { ChargeRow } from '../../billing/payment/payment.ts';
import { commit } from '../../server/commit.ts';
import { momentOn, type Context, type Json, type Room } from '../../server/context.ts';
import { agrees, covers } from '../../server/http/agreement.ts';
import { missing } from '../../server/http/errors.ts';
import { choice, clearable, email, fields, id, listParams, metadata, range, required, text, unsupported, type Params } from '../../server/http/params.ts';
import { get, post } from '../../server/http/route.ts';
import { searchable } from '../../server/search/search.ts';
import { equal, page, renderList, within } from '../../server/lists.ts';
import { customersById } from '../customers/rows.ts';
import { shipping as shippingParams } from '../payment_intents/params.ts';
import { shippingOf } from '../payment_methods/rows.ts';
import { charge, renderCharge } from './resource.ts';
import { OFF_CLOCKS, chargesById } from './rows.ts';

const updateCharge = fields({
  description: clearable(text({ max: 1000 })),
  metadata: metadata(),
  receipt_email: clearable(email()),
  customer: unsupported("a charge is the customer's for whom it was made"),
  fraud_details: fields({ user_report: required(clearable(choice('fraudulent', 'safe'))) }),
  shipping: clearable(shippingParams),
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
  const everywhere = given.customer === undefined && given.payment_intent === undefined ? [OFF_CLOCKS] : [];
  const conditions = [...equal('customer', given.customer), ...equal('payment_intent', given.payment_intent), ...within('created', given.created), ...everywhere];
  const { data, has_more } = await page<ChargeRow>(ctx, 'charges', 'charge', conditions, given);
  return renderList('/v1/charges', data.map((each) => renderCharge(each, ctx.world)), has_more);
}

async function update(ctx: Context, given: Params<typeof updateCharge>, path: { charge: string }): Promise<Json> {
  const before = (await chargesById(ctx.tx, [path.charge], true))[0] ?? missing('charge', path.charge);
  const [customer] = before.customer === null ? [] : await customersById(ctx.tx, [before.customer]);
  const { now } = await momentOn(ctx, customer?.test_clock ?? null);
  const { description = before.description, receipt_email = before.receipt_email, fraud_details } = given;
  const shipping = shippingOf(given.shipping);
  const report = fraud_details?.user_report;
  const said = { ...(shipping !== undefined && { shipping }), ...(fraud_details && { fraud_details: report ? { user_report: report } : {} }) };
  const after: ChargeRow = { ...before, ...said, description, receipt_email, metadata: mergeMetadata(before.metadata, given.metadata) };
  await commit(ctx, {
    ...decision(),
    puts: [{ table: 'charges', before, after }],
    facts: [{ type: 'charge.updated', object: 'charge', whole: after, before, at: now }],
  });
  return renderCharge(after, ctx.world);
}

const ofCard = (field: string) => `(payment_method_details->'card'->>'${field}')`;
const SEARCHED = {
  amount: { of: 'number', column: 'amount' }, created: { of: 'time', column: 'created' }, currency: { of: 'token', column: 'currency' }, customer: { of: 'id', column: 'customer' }, disputed: { of: 'boolean', column: 'disputed' }, status: { of: 'token', column: 'status' },
  // Of what was never given back it is null, and false where something is left.
  refunded: { of: 'boolean', column: '(case when amount_refunded > 0 then amount_refunded = case when captured then amount_captured else amount end end)' },
  'billing_details.address.postal_code': { of: 'token', column: "(billing_details->'address'->>'postal_code')" },
  'payment_method_details.card.brand': { of: 'token', column: ofCard('brand') }, 'payment_method_details.card.fingerprint': { of: 'token', column: ofCard('fingerprint') },
  'payment_method_details.card.last4': { of: 'token', column: ofCard('last4') }, 'payment_method_details.card.exp_month': { of: 'number', column: `${ofCard('exp_month')}::bigint` },
  'payment_method_details.card.exp_year': { of: 'number', column: `${ofCard('exp_year')}::bigint` },
} as const;

export const charges: Room = {
  resources: [charge],
  routes: [
    get('/v1/charges', listCharges, list),
    searchable('/v1/charges/search', 'charge', 'charges', SEARCHED),
    get('/v1/charges/:charge', nothing, retrieve),
    post('/v1/charges/:charge', updateCharge, update),
  ],
};
