/** The door: every request goes through here, and one way only. */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { refuse } from '../../billing/decision.ts';
import type { App } from '../context.ts';
import { told } from '../log.ts';
import { act, look, type Call, type Reply } from './answer.ts';
import { serveBrowsers, sharedWith } from './browsers.ts';
import { answerTo, type ErrorAnswer, forbidden, unrecognized, unsupportedRequest } from './errors.ts';
import { decodeForm, decodeJson, decodeQuery, quoted, type RawMap } from './forms.ts';
import { serveHealth } from './health.ts';
import { fingerprint } from './idempotency.ts';
import { authorize, Gate, mayRead } from './keys.ts';
import { read, type Wire } from './params.ts';
import { servePages, serveRoom } from './pages.ts';
import { serveReceiver } from './receivers.ts';
import type { Route } from './route.ts';
import { keyOfSession } from './sessions.ts';
import { decodeMultipart } from './uploads.ts';
import { NATIVE_VERSION, upgradeRequest, versionOf } from './versions.ts';

/** A request's body may have this many bytes. */
const BODY_LIMIT = 1_048_576;
const KEY_LIMIT = 255;
/** A request whose answer rests on usage waits this long at most for what is not counted yet. */
const USAGE_MS = { GET: 1_000, POST: 5_000, DELETE: 5_000 };

/** Whether Stripe has a request, perhaps one that Kontor has not. */
export type IsStripes = (method: string, path: string) => boolean;

/** Proxies stand on this machine or in a private network; what others say of whom they speak for is not believed. */
const PROXIES = ['loopback', 'linklocal', 'uniquelocal'];

export async function serve(app: App, pepper: string, isStripes: IsStripes, behindProxy = false): Promise<FastifyInstance> {
  const server = Fastify({
    logger: false,
    trustProxy: behindProxy ? PROXIES : false,
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
    return sendError(app, request, reply, caught(() => (isStripes(request.method, path) ? unsupportedRequest(request.method, path) : unrecognized(request.method, path, methodsOf(app, path)))));
  });
  closeGently(server);
  serveHealth(server, app);
  serveBrowsers(server);
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

/** The methods of the routes at a path. */
function methodsOf(app: App, path: string): string[] {
  const parts = path.split('/');
  const fits = (known: readonly string[]) => known.length === parts.length && known.every((part, n) => part.startsWith(':') || part === parts[n]);
  return [...new Set(app.register.routes.filter((route) => fits(route.path.split('/'))).map(({ method }) => method))];
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
  return reply.code(status).headers({ 'request-id': id, 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-cache, no-store', ...sharedWith(reply.request), ...headers }).send(typeof body === 'string' ? `${body}\n` : body);
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
  if (asked.idempotencyKey) reply.headers({ 'idempotency-key': asked.idempotencyKey, 'original-request': id });
  const call: Call = {
    app, route, world: key.world, id, version, publishable: key.kind === 'publishable', mayRead: (area) => mayRead(key, area), ...asked, counted: await usageCounted(app, route),
    client: { ip_address: request.ip, user_agent: header(request, 'user-agent')?.slice(0, 1000) ?? null },
    path: request.params as Record<string, string>,
  };
  return send(reply, id, route.method === 'GET' ? await look(call) : await act(call));
}

/** What is asked. The tree of what the wire carried ends here: of a batch of usage it holds more than all that is done with it. */
function askedBy(app: App, route: Route, request: FastifyRequest, version: string, parts: Words | null): Pick<Call, 'params' | 'expand' | 'idempotencyKey' | 'print'> {
  const { raw, wire } = parts ?? wordsOf(request, route);
  const idempotencyKey = route.method === 'POST' ? keyOf(request) : null;
  const print = idempotencyKey && !route.gathered ? fingerprint(app, request.method, request.url.split('?', 1)[0]!, raw) : EMPTY;
  const upgraded = version === NATIVE_VERSION ? raw : upgradeRequest(version, `${route.method} ${route.path}`, raw, app.register.versions);
  const { params, expand } = read(route.schema, upgraded, { wire, expands: !isNewer(route) });
  return { params, expand, idempotencyKey, print };
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

/** Parameters as they came, and in which way. */
type Words = { raw: RawMap; wire: Wire };

/** Those of a body of many parts; null where it is none. */
async function partsOf(request: FastifyRequest, { upload }: Route): Promise<Words | null> {
  const type = header(request, 'content-type') ?? '';
  if (upload === undefined || !/^multipart\/form-data *;/i.test(type) || !Buffer.isBuffer(request.body)) return null;
  return { raw: await decodeMultipart(request.body, type), wire: 'form' };
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
    if (json && words !== '') refuse(undefined, 'Give all parameters in the JSON body: those in the URL are not read beside one.');
    if (json) return { raw: decodeJson(body, route.values), wire: 'json' };
  }
  if (body.length === 0) return { raw: decodeQuery(words), wire: 'form' };
  return { raw: decodeForm(words ? Buffer.concat([Buffer.from(`${words}&`, 'latin1'), body]) : body, route.values), wire: 'form' };
}
