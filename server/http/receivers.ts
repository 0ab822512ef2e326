/** Where other systems tell what has happened to them: no key, and the body byte for byte, since it is signed. */
import type { FastifyInstance } from 'fastify';
import type { App, Receiver } from '../context.ts';

const EMPTY = Buffer.alloc(0);

export function serveReceiver(server: FastifyInstance, app: App, { path, receive }: Receiver): void {
  server.post(path, async (request, reply) => {
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]));
    await receive(app, request.params as Record<string, string>, { body: Buffer.isBuffer(request.body) ? request.body : EMPTY, headers });
    return reply.headers({ 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' }).send('{"received":true}\n');
  });
}
