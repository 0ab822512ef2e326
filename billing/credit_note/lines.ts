/** What a credit note takes back of an invoice's lines (docs/concepts/bill.md, "Credit notes"): of what is left of each, amount, discounts and taxes in one proportion. */
import type { Metadata, TaxRateRow } from '../catalog.ts';
import { taxKey, type Money } from '../correction/correction.ts';
import { refuse } from '../decision.ts';
import { exactDiscounts, exactTaxes, exemptionOf, sumOf, taxationOf, type InvoiceLineRow, type InvoiceWhole, type Taxation } from '../invoice/invoice.ts';
import type { AssessedLine } from '../invoice/totals.ts';
import { add, compare, digitsAt, formatDecimal, formatMoney, fromBigint, multiply, parseDecimal, roundDecimal, roundDiv } from '../money.ts';
import { inclusiveTax, taxLine, type LineTax } from '../tax.ts';
import type { CreditNoteLineRow, CreditNoteWhole } from './credit_note.ts';
import { portion } from './portion.ts';

/** What is left of lines that corrections on other invoices have put right, by line. */
type CorrectedLines = ReadonlyMap<string, Money>;

/** A tax as the caller has worked it out. */
type TaxGiven = { amount: bigint; tax_rate: TaxRateRow; taxable_amount: bigint };

/** A line as it is asked for. `at` spells its parameters. */
export type CreditLineOrder = { metadata: Metadata; taxes: readonly TaxGiven[] | null; at: (name: string) => string } & (
  | { type: 'invoice_line_item'; invoice_line_item: string; amount: bigint | null; quantity: number | null }
  | { type: 'custom_line_item'; description: string | null; unit_amount_decimal: string; quantity: number; rates: readonly TaxRateRow[] }
);

/** A line of a credit note before it has a row. */
export type CreditedLine = Pick<CreditNoteLineRow, 'type' | 'invoice_line_item' | 'description' | 'quantity' | 'unit_amount_decimal' | 'metadata'> & { rates: readonly TaxRateRow[]; assessed: AssessedLine };

/** What is left of an invoice's line once earlier credit notes have taken theirs. */
type Left = Taxation & {
  line: InvoiceLineRow;
  amount: bigint;
  discounts: { discount: string; amount: bigint }[];
  credit: bigint;
  taxes: LineTax[];
  /** How many units earlier credit notes have taken back, and whether one has taken back an amount instead. */
  units: number;
  byAmount: boolean;
  /** What corrections on other invoices have given back of what notes had left, in money. */
  corrected: bigint;
};

function leftOf(invoice: InvoiceWhole, line: InvoiceLineRow, taken: readonly CreditNoteLineRow[]): Left {
  const takenOf = (of: (note: CreditNoteLineRow) => readonly { amount: number }[]): bigint => sumOf(taken.flatMap(of));
  return {
    ...taxationOf(line, invoice),
    line,
    amount: taken.reduce((rest, each) => rest - each.amount, line.amount),
    discounts: exactDiscounts(line.discount_amounts).map(({ discount, amount }) => ({ discount, amount: amount - takenOf((note) => note.discount_amounts.filter((each) => each.discount === discount)) })),
    credit: taken.reduce((rest, each) => rest - each.credits_taken, sumOf(line.credits)),
    taxes: exactTaxes(line.taxes).map((tax) => ({ ...tax, amount: tax.amount - takenOf((note) => note.taxes.filter((each) => each.tax_rate === tax.tax_rate)) })),
    units: taken.reduce((sum, each) => sum + (each.quantity ?? 0), 0),
    byAmount: taken.some((each) => each.quantity === null),
    corrected: 0n,
  };
}

/** What notes have left, as far as corrections have left it, too. */
function leftBy(corrections: Money | undefined, left: Left): Left {
  if (corrections === undefined || left.amount <= 0n || corrections.amount >= left.amount) return left;
  const gone = corrections.amount <= 0n;
  const credit = gone ? 0n : sumOf([...corrections.credits.values()]);
  const rest: Left = {
    ...left, credit,
    amount: gone ? 0n : corrections.amount,
    discounts: left.discounts.map(({ discount }) => ({ discount, amount: gone ? 0n : BigInt(corrections.discounts.get(discount) ?? 0) })),
    taxes: left.taxes.map((tax) => ({ ...tax, amount: gone ? 0n : BigInt(corrections.taxes.get(taxKey(tax))?.amount ?? 0) })),
  };
  return { ...rest, corrected: totalLeft(left) - totalLeft(rest) };
}

