import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { machineClock } from '../../../../server/clock.ts';
import { until } from '../../../../tests/awaited.ts';
import { startKontor } from '../../../../tests/kontor.ts';
import { own } from '../../../../tests/own.ts';
import { meterOf } from '../../../../tests/shop.ts';

let ahead = 0;
let arrived: { body: string; signature: string }[] = [];

const kontor = await startKontor({ clock: machineClock(() => Date.now() + ahead) });
const { stripe } = kontor;
const receiver = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  arrived.push({ body, signature: request.headers['stripe-signature'] as string });
  response.end();
});
await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
after(async () => { receiver.close(); await kontor.close(); });

type Create = Stripe.V2.Core.EventDestinationCreateParams;
const ERRORS = ['v1.billing.meter.error_report_triggered', 'v1.billing.meter.no_meter_found'];
const create = (more: Partial<Create> = {}) =>
  stripe.v2.core.eventDestinations.create({ name: 'Usage errors', type: 'webhook_endpoint', event_payload: 'thin', enabled_events: ERRORS, webhook_endpoint: { url }, include: ['webhook_endpoint.signing_secret', 'webhook_endpoint.url'], ...more });

/** What comes next, checked by the official client. */
async function next(secret: string) {
  await until(() => {
    kontor.app.nudge();
    return arrived.length > 0;
  });
  const { body, signature } = arrived.shift()!;
  return stripe.parseEventNotification(body, signature, secret);
}

test('what was wrong with usage of the stream is sent to an event destination, as a thin event that its receiver fetches', async () => {
  const { id, webhook_endpoint } = await create();
  const meter = await meterOf(stripe, 'calls');
  await stripe.v2.billing.meterEventStream.create({ events: [{ event_name: 'calls', identifier: 'c1', payload: { stripe_customer_id: 'cus_none', value: '1' } }] });
  ahead += 61_000;
  const told = await next(webhook_endpoint!.signing_secret!);
  assert.equal(told.type, 'v1.billing.meter.error_report_triggered');
  assert.ok(!('data' in told));
  if (told.type !== 'v1.billing.meter.error_report_triggered') return;
  assert.equal((await told.fetchRelatedObject()).id, meter.id);
  const event = await told.fetchEvent();
  assert.deepEqual(event.data.reason.error_types.map(({ code, error_count }) => [code, error_count]), [['meter_event_customer_not_found', 1]]);
  const { data: [delivery] } = await own<{ data: { event: string; state: string }[] }>(stripe, 'GET', `webhook_deliveries?webhook_endpoint=${id}`);
  assert.equal(delivery!.event, told.id);
  await stripe.v2.core.eventDestinations.del(id);
});

test('a destination is pinged, changed, disabled and deleted', async () => {
  const { id, webhook_endpoint, ...made } = await create({ description: 'To the pager', metadata: { team: 'usage' } });
  assert.match(id, /^ed_/);
  assert.equal(webhook_endpoint!.url, url);
  const { object, description, enabled_events, event_payload, events_from, livemode, metadata, name, status, type } = made;
  assert.deepEqual({ object, description, enabled_events, event_payload, events_from, livemode, metadata, name, status, type }, {
    object: 'v2.core.event_destination', description: 'To the pager', enabled_events: ERRORS, event_payload: 'thin', events_from: ['self'], livemode: false, metadata: { team: 'usage' }, name: 'Usage errors', status: 'enabled', type: 'webhook_endpoint',
  });
  const ping = await stripe.v2.core.eventDestinations.ping(id);
  const told = await next(webhook_endpoint!.signing_secret!);
  assert.deepEqual([told.id, told.type, (await told.fetchEvent()).id], [ping.id, 'v2.core.event_destination.ping', ping.id]);
  const changed = await stripe.v2.core.eventDestinations.update(id, { name: 'Errors', enabled_events: ['*'], metadata: { team: null } as unknown as Record<string, string> });
  assert.deepEqual([changed.name, changed.enabled_events, changed.metadata, changed.webhook_endpoint], ['Errors', ['*'], {}, undefined]);
  const disabled = await stripe.v2.core.eventDestinations.disable(id);
  assert.deepEqual([disabled.status, disabled.status_details!.disabled!.reason], ['disabled', 'user']);
  await assert.rejects(stripe.v2.core.eventDestinations.ping(id), { statusCode: 400, message: /is disabled/ });
  assert.equal((await stripe.v2.core.eventDestinations.enable(id)).status, 'enabled');
  assert.deepEqual((await stripe.v2.core.eventDestinations.retrieve(id, { include: ['webhook_endpoint.url'] })).webhook_endpoint, { url });
  const other = await create({ name: 'Second' });
  const listed: string[] = [];
  for await (const each of stripe.v2.core.eventDestinations.list({ limit: 1 })) listed.push(each.id);
  assert.deepEqual(listed, [other.id, id]);
  for (const each of listed) assert.equal((await stripe.v2.core.eventDestinations.del(each)).id, each);
  await assert.rejects(stripe.v2.core.eventDestinations.retrieve(id), { statusCode: 404, code: 'resource_missing' });
});

