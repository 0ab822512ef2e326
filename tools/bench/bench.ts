/** `npm run bench`: how fast Kontor is, as ratios to what the machine does without it, measured in the same run. Absolute figures mean nothing on a shared machine. */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { measureRequest } from './api.ts';
import { measureBillingRun, movedClock, type MovedClock } from './billing_run.ts';
import { openHouse, whileCounting, type House } from './house.ts';
import { measureJetstream } from './jetstream.ts';
import { measureLedger } from './ledger.ts';
import { measureOutcomes } from './outcomes.ts';
import { measureUsage } from './usage.ts';
import type { Clock } from '../../server/clock.ts';

/** One measurement: `ratio` is to be at least `target`. */
export type Line = { name: string; ratio: number; target: number; detail: string };

const PARTS = ['requests', 'payments', 'billing', 'usage', 'jetstream', 'outcomes'] as const;
const { values } = parseArgs({ options: { seconds: { type: 'string', default: '3' }, subscriptions: { type: 'string', default: '50000' }, events: { type: 'string', default: '100000' }, only: { type: 'string', default: PARTS.join() } } });
const [seconds, subscriptions, existing] = [Number(values.seconds), Number(values.subscriptions), values.events.split(',').map(Number)];
const parts: readonly string[] = values.only.split(',');
if (!(seconds > 0) || ![subscriptions, ...existing].every((each) => each > 0 && Number.isInteger(each)) || !parts.every((part) => (PARTS as readonly string[]).includes(part))) {
  console.error(`--seconds, --subscriptions and --events (one or several) are numbers above zero, --only is some of ${PARTS.join()}: npm run bench -- --seconds 3 --subscriptions 50000 --events 100000 --only usage`);
  process.exit(2);
}

function print({ name, ratio, target, detail }: Line): void {
  console.log(`${ratio >= target ? 'ok  ' : 'SLOW'} ${name.padEnd(44)} ${ratio.toFixed(2)} (target ${target.toFixed(2)})  ${detail}`);
}

/** What takes time is told on standard error. */
const say = (sentence: string) => console.error(sentence);

const loads = () => loadavg().map((each) => each.toFixed(1)).join(' ');

async function measure(house: House, clock: MovedClock): Promise<void> {
  console.log(`Load of the machine before: ${loads()}`);
  if (parts.includes('requests')) await measureCreation(house);
  if (parts.includes('payments')) await measurePayments(house);
  if (parts.includes('billing')) await measureRun(house, clock);
  console.log(`Load of the machine after: ${loads()}`);
}

async function measureCreation(house: House): Promise<void> {
  const customer = 'email=jenny%40example.com&name=Jenny&metadata[plan]=gold&address[country]=DE&address[city]=Berlin';
  print(await measureRequest(house, 'Create a customer ÷ bare route', ['POST', '/v1/customers', customer], 0.6, seconds));
}

async function measurePayments(house: House): Promise<void> {
  const payment = 'amount=2000&currency=usd&confirm=true&payment_method=pm_card_visa&automatic_payment_methods[enabled]=true&automatic_payment_methods[allow_redirects]=never';
  print(await measureRequest(house, 'Create and confirm a card payment ÷ bare route', ['POST', '/v1/payment_intents', payment], 0.5, seconds));
  print(await measureLedger(house));
}

async function measureRun(house: House, clock: MovedClock): Promise<void> {
  say(`Making ${subscriptions.toLocaleString('en')} subscriptions, and billing them.`);
  print(await measureBillingRun(house, clock, subscriptions));
  const [subscription] = (await house.stripe.subscriptions.list({ limit: 1 })).data;
  const path = `/v1/subscriptions/${subscription!.id}?expand[]=customer&expand[]=latest_invoice&expand[]=items.data.price.product`;
  print(await measureRequest(house, 'Retrieve a subscription, expanded ÷ bare route', ['GET', path, null], 0.6, seconds));
}

let interrupted = false;
const stop = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => resolve(void (interrupted = true)));
});
say(`Starting a Kontor of its own. A request is measured for ${6 * (seconds + 1)} seconds.`);

/** Usage is measured in real time, the others at moments of their own. */
async function inHouse(clock: Clock | undefined, work: (house: House) => Promise<void>): Promise<void> {
  if (interrupted) return;
  const house = await openHouse(clock);
  try {
    await Promise.race([work(house), stop]);
  } finally {
    await house.close();
  }
}

if (parts.includes('usage')) {
  const rates: number[] = [];
  for (const events of existing) await inHouse(undefined, (house) => whileCounting(house, async () => void rates.push(await measureUsage(house, events, seconds, print, say))));
  if (rates.length > 1) print({ name: `Batches at ${existing.at(-1)!.toLocaleString('en')} ÷ at ${existing[0]!.toLocaleString('en')} events`, ratio: rates.at(-1)! / rates[0]!, target: 0.7, detail: rates.map(Math.round).join(' and ') });
}
if (parts.includes('jetstream') && !interrupted) await measureJetstream(existing[0]!, print, say);
if (parts.includes('outcomes')) await inHouse(undefined, (house) => whileCounting(house, async () => print(await measureOutcomes(house))));
const clock = movedClock();
if (['requests', 'payments', 'billing'].some((part) => parts.includes(part))) await inHouse(clock, (house) => measure(house, clock));
if (interrupted) process.exit(130);
