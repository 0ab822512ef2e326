import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type Stripe from 'stripe';
import type { Context } from '../../../server/context.ts';
import { inWorld, inWorldsInTurn } from '../../../server/database/world.ts';
import { record } from '../../../server/usage/record.ts';
import { verify } from '../../../server/verify.ts';
import { until } from '../../../tests/awaited.ts';
import { DAY, HOUR, START } from '../../../tests/days.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { own, type Json } from '../../../tests/own.ts';
import { listen, typesOf } from '../../../tests/told.ts';
import { outcomeObserver } from './observe.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const told = listen(kontor);

const post = (path: string, body: object = {}) => own(stripe, 'POST', path, body);
const get = (path: string) => own(stripe, 'GET', path);

const RULES = [
  { event_name: 'answered', effect: 'open', quiet_for: '24h' },
  { event_name: 'confirmed', effect: 'succeed', requires_open: true },
  { event_name: 'handed_over', effect: 'fail', final: true },
  { event_name: 'reopened', effect: 'reverse', within: '30d' },
];

async function agent(more: object = {}): Promise<Json> {
  return post('outcome_definitions', { display_name: 'AI agent', subject_key: 'conversation', rules: RULES, ...more });
}

async function someone(): Promise<{ clock: string; customer: string }> {
  const { id: clock } = await stripe.testHelpers.testClocks.create({ frozen_time: START });
  const { id: customer } = await stripe.customers.create({ test_clock: clock, payment_method: 'pm_card_visa', invoice_settings: { default_payment_method: 'pm_card_visa' } });
  return { clock, customer };
}

const say = (customer: string, event_name: string, conversation: string, timestamp: number, identifier?: string) =>
  stripe.billing.meterEvents.create({ event_name, timestamp, ...(identifier && { identifier }), payload: { stripe_customer_id: customer, conversation } });

const states = async (customer: string) => (await get(`outcomes?customer=${customer}&limit=100`)).data.map((each: Json) => [each.subject, each.state]).sort();

/** A definition of its own for each test, by names of its own. */
const rulesFor = (prefix: string) => RULES.map((rule) => ({ ...rule, event_name: `${prefix}_${rule.event_name}` }));

test('a definition goes over the wire, and its meter is made', async () => {
  const made = await agent();
  const { id, created, lastResponse: _, ...rest } = made as any;
  const [{ meter }] = made.outcomes;
  assert.deepEqual(rest, {
    object: 'kontor.outcome_definition', archived_at: null, customer_key: 'stripe_customer_id', display_name: 'AI agent', effective_from: null, livemode: false, metadata: {}, outcomes: [{ meter, name: 'success' }],
    rules: RULES.map((rule) => ({ conditions: [], final: false, outcome: null, quiet_for: null, requires_open: false, within: null, ...rule })),
    status: 'active', subject_key: 'conversation', timing: 'settled_at', version: 1,
  });
  assert.equal((await stripe.billing.meters.retrieve(meter)).default_aggregation.formula, 'sum');
  assert.deepEqual(typesOf(await told()), ['billing.meter.created', 'kontor.outcome_definition.created']);
  assert.equal((await get(`outcome_definitions/${id}`)).id, id);
});

test('silence of a day is a success at its moment, on the clock of the customer', async () => {
  const { clock, customer } = await someone();
  await say(customer, 'answered', 'c1', START);
  await say(customer, 'answered', 'c2', START);
  assert.deepEqual(await states(customer), [['c1', 'open'], ['c2', 'open']]);
  await told();
  await kontor.advance(clock, START + 2 * DAY);
  const [first] = (await get(`outcomes?customer=${customer}&subject=c1`)).data;
  assert.deepEqual([first.state, first.outcome, first.basis, first.occurred_at, first.settled_at, first.counted_at, first.due_at], ['succeeded', 'success', 'assumed', START, START + DAY, START + DAY, null]);
  assert.deepEqual(typesOf(await told()).filter((type) => type.startsWith('kontor')), ['kontor.outcome.settled', 'kontor.outcome.settled']);
  const { data } = await stripe.billing.meters.listEventSummaries(first.meter, { customer, start_time: START, end_time: START + 5 * DAY });
  assert.equal(data[0]!.aggregated_value, 2);
  await say(customer, 'reopened', 'c1', START + 2 * DAY);
  assert.equal((await stripe.billing.meters.listEventSummaries(first.meter, { customer, start_time: START, end_time: START + 5 * DAY })).data[0]!.aggregated_value, 1);
  const evidence = (await get(`outcomes/${first.id}`)).evidence;
  assert.deepEqual(evidence.history.map((step: Json) => [step.at, step.state, step.by, step.rule?.event_name ?? null]), [[START, 'open', 'event', 'answered'], [START + DAY, 'succeeded', 'quiet', null], [START + 2 * DAY, 'reversed', 'event', 'reopened']]);
});

