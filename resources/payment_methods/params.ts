import type Stripe from 'stripe';
import { agrees, covers } from '../../server/http/agreement.ts';
import { boolean, check, choice, clearable, email, fields, id, integer, listParams, metadata, required, text, timestamp, unsupported, type Rule } from '../../server/http/params.ts';
import { refuse } from '../../billing/decision.ts';
import { address } from '../customers/params.ts';

/** Stripe's payment method types that Kontor has not: known, so that a list of them is empty and making one is refused by name. */
export const LACKING = [
  'acss_debit', 'affirm', 'afterpay_clearpay', 'alipay', 'alma', 'amazon_pay', 'au_becs_debit', 'bacs_debit', 'billie', 'bizum', 'blik', 'boleto', 'crypto', 'eps', 'fpx', 'giropay', 'grabpay', 'kakao_pay', 'konbini',
  'kr_card', 'mb_way', 'mobilepay', 'multibanco', 'naver_pay', 'nz_bank_account', 'oxxo', 'p24', 'pay_by_bank', 'payco', 'paynow', 'paypay', 'payto', 'pix', 'promptpay', 'revolut_pay', 'samsung_pay', 'satispay',
  'scalapay', 'sequra', 'sofort', 'sunbit', 'swish', 'twint', 'upi', 'wechat_pay', 'zip',
] as const;
/** Those that it has beside cards. */
const OTHER_TYPES = ['bancontact', 'cashapp', 'customer_balance', 'ideal', 'klarna', 'link', 'paypal', 'sepa_debit', 'us_bank_account'] as const;

export const lacking = unsupported('Kontor has no payment methods of this type');
/** All of them as fields that say so. */
export const lackingTypes = Object.fromEntries(LACKING.map((type) => [type, lacking])) as Record<(typeof LACKING)[number], typeof lacking>;

/** A type that can be paid with. */
export const methodType = choice('card', ...OTHER_TYPES);

const BANKS = [
  'abn_amro', 'adyen', 'asn_bank', 'bunq', 'buut', 'finom', 'handelsbanken', 'ing', 'knab', 'mollie', 'moneyou', 'n26', 'nn', 'rabobank', 'regiobank', 'revolut', 'sns_bank', 'triodos_bank', 'van_lanschot', 'yoursafe',
] as const;

const words = (max: number) => clearable(text({ max }));
const billing_details = fields({ address: clearable(address), email: clearable(email()), name: words(5000), phone: words(20), tax_id: text({ max: 100 }) });
const allow_redisplay = choice('always', 'limited', 'unspecified');
const network = choice('cartes_bancaires', 'mastercard', 'visa');
/** Which months and years there are is a word of the card: what is wrong with them is a card error. */
const [exp_month, exp_year] = [integer(), integer()];
const customer_account = unsupported('accounts as customers are not implemented: name the `customer`');

type CardGiven = { token?: string; number?: string; exp_month?: number; exp_year?: number; cvc?: string };

const tokenOrNumber: Rule<CardGiven> = check(({ token, number, cvc, ...expiry }, at) => {
  if (token !== undefined && (number ?? cvc) !== undefined) refuse('parameters_exclusive', `Give either ${at('token')} or the card's number and security code, not both.`, at('token'));
  if (token === undefined && number === undefined) refuse('parameter_missing', `Missing required param: ${at('token')}, or ${at('number')} with its expiry.`, at('token'));
  if (number === undefined) return;
  for (const name of ['exp_month', 'exp_year'] as const) if (expiry[name] === undefined) refuse('parameter_missing', `Missing required param: ${at(name)}.`, at(name));
}, 'either a token, or a number with its expiry');

const card = fields(
  {
    token: text({ max: 255 }),
    number: text({ max: 40, secret: true }),
    cvc: text({ max: 10, secret: true }),
    exp_month,
    exp_year,
    networks: fields({ preferred: network }),
  },
  tokenOrNumber,
);

const noRadar = unsupported('there are no radar sessions');
const nothingMore = fields({});

/** What describes a method that is no card. */
const described = {
  ...lackingTypes,
  interac_present: lacking,
  bancontact: nothingMore,
  cashapp: nothingMore,
  customer_balance: nothingMore,
  ideal: fields({ bank: choice(...BANKS) }),
  klarna: fields({ dob: fields({ day: required(integer({ min: 1, max: 31 })), month: required(integer({ min: 1, max: 12 })), year: required(integer({ min: 1900, max: 2100 })) }) }),
  link: nothingMore,
  paypal: nothingMore,
  sepa_debit: fields({ iban: required(text({ max: 50, secret: true })) }),
  us_bank_account: fields({
    account_holder_type: choice('company', 'individual'),
    account_number: text({ max: 34, secret: true }),
    account_type: choice('checking', 'savings'),
    financial_connections_account: unsupported('accounts are not linked: give the `account_number` and the `routing_number`'),
    routing_number: text({ max: 9 }),
  }),
  allow_redisplay,
  billing_details,
  metadata: metadata(),
  radar_options: noRadar,
};

