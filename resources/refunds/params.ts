import type Stripe from 'stripe';
import { refuse } from '../../billing/decision.ts';
import { agrees, covers } from '../../server/http/agreement.ts';
import { amount, check, choice, email, fields, id, listParams, metadata, range, unsupported } from '../../server/http/params.ts';

const CONNECT = 'Kontor serves one account: there are no connected ones';
const CASH = 'what a customer has in its cash balance is returned by its bank, not here';

export const createRefund = fields(
  {
    amount: amount({ min: 1 }),
    charge: id('ch'),
    currency: unsupported(CASH),
    customer: unsupported(CASH),
    instructions_email: email(),
    metadata: metadata(),
    origin: unsupported(CASH),
    payment_intent: id('pi'),
    reason: choice('duplicate', 'fraudulent', 'requested_by_customer'),
    refund_application_fee: unsupported(CONNECT),
    reverse_transfer: unsupported(CONNECT),
  },
  check(({ charge, payment_intent }: { charge?: string; payment_intent?: string }, at) => {
    if (charge === undefined && payment_intent === undefined) refuse('parameter_missing', `Say what is refunded: a ${at('charge')} or a ${at('payment_intent')}.`, at('charge'));
  }, 'a charge or a payment intent'),
  check(({ instructions_email }: { instructions_email?: string }, at) => {
    if (instructions_email !== undefined) refuse(undefined, 'No payment method of Kontor asks its holder where a refund is to go. Leave `instructions_email` out.', at('instructions_email'));
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
