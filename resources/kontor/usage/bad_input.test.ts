/** What makes no sense is refused by name, and leaves everything as it was. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type Stripe from 'stripe';
import { quoted } from '../../../server/http/forms.ts';
import { DAY } from '../../../tests/days.ts';
import { startKontor, type Kontor } from '../../../tests/kontor.ts';
import { own } from '../../../tests/own.ts';
import { meterOf } from '../../../tests/shop.ts';

let kontor: Kontor;
let customer: string;
let meter: string;
before(async () => {
  kontor = await startKontor({ works: false });
  ({ id: customer } = await kontor.stripe.customers.create({}));
  ({ id: meter } = await meterOf(kontor.stripe, 'calls'));
  await report([event({ identifier: 'good' })]);
  await post('outcome_definitions', { display_name: 'AI agent', subject_key: 'conversation', rules: [{ event_name: 'confirmed', effect: 'succeed' }] });
});
after(() => kontor.close());

const now = () => kontor.app.clock.now();
const post = (path: string, body: object) => own(kontor.stripe, 'POST', path, body);
const get = (path: string) => own(kontor.stripe, 'GET', path);
const event = (more: object = {}, payload: object = {}) => ({ event_name: 'calls', payload: { stripe_customer_id: customer, value: '2', ...payload }, ...more });
const report = (events: object[]) => post('usage/events', { events });
const minute = () => now() - (now() % 60);
const stored = async () => {
  const { data: [{ value }] } = await get(`meters/${meter}/summaries?customer=${customer}&start_time=${minute() - DAY}&end_time=${minute() + 60}`);
  return { value, events: (await kontor.database.inWorld(kontor.world, (tx) => tx.query('select count(*)::integer as n from meter_events'))).rows[0].n };
};

const preview = (more: object) => post('outcome_definitions/preview', { definition_data: { subject_key: 'conversation', rules: [{ event_name: 'confirmed', effect: 'succeed' }] }, ...more });
const long = 'x'.repeat(101);

/** All of a request is refused. */
const REQUESTS: [name: string, ask: () => Promise<unknown>, param: string | undefined, message: RegExp, status?: number][] = [
  ['more than a thousand events', () => report(Array.from({ length: 1_001 }, () => event())), 'events', /1000/],
  ['no event', () => report([]), 'events', /./],
  ['a body that is too large', () => report(Array.from({ length: 1_000 }, () => event({}, Object.fromEntries(Array.from({ length: 18 }, (_, n) => [`k${n}`, 'ü'.repeat(100)]))))), undefined, /too large|too many values/],
  ['a preview of more than 400 days', () => preview({ from: now() - 401 * DAY }), 'from', /400 days/],
  ['a preview that ends before it begins', () => preview({ from: now() - DAY, to: now() - 2 * DAY }), 'to', /./],
  ['a preview of the future', () => preview({ from: now() + DAY }), 'to', /later than `from`/],
  ['a preview without beginning', () => preview({}), 'from', /./],
  ['a correction by too many events', () => post('usage/corrections', { type: 'backfill', backfill: { event_name: 'calls', customer, start_time: now() - DAY, end_time: now(), events: Array.from({ length: 1_001 }, () => ({ timestamp: now() - 60, payload: event().payload })) } }), 'backfill[events]', /1000/],
  ['a correction by a value that overflows', () => post('usage/corrections', { type: 'amend', amend: { event_name: 'calls', identifier: 'good', payload: { stripe_customer_id: customer, value: '9'.repeat(16) } } }), 'amend[payload][value]', /15 digits/],
  ['an amendment that says nothing', () => post('usage/corrections', { type: 'amend', amend: { event_name: 'calls', identifier: 'good' } }), 'amend[payload]', /give `payload`, `timestamp` or both/],
  ['an amendment to what the event says', () => post('usage/corrections', { type: 'amend', amend: { event_name: 'calls', identifier: 'good', payload: event().payload } }), 'amend[payload]', /nothing to amend/],
  ['a question about more than can be counted', () => post('usage/check', { customer, event_name: 'calls', quantity: '9'.repeat(16) }), 'quantity', /./],
  ['a summary of a time that no calendar has', () => get(`meters/${meter}/summaries?customer=${customer}&start_time=0&end_time=${'9'.repeat(14)}`), 'end_time', /./],
];

