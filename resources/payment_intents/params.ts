import type Stripe from 'stripe';
import { agrees, covers } from '../../server/http/agreement.ts';
import { amount, boolean, byDefault, choice, clearable, currency, email, fields, id, integer, list, listParams, metadata, oneOf, range, required, text, unsupported, url } from '../../server/http/params.ts';

const CONNECT = 'Kontor serves one account: there are no connected ones';
const customer_account = unsupported('accounts as customers are not implemented: name the `customer`');

/** Cards are the only type of method, so to allow types means to allow cards. */
const allowed_payment_method_types = list(choice('card'), { min: 1, max: 1 });

/** What an intent may be told, at its creation and later. */
const described = {
  allowed_payment_method_types,
  amount_details: unsupported('details of the amount are not implemented'),
  capture_method: choice('automatic'),
  excluded_payment_method_types: unsupported('cards are the only type of method'),
  hooks: unsupported('hooks are not implemented'),
  payment_details: unsupported('details for single industries are not implemented'),
  payment_method: id('pm'),
  payment_method_configuration: unsupported('cards are the only type of method'),
  payment_method_data: unsupported('make the payment method first, then name it by `payment_method`'),
  payment_method_options: unsupported('options of single methods are not implemented'),
  shipping: unsupported('shipping is not implemented'),
};

const owned = {
  application_fee_amount: unsupported(CONNECT),
  customer: id('cus'),
  customer_account,
  description: clearable(text({ max: 1000 })),
  metadata: metadata(),
  statement_descriptor: text({ max: 22 }),
  statement_descriptor_suffix: unsupported('give `statement_descriptor`'),
  transfer_data: unsupported(CONNECT),
  transfer_group: unsupported(CONNECT),
};

const future = choice('off_session', 'on_session');

/** What a confirmation may say. */
const confirming = {
  confirmation_token: unsupported('confirmation tokens are not implemented: give `payment_method`'),
  error_on_requires_action: unsupported('give `off_session` where the customer is not there to act'),
  mandate: unsupported('mandates are not implemented'),
  mandate_data: unsupported('mandates are not implemented'),
  off_session: oneOf(boolean(), choice('one_off', 'recurring')),
  radar_options: unsupported('there are no radar sessions'),
  return_url: url(),
  use_stripe_sdk: boolean(),
};

export const createPaymentIntent = fields({
  ...described,
  ...owned,
  ...confirming,
  amount: required(amount({ min: 1 })),
  automatic_payment_methods: fields({ allow_redirects: choice('always', 'never'), enabled: required(boolean()) }),
  confirm: byDefault(boolean(), false),
  confirmation_method: choice('automatic'),
  currency: required(currency()),
  on_behalf_of: unsupported(CONNECT),
  receipt_email: email(),
  setup_future_usage: future,
});
covers<Stripe.PaymentIntentCreateParams, typeof createPaymentIntent>(true);
agrees<Stripe.PaymentIntentCreateParams, typeof createPaymentIntent>(true);

export const updatePaymentIntent = fields({ ...described, ...owned, amount: amount({ min: 1 }), currency: currency(), receipt_email: clearable(email()), setup_future_usage: clearable(future) });
covers<Stripe.PaymentIntentUpdateParams, typeof updatePaymentIntent>(true);
agrees<Stripe.PaymentIntentUpdateParams, typeof updatePaymentIntent>(true);

const { payment_method_configuration: _, ...confirmable } = described;

export const confirmPaymentIntent = fields({
  ...confirmable,
  ...confirming,
  amount_to_confirm: unsupported('an intent is confirmed for its whole amount'),
  client_secret: text({ max: 200, secret: true }),
  receipt_email: clearable(email()),
  setup_future_usage: clearable(future),
});
covers<Stripe.PaymentIntentConfirmParams, typeof confirmPaymentIntent>(true);
agrees<Stripe.PaymentIntentConfirmParams, typeof confirmPaymentIntent, 'client_secret'>(true);

export const retrievePaymentIntent = fields({ client_secret: text({ max: 200, secret: true }) });
covers<Stripe.PaymentIntentRetrieveParams, typeof retrievePaymentIntent>(true);
agrees<Stripe.PaymentIntentRetrieveParams, typeof retrievePaymentIntent>(true);

export const cancelPaymentIntent = fields({ cancellation_reason: choice('abandoned', 'duplicate', 'fraudulent', 'requested_by_customer') });
covers<Stripe.PaymentIntentCancelParams, typeof cancelPaymentIntent>(true);
agrees<Stripe.PaymentIntentCancelParams, typeof cancelPaymentIntent>(true);

export const listPaymentIntents = listParams({ created: range(), customer: id('cus'), customer_account });
covers<Stripe.PaymentIntentListParams, typeof listPaymentIntents>(true);
agrees<Stripe.PaymentIntentListParams, typeof listPaymentIntents>(true);

const captured = unsupported('amounts are captured when they are authorized');
export const capturePaymentIntent = fields({
  amount_details: captured,
  amount_to_capture: integer({ min: 0 }),
  application_fee_amount: captured,
  final_capture: captured,
  hooks: captured,
  metadata: captured,
  payment_details: captured,
  statement_descriptor: captured,
  statement_descriptor_suffix: captured,
  transfer_data: captured,
});
covers<Stripe.PaymentIntentCaptureParams, typeof capturePaymentIntent>(true);
agrees<Stripe.PaymentIntentCaptureParams, typeof capturePaymentIntent>(true);
