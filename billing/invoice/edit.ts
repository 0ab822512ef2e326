/** Changing invoices: a draft in everything, one that is finalized in its words only. */
import type { DiscountWhole, TaxRateRow } from '../catalog.ts';
import type { CustomerWhole } from '../customer/customer.ts';
import { decision, refuse, type Decision, type Instant, type Moment } from '../decision.ts';
import { nextAttempt } from '../dunning.ts';
import { defined, mergeMetadata } from '../metadata.ts';
import { refuseUnfit } from '../payment/offer.ts';
import { DRAFT_S, finalization, gaveOn, lineOfItem, lineRow, snapshot, unique, usedUp, workOut, type InvoiceOrder } from './draft.ts';
import { collection, putLines } from './finalize.ts';
import type { InvoiceItemWhole, InvoiceLineRow, InvoiceRow, InvoiceWhole } from './invoice.ts';
import { changeInvoice } from './paid.ts';

/** What may be said of an invoice after its creation: what is left out stays as it is. */
type InvoiceChange = Partial<
  Pick<
    InvoiceRow,
    | 'auto_advance' | 'automatically_finalizes_at' | 'collection_method' | 'custom_fields' | 'days_until_due' | 'default_payment_method' | 'description' | 'due_date' | 'effective_at' | 'footer'
    | 'payment_settings' | 'rendering' | 'statement_descriptor'
  >
> & { metadata?: Record<string, string> | ''; default_rates?: readonly TaxRateRow[]; discounts?: readonly DiscountWhole[] };

/** What can still be said of an invoice that waits for its payment: nothing that was billed, or agreed. */
const WORDS: readonly string[] = ['auto_advance', 'custom_fields', 'default_payment_method', 'description', 'footer', 'metadata', 'payment_settings', 'rendering', 'statement_descriptor'];

export function refuseFinalized(invoice: InvoiceRow, what: string): void {
  if (invoice.status !== 'draft') refuse('invoice_not_editable', `The invoice ${invoice.id} is ${invoice.status}: ${what} only be changed while it is a draft.`);
}

function refuseUneditable(invoice: InvoiceRow, change: InvoiceChange): void {
  if (invoice.status === 'draft') return;
  const editable = invoice.status === 'open' ? WORDS : ['metadata'];
  const name = Object.entries(change).find(([each, value]) => value !== undefined && !editable.includes(each))?.[0];
  if (name) refuse('invoice_not_editable', `The invoice ${invoice.id} is ${invoice.status}, so its \`${name}\` cannot be changed any more.`, name === 'default_rates' ? 'default_tax_rates' : name);
}

/** When the draft is finalized by itself; null where it is not. */
function finalizesAt(before: InvoiceRow, change: InvoiceChange, moment: Moment): Instant | null {
  const { auto_advance = before.auto_advance, automatically_finalizes_at: given } = change;
  if (given != null && change.auto_advance === undefined && !before.auto_advance) return given;
  if (!auto_advance) {
    if (given != null) refuse(undefined, 'An invoice with `auto_advance` false is not finalized by itself.', 'automatically_finalizes_at');
    return null;
  }
  return given ?? before.automatically_finalizes_at ?? moment.now + DRAFT_S;
}

/** Refuses an invoice that is sent without saying when it is due, and one that is charged and says so. */
export function refuseDueDate(invoice: Pick<InvoiceRow, 'collection_method' | 'days_until_due' | 'due_date'>): void {
  const { collection_method, days_until_due, due_date } = invoice;
  if (collection_method === 'send_invoice' && days_until_due === null && due_date === null) {
    refuse('parameter_missing', 'An invoice that is sent needs `days_until_due` or `due_date`.', 'days_until_due');
  }
  if (collection_method === 'charge_automatically' && (days_until_due !== null || due_date !== null)) {
    refuse(undefined, 'An invoice that is charged automatically is due at once: leave `days_until_due` and `due_date` out.', due_date === null ? 'days_until_due' : 'due_date');
  }
}

function changeDraft(before: InvoiceWhole, change: InvoiceChange, moment: Moment): InvoiceWhole {
  const { metadata, default_rates, discounts, ...rest } = change;
  const at = finalizesAt(before, change, moment);
  const collection_method = change.collection_method ?? before.collection_method;
  // An invoice that is charged from now on is due at once.
  const due = collection_method === 'charge_automatically' && before.collection_method === 'send_invoice' ? { days_until_due: null, due_date: null } : {};
  const after: InvoiceWhole = {
    ...before,
    ...due,
    ...defined(rest),
    metadata: mergeMetadata(before.metadata, metadata),
    auto_advance: at !== null,
    automatically_finalizes_at: at,
    next_payment_attempt: collection_method === 'charge_automatically' ? at : null,
    ...(default_rates && { default_tax_rates: default_rates.map((rate) => rate.id), rate_rows: unique([...before.rate_rows, ...default_rates]) }),
    ...(discounts && { discounts: discounts.map((discount) => discount.id), discount_rows: unique([...before.discount_rows, ...discounts]) }),
  };
  refuseDueDate(after);
  return default_rates || discounts ? workOut(after) : after;
}

/** The `once` discounts of others, such as the customer, that the draft had used up and that give nothing on it any more: they can be used again. */
function freed(before: InvoiceWhole, lines: readonly InvoiceLineRow[]): DiscountWhole[] {
  const [gave, gives] = [gaveOn(before.lines), gaveOn(lines)];
  const ofOthers = (discount: DiscountWhole) => discount.invoice === null && discount.invoice_item === null;
  return before.discount_rows.filter((discount) => discount.ended && discount.source.duration === 'once' && ofOthers(discount) && gave.has(discount.id) && !gives.has(discount.id));
}

