/** Usage of which there is more than may be billed: of an invoice that was finalized it is kept in sight until somebody puts it right (docs/concepts/bill.md, "Held usage"). */
import { decision, type Decision, type Instant, type Moment } from '../decision.ts';
import type { InvoiceLineRow, InvoiceWhole } from '../invoice/invoice.ts';
import type { Money } from './correction.ts';
import { isHeldLate } from './rerate.ts';

/** A line of which usage is held, by its id, and since when. `late`: the line had been billed before it came to be too much. `comes_to`: in minor units as a decimal string. */
export type HeldLineRow = { id: string; created: Instant; invoice: string; late: boolean; quantity_decimal: string; comes_to: string };

type HeldFacts = {
  /** By line: what is held as far as it is known. */
  held: ReadonlyMap<string, HeldLineRow>;
  /** By line: what corrections that count have come to. */
  earlier: ReadonlyMap<string, Money>;
};

/** Keeps what is held of an invoice by now, tells of it once, and forgets what has been put right. `now` are its lines with the quantities that are true now; none where nobody is to pay for them any more. */
export function holdUsage(invoice: InvoiceWhole, now: readonly InvoiceLineRow[], { held, earlier }: HeldFacts, moment: Moment): Decision {
  const made = decision();
  for (const [n, line] of invoice.lines.entries()) {
    const before = held.get(line.id) ?? null;
    const comes_to = now[n]?.metering?.held;
    if (comes_to === undefined && before === null) continue;
    const after: HeldLineRow | null = comes_to === undefined ? null : { id: line.id, created: before?.created ?? moment.now, invoice: invoice.id, late: isHeldLate(line, now[n]!, earlier.get(line.id)), quantity_decimal: now[n]!.quantity_decimal!, comes_to };
    if (before?.quantity_decimal !== after?.quantity_decimal || before?.comes_to !== after?.comes_to) made.puts.push({ table: 'held_lines', before, after });
  }
  if (made.puts.some((put) => put.before === null)) made.facts.push({ type: 'kontor.invoice.usage_held', object: 'invoice', whole: invoice, at: moment.now });
  return made;
}
