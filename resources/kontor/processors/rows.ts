/** Which processors keep and charge the payment methods of a world: in test mode the sandbox, and in both modes those that the account has configured. */
import { refuse } from '../../../billing/decision.ts';
import type { PackedWord } from '../../../billing/payment/attempt.ts';
import { route, type Routed } from '../../../billing/payment/route.ts';
import type { Metadata } from '../../../billing/catalog.ts';
import type { Configuration, Processor, ProcessorKind } from '../../../connectors/processors/processor.ts';
import type { App, Context, World } from '../../../server/context.ts';
import { row, rows, sql } from '../../../server/database/sql.ts';
import { inWorld, overAllWorlds, type Tx } from '../../../server/database/world.ts';
import { told } from '../../../server/log.ts';
import { outside } from '../../../server/questions.ts';
import { NotReached } from '../../../server/turnstile.ts';
import { settingsOf } from '../settings/rows.ts';
import { bounded } from './bounded.ts';

/** What looks up what a processor's webhook has told of. `said` is what it said of that. */
export type NewsQuestion = { processor: string; said?: PackedWord };

declare module '../../../server/context.ts' {
  interface Connectors {
    processors: {
      /** What test mode has without being configured. */
      test: Processor;
      /** What accounts can configure, in both modes. */
      kinds: readonly ProcessorKind[];
    };
  }
}

export type ProcessorRow = {
  id: string;
  created: number;
  type: string;
  status: 'active' | 'inactive';
  name: string | null;
  /** Whose money goes through it, as the processor calls that; null where it has not said so yet. */
  account: string | null;
  settings: Record<string, string>;
  secrets: Record<string, { sealed: string; hint: string }>;
  metadata: Metadata;
};

export function processorById(tx: Tx, id: string, lock = false): Promise<ProcessorRow | undefined> {
  return row<ProcessorRow>(tx, sql`select * from processors where id = ${id} ${lock ? sql`for update` : sql``}`);
}

/** The world of a processor that a webhook names; null where there is none. */
export async function worldOfProcessor(app: App, id: string): Promise<World | null> {
  return (await overAllWorlds(app.database.pool, (tx) => row<World>(tx, sql`select w.id, w.account, w.livemode from processors p join worlds w on w.id = p.world where p.id = ${id}`))) ?? null;
}

export const kindOf = (app: App, type: string): ProcessorKind | undefined => app.connectors.processors.kinds.find((each) => each.kind === type);

/** To what a sealed secret is bound. */
export const bond = (world: World, id: string, setting: string): string => `${world.id} ${id} ${setting}`;

/** What an account has configured, with its secrets. Refuses where these do not open, since they were sealed by the pepper of another installation. */
export function configurationOf(app: App, world: World, { id, settings, secrets }: ProcessorRow): Configuration {
  const reveal = (name: string, sealed: string): string => {
    try {
      return app.safe.open(sealed, bond(world, id, name)).reveal();
    } catch {
      return refuse(undefined, `The secrets of the processor ${id} do not open: they were sealed under another pepper. Give all of them again by \`POST /v1/kontor/processors/${id}\`, or restore the pepper from its backup.`, `settings[${name}]`);
    }
  };
  const revealed = Object.entries(secrets).map(([name, { sealed }]) => [name, reveal(name, sealed)]);
  return { id, livemode: world.livemode, settings: { ...settings, ...Object.fromEntries(revealed) } };
}

/** Whether the secrets of a processor open. */
export function opens(app: App, world: World, processor: ProcessorRow): boolean {
  try {
    configurationOf(app, world, processor);
    return true;
  } catch {
    return false;
  }
}

/** Opened processors by their rows, for each house. */
const opened = new WeakMap<App, Map<string, { settings: string; processor: Promise<Processor> }>>();

/** The processor of a row, opened once for as long as its settings stay. */
export async function openProcessor(app: App, world: World, row: ProcessorRow): Promise<Processor> {
  const { id, type, settings, secrets } = row;
  const kind = kindOf(app, type);
  if (!kind) throw new Error(`The processor ${id} is of the type ${type}, which this version does not have.`);
  const known = opened.get(app) ?? new Map();
  opened.set(app, known);
  const state = JSON.stringify([settings, secrets]);
  const before = known.get(id);
  if (before?.settings === state) return before.processor;
  const processor = kind.open(configurationOf(app, world, row)).then((open) => bounded(open));
  known.set(id, { settings: state, processor });
  processor.catch(() => known.delete(id));
  return processor;
}

