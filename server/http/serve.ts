/** The door: every request goes through here, and one way only. */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { Refusal, refuse } from '../../billing/decision.ts';
import { areUnderWay, performCalls } from '../calls.ts';
import type { App, Context, Json, World } from '../context.ts';
import { inWorld } from '../database/world.ts';
import { told } from '../log.ts';
import { answering, type Outside } from '../questions.ts';
import { answerTo, type ErrorAnswer, keyInUse, missing, unrecognized, unsupportedRequest, forbidden } from './errors.ts';
import { expand, inVersion } from './expand.ts';
import { decodeForm, decodeJson, decodeQuery, quoted, type RawMap } from './forms.ts';
import { awaitKey, claimKey, type Continuation, fingerprint, remember, type Remembered } from './idempotency.ts';
import { authorize, Gate } from './keys.ts';
import { read, type Wire } from './params.ts';
import { servePages, serveRoom } from './pages.ts';
import { serveReceiver } from './receivers.ts';
import { type Answer, isDownload, isReference, type Reference, type Route } from './route.ts';
import { keyOfSession } from './sessions.ts';
import { decodeMultipart, headersOf } from './uploads.ts';
import { NATIVE_VERSION, upgradeRequest, versionOf } from './versions.ts';

/** A request's body may have this many bytes. */
const BODY_LIMIT = 1_048_576;
const KEY_LIMIT = 255;
/** A request whose answer rests on usage waits this long at most for what is not counted yet. */
const USAGE_MS = { GET: 1_000, POST: 5_000, DELETE: 5_000 };

/** A request on its way: who, what, and with which words. */
type Call = {
  app: App;
  route: Route;
  world: World;
  id: string;
  version: string;
  idempotencyKey: string | null;
  publishable: boolean;
  counted: boolean;
  client: { ip_address: string | null; user_agent: string | null };
  print: Buffer;
  params: object;
  path: Record<string, string>;
  expand: string[];
};

type Stored = { status: number; body: string; headers?: Record<string, string> };
type Reply = Omit<Stored, 'body'> & { body: string | Buffer };

/** Whether Stripe has a request, perhaps one that Kontor has not. */
export type IsStripes = (method: string, path: string) => boolean;

export async function serve(app: App, pepper: string, isStripes: IsStripes): Promise<FastifyInstance> {
  const server = Fastify({
    logger: false,
    bodyLimit: BODY_LIMIT,
    routerOptions: { caseSensitive: true, ignoreTrailingSlash: false, maxParamLength: 500, querystringParser: () => ({}) },
    requestTimeout: 60_000,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => sendError(app, request, reply, error),
    clientErrorHandler: hangUp,
  });
  server.removeAllContentTypeParsers();
  // What is named is looked up; what only `*` catches is read anew with every request.
  server.addContentTypeParser(['application/json', 'application/x-www-form-urlencoded', '*'], { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  const gate = new Gate(app.database.pool, pepper, app.clock);
  server.setErrorHandler((error, request, reply) => sendError(app, request, reply, error));
  server.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0]!;
    return sendError(app, request, reply, caught(() => (isStripes(request.method, path) ? unsupportedRequest(request.method, path) : unrecognized(request.method, path))));
  });
  closeGently(server);
  await servePages(server);
  for (const page of app.register.pages) serveRoom(server, app, page);
  for (const receiver of app.register.receivers) serveReceiver(server, app, receiver);
  for (const route of app.register.routes) {
    server.route({ method: route.method, url: route.path, bodyLimit: route.upload ?? BODY_LIMIT, handler: (request, reply) => handle(app, gate, route, request, reply) });
  }
  return server;
}

/** How long the requests under way may take when the server closes. */
const FAREWELL_MS = 10_000;

/** Requests under way finish before the server is closed: a connection is closed as soon as it idles, and each after a while. */
function closeGently(server: FastifyInstance): void {
  server.addHook('preClose', (done) => {
    const idle = setInterval(() => server.server.closeIdleConnections(), 20);
    const all = setTimeout(() => server.server.closeAllConnections(), FAREWELL_MS);
    server.server.once('close', () => {
      clearInterval(idle);
      clearTimeout(all);
    });
    done();
  });
}

function caught(refuse: () => never): unknown {
  try {
    return refuse();
  } catch (error) {
    return error;
  }
}

