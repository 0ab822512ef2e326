/** What credit a customer has: all that is left, and what of it can be used now. */
import type Stripe from 'stripe';
import { isUsable, type CreditGrantRow } from '../../../billing/credit/grant.ts';
import { refuse } from '../../../billing/decision.ts';
import { momentOn, type Context, type Json, type Resource, type Room } from '../../../server/context.ts';
import { agrees, covers } from '../../../server/http/agreement.ts';
import { missing } from '../../../server/http/errors.ts';
import { choice, fields, id, required, unsupported, type Params } from '../../../server/http/params.ts';
import { get } from '../../../server/http/route.ts';
import type { Wire } from '../../../server/http/wire.ts';
import { existingCustomer } from '../../customers/rows.ts';
import { scope } from '../credit_grants/params.ts';
import { renderMonetary } from '../credit_grants/resource.ts';
import { grantsOf } from '../credit_grants/rows.ts';

const summaryParams = fields({
  customer: id('cus'),
  customer_account: unsupported('customers are named by `customer`'),
  filter: required(fields({ applicability_scope: scope, credit_grant: id('credgr'), type: required(choice('applicability_scope', 'credit_grant')) })),
});
covers<Stripe.Billing.CreditBalanceSummaryRetrieveParams, typeof summaryParams>(true);
agrees<Stripe.Billing.CreditBalanceSummaryRetrieveParams, typeof summaryParams>(true);

type Summary = Wire<Stripe.Billing.CreditBalanceSummary>;
const summary: Resource<Summary> = { object: 'billing.credit_balance_summary', prefix: 'cus', render: (each) => each, expands: { customer: 'customer' } };

/** The grants that are meant: one, or those that could be set against a price that is named. */
function chosen(grants: readonly CreditGrantRow[], { type, credit_grant, applicability_scope }: Params<typeof summaryParams>['filter']): readonly CreditGrantRow[] {
  if (type === 'credit_grant') {
    const wanted = credit_grant ?? refuse('parameter_missing', 'Say which grant is meant: give `filter[credit_grant]`.', 'filter[credit_grant]');
    return [grants.find((grant) => grant.id === wanted) ?? missing('credit grant', wanted, 'filter[credit_grant]')];
  }
  if (applicability_scope?.price_type === undefined && applicability_scope?.prices === undefined) refuse('parameter_missing', 'Say which credit is meant: give `price_type` as `metered`, or `prices`.', 'filter[applicability_scope]');
  const { prices } = applicability_scope;
  return prices === undefined ? grants : grants.filter((grant) => grant.prices === null || prices.some(({ id: price }) => grant.prices!.includes(price)));
}

async function retrieve(ctx: Context, given: Params<typeof summaryParams>): Promise<Json> {
  const customer = await existingCustomer(ctx, given.customer ?? refuse('parameter_missing', 'Say whose credit is meant: give `customer`.', 'customer'), 'customer');
  const { now } = await momentOn(ctx, customer.test_clock);
  const meant = chosen(await grantsOf(ctx.tx, customer.id), given.filter);
  const sum = (grants: readonly CreditGrantRow[]) => grants.reduce((whole, grant) => whole + grant.balance, 0n);
  const balances = [...Map.groupBy(meant, (grant) => grant.currency)].map(([currency, grants]) => ({
    available_balance: renderMonetary(sum(grants.filter((grant) => isUsable(grant, now))), currency),
    ledger_balance: renderMonetary(sum(grants), currency),
  }));
  const found: Summary = { object: 'billing.credit_balance_summary', balances, customer: customer.id, customer_account: null, livemode: ctx.world.livemode };
  return found;
}

export const creditBalanceSummary: Room = { resources: [summary], routes: [get('/v1/billing/credit_balance_summary', summaryParams, retrieve)] };
