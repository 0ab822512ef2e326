/** What is refused, as a table: the request, and the code, the parameter and the status of its error. */
import assert from 'node:assert/strict';
import Stripe from 'stripe';

/** The status is 400 unless it is said. */
type Refusal = [request: () => Promise<unknown>, code: string | undefined, param: string | undefined, status?: number];

/** Makes each request, one after the other; all of them are refused, and in just this way. */
export async function refused(table: readonly Refusal[]): Promise<void> {
  const found: unknown[] = [];
  for (const [request] of table) found.push(await request().then(() => 'It is not refused.', (error: unknown) => (error instanceof Stripe.errors.StripeError ? [error.code, error.param, error.statusCode] : error)));
  assert.deepEqual(found.map((each, n) => [n, each]), table.map(([, code, param, status = 400], n) => [n, [code, param, status]]));
}

/** What the client's types do not allow, given all the same: a wrong value, or what only another version of the API has. */
export const untyped = (given: unknown): never => given as never;
