import type Stripe from 'stripe';
import { decision } from '../../../billing/decision.ts';
import type { CashTransactionRow } from '../../../billing/payment/cash.ts';
import { commit } from '../../../server/commit.ts';
import { momentOn, type Context, type Json, type Room } from '../../../server/context.ts';
import { agrees, covers } from '../../../server/http/agreement.ts';
import { missing } from '../../../server/http/errors.ts';
import { choice, fields, listParams, type Params } from '../../../server/http/params.ts';
import { get, post } from '../../../server/http/route.ts';
import { equal, page, renderList } from '../../../server/lists.ts';
import { existingCustomer, lockCustomer } from '../rows.ts';
import { cashBalanceResource, cashTransaction, renderCashBalance, renderCashTransaction } from './resource.ts';
import { cashOf, cashTransactionsById, modeOf, reconcile } from './rows.ts';

const nothing = fields({});
covers<Stripe.CustomerRetrieveCashBalanceParams, typeof nothing>(true);
covers<Stripe.CustomerRetrieveCashBalanceTransactionParams, typeof nothing>(true);

const updateCashBalance = fields({ settings: fields({ reconciliation_mode: choice('automatic', 'manual', 'merchant_default') }) });
covers<Stripe.CustomerUpdateCashBalanceParams, typeof updateCashBalance>(true);
agrees<Stripe.CustomerUpdateCashBalanceParams, typeof updateCashBalance>(true);

const listTransactions = listParams({});
covers<Stripe.CustomerListCashBalanceTransactionsParams, typeof listTransactions>(true);

type Path = { customer: string };

async function shown(ctx: Context, customer: string): Promise<Json> {
  return renderCashBalance({ customer, balances: await cashOf(ctx.tx, customer), settings: await modeOf(ctx.tx, customer) }, ctx.world);
}

async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  await existingCustomer(ctx, path.customer);
  return shown(ctx, path.customer);
}

/** Where cash is applied by itself from now on, what there is is applied at once. */
async function update(ctx: Context, given: Params<typeof updateCashBalance>, path: Path): Promise<Json> {
  const customer = await lockCustomer(ctx, path.customer);
  const moment = await momentOn(ctx, customer.test_clock);
  const mode = given.settings?.reconciliation_mode;
  const now = await modeOf(ctx.tx, customer.id);
  const before = now.own ? { id: customer.id, reconciliation_mode: now.mode } : null;
  if (mode !== undefined) {
    const after = mode === 'merchant_default' ? null : { id: customer.id, reconciliation_mode: mode };
    if (before || after) await commit(ctx, { ...decision(), puts: [{ table: 'cash_settings', before, after }] });
    for (const cash of await cashOf(ctx.tx, customer.id, true)) if (cash.amount > 0n) await reconcile(ctx, cash, null, customer, moment);
  }
  return shown(ctx, customer.id);
}

async function list(ctx: Context, given: Params<typeof listTransactions>, path: Path): Promise<Json> {
  await existingCustomer(ctx, path.customer);
  const { data, has_more } = await page<CashTransactionRow>(ctx, 'cash_balance_transactions', 'customer_cash_balance_transaction', equal('customer', path.customer), given);
  return renderList(`/v1/customers/${path.customer}/cash_balance_transactions`, data.map((each) => renderCashTransaction(each, ctx.world)), has_more);
}

async function retrieveTransaction(ctx: Context, _given: object, path: Path & { transaction: string }): Promise<Json> {
  const [found] = await cashTransactionsById(ctx.tx, [path.transaction]);
  return renderCashTransaction(found?.customer === path.customer ? found : missing('customer_cash_balance_transaction', path.transaction), ctx.world);
}

export const cashBalances: Room = {
  resources: [cashBalanceResource, cashTransaction],
  routes: [
    get('/v1/customers/:customer/cash_balance', nothing, retrieve),
    post('/v1/customers/:customer/cash_balance', updateCashBalance, update),
    get('/v1/customers/:customer/cash_balance_transactions', listTransactions, list),
    get('/v1/customers/:customer/cash_balance_transactions/:transaction', nothing, retrieveTransaction),
  ],
};
