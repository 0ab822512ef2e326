/** What all fakes of processors have in common: an HTTP server on which requests and answers are lost by plan, and the webhooks that they send, twice and late by plan, too. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { until, when } from '../awaited.ts';

export type Asked = { method: string; path: string; query: string; body: Buffer; headers: Readonly<Record<string, string | undefined>> };
export type Told = { status: number; body: object };

/** What goes wrong with a request: it never arrives; it takes effect and its answer never arrives; it takes effect only when nobody waits for its answer any more; or it takes effect and is answered by a 500. */
export type Fault = 'lost_before' | 'lost_after' | 'slow' | 'error_after' | null;
/** What goes wrong with a webhook. */
export type Mishap = 'twice' | 'late' | 'lost' | null;

export type Plan = {
  fault?: (asked: Asked) => Fault;
  /** What a request waits for before it is heard. */
  hold?: (asked: Asked) => Promise<void> | undefined;
  mishap?: () => Mishap;
};

/** How late a late webhook is. */
const LATE_MS = 300;

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** Serves `answer`. Returns the port, how to wait until no request is under way, and how to stop. */
export async function listen(answer: (asked: Asked, fault: Fault) => Told, { fault: faultOf = () => null, hold }: Plan): Promise<{ port: number; idle(): Promise<void>; close(): Promise<void> }> {
  let under_way = 0;
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(request);
    const [path = '', query = ''] = request.url!.split('?', 2);
    const asked: Asked = { method: request.method!, path, query, body, headers: request.headers as Record<string, string> };
    await hold?.(asked);
    const fault = faultOf(asked);
    if (fault === 'lost_before') return void request.socket.destroy();
    if (fault === 'slow') await once(response, 'close');
    const told = answer(asked, fault);
    if (fault === 'lost_after') return void request.socket.destroy();
    response.writeHead(told.status, { 'content-type': 'application/json' }).end(JSON.stringify(told.body));
  };
  const server: Server = createServer((request, response) => {
    under_way += 1;
    void handle(request, response).catch(() => request.socket.destroy()).finally(() => { under_way -= 1; });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    idle: () => until(() => under_way === 0),
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
      void this.#deliver(write, mishap === 'late' ? LATE_MS : 0, last).finally(() => this.#under_way.delete(last));
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
