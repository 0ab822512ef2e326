import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import Stripe from 'stripe';
import { inWorld } from '../../../server/database/world.ts';
import { machineClock } from '../../../server/clock.ts';
import { DAY, HOUR } from '../../../tests/days.ts';
import { startKontor, type Kontor } from '../../../tests/kontor.ts';
import { usageOf } from '../../../server/usage/counted.ts';
import type { Asked } from '../../../server/usage/spans.ts';

let kontor: Kontor;
let customer: string;
let ahead = 0;
const meters: Record<string, string> = {};

type Create = Stripe.Billing.MeterCreateParams;
const now = () => kontor.app.clock.now();

async function meterOf(event_name: string, formula: 'sum' | 'count' | 'last', params: Partial<Create> = {}): Promise<void> {
  meters[event_name] = (await kontor.stripe.billing.meters.create({ display_name: event_name, event_name, default_aggregation: { formula }, ...params })).id;
}
const customerOf = async (params: Stripe.CustomerCreateParams = {}) => (await kontor.stripe.customers.create(params)).id;
const report = (event_name: string, value: string | undefined, more: Partial<Stripe.Billing.MeterEventCreateParams> = {}, who = customer) =>
  kontor.stripe.billing.meterEvents.create({ event_name, payload: { stripe_customer_id: who, ...(value !== undefined && { value }) }, ...more });
const cancel = (event_name: string, identifier: string) => kontor.stripe.billing.meterEventAdjustments.create({ event_name, type: 'cancel', cancel: { identifier } });
const without = <T extends { lastResponse: unknown }>({ lastResponse: _, ...rest }: T) => rest;
const usage = (asked: Omit<Asked, 'key'>[]) => inWorld(kontor.database.pool, kontor.world, async (tx) => [...(await usageOf(tx, asked.map((each, index) => ({ ...each, key: String(index) })))).values()]);
const used = async (event_name: string, who = customer, span = { start: 0, end: now() + DAY }) => (await usage([{ meter: meters[event_name]!, customer: who, ...span }]))[0];

before(async () => {
  kontor = await startKontor({ clock: machineClock(() => Date.now() + ahead) });
  customer = await customerOf();
  await meterOf('sum', 'sum');
  await meterOf('count', 'count');
  await meterOf('last', 'last');
});
after(() => kontor.close());

test('an event as it goes over the wire', async () => {
  const timestamp = now() - HOUR;
  const made = await report('sum', '25', { identifier: 'once', timestamp });
  const { lastResponse: _, created, ...rest } = made;
  assert.ok(created >= timestamp + HOUR);
  assert.deepEqual(rest, { object: 'billing.meter_event', event_name: 'sum', identifier: 'once', livemode: false, payload: { stripe_customer_id: customer, value: '25' }, timestamp });
  const bare = await report('sum', '0');
  assert.ok(bare.identifier.length > 10);
  assert.equal(bare.timestamp, bare.created);
});

test('an identifier is counted once: a repetition changes nothing, and another event under it is an error', async () => {
  const who = await customerOf();
  const made = await report('sum', '5', { identifier: 'twice' }, who);
  const { lastResponse: _, ...again } = await report('sum', '5.0', { identifier: 'twice' }, who);
  assert.deepEqual(again, { ...without(made), payload: { ...made.payload, value: '5.0' } });
  await report('sum', '5', { identifier: 'twice', timestamp: made.timestamp }, who);
  const other = { code: 'resource_already_exists', param: 'identifier', statusCode: 400 };
  await assert.rejects(report('sum', '6', { identifier: 'twice' }, who), other);
  await assert.rejects(report('sum', '5', { identifier: 'twice', timestamp: made.timestamp - 1 }, who), other);
  await assert.rejects(report('sum', '5', { identifier: 'twice' }), other);
  await assert.rejects(report('sum', '5', { identifier: 'twice', payload: { stripe_customer_id: who, value: '5', region: 'eu' } }, who), other);
  const many = await Promise.allSettled(Array.from({ length: 8 }, (_, n) => report('sum', n % 2 ? '5' : '7', { identifier: 'at once' }, who)));
  // Through JetStream, some are accepted before there is anything to compare them with: they are counted once all the same, and the others are reported.
  const accepted = many.filter((each) => each.status === 'fulfilled').length;
  assert.ok(kontor.app.intake ? accepted >= 4 : accepted === 4);
  assert.ok(['10', '12'].includes((await used('sum', who))!));
});