/** What is left of each line of an invoice, in their order. `corrected` says of those that were corrected what is left of them. */
function leftover(invoice: InvoiceWhole, earlier: readonly CreditNoteWhole[], corrected: CorrectedLines = new Map()): Left[] {
  const taken = Map.groupBy(earlier.filter((note) => note.status === 'issued').flatMap((note) => note.lines), (line) => line.invoice_line_item);
  return invoice.lines.map((line) => leftBy(corrected.get(line.id), leftOf(invoice, line, taken.get(line.id) ?? [])));
}

const isExclusive = (tax: LineTax) => tax.tax_behavior === 'exclusive';
const exclusiveOf = (taxes: readonly LineTax[]) => taxes.filter(isExclusive).map((tax) => tax.amount);
const totalOf = (amounts: readonly bigint[]) => amounts.reduce((sum, amount) => sum + amount, 0n);

/** Everything that makes up a line's total, apart from its amount: discounts and credits are taken off it. */
const besides = ({ discounts, credit, taxes }: Pick<Left, 'discounts' | 'credit' | 'taxes'>): bigint[] => [...discounts.map((each) => -each.amount), -credit, ...exclusiveOf(taxes)];
const totalLeft = (left: Left): bigint => left.amount + totalOf(besides(left));

/** The taxes' base follows from the line, not from what is left: less the discounts and, for an inclusive one, less the inclusive taxes. */
function withBases(amount: bigint, discounts: Left['discounts'], credit: bigint, taxes: readonly LineTax[]): LineTax[] {
  const taxable = amount - credit - totalOf(discounts.map((each) => each.amount));
  const contained = totalOf(taxes.filter((tax) => !isExclusive(tax)).map((tax) => tax.amount));
  return taxes.map((tax) => ({ ...tax, taxable_amount: isExclusive(tax) ? taxable : taxable - contained }));
}

/** The part n ÷ d of what is left of a line. Its `amount` may be fixed already; else the parts sum to the rounded part of the total. */
function take(left: Left, n: bigint, d: bigint, fixed: bigint | null): AssessedLine {
  const parts = fixed === null ? portion([left.amount, ...besides(left)], n, d) : [fixed, ...portion(besides(left), n, d)];
  const amount = parts[0]!;
  const discount_amounts = left.discounts.map(({ discount }, index) => ({ discount, amount: -parts[1 + index]! }));
  const credit = -parts[1 + left.discounts.length]!;
  const exclusive = parts.slice(2 + left.discounts.length);
  const taxes = left.taxes.map((tax) => ({ ...tax, amount: isExclusive(tax) ? exclusive.shift()! : roundDiv(tax.amount * n, d) }));
  return { amount, discount_amounts, credit, taxes: withBases(amount, discount_amounts, credit, taxes), inclusive_before_discounts: inclusiveTax(amount, left.rates, left.exempt) };
}

/** Where the caller has worked out the taxes. None may be more than what is left of it. */
function withTaxes(assessed: AssessedLine, given: readonly TaxGiven[] | null, left: Left | null, at: (name: string) => string): AssessedLine {
  if (given === null) return assessed;
  const taxes = given.map(({ amount, tax_rate, taxable_amount }, n): LineTax => {
    const most = left === null ? assessed.amount : (left.taxes.find((tax) => tax.tax_rate === tax_rate.id)?.amount ?? 0n);
    if (amount > most) refuse('amount_too_large', `The tax at the rate ${tax_rate.id} is ${amount}; at most ${most} of it can be credited.`, `${at('tax_amounts')}[${n}][amount]`);
    return { amount, tax_rate: tax_rate.id, taxable_amount, tax_behavior: tax_rate.inclusive ? 'inclusive' : 'exclusive', taxability_reason: 'standard_rated' };
  });
  const inclusive_before_discounts = totalOf(taxes.filter((tax) => !isExclusive(tax)).map((tax) => tax.amount));
  return { ...assessed, taxes, inclusive_before_discounts };
}

/** What so many units of a line come to: their part of what is left, so that the last units take all of it. */
function amountOfUnits({ line, amount, units, byAmount, corrected }: Left, quantity: number, param: string): bigint {
  const whole = parseDecimal(line.quantity_decimal ?? '');
  if (whole === null || whole.digits === 0n) return refuse(undefined, `The line ${line.id} has no quantity: credit an \`amount\` of it.`, param);
  if (corrected !== 0n) refuse(undefined, `A part of the line ${line.id} was given back by corrections. Credit an \`amount\` of it, not a quantity.`, param);
  if (byAmount) refuse(undefined, `An amount of the line ${line.id} was credited before. Credit an \`amount\` of it again, not a quantity.`, param);
  const [asked, left] = [fromBigint(BigInt(quantity)), add(whole, fromBigint(BigInt(-units)))];
  if (compare(asked, left) > 0) refuse('amount_too_large', `Of the line ${line.id}, ${formatDecimal(left)} units can still be credited, not ${quantity}.`, param);
  return roundDiv(amount * digitsAt(asked, left.scale), left.digits);
}

