import type Stripe from 'stripe';
import type { ChargeRow } from '../../billing/payment/payment.ts';
import type { Resource, World } from '../../server/context.ts';
import { minor, type Wire } from '../../server/http/wire.ts';
import { listInside } from '../../server/lists.ts';
import { chargesById } from './rows.ts';

type Details = Wire<Stripe.Charge.PaymentMethodDetails>;

function renderCard(charge: ChargeRow): Details['card'] {
  const card = charge.payment_method_details?.card;
  if (!card) return undefined;
  const { brand, country, exp_month, exp_year, fingerprint, funding, last4, regulated_status, authorization_code, network_transaction_id, three_d_secure } = card;
  const allowed = card.allowed ?? { increment: false, multicapture: false, extended: false, most: minor(charge.amount) };
  const available = (is: boolean) => (is ? 'available' : 'unavailable');
  return {
    amount_authorized: charge.status === 'succeeded' ? minor(charge.amount) : null,
    authorization_code,
    brand,
    checks: card.checks,
    country,
    electronic_commerce_indicator: null,
    exp_month,
    exp_year,
    fingerprint,
    funding,
    installments: null,
    last4,
    mandate: null,
    network: card.network ?? brand,
    network_transaction_id,
    regulated_status,
    three_d_secure: three_d_secure && {
      authentication_flow: three_d_secure.authentication_flow,
      electronic_commerce_indicator: null,
      exemption_indicator: null,
      result: three_d_secure.result,
      result_reason: null,
      transaction_id: null,
      version: three_d_secure.version,
    },
    transaction_link_id: null,
    wallet: card.wallet ?? null,
    ...(charge.capture_before !== null && { capture_before: charge.capture_before }),
    ...(charge.status === 'succeeded' && {
      extended_authorization: { status: allowed.extended ? 'enabled' : 'disabled' },
      incremental_authorization: { status: available(allowed.increment) },
      multicapture: { status: available(allowed.multicapture) },
      overcapture: { maximum_amount_capturable: Math.max(allowed.most, minor(charge.amount)), status: available(allowed.most > minor(charge.amount)) },
    }),
  } as Details['card'];
}

/** What a charge shows of a method, by its type. */
const SHOWN: Record<string, readonly string[]> = {
  bancontact: ['bank_code', 'bank_name', 'bic', 'generated_sepa_debit', 'generated_sepa_debit_mandate', 'iban_last4', 'preferred_language', 'verified_name'],
  cashapp: ['buyer_id', 'cashtag', 'transaction_id'],
  customer_balance: [],
  ideal: ['bank', 'bic', 'generated_sepa_debit', 'generated_sepa_debit_mandate', 'iban_last4', 'transaction_id', 'verified_name'],
  klarna: ['payer_details', 'payment_method_category', 'preferred_locale'],
  link: ['country'],
  paypal: ['country', 'payer_email', 'payer_id', 'payer_name', 'seller_protection', 'transaction_id'],
  sepa_debit: ['bank_code', 'branch_code', 'country', 'fingerprint', 'last4', 'mandate'],
  us_bank_account: ['account_holder_type', 'account_type', 'bank_name', 'fingerprint', 'last4', 'mandate', 'payment_reference', 'routing_number'],
};

function renderDetails(charge: ChargeRow): Details | null {
  const details = charge.payment_method_details;
  if (details === null) return null;
  if (details.card) return { type: 'card', card: renderCard(charge) };
  const known = (details[details.type] ?? {}) as Record<string, unknown>;
  return { type: details.type, [details.type]: Object.fromEntries(SHOWN[details.type]!.map((name) => [name, known[name] ?? null])) } as Details;
}

/** What was reserved and is not captured any more, once the last capture was made: for whoever reads the charge it went back, as all of it does where nothing was captured. */
const releasedOf = ({ status, captured, capture_before, amount, amount_captured }: ChargeRow): bigint => (status === 'succeeded' && captured && capture_before === null && amount > amount_captured ? amount - amount_captured : 0n);

export function renderCharge(charge: ChargeRow, world: World): Wire<Stripe.Charge> {
  return {
    id: charge.id,
    object: 'charge',
    amount: minor(charge.amount),
    amount_captured: minor(charge.amount_captured),
    amount_refunded: minor(charge.amount_refunded + releasedOf(charge)),
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: charge.balance_transaction,
    billing_details: charge.billing_details,
    calculated_statement_descriptor: null,
    captured: charge.captured,
    created: charge.created,
    currency: charge.currency,
    customer: charge.customer,
    description: charge.description,
    disputed: charge.disputed,
    failure_balance_transaction: null,
    failure_code: charge.failure_code,
    failure_message: charge.failure_message,
    fraud_details: charge.fraud_details,
    livemode: world.livemode,
    metadata: charge.metadata,
    on_behalf_of: null,
    outcome: charge.outcome,
    paid: charge.status !== 'failed',
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    payment_method_details: renderDetails(charge),
    receipt_email: charge.receipt_email,
    receipt_number: null,
    receipt_url: null,
    refunded: charge.amount_refunded > 0n && charge.amount_refunded === (charge.captured ? charge.amount_captured : charge.amount),
    review: null,
    shipping: charge.shipping,
    source: null,
    source_transfer: null,
    statement_descriptor: charge.statement_descriptor,
    statement_descriptor_suffix: charge.statement_descriptor_suffix,
    status: charge.status,
    transfer_data: null,
    transfer_group: null,
  };
}

export const charge: Resource<ChargeRow> = {
  object: 'charge',
  prefix: 'ch',
  render: renderCharge,
  load: (ctx, ids) => chargesById(ctx.tx, ids),
  expands: { balance_transaction: 'balance_transaction', customer: 'customer', payment_intent: 'payment_intent', payment_method: 'payment_method' },
  includes: { refunds: listInside('refund', { table: 'refunds', owner: 'charge', url: (id) => `/v1/charges/${id}/refunds` }) },
};
