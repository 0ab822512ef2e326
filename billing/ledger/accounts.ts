/** The chart of accounts. docs/concepts/ledger.md says which business event posts which legs. */

type AccountKind = 'asset' | 'liability' | 'revenue' | 'expense' | 'exchange';

/** Each account with what kind it is, and what its balance says. Debits are amounts above zero: an asset or an expense usually stands above zero, a liability or revenue below. */
export const ACCOUNTS = {
  receivable: { kind: 'asset', about: 'What remains to be paid on open invoices.' },
  cash_in_transit: { kind: 'asset', about: 'What a processor has for us: its balance, pending and available.' },
  disputed_payments: { kind: 'asset', about: 'What banks have taken for disputes that are not decided.' },
  payouts_in_transit: { kind: 'asset', about: 'What processors have paid out, and is not at our bank yet.' },
  bank: { kind: 'asset', about: 'What has arrived at our bank by payouts.' },
  paid_out_of_band: { kind: 'asset', about: 'What customers have paid, and we have given back, in other ways than by a processor.' },
  customer_balance: { kind: 'liability', about: "Customers' balances: below zero we owe the customer." },
  customer_cash: { kind: 'liability', about: 'What customers have sent by bank transfer, and is not applied to a payment yet.' },
  customer_credits: { kind: 'liability', about: 'What is left of credit grants: owed in usage.' },
  unapplied_payments: { kind: 'liability', about: 'Payments that were not made for an invoice, or are not put to one yet.' },
  tax_payable: { kind: 'liability', about: 'Tax on what was billed, less that on what was credited.' },
  deferred_revenue: { kind: 'liability', about: 'The part of revenue whose period is still to come. It is derived: it is posted as revenue with its period.' },
  revenue: { kind: 'revenue', about: 'What was billed without tax, less discounts and credit notes, by line and period.' },
  refunds: { kind: 'revenue', about: 'What was given back of payments for invoices. A credit note says what for; here it reduces revenue until then.' },
  balance_adjustments: { kind: 'expense', about: "What was put to customers' balances by hand, or taken from them." },
  credits_granted: { kind: 'expense', about: 'What credit grants cost: granted, less what expired or was voided.' },
  dispute_losses: { kind: 'expense', about: 'Payments for invoices that were lost in disputes.' },
  bad_debt: { kind: 'expense', about: 'Invoices that were written off, less what was paid on them afterwards.' },
  exchange_differences: { kind: 'expense', about: 'What was given back or lost of converted payments came to at the rate of its day, less what it had come to when they were paid.' },
  processor_fees: { kind: 'expense', about: 'What processors keep of payments.' },
} as const satisfies Record<string, { kind: AccountKind; about: string }>;

/** Through which a pair of currencies is converted: what leaves the one is a debit in it, and what comes in the other a credit, so that each currency balances for itself. */
export type ExchangeAccount = `fx_${string}_${string}`;
export const exchangeAccount = (from: string, into: string): ExchangeAccount => `fx_${from}_${into}`;
const isExchange = (account: LedgerAccount): account is ExchangeAccount => account.startsWith('fx_');

/** An account to which is posted, or which is derived from one. */
export type LedgerAccount = keyof typeof ACCOUNTS | ExchangeAccount;

/** A ledger transaction's legs are on these, and on accounts of exchange. */
export type PostedAccount = Exclude<keyof typeof ACCOUNTS, 'deferred_revenue'>;

/** Of which kind an account is, and what its balance says. */
export function describeAccount(account: LedgerAccount): { kind: AccountKind; about: string } {
  if (!isExchange(account)) return ACCOUNTS[account];
  const [, from, into] = account.toUpperCase().split('_');
  return { kind: 'exchange', about: `What payments in ${from} were converted into ${into} for, less what was given back or lost of them: a debit in ${from}, and a credit in ${into} of what it had come to.` };
}
