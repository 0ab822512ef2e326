/** The credit grants of a life, by the official client; what came of them is read from the tables. */
import assert from 'node:assert/strict';
import Stripe from 'stripe';
import type { CreditGrantRow, CreditTransactionRow } from '../../billing/credit/grant.ts';
import { rows, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import type { Found } from './outcome.ts';
import { own } from '../own.ts';
import type { Action, TopUp } from './reference/history.ts';
import type { ServedCatalog } from './served_catalog.ts';

export async function onGrant(stripe: Stripe, catalog: ServedCatalog, customer: string, action: Extract<Action, { kind: 'grant' | 'move_grant' | 'expire_grant' | 'void_grant' }>): Promise<unknown> {
  const { creditGrants } = stripe.billing;
  if (action.kind === 'grant') {
    const { id, currency, amount, prices, expires_at, ...grant } = action.grant;
    const named: { id: string }[] = [];
    for (const price of prices ?? []) named.push({ id: await catalog.price(price) });
    return creditGrants.create({ ...grant, customer, name: id, amount: { type: 'monetary', monetary: { currency, value: Number(amount) } }, applicability_config: { scope: prices ? { prices: named } : { price_type: 'metered' } }, ...(expires_at !== null && { expires_at }) });
  }
  const { data } = await creditGrants.list({ customer, limit: 100 });
  const { id } = data.find((grant) => grant.name === action.grant) ?? refuse();
  switch (action.kind) {
    case 'move_grant': return creditGrants.update(id, { expires_at: action.expires_at ?? '' });
    case 'expire_grant': return creditGrants.expire(id);
    case 'void_grant': return creditGrants.voidGrant(id);
  }
}

/** Made, changed or ended. */
export async function setTopUp(stripe: Stripe, customer: string, currency: string, asked: TopUp | null): Promise<unknown> {
  const { data: [active] } = await own<{ data: { id: string }[] }>(stripe, 'GET', `credit_top_ups?customer=${customer}&active=true`);
  if (asked === null) return own(stripe, 'POST', `credit_top_ups/${(active ?? refuse()).id}`, { active: false });
  const { amount, threshold, priority, expires_in_days } = asked;
  const terms = { amount: Number(amount), threshold: Number(threshold), priority, expires_in_days: expires_in_days ?? '' };
  return active ? own(stripe, 'POST', `credit_top_ups/${active.id}`, terms) : own(stripe, 'POST', 'credit_top_ups', { customer, currency, ...terms });
}

function refuse(): never {
  throw new Stripe.errors.StripeInvalidRequestError({ type: 'invalid_request_error', message: 'There is no such grant.' });
}

export const creditOf = async (tx: Tx, customer: string): Promise<Pick<Found, 'grants' | 'credit_transactions'>> => ({
  grants: await rows<CreditGrantRow>(tx, sql`select * from credit_grants where customer = ${customer} order by id`),
  credit_transactions: await rows<CreditTransactionRow>(tx, sql`select * from credit_balance_transactions where customer = ${customer} order by id`),
});

/** What the customer is told of its credit is what is left of its grants, and of those in force. */
export async function assertSummary(stripe: Stripe, customer: string, now: number): Promise<void> {
  const { data: grants } = await stripe.billing.creditGrants.list({ customer, limit: 100 });
  if (grants.length === 0) return;
  const { balances } = await stripe.billing.creditBalanceSummaries.retrieve({ customer, filter: { type: 'applicability_scope', applicability_scope: { price_type: 'metered' } } });
  const { data: transactions } = await stripe.billing.creditBalanceTransactions.list({ customer, limit: 100 });
  const left = (id: string) => transactions.filter((each) => each.credit_grant === id).reduce((sum, { credit, debit }) => sum + (credit?.amount.monetary?.value ?? 0) - (debit?.amount.monetary?.value ?? 0), 0);
  const sum = (of: typeof grants, currency: string) => of.filter((grant) => grant.amount.monetary!.currency === currency).reduce((all, { id }) => all + left(id), 0);
  const usable = grants.filter(({ effective_at, expires_at, voided_at }) => effective_at! <= now && (expires_at ?? Infinity) > now && voided_at === null);
  for (const { available_balance, ledger_balance } of balances) {
    const { currency } = ledger_balance.monetary!;
    assert.deepEqual({ available: available_balance.monetary!.value, ledger: ledger_balance.monetary!.value }, { available: sum(usable, currency), ledger: sum(grants, currency) }, `the credit of ${customer} in ${currency}`);
  }
}