test('what comes late is applied to where it belongs', async () => {
  const { clock, customer } = await someone();
  await say(customer, 'answered', 'c1', START);
  await kontor.advance(clock, START + 2 * DAY);
  assert.deepEqual(await states(customer), [['c1', 'succeeded']]);
  await say(customer, 'handed_over', 'c1', START + HOUR);
  assert.deepEqual(await states(customer), [['c1', 'failed']]);
});

test('an event that is taken back was never sent', async () => {
  const { clock, customer } = await someone();
  await say(customer, 'answered', 'c1', START);
  await say(customer, 'handed_over', 'c1', START, 'wrong');
  await kontor.advance(clock, START + 20 * HOUR);
  assert.deepEqual(await states(customer), [['c1', 'failed']]);
  await stripe.billing.meterEventAdjustments.create({ event_name: 'handed_over', type: 'cancel', cancel: { identifier: 'wrong' } });
  assert.deepEqual(await states(customer), [['c1', 'open']]);
  await kontor.advance(clock, START + 2 * DAY);
  assert.deepEqual(await states(customer), [['c1', 'succeeded']]);
});

describe('a contest', () => {
  const settled = async () => {
    const { customer } = await someone();
    await say(customer, 'answered', 'c1', START);
    await say(customer, 'confirmed', 'c1', START);
    return (await get(`outcomes?customer=${customer}`)).data[0] as Json;
  };
  const counted = async ({ meter, customer }: Json, id = meter) => (await stripe.billing.meters.listEventSummaries(id, { customer, start_time: START, end_time: START + DAY })).data[0]?.aggregated_value ?? 0;

  test('holds it, and where it is accepted takes it back', async () => {
    const success = await settled();
    assert.equal(await counted(success), 1);
    await told();
    const held = await post(`outcomes/${success.id}/contest`, { by: 'customer', reason: 'It did not help.' });
    assert.deepEqual([held.state, held.counted_at, held.contests[0].held, await counted(success)], ['contested', null, true, 0]);
    const taken = await post(`outcomes/${success.id}/accept_contest`, { reason: 'Right.' });
    assert.deepEqual([taken.state, taken.reversed_by, taken.contests[0].resolution.accepted, await counted(success)], ['reversed', 'contest', true, 0]);
    assert.deepEqual(typesOf(await told()), ['kontor.outcome.contested', 'kontor.outcome.reversed']);
    await assert.rejects(post(`outcomes/${success.id}/contest`, { reason: 'Again.' }), /Only a success can be contested/);
  });

  test('that is refused lets it count again, and cannot be repeated', async () => {
    const success = await settled();
    await post(`outcomes/${success.id}/contest`, { reason: 'No.' });
    const kept = await post(`outcomes/${success.id}/refuse_contest`, { reason: 'They thanked us.' });
    assert.deepEqual([kept.state, kept.counted_at, await counted(success)], ['succeeded', START, 1]);
    await assert.rejects(post(`outcomes/${success.id}/contest`, { reason: 'Again.' }), /was contested before/);
    await assert.rejects(post(`outcomes/${success.id}/accept_contest`), /is not contested/);
  });
});

