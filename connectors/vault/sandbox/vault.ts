/**
 * The sandbox's vault, as Kontor speaks to it: a process of its own, which is started by the first question and again after it has died. What was asked of one that died is `down`: it may have been kept, and then it
 * belongs to nobody and is shredded later.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Custody, Down, Vault } from '../vault.ts';
import { UNOPENED, type Answers, type Asked, type Place, type Questions, type Told, type Verb } from './words.ts';

/** How long a question may take; checking and rotating take as long as they take. */
const PATIENCE_MS = 10_000;
/** After a failed start one waits for so long before the next. */
const PAUSE_MS = 1_000;

const code = join(import.meta.dirname, '../../..');

/** Is told what goes wrong with the process, for the log. */
type SandboxVaultOptions = Omit<Place, 'presenters'> & { /** Modules that export a `presenter`. */ presenters?: readonly URL[]; warn?: (sentence: string) => void };

type Pending = { resolve(answer: unknown): void; reject(error: Error): void };

/** Makes what a new vault needs, all of it on the disk: the vault itself may not look into the directory where its key is. */
function prepare({ directory, key_file }: Place): void {
  if (existsSync(directory)) return;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  closeSync(openSync(key_file, 'a', 0o600));
  const above = openSync(dirname(key_file), 'r');
  fsyncSync(above);
  closeSync(above);
}

class Process {
  readonly pending = new Map<number, Pending>();
  readonly child: ChildProcess;
  #asked = 0;
  #heard = false;
  readonly #gone: (how: string, opened: boolean) => void;

  constructor(place: Place, gone: (process: Process, how: string, opened: boolean) => void) {
    this.#gone = (how, opened) => gone(this, how, opened);
    prepare(place);
    const { directory, key_file, presenters } = place;
    const readable = ['connectors', 'billing'].map((folder) => join(code, folder)).concat(join(code, 'package.json'), ...presenters.map((url) => dirname(fileURLToPath(url))));
    const own = [directory, key_file, `${key_file}.new`];
    const flags = [
      '--permission', ...[...readable, ...own].map((path) => `--allow-fs-read=${path}`), ...own.map((path) => `--allow-fs-write=${path}`),
      // No inspector, no eval, no files left by a crash.
      '--disable-sigusr1', '--disallow-code-generation-from-strings', '--no-addons',
    ];
    // In a process group of its own, so that Ctrl-C at the terminal stops Kontor, and its end that of the vault.
    this.child = spawn(process.execPath, [...flags, join(import.meta.dirname, 'process.ts'), JSON.stringify(place)], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], serialization: 'advanced', env: {}, detached: true });
    this.child.on('message', (told: Told) => this.#hear(told));
    this.child.once('error', (error) => this.#gone(error.message, false));
    this.child.once('exit', (exit, signal) => this.#gone(`it ended with ${signal ?? exit}`, this.#heard && exit !== UNOPENED));
    this.#keepAlive(false);
  }

  ask(verb: Verb, question: Questions[Verb]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = (this.#asked += 1);
      this.pending.set(id, { resolve, reject });
      this.#keepAlive(true);
      this.child.send({ id, verb, question } as Asked, (error) => error && this.#unreachable(error));
    });
  }

  /** Who cannot be asked has died, though its end may be told a moment later: the next question is another one's. */
  #unreachable(error: Error): void {
    this.child.kill('SIGKILL');
    this.#gone(error.message, this.#heard);
  }

  /** Only a question that is open keeps Kontor waiting for the vault. */
  #keepAlive(wanted: boolean): void {
    for (const handle of [this.child, this.child.channel]) handle?.[wanted ? 'ref' : 'unref']();
  }

  #settle(id: number): Pending | undefined {
    const pending = this.pending.get(id);
    this.pending.delete(id);
    if (this.pending.size === 0) this.#keepAlive(false);
    return pending;
  }

  #hear(told: Told): void {
    this.#heard = true;
    const pending = this.#settle(told.id);
    if ('fault' in told) pending?.reject(new Error(told.fault));
    else pending?.resolve(told.answer);
  }

  fail(reason: string): void {
    for (const id of [...this.pending.keys()]) this.#settle(id)!.reject(new Error(reason));
  }
}

/** Asks a question; throws an error with a sentence where there is no answer. Without patience it waits for as long as it takes. */
export type Ask = <V extends Verb>(verb: V, question: Questions[V], patience_ms?: number | null) => Promise<Answers[V]>;

/** The vault to which `ask` leads. */
export function vaultBehind(ask: Ask, warn: (sentence: string) => void = () => undefined): Vault & Omit<Custody, 'close'> {
  const orDown = <V extends Verb>(verb: V, question: Questions[V]): Promise<Answers[V] | Down> =>
    ask(verb, question, PATIENCE_MS).catch((error: Error) => {
      warn(error.message);
      return { kind: 'down', reason: error.message };
    });
  return {
    keep: (card) => orDown('keep', card),
    provision: (entry, processor) => orDown('provision', { ...entry, processor }),
    shred: (entry) => orDown('shred', entry),
    list: (world, until) => orDown('list', { world, until }),
    check: () => ask('check', {}),
    rotate: (level) => ask('rotate', { level }),
  };
}

export type SandboxVault = Vault & Custody & { /** The number of its process; null where none runs. */ pid(): number | null };

export function sandboxVault({ directory, key_file, presenters = [], warn = () => undefined }: SandboxVaultOptions): SandboxVault {
  const place: Place = { directory, key_file, presenters: presenters.map((url) => url.href) };
  let running: Process | null = null;
  let refused: { reason: string; at: number } | null = null;

  const gone = (process: Process, how: string, opened: boolean): void => {
    if (running === process) running = null;
    const reason = `The vault's process has gone: ${how}.`;
    if (!opened) refused = { reason, at: performance.now() };
    process.fail(reason);
  };

  async function ask<V extends Verb>(verb: V, question: Questions[V], patience_ms: number | null = null): Promise<Answers[V]> {
    if (!running && refused && performance.now() - refused.at < PAUSE_MS) throw new Error(refused.reason);
    running ??= new Process(place, gone);
    const process = running;
    const impatient = patience_ms === null ? undefined : setTimeout(() => process.child.kill('SIGKILL'), patience_ms);
    try {
      return (await process.ask(verb, question)) as Answers[V];
    } finally {
      clearTimeout(impatient);
    }
  }

  return {
    ...vaultBehind(ask, warn),
    pid: () => running?.child.pid ?? null,
    async close() {
      const { child } = running ?? {};
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.ref();
      child.disconnect();
      await ended;
    },
  };
}
