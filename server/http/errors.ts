/**
 * What a caller is told when a request fails, in Stripe's shape. A refusal is told in its own words. Everything else is our failure and is told in ours: no message, stack or SQL of an
 * unknown error ever reaches the wire.
 */
import { withoutCardNumbers } from '../../billing/payment/card_number.ts';
import { Refusal, refuse } from '../../billing/decision.ts';
import { passing } from '../database/world.ts';
import { quoted } from './forms.ts';

/** Where the codes of errors are explained, for `doc_url`. */
export const ERROR_DOCS = '/docs/errors';

type ErrorBody = { error: { type: string; code?: string; message: string; param?: string; doc_url?: string; [field: string]: unknown } };

/** `ours` is set when the failure is Kontor's and must be logged with its cause. */
export type ErrorAnswer = { status: number; headers: Record<string, string>; body: ErrorBody; ours: boolean };

/** What a refusal may add, as Stripe's error object has it. Other details stay inside; `should_retry` becomes the header Stripe-Should-Retry. */
const TOLD = [
  'decline_code', 'advice_code', 'network_advice_code', 'network_decline_code', 'charge', 'payment_intent', 'payment_method', 'payment_method_type', 'setup_intent', 'source', 'user_message',
];

const STATUS_BY_CODE = new Map<string | undefined, number>([
  ['idempotency_key_in_use', 409],
  ['lock_timeout', 429],
  ['api_key_expired', 401],
  ['platform_api_key_expired', 401],
]);

const STATUS_BY_TYPE = new Map<string | undefined, number>([
  ['card_error', 402],
  ['api_error', 500],
]);

const RETRY = { 'Stripe-Should-Retry': 'true' };

/** The answer to anything that was thrown while a request was handled. `base` is this server's address, for `doc_url`. */
export function answerTo(error: unknown, base = ''): ErrorAnswer {
  const answer = plainAnswerTo(error);
  const told = answer.body.error;
  if (told.doc_url !== undefined) told.doc_url = `${base}${told.doc_url}`;
  return answer;
}

function plainAnswerTo(error: unknown): ErrorAnswer {
  if (error instanceof Refusal) return answerToRefusal(error);
  return answerToDatabase(error) ?? answerToServer(error) ?? failure(500, undefined, 'An unknown error occurred. Whether or not it took effect, the request can be repeated safely with the same idempotency key.', {});
}

function answerToRefusal(refusal: Refusal): ErrorAnswer {
  const { code, param, details, message } = refusal;
  const type = details.type ?? 'invalid_request_error';
  const status = details.status ?? STATUS_BY_CODE.get(code) ?? STATUS_BY_TYPE.get(type) ?? (code === 'resource_missing' && (param === undefined || param === 'id') ? 404 : 400);
  const error: ErrorBody['error'] = { type, message: withoutCardNumbers(message.toWellFormed()) };
  if (code !== undefined) {
    error.code = code;
    error.doc_url = `${ERROR_DOCS}#${code}`;
  }
  if (param !== undefined) error.param = withoutCardNumbers(param.toWellFormed());
  for (const field of TOLD) if (details[field] !== undefined) error[field] = details[field];
  const retry = details.should_retry ?? (code === 'lock_timeout' ? true : undefined);
  const headers: Record<string, string> = { ...(retry !== undefined && { 'Stripe-Should-Retry': String(retry === true) }), ...(status === 401 && { 'WWW-Authenticate': 'Basic realm="Kontor"' }) };
  return { status, headers, body: { error }, ours: status >= 500 };
}

function failure(status: number, code: string | undefined, message: string, headers: Record<string, string>): ErrorAnswer {
  const type = status < 500 ? 'invalid_request_error' : 'api_error';
  return { status, headers: { ...headers }, body: { error: { type, ...(code !== undefined && { code, doc_url: `${ERROR_DOCS}#${code}` }), message } }, ours: status >= 500 };
}

const BUSY = 'Another request is changing the same object right now. Repeat this one; if it happens often, send fewer requests at once for the same customer.';
const UNAVAILABLE = 'Kontor cannot reach its database right now. Nothing is lost: repeat the request with the same idempotency key.';

