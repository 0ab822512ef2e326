import type Stripe from 'stripe';
import type { BankAccountRow } from '../../../billing/balance/payout.ts';
import type { Resource, World } from '../../../server/context.ts';
import type { Wire } from '../../../server/http/wire.ts';
import { bankAccountsById } from './rows.ts';

export function renderBankAccount(account: BankAccountRow, world: World): Wire<Stripe.BankAccount> {
  return {
    id: account.id,
    object: 'bank_account',
    account: world.account,
    account_holder_name: account.account_holder_name,
    account_holder_type: account.account_holder_type,
    account_type: null,
    available_payout_methods: ['standard', 'instant'],
    bank_name: account.bank_name,
    country: account.country,
    currency: account.currency,
    default_for_currency: account.default_for_currency,
    fingerprint: account.fingerprint,
    last4: account.last4,
    metadata: {},
    routing_number: account.routing_number,
    status: account.status,
  };
}

export const bankAccount: Resource<BankAccountRow> = { object: 'bank_account', prefix: 'ba', render: renderBankAccount, load: (ctx, ids) => bankAccountsById(ctx.tx, ids) };
