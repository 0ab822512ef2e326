/** Kontor as a user starts it: a process of its own, on a data directory of its own. Nothing of it outlives the test that started it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Stripe from 'stripe';
import { afterwards } from '../afterwards.ts';

export const root = join(import.meta.dirname, '../..');

type Ended = { code: number | null; out: string; err: string };
export type Announced = { url: string; secret_key: string | null; publishable_key: string | null; account: string };
export type Started = Announced & {
  child: ChildProcess;
  /** What it has written on standard error so far. */
  err(): string;
  ended: Promise<Ended>;
  /** Sends a signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Ended>;
};

/** A directory for data, in memory where the machine allows. It is removed when the tests have ended, and a PostgreSQL that was left behind there is stopped. */
export async function freshDirectory(): Promise<string> {
  const directory = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'kontor-start-'));
  await chmod(directory, 0o711);
  afterwards('sleep 1; P=$(head -n 1 "$1/postgres/postmaster.pid"); if [ -n "$P" ]; then kill -QUIT "$P"; for i in $(seq 100); do kill -0 "$P" || break; sleep 0.05; done; fi; rm -rf "$1"', directory);
  return directory;
}

/** The number of the PostgreSQL that a data directory names as running; null where it names none. */
export function postgresOf(data: string): number | null {
  try {
    return Number(readFileSync(join(data, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]);
  } catch {
    return null;
  }
}

function launch(words: readonly string[], environment: Record<string, string>): { child: ChildProcess; said: { out: string; err: string }; ended: Promise<Ended> } {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('KONTOR_') && name !== 'DATABASE_URL' && name !== 'NODE_TEST_CONTEXT'));
  const child = spawn(process.execPath, [join(root, 'kontor.ts'), ...words], { env: { ...inherited, ...environment }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const guard = afterwards('kill -KILL "$1"', String(child.pid));
  child.once('exit', () => guard.kill());
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => { said.out += chunk.toString(); });
  child.stderr.on('data', (chunk: Buffer) => { said.err += chunk.toString(); });
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, ...said })));
  return { child, said, ended };
}

/** Runs a command to its end. */
export function kontor(words: readonly string[], environment: Record<string, string> = {}): Promise<Ended> {
  return launch(words, environment).ended;
}

/** Starts a server with `--json --port 0` and waits until it is ready. */
export async function start(data: string, words: readonly string[] = ['--empty'], environment: Record<string, string> = {}): Promise<Started> {
  const { child, said, ended } = launch(['start', '--json', '--port', '0', '--data', data, ...words], environment);
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout!.on('data', () => { if (said.out.includes('\n')) resolve(said.out); });
    void ended.then(({ code, err }) => reject(new Error(`Kontor ended with ${code} before it was ready:\n${err}`)));
  });
  const stop = (signal: NodeJS.Signals = 'SIGINT'): Promise<Ended> => {
    // To the group, as a terminal sends Ctrl-C.
    process.kill(-child.pid!, signal);
    return ended;
  };
  return { ...(JSON.parse(line) as Announced), child, err: () => said.err, ended, stop };
}

/** Starts a server as a person does, and waits until it has said all that it says. */
export async function startForPeople(data: string): Promise<{ out: string; stop(): Promise<Ended> }> {
  const { child, said, ended } = launch(['start', '--port', '0', '--data', data], {});
  await new Promise<void>((resolve, reject) => {
    child.stdout!.on('data', () => { if (said.out.includes('Ctrl-C stops')) resolve(); });
    void ended.then(({ code, err }) => reject(new Error(`Kontor ended with ${code} before it was ready:\n${err}`)));
  });
  return { out: said.out, stop: () => (child.kill('SIGINT'), ended) };
}

/** The official client with a key. */
export function client(url: string, key: string, apiVersion?: string): Stripe {
  const { hostname, port } = new URL(url);
  return new Stripe(key, { host: hostname, port, protocol: 'http', telemetry: false, maxNetworkRetries: 0, ...(apiVersion !== undefined && ({ apiVersion } as object)) });
}

/** What a request is refused with. */
export async function refusal(request: Promise<unknown>): Promise<{ status: number | undefined; code: string | undefined; message: string }> {
  try {
    await request;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError) return { status: error.statusCode, code: error.code, message: error.message };
    throw error;
  }
  throw new Error('The request was not refused.');
}
