import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { decision, type Instant, type Timer } from '../billing/decision.ts';
import { testDatabase } from '../tests/postgres.ts';
import { createAccount, listWorlds } from './accounts.ts';
import { open, type Running } from './app.ts';
import { performDueCalls } from './calls.ts';
import { machineClock, type Clock } from './clock.ts';
import { commit } from './commit.ts';
import { inContext, NotYet, type Connectors, type Context, type Json, type Room, type World } from './context.ts';
import { lockLanes } from './lanes.ts';
import { openLog } from './log.ts';
import { advanceClocks, runDueTimers } from './timers.ts';
import { START } from '../tests/days.ts';

let now = START;
const clock: Clock = { ...machineClock(), now: () => now };

let running: Running;
let world: World;
const ran: string[] = [];
let fails: (subject: string) => boolean = () => false;
/** What PostgreSQL would say, instead of a failure of the bell. */
let sqlstate: string | undefined;
let answers: (Json | NotYet | null)[] = [];

const room: Room = {
  resources: [{ object: 'test_helpers.test_clock', prefix: 'clock', render: (clock: { id: string }) => ({ id: clock.id, object: 'test_helpers.test_clock' }) }],
  timers: {
    'bell.ring': async (ctx, due) => {
      for (const { subject, at } of due) {
        if (fails(subject)) throw Object.assign(new Error(`${subject} is broken`), sqlstate && { code: sqlstate });
        ran.push(`${subject}@${at - START}`);
      }
      // An effect in the same transaction: each bell that rang sets its next one, once.
      const again = due.filter(({ subject }) => subject.startsWith('again')).map(({ subject, at }): Timer => ({ kind: 'bell.ring', subject, at: at + 60, lane: subject, test_clock: null }));
      await commit(ctx, { ...decision(), timers: again });
    },
    'bell.call': async (ctx, due) => {
      await commit(ctx, { ...decision(), calls: due.map(({ subject }) => ({ id: `call:${subject}`, kind: 'bell.ask', subject, request: {}, test_clock: null })) });
    },
  },
  calls: {
    'bell.ask': {
      ask: async () => answers.shift() ?? null,
      answer: async (_ctx, given) => {
        if (given.some(({ call }) => fails(call.subject))) throw Object.assign(new Error('broken'), sqlstate && { code: sqlstate });
        ran.push(...given.map(({ call, answer }) => `${call.subject}=${JSON.stringify(answer)}`));
      },
    },
  },
};

before(async () => {
  const database = await testDatabase();
  running = await open({ database, rooms: [room], connectors: {} as Connectors, isStripes: () => false, pepper: 'p', log: openLog('silent'), host: '127.0.0.1', port: 0, allowLoopback: true, clock, works: false });
  world = await database.asOwner(async (owner) => {
    await createAccount(owner, clock);
    return (await listWorlds(owner))[0]!;
  });
});
beforeEach(async () => {
  ran.length = 0;
  now = START;
  fails = () => false;
  sqlstate = undefined;
  await query('delete from timers; delete from test_clocks');
});
after(async () => {
  await running.close();
  await running.app.database.close();
});

const inside = <Result>(work: (ctx: Context) => Promise<Result>): Promise<Result> => inContext(running.app, world, work);
const query = (text: string): Promise<Json[]> => inside(async ({ tx }) => (await tx.query<Json>(text)).rows);

function set(...timers: [subject: string, at: Instant, lane: string, kind?: string][]): Promise<void> {
  return inside((ctx) => {
    lockLanes(ctx.tx, timers.map(([, , lane]) => lane));
    return commit(ctx, { ...decision(), timers: timers.map(([subject, at, lane, kind = 'bell.ring']) => ({ kind, subject, at: START + at, lane, test_clock: null })) });
  });
}

async function runAll(): Promise<void> {
  while (await runDueTimers(running.app));
}

test('what is due runs once, at the moment that it was set for, and what is not due waits', async () => {
  await set(['a', 10, 'a'], ['b', 20, 'b'], ['c', 40, 'c']);
  now = START + 30;
  await runAll();
  assert.deepEqual(ran, ['a@10', 'b@20']);
  assert.deepEqual((await query('select subject from timers')).map((timer) => timer.subject), ['c']);
});

test('setting a timer again moves it', async () => {
  await set(['a', 10, 'a']);
  await set(['a', 50, 'a']);
  now = START + 30;
  await runAll();
  assert.deepEqual(ran, []);
});

test('after a long absence the timers of one lane run in their order, and what they set in the past runs, too', async () => {
  await set(['again', 60, 'again'], ['late', 150, 'again']);
  now = START + 200;
  await runAll();
  assert.deepEqual(ran, ['again@60', 'again@120', 'late@150', 'again@180']);
});

test('one that fails is set aside with its error and does not hold up the others; it is tried again later', async () => {
  fails = (subject) => subject === 'bad';
  await set(['bad', 10, 'x'], ['good', 10, 'y'], ['behind', 20, 'x']);
  now = START + 30;
  await runAll();
  assert.deepEqual(ran.toSorted(), ['behind@20', 'good@10']);
  const [left] = await query('select subject, failures, error, extract(epoch from at)::int as at from timers');
  assert.deepEqual(left, { subject: 'bad', failures: 1, error: 'bad is broken', at: now + 60 });
  fails = () => false;
  now += 60;
  await runAll();
  assert.equal(ran.at(-1), `bad@${now - START}`);
});

