/** Time: what was set for a moment runs at that moment, in bulk, exactly once, in real time and on test clocks. */
import { decision, type Instant } from '../billing/decision.ts';
import { performCalls } from './calls.ts';
import { commit } from './commit.ts';
import { inContext, type App, type Context, type World } from './context.ts';
import { inWorld, overAllWorlds, passing, worldsWith, type Tx } from './database/world.ts';
import { row, rows, sql, type Sql } from './database/sql.ts';
import { claimLanes } from './lanes.ts';
import { told } from './log.ts';

/** At most this many timers run as one batch in one transaction. */
const BATCH = 500;

/** A timer whose command fails waits this long for its next try, by the number of failures. */
const RETRY_S = [60, 300, 1_800, 7_200];
/** So many tries of a call hold its test clock. */
const MOST_ATTEMPTS = 3;
const retryAfter = (failures: number) => RETRY_S[failures] ?? 86_400;

type Due = { kind: string; subject: string; at: Instant };

/** Takes timers out of the table, in the transaction in which their commands run. */
type Claim = (ctx: Context) => Promise<Due[]>;

/** Runs what is claimed. Returns what it was, and the calls to make. Where something fails, nothing has happened, and `claimed` says what was tried. */
async function runClaimed(app: App, world: World, claim: Claim, claimed: Due[]): Promise<string[]> {
  return inContext(app, world, async (ctx) => {
    claimed.push(...(await claim(ctx)));
    claimed.sort((a, b) => a.at - b.at || (a.subject < b.subject ? -1 : 1));
    for (const [kind, due] of Map.groupBy(claimed, (each) => each.kind)) {
      const run = app.register.timers.get(kind);
      if (!run) throw new Error(`Nothing runs timers of the kind ${kind}.`);
      await run(ctx, due);
    }
    return ctx.calls;
  });
}

/**
 * One batch: as a whole or, where that fails, each timer for itself; those that fail then are set aside with their error. What passes, such as a deadlock, is not a failure:
 * the timer stays due. Returns how many there were.
 */
async function runBatch(app: App, world: World, claim: Claim): Promise<number> {
  const claimed: Due[] = [];
  const calls: string[] = [];
  try {
    calls.push(...(await runClaimed(app, world, claim, claimed)));
  } catch (error) {
    if (claimed.length === 0 || passing(error) === 'unreachable') throw error;
    for (const due of claimed) calls.push(...(await runAlone(app, world, due)));
  }
  await performCalls(app, world, calls);
  return claimed.length;
}

async function runAlone(app: App, world: World, due: Due): Promise<string[]> {
  const { kind, subject } = due;
  try {
    return await runClaimed(app, world, ({ tx }) => claim(tx, sql`kind = ${kind} and subject = ${subject} and at = to_timestamp(${due.at}::bigint)`), []);
  } catch (error) {
    const why = passing(error);
    if (why === 'unreachable') throw error;
    if (why === 'contended') {
      app.log.warn('A timer had to wait for others, and is tried again.', { world: world.id, kind, subject, ...told(error) });
      return [];
    }
    app.log.error('A timer failed and is set aside for a later try.', { world: world.id, kind, subject, ...told(error) });
    await inWorld(app.database.pool, world, (tx) => setAside(tx, due, error, app.clock.now()));
    return [];
  }
}

/** A real-time timer is moved to its next try. One on a test clock stays where it is and is passed over by this advance. */
async function setAside(tx: Context['tx'], { kind, subject }: Due, error: unknown, now: Instant): Promise<void> {
  const timer = await row<{ failures: number; test_clock: string | null }>(tx, sql`select failures, test_clock from timers where kind = ${kind} and subject = ${subject} for update`);
  if (!timer) return;
  const next = timer.test_clock === null ? sql`to_timestamp(${now + retryAfter(timer.failures)}::bigint)` : sql`at`;
  await row(tx, sql`update timers set failures = failures + 1, error = ${error instanceof Error ? error.message : String(error)}, at = ${next} where kind = ${kind} and subject = ${subject}`);
}

