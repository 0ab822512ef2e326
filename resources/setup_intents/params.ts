import type Stripe from 'stripe';
import { refuse } from '../../billing/decision.ts';
import { agrees, covers } from '../../server/http/agreement.ts';
import { boolean, byDefault, check, choice, clearable, exclusive, fields, id, integer, list, listParams, metadata, range, required, text, unsupported, url } from '../../server/http/params.ts';
import { lacking, lackingTypes, mandate_data, mandate_data_confirmed, methodType, onNetwork, payment_method_data, sepaMandate } from '../payment_methods/params.ts';

const CONNECT = 'Kontor serves one account: there are no connected ones';
const customer_account = unsupported('accounts as customers are not implemented: name the `customer`');
const noOption = unsupported('this option is not implemented');
const types = list(methodType, { min: 1, max: 20 });
/** Link comes with cards, so it is not excluded by its name. */
const excluded = list(choice('card', 'bancontact', 'cashapp', 'customer_balance', 'ideal', 'klarna', 'paypal', 'sepa_debit', 'us_bank_account'), { max: 20 });

const { acss_debit, amazon_pay, bacs_debit, bizum, blik, payto, pix, upi } = lackingTypes;

const payment_method_options = fields({
  acss_debit, amazon_pay, bacs_debit, bizum, blik, payto, pix, upi,
  card: fields({
    mandate_options: noOption, moto: boolean(), network: onNetwork, request_three_d_secure: choice('any', 'automatic', 'challenge'), setup_credential_usage: noOption, three_d_secure: noOption,
  }),
  card_present: lacking,
  klarna: fields({ currency: noOption, on_demand: noOption, preferred_locale: text({ max: 10 }), subscriptions: noOption }),
  link: fields({ persistent_token: noOption }),
  paypal: fields({ billing_agreement_id: noOption }),
  sepa_debit: fields({ mandate_options: sepaMandate }),
  us_bank_account: fields({ financial_connections: noOption, mandate_options: noOption, networks: noOption, verification_method: choice('automatic', 'microdeposits') }),
});

const described = {
  attach_to_self: unsupported(CONNECT),
  customer: id('cus'),
  customer_account,
  description: text({ max: 1000 }),
  flow_directions: unsupported('methods are kept to be charged: leave it out'),
  metadata: metadata(),
  payment_method: id('pm'),
  payment_method_configuration: id('pmc'),
  payment_method_data,
  payment_method_options,
};
const confirming = { confirmation_token: id('ctoken'), return_url: url(), use_stripe_sdk: boolean() };
const oneMethod = exclusive(['payment_method', 'payment_method_data', 'confirmation_token']);

export const createSetupIntent = fields(
  {
    ...described,
    ...confirming,
    allowed_payment_method_types: types,
    automatic_payment_methods: fields({ allow_redirects: choice('always', 'never'), enabled: required(boolean()) }),
    confirm: byDefault(boolean(), false),
    excluded_payment_method_types: excluded,
    mandate_data,
    on_behalf_of: unsupported(CONNECT),
    single_use: unsupported('a setup is for any number of later payments'),
    usage: byDefault(choice('off_session', 'on_session'), 'off_session'),
  },
  oneMethod,
);
covers<Stripe.SetupIntentCreateParams, typeof createSetupIntent>(true);
agrees<Stripe.SetupIntentCreateParams, typeof createSetupIntent>(true);

export const updateSetupIntent = fields({ ...described, payment_method: clearable(id('pm')), allowed_payment_method_types: clearable(types), excluded_payment_method_types: clearable(excluded) }, exclusive(['payment_method', 'payment_method_data']));
covers<Stripe.SetupIntentUpdateParams, typeof updateSetupIntent>(true);
agrees<Stripe.SetupIntentUpdateParams, typeof updateSetupIntent>(true);

const client_secret = text({ max: 200, secret: true });

export const confirmSetupIntent = fields(
  { ...confirming, allowed_payment_method_types: types, client_secret, mandate_data: mandate_data_confirmed, payment_method: id('pm'), payment_method_data, payment_method_options },
  oneMethod,
);
covers<Stripe.SetupIntentConfirmParams, typeof confirmSetupIntent>(true);
agrees<Stripe.SetupIntentConfirmParams, typeof confirmSetupIntent, 'client_secret' | 'mandate_data[customer_acceptance][online][infer_from_client]'>(true);

export const retrieveSetupIntent = fields({ client_secret });
covers<Stripe.SetupIntentRetrieveParams, typeof retrieveSetupIntent>(true);

export const cancelSetupIntent = fields({ cancellation_reason: choice('abandoned', 'duplicate', 'requested_by_customer') });
covers<Stripe.SetupIntentCancelParams, typeof cancelSetupIntent>(true);
agrees<Stripe.SetupIntentCancelParams, typeof cancelSetupIntent>(true);

export const verifyMicrodeposits = fields(
  { amounts: list(integer({ min: 1, max: 999 }), { min: 2, max: 2 }), client_secret, descriptor_code: text({ min: 6, max: 6 }) },
  exclusive(['amounts', 'descriptor_code']),
  check(({ amounts, descriptor_code }: { amounts?: number[]; descriptor_code?: string }, at) => {
    if (amounts === undefined && descriptor_code === undefined) refuse('parameter_missing', `Give the two ${at('amounts')} that were sent to the account, or the ${at('descriptor_code')} that came with one.`, at('amounts'));
  }, 'amounts or a code'),
);
covers<Stripe.SetupIntentVerifyMicrodepositsParams, typeof verifyMicrodeposits>(true);
agrees<Stripe.SetupIntentVerifyMicrodepositsParams, typeof verifyMicrodeposits, 'client_secret'>(true);

export const listSetupIntents = listParams({ attach_to_self: unsupported(CONNECT), created: range(), customer: id('cus'), customer_account, payment_method: id('pm') });
covers<Stripe.SetupIntentListParams, typeof listSetupIntents>(true);
agrees<Stripe.SetupIntentListParams, typeof listSetupIntents>(true);
