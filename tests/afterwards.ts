/** What is cleaned up after a test, however its process ends. */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';

/** A small process that waits until this one is gone (its end of the pipe closes), and then runs the script of the shell with these values, `$1` and so on. It is ended where that is not needed any more. */
export function afterwards(script: string, ...values: string[]): ChildProcess {
  const watcher = spawn('sh', ['-c', `read -r _; ${script}`, 'sh', ...values], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  watcher.unref();
  (watcher.stdin as Socket).unref();
  return watcher;
}
