/** Corrections as they are made: items that wait for the next invoice, or a credit note. */
import type { TaxRateRow } from '../catalog.ts';
import { leftOfCommitment } from '../commitment.ts';
import type { CustomerWhole } from '../customer/customer.ts';
import { createCreditNote, type CreditFacts, type CreditOrder, type Issued } from '../credit_note/create.ts';
import type { CreditedLine } from '../credit_note/lines.ts';
import { decision, Refusal, together, type Decision, type Moment } from '../decision.ts';
import { exactDiscounts, exactTaxes, type InvoiceItemWhole, type InvoiceLineRow } from '../invoice/invoice.ts';
import type { UsedGroup } from '../metering.ts';
import { minor } from '../money.ts';
import { holdUsage, type HeldLineRow } from './held.ts';
import { combine, correctLines, isNothing, moneyOf, NOTHING, stored, totalOf, type CorrectedBy, type CorrectedQuantity, type Correction, type CorrectionRow } from './correction.ts';
import { toCorrect, toUndo, type LineCorrection, type Rerated } from './rerate.ts';

type CorrectionFacts = Omit<Rerated, 'waiting'> & {
  /** By line: the quantity up to which it has been corrected, and that of each group. */
  reached: ReadonlyMap<string, Reached>;
  /** By line: what is held of its usage, as far as that is known. */
  held: ReadonlyMap<string, HeldLineRow>;
  /** By line: the item that waits to correct it. */
  waiting: ReadonlyMap<string, InvoiceItemWhole>;
  customer: Pick<CustomerWhole, 'id' | 'test_clock'>;
  /** Whether the subscription still makes invoices. */
  goes_on: boolean;
};

/** What is to be put right of a line, with the change of its quantity; null where it is not one of usage. */
type Change = LineCorrection & { quantity: CorrectedQuantity | null };

/** `kept`: what the line has come to since, where that is more than the quantity says. */
export type Reached = { quantity: string; groups: readonly UsedGroup[] | null; kept: bigint | null };

type Told = Pick<Correction, 'quantity' | 'kept' | 'undone'>;

/** What the item says: `Correction of KON-0003: 204 instead of 207 × Resolution (at $0.99 / month)`. */
function describe(told: Told, corrected: Pick<InvoiceLineRow, 'description' | 'commitment'>, number: string | null): string {
  const said = describeChange(told, corrected, `${number}${told.undone ? ', which was voided' : ''}`);
  return told.kept?.after === undefined ? said : `${said}, as far as credit notes have left it`;
}

function describeChange({ quantity, kept }: Told, corrected: Pick<InvoiceLineRow, 'description' | 'commitment'>, number: string): string {
  const what = corrected.description ?? 'a line';
  // The description of a line of usage begins with its quantity.
  const named = what.replace(/^-?[0-9.]+ × /, '').replace(/, held: [^()]*$/, '');
  if (corrected.commitment !== null) return `Correction of ${number}: ${what}`;
  if (quantity?.groups) {
    const changed = quantity.groups.filter((group) => group.before !== group.after).map(({ name, before, after }) => `${after} instead of ${before} × ${name}`);
    // What was used of which group is said at the end, in brackets.
    return `Correction of ${number}: ${changed.join(', ')} of ${named.replace(/ \([^()]*\)$/, '')}`;
  }
  if (quantity?.before === quantity?.after && kept) return `Correction of ${number}: ${what}`;
  if (quantity === null || quantity.before === quantity.after) return `Correction of ${number}: discount on ${what}`;
  return `Correction of ${number}: ${quantity.after} instead of ${quantity.before} × ${named}`;
}

/** The correction of a line, and how it reaches the customer. */
function correctionOf({ line, money, kept, quantity }: Change, { invoice, customer }: CorrectionFacts, reaches: Partial<Pick<CorrectionRow, 'invoice_item' | 'credit_note'>>): CorrectedBy {
  const quantities = { quantity_before: quantity?.before ?? null, quantity_after: quantity?.after ?? null, quantity_groups: quantity?.groups ?? null };
  return { of: { customer: customer.id, invoice: invoice.id, line: line.id, currency: invoice.currency }, money, how: { ...quantities, kept, ...reaches } };
}