function creditLine(order: Extract<CreditLineOrder, { type: 'invoice_line_item' }>, lines: readonly Left[], invoice: InvoiceWhole): CreditedLine {
  const { at, quantity } = order;
  const left = lines.find(({ line }) => line.id === order.invoice_line_item);
  if (!left) return refuse('resource_missing', `No such invoice line item on the invoice ${invoice.id}: '${order.invoice_line_item}'`, at('invoice_line_item'), { status: 400 });
  const param = at(quantity === null ? 'amount' : 'quantity');
  if (quantity === null && left.units > 0) refuse(undefined, `Units of the line ${left.line.id} were credited before. Credit a \`quantity\` of it again, not an amount.`, param);
  const amount = quantity === null ? order.amount! : amountOfUnits(left, quantity, param);
  const within = left.amount < 0n ? amount <= 0n && amount >= left.amount : amount >= 0n && amount <= left.amount;
  if (!within) refuse('amount_too_large', `Of the line ${left.line.id}, ${formatMoney(left.amount, invoice.currency)} can still be credited, not ${formatMoney(amount, invoice.currency)}.`, param);
  const assessed = take(left, amount, left.amount === 0n ? 1n : left.amount, amount);
  const unit_amount_decimal = quantity === null ? null : left.line.unit_amount_decimal;
  const { description, id: invoice_line_item } = left.line;
  return { type: 'invoice_line_item', invoice_line_item, description, quantity, unit_amount_decimal, metadata: order.metadata, rates: left.rates, assessed: withTaxes(assessed, order.taxes, left, at) };
}

function creditCustom(order: Extract<CreditLineOrder, { type: 'custom_line_item' }>, invoice: InvoiceWhole): CreditedLine {
  const { description, quantity, unit_amount_decimal, metadata, rates } = order;
  const exempt = exemptionOf(invoice.customer_snapshot);
  const amount = roundDecimal(multiply(parseDecimal(unit_amount_decimal)!, fromBigint(BigInt(quantity))));
  const assessed: AssessedLine = { amount, discount_amounts: [], taxes: taxLine(amount, rates, exempt), inclusive_before_discounts: inclusiveTax(amount, rates, exempt) };
  const named = order.taxes?.map((tax) => tax.tax_rate) ?? rates;
  return { type: 'custom_line_item', invoice_line_item: null, description, quantity, unit_amount_decimal, metadata, rates: named, assessed: withTaxes(assessed, order.taxes, null, order.at) };
}

/** The lines that are asked for. Two of one line: the second one takes of what the first one leaves, so a line is named once. */
export function creditLines(orders: readonly CreditLineOrder[], invoice: InvoiceWhole, earlier: readonly CreditNoteWhole[], corrected?: CorrectedLines): CreditedLine[] {
  const left = leftover(invoice, earlier, corrected);
  const named = new Set<string>();
  return orders.map((order) => {
    if (order.type === 'custom_line_item') return creditCustom(order, invoice);
    if (named.has(order.invoice_line_item)) refuse(undefined, `The line ${order.invoice_line_item} is named twice.`, order.at('invoice_line_item'));
    named.add(order.invoice_line_item);
    return creditLine(order, left, invoice);
  });
}

/** What corrections on other invoices have given back of the invoice's lines, in money: notes come to so much less. */
export const correctedOf = (invoice: InvoiceWhole, earlier: readonly CreditNoteWhole[], corrected?: CorrectedLines): bigint => totalOf(leftover(invoice, earlier, corrected).map((each) => each.corrected));

/** An amount of the whole invoice, taken of all its lines in proportion to what is left of them. */
export function creditAmount(amount: bigint, invoice: InvoiceWhole, earlier: readonly CreditNoteWhole[], corrected?: CorrectedLines): CreditedLine[] {
  const left = leftover(invoice, earlier, corrected);
  const totals = left.map(totalLeft);
  const parts = portion(totals, amount, totalOf(totals));
  return left.flatMap((each, index): CreditedLine[] => {
    const [part, total] = [parts[index]!, totals[index]!];
    if (part === 0n) return [];
    const { description, id: invoice_line_item } = each.line;
    const assessed = take(each, part, total, null);
    return [{ type: 'invoice_line_item', invoice_line_item, description, quantity: null, unit_amount_decimal: null, metadata: {}, rates: each.rates, assessed }];
  });
}
