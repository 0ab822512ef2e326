/** Levels that are read by the hour are what their events say, whatever part of time is asked for and in whatever order and batches they came. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { add, formatDecimal, fromBigint, roundDiv } from '../../billing/money.ts';
import type { UsageGiven } from '../../billing/usage.ts';
import { seeded } from '../../tests/conformance/random.ts';
import { HOUR } from '../../tests/days.ts';
import { startKontor, type Kontor } from '../../tests/kontor.ts';
import { own } from '../../tests/own.ts';
import { cancelEvents, latestEvent } from './cancel.ts';
import { countedFor } from './counted.ts';
import type { Asked } from './spans.ts';
import { recountWorld } from './rebuild.ts';
import { record } from './record.ts';

let kontor: Kontor;
before(async () => { kontor = await startKontor({ works: false }); });
after(() => kontor.close());

type Level = { identifier: string; timestamp: number; value: number; room: string };
type Span = { start: number; end: number; room?: string };

/** What held in each second, for each room by itself. Of events of one second the one received last counts. */
function reference(formula: string, received: readonly Level[], { start, end, room }: Span): string {
  return formatDecimal((room === undefined ? ['a', 'b'] : [room]).map((each) => {
    const sorted = received.filter((level) => level.room === each && level.timestamp < end).map((level, n) => ({ ...level, n })).sort((a, b) => a.timestamp - b.timestamp || a.n - b.n);
    if (formula === 'latest') return fromBigint(BigInt(sorted.at(-1)?.value ?? 0));
    let seconds = 0;
    for (const [n, { timestamp, value }] of sorted.entries()) seconds += value * Math.max(0, (sorted[n + 1]?.timestamp ?? end) - Math.max(timestamp, start));
    return { digits: roundDiv(BigInt(seconds) * 10n ** 12n, BigInt(HOUR)), scale: 12 };
  }).reduce(add));
}

test('a hundred parts of time come to what each second held, before and after some levels are taken back, and counted again', async () => {
  const random = seeded(11);
  const from = (Math.floor(kontor.app.clock.now() / HOUR) - 9) * HOUR;
  for (const formula of ['weighted_by_time', 'latest']) {
    const { id: meter } = await own<{ id: string }>(kontor.stripe, 'POST', 'meters', { display_name: formula, event_name: formula, default_aggregation: { formula }, dimensions: ['room'] });
    const { id: customer } = await kontor.stripe.customers.create({});
    const given = ({ identifier, timestamp, value, room }: Level): UsageGiven => ({ event_name: formula, identifier, timestamp, payload: { stripe_customer_id: customer, value: String(value), room } });
    // Some hours have many, some none; some come in order, most do not.
    let received = Array.from({ length: 90 }, (_, n): Level => ({ identifier: `${n}`, timestamp: from + random.pick([0, 1, 1, 4, 5]) * HOUR + random.int(0, HOUR - 1), value: random.int(-3, 50), room: random.pick(['a', 'b']) }));
    received = [...received.slice(0, 30).sort((a, b) => a.timestamp - b.timestamp), ...received.slice(30)];
    for (let at = 0; at < received.length; ) {
      const size = random.int(1, 7);
      await kontor.inside((ctx) => record(ctx, received.slice(at, at + size).map(given)));
      at += size;
    }
    const spans = Array.from({ length: 50 }, (): Span => {
      const [start, end] = [random.int(-HOUR, 7 * HOUR), random.int(-HOUR, 7 * HOUR)].sort((a, b) => a - b).map((at) => from + (random.int(0, 2) === 0 ? Math.round(at / HOUR) * HOUR : at)) as [number, number];
      return { start: Math.min(start, end), end: Math.max(start, end) + 1, ...(random.int(0, 2) === 0 && { room: random.pick(['a', 'b']) }) };
    });
    const asked = spans.map(({ start, end, room }, n): Asked => ({ key: `${n}`, meter, customer, start, end, ...(room && { dimensions: { room } }) }));
    const compare = async (what: string) => {
      const found = await kontor.inside(({ tx }) => countedFor(tx, asked));
      assert.deepEqual([...found.values()], spans.map((span) => reference(formula, received, span)), `${formula}, ${what}`);
    };
    await compare('as received');
    for (const gone of received.filter((_, n) => n % 4 === 0)) await kontor.inside(async (ctx) => cancelEvents(ctx, [(await latestEvent(ctx, formula, gone.identifier))!], kontor.app.clock.now(), null));
    received = received.filter((_, n) => n % 4 !== 0);
    await compare('some taken back');
    await kontor.inside(({ tx }) => tx.query(`update meter_rollups set level_seconds = 1, first_at = hour where meter = '${meter}'`));
    await kontor.database.asOwner((owner) => recountWorld(owner, kontor.world));
    await compare('counted again');
  }
});
