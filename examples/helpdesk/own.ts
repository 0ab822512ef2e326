/** A Kontor of one's own for as long as something takes: on an empty data directory, which goes with it. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const root = join(import.meta.dirname, '../..');

/** Starts it, does something with its address and secret key, and stops it. At Ctrl-C it is stopped, too, before the program ends. */
export async function onOwnKontor(perform: (url: string, key: string) => Promise<unknown>): Promise<void> {
  const data = await mkdtemp(join(tmpdir(), 'kontor-example-'));
  // Where an administrator starts it, PostgreSQL runs as another user, who must be able to enter.
  await chmod(data, 0o755);
  const child = spawn(process.execPath, [join(root, 'kontor.ts'), 'start', '--port', '0', '--data', data, '--empty', '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  let interrupted = false;
  const stop = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => resolve(void (interrupted = true)));
  });
  const play = async () => {
    const [line] = (await Promise.race([once(createInterface(child.stdout), 'line'), ended])) as [unknown];
    if (typeof line !== 'string') throw new Error('Kontor did not start; what it said is above.');
    const { url, secret_key } = JSON.parse(line) as { url: string; secret_key: string };
    await perform(url, secret_key);
  };
  try {
    await Promise.race([play(), stop]);
  } finally {
    child.kill('SIGTERM');
    await ended;
    await rm(data, { recursive: true, force: true });
  }
  if (interrupted) process.exit(130);
}
