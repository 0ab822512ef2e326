/** `npm run bench`: how fast Kontor is, as ratios to what the machine does without it, measured in the same run. Absolute figures mean nothing on a shared machine. */
import { loadavg } from 'node:os';
import { measureRequest } from './api.ts';
import { openHouse } from './house.ts';

/** One measurement: `ratio` is to be at least `target`. */
export type Line = { name: string; ratio: number; target: number; detail: string };

const seconds = Number(process.env.KONTOR_BENCH_SECONDS ?? 3);

function print({ name, ratio, target, detail }: Line): void {
  console.log(`${ratio >= target ? 'ok  ' : 'SLOW'} ${name.padEnd(44)} ${ratio.toFixed(2)} (target ${target.toFixed(2)})  ${detail}`);
}

const loads = () => loadavg().map((each) => each.toFixed(1)).join(' ');

console.log(`Load of the machine before: ${loads()}`);
const house = await openHouse();
try {
  print(await measureRequest(house, 'Create a customer ÷ bare route', ['POST', '/v1/customers', 'email=jenny%40example.com&name=Jenny&metadata[plan]=gold&address[country]=DE&address[city]=Berlin'], 0.6, seconds));
} finally {
  await house.close();
}
console.log(`Load of the machine after: ${loads()}`);
