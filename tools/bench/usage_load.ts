/** Reports usage from a process of its own, in a closed loop: `usage_load.ts '{"url", "key", "path", "connections", "customers", "size", "name", "batches" or "seconds"}'`. Bodies are made beforehand. */
import http from 'node:http';

/** `size` events in a request; either `batches` requests, or as many as go into `seconds`. */
export type UsageLoad = { url: string; key: string; path: string; connections: number; customers: number; size: number; name: string; batches?: number; seconds?: number };
export type Sent = { events_per_second: number; p50: number; p99: number; failed: number };

/** As many bodies of single events are made; should they run out, the measurement says so by failing. */
const MOST_SINGLES = 120_000;

const inJson = (path: string): boolean => path.startsWith('/v2/');

function bodies({ path, customers, size, name, batches = MOST_SINGLES }: UsageLoad): string[] {
  const now = Math.floor(Date.now() / 1_000);
  let made = 0;
  const event = () => {
    const at = now - Math.floor(Math.random() * 3_600);
    const customer = `cus_${String(Math.floor(Math.exp(Math.random() * Math.log(customers)))).padStart(20, '0')}`;
    made += 1;
    return { event_name: 'usage', identifier: `${name} ${made}`, payload: { stripe_customer_id: customer, value: String(made % 100) }, timestamp: inJson(path) ? new Date(at * 1_000).toISOString() : at };
  };
  return Array.from({ length: batches }, () => JSON.stringify(size === 1 ? event() : { events: Array.from({ length: size }, event) }));
}

async function send(load: UsageLoad): Promise<Sent> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: load.connections });
  const { hostname, port } = new URL(load.url);
  const left = bodies(load).values();
  const times: number[] = [];
  let failed = 0;
  const ask = (body: string) =>
    new Promise<boolean>((resolve) => {
      const headers = { authorization: `Bearer ${load.key}`, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const request = http.request({ hostname, port, path: load.path, method: 'POST', agent, headers }, (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode === 200));
      });
      request.on('error', () => resolve(false));
      request.end(body);
    });
  const started = performance.now();
  const until = load.seconds === undefined ? Infinity : started + load.seconds * 1_000;
  await Promise.all(Array.from({ length: load.connections }, async () => {
    for (const body of left) {
      const at = performance.now();
      if (at >= until) return;
      if (!(await ask(body))) failed += 1;
      times.push(performance.now() - at);
    }
  }));
  const seconds = (performance.now() - started) / 1_000;
  agent.destroy();
  times.sort((a, b) => a - b);
  return { events_per_second: (times.length * load.size) / seconds, p50: times[Math.floor(times.length * 0.5)]!, p99: times[Math.floor(times.length * 0.99)]!, failed };
}

if (import.meta.main) console.log(JSON.stringify(await send(JSON.parse(process.argv[2]!) as UsageLoad)));
