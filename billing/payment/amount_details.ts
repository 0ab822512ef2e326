/** What the amount of a payment is made of: lines, tax, shipping and discount, as card networks, Klarna and PayPal want to know it. It changes nothing of what is charged. Amounts are minor units. */
import { refuse, type Moment } from '../decision.ts';
import { formatMoney } from '../money.ts';

type Tax = { total_tax_amount: number };

export type AmountLine = {
  id: string;
  product_name: string;
  product_code: string | null;
  quantity: number;
  unit_cost: number;
  unit_of_measure: string | null;
  discount_amount: number | null;
  tax: Tax | null;
  /** By type, as the API shows it. */
  payment_method_options: Record<string, Record<string, unknown>> | null;
};

export type AmountDetails = {
  discount_amount: number | null;
  shipping: { amount: number | null; from_postal_code: string | null; to_postal_code: string | null } | null;
  tax: Tax | null;
  line_items: AmountLine[];
  /** Why they do not come to the amount, where that was to be no reason to refuse them. */
  error: { code: 'amount_details_amount_mismatch' | 'amount_details_tax_shipping_discount_greater_than_amount'; message: string } | null;
};

type LineGiven = Pick<AmountLine, 'product_name' | 'quantity' | 'unit_cost'> & Partial<Pick<AmountLine, 'product_code' | 'unit_of_measure' | 'discount_amount' | 'tax' | 'payment_method_options'>>;

/** What is left out stays as it is, and what is null is taken away; lines are given as a whole. */
export type DetailsGiven = {
  discount_amount?: number | null;
  shipping?: { amount?: number | null; from_postal_code?: string | null; to_postal_code?: string | null } | null;
  tax?: Tax | null;
  line_items?: LineGiven[] | null;
  enforce_arithmetic_validation?: boolean;
};

const NONE: AmountDetails = { discount_amount: null, shipping: null, tax: null, line_items: [], error: null };

const sum = (amounts: readonly (number | null | undefined)[]): bigint => amounts.reduce<bigint>((total, each) => total + BigInt(each ?? 0), 0n);

/** Lines, tax and shipping less the discount are the amount; without lines, the three are no more than it. */
function errorIn({ discount_amount, shipping, tax, line_items }: AmountDetails, { amount, currency }: { amount: bigint; currency: string }): AmountDetails['error'] {
  const discount = discount_amount === null ? sum(line_items.map((line) => line.discount_amount)) : BigInt(discount_amount);
  const taxes = tax === null ? sum(line_items.map((line) => line.tax?.total_tax_amount)) : BigInt(tax.total_tax_amount);
  const carriage = BigInt(shipping?.amount ?? 0);
  const money = (of: bigint) => formatMoney(of, currency);
  if (line_items.length === 0) {
    const parts = taxes + carriage + discount;
    return parts <= amount ? null : { code: 'amount_details_tax_shipping_discount_greater_than_amount', message: `Tax, shipping and discount are ${money(parts)} together, more than the amount of ${money(amount)}.` };
  }
  const lines = line_items.reduce((total, { unit_cost, quantity }) => total + BigInt(unit_cost) * BigInt(quantity), 0n);
  const total = lines + taxes + carriage - discount;
  if (total === amount) return null;
  return { code: 'amount_details_amount_mismatch', message: `The line items come to ${money(lines)}, with ${money(taxes)} of tax and ${money(carriage)} of shipping, less a discount of ${money(discount)}, to ${money(total)}; the amount is ${money(amount)}.` };
}

function refuseTwice({ discount_amount, tax, line_items }: AmountDetails): void {
  const twice = (name: string, of: string) => refuse('parameters_exclusive', `Give the ${of} of the whole amount or of its line items, not of both.`, `amount_details[${name}]`);
  if (discount_amount !== null && line_items.some((line) => line.discount_amount !== null)) twice('discount_amount', 'discount');
  if (tax !== null && line_items.some((line) => line.tax !== null)) twice('tax', 'tax');
}

/** The details with what is given of them, held against the amount that they are of. Null where there are none. */
export function detailAmount(before: AmountDetails | null, given: DetailsGiven | null, of: { amount: bigint; currency: string }, moment: Moment): AmountDetails | null {
  if (given === null) return null;
  const { line_items, enforce_arithmetic_validation: enforced = true, shipping, ...rest } = given;
  const lines = line_items?.map((line): AmountLine => ({ product_code: null, unit_of_measure: null, discount_amount: null, tax: null, payment_method_options: null, ...line, id: moment.newId('uli') }));
  const whole: AmountDetails = {
    ...NONE, ...before, ...rest,
    ...(line_items !== undefined && { line_items: lines ?? [] }),
    ...(shipping !== undefined && { shipping: shipping && { amount: null, from_postal_code: null, to_postal_code: null, ...before?.shipping, ...shipping } }),
  };
  refuseTwice(whole);
  const error = errorIn(whole, of);
  if (error && enforced) refuse('payment_intent_invalid_parameter', `${error.message} Correct them, or give \`enforce_arithmetic_validation\` as false.`, 'amount_details');
  return { ...whole, error };
}

/** The details that were there before, once the amount is another one. */
export const againstAmount = (details: AmountDetails | null, of: { amount: bigint; currency: string }): AmountDetails | null => details && { ...details, error: errorIn(details, of) };
