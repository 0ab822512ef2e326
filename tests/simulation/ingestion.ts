/**
 * Usage under fire: a server in a process of its own is killed again and again while it is sent events, of which some come twice, out of order, late or with another content under an identifier that
 * is taken; PostgreSQL crashes in between. Through JetStream, the servers of its cluster and the workers that count are killed as well. Whoever sends goes on until each event has an answer, as any sender must. Then what is counted is compared with what was sent.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { inWorld } from '../../server/database/world.ts';
import { countedFor } from '../../server/usage/counted.ts';
import { verify, type Finding } from '../../server/verify.ts';
import { seeded, type Random } from '../conformance/random.ts';
import { DAY, HOUR } from '../days.ts';
import { startKontor, type Kontor } from '../kontor.ts';
import { openLog } from '../../server/log.ts';
import { openIntake } from '../../server/usage/intake/open.ts';
import type { TestNats } from '../nats.ts';
import { own } from '../own.ts';
import type { ProcessOrder } from './ingesting.ts';

/** How many different events there are; a fifth of what is sent are repetitions of some. */
type Plan = { events: number; kills: number; crashes: number; seed: number };

type Outcome = {
  findings: Finding[];
  /** Customers for whom something else is counted than was sent, with both. */
  miscounted: string[];
  sent: number;
  /** Events that another one with their identifier was to replace, and could. */
  replaced: number;
  kills: number;
};

const CUSTOMERS = 200;
const SENDERS = 4;
const METERS = ['sum', 'count', 'max', 'last'] as const;

/** A request takes a thousand at most; of few events there are still as many requests as moments at which one may be killed. */
const batchOf = ({ events }: Plan): number => Math.min(1_000, Math.ceil(events / 20));

export type Sent = { event_name: string; identifier: string; payload: Record<string, string>; timestamp: number };

/** The events in the order in which they are sent: 30 % out of order, 5 % late by 1 to 40 days (those of more than 35 are refused), 20 % twice. */
function shipment(plan: Plan, customers: readonly string[], now: number, random: Random): { stream: Sent[]; truth: Map<string, Sent> } {
  const truth = new Map<string, Sent>();
  const stream: { at: number; event: Sent }[] = [];
  for (let n = 0; n < plan.events; n += 1) {
    const age = random.int(1, 100) <= 5 ? random.int(DAY, 40 * DAY) : Math.floor(((plan.events - n) / plan.events) * 2 * HOUR);
    const event: Sent = { event_name: random.pick(METERS), identifier: `e${n}`, payload: { stripe_customer_id: customers[Math.floor(Math.exp((random.int(0, 1_000_000) / 1_000_001) * Math.log(CUSTOMERS)))]!, value: String(random.int(-50, 1_000)) }, timestamp: now - age };
    truth.set(event.identifier, event);
    const place = random.int(1, 100) <= 30 ? n + random.int(-500, 500) : n;
    stream.push({ at: place, event });
    if (random.int(1, 100) <= 20) stream.push({ at: place + random.int(0, plan.events / 10), event });
  }
  return { stream: stream.sort((a, b) => a.at - b.at).map(({ event }) => event), truth };
}

/** The server, as often as it is started anew. */
export class Fire {
  readonly kontor: Kontor;
  /** What the next one sees as now, where it works. */
  now: number | undefined;
  private readonly order: ProcessOrder;
  private child: ChildProcess | null = null;
  private ready: Promise<string> = Promise.resolve('');
  constructor(kontor: Kontor, nats: TestNats | null, folds = false) {
    this.kontor = kontor;
    this.order = { urls: kontor.database.urls, nats: nats && { url: nats.url, monitors: nats.monitors }, folds };
  }

