/**
 * Usage: events a second that are acknowledged (durable, counted once, in the rollups) against PostgreSQL taking the same rows by COPY into a table with a unique 64-bit key; and requests of one
 * event each against a Fastify route that answers JSON and touches no database. There are 10,000 customers, of whom the n-th reports in proportion to 1 ÷ n, and as many events as are asked for
 * in both tables before it begins.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import Fastify from 'fastify';
import { from as copyFrom } from 'pg-copy-streams';
import Stripe from 'stripe';
import { inWorld } from '../../server/database/world.ts';
import { ensureSlot, slotAt } from '../../server/usage/slots.ts';
import { DAYS_OF_HOURS } from '../../server/usage/tallies.ts';
import { verify } from '../../server/verify.ts';
import type { Line } from './bench.ts';
import { forCopy, type House } from './house.ts';
import type { Sent, UsageLoad } from './usage_load.ts';

export const CUSTOMERS = 10_000;
const BATCHES = 150;
const BATCH = 1_000;
const ROUNDS = 3;
const READINGS = 60;

const customer = (n: string): string => `'cus_' || lpad((${n})::text, 20, '0')`;
const sixtyFour = (text: string): string => `('x' || encode(substr(sha256(convert_to(${text}, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint`;

/** Customers, a meter, and so many events of the last month, with their rollups; the same events' columns in the table to compare with. */
export async function prepare(house: House, events: number): Promise<string> {
  const { stripe, world, database } = house;
  const { id: meter } = await stripe.billing.meters.create({ display_name: 'Usage', event_name: 'usage', default_aggregation: { formula: 'sum' } });
  const { id: original } = await stripe.customers.create({ name: 'Jenny' });
  const { app } = house.running;
  const now = app.clock.now();
  await ensureSlot(app, slotAt(now));
  const columns = app.columns.get('customers')!.columns.map(({ name }) => name);
  const values = columns.map((name) => ({ id: customer('n'), invoice_prefix: `'U' || n` })[name] ?? `o."${name}"`).join(', ');
  await inWorld(database.pool, world, async (tx) => {
    await tx.query('set local statement_timeout = 0');
    await tx.query(`insert into customers (${columns.map((name) => `"${name}"`).join(', ')}) select ${values} from customers o, generate_series(1, ${CUSTOMERS}) n where id = '${original}'`);
    // The n-th in proportion to 1 ÷ n: what exp(u × ln N) comes to.
    await tx.query(`
      insert into meter_events (slot, key, series, number, meter, event_name, identifier, customer, timestamp, value, dimensions, payload, created)
      select ${slotAt(now)}, ${sixtyFour(`'${meter}' || chr(31) || 'before ' || n`)}, ${sixtyFour(`'${world.id}' || chr(31) || '${meter}' || chr(31) || who`)}, ${now - 3_600}::bigint * 1000000 + n, '${meter}', 'usage', 'before ' || n, who, at, n % 100, '', null, at
      from (select n, ${customer(`floor(exp(random() * ln(${CUSTOMERS})))`)} as who, to_timestamp(${now} - floor(random() * 2592000)) as at from generate_series(1, ${events}) n) e`);
    await tx.query(`
      insert into meter_rollups (meter, customer, hour, dimensions, events, sum, largest, last, last_at, last_number, first_number)
      select meter, customer, date_trunc('hour', timestamp, 'UTC'), '', count(*), sum(value), max(value), (array_agg(value order by timestamp desc, number desc))[1], max(timestamp),
        (array_agg(number order by timestamp desc, number desc))[1], min(number) from meter_events group by 1, 2, 3`);
    await tx.query(`insert into meter_days (meter, customer, day, dimensions, events, sum) ${DAYS_OF_HOURS}`);
  });
  await database.asOwner(async (owner) => {
    await owner.query('create table copied (like meter_events including defaults); create unique index on copied (world, key); grant select, insert on copied to kontor_app');
    await owner.query(`set kontor.world = '${world.id}'`);
    await owner.query('insert into copied select * from meter_events');
    await owner.query('reset kontor.world');
    // As autovacuum would have by now.
    await owner.query('vacuum (analyze) customers, meter_events, meter_rollups, meter_days, copied');
  });
  await house.checkpoint();
  return meter;
}

