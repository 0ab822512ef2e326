import type Stripe from 'stripe';
import type { CashTransactionRow } from '../../../billing/payment/cash.ts';
import { momentOn, type Context, type Json, type Room } from '../../../server/context.ts';
import { agrees, covers } from '../../../server/http/agreement.ts';
import { missing } from '../../../server/http/errors.ts';
import { fields, listParams, type Params } from '../../../server/http/params.ts';
import { get, post } from '../../../server/http/route.ts';
import { equal, page, renderList } from '../../../server/lists.ts';
import { cashSettings } from '../params.ts';
import { existingCustomer, lockCustomer } from '../rows.ts';
import { cashBalanceResource, cashTransaction, renderCashBalance, renderCashTransaction } from './resource.ts';
import { cashTransactionsById, cashWholes, setMode } from './rows.ts';

const nothing = fields({});
covers<Stripe.CustomerRetrieveCashBalanceParams, typeof nothing>(true);
covers<Stripe.CustomerRetrieveCashBalanceTransactionParams, typeof nothing>(true);

const updateCashBalance = fields(cashSettings);
covers<Stripe.CustomerUpdateCashBalanceParams, typeof updateCashBalance>(true);
agrees<Stripe.CustomerUpdateCashBalanceParams, typeof updateCashBalance>(true);

const listTransactions = listParams({});
covers<Stripe.CustomerListCashBalanceTransactionsParams, typeof listTransactions>(true);

type Path = { customer: string };

async function shown(ctx: Context, customer: string): Promise<Json> {
  return renderCashBalance((await cashWholes(ctx.tx, [customer]))[0]!, ctx.world);
}

async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  await existingCustomer(ctx, path.customer);
  return shown(ctx, path.customer);
}

async function update(ctx: Context, given: Params<typeof updateCashBalance>, path: Path): Promise<Json> {
  const customer = await lockCustomer(ctx, path.customer);
  const mode = given.settings?.reconciliation_mode;
  if (mode !== undefined) await setMode(ctx, customer, mode, await momentOn(ctx, customer.test_clock));
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
  resources: [cashBalanceResource],
  routes: [get('/v1/customers/:customer/cash_balance', nothing, retrieve), post('/v1/customers/:customer/cash_balance', updateCashBalance, update)],
};

export const cashTransactions: Room = {
  resources: [cashTransaction],
  routes: [
    get('/v1/customers/:customer/cash_balance_transactions', listTransactions, list),
    get('/v1/customers/:customer/cash_balance_transactions/:transaction', nothing, retrieveTransaction),
  ],
};
