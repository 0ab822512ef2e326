import type Stripe from 'stripe';
import { agrees, covers } from '../../server/http/agreement.ts';
import { check, choice, clearable, email, fields, id, integer, listParams, metadata, required, text, unsupported, type Rule } from '../../server/http/params.ts';
import { refuse } from '../../billing/decision.ts';
import { address } from '../customers/params.ts';

/** Stripe's payment method types beside cards: known, so that a list of them is empty and making one is refused by name. */
const OTHER_TYPES = [
  'acss_debit', 'affirm', 'afterpay_clearpay', 'alipay', 'alma', 'amazon_pay', 'au_becs_debit', 'bacs_debit', 'bancontact', 'billie', 'bizum', 'blik', 'boleto', 'cashapp', 'crypto', 'custom',
  'customer_balance', 'eps', 'fpx', 'giropay', 'grabpay', 'ideal', 'kakao_pay', 'klarna', 'konbini', 'kr_card', 'link', 'mb_way', 'mobilepay', 'multibanco', 'naver_pay', 'nz_bank_account',
  'oxxo', 'p24', 'pay_by_bank', 'payco', 'paynow', 'paypal', 'paypay', 'payto', 'pix', 'promptpay', 'revolut_pay', 'samsung_pay', 'satispay', 'scalapay', 'sepa_debit', 'sequra', 'sofort',
  'sunbit', 'swish', 'twint', 'upi', 'us_bank_account', 'wechat_pay', 'zip',
] as const;

const cardsOnly = unsupported('cards are the only type of payment method so far');
const otherTypes = Object.fromEntries(OTHER_TYPES.map((type) => [type, cardsOnly])) as Record<(typeof OTHER_TYPES)[number], typeof cardsOnly>;

const words = (max: number) => clearable(text({ max }));
const billing_details = fields({ address: clearable(address), email: clearable(email()), name: words(5000), phone: words(20), tax_id: text({ max: 100 }) });
const allow_redisplay = choice('always', 'limited', 'unspecified');
const network = choice('cartes_bancaires', 'mastercard', 'visa');
const exp_month = integer({ min: 1, max: 12 });
const exp_year = integer({ min: 0, max: 9999 });
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

export const createPaymentMethod = fields({
  ...otherTypes,
  interac_present: cardsOnly,
  type: required(choice('card')),
  card,
  allow_redisplay,
  billing_details,
  metadata: metadata(),
  customer: unsupported('payment methods are not shared between accounts: make it, then attach it'),
  payment_method: unsupported('payment methods are not shared between accounts'),
  radar_options: unsupported('there are no radar sessions'),
}, check(({ card: given }, at) => { if (given === undefined) refuse('parameter_missing', `Missing required param: ${at('card')}.`, at('card')); }, 'a card needs `card`'));
covers<Stripe.PaymentMethodCreateParams, typeof createPaymentMethod>(true);
agrees<Stripe.PaymentMethodCreateParams, typeof createPaymentMethod>(true);

export const updatePaymentMethod = fields({
  allow_redisplay,
  billing_details,
  card: fields({ exp_month, exp_year, networks: fields({ preferred: clearable(network) }) }),
  metadata: metadata(),
  us_bank_account: cardsOnly,
});
covers<Stripe.PaymentMethodUpdateParams, typeof updatePaymentMethod>(true);
agrees<Stripe.PaymentMethodUpdateParams, typeof updatePaymentMethod>(true);

export const attachPaymentMethod = fields({ customer: required(id('cus')), customer_account });
covers<Stripe.PaymentMethodAttachParams, typeof attachPaymentMethod>(true);
agrees<Stripe.PaymentMethodAttachParams, typeof attachPaymentMethod>(true);

const filters = { type: choice('card', ...OTHER_TYPES), allow_redisplay };

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
