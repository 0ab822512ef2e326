import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { appendFile, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { UsageGiven } from '../../billing/usage.ts';
import { until } from '../../tests/awaited.ts';
import { startKontor } from '../../tests/kontor.ts';
import { machineClock } from '../clock.ts';
import { own } from '../../tests/own.ts';
import { readArchive, verifyArchive, type ArchivedEvent } from './archive.ts';
import { cancelEvents, latestEvent } from './cancel.ts';
import { countedFor } from './counted.ts';
import { record } from './record.ts';
import { restoreArchive } from './restore.ts';
import { SLOT_S, slotAt, turnSlots, USAGE_DAYS } from './slots.ts';

let ahead = 0;

const kontor = await startKontor({ clock: machineClock(() => Date.now() + ahead), works: false });
const directory = await mkdtemp(join(tmpdir(), 'kontor-archive-'));
after(async () => {
  await kontor.close();
  await rm(directory, { recursive: true });
});

const now = () => kontor.app.clock.now();
const put = async (events: UsageGiven[]) => (await kontor.inside((ctx) => record(ctx, events))).map(({ status }) => status);
const kept = async () => Number((await kontor.inside(({ tx }) => tx.query('select count(*) from meter_events'))).rows[0].count);

test('events that are past their time are dropped once they are in the archive, whatever stopped that before, and come back from it', async () => {
  const meter = await own<{ id: string }>(kontor.stripe, 'POST', 'meters', { display_name: 'Tokens', event_name: 'tokens', default_aggregation: { formula: 'sum' }, dimensions: ['model'] });
  const { id: customer } = await kontor.stripe.customers.create({});
  const events = Array.from({ length: 12 }, (_, n): UsageGiven => ({ event_name: 'tokens', identifier: `e${n}`, timestamp: now() - n, payload: { stripe_customer_id: customer, value: `${n}.50`, model: n % 2 ? 'opus' : 'mini', note: '“\n€' } }));
  assert.equal((await put(events)).every((status) => status === 'accepted'), true);
  const start = now();
  await kontor.inside(async (ctx) => cancelEvents(ctx, [(await latestEvent(ctx, 'tokens', 'e3'))!], now(), null));
  // Whole hours: parts of them are told by events.
  const hour = start - (start % 3_600);
  const used = () => kontor.inside(async ({ tx }) => (await countedFor(tx, [{ key: 'a', meter: meter.id, customer, start: hour - 3_600, end: hour + 3_600 }])).get('a'));
  const [counted, slot] = [await used(), slotAt(now())];
  ahead += 6 * SLOT_S * 1_000;

  // A file is in the place of the directory.
  await writeFile(join(directory, 'taken'), '');
  kontor.app.usage_archive = join(directory, 'taken');
  await turnSlots(kontor.app);
  assert.equal(await kept(), 12);

  // A process was killed while it wrote, another one before it wrote the manifest.
  kontor.app.usage_archive = join(directory, 'archive');
  await turnSlots({ ...kontor.app, usage_days: 36_500 });
  const day = (of: number) => new Date(of * SLOT_S * 1_000).toISOString().slice(0, 10);
  const file = join(directory, 'archive', `usage_events_${day(slot)}_${day(slot + 1)}.ndjson.gz`);
  assert.equal(existsSync(file), false);
  await mkdir(join(directory, 'archive'));
  await writeFile(`${file}.part`, 'half');
  await writeFile(file, 'older');
  await assert.rejects(verifyArchive(file), { message: /manifest .* cannot be read/ });
  await turnSlots(kontor.app);
  assert.equal(await kept(), 0);
  assert.deepEqual((await readdir(join(directory, 'archive'))).filter((name) => name.includes(day(slot))).sort(), [file, `${file}.manifest.json`].map((path) => path.split('/').at(-1)));

  const { events: number } = await verifyArchive(file);
  const read: ArchivedEvent[] = [];
  for await (const event of readArchive(file)) read.push(event);
  assert.equal(number, 12);
  assert.deepEqual(
    new Set(read.map(({ identifier, customer: whose, timestamp, value, dimensions, payload, livemode }) => JSON.stringify([identifier, whose, timestamp, value, dimensions, (payload as { note: string }).note, livemode]))),
    new Set(events.map((each, n) => JSON.stringify([each.identifier, customer, each.timestamp, `${n}.5`, `{"model":"${n % 2 ? 'opus' : 'mini'}"}`, '“\n€', false]))),
  );
  assert.deepEqual(read.filter((event) => event.canceled_at !== null).map((event) => event.identifier), ['e3']);
  assert.equal(await used(), counted);

  const restore = (usage_days: number) => kontor.database.asOwner((owner) => restoreArchive(owner, file, { now: now(), usage_days }));
  await assert.rejects(restore(USAGE_DAYS), { message: /Set KONTOR_USAGE_DAYS to \d+ or more/ });
  await put([{ ...events[0]!, identifier: 'later', timestamp: now() }]);
  ahead += 6 * SLOT_S * 1_000;
  await turnSlots(kontor.app);
  await assert.rejects(restore(36_500), { message: /Restore the archives of what came after it first/ });
  for (const name of (await readdir(join(directory, 'archive'))).filter((each) => each.endsWith('.gz') && each > file.split('/').at(-1)!).sort().reverse()) {
    await kontor.database.asOwner((owner) => restoreArchive(owner, join(directory, 'archive', name), { now: now(), usage_days: 36_500 }));
  }
  assert.deepEqual([await restore(36_500), await restore(36_500), await kept(), await used()], [12, 0, 13, counted]);

  await appendFile(file, 'x');
  await assert.rejects(verifyArchive(file), { message: /is not what was written: its SHA-256/ });
});

/** Archives in a process of its own, which may be killed. */
const CHILD = `
  import { connections } from './server/database/database.ts';
  import { turnSlots } from './server/usage/slots.ts';
  const { owner, app, now, directory } = JSON.parse(process.argv[1]);
  const database = connections({ connectionString: owner }, { connectionString: app }, { pool: 4, statement_timeout: 60_000 }, async () => undefined);
  await turnSlots({ clock: { now: () => now }, usage_days: 455, usage_archive: directory, database, log: { info() {}, warn: console.error } });`;

test('a process that is killed while it writes leaves all events where they are, and half a file that nobody takes for an archive; the next one writes the whole of it', async () => {
  await kontor.stripe.billing.meters.create({ display_name: 'Calls', event_name: 'calls', default_aggregation: { formula: 'sum' } });
  const { id: customer } = await kontor.stripe.customers.create({});
  await put(Array.from({ length: 20 }, (_, n) => ({ event_name: 'calls', identifier: `killed ${n}`, payload: { stripe_customer_id: customer, value: '1' } })));
  const [slot, there] = [slotAt(now()), await kept()];
  ahead += 6 * SLOT_S * 1_000;
  await turnSlots({ ...kontor.app, usage_days: 36_500 });
  const archive = join(directory, 'killed');
  const day = (of: number) => new Date(of * SLOT_S * 1_000).toISOString().slice(0, 10);
  const file = join(archive, `usage_events_${day(slot)}_${day(slot + 1)}.ndjson.gz`);

  await kontor.database.asOwner(async (owner) => {
    // It has begun to write, and waits for the events.
    await owner.query('begin; lock table meter_events in access exclusive mode');
    const child = spawn(process.execPath, ['--input-type=module', '-e', CHILD, JSON.stringify({ ...kontor.database.urls, now: now(), directory: archive })], { cwd: join(import.meta.dirname, '../..'), stdio: ['ignore', 'ignore', 'inherit'] });
    const ended = once(child, 'exit');
    await until(async () => {
      assert.equal(child.exitCode, null);
      return existsSync(archive) && (await readdir(archive)).some((name) => name.endsWith('.part'));
    });
    child.kill('SIGKILL');
    await ended;
    await owner.query('rollback');
  });
  assert.equal(await kept(), there);
  assert.equal((await readdir(archive)).every((name) => name.endsWith('.part')), true);
  const restore = (path: string) => kontor.database.asOwner((owner) => restoreArchive(owner, path, { now: now(), usage_days: 36_500 }));
  for (const name of await readdir(archive)) await assert.rejects(restore(join(archive, name)), { message: /manifest .* cannot be read.*Without it an archive is not complete/ });

  kontor.app.usage_archive = archive;
  // PostgreSQL may need a moment to see that the process is gone which held the lock.
  await until(async () => {
    await turnSlots(kontor.app);
    return (await kept()) === 0;
  });
  assert.equal((await verifyArchive(file)).events, 20);
  assert.equal((await readdir(archive)).some((name) => name.endsWith('.part')), false);

  // Half of a file that was whole, as after a copy that broke off: with its manifest it is refused too, and nothing of it comes back.
  const half = join(archive, 'half.ndjson.gz');
  await writeFile(half, (await readFile(file)).subarray(0, 100));
  await copyFile(`${file}.manifest.json`, `${half}.manifest.json`);
  await assert.rejects(restore(half), { message: /half\.ndjson\.gz is not what was written: its SHA-256/ });
  assert.equal(await kept(), 0);
});
