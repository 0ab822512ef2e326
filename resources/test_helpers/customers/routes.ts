/** In test mode a bank transfer arrives when it is told to. */
import type Stripe from 'stripe';
import { refuse } from '../../../billing/decision.ts';
import { fundCash, noCash, type CashTransactionRow } from '../../../billing/payment/cash.ts';
import { commit } from '../../../server/commit.ts';
import { momentOn, type Context, type Json, type Room } from '../../../server/context.ts';
import { agrees, covers } from '../../../server/http/agreement.ts';
import { amount, currency, fields, required, text, type Params } from '../../../server/http/params.ts';
import { post } from '../../../server/http/route.ts';
import { renderCashTransaction } from '../../customers/cash_balance/resource.ts';
import { cashOf, receiveCash } from '../../customers/cash_balance/rows.ts';
import { lockCustomer } from '../../customers/rows.ts';

type Theirs = Parameters<Stripe['testHelpers']['customers']['fundCashBalance']>[1];
const fundCashBalance = fields({ amount: required(amount({ min: 1 })), currency: required(currency()), reference: text({ max: 200 }) });
covers<Theirs, typeof fundCashBalance>(true);
agrees<Theirs, typeof fundCashBalance>(true);

const SENT: Record<string, (reference: string | null) => Record<string, unknown>> = {
  eur: (reference) => ({ reference, type: 'eu_bank_transfer', eu_bank_transfer: { bic: 'SNDBDE22', iban_last4: '3000', sender_name: 'Sandbox sender' } }),
  gbp: (reference) => ({ reference, type: 'gb_bank_transfer', gb_bank_transfer: { account_number_last4: '2345', sender_name: 'Sandbox sender', sort_code: '108800' } }),
  jpy: (reference) => ({ reference, type: 'jp_bank_transfer', jp_bank_transfer: { sender_bank: 'SANDBOX BANK', sender_branch: 'SANDBOX', sender_name: 'Sandbox sender' } }),
  mxn: (reference) => ({ reference, type: 'mx_bank_transfer' }),
  usd: (reference) => ({ reference, type: 'us_bank_transfer', us_bank_transfer: { network: 'ach', sender_name: 'Sandbox sender' } }),
};

async function fund(ctx: Context, given: Params<typeof fundCashBalance>, path: { customer: string }): Promise<Json> {
  if (ctx.world.livemode) refuse('livemode_mismatch', 'In live mode money arrives by itself. Cash balances are funded this way in test mode only.');
  const customer = await lockCustomer(ctx, path.customer);
  const moment = await momentOn(ctx, customer.test_clock);
  const { currency: in_currency, reference = null } = given;
  const bank_transfer = SENT[in_currency]?.(reference) ?? refuse(undefined, `There are no bank transfers in ${in_currency}.`, 'currency');
  const stored = (await cashOf(ctx.tx, customer.id, true)).find((each) => each.currency === in_currency);
  const funded = fundCash(stored ?? noCash(customer.id, in_currency), stored !== undefined, { amount: given.amount, bank_transfer }, moment);
  await commit(ctx, funded);
  await receiveCash(ctx, funded.cash, reference, customer, moment);
  return renderCashTransaction(funded.puts.find((put) => put.table === 'cash_balance_transactions')!.after as CashTransactionRow, ctx.world);
}

export const testCustomers: Room = { routes: [post('/v1/test_helpers/customers/:customer/fund_cash_balance', fundCashBalance, fund)] };
