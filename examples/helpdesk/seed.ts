/** The helpdesk company in the test world of a new account: its catalogue, and a first customer whose time is moved by a test clock. */

import Stripe from 'stripe';
import { catalog } from './catalog.ts';

const NAME = 'The helpdesk company';
/** 1 January 2026, 12:00 UTC. */
const BEGINNING = 1_767_268_800;

/** Makes what is missing; run again, it changes nothing. */
export async function seed(url: string, key: string): Promise<void> {
  const { hostname, port, protocol } = new URL(url);
  const stripe = new Stripe(key, { host: hostname, port, protocol: protocol === 'https:' ? 'https' : 'http', telemetry: false });
  await catalog(stripe);
  await firstCustomer(stripe);
}

async function firstCustomer(stripe: Stripe): Promise<void> {
  const { data: clocks } = await stripe.testHelpers.testClocks.list({ limit: 100 });
  const clock = clocks.find((each) => each.name === NAME) ?? (await stripe.testHelpers.testClocks.create({ name: NAME, frozen_time: BEGINNING }));
  const { data: customers } = await stripe.customers.list({ test_clock: clock.id, limit: 1 });
  if (customers.length === 0) await stripe.customers.create({ name: 'Lumen Coffee', email: 'accounts@lumen-coffee.example', test_clock: clock.id });
}