function sendError(app: App, request: FastifyRequest, reply: FastifyReply, error: unknown): FastifyReply {
  const answer = answerTo(error, app.url);
  const id = requestId(reply) ?? app.clock.newId('req');
  logFailure(app, answer, error, request, id);
  return send(reply, id, { status: answer.status, body: JSON.stringify(answer.body), headers: answer.headers });
}

const STATUS_BY_MISTAKE: Record<string, number> = { ERR_HTTP_REQUEST_TIMEOUT: 408, HPE_HEADER_OVERFLOW: 431 };

/** What does not even look like a request is answered in the same shape, and the connection ends. */
function hangUp(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const { status, body } = answerTo(Object.assign(error, { code: undefined, statusCode: STATUS_BY_MISTAKE[error.code ?? ''] ?? 400 }));
  const text = JSON.stringify(body);
  if (socket.writable) socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Length: ${Buffer.byteLength(text)}\r\nContent-Type: application/json; charset=utf-8\r\nConnection: close\r\n\r\n${text}`);
  socket.destroy(error);
}

function logFailure(app: App, answer: ErrorAnswer, error: unknown, request: FastifyRequest, id: string): void {
  if (answer.ours) app.log.error('A request failed.', { request: id, method: request.method, path: request.url.split('?', 1)[0], ...told(error) });
}

const requestId = (reply: FastifyReply) => reply.getHeader('request-id') as string | undefined;

function send(reply: FastifyReply, id: string, { status, body, headers = {} }: Reply): FastifyReply {
  return reply.code(status).headers({ 'request-id': id, 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-cache, no-store', ...headers }).send(typeof body === 'string' ? `${body}\n` : body);
}

async function handle(app: App, gate: Gate, route: Route, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const id = app.clock.newId('req');
  reply.header('request-id', id);
  const key = (route.session ? keyOfSession(app, request.headers.authorization) : null) ?? (await gate.authenticate(request.headers.authorization));
  authorize(key, route);
  const version = versionOf(header(request, 'stripe-version'));
  reply.header('stripe-version', version);
  refuseOtherAccount(request, key.world.account);
  // No id holds NUL, which PostgreSQL refuses in any text.
  if (Object.values(request.params as object).some((part: string) => part.includes('\0'))) unrecognized(request.method, request.url.split('?', 1)[0]!);
  const asked = askedBy(app, route, request, version, await partsOf(request, route));
  if (asked.idempotencyKey) reply.header('idempotency-key', asked.idempotencyKey);
  const call: Call = {
    app, route, world: key.world, id, version, publishable: key.kind === 'publishable', ...asked, counted: await usageCounted(app, route),
    client: { ip_address: request.ip, user_agent: header(request, 'user-agent')?.slice(0, 1000) ?? null },
    path: request.params as Record<string, string>,
  };
  return send(reply, id, route.method === 'GET' ? await look(call) : await act(call));
}

/** What is asked. The tree of what the wire carried ends here: of a batch of usage it holds more than all that is done with it. */
function askedBy(app: App, route: Route, request: FastifyRequest, version: string, parts: Words | null): Pick<Call, 'params' | 'expand' | 'idempotencyKey' | 'print'> {
  const { raw, body, wire } = parts ?? wordsOf(request, route);
  const upgraded = version === NATIVE_VERSION ? raw : upgradeRequest(version, `${route.method} ${route.path}`, raw, app.register.versions);
  const { params, expand } = read(route.schema, upgraded, { wire, expands: !isNewer(route) });
  const idempotencyKey = route.method === 'POST' ? keyOf(request) : null;
  return { params, expand, idempotencyKey, print: idempotencyKey && !route.gathered ? fingerprint(app, request.method, request.url, body) : EMPTY };
}

/** Waits for usage that is not counted yet, where the answer rests on it. Where that takes longer, the request goes on all the same, and what is counted later is late usage. */
async function usageCounted(app: App, { counts, method }: Route): Promise<boolean> {
  return !counts || app.intake === null || app.intake.settle(USAGE_MS[method], true);
}

const EMPTY = Buffer.alloc(0);

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Whoever speaks for another account must not be answered for this one. */
function refuseOtherAccount(request: FastifyRequest, account: string): void {
  for (const name of ['stripe-account', 'stripe-context']) {
    const other = header(request, name);
    if (other && other !== account) forbidden(`The header ${name} names the account ${quoted(other)}, and this key is of another one. Kontor has no connected accounts: use a key of the account that you mean.`);
  }
}

function keyOf(request: FastifyRequest): string | null {
  const key = header(request, 'idempotency-key');
  if (!key) return null;
  if (key.length > KEY_LIMIT) refuse(undefined, `An idempotency key may have ${KEY_LIMIT} characters; this one has ${key.length}.`, undefined, { type: 'idempotency_error' });
  return key;
}

/** Paths under /v2 speak JSON. */
const isNewer = ({ path }: Route): boolean => path.startsWith('/v2/');

/** Parameters as they came, and the body that they came in. */
type Words = { raw: RawMap; body: Buffer; wire: Wire };

/** Those of a body of many parts; null where it is none. */
async function partsOf(request: FastifyRequest, { upload }: Route): Promise<Words | null> {
  const type = header(request, 'content-type') ?? '';
  if (upload === undefined || !/^multipart\/form-data *;/i.test(type) || !Buffer.isBuffer(request.body)) return null;
  return { raw: await decodeMultipart(request.body, type), body: request.body, wire: 'form' };
}

/** The parameters of a request: the query's and the form body's together, or those of a JSON body. */
function wordsOf(request: FastifyRequest, route: Route): Words {
  const query = request.url.indexOf('?');
  const words = query < 0 ? '' : request.url.slice(query + 1);
  const body = Buffer.isBuffer(request.body) ? request.body : EMPTY;
  if (body.length > 0) {
    const type = header(request, 'content-type')?.split(';', 1)[0]?.trim().toLowerCase();
    const json = isNewer(route) || (route.values !== undefined && type === 'application/json');
    if (type && type !== (json ? 'application/json' : 'application/x-www-form-urlencoded')) throw Object.assign(new Error(type), { statusCode: 415 });
    if (json) return { raw: decodeJson(body, route.values), body, wire: 'json' };
  }
  if (body.length === 0) return { raw: decodeQuery(words), body, wire: 'form' };
  return { raw: decodeForm(words ? Buffer.concat([Buffer.from(`${words}&`, 'latin1'), body]) : body, route.values), body, wire: 'form' };
}

function contextOf(call: Call, tx: Context['tx'], outside: Outside = { known: new Map(), asked: new Map() }): Context {
  return { app: call.app, tx, world: call.world, request: { id: call.id, idempotency_key: call.idempotencyKey, version: call.version, publishable: call.publishable, counted: call.counted, client: call.client, outside }, calls: [] };
}

/** Renders an answer: expanded, and in the shape of the caller's version. */
async function render(ctx: Context, call: Call, whole: Json): Promise<string> {
  if (call.publishable && call.expand.length > 0) forbidden('A publishable key cannot expand anything: it sees what the client secret is for, and no more.');
  const forHolder = call.publishable ? ctx.app.register.resources.get(String(whole.object))?.forHolder : undefined;
  const body = forHolder ? forHolder(whole) : whole;
  await expand(ctx, body, call.expand);
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

async function look(call: Call, tx?: Context['tx']): Promise<Reply> {
  if (!tx) return inWorld(call.app.database.pool, call.world, (own) => look(call, own));
  const ctx = contextOf(call, tx);
  const answer = await call.route.run(ctx, call.params, call.path);
  if (isDownload(answer)) return call.expand.length > 0 ? refuse(undefined, 'A file has nothing in it that could be expanded.', 'expand') : { status: 200, body: answer.bytes, headers: headersOf(answer) };
  return { status: 200, body: await render(ctx, call, await wholeOf(ctx, answer)) };
}

/** In place of a transaction, for what is gathered. */
const UNTRANSACTED: Context['tx'] = {
  query: () => { throw new Error('A gathered route has no transaction of its own.'); },
  later: () => { throw new Error('A gathered route has no transaction of its own.'); },
};

/** What the first transaction of a request ends in: an answer, or calls to be made before there is one. */
type Step = { reply: Reply } | { continuation: Continuation };

async function act(call: Call): Promise<Reply> {
  if (call.route.gathered) return look(call, UNTRANSACTED);
  let step: Step;
  try {
    step = await answering((outside) => inWorld(call.app.database.pool, call.world, (tx) => begin(contextOf(call, tx, outside), call)));
  } catch (error) {
    return rememberRefusal(call, error);
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