test('the same identifier is another event on another meter', async () => {
  const who = await customerOf();
  await report('sum', '5', { identifier: 'of two' }, who);
  await report('count', '5', { identifier: 'of two' }, who);
  assert.deepEqual([await used('sum', who), await used('count', who)], ['5', '1']);
});

test('a sum is exact to twelve decimal places, and never below 0', async () => {
  const who = await customerOf();
  for (const value of ['0.1', '0.2', '999999999999999', '0.000000000001']) await report('sum', value, {}, who);
  assert.equal(await used('sum', who), '999999999999999.300000000001');
  const other = await customerOf();
  await report('sum', '3', {}, other);
  await report('sum', '-5', {}, other);
  assert.equal(await used('sum', other), '0');
  await report('sum', '2.5', {}, other);
  assert.equal(await used('sum', other), '0.5');
});

test('a count counts events, with a value or without', async () => {
  const who = await customerOf();
  await report('count', undefined, {}, who);
  await report('count', '100', {}, who);
  assert.equal(await used('count', who), '2');
});

test('the last value is the one of the latest timestamp, of the same second the one received last', async () => {
  const who = await customerOf();
  const t = now() - HOUR;
  await report('last', '3', { timestamp: t }, who);
  await report('last', '4', { timestamp: t }, who);
  await report('last', '9', { timestamp: t - 1 }, who);
  assert.equal(await used('last', who), '4');
  assert.equal(await used('last', who, { start: 0, end: t }), '9');
  assert.equal(await used('last', await customerOf()), '0');
});

test('a period is half-open, and many are asked at once', async () => {
  const [one, other] = [await customerOf(), await customerOf()];
  const t = now() - 10 * DAY;
  for (const [who, value, timestamp] of [[one, '1', t - 1], [one, '2', t], [one, '4', t + DAY - 1], [one, '8', t + DAY], [other, '16', t]] as const) await report('sum', value, { timestamp }, who);
  const meter = meters['sum']!;
  assert.deepEqual(
    await usage([
      { meter, customer: one, start: t, end: t + DAY },
      { meter, customer: one, start: t + DAY, end: t + 2 * DAY },
      { meter, customer: other, start: t, end: t + DAY },
      { meter: meters['count']!, customer: one, start: t, end: t + DAY },
      { meter, customer: one, start: t, end: t },
    ]),
    ['6', '8', '16', '0', '0'],
  );
  assert.deepEqual(await usage([]), []);
});

test('of events that come aggregated for an hour the last one of the hour counts', async () => {
  await meterOf('hourly', 'sum', { event_time_window: 'hour' });
  await meterOf('daily', 'count', { event_time_window: 'day' });
  const who = await customerOf();
  const hour = Math.floor(now() / DAY) * DAY - DAY;
  for (const [value, offset] of [['1', 0], ['2', 10], ['3', HOUR - 1], ['4', HOUR], ['5', HOUR]] as const) {
    await report('hourly', value, { timestamp: hour + offset }, who);
    await report('daily', value, { timestamp: hour + offset }, who);
  }
  assert.equal(await used('hourly', who), '8');
  assert.equal(await used('daily', who), '1');
});

test('an event is taken back within a day of its receipt, and once', async () => {
  const who = await customerOf();
  await report('sum', '5', { identifier: 'wrong' }, who);
  await report('sum', '7', { identifier: 'right' }, who);
  const { lastResponse: _, ...adjustment } = await cancel('sum', 'wrong');
  assert.deepEqual(adjustment, { object: 'billing.meter_event_adjustment', cancel: { identifier: 'wrong' }, event_name: 'sum', livemode: false, status: 'complete', type: 'cancel' });
  assert.equal(await used('sum', who), '7');
  await assert.rejects(cancel('sum', 'wrong'), { param: 'cancel[identifier]', message: /canceled already/ });
  // A repetition of what was taken back stays without effect.
  await report('sum', '5', { identifier: 'wrong' }, who);
  assert.equal(await used('sum', who), '7');
  await assert.rejects(cancel('sum', 'unknown'), { code: 'resource_missing', param: 'cancel[identifier]', statusCode: 400 });
  await assert.rejects(cancel('count', 'right'), { code: 'resource_missing', param: 'cancel[identifier]' });
  ahead += (DAY + 5) * 1000;
  await assert.rejects(cancel('sum', 'right'), { param: 'cancel[identifier]', message: /24 hours/ });
});