/** Two corrections of a line, one on top of the other, as one. */
function since(earlier: CorrectedQuantity | null, { before, after, groups }: CorrectedQuantity): CorrectedQuantity {
  return { before: earlier?.before ?? before, after, ...(groups && { groups: groups.map((group, n) => ({ ...group, before: earlier?.groups?.[n]?.before ?? group.before })) }) };
}

const keptBetween = (before: string | undefined, after: bigint | null): Pick<Correction, 'kept'> =>
  before === undefined && after === null ? {} : { kept: { ...(before !== undefined && { before }), ...(after !== null && { after: after.toString() }) } };

/** The item that waits for the next invoice: a new one, or the one that waits already with this on top; null where nothing is left of it. */
function itemOf({ line, after, money, kept, quantity }: Change, before: InvoiceItemWhole | null, facts: CorrectionFacts, moment: Moment): InvoiceItemWhole | null {
  const { invoice, customer } = facts;
  const sum = before ? combine(moneyOf({ ...before.correction!, amount: before.amount }), money, 1) : money;
  if (isNothing(sum)) return null;
  const { discount_amounts, taxes, credits } = stored(sum);
  const correction: Correction = {
    invoice: invoice.id,
    line: line.id,
    quantity: quantity && since(before?.correction!.quantity ?? null, quantity),
    ...keptBetween(before ? before.correction!.kept?.before : facts.reached.get(line.id)?.kept?.toString(), kept),
    ...(invoice.status === 'void' && { undone: true as const }),
    ...(after.commitment !== null && { commitment: leftOfCommitment(after).toString() }),
    discount_amounts,
    taxes,
    credits,
    contained: minor(sum.contained),
  };
  const named = new Set(taxes.map((tax) => tax.tax_rate));
  const rates: TaxRateRow[] = invoice.rate_rows.filter((rate) => named.has(rate.id));
  return {
    id: before?.id ?? moment.newId('ii'),
    created: before?.created ?? moment.now,
    customer: customer.id,
    subscription: facts.goes_on ? invoice.subscription : null,
    subscription_item: line.subscription_item,
    invoice: null,
    test_clock: customer.test_clock,
    amount: sum.amount,
    currency: invoice.currency,
    description: describe(correction, line, invoice.number),
    discountable: false,
    period_start: line.period_start,
    period_end: line.period_end,
    price: line.price,
    product: line.product,
    unit_amount_decimal: null,
    quantity_decimal: '1',
    proration: false,
    proration_details: null,
    metering: null,
    correction,
    tax_rates: rates.map((rate) => rate.id),
    metadata: {},
    discounts: [],
    rates,
  };
}

function byItems(changes: readonly Change[], facts: CorrectionFacts, moment: Moment): Decision {
  const made = decision();
  for (const change of changes) {
    const before = facts.waiting.get(change.line.id) ?? null;
    const item = itemOf(change, before, facts, moment);
    if (before !== item) made.puts.push({ table: 'invoice_items', before, after: item });
    if (item === null && before) made.facts.push({ type: 'invoiceitem.deleted', object: 'invoiceitem', whole: before, at: moment.now });
    if (item !== null && !before) made.facts.push({ type: 'invoiceitem.created', object: 'invoiceitem', whole: item, at: moment.now });
    // What leaves nothing behind ends with the item that it was added to.
    correctLines(made, [correctionOf(change, facts, { invoice_item: item?.id ?? null })], moment);
  }
  return made;
}

