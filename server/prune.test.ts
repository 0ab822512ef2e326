import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startKontor } from '../tests/kontor.ts';
import { firstId } from './clock.ts';
import { inWorld } from './database/world.ts';
import { prune } from './prune.ts';

const kontor = await startKontor({ works: false });
after(() => kontor.close());

test('idempotency keys of more than thirty days are forgotten a portion at a time, younger ones are kept', async () => {
  const { app, world } = kontor;
  const query = (text: string) => inWorld(app.database.pool, world, (tx) => tx.query<{ key: string }>(text));
  await query(`insert into idempotency_keys (key, request_id, fingerprint, status, body, created)
    select 'old ' || n, 'req_1', ''::bytea, 200, '{}', now() - interval '31 days' from generate_series(1, 10001) n union all select 'young', 'req_1', ''::bytea, 200, '{}', now() - interval '29 days'`);
  assert.equal(await prune(app), true);
  assert.equal(await prune(app), false);
  assert.deepEqual((await query('select key from idempotency_keys')).rows, [{ key: 'young' }]);
});

test('thin events that nobody can read any more are deleted with their deliveries, others are kept', async () => {
  const { app, world, stripe } = kontor;
  const query = <Row extends object>(text: string) => inWorld(app.database.pool, world, (tx) => tx.query<Row>(text));
  const { id: endpoint } = await stripe.v2.core.eventDestinations.create({ name: 'Errors', type: 'webhook_endpoint', event_payload: 'thin', enabled_events: ['v1.billing.meter.no_meter_found'], webhook_endpoint: { url: 'https://example.com/hooks' } });
  const now = app.clock.now();
  const [young, old] = [29, 31].map((days, n) => `${firstId('evt', now - days * 86_400)}${n}`);
  await query(`insert into thin_events (id, created, type, data) select id, now(), 'v1.billing.meter.no_meter_found', '{}' from unnest(array['${young}', '${old}']) t (id)`);
  await query(`insert into webhook_deliveries (id, thin_event, webhook_endpoint, state, created, due_from, attempts) select 'whd_' || id, id, '${endpoint}', 'given_up', now(), now(), 20 from thin_events`);
  assert.equal(await prune(app), false);
  assert.deepEqual((await stripe.v2.core.events.list()).data.map(({ id }) => id), [young]);
  assert.deepEqual((await query<object>('select thin_event from webhook_deliveries')).rows, [{ thin_event: young }]);
  assert.deepEqual((await query<object>('select id from thin_events')).rows, [{ id: young }]);
});