test('the time of a customer on a test clock is that clock’s', async () => {
  const start = 1_700_000_000;
  const { id: test_clock } = await kontor.stripe.testHelpers.testClocks.create({ frozen_time: start });
  const who = await customerOf({ test_clock });
  const made = await report('sum', '5', { identifier: 'on the clock' }, who);
  assert.deepEqual([made.timestamp, made.created], [start, start]);
  const off = { param: 'timestamp', statusCode: 400 };
  await report('sum', '1', { timestamp: start - 35 * DAY }, who);
  await report('sum', '1', { timestamp: start + 300 }, who);
  await assert.rejects(report('sum', '1', { timestamp: start - 35 * DAY - 1 }, who), off);
  await assert.rejects(report('sum', '1', { timestamp: start + 301 }, who), off);
  await assert.rejects(report('sum', '1', { timestamp: now() }, who), off);
  await kontor.advance(test_clock, start + DAY + 1);
  await assert.rejects(cancel('sum', 'on the clock'), { message: /24 hours/ });
});

test('usage that was counted is summarised by the hour, by the day and as a whole', async () => {
  const { stripe } = kontor;
  const who = await customerOf();
  const day = Math.floor(now() / DAY) * DAY - 2 * DAY;
  for (const [value, offset] of [['1.5', 0], ['2', HOUR], ['4', DAY], ['-1', DAY + HOUR - 1]] as const) await report('sum', value, { timestamp: day + offset }, who);
  const meter = meters['sum']!;
  const ask = (more: object) => stripe.billing.meters.listEventSummaries(meter, { customer: who, start_time: day, end_time: day + 2 * DAY, ...more });
  const whole = await ask({});
  assert.deepEqual(whole.data.map(({ object, aggregated_value, start_time, end_time, livemode, meter: of }) => ({ object, aggregated_value, start_time, end_time, livemode, of })), [
    { object: 'billing.meter_event_summary', aggregated_value: 6.5, start_time: day, end_time: day + 2 * DAY, livemode: false, of: meter },
  ]);
  const days = await ask({ value_grouping_window: 'day' });
  assert.deepEqual(days.data.map((each) => [each.start_time, each.end_time, each.aggregated_value]), [[day + DAY, day + 2 * DAY, 3], [day, day + DAY, 3.5]]);
  assert.equal(days.has_more, false);
  const first = await ask({ value_grouping_window: 'hour', limit: 23 });
  assert.deepEqual([first.data.length, first.has_more, first.data.at(-1)!.start_time], [23, true, day + DAY + HOUR]);
  const second = await ask({ value_grouping_window: 'hour', limit: 100, starting_after: first.data.at(-1)!.id });
  assert.deepEqual([second.data.length, second.has_more], [25, false]);
  assert.deepEqual(second.data.filter((each) => each.aggregated_value !== 0).map((each) => [each.start_time, each.aggregated_value]), [[day + DAY, 3], [day + HOUR, 2], [day, 1.5]]);
  const back = await ask({ value_grouping_window: 'hour', limit: 5, ending_before: second.data[0]!.id });
  assert.deepEqual(back.data.map((each) => each.id), first.data.slice(-5).map((each) => each.id));
  assert.equal(back.has_more, true);
  const all: string[] = [];
  for await (const each of ask({ value_grouping_window: 'hour', limit: 10 }) as unknown as AsyncIterable<{ id: string }>) all.push(each.id);
  assert.equal(new Set(all).size, 48);
});

