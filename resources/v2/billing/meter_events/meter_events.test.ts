import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import Stripe from 'stripe';
import { machineClock } from '../../../../server/clock.ts';
import { inWorld } from '../../../../server/database/world.ts';
import { countedFor } from '../../../../server/usage/counted.ts';
import { when } from '../../../../tests/awaited.ts';
import { startKontor } from '../../../../tests/kontor.ts';
import { untyped } from '../../../../tests/refused.ts';
import { meterOf } from '../../../../tests/shop.ts';

let ahead = 0;
const now = () => kontor.app.clock.now();
const iso = (at: number) => new Date(at * 1_000).toISOString();

const kontor = await startKontor({ clock: machineClock(() => Date.now() + ahead) });
after(() => kontor.close());
const customer = (await kontor.stripe.customers.create({})).id;
const meter = (await meterOf(kontor.stripe, 'calls')).id;

const used = async () => (await inWorld(kontor.database.pool, kontor.world, (tx) => countedFor(tx, [{ key: 'a', meter, customer, start: 0, end: now() + 3_600 }]))).get('a');
const event = (value: string, more: object = {}) => ({ event_name: 'calls', payload: { stripe_customer_id: customer, value }, ...more });
/** A client for the stream has the session's token for its key; its host of meter events is the one that it was given. */
const streamOf = async () => kontor.client((await kontor.stripe.v2.billing.meterEventSession.create()).authentication_token).v2.billing.meterEventStream;

/** Waits for so many reports. */
async function reported(stripe: Stripe, count: number): Promise<Stripe.V2.Core.Event[]> {
  kontor.app.nudge();
  return (await when(() => stripe.v2.core.events.list({ types: ['v1.billing.meter.error_report_triggered', 'v1.billing.meter.no_meter_found'] }), ({ data }) => data.length >= count)).data;
}

test('an event in JSON is the same event as in a form', async () => {
  const timestamp = now() - 60;
  const { lastResponse: _, created, ...made } = await kontor.stripe.v2.billing.meterEvents.create(event('5', { identifier: 'one', timestamp: iso(timestamp) }));
  assert.deepEqual(made, { object: 'v2.billing.meter_event', event_name: 'calls', identifier: 'one', livemode: false, payload: { stripe_customer_id: customer, value: '5' }, timestamp: iso(timestamp) });
  assert.match(created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/);
  await kontor.stripe.billing.meterEvents.create(event('5', { identifier: 'one', timestamp }));
  assert.equal(await used(), '5');
});

test('a request that is repeated with its idempotency key is one event; with the same key another event is an error', async () => {
  const before = Number(await used());
  const options = { idempotencyKey: 'again' };
  const [first, second] = [await kontor.stripe.v2.billing.meterEvents.create(event('3'), options), await kontor.stripe.billing.meterEvents.create(event('3'), options)];
  assert.equal(first.identifier, second.identifier);
  assert.equal(Number(await used()), before + 3);
  await assert.rejects(kontor.stripe.v2.billing.meterEvents.create(event('4'), options), { type: 'StripeIdempotencyError' });
});

test('an event is taken back by its identifier', async () => {
  const before = await used();
  await kontor.stripe.v2.billing.meterEvents.create(event('7', { identifier: 'wrong' }));
  const { id, created, lastResponse: _, ...adjustment } = await kontor.stripe.v2.billing.meterEventAdjustments.create({ event_name: 'calls', type: 'cancel', cancel: { identifier: 'wrong' } });
  assert.match(id, /^mtrea_/);
  assert.ok(Date.parse(created) > 0);
  assert.deepEqual(adjustment, { object: 'v2.billing.meter_event_adjustment', cancel: { identifier: 'wrong' }, event_name: 'calls', livemode: false, status: 'complete', type: 'cancel' });
  assert.equal(await used(), before);
});

