/** Whether NATS can be trusted with usage: what must be so is refused at start where it is not, and what should be so is said. Pure, so that each of its sentences is tested. */

/** A stream as NATS describes it. Durations are nanoseconds; -1 and 0 are none. */
export type StreamFacts = { name: string; description?: string; storage: string; num_replicas: number; retention: string; discard: string; max_age: number; max_bytes: number; max_msgs: number; max_msgs_per_subject: number; max_msg_size?: number; duplicate_window?: number; sealed?: boolean };

export type Facts = {
  version: string;
  max_payload: number;
  /** How servers write to the disk, as far as they could be asked: each address with `always`, an interval in words, or null where it does not say. */
  disks: readonly { server: string; sync: string | null }[];
  streams: readonly StreamFacts[];
  /** What Kontor writes into a stream's description, which no other installation does. */
  mark: string;
};

type Health = { refusals: string[]; warnings: string[] };

/** A message is half as long at most. */
const LEAST_PAYLOAD = 1_048_576;
/** From here on acknowledged messages survive the faults that are known to lose them in earlier versions. */
const SOUND = [2, 12, 3] as const;
const REPLICAS = 3;
const MINUTE_NS = 60e9;

function older(version: string, than: readonly number[]): boolean {
  const parts = version.split(/[.-]/).map(Number);
  for (const [n, least] of than.entries()) {
    const part = parts[n] ?? 0;
    if (part !== least) return !(part > least);
  }
  return false;
}

export function healthOf({ version, max_payload, disks, streams, mark }: Facts): Health {
  const refusals: string[] = [];
  const warnings: string[] = [];
  if (max_payload < LEAST_PAYLOAD) refusals.push(`NATS takes messages of ${max_payload} bytes at most. Set max_payload to 1MB or more.`);
  if (older(version, SOUND)) warnings.push(`NATS is version ${version}. Versions before ${SOUND.join('.')} are known to lose messages that they have acknowledged when servers fail: update it.`);
  if (disks.length === 0) warnings.push('Kontor cannot see whether NATS writes to the disk before it acknowledges. By default it does so two minutes later, and a power failure in between loses usage that Kontor has acknowledged. Set `sync_interval: always` in the jetstream block of each server, and name their monitoring addresses in KONTOR_NATS_MONITOR_URL to have it checked.');
  for (const { server, sync } of disks) {
    if (sync === null) warnings.push(`${server} does not say how it writes to the disk, as versions before 2.10 do not: a power failure can lose usage that was acknowledged up to two minutes before. Update it, and set \`sync_interval: always\` in its jetstream block.`);
    else if (sync !== 'always') warnings.push(`${server} acknowledges up to ${sync} before it writes to the disk: a power failure can lose usage that was acknowledged. Set \`sync_interval: always\` in its jetstream block.`);
  }
  const few = new Set<number>();
  for (const stream of streams) {
    const cannot = (what: string) => refusals.push(`The stream ${stream.name} ${what}`);
    if (stream.description !== mark) cannot('is not one that this Kontor has made: it belongs to another installation, or to something else. Name another beginning for its streams in KONTOR_NATS_STREAM, or give each installation a NATS account of its own.');
    if (stream.storage !== 'file') cannot('is kept in memory, and a restart would lose what was acknowledged. Remove it, and Kontor makes it anew in files.');
    if (stream.retention !== 'limits' || stream.sealed) cannot(`has the retention "${stream.sealed ? 'sealed' : stream.retention}". It must be "limits": Kontor removes what was counted by itself.`);
    if (stream.max_age > 0) cannot(`forgets messages after ${seconds(stream.max_age)}, counted or not. Set its max_age to 0; Kontor removes what was counted by itself.`);
    if (stream.discard !== 'new' || stream.max_msgs_per_subject > 0) cannot('throws old messages away where it is full, counted or not. Set its discard policy to "new" and no limit per subject: then new usage is refused instead, and the sender tries again.');
    if (stream.max_msg_size !== undefined && stream.max_msg_size > 0 && stream.max_msg_size < LEAST_PAYLOAD) cannot(`takes messages of ${stream.max_msg_size} bytes at most. Set its max_msg_size to -1.`);
    if ((stream.duplicate_window ?? 0) < MINUTE_NS) warnings.push(`The stream ${stream.name} forgets the names of messages after ${seconds(stream.duplicate_window ?? 0)}. Set its duplicate_window to two minutes; until then some messages may be kept, and found to be repetitions, twice.`);
    if (stream.num_replicas < REPLICAS) few.add(stream.num_replicas);
  }
  for (const replicas of few) warnings.push(`Usage is kept by ${replicas === 1 ? 'one server of NATS' : `${replicas} servers of NATS`} until it is counted: when ${replicas === 1 ? 'that server' : 'one of them'} is gone, usage is refused${replicas === 1 ? ', and when its disk is lost, so is what was acknowledged and not counted yet' : ''}. Run three servers as a cluster.`);
  return { refusals, warnings };
}

const seconds = (nanoseconds: number): string => `${nanoseconds / 1e9} seconds`;
