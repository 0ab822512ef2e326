/** Servers of NATS on this machine: one, or a cluster, each a process that can be killed and started again with its files. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterwards } from '../../tests/afterwards.ts';
import type { Program } from './program.ts';

const READY_MS = 30_000;
const PID = 'nats.pid';

type NatsServer = {
  readonly name: string;
  readonly url: string;
  readonly monitor: string;
  start(): void;
  pid(): number;
  /** Whether it has ended, by itself or because it was told to. */
  isGone(): boolean;
  /** SIGKILL: without a chance to write anything. */
  kill(): Promise<void>;
  stop(): Promise<void>;
};

export type NatsServers = {
  readonly servers: readonly NatsServer[];
  /** For KONTOR_NATS_URL and KONTOR_NATS_MONITOR_URL. */
  readonly url: string;
  readonly monitors: readonly string[];
  /** Returns when each server of the cluster can be used. */
  ready(): Promise<void>;
  stop(): Promise<void>;
};

/** The configuration of a server. `sync_interval: always` makes JetStream write to the disk before it acknowledges. */
function configuration(name: string, ports: Ports, all: readonly Ports[], directory: string): string {
  const routes = all.map(({ cluster }) => `nats://127.0.0.1:${cluster}`).join(', ');
  return `server_name: ${name}
listen: 127.0.0.1:${ports.client}
http: 127.0.0.1:${ports.monitor}
pid_file: ${JSON.stringify(join(directory, PID))}
jetstream {
  store_dir: ${JSON.stringify(directory)}
  sync_interval: always
}
${all.length > 1 ? `cluster {\n  name: kontor\n  listen: 127.0.0.1:${ports.cluster}\n  routes: [${routes}]\n}\n` : ''}`;
}

type Ports = { client: number; cluster: number; monitor: number };

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A new directory for servers. It is removed, and servers that are left in it are ended, when this process is gone, whatever becomes of it. */
export async function passingDirectory(parent: string): Promise<string> {
  const directory = await mkdtemp(join(parent, 'kontor-nats-'));
  afterwards(`for each in "$1"/*/${PID}; do [ -f "$each" ] && kill -KILL "$(cat "$each")"; done; sleep 0.1; rm -rf "$1"`, directory);
  return directory;
}

/** Starts so many servers with their files below the directory; from `port` on, or on free ports. */
export async function startNats(program: Program, directory: string, options: { count: number; port?: number; output?: 'inherit' | 'ignore' }): Promise<NatsServers> {
  const { count, port, output = 'ignore' } = options;
  const ports: Ports[] = [];
  for (let n = 0; n < count; n += 1) {
    if (port === undefined) ports.push({ client: await freePort(), cluster: await freePort(), monitor: await freePort() });
    else ports.push({ client: port + n, cluster: port + 2_000 + n, monitor: port + 4_000 + n });
  }
  const servers = await Promise.all(ports.map((each, n) => server(program, `kontor-${n + 1}`, each, ports, directory, output)));
  for (const each of servers) each.start();
  return {
    servers,
    url: servers.map(({ url }) => url).join(','),
    monitors: servers.map(({ monitor }) => monitor),
    ready: () => Promise.all(servers.map((each) => readyAt(each))).then(() => undefined),
    stop: () => Promise.all(servers.map((each) => each.stop())).then(() => undefined),
  };
}

async function readyAt({ name, monitor, isGone }: NatsServer): Promise<void> {
  for (const end = Date.now() + READY_MS; Date.now() < end; await sleep(50)) {
    const response = await fetch(new URL('/healthz', monitor)).catch(() => null);
    await response?.arrayBuffer();
    if (response?.ok) return;
    if (isGone()) throw new Error(`The NATS server ${name} has ended.`);
  }
  throw new Error(`The NATS server ${name} is not ready after ${READY_MS / 1_000} seconds.`);
}

async function server(program: Program, name: string, ports: Ports, all: readonly Ports[], directory: string, output: 'inherit' | 'ignore'): Promise<NatsServer> {
  const own = join(directory, name);
  await mkdir(own, { recursive: true });
  await writeFile(join(own, 'nats.conf'), configuration(name, ports, all, own));
  let child: ChildProcess | null = null;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const running = child;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    // It keeps nobody alive, but who waits for its end.
    running.ref();
    const gone = new Promise((resolve) => running.once('exit', resolve));
    running.kill(signal);
    await gone;
    await rm(join(own, PID), { force: true });
  };
  return {
    name,
    url: `nats://127.0.0.1:${ports.client}`,
    monitor: `http://127.0.0.1:${ports.monitor}`,
    start() {
      child = spawn(program.path, ['-c', join(own, 'nats.conf')], { stdio: ['ignore', output, output] });
      child.unref();
    },
    pid: () => child!.pid!,
    isGone: () => child === null || child.exitCode !== null || child.signalCode !== null,
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
  };
}