/** Takes the earliest of the timers `t` that are due, with their lanes. Those whose lane somebody else holds are passed over, and so are those that usage sets again right now. */
async function claim(tx: Tx, due: Sql): Promise<Due[]> {
  const lanes = await claimLanes(tx, sql`select lane from timers t where world = kontor_world() and ${due} order by at, kind, subject`, BATCH);
  if (lanes.length === 0) return [];
  // As they are now that nobody else is in their lanes.
  return rows<Due>(
    tx,
    sql`with due as materialized (select ctid from timers t where ${due} and lane = any(${lanes}::text[]) order by at, kind, subject limit ${BATCH} for update skip locked)
        delete from timers t using due where t.ctid = due.ctid returning t.kind, t.subject, t.at`,
  );
}

/** Takes what is due in real time, none of it behind an earlier timer of its lane. */
function claimDue(now: Instant): Claim {
  return ({ tx }) =>
    claim(tx, sql`test_clock is null and at <= to_timestamp(${now}::bigint) and not exists (select from timers e where e.world = t.world and e.lane = t.lane and e.test_clock is null and e.at < t.at and e.failures = 0)`);
}

/** How long a worker waits for usage to be counted before it looks again, and for how long what is due waits in all: then it runs, and what is counted afterwards is corrected as any late usage. */
const USAGE_MS = 5_000;
const USAGE_PATIENCE_S = 600;

/** Up to when what is due may run: now, once all usage is counted that was acknowledged until now. So no period is billed without it. */
async function usageCounted(app: App, now: Instant): Promise<Instant> {
  if (app.intake === null || (await app.intake.settle(USAGE_MS))) return now;
  app.log.error(`Usage that was acknowledged is not counted yet. What is due waits for it, ${USAGE_PATIENCE_S / 60} minutes at most.`);
  return now - USAGE_PATIENCE_S;
}

/** Runs what is due in real time, in all worlds, a batch each: where one stumbles, the others go on before it is told. Returns whether there was anything. */
export async function runDueTimers(app: App): Promise<boolean> {
  const now = app.clock.now();
  const worlds = await worldsWith(app.database.pool, sql`timers t where t.world = w.id and t.test_clock is null and t.at <= to_timestamp(${now}::bigint)`);
  const until = worlds.length === 0 ? now : await usageCounted(app, now);
  let ran = 0;
  const stumbled: unknown[] = [];
  for (const world of worlds) {
    if (app.stopping) break;
    await runBatch(app, world, claimDue(until)).then((count) => { ran += count; }, (error: unknown) => stumbled.push(error));
  }
  if (stumbled.length > 0) throw stumbled[0];
  return ran > 0;
}

type ClockRow = { id: string; frozen_time: Instant; target_time: Instant | null; status: string };

/** Moves a clock to the moment of its next timers, as far as its target, and takes those. The clock is held: another worker may be advancing it, too, and requests on it are refused. */
function claimOnClock(id: string): Claim {
  return async (ctx) => {
    const clock = await row<ClockRow>(ctx.tx, sql`select id, frozen_time, target_time, status from test_clocks where id = ${id} for update`);
    if (!clock || clock.status !== 'advancing') return [];
    const next = sql`select at, kind from timers where world = kontor_world() and test_clock = ${id} and failures = 0 and at <= to_timestamp(${clock.target_time}::bigint) order by at, kind limit 1`;
    const due = await claim(ctx.tx, sql`test_clock = ${id} and failures = 0 and (at, kind) = (${next})`);
    const at = due[0]?.at ?? clock.frozen_time;
    if (at > clock.frozen_time) await row(ctx.tx, sql`update test_clocks set frozen_time = to_timestamp(${at}::bigint) where id = ${id}`);
    return due;
  };
}

/** Takes what is due on a clock that stands. The clock is shared, so that requests go on meanwhile, and whoever moves it waits. */
function claimOnStanding(id: string): Claim {
  return async (ctx) => {
    const clock = await row<ClockRow>(ctx.tx, sql`select id, frozen_time, target_time, status from test_clocks where id = ${id} for share`);
    if (clock?.status !== 'ready') return [];
    return claim(ctx.tx, sql`test_clock = ${id} and failures = 0 and at <= to_timestamp(${clock.frozen_time}::bigint)`);
  };
}

