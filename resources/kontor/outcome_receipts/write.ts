/** Receipts are written once an invoice has settled, and whenever what it billed of outcomes has changed since. */
import { createHash } from 'node:crypto';
import { isInterim } from '../../../billing/correction/correction.ts';
import { decision, type Instant } from '../../../billing/decision.ts';
import type { InvoiceLineRow } from '../../../billing/invoice/invoice.ts';
import type { OutcomeRow } from '../../../billing/outcome/outcome.ts';
import { canonical, type ReceiptBody, type ReceiptRow } from '../../../billing/outcome/receipt.ts';
import { judge } from '../../../billing/outcome/settle.ts';
import { commit } from '../../../server/commit.ts';
import type { Context } from '../../../server/context.ts';
import type { Tx } from '../../../server/database/world.ts';
import { invoicesById } from '../../invoices/rows.ts';
import { definitionsIn, type Definitions } from '../outcome_definitions/rows.ts';
import { countedIn, outcomesById } from '../outcomes/rows.ts';
import { endsOfChains, latestOfLines } from './rows.ts';

export const hashOf = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');

/** The meters that count outcomes. */
const outcomeMeters = ({ byId }: Definitions): Set<string> => new Set([...byId.values()].flatMap((each) => each.versions.flatMap((version) => version.outcomes.map((kind) => kind.meter))));

type News = { line: InvoiceLineRow; customer: string; outcome: OutcomeRow; kind: ReceiptBody['kind']; at: Instant };

function bodyOf({ line, customer, outcome, kind, at }: News, before: ReceiptBody | null, definitions: Definitions, sequence: number, previous_hash: string | null): ReceiptBody {
  const { success } = judge(definitions.byId.get(outcome.definition)!, outcome.events, outcome.contests, at);
  const { definition, version, subject, basis, occurred_at, settled_at, counted_at } = outcome;
  const said = kind === 'billed' || before === null
    ? { version, name: outcome.outcome ?? '', basis, occurred_at, settled_at, counted_at, events: success?.events ?? [] }
    // What is taken back is named as it was billed.
    : { version: before.version, name: before.name, basis: before.basis, occurred_at: before.occurred_at, settled_at: before.settled_at, counted_at: before.counted_at, events: before.events };
  return { ...said, customer, sequence, previous_hash, kind, created: at, invoice: line.invoice, line: line.id, outcome: outcome.id, definition, subject };
}

/** `counts`: its invoice is not void; else it bills nothing any more. */
type BilledLine = { line: InvoiceLineRow; customer: string; at: Instant; counts: boolean };

/** What there is no receipt for yet of the outcomes that lines bill, with the receipts of what is taken back. The lines' customers are locked. */
async function newsOf(tx: Tx, lines: readonly BilledLine[]): Promise<{ news: News; before: ReceiptBody | null }[]> {
  const latest = Map.groupBy(await latestOfLines(tx, lines.map(({ line }) => line.id)), (receipt) => receipt.line);
  const counted = await countedIn(tx, lines.filter(({ counts }) => counts).map(({ line, customer }) => ({ key: line.id, meter: line.metering!.meter, customer, start: line.period_start, end: line.period_end })));
  const inForce = (line: string) => (latest.get(line) ?? []).filter((receipt) => receipt.kind === 'billed');
  const gone = lines.flatMap((each) => {
    const there = new Set((counted.get(each.line.id) ?? []).map((outcome) => outcome.id));
    return inForce(each.line.id).filter((receipt) => !there.has(receipt.outcome)).map((receipt) => ({ ...each, receipt }));
  });
  const outcomes = new Map((await outcomesById(tx, gone.map(({ receipt }) => receipt.outcome))).map((outcome) => [outcome.id, outcome]));
  return lines.flatMap((each) => {
    const known = new Set(inForce(each.line.id).map((receipt) => receipt.outcome));
    const billed = (counted.get(each.line.id) ?? []).filter((outcome) => !known.has(outcome.id)).map((outcome) => ({ news: { ...each, outcome, kind: 'billed' as const }, before: null }));
    const back = gone.filter(({ line }) => line === each.line).map(({ receipt }) => ({ news: { ...each, outcome: outcomes.get(receipt.outcome)!, kind: 'taken_back' as const }, before: JSON.parse(receipt.body) as ReceiptBody }));
    return [...billed, ...back];
  });
}

/** Writes the receipts that are missing for what these invoices bill of outcomes, each customer's on the end of its chain. */
export async function writeReceipts(ctx: Context, ids: readonly string[], momentOf: (invoice: string) => Instant): Promise<void> {
  const definitions = await definitionsIn(ctx);
  const meters = outcomeMeters(definitions);
  if (meters.size === 0) return;
  const invoices = (await invoicesById(ctx.tx, ids, true)).filter((invoice) => invoice.finalized_at !== null);
  const lines = invoices.flatMap((invoice) =>
    invoice.lines.filter((line) => line.metering !== null && meters.has(line.metering.meter) && !isInterim(invoice, line)).map((line) => ({ line, customer: invoice.customer, at: momentOf(invoice.id), counts: invoice.status !== 'void' })));
  if (lines.length === 0) return;
  const found = await newsOf(ctx.tx, lines);
  const ends = await endsOfChains(ctx.tx, [...new Set(found.map(({ news }) => news.customer))]);
  const made = decision();
  for (const { news: each, before } of found) {
    const { sequence, hash: previous } = ends.get(each.customer) ?? { sequence: 0, hash: null };
    const said = bodyOf(each, before, definitions, sequence + 1, previous);
    const body = canonical(said);
    const hash = hashOf(body);
    ends.set(each.customer, { sequence: sequence + 1, hash });
    const row: ReceiptRow = { id: ctx.app.clock.newId('orcp'), created: each.at, customer: each.customer, sequence: sequence + 1, outcome: each.outcome.id, invoice: each.line.invoice, line: each.line.id, kind: each.kind, body, previous_hash: previous ?? '', hash };
    made.puts.push({ table: 'outcome_receipts', before: null, after: row });
  }
  await commit(ctx, made);
}
