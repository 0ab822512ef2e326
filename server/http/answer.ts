/** A request that was understood is answered: it is run in a transaction, remembered under its idempotency key, and what comes of it is rendered. */
import { Refusal, refuse } from '../../billing/decision.ts';
import { areUnderWay, performCalls } from '../calls.ts';
import type { App, Context, Json, World } from '../context.ts';
import { inWorld } from '../database/world.ts';
import { answering, type Outside } from '../questions.ts';
import { answerTo, forbidden, keyInUse, missing } from './errors.ts';
import { expand, inVersion, type MayRead } from './expand.ts';
import { awaitKey, claimKey, type Continuation, remember, type Remembered } from './idempotency.ts';
import { saidOfOtherMode } from './other_mode.ts';
import { type Answer, isDownload, isReference, type Reference, type Route } from './route.ts';
import { headersOf } from './uploads.ts';

/** A request on its way: who, what, and with which words. */
export type Call = {
  app: App;
  route: Route;
  world: World;
  id: string;
  version: string;
  idempotencyKey: string | null;
  publishable: boolean;
  mayRead: MayRead;
  counted: boolean;
  client: { ip_address: string | null; user_agent: string | null };
  print: Buffer;
  params: object;
  path: Record<string, string>;
  expand: string[];
};

type Stored = { status: number; body: string; headers?: Record<string, string> };
export type Reply = Omit<Stored, 'body'> & { body: string | Buffer };

function contextOf(call: Call, tx: Context['tx'], outside: Outside = { known: new Map(), asked: new Map() }): Context {
  return { app: call.app, tx, world: call.world, request: { id: call.id, idempotency_key: call.idempotencyKey, version: call.version, publishable: call.publishable, counted: call.counted, client: call.client, outside }, calls: [] };
}

/** Renders an answer: expanded, and in the shape of the caller's version. */
async function render(ctx: Context, call: Call, whole: Json): Promise<string> {
  if (call.publishable && call.expand.length > 0) forbidden('A publishable key cannot expand anything: it sees what the client secret is for, and no more.');
  const forHolder = call.publishable ? ctx.app.register.resources.get(String(whole.object))?.forHolder : undefined;
  const body = forHolder ? forHolder(whole) : whole;
  await expand(ctx, body, call.expand, call.mayRead);
  return JSON.stringify(await inVersion(ctx, body, call.version));
}

/** The object as it is stored, or null where it is not there any more. */
async function lookUp(ctx: Context, { object, id }: Reference['ref']): Promise<Json | null> {
  const resource = ctx.app.register.resources.get(object)!;
  const [whole] = await resource.load!(ctx, [id]);
  return whole ? resource.render(whole, ctx.world) : null;
}

async function wholeOf(ctx: Context, answer: Answer): Promise<Json> {
  return isReference(answer) ? ((await lookUp(ctx, answer.ref)) ?? missing(answer.ref.object, answer.ref.id)) : answer;
}

/** Answers a request that changes nothing. */
export async function look(call: Call, tx?: Context['tx']): Promise<Reply> {
  if (!tx) return inWorld(call.app.database.pool, call.world, (own) => look(call, own)).catch(async (error) => { throw await saidOfOtherMode(call, error); });
  const ctx = contextOf(call, tx);
  const answer = await call.route.run(ctx, call.params, call.path);
  if (isDownload(answer)) return call.expand.length > 0 ? refuse(undefined, 'A file has nothing in it that could be expanded.', 'expand') : { status: 200, body: answer.bytes, headers: headersOf(answer) };
  return { status: 200, body: await render(ctx, call, await wholeOf(ctx, answer)) };
}

/** In place of a transaction, for what is gathered. */
const untransacted = (): never => { throw new Error('A gathered route has no transaction of its own.'); };
const UNTRANSACTED: Context['tx'] = { query: untransacted, later: untransacted };

/** What the first transaction of a request ends in: an answer, or calls to be made before there is one. */
type Step = { reply: Reply } | { continuation: Continuation };

/** Does what a request asks, at most once for each idempotency key, and answers. */
export async function act(call: Call): Promise<Reply> {
  if (call.route.gathered) return look(call, UNTRANSACTED);
  let step: Step;
  try {
    step = await answering((outside) => inWorld(call.app.database.pool, call.world, (tx) => begin(contextOf(call, tx, outside), call)));
  } catch (error) {
    return rememberRefusal(call, await saidOfOtherMode(call, error));
  }
  call.app.nudge();
  return 'reply' in step ? step.reply : conclude(call, step.continuation);
}

