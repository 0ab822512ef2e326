import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { machineClock } from '../../../server/clock.ts';
import { ATTEMPTS, DELIVERY_WINDOW } from '../../../server/webhooks/schedule.ts';
import { until, when } from '../../../tests/awaited.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { own } from '../../../tests/own.ts';

type Arrived = { body: string; signature: string };
type Delivery = { id: string; object: string; attempts: number; event: string; webhook_endpoint: string; state: string; last_status: number | null; last_error: string | null; last_attempt_at: number | null; next_attempt_at: number | null; delivered_at: number | null };

let ahead = 0;
/** What the receiver answers, and what it has got. */
let answer = 200;
let arrived: Arrived[] = [];

const kontor = await startKontor({ clock: machineClock(() => Date.now() + ahead) });
const { stripe } = kontor;
const receiver = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  arrived.push({ body, signature: request.headers['stripe-signature'] as string });
  response.writeHead(answer).end();
});
await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
after(async () => { receiver.close(); await kontor.close(); });

async function listDeliveries(params: Record<string, string>): Promise<Delivery[]> {
  return (await own<{ data: Delivery[] }>(stripe, 'GET', `webhook_deliveries?${new URLSearchParams(params)}`)).data;
}
const retrieve = (id: string) => own<Delivery>(stripe, 'GET', `webhook_deliveries/${id}`);
const resend = (id: string) => own<Delivery>(stripe, 'POST', `webhook_deliveries/${id}/resend`);

/** An attempt that is under way is leased for a minute; that is not its next moment. */
const settled = (delivery: Delivery) => delivery.last_status !== null && delivery.next_attempt_at !== delivery.last_attempt_at! + 60;

/** The only delivery to the endpoint, once it fulfils the condition and no attempt is under way. */
async function deliveryTo(endpoint: string, ready: (delivery: Delivery) => boolean): Promise<Delivery> {
  const read = async () => {
    kontor.app.nudge();
    return (await listDeliveries({ webhook_endpoint: endpoint }))[0];
  };
  return (await when(read, (delivery) => delivery !== undefined && settled(delivery) && ready(delivery)))!;
}

/** An endpoint for one kind of event, with nothing heard yet. */
async function endpoint(params: Partial<Stripe.WebhookEndpointCreateParams> = {}): Promise<Stripe.WebhookEndpoint> {
  for (const each of (await stripe.webhookEndpoints.list()).data) await stripe.webhookEndpoints.del(each.id);
  arrived = [];
  answer = 200;
  return stripe.webhookEndpoints.create({ url, enabled_events: ['customer.created'], ...params });
}

const delivered = (delivery: Delivery) => delivery.state === 'delivered';
/** Whether a secret opens what has arrived. */
const opens = (secret: string, { body, signature }: Arrived = arrived.at(-1)!): boolean => {
  try {
    return stripe.webhooks.constructEvent(body, signature, secret).object === 'event';
  } catch {
    return false;
  }
};

test('an event arrives signed, and is the one that the API reads', async () => {
  const made = await endpoint();
  await stripe.customers.create({ name: 'Jenny' });
  await stripe.paymentMethods.attach('pm_card_visa', { customer: (await stripe.customers.create({ name: 'Other' }, { idempotencyKey: 'other' })).id });
  await until(async () => arrived.length >= 2 && (await listDeliveries({ webhook_endpoint: made.id })).every(delivered));
  const events = arrived.map(({ body, signature }) => stripe.webhooks.constructEvent(body, signature, made.secret!));
  assert.deepEqual(events.map((event) => event.type), ['customer.created', 'customer.created'], 'only what the endpoint asked for');
  for (const event of events) assert.deepEqual({ ...event, pending_webhooks: 0 }, JSON.parse(JSON.stringify(await stripe.events.retrieve(event.id))));
  assert.equal(events.every((event) => event.pending_webhooks === 1), true);
  const deliveries = await listDeliveries({ webhook_endpoint: made.id });
  assert.deepEqual(deliveries.map((each) => [each.object, each.state, each.attempts, each.last_status, each.next_attempt_at]), Array(2).fill(['kontor.webhook_delivery', 'delivered', 1, 200, null]));
  assert.deepEqual((await stripe.events.list({ delivery_success: true, type: 'customer.created' })).data.map((event) => event.id).sort(), events.map((event) => event.id).sort());
});

