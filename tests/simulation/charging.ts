/**
 * Payments while everything breaks: requests to the processors and their answers are lost, late or followed by an error, webhooks are lost, late or come twice, and the server is killed again and again. There are processors of
 * three kinds: those that recognise a repeated request, those that can only be searched, and those that do neither. What the processors' own books say afterwards is the truth that Kontor is held against.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import Stripe from 'stripe';
import { machineClock } from '../../server/clock.ts';
import { verify, type Finding } from '../../server/verify.ts';
import { until } from '../awaited.ts';
import { seeded, type Random } from '../conformance/random.ts';
import { kindRecognising, KINDS, type Recognising } from '../fakes/kinds.ts';
import type { Asked, Fault, Mishap } from '../fakes/server.ts';
import { FakeStripe } from '../fakes/stripe/stripe.ts';
import { startKontor, type Kontor } from '../kontor.ts';
import { own, type Json } from '../own.ts';
import type { ChargingOrder } from './charging_worker.ts';

/** `gullible`: Kontor believes that every processor recognises a repeated request, which makes it what it must not be. */
type Plan = { charges: number; kills: number; seed: number; gullible?: boolean };
type Outcome = {
  charges: number;
  kills: number;
  /** How often requests to the processors went wrong, by how. */
  faults: Record<string, number>;
  captured_twice: string[];
  /** What Kontor says of a payment, where the processor says otherwise. */
  contradicted: string[];
  /** Payments of which nothing is known, although they are listed for nobody to look at. */
  unlisted: string[];
  /** Those that a person had to look at, by the kind of processor. */
  by_person: Record<Recognising, number>;
  /** Processors whose money in the ledger is not what they have taken. */
  unbalanced: string[];
  findings: Finding[];
};

const TIMEOUT_MS = 1_000;
/** Customers at each processor, and how many clients pay at once. */
const CUSTOMERS = 10;
const CLIENTS = 12;

/** Of a hundred requests, ten have an effect and no answer, five neither, five are answered too late, and one is answered by an error. */
function faultOf(random: Random, faults: Outcome['faults'], { method, path }: Asked): Fault {
  if (method !== 'POST' || path !== '/v1/payment_intents') return null;
  const n = random.int(0, 99);
  const fault: Fault = n < 10 ? 'lost_after' : n < 15 ? 'lost_before' : n < 20 ? 'slow' : n < 21 ? 'error_after' : null;
  if (fault) faults[fault] = (faults[fault] ?? 0) + 1;
  return fault;
}

/** Half of the webhooks never come, so that the answers have to be cleared up without them; of the others one in ten comes late or twice. */
const mishapOf = (random: Random): Mishap => (random.chance(0.5) ? 'lost' : random.chance(0.05) ? 'twice' : random.chance(0.05) ? 'late' : null);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The server, whose clock goes on faster than others, and which is killed and comes back. */
class Server {
  ahead_s = 0;
  readonly #order: Omit<ChargingOrder, 'ahead_s'>;
  #child: ChildProcess | null = null;

  constructor(order: Omit<ChargingOrder, 'ahead_s'>) {
    this.#order = order;
  }

