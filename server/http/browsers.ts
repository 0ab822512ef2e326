/**
 * Requests from pages in browsers, which use a publishable key and are of another origin. Whoever asks is known by the key alone, which no browser sends by itself: so pages of every origin may ask, and what their key may
 * not do is refused as ever.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';

/** What a page may see of an answer beside its body. */
const SEEN = 'Request-Id, Stripe-Version, Stripe-Should-Retry, Idempotency-Key, Idempotent-Replayed, Original-Request';

/** For how many seconds a browser need not ask again whether it may. */
const REMEMBERED_S = '600';

export const sharedWith = ({ headers: { origin } }: FastifyRequest): Record<string, string> => (origin === undefined ? {} : { 'access-control-allow-origin': '*', 'access-control-expose-headers': SEEN });

/** Answers browsers that ask whether a page may send a request with a key. */
export function serveBrowsers(server: FastifyInstance): void {
  server.options('/v1/*', (request, reply) => reply.code(204).headers({
    ...sharedWith(request),
    'access-control-allow-methods': 'GET, POST, DELETE',
    'access-control-allow-headers': request.headers['access-control-request-headers'] ?? 'Authorization, Content-Type, Idempotency-Key, Stripe-Version',
    'access-control-max-age': REMEMBERED_S,
  }).send());
}
