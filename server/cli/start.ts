/** `kontor start`: the server, from an empty directory to the first request, and back to nothing that runs. */

import { open, type Plan, type Running } from '../app.ts';
import { machineClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { prepareDirectory } from '../database/cluster.ts';
import { assertSafe, openDatabase, type Database } from '../database/database.ts';
import { migrate } from '../database/migrate.ts';
import { openLog, type Log } from '../log.ts';
import { StartRefused } from '../refused.ts';
import { command, type Command } from './command.ts';
import { begin, keep, type Beginning } from './first.ts';
import { configOf, dataFlag, readPepper } from './house.ts';
import { print, say } from './terminal.ts';

/** Fills the test world of a new account with a company to try things on. Run again after a crash, it makes what is missing. */
export type Example = (url: string, secretKey: string) => Promise<void>;

/** What a server is put together of, as the front door knows it. */
export type Parts = Pick<Plan, 'rooms' | 'isStripes'> & { connectors(config: Config, log: Log): Plan['connectors'] };

export function start(parts: Parts, example: Example): Command {
  return command({
    name: 'start',
    about: 'Start Kontor. Ctrl-C stops it. Its settings are environment variables, such as KONTOR_PORT; docs/operating/configuration.md has all of them.',
    flags: {
      port: { type: 'string', value: 'N', about: 'The port to listen on, 0 for a free one; otherwise KONTOR_PORT, or 4242.' },
      data: dataFlag,
      empty: { type: 'boolean', about: "At the first start: leave out the example's data." },
      json: { type: 'boolean', about: 'When ready, print one line of JSON on standard output, and nothing else there.' },
    },
    async run(flags) {
      const config = configOf(flags);
      const stop = stopSignal();
      try {
        await serve(config, parts, stop, async (running, beginning) => {
          if (beginning.kept?.example === 'wanted') await fill(config, running, beginning, example);
          if (!stop.aborted) announce(config, running, beginning, flags.json === true);
        }, flags.empty !== true);
      } catch (error) {
        // Ctrl-C reaches what a start has just called, too, and what that says then is of no interest.
        if (!stop.aborted) throw error;
      }
    },
  });
}

/** Aborts at the first request to stop. At the second one, the process ends where it is. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(130);
      say(process.stderr.isTTY ? '\nStopping.' : 'Stopping.');
      stop.abort();
    });
  }
  return stop.signal;
}

type Ready = (running: Running, beginning: Beginning) => Promise<void>;

async function serve(config: Config, parts: Parts, stop: AbortSignal, ready: Ready, example: boolean): Promise<void> {
  await prepareDirectory(config.data);
  const database = await openDatabase(config, say);
  try {
    const pepper = await prepare(config, database);
    const clock = machineClock();
    const beginning = await begin({ database, clock, pepper, data: config.data }, example);
    if (stop.aborted) return;
    const log = openLog(config.log);
    const plan = { ...parts, connectors: parts.connectors(config, log), database, pepper, clock, log, host: config.host, port: config.port, public_url: config.url, allowLoopback: config.webhook_loopback, usage_days: config.usage_days, usage_archive: config.usage_archive, nats: config.nats };
    const running = await open(plan).catch((error: NodeJS.ErrnoException) => refusePort(config, error));
    try {
      await ready(running, beginning);
      if (!stop.aborted) await new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve(), { once: true }));
    } finally {
      await running.close();
    }
  } finally {
    await database.close();
  }
}

async function prepare(config: Config, database: Database): Promise<string> {
  const applied = await database.asOwner((owner) => migrate(owner));
  if (applied.length > 0) say(`Applied ${applied.length} migration${applied.length === 1 ? '' : 's'}.`);
  await assertSafe(database.pool);
  return readPepper(config, database);
}

function refusePort({ host, port }: Config, error: NodeJS.ErrnoException): never {
  if (error.code === 'EADDRINUSE') throw new StartRefused(`Port ${port} is in use, perhaps by another Kontor. Stop what uses it, or take another: --port ${port === 65_535 ? port - 1 : port + 1}, or --port 0 for a free one.`);
  if (error.code === 'EACCES') throw new StartRefused(`Only an administrator may listen on port ${port}. Take one above 1023, such as --port 4242.`);
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') throw new StartRefused(`KONTOR_HOST is '${host}', which is no address of this machine. Write 127.0.0.1, or 0.0.0.0 for all of them.`);
  throw error;
}

async function fill(config: Config, running: Running, beginning: Beginning, example: Example): Promise<void> {
  const kept = beginning.kept!;
  say('Filling the test mode with a helpdesk company.');
  try {
    await example(running.url, kept.secret_key);
    await keep(config.data, (beginning.kept = { ...kept, example: 'made' }));
  } catch (error) {
    say(`The example could not be made completely; the next start tries again. ${(error as Error).message}`);
  }
}

function announce(config: Config, { url }: Running, { account, kept }: Beginning, asJson: boolean): void {
  if (asJson) {
    print(JSON.stringify({ url, secret_key: kept?.secret_key ?? null, publishable_key: kept?.publishable_key ?? null, account: account.id }));
    return;
  }
  const ready = [`Kontor is ready at ${url}`, '', ...(config.url === null ? [] : [`  reached at       ${config.url}`]), `  account          ${account.id}  ${account.business_name}`];
  if (kept === null) {
    print([...ready, `  data             ${config.data}`, '', 'No test keys are kept here. Make one with: npm run kontor -- keys create', 'Ctrl-C stops Kontor.'].join('\n'));
    return;
  }
  print([
    ...ready,
    `  secret key       ${kept.secret_key}`,
    `  publishable key  ${kept.publishable_key}`,
    `  data             ${config.data}`,
    '',
    ...advice(url, kept.secret_key, kept.example === 'made'),
  ].join('\n'));
}

/** What to try next: lines that work when they are pasted into a shell in this directory. */
function advice(url: string, key: string, example: boolean): string[] {
  const { hostname, port } = new URL(url);
  return [
    'Make a customer, from another terminal:',
    '',
    `  curl ${url}/v1/customers -u ${key}: -d name="Ada Lovelace" -d email=ada@example.com`,
    '',
    "Or with Stripe's library:",
    '',
    '  node --input-type=module <<\'END\'',
    "  import Stripe from 'stripe';",
    `  const stripe = new Stripe('${key}', { host: '${hostname}', port: ${port}, protocol: 'http' });`,
    "  const customer = await stripe.customers.create({ name: 'Ada Lovelace', email: 'ada@example.com' });",
    '  console.log(customer.id, customer.name);',
    'END',
    '',
    ...(example ? ["A helpdesk company is there to try things on: its catalogue, and two customers with a month behind them (examples/helpdesk/):", '', `  curl -G ${url}/v1/prices -u ${key}: -d "lookup_keys[]=advanced_monthly" -d "expand[]=data.product"`, ''] : []),
    `Next: docs/guides/first-invoice.md${example ? ', or docs/guides/questioned-invoice.md for an invoice of that company' : ''}. Ctrl-C stops Kontor.`,
  ];
}