test('what is counted of several accounts in one transaction is judged by the definitions of each', async () => {
  const other = await kontor.another();
  await agent({ rules: rulesFor('ours') });
  await own(other.stripe, 'POST', 'outcome_definitions', { display_name: 'Theirs', subject_key: 'conversation', rules: rulesFor('theirs') });
  const [ours, theirs] = [await stripe.customers.create({}), await other.stripe.customers.create({})];
  await inWorldsInTurn(kontor.app.database.pool, async (tx, enter) => {
    for (const [world, event_name, customer] of [[kontor.world, 'ours_answered', ours.id], [other.world, 'theirs_answered', theirs.id]] as const) {
      enter(world);
      const [recorded] = await record({ app: kontor.app, tx, world, request: null, calls: [] }, [{ event_name, identifier: 'a1', payload: { stripe_customer_id: customer, conversation: 'c1' } }]);
      assert.equal(recorded!.status, 'accepted');
    }
  });
  assert.deepEqual(await states(ours.id), [['c1', 'open']]);
  const { data } = await own(other.stripe, 'GET', 'outcomes');
  assert.deepEqual(data.map((each: Json) => [each.customer, each.subject, each.state]), [[theirs.id, 'c1', 'open']]);
});

test('an event is the same again, also where its customer stands under another name', async () => {
  await agent({ customer_key: 'org', rules: rulesFor('org') });
  const { id: org } = await stripe.customers.create({});
  const send = (conversation: string) => stripe.billing.meterEvents.create({ event_name: 'org_answered', identifier: 'a1', payload: { org, conversation } });
  await send('c1');
  assert.deepEqual((await send('c1')).payload, { org, conversation: 'c1' });
  await assert.rejects(send('c2'), { code: 'resource_already_exists', param: 'identifier' });
  const counting = { display_name: 'Answers', event_name: 'org_answered', default_aggregation: { formula: 'count' as const } };
  await assert.rejects(stripe.billing.meters.create(counting), { param: 'customer_mapping[event_payload_key]', message: /finds the customer of events named org_answered in `org`/ });
  await stripe.billing.meters.create({ ...counting, customer_mapping: { type: 'by_id', event_payload_key: 'org' } });
});

describe('what counts outcomes is said by Kontor alone', () => {
  let customer: string;
  let unit: string;
  before(async () => {
    const meter = await stripe.billing.meters.create({ display_name: 'Solved', event_name: 'solved', default_aggregation: { formula: 'sum' }, value_settings: { event_payload_key: 'outcome' } });
    await agent({ rules: rulesFor('own'), outcomes: [{ name: 'solved', meter: meter.id }] });
    ({ id: customer } = await stripe.customers.create({}));
    const now = kontor.app.clock.now();
    await say(customer, 'own_answered', 'c1', now);
    await say(customer, 'own_confirmed', 'c1', now);
    const { data: [outcome] } = await get(`outcomes?customer=${customer}`);
    assert.deepEqual([outcome.state, outcome.meter], ['succeeded', meter.id]);
    unit = `${outcome.id}:1`;
  });
  const correct = (body: object) => post('usage/corrections', body);
  const table: [string, () => Promise<unknown>, string][] = [
    ['a unit is not taken back as an event', () => stripe.billing.meterEventAdjustments.create({ type: 'cancel', event_name: 'solved', cancel: { identifier: unit } }), 'cancel[identifier]'],
    ['nor amended', () => correct({ type: 'amend', amend: { event_name: 'solved', identifier: unit, timestamp: START } }), 'amend[identifier]'],
    ['nor replaced', () => correct({ type: 'backfill', backfill: { event_name: 'solved', customer, start_time: START, end_time: kontor.app.clock.now() + 60 } }), 'backfill[event_name]'],
    ['nor its name taken', () => stripe.billing.meterEvents.create({ event_name: 'solved', identifier: unit.replace(':1', ':2'), payload: { stripe_customer_id: customer, outcome: '1' } }), 'identifier'],
    ['nor one made up', async () => stripe.billing.meterEvents.create({ event_name: (await stripe.billing.meters.retrieve((await agent({ rules: rulesFor('made') }))['outcomes'][0].meter)).event_name, payload: { stripe_customer_id: customer, value: '5' } }), 'event_name'],
    ['nor looked at as something that happens', () => agent({ rules: [{ event_name: 'solved', effect: 'succeed' }] }), 'rules[0][event_name]'],
  ];
  for (const [name, work, param] of table) test(name, () => assert.rejects(work(), (error: Stripe.errors.StripeError) => error.statusCode === 400 && error.param === param));
  test('nor counted on a meter of what happens', async () => {
    const { id } = await stripe.billing.meters.create({ display_name: 'Answers', event_name: 'fed_answered', default_aggregation: { formula: 'sum' } });
    await agent({ rules: rulesFor('fed') });
    await assert.rejects(agent({ rules: rulesFor('eats'), outcomes: [{ name: 'a', meter: id }] }), { param: 'outcomes[0][meter]', message: /would be made of outcomes/ });
  });

  test('and whoever writes another number beside Kontor is found', async () => {
    const write = (value: number) => kontor.database.asOwner((owner) => owner.query(`set kontor.world = '${kontor.world.id}'; update meter_events set value = ${value} where identifier = '${unit}'`));
    await write(2);
    const found = await verify(kontor.database, () => undefined, kontor.app.clock, { audits: kontor.app.register.audits });
    await write(1);
    assert.deepEqual(found.filter(({ invariant }) => invariant === 'I23').map(({ sentence }) => sentence), [`it has counted the outcome ${unit.split(':')[0]} 2 times, and it counts 1 times`]);
  });
});

