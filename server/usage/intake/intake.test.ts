/** Usage through a real JetStream: counted once whatever is delivered, billed before a period closes, and what goes wrong with a stream is told. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { until } from '../../../tests/awaited.ts';
import { startKontor, type Kontor } from '../../../tests/kontor.ts';
import { testNats, type TestNats } from '../../../tests/nats.ts';
import { machineClock } from '../../clock.ts';
import { verify } from '../../verify.ts';
import { own } from '../../../tests/own.ts';
import { openIntake } from './open.ts';
import { partitionOf, PARTITIONS } from './message.ts';

const MONTH_S = 31 * 86_400;

let nats: TestNats | string;
let kontor: Kontor;
let superuser: pg.Client;
let meter: string;
let ahead = 0;
before(async () => {
  nats = await testNats(1);
  if (typeof nats === 'string') return;
  kontor = await startKontor({ nats: nats.settings(), clock: machineClock(() => Date.now() + ahead) });
  superuser = new pg.Client({ connectionString: kontor.database.urls.superuser });
  await superuser.connect();
  meter = (await kontor.stripe.billing.meters.create({ display_name: 'calls', event_name: 'calls', default_aggregation: { formula: 'sum' } })).id;
  // Whoever counts has found its place in each stream.
  await until(async () => (await superuser.query(`select from usage_partitions where stream = ''`)).rowCount === 0);
});
after(async () => {
  if (typeof nats === 'string') return;
  await superuser.end();
  await kontor.close();
  await nats.stop();
});

const trial = (name: string, work: () => Promise<void>) => test(name, async (t) => (typeof nats === 'string' ? t.skip(nats) : work()));
const now = () => kontor.app.clock.now();
const intake = () => kontor.app.intake!;
const customerOf = async () => (await kontor.stripe.customers.create({})).id;
const customerIn = async (isWanted: (partition: number) => boolean): Promise<string> => {
  for (;;) {
    const customer = await customerOf();
    if (isWanted(partitionOf(kontor.world.id, customer))) return customer;
  }
};
const report = (customer: string, value: string, identifier?: string) => kontor.stripe.billing.meterEvents.create({ event_name: 'calls', payload: { stripe_customer_id: customer, value }, ...(identifier && { identifier }) });
const used = (customer: string) => own<{ data: { value: string }[] }>(kontor.stripe, 'GET', `meters/${meter}/summaries?customer=${customer}&start_time=0&end_time=${Math.ceil((now() + 60) / 60) * 60}`);
const total = async (customer: string) => (await used(customer)).data[0]!.value;
const findings = async () => (await verify(kontor.database, () => undefined, kontor.app.clock)).map(({ invariant, object, sentence }) => `${invariant} ${object}: ${sentence}`);

/** As long as this work takes, nobody can count. */
async function uncounted<T>(work: () => Promise<T>): Promise<T> {
  await superuser.query('begin; select from usage_partitions for update');
  try {
    return await work();
  } finally {
    await superuser.query('rollback');
  }
}

trial('whether something may be used is answered by what was acknowledged, and says where that is not counted in time', async () => {
  const customer = await customerOf();
  await own(kontor.stripe, 'POST', 'caps', { customer, meter, quantity: '10' });
  const ask = () => own<{ allowed: boolean; up_to_date: boolean }>(kontor.stripe, 'POST', 'usage/check', { customer, event_name: 'calls', quantity: '5' });
  await uncounted(async () => {
    await report(customer, '8');
    const { allowed, up_to_date } = await ask();
    assert.deepEqual([allowed, up_to_date], [true, false]);
  });
  const { allowed, up_to_date } = await ask();
  assert.deepEqual([allowed, up_to_date], [false, true]);
});

trial('usage is acknowledged before it is counted, and counted once, whoever delivers it again', async () => {
  const customer = await customerOf();
  await uncounted(async () => {
    await Promise.all([report(customer, '3', 'first'), report(customer, '4', 'second'), report(customer, '3', 'first')]);
    assert.equal(await total(customer), '0');
  });
  await kontor.counted();
  assert.equal(await total(customer), '7');
  // The same messages once more, as a publisher would that had no answer, after their names are forgotten.
  const partition = partitionOf(kontor.world.id, customer);
  const { state } = await intake().manager.streams.info(intake().stream(partition));
  for (let seq = state.first_seq; seq <= state.last_seq; seq += 1) await intake().publish(partition, `again ${seq}`, (await intake().manager.streams.getMessage(intake().stream(partition), { seq }))!.string());
  await kontor.counted();
  assert.equal(await total(customer), '7');
  // What is counted is compared at once, as without JetStream.
  await report(customer, '3', 'first');
  await assert.rejects(report(customer, '5', 'first'), { code: 'resource_already_exists', param: 'identifier' });
});

