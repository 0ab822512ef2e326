import type Stripe from 'stripe';
import { refuse } from '../../billing/decision.ts';
import { agrees, covers } from '../../server/http/agreement.ts';
import { amount, boolean, byDefault, check, choice, clearable, currency, email, exclusive, fields, id, integer, list, listParams, metadata, oneOf, range, required, text, unsupported, url } from '../../server/http/params.ts';
import { address } from '../customers/params.ts';
import { amount_details, payment_details } from './details.ts';
import { statementDescriptor as statement } from '../prices/params.ts';
import { mandate_data, mandate_data_confirmed, methodType, payment_method_data, payment_method_options } from '../payment_methods/params.ts';

const CONNECT = 'Kontor serves one account: there are no connected ones';
const customer_account = unsupported('accounts as customers are not implemented: name the `customer`');
const hooks = unsupported('hooks are not implemented');
const capture_method = choice('automatic', 'automatic_async', 'manual');
/** Link comes with cards, so it is not excluded by its name. */
const excludedType = choice('card', 'bancontact', 'cashapp', 'customer_balance', 'ideal', 'klarna', 'paypal', 'sepa_debit', 'us_bank_account');
const methodTypes = list(methodType, { min: 1, max: 20 });

const received = { address: required(address), name: required(text({ max: 5000 })), phone: clearable(text({ max: 20 })) };
/** To whom something is sent. */
export const receiver = fields(received);
export const shipping = fields({ ...received, carrier: clearable(text({ max: 5000 })), tracking_number: clearable(text({ max: 5000 })) });

/** What an intent may be told, at its creation and later. */
const described = {
  allowed_payment_method_types: methodTypes,
  amount_details: clearable(amount_details),
  capture_method,
  excluded_payment_method_types: clearable(list(excludedType, { max: 20 })),
  hooks,
  payment_details: clearable(payment_details),
  payment_method: id('pm'),
  payment_method_configuration: id('pmc'),
  payment_method_data,
  payment_method_options,
  shipping: clearable(shipping),
};

const owned = {
  application_fee_amount: unsupported(CONNECT),
  customer: id('cus'),
  customer_account,
  description: clearable(text({ max: 1000 })),
  metadata: metadata(),
  statement_descriptor: statement,
  statement_descriptor_suffix: statement,
  transfer_data: unsupported(CONNECT),
  transfer_group: unsupported(CONNECT),
};

const future = choice('off_session', 'on_session');

/** What a confirmation may say. */
const confirming = {
  confirmation_token: id('ctoken'),
  error_on_requires_action: boolean(),
  mandate: id('mandate'),
  mandate_data,
  off_session: oneOf(boolean(), choice('one_off', 'recurring')),
  radar_options: unsupported('there are no radar sessions'),
  return_url: url(),
  use_stripe_sdk: boolean(),
};

const oneMethod = exclusive(['payment_method', 'payment_method_data', 'confirmation_token']);
const oneMandate = exclusive(['mandate', 'mandate_data']);

export const createPaymentIntent = fields(
  {
    ...described,
    ...owned,
    ...confirming,
    amount: required(amount({ min: 1 })),
    automatic_payment_methods: fields({ allow_redirects: choice('always', 'never'), enabled: required(boolean()) }),
    confirm: byDefault(boolean(), false),
    confirmation_method: choice('automatic', 'manual'),
    currency: required(currency()),
    on_behalf_of: unsupported(CONNECT),
    receipt_email: email(),
    setup_future_usage: future,
  },
  oneMethod,
  oneMandate,
  check(({ automatic_payment_methods, confirmation_method }: { automatic_payment_methods?: { enabled: boolean }; confirmation_method?: string }, at) => {
    if (automatic_payment_methods?.enabled && confirmation_method === 'manual') refuse('parameters_exclusive', 'Methods that are chosen automatically are confirmed automatically: leave `confirmation_method` out, or allow types by name.', at('confirmation_method'));
  }, 'automatic methods are confirmed automatically'),
);
covers<Stripe.PaymentIntentCreateParams, typeof createPaymentIntent>(true);
agrees<Stripe.PaymentIntentCreateParams, typeof createPaymentIntent>(true);