test('what became of the outcomes of a deleted customer stays', async () => {
  await agent({ rules: rulesFor('gone') });
  const { id: customer } = await stripe.customers.create({});
  const now = kontor.app.clock.now();
  await say(customer, 'gone_answered', 'c1', now);
  await say(customer, 'gone_confirmed', 'c1', now);
  const { data: [success] } = await get(`outcomes?customer=${customer}`);
  await stripe.customers.del(customer);
  await assert.rejects(post(`outcomes/${success.id}/contest`, { reason: 'It was none.' }), { statusCode: 400, message: /is deleted/ });
});

test('a new version judges what begins under it, and the archived definition nothing new', async () => {
  const { id } = await agent({ rules: rulesFor('v') });
  const { clock, customer } = await someone();
  await say(customer, 'v_answered', 'old', START);
  await kontor.advance(clock, START + HOUR);
  const changed = await post(`outcome_definitions/${id}/versions`, { rules: rulesFor('v').map((rule) => (rule.quiet_for ? { ...rule, quiet_for: '1h' } : rule)) });
  assert.deepEqual([changed.version, changed.rules[0].quiet_for], [2, '1h']);
  assert.deepEqual((await get(`outcome_definitions/${id}/versions`)).data.map((each: Json) => each.version), [2, 1]);
  // On this clock it is long before the version is in force.
  await say(customer, 'v_answered', 'new', START + HOUR);
  const { data } = await get(`outcomes?customer=${customer}`);
  assert.deepEqual(data.map((each: Json) => [each.subject, each.version, each.due_at - START]).sort(), [['new', 1, 25 * HOUR], ['old', 1, 24 * HOUR]]);
  const archived = await post(`outcome_definitions/${id}/archive`);
  assert.equal(archived.status, 'archived');
  await assert.rejects(post(`outcome_definitions/${id}/archive`), /is archived/);
  // 35 days later no subject begins any more; what has begun is still told of.
  const over = archived.archived_at + 35 * DAY;
  await kontor.advance(clock, over);
  await assert.rejects(say(customer, 'v_answered', 'newer', over), { statusCode: 400, code: 'resource_missing', param: 'event_name', message: /are archived/ });
  await say(customer, 'v_reopened', 'new', over);
});

test('a list of what is not there is refused, whatever it is of', async () => {
  for (const [list, param] of [['outcomes', 'customer'], ['outcomes', 'definition'], ['outcomes', 'invoice'], ['outcome_receipts', 'customer'], ['usage/corrections', 'meter']]) {
    await assert.rejects(get(`${list}?${param}=none`), { statusCode: 400, code: 'resource_missing', param });
  }
});

test('a new version and a preview keep the outcomes, their meters and the timing that they do not name', async () => {
  const { id, outcomes } = await agent({ outcomes: [{ name: 'resolution' }], timing: 'occurred_at', rules: [{ event_name: 'kept_done', effect: 'succeed' }] });
  const { customer } = await someone();
  await say(customer, 'kept_done', 'c1', START);
  const rules = [{ event_name: 'kept_done', effect: 'succeed', conditions: [{ key: 'by', value: 'agent' }] }];
  const tried = await post('outcome_definitions/preview', { definition: id, definition_data: { rules }, from: START, to: START + HOUR });
  assert.deepEqual(tried.data.map((each: Json) => [each.outcome, each.count, each.was_count]), [['resolution', 0, 1]]);
  const changed = await post(`outcome_definitions/${id}/versions`, { rules });
  assert.deepEqual([changed.version, changed.timing, changed.outcomes], [2, 'occurred_at', outcomes]);
});

