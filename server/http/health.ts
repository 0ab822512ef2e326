/** Whether this process serves, for proxies and whoever watches: asked without a key, and telling nothing else. */
import type { FastifyInstance } from 'fastify';
import type { App } from '../context.ts';

export function serveHealth(server: FastifyInstance, app: App): void {
  server.get('/health', async (_request, reply) => {
    const serves = !app.stopping && (await app.database.pool.query('select 1').then(() => true, () => false));
    return reply.code(serves ? 200 : 503).header('cache-control', 'no-store').send({ status: serves ? 'ok' : 'unavailable' });
  });
}
