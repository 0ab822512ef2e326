/** A running Kontor for tests: real HTTP, real PostgreSQL, the official client as the caller. */
import Stripe from 'stripe';
import { isStripes } from '../resources/operations.ts';
import { adyenProcessor, type AdyenOptions } from '../connectors/processors/adyen/adyen.ts';
import type { ProcessorKind } from '../connectors/processors/processor.ts';
import { sandbox } from '../connectors/processors/sandbox/sandbox.ts';
import { stripeProcessor, type StripeOptions } from '../connectors/processors/stripe/stripe.ts';
import { vaultOff, type Vault } from '../connectors/vault/vault.ts';
import { rooms } from '../resources/register.ts';
import { createAccount, createKey, listWorlds, type KeyOrder } from '../server/accounts.ts';
import { open, type Running } from '../server/app.ts';
import { machineClock, type Clock } from '../server/clock.ts';
import { inContext, type Context, type World } from '../server/context.ts';
import { openLog, type Log } from '../server/log.ts';
import { appointJudge, type Judge } from './conformance/judge.ts';
import type { NatsSettings } from '../server/usage/intake/open.ts';
import { verify } from '../server/verify.ts';
import { advanceClocks } from '../server/timers.ts';
import { addTallies } from '../server/usage/tallies.ts';
import { startCounting } from '../server/workers.ts';
import { natsOfAll } from './nats.ts';
import { testDatabase, type TestDatabase } from './postgres.ts';
import { testVault } from './vault.ts';
import { when } from './awaited.ts';

export const PEPPER = 'pepper of the tests';

/** `close` fails where an answer was not as Stripe's types say, where what is stored does not hold together, or where two have waited for each other. */
export type Kontor = Running & {
  database: TestDatabase;
  /** The official client with a secret test key. */
  stripe: Stripe;
  key: string;
  world: World;
  /** Another account of the same server, with a client of its own. */
  another(livemode?: boolean): Promise<{ stripe: Stripe; key: string; world: World }>;
  /** A new key's text, of the first account unless another world is given. */
  newKey(order: KeyOrder, world?: World): Promise<string>;
  /** A client for a key, or for another version of the API. */
  client(key?: string, options?: { apiVersion?: string }): Stripe;
  /** Advances a test clock, of another account where its client is given, and waits until it is ready. */
  advance(clock: string, to: number, stripe?: Stripe): Promise<void>;
  /** Holds every answer to the official client against Stripe's types. */
  judge: Judge;
  /** Returns when all usage that was acknowledged is counted and in the rollups of its hours. */
  counted(): Promise<void>;
  /** Does work in a transaction of the first account's test mode, as what no request asks for. */
  inside<Result>(work: (ctx: Context) => Promise<Result>): Promise<Result>;
  /** The types of the events since the given number of them, oldest first. */
  eventTypes(since?: number): Promise<string[]>;
};

type Options = {
  clock?: Clock;
  /** False where a test does the workers' part itself. */
  works?: boolean;
  nats?: NatsSettings | null;
  /** Where the processors of the types are. */
  stripe?: StripeOptions;
  adyen?: AdyenOptions;
  /** The types of processors that accounts can configure; by default these two. */
  kinds?: readonly ProcessorKind[];
  /** Of test mode. */
  vault?: Vault;
  log?: Log;
  /** By default one of its own. */
  database?: TestDatabase;
};

/** With KONTOR_TEST_NATS=1 usage goes through JetStream in every test, and each request that reports some returns when it is counted: so the same tests hold of both ways. */
export async function startKontor(options: Options = {}): Promise<Kontor> {
  const database = options.database ?? (await testDatabase());
  const clock = options.clock ?? machineClock();
  const connectors = { processors: { test: sandbox(), kinds: options.kinds ?? [stripeProcessor(options.stripe), adyenProcessor(options.adyen)] }, vaults: { test: options.vault ?? testVault(), live: vaultOff } };
  const nats = options.nats === undefined ? await natsOfAll() : options.nats;
  const running = await open({ nats, database, rooms, connectors, isStripes: isStripes(), pepper: PEPPER, log: options.log ?? openLog('error'), host: '127.0.0.1', port: 0, allowLoopback: true, clock, works: options.works });
  const counting = options.works === false ? startCounting(running.app) : null;
  const counted = async () => {
    if (running.app.intake && !(await running.app.intake.settle(30_000))) throw new Error('Usage that was acknowledged is not counted after thirty seconds.');
    while (await addTallies(running.app));
  };
  const judge = appointJudge(options.nats ? undefined : (path) => (/meter_event|usage/.test(path) ? counted() : undefined));
  const client: Kontor['client'] = (key, more = {}) =>
    new Stripe(key ?? first.key, { httpClient: judge.httpClient, host: '127.0.0.1', port: new URL(running.url).port, protocol: 'http', telemetry: false, maxNetworkRetries: 0, ...(more as object) });
  const another: Kontor['another'] = (livemode = false) =>
    database.asOwner(async (owner) => {
      const account = await createAccount(owner, clock, { business_name: 'Helpdesk Inc.' });
      const world = (await listWorlds(owner)).find((each) => each.account === account.id && each.livemode === livemode)!;
      const { text: key } = await createKey(owner, clock, PEPPER, world, { kind: 'secret' });
      return { key, world, stripe: client(key) };
    });
  const first = { key: '' } as Awaited<ReturnType<typeof another>>;
  Object.assign(first, await another());
  return {
    ...running,
    ...first,
    database,
    another,
    newKey: async (order, world = first.world) => (await database.asOwner((owner) => createKey(owner, clock, PEPPER, world, order))).text,
    client,
    judge,
    counted,
    inside: (work) => inContext(running.app, first.world, work),
    async advance(id, to, { testHelpers: { testClocks } } = first.stripe) {
      await testClocks.advance(id, { frozen_time: to });
      const { status } = await when(() => testClocks.retrieve(id), (clock) => clock.status !== 'advancing');
      if (status === 'internal_failure') throw new Error('The test clock ended in an internal failure.');
    },
    async eventTypes(since = 0) {
      const types: string[] = [];
      for await (const event of first.stripe.events.list({ limit: 100 })) types.push(event.type);
      return types.reverse().slice(since);
    },
    async close() {
      // What was set off a moment ago is done before anybody looks.
      while (options.works !== false && (await advanceClocks(running.app)));
      await counting?.stop();
      await running.close();
      const findings = await verify(database, () => undefined, clock, { audits: running.app.register.audits, sign: running.app.sign });
      const deadlocks = options.database ? (await database.close(), []) : await database.closeAndTell();
      judge.verdict();
      if (deadlocks.length > 0) throw new Error(`Transactions have waited for each other. Locks are taken in one order: see server/lanes.ts.\n${deadlocks.join('\n')}`);
      if (findings.length > 0) throw new Error(`What is stored does not hold together:\n  ${findings.map(({ invariant, object, sentence }) => `${invariant} ${object}: ${sentence}`).join('\n  ')}`);
    },
  };
}