test('one that others kept from what it wanted stays due, and is not counted as failed', async () => {
  let broken = 2;
  fails = (subject) => subject === 'bad' && (broken -= 1) >= 0;
  sqlstate = '40P01';
  await set(['bad', 10, 'x'], ['good', 10, 'y']);
  now = START + 30;
  await runAll();
  assert.deepEqual(ran.toSorted(), ['bad@10', 'good@10']);
  assert.deepEqual(await query('select subject from timers'), []);
});

test('where the database is gone, nothing is set aside', async () => {
  fails = () => true;
  sqlstate = '57P01';
  await set(['a', 10, 'a'], ['b', 10, 'b']);
  now = START + 30;
  await assert.rejects(runDueTimers(running.app), { code: '57P01' });
  assert.deepEqual(await query('select failures from timers'), [{ failures: 0 }, { failures: 0 }]);
});

/** A clock on its way, with bells that ring on it. */
async function clockWith(id: string, ...bells: [subject: string, at: Instant, kind?: string][]): Promise<void> {
  await query(`insert into test_clocks (id, created, frozen_time, target_time, status, status_details, deletes_after)
    values ('${id}', to_timestamp(${START}), to_timestamp(${START}), to_timestamp(${START + 100}), 'advancing', '{}', to_timestamp(${START + 1_000}))`);
  await inside((ctx) => commit(ctx, { ...decision(), timers: bells.map(([subject, at, kind = 'bell.ring']) => ({ kind, subject, at: START + at, lane: subject, test_clock: id })) }));
}

test('clocks go their ways beside each other', async () => {
  await clockWith('clock_a', ['a1', 10], ['a2', 20]);
  await clockWith('clock_b', ['b1', 10], ['b2', 20]);
  await advanceClocks(running.app);
  await advanceClocks(running.app);
  assert.deepEqual(ran.map((each) => each.slice(0, 2)).toSorted(), ['a1', 'a2', 'b1', 'b2']);
  assert.deepEqual(ran.slice(0, 2).toSorted(), ['a1@10', 'b1@10']);
});

test('real time runs nothing that lives on a clock, and a clock nothing that lives in real time or on another one', async () => {
  await clockWith('clock_a', ['frozen', 10]);
  await clockWith('clock_b');
  await set(['real', 10, 'real']);
  now = START + 30;
  await runDueTimers(running.app);
  assert.deepEqual(ran, ['real@10']);
  await set(['later', 20, 'later']);
  await query(`update test_clocks set status = 'ready' where id = 'clock_a'`);
  while (await advanceClocks(running.app));
  assert.deepEqual(ran, ['real@10']);
  await query(`update test_clocks set status = 'advancing' where id = 'clock_a'`);
  while (await advanceClocks(running.app));
  assert.deepEqual(ran, ['real@10', 'frozen@10']);
});

test('a clock does not go on before what a worker that died has left unasked on it', async () => {
  answers = [{ said: 'yes' }];
  await clockWith('clock_a', ['bell', 10]);
  await inside((ctx) => commit(ctx, { ...decision(), calls: [{ id: 'call:left', kind: 'bell.ask', subject: 'left', request: {}, test_clock: 'clock_a' }] }));
  await advanceClocks(running.app);
  assert.deepEqual(ran, ['left={"said":"yes"}', 'bell@10']);
  await query(`update calls set state = 'pending', attempts = 1, next_at = to_timestamp(${now + 60})`);
  assert.equal(await advanceClocks(running.app), false, 'somebody asks just now');
  await query('delete from test_clocks');
  assert.deepEqual(await query('select id from calls'), []);
});

test('two workers run each timer once', async () => {
  await set(...Array.from({ length: 1_200 }, (_, n): [string, number, string] => [`t${n}`, 10, `lane${n}`]));
  now = START + 30;
  await Promise.all([runAll(), runAll(), runAll()]);
  await runAll();
  assert.equal(ran.length, 1_200);
  assert.equal(new Set(ran).size, 1_200);
});

/** Does something while somebody else is at work in a lane. */
async function whileHeld(lane: string, work: () => Promise<void>): Promise<void> {
  await inside(async ({ tx }) => {
    lockLanes(tx, [lane]);
    await tx.query('select 1');
    await work();
  });
}

test('a timer waits while somebody else is at work in its lane, and so does what comes after it; the others run', async () => {
  await set(['first', 10, 'x'], ['second', 20, 'x'], ['other', 20, 'y']);
  now = START + 30;
  await whileHeld('x', runAll);
  assert.deepEqual(ran, ['other@20']);
  await runAll();
  assert.deepEqual(ran, ['other@20', 'first@10', 'second@20']);
});

