/** Requests byte for byte, for what the official client would never send. */
import { Agent, request } from 'node:http';

export type Raw = { method: string; path: string; key?: string | null; body?: string | Buffer; headers?: Record<string, string> };
export type Heard = { status: number; headers: Record<string, string | string[] | undefined>; text: string; body: any };

/** After so long without an answer there will be none. */
const PATIENCE_MS = 60_000;

/** A caller of one server, with connections that are kept alive. `key` null sends none. */
export function rawCaller(url: string, key: string): { call(raw: Raw): Promise<Heard>; close(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const { hostname, port } = new URL(url);
  return {
    close: () => agent.destroy(),
    call: (raw) =>
      new Promise((resolve, reject) => {
        const body = raw.body ?? '';
        const headers = {
          ...(raw.key !== null && { authorization: `Bearer ${raw.key ?? key}` }),
          ...(body.length > 0 && { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(Buffer.byteLength(body)) }),
          ...raw.headers,
        };
        const sent = request({ agent, hostname, port, method: raw.method, path: raw.path, headers, timeout: PATIENCE_MS }, (answer) => {
          const parts: Buffer[] = [];
          answer.on('data', (part: Buffer) => parts.push(part));
          answer.on('error', reject);
          answer.on('end', () => {
            const text = Buffer.concat(parts).toString('utf8');
            let parsed: unknown;
            try {
              parsed = JSON.parse(text);
            } catch {
              parsed = undefined;
            }
            resolve({ status: answer.statusCode!, headers: answer.headers, text, body: parsed });
          });
        });
        sent.on('timeout', () => sent.destroy(new Error(`No answer within ${PATIENCE_MS} ms.`)));
        sent.on('error', reject);
        sent.end(body);
      }),
  };
}

/** Runs `work` on each, so many at a time. */
export async function atOnce<T>(all: readonly T[], width: number, work: (each: T) => Promise<void>): Promise<void> {
  const rest = all.values();
  await Promise.all(Array.from({ length: width }, async () => {
    for (const each of rest) await work(each);
  }));
}
