import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import pg from 'pg';
import { DAY, HOUR } from '../../../tests/days.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { own } from '../../../tests/own.ts';
import { meteredPrice } from '../../../tests/shop.ts';

const now = () => kontor.app.clock.now();
const raw = <T>(method: string, path: string, params?: object) => own<T>(kontor.stripe, method, path, params);

type Batch = { accepted: number; duplicates: number; refused: number; results: { status: string; identifier?: string; error?: { code?: string; param?: string; message: string } }[] };
type Correction = { id: string; before: string; after: string; events_canceled: number; events_recorded: number; dry_run: boolean; reverted_by: string | null; reverts: string | null };
type Summaries = { data: { start_time: number; value: string; dimensions: Record<string, string> }[] };

const kontor = await startKontor();
after(() => kontor.close());

const customerOf = async () => (await kontor.stripe.customers.create({})).id;
const meterOf = (event_name: string, formula: string, more: object = {}) => raw<{ id: string; object: string; dimensions: string[] }>('POST', 'meters', { display_name: event_name, event_name, default_aggregation: { formula }, ...more });
const report = (events: object[]) => raw<Batch>('POST', 'usage/events', { events });
const event = (event_name: string, customer: string, value: string, timestamp: number, more: Record<string, string> = {}, identifier?: string) => ({ event_name, payload: { stripe_customer_id: customer, value, ...more }, timestamp, ...(identifier && { identifier }) });
const summaries = async (meter: string, customer: string, start_time: number, end_time: number, more: object = {}) => (await raw<Summaries>('GET', `meters/${meter}/summaries?${query({ customer, start_time, end_time, ...more })}`)).data;
const query = (params: Record<string, unknown>): string => Object.entries(params).flatMap(([name, value]) =>
  (typeof value === 'object' ? Object.entries(value as object).map(([key, each]) => `${name}[${key}]=${each}`) : [`${name}=${value}`])).join('&');
const total = async (...asked: Parameters<typeof summaries>) => (await summaries(...asked))[0]!.value;

test('a batch of a thousand events is answered event by event', async () => {
  const customer = await customerOf();
  const meter = await meterOf('batched', 'sum');
  const t = now() - HOUR;
  const events: object[] = Array.from({ length: 1_000 }, (_, n) => event('batched', customer, '2', t, {}, `e${n % 900}`));
  events[10] = event('batched', customer, 'two', t);
  events[20] = event('nobody', customer, '2', t);
  events[30] = event('batched', 'cus_none', '2', t);
  events[910] = event('batched', customer, '3', t, {}, 'e15');
  const batch = await report(events);
  assert.deepEqual([batch.accepted, batch.duplicates, batch.refused], [899, 97, 4]);
  assert.deepEqual([10, 20, 30, 910].map((n) => batch.results[n]!.error!.param), ['payload[value]', 'event_name', 'payload[stripe_customer_id]', 'identifier']);
  assert.deepEqual([batch.results[0], batch.results[900]].map((each) => [each!.status, each!.identifier]), [['accepted', 'e0'], ['duplicate', 'e0']]);
  const minute = t - (t % 60);
  assert.equal(await total(meter.id, customer, minute, minute + 60), '1798');
  const again = await report(events);
  assert.deepEqual([again.accepted, again.refused], [0, 4]);
  assert.equal(await total(meter.id, customer, minute, minute + 60), '1798');
});

