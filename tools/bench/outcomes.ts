/** Outcomes: events a second that are acknowledged with what they decide (each conversation answered and confirmed, so that every second event is a success that is counted), against plain events of a meter in the same run. */
import type { Line } from './bench.ts';
import type { House } from './house.ts';

const CUSTOMERS = 100;
const CONNECTIONS = 4;
const BATCHES = 24;
const BATCH = 1_000;
const ROUNDS = 9;

type Event = { event_name: string; identifier: string; payload: Record<string, string> };
type Make = (customer: string, n: number) => Event[];

const plain: Make = (customer, n) => [0, 1].map((half) => ({ event_name: 'plain', identifier: `${n}-${half}`, payload: { stripe_customer_id: customer, value: '1' } }));
const outcome: Make = (customer, n) => ['answered', 'confirmed'].map((event_name) => ({ event_name, identifier: `${n}`, payload: { stripe_customer_id: customer, conversation: `${n}` } }));

function form(events: readonly Event[]): string {
  const body = new URLSearchParams();
  for (const [n, { event_name, identifier, payload }] of events.entries()) {
    body.append(`events[${n}][event_name]`, event_name);
    body.append(`events[${n}][identifier]`, identifier);
    for (const [name, value] of Object.entries(payload)) body.append(`events[${n}][payload][${name}]`, value);
  }
  return body.toString();
}

/** Sends batches over some connections at once; returns the events a second. Every event has to be accepted. */
async function send({ running, key }: House, batches: readonly string[]): Promise<number> {
  const queue = batches.values();
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/x-www-form-urlencoded' };
  const started = performance.now();
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    for (const body of queue) {
      const answer = await fetch(`${running.url}/v1/kontor/usage/events`, { method: 'POST', headers, body });
      const text = await answer.text();
      if (!answer.ok || !text.includes(`"accepted":${BATCH},`)) throw new Error(`A batch was not taken: ${text.slice(0, 300)}`);
    }
  }));
  return (batches.length * BATCH * 1_000) / (performance.now() - started);
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

export async function measureOutcomes(house: House): Promise<Line> {
  const { stripe } = house;
  await stripe.billing.meters.create({ display_name: 'Plain', event_name: 'plain', default_aggregation: { formula: 'sum' } });
  await stripe.rawRequest('POST', '/v1/kontor/outcome_definitions', {
    display_name: 'Resolution', subject_key: 'conversation', rules: [{ event_name: 'answered', effect: 'open', quiet_for: '24h' }, { event_name: 'confirmed', effect: 'succeed' }, { event_name: 'reopened', effect: 'reverse' }],
  });
  const customers = await Promise.all(Array.from({ length: CUSTOMERS }, async (_, n) => (await stripe.customers.create({ name: `Customer ${n}` })).id));
  let made = 0;
  const batchesOf = (make: Make) => Array.from({ length: BATCHES }, () => form(Array.from({ length: BATCH / 2 }, () => make(customers[made % CUSTOMERS]!, (made += 1))).flat()));
  await send(house, batchesOf(outcome));
  // As autovacuum would have by now.
  await house.database.asOwner((owner) => owner.query('analyze'));
  const rounds: { outcomes: number; plain: number }[] = [];
  for (let n = 0; n < ROUNDS; n += 1) rounds.push({ outcomes: await send(house, batchesOf(outcome)), plain: await send(house, batchesOf(plain)) });
  const [outcomes, events] = [median(rounds.map((each) => each.outcomes)), median(rounds.map((each) => each.plain))];
  return { name: 'Outcome events ÷ plain meter events', ratio: median(rounds.map((each) => each.outcomes / each.plain)), target: 0.5, detail: `${Math.round(outcomes)} outcome events/s; ${Math.round(events)} plain events/s` };
}