test('an event of which no definition finds the subject is refused, unless a meter counts it', async () => {
  await agent({ rules: rulesFor('about') });
  const { customer } = await someone();
  const create = (payload: Record<string, string>) => stripe.billing.meterEvents.create({ event_name: 'about_answered', timestamp: START, payload: { stripe_customer_id: customer, ...payload } });
  for (const payload of [{}, { conversation_id: 'c1' }] as Record<string, string>[]) await assert.rejects(create(payload), { code: 'parameter_missing', param: 'payload[conversation]' });
  await agent({ subject_key: 'ticket', rules: rulesFor('about') });
  await create({ ticket: 't1' });
  await assert.rejects(create({}), { message: /`ticket` or `conversation`/ });
  await stripe.billing.meters.create({ display_name: 'Answers', event_name: 'about_answered', default_aggregation: { formula: 'count' } });
  await create({});
});

test('an event from which outcomes follow is amended, replaced, and put back at any time', async () => {
  await agent({ customer_key: 'org', rules: rulesFor('put') });
  const { clock, customer } = await someone();
  const report = (event_name: string, timestamp: number, identifier: string) => stripe.billing.meterEvents.create({ event_name, timestamp, identifier, payload: { org: customer, conversation: 'c1' } });
  await report('put_answered', START, 'answer');
  await report('put_confirmed', START + 2, 'thanks');
  await report('put_handed_over', START, 'wrong');
  await kontor.advance(clock, START + 2 * DAY);
  assert.deepEqual(await states(customer), [['c1', 'failed']]);
  await assert.rejects(stripe.billing.meterEventAdjustments.create({ type: 'cancel', event_name: 'put_handed_over', cancel: { identifier: 'wrong' } }), { param: 'cancel[identifier]', message: /POST \/v1\/kontor\/usage\/corrections/ });
  const correct = (type: string, how: object, more: object = {}) => post('usage/corrections', { type, [type]: how, ...more });
  const moved = { event_name: 'put_handed_over', identifier: 'wrong', payload: { org: customer, conversation: 'c2' } };
  const tried = await correct('amend', moved, { dry_run: true });
  assert.deepEqual([tried.event_name, tried.meter, tried.before, tried.after, tried.events_canceled, tried.events_recorded], ['put_handed_over', null, null, null, 1, 1]);
  assert.deepEqual(await states(customer), [['c1', 'failed']]);
  const amended = await correct('amend', moved);
  assert.deepEqual(await states(customer), [['c1', 'succeeded'], ['c2', 'failed']]);
  await correct('revert', { correction: amended.id });
  assert.deepEqual(await states(customer), [['c1', 'failed'], ['c2', 'new']]);
  // What is not said anew stays: whose it is, and what it is about.
  await correct('amend', { event_name: 'put_answered', identifier: 'answer', timestamp: START + 1 });
  const gone = await correct('backfill', { event_name: 'put_handed_over', customer, start_time: START, end_time: START + 1, events: [] });
  assert.equal((await get(`outcomes?customer=${customer}&subject=c1`)).data[0].occurred_at, START + 1);
  await correct('revert', { correction: gone.id });
  assert.deepEqual(await states(customer), [['c1', 'failed'], ['c2', 'new']]);
  await assert.rejects(correct('amend', { ...moved, identifier: 'none' }), { code: 'resource_missing', param: 'amend[identifier]' });
  await assert.rejects(correct('backfill', { event_name: 'put_nothing', customer, start_time: START, end_time: START + 1 }), { param: 'backfill[event_name]', message: /no outcome follows/ });
});

