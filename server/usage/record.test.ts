/** What is kept of usage, and under which names: through hashes that collide, slots that turn and are dropped, and batches in any order. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { UsageGiven } from '../../billing/usage.ts';
import { startKontor } from '../../tests/kontor.ts';
import { seeded } from '../../tests/conformance/random.ts';
import { untyped } from '../../tests/refused.ts';
import { machineClock } from '../clock.ts';
import { passing } from '../database/world.ts';
import { verify } from '../verify.ts';
import { cancelEvents, latestEvent } from './cancel.ts';
import { countedFor } from './counted.ts';
import { recordTogether } from './gather.ts';
import { recountWorld } from './rebuild.ts';
import { record, type Recording } from './record.ts';
import { SLOT_S, slotAt, turnSlots, USAGE_DAYS } from './slots.ts';

let ahead = 0;
const meters = new Map<string, string>();

const kontor = await startKontor({ clock: machineClock(() => Date.now() + ahead), works: false });
after(() => kontor.close());
for (const formula of ['sum', 'count', 'max', 'last', 'unique_count', 'latest', 'weighted_by_time']) {
  meters.set(formula, ((await kontor.stripe.rawRequest('POST', '/v1/kontor/meters', { display_name: formula, event_name: formula, default_aggregation: { formula } })) as { id: string }).id);
}

const now = () => kontor.app.clock.now();
const customerOf = async () => (await kontor.stripe.customers.create({})).id;
const put = async (events: UsageGiven[], how?: Recording) => (await kontor.inside((ctx) => record(ctx, events, how))).map(({ status }) => status);
/** As everybody who records: again, where somebody else was first. */
const putAgain = (events: UsageGiven[]): Promise<string[]> => put(events).catch((error: unknown) => (passing(error) === 'contended' ? putAgain(events) : Promise.reject(error)));
const event = (customer: string, value: string, more: Partial<UsageGiven> = {}, event_name = 'sum'): UsageGiven => ({ event_name, payload: { stripe_customer_id: customer, value }, ...more });
const used = (customer: string, formula = 'sum', end = now() + 3_600) => kontor.inside(async ({ tx }) => (await countedFor(tx, [{ key: 'a', meter: meters.get(formula)!, customer, start: 0, end }])).get('a'));
/** By each formula; levels as they were held until a moment. */
const usedByAll = async (customer: string, end: number) => Object.fromEntries(await Promise.all([...meters.keys()].map(async (formula) => [formula, await used(customer, formula, end)])));

test('two names with one key are two events, and each is still counted once', async () => {
  const who = await customerOf();
  // All names have the same key at first, and at last each its own.
  const key = (name: string, attempt: number) => (attempt < 3 ? BigInt(-1 - attempt) : BigInt(1_000 + Number(/\d+$/.exec(name)![0])));
  const events = Array.from({ length: 6 }, (_, n) => event(who, '1', { identifier: `collides ${n}`, timestamp: now() }));
  assert.deepEqual(await put(events.slice(0, 4), { key }), ['accepted', 'accepted', 'accepted', 'accepted']);
  assert.deepEqual(await put(events, { key }), ['duplicate', 'duplicate', 'duplicate', 'duplicate', 'accepted', 'accepted']);
  assert.deepEqual(await put([event(who, '2', { identifier: 'collides 2' })], { key }), ['refused']);
  assert.equal(await used(who), '6');
});

test('an event of many that is refused leaves the others', async () => {
  const who = await customerOf();
  const together = await Promise.all(['1', 'x', '2', '4'].map((value, n) => recordTogether(kontor.app, kontor.world, [event(who, value, { identifier: `gathered ${n}` })])));
  assert.deepEqual(together.map(([each]) => each!.status), ['accepted', 'refused', 'accepted', 'accepted']);
  await kontor.counted();
  assert.equal(await used(who), '7');
});

test('another meter counts events of the same name from its activation on, also where it finds the customer elsewhere', async () => {
  const [who, other] = [await customerOf(), await customerOf()];
  const given: UsageGiven[] = [{ event_name: 'moved', identifier: 'same', payload: { stripe_customer_id: who, account: other, value: '1' } }];
  const meterOf = (key: string) => kontor.stripe.billing.meters.create({ display_name: key, event_name: 'moved', default_aggregation: { formula: 'sum' }, customer_mapping: { type: 'by_id', event_payload_key: key } });
  const customersOf = async () => kontor.inside(async (ctx) => (await record(ctx, given)).map((each) => (each.status === 'refused' ? each.refusal.code : `${each.event.customer === who ? 'who' : 'other'} ${each.status}`)));
  const first = await meterOf('stripe_customer_id');
  assert.deepEqual([await customersOf(), await customersOf()], [['who accepted'], ['who duplicate']]);
  await kontor.stripe.billing.meters.deactivate(first.id);
  assert.deepEqual(await customersOf(), ['resource_missing']);
  await meterOf('account');
  assert.deepEqual([await customersOf(), await customersOf()], [['other accepted'], ['other duplicate']]);
});

