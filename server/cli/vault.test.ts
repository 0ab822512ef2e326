import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { vaultDirectory, vaultHere } from '../../tests/vault.ts';

async function kontor(...words: string[]): Promise<{ code: number; said: string }> {
  try {
    return { code: 0, said: (await promisify(execFile)(process.execPath, [join(import.meta.dirname, '../../kontor.ts'), 'vault', ...words])).stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, said: stdout + stderr };
  }
}

test('an operator checks the vault and rotates its keys, and is told which file is missing', async () => {
  const data = vaultDirectory();
  const { code, said } = await kontor('check', '--data', data);
  assert.deepEqual([code, said], [1, `There is no vault in ${data}. It is made with the first card number that is typed.\n`]);
  const vault = vaultHere(data);
  for (const number of ['4242424242424242', '5555555555554444']) await vault.keep({ world: 1, number: Buffer.from(number), cvc: null, at: 0 });
  await vault.close();
  const key = readFileSync(join(data, 'vault.key'), 'utf8');
  assert.deepEqual(await kontor('rotate', '--data', data), { code: 0, said: 'root: 2 keys of worlds sealed anew.\nworlds: 2 cards sealed anew.\ndata: 2 cards sealed anew.\n' });
  assert.deepEqual(await kontor('check', '--data', data), { code: 0, said: '2 cards in the vault: all of them open.\n' });
  assert.match((await kontor('rotate', '--data', data, '--keys', 'all')).said, /Write one of: root, worlds, data/);
  // The key of before the rotation opens nothing any more.
  writeFileSync(join(data, 'vault.key'), key);
  const refused = await kontor('check', '--data', data);
  assert.equal(refused.code, 1);
  assert.match(refused.said, /^The vault is sealed with another root key .* Restore the right file from a backup, or name it in KONTOR_VAULT_KEY_FILE\.\n$/);
});
