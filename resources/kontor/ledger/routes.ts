/** The books: what each account has come to, from which entries, about which documents. All of it is read only; what posts is what happens elsewhere. */
import { ACCOUNTS, type LedgerAccount } from '../../../billing/ledger/accounts.ts';
import { refuse } from '../../../billing/decision.ts';
import type { Context, Json, Room } from '../../../server/context.ts';
import { missing } from '../../../server/http/errors.ts';
import { choice, currency, doc, fields, id, listParams, range, required, text, timestamp, type Params } from '../../../server/http/params.ts';
import { get, type Answer } from '../../../server/http/route.ts';
import type { Download } from '../../../server/http/uploads.ts';
import { minor } from '../../../server/http/wire.ts';
import type { SealRow } from '../../../server/ledger/seal.ts';
import { equal, page, renderList, within } from '../../../server/lists.ts';
import { journalAsCsv, ledgerEntry, renderAccount, renderEntry, renderJournalRow, renderSeal, renderSum } from './resource.ts';
import { entriesOfDocument, journalOf, present, sumsBefore, type EntryRow } from './rows.ts';

const ids = Object.keys(ACCOUNTS) as LedgerAccount[];
const moment = doc('What was posted before this moment, and what was earned until then. By default all that is posted.', timestamp());

const listAccounts = fields({ at: moment });

/** The chart of accounts, with what each has come to, and behind it an account for each pair of currencies that was converted. */
async function accounts(ctx: Context, given: Params<typeof listAccounts>): Promise<Json> {
  const sums = await sumsBefore(ctx.tx, given.at ?? (await present(ctx.tx, ctx.app.clock.now())));
  const converted = new Set(sums.map((each) => each.ledger_account).filter((each) => !(each in ACCOUNTS)));
  return renderList('/v1/kontor/ledger/accounts', [...ids, ...converted].map((each) => renderAccount(each, sums)));
}

const listEntries = listParams({
  at: range(),
  currency: currency(),
  customer: id('cus'),
  document: id(),
  invoice_line_item: id(),
  ledger_account: text({ max: 40, pattern: new RegExp(`^(?:${ids.filter((each) => each !== 'deferred_revenue').join('|')}|fx_[a-z]{3}_[a-z]{3})$`), shape: 'be an account to which is posted, e.g. `cash_in_transit` or `fx_eur_usd`' }),
  processor: text({ max: 100 }),
  transaction: doc('All legs of one ledger transaction.', text({ max: 255 })),
});

/** Entries, those that were committed last first. */
async function entries(ctx: Context, given: Params<typeof listEntries>): Promise<Json> {
  const { invoice_line_item: line, at, limit, starting_after, ending_before, ...filters } = given;
  const conditions = [...Object.entries(filters).flatMap(([column, value]) => equal(column, value)), ...equal('line', line), ...within('at', at)];
  const { data, has_more } = await page<EntryRow>(ctx, 'ledger_entries', 'ledger entry', conditions, { limit, ...(starting_after && { starting_after }), ...(ending_before && { ending_before }) }, { created: 'position' });
  return renderList('/v1/kontor/ledger/entries', data.map((each) => renderEntry(each, ctx.world)), has_more);
}

/** Every account that was ever used, by currency; the balances of a currency sum to 0. */
async function trialBalance(ctx: Context, given: Params<typeof listAccounts>): Promise<Json> {
  const at = given.at ?? (await present(ctx.tx, ctx.app.clock.now()));
  return { object: 'kontor.ledger_trial_balance', at, balances: (await sumsBefore(ctx.tx, at)).map(renderSum), livemode: ctx.world.livemode };
}

const nothing = fields({});

/** All transactions about a document, an invoice for example, in the order of their commits, and what the legs that name it leave on each account. */
async function document(ctx: Context, _given: object, path: { document: string }): Promise<Json> {
  const found = await entriesOfDocument(ctx.tx, path.document);
  if (found.length === 0) missing('ledger document', path.document);
  const sums = Map.groupBy(found.filter((each) => each.document === path.document), (each) => `${each.ledger_account} ${each.currency}`);
  const transactions = Map.groupBy(found, (each) => each.transaction);
  return {
    id: path.document,
    object: 'kontor.ledger_document',
    balances: [...sums.values()].map((legs) => ({ ledger_account: legs[0]!.ledger_account, currency: legs[0]!.currency, balance: minor(legs.reduce((sum, leg) => sum + leg.amount, 0n)) })),
    livemode: ctx.world.livemode,
    transactions: [...transactions].map(([transaction, legs]) => ({ id: transaction, at: legs[0]!.at, entries: legs.map((leg) => renderEntry(leg, ctx.world)) })),
  };
}

const exportJournal = fields({
  currency: required(currency()),
  day: required(doc('A day of UTC, e.g. `2026-11-28`.', text({ max: 10, pattern: /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/ }))),
  format: doc('`csv` answers with a file as RFC 4180 writes it. By default JSON.', choice('json', 'csv')),
});

function startOf(day: string): number {
  const start = Date.parse(`${day}T00:00:00Z`) / 1_000;
  if (!Number.isInteger(start) || start < 0 || new Date(start * 1_000).toISOString().slice(0, 10) !== day) refuse(undefined, `There is no day '${day}'. Write one such as 2026-11-28.`, 'day');
  return start;
}

async function journal(ctx: Context, { currency: of, day, format }: Params<typeof exportJournal>): Promise<Answer | Download> {
  const found = await journalOf(ctx.tx, startOf(day), of);
  if (format === 'csv') return { bytes: Buffer.from(journalAsCsv(found, of)), type: 'text/csv; charset=utf-8', filename: `journal-${day}-${of}.csv` };
  const sum = (side: 'debit' | 'credit') => minor(found.reduce((total, each) => total + each[side], 0n));
  return { object: 'kontor.ledger_journal', credit: sum('credit'), currency: of, day, debit: sum('debit'), entries: found.map(renderJournalRow), livemode: ctx.world.livemode };
}

const listSeals = listParams({});

/** The seals. To keep the hash of the last one elsewhere proves later that nothing up to it was taken away. */
async function seals(ctx: Context, given: Params<typeof listSeals>): Promise<Json> {
  const { data, has_more } = await page<SealRow & { id: string }>(ctx, 'ledger_seals', 'ledger seal', [], given, { created: 'number' });
  return renderList('/v1/kontor/ledger/seals', data.map(renderSeal), has_more);
}

export const ledger: Room = {
  resources: [ledgerEntry],
  routes: [
    get('/v1/kontor/ledger/accounts', listAccounts, accounts),
    get('/v1/kontor/ledger/entries', listEntries, entries),
    get('/v1/kontor/ledger/trial_balance', listAccounts, trialBalance),
    get('/v1/kontor/ledger/documents/:document', nothing, document),
    get('/v1/kontor/ledger/journal', exportJournal, journal),
    get('/v1/kontor/ledger/seals', listSeals, seals),
  ],
};