/** Lets a clock arrive, unless a timer on its way still waits for its lane. Returns whether it has. */
async function arrive(ctx: Context, id: string): Promise<boolean> {
  const before = await row<ClockRow>(ctx.tx, sql`select * from test_clocks where id = ${id} and status = 'advancing' for update`);
  if (!before) return false;
  const left = await row<{ failures: number }>(ctx.tx, sql`select failures from timers where test_clock = ${id} and at <= to_timestamp(${before.target_time}::bigint) order by failures limit 1`);
  if (left?.failures === 0) return false;
  const failed = left !== undefined;
  // What failed is kept with its error, and is tried again by the next advance.
  if (failed) await row(ctx.tx, sql`update timers set failures = 0 where test_clock = ${id} and failures > 0`);
  const after = { ...before, frozen_time: before.target_time, target_time: null, status: failed ? 'internal_failure' : 'ready', status_details: {} };
  const type = failed ? 'test_helpers.test_clock.internal_failure' : 'test_helpers.test_clock.ready';
  await commit(ctx, {
    ...decision(),
    puts: [{ table: 'test_clocks', before, after }],
    facts: [{ type, object: 'test_helpers.test_clock', whole: after, at: after.frozen_time! }],
  });
  return true;
}

/** So many clocks are advanced at once. */
const CLOCKS = 4;

/**
 * Asks what a worker that died has left unasked on a clock: there a payment takes no time, so nothing may happen before its answer. Returns whether the clock may go on;
 * it does not wait for an answer that is not known, nor for one that cannot be taken.
 */
async function settle(app: App, world: World, clock: string): Promise<boolean> {
  const open = () => inWorld(app.database.pool, world, (tx) => rows<{ id: string }>(tx, sql`select id from calls where world = kontor_world() and test_clock = ${clock} and state = 'pending' and attempts < ${MOST_ATTEMPTS}`));
  const left = await open();
  if (left.length === 0) return true;
  await performCalls(app, world, left.map((call) => call.id));
  return (await open()).length === 0;
}

/** Moves a clock by a batch, or lets it arrive; on one that stands, runs what is due. One that stumbles is tried again, and stops no other. Returns whether it moved. */
async function advanceClock(app: App, world: World, id: string, stands: boolean): Promise<boolean> {
  try {
    if (app.stopping || !(await settle(app, world, id))) return false;
    if (stands) return (await runBatch(app, world, claimOnStanding(id))) > 0;
    if ((await runBatch(app, world, claimOnClock(id))) > 0) return true;
    return await inContext(app, world, (ctx) => arrive(ctx, id));
  } catch (error) {
    app.log.error('A test clock stumbled and goes on.', { world: world.id, clock: id, ...told(error) });
    return false;
  }
}

/** Advances the clocks that are on their way, by a batch each: a long way keeps no other clock waiting. On those that stand, what was set for no later than their time runs as in real time. Returns whether there was anything. */
export async function advanceClocks(app: App): Promise<boolean> {
  const clocks = await overAllWorlds(app.database.pool, (tx) =>
    rows<{ clock: string; stands: boolean } & World>(
      tx,
      sql`select c.id as clock, c.status = 'ready' as stands, w.id, w.account, w.livemode from test_clocks c join worlds w on w.id = c.world
          where c.status = 'advancing' or (c.status = 'ready' and exists (select from timers t where t.world = c.world and t.test_clock = c.id and t.failures = 0 and t.at <= c.frozen_time offset 0)) order by w.id, c.id`,
    ),
  );
  // Nobody reports usage on a clock that is on its way: what was acknowledged before is all there is.
  if (clocks.length > 0) await app.intake?.settle(USAGE_MS, true);
  let moved = false;
  for (let n = 0; n < clocks.length; n += CLOCKS) {
    const steps = await Promise.all(clocks.slice(n, n + CLOCKS).map(({ clock, stands, ...world }) => advanceClock(app, world, clock, stands)));
    moved ||= steps.includes(true);
  }
  return moved;
}