/** Rows a second by COPY into the table with the unique key, of the rows that were recorded since a moment in milliseconds. */
async function copy(house: House, since: number): Promise<number> {
  return house.database.asOwner(async (owner) => {
    await owner.query(`set kontor.world = '${house.world.id}'`);
    const { rows } = await owner.query<{ line: string }>(`select concat_ws(E'\\t', world, slot, key # 4611686018427387904, series, number, meter, event_name, identifier, customer, timestamp, value, dimensions, '\\N', created) as line
      from meter_events where number >= ${since * 1_000}`);
    const text = Array.from({ length: Math.ceil(rows.length / BATCH) }, (_, n) => `${rows.slice(n * BATCH, (n + 1) * BATCH).map(({ line }) => line).join('\n')}\n`);
    const started = performance.now();
    await pipeline(Readable.from(text), forCopy(owner).query(copyFrom('copy copied from stdin')));
    return (rows.length / (performance.now() - started)) * 1_000;
  });
}

/** How many events there are. */
async function kept(house: House): Promise<number> {
  return inWorld(house.database.pool, house.world, async (tx) => {
    const { rows } = await tx.query<{ n: bigint }>('select coalesce(sum(events), 0) as n from (select events from meter_rollups union all select events from tallied_hours()) h');
    return Number(rows[0]!.n);
  });
}

export async function load(what: UsageLoad): Promise<Sent> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'usage_load.ts'), JSON.stringify(what)], { maxBuffer: 1 << 26 });
  return JSON.parse(stdout) as Sent;
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** What a customer's present usage and its cost take to answer, in milliseconds, for who reports most and for who reports next to nothing: that they take the same shows that nobody reads all events. */
async function readings(house: House, meter: string): Promise<Line[]> {
  const { stripe, running: { app } } = house;
  const { id: price } = await stripe.prices.create({ currency: 'usd', unit_amount_decimal: Stripe.Decimal.from('0.4'), recurring: { interval: 'month', usage_type: 'metered', meter }, product_data: { name: 'Usage' } });
  const now = app.clock.now();
  const [most, least] = ['1', String(CUSTOMERS - 1)].map((n) => `cus_${n.padStart(20, '0')}`) as [string, string];
  for (const customer of [most, least]) await stripe.subscriptions.create({ customer, items: [{ price }], collection_method: 'send_invoice', days_until_due: 30, backdate_start_date: now - 27 * 86_400, proration_behavior: 'none' });
  const hours = { start_time: now - (now % 3_600) - 86_400, end_time: now - (now % 3_600), value_grouping_window: 'hour' as const };
  const asked: [name: string, ask: (customer: string) => Promise<unknown>][] = [
    ['The present usage and its cost', (customer) => stripe.rawRequest('GET', `/v1/kontor/customers/${customer}/usage`)],
    ['A day by the hour', (customer) => stripe.billing.meters.listEventSummaries(meter, { customer, ...hours })],
  ];
  const lines: Line[] = [];
  for (const [name, ask] of asked) {
    const took = { most: [] as number[], least: [] as number[] };
    for (let n = 0; n < READINGS; n += 1) {
      for (const [who, customer] of [['most', most], ['least', least]] as const) {
        const started = performance.now();
        await ask(customer);
        took[who].push(performance.now() - started);
      }
    }
    const [of_most, of_least] = [median(took.most), median(took.least)];
    lines.push({ name: `${name}: least ÷ most used`, ratio: of_least / of_most, target: 0.5, detail: `${of_most.toFixed(1)} ms for who has most events, ${of_least.toFixed(1)} ms for who has fewest` });
  }
  return lines;
}