test('the events that usage is made of are listed page by page, the newest first and without those that were taken back', async () => {
  const [customer, meter] = [await customerOf(), await meterOf('listed', 'sum', { dimensions: ['region'] })];
  const t = now() - DAY;
  // Of one second, the one that was received last is the newest.
  await report(['a', 'b', 'c', 'd', 'e', 'f'].map((name, n) => event('listed', customer, String(n), t + (n < 3 ? 0 : n), { region: 'eu', call: name }, `call ${name}`)));
  await kontor.stripe.billing.meterEventAdjustments.create({ event_name: 'listed', type: 'cancel', cancel: { identifier: 'call e' } });
  type Page = { data: { identifier: string; value: string; timestamp: number; dimensions: object; payload: object }[]; has_more: boolean };
  const page = (more: object) => raw<Page>('GET', `usage/events?${new URLSearchParams({ customer, meter: meter.id, ...more })}`);
  const named = ({ data, has_more }: Page) => [data.map(({ identifier }) => identifier.slice(-1)).join(''), has_more];
  const all = await page({});
  assert.deepEqual(named(all), ['fdcba', false]);
  const { value, timestamp, dimensions, payload } = all.data[1]!;
  assert.deepEqual({ value, timestamp, dimensions, payload }, { value: '3', timestamp: t + 3, dimensions: { region: 'eu' }, payload: { stripe_customer_id: customer, value: '3', region: 'eu', call: 'd' } });
  assert.deepEqual([named(await page({ limit: 2 })), named(await page({ limit: 2, starting_after: 'call d' })), named(await page({ limit: 2, starting_after: 'call b' }))], [['fd', true], ['cb', true], ['a', false]]);
  assert.deepEqual([named(await page({ limit: 2, ending_before: 'call a' })), named(await page({ limit: 2, ending_before: 'call d' }))], [['cb', true], ['f', false]]);
  assert.deepEqual(named(await page({ start_time: t, end_time: t + 3 })), ['cba', false]);
  for (const [more, param] of [[{ starting_after: 'call z' }, 'starting_after'], [{ meter: 'mtr_none' }, 'meter'], [{ customer: 'cus_none' }, 'customer'], [{ limit: 101 }, 'limit']] as const) {
    await assert.rejects(page(more), (error: { statusCode: number; param: string }) => error.statusCode < 500 && error.param === param, param);
  }
});

test('a batch in JSON is the same, and of one that is partly malformed the rest is kept', async () => {
  const customer = await customerOf();
  const send = async (body: object) => {
    const answer = await fetch(`${kontor.url}/v1/kontor/usage/events`, { method: 'POST', headers: { authorization: `Bearer ${kontor.key}`, 'content-type': 'application/json' }, body: JSON.stringify(body) });
    return { status: answer.status, body: (await answer.json()) as Batch & { error?: { param: string } } };
  };
  const well = event('batched', customer, '1', now());
  const { body } = await send({ events: [well, { payload: {} }, { ...well, identifier: 'x'.repeat(101) }, 5, null, { ...well, payload: { ...well.payload, value: 1 } }, { ...well, timestamp: 'noon' }, { ...well, more: 1 }, well] });
  assert.deepEqual([body.accepted, body.refused], [2, 7]);
  assert.deepEqual(body.results.map(({ status, error }) => error?.param ?? status), ['accepted', 'event_name', 'identifier', 'refused', 'refused', 'payload[value]', 'timestamp', 'more', 'accepted']);
  assert.deepEqual([3, 4].map((n) => body.results[n]!.error!.message), ['Invalid element: 5', 'Invalid element: null']);
  const form = await report([well, { ...well, payload: { ...well.payload, value: '' } }]);
  assert.deepEqual(form.results.map(({ status, error }) => error?.param ?? status), ['accepted', 'payload[value]']);
  assert.equal((await send({ events: [{}] })).body.refused, 1);
  const bad = await send({ events: { a: well } });
  assert.deepEqual([bad.status, bad.body.error!.param], [400, 'events']);
});

