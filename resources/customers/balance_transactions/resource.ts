import type Stripe from 'stripe';
import type { BalanceTransactionRow } from '../../../billing/customer/customer.ts';
import type { Resource, World } from '../../../server/context.ts';
import { rows, sql } from '../../../server/database/sql.ts';
import { minor, type Wire } from '../../../server/http/wire.ts';

export function renderBalanceTransaction(transaction: BalanceTransactionRow, world: World): Wire<Stripe.CustomerBalanceTransaction> {
  return {
    id: transaction.id,
    object: 'customer_balance_transaction',
    amount: minor(transaction.amount),
    checkout_session: null,
    created: transaction.created,
    credit_note: transaction.credit_note,
    currency: transaction.currency,
    customer: transaction.customer,
    customer_account: null,
    description: transaction.description,
    ending_balance: minor(transaction.ending_balance),
    invoice: transaction.invoice,
    livemode: world.livemode,
    metadata: transaction.metadata,
    type: transaction.type,
  };
}

export const balanceTransaction: Resource<BalanceTransactionRow> = {
  object: 'customer_balance_transaction',
  prefix: 'cbtxn',
  render: renderBalanceTransaction,
  load: (ctx, ids) => rows<BalanceTransactionRow>(ctx.tx, sql`select * from customer_balance_transactions where id = any(${ids}::text[])`),
  expands: { credit_note: 'credit_note', customer: 'customer', invoice: 'invoice' },
};
