/**
 * Usage through three servers of JetStream that write to the disk before they acknowledge, against usage that is counted at once: accepted while nobody counts, then counted, then both at a time. What an event costs each
 * of the processes is told as their processor time, which is steadier than a rate on a shared machine.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Secret } from '../../server/secret.ts';
import { startCounting } from '../../server/workers.ts';
import { findNats } from '../nats/program.ts';
import { passingDirectory, startNats, type NatsServers } from '../nats/servers.ts';
import type { Line } from './bench.ts';
import { openHouse, type House } from './house.ts';
import { CUSTOMERS, load, prepare } from './usage.ts';

const BATCHES = 100;
const BATCH = 1_000;
const PATIENCE_MS = 300_000;

/** Processor time of Kontor's process, of PostgreSQL and of a server of NATS in seconds, and the bytes of PostgreSQL's log. */
type Cost = { node: number; postgres: number; nats: number; log: number };

/** Processor time of a process and of those of its children that are gone, in seconds. */
function timeOf(pid: number, gone = false): { parent: number; seconds: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ').map(Number);
  return { parent: fields[1]!, seconds: (fields[11]! + fields[12]! + (gone ? fields[13]! + fields[14]! : 0)) / 100 };
}

async function costs(house: House, nats: NatsServers): Promise<Cost> {
  const { rows: [backend] } = await house.database.pool.query<{ pid: number; log: string }>(`select pg_backend_pid() as pid, (pg_current_wal_insert_lsn() - '0/0')::text as log`);
  const postmaster = timeOf(backend!.pid).parent;
  let postgres = timeOf(postmaster, true).seconds;
  for (const pid of readdirSync('/proc').map(Number).filter((each) => each > 0)) {
    try {
      const { parent, seconds } = timeOf(pid);
      if (parent === postmaster) postgres += seconds;
    } catch {
      // It has ended meanwhile.
    }
  }
  const { user, system } = process.cpuUsage();
  return { node: (user + system) / 1e6, postgres, nats: nats.servers.reduce((sum, each) => sum + timeOf(each.pid()).seconds, 0) / nats.servers.length, log: Number(backend!.log) };
}

/** Events a second, and what an event has cost in microseconds. */
async function measured(house: House, nats: NatsServers, work: () => Promise<unknown>): Promise<{ rate: number; cost: string }> {
  const [before, started] = [await costs(house, nats), performance.now()];
  await work();
  const [seconds, after] = [(performance.now() - started) / 1_000, await costs(house, nats)];
  const events = BATCHES * BATCH;
  const of = (which: keyof Cost) => (after[which] - before[which]) / events;
  const micros = (which: keyof Cost) => `${Math.round(of(which) * 1e6)} µs`;
  return { rate: events / seconds, cost: `an event costs Node ${micros('node')}, PostgreSQL ${micros('postgres')} and ${Math.round(of('log'))} bytes of its log, each server of NATS ${micros('nats')}` };
}

async function send(house: House, name: string): Promise<void> {
  const { failed } = await load({ url: house.running.url, key: house.key, customers: CUSTOMERS, path: '/v1/kontor/usage/events', connections: 8, batches: BATCHES, size: BATCH, name });
  if (failed > 0) throw new Error(`${failed} requests with usage failed.`);
}

async function counted(house: House): Promise<void> {
  if (!(await house.running.app.intake!.settle(PATIENCE_MS))) throw new Error('Usage is not counted after five minutes.');
}

export async function measureJetstream(events: number, print: (line: Line) => void, say: (sentence: string) => void): Promise<void> {
  const program = await findNats();
  if (typeof program === 'string') return say(`JetStream is not measured. ${program}`);
  const nats = await startNats(program, await passingDirectory(tmpdir()), { count: 3 });
  try {
    await nats.ready();
    const direct = await openHouse();
    const at = await prepare(direct, events).then(() => measured(direct, nats, () => send(direct, 'at once'))).finally(() => direct.close());
    const house = await openHouse(undefined, { url: new Secret(nats.url), monitors: nats.monitors, creds_file: null, stream: 'KONTOR_USAGE' });
    try {
      await prepare(house, events);
      const told = ({ rate, cost }: { rate: number; cost: string }) => `${Math.round(rate)} events/s, ${cost}; at once ${Math.round(at.rate)} events/s, ${at.cost}`;
      const accepted = await measured(house, nats, () => send(house, 'accepted'));
      const streams = await Promise.all((await house.running.app.intake!.ends()).map(async ({ partition }) => (await house.running.app.intake!.manager.streams.info(`KONTOR_USAGE_${partition}`)).state));
      say(`${streams.reduce((sum, each) => sum + each.messages, 0)} messages of ${Math.round(streams.reduce((sum, each) => sum + each.bytes, 0) / (BATCHES * BATCH))} bytes an event.`);
      print({ name: 'Accepted by JetStream ÷ counted at once', ratio: accepted.rate / at.rate, target: 1, detail: told(accepted) });
      let counting: ReturnType<typeof startCounting> | undefined;
      const folded = await measured(house, nats, async () => {
        counting = startCounting(house.running.app);
        await counted(house);
      });
      print({ name: 'Counted from JetStream ÷ counted at once', ratio: folded.rate / at.rate, target: 1, detail: told(folded) });
      const both = await measured(house, nats, async () => {
        await send(house, 'both');
        await counted(house);
      });
      print({ name: 'Accepted and counted ÷ counted at once', ratio: both.rate / at.rate, target: 0.5, detail: told(both) });
      await (counting as ReturnType<typeof startCounting> | undefined)?.stop();
    } finally {
      await house.close();
    }
  } finally {
    await nats.stop();
  }
}
