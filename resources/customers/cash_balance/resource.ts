import type Stripe from 'stripe';
import type { CashTransactionRow } from '../../../billing/payment/cash.ts';
import type { Resource, World } from '../../../server/context.ts';
import { minor, type Wire } from '../../../server/http/wire.ts';
import { cashTransactionsById, type CashWhole } from './rows.ts';

export function renderCashBalance({ customer, balances, settings }: CashWhole, world: World): Wire<Stripe.CashBalance> {
  const held = balances.filter((each) => each.amount > 0n);
  return {
    object: 'cash_balance',
    available: held.length === 0 ? null : Object.fromEntries(held.map(({ currency, amount }) => [currency, minor(amount)])),
    customer,
    customer_account: null,
    livemode: world.livemode,
    settings: { reconciliation_mode: settings.mode, using_merchant_default: !settings.own },
  };
}

export function renderCashTransaction(row: CashTransactionRow, world: World): Wire<Stripe.CustomerCashBalanceTransaction> {
  return {
    id: row.id,
    object: 'customer_cash_balance_transaction',
    ...(row.type === 'applied_to_payment' && { applied_to_payment: { payment_intent: row.payment_intent! } }),
    created: row.created,
    currency: row.currency,
    customer: row.customer,
    customer_account: null,
    ending_balance: minor(row.ending_balance),
    ...(row.bank_transfer && { funded: { bank_transfer: row.bank_transfer as Wire<Stripe.CustomerCashBalanceTransaction.Funded.BankTransfer> } }),
    livemode: world.livemode,
    net_amount: minor(row.net_amount),
    ...(row.refund !== null && { refunded_from_payment: { refund: row.refund } }),
    type: row.type,
  };
}

export const cashBalanceResource: Resource<CashWhole> = { object: 'cash_balance', prefix: 'cash', render: renderCashBalance };

export const cashTransaction: Resource<CashTransactionRow> = {
  object: 'customer_cash_balance_transaction',
  prefix: 'ccsbtxn',
  render: renderCashTransaction,
  load: (ctx, ids) => cashTransactionsById(ctx.tx, ids),
  expands: { customer: 'customer', 'applied_to_payment.payment_intent': 'payment_intent', 'refunded_from_payment.refund': 'refund' },
};