describe('summaries are refused', () => {
  const good = { start_time: 0, end_time: DAY };
  const table: [string, object, string | undefined, string][] = [
    ['without a customer', { customer: undefined }, 'parameter_missing', 'customer'],
    ['of an unknown customer', { customer: 'cus_none' }, 'resource_missing', 'customer'],
    ['from the middle of a minute', { start_time: 1 }, undefined, 'start_time'],
    ['to the middle of an hour', { end_time: 60, value_grouping_window: 'hour' }, undefined, 'end_time'],
    ['to the middle of a day', { end_time: HOUR, value_grouping_window: 'day' }, undefined, 'end_time'],
    ['backwards', { start_time: DAY, end_time: DAY }, undefined, 'end_time'],
    ['after nothing', { starting_after: 'mtrusg_x' }, 'resource_missing', 'starting_after'],
    ['after the summary of another time', { starting_after: `mtrusg_a_b_${DAY}_${2 * DAY}` }, 'resource_missing', 'starting_after'],
  ];
  for (const [name, params, code, param] of table) {
    test(name, () => assert.rejects(kontor.stripe.billing.meters.listEventSummaries(meters['sum']!, { customer, ...good, ...params }), { code, param, statusCode: 400 }));
  }
  test('of an unknown meter', () => assert.rejects(kontor.stripe.billing.meters.listEventSummaries('mtr_none', { customer, ...good }), { code: 'resource_missing', statusCode: 404 }));
});

describe('an event is refused', () => {
  const table: [string, () => object, string | undefined, string][] = [
    ['of a name that nobody counts', () => ({ event_name: 'nobody' }), 'resource_missing', 'event_name'],
    ['without a payload', () => ({ payload: undefined }), 'parameter_missing', 'payload'],
    ['without a customer', () => ({ payload: { value: '1' } }), 'parameter_missing', 'payload[stripe_customer_id]'],
    ['of an unknown customer', () => ({ payload: { value: '1', stripe_customer_id: 'cus_none' } }), 'resource_missing', 'payload[stripe_customer_id]'],
    ['without a value', () => ({ payload: { stripe_customer_id: customer } }), 'parameter_missing', 'payload[value]'],
    ['with words for a value', () => ({ payload: { stripe_customer_id: customer, value: 'many' } }), undefined, 'payload[value]'],
    ['with an exponent', () => ({ payload: { stripe_customer_id: customer, value: '1e3' } }), undefined, 'payload[value]'],
    ['with thirteen decimal places', () => ({ payload: { stripe_customer_id: customer, value: '0.0000000000001' } }), undefined, 'payload[value]'],
    ['with sixteen digits', () => ({ payload: { stripe_customer_id: customer, value: '1000000000000000' } }), undefined, 'payload[value]'],
    ['of 36 days ago', () => ({ timestamp: now() - 36 * DAY }), undefined, 'timestamp'],
    ['of in 6 minutes', () => ({ timestamp: now() + 360 }), undefined, 'timestamp'],
    ['with an identifier that is too long', () => ({ identifier: 'i'.repeat(101) }), undefined, 'identifier'],
  ];
  for (const [name, params, code, param] of table) {
    test(name, () => assert.rejects(kontor.stripe.billing.meterEvents.create({ event_name: 'sum', payload: { stripe_customer_id: customer, value: '1' }, ...params() } as Stripe.Billing.MeterEventCreateParams), { code, param, statusCode: 400 }));
  }

  test('when its meter is inactive', async () => {
    await meterOf('idle', 'sum');
    await kontor.stripe.billing.meters.deactivate(meters['idle']!);
    await assert.rejects(report('idle', '1'), { code: 'resource_missing', param: 'event_name', statusCode: 400 });
  });

  test('when its customer is deleted', async () => {
    const who = await customerOf();
    await kontor.stripe.customers.del(who);
    await assert.rejects(report('sum', '1', {}, who), { code: 'resource_missing', param: 'payload[stripe_customer_id]' });
  });

  test('when it is to be taken back in another way', async () => {
    const create = (params: object) => kontor.stripe.billing.meterEventAdjustments.create(params as Stripe.Billing.MeterEventAdjustmentCreateParams);
    await assert.rejects(create({ event_name: 'sum', type: 'cancel' }), { code: 'parameter_missing', param: 'cancel' });
    await assert.rejects(create({ event_name: 'sum', type: 'cancel', cancel: {} }), { param: 'cancel' });
    await assert.rejects(create({ event_name: 'sum', type: 'replace', cancel: { identifier: 'x' } }), { param: 'type' });
  });
});
