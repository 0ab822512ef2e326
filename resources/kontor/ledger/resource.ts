import { describeAccount, type LedgerAccount } from '../../../billing/ledger/accounts.ts';
import type { Json, Resource, World } from '../../../server/context.ts';
import { rows, sql } from '../../../server/database/sql.ts';
import { minor } from '../../../server/http/wire.ts';
import type { SealRow } from '../../../server/ledger/seal.ts';
import type { EntryRow, JournalRow, SumRow } from './rows.ts';

/** Of a fee the line says what it is for. */
const isFee = ({ ledger_account }: { ledger_account: LedgerAccount }) => ledger_account === 'processor_fees';

/** `amount` above zero debits the account, below zero credits it. */
export const renderEntry = (entry: EntryRow, world: World): Json => ({
  id: entry.id,
  object: 'kontor.ledger_entry',
  amount: minor(entry.amount),
  at: entry.at,
  currency: entry.currency,
  customer: entry.customer,
  document: entry.document,
  fee: isFee(entry) ? entry.line : null,
  invoice_line_item: isFee(entry) ? null : entry.line,
  ledger_account: entry.ledger_account,
  livemode: world.livemode,
  period: entry.period_start === null ? null : { end: entry.period_end, start: entry.period_start },
  processor: entry.processor,
  transaction: entry.transaction,
});

export const ledgerEntry: Resource<EntryRow> = {
  object: 'kontor.ledger_entry',
  prefix: '',
  render: renderEntry,
  load: (ctx, ids) => rows<EntryRow>(ctx.tx, sql`select * from ledger_entries where id = any(${ids}::text[])`),
  expands: { customer: 'customer' },
};

/** `balance` is debits less credits. */
export const renderSum = ({ ledger_account, processor, currency, debit, credit }: SumRow): Json => ({
  ledger_account, processor, currency, kind: describeAccount(ledger_account).kind, debit: minor(debit), credit: minor(credit), balance: minor(debit - credit),
});

export function renderAccount(id: LedgerAccount, sums: readonly SumRow[]): Json {
  const { kind, about } = describeAccount(id);
  const balances = sums.filter((sum) => sum.ledger_account === id).map(({ processor, currency, debit, credit }) => ({ processor, currency, debit: minor(debit), credit: minor(credit), balance: minor(debit - credit) }));
  return { id, object: 'kontor.ledger_account', balances, description: about, kind, normal_side: kind === 'asset' || kind === 'expense' ? 'debit' : 'credit' };
}

export const renderSeal = (seal: SealRow): Json => ({
  id: String(seal.number), object: 'kontor.ledger_seal', entries: minor(seal.entries), hash: seal.hash.toString('hex'), number: minor(seal.number), sealed_at: seal.sealed_at, signature: seal.signature,
});

export const renderJournalRow = ({ debit, credit, line, ...row }: JournalRow): Json => ({ ...row, fee: isFee(row) ? line : null, invoice_line_item: isFee(row) ? null : line, debit: minor(debit), credit: minor(credit) });

const HEADINGS = ['date', 'time', 'transaction', 'ledger_account', 'processor', 'currency', 'debit', 'credit', 'document', 'customer', 'invoice_line_item', 'fee'];

/** A cell that no spreadsheet takes for a formula, nor for two. */
const cell = (value: string): string => (/^[=+\-@\t\r]/.test(value) || /[",\r\n]/.test(value) ? `"${/^[=+\-@\t\r]/.test(value) ? "'" : ''}${value.replaceAll('"', '""')}"` : value);

/** The journal as RFC 4180 writes it, amounts in minor units. */
export function journalAsCsv(journal: readonly JournalRow[], currency: string): string {
  const lines = journal.map(({ at, transaction, ledger_account, processor, debit, credit, document, customer, line }) => {
    const [date, time] = new Date(at * 1_000).toISOString().slice(0, 19).split('T');
    return [date!, `${time}Z`, transaction, ledger_account, processor ?? '', currency, String(debit), String(credit), document, customer ?? '', ...(ledger_account === 'processor_fees' ? ['', line ?? ''] : [line ?? '', ''])].map(cell).join(',');
  });
  return [HEADINGS.join(','), ...lines].join('\r\n');
}
