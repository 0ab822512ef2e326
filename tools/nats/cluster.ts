/** `npm run cluster`: three servers of NATS on this machine, as Kontor wants them, until Ctrl-C. `--data DIR` keeps their files there, otherwise they are removed; `--port N` begins with another port than 4222. */
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { findNats } from './program.ts';
import { passingDirectory, startNats } from './servers.ts';

const { values: flags } = parseArgs({ options: { data: { type: 'string' }, port: { type: 'string', default: '4222' } } });

const program = await findNats();
if (typeof program === 'string') {
  process.stderr.write(`${program}\n`);
  process.exit(1);
}
const directory = flags.data === undefined ? await passingDirectory(tmpdir()) : resolve(flags.data);
const cluster = await startNats(program, directory, { count: 3, port: Number(flags.port) });
const stop = new Promise<void>((done) => { for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => done()); });
try {
  await Promise.race([cluster.ready(), stop]);
  process.stdout.write(`Three servers of NATS ${program.version} run as a cluster, with their files in ${directory}. Start Kontor with them:

  KONTOR_NATS_URL=${cluster.url} \\
  KONTOR_NATS_MONITOR_URL=${cluster.monitors.join(',')} \\
  npm start

Ctrl-C stops them.
`);
  // Nothing else keeps this process alive.
  const alive = setInterval(() => undefined, 60_000);
  await stop;
  clearInterval(alive);
} catch (error) {
  process.stderr.write(`${(error as Error).message} Is another NATS on these ports? Take others: npm run cluster -- --port 5222\n`);
  process.exitCode = 1;
} finally {
  await cluster.stop();
}
