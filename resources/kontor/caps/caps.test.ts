import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { DAY, FEBRUARY, START } from '../../../tests/days.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { own } from '../../../tests/own.ts';
import { customerAt, meterOf, report } from '../../../tests/shop.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const meter = (await meterOf(stripe, 'calls')).id;
const tiers = [{ up_to: 10, unit_amount: 0 }, { up_to: 'inf' as const, unit_amount: 50 }];
const price = (await stripe.prices.create({ currency: 'usd', billing_scheme: 'tiered', tiers_mode: 'graduated', tiers, recurring: { interval: 'month', usage_type: 'metered', meter }, product_data: { name: 'Calls' } })).id;

const post = async (path: string, params: object = {}) => {
  const { lastResponse: _, ...answer } = await own(stripe, 'POST', path, params);
  return answer as Record<string, any>;
};
const get = (path: string) => own(stripe, 'GET', path);
const check = (customer: string, quantity: number | string = 1) => post('usage/check', { customer, event_name: 'calls', quantity });
const reserve = (customer: string, quantity: number | string = 1, more: object = {}) => post('usage/reservations', { customer, event_name: 'calls', quantity, ...more });
const use = (customer: string, value: number) => report(stripe, 'calls', customer, value);
const usageOf = async (customer: string) => (await get(`customers/${customer}/usage`))['data'] as { value: string; cost: object }[];

const onClock = () => customerAt(stripe, START);

test('what was used is reported once for each reservation, and whole where events are counted', async () => {
  const { id: customer } = await stripe.customers.create({});
  const [one, two] = [await reserve(customer, 2), await reserve(customer, 2)];
  await post(`usage/reservations/${one['id']}/finalize`, { identifier: 'job' });
  await assert.rejects(post(`usage/reservations/${two['id']}/finalize`, { identifier: 'job' }), { code: 'resource_already_exists', param: 'identifier' });
  assert.equal((await post(`usage/reservations/${two['id']}/finalize`))['status'], 'finalized');
  await stripe.billing.meters.create({ display_name: 'Runs', event_name: 'runs', default_aggregation: { formula: 'count' } });
  const run = await post('usage/reservations', { customer, event_name: 'runs' });
  await assert.rejects(post(`usage/reservations/${run['id']}/finalize`, { quantity: '0.5' }), { statusCode: 400, param: 'quantity' });
  assert.equal((await post(`usage/reservations/${run['id']}/finalize`, { quantity: 0 }))['status'], 'finalized');
});

test('a cap of units says yes while something is left, and no with the reason afterwards', async () => {
  const { clock, customer } = await onClock();
  await stripe.subscriptions.create({ customer, items: [{ price }] });
  assert.deepEqual([(await check(customer, 1_000_000))['allowed'], (await check(customer))['caps']], [true, []]);
  const cap = await post('caps', { customer, meter, quantity: '100', name: 'Fair use', metadata: { why: 'trial' } });
  assert.deepEqual(cap, {
    id: cap['id'], object: 'kontor.cap', amount: null, created: START, currency: null, customer, livemode: false, metadata: { why: 'trial' }, meter, name: 'Fair use', period: 'billing_period', quantity: '100', status: 'active', test_clock: clock,
  });
  await use(customer, 60);
  const held = await reserve(customer, 30);
  assert.equal((await check(customer, 10))['allowed'], true);
  assert.deepEqual(await check(customer, '10.5'), {
    object: 'kontor.usage_check', allowed: false, cap: cap['id'], customer, livemode: false, message: 'The cap “Fair use” of 100 leaves 10, less than the 10.5 asked for.', meter, quantity: '10.5', reason: 'cap_reached', up_to_date: true,
    caps: [{ allowed: false, cap: cap['id'], currency: null, limit: '100', meter, name: 'Fair use', period: 'billing_period', remaining: '10', reserved: '30', used: '60' }],
  });
  await assert.rejects(reserve(customer, 11), { statusCode: 400, code: 'usage_cap_reached', param: 'quantity' });
  // Less was used than was reserved: the rest can be used again.
  assert.deepEqual([(await post(`usage/reservations/${held['id']}/finalize`, { quantity: 5 }))['status'], (await usageOf(customer))[0]!.value], ['finalized', '65']);
  assert.equal((await check(customer, 35))['allowed'], true);
  assert.equal((await post(`caps/${cap['id']}`, { quantity: 70 }))['quantity'], '70');
  assert.equal((await check(customer, 6))['allowed'], false);
  await kontor.advance(clock, FEBRUARY + DAY);
  assert.equal((await check(customer, 70))['allowed'], true);
  assert.equal((await post(`caps/${cap['id']}/archive`))['status'], 'archived');
  assert.equal((await check(customer, 71))['allowed'], true);
  for (const [path, change] of [[`caps/${cap['id']}/archive`, {}], [`caps/${cap['id']}`, { quantity: 80 }]] as const) await assert.rejects(post(path, change), { statusCode: 400, message: `The cap ${cap['id']} is archived. Make another one.` });
  assert.equal((await post(`caps/${cap['id']}`, { name: 'Once fair' }))['name'], 'Once fair');
});

