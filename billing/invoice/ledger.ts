/** What an invoice means in the ledger. An amount above zero debits the account. */
import type { Instant, Posting } from '../decision.ts';
import type { InvoiceRow } from './invoice.ts';

type Legs = Record<string, bigint>;

/** The legs of one ledger transaction about an invoice. */
export function post(invoice: InvoiceRow, transaction: string, legs: Legs, at: Instant): Posting[] {
  const { id: document, currency, customer } = invoice;
  return Object.entries(legs).map(([ledger_account, amount]) => ({ transaction, ledger_account, currency, amount, document, customer, at }));
}

/** What was billed, less what came off before it was paid: to get from the customer, or met by the customer's balance or credits; earned without tax and less discounts; and tax that we owe. */
export function billed(invoice: InvoiceRow): Legs {
  const { pre_payment_credit_notes_amount: credited, credit_notes_tax: tax } = invoice;
  return {
    receivable: invoice.amount_due,
    customer_balance: (invoice.ending_balance ?? invoice.starting_balance) - invoice.starting_balance,
    customer_credits: invoice.credits_applied,
    revenue: credited - tax - invoice.total_excluding_tax - invoice.credits_applied,
    tax_payable: tax + invoice.total_excluding_tax - invoice.total,
  };
}

/** What is not expected any more. */
export function writtenOff(invoice: InvoiceRow): Legs {
  return { bad_debt: invoice.amount_remaining, receivable: -invoice.amount_remaining };
}

/** The opposite. */
export function reversed(legs: Legs): Legs {
  return Object.fromEntries(Object.entries(legs).map(([account, amount]) => [account, -amount]));
}

export function added(a: Legs, b: Legs): Legs {
  const sum: Legs = { ...a };
  for (const [account, amount] of Object.entries(b)) sum[account] = (sum[account] ?? 0n) + amount;
  return sum;
}
