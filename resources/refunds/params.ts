import type Stripe from 'stripe';
import { refuse } from '../../billing/decision.ts';
import { agrees, covers } from '../../server/http/agreement.ts';
import { amount, check, choice, currency, email, fields, id, listParams, metadata, range, unsupported } from '../../server/http/params.ts';

const CONNECT = 'Kontor serves one account: there are no connected ones';
export const createRefund = fields(
  {
    amount: amount({ min: 1 }),
    charge: id('ch'),
    currency: currency(),
    customer: id('cus'),
    instructions_email: email(),
    metadata: metadata(),
    origin: choice('customer_balance'),
    payment_intent: id('pi'),
    reason: choice('duplicate', 'fraudulent', 'requested_by_customer'),
    refund_application_fee: unsupported(CONNECT),
    reverse_transfer: unsupported(CONNECT),
  },
  check((given: { charge?: string; payment_intent?: string; customer?: string; origin?: string; currency?: string }, at) => {
    const { charge, payment_intent, customer } = given;
    if (charge === undefined && payment_intent === undefined) {
      if (customer === undefined) refuse('parameter_missing', `Say what is refunded: a ${at('charge')}, a ${at('payment_intent')}, or cash of a ${at('customer')}.`, at('charge'));
      return;
    }
    const foreign = (['customer', 'origin', 'currency'] as const).find((name) => given[name] !== undefined);
    if (foreign) refuse('parameters_exclusive', `\`${at(foreign)}\` is about the cash of a customer, not about a charge: leave it out.`, at(foreign));
  }, 'a charge, a payment intent or cash'),
  check(({ instructions_email }: { instructions_email?: string }, at) => {
    if (instructions_email !== undefined) refuse(undefined, 'No refund asks its holder where it is to go: what was sent goes back to where it came from. Leave `instructions_email` out.', at('instructions_email'));
  }, 'no mail is sent'),
);
covers<Stripe.RefundCreateParams, typeof createRefund>(true);
agrees<Stripe.RefundCreateParams, typeof createRefund>(true);

export const updateRefund = fields({ metadata: metadata() });
covers<Stripe.RefundUpdateParams, typeof updateRefund>(true);
agrees<Stripe.RefundUpdateParams, typeof updateRefund>(true);

export const listRefunds = listParams({ charge: id('ch'), created: range(), payment_intent: id('pi') });
covers<Stripe.RefundListParams, typeof listRefunds>(true);
agrees<Stripe.RefundListParams, typeof listRefunds>(true);

export const nothing = fields({});
covers<Stripe.RefundRetrieveParams, typeof nothing>(true);
covers<Stripe.RefundCancelParams, typeof nothing>(true);
