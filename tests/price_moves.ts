/** Moves of prices, for their tests: what is asked of them, and subscriptions of two seats that are moved. */
import type Stripe from 'stripe';
import { runDueTimers } from '../server/timers.ts';
import type { Kontor } from './kontor.ts';
import { own } from './own.ts';
import { paysBy, seatPrice } from './shop.ts';

export type Entry = {
  id: string; subscription: string; subscription_item: string; customer: string; state: string; reason: string | null; currency: string; invoice: string | null; applied_at: number | null; effective_at: number | null;
  amount_now: number; next_amount_before: number | null; next_amount_after: number | null; next_at_before: number | null; next_at_after: number | null;
};
export type Move = {
  id: string; status: string; when: string; proration_behavior: string; progress: Record<'pending' | 'scheduled' | 'applied' | 'skipped' | 'failed', number>; left_out: number; totals: unknown[];
  started_at: number | null; finished_at: number | null; canceled_at: number | null;
};
export type List<T> = { data: T[]; has_more: boolean };

export const MONTH = { interval: 'month' } as const;

/** Kontor has no workers: what is due is done by `run`. */
export function moving(kontor: Kontor) {
  const ask = <T>(method: 'GET' | 'POST', path: string, params?: object): Promise<T> => own(kontor.stripe, method, path, params);
  const customer = (more: Stripe.CustomerCreateParams = {}) => kontor.stripe.customers.create({ ...paysBy(), ...more });
  return {
    ask,
    customer,
    plan: (params: object) => ask<Move>('POST', 'price_moves', params),
    begin: (move: Move) => ask<Move>('POST', `price_moves/${move.id}/apply`),
    stop: (move: Move) => ask<Move>('POST', `price_moves/${move.id}/cancel`),
    look: (move: Move) => ask<Move>('GET', `price_moves/${move.id}`),
    /** All that the worker has to do by now. */
    run: async () => { while (await runDueTimers(kontor.app)); },
    /** All entries, page by page. */
    async entriesOf(move: Move, query = ''): Promise<Entry[]> {
      const all: Entry[] = [];
      for (let cursor = '', more = true; more; ) {
        const { data, has_more } = await ask<List<Entry>>('GET', `price_moves/${move.id}/entries?limit=100${query}${cursor}`);
        all.push(...data);
        [more, cursor] = [has_more, `&starting_after=${data.at(-1)?.id}`];
      }
      return all;
    },
    price: (unit_amount: number, more: Partial<Stripe.PriceCreateParams> = {}) => seatPrice(kontor.stripe, unit_amount, more),
    async subscribe(to: Stripe.Price, more: Partial<Stripe.SubscriptionCreateParams> = {}, who?: string): Promise<Stripe.Subscription> {
      return kontor.stripe.subscriptions.create({ customer: who ?? (await customer()).id, items: [{ price: to.id, ...(to.recurring?.usage_type !== 'metered' && { quantity: 2 }) }], ...more });
    },
  };
}
