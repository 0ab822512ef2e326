/**
 * What becomes of usage events that are past their time where they are to be archived: before a slot is dropped, its events are written to a file, one as JSON in each line, compressed by gzip, and the file is read back. Beside
 * it is its manifest, which is written last: an archive is there once its manifest is. Whatever stops the writing, the slot stays, and is written anew.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import type { App, World } from '../context.ts';
import { rows, sql } from '../database/sql.ts';
import { inWorld, overAllWorlds } from '../database/world.ts';
import { StartRefused } from '../refused.ts';
import { SLOT_S } from './slots.ts';

/** An event as it is archived. `timestamp`, `created` and `canceled_at` are in Unix seconds; what would not fit a JSON number is a string. */
export type ArchivedEvent = {
  account: string;
  livemode: boolean;
  meter: string | null;
  event_name: string;
  identifier: string;
  customer: string;
  timestamp: number;
  value: string | null;
  /** JSON with sorted keys; empty for a meter without dimensions. */
  dimensions: string;
  payload: unknown;
  created: number;
  /** When it was taken back; null where it counts. */
  canceled_at: number | null;
  /** As Kontor keeps it. */
  world: number;
  key: string;
  series: string;
  number: string;
};

/** What is in an archive: the events received in `[from, until)`, how many they are, and the SHA-256 of the file. */
type Manifest = { format: 1; slot: number; from: string; until: string; events: number; bytes: number; sha256: string };

const day = (slot: number): string => new Date(slot * SLOT_S * 1_000).toISOString().slice(0, 10);
const fileOf = (slot: number): string => `usage_events_${day(slot)}_${day(slot + 1)}.ndjson.gz`;
const manifestOf = (file: string): string => `${file}.manifest.json`;

/** So many events are read at once. */
const PORTION = 5_000;

async function* eventsOf(app: Pick<App, 'database'>, world: World, slot: number): AsyncGenerator<string> {
  // Keys are what a slot is ordered by, so that each portion begins where the one before it ended.
  for (let last: bigint | null = null; ; ) {
    const found: (Omit<ArchivedEvent, 'account' | 'livemode'> & { at: bigint })[] = await inWorld(app.database.pool, world, (tx) => rows(tx, sql`
      select e.meter, e.event_name, e.identifier, e.customer, e.timestamp, trim_scale(e.value) as value, e.dimensions, e.payload, e.created, c.canceled_at, e.world, e.key::text as key, e.series::text as series, e.number::text as number,
        e.key as at
      from meter_events e left join meter_event_cancellations c on c.slot = e.slot and c.key = e.key and c.reverted_at is null
      where e.slot = ${slot} and (${last}::bigint is null or e.key > ${last}::bigint) order by e.key limit ${PORTION}`));
    for (const { at, ...event } of found) {
      last = at;
      yield `${JSON.stringify({ account: world.account, livemode: world.livemode, ...event })}\n`;
    }
    if (found.length < PORTION) return;
  }
}

/** Writes a file that is there as a whole or not at all: under another name until it is on the disk. */
async function writeWhole(path: string, from: AsyncIterable<string | Buffer> | Iterable<string | Buffer>): Promise<void> {
  const file = await open(`${path}.part`, 'w', 0o600);
  try {
    await file.writeFile(from);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.part`, path);
  const directory = await open(dirname(path), 'r');
  await directory.sync().finally(() => directory.close());
}

/** Archives a slot of which no event comes any more, and reads back what was written. Throws where anything is not as it should be. */
export async function archiveSlot(app: Pick<App, 'database'>, slot: number, directory: string): Promise<Manifest & { file: string }> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const worlds = await overAllWorlds(app.database.pool, (tx) => rows<World>(tx, sql`select id, account, livemode from worlds order by id`));
  const path = join(directory, fileOf(slot));
  const hash = createHash('sha256');
  let [events, bytes] = [0, 0];
  async function* lines() {
    for (const world of worlds) {
      for await (const line of eventsOf(app, world, slot)) {
        events += 1;
        yield line;
      }
    }
  }
  async function* hashed(chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      hash.update(chunk);
      bytes += chunk.length;
      yield chunk;
    }
  }
  await pipeline(lines, createGzip(), (chunks: AsyncIterable<Buffer>) => writeWhole(path, hashed(chunks)));
  const manifest: Manifest = { format: 1, slot, from: day(slot), until: day(slot + 1), events, bytes, sha256: hash.digest('hex') };
  await writeWhole(manifestOf(path), [`${JSON.stringify(manifest, null, 2)}\n`]);
  await verifyArchive(path);
  return { ...manifest, file: path };
}

async function readManifest(path: string): Promise<Manifest> {
  const file = manifestOf(path);
  const text = await readFile(file, 'utf8').catch((error: Error) => { throw new StartRefused(`The manifest ${file} cannot be read: ${error.message}. Without it an archive is not complete.`); });
  try {
    const read = JSON.parse(text) as Manifest;
    if (read.format !== 1 || !Number.isSafeInteger(read.slot) || !Number.isSafeInteger(read.events) || typeof read.sha256 !== 'string') throw new Error('it is of another make');
    return read;
  } catch (error) {
    throw new StartRefused(`The manifest ${file} is no manifest of Kontor's: ${(error as Error).message}.`);
  }
}

/** The events of an archive, one after the other. */
export async function* readArchive(path: string): AsyncGenerator<ArchivedEvent> {
  const unpacked = createGunzip();
  const packed = createReadStream(path).on('error', (error) => unpacked.destroy(error));
  packed.pipe(unpacked);
  for await (const line of createInterface({ input: unpacked, crlfDelay: Infinity })) yield JSON.parse(line) as ArchivedEvent;
}

/** Whether an archive is what its manifest says, read from the disk; refused where it is not. */
export async function verifyArchive(path: string): Promise<Manifest> {
  const manifest = await readManifest(path);
  const broken = (what: string): never => { throw new StartRefused(`The archive ${basename(path)} is not what was written: ${what}.`); };
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  } catch (error) {
    broken((error as Error).message);
  }
  if (hash.digest('hex') !== manifest.sha256) broken(`its SHA-256 is not ${manifest.sha256}`);
  let events = 0;
  for await (const _ of readArchive(path)) events += 1;
  if (events !== manifest.events) broken(`it has ${events} events and not ${manifest.events}`);
  return manifest;
}
