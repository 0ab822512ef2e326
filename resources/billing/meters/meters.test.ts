import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import Stripe from 'stripe';
import { startKontor } from '../../../tests/kontor.ts';
import { listen } from '../../../tests/told.ts';

const kontor = await startKontor();
after(() => kontor.close());
const told = listen(kontor);

type Create = Stripe.Billing.MeterCreateParams;
const meterOf = (event_name: string, params: Partial<Create> = {}) => kontor.stripe.billing.meters.create({ display_name: 'Calls', event_name, default_aggregation: { formula: 'sum' }, ...params });

test('a meter as it goes over the wire and into the event', async () => {
  const made = await meterOf('calls');
  const { lastResponse: _, id, created, ...rest } = made;
  assert.match(id, /^mtr_/);
  assert.deepEqual(rest, {
    object: 'billing.meter',
    customer_mapping: { event_payload_key: 'stripe_customer_id', type: 'by_id' },
    default_aggregation: { formula: 'sum' },
    display_name: 'Calls',
    event_name: 'calls',
    event_time_window: null,
    livemode: false,
    status: 'active',
    status_transitions: { deactivated_at: null },
    updated: created,
    value_settings: { event_payload_key: 'value' },
  });
  const [event, ...others] = await told();
  assert.deepEqual(others, []);
  assert.deepEqual([event!.type, event!.data], ['billing.meter.created', { id, created, ...rest }]);
});

test('a meter is renamed, deactivated and reactivated, and each is told once', async () => {
  const { meters } = kontor.stripe.billing;
  const { id } = await meterOf('renamed', { customer_mapping: { event_payload_key: 'who', type: 'by_id' }, value_settings: { event_payload_key: 'much' }, event_time_window: 'hour', default_aggregation: { formula: 'last' } });
  await told();
  assert.equal((await meters.update(id, { display_name: 'Requests' })).display_name, 'Requests');
  await meters.update(id, { display_name: 'Requests' });
  const off = await meters.deactivate(id);
  assert.deepEqual([off.status, typeof off.status_transitions.deactivated_at], ['inactive', 'number']);
  await assert.rejects(meters.deactivate(id), { statusCode: 400, message: /inactive already/ });
  const on = await meters.reactivate(id);
  assert.deepEqual([on.status, on.status_transitions.deactivated_at], ['active', null]);
  await assert.rejects(meters.reactivate(id), { statusCode: 400, message: /active already/ });
  const events = await told();
  assert.deepEqual(events.map((each) => each.type), ['billing.meter.updated', 'billing.meter.deactivated', 'billing.meter.reactivated']);
  assert.equal(events[0]!.previous!['display_name'], 'Calls');
});

test('events of a name are counted by one active meter', async () => {
  const { meters } = kontor.stripe.billing;
  const taken = { code: 'resource_already_exists', statusCode: 400 };
  const first = await meterOf('shared');
  await assert.rejects(meterOf('shared'), { ...taken, param: 'event_name' });
  await meters.deactivate(first.id);
  const second = await meterOf('shared');
  await assert.rejects(meters.reactivate(first.id), taken);
  await meters.deactivate(second.id);
  await meters.reactivate(first.id);
});

test('meters are listed by status', async () => {
  const { stripe } = await kontor.another();
  const make = (event_name: string) => stripe.billing.meters.create({ display_name: event_name, event_name, default_aggregation: { formula: 'count' } });
  const [a, b] = [await make('a'), await make('b')];
  await stripe.billing.meters.deactivate(a.id);
  const ids = async (params: Stripe.Billing.MeterListParams) => (await stripe.billing.meters.list(params)).data.map((each) => each.id);
  assert.deepEqual(await ids({}), [b.id, a.id]);
  assert.deepEqual(await ids({ status: 'active' }), [b.id]);
  assert.deepEqual(await ids({ status: 'inactive', limit: 1 }), [a.id]);
});

describe('a meter is refused', () => {
  const table: [string, object, string | undefined, string][] = [
    ['without a formula', { default_aggregation: undefined }, 'parameter_missing', 'default_aggregation'],
    ['with an unknown formula', { default_aggregation: { formula: 'max' } }, undefined, 'default_aggregation[formula]'],
    ['without a name', { display_name: undefined }, 'parameter_missing', 'display_name'],
    ['without the name of its events', { event_name: undefined }, 'parameter_missing', 'event_name'],
    ['with a name that is too long', { event_name: 'e'.repeat(101) }, undefined, 'event_name'],
    ['with a week as its window', { event_time_window: 'week' }, undefined, 'event_time_window'],
    ['with another way to find the customer', { customer_mapping: { type: 'by_email', event_payload_key: 'x' } }, undefined, 'customer_mapping[type]'],
    ['with one key for the customer and the value', { value_settings: { event_payload_key: 'stripe_customer_id' } }, undefined, 'value_settings[event_payload_key]'],
    ['with a key of no name', { value_settings: { event_payload_key: '' } }, 'parameter_invalid_empty', 'value_settings[event_payload_key]'],
  ];
  for (const [name, params, code, param] of table) test(name, () => assert.rejects(meterOf('refused', params as Partial<Create>), { code, param, statusCode: 400 }));

  test('when it is not there', async () => {
    const { meters } = kontor.stripe.billing;
    const asked = [meters.retrieve('mtr_none'), meters.update('mtr_none', { display_name: 'X' }), meters.deactivate('mtr_none'), meters.reactivate('mtr_none')];
    await Promise.all(asked.map((ask) => assert.rejects(ask, { code: 'resource_missing', statusCode: 404 })));
  });
});
