import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { page } from './pages.ts';

const root = join(import.meta.dirname, '../..');
const docs = await readFile(join(root, 'docs/errors.md'), 'utf8');
const explained = new Set([...docs.matchAll(/^### (.+)$/gm)].map((match) => match[1]!));

/** Stripe's codes, as its types list them. */
async function stripesCodes(): Promise<Set<string>> {
  const types = await readFile(join(root, 'node_modules/stripe/esm/resources/Invoices.d.ts'), 'utf8');
  const union = /namespace LastFinalizationError \{[^}]*type Code = ([^;]+);/.exec(types)?.[1] ?? '';
  return new Set([...union.matchAll(/'([a-z_]+)'/g)].map((match) => match[1]!));
}

/** Each code that stands in the source, and where. */
async function codesInUse(): Promise<Map<string, string>> {
  const stripes = await stripesCodes();
  assert.ok(stripes.has('parameter_missing'), 'the list of codes is where it was');
  const used = new Map<string, string>();
  for await (const file of glob('{billing,connectors,resources,server}/**/*.ts', { cwd: root })) {
    if (file.endsWith('.test.ts')) continue;
    const text = await readFile(join(root, file), 'utf8');
    for (const [, word = ''] of text.matchAll(/'([a-z_]+)'/g)) if (stripes.has(word)) used.set(word, file);
    for (const [, word = ''] of text.matchAll(/refuse\(\s*'([a-z_]+)'/g)) used.set(word, file);
  }
  return used;
}

/** Codes that stand in the source for something else than an error, or that Kontor maps and never sends. */
const ELSEWHERE = new Set(['platform_api_key_expired', 'missing']);

test('every code that Kontor sends is explained where its doc_url leads', async () => {
  const silent = [...(await codesInUse())].filter(([code]) => !explained.has(code) && !ELSEWHERE.has(code));
  assert.deepEqual(silent, [], 'explain these codes in docs/errors.md');
});

test('a code is the address of its section, and the headings go down one level at a time', () => {
  const html = page(docs);
  for (const code of explained) assert.match(html, new RegExp(`<section id="${code}">\\n<h3><a href="#${code}">`));
  assert.equal(html.match(/<section/g)?.length, html.match(/<\/section>/g)?.length);
  const levels = [...html.matchAll(/<h([1-6])>/g)].map((match) => Number(match[1]));
  assert.equal(levels[0], 1);
  for (const [index, level] of levels.entries()) assert.ok(index === 0 || (level > 1 && level <= levels[index - 1]! + 1));
});

test('what stands in code is shown as it is, and nothing is markup that was not meant to be', () => {
  const html = page('# A & B\n\nSay `<b> **x**` and **bold** [there](#there) or [elsewhere](guides/usage.md#x).\n\n- one\n- two `a`');
  assert.match(html, /<title>A &amp; B · Kontor<\/title>/);
  assert.match(html, /<p>Say <code>&lt;b&gt; \*\*x\*\*<\/code> and <strong>bold<\/strong> <a href="#there">there<\/a> or elsewhere \(docs\/guides\/usage\.md\)\.<\/p>/);
  assert.match(html, /<ul>\n<li>one<\/li>\n<li>two <code>a<\/code><\/li>\n<\/ul>/);
});