  async start(): Promise<void> {
    const child = fork(new URL('charging_worker.ts', import.meta.url), [JSON.stringify({ ...this.#order, ahead_s: this.ahead_s })], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    await new Promise<void>((resolve, reject) => {
      child.once('message', () => resolve());
      child.once('exit', (code) => reject(new Error(`The server ended with ${code} before it began.`)));
    });
    child.removeAllListeners('exit');
    this.#child = child;
  }

  pass(step_s: number): void {
    this.ahead_s += step_s;
    this.#child!.send(this.ahead_s);
  }

  async kill(): Promise<void> {
    const child = this.#child!;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
}

class Town {
  readonly plan: Plan;
  readonly kontor: Kontor;
  readonly superuser: pg.Client;
  readonly fakes: Record<Recognising, FakeStripe>;
  readonly server: Server;
  readonly client: Stripe;
  readonly processors = {} as Record<Recognising, string>;
  readonly buyers: { customer: string; payment_method: string }[] = [];
  constructor(plan: Plan, kontor: Kontor, superuser: pg.Client, fakes: Record<Recognising, FakeStripe>, port: number) {
    this.plan = plan;
    this.kontor = kontor;
    this.superuser = superuser;
    this.fakes = fakes;
    const ports = Object.fromEntries(KINDS.map((kind) => [kind, fakes[kind].address.port])) as Record<Recognising, number>;
    this.server = new Server({ urls: kontor.database.urls, port, ports, timeout_ms: TIMEOUT_MS, gullible: plan.gullible ?? false });
    this.client = new Stripe(kontor.key, { host: '127.0.0.1', port, protocol: 'http', telemetry: false, maxNetworkRetries: 0 });
  }

  raw(method: string, path: string, params?: object): Promise<Json> {
    return own(this.kontor.stripe, method, path, params);
  }

  /** Processors of all kinds, and customers who keep a card at each. */
  async populate(port: number): Promise<void> {
    for (const kind of KINDS) {
      const { id } = await this.raw('POST', 'processors', { type: `stripe_by_${kind}`, settings: { secret_key: this.fakes[kind].key, webhook_secret: this.fakes[kind].webhook_secret } });
      this.processors[kind] = id;
      this.fakes[kind].herald.url = `http://127.0.0.1:${port}/v1/kontor/processors/${id}/webhooks`;
      for (let n = 0; n < CUSTOMERS; n += 1) {
        const customer = (await this.kontor.stripe.customers.create({ name: `${kind} ${n}` })).id;
        const { id: payment_method } = await this.raw('POST', `processors/${id}/payment_methods`, { token: 'pm_card_visa' });
        await this.kontor.stripe.paymentMethods.attach(payment_method, { customer });
        this.buyers.push({ customer, payment_method });
      }
    }
  }

  async rows<Row extends pg.QueryResultRow>(query: string): Promise<Row[]> {
    return (await this.superuser.query<Row>(query)).rows;
  }
}

/** One payment by the official client, which repeats its request by its key until it is answered. */
async function pay({ client, buyers }: Town, n: number): Promise<void> {
  const { customer, payment_method } = buyers[n % buyers.length]!;
  for (;;) {
    try {
      return void (await client.paymentIntents.create({ amount: 100 + n, currency: 'usd', customer, payment_method, confirm: true, off_session: true }, { idempotencyKey: `payment ${n}` }));
    } catch (error) {
      const { type, payment_intent } = error as Stripe.errors.StripeError;
      // What was never taken is answered by an error, and that is an answer.
      if (payment_intent) return;
      if (type !== 'StripeConnectionError' && type !== 'StripeAPIError' && type !== 'StripeRateLimitError') throw error;
      await sleep(50);
    }
  }
}

/** All payments are made, by several clients at once, while the server is killed, each time within as many of them. Returns how often it was. */
async function payUnderFire(town: Town): Promise<number> {
  const { charges, kills, seed } = town.plan;
  const random = seeded(seed + 2);
  let next = 0;
  let killed = 0;
  const paying = Promise.all(Array.from({ length: CLIENTS }, async () => { while (next < charges) await pay(town, next++); }));
  let over = false;
  void paying.finally(() => { over = true; }).catch(() => undefined);
  for (; killed < kills && !over; killed += 1) {
    const moment = Math.floor(((killed + random.int(0, 99) / 100) * charges) / kills);
    while (next < moment && !over) await sleep(5);
    await restart(town, random.int(61, 120));
  }
  await paying;
  return killed;
}

/** The server is killed, and so many seconds have passed when it comes back: more than a question is left to whoever has begun it. */
async function restart(town: Town, step_s: number): Promise<void> {
  await town.server.kill();
  await arrive(town);
  town.server.ahead_s += step_s;
  await town.server.start();
}

/** What is under way at a processor comes before the clock goes on: none takes minutes over it. */
async function arrive({ fakes }: Town): Promise<void> {
  for (const kind of KINDS) await fakes[kind].idle();
}

/** No question is being asked, and none is to be now. */
async function rests(town: Town): Promise<void> {
  await until(async () => (await town.rows(`select from calls where state = 'pending' or (state = 'unknown' and next_at <= to_timestamp(${Math.floor(Date.now() / 1_000) + town.server.ahead_s})) limit 1`)).length === 0);
}

/** Time passes until all has been cleared up that can be without a person. */
async function settle(town: Town): Promise<void> {
  const { server, fakes, processors } = town;
  const open = () => town.rows(`select from calls where state <> 'answered' and request->>'processor' is distinct from '${processors.nothing}' limit 1`);
  let step_s = 120;
  // What is asked again may be lost again, so that another step is needed.
  do {
    await arrive(town);
    server.pass(step_s);
    await rests(town);
    step_s *= 4;
  } while (step_s < 500_000 && (await open()).length > 0);
  for (const kind of KINDS) await fakes[kind].herald.settled();
}

type Said = { id: string; status: string; processor: string };

/** What Kontor says of each payment, and at which processor it is. */
const said = (town: Town) => town.rows<Said>(`select p.id, p.status, m.processor from payment_intents p join payment_attempts a on a.world = p.world and a.subject = p.id join payment_methods m on m.world = a.world and m.processor = a.processor and m.customer = p.customer`);

/** What of the payments the processors have taken, by the payment. */
function taken({ fakes }: Town): Map<string, { times: number; reference: string }> {
  const all = new Map<string, { times: number; reference: string }>();
  for (const kind of KINDS) {
    for (const { id, status, metadata } of fakes[kind].intents.values()) {
      if (status === 'succeeded') all.set(metadata.payment_intent, { times: (all.get(metadata.payment_intent)?.times ?? 0) + 1, reference: id });
    }
  }
  return all;
}

/** A person goes through the list, looks into the processor's book, and says what is there. */
async function decide(town: Town): Promise<Outcome['by_person']> {
  const by_person: Outcome['by_person'] = { key: 0, search: 0, nothing: 0 };
  const truth = taken(town);
  for (;;) {
    const { data } = await own(town.client, 'GET', 'payment_attempts?state=unknown&limit=100');
    const mine = data.filter((each: Json) => each.clears_up === 'person');
    if (mine.length === 0) return by_person;
    for (const { id, subject, processor } of mine) {
      by_person[KINDS.find((kind) => town.processors[kind] === processor)!] += 1;
      const found = truth.get(subject);
      await own(town.client, 'POST', `payment_attempts/${id}/decide`, { ...(found ? { outcome: 'succeeded', reference: found.reference } : { outcome: 'not_done' }), evidence: 'Looked up in the book of the processor.' });
    }
  }
}

/** Where a payment that was taken is none for Kontor, or the other way round. */
function contradicted(payments: readonly Said[], truth: ReturnType<typeof taken>, known: (status: string) => boolean): string[] {
  return payments.filter(({ id, status }) => known(status) && (status === 'succeeded') !== truth.has(id)).map(({ id, status }) => `${id} is ${status}, and was ${truth.has(id) ? 'taken' : 'not taken'}`);
}

/** The money of each processor in the ledger, what it kept included, is what it has taken. */
async function unbalanced(town: Town): Promise<string[]> {
  const sums = new Map((await town.rows<{ processor: string; sum: string }>(`select processor, sum(amount)::text as sum from ledger_entries where ledger_account in ('cash_in_transit', 'processor_fees') group by processor`)).map(({ processor, sum }) => [processor, Number(sum)]));
  return KINDS.flatMap((kind) => {
    const took = [...town.fakes[kind].intents.values()].reduce((sum, each) => sum + (each.status === 'succeeded' ? each.amount_received : 0), 0);
    const posted = sums.get(town.processors[kind]) ?? 0;
    return posted === took ? [] : [`${kind} took ${took}, and the ledger has ${posted}`];
  });
}

async function judge(town: Town, kills: number, faults: Outcome['faults']): Promise<Outcome> {
  const before = await said(town);
  const open = before.filter(({ status }) => status === 'processing').map(({ id }) => id);
  const first = contradicted(before, taken(town), (status) => status !== 'processing');
  const by_person = town.plan.gullible ? { key: 0, search: 0, nothing: 0 } : await decide(town);
  const after = await said(town);
  const truth = taken(town);
  return {
    charges: after.length, kills, faults, by_person,
    captured_twice: [...truth].filter(([, { times }]) => times > 1).map(([id, { times }]) => `${id} was taken ${times} times`),
    contradicted: [...first, ...contradicted(after, truth, (status) => status !== 'processing')],
    unlisted: after.filter(({ id, status }) => status === 'processing' && open.includes(id)).map(({ id }) => id),
    unbalanced: await unbalanced(town),
    findings: await verify(town.kontor.database, () => undefined, machineClock(() => Date.now() + town.server.ahead_s * 1_000)),
  };
}

export async function chargeUnderFire(plan: Plan): Promise<Outcome> {
  const faults: Outcome['faults'] = {};
  const [breaking, telling] = [seeded(plan.seed), seeded(plan.seed + 1)];
  const fakes = {} as Record<Recognising, FakeStripe>;
  for (const kind of KINDS) fakes[kind] = await new FakeStripe({ recognises: kind, fault: (asked) => faultOf(breaking, faults, asked), mishap: () => mishapOf(telling) }).start();
  const kontor = await startKontor({ works: false, kinds: KINDS.map((kind) => kindRecognising(kind, { address: fakes[kind].address })) });
  const superuser = new pg.Client({ connectionString: kontor.database.urls.superuser });
  await superuser.connect();
  const port = await freePort();
  const town = new Town(plan, kontor, superuser, fakes, port);
  try {
    await town.populate(port);
    await town.server.start();
    const kills = await payUnderFire(town);
    // What is repeated at once shows enough.
    await (plan.gullible ? restart(town, 120).then(() => rests(town)) : settle(town));
    return await judge(town, kills, faults);
  } finally {
    await town.server.kill().catch(() => undefined);
    for (const kind of KINDS) await fakes[kind].close();
    await superuser.end();
    // What was found is told by the outcome.
    await kontor.close().catch(() => undefined);
  }
}
