import assert from 'node:assert/strict';
import { test } from 'node:test';
import { source } from './laws/source.ts';
import { findings } from './tidy.ts';

/** What is found in files that are made up here, as `path:line message`. */
function found(files: Record<string, string>): string[] {
  return findings(Object.entries(files).map(([path, text]) => source(path, text)), []).map(({ path, line, message }) => `${path}:${line} ${message}`);
}

/** That one file breaks a law, and that what is found begins and goes on so. */
function breaks(path: string, text: string, expected: RegExp): void {
  const messages = found({ [path]: text });
  assert.equal(messages.length, 1, `${text}\n${messages.join('\n')}`);
  assert.match(messages[0]!, expected);
}

function keeps(path: string, text: string): void {
  assert.deepEqual(found({ [path]: text }), []);
}

test('billing imports nothing but itself', () => {
  keeps('billing/invoice/draft.ts', `import { x } from '../money.ts';\nimport type { y } from './pay.ts';`);
  breaks('billing/money.ts', `import { readFile } from 'node:fs';`, /^billing\/money\.ts:1 imports node:fs\. billing\/ imports nothing/);
  breaks('billing/money.ts', `\n\nimport x from "left-pad";`, /^billing\/money\.ts:3 imports left-pad/);
  breaks('billing/money.ts', `const x = await import('../server/clock.ts');`, /imports only itself/);
  breaks('billing/money.ts', `import {\n  clock,\n} from '../server/clock.ts';`, /imports \.\.\/server\/clock\.ts/);
  breaks('billing/money.ts', `import 'node:process';`, /imports node:process/);
});

test('tests of billing may use the tools of testing, and no database', () => {
  keeps('billing/money.test.ts', `import { test } from 'node:test';\nimport fc from 'fast-check';\nimport { x } from './money.ts';`);
  breaks('billing/money.test.ts', `import { testDatabase } from '../tests/postgres.ts';`, /imports only itself/);
  keeps('server/x.test.ts', `import { testDatabase } from '../tests/postgres.ts';`);
});

