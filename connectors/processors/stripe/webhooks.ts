/** Stripe's webhooks: the signature first, by Stripe's library, and then only what to look up. */
import type Stripe from 'stripe';
import type { Delivery, News, Notice, Received } from '../processor.ts';
import { OPERATION } from './told.ts';

/** None where it is about nothing that was asked of Stripe. */
function noticesOf({ id, data }: Stripe.Event): Notice[] {
  const object = data.object as { id: string; object: string; payment_intent?: string | null; metadata?: Record<string, string> | null };
  const op_id = object.metadata?.[OPERATION];
  const own = { ...(op_id !== undefined && { op_id }), reference: object.id };
  switch (object.object) {
    case 'payment_intent':
      return [{ id, about: 'charge', sought: { ...own, verb: 'charge' } }];
    case 'charge':
      return object.payment_intent ? [{ id, about: 'charge', sought: { ...own, reference: object.payment_intent, verb: 'charge' } }] : [];
    case 'setup_intent':
      return [{ id, about: 'save', sought: { ...own, verb: 'save' } }];
    case 'refund':
      return [{ id, about: 'refund', sought: { ...own, verb: 'refund' } }];
    default:
      return [];
  }
}

/** What happens at Stripe by itself, told by `charge.dispute.*` and `payout.*`, and the refunds of its dashboard. */
function newsOf({ id, data }: Stripe.Event): News[] {
  const { id: reference, object, metadata } = data.object as { id: string; object: string; metadata?: Record<string, string> | null };
  const elsewhere = object === 'refund' && metadata?.[OPERATION] === undefined;
  return object === 'dispute' || object === 'payout' || elsewhere ? [{ id, about: object as News['about'], reference }] : [];
}

export function receive(stripe: Stripe, { body, headers }: Delivery, secret: string | undefined): Received {
  if (secret === undefined) return { kind: 'refused', message: 'This processor has no `webhook_secret`, so no webhook of it is believed. Give it the secret of the endpoint at Stripe.' };
  try {
    const event = stripe.webhooks.constructEvent(Buffer.from(body), headers['stripe-signature'] ?? '', secret);
    return { kind: 'notices', notices: noticesOf(event), news: newsOf(event) };
  } catch {
    return { kind: 'refused', message: 'The webhook is not signed with the `webhook_secret` of this processor, or too long ago.' };
  }
}
