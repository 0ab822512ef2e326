/** The sandbox's vault for tests: one for each test file, in a directory of its own, that is started by the first typed number and leaves nothing behind. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sandboxVault, type SandboxVault } from '../connectors/vault/sandbox/vault.ts';

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

let own: SandboxVault | null = null;

export const testVault = (): SandboxVault => (own ??= openVault(vaultDirectory()));
