/** What moved the balances of credit grants: written once, never changed. */
import type Stripe from 'stripe';
import type { CreditTransactionRow } from '../../../billing/credit/grant.ts';
import type { Context, Json, Resource, Room, World } from '../../../server/context.ts';
import { rows, sql } from '../../../server/database/sql.ts';
import { agrees, covers } from '../../../server/http/agreement.ts';
import { missing } from '../../../server/http/errors.ts';
import { fields, id, listParams, unsupported, type Params } from '../../../server/http/params.ts';
import { get } from '../../../server/http/route.ts';
import type { Wire } from '../../../server/http/wire.ts';
import { equal, page, renderList } from '../../../server/lists.ts';
import { renderMonetary } from '../credit_grants/resource.ts';

const listTransactions = listParams({ credit_grant: id('credgr'), customer: id('cus'), customer_account: unsupported('customers are named by `customer`') });
covers<Stripe.Billing.CreditBalanceTransactionListParams, typeof listTransactions>(true);
agrees<Stripe.Billing.CreditBalanceTransactionListParams, typeof listTransactions>(true);
const nothing = fields({});
covers<Stripe.Billing.CreditBalanceTransactionRetrieveParams, typeof nothing>(true);

function render(transaction: CreditTransactionRow, world: World): Wire<Stripe.Billing.CreditBalanceTransaction> {
  const { type, amount, currency, invoice, invoice_line_item } = transaction;
  const of = invoice !== null && invoice_line_item !== null ? { invoice, invoice_line_item } : null;
  const sum = renderMonetary(amount < 0n ? -amount : amount, currency);
  const isCredit = type === 'credits_granted' || type === 'credits_application_invoice_voided';
  return {
    id: transaction.id,
    object: 'billing.credit_balance_transaction',
    created: transaction.created,
    credit: isCredit ? { amount: sum, credits_application_invoice_voided: of, type } : null,
    credit_grant: transaction.credit_grant,
    debit: isCredit ? null : { amount: sum, credits_applied: of, type },
    effective_at: transaction.effective_at,
    livemode: world.livemode,
    test_clock: transaction.test_clock,
    type: isCredit ? 'credit' : 'debit',
  };
}

const creditTransaction: Resource<CreditTransactionRow> = {
  object: 'billing.credit_balance_transaction',
  prefix: 'cbtxn',
  render,
  load: (ctx, ids) => rows<CreditTransactionRow>(ctx.tx, sql`select * from credit_balance_transactions where id = any(${ids}::text[])`),
  expands: { credit_grant: 'billing.credit_grant', 'credit.credits_application_invoice_voided.invoice': 'invoice', 'debit.credits_applied.invoice': 'invoice', test_clock: 'test_helpers.test_clock' },
};

async function retrieve(ctx: Context, _given: object, path: { transaction: string }): Promise<Json> {
  const [found] = await creditTransaction.load!(ctx, [path.transaction]);
  return render(found ?? missing('credit balance transaction', path.transaction), ctx.world);
}

async function list(ctx: Context, given: Params<typeof listTransactions>): Promise<Json> {
  const named = given.customer !== undefined || given.credit_grant !== undefined;
  const conditions = [...equal('customer', given.customer), ...equal('credit_grant', given.credit_grant), ...(named ? [] : equal('test_clock', null))];
  const { data, has_more } = await page<CreditTransactionRow>(ctx, 'credit_balance_transactions', 'credit balance transaction', conditions, given);
  return renderList('/v1/billing/credit_balance_transactions', data.map((each) => render(each, ctx.world)), has_more);
}

export const creditBalanceTransactions: Room = {
  resources: [creditTransaction],
  routes: [get('/v1/billing/credit_balance_transactions', listTransactions, list), get('/v1/billing/credit_balance_transactions/:transaction', nothing, retrieve)],
};
