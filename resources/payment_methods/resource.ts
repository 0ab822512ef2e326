import type Stripe from 'stripe';
import type { MethodOptions, PaymentError, PaymentMethodRow } from '../../billing/payment/payment.ts';
import type { Resource, World } from '../../server/context.ts';
import type { Wire } from '../../server/http/wire.ts';
import { methodsById } from './rows.ts';

/** The options of a type as they are shown. That a card was ordered with by mail or telephone is not. */
export const shownOf = ({ moto: _, ...options }: Record<string, unknown> = {}): Record<string, unknown> => options;

/** What a refusal says of a payment, or of keeping a method, that an issuer has declined: its words as far as there are any. */
export const detailsOf = ({ type, ...error }: PaymentError) => ({
  type,
  decline_code: error.decline_code ?? undefined,
  advice_code: error.advice_code ?? undefined,
  network_decline_code: error.network_decline_code ?? undefined,
  network_advice_code: error.network_advice_code ?? undefined,
});

export function renderPaymentMethod(method: PaymentMethodRow, world: World): Wire<Stripe.PaymentMethod> {
  return {
    id: method.id,
    object: 'payment_method',
    allow_redisplay: method.allow_redisplay,
    billing_details: method.billing_details,
    ...(method.card && { card: { ...method.card, generated_from: null, wallet: (method.card.wallet ?? null) as Wire<Stripe.PaymentMethod.Card>['wallet'] } }),
    ...(method.details && { [method.type]: method.details }),
    created: method.created,
    customer: method.customer,
    customer_account: null,
    livemode: world.livemode,
    metadata: method.metadata,
    type: method.type as Stripe.PaymentMethod.Type,
  };
}

/** The options of an invoice's, or a subscription's, payments: a type of which nothing was said is null. `card` are those of a card, where nothing was said of them. */
export function renderMethodOptions(options: MethodOptions | null | undefined, card: Record<string, null> = {}): Record<string, unknown> | null {
  if (!options) return null;
  return { acss_debit: null, bancontact: null, customer_balance: null, konbini: null, payto: null, pix: null, sepa_debit: null, upi: null, us_bank_account: null, ...options, card: options.card ? { request_three_d_secure: null, ...card, ...options.card } : null };
}

export const paymentMethod: Resource<PaymentMethodRow> = {
  object: 'payment_method',
  prefix: 'pm',
  render: renderPaymentMethod,
  load: (ctx, ids) => methodsById(ctx.tx, ids),
  expands: { customer: 'customer' },
};
