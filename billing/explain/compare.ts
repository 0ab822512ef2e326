/** Why two invoices of a customer come to different amounts: causes that sum to the difference, to the minor unit. */
import type { PriceRow } from '../catalog.ts';
import { refuse, type Instant } from '../decision.ts';
import type { InvoiceLineRow, InvoiceWhole } from '../invoice/invoice.ts';
import { chargeable, meteredAmount, notBilled, usageBehind, type Used } from '../metering.ts';
import { add, formatDecimal } from '../money.ts';
import type { PriceTerms } from '../pricing/price.ts';
import { termsIn } from '../subscription/terms.ts';
import { decimalOf } from './exact.ts';

export type CauseKind = 'quantity' | 'price' | 'allowance' | 'usage' | 'trial' | 'proration' | 'new_item' | 'gone_item' | 'discount' | 'credit' | 'tax' | 'balance' | 'credit_notes' | 'rest';

/** `amount` > 0 makes the invoice dearer than the other one. */
export type Cause = {
  kind: CauseKind;
  amount: bigint;
  /** What it is about, in the words of the line, the coupon or the tax rate. */
  about: string | null;
  line: string | null;
  with_line: string | null;
  /** How it was and how it is: quantities, prices, or amounts in minor units. */
  before: string | null;
  after: string | null;
  /** Of a discount that gives nothing any more: since when its time is over, or `once` where it was for one invoice. */
  over: Instant | 'once' | null;
};

export type Comparison = { invoice: string; number: string | null; with: string; with_number: string | null; currency: string; amount_due: bigint; with_amount_due: bigint; difference: bigint; causes: Cause[] };

/** Refuses what cannot be laid side by side. */
function refuseIncomparable(invoice: InvoiceWhole, other: InvoiceWhole): void {
  if (other.id === invoice.id) refuse(undefined, 'An invoice differs in nothing from itself: name another one.', 'with');
  if (other.customer !== invoice.customer) refuse(undefined, `The invoice ${other.id} is another customer's. Only invoices of one customer are compared.`, 'with');
  if (other.currency !== invoice.currency) refuse(undefined, `The invoice ${other.id} is in ${other.currency}, this one in ${invoice.currency}. Only invoices in one currency are compared.`, 'with');
}

/** What makes the invoice differ from another one of its customer. `prices` are those that their lines name. */
export function compareInvoices(invoice: InvoiceWhole, other: InvoiceWhole, prices: ReadonlyMap<string, PriceRow>): Comparison {
  refuseIncomparable(invoice, other);
  const causes = [...lineCauses(invoice, other, prices), ...discountCauses(invoice, other), creditCause(invoice, other), ...taxCauses(invoice, other), balanceCause(invoice, other), creditNotesCause(invoice, other)];
  const difference = invoice.amount_due - other.amount_due;
  const rest = causes.reduce((left, cause) => left - cause.amount, difference);
  return {
    invoice: invoice.id, number: invoice.number, with: other.id, with_number: other.number, currency: invoice.currency,
    amount_due: invoice.amount_due, with_amount_due: other.amount_due, difference,
    causes: [...causes, { ...NOTHING, kind: 'rest' as const, amount: rest }].filter((cause) => cause.amount !== 0n),
  };
}

const NOTHING = { about: null, line: null, with_line: null, before: null, after: null, over: null };

/** A line of an item's own, by which it is compared from invoice to invoice; what changes in mid-period cost stands beside it. */
const isOwn = (line: InvoiceLineRow): boolean => line.subscription_item !== null && line.correction === null && !(line.proration && line.invoice_item !== null);

/** Lines of one item, the last with the last. */
function pairsOf(lines: readonly InvoiceLineRow[], others: readonly InvoiceLineRow[]): [InvoiceLineRow | null, InvoiceLineRow | null][] {
  const most = Math.max(lines.length, others.length);
  return Array.from({ length: most }, (_, n) => [lines.at(n - most) ?? null, others.at(n - most) ?? null]);
}

function lineCauses(invoice: InvoiceWhole, other: InvoiceWhole, prices: ReadonlyMap<string, PriceRow>): Cause[] {
  const byItem = (lines: readonly InvoiceLineRow[]) => Map.groupBy(lines.filter(isOwn), (line) => line.subscription_item!);
  const [now, before] = [byItem(invoice.lines), byItem(other.lines)];
  const items = [...new Set([...now.keys(), ...before.keys()])];
  const own = items.flatMap((item) => pairsOf(now.get(item) ?? [], before.get(item) ?? []).flatMap(([line, with_line]) => pairCauses(line, with_line, prices)));
  const added = invoice.lines.filter((line) => !isOwn(line)).map((line): Cause => ({ ...only(line), kind: line.proration ? 'proration' : 'new_item' }));
  const gone = other.lines.filter((line) => !isOwn(line)).map((line): Cause => ({ ...onlyBefore(line), kind: line.proration ? 'proration' : 'gone_item' }));
  return [...own, ...added, ...gone];
}

const only = (line: InvoiceLineRow) => ({ ...NOTHING, amount: line.amount, about: line.description, line: line.id, after: line.quantity_decimal });
const onlyBefore = (line: InvoiceLineRow) => ({ ...NOTHING, amount: -line.amount, about: line.description, with_line: line.id, before: line.quantity_decimal });

/** What of its usage a line does not charge. */
const includedOf = (line: InvoiceLineRow): string => line.metering?.allowance?.included ?? '0';

