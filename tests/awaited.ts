/** What comes true after a while, for tests. How long it takes is the machine's to say: there is patience for a slow one, and an end for what never comes. */
import { inspect } from 'node:util';
import type Stripe from 'stripe';
import { inWorld, type Tx } from '../server/database/world.ts';
import { sealLedger } from '../server/ledger/seal.ts';
import type { Kontor } from './kontor.ts';
import { own } from './own.ts';

const PATIENCE_MS = 120_000;
const LOOK_MS = 15;

/** Reads until what is read is as awaited, and returns that. Throws in the end, with what was read last. */
export async function when<T>(read: () => T | Promise<T>, isSo: (found: T) => boolean, tell: (found: T) => unknown = (found) => found): Promise<T> {
  for (const end = Date.now() + PATIENCE_MS; ; await new Promise((resolve) => setTimeout(resolve, LOOK_MS))) {
    const found = await read();
    if (isSo(found)) return found;
    if (Date.now() > end) throw new Error(`It has not come to be so in ${PATIENCE_MS / 1_000} seconds: ${inspect(await tell(found), { depth: 5 })}`);
  }
}

/** Waits until something is so. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  await when(isSo, (is) => is);
}

/** Waits until a payment has a status. Throws in the end, with the attempts that were made. */
export function intentWhen(stripe: Stripe, id: string, status: string): Promise<Stripe.PaymentIntent> {
  const attempts = () => own(stripe, 'GET', `payment_attempts?subject=${id}`);
  return when(() => stripe.paymentIntents.retrieve(id), (intent) => intent.status === status, async (intent) => [intent.status, await attempts()]);
}

/** Waits until what is due of a customer by a moment of its clock has been done. */
export async function quiet({ database, world }: Kontor, customer: string, at: number): Promise<void> {
  const due = (tx: Tx) => tx.query('select from timers where lane = $1 and at <= to_timestamp($2) limit 1', [customer, at]);
  await until(async () => (await inWorld(database.pool, world, due)).rowCount === 0);
}

/** Waits until all that was posted in the first account is sealed: what still runs elsewhere in the cluster delays it. */
export async function sealed({ app, database, world }: Kontor): Promise<void> {
  await until(async () => {
    while (await sealLedger(app));
    return inWorld(database.pool, world, async (tx) => (await tx.query('select from ledger_entries where position >= coalesce((select max(upto) from ledger_seals), 0) limit 1')).rowCount === 0);
  });
}
