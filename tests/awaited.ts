/** Payments as they will be, for tests of processors whose word comes later. */
import { inspect } from 'node:util';
import type Stripe from 'stripe';

const PATIENCE_MS = 20_000;

/** Waits until a payment has a status. Throws after a while, with the attempts that were made. */
export async function intentWhen(stripe: Stripe, id: string, status: string): Promise<Stripe.PaymentIntent> {
  for (const end = Date.now() + PATIENCE_MS; ; await new Promise((resolve) => setTimeout(resolve, 25))) {
    const intent = await stripe.paymentIntents.retrieve(id);
    if (intent.status === status) return intent;
    if (Date.now() > end) throw new Error(`${id} is ${intent.status}, not ${status}: ${inspect(await stripe.rawRequest('GET', `/v1/kontor/payment_attempts?subject=${id}`), { depth: 5 })}`);
  }
}

/** Waits until something is so. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; !(await isSo()); await new Promise((resolve) => setTimeout(resolve, 25))) if (Date.now() > end) throw new Error('It has not come to be so.');
}
