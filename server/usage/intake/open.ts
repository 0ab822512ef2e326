/** Opens the way to NATS at start: connects, makes the streams where they are not there, and looks whether they can be trusted with usage. */
import { DiscardPolicy, jetstreamManager, JetStreamApiError, RetentionPolicy, StorageType, type JetStreamManager, type StreamConfig, type StreamInfo } from '@nats-io/jetstream';
import { connect, credsAuthenticator, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../clock.ts';
import type { Database } from '../../database/database.ts';
import { row, sql } from '../../database/sql.ts';
import { told, type Log } from '../../log.ts';
import { StartRefused } from '../../refused.ts';
import type { Secret } from '../../secret.ts';
import { healthOf } from './health.ts';
import { Intake, streamName, subjectName } from './intake.ts';
import { PARTITIONS } from './message.ts';
import { askMonitors } from './monitor.ts';

/** As in the configuration. */
export type NatsSettings = {
  /** Addresses of servers, with commas between them. */
  readonly url: Secret;
  /** The file with the credentials of a NATS account that is kept by keys. */
  readonly creds_file: string | null;
  /** The servers' monitoring addresses. */
  readonly monitors: readonly string[];
  /** What the streams' names begin with. */
  readonly stream: string;
};

type House = { database: Database; clock: Clock; log: Log; sign(text: string): string };

const CONNECT_MS = 5_000;
const REQUEST_MS = 2_000;
const ELECTION_MS = 15_000;
const PAUSE_MS = 250;
const DUPLICATES_NS = 120e9;

/** Throws `StartRefused` where usage cannot be kept there; says in the log what could be lost and what to do about it. */
export async function openIntake(settings: NatsSettings, house: House): Promise<Intake> {
  const connection = await reach(settings);
  try {
    const manager = await patiently(house, () => jetstreamManager(connection, { timeout: REQUEST_MS })).catch((error: Error) => {
      throw new StartRefused(`JetStream is not to be had from the NATS of KONTOR_NATS_URL: ${error.message}. Turn it on by a jetstream block in the configuration of each server, and let the user publish to $JS.API.>.`);
    });
    const mark = `Usage of a Kontor (${house.sign('streams of usage').slice(0, 16)})`;
    const streams = await Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => patiently(house, () => ensureStream(manager, connection, settings.stream, partition, mark)).catch((error: Error) => noStream(settings, partition, error))));
    const { disks, unreachable } = await askMonitors(settings.monitors);
    for (const each of unreachable) house.log.warn(`The monitoring address of NATS does not answer. ${each}.`);
    const info = connection.info!;
    const { refusals, warnings } = healthOf({ version: info.version, max_payload: info.max_payload, disks, streams: streams.map(({ config }) => config), mark });
    if (refusals.length > 0) throw new StartRefused(refusals.join('\n'));
    for (const warning of warnings) house.log.warn(warning);
    const intake = new Intake(connection, manager, settings.stream, house);
    void follow(intake, house.log);
    return intake;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** Says so where usage went through streams before, which may hold some that nobody will count now. */
export async function warnOfStreams({ database, log }: Pick<House, 'database' | 'log'>): Promise<void> {
  const used = await row(database.pool, sql`select from usage_partitions where stream <> '' limit 1`);
  if (used) log.warn('Usage went through JetStream before, and KONTOR_NATS_URL is not set any more: what the streams still hold is not counted. docs/operating/usage-at-scale.md says how to leave them.');
}

async function reach({ url, creds_file }: NatsSettings): Promise<NatsConnection> {
  const servers = url.reveal().split(',').map((each) => new URL(each.trim()));
  const { username, password } = servers.find((each) => each.username !== '') ?? servers[0]!;
  const options: NodeConnectionOptions = { servers: servers.map(({ host }) => host), name: 'kontor', timeout: CONNECT_MS, maxReconnectAttempts: -1, reconnectTimeWait: 250, pingInterval: 10_000, maxPingOut: 2 };
  if (servers.some(({ protocol }) => protocol === 'tls:')) options.tls = {};
  if (creds_file !== null) {
    options.authenticator = credsAuthenticator(await readFile(creds_file).catch((error: Error) => {
      throw new StartRefused(`The file of KONTOR_NATS_CREDS, ${creds_file}, cannot be read: ${error.message}.`);
    }));
  } else if (password !== '') Object.assign(options, { user: decodeURIComponent(username), pass: decodeURIComponent(password) });
  else if (username !== '') options.token = decodeURIComponent(username);
  try {
    return await connect(options);
  } catch (error) {
    throw new StartRefused(`NATS cannot be reached at ${servers.map(({ host }) => host).join(', ')}: ${(error as Error).message}. Start it, or correct KONTOR_NATS_URL; without it, usage goes into PostgreSQL at once.`);
  }
}

/** JetStream's words for: there are not as many servers. */
const NO_PLACE = new Set([10005, 10074]);

/** Where the cluster has three servers, three keep each stream. A stream that fewer keep is spread where that has become possible; any other change of it is its operator's. */
async function ensureStream(manager: JetStreamManager, { info }: NatsConnection, prefix: string, partition: number, mark: string): Promise<StreamInfo> {
  const name = streamName(prefix, partition);
  const wanted = info?.cluster ? 3 : 1;
  const config: Partial<StreamConfig> & { name: string } = {
    name, subjects: [subjectName(prefix, partition)], description: mark, storage: StorageType.File, retention: RetentionPolicy.Limits, discard: DiscardPolicy.New, num_replicas: wanted,
    max_age: 0, max_bytes: -1, max_msgs: -1, max_consumers: -1, duplicate_window: DUPLICATES_NS, deny_delete: true,
  };
  const there = await manager.streams.info(name).catch((error: Error) => (error instanceof JetStreamApiError && error.status === 404 ? null : Promise.reject(error)));
  if (there === null) return manager.streams.add(config).catch((error: Error) => (noPlace(error) ? manager.streams.add({ ...config, num_replicas: 1 }) : Promise.reject(error)));
  if (there.config.num_replicas >= wanted || there.config.description !== mark) return there;
  return manager.streams.update(name, { num_replicas: wanted }).catch((error: Error) => (noPlace(error) ? there : Promise.reject(error)));
}

function noStream({ stream }: NatsSettings, partition: number, error: Error): never {
  throw new StartRefused(`The stream ${streamName(stream, partition)} can be neither found nor made: ${error.message}. It is made in the account of KONTOR_NATS_URL, which needs JetStream, room for it, and a majority of its servers.`);
}

/** While a cluster chooses a new leader, it answers nobody: what fails is tried again for a while. */
async function patiently<Result>({ clock }: House, work: () => Promise<Result>): Promise<Result> {
  for (const until = clock.milliseconds() + ELECTION_MS; ; await sleep(PAUSE_MS)) {
    try {
      return await work();
    } catch (error) {
      if (clock.milliseconds() > until) throw error;
    }
  }
}

const noPlace = (error: Error): boolean => error instanceof JetStreamApiError && NO_PLACE.has(error.code);

/** Notes and says when the connection is lost and there again. */
async function follow(intake: Intake, log: Log): Promise<void> {
  for await (const status of intake.connection.status()) {
    if (status.type === 'disconnect' && !intake.connection.isClosed()) {
      intake.connected = false;
      log.warn('The connection to NATS is lost. Until it is there again, usage is refused with 503, for its senders to try again.');
    } else if (status.type === 'reconnect') {
      intake.connected = true;
      log.info('The connection to NATS is there again.');
    } else if (status.type === 'error') log.warn('NATS complains.', told(status.error));
  }
}