  start(): void {
    const child = fork(new URL('ingesting.ts', import.meta.url), [JSON.stringify({ ...this.order, now: this.now })], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.child = child;
    this.ready = new Promise((resolve, reject) => {
      child.once('message', (url) => resolve(url as string));
      child.once('exit', (code) => code !== null && reject(Object.assign(new Error(`The server ended with ${code}.`), { final: true })));
    });
    this.ready.catch(() => undefined);
  }

  url(): Promise<string> {
    return this.ready;
  }

  async kill(): Promise<void> {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
}

/** Sends a batch until it is answered, whatever becomes of the server. */
export async function deliver(fire: Fire, events: readonly Sent[], refused: Set<string>): Promise<void> {
  for (;;) {
    try {
      const response = await fetch(`${await fire.url()}/v1/kontor/usage/events`, { method: 'POST', headers: { authorization: `Bearer ${fire.kontor.key}`, 'content-type': 'application/json' }, body: JSON.stringify({ events }), signal: AbortSignal.timeout(20_000) });
      if (response.status === 200) {
        const { results } = (await response.json()) as { results: { status: string }[] };
        results.forEach((each, n) => each.status === 'refused' && refused.add(events[n]!.identifier));
        return;
      }
      if (response.status < 500 && response.headers.get('stripe-should-retry') !== 'true') throw Object.assign(new Error(`${response.status}: ${await response.text()}`), { final: true });
    } catch (error) {
      if ((error as { final?: boolean }).final) throw error;
    }
    await sleep(20);
  }
}

/** What each customer has used, added up in another way than the engine does. */
function reference(truth: Iterable<Sent>, refused: ReadonlySet<string>): Map<string, bigint> {
  const totals = new Map<string, bigint>();
  for (const { event_name, identifier, payload } of truth) {
    if (refused.has(identifier) || (event_name !== 'sum' && event_name !== 'count')) continue;
    const name = `${event_name} ${payload.stripe_customer_id}`;
    totals.set(name, (totals.get(name) ?? 0n) + (event_name === 'sum' ? BigInt(payload.value!) : 1n));
  }
  for (const event_name of ['max', 'last'] as const) {
    for (const [who, events] of Map.groupBy([...truth].filter((each) => each.event_name === event_name && !refused.has(each.identifier)), (each) => each.payload.stripe_customer_id!)) {
      // Which of two of the same second came last, a sender does not know: those are left out.
      const latest = Math.max(...events.map((each) => each.timestamp));
      const last = events.filter((each) => each.timestamp === latest);
      if (event_name === 'max') totals.set(`max ${who}`, events.map((each) => BigInt(each.payload.value!)).reduce((a, b) => (a > b ? a : b)));
      else if (last.length === 1) totals.set(`last ${who}`, BigInt(last[0]!.payload.value!));
    }
  }
  return totals;
}

async function prepare(kontor: Kontor): Promise<{ customers: string[]; meters: Map<string, string> }> {
  const meters = new Map<string, string>();
  for (const formula of METERS) {
    const made = await own<{ id: string }>(kontor.stripe, 'POST', 'meters', { display_name: formula, event_name: formula, default_aggregation: { formula } });
    meters.set(formula, made.id);
  }
  const { id: original } = await kontor.stripe.customers.create({});
  const columns = kontor.app.columns.get('customers')!.columns.map(({ name }) => name);
  const values = columns.map((name) => ({ id: `'cus_' || lpad(n::text, 20, '0')`, invoice_prefix: `'U' || n` })[name] ?? `o."${name}"`).join(', ');
  await inWorld(kontor.database.pool, kontor.world, async (tx) => {
    await tx.query(`insert into customers (${columns.map((name) => `"${name}"`).join(', ')}) select ${values} from customers o, generate_series(0, ${CUSTOMERS - 1}) n where id = '${original}'`);
    // Copies were never told.
    await tx.query(`insert into events (id, type, created, object_id, api_version, data) select 'evt_' || right(id, 20), 'customer.created', created, id, '', '{}' from customers where id <> '${original}'`);
  });
  return { meters, customers: Array.from({ length: CUSTOMERS }, (_, n) => `cus_${String(n).padStart(20, '0')}`) };
}

/** `progress` is told what part of the stream is under way. */
async function send(fire: Fire, stream: readonly Sent[], batch: number, progress: { part: number }): Promise<Set<string>> {
  const refused = new Set<string>();
  let from = 0;
  await Promise.all(Array.from({ length: SENDERS }, async () => {
    while (from < stream.length) {
      const at = from;
      from += batch;
      progress.part = at / stream.length;
      await deliver(fire, stream.slice(at, at + batch), refused);
    }
  })).finally(() => { progress.part = 1; });
  return refused;
}

/** What can be killed. It is there again when `kill` returns. */
type Victim = { kill(): Promise<void> };

const process = (fire: Fire): Victim => ({
  async kill() {
    await fire.url();
    await fire.kill();
    fire.start();
  },
});

/** A server of the cluster is missed for a while; only when it is whole again, the next one may fall. */
const serverOf = (nats: TestNats, random: Random): Victim => ({
  async kill() {
    const server = random.pick(nats.servers);
    await server.kill();
    await sleep(random.int(0, 500));
    server.start();
    await nats.ready();
  },
});

/** Kills the victims in turn, and lets PostgreSQL crash, spread over the time that it takes. */
async function harm(victims: readonly Victim[], plan: Plan, crash: (() => Promise<void>) | null, progress: { readonly part: number }): Promise<number> {
  const blows = [...Array.from({ length: plan.kills }, (_, n) => ({ at: (n + 0.5) / plan.kills, what: 'kill' })), ...Array.from({ length: crash ? plan.crashes : 0 }, (_, n) => ({ at: (n + 0.3) / plan.crashes, what: 'crash' }))].sort((a, b) => a.at - b.at);
  let kills = 0;
  for (const { at, what } of blows) {
    while (progress.part < at) await sleep(5);
    if (what === 'crash') await crash!();
    else {
      await victims[kills % victims.length]!.kill();
      kills += 1;
    }
  }
  return kills;
}

/** Waits until all is counted that the streams have acknowledged. */
async function awaitCounted({ app }: Kontor, nats: TestNats): Promise<void> {
  const { database, clock, sign } = app;
  const intake = await openIntake(nats.settings(), { database, clock, sign, log: openLog('silent') });
  try {
    if (!(await intake.settle(120_000))) throw new Error('What was acknowledged is not counted after two minutes.');
  } finally {
    await intake.close();
  }
}

/** The PostgreSQL of the tests acknowledges before it writes, which a crash would show. */
async function waitForCommits(kontor: Kontor): Promise<void> {
  const superuser = new pg.Client({ connectionString: kontor.database.urls.superuser });
  await superuser.connect();
  await superuser.query(`alter database ${kontor.database.name} set synchronous_commit = on`);
  await superuser.end();
}

/** `crash` makes PostgreSQL fall, and returns when it can be reached again; null where it is shared with others. With `nats`, usage goes through it, and three processes of Kontor take it and count it. */
export async function ingestUnderFire(plan: Plan, crash: ((kontor: Kontor) => Promise<void>) | null, nats: TestNats | null = null): Promise<Outcome> {
  const kontor = await startKontor({ works: false, nats: null });
  const fire = new Fire(kontor, nats);
  const folders = nats ? [new Fire(kontor, nats, true), new Fire(kontor, nats, true)] : [];
  try {
    if (crash) await waitForCommits(kontor);
    const { customers, meters } = await prepare(kontor);
    const now = kontor.app.clock.now();
    const random = seeded(plan.seed);
    const { stream, truth } = shipment(plan, customers, now, random);
    for (const each of [fire, ...folders]) each.start();
    const victims = [...(nats ? [serverOf(nats, random)] : []), ...[fire, ...folders].map(process)];
    const progress = { part: 0 };
    const [refused, kills] = await Promise.all([send(fire, stream, batchOf(plan), progress), harm(victims, plan, crash && (() => crash(kontor)), progress)]);
    if (nats) await awaitCounted(kontor, nats);
    // An event under a name that is taken is refused, and what is there stays.
    const others = [...truth.values()].filter((_, n) => n % 50 === 0).map((each) => ({ ...each, payload: { ...each.payload, value: '123456' } }));
    const answers = new Set<string>();
    for (let n = 0; n < others.length; n += batchOf(plan)) await deliver(fire, others.slice(n, n + batchOf(plan)), answers);
    for (const each of [fire, ...folders]) await each.kill();
    const late = new Set([...truth.values()].filter((each) => each.timestamp < now - 35 * DAY).map((each) => each.identifier));
    const miscounted = [...refused].filter((identifier) => !late.has(identifier) && truth.get(identifier)!.timestamp > now - 35 * DAY + HOUR).map((identifier) => `${identifier} was refused`);
    const expected = reference(truth.values(), refused);
    const asked = [...expected.keys()].map((key) => ({ key, meter: meters.get(key.split(' ')[0]!)!, customer: key.split(' ')[1]!, start: now - 36 * DAY, end: now + HOUR }));
    const counted = await inWorld(kontor.database.pool, kontor.world, (tx) => countedFor(tx, asked));
    for (const [name, value] of expected) if (counted.get(name) !== String(value)) miscounted.push(`${name}: ${counted.get(name)} instead of ${value}`);
    const findings = await verify(kontor.database, () => undefined);
    return { findings, miscounted, sent: stream.length, replaced: others.length - answers.size, kills };
  } finally {
    for (const each of [fire, ...folders]) await each.kill().catch(() => undefined);
    await kontor.close().catch(() => undefined);
  }
}

/** Ends PostgreSQL's processes without a chance to say good-bye; its head stays, and recovers. */
export async function crashPostgres(kontor: Kontor): Promise<void> {
  const superuser = new pg.Client({ connectionString: kontor.database.urls.superuser });
  superuser.on('error', () => undefined);
  await superuser.connect();
  const { rows } = await superuser.query<{ pid: number }>(`select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() limit 1`);
  await superuser.end();
  if (rows[0]) globalThis.process.kill(rows[0].pid, 'SIGKILL');
  for (;;) {
    const again = new pg.Client({ connectionString: kontor.database.urls.superuser });
    again.on('error', () => undefined);
    try {
      await again.connect();
      await again.query('select 1');
      await again.end();
      return;
    } catch {
      await sleep(50);
    }
  }
}