test('a changed or wrongly signed body is not taken for an event', async () => {
  const made = await endpoint();
  await stripe.customers.create();
  await deliveryTo(made.id, delivered);
  const { body, signature } = arrived[0]!;
  assert.equal(opens(made.secret!), true);
  assert.equal(opens('whsec_another'), false);
  assert.equal(opens(made.secret!, { body: body.replace('customer.created', 'customer.deleted'), signature }), false);
});

test('an endpoint that fails is tried again until it answers', async () => {
  const made = await endpoint();
  answer = 500;
  const customer = await stripe.customers.create();
  const failed = await deliveryTo(made.id, (each) => each.attempts === 1);
  assert.deepEqual([failed.state, failed.last_status, failed.delivered_at], ['pending', 500, null]);
  const [event] = (await stripe.events.list({ delivery_success: false })).data;
  assert.deepEqual([event!.id, event!.pending_webhooks, (event!.data.object as Stripe.Customer).id], [failed.event, 1, customer.id]);
  assert.deepEqual((await listDeliveries({ state: 'pending', event: failed.event })).map((each) => each.id), [failed.id]);
  answer = 204;
  ahead += 31_000;
  const again = await deliveryTo(made.id, delivered);
  assert.deepEqual([again.id, again.attempts, again.last_status], [failed.id, 2, 204]);
  assert.deepEqual(arrived.map(({ body }) => JSON.parse(body).id), [failed.event, failed.event]);
});

test('after three days an event is given up, and can be sent again by hand', async () => {
  const made = await endpoint();
  answer = 503;
  await stripe.customers.create();
  const first = await deliveryTo(made.id, (each) => each.attempts === 1);
  const started = kontor.app.clock.now();
  let last = first;
  while (last.state === 'pending') {
    ahead += Math.max(0, last.next_attempt_at! - kontor.app.clock.now()) * 1000;
    last = await deliveryTo(made.id, (each) => each.attempts > last.attempts);
  }
  assert.deepEqual([last.state, last.attempts, last.next_attempt_at, arrived.length], ['given_up', ATTEMPTS, null, ATTEMPTS]);
  const took = kontor.app.clock.now() - started;
  assert.ok(took > DELIVERY_WINDOW - 3_600 && took <= DELIVERY_WINDOW + 60, `${took} seconds`);
  assert.deepEqual((await listDeliveries({ state: 'given_up' })).map((each) => each.id), [first.id]);
  // Sent again to an endpoint that still fails, it is tried as a new one would be.
  const resent = await resend(first.id);
  assert.deepEqual([resent.state, resent.attempts], ['pending', 0]);
  const failed = await deliveryTo(made.id, (each) => each.attempts === 1);
  assert.equal(failed.state, 'pending');
  assert.ok(failed.next_attempt_at! > kontor.app.clock.now());
  answer = 200;
  await resend(first.id);
  await deliveryTo(made.id, delivered);
  assert.equal(opens(made.secret!), true);
});

test('an event that has arrived is sent once more', async () => {
  const made = await endpoint();
  await stripe.customers.create();
  const { id } = await deliveryTo(made.id, delivered);
  await resend(id);
  await until(() => arrived.length >= 2);
  assert.deepEqual(arrived.map(({ body }) => JSON.parse(body).id), [JSON.parse(arrived[0]!.body).id, JSON.parse(arrived[0]!.body).id]);
  assert.equal((await deliveryTo(made.id, delivered)).attempts, 1);
  assert.equal((await retrieve(id)).state, 'delivered');
});

