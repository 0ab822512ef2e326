/** Reads a partition's stream from where counting stands, and hands on what arrives, in order and as much at once as has gathered. */
import { AckPolicy, DeliverPolicy, type Consumer, type ConsumerMessages } from '@nats-io/jetstream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { App } from '../../context.ts';
import { row, sql } from '../../database/sql.ts';
import { told } from '../../log.ts';
import { countMessages, type Delivered } from './fold.ts';
import type { Intake } from './intake.ts';
import { recordLoss } from './losses.ts';
import { readMessage } from './message.ts';

/** A transaction counts no more events than this, unless one message brings more. */
const MOST_EVENTS = 5_000;
/** Where so many events wait in memory, nothing more is taken; and so many bytes are asked for at once. */
const MOST_WAITING = 2 * MOST_EVENTS;
const MOST_BYTES = 2_000_000;
const WAIT_MS = 2_000;
/** A consumer that nobody asks is removed by NATS after so long. */
const IDLE_NS = 30e9;
/** Where a partition cannot be read, the next try is made after so long, and after twice as long each further time. */
const PAUSE_MS = 200;
const LONGEST_MS = 5_000;

/** Lets so many at once do something, in the order in which they came. */
export class Turns {
  private free: number;
  private readonly waiting: (() => void)[] = [];
  constructor(free: number) {
    this.free = free;
  }

  async take<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free += 1;
    }
  }
}

/** The header that names a message, for what published it twice. */
const NAME = 'Nats-Msg-Id';
const nameless = (sequence: number): string => `message ${sequence}`;

/** A server that has just become a stream's leader may still be about to learn its last messages. */
const CATCHING_UP_MS = 10_000;

type Position = { stream: string; sequence: bigint; message: string };

export class Reader {
  private readonly app: App;
  private readonly intake: Intake;
  private readonly partition: number;
  private readonly turns: Turns;
  private readonly done: Promise<void>;
  private readonly stopped = new AbortController();
  private shortSince: number | null = null;
  private fetched: ConsumerMessages | null = null;
  private wake: () => void = () => undefined;
  constructor(app: App, intake: Intake, partition: number, turns: Turns) {
    this.app = app;
    this.intake = intake;
    this.partition = partition;
    this.turns = turns;
    this.done = this.run();
  }

  private get stopping(): boolean {
    return this.stopped.signal.aborted;
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    this.fetched?.stop();
    this.wake();
    await this.done;
  }

  private async run(): Promise<void> {
    for (let failures = 0; !this.stopping; failures += 1) {
      try {
        const place = await this.findPlace();
        await this.readOn(place, () => { failures = 0; });
      } catch (error) {
        if (!this.stopping && this.intake.connected) this.app.log.warn('A partition of usage cannot be read right now, and is tried again.', { partition: this.partition, ...told(error) });
      }
      if (!this.stopping) await sleep(Math.min(LONGEST_MS, PAUSE_MS * 2 ** failures), undefined, { signal: this.stopped.signal }).catch(() => undefined);
    }
  }

  /**
   * The number of the message behind which counting goes on. Where the stream is not the one that was counted, or has lost its end, it is counted from its beginning: what was counted before is a
   * repetition. What it should hold and does not is put on record.
   */
  private async findPlace(): Promise<number> {
    const { created, state } = await this.intake.manager.streams.info(this.intake.stream(this.partition));
    const stream = String(created);
    const before = (await row<Position>(this.app.database.pool, sql`select stream, sequence, message from usage_partitions where partition = ${this.partition}`))!;
    const at = Number(before.sequence);
    const begin = Math.max(0, state.first_seq - 1);
    if (before.stream === stream && state.last_seq < at) this.refuseYet();
    this.shortSince = null;
    if (before.stream === stream && at >= begin && (at === begin || (await this.nameOf(at)) === before.message)) return at;
    if (before.stream === stream && at < begin) await this.record({ stream, since: at + 1, upto: begin + 1 });
    else if (before.stream !== '' && at > 0) await this.record({ stream: before.stream, since: at + 1, upto: null });
    await row(this.app.database.pool, sql`update usage_partitions set stream = ${stream}, sequence = ${begin}, message = '', marked = 0, marked_at = null where partition = ${this.partition} and stream = ${before.stream} and sequence = ${at}`);
    return begin;
  }