describe('meters count', () => {
  const t = () => (Math.floor(now() / DAY) - 2) * DAY;

  test('the largest value', async () => {
    const [customer, meter] = [await customerOf(), await meterOf('peak', 'max')];
    await report([event('peak', customer, '3', t() + 10), event('peak', customer, '7.5', t() + 2 * HOUR), event('peak', customer, '5', t() + 3 * HOUR + 1), event('peak', customer, '-2', t() + DAY)]);
    assert.equal(await total(meter.id, customer, t(), t() + 2 * DAY), '7.5');
    assert.equal(await total(meter.id, customer, t() + 3 * HOUR, t() + 4 * HOUR), '5');
    assert.equal(await total(meter.id, customer, t() + DAY, t() + 2 * DAY), '-2');
  });

  test('different values once, whatever hour they come in', async () => {
    const [customer, meter] = [await customerOf(), await meterOf('seen', 'unique_count')];
    await report([...['ann', 'bob', 'ann'].map((who, n) => event('seen', customer, who, t() + n * HOUR)), event('seen', customer, 'eve', t() + 5 * HOUR + 60)]);
    assert.equal(await total(meter.id, customer, t(), t() + DAY), '3');
    assert.equal(await total(meter.id, customer, t() + 60, t() + 2 * HOUR + 60), '2');
    assert.equal(await total(meter.id, customer, t() + 5 * HOUR, t() + 5 * HOUR + 60), '0');
  });

  test('the latest value ever, also in a period without events', async () => {
    const [customer, meter] = [await customerOf(), await meterOf('seats', 'latest')];
    await report([event('seats', customer, '5', t() + 10), event('seats', customer, '8', t() + HOUR + 1)]);
    assert.equal(await total(meter.id, customer, t() + DAY, t() + 2 * DAY), '8');
    assert.equal(await total(meter.id, customer, t(), t() + HOUR), '5');
    assert.equal(await total(meter.id, customer, t() - DAY, t()), '0');
  });

  test('levels by the hours for which they held, also from before', async () => {
    const [customer, meter] = [await customerOf(), await meterOf('gigabytes', 'weighted_by_time')];
    // 10 for half an hour, 4 for an hour and a quarter, 0 since.
    await report([event('gigabytes', customer, '10', t()), event('gigabytes', customer, '4', t() + HOUR / 2), event('gigabytes', customer, '0', t() + 1.75 * HOUR)]);
    assert.equal(await total(meter.id, customer, t() - DAY, t() + DAY), '10');
    assert.equal(await total(meter.id, customer, t() + HOUR, t() + 2 * HOUR), '3');
    // 4 × 60 s from the middle of an hour: 4 ÷ 60.
    assert.equal(await total(meter.id, customer, t() + HOUR / 2 + 60, t() + HOUR / 2 + 120), '0.066666666667');
  });

  test('apart by dimensions, all together, or some of them', async () => {
    const [customer, meter] = [await customerOf(), await meterOf('tokens', 'sum', { dimensions: ['region', 'model'] })];
    assert.deepEqual([meter.object, meter.dimensions], ['kontor.meter', ['model', 'region']]);
    await report([
      event('tokens', customer, '1', t(), { region: 'eu', model: 'small' }), event('tokens', customer, '2', t() + HOUR, { region: 'eu', model: 'large' }),
      event('tokens', customer, '4', t() + HOUR, { region: 'us', model: 'large' }), event('tokens', customer, '8', t() + HOUR, { region: 'us' }),
    ]);
    assert.equal(await total(meter.id, customer, t(), t() + DAY), '15');
    assert.equal(await total(meter.id, customer, t(), t() + DAY, { dimensions: { region: 'us' } }), '12');
    assert.deepEqual((await summaries(meter.id, customer, t(), t() + DAY, { group_by: { 0: 'region' } })).map((each) => [each.dimensions, each.value]), [[{ region: 'us' }, '12'], [{ region: 'eu' }, '3']].sort());
    const byHour = await summaries(meter.id, customer, t(), t() + 2 * HOUR, { value_grouping_window: 'hour', group_by: { 0: 'model' } });
    assert.deepEqual(byHour.map((each) => [each.start_time - t(), each.dimensions.model, each.value]).sort(), [[0, 'small', '1'], [HOUR, '', '8'], [HOUR, 'large', '6']].sort());
    await assert.rejects(summaries(meter.id, customer, t(), t() + DAY, { group_by: { 0: 'colour' } }), { param: 'group_by[0]', statusCode: 400 });
  });
});

