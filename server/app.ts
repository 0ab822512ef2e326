/** Puts the house together: database, clock, rooms, door and workers. */
import { machineClock, type Clock } from './clock.ts';
import { readColumns } from './commit.ts';
import { register, type App, type Connectors, type Room } from './context.ts';
import type { Database } from './database/database.ts';
import { serve, type IsStripes } from './http/serve.ts';
import type { Log } from './log.ts';
import { safe, signer } from './secret.ts';
import { openIntake, warnOfStreams, type NatsSettings } from './usage/intake/open.ts';
import { USAGE_DAYS } from './usage/slots.ts';
import { startWorkers } from './workers.ts';

/** `url` is where it listens. */
export type Running = { app: App; url: string; close(): Promise<void> };

export type Plan = {
  database: Database;
  rooms: readonly Room[];
  connectors: Connectors;
  /** Whether Stripe's API has a request that is not in any room. */
  isStripes: IsStripes;
  pepper: string;
  log: Log;
  host: string;
  port: number;
  /** As in the configuration: where others reach it, if that is not where it listens. */
  public_url?: string | null;
  allowLoopback: boolean;
  clock?: Clock;
  /** As in the configuration. */
  usage_days?: number;
  usage_archive?: string | null;
  /** As in the configuration; without it usage goes into PostgreSQL at once. */
  nats?: NatsSettings | null;
  /** False for a process that only answers requests. */
  works?: boolean;
};

/** Opens the door and starts the workers. The database is migrated already; it is closed by whoever opened it. */
export async function open(plan: Plan): Promise<Running> {
  const { database, log } = plan;
  let wake = () => {};
  const app: App = {
    database,
    connectors: plan.connectors,
    log,
    clock: plan.clock ?? machineClock(),
    register: register(plan.rooms),
    columns: await readColumns(database.pool),
    url: '',
    allowLoopback: plan.allowLoopback,
    sign: signer(plan.pepper),
    safe: safe(plan.pepper),
    usage_days: plan.usage_days ?? USAGE_DAYS,
    usage_archive: plan.usage_archive ?? null,
    intake: null,
    nudge: () => wake(),
    stopping: false,
  };
  const server = await serve(app, plan.pepper, plan.isStripes, plan.public_url != null);
  const intake = (app.intake = plan.nats ? await openIntake(plan.nats, app) : null);
  if (intake === null) await warnOfStreams(app);
  let url: string;
  try {
    url = await server.listen({ host: plan.host, port: plan.port });
    app.url = plan.public_url ?? url;
  } catch (error) {
    await intake?.close();
    throw error;
  }
  const workers = plan.works === false ? null : startWorkers(app);
  if (workers) wake = workers.nudge;
  return {
    app,
    url,
    async close() {
      app.stopping = true;
      await server.close();
      await workers?.stop();
      await intake?.close();
    },
  };
}