type Described = { type: string; [field: string]: unknown };

/** What a type cannot do without, and that nothing of another type is given. */
const ofItsType: Rule<Described> = check((given, at) => {
  const { type } = given;
  if ((type === 'card' || type === 'sepa_debit' || type === 'us_bank_account') && given[type] === undefined) refuse('parameter_missing', `Missing required param: ${at(type)}.`, at(type));
  const foreign = ['card', ...OTHER_TYPES].find((name) => name !== type && given[name] !== undefined);
  if (foreign) refuse('payment_method_invalid_parameter', `A payment method of the type ${type} has no \`${foreign}\`.`, at(foreign));
}, 'what belongs to its type');

export const createPaymentMethod = fields({
  ...described,
  custom: lacking,
  type: required(methodType),
  card,
  customer: unsupported('payment methods are not shared between accounts: make it, then attach it'),
  payment_method: unsupported('payment methods are not shared between accounts'),
}, ofItsType);
covers<Stripe.PaymentMethodCreateParams, typeof createPaymentMethod>(true);
agrees<Stripe.PaymentMethodCreateParams, typeof createPaymentMethod>(true);

export const updatePaymentMethod = fields({
  allow_redisplay,
  billing_details,
  card: fields({ exp_month, exp_year, networks: fields({ preferred: clearable(network) }) }),
  metadata: metadata(),
  us_bank_account: fields({ account_holder_type: choice('company', 'individual'), account_type: choice('checking', 'savings') }),
});
covers<Stripe.PaymentMethodUpdateParams, typeof updatePaymentMethod>(true);
agrees<Stripe.PaymentMethodUpdateParams, typeof updatePaymentMethod>(true);

export const attachPaymentMethod = fields({ customer: required(id('cus')), customer_account });
covers<Stripe.PaymentMethodAttachParams, typeof attachPaymentMethod>(true);
agrees<Stripe.PaymentMethodAttachParams, typeof attachPaymentMethod>(true);

const filters = { type: choice('card', 'custom', ...OTHER_TYPES, ...LACKING), allow_redisplay };

export const listPaymentMethods = listParams({ ...filters, customer: id('cus'), customer_account });
covers<Stripe.PaymentMethodListParams, typeof listPaymentMethods>(true);
agrees<Stripe.PaymentMethodListParams, typeof listPaymentMethods>(true);

export const listOfCustomer = listParams(filters);
covers<Stripe.CustomerListPaymentMethodsParams, typeof listOfCustomer>(true);
agrees<Stripe.CustomerListPaymentMethodsParams, typeof listOfCustomer>(true);

export const nothing = fields({});
covers<Stripe.PaymentMethodDetachParams, typeof nothing>(true);
covers<Stripe.PaymentMethodRetrieveParams, typeof nothing>(true);
covers<Stripe.CustomerRetrievePaymentMethodParams, typeof nothing>(true);

/** A method that is made with the intent that it is for. Numbers of cards are given in a method of its own. */
export const payment_method_data = fields({ ...described, type: required(choice(...OTHER_TYPES)) }, ofItsType);

const future = choice('none', 'off_session', 'on_session');
const noneOrOff = choice('none', 'off_session');
const manual = clearable(choice('manual'));
const noOption = unsupported('this option is not implemented');
/** A network of the card on which it is charged. */
export const onNetwork = choice('amex', 'cartes_bancaires', 'diners', 'discover', 'eftpos_au', 'girocard', 'interac', 'jcb', 'link', 'mastercard', 'unionpay', 'unknown', 'visa');

/** With what the reference of a mandate begins, as the bank's statement shows it. */
export const sepaMandate = fields(
  { reference_prefix: clearable(text({ max: 12 })) },
  check(({ reference_prefix: prefix }: { reference_prefix?: string | null }, at) => {
    if (prefix && !/^(?!STRIPE)[A-Z0-9 /_&.-]+$/.test(prefix)) refuse('invalid_mandate_reference_prefix_format', 'The prefix of a mandate reference has capital letters, digits, spaces and `/`, `_`, `-`, `&`, `.`, and does not begin with `STRIPE`.', at('reference_prefix'));
  }, 'the format of the prefix'),
);

