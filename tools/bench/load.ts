/** A closed-loop load in a process of its own: `load.ts '{"url", "key", "connections", "seconds", "requests": [[method, path, body], …]}'` prints `{"rate", "p50", "p99", "failed"}`. */
import http from 'node:http';

export type Load = { url: string; key: string; connections: number; seconds: number; requests: [method: string, path: string, body: string | null][] };
export type Measured = { rate: number; p50: number; p99: number; failed: number };

function ask(agent: http.Agent, { url, key }: Load, [method, path, body]: Load['requests'][number]): Promise<boolean> {
  return new Promise((resolve) => {
    const headers: http.OutgoingHttpHeaders = { authorization: `Bearer ${key}` };
    if (body !== null) Object.assign(headers, { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body), 'idempotency-key': crypto.randomUUID() });
    const request = http.request(`${url}${path}`, { method, agent, headers }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200));
    });
    request.on('error', () => resolve(false));
    request.end(body ?? undefined);
  });
}

async function measure(load: Load): Promise<Measured> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: load.connections });
  const times: number[] = [];
  let failed = 0;
  let sent = 0;
  const run = async (until: number, counted: boolean) => {
    while (performance.now() < until) {
      const started = performance.now();
      const ok = await ask(agent, load, load.requests[sent++ % load.requests.length]!);
      if (!ok) failed += 1;
      if (counted) times.push(performance.now() - started);
    }
  };
  const lanes = Array.from({ length: load.connections });
  await Promise.all(lanes.map(() => run(performance.now() + 1_000, false)));
  const started = performance.now();
  await Promise.all(lanes.map(() => run(started + load.seconds * 1_000, true)));
  const seconds = (performance.now() - started) / 1_000;
  agent.destroy();
  times.sort((a, b) => a - b);
  return { rate: times.length / seconds, p50: times[Math.floor(times.length * 0.5)]!, p99: times[Math.floor(times.length * 0.99)]!, failed };
}

if (import.meta.main) console.log(JSON.stringify(await measure(JSON.parse(process.argv[2]!) as Load)));
