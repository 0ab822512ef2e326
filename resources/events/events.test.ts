import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { machineClock } from '../../server/clock.ts';
import { startKontor } from '../../tests/kontor.ts';
import { refused, untyped } from '../../tests/refused.ts';

let ahead = 0;

const kontor = await startKontor({ clock: machineClock(() => Date.now() + ahead) });
after(() => kontor.close());
const { stripe } = kontor;

const types = async (params: Stripe.EventListParams) => (await stripe.events.list(params)).data.map((event) => event.type);

test('an event is listed and read as it was told, with the request that brought it about', async () => {
  const customer = await stripe.customers.create({ name: 'Jenny' }, { idempotencyKey: 'events-1' });
  const renamed = await stripe.customers.update(customer.id, { name: 'Jennifer' });
  const [updated, created] = (await stripe.events.list()).data as [Stripe.Event, Stripe.Event];
  assert.deepEqual([created.type, updated.type], ['customer.created', 'customer.updated']);
  assert.deepEqual(created.data, { object: customer });
  assert.deepEqual(created.request, { id: customer.lastResponse.requestId, idempotency_key: 'events-1' });
  assert.deepEqual(updated.data, { object: renamed, previous_attributes: { name: 'Jenny' } });
  assert.deepEqual([updated.object, updated.livemode, updated.pending_webhooks, updated.api_version], ['event', false, 0, '2026-10-28.endive']);
  assert.deepEqual(await stripe.events.retrieve(updated.id), updated);
});

test('what a processor answers while a request waits is told as brought about by that request', async () => {
  const paid = await stripe.paymentIntents.create({ amount: 900, currency: 'usd', payment_method: 'pm_card_visa', confirm: true }, { idempotencyKey: 'events-2' });
  const refund = await stripe.refunds.create({ payment_intent: paid.id });
  const told = (await stripe.events.list({ types: ['payment_intent.*', 'charge.succeeded', 'charge.refunded', 'refund.updated'] })).data.map(({ type, request }) => [type, request]);
  const [byPayment, byRefund] = [{ id: paid.lastResponse.requestId, idempotency_key: 'events-2' }, (await stripe.events.list({ type: 'refund.created' })).data[0]!.request];
  assert.equal(byRefund?.id, refund.lastResponse.requestId);
  assert.deepEqual(told, [['charge.refunded', byRefund], ['refund.updated', byRefund], ['payment_intent.succeeded', byPayment], ['charge.succeeded', byPayment], ['payment_intent.created', byPayment]]);
});

test('events are found by their type, by several, by a part of its name', async () => {
  const customer = await stripe.customers.create();
  const method = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  await stripe.paymentMethods.detach(method.id);
  assert.deepEqual(await types({ type: 'payment_method.detached' }), ['payment_method.detached']);
  assert.deepEqual(await types({ type: 'payment_method.*' }), ['payment_method.detached', 'payment_method.attached']);
  assert.deepEqual(await types({ types: ['payment_method.attached', 'customer.updated'] }), ['payment_method.attached', 'customer.updated']);
  assert.deepEqual(await types({ types: ['*.detached', 'customer.upd*'] }), ['payment_method.detached', 'customer.updated']);
  assert.deepEqual(await types({ type: untyped('payment%') }).catch((error: Stripe.errors.StripeError) => error.param), 'type');
});

test('pages go from the newest event to the oldest, also where a test clock lives in another year', async () => {
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: 1_577_836_800 });
  await stripe.customers.create({ test_clock: clock.id });
  const all = (await stripe.events.list({ limit: 100 })).data;
  assert.deepEqual(all.slice(0, 2).map((event) => [event.type, event.created]), [['customer.created', 1_577_836_800], ['test_helpers.test_clock.created', all[1]!.created]]);
  const first = await stripe.events.list({ limit: 2 });
  const second = await stripe.events.list({ limit: 2, starting_after: first.data[1]!.id });
  assert.equal(first.has_more, true);
  assert.deepEqual([...first.data, ...second.data].map((event) => event.id), all.slice(0, 4).map((event) => event.id));
  const back = await stripe.events.list({ limit: 2, ending_before: second.data[0]!.id });
  assert.deepEqual(back.data.map((event) => event.id), first.data.map((event) => event.id));
  assert.deepEqual(await types({ created: 1_577_836_800 }), ['customer.created']);
  assert.deepEqual(await types({ created: { lt: 1_600_000_000 } }), ['customer.created']);
});

test('in live mode, too, events are found by when they were created', async () => {
  const { stripe: live } = await kontor.another(true);
  await live.customers.create();
  const [event] = (await live.events.list()).data;
  const found = async (created: Stripe.RangeQueryParam | number) => (await live.events.list({ created })).data.map(({ id }) => id);
  for (const created of [event!.created, { gte: event!.created }, { gt: event!.created - 1, lte: event!.created }, { gte: 0 }]) assert.deepEqual(await found(created), [event!.id]);
  for (const created of [event!.created + 1, { gt: event!.created }, { gte: event!.created + 86_400 }, { lt: event!.created }]) assert.deepEqual(await found(created), []);
});

test('after thirty days an event cannot be read any more', async () => {
  const old = (await stripe.events.list({ limit: 1 })).data[0]!;
  ahead = 30 * 86_400_000 + 60_000;
  assert.deepEqual(await types({}), []);
  await assert.rejects(stripe.events.retrieve(old.id), { code: 'resource_missing', statusCode: 404 });
  await stripe.customers.create();
  assert.deepEqual(await types({}), ['customer.created']);
});

test('another account reads none of them', async () => {
  const [event] = (await stripe.events.list({ limit: 1 })).data;
  const other = await kontor.another();
  await assert.rejects(other.stripe.events.retrieve(event!.id), { code: 'resource_missing', statusCode: 404 });
  assert.deepEqual((await other.stripe.events.list()).data, []);
});

test('what is refused is refused by name', async () => {
  await refused([
    [() => stripe.events.list({ type: 'customer.created', types: ['customer.updated'] }), 'parameters_exclusive', 'type'],
    [() => stripe.events.list({ types: Array.from({ length: 21 }, () => 'customer.created') }), undefined, 'types'],
    [() => stripe.events.list({ starting_after: 'evt_nobody' }), 'resource_missing', 'starting_after'],
    [() => stripe.events.list({ limit: 0 }), 'parameter_invalid_integer', 'limit'],
    [() => stripe.events.retrieve('evt_nobody'), 'resource_missing', 'id', 404],
  ]);
});