/** A line of the credit note that gives back exactly what is to be put right. */
function creditedLine({ line, money, kept, quantity }: Change, { invoice }: CorrectionFacts): CreditedLine {
  const given = combine(NOTHING, money, -1);
  const { discount_amounts, taxes } = stored(given);
  const named = new Set(taxes.map((tax) => tax.tax_rate));
  return {
    type: 'invoice_line_item',
    invoice_line_item: line.id,
    description: describe({ quantity, ...keptBetween(undefined, kept) }, line, invoice.number),
    quantity: null,
    unit_amount_decimal: null,
    metadata: {},
    rates: invoice.rate_rows.filter((rate) => named.has(rate.id)),
    assessed: { amount: given.amount, discount_amounts: exactDiscounts(discount_amounts), taxes: exactTaxes(taxes), inclusive_before_discounts: given.contained },
  };
}

/** A credit note over all that is to be put right; null where that cannot be one, since it does not give back, or more than there is, or gives back credit, which notes do not. */
function byCreditNote(changes: readonly Change[], facts: CorrectionFacts, credit: CreditFacts, moment: Moment): Issued | null {
  const total = changes.reduce((sum, { money }) => sum - totalOf(money), 0n);
  if (total <= 0n || changes.some(({ money }) => stored(money).credits.length > 0)) return null;
  const owed = facts.invoice.amount_remaining;
  const order: CreditOrder = {
    credited: { exactly: changes.map((change) => creditedLine(change, facts)) }, credit_amount: total > owed ? total - owed : null, out_of_band_amount: null, refund_amount: null, refunds: [],
    effective_at: null, memo: null, reason: 'order_change', metadata: {},
  };
  try {
    return createCreditNote(order, credit, moment);
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

/** From what it was billed or corrected to before, to what it is now. */
function quantityOf({ line, after }: LineCorrection, reached: Reached | undefined): CorrectedQuantity {
  const before = reached?.groups ?? line.metering!.groups ?? [];
  const groups = after.metering!.groups?.map(({ name, quantity }, n) => ({ name, before: before[n]?.quantity ?? '0', after: quantity }));
  return { before: reached?.quantity ?? line.quantity_decimal ?? '0', after: after.quantity_decimal ?? '0', ...(groups && { groups }) };
}

/** What puts an invoice right: a credit note where that is wanted and possible, else items for the next invoice. */
function putRight(facts: CorrectionFacts, credit: CreditFacts | null, moment: Moment): Decision & { issued: Issued | null } {
  const { invoice, reached } = facts;
  const waiting = new Map([...facts.waiting].map(([line, item]) => [line, moneyOf({ ...item.correction!, amount: item.amount })]));
  // What a customer reads of what waits is true, also where a change of the quantity costs nothing, as within a package.
  const isStale = (line: InvoiceLineRow, after: InvoiceLineRow) => line.metering !== null && (reached.get(line.id)?.quantity ?? line.quantity_decimal) !== after.quantity_decimal;
  const found = invoice.status === 'void' ? toUndo(invoice, facts.earlier) : toCorrect({ ...facts, waiting }, isStale);
  if (found.length === 0) return { ...decision(), issued: null };
  const changes = found.map((each): Change => ({ ...each, quantity: each.line.metering === null ? null : quantityOf(each, reached.get(each.line.id)) }));
  // What waits for the next invoice is not given back twice: what comes upon it is added to it.
  const issued = credit && !changes.some(({ line }) => facts.waiting.has(line.id)) ? byCreditNote(changes, facts, credit, moment) : null;
  if (issued === null) return { ...byItems(changes, facts, moment), issued: null };
  const made = decision();
  correctLines(made, changes.map((change) => correctionOf(change, facts, { credit_note: issued.credit_note.id })), moment);
  return { ...together([issued, made]), issued };
}

/**
 * Puts right what of an invoice that was finalized has turned out to be otherwise, and keeps in sight what cannot be put right yet. With `credit` by a credit note where that is possible; else by items for the next
 * invoice.
 */
export function correctInvoice(facts: CorrectionFacts, credit: CreditFacts | null, moment: Moment): Decision & { issued: Issued | null } {
  const { invoice, recounted } = facts;
  const { issued, ...made } = putRight(facts, credit, moment);
  return { ...together([holdUsage(invoice, invoice.status === 'void' ? [] : recounted, facts, moment), made]), issued };
}