describe('corrections', () => {
  const correct = (params: object) => raw<Correction>('POST', 'usage/corrections', params);
  const span = () => [Math.floor(now() / DAY) * DAY - 3 * DAY, Math.floor(now() / DAY) * DAY - 2 * DAY] as const;

  test('an event is amended, tried first, and taken back', async () => {
    const [customer, meter] = [await customerOf(), await meterOf('amended', 'max')];
    const [start, end] = span();
    await report([event('amended', customer, '50', start + 10, {}, 'fifty'), event('amended', customer, '20', start + 20)]);
    const amend = { type: 'amend', reason: 'A digit too many.', amend: { event_name: 'amended', identifier: 'fifty', payload: { stripe_customer_id: customer, value: '5' } } };
    const tried = await correct({ ...amend, dry_run: true });
    assert.deepEqual([tried.before, tried.after, tried.dry_run, tried.events_canceled, tried.events_recorded], ['50', '5', true, 1, 1]);
    assert.equal(await total(meter.id, customer, start, end), '50');
    await assert.rejects(raw('GET', `usage/corrections/${tried.id}`), { statusCode: 404 });
    const made = await correct(amend);
    assert.equal(await total(meter.id, customer, start, end), '20');
    const again = { ...amend, amend: { ...amend.amend, identifier: `${made.id}:0`, payload: { stripe_customer_id: customer, value: '6' } } };
    await assert.rejects(correct(amend), { param: 'amend[identifier]', message: `The event fifty is taken back already: in its place is ${made.id}:0. Amend that one, or revert the correction ${made.id}.` });
    const second = await correct(again);
    await assert.rejects(correct(amend), { param: 'amend[identifier]', message: new RegExp(`in its place is ${second.id}:0\\. `) });
    await correct({ type: 'revert', revert: { correction: second.id } });
    const back = await correct({ type: 'revert', revert: { correction: made.id } });
    assert.deepEqual([back.before, back.after, back.reverts], ['5', '50', made.id]);
    assert.equal(await total(meter.id, customer, start, end), '50');
    assert.equal((await raw<Correction>('GET', `usage/corrections/${made.id}`)).reverted_by, back.id);
    await assert.rejects(correct({ type: 'revert', revert: { correction: made.id } }), { message: /taken back already/ });
    await correct(amend);
    assert.equal(await total(meter.id, customer, start, end), '20');
    assert.equal((await raw<{ data: unknown[] }>('GET', `usage/corrections?customer=${customer}`)).data.length, 5);
  });

  test('a span is filled anew, for one customer only', async () => {
    const [customer, other, meter] = [await customerOf(), await customerOf(), await meterOf('refilled', 'sum')];
    const [start, end] = span();
    await report([customer, other].flatMap((who) => [event('refilled', who, '1', start), event('refilled', who, '2', end - 1), event('refilled', who, '4', end)]));
    const fill = { event_name: 'refilled', customer, start_time: start, end_time: end, events: [{ payload: { stripe_customer_id: customer, value: '10' }, timestamp: start + 5 }, { payload: { stripe_customer_id: customer, value: '0.5' }, timestamp: end - 1 }] };
    const made = await correct({ type: 'backfill', backfill: fill });
    assert.deepEqual([made.before, made.after, made.events_canceled, made.events_recorded], ['3', '10.5', 2, 2]);
    assert.deepEqual([await total(meter.id, customer, start, end + DAY), await total(meter.id, other, start, end + DAY)], ['14.5', '7']);
    await assert.rejects(correct({ type: 'backfill', backfill: { ...fill, events: [{ payload: { stripe_customer_id: other, value: '1' }, timestamp: start }] } }), { param: 'backfill[events][0][payload]' });
    await assert.rejects(correct({ type: 'backfill', backfill: { ...fill, events: [{ payload: { stripe_customer_id: customer, value: 'x' }, timestamp: start }] } }), { param: 'backfill[events][0][payload][value]' });
    await assert.rejects(correct({ type: 'backfill', backfill: { ...fill, events: [{ payload: { stripe_customer_id: customer, value: '1' }, timestamp: end }] } }), { param: 'backfill[events][0][timestamp]' });
    await assert.rejects(correct({ type: 'backfill', backfill: { ...fill, end_time: now() + DAY } }), { param: 'backfill[end_time]' });
    assert.equal(await total(meter.id, customer, start, end + DAY), '14.5');
    await correct({ type: 'revert', revert: { correction: made.id } });
    assert.equal(await total(meter.id, customer, start, end + DAY), '7');
  });
});