trial('what another event has taken the name of, before it could be compared, is reported', async () => {
  const customer = await customerOf();
  await uncounted(async () => {
    await report(customer, '3', 'taken');
    await report(customer, '5', 'taken');
  });
  await kontor.counted();
  assert.equal(await total(customer), '3');
  await kontor.database.inWorld(kontor.world, (tx) => tx.query(`update timers set at = to_timestamp(${now()}) where kind = 'meter_event_errors.report'`));
  kontor.app.nudge();
  await until(async () => (await kontor.stripe.v2.core.events.list({ types: ['v1.billing.meter.error_report_triggered'] })).data.length > 0);
  const [told] = (await kontor.stripe.v2.core.events.list({ types: ['v1.billing.meter.error_report_triggered'] })).data;
  assert.match(JSON.stringify(told), /identifier_conflict/);
});

trial('a period does not close before what was acknowledged in it is counted', async () => {
  const customer = await kontor.stripe.customers.create({});
  const price = await kontor.stripe.prices.create({ currency: 'usd', unit_amount: 100, recurring: { interval: 'month', usage_type: 'metered', meter }, product_data: { name: 'Calls' } });
  await kontor.stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }], collection_method: 'send_invoice', days_until_due: 30 });
  const invoices = async () => (await kontor.stripe.invoices.list({ customer: customer.id })).data.filter((each) => each.billing_reason === 'subscription_cycle');
  await uncounted(async () => {
    await report(customer.id, '12');
    const [shown] = (await own<{ data: { value: string; up_to_date: boolean }[] }>(kontor.stripe, 'GET', `customers/${customer.id}/usage`)).data;
    assert.deepEqual([shown!.value, shown!.up_to_date], ['0', false]);
    ahead += MONTH_S * 1_000;
    await sleep(1_500);
    assert.deepEqual(await invoices(), []);
  });
  await until(async () => (await invoices()).length === 1);
  assert.deepEqual((await invoices()).map(({ subtotal }) => subtotal), [1_200]);
  const [shown] = (await own<{ data: { up_to_date: boolean }[] }>(kontor.stripe, 'GET', `customers/${customer.id}/usage`)).data;
  assert.equal(shown!.up_to_date, true);
});

trial('a request whose answer rests on usage waits for what was acknowledged before it', async () => {
  const customer = await customerOf();
  await report(customer, '2', 'to be canceled');
  await kontor.stripe.billing.meterEventAdjustments.create({ event_name: 'calls', type: 'cancel', cancel: { identifier: 'to be canceled' } });
  await kontor.counted();
  assert.equal(await total(customer), '0');
});

trial('usage is counted by the meter that was active when it was accepted', async () => {
  const customer = await customerOf();
  const old = await kontor.stripe.billing.meters.create({ display_name: 'old', event_name: 'old', default_aggregation: { formula: 'sum' } });
  await uncounted(async () => {
    await kontor.stripe.billing.meterEvents.create({ event_name: 'old', payload: { stripe_customer_id: customer, value: '8' } });
    await kontor.stripe.billing.meters.deactivate(old.id);
  });
  await kontor.counted();
  const summaries = await kontor.stripe.billing.meters.listEventSummaries(old.id, { customer, start_time: now() - (now() % 60) - 3_600, end_time: now() - (now() % 60) + 60 });
  assert.equal(summaries.data[0]!.aggregated_value, 8);
});

/** The message that cannot be counted stays in this partition's stream. */
const BAD = 0;

trial('what cannot be counted stops nothing else, is told, and is counted when it can be', async () => {
  const customer = await customerIn((partition) => partition === BAD);
  const bad = { event_name: 'calls', identifier: 'bad', payload: { stripe_customer_id: customer, value: 'x' }, number: '1', created: now(), meter };
  await uncounted(async () => {
    await intake().publish(BAD, 'bad message', JSON.stringify({ world: kontor.world.id, events: [bad] }));
    await report(customer, '6');
  });
  await kontor.counted();
  assert.equal(await total(customer), '6');
  await until(async () => (await findings()).some((each) => /^I2 bad message: usage\.fold_again failed: The value must be a plain decimal/.test(each)));
  await superuser.query('update usage_set_aside set events = $1', [JSON.stringify([{ ...bad, payload: { ...bad.payload, value: '1' } }])]);
  await superuser.query(`update timers set at = to_timestamp(${now()}), failures = 0, error = null where kind = 'usage.fold_again'`);
  await until(async () => (await total(customer)) === '7');
});

