/** What has moved the account's balance: written once, by whatever moved it, and never changed. */
import type Stripe from 'stripe';
import type { FundsTransactionRow } from '../../billing/balance/funds.ts';
import type { Context, Json, Room } from '../../server/context.ts';
import { agrees, covers } from '../../server/http/agreement.ts';
import { missing } from '../../server/http/errors.ts';
import { currency, fields, id, listParams, range, text, type Params } from '../../server/http/params.ts';
import { get } from '../../server/http/route.ts';
import { equal, page, renderList, within } from '../../server/lists.ts';
import { balanceTransaction, renderFundsTransaction } from './resource.ts';
import { fundsById, withAvailability } from './rows.ts';

const listTransactions = listParams({ created: range(), currency: currency(), payout: id('po'), source: id(), type: text({ max: 100 }) });
covers<Stripe.BalanceTransactionListParams, typeof listTransactions>(true);
agrees<Stripe.BalanceTransactionListParams, typeof listTransactions>(true);

const nothing = fields({});
covers<Stripe.BalanceTransactionRetrieveParams, typeof nothing>(true);

async function retrieve(ctx: Context, _given: object, path: { id: string }): Promise<Json> {
  const [found] = await fundsById(ctx, [path.id]);
  return renderFundsTransaction(found ?? missing('balance transaction', path.id));
}

async function list(ctx: Context, given: Params<typeof listTransactions>): Promise<Json> {
  const conditions = [...equal('currency', given.currency), ...equal('payout', given.payout), ...equal('source', given.source), ...equal('type', given.type), ...within('created', given.created)];
  const { data, has_more } = await page<FundsTransactionRow>(ctx, 'balance_transactions', 'balance transaction', conditions, given);
  return renderList('/v1/balance_transactions', (await withAvailability(ctx, data)).map(renderFundsTransaction), has_more);
}

export const fundsTransactions: Room = {
  resources: [balanceTransaction],
  routes: [get('/v1/balance_transactions', listTransactions, list), get('/v1/balance_transactions/:id', nothing, retrieve)],
};
