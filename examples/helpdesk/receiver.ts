/** A receiver of webhooks as an application has one: it believes what is signed, and nothing else. */

import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type Stripe from 'stripe';

type Receiver = {
  /** What has arrived with a good signature, each event once, in the order in which it was told. */
  events(): Stripe.Event[];
  /** How many requests had a signature that was not good, or none. */
  refused(): number;
  /** Waits until an event has arrived. */
  arrived(id: string): Promise<void>;
  /** Removes the endpoint and stops listening. */
  close(): Promise<void>;
};

/** An event arrives again and again until it is taken; for so long we wait for one. */
const PATIENCE_MS = 30_000;

/** Listens on a free port of this machine and has all events sent there. */
export async function receive(stripe: Stripe): Promise<Receiver> {
  const received = new Map<string, Stripe.Event>();
  let refused = 0;
  let secret = '';
  const server = createServer(async (request, response) => {
    try {
      const event = stripe.webhooks.constructEvent(await bodyOf(request), request.headers['stripe-signature'] ?? '', secret);
      received.set(event.id, event);
      response.writeHead(200).end();
    } catch {
      refused += 1;
      response.writeHead(400).end();
    }
  });
  const url = await listen(server);
  const endpoint = await stripe.webhookEndpoints.create({ url, enabled_events: ['*'] });
  secret = endpoint.secret!;
  return {
    events: () => [...received.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    refused: () => refused,
    async arrived(id) {
      const end = Date.now() + PATIENCE_MS;
      while (!received.has(id)) {
        if (Date.now() > end) throw new Error(`The event ${id} has not arrived within ${PATIENCE_MS / 1000} seconds.`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    async close() {
      await stripe.webhookEndpoints.del(endpoint.id);
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`;
}

/** The signature is over the bytes, so they are taken as they came. */
async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