test('an event is taken back once, whoever does it, and its hour is counted anew', async () => {
  const who = await customerOf();
  await put(['5', '9', '2'].map((value, n) => event(who, value, { identifier: `canceled ${n}`, timestamp: now() }, 'max')));
  const cancel = () => kontor.inside(async (ctx) => cancelEvents(ctx, [(await latestEvent(ctx, 'max', 'canceled 1'))!], now(), null));
  const canceled = await Promise.all([cancel(), cancel(), cancel()]);
  assert.equal(canceled.flat().length, 1);
  assert.equal(await used(who, 'max'), '5');
  assert.deepEqual(await put([event(who, '9', { identifier: 'canceled 1' }, 'max')]), ['duplicate']);
});

test('every order, cut into whatever batches, comes to the same counts', async () => {
  const random = seeded(7);
  const at = Math.floor(now() / 3_600) * 3_600 - 7_200;
  const set = Array.from({ length: 24 }, (_, n) => ({ value: String(random.int(0, 9)), timestamp: at + n * 211, event_name: random.pick([...meters.keys()]) }));
  const answers = new Set<string>();
  for (let round = 0; round < 12; round += 1) {
    const who = await customerOf();
    const order = set.map((each, n) => ({ each, n, place: random.int(0, 1e9) })).sort((a, b) => a.place - b.place);
    for (let from = 0; from < order.length; ) {
      const size = random.int(1, 9);
      await Promise.all([0, 1].map(() => putAgain(order.slice(from, from + size).map(({ each, n }) => event(who, each.value, { identifier: `${who} ${n}`, timestamp: each.timestamp }, each.event_name)))));
      from += size;
    }
    answers.add(JSON.stringify(await usedByAll(who, at + 7_201)));
  }
  assert.equal(answers.size, 1);
});

test('what many report at the same time is kept once, and everybody is answered', async () => {
  const who = await customerOf();
  const reports = Array.from({ length: 60 }, (_, n) => [0, 1, 2].map((step) => event(who, '1', { identifier: `together ${(n + step) % 12}` })));
  const answers = (await Promise.all(reports.map((given) => recordTogether(kontor.app, kontor.world, given)))).flat();
  const statuses = Map.groupBy(answers, ({ status }) => status);
  const accepted = statuses.get('accepted')!.length;
  // Through JetStream, some may be accepted again before they are counted.
  assert.ok(kontor.app.intake ? accepted >= 12 : accepted === 12);
  assert.equal(statuses.get('duplicate')!.length, reports.flat().length - accepted);
  await kontor.counted();
  assert.equal(await used(who), '12');
});

test('of two who record one identifier at the same time one waits, and is told to try again', async () => {
  const who = await customerOf();
  const one = [event(who, '5', { identifier: 'raced' })];
  let second: Promise<unknown> | undefined;
  await kontor.inside(async (ctx) => {
    await record(ctx, one);
    second = put(one).catch(passing);
    // It finds the identifier free, and then waits for this transaction to end.
    while ((await ctx.tx.query(`select from pg_locks l join pg_stat_activity a on a.pid = l.pid where not l.granted and l.locktype = 'transactionid' and a.datname = current_database()`)).rowCount === 0);
  });
  assert.equal(await second, 'contended');
  assert.deepEqual(await put(one), ['duplicate']);
  assert.equal(await used(who), '5');
});

test('hours that somebody has falsified are counted again from their events', async () => {
  const who = await customerOf();
  await put([...['5', '9', '2'].map((value, n) => event(who, value, { identifier: `falsified ${n}` })), event(who, 'ann', {}, 'unique_count'), event(who, 'bob', {}, 'unique_count')]);
  await kontor.counted();
  // What is used until an hour from now is the sum of a day in the last hour of it.
  await kontor.inside(({ tx }) => tx.query(`update meter_rollups set sum = sum + 1, largest = 100 where customer = '${who}'; update meter_days set sum = sum + 1 where customer = '${who}'; update meter_values set events = 0 where customer = '${who}'`));
  assert.deepEqual([await used(who), await used(who, 'unique_count')], ['17', '0']);
  assert.ok(await kontor.database.asOwner((owner) => recountWorld(owner, kontor.world)) > 0);
  assert.deepEqual([await used(who), await used(who, 'unique_count')], ['16', '2']);
});