  /** Throws while a stream that ends before the place is given time to catch up. */
  private refuseYet(): void {
    const now = this.app.clock.milliseconds();
    this.shortSince ??= now;
    if (now - this.shortSince < CATCHING_UP_MS) throw new Error('The stream ends before what was counted of it.');
  }

  private async nameOf(sequence: number): Promise<string | null> {
    const message = await this.intake.manager.streams.getMessage(this.intake.stream(this.partition), { seq: sequence });
    return message && (message.header.get(NAME) || nameless(sequence));
  }

  private async record(lost: { stream: string; since: number; upto: number | null }): Promise<void> {
    const { app, partition } = this;
    const end = 'A stream of usage was made anew or has lost its end. What it had acknowledged and nobody had counted is gone.';
    app.log.error(lost.upto === null ? end : 'Messages of usage that were acknowledged are gone before they were counted.', { partition, ...lost });
    await recordLoss(app, app.database.pool, { partition, ...lost });
  }

  /** Reads and counts until something goes wrong, or somebody else has counted. `succeed` is told of each success. */
  private async readOn(from: number, succeed: () => void): Promise<void> {
    const stream = this.intake.stream(this.partition);
    // Kept in memory by one server: where it is lost, another one is made, since PostgreSQL knows the place.
    const { name } = await this.intake.manager.consumers.add(stream, { ack_policy: AckPolicy.None, deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from + 1, inactive_threshold: IDLE_NS, mem_storage: true, num_replicas: 1 });
    const arrived: Delivered[] = [];
    const reading = { failed: null as unknown, room: () => undefined as void };
    const fetching = this.fetch(await this.intake.client.consumers.get(stream, name), arrived, reading);
    try {
      await this.countAll(from, arrived, reading, succeed);
    } finally {
      reading.failed ??= new Error('Counting has ended.');
      this.fetched?.stop();
      reading.room();
      await fetching;
      await this.intake.manager.consumers.delete(stream, name).catch(() => undefined);
    }
  }

  /** Puts what arrives to the others, as long as there is room. */
  private async fetch(consumer: Consumer, arrived: Delivered[], reading: { failed: unknown; room: () => void }): Promise<void> {
    try {
      while (!this.stopping && reading.failed === null) {
        this.fetched = await consumer.fetch({ max_bytes: MOST_BYTES, expires: WAIT_MS });
        for await (const message of this.fetched) {
          arrived.push({ ...readMessage(message.string()), sequence: message.seq, name: message.headers?.get(NAME) || nameless(message.seq) });
          this.wake();
          if (this.stopping || reading.failed !== null) return;
          if (arrived.reduce((sum, { events }) => sum + events.length, 0) >= MOST_WAITING) await new Promise<void>((resolve) => { reading.room = resolve; });
        }
      }
    } catch (error) {
      reading.failed ??= error;
    } finally {
      this.wake();
    }
  }

  private async countAll(from: number, arrived: Delivered[], reading: { failed: unknown; room: () => void }, succeed: () => void): Promise<void> {
    for (let at = from; ; ) {
      if (arrived.length === 0) {
        if (this.stopping) return;
        if (reading.failed !== null) throw reading.failed;
        await new Promise<void>((resolve) => { this.wake = resolve; });
        continue;
      }
      if (this.stopping) return;
      await this.turns.take(async () => {
        const taken = takeSome(arrived, at);
        reading.room();
        if (!(await countMessages(this.app, this.partition, at, taken))) throw new Error('Somebody else counts this partition.');
        at = taken.at(-1)!.sequence;
        succeed();
      });
    }
  }
}

/** The next messages, up to so many events. Throws where one is missing between them. */
function takeSome(arrived: Delivered[], from: number): Delivered[] {
  let events = 0;
  const end = arrived.findIndex((each, n) => (events += each.events.length) > MOST_EVENTS && n > 0);
  const taken = arrived.splice(0, end < 0 ? arrived.length : end);
  const gap = taken.find(({ sequence }, n) => sequence !== from + n + 1);
  if (gap) throw new Error(`Message ${gap.sequence} came where another one was expected.`);
  return taken;
}