/** Bytes that an event takes with its indexes. */
async function bytesOf(house: House): Promise<number> {
  return house.database.asOwner(async (owner) => {
    await owner.query(`set kontor.world = '${house.world.id}'`);
    const { rows: [found] } = await owner.query<{ bytes: number }>(`select (select sum(pg_total_relation_size(inhrelid)) from pg_inherits where inhparent = 'meter_events'::regclass)::float / (select count(*) from meter_events) as bytes`);
    await owner.query('reset kontor.world');
    return Math.round(found!.bytes);
  });
}

/** A route that reads JSON and answers it, and does nothing else. */
async function openBare(): Promise<{ url: string; close(): Promise<void> }> {
  const server = Fastify({ logger: false });
  server.post('/*', async (request) => ({ object: 'bare', created: Date.now(), ...(request.body as object) }));
  return { url: await server.listen({ host: '127.0.0.1', port: 0 }), close: () => server.close() };
}

/** Returns how many events a second batches came to. */
export async function measureUsage(house: House, events: number, seconds: number, print: (line: Line) => void, say: (sentence: string) => void): Promise<number> {
  const existing = `at ${events.toLocaleString('en')} events`;
  const meter = await prepare(house, events);
  const common = { url: house.running.url, key: house.key, customers: CUSTOMERS };
  let run = 0;
  let batched = 0;
  for (const [name, path] of [['Batches', '/v1/kontor/usage/events'], ['The stream', '/v2/billing/meter_event_stream']] as const) {
    const rounds = [];
    for (let n = 0; n < ROUNDS; n += 1) {
      const earlier = await kept(house);
      const since = house.running.app.clock.milliseconds();
      const ours = await load({ ...common, path, connections: 8, batches: BATCHES, size: BATCH, name: `run ${run += 1}` });
      const missing = BATCHES * BATCH - ((await kept(house)) - earlier);
      if (ours.failed > 0 || missing > 0) throw new Error(`${name}: ${ours.failed} requests failed, and ${missing} events are missing.`);
      rounds.push({ ours: ours.events_per_second, copied: await copy(house, since) });
    }
    batched ||= median(rounds.map(({ ours }) => ours));
    print({ name: `${name} of 1,000 ÷ COPY, ${existing}`, ratio: median(rounds.map(({ ours, copied }) => ours / copied)), target: 0.6, detail: `${Math.round(median(rounds.map(({ ours }) => ours)))} events/s; COPY ${Math.round(median(rounds.map(({ copied }) => copied)))} rows/s` });
  }
  const bare = await openBare();
  try {
    const singles = [];
    for (let n = 0; n < ROUNDS; n += 1) {
      const one = { ...common, path: '/v2/billing/meter_events', connections: 64, seconds, size: 1, name: `run ${run += 1}` };
      singles.push({ ours: await load(one), bare: await load({ ...one, url: bare.url }) });
    }
    const failed = singles.reduce((sum, each) => sum + each.ours.failed, 0);
    if (failed > 0) throw new Error(`Single events: ${failed} requests failed.`);
    const [p50, p99] = [median(singles.map(({ ours }) => ours.p50)), median(singles.map(({ ours }) => ours.p99))];
    print({ name: `Single events ÷ bare route, ${existing}`, ratio: median(singles.map(({ ours, bare: other }) => ours.events_per_second / other.events_per_second)), target: 0.45, detail: `${Math.round(median(singles.map(({ ours }) => ours.events_per_second)))} requests/s; bare ${Math.round(median(singles.map((each) => each.bare.events_per_second)))}; 64 connections` });
    print({ name: `10 × p50 ÷ p99 of single events, ${existing}`, ratio: (10 * p50) / p99, target: 1, detail: `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms` });
  } finally {
    await bare.close();
  }
  for (const line of await readings(house, meter)) print({ ...line, name: `${line.name}, ${existing}` });
  say(`An event takes ${await bytesOf(house)} bytes with its indexes; the server's memory is ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB.`);
  if (events > 1_000_000) return batched;
  const findings = (await verify(house.database, () => undefined)).filter(({ invariant }) => invariant === 'I10');
  if (findings.length > 0) throw new Error(`What was recorded does not hold together: ${findings[0]!.sentence} (${meter})`);
  return batched;
}