/** PostgreSQL's conditions that are not bugs. Each of them has rolled the transaction back, or the idempotency key makes the repetition safe. */
function answerToDatabase(error: unknown): ErrorAnswer | undefined {
  const state = property(error, 'code');
  if (typeof state !== 'string') return undefined;
  if (passing(error) === 'contended') return failure(state === '55P03' ? 429 : 409, 'lock_timeout', BUSY, RETRY);
  switch (state) {
    case '57014': // query_canceled: the statement's timeout
      return failure(503, undefined, 'The request took too long and was stopped. Nothing has been changed.', RETRY);
    case '53100': // disk_full
      return failure(503, undefined, "Kontor's disk is full, so nothing can be written. Nothing has been changed; the operator has to make room.", RETRY);
    case 'ECONNREFUSED':
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ETIMEDOUT':
      return property(error, 'syscall') === undefined ? undefined : failure(503, undefined, UNAVAILABLE, RETRY);
  }
  // 08: connection exceptions; 53: out of memory or connections; 57P0x: the server is shutting down or starting; 25006: a read-only standby.
  if (/^(?:08...|53...|57P0[1-5]|25006)$/.test(state)) return failure(503, undefined, UNAVAILABLE, RETRY);
  return undefined;
}

const BY_STATUS = new Map<unknown, string>([
  [400, 'Invalid request: it could not be read.'],
  [408, 'The request was not received completely in time.'],
  [413, 'The body of the request is too large.'],
  [414, 'The URL of the request is too long.'],
  [415, 'Unsupported content type: paths under /v2 take application/json, all others application/x-www-form-urlencoded.'],
  [431, 'The headers of the request are too large.'],
]);

/** What the HTTP server itself throws, told by its status and never in its own words. */
function answerToServer(error: unknown): ErrorAnswer | undefined {
  const status = property(error, 'statusCode');
  const message = BY_STATUS.get(status);
  return message === undefined ? undefined : failure(status as number, undefined, message, {});
}

function property(error: unknown, name: string): unknown {
  return typeof error === 'object' && error !== null ? (error as Record<string, unknown>)[name] : undefined;
}

/** No such object. Without `param` it is the one that the path names: 404; with it, one that a parameter names: 400. */
export function missing(kind: string, id: string, param?: string): never {
  return refuse('resource_missing', `No such ${kind}: '${quoted(id)}'`, param ?? 'id', { status: param === undefined ? 404 : 400, missing: id, kind });
}

/** No route of this name; `others` are the methods that there are at this path. */
export function unrecognized(method: string, path: string, others: readonly string[] = []): never {
  const instead = others.length > 0 ? `Send it as ${others.join(' or ')}${others.includes('POST') ? ', as curl does with -X POST or -d' : ''}.` : `Please see ${ERROR_DOCS} or the list of supported requests in the documentation.`;
  return refuse(undefined, `Unrecognized request URL (${method}: ${quoted(path)}). ${instead}`, undefined, { status: 404 });
}

/** A request that Stripe has and Kontor has not. */
export function unsupportedRequest(method: string, path: string): never {
  return refuse(undefined, `Kontor does not support ${method} ${quoted(path)} yet. What it supports is in docs/compatibility.md.`, undefined, { status: 404 });
}

/** No key, or none that is known. */
export function unauthorized(message = 'You did not provide a valid API key. Send it as a bearer token: Authorization: Bearer <key>.', code?: string): never {
  return refuse(code, message, undefined, { status: 401 });
}

/** A known key that may not do this. */
export function forbidden(message: string, code?: string): never {
  return refuse(code, message, undefined, { status: 403 });
}

/** The first request with this idempotency key is still running. */
export function keyInUse(key: string): never {
  return refuse(
    'idempotency_key_in_use',
    `A request with the idempotency key ${quoted(key)} is still being worked on. Repeat this one in a moment to get its answer.`,
    undefined,
    { type: 'idempotency_error', status: 409 },
  );
}

/** The idempotency key was used before with other parameters or at another path. */
export function keyMismatch(key: string): never {
  return refuse(
    undefined,
    `The idempotency key ${quoted(key)} belongs to a request with other parameters, or to another path. Repeat exactly that request, or use a new key for this one.`,
    undefined,
    { type: 'idempotency_error', status: 400 },
  );
}