test('a cap counts what silence will make a success', async () => {
  const { outcomes: [{ meter }] } = (await agent({ rules: rulesFor('cap') })) as any;
  const { customer } = await someone();
  await post('caps', { customer, meter, quantity: '2', period: 'lifetime' });
  const allowed = async () => (await post('usage/check', { customer, meter, quantity: '1' })).allowed;
  await say(customer, 'cap_answered', 'c1', START);
  assert.equal(await allowed(), true);
  const { id: reserved } = await post('usage/reservations', { customer, meter });
  await say(customer, 'cap_answered', 'c2', START);
  await assert.rejects(post(`usage/reservations/${reserved}/finalize`), { param: 'quantity', message: /Report what happened, and release it/ });
  await post(`usage/reservations/${reserved}/release`);
  assert.equal(await allowed(), false);
  await say(customer, 'cap_handed_over', 'c2', START);
  assert.equal(await allowed(), true);
  await say(customer, 'cap_confirmed', 'c1', START);
  assert.equal(await allowed(), true);
  await assert.rejects(post('usage/check', { customer, event_name: 'cap_answered' }), { param: 'event_name', message: /give the `meter` of the outcome/ });
});

describe('a definition is refused', () => {
  const table: [string, object, string, RegExp][] = [
    ['without a rule that leads to a success', { rules: [{ event_name: 'x', effect: 'open' }] }, 'outcomes[0][name]', /No rule leads to a success/],
    ['whose subject is its customer', { subject_key: 'stripe_customer_id' }, 'subject_key', /another `subject_key`/],
    ['with an unknown effect', { rules: [{ event_name: 'x', effect: 'win' }] }, 'rules[0][effect]', /must be one of/],
    ['that looks at what Kontor counts', { rules: [{ event_name: 'kontor.outcome.x', effect: 'succeed' }] }, 'rules[0][event_name]', /Kontor's own/],
    ['that finds customers elsewhere than another one', { customer_key: 'org' }, 'customer_key', /finds the customer of events named answered in `stripe_customer_id`/],
    ['with a condition on what names its subjects', { rules: [{ event_name: 'x', effect: 'succeed', conditions: [{ key: 'conversation', operator: 'exists' }] }] }, 'rules[0][conditions][0][key]', /which subject or whose it is/],
    ['with an unknown meter', { outcomes: [{ name: 'a', meter: 'mtr_none' }] }, 'outcomes[0][meter]', /No such meter/],
  ];
  for (const [name, more, param, message] of table) test(name, () => assert.rejects(agent(more), (error: Stripe.errors.StripeError) => error.statusCode === 400 && error.param === param && message.test(error.message)));
});

describe('at the same moment', () => {
  const within = (work: (ctx: Context) => Promise<unknown>) => inWorld(kontor.database.pool, kontor.world, (tx) => work({ app: kontor.app, tx, world: kontor.world, request: null, calls: [] }));

  /** Does the work in a transaction, and ends that when somebody else, who begins after the work, waits for it. */
  async function whileHeld(work: (ctx: Context) => Promise<unknown>, other: () => Promise<unknown>): Promise<void> {
    const [worked, waited] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const held = within(async (ctx) => {
      await work(ctx);
      worked.resolve();
      await waited.promise;
    });
    await Promise.race([worked.promise, held]);
    const others = other();
    await until(async () => (await kontor.database.pool.query(`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)).rowCount! > 0);
    waited.resolve();
    await Promise.all([held, others]);
  }

  test('two begin one subject, and make one outcome of the events of both', async () => {
    await agent({ rules: rulesFor('met') });
    const { id: customer } = await stripe.customers.create();
    const given = (event_name: string, conversation: string) => ({ event_name: `met_${event_name}`, identifier: `${event_name} ${conversation}`, payload: { stripe_customer_id: customer, conversation } });
    await whileHeld((ctx) => record(ctx, [given('answered', 'shared')]), () => post('usage/events', { events: [given('answered', 'own'), given('confirmed', 'shared'), given('confirmed', 'own')] }));
    assert.deepEqual(await states(customer), [['own', 'succeeded'], ['shared', 'succeeded']]);
  });

  test('a clock with its customers waits for whoever observes events of theirs, and takes the outcomes with it', async () => {
    await agent({ rules: rulesFor('gone') });
    const { clock, customer } = await someone();
    const event = { meter: null, event_name: 'gone_answered', identifier: '1', customer, timestamp: START, value: null, dimensions: '', payload: { stripe_customer_id: customer, conversation: 'lost' }, created: START, number: 1n };
    await whileHeld((ctx) => outcomeObserver.observe(ctx, { recorded: [event], canceled: [], restored: [] }), () => stripe.testHelpers.testClocks.del(clock));
    await within(async ({ tx }) => assert.equal((await tx.query('select from outcomes where customer = $1', [customer])).rowCount, 0));
  });
});