/** A changed draft as rows to write: with its lines, and the discounts that it uses up now. */
function put(before: InvoiceWhole, after: InvoiceWhole, moment: Moment): Decision & { invoice: InvoiceWhole } {
  const made = changeInvoice(before, after, moment);
  putLines(made, before.lines, after.lines);
  for (const discount of usedUp(after)) made.puts.push({ table: 'discounts', before: discount, after: { ...discount, ended: true } });
  for (const discount of freed(before, after.lines)) made.puts.push({ table: 'discounts', before: discount, after: { ...discount, ended: false } });
  if (before.automatically_finalizes_at !== after.automatically_finalizes_at) made.timers.push(finalization(after, after.automatically_finalizes_at));
  return { ...made, invoice: after };
}

/** Changes what is named. */
export function updateInvoice(before: InvoiceWhole, change: InvoiceChange, moment: Moment): Decision & { invoice: InvoiceWhole } {
  refuseUneditable(before, change);
  refuseUnfit(change.payment_settings ?? {}, before.currency);
  if (before.status === 'draft') return put(before, changeDraft(before, change, moment), moment);
  const { metadata, default_rates: _rates, discounts: _discounts, ...words } = change;
  const { auto_advance = before.auto_advance } = change;
  const charged = before.collection_method === 'charge_automatically';
  const started = auto_advance && !before.auto_advance && charged ? (nextAttempt(before.attempt_count, moment.now) ?? moment.now + DRAFT_S) : before.next_payment_attempt;
  const after: InvoiceWhole = { ...before, ...defined(words), metadata: mergeMetadata(before.metadata, metadata), next_payment_attempt: auto_advance ? started : null };
  const made = put(before, after, moment);
  if (after.next_payment_attempt !== before.next_payment_attempt) made.timers.push(collection(after, after.next_payment_attempt));
  return made;
}

/** The draft with these items on it, new or as they are now, without the removed ones, and worked out again. */
export function relineDraft(before: InvoiceWhole, items: readonly InvoiceItemWhole[], removed: ReadonlySet<string>, moment: Moment): Decision & { invoice: InvoiceWhole } {
  refuseFinalized(before, 'lines can');
  const byItem = new Map(items.map((item) => [item.id, item]));
  const kept = before.lines.filter((line) => line.invoice_item === null || !removed.has(line.invoice_item));
  const lines = kept.map((line): InvoiceLineRow => {
    const item = byItem.get(line.invoice_item ?? '');
    return item ? { ...lineRow(lineOfItem(item), before, line.position, moment), id: line.id } : line;
  });
  const known = new Set(kept.map((line) => line.invoice_item));
  const next = Math.max(-1, ...before.lines.map((line) => line.position)) + 1;
  const added = items.filter((item) => !known.has(item.id)).map((item, n) => lineRow(lineOfItem(item), before, next + n, moment));
  if (lines.length + added.length > MOST_LINES) refuse(undefined, `An invoice has at most ${MOST_LINES} lines.`, 'invoice');
  const after = workOut({
    ...before,
    lines: [...lines, ...added],
    discount_rows: unique([...before.discount_rows, ...items.flatMap((item) => item.discounts)]),
    rate_rows: unique([...before.rate_rows, ...items.flatMap((item) => item.rates)]),
  });
  return put(before, after, moment);
}

/** The draft with lines that say something else by now; the draft as it was where none does. */
export function recountDraft(before: InvoiceWhole, lines: readonly InvoiceLineRow[], moment: Moment): Decision & { invoice: InvoiceWhole } {
  const same = lines.every((line, n) => line === before.lines[n]);
  return same ? { ...decision(), invoice: before } : put(before, workOut({ ...before, lines: [...lines] }), moment);
}

const MOST_LINES = 250;

/** Deletes a draft that belongs to no subscription. Its items wait again, and a `once` discount that it had used can be used again. */
export function deleteDraft(invoice: InvoiceWhole, items: readonly InvoiceItemWhole[], moment: Moment): Decision {
  if (invoice.status !== 'draft') refuse('invoice_not_editable', `The invoice ${invoice.id} is ${invoice.status}. Only a draft can be deleted; void the invoice instead.`);
  if (invoice.subscription !== null) refuse('invoice_not_editable', `The invoice ${invoice.id} is of the subscription ${invoice.subscription}, so it cannot be deleted. Finalize and void it instead.`);
  const made = decision();
  made.puts.push({ table: 'invoices', before: invoice, after: null });
  for (const item of items) made.puts.push({ table: 'invoice_items', before: item, after: { ...item, invoice: null } });
  for (const discount of freed(invoice, [])) made.puts.push({ table: 'discounts', before: discount, after: { ...discount, ended: false } });
  made.facts.push({ type: 'invoice.deleted', object: 'invoice', whole: invoice, at: moment.now });
  made.timers.push(finalization(invoice, null));
  return made;
}

/** A draft shows its customer as that is now, and comes to what follows from a tax exemption. */
export function showCustomer(before: InvoiceWhole, customer: CustomerWhole, tax_ids: InvoiceOrder['tax_ids'], moment: Moment): Decision {
  const shown: InvoiceWhole = { ...before, customer_snapshot: snapshot(customer, tax_ids) };
  const invoice = before.customer_snapshot.tax_exempt === customer.tax_exempt ? shown : workOut(shown);
  const made = changeInvoice(before, invoice, moment);
  putLines(made, before.lines, invoice.lines);
  return made;
}