test('a clock does not arrive while somebody is at work in the lane of a timer on its way', async () => {
  await clockWith('clock_a', ['held', 10], ['free', 10], ['later', 20]);
  await whileHeld('held', async () => {
    while (await advanceClocks(running.app));
  });
  assert.deepEqual([ran, await query('select status from test_clocks')], [['free@10'], [{ status: 'advancing' }]]);
  while (await advanceClocks(running.app));
  assert.deepEqual([ran, await query('select status from test_clocks')], [['free@10', 'held@10', 'later@20'], [{ status: 'ready' }]]);
});

test('a timer is set by who holds its lane', async () => {
  const timers: Timer[] = [{ kind: 'bell.ring', subject: 'a', at: START, lane: 'x', test_clock: null }];
  await assert.rejects(inside((ctx) => commit(ctx, { ...decision(), timers })), { message: /the timer bell\.ring of a is set by who does not hold the lane x/ });
});

test('a call is left to whoever wrote it, and made by another one where that has died', async () => {
  answers = [{ said: 'no' }];
  await inside((ctx) => commit(ctx, { ...decision(), calls: [{ id: 'call:orphan', kind: 'bell.ask', subject: 'orphan', request: {}, test_clock: null }] }));
  await performDueCalls(running.app);
  assert.deepEqual(ran, [], 'its writer is about to make it');
  now += 60;
  await performDueCalls(running.app);
  assert.deepEqual(ran, ['orphan={"said":"no"}']);
  await query('delete from calls');
});

test('an answer that could not be taken, because others were at it, is taken all the same', async () => {
  answers = [{ said: 'yes' }];
  let broken = 2;
  fails = () => (broken -= 1) >= 0;
  sqlstate = '40P01';
  await set(['caller', 10, 'caller', 'bell.call']);
  now = START + 30;
  await runAll();
  assert.deepEqual(ran, ['caller={"said":"yes"}']);
  await query('delete from calls');
});

test('a call is made again when the other side wants to hear of it, and as if for the first time where it did not reach it', async () => {
  answers = [new NotYet(600), new NotYet(5, false), { said: 'yes' }];
  await set(['caller', 10, 'caller', 'bell.call']);
  now = START + 30;
  await runAll();
  const stored = () => query('select state, attempts, extract(epoch from next_at)::integer as next_at, begun is not null as begun from calls');
  assert.deepEqual(await stored(), [{ state: 'unknown', attempts: 1, next_at: now + 600, begun: true }]);
  now += 600;
  await performDueCalls(running.app);
  assert.deepEqual(await stored(), [{ state: 'unknown', attempts: 1, next_at: now + 5, begun: true }]);
  await query('update calls set attempts = 0, begun = null');
  answers.unshift(new NotYet(5, false));
  now += 5;
  await performDueCalls(running.app);
  assert.deepEqual(await stored(), [{ state: 'unknown', attempts: 0, next_at: now + 5, begun: false }]);
  now += 5;
  await performDueCalls(running.app);
  assert.deepEqual(ran, ['caller={"said":"yes"}']);
  await query('delete from calls');
});

test('a call whose answer is not known stays not known, is asked again later, and is answered once', async () => {
  answers = [null, null, { said: 'yes' }];
  await set(['caller', 10, 'caller', 'bell.call']);
  now = START + 30;
  await runAll();
  assert.deepEqual(ran, []);
  assert.deepEqual(await query('select state, attempts from calls'), [{ state: 'unknown', attempts: 1 }]);
  await performDueCalls(running.app);
  assert.equal(answers.length, 2, 'not before its time');
  now += 5;
  await performDueCalls(running.app);
  now += 30;
  await performDueCalls(running.app);
  assert.deepEqual(ran, ['caller={"said":"yes"}']);
  now += 86_400;
  await performDueCalls(running.app);
  assert.equal(ran.length, 1);
  assert.deepEqual(await query('select state, attempts from calls'), [{ state: 'answered', attempts: 3 }]);
});

test('a clock whose timer fails says so, runs the others, and tries that one again with its next advance', async () => {
  fails = (subject) => subject === 'bad';
  const clocked = (subject: string, at: number): Timer => ({ kind: 'bell.ring', subject, at: START + at, lane: subject, test_clock: 'clock_1' });
  const advance = async (target: number) => {
    await query(`update test_clocks set status = 'advancing', target_time = to_timestamp(${START + target}), status_details = '{"advancing": {}}'`);
    while (await advanceClocks(running.app));
    return (await query('select status, status_details, extract(epoch from frozen_time)::int as frozen from test_clocks'))[0];
  };
  await inside(async (ctx) => {
    await ctx.tx.query(`insert into test_clocks (id, created, frozen_time, status, status_details, deletes_after) values ('clock_1', now(), to_timestamp(${START}), 'ready', '{}', now())`);
    await commit(ctx, { ...decision(), timers: [clocked('bad', 10), clocked('good', 20)] });
  });
  assert.deepEqual(await advance(60), { status: 'internal_failure', status_details: {}, frozen: START + 60 });
  assert.deepEqual(ran, ['good@20']);
  fails = () => false;
  assert.deepEqual(await advance(120), { status: 'ready', status_details: {}, frozen: START + 120 });
  assert.deepEqual(ran, ['good@20', 'bad@10']);
});