test('the usage of a customer’s current period is shown as soon as its report is answered', async () => {
  const customer = await customerOf();
  const meter = await meterOf('shown', 'sum', { dimensions: ['region'] });
  const price = await meteredPrice(kontor.stripe, meter.id, 2);
  const subscription = await kontor.stripe.subscriptions.create({ customer, items: [{ price: price.id }], collection_method: 'send_invoice', days_until_due: 30 });
  const shown = async () => (await raw<{ data: { value: string; subscription: string; meter: string; by_dimensions: object[] }[] }>('GET', `customers/${customer}/usage`)).data;
  assert.deepEqual((await shown()).map((each) => each.value), ['0']);
  await kontor.stripe.billing.meterEvents.create({ event_name: 'shown', payload: { stripe_customer_id: customer, value: '2.5', region: 'eu' } });
  const [row] = await shown();
  assert.deepEqual([row!.value, row!.subscription, row!.meter, row!.by_dimensions], ['2.5', subscription.id, meter.id, [{ dimensions: { region: 'eu' }, value: '2.5' }]]);
});

test('what the current period comes to is read by the hour, by every formula, with dimensions and without, however many events there are', async () => {
  const start = Math.floor(now() / HOUR) * HOUR - 3 * DAY - 100;
  const customer = await customerOf();
  const names: string[] = [];
  for (const formula of ['sum', 'count', 'max', 'last', 'unique_count', 'latest', 'weighted_by_time']) for (const dimensions of [[], ['region']]) {
    const name = `by_hour_${formula}_${dimensions.length}`;
    names.push(name);
    const { id: meter } = await meterOf(name, formula, dimensions.length > 0 ? { dimensions } : {});
    const price = await kontor.stripe.prices.create({ currency: 'usd', unit_amount: 2, recurring: { interval: 'month', usage_type: 'metered', meter }, product_data: { name } });
    if (dimensions.length > 0) await raw('POST', `prices/${price.id}`, { dimension_prices: [{ dimensions: { region: ['eu'] }, unit_amount: 3 }] });
    await kontor.stripe.subscriptions.create({ customer, items: [{ price: price.id }], backdate_start_date: start, collection_method: 'send_invoice', days_until_due: 30 });
  }
  for (const name of names) await report([0, 1, 30, 47, 47, 71].map((hours, n) => event(name, customer, String(3 + ((n * 7) % 5)), start + 100 + hours * HOUR + n, { region: n % 3 ? 'eu' : 'us' })).concat(event(name, customer, '2', now(), { region: 'us' })));
  await kontor.counted();
  const shown = async () => (await raw<{ data: { value: string; by_dimensions: object[]; by_dimension_prices: object[] | null }[] }>('GET', `customers/${customer}/usage`)).data.map(({ value, by_dimensions, by_dimension_prices }) => ({ value, by_dimensions, by_dimension_prices }));
  const before = await shown();
  assert.equal(before.length, names.length);
  const superuser = new pg.Client(kontor.database.urls.superuser);
  await superuser.connect();
  try {
    await superuser.query(`create table events_kept as select * from meter_events where customer = '${customer}'; delete from meter_events where customer = '${customer}'`);
    for (const [n, is] of (await shown()).entries()) {
      // A level has gone on since.
      if (names[n]!.includes('weighted')) assert.ok(Number(is.value) >= Number(before[n]!.value) && Number(is.value) > 200, names[n]!);
      else assert.deepEqual(is, before[n], names[n]!);
    }
    await superuser.query('insert into meter_events select * from events_kept; drop table events_kept');
  } finally {
    await superuser.end();
  }
});