test('while a secret is rolled both sign, afterwards only the new one', async () => {
  const made = await endpoint();
  const rolled = await own<Stripe.WebhookEndpoint>(stripe, 'POST', `webhook_endpoints/${made.id}/roll_secret`, { overlap: 3_600 });
  assert.match(rolled.secret!, /^whsec_[0-9A-Za-z]{32}$/);
  assert.notEqual(rolled.secret, made.secret);
  await stripe.customers.create();
  const { id } = await deliveryTo(made.id, delivered);
  assert.deepEqual([opens(rolled.secret!), opens(made.secret!)], [true, true]);
  ahead += 3_601_000;
  await resend(id);
  await deliveryTo(made.id, delivered);
  await until(() => arrived.length >= 2);
  assert.deepEqual([opens(rolled.secret!), opens(made.secret!)], [true, false]);
  const { secret } = await own<Stripe.WebhookEndpoint>(stripe, 'POST', `webhook_endpoints/${made.id}/roll_secret`, { overlap: 0 });
  await resend(id);
  await until(() => arrived.length >= 3);
  assert.deepEqual([opens(secret!), opens(rolled.secret!)], [true, false], 'without overlap the old one ends at once');
});

test('an endpoint gets the shape of its version', async () => {
  const made = await endpoint({ api_version: '2025-09-30.clover', enabled_events: ['promotion_code.created'] });
  const coupon = await stripe.coupons.create({ percent_off: 10, duration: 'once' });
  await stripe.promotionCodes.create({ promotion: { type: 'coupon', coupon: coupon.id } });
  await deliveryTo(made.id, delivered);
  const event = JSON.parse(arrived[0]!.body);
  assert.equal(event.api_version, '2025-09-30.clover');
  const older = kontor.client(kontor.key, { apiVersion: '2025-09-30.clover' });
  assert.deepEqual(event, { ...JSON.parse(JSON.stringify(await older.events.retrieve(event.id))), pending_webhooks: 1 });
});

test('a disabled endpoint gets nothing new, and what was waiting goes on when it is enabled', async () => {
  const made = await endpoint();
  answer = 500;
  await stripe.customers.create();
  const waiting = await deliveryTo(made.id, (each) => each.attempts === 1);
  await stripe.webhookEndpoints.update(made.id, { disabled: true });
  await stripe.customers.create();
  assert.deepEqual((await listDeliveries({ webhook_endpoint: made.id })).map((each) => each.id), [waiting.id]);
  await assert.rejects(resend(waiting.id), { statusCode: 400, message: /is disabled/ });
  answer = 200;
  ahead += 31_000;
  await stripe.webhookEndpoints.update(made.id, { disabled: false });
  assert.equal((await deliveryTo(made.id, delivered)).attempts, 2);
});

test('a delivery is read with its event and its endpoint, and by nobody else', async () => {
  const made = await endpoint();
  const customer = await stripe.customers.create();
  const { id } = await deliveryTo(made.id, delivered);
  const whole = await own<{ event: Stripe.Event; webhook_endpoint: Stripe.WebhookEndpoint }>(stripe, 'GET', `webhook_deliveries/${id}?expand[]=event&expand[]=webhook_endpoint`);
  assert.equal((whole.event.data.object as Stripe.Customer).id, customer.id);
  assert.deepEqual([whole.webhook_endpoint.id, whole.webhook_endpoint.secret], [made.id, undefined]);
  const other = await kontor.another();
  for (const request of [() => own(other.stripe, 'GET', `webhook_deliveries/${id}`), () => own(other.stripe, 'POST', `webhook_deliveries/${id}/resend`), () => own(stripe, 'GET', 'webhook_deliveries/whd_nobody')]) {
    await assert.rejects(request, { code: 'resource_missing', statusCode: 404 });
  }
  await assert.rejects(listDeliveries({ state: 'lost' }), { statusCode: 400, param: 'state' });
  assert.deepEqual((await listDeliveries({ 'created[lt]': '1000' })), []);
});
