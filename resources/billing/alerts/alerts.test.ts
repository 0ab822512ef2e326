import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { machineClock } from '../../../server/clock.ts';
import { when } from '../../../tests/awaited.ts';
import { DAY, FEBRUARY, START } from '../../../tests/days.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { own } from '../../../tests/own.ts';
import { customerAt, meteredPrice, meterOf, report } from '../../../tests/shop.ts';

let ahead_ms = 0;

const kontor = await startKontor({ clock: machineClock(() => Date.now() + ahead_ms) });
after(() => kontor.close());
const { stripe } = kontor;
const meter = (await meterOf(stripe, 'calls')).id;
const price = (await meteredPrice(stripe, meter, 10)).id;

const use = (customer: string, value: number) => report(stripe, 'calls', customer, value);
type Told = { alert: { id: string; title: string; usage_threshold: { recurrence: string } }; customer: string; value: number; object: string };

function toldOf(alert: string, count: number): Promise<Told[]> {
  const read = async () => {
    const { data } = await stripe.events.list({ types: ['billing.alert.triggered', 'kontor.alert.triggered'], limit: 100 });
    return data.map((event) => event.data.object as unknown as Told).filter((each) => each.alert.id === alert).reverse();
  };
  return when(read, (found) => found.length >= count);
}

/** Another second begins: within one, nobody can tell what was used before an alert was there. */
const nextSecond = () => { ahead_ms += 1_000; };

const alertOn = (gte: number, customer?: string) =>
  stripe.billing.alerts.create({ alert_type: 'usage_threshold', title: `From ${gte}`, usage_threshold: { gte, meter, recurrence: 'one_time', ...(customer && { filters: [{ type: 'customer' as const, customer }] }) } });

test('usage that is reported a little ahead of its time is told of, too', async () => {
  const { id: customer } = await stripe.customers.create();
  const { id } = await alertOn(5, customer);
  await report(stripe, 'calls', customer, 5, Math.floor(Date.now() / 1_000) + 240);
  assert.deepEqual((await toldOf(id, 1)).map((told) => told.value), [5]);
});

test('an alert is kept, and tells once of each customer who has used so much', async () => {
  const [one, two] = [(await stripe.customers.create()).id, (await stripe.customers.create()).id];
  await use(one, 1_000);
  nextSecond();
  const made = await alertOn(100);
  assert.deepEqual(made, { id: made.id, object: 'billing.alert', alert_type: 'usage_threshold', livemode: false, status: 'active', title: 'From 100', usage_threshold: { filters: null, gte: 100, meter, recurrence: 'one_time' } });
  nextSecond();
  // What was used before it was made does not count.
  await use(one, 99);
  await use(two, 60);
  await use(two, 60);
  const [first] = await toldOf(made.id, 1);
  assert.deepEqual([first!.object, first!.customer, first!.value], ['billing.alert_triggered', two, 120]);
  await Promise.all([use(one, 1), use(one, 2), use(two, 500)]);
  const all = await toldOf(made.id, 2);
  assert.deepEqual(all.map((each) => each.customer), [two, one]);
  await stripe.billing.alerts.archive(made.id);
});

test('an alert of one customer does not hear of others, is put to sleep, woken, and archived', async () => {
  const [one, other] = [(await stripe.customers.create()).id, (await stripe.customers.create()).id];
  const made = await alertOn(10, one);
  assert.deepEqual(made.usage_threshold!.filters, [{ customer: one, type: 'customer' }]);
  assert.equal((await stripe.billing.alerts.deactivate(made.id)).status, 'inactive');
  await use(one, 50);
  await use(other, 50);
  assert.equal((await stripe.billing.alerts.activate(made.id)).status, 'active');
  nextSecond();
  await use(one, 10);
  const told = await toldOf(made.id, 1);
  assert.deepEqual(told.map((each) => each.customer), [one]);
  assert.ok((await stripe.billing.alerts.list({ meter, limit: 100 })).data.some((each) => each.id === made.id));
  await assert.rejects(stripe.billing.alerts.activate(made.id), { statusCode: 400 });
  assert.equal((await stripe.billing.alerts.archive(made.id)).status, 'archived');
  assert.ok((await stripe.billing.alerts.list({ limit: 100 })).data.every((each) => each.id !== made.id));
  for (const gone of ['retrieve', 'activate', 'archive'] as const) await assert.rejects(stripe.billing.alerts[gone](made.id), { statusCode: 404 });
});

test('a recurring alert tells once in each period, before its invoice', async () => {
  const { clock, customer } = await customerAt(stripe, START);
  await stripe.subscriptions.create({ customer, items: [{ price }] });
  const made = await own<{ id: string; object: string }>(stripe, 'POST', 'alerts', {
    alert_type: 'usage_threshold', title: '80 % of the plan', usage_threshold: { gte: 80, meter, recurrence: 'recurring', filters: [{ type: 'customer', customer }] },
  });
  assert.equal(made.object, 'kontor.alert');
  assert.equal((await stripe.webhookEndpoints.create({ url: 'https://shop.example/webhooks', enabled_events: ['kontor.alert.triggered' as 'billing.alert.triggered'] })).status, 'enabled');
  for (const [n, value] of [50, 40, 30].entries()) {
    await use(customer, value);
    await kontor.advance(clock, START + (n + 1) * 60);
  }
  const [first] = await toldOf(made.id, 1);
  assert.deepEqual([first!.value, first!.alert.usage_threshold.recurrence], [90, 'recurring']);
  assert.equal((await stripe.invoices.list({ customer })).data.length, 0);
  await kontor.advance(clock, FEBRUARY + DAY);
  await use(customer, 79);
  await kontor.advance(clock, FEBRUARY + 2 * DAY);
  assert.equal((await toldOf(made.id, 1)).length, 1);
  await use(customer, 5);
  assert.deepEqual((await toldOf(made.id, 2)).map((each) => each.value), [90, 84]);
  await assert.rejects(stripe.billing.alerts.retrieve(made.id), { statusCode: 404 });
});

test('what no alert can wait for is refused by name', async () => {
  const bad: [object, string][] = [
    [{ title: 'x' }, 'alert_type'],
    [{ alert_type: 'usage_threshold' }, 'title'],
    [{ alert_type: 'usage_threshold', title: 'x' }, 'usage_threshold'],
    [{ alert_type: 'usage_threshold', title: 'x', usage_threshold: { gte: 0, meter, recurrence: 'one_time' } }, 'usage_threshold[gte]'],
    [{ alert_type: 'usage_threshold', title: 'x', usage_threshold: { gte: 1, meter: 'mtr_none', recurrence: 'one_time' } }, 'usage_threshold[meter]'],
    [{ alert_type: 'usage_threshold', title: 'x', usage_threshold: { gte: 1, meter, recurrence: 'recurring' } }, 'usage_threshold[recurrence]'],
    [{ alert_type: 'usage_threshold', title: 'x', usage_threshold: { gte: 1, meter, recurrence: 'one_time', filters: [{ type: 'customer' }] } }, 'usage_threshold[filters][0][customer]'],
    [{ alert_type: 'usage_threshold', title: 'x', usage_threshold: { gte: 1, meter, recurrence: 'one_time', filters: [{ type: 'customer', customer: 'cus_none' }] } }, 'usage_threshold[filters][0][customer]'],
  ];
  for (const [params, param] of bad) await assert.rejects(stripe.billing.alerts.create(params as Stripe.Billing.AlertCreateParams), { statusCode: 400, param });
});