/** What one line bills, on top of what was billed before another one, as usage of the other's price; null where that has dimension prices, for which it was not counted. */
function usedAt(terms: PriceTerms, at: InvoiceLineRow, of: InvoiceLineRow): Used | null {
  if (!terms.dimension_prices) return usageBehind(of.quantity_decimal!, at.metering);
  if (at.price !== of.price || !of.metering?.groups) return null;
  const before = at.metering?.billed?.groups;
  return notBilled(of.metering.groups, of.metering).map(({ quantity }, n) => (before ? formatDecimal(add(decimalOf(quantity), decimalOf(before[n]!.quantity))) : quantity));
}

function pairCauses(line: InvoiceLineRow | null, before: InvoiceLineRow | null, prices: ReadonlyMap<string, PriceRow>): Cause[] {
  const metered = (each: InvoiceLineRow) => prices.get(each.price ?? '')?.recurring?.usage_type === 'metered';
  if (before === null) return line === null ? [] : [{ ...only(line), kind: metered(line) ? 'usage' : 'new_item' }];
  if (line === null) return [{ ...onlyBefore(before), kind: metered(before) ? 'usage' : 'gone_item' }];
  const blank = { ...NOTHING, about: line.description, line: line.id, with_line: before.id };
  const cost = (at: InvoiceLineRow, of: InvoiceLineRow): bigint | null => {
    const terms = termsIn(prices.get(at.price ?? '')!, at.currency);
    const used = terms && of.quantity_decimal !== null ? usedAt(terms, at, of) : null;
    return terms && used !== null ? chargeable(meteredAmount(terms, used, at.metering).amount) : null;
  };
  const comparable = prices.has(line.price ?? '') && prices.has(before.price ?? '') && metered(line) === metered(before);
  const [was, more, is] = comparable ? [cost(before, before), cost(before, line), cost(line, line)] : [null, null, null];
  const named = { before: before.price, after: line.price };
  if (was === null || more === null || is === null) return [{ ...blank, ...named, kind: 'price', amount: line.amount - before.amount }];
  return [
    { ...blank, kind: metered(line) ? 'usage' : 'quantity', amount: more - was, before: before.quantity_decimal, after: line.quantity_decimal },
    line.price === before.price
      ? { ...blank, kind: 'allowance', amount: is - more, before: includedOf(before), after: includedOf(line) }
      : { ...blank, ...named, kind: 'price', amount: is - more },
    { ...blank, kind: line.proration || before.proration ? 'proration' : 'trial', amount: line.amount - is - (before.amount - was), before: before.amount.toString(), after: line.amount.toString() },
  ];
}

/** Amounts by name, those of the invoice and of the other one, as causes. */
function namedCauses(kind: 'discount' | 'tax', sign: bigint, now: ReadonlyMap<string, number>, before: ReadonlyMap<string, number>, nameOf: (id: string) => string | null, over: (id: string) => Cause['over'] = () => null): Cause[] {
  return [...new Set([...now.keys(), ...before.keys()])].map((id) => {
    const [is, was] = [BigInt(now.get(id) ?? 0), BigInt(before.get(id) ?? 0)];
    return { ...NOTHING, kind, amount: sign * (is - was), about: nameOf(id), before: was.toString(), after: is.toString(), over: over(id) };
  });
}

function discountCauses(invoice: InvoiceWhole, other: InvoiceWhole): Cause[] {
  const amounts = (of: InvoiceWhole) => new Map(of.total_discount_amounts.map((each) => [each.discount, each.amount]));
  const now = amounts(invoice);
  const rows = new Map([...other.discount_rows, ...invoice.discount_rows].map((each) => [each.id, each]));
  const over = (id: string): Cause['over'] => {
    const discount = rows.get(id);
    if (!discount || now.has(id)) return null;
    return discount.end !== null && discount.end <= invoice.created ? discount.end : discount.source.duration === 'once' ? 'once' : null;
  };
  return namedCauses('discount', -1n, now, amounts(other), (id) => rows.get(id)?.source.name ?? rows.get(id)?.source.id ?? null, over);
}

/** What credit grants took off. */
function creditCause({ credits_applied: is }: InvoiceWhole, { credits_applied: was }: InvoiceWhole): Cause {
  return { ...NOTHING, kind: 'credit', amount: was - is, before: was.toString(), after: is.toString() };
}

/** Taxes that are put on top; those within the amounts change nothing. */
function taxCauses(invoice: InvoiceWhole, other: InvoiceWhole): Cause[] {
  const amounts = (of: InvoiceWhole) => {
    const sums = new Map<string, number>();
    for (const tax of of.total_taxes) if (tax.tax_behavior === 'exclusive') sums.set(tax.tax_rate, (sums.get(tax.tax_rate) ?? 0) + tax.amount);
    return sums;
  };
  const rates = new Map([...other.rate_rows, ...invoice.rate_rows].map((rate) => [rate.id, rate]));
  return namedCauses('tax', 1n, amounts(invoice), amounts(other), (id) => rates.get(id)?.display_name ?? null);
}

/** What the customer's balance added to what is due, or took from it. */
function balanceCause(invoice: InvoiceWhole, other: InvoiceWhole): Cause {
  const applied = (of: InvoiceWhole) => of.amount_due + of.pre_payment_credit_notes_amount - of.total;
  const [is, was] = [applied(invoice), applied(other)];
  return { ...NOTHING, kind: 'balance', amount: is - was, before: was.toString(), after: is.toString() };
}

/** What credit notes took off what is due. */
function creditNotesCause(invoice: InvoiceWhole, other: InvoiceWhole): Cause {
  const [is, was] = [invoice.pre_payment_credit_notes_amount, other.pre_payment_credit_notes_amount];
  return { ...NOTHING, kind: 'credit_notes', amount: was - is, before: was.toString(), after: is.toString() };
}
