import type Stripe from 'stripe';
import { refuse } from '../../billing/decision.ts';
import { agrees, covers } from '../../server/http/agreement.ts';
import { amount, check, choice, clearable, decimal, exclusive, fields, id, integer, list, listParams, metadata, range, required, text, timestamp, unsupported } from '../../server/http/params.ts';

type LineGiven = { type: string; [name: string]: unknown };

/** What a line of each type has, and what only the other type has. */
const ONLY = {
  invoice_line_item: ['invoice_line_item', 'amount'],
  custom_line_item: ['description', 'unit_amount', 'unit_amount_decimal', 'tax_rates'],
} as const;

const ofItsType = check<LineGiven>((given, at) => {
  const [own, others] = given.type === 'custom_line_item' ? [ONLY.custom_line_item, ONLY.invoice_line_item] : [ONLY.invoice_line_item, ONLY.custom_line_item];
  const foreign = others.find((name) => given[name] !== undefined);
  if (foreign) refuse(undefined, `A ${given.type} has no \`${foreign}\`: it has ${own.map((name) => `\`${name}\``).join(', ')}, \`quantity\` and \`metadata\`.`, at(foreign));
  const needs = given.type === 'custom_line_item' ? [['unit_amount', 'unit_amount_decimal']] : [['invoice_line_item'], ['amount', 'quantity']];
  for (const names of needs) {
    if (names.every((name) => given[name] === undefined)) refuse('parameter_missing', `A ${given.type} needs ${names.map((name) => `\`${name}\``).join(' or ')}.`, at(names[0]!));
  }
}, 'what belongs to its type');

const line = fields(
  {
    amount: amount(),
    description: text(),
    invoice_line_item: id('il'),
    metadata: metadata(),
    quantity: integer({ min: 1, max: 999_999_999 }),
    tax_amounts: clearable(list(fields({ amount: required(amount({ min: 0 })), tax_rate: required(id('txr')), taxable_amount: required(amount({ min: 0 })) }), { max: 20 })),
    tax_rates: clearable(list(id('txr'), { max: 20 })),
    type: required(choice('custom_line_item', 'invoice_line_item')),
    unit_amount: amount({ min: 0 }),
    unit_amount_decimal: decimal({ min: 0 }),
  },
  ofItsType,
  exclusive(['tax_amounts', 'tax_rates']),
  exclusive(['unit_amount', 'unit_amount_decimal']),
  check<LineGiven>((given, at) => {
    if (given.type === 'invoice_line_item' && given.amount !== undefined && given.quantity !== undefined) refuse('parameters_exclusive', 'Credit an `amount` of the line or a `quantity` of it, not both.', at('amount'));
  }, 'an amount or a quantity'),
);

const noRecords = unsupported('payment records are not implemented');

const credited = {
  invoice: required(id('in')),
  amount: amount({ min: 1 }),
  credit_amount: amount({ min: 0 }),
  effective_at: timestamp(),
  email_type: choice('credit_note', 'none'),
  lines: list(line, { min: 1, max: 250 }),
  memo: text(),
  metadata: metadata(),
  out_of_band_amount: amount({ min: 0 }),
  reason: choice('duplicate', 'fraudulent', 'order_change', 'product_unsatisfactory'),
  refund_amount: amount({ min: 0 }),
  refunds: list(fields({ amount_refunded: amount({ min: 1 }), payment_record_refund: noRecords, refund: required(id('re')), type: choice('refund') }), { max: 20 }),
  shipping_cost: unsupported('shipping is not implemented'),
};

const oneCredit = check<{ amount?: bigint; lines?: unknown }>(({ amount: whole, lines }, at) => {
  if (whole === undefined && lines === undefined) refuse('parameter_missing', `Say what is credited: an ${at('amount')} of the invoice, or ${at('lines')}.`, at('amount'));
}, 'exactly one of amount, lines');

const noMail = check<{ email_type?: string }>(({ email_type }, at) => {
  if (email_type === 'credit_note') refuse(undefined, 'Kontor sends no mail yet. Leave `email_type` out or set it to `none`, and send the credit note yourself when you hear `credit_note.created`.', at('email_type'));
}, 'no mail is sent');

const rules = [exclusive(['amount', 'lines']), oneCredit, noMail];

export const createCreditNote = fields(credited, ...rules);
covers<Stripe.CreditNoteCreateParams, typeof createCreditNote>(true);
agrees<Stripe.CreditNoteCreateParams, typeof createCreditNote>(true);
covers<Stripe.CreditNotePreviewParams, typeof createCreditNote>(true);
agrees<Stripe.CreditNotePreviewParams, typeof createCreditNote>(true);

export const previewLines = listParams(credited, ...rules);
covers<Stripe.CreditNoteListPreviewLineItemsParams, typeof previewLines>(true);
agrees<Stripe.CreditNoteListPreviewLineItemsParams, typeof previewLines>(true);

export const updateCreditNote = fields({ memo: text(), metadata: metadata() });
covers<Stripe.CreditNoteUpdateParams, typeof updateCreditNote>(true);
agrees<Stripe.CreditNoteUpdateParams, typeof updateCreditNote>(true);

export const listCreditNotes = listParams({
  created: range(),
  customer: id('cus'),
  customer_account: unsupported('accounts as customers are not implemented: name the `customer`'),
  invoice: id('in'),
});
covers<Stripe.CreditNoteListParams, typeof listCreditNotes>(true);
agrees<Stripe.CreditNoteListParams, typeof listCreditNotes>(true);

export const listLines = listParams({});
covers<Stripe.CreditNoteListLineItemsParams, typeof listLines>(true);

export const nothing = fields({});
covers<Stripe.CreditNoteRetrieveParams, typeof nothing>(true);
covers<Stripe.CreditNoteVoidCreditNoteParams, typeof nothing>(true);