const replay = ({ status, body, request_id }: Extract<Remembered, { status: number }>): Reply => ({ status, body, headers: { 'idempotent-replayed': 'true', 'original-request': request_id } });

async function begin(ctx: Context, call: Call): Promise<Step> {
  const { idempotencyKey: key, print } = call;
  const remembered = key ? await claimKey(ctx, key, print) : null;
  if (remembered) return 'status' in remembered ? { reply: replay(remembered) } : remembered;
  const answer = (await call.route.run(ctx, call.params, call.path)) as Answer;
  const whole = await wholeOf(ctx, answer);
  if (ctx.calls.length > 0 && isReference(answer)) {
    // What cannot be expanded is refused while nothing has taken effect.
    if (call.expand.length > 0) await render(ctx, call, structuredClone(whole));
    const continuation = { ...answer.ref, left: whole, expand: call.expand, calls: ctx.calls };
    if (key) remember(ctx, key, print, { continuation });
    return { continuation };
  }
  const body = await render(ctx, call, whole);
  if (key) remember(ctx, key, print, { status: 200, body });
  return { reply: { status: 200, body } };
}

/** Makes the calls, and answers with what came of them. The request has taken effect already: whatever fails here, nobody is told that nothing has been changed. */
async function conclude(call: Call, continuation: Continuation): Promise<Reply> {
  try {
    await performCalls(call.app, call.world, continuation.calls, { id: call.id, idempotency_key: call.idempotencyKey });
    call.app.nudge();
    return await inWorld(call.app.database.pool, call.world, (tx) => finish(contextOf(call, tx), call, continuation));
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Error('The request has taken effect, and its answer could not be made.', { cause: error });
  }
}

/** The calls are answered, or not known yet: the object as it is now is the answer, and stays it; where it has been removed meanwhile, as the request has left it. Of several requests with the same key, the first one that comes here gives it. */
async function finish(ctx: Context, call: Call, continuation: Continuation): Promise<Reply> {
  const { idempotencyKey: key, print } = call;
  if (!key) return outcome(ctx, call, continuation);
  awaitKey(ctx, key);
  const remembered = await claimKey(ctx, key, print);
  if (remembered && 'status' in remembered) return replay(remembered);
  if (await areUnderWay(ctx.tx, continuation.calls)) keyInUse(key);
  const reply = await outcome(ctx, call, continuation);
  remember(ctx, key, print, reply);
  return reply;
}

/** Renders what a request has come to. That something in what has only just come about cannot be expanded is no reason to say that nothing was done. */
async function rendered(ctx: Context, call: Call, whole: Json): Promise<string> {
  try {
    return await render(ctx, call, structuredClone(whole));
  } catch (error) {
    if (error instanceof Refusal && error.param === 'expand') return render(ctx, { ...call, expand: [] }, whole);
    throw error;
  }
}

async function outcome(ctx: Context, call: Call, continuation: Continuation): Promise<Stored> {
  try {
    const found = await lookUp(ctx, continuation);
    if (found && continuation.refuseUnpaid) await ctx.app.register.resources.get(continuation.object)!.refuseUnpaid!(ctx, continuation.id);
    return { status: 200, body: await rendered(ctx, call, found ?? continuation.left) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { status, body, headers } = answerTo(error, call.app.url);
    return { status, body: JSON.stringify(body), headers };
  }
}

/**
 * A refusal by the command is this key's answer from now on. Failures of ours and conflicts are not: repeating them is safe and may succeed.
 * Where another request with the key has been at work since, the answer is what became of that one.
 */
async function rememberRefusal(call: Call, error: unknown): Promise<Reply> {
  const { status, body, headers, ours } = answerTo(error, call.app.url);
  const { idempotencyKey: key, print } = call;
  if (!key || ours || ![400, 402, 403, 404].includes(status) || body.error.type === 'idempotency_error') throw error;
  return inWorld(call.app.database.pool, call.world, async (tx) => {
    const ctx = contextOf(call, tx);
    const remembered = await claimKey(ctx, key, print);
    if (remembered) return 'status' in remembered ? replay(remembered) : keyInUse(key);
    const reply = { status, body: JSON.stringify(body), headers };
    remember(ctx, key, print, reply);
    return reply;
  });
}
