/** Requests: Kontor against a bare Fastify route that makes the same round trips to PostgreSQL. */
import type { Load } from './load.ts';
import { load, openBare, statements, type House } from './house.ts';
import type { Line } from './bench.ts';

const CONNECTIONS = 16;

export async function measureRequest(house: House, name: string, request: Load['requests'][number], target: number, seconds: number): Promise<Line> {
  const { url } = house.running;
  const headers = { authorization: `Bearer ${house.key}`, 'content-type': 'application/x-www-form-urlencoded' };
  const ask = async () => {
    const [method, path, body] = request;
    const response = await fetch(`${url}${path}`, { method, body, headers: body === null ? { authorization: headers.authorization } : { ...headers, 'idempotency-key': crypto.randomUUID() } });
    if (response.status !== 200) throw new Error(`${name}: ${response.status} ${await response.text()}`);
    await response.text();
  };
  await ask();
  const sent = await statements(house, ask);
  const bare = await openBare(house, sent, request[0] !== 'GET');
  try {
    const common = { key: house.key, connections: CONNECTIONS, seconds, requests: [request] };
    // Interleaved, so that what else the machine does falls on both.
    const rounds = [];
    for (let n = 0; n < 3; n++) rounds.push({ ours: await load({ ...common, url }), bare: await load({ ...common, url: bare.url }) });
    const failed = rounds.reduce((sum, round) => sum + round.ours.failed + round.bare.failed, 0);
    if (failed > 0) throw new Error(`${name}: ${failed} requests failed.`);
    const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
    const ratio = median(rounds.map((round) => round.ours.rate / round.bare.rate));
    const ours = median(rounds.map((round) => round.ours.rate));
    return { name, ratio, target, detail: `${Math.round(ours)} requests/s with ${sent.length} statements; bare ${Math.round(median(rounds.map((round) => round.bare.rate)))}; p50 ${median(rounds.map((round) => round.ours.p50)).toFixed(1)} ms, p99 ${median(rounds.map((round) => round.ours.p99)).toFixed(1)} ms` };
  } finally {
    await bare.close();
  }
}
