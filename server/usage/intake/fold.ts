/**
 * Counts messages of a partition: what they come to, and how far the partition has come, in one transaction. Whoever counts holds the partition's row meanwhile and finds out from it whether these are
 * the next messages; so however often a message is delivered, and to however many workers, it has one effect.
 */
import { performCalls } from '../../calls.ts';
import { contextIn, type App, type Context, type TimerCommand, type World } from '../../context.ts';
import { row, rows, sql } from '../../database/sql.ts';
import { inWorldsInTurn, overAllWorlds, passing, type Tx } from '../../database/world.ts';
import { told } from '../../log.ts';
import { writeErrors } from '../errors.ts';
import { admit, type Recorded } from '../record.ts';
import { recordLoss } from './losses.ts';
import { candidatesOf, type Carried, type Message } from './message.ts';

/** A message as it came from the stream: its place there, and its name. */
export type Delivered = Message & { sequence: number; name: string };

/** How often a transaction is tried that had to give way to somebody else's. */
const TRIES = 5;

const TIMER = 'usage.fold_again';

const worlds = new WeakMap<App, Map<number, World>>();

/** Worlds never change, and there are ever more. Undefined for one that is not in this database. */
async function worldOf(app: App, id: number): Promise<World | undefined> {
  let known = worlds.get(app);
  if (!known) worlds.set(app, (known = new Map()));
  if (!known.has(id)) {
    const all = await overAllWorlds(app.database.pool, (tx) => rows<World>(tx, sql`select id, account, livemode from worlds`));
    for (const each of all) known.set(each.id, each);
  }
  return known.get(id);
}

/** The partition's next messages begin behind `from`. False where somebody else has come further: then nothing has happened. */
async function inPartition(app: App, partition: number, from: number, last: Delivered, work: (tx: Tx, enter: (world: World) => void) => Promise<void>): Promise<boolean> {
  return inWorldsInTurn(app.database.pool, async (tx, enter) => {
    const at = await row<{ sequence: bigint }>(tx, sql`select sequence from usage_partitions where partition = ${partition} for update`);
    if (at!.sequence !== BigInt(from)) return false;
    await work(tx, enter);
    await row(tx, sql`update usage_partitions set sequence = ${last.sequence}, message = ${last.name} where partition = ${partition}`);
    return true;
  });
}

/** A PostgreSQL that was restored from a backup may lack accounts whose usage the streams still hold: that is put on record, and stops nobody else's. */
async function recordStrangers(app: App, tx: Tx, partition: number, world: number, messages: readonly Delivered[]): Promise<void> {
  app.log.error('Usage is of an account that is not in this database, and cannot be counted.', { partition, world, messages: messages.length });
  for (const { sequence } of messages) await recordLoss(app, tx, { partition, stream: `world ${world}`, since: sequence, upto: sequence + 1 });
}

/** Admits the events, and reports those whose name another event has. */
async function admitAll(ctx: Context, events: readonly Carried[]): Promise<void> {
  const results: Recorded[] = [];
  await admit(ctx, await candidatesOf(ctx, events), results);
  await writeErrors(ctx.tx, ctx.app.clock.now(), results.flatMap((each, at) => (each?.status === 'refused' ? [{ refusal: each.refusal, given: events[at]! }] : [])));
}

async function count(app: App, partition: number, from: number, messages: readonly Delivered[]): Promise<boolean> {
  const byWorld = await Promise.all([...Map.groupBy(messages, ({ world }) => world)].sort(([a], [b]) => a - b).map(async ([id, all]) => ({ id, world: await worldOf(app, id), all })));
  const calls: { world: World; ids: string[] }[] = [];
  const counted = await inPartition(app, partition, from, messages.at(-1)!, async (tx, enter) => {
    for (const { id, world, all } of byWorld) {
      if (!world) {
        await recordStrangers(app, tx, partition, id, all);
        continue;
      }
      enter(world);
      const ctx = contextIn(app, world, tx);
      await admitAll(ctx, all.flatMap(({ events }) => events));
      calls.push({ world, ids: ctx.calls });
    }
  });
  if (counted) for (const { world, ids } of calls) await performCalls(app, world, ids);
  return counted;
}

/**
 * The messages, which follow `from` without a gap, are counted when this returns true; those that cannot be are set aside. False where somebody else has counted in between. What passes by itself is thrown,
 * and the same may be tried again.
 */
export async function countMessages(app: App, partition: number, from: number, messages: readonly Delivered[]): Promise<boolean> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await count(app, partition, from, messages);
    } catch (error) {
      const why = passing(error);
      if (why === 'contended' && tries < TRIES) continue;
      if (why !== null) throw error;
      if (messages.length === 1) return setAside(app, partition, from, messages[0]!, error);
      app.log.warn('Messages of usage could not be counted together, and are each by itself.', { partition, ...told(error) });
      for (const [n, message] of messages.entries()) if (!(await countMessages(app, partition, n === 0 ? from : messages[n - 1]!.sequence, [message]))) return false;
      return true;
    }
  }
}

/** Usage that cannot be counted stops nobody else's: it is kept, and a timer tries it again, as often as any timer that fails, until it is counted. */
async function setAside(app: App, partition: number, from: number, message: Delivered, error: unknown): Promise<boolean> {
  const world = (await worldOf(app, message.world))!;
  app.log.error('Usage could not be counted, and is set aside for a later try.', { partition, name: message.name, world: world.id, ...told(error) });
  const now = sql`to_timestamp(${app.clock.now()}::bigint)`;
  return inPartition(app, partition, from, message, async (tx, enter) => {
    enter(world);
    await row(tx, sql`insert into usage_set_aside (id, events, error, created) values (${message.name}, ${JSON.stringify(message.events)}, ${error instanceof Error ? error.message : String(error)}, ${now}) on conflict do nothing`);
    await row(tx, sql`insert into timers (kind, subject, at, lane) values (${TIMER}, ${message.name}, ${now}, ${`usage ${message.name}`}) on conflict do nothing`);
  });
}

async function countAgain(ctx: Context, due: readonly { subject: string }[]): Promise<void> {
  const found = await rows<{ events: Carried[] }>(ctx.tx, sql`delete from usage_set_aside where id = any(${due.map(({ subject }) => subject)}::text[]) returning events`);
  for (const { events } of found) await admitAll(ctx, events);
}

export const foldAgain: Record<string, TimerCommand> = { [TIMER]: countAgain };
