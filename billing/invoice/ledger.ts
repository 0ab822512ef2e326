/** What an invoice means in the ledger. An amount above zero debits the account. */
import type { CreditNoteLineRow } from '../credit_note/credit_note.ts';
import type { Instant, Posting } from '../decision.ts';
import type { PostedAccount } from '../ledger/accounts.ts';
import { afterDiscounts, sumOf, type InvoiceLineRow, type InvoiceRow, type InvoiceWhole } from './invoice.ts';

/** A leg on an account; one of revenue by the line that was billed. */
type Leg = { ledger_account: PostedAccount; amount: bigint; line?: InvoiceLineRow | null };

/** Legs without lines, by account. */
export const legs = (sums: Partial<Record<PostedAccount, bigint>>): Leg[] => Object.entries(sums).map(([ledger_account, amount]) => ({ ledger_account: ledger_account as PostedAccount, amount }));

/** The legs of one ledger transaction about an invoice. What is earned over a period that is not over yet has that period. */
export function post(invoice: InvoiceRow, transaction: string, posted: readonly Leg[], at: Instant): Posting[] {
  const { id: document, currency, customer } = invoice;
  return posted.map(({ ledger_account, amount, line }) => ({
    transaction, ledger_account, currency, amount, document, customer, at,
    ...(line && { line: line.id }),
    ...(line && line.period_end > at && line.period_end > line.period_start && { period_start: line.period_start, period_end: line.period_end }),
  }));
}

type Taxed = Pick<InvoiceLineRow, 'amount' | 'discount_amounts' | 'taxes'>;

/** What a line comes to for us: less its discounts, without the tax that it contains. Credits that met it are earned with it. */
const netOf = (line: Taxed): bigint => afterDiscounts(line) - sumOf(line.taxes.filter((tax) => tax.tax_behavior === 'inclusive'));

/** What credit notes take back of revenue, by line; a note's own lines have none. What credits had met stays earned. */
export function takenBack(lines: readonly CreditNoteLineRow[], invoice: InvoiceWhole): Leg[] {
  const billedLines = new Map(invoice.lines.map((line) => [line.id, line]));
  return lines.map((line) => ({ ledger_account: 'revenue', amount: netOf(line) - line.credits_taken, line: billedLines.get(line.invoice_line_item ?? '') ?? null }));
}

/** What was billed, less what came off it before it was paid: to get from the customer, or met by the customer's balance or credits; earned without tax and less discounts, line by line; and tax that we owe. */
export function billed(invoice: InvoiceWhole): Leg[] {
  return [
    ...legs({
      receivable: invoice.amount_due,
      customer_balance: (invoice.ending_balance ?? invoice.starting_balance) - invoice.starting_balance,
      customer_credits: invoice.credits_applied,
      tax_payable: invoice.credit_notes_tax + invoice.total_excluding_tax - invoice.total,
    }),
    ...invoice.lines.map((line): Leg => ({ ledger_account: 'revenue', amount: -netOf(line), line })),
    ...takenBack(invoice.credited_lines, invoice),
  ];
}

/** What is not expected any more. */
export function writtenOff(invoice: InvoiceRow): Leg[] {
  return legs({ bad_debt: invoice.amount_remaining, receivable: -invoice.amount_remaining });
}

/** The opposite. */
export const reversed = (posted: readonly Leg[]): Leg[] => posted.map((leg) => ({ ...leg, amount: -leg.amount }));