test('a cap of money counts what usage costs at its prices, and lets pass what costs nothing', async () => {
  const { customer } = await onClock();
  await stripe.subscriptions.create({ customer, items: [{ price }] });
  const cap = await post('caps', { customer, amount: 120, currency: 'usd' });
  // Ten are free; two more cost 1.00, and a third would cost 1.50.
  assert.deepEqual([(await check(customer, 12))['allowed'], (await check(customer, 13))['allowed']], [true, false]);
  const held = await reserve(customer, 11);
  const denied = await check(customer, 2);
  assert.deepEqual([denied['allowed'], denied['message'], denied['caps'][0].remaining, denied['caps'][0].reserved], [false, `The cap ${cap['id']} of $1.20 leaves $0.70, and 2 more would cost more than that.`, 70, 50]);
  await post(`usage/reservations/${held['id']}/finalize`);
  await use(customer, 5);
  assert.deepEqual((await usageOf(customer)).map(({ value, cost }) => [value, cost]), [['16', { amount: 300, currency: 'usd', unbilled_amount: 300 }]]);
  assert.deepEqual([(await check(customer, 1))['allowed'], (await check(customer, 1))['caps'][0].remaining], [false, 0]);
});

test('however many ask at once, a cap is never passed', async () => {
  const customer = (await stripe.customers.create()).id;
  await post('caps', { customer, meter, quantity: 10, period: 'lifetime' });
  const asked = await Promise.allSettled(Array.from({ length: 30 }, () => reserve(customer, 1)));
  const got = asked.flatMap((each) => (each.status === 'fulfilled' ? [each.value['id'] as string] : []));
  assert.equal(got.length, 10);
  // While some are recorded and others given up, others ask for what becomes free.
  const [done, again] = await Promise.all([
    Promise.all(got.map((id, n) => post(`usage/reservations/${id}/${n % 2 === 0 ? 'finalize' : 'release'}`))),
    Promise.allSettled(Array.from({ length: 20 }, () => reserve(customer, 1))),
  ]);
  assert.deepEqual(done.map((each) => each['status']), got.map((_, n) => (n % 2 === 0 ? 'finalized' : 'released')));
  const more = again.flatMap((each) => (each.status === 'fulfilled' ? [each.value['id'] as string] : []));
  await Promise.all(more.map((id) => post(`usage/reservations/${id}/finalize`)));
  const { caps } = await check(customer);
  assert.equal(Number(caps[0].used), 5 + more.length);
  assert.ok(Number(caps[0].used) <= 10 && caps[0].reserved === '0');
});

test('a reservation ends by itself, and what is closed stays so', async () => {
  const { clock, customer } = await onClock();
  await post('caps', { customer, meter, quantity: 1, period: 'month' });
  const held = await reserve(customer, 1, { expires_in: 60, metadata: { job: '7' } });
  assert.deepEqual([held['status'], held['expires_at'], held['metadata']], ['reserved', START + 60, { job: '7' }]);
  await assert.rejects(reserve(customer), { code: 'usage_cap_reached' });
  await kontor.advance(clock, START + 60);
  assert.equal((await get(`usage/reservations/${held['id']}`))['status'], 'expired');
  for (const verb of ['finalize', 'release']) await assert.rejects(post(`usage/reservations/${held['id']}/${verb}`), { statusCode: 400, message: /has expired.*Report what was used as an event/ });
  const next = await reserve(customer);
  await assert.rejects(post(`usage/reservations/${next['id']}/finalize`, { quantity: 2 }), { statusCode: 400, param: 'quantity' });
  assert.equal((await post(`usage/reservations/${next['id']}/finalize`, { quantity: 0 }))['finalized_quantity'], '0');
  assert.deepEqual((await get(`usage/reservations?customer=${customer}&status=expired`))['data'].map((each: { id: string }) => each.id), [held['id']]);
});

test('what cannot be capped, or asked for, is refused by name', async () => {
  const customer = (await stripe.customers.create()).id;
  const peak = (await stripe.billing.meters.create({ display_name: 'Peak', event_name: 'peak', default_aggregation: { formula: 'last' } })).id;
  const made = await post('caps', { customer, amount: 5, currency: 'usd' });
  const bad: [string, object, string, number?][] = [
    ['caps', { customer }, 'quantity'],
    ['caps', { customer, quantity: 5 }, 'meter'],
    ['caps', { customer, amount: 5 }, 'currency'],
    ['caps', { customer, quantity: 5, meter: peak }, 'meter'],
    ['caps', { customer, quantity: 5, meter: 'mtr_none' }, 'meter'],
    ['caps', { customer: 'cus_none', quantity: 5, meter }, 'customer'],
    ['caps', { customer, amount: 5, currency: 'usd', period: 'day' }, 'period'],
    [`caps/${made['id']}`, { quantity: 5 }, 'quantity'],
    ['caps/cap_none', { quantity: 5 }, 'id', 404],
    ['usage/check', { customer, event_name: 'nothing' }, 'event_name'],
    ['usage/check', { customer, event_name: 'peak' }, 'event_name'],
    ['usage/check', { customer }, 'event_name'],
    ['usage/check', { customer, event_name: 'calls', meter }, 'event_name'],
    ['usage/check', { customer, meter: peak }, 'meter'],
    ['usage/check', { customer, meter: 'mtr_none' }, 'meter'],
    ['usage/check', { customer: 'cus_none', event_name: 'calls' }, 'customer'],
    ['usage/check', { customer, event_name: 'calls', quantity: 0 }, 'quantity'],
    ['usage/reservations', { customer, event_name: 'calls', expires_in: 700_000 }, 'expires_in'],
    ['usage/reservations/ures_none/finalize', {}, 'id', 404],
  ];
  for (const [path, params, param, statusCode = 400] of bad) {
    const error = await post(path, params).then(() => assert.fail(`${path} took ${JSON.stringify(params)}`), (reason: Stripe.errors.StripeError) => reason);
    assert.deepEqual([error.param, error.statusCode], [param, statusCode], error.message);
  }
});
