import type Stripe from 'stripe';
import type { MandateRow } from '../../billing/payment/payment.ts';
import type { Resource, World } from '../../server/context.ts';
import { minor, type Wire } from '../../server/http/wire.ts';
import { mandatesById } from './rows.ts';

export function renderMandate(mandate: MandateRow, world: World): Wire<Stripe.Mandate> {
  const { type, accepted_at, online } = mandate.customer_acceptance;
  return {
    id: mandate.id,
    object: 'mandate',
    customer_acceptance: { accepted_at, type, ...(type === 'online' ? { online: online ?? { ip_address: null, user_agent: null } } : { offline: {} }) },
    livemode: world.livemode,
    ...(mandate.type === 'multi_use' ? { multi_use: {} } : { single_use: { amount: minor(mandate.amount!), currency: mandate.currency! } }),
    payment_method: mandate.payment_method,
    payment_method_details: mandate.payment_method_details as Wire<Stripe.Mandate.PaymentMethodDetails>,
    status: mandate.status,
    type: mandate.type,
  };
}

export const mandate: Resource<MandateRow> = {
  object: 'mandate',
  prefix: 'mandate',
  render: renderMandate,
  load: (ctx, ids) => mandatesById(ctx.tx, ids),
  expands: { payment_method: 'payment_method' },
};
