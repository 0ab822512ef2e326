import type Stripe from 'stripe';
import type { PayoutRow } from '../../billing/balance/payout.ts';
import type { Resource, World } from '../../server/context.ts';
import { minor, type Wire } from '../../server/http/wire.ts';
import { payoutsById } from './rows.ts';

export function renderPayout(payout: PayoutRow, world: World): Wire<Stripe.Payout> {
  return {
    id: payout.id,
    object: 'payout',
    amount: minor(payout.amount),
    application_fee: null,
    application_fee_amount: null,
    arrival_date: payout.arrival_date,
    automatic: payout.automatic,
    balance_transaction: payout.balance_transaction,
    created: payout.created,
    currency: payout.currency,
    description: payout.description,
    destination: payout.destination,
    failure_balance_transaction: payout.failure_balance_transaction,
    failure_code: payout.failure_code,
    failure_message: payout.failure_message,
    livemode: world.livemode,
    metadata: payout.metadata,
    method: payout.method,
    original_payout: null,
    payout_method: null,
    reconciliation_status: payout.automatic ? 'completed' : 'not_applicable',
    reversed_by: null,
    source_type: 'card',
    statement_descriptor: payout.statement_descriptor,
    status: payout.status,
    trace_id: { status: payout.status === 'paid' ? 'unsupported' : 'pending', value: null },
    type: 'bank_account',
  };
}

export const payout: Resource<PayoutRow> = {
  object: 'payout',
  prefix: 'po',
  render: renderPayout,
  load: (ctx, ids) => payoutsById(ctx.tx, ids),
  expands: { balance_transaction: 'balance_transaction', destination: 'bank_account', failure_balance_transaction: 'balance_transaction' },
};
