/** What adds up is what its events say, whatever part of time is asked for: read by days, hours and events, and as much of it added to them as there is by then. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { UsageGiven } from '../../billing/usage.ts';
import { seeded } from '../../tests/conformance/random.ts';
import { startKontor, type Kontor } from '../../tests/kontor.ts';
import { own } from '../../tests/own.ts';
import { verify } from '../verify.ts';
import { cancelEvents, latestEvent } from './cancel.ts';
import { DAY_S, HOUR_S } from './cells.ts';
import { countedFor } from './counted.ts';
import { recountWorld } from './rebuild.ts';
import { record } from './record.ts';
import type { Asked } from './spans.ts';
import { addTallies } from './tallies.ts';

let kontor: Kontor;
before(async () => { kontor = await startKontor({ works: false, nats: null }); });
after(() => kontor.close());


type Use = { identifier: string; timestamp: number; value: number; room: string };

test('two hundred parts of time come to what their events add up to, before and after some are taken back, and counted again', async () => {
  const random = seeded(7);
  const from = (Math.floor(kontor.app.clock.now() / DAY_S) - 5) * DAY_S;
  for (const formula of ['sum', 'count']) {
    const { id: meter } = await own<{ id: string }>(kontor.stripe, 'POST', 'meters', { display_name: formula, event_name: formula, default_aggregation: { formula }, dimensions: ['room'] });
    const { id: customer } = await kontor.stripe.customers.create({});
    const given = ({ identifier, timestamp, value, room }: Use): UsageGiven => ({ event_name: formula, identifier, timestamp, payload: { stripe_customer_id: customer, value: String(value), room } });
    let received = Array.from({ length: 150 }, (_, n): Use => ({ identifier: `${n}`, timestamp: from + random.int(0, 4 * DAY_S - 1), value: random.int(-9, 50), room: random.pick(['a', 'b']) }));
    const spans = Array.from({ length: 100 }, () => {
      const unit = random.pick([1, HOUR_S, DAY_S]);
      const [start, end] = [0, 0].map(() => from + Math.floor(random.int(-HOUR_S, 4 * DAY_S + HOUR_S) / unit) * unit).sort((a, b) => a - b) as [number, number];
      return { start, end: Math.max(end, start + 1), ...(random.int(0, 2) === 0 && { room: random.pick(['a', 'b']) }) };
    });
    const asked = spans.map(({ start, end, room }, n): Asked => ({ key: `${n}`, meter, customer, start, end, ...(room && { dimensions: { room } }) }));
    const compare = async (what: string) => {
      const expected = spans.map(({ start, end, room }) => String(received.filter((use) => use.timestamp >= start && use.timestamp < end && (room ?? use.room) === use.room).reduce((sum, { value }) => sum + (formula === 'sum' ? value : 1), 0)));
      assert.deepEqual([...(await kontor.inside(({ tx }) => countedFor(tx, asked))).values()], expected, `${formula}, ${what}`);
    };
    for (let at = 0; at < received.length; at += 30) {
      await kontor.inside((ctx) => record(ctx, received.slice(at, at + 30).map(given)));
      if (at < 100) await addTallies(kontor.app);
    }
    await compare('some of it in tallies');
    await addTallies(kontor.app);
    await compare('all of it in days and hours');
    for (const gone of received.filter((_, n) => n % 4 === 0)) await kontor.inside(async (ctx) => cancelEvents(ctx, [(await latestEvent(ctx, formula, gone.identifier))!], kontor.app.clock.now(), null));
    received = received.filter((_, n) => n % 4 !== 0);
    await compare('some taken back');
    assert.deepEqual(await verify(kontor.database, () => undefined, kontor.app.clock), []);
    await kontor.inside(({ tx }) => tx.query(`update meter_days set sum = 1, events = 7 where meter = '${meter}'; update meter_rollups set sum = 2 where meter = '${meter}'`));
    await kontor.database.asOwner((owner) => recountWorld(owner, kontor.world));
    await compare('counted again');
  }
});