const LANGUAGES = ['de', 'en', 'fr', 'nl'] as const;

/** Options of single types, for a payment. */
export const payment_method_options = fields({
  ...lackingTypes,
  bancontact: clearable(fields({ preferred_language: choice(...LANGUAGES), setup_future_usage: clearable(noneOrOff) })),
  card: clearable(fields({
    capture_method: manual, cvc_token: noOption, installments: noOption, mandate_options: noOption, moto: boolean(), network: onNetwork, setup_credential_usage: noOption, stored_credential_usage: noOption, request_extended_authorization: choice('if_available', 'never'),
    request_incremental_authorization: choice('if_available', 'never'), request_multicapture: choice('if_available', 'never'), request_overcapture: choice('if_available', 'never'),
    request_three_d_secure: choice('any', 'automatic', 'challenge'), require_cvc_recollection: noOption, setup_future_usage: clearable(future), statement_descriptor_suffix_kana: noOption, statement_descriptor_suffix_kanji: noOption, 
    three_d_secure: noOption,
  })),
  card_present: lacking,
  cashapp: clearable(fields({ capture_method: manual, setup_future_usage: clearable(future) })),
  customer_balance: clearable(fields({
    bank_transfer: fields({
      eu_bank_transfer: fields({ country: required(choice('BE', 'DE', 'ES', 'FR', 'IE', 'NL')) }),
      requested_address_types: noOption,
      type: required(choice('eu_bank_transfer', 'gb_bank_transfer', 'jp_bank_transfer', 'mx_bank_transfer', 'us_bank_transfer')),
    }),
    funding_type: choice('bank_transfer'),
    setup_future_usage: choice('none'),
  })),
  ideal: clearable(fields({ setup_future_usage: clearable(noneOrOff) })),
  interac_present: lacking,
  klarna: clearable(fields({ capture_method: manual, on_demand: noOption, preferred_locale: text({ max: 10 }), setup_future_usage: future, subscriptions: noOption })),
  link: clearable(fields({ capture_method: manual, persistent_token: noOption, setup_future_usage: clearable(noneOrOff) })),
  paypal: clearable(fields({ capture_method: manual, preferred_locale: text({ max: 10 }), reference: text({ max: 127 }), risk_correlation_id: noOption, setup_future_usage: clearable(noneOrOff) })),
  sepa_debit: clearable(fields({ mandate_options: sepaMandate, setup_future_usage: clearable(future), target_date: noOption })),
  us_bank_account: clearable(fields({
    financial_connections: noOption, mandate_options: noOption, networks: noOption, setup_future_usage: clearable(future), target_date: noOption, transaction_purpose: noOption,
    verification_method: choice('automatic', 'microdeposits'),
  })),
});

const acceptance = <More extends object>(online: More) => clearable(fields({
  customer_acceptance: required(fields({
    accepted_at: timestamp(),
    offline: fields({}),
    online: fields({ ip_address: text({ max: 60 }), user_agent: text({ max: 1000 }), ...online }),
    type: required(choice('offline', 'online')),
  })),
}));

/** That and how the holder agreed to be debited. */
export const mandate_data = acceptance({});
/** The same in a confirmation, where a browser may leave out from where and with what. */
export const mandate_data_confirmed = acceptance({ infer_from_client: boolean() });

const { acss_debit, billie, blik, konbini, payto, pix, upi } = lackingTypes;

/** Options of single types, for the payments of an invoice. */
const forInvoices = <More extends object>(card: More) => clearable(fields({
  acss_debit, billie, blik, konbini, payto, pix, upi,
  bancontact: clearable(fields({ preferred_language: choice(...LANGUAGES) })),
  card: clearable(fields({ request_three_d_secure: choice('any', 'automatic', 'challenge'), ...card })),
  customer_balance: clearable(fields({
    bank_transfer: fields({ eu_bank_transfer: fields({ country: required(choice('BE', 'DE', 'ES', 'FR', 'IE', 'NL')) }), type: choice('eu_bank_transfer', 'gb_bank_transfer', 'jp_bank_transfer', 'mx_bank_transfer', 'us_bank_transfer') }),
    funding_type: choice('bank_transfer'),
  })),
  sepa_debit: clearable(fields({})),
  us_bank_account: clearable(fields({ financial_connections: noOption, verification_method: choice('automatic', 'microdeposits') })),
}));

export const invoice_method_options = forInvoices({ installments: noOption });
export const subscription_method_options = forInvoices({ mandate_options: noOption, network: onNetwork });
