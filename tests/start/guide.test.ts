import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { freshDirectory, root, start } from './process.ts';
import { until } from '../awaited.ts';

const kontor = await start(await freshDirectory(), []);
after(() => kontor.stop());

const guide = await readFile(join(root, 'docs/guides/first-invoice.md'), 'utf8');
const blocks = (language: string, text = guide): string[] => [...text.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, 'g'))].map((match) => match[1]!);

const NEWEST = /paid 29898\n[^]*paid 29700\n/;

test('the guide to a first invoice works as it is written, with curl and with Node', async () => {
  const here = (text: string): string => text.replaceAll('http://127.0.0.1:4242', kontor.url).replaceAll('port: 4242', `port: ${new URL(kontor.url).port}`).replaceAll('sk_test_…', kontor.secret_key!);
  const environment = { ...process.env, KEY: kontor.secret_key!, PATH: `${join(root, 'node_modules/.bin')}:${process.env['PATH']}` };
  const run = (program: string, words: string[]) => promisify(execFile)(program, words, { cwd: root, env: environment, timeout: 120_000 });

  const steps = blocks('sh').filter((block) => !block.includes('npm start'));
  const { stdout } = await run('sh', ['-euc', here(steps.join('\n'))]);
  assert.match(stdout, new RegExp(`^paid 29700\\n[^]*${NEWEST.source}`));

  const [script] = blocks('js');
  assert.match((await run('node', ['--input-type=module', '--eval', here(script!)])).stdout, NEWEST);
});

/** The commands of a guide, one by one: what a backslash continues is one line, and what stands behind a # is said to people. */
const commands = (text: string): string[] => blocks('sh', text).flatMap((block) => block.replaceAll(/\\\n\s*/g, '').split('\n').map((line) => line.replace(/\s+#.*$/, '').trim()).filter((line) => line !== ''));

test('the guide to charging by outcome works as it is written, each id being the one that was answered last', async () => {
  const text = (await readFile(join(root, 'docs/guides/charge-by-outcome.md'), 'utf8')).replaceAll('http://127.0.0.1:4242', kontor.url).replaceAll('sk_test_…', kontor.secret_key!);
  const known = new Map<string, string>();
  const said = new Map<string, string>();
  let defined = '';
  for (const written of commands(text)) {
    const command = written.replaceAll(/\b([a-z]+)_…/g, (blank, prefix: string) => known.get(prefix) ?? blank);
    if (/^(export |say\(\))/.test(command)) {
      defined += `${command}\n`;
      continue;
    }
    const { stdout } = await promisify(execFile)('sh', ['-euc', `${defined}${command}`], { timeout: 60_000 });
    said.set(written, stdout);
    const answered = new Map([...stdout.matchAll(/"([a-z]+)_([0-9A-Za-z]{14,})"/g)].reverse().map(([, prefix, rest]) => [prefix!, `${prefix}_${rest}`]));
    for (const [prefix, id] of answered) known.set(prefix, id);
    if (!command.includes('/advance ')) continue;
    const isReady = async () => ((await (await fetch(`${kontor.url}/v1/test_helpers/test_clocks/${known.get('clock')}`, { headers: { authorization: `Bearer ${kontor.secret_key}` } })).json()) as { status: string }).status === 'ready';
    await until(isReady);
  }
  const answer = (part: string) => JSON.parse([...said].find(([command]) => command.includes(part))?.[1] ?? assert.fail(`the guide has no ${part}`)) as Record<string, any>;
  const first = (part: string) => answer(part)['data'][0] as Record<string, any>;
  assert.deepEqual(answer('/outcomes -u $KEY: -d customer')['data'].map((each: Record<string, string>) => [each['subject'], each['state']]).sort(), [['c1', 'succeeded'], ['c2', 'open'], ['c3', 'failed']]);
  assert.deepEqual([first('/invoices -u')['total'], first('/invoices -u')['lines'].data[0].description], [198, '2 × AI resolution (at $0.99 / month)']);
  assert.deepEqual(answer('/lines/')['data'].map((each: Record<string, string>) => each['subject']).sort(), ['c1', 'c2']);
  assert.equal(answer('/explanation')['agrees'], true);
  assert.deepEqual([first('/invoiceitems')['amount'], /^Correction of .*-0002: 0 instead of 1 × AI resolution/.test(first('/invoiceitems')['description'])], [-99, true]);
  assert.deepEqual([answer('/contest ')['state'], answer('/accept_contest')['state']], ['contested', 'reversed']);
  assert.deepEqual([answer('/preview')['object'], first('/preview')['count'], first('/preview')['amount']], ['kontor.outcome_preview', 1, 99]);
});
