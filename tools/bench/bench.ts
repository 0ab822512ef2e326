/** `npm run bench`: how fast Kontor is, as ratios to what the machine does without it, measured in the same run. Absolute figures mean nothing on a shared machine. */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { measureRequest } from './api.ts';
import { measureBillingRun, movedClock } from './billing_run.ts';
import { openHouse } from './house.ts';

/** One measurement: `ratio` is to be at least `target`. */
export type Line = { name: string; ratio: number; target: number; detail: string };

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '3' }, subscriptions: { type: 'string', default: '50000' } } });
const seconds = Number(values.seconds);

function print({ name, ratio, target, detail }: Line): void {
  console.log(`${ratio >= target ? 'ok  ' : 'SLOW'} ${name.padEnd(44)} ${ratio.toFixed(2)} (target ${target.toFixed(2)})  ${detail}`);
}

const loads = () => loadavg().map((each) => each.toFixed(1)).join(' ');

console.log(`Load of the machine before: ${loads()}`);
const clock = movedClock();
const house = await openHouse(clock);
try {
  const customer = 'email=jenny%40example.com&name=Jenny&metadata[plan]=gold&address[country]=DE&address[city]=Berlin';
  print(await measureRequest(house, 'Create a customer ÷ bare route', ['POST', '/v1/customers', customer], 0.6, seconds));
  print(await measureBillingRun(house, clock, Number(values.subscriptions)));
  const [subscription] = (await house.stripe.subscriptions.list({ limit: 1 })).data;
  const path = `/v1/subscriptions/${subscription!.id}?expand[]=customer&expand[]=latest_invoice&expand[]=items.data.price.product`;
  print(await measureRequest(house, 'Retrieve a subscription, expanded ÷ bare route', ['GET', path, null], 0.6, seconds));
} finally {
  await house.close();
}
console.log(`Load of the machine after: ${loads()}`);
