/**
 * Group commit: events that are reported at the same time, each by a request of its own, are recorded in one transaction. A writer takes whatever waits; while it commits, the next events gather, and so do
 * for a moment those of whoever was answered and reports again: a transaction costs as much as some forty events.
 * Whoever waits is answered after the commit, so what is acknowledged is kept. With JetStream they are published together instead, and counted later.
 */
import type { UsageGiven } from '../../billing/usage.ts';
import { inContext, type App, type World } from '../context.ts';
import { passing } from '../database/world.ts';
import { told } from '../log.ts';
import { accept } from './intake/accept.ts';
import { record, type Recorded } from './record.ts';

/** So many transactions are under way at once, in all worlds together. */
const WRITERS = 2;
/** Beside a transaction of its own world another begins where so many events wait, so that one is in the database while those of the other are answered and come again; fewer cost less if they go together. */
const ENOUGH_EVENTS = 32;
/** Whoever was answered together with others is waited for as long as their transaction took, and no longer than so many milliseconds. */
const MOST_MS = 20;
/** A transaction takes no more than so many events, unless one request brings more. */
const MOST_EVENTS = 2_000;
/** How often events are tried that had to give way to somebody else's. */
const TRIES = 5;

/** By what a repetition is known before it is known who counts it. Where events of two names have one identifier, one of them waits for nothing, and no more. */
const identifiersOf = (taken: readonly Waiting[]): Set<string> => {
  const all = new Set<string>();
  for (const { given } of taken) for (const { identifier } of given) if (identifier !== undefined) all.add(identifier);
  return all;
};

const eventsOf = (taken: readonly Waiting[]): number => taken.reduce((sum, { given }) => sum + given.length, 0);

type Waiting = { given: readonly UsageGiven[]; resolve(recorded: Recorded[]): void; reject(error: unknown): void };

class Gatherer {
  private readonly app: App;
  private readonly queues = new Map<number, { world: World; waiting: Waiting[]; events: number }>();
  private writers = 0;
  /** The identifiers that the writers are recording, by world: two never record one at the same time, since one of them would have to begin again. */
  private readonly underWay = new Map<number, Set<ReadonlySet<string>>>();
  /** The writer that waits for so many requests, by world. */
  private readonly awaited = new Map<number, { requests: number; go(): void }>();
  constructor(app: App) {
    this.app = app;
  }

  put(world: World, waiting: Waiting): void {
    const queue = this.queues.get(world.id) ?? { world, waiting: [], events: 0 };
    this.queues.set(world.id, queue);
    queue.waiting.push(waiting);
    queue.events += waiting.given.length;
    const awaited = this.awaited.get(world.id);
    if (awaited && (queue.waiting.length >= awaited.requests || queue.events >= ENOUGH_EVENTS)) awaited.go();
    if (this.writers === WRITERS || !this.isDue(world, queue.events)) return;
    this.writers += 1;
    // What comes in the same turn of the event loop goes along.
    setImmediate(() => void this.write());
  }

  /** Whether what waits of a world is to be written now. */
  private isDue(world: World, events: number): boolean {
    return events >= ENOUGH_EVENTS || !this.underWay.get(world.id)?.size;
  }

  private async write(): Promise<void> {
    for (let next = this.take(); next; next = this.take()) {
      const { world, taken } = next;
      const underWay = this.underWay.get(world.id) ?? new Set();
      this.underWay.set(world.id, underWay);
      const own = identifiersOf(taken);
      underWay.add(own);
      const began = this.app.clock.milliseconds();
      await this.recordAll(world, taken);
      const took = this.app.clock.milliseconds() - began;
      if (taken.length > 1 && !this.awaited.has(world.id)) await this.again(world, taken.length, Math.min(took, MOST_MS));
      underWay.delete(own);
    }
    this.writers -= 1;
  }

  /** Returns when as many requests wait as waited before and were answered, or after a moment. */
  private again(world: World, answered: number, most_ms: number): Promise<void> {
    const { waiting, events } = this.queues.get(world.id) ?? { waiting: [], events: 0 };
    if (events >= ENOUGH_EVENTS) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => go(), most_ms);
      const go = (): void => {
        clearTimeout(timer);
        this.awaited.delete(world.id);
        resolve();
      };
      this.awaited.set(world.id, { requests: answered + waiting.length, go });
    });
  }

  /** The events of one world, the worlds in turn. What another writer is recording waits until that is done. */
  private take(): { world: World; taken: Waiting[] } | null {
    for (const { world, waiting, events } of [...this.queues.values()]) {
      if (!this.isDue(world, events)) continue;
      const others = [...(this.underWay.get(world.id) ?? [])];
      let count = 0;
      const until = waiting.findIndex(({ given }, n) => ((count += given.length) > MOST_EVENTS && n > 0) || others.some((other) => given.some(({ identifier }) => identifier !== undefined && other.has(identifier))));
      if (until === 0) continue;
      this.queues.delete(world.id);
      if (until > 0) this.queues.set(world.id, { world, waiting: waiting.slice(until), events: eventsOf(waiting.slice(until)) });
      return { world, taken: until < 0 ? waiting : waiting.slice(0, until) };
    }
    return null;
  }

  private async recordAll(world: World, taken: readonly Waiting[]): Promise<void> {
    try {
      const recorded = await this.tried(world, taken.flatMap(({ given }) => given));
      let from = 0;
      for (const { given, resolve, reject } of taken) {
        const own = recorded.slice(from, (from += given.length));
        const failure = own.find((each) => each instanceof Error);
        if (failure) reject(failure);
        else resolve(own as Recorded[]);
      }
    } catch (error) {
      if (taken.length === 1 || passing(error) === 'unreachable') taken.forEach(({ reject }) => reject(error));
      else {
        this.app.log.warn('Usage events could not be recorded together, and are each by itself.', told(error));
        for (const each of taken) await this.recordAll(world, [each]);
      }
    }
  }

  private async tried(world: World, given: readonly UsageGiven[]): Promise<(Recorded | Error)[]> {
    for (let tries = 1; ; tries += 1) {
      try {
        if (this.app.intake) return await accept(this.app, this.app.intake, world, given);
        return await inContext(this.app, world, (ctx) => record(ctx, given, { gathered: true }));
      } catch (error) {
        if (tries === TRIES || passing(error) !== 'contended') throw error;
      }
    }
  }
}

const gatherers = new WeakMap<App, Gatherer>();

/** Records events together with those of other requests. Answers each as `record` does; rejects where nothing is known to be recorded, and the same can be sent again. */
export function recordTogether(app: App, world: World, given: readonly UsageGiven[]): Promise<Recorded[]> {
  let gatherer = gatherers.get(app);
  if (!gatherer) gatherers.set(app, (gatherer = new Gatherer(app)));
  return new Promise((resolve, reject) => gatherer.put(world, { given, resolve, reject }));
}
