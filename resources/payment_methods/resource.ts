import type Stripe from 'stripe';
import type { PaymentMethodRow } from '../../billing/payment/payment.ts';
import type { Resource, World } from '../../server/context.ts';
import type { Wire } from '../../server/http/wire.ts';
import { methodsById } from './rows.ts';

export function renderPaymentMethod(method: PaymentMethodRow, world: World): Wire<Stripe.PaymentMethod> {
  return {
    id: method.id,
    object: 'payment_method',
    allow_redisplay: method.allow_redisplay,
    billing_details: method.billing_details,
    ...(method.card && { card: { ...method.card, generated_from: null, wallet: null } }),
    ...(method.details && { [method.type]: method.details }),
    created: method.created,
    customer: method.customer,
    customer_account: null,
    livemode: world.livemode,
    metadata: method.metadata,
    type: method.type as Stripe.PaymentMethod.Type,
  };
}

export const paymentMethod: Resource<PaymentMethodRow> = {
  object: 'payment_method',
  prefix: 'pm',
  render: renderPaymentMethod,
  load: (ctx, ids) => methodsById(ctx.tx, ids),
  expands: { customer: 'customer' },
};
