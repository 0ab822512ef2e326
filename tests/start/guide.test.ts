import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { freshDirectory, root, start } from './process.ts';

const guide = await readFile(join(root, 'docs/guides/first-invoice.md'), 'utf8');
const blocks = (language: string): string[] => [...guide.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, 'g'))].map((match) => match[1]!);

const NEWEST = /paid 29898\n[^]*paid 29700\n/;

test('the guide to a first invoice works as it is written, with curl and with Node', async (t) => {
  const kontor = await start(await freshDirectory(), []);
  t.after(() => kontor.stop());
  const here = (text: string): string => text.replaceAll('http://127.0.0.1:4242', kontor.url).replaceAll('port: 4242', `port: ${new URL(kontor.url).port}`).replaceAll('sk_test_…', kontor.secret_key!);
  const environment = { ...process.env, KEY: kontor.secret_key!, PATH: `${join(root, 'node_modules/.bin')}:${process.env['PATH']}` };
  const run = (program: string, words: string[]) => promisify(execFile)(program, words, { cwd: root, env: environment, timeout: 120_000 });

  const steps = blocks('sh').filter((block) => !block.includes('npm start'));
  const { stdout } = await run('sh', ['-euc', here(steps.join('\n'))]);
  assert.match(stdout, new RegExp(`^paid 29700\\n[^]*${NEWEST.source}`));

  const [script] = blocks('js');
  assert.match((await run('node', ['--input-type=module', '--eval', here(script!)])).stdout, NEWEST);
});
