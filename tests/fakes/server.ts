/** What all fakes of processors have in common: an HTTP server on which requests and answers are lost by plan, and the webhooks that they send, twice and late by plan, too. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { when } from '../awaited.ts';

export type Asked = { method: string; path: string; query: string; body: Buffer; headers: Readonly<Record<string, string | undefined>> };
export type Told = { status: number; body: object };

/** What goes wrong with a request: it never arrives; its answer never arrives, at once or for so long that nobody waits any more; or it takes effect and is answered by a 500. */
export type Fault = 'lost_before' | 'lost_after' | 'slow' | 'error_after' | null;
/** What goes wrong with a webhook. */
export type Mishap = 'twice' | 'late' | 'lost' | null;

export type Plan = {
  fault?: (asked: Asked) => Fault;
  /** What a request waits for before it is heard. */
  hold?: (asked: Asked) => Promise<void> | undefined;
  mishap?: () => Mishap;
  /** How long a slow request takes to have its effect, and a late webhook to be sent. */
  slow_ms?: number;
};

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** Serves `answer`. Returns the port, and how to stop. */
export async function listen(answer: (asked: Asked, fault: Fault) => Told, { fault: faultOf = () => null, hold, slow_ms = 300 }: Plan): Promise<{ port: number; close(): Promise<void> }> {
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(request);
    const [path = '', query = ''] = request.url!.split('?', 2);
    const asked: Asked = { method: request.method!, path, query, body, headers: request.headers as Record<string, string> };
    await hold?.(asked);
    const fault = faultOf(asked);
    if (fault === 'lost_before') return void request.socket.destroy();
    if (fault === 'slow') await sleep(slow_ms);
    const told = answer(asked, fault);
    if (fault === 'lost_after') return void request.socket.destroy();
    response.writeHead(told.status, { 'content-type': 'application/json' }).end(JSON.stringify(told.body));
  };
  const server: Server = createServer((request, response) => void handle(request, response).catch(() => request.socket.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Sends webhooks until they are taken, as processors do, for as long as the fake runs. */
export class Herald {
  /** Where they go; until it is known, they wait. */
  url: string | null = null;
  readonly #plan: Plan;
  /** Of each webhook that is under way, what was last answered to it. */
  readonly #under_way = new Set<{ said: string }>();
  #stopped = false;

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  /** `write` makes a delivery: its signature says when it was sent. */
  send(write: () => { body: string; headers: Record<string, string> }): void {
    const mishap = this.#plan.mishap?.() ?? null;
    if (mishap === 'lost') return;
    const times = mishap === 'twice' ? 2 : 1;
    for (let n = 0; n < times; n += 1) {
      const last = { said: 'nothing' };
      this.#under_way.add(last);
      void this.#deliver(write, mishap === 'late' ? (this.#plan.slow_ms ?? 300) : 0, last).finally(() => this.#under_way.delete(last));
    }
  }

  async #deliver(write: () => { body: string; headers: Record<string, string> }, after_ms: number, last: { said: string }): Promise<void> {
    await sleep(after_ms);
    for (; !this.#stopped; await sleep(50)) {
      if (this.url === null) continue;
      const { body, headers } = write();
      const answer = await fetch(this.url, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } }).catch((error: Error) => error);
      last.said = answer instanceof Error ? String(answer.cause ?? answer) : `${answer.status} ${await answer.text().catch(String)}`;
      if (!(answer instanceof Error) && answer.ok) return;
    }
  }

  /** When all that is to be told has been taken. Throws where that does not come to be, with what was answered last. */
  async settled(): Promise<void> {
    await when(() => [...this.#under_way], (left) => left.length === 0, (left) => left.map(({ said }) => `a webhook was answered by ${said}`));
  }

  stop(): void {
    this.#stopped = true;
  }
}
