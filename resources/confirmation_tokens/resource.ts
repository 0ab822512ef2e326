import type Stripe from 'stripe';
import type { Resource, World } from '../../server/context.ts';
import type { Wire } from '../../server/http/wire.ts';
import { renderPaymentMethod } from '../payment_methods/resource.ts';
import { tokensById, type ConfirmationTokenWhole } from './rows.ts';

export function renderConfirmationToken(token: ConfirmationTokenWhole, world: World): Wire<Stripe.ConfirmationToken> {
  const { id: _, object: __, created: ___, livemode: ____, metadata: _____, ...preview } = renderPaymentMethod(token.method, world);
  const { mandate_data: acceptance } = token;
  return {
    id: token.id,
    object: 'confirmation_token',
    created: token.created,
    expires_at: token.expires_at,
    livemode: world.livemode,
    mandate_data: acceptance && { customer_acceptance: { type: acceptance.type, online: acceptance.online ?? null } },
    metadata: {},
    payment_intent: token.payment_intent,
    payment_method_options: null,
    payment_method_preview: preview as Wire<Stripe.ConfirmationToken.PaymentMethodPreview>,
    return_url: token.return_url,
    setup_future_usage: token.setup_future_usage,
    setup_intent: token.setup_intent,
    shipping: token.shipping && { address: token.shipping.address, name: token.shipping.name, phone: token.shipping.phone },
    use_stripe_sdk: token.use_stripe_sdk,
  };
}

export const confirmationToken: Resource<ConfirmationTokenWhole> = {
  object: 'confirmation_token',
  prefix: 'ctoken',
  render: renderConfirmationToken,
  load: (ctx, ids) => tokensById(ctx.tx, ids),
};
