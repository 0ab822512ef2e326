/** What the product reports while people work with it. */

import type Stripe from 'stripe';

/** So many requests are under way at a time. */
const AT_ONCE = 8;

type Usage = {
  customer: string;
  /** The meter's event. */
  event: string;
  /** What is counted in all, spread evenly over the time and over the events. */
  total: number;
  events: number;
  from: number;
  to: number;
};

/** Reports usage. An identifier is counted once, however often it is sent. */
export async function report(stripe: Stripe, { customer, event, total, events, from, to }: Usage): Promise<void> {
  const identifiers = Array.from({ length: events }, (_, n) => `${customer}:${event}:${from}:${n}`);
  await many(identifiers, (identifier, n) =>
    stripe.billing.meterEvents.create({
      event_name: event,
      identifier,
      timestamp: from + Math.floor(((to - from) * (n + 0.5)) / events),
      payload: { stripe_customer_id: customer, value: String(Math.floor((total * (n + 1)) / events) - Math.floor((total * n) / events)) },
    }),
  );
}

type Conversations = { customer: string; /** All in which the AI agent answered, and of them those that it handed over to a person. */ answered: number; handedOver: number; from: number; to: number };

/** A batch of events holds so many. */
const BATCH = 1_000;

/** A person who is quiet for so long after an answer has nothing more to ask. */
const QUIET_S = 24 * 3_600;

/** Tells what happened in conversations, spread evenly: an answer in each; then a person takes over, or the answer is confirmed, or nothing more comes. Returns their names, in the order of their time. */
export async function converse(stripe: Stripe, { customer, answered, handedOver, from, to }: Conversations): Promise<string[]> {
  const names = Array.from({ length: answered }, (_, n) => `${new Date(from * 1_000).toISOString().slice(0, 10)}-${n + 1}`);
  const over = new Set(Array.from({ length: handedOver }, (_, n) => Math.floor((answered * n) / handedOver)));
  const events = names.flatMap((conversation, n) => {
    const at = from + Math.floor(((to - from) * (n + 0.5)) / answered);
    const event = (event_name: string, timestamp: number) => ({ event_name, identifier: `${customer}:${conversation}`, timestamp, payload: { stripe_customer_id: customer, conversation } });
    const quiet = n % 3 === 0 && at + QUIET_S < to;
    const end = over.has(n) ? [event('handed_over', at + 60)] : quiet ? [] : [event('person_confirmed', Math.min(at + 60, to))];
    return [event('ai_answered', at), ...end];
  });
  for (let n = 0; n < events.length; n += BATCH) await stripe.rawRequest('POST', '/v1/kontor/usage/events', { events: events.slice(n, n + BATCH) });
  return names;
}

/** People come back to conversations. */
export async function reopen(stripe: Stripe, customer: string, conversations: readonly string[], timestamp: number): Promise<void> {
  await many(conversations, (conversation) => stripe.billing.meterEvents.create({ event_name: 'reopened', identifier: `${customer}:${conversation}`, timestamp, payload: { stripe_customer_id: customer, conversation } }));
}

/** Does something with each, in their order, a few at a time. */
async function many<T>(all: readonly T[], perform: (each: T, n: number) => Promise<unknown>): Promise<void> {
  const queue = all.entries();
  const work = async () => {
    for (const [n, each] of queue) await perform(each, n);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}
