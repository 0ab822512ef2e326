/** What the product reports while people work with it. */

import type Stripe from 'stripe';

/** So many requests are under way at a time. */
const AT_ONCE = 8;

export type Usage = {
  customer: string;
  /** The meter's event. */
  event: string;
  /** What is counted in all, spread evenly over the time and over the events. */
  total: number;
  events: number;
  from: number;
  to: number;
};

/** Reports usage, and returns the identifiers of its events in the order of their time. An identifier is counted once, however often it is sent. */
export async function report(stripe: Stripe, { customer, event, total, events, from, to }: Usage): Promise<string[]> {
  const identifiers = Array.from({ length: events }, (_, n) => `${customer}:${event}:${from}:${n}`);
  await many(identifiers, (identifier, n) =>
    stripe.billing.meterEvents.create({
      event_name: event,
      identifier,
      timestamp: from + Math.floor(((to - from) * (n + 0.5)) / events),
      payload: { stripe_customer_id: customer, value: String(Math.floor((total * (n + 1)) / events) - Math.floor((total * n) / events)) },
    }),
  );
  return identifiers;
}

/** Takes back some of the events, spread evenly: those conversations were not resolved after all. */
export async function takeBack(stripe: Stripe, event: string, identifiers: readonly string[], count: number): Promise<void> {
  const chosen = Array.from({ length: count }, (_, n) => identifiers[Math.floor((identifiers.length * n) / count)]!);
  await many(chosen, (identifier) => stripe.billing.meterEventAdjustments.create({ event_name: event, type: 'cancel', cancel: { identifier } }));
}

/** Does something with each, in their order, a few at a time. */
async function many<T>(all: readonly T[], perform: (each: T, n: number) => Promise<unknown>): Promise<void> {
  const queue = all.entries();
  const work = async () => {
    for (const [n, each] of queue) await perform(each, n);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}
