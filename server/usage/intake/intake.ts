/**
 * The way by which usage is acknowledged beyond one machine: a JetStream stream for each partition, from which workers count. JetStream is a buffer and never the record: what was counted stands in PostgreSQL
 * together with how far that has come, and whatever a stream delivers twice is a repetition there.
 */
import { jetstream, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { Refusal } from '../../../billing/decision.ts';
import type { Clock } from '../../clock.ts';
import type { Database } from '../../database/database.ts';
import { rows, sql } from '../../database/sql.ts';
import { told, type Log } from '../../log.ts';
import { PARTITIONS } from './message.ts';

/** A publication that is not acknowledged is sent again, under its name, for so long. */
const PUBLISHING_MS = 10_000;
const PUBLISH_TIMEOUT_MS = 2_000;
const PAUSE_MS = 100;
/** How often it is looked whether usage has been counted that is waited for. */
const LOOK_MS = 20;
/** Where counting is known to be behind, nobody waits longer than this for it to catch up. */
const BEHIND_MS = 250;

/** The end of a stream: how many messages it has had, and when it was made. */
type End = { partition: number; stream: string; last: number };

export class Intake {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  readonly client: JetStreamClient;
  /** What the names of the streams begin with. */
  readonly name: string;
  connected = true;
  private readonly database: Database;
  private readonly clock: Clock;
  private readonly log: Log;
  private behind = false;
  constructor(connection: NatsConnection, manager: JetStreamManager, name: string, house: { database: Database; clock: Clock; log: Log }) {
    this.connection = connection;
    this.manager = manager;
    this.client = jetstream(connection);
    this.name = name;
    this.database = house.database;
    this.clock = house.clock;
    this.log = house.log;
  }

  stream(partition: number): string {
    return streamName(this.name, partition);
  }

  /** Returns once the stream has acknowledged the message. Its name lets the stream drop a second publication of it. Throws where nobody knows whether it is kept. */
  async publish(partition: number, name: string, text: string): Promise<void> {
    const until = this.clock.milliseconds() + PUBLISHING_MS;
    for (;;) {
      try {
        await this.client.publish(subjectName(this.name, partition), text, { msgID: name, timeout: PUBLISH_TIMEOUT_MS, expect: { streamName: this.stream(partition) } });
        return;
      } catch (error) {
        if (this.connection.isClosed() || this.clock.milliseconds() + PAUSE_MS > until) {
          this.log.warn('NATS did not acknowledge usage in time, and its sender was told to send it again.', { stream: this.stream(partition), ...told(error) });
          throw new Refusal(undefined, 'Kontor cannot reach the stream that keeps usage right now. Nothing is lost: repeat the request, with the same identifiers or the same idempotency key.', undefined, { type: 'api_error', status: 503, should_retry: true });
        }
        await sleep(PAUSE_MS);
      }
    }
  }

  /** How far each stream has come. Throws where one cannot be asked. */
  async ends(): Promise<End[]> {
    if (!this.connected) throw new Error('There is no connection to NATS.');
    return Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => this.endOf(partition)));
  }

  private async endOf(partition: number): Promise<End> {
    const { created, state } = await this.manager.streams.info(this.stream(partition));
    return { partition, stream: String(created), last: state.last_seq };
  }

  /** Which of the streams have not been counted as far as this. */
  private async uncounted(ends: readonly End[]): Promise<number[]> {
    const found = await rows<{ partition: number; stream: string; sequence: bigint }>(this.database.pool, sql`select partition, stream, sequence from usage_partitions`);
    const counted = new Map(found.map((each) => [each.partition, each]));
    return ends.filter(({ partition, stream, last }) => last > 0 && !(counted.get(partition)?.stream === stream && counted.get(partition)!.sequence >= last)).map(({ partition }) => partition);
  }

  /**
   * Waits until all usage is counted that was acknowledged before this was called, by any process; no longer than `patience` milliseconds. Returns whether it is. With `hurried`, what is known to be
   * behind is not waited for at such length again.
   */
  async settle(patience: number, hurried = false): Promise<boolean> {
    const until = this.clock.milliseconds() + (hurried && this.behind ? Math.min(patience, BEHIND_MS) : patience);
    let ends: End[] | null = null;
    for (;;) {
      ends ??= await this.ends().catch(() => null);
      const missing = ends && (await this.uncounted(ends));
      if (missing?.length === 0) {
        if (this.behind) await this.sayBehind([]);
        this.behind = false;
        return true;
      }
      if (this.connection.isClosed() || this.clock.milliseconds() + LOOK_MS > until) {
        this.behind = true;
        await this.sayBehind(missing ?? Array.from({ length: PARTITIONS }, (_, partition) => partition));
        return false;
      }
      await sleep(LOOK_MS);
    }
  }

  /** Waits until all usage of one partition is counted that was acknowledged before this was called; no longer than `patience` milliseconds. Returns whether it is. */
  async reaches(partition: number, patience: number): Promise<boolean> {
    const until = this.clock.milliseconds() + patience;
    const end = await this.endOf(partition).catch(() => null);
    for (; end !== null; await sleep(LOOK_MS)) {
      if ((await this.uncounted([end])).length === 0) return true;
      if (this.clock.milliseconds() + LOOK_MS > until) return false;
    }
    return false;
  }

  /** Notes since when which partitions are behind, for `kontor verify`. */
  private async sayBehind(partitions: readonly number[]): Promise<void> {
    const now = sql`to_timestamp(${this.clock.now()}::bigint)`;
    await rows(this.database.pool, sql`update usage_leases set behind_since = case when partition = any(${partitions}::integer[]) then coalesce(behind_since, ${now}) end where (behind_since is null) = (partition = any(${partitions}::integer[]))`);
  }

  async close(): Promise<void> {
    await this.connection.close();
  }
}

export const streamName = (name: string, partition: number): string => `${name}_${partition}`;
export const subjectName = (name: string, partition: number): string => `${name.toLowerCase().replaceAll('_', '.')}.${partition}`;