export const updatePaymentIntent = fields({ ...described, ...owned, payment_method: clearable(id('pm')), amount: amount({ min: 1 }), currency: currency(), receipt_email: clearable(email()), setup_future_usage: clearable(future) }, exclusive(['payment_method', 'payment_method_data']));
covers<Stripe.PaymentIntentUpdateParams, typeof updatePaymentIntent>(true);
agrees<Stripe.PaymentIntentUpdateParams, typeof updatePaymentIntent>(true);

const { payment_method_configuration: _, ...confirmable } = described;

export const confirmPaymentIntent = fields(
  {
    ...confirmable,
    ...confirming,
    mandate_data: mandate_data_confirmed,
    amount_to_confirm: unsupported('an intent is confirmed for its whole amount'),
    client_secret: text({ max: 200, secret: true }),
    receipt_email: clearable(email()),
    setup_future_usage: clearable(future),
  },
  oneMethod,
  oneMandate,
);
covers<Stripe.PaymentIntentConfirmParams, typeof confirmPaymentIntent>(true);
agrees<Stripe.PaymentIntentConfirmParams, typeof confirmPaymentIntent, 'client_secret' | 'mandate_data[customer_acceptance][online][infer_from_client]'>(true);

export const retrievePaymentIntent = fields({ client_secret: text({ max: 200, secret: true }) });
covers<Stripe.PaymentIntentRetrieveParams, typeof retrievePaymentIntent>(true);
agrees<Stripe.PaymentIntentRetrieveParams, typeof retrievePaymentIntent>(true);

export const cancelPaymentIntent = fields({ cancellation_reason: choice('abandoned', 'duplicate', 'fraudulent', 'requested_by_customer') });
covers<Stripe.PaymentIntentCancelParams, typeof cancelPaymentIntent>(true);
agrees<Stripe.PaymentIntentCancelParams, typeof cancelPaymentIntent>(true);

export const listPaymentIntents = listParams({ created: range(), customer: id('cus'), customer_account });
covers<Stripe.PaymentIntentListParams, typeof listPaymentIntents>(true);
agrees<Stripe.PaymentIntentListParams, typeof listPaymentIntents>(true);

const application_fee_amount = unsupported(CONNECT);
const transfer_data = unsupported(CONNECT);

export const capturePaymentIntent = fields(
  { amount_details: clearable(amount_details), amount_to_capture: amount({ min: 0 }), application_fee_amount, final_capture: byDefault(boolean(), true), hooks, metadata: metadata(), payment_details: clearable(payment_details), statement_descriptor: statement, statement_descriptor_suffix: statement, transfer_data },
);
covers<Stripe.PaymentIntentCaptureParams, typeof capturePaymentIntent>(true);
agrees<Stripe.PaymentIntentCaptureParams, typeof capturePaymentIntent>(true);

export const incrementAuthorization = fields({
  amount: required(amount({ min: 1 })), amount_details, application_fee_amount, description: text({ max: 1000 }), hooks, metadata: metadata(), payment_details, statement_descriptor: statement, transfer_data,
});
covers<Stripe.PaymentIntentIncrementAuthorizationParams, typeof incrementAuthorization>(true);
agrees<Stripe.PaymentIntentIncrementAuthorizationParams, typeof incrementAuthorization>(true);

export const verifyMicrodeposits = fields(
  { amounts: list(integer({ min: 1, max: 999 }), { min: 2, max: 2 }), client_secret: text({ max: 200, secret: true }), descriptor_code: text({ min: 6, max: 6 }) },
  exclusive(['amounts', 'descriptor_code']),
  check(({ amounts, descriptor_code }: { amounts?: number[]; descriptor_code?: string }, at) => {
    if (amounts === undefined && descriptor_code === undefined) refuse('parameter_missing', `Give the two ${at('amounts')} that were sent to the account, or the ${at('descriptor_code')} that came with one.`, at('amounts'));
  }, 'amounts or a code'),
);
covers<Stripe.PaymentIntentVerifyMicrodepositsParams, typeof verifyMicrodeposits>(true);
agrees<Stripe.PaymentIntentVerifyMicrodepositsParams, typeof verifyMicrodeposits, 'client_secret'>(true);

export const applyCustomerBalance = fields({ amount: amount({ min: 1 }), currency: currency() });
covers<Stripe.PaymentIntentApplyCustomerBalanceParams, typeof applyCustomerBalance>(true);
agrees<Stripe.PaymentIntentApplyCustomerBalanceParams, typeof applyCustomerBalance>(true);