trial('usage of an account that is not in this database stops nobody', async () => {
  const customer = await customerOf();
  await intake().publish(partitionOf(kontor.world.id, customer), 'of a stranger', JSON.stringify({ world: 9_999, events: [] }));
  await report(customer, '4');
  await kontor.counted();
  assert.equal(await total(customer), '4');
  assert.match((await findings()).join('\n'), /^I28 partition [0-9]: message [0-9]+ is of the world 9999, which is not in this database$/m);
  await superuser.query('delete from usage_losses');
});

trial('what was counted a day ago is removed from the stream, and counting goes on', async () => {
  const customer = await customerOf();
  const partition = partitionOf(kontor.world.id, customer);
  for (let n = 0; n < 4; n += 1) await report(customer, '1');
  await kontor.counted();
  await superuser.query(`update usage_partitions set marked = sequence, marked_at = '2020-01-01' where partition = ${partition}`);
  const first = async () => (await intake().manager.streams.info(intake().stream(partition))).state;
  await until(async () => (await first()).first_seq === (await first()).last_seq);
  await report(customer, '1');
  await kontor.counted();
  assert.equal(await total(customer), '5');
});

trial('a stream whose last counted message is another one is counted from its beginning, which counts nothing twice', async () => {
  const customer = await customerIn((partition) => partition !== BAD);
  const partition = partitionOf(kontor.world.id, customer);
  for (const value of ['1', '2', '3']) await report(customer, value);
  await kontor.counted();
  await superuser.query(`update usage_partitions set message = 'another' where partition = ${partition}`);
  // Whoever reads looks for its place again.
  for await (const { name } of intake().manager.consumers.list(intake().stream(partition))) await intake().manager.consumers.delete(intake().stream(partition), name);
  await until(async () => (await findings()).some((each) => /^I28 partition [0-9]: its stream of .* was made anew, or lost its end/.test(each)));
  await report(customer, '4');
  await kontor.counted();
  assert.equal(await total(customer), '10');
  await superuser.query('delete from usage_losses');
});

trial('messages that are gone before they were counted are told', async () => {
  const customer = await customerOf();
  const stream = intake().stream(partitionOf(kontor.world.id, customer));
  await uncounted(async () => {
    // Whoever reads has these in memory, and starts again where they do not count.
    await report(customer, '1');
    await intake().manager.streams.delete(stream);
  });
  await until(async () => (await intake().manager.streams.info(stream).then(() => true, () => false)) || (await made(stream)));
  await report(customer, '2', 'after the loss');
  await kontor.counted();
  assert.match((await findings()).join('\n'), /^I28 partition [0-9]: its stream of .* was made anew, or lost its end/m);
  await superuser.query('delete from usage_losses');
  assert.deepEqual(await findings(), []);
});

/** Makes a stream again as a start does. */
async function made(stream: string): Promise<boolean> {
  const { database, clock, log, sign } = kontor.app;
  await (await openIntake((nats as TestNats).settings(), { database, clock, log, sign })).close();
  return (await intake().manager.streams.info(stream)).config.name === stream;
}

trial('another installation is refused on the same streams, and so are addresses where nothing listens', async () => {
  const { database, clock, log } = kontor.app;
  await assert.rejects(openIntake((nats as TestNats).settings(), { database, clock, log, sign: () => 'x'.repeat(43) }), { name: 'StartRefused', message: /belongs to another installation/ });
  const { settings } = nats as TestNats;
  const { url } = settings();
  await assert.rejects(openIntake({ ...settings(), url: new (url.constructor as new (text: string) => typeof url)('nats://127.0.0.1:1') }, { database, clock, log, sign: kontor.app.sign }), { name: 'StartRefused', message: /cannot be reached at 127\.0\.0\.1:1/ });
});

trial('each partition has its share of customers', async () => {
  const counts = new Map<number, number>();
  for (let n = 0; n < 8_000; n += 1) counts.set(partitionOf(1, `cus_${n}`), (counts.get(partitionOf(1, `cus_${n}`)) ?? 0) + 1);
  assert.equal(counts.size, PARTITIONS);
  for (const count of counts.values()) assert.ok(count > 850 && count < 1_150, String(count));
});
