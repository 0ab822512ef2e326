import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { canonical } from '../../billing/outcome/receipt.ts';

const folder = await mkdtemp(join(tmpdir(), 'kontor-receipts-'));
after(() => rm(folder, { recursive: true, force: true }));

/** A chain as the API would list it, the newest first. */
function chain(length: number) {
  let previous_hash: string | null = null;
  const made = Array.from({ length }, (_, n) => {
    const body = canonical({ sequence: n + 1, previous_hash, subject: `c${n}` });
    const hash = createHash('sha256').update(body).digest('hex');
    previous_hash = hash;
    return { id: `orcp_${n}`, customer: 'cus_1', sequence: n + 1, subject: `c${n}`, body, hash };
  });
  return made.toReversed();
}

async function verify(receipts: unknown): Promise<{ code: number; said: string }> {
  const file = join(folder, 'receipts.json');
  await writeFile(file, typeof receipts === 'string' ? receipts : JSON.stringify(receipts));
  try {
    return { code: 0, said: (await promisify(execFile)(process.execPath, [join(import.meta.dirname, '../../kontor.ts'), 'receipts', 'verify', file])).stdout };
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string };
    return { code, said: stderr };
  }
}

test('a chain that holds says so', async () => {
  const all = chain(5);
  const pages = [{ object: 'list', data: all.slice(0, 2) }, { object: 'list', data: all.slice(2) }];
  const { code, said } = await verify(pages);
  assert.deepEqual([code, said], [0, `cus_1: 5 receipts hold together; the hash of the last one is ${all[0]!.hash}.\n`]);
});

test('what was changed or left out is named', async () => {
  const all = chain(4);
  const changed = all.map((each) => (each.sequence === 2 ? { ...each, body: each.body.replace('c1', 'c9') } : each));
  const beside = all.map((each) => (each.sequence === 2 ? { ...each, subject: 'c9' } : each));
  const another = [...all, { ...all[2]!, id: 'orcp_x', body: all[2]!.body.replace('c1', 'c9') }];
  for (const [given, why] of [[changed, /orcp_1, its hash is not that of its body/], [beside, /orcp_1, it says another `subject` beside its body/], [another, /there is another one of the number 2/], [all.filter((each) => each.sequence !== 2), /number 2 is not in .*receipts\.json\. Save all pages/]] as const) {
    const { code, said } = await verify(given);
    assert.equal(code, 1);
    assert.match(said, why);
  }
});
