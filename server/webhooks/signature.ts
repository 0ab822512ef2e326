/**
 * How a receiver knows that an event is ours: the `Stripe-Signature` header, as Stripe's clients verify it.
 * Scheme: `t=<seconds>,v1=<hex>`, where v1 is HMAC-SHA-256 over `<seconds>.<body>` with the endpoint's whole secret (`whsec_…`) as key.
 */
import { createHmac } from 'node:crypto';
import { assert, type Instant } from '../../billing/decision.ts';

/** The header's value; one `v1` for each secret, the newest first, so that a receiver may roll its secret without losing an event. `payload` is the body byte for byte. */
export function sign(payload: string | Uint8Array, secrets: readonly string[], timestamp: Instant): string {
  assert(secrets.length > 0 && secrets.every((secret) => secret.trim() !== ''), 'a webhook is signed with at least one secret, and none is blank');
  assert(Number.isInteger(timestamp) && timestamp > 0, 'a webhook is signed at a whole second');
  const signatures = secrets.map((secret) => `v1=${createHmac('sha256', secret).update(`${timestamp}.`).update(payload).digest('hex')}`);
  return [`t=${timestamp}`, ...signatures].join(',');
}