for (const [name, ask, param, message] of REQUESTS) {
  test(`${name} is refused, and nothing is changed`, async () => {
    const before = await stored();
    await assert.rejects(ask(), (error: Stripe.errors.StripeError) => {
      assert.ok(error.statusCode === 400 || error.statusCode === 413, `${error.statusCode}`);
      assert.deepEqual([error.param, message.test(error.message)], [param, true], error.message);
      return true;
    });
    assert.deepEqual(await stored(), before);
  });
}

test('what a customer used who is deleted is not amended any more, on whichever clock that was', async () => {
  const { id: clock } = await kontor.stripe.testHelpers.testClocks.create({ frozen_time: now() + 90 * DAY });
  const { id } = await kontor.stripe.customers.create({ test_clock: clock });
  await report([event({ identifier: 'of a deleted one' }, { stripe_customer_id: id })]);
  await kontor.stripe.customers.del(id);
  const amend = { event_name: 'calls', identifier: 'of a deleted one', payload: event({}, { stripe_customer_id: id, value: '3' }).payload };
  await assert.rejects(post('usage/corrections', { type: 'amend', amend }), { param: 'amend[identifier]', code: 'resource_missing', message: `No such customer: '${id}'` });
});

test('of a batch each event is refused by itself that says what cannot be counted, and the others are kept', async () => {
  const { value, events } = await stored();
  const bad: [object, string][] = [
    [event({}, { value: '1234567890123456' }), 'payload[value]'],
    [event({}, { value: '0.1234567890123' }), 'payload[value]'],
    [event({}, { value: '1e9' }), 'payload[value]'],
    [event({}, { value: 'NaN' }), 'payload[value]'],
    [event({}, { value: 'Infinity' }), 'payload[value]'],
    [event({ timestamp: now() - 36 * DAY }), 'timestamp'],
    [event({ timestamp: now() + 3_600 }), 'timestamp'],
    [event({ event_name: 'nobody' }), 'event_name'],
    [event({}, { stripe_customer_id: 'cus_none' }), 'payload[stripe_customer_id]'],
    [event({ identifier: 'outc_1:1' }), 'identifier'],
    [event({ identifier: long }), 'identifier'],
    [event({ event_name: long }), 'event_name'],
    [event({}, { note: long }), 'payload[note]'],
    [event({}, { [long]: '1' }), `payload[${quoted(long)}]`],
    [event({}, Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`k${n}`, '1']))), 'payload'],
    [event({ identifier: 'good' }, { value: '3' }), 'identifier'],
  ];
  // The largest value that there is, and the smallest, are counted exactly.
  const good = [event({}, { value: '999999999999999.999999999999' }), event({}, { value: '0.000000000001' }), event({}, { value: '-999999999999999' })];
  const batch = await report([...bad.map(([each]) => each), ...good]);
  assert.deepEqual(batch.results.slice(0, bad.length).map((each: { error?: { param: string } }) => each.error?.param), bad.map(([, param]) => param));
  assert.deepEqual([batch.accepted, batch.refused], [good.length, bad.length]);
  const after = await stored();
  assert.deepEqual([value, after.value, after.events - events], ['2', '3', good.length]);
});

test('sums stay exact beyond what any single value may be', async () => {
  const { id: other } = await kontor.stripe.customers.create({});
  await report(Array.from({ length: 1_000 }, () => event({}, { stripe_customer_id: other, value: '999999999999999.5' })));
  const { data: [{ value }] } = await get(`meters/${meter}/summaries?customer=${other}&start_time=${minute() - DAY}&end_time=${minute() + 60}`);
  assert.equal(value, '999999999999999500');
});
