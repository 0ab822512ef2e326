/** What the amount of a payment intent is made of, and the references of who buys and who sells. */
import type Stripe from 'stripe';
import type { AmountDetails, AmountLine } from '../../billing/payment/amount_details.ts';
import type { PaymentIntentRow } from '../../billing/payment/payment.ts';
import type { Context, Json, Resource } from '../../server/context.ts';
import { agrees, covers } from '../../server/http/agreement.ts';
import { missing } from '../../server/http/errors.ts';
import { boolean, choice, clearable, fields, integer, list, listParams, required, text, unsupported, url, type Params } from '../../server/http/params.ts';
import type { Wire } from '../../server/http/wire.ts';
import { renderList, slice } from '../../server/lists.ts';
import { lacking } from '../payment_methods/params.ts';
import { intentsById } from './rows.ts';

const MOST = 99_999_999;
const minorUnits = (min: number) => integer({ min, max: MOST });
const tax = fields({ total_tax_amount: required(minorUnits(0)) });
const place = text({ max: 10, pattern: /^[A-Za-z0-9 -]*$/, shape: 'be a postal code of letters, digits, spaces and hyphens' });

const line = fields({
  discount_amount: minorUnits(1),
  payment_method_options: fields({
    card: fields({ commodity_code: text({ max: 12 }) }),
    card_present: lacking,
    klarna: fields({ image_url: url(), product_url: url(), reference: text({ max: 255 }), subscription_reference: text({ max: 2048 }) }),
    paypal: fields({ category: choice('digital_goods', 'donation', 'physical_goods'), description: text({ max: 127 }), sold_by: unsupported('Kontor serves one account: there are no connected ones') }),
  }),
  product_code: text({ max: 12 }),
  product_name: required(text({ max: 1024 })),
  quantity: required(minorUnits(1)),
  tax,
  unit_cost: required(minorUnits(0)),
  unit_of_measure: text({ max: 12 }),
});

export const amount_details = fields({
  discount_amount: clearable(minorUnits(1)),
  enforce_arithmetic_validation: boolean(),
  line_items: clearable(list(line, { max: 200 })),
  shipping: clearable(fields({ amount: clearable(minorUnits(0)), from_postal_code: clearable(place), to_postal_code: clearable(place) })),
  tax: clearable(tax),
});

const reference = clearable(text({ max: 255 }));
export const payment_details = fields({ customer_reference: reference, order_reference: reference });

type PaymentDetails = PaymentIntentRow['payment_details'];

/** What is left out stays as it is. */
export function referencesOf(before: PaymentDetails, given: Params<typeof payment_details> | null): PaymentDetails {
  return given && { customer_reference: null, order_reference: null, ...before, ...given };
}

const KLARNA = { image_url: null, product_url: null, reference: null, subscription_reference: null };

function renderLine({ id, payment_method_options: options, ...rest }: AmountLine): Wire<Stripe.PaymentIntentAmountDetailsLineItem> {
  const own = options && { ...options, ...(options.card && { card: { commodity_code: null, ...options.card } }), ...(options.klarna && { klarna: { ...KLARNA, ...options.klarna } }) };
  return { id, object: 'payment_intent_amount_details_line_item', ...rest, payment_method_options: own } as Wire<Stripe.PaymentIntentAmountDetailsLineItem>;
}

/** Without its lines, which are there on demand. */
export function renderAmountDetails(details: AmountDetails | null): Wire<Stripe.PaymentIntent.AmountDetails> {
  const { discount_amount = null, shipping = null, tax: taxes = null, error = null } = details ?? {};
  return { ...(discount_amount !== null && { discount_amount }), ...(error && { error }), ...(shipping && { shipping }), ...(taxes && { tax: taxes }), tip: {} };
}

const urlOf = (id: string) => `/v1/payment_intents/${id}/amount_details_line_items`;
/** So many lines are shown with their intent. */
const SHOWN = 10;

export const includedLines: NonNullable<Resource<any>['includes']>[string] = async (ctx, ids) => {
  const intents = await intentsById(ctx.tx, ids);
  return new Map(intents.map(({ id, amount_details: details }) => {
    const { data, has_more } = slice(details?.line_items ?? [], 'line item', { limit: SHOWN });
    return [id, renderList(urlOf(id), data.map(renderLine), has_more)];
  }));
};

export const listLineItems = listParams({});
covers<Stripe.PaymentIntentListAmountDetailsLineItemsParams, typeof listLineItems>(true);
agrees<Stripe.PaymentIntentListAmountDetailsLineItemsParams, typeof listLineItems>(true);

export async function lineItems(ctx: Context, given: Params<typeof listLineItems>, path: { intent: string }): Promise<Json> {
  const [intent] = await intentsById(ctx.tx, [path.intent]);
  if (!intent) missing('payment_intent', path.intent);
  const { data, has_more } = slice(intent.amount_details?.line_items ?? [], 'line item', given);
  return renderList(urlOf(intent.id), data.map(renderLine), has_more);
}
