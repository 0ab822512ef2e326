/** What `kontor verify` asks of invoices beyond their sums: each one that was finalized is explained again, line by line, from stored facts. */
import { explainInvoice } from '../../../billing/explain/explain.ts';
import type { Difference, ExplainFacts } from '../../../billing/explain/explanation.ts';
import { speaker } from '../../../billing/explain/language.ts';
import type { InvoiceWhole } from '../../../billing/invoice/invoice.ts';
import type { Audit, Audited } from '../../../server/context.ts';
import { rows, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';
import { invoicesById } from '../../invoices/rows.ts';
import { explainFacts } from './rows.ts';

/** So many invoices are explained at once: a handful of reads for all of them. */
const BATCH = 250;

async function* explainAll(tx: Tx): AsyncGenerator<Audited> {
  for (let last = ''; ; ) {
    const found = await rows<{ id: string }>(tx, sql`select id from invoices where finalized_at is not null and id > ${last} order by id limit ${BATCH}`);
    if (found.length === 0) return;
    last = found.at(-1)!.id;
    const invoices = await invoicesById(tx, found.map(({ id }) => id));
    const facts = await explainFacts(tx, invoices);
    const wrong = invoices.flatMap((invoice) => {
      const sentence = contradiction(invoice, facts);
      return sentence === null ? [] : [{ invoice, sentence }];
    });
    const open = await unknowable(tx, wrong.map(({ invoice }) => invoice));
    yield { looked: invoices.length, findings: wrong.filter(({ invoice }) => !open.has(invoice.id)).map(({ invoice, sentence }) => ({ object: invoice.id, sentence })) };
  }
}

/** What on the invoice does not follow from the facts, in a sentence; null where all of it does. */
function contradiction(invoice: InvoiceWhole, facts: ExplainFacts): string | null {
  try {
    const { differences } = explainInvoice(invoice, facts);
    const [first, ...more] = differences;
    return first === undefined ? null : `${sentenceOf(invoice, first)}${more.length === 0 ? '' : `; and ${more.length} more ${more.length === 1 ? 'difference' : 'differences'}`}`;
  } catch (error) {
    return `it cannot be explained: ${(error as Error).message}`;
  }
}

function sentenceOf(invoice: InvoiceWhole, difference: Difference): string {
  const line = invoice.lines.find((each) => each.id === difference.line);
  return speaker('en', invoice.currency).difference(difference, line?.description ?? null).replace(/\.$/, '');
}

/**
 * Of these invoices, those of which nobody can say any more whether they were right: amounts in further currencies (`currency_options`) of a price or a coupon of theirs were changed, and only the
 * present ones are kept.
 */
async function unknowable(tx: Tx, invoices: readonly InvoiceWhole[]): Promise<Set<string>> {
  const named = new Map(invoices.map((invoice) => [invoice.id, [...invoice.lines.flatMap((line) => line.price ?? []), ...invoice.discount_rows.map((discount) => discount.source.id)]]));
  const ids = [...new Set([...named.values()].flat())];
  if (ids.length === 0) return new Set();
  const changed = await rows<{ object_id: string }>(
    tx,
    sql`select distinct object_id from events where object_id = any(${ids}::text[]) and type in ('price.updated', 'coupon.updated') and previous_attributes::jsonb ? 'currency_options'`,
  );
  const open = new Set(changed.map((each) => each.object_id));
  return new Set([...named].filter(([, mine]) => mine.some((id) => open.has(id))).map(([invoice]) => invoice));
}

export const audits: readonly Audit[] = [{ id: 'I21', about: 'Each amount on a finalized invoice follows from the facts that are kept.', things: 'invoices', look: explainAll }];