test('an event is told in its thin form, which leads to its object, its request and its other form', async () => {
  const { id, webhook_endpoint } = await create({ enabled_events: ['v1.customer.updated', 'v1.customer.tax_id.created'] });
  const customer = await stripe.customers.create({ name: 'Jenny' });
  const renamed = await stripe.customers.update(customer.id, { name: 'Jennifer' }, { idempotencyKey: 'thin' });
  const told = await next(webhook_endpoint!.signing_secret!);
  const request = { type: 'request', request: { id: renamed.lastResponse.requestId, idempotency_key: 'thin' } };
  assert.deepEqual([told.type, told.livemode, told.reason, 'data' in told], ['v1.customer.updated', false, request, false]);
  if (told.type !== 'v1.customer.updated') return;
  assert.deepEqual(told.related_object, { id: customer.id, type: 'customer', url: `/v1/customers/${customer.id}` });
  assert.equal(((await told.fetchRelatedObject()) as Stripe.Customer).name, 'Jennifer');
  const full = await told.fetchEvent();
  assert.deepEqual([full.type, full.reason, full.created], [told.type, request, told.created]);
  const snapshot = await stripe.events.retrieve(full.snapshot_event!);
  assert.deepEqual([snapshot.type, snapshot.data.previous_attributes], ['customer.updated', { name: 'Jenny' }]);
  const taxId = await stripe.customers.createTaxId(customer.id, { type: 'eu_vat', value: 'DE123456789' });
  const second = await next(webhook_endpoint!.signing_secret!);
  assert.deepEqual('related_object' in second && second.related_object, { id: taxId.id, type: 'tax_id', url: `/v1/customers/${customer.id}/tax_ids/${taxId.id}` });
  const listed = async (params: Stripe.V2.Core.EventListParams) => (await stripe.v2.core.events.list(params)).data.map(({ type }) => type);
  assert.deepEqual(await listed({ object_id: customer.id }), ['v1.customer.updated', 'v1.customer.created']);
  assert.deepEqual([await listed({ types: ['v1.customer.tax_id.created'] }), await listed({ types: ['customer.updated'] })], [['v1.customer.tax_id.created'], []]);
  const pages: string[] = [];
  for await (const event of stripe.v2.core.events.list({ limit: 1 })) pages.push(event.id);
  assert.deepEqual(pages, pages.toSorted().reverse());
  assert.ok(pages.includes(told.id) && new Set(pages).size === pages.length);
  await stripe.v2.core.eventDestinations.del(id);
});

test('the secret of a destination is rolled: both sign for a while', async () => {
  const { id, webhook_endpoint: first } = await create();
  const roll = (of: string) => own<Stripe.V2.Core.EventDestination>(stripe, 'POST', `event_destinations/${of}/roll_secret`, { overlap: 60 });
  const { webhook_endpoint: second } = await roll(id);
  assert.notEqual(second!.signing_secret, first!.signing_secret);
  for (const { signing_secret } of [first!, second!]) {
    const { id: ping } = await stripe.v2.core.eventDestinations.ping(id);
    assert.equal((await next(signing_secret!)).id, ping);
  }
  await assert.rejects(roll('ed_nobody'), { statusCode: 404, code: 'resource_missing' });
  await stripe.v2.core.eventDestinations.del(id);
});

test('a destination is no webhook endpoint, and gets no events but thin ones', async () => {
  const { id } = await create({ enabled_events: ['*'] });
  arrived = [];
  assert.equal((await stripe.webhookEndpoints.list()).data.length, 0);
  await assert.rejects(stripe.webhookEndpoints.retrieve(id), { statusCode: 404 });
  await assert.rejects(stripe.webhookEndpoints.del(id), { statusCode: 404 });
  const endpoint = await stripe.webhookEndpoints.create({ url, enabled_events: ['customer.created'] });
  await assert.rejects(stripe.v2.core.eventDestinations.retrieve(endpoint.id), { statusCode: 404 });
  const { id: customer } = await stripe.customers.create();
  await until(() => arrived.length > 1);
  assert.deepEqual(arrived.map(({ body }) => JSON.parse(body)).map(({ type, data, related_object }) => [type, (data?.object ?? related_object).id]).toSorted(), [['customer.created', customer], ['v1.customer.created', customer]]);
});

test('what is refused is refused by name', async () => {
  const bad: [object, string][] = [
    [{ event_payload: 'snapshot' }, 'event_payload'],
    [{ type: 'amazon_eventbridge' }, 'type'],
    [{ name: undefined }, 'name'],
    [{ webhook_endpoint: undefined }, 'webhook_endpoint'],
    [{ webhook_endpoint: { url: 'https://10.0.0.1/' } }, 'webhook_endpoint[url]'],
    [{ enabled_events: ['customer.created'] }, 'enabled_events[0]'],
    [{ enabled_events: ['v1.invoice.upcoming'] }, 'enabled_events[0]'],
    [{ events_from: ['other_accounts'] }, 'events_from[0]'],
    [{ snapshot_api_version: '2026-10-28.endive' }, 'snapshot_api_version'],
  ];
  for (const [more, param] of bad) await assert.rejects(create(more as Partial<Create>), (error: Stripe.errors.StripeError) => error.statusCode === 400 && (error.raw as { param: string }).param === param);
});
