/** Kontor with a fake of Stripe for a processor of its first account, each of which hears the other. */
import type { Clock } from '../server/clock.ts';
import type { Fault } from './fakes/server.ts';
import { FakeStripe } from './fakes/stripe/stripe.ts';
import { startKontor } from './kontor.ts';
import { own } from './own.ts';

export type AtStripe = Awaited<ReturnType<typeof startAtStripe>>;

/** `faults` are what goes wrong with the next requests to Stripe, one each. */
export async function startAtStripe({ clock, faults }: { clock: Clock; faults: Fault[] }) {
  const fake = await new FakeStripe({ fault: () => faults.shift() ?? null }).start();
  const kontor = await startKontor({ clock, stripe: { address: fake.address } });
  const { stripe } = kontor;
  const raw = (method: string, path: string, params?: object) => own(stripe, method, path, params);
  const { id: processor, webhook_url } = await own<{ id: string; webhook_url: string }>(stripe, 'POST', 'processors', { type: 'stripe', settings: { secret_key: fake.key, webhook_secret: fake.webhook_secret } });
  fake.herald.url = webhook_url;
  return {
    fake, kontor, stripe, processor, raw,
    /** A payment method at Stripe, by the name of a test card. */
    cardAt: async (token: string): Promise<string> => (await raw('POST', `processors/${processor}/payment_methods`, { token })).id,
    /** `close` of Kontor, once nothing is under way any more; it says what it has found. */
    async close(): Promise<void> {
      await fake.herald.settled();
      await fake.close();
      await kontor.close();
    },
  };
}