/** The same, or null where it does not open, which the log tells: that stops nothing else, and it is shown, since it has to be given other secrets. */
export function processorIfOpen(app: App, world: World, row: ProcessorRow): Promise<Processor | null> {
  return openProcessor(app, world, row).catch((error: unknown) => {
    app.log.error('A payment processor does not open.', { processor: row.id, ...told(error) });
    return null;
  });
}

/** The processor that has what an operation is about. */
export async function processorNamed(app: App, world: World, name: string, tx?: Tx): Promise<Processor> {
  const { test } = app.connectors.processors;
  if (name === test.name && !world.livemode) return test;
  const found = tx ? await processorById(tx, name) : await inWorld(app.database.pool, world, (own) => processorById(own, name));
  if (!found) throw new Error(`The processor ${name}, which keeps the payment method, is not configured.`);
  return openProcessor(app, world, found);
}

/** What a processor says in the middle of a command, to a question that may be asked at any time and any number of times. The sandbox is no network, so it is asked at once. */
export async function saidBy<T>(ctx: Context, { name }: Processor, question: string, ask: () => Promise<T>): Promise<T> {
  if (name === ctx.app.connectors.processors.test.name) return ask();
  return outside(ctx, `${name}: ${question}`, () => ask().catch((error: unknown) => {
    if (!(error instanceof NotReached)) throw error;
    return refuse(undefined, 'Too much is under way at the payment processor. Nothing has been changed; try again in a moment.', undefined, { type: 'api_error', status: 503, should_retry: true });
  }));
}

/** The processor that Kontor itself has for a mode, and whose money it moves: the sandbox in test mode, none in live mode. */
export const ownProcessor = (app: App, world: World): Processor | null => (world.livemode ? null : app.connectors.processors.test);

/** Refuses a word of the holder of these methods where Kontor's own processor does not ask: then the holder answers at the one that does. */
export function refuseAskedElsewhere({ app, world }: Context, methods: readonly { id: string; processor: string }[]): void {
  if (world.livemode) refuse('livemode_mismatch', "In live mode the card's bank asks its holder itself. Only what is in test mode is confirmed this way.");
  const method = methods.find(({ processor }) => processor !== ownProcessor(app, world)?.name);
  if (method) refuse('payment_intent_unexpected_state', `The holder of ${method.id} is asked by the payment processor that keeps it, ${method.processor}, and answers there.`);
}

/** The processors at which something new can be kept: the sandbox in test mode, then the account's own, oldest first. */
export async function processorsOf({ app, tx, world }: Pick<Context, 'app' | 'tx' | 'world'>): Promise<Processor[]> {
  const { test, kinds } = app.connectors.processors;
  const found = kinds.length === 0 ? [] : await rows<ProcessorRow>(tx, sql`select * from processors where status = 'active' order by created, id`);
  const open = await Promise.all(found.map((each) => processorIfOpen(app, world, each)));
  return [...(world.livemode ? [] : [test]), ...open.filter((each) => each !== null)];
}

/** The same in the order in which they are asked for a method, by the account's rules. */
export async function processorsFor(ctx: Pick<Context, 'app' | 'tx' | 'world'>, what: Routed): Promise<Processor[]> {
  const processors = await processorsOf(ctx);
  return processors.length < 2 ? processors : route((await settingsOf(ctx.tx)).routing_rules, what, processors);
}

export async function processorOf(ctx: Pick<Context, 'app' | 'tx' | 'world'>): Promise<Processor> {
  const [first] = await processorsOf(ctx);
  return first ?? refuseNoProcessor();
}

export function refuseNoProcessor(): never {
  return refuse(undefined, 'No payment processor is configured for live mode, so payment methods can be neither kept nor charged. Configure one by `POST /v1/kontor/processors`, or use a test key.');
}
