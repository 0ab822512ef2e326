/** What moved a customer's balance: written once, never changed but for its description and metadata. */
import type Stripe from 'stripe';
import type { BalanceTransactionRow } from '../../../billing/customer/customer.ts';
import { adjustBalance } from '../../../billing/customer/change.ts';
import { decision } from '../../../billing/decision.ts';
import { mergeMetadata } from '../../../billing/metadata.ts';
import { commit } from '../../../server/commit.ts';
import { momentOn, type Context, type Json, type Room } from '../../../server/context.ts';
import { agrees, covers } from '../../../server/http/agreement.ts';
import { missing } from '../../../server/http/errors.ts';
import { amount, clearable, currency, fields, id, listParams, metadata, range, required, text, type Params } from '../../../server/http/params.ts';
import { get, post } from '../../../server/http/route.ts';
import { equal, page, renderList, within } from '../../../server/lists.ts';
import { existingCustomer, lockCustomer } from '../rows.ts';
import { balanceTransaction, renderBalanceTransaction } from './resource.ts';

const description = clearable(text({ max: 350 }));
const createParams = fields({ amount: required(amount()), currency: required(currency()), description, metadata: metadata() });
covers<Stripe.CustomerCreateBalanceTransactionParams, typeof createParams>(true);
agrees<Stripe.CustomerCreateBalanceTransactionParams, typeof createParams>(true);
const updateParams = fields({ description, metadata: metadata() });
covers<Stripe.CustomerUpdateBalanceTransactionParams, typeof updateParams>(true);
agrees<Stripe.CustomerUpdateBalanceTransactionParams, typeof updateParams>(true);
const listTransactions = listParams({ created: range(), invoice: id('in') });
covers<Stripe.CustomerListBalanceTransactionsParams, typeof listTransactions>(true);
agrees<Stripe.CustomerListBalanceTransactionsParams, typeof listTransactions>(true);
const nothing = fields({});
covers<Stripe.CustomerRetrieveBalanceTransactionParams, typeof nothing>(true);

type Path = { customer: string; transaction: string };

async function create(ctx: Context, given: Params<typeof createParams>, path: { customer: string }): Promise<Json> {
  const owner = await lockCustomer(ctx, path.customer);
  const decided = adjustBalance(owner, { ...given, description: given.description ?? null, metadata: mergeMetadata({}, given.metadata) }, await momentOn(ctx, owner.test_clock));
  await commit(ctx, decided);
  return renderBalanceTransaction(decided.transaction, ctx.world);
}

async function ofCustomer(ctx: Context, path: Path): Promise<BalanceTransactionRow> {
  const [found] = await balanceTransaction.load!(ctx, [path.transaction]);
  return found?.customer === path.customer ? found : missing('customer balance transaction', path.transaction);
}

async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  return renderBalanceTransaction(await ofCustomer(ctx, path), ctx.world);
}

/** Its amount is history. The customer is locked, so that two changes at once do not lose one. */
async function update(ctx: Context, given: Params<typeof updateParams>, path: Path): Promise<Json> {
  await lockCustomer(ctx, path.customer);
  const before = await ofCustomer(ctx, path);
  const after: BalanceTransactionRow = { ...before, description: given.description === undefined ? before.description : given.description, metadata: mergeMetadata(before.metadata, given.metadata) };
  await commit(ctx, { ...decision(), puts: [{ table: 'customer_balance_transactions', before, after }] });
  return renderBalanceTransaction(after, ctx.world);
}

async function list(ctx: Context, given: Params<typeof listTransactions>, { customer }: { customer: string }): Promise<Json> {
  await existingCustomer(ctx, customer);
  const conditions = [...equal('customer', customer), ...equal('invoice', given.invoice), ...within('created', given.created)];
  const { data, has_more } = await page<BalanceTransactionRow>(ctx, 'customer_balance_transactions', 'customer balance transaction', conditions, given);
  return renderList(`/v1/customers/${customer}/balance_transactions`, data.map((each) => renderBalanceTransaction(each, ctx.world)), has_more);
}

export const balanceTransactions: Room = {
  resources: [balanceTransaction],
  routes: [
    post('/v1/customers/:customer/balance_transactions', createParams, create),
    get('/v1/customers/:customer/balance_transactions', listTransactions, list),
    get('/v1/customers/:customer/balance_transactions/:transaction', nothing, retrieve),
    post('/v1/customers/:customer/balance_transactions/:transaction', updateParams, update),
  ],
};
