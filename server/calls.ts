/** Calls to the outside: made after the commit that wrote them, answered by a command. An answer that is not known stays not known, and is asked for again. */
import { inContext, NotYet, type Answered, type App, type Cause, type Context, type Json, type OpenCall, type World } from './context.ts';
import { inWorld, passing, worldsWith } from './database/world.ts';
import { row, rows, sql } from './database/sql.ts';
import { told } from './log.ts';

/** How long to wait before asking again for an answer that is not known, by the number of attempts so far; then every day. */
const WAITS_S = [5, 30, 120, 600, 3_600, 21_600];
const LONGEST_S = 86_400;
const wait = (attempts: number) => WAITS_S[attempts - 1] ?? LONGEST_S;

/** A call that was begun is left alone for this long: another process may be at it, waits for its turn, and asks more than one thing. */
const LEASE_S = 120;

/** At most this many calls are asked and answered as one batch. */
const BATCH = 500;

/** Takes open calls of a world for this process, by pushing their next time past the lease. */
async function take(app: App, world: World, ids: readonly string[] | null): Promise<OpenCall[]> {
  const now = app.clock.now();
  return inWorld(app.database.pool, world, (tx) =>
    rows<OpenCall>(
      tx,
      sql`with open as materialized (
            select ctid from calls
            where state <> 'answered' and ${ids === null ? sql`next_at <= to_timestamp(${now}::bigint)` : sql`id = any(${ids}::text[]) and (attempts = 0 or next_at <= to_timestamp(${now}::bigint))`}
            order by next_at, id limit ${BATCH} for update skip locked)
          update calls c set state = 'pending', attempts = attempts + 1, next_at = to_timestamp(${now + LEASE_S}::bigint), begun = coalesce(c.begun, to_timestamp(${now}::bigint))
          from open where c.ctid = open.ctid returning c.id, c.kind, c.subject, c.request, c.state, c.attempts, c.created, c.begun`,
    ),
  );
}

/** How often it is tried to take an answer that is there, where nothing but the database stands in the way. */
const TRIES = 3;

/** Takes answers; what passes is tried again, since whoever asked would wait for the end of the lease. */
async function answer(app: App, world: World, kind: string, answers: readonly Answered[], cause: Cause | null): Promise<string[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await answerOnce(app, world, kind, answers, cause);
    } catch (error) {
      if (attempt === TRIES || passing(error) === null) throw error;
    }
  }
}

/** Stores the answers and runs their commands, each kind as one batch, in one transaction. */
async function answerOnce(app: App, world: World, kind: string, answers: readonly Answered[], cause: Cause | null): Promise<string[]> {
  return inContext(app, world, async (ctx) => {
    const open = await rows<{ id: string }>(
      ctx.tx,
      sql`update calls c set state = 'answered', answer = r.answer
          from unnest(${answers.map((each) => each.call.id)}::text[], ${answers.map((each) => JSON.stringify(each.answer))}::jsonb[]) as r (id, answer)
          where c.id = r.id and c.state <> 'answered' returning c.id`,
    );
    const first = new Set(open.map((each) => each.id));
    const fresh = answers.filter((each) => first.has(each.call.id));
    if (fresh.length > 0) await app.register.calls.get(kind)!.answer(ctx, fresh);
    return ctx.calls;
  }, cause);
}

type Postponed = { call: OpenCall; answer: NotYet | null };

/** Whether the other side was not even reached: then it was not asked. */
const isUndone = ({ answer }: Postponed): boolean => answer?.reached === false;

/** When a call is made again: later and later, and not before the other side wants to hear of it. One that did not reach it is made as if for the first time. */
function nextAt(postponed: Postponed, now: number): number {
  const { call: { attempts }, answer } = postponed;
  const after_s = answer?.after_s ?? 0;
  return now + (isUndone(postponed) ? after_s : Math.min(Math.max(wait(attempts), after_s), LONGEST_S));
}

