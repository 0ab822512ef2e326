import type Stripe from 'stripe';
import type { Resource } from '../../server/context.ts';
import { minor, type Wire } from '../../server/http/wire.ts';
import { fundsById, type FundsTransaction } from './rows.ts';

export function renderFundsTransaction(transaction: FundsTransaction): Wire<Stripe.BalanceTransaction> {
  return {
    id: transaction.id,
    object: 'balance_transaction',
    amount: minor(transaction.amount),
    available_on: transaction.available_on,
    balance_type: 'payments',
    created: transaction.created,
    currency: transaction.currency,
    description: transaction.description,
    exchange_rate: transaction.exchange_rate === null ? null : Number(transaction.exchange_rate),
    fee: minor(transaction.fee),
    fee_details: transaction.fee_details,
    net: minor(transaction.net),
    reporting_category: transaction.reporting_category,
    source: transaction.source,
    status: transaction.available ? 'available' : 'pending',
    type: transaction.type,
  };
}

export const balanceTransaction: Resource<FundsTransaction> = {
  object: 'balance_transaction',
  prefix: 'txn',
  render: renderFundsTransaction,
  load: fundsById,
  expands: { source: '*' },
};