test('server, connectors and rooms import what the table of the house says', () => {
  keeps('server/commit.ts', `import pg from 'pg';\nimport { x } from '../billing/decision.ts';\nimport { y } from './database/database.ts';`);
  breaks('server/commit.ts', `import { x } from '../resources/customers/rows.ts';`, /server\/ imports only billing\/ and itself/);
  breaks('server/commit.ts', `import { x } from '../connectors/processors/processor.ts';`, /server\/ imports only/);
  keeps('connectors/processors/sandbox/sandbox.ts', `import { x } from '../../../billing/money.ts';\nimport { y } from '../processor.ts';\nimport { z } from './cards.ts';`);
  breaks('connectors/processors/sandbox/sandbox.ts', `import { x } from '../adyen/adyen.ts';`, /another connector/);
  breaks('connectors/processors/sandbox/sandbox.ts', `import { x } from '../../../server/calls.ts';`, /never server/);
  keeps('resources/invoices/commands.ts', `import { x } from '../customers/rows.ts';\nimport { y } from '../customers/resource.ts';\nimport { z } from '../../connectors/processors/processor.ts';\nimport { a } from './lines/commands.ts';`);
  breaks('resources/invoices/commands.ts', `import { x } from '../customers/commands.ts';`, /one decision in billing\//);
  breaks('resources/invoices/commands.ts', `import { x } from '../../connectors/processors/sandbox/cards.ts';`, /A room imports only/);
  keeps('resources/register.ts', `import { x } from './customers/routes.ts';`);
});

test('elements and the dashboard see almost nothing of the server', () => {
  keeps('elements/form.ts', `import { x } from '../billing/money.ts';`);
  breaks('elements/form.ts', `import { x } from '../billing/calendar.ts';`, /only billing\/money\.ts/);
  keeps('dashboard/invoices/list.ts', `import type { x } from '../../resources/invoices/resource.ts';`);
  breaks('dashboard/invoices/list.ts', `import { x } from '../../resources/invoices/resource.ts';`, /import type/);
  breaks('dashboard/invoices/list.ts', `import type { x } from '../../resources/invoices/rows.ts';`, /client of the public API/);
});

test('the program does not import its tests; tests, tools, examples and kontor.ts import what they like', () => {
  breaks('server/commit.ts', `import { x } from '../tests/told.ts';`, /does not import from tests/);
  for (const path of ['kontor.ts', 'tests/told.ts', 'tools/x.ts', 'examples/shop/x.ts']) keeps(path, `import { x } from '${'../'.repeat(path.split('/').length - 1) || './'}server/commit.ts';`);
});

test('an import inside of a comment or a string is none', () => {
  keeps('billing/money.ts', `// import x from 'pg';\n/* import y from 'pg'; */\nconst text = \`\nimport z from 'pg';\n\`;`);
});

test('drawers and unexpected roots are refused', () => {
  for (const path of ['server/utils.ts', 'server/helpers/x.ts', 'resources/customers/types.ts', 'billing/index.ts', 'server/lib/x.ts', 'connectors/core/x.ts']) breaks(path, '', /is a drawer, not a name/);
  for (const path of ['server/pricing_v2.ts', 'billing/v2/money.ts']) breaks(path, '', /"v2" names nothing/);
  for (const path of ['resources/v2/billing/meter_events/routes.ts', 'resources/test_helpers/test_clocks/routes.ts', 'dashboard/index.html', 'server/library_card.ts']) keeps(path, '');
  breaks('notes.txt', '', /does not belong at the root/);
  breaks('src/x.ts', '', /src does not belong at the root/);
});

test('a drawer with many files is told once', () => {
  assert.equal(found({ 'server/utils/a.ts': '', 'server/utils/b.ts': '' }).length, 1);
});

test('the clock, chance and memory are read in their places only', () => {
  breaks('resources/invoices/commands.ts', 'const now = Date.now();', /commands\.ts:1 Date\.now reads the machine's clock.*take `now` from the moment/);
  breaks('billing/x.ts', 'const now = new Date();', /clock/);
  breaks('billing/x.ts', 'Temporal.Now.instant()', /clock/);
  breaks('billing/x.ts', 'Math.random()', /chance/);
  breaks('resources/x/rows.ts', 'sql`update x set at = now()`', /database's clock/);
  breaks('resources/x/rows.ts', 'sql`select current_timestamp`', /database's clock/);
  breaks('server/commit.ts', 'setTimeout(work, 1000)', /killed process forgets/);
  breaks('server/commit.ts', `await fetch('https://example.com')`, /a connector makes it after the commit/);
  breaks('server/commit.ts', 'process.env.PORT', /table of server\/config\.ts/);
  breaks('server/commit.ts', 'console.log(1)', /past the log/);
  keeps('server/clock.ts', 'Date.now(); Math.random();');
  keeps('tests/kontor.ts', 'Date.now(); setTimeout(x, 1); process.env.A; console.log(await fetch(x)); let y: any;');
  keeps('billing/x.ts', 'new Date(seconds * 1000); moment.now; clock.now(); const update = 1;');
});

test('words in comments and strings are no code', () => {
  keeps('billing/x.ts', `// Date.now() is not read here\nconst text = 'Math.random()';\nconst pattern = /setTimeout\\(/;\nconst template = \`Date.now()\`;`);
  breaks('billing/x.ts', 'const template = `at ${Date.now()} and ${`again ${1}`}`;', /Date\.now/);
});

test('the compiler is not turned off, and money is not made a float', () => {
  breaks('billing/x.ts', 'let x: any;', /compiler/);
  breaks('billing/x.ts', 'f(y as any)', /compiler/);
  breaks('billing/x.ts', `// @ts-${'ignore'}\nf();`, /compiler/);
  breaks('billing/x.ts', 'Number(invoice.amount_due)', /float of money/);
  breaks('billing/x.ts', 'parseFloat(text)', /float of money/);
  keeps('billing/x.ts', 'type X = Schema<any, string>; Number(count); const company: string = many; Number.isSafeInteger(amount);');
});

test('promises to nobody, and how the work was done, stay out of the repository', () => {
  breaks('docs/x.md', `${'TO'}${'DO'}: write this`, /promise to nobody/);
  breaks('docs/x.md', `fixed in ${'issue'} #12`, /how the work was done/);
});

test('what is exported is imported, by its name or with all others of its file', () => {
  breaks('billing/x.ts', 'x();\n\nexport const free = 1;', /^billing\/x\.ts:3 exports free, and no other file imports it/);
  for (const text of ['export type T = 1;', 'export async function f() {}', 'export class A {}', 'export { f };', `export { f } from './y.ts';`]) breaks('billing/x.ts', text, /no other file imports it/);
  const exported = 'export function f() {}\nexport type T = 1;';
  const by = (text: string) => found({ 'billing/x.ts': exported, 'billing/x.test.ts': text }).length;
  assert.equal(by(`import { f } from './x.ts';`), 1);
  for (const text of [`import { f as g, type T } from './x.ts';`, `import * as all from './x.ts';\nall.f() as all.T;`, `await import('./x.ts');`]) assert.equal(by(text), 0, text);
  assert.equal(by(`import { f, T } from './y.ts';`), 2);
});

test('a file has 400 lines and a function 70', () => {
  keeps('server/x.ts', 'x();\n'.repeat(400));
  breaks('server/x.ts', 'x();\n'.repeat(401), /has 401 lines/);
  keeps('server/x.ts', `// Generated by tools/generate.ts\n${'x();\n'.repeat(500)}`);
  keeps('docs/x.md', 'x\n'.repeat(500));
  const body = (lines: number): string => '  x();\n'.repeat(lines);
  keeps('server/x.ts', `function f() {\n${body(68)}}`);
  for (const head of ['function f()', 'async function f<T>({ a }: { a: T } = {}): Promise<T[]>', 'const f = async (a: number) =>', 'class A {\n  private f(a = (1 + 2))', 'const o = {\n  f()']) {
    breaks('server/x.ts', `${head} {\n${body(70)}}${head.includes('{\n') ? '}' : ''}`, /a function of 72 lines/);
  }
  keeps('server/x.ts', `class A {\n${'  f() {}\n'.repeat(90)}}`);
  keeps('server/x.ts', `const x = {\n${'  a: 1,\n'.repeat(90)}};`);
  keeps('server/x.ts', `if (a) {\n${body(90)}}`);
  keeps('server/x.test.ts', `test('x', () => {\n${body(90)}});`);
});

test('links lead to pages and headings that exist', () => {
  const page = '# A page\n\n## How it `is` done\n';
  assert.deepEqual(found({ 'docs/a.md': '[b](b.md) [c](b.md#how-it-is-done) [d](../docs) [e](https://example.com) [f](#here)\n# Here\n`[g](nowhere)`\n```\n[h](nowhere)\n```\n', 'docs/b.md': page }), []);
  assert.match(found({ 'docs/a.md': 'x\n[b](c.md)', 'docs/b.md': page }).join(), /^docs\/a\.md:2 links to c\.md, and there is no docs\/c\.md/);
  assert.match(found({ 'docs/a.md': '[b](b.md#elsewhere)', 'docs/b.md': page }).join(), /no such heading. Its headings: a-page, how-it-is-done/);
});

test('an exception excepts one thing in one file, and is told when nothing needs it', () => {
  const files = [source('billing/x.ts', 'Math.random()'), source('billing/y.ts', 'Math.random()')];
  const exception = { path: 'billing/x.ts', says: 'chance', because: 'dice' };
  assert.deepEqual(findings(files, [exception]).map(({ path }) => path), ['billing/y.ts']);
  assert.match(findings([], [exception])[0]!.message, /nothing there needs it/);
});
