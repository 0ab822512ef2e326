/** The sandbox's vault for tests: one for each test file, in a directory of its own, that is started by the first typed number and leaves nothing behind. */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Desk } from '../connectors/vault/sandbox/desk.ts';
import { sandboxVault, vaultBehind, type Ask, type SandboxVault } from '../connectors/vault/sandbox/vault.ts';
import type { Answers, Asked } from '../connectors/vault/sandbox/words.ts';
import type { Custody, Vault } from '../connectors/vault/vault.ts';

const PRESENTER = new URL('../connectors/processors/sandbox/present.ts', import.meta.url);

/** A directory that is removed with this process. */
export function vaultDirectory(): string {
  const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'kontor-vault-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A vault in a directory. */
export function openVault(directory: string, { presenter = PRESENTER, warn }: { presenter?: URL; warn?: (sentence: string) => void } = {}): SandboxVault {
  return sandboxVault({ directory: join(directory, 'vault'), key_file: join(directory, 'vault.key'), presenters: [presenter], ...(warn && { warn }) });
}

/** The same vault without its process, where what is tested is what it keeps and not who keeps it: a process takes half a second to start. */
export function vaultHere(directory: string): Vault & Custody {
  mkdirSync(join(directory, 'vault'), { recursive: true, mode: 0o700 });
  const desk = Desk.open(join(directory, 'vault'), join(directory, 'vault.key'), [PRESENTER.href]);
  desk.catch(() => undefined);
  const ask: Ask = async (verb, question) => (await (await desk).answer({ id: 0, verb, question } as Asked)) as Answers[typeof verb];
  return { ...vaultBehind(ask), close: async () => (await desk.catch(() => null))?.close() };
}

let own: SandboxVault | null = null;

export const testVault = (): SandboxVault => (own ??= openVault(vaultDirectory()));