test('what is wrong is an error with the parameter', async () => {
  const { meterEvents } = kontor.stripe.v2.billing;
  await assert.rejects(meterEvents.create(event('x')), { type: 'StripeInvalidRequestError', statusCode: 400, param: 'payload[value]' });
  await assert.rejects(meterEvents.create(event('1', { timestamp: 'yesterday' })), { statusCode: 400, param: 'timestamp' });
  await assert.rejects(meterEvents.create(event('1', { timestamp: iso(now() - 36 * 86_400) })), { statusCode: 400, param: 'timestamp' });
  await assert.rejects(meterEvents.create(event('1', { event_name: 'nobody' })), { statusCode: 400, param: 'event_name' });
  await assert.rejects(meterEvents.create(event('1', { zzz: 1 })), { statusCode: 400, code: 'parameter_unknown', param: 'zzz' });
});

test('the stream takes many events by a session’s token, and reports what was wrong with some of them', async () => {
  const before = Number(await used());
  const stream = await streamOf();
  const events = Array.from({ length: 100 }, (_, n) => event('1', { identifier: `streamed ${n % 80}`, timestamp: iso(now()) }));
  events[99] = event('many', { identifier: 'no number' });
  events[98] = event('1', { event_name: 'nobody', identifier: 'of nobody' });
  events[97] = untyped({ event_name: 'calls', identifier: 'of an unknown customer', payload: { stripe_customer_id: 'cus_none', value: '1' } });
  events[96] = event('2', { identifier: 'streamed 5' });
  await stream.create({ events });
  await stream.create({ events });
  assert.equal(Number(await used()), before + 80);

  ahead += 61_000;
  const reports = await reported(kontor.stripe, 2);
  const triggered = reports.find((each) => each.type === 'v1.billing.meter.error_report_triggered') as Stripe.Events.V1BillingMeterErrorReportTriggeredEvent;
  const nowhere = reports.find((each) => each.type === 'v1.billing.meter.no_meter_found') as Stripe.Events.V1BillingMeterNoMeterFoundEvent;
  assert.equal(triggered.related_object.id, meter);
  assert.equal((await triggered.fetchRelatedObject()).id, meter);
  assert.equal(triggered.data.reason.error_count, 6);
  assert.deepEqual(triggered.data.reason.error_types.map(({ code, error_count }) => [code, error_count]).sort(), [['identifier_conflict', 2], ['meter_event_customer_not_found', 2], ['meter_event_invalid_value', 2]]);
  assert.deepEqual(triggered.data.reason.error_types.find(({ code }) => code === 'meter_event_invalid_value')!.sample_errors[0]!.request, { identifier: 'no number' });
  assert.deepEqual([nowhere.data.reason.error_count, nowhere.data.reason.error_types[0]!.code], [2, 'no_meter']);
  const read = await kontor.stripe.v2.core.events.retrieve(nowhere.id);
  assert.equal(read.type, 'v1.billing.meter.no_meter_found');
  await assert.rejects(kontor.stripe.v2.core.events.retrieve('evt_none'), { statusCode: 404 });
});

test('a token is valid for fifteen minutes, and only as it was given', async () => {
  const asked = now();
  const { authentication_token: token, expires_at } = await kontor.stripe.v2.billing.meterEventSession.create();
  const made = Date.parse(expires_at) / 1_000 - 900;
  assert.ok(made >= asked && made <= now(), expires_at);
  const events = [event('1')];
  await assert.rejects(kontor.client(`${token}x`).v2.billing.meterEventStream.create({ events }), { statusCode: 401 });
  const other = await kontor.another();
  const elsewhere = await other.stripe.v2.billing.meterEventSession.create();
  // In another account there is neither the customer nor the meter.
  const before = await used();
  await kontor.client(elsewhere.authentication_token).v2.billing.meterEventStream.create({ events });
  assert.equal(await used(), before);
  await assert.rejects(kontor.client(token).billing.meters.list(), { statusCode: 401 });
  ahead += 901_000;
  await assert.rejects(kontor.client(token).v2.billing.meterEventStream.create({ events }), { type: 'TemporarySessionExpiredError', statusCode: 401 });
  assert.equal((await reported(other.stripe, 1))[0]!.type, 'v1.billing.meter.no_meter_found');
});