async function postpone(app: App, world: World, postponed: readonly Postponed[], cause: Cause | null): Promise<void> {
  const now = app.clock.now();
  const [ids, attempts] = [postponed.map(({ call }) => call.id), postponed.map(({ call }) => call.attempts)];
  const [next, undone] = [postponed.map((each) => nextAt(each, now)), postponed.map((each) => Number(isUndone(each)))];
  await inContext(app, world, async (ctx) => {
    // Where somebody else has begun it meanwhile, it stays begun.
    await row(
      ctx.tx,
      sql`update calls c set state = 'unknown', next_at = to_timestamp(r.next_at), attempts = c.attempts - r.undone, begun = case when c.attempts = r.undone then null else c.begun end
          from unnest(${ids}::text[], ${next}::bigint[], ${attempts}::integer[], ${undone}::integer[]) as r (id, next_at, attempts, undone)
          where c.id = r.id and c.state <> 'answered' and (r.undone = 0 or c.attempts = r.attempts)`,
    );
    const missed = postponed.filter((each) => !isUndone(each)).map(({ call }) => call);
    for (const [kind, calls] of Map.groupBy(missed, (call) => call.kind)) await app.register.calls.get(kind)?.missed?.(ctx, calls);
  }, cause);
}

/** Asks; an error on the way is an answer that is not known. */
async function ask(app: App, world: World, call: OpenCall): Promise<Json | NotYet | null> {
  const command = app.register.calls.get(call.kind);
  if (!command) throw new Error(`Nothing makes calls of the kind ${call.kind}.`);
  try {
    return await command.ask(app, world, call);
  } catch (error) {
    app.log.warn('A call to the outside has no known answer yet.', { call: call.id, kind: call.kind, ...told(error) });
    return null;
  }
}

/** Takes answers together or, where that fails, each for itself: one bad answer must not hold up the others. What was asked is not asked again. */
async function takeAnswers(app: App, world: World, kind: string, answers: readonly Answered[], cause: Cause | null): Promise<string[]> {
  try {
    return await answer(app, world, kind, answers, cause);
  } catch (error) {
    if (answers.length > 1) {
      const next: string[] = [];
      for (const each of answers) next.push(...(await takeAnswers(app, world, kind, [each], cause)));
      return next;
    }
    app.log.error('The answer to a call could not be taken.', { call: answers[0]!.call.id, kind, ...told(error) });
    return [];
  }
}

/** One batch of calls; the calls that their answers led to come back. */
async function performBatch(app: App, world: World, calls: readonly OpenCall[], cause: Cause | null): Promise<string[]> {
  const asked = await Promise.all(calls.map(async (call) => ({ call, answer: await ask(app, world, call) })));
  const known: Answered[] = [];
  const unknown: Postponed[] = [];
  for (const { call, answer } of asked) if (answer === null || answer instanceof NotYet) unknown.push({ call, answer }); else known.push({ call, answer });
  if (unknown.length > 0) await postpone(app, world, unknown, cause);
  const next: string[] = [];
  for (const [kind, answers] of Map.groupBy(known, (each) => each.call.kind)) next.push(...(await takeAnswers(app, world, kind, answers, cause)));
  return next;
}

/** Makes the named calls of a world, and those that their answers lead to, until none is left or all that are left have no known answer. `cause` is the request that waits for them. */
export async function performCalls(app: App, world: World, ids: readonly string[], cause: Cause | null = null): Promise<void> {
  let open = [...ids];
  while (open.length > 0) {
    const calls = await take(app, world, open);
    if (calls.length === 0) return;
    const taken = new Set(calls.map((call) => call.id));
    open = [...open.filter((id) => !taken.has(id)), ...(await performBatch(app, world, calls, cause))];
  }
}

/** Whether somebody is at a call right now, as far as is known: whoever was and has died is not for long. Who asks for a call that is locked knows. */
export const isBeingMade = ({ state, attempts, next_at }: OpenCall & { next_at: number }, now: number): boolean => state === 'pending' && (attempts === 0 || next_at > now);

/** Whether somebody is at one of these calls, or has not begun: its answer may be known in a moment. */
export async function areUnderWay(tx: Context['tx'], ids: readonly string[]): Promise<boolean> {
  return (await row(tx, sql`select id from calls where world = kontor_world() and id = any(${ids}::text[]) and state = 'pending' limit 1`)) !== undefined;
}

/** Makes the calls that are due in all worlds: those that a crash left behind, and those whose answer was not known. */
export async function performDueCalls(app: App): Promise<boolean> {
  const now = app.clock.now();
  const worlds = await worldsWith(app.database.pool, sql`calls c where c.world = w.id and c.state <> 'answered' and c.next_at <= to_timestamp(${now}::bigint)`);
  for (const world of worlds) {
    const calls = await take(app, world, null);
    if (calls.length > 0) await performCalls(app, world, await performBatch(app, world, calls, null));
  }
  return worlds.length > 0;
}