test('who counts hours again lets those go first who record on several kinds of meters, and says so', async () => {
  const who = await customerOf();
  const said: string[] = [];
  const counting = await kontor.inside(async (ctx) => {
    await record(ctx, [event(who, '5', {}, 'max')]);
    await ctx.tx.query('select');
    const begun = kontor.database.asOwner((owner) => recountWorld(owner, kontor.world, (sentence) => said.push(sentence)));
    // It has the table of tallies, and waits for that of hours.
    while ((await ctx.tx.query(`select from pg_locks where not granted and relation = 'meter_rollups'::regclass`)).rowCount === 0);
    await record(ctx, [event(who, '7')]);
    return { begun };
  });
  assert.ok((await counting.begun) > 0);
  assert.match(said.join(), /usage is being recorded right now; waiting/);
  assert.deepEqual([await used(who), await used(who, 'max')], ['7', '5']);
});

test('an identifier is remembered over the turn of a slot, and until its slot is dropped; what was counted stays', async () => {
  const who = await customerOf();
  await put([event(who, '5', { identifier: 'of old' })]);
  ahead += SLOT_S * 1_000;
  await turnSlots(kontor.app);
  assert.deepEqual(await put([event(who, '5', { identifier: 'of old' }), event(who, '6', { identifier: 'of old' })]), ['duplicate', 'refused']);
  ahead += 5 * SLOT_S * 1_000;
  await turnSlots(kontor.app);
  assert.deepEqual(await put([event(who, '5', { identifier: 'of old' })]), ['accepted']);
  assert.equal(await used(who), '10');
});

test('of two who make a slot at once one waits, and finds it made', async () => {
  const make = 'select make_meter_event_slot(900)';
  const [one, other] = await Promise.all([kontor.database.pool.connect(), kontor.database.pool.connect()]);
  try {
    await one.query(`begin; ${make}`);
    const waiting = other.query(make);
    while ((await one.query(`select from pg_locks where not granted and locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`)).rowCount === 0);
    await one.query('commit');
    await waiting;
  } finally {
    one.release();
    other.release();
  }
});

test('of an hour that has lost events to retention nothing is taken back but what adds up by itself', async () => {
  const who = await customerOf();
  const turn = (slotAt(now()) + 1) * SLOT_S;
  const of = (value: string, name: string, timestamp: number) => [...meters.keys()].map((formula) => event(who, formula === 'unique_count' ? name : value, { identifier: `${who} ${name} ${value}`, timestamp, payload: { stripe_customer_id: who, value: formula === 'unique_count' ? name : value } }, formula));
  ahead = (turn - 1_800) * 1_000 - Date.now();
  await put(of('50', 'ann', now()));
  ahead += 3_600_000;
  await turnSlots(kontor.app);
  await put([...of('20', 'bob', turn - 1_700), ...of('30', 'ann', turn - 1_600)]);
  await kontor.counted();
  const all = () => usedByAll(who, turn + 1_000);
  ahead += USAGE_DAYS * 86_400_000;
  await turnSlots(kontor.app);
  const before = await all();
  assert.deepEqual([before.sum, before.count, before.max, before.last, before.unique_count, before.latest], ['100', '3', '50', '30', '2', '30']);

  const amend = (formula: string, dry_run = false) =>
    kontor.stripe.rawRequest('POST', '/v1/kontor/usage/corrections', untyped({ type: 'amend', dry_run, amend: { event_name: formula, identifier: `${who} ann 30`, payload: { stripe_customer_id: who, value: formula === 'unique_count' ? 'eve' : '31' } } }));
  for (const formula of ['max', 'last', 'latest', 'weighted_by_time']) {
    await assert.rejects(amend(formula), { statusCode: 400, message: /not all events of the hour of .* are kept any more.*kontor archive restore/i });
    await assert.rejects(amend(formula, true), { statusCode: 400 });
  }
  assert.deepEqual(await all(), before);
  for (const formula of ['sum', 'count', 'unique_count']) await amend(formula);
  // The value that is gone was ann's too.
  assert.deepEqual(await all(), { ...before, sum: '101', unique_count: '3' });
  const backfill = { event_name: 'sum', customer: who, start_time: turn - 3_600, end_time: turn, events: [] };
  await assert.rejects(kontor.stripe.rawRequest('POST', '/v1/kontor/usage/corrections', untyped({ type: 'backfill', backfill })), { statusCode: 400, message: /are kept any more/, param: 'backfill[start_time]' });
  await kontor.counted();
  await kontor.database.asOwner((owner) => recountWorld(owner, kontor.world));
  assert.deepEqual(await all(), { ...before, sum: '101', unique_count: '3' });
  // It is not known what the hour comes to, but it is not less than what is kept of it.
  const falsify = (by: number) => kontor.inside(({ tx }) => tx.query(`update meter_rollups set events = events + ${by} where customer = '${who}' and meter = '${meters.get('max')}'`));
  await falsify(-2);
  const found = await verify(kontor.database, () => undefined, kontor.app.clock);
  await falsify(2);
  assert.deepEqual(found.map(({ invariant, object }) => [invariant, object]), [['I10', meters.get('max')]]);
});
