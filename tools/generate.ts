/** Writes what is generated and committed: `npm run generate`. A test says when one of these files is out of date. */

import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { settings } from '../server/config.ts';
import { dumpSchema } from '../server/database/dump.ts';
import { testDatabase } from '../tests/postgres.ts';
import { compatibility, reference } from './documents.ts';

const root = join(import.meta.dirname, '..');

/** Each generated file and how it is made from what it has now; a page of documentation keeps what is written around its generated part. */
export const generated: Readonly<Record<string, (now: string) => Promise<string>>> = {
  'server/database/schema.sql': async () => {
    const database = await testDatabase();
    const text = await database.asOwner(dumpSchema);
    await database.close();
    return text;
  },
  'docs/compatibility.md': async () => compatibility(),
  'docs/reference.md': async () => reference(),
  'docs/operating/configuration.md': (now) => Promise.resolve(between(now, 'settings', settingsTable())),
};

function settingsTable(): string {
  const rows = settings.map((setting) => `| \`${setting.variable}\` | ${setting.meaning} | ${setting.default} |`);
  return ['| variable | meaning | default |', '|---|---|---|', ...rows].join('\n');
}

/** The text with what stands between the marks of this name replaced. */
export function between(text: string, name: string, part: string): string {
  const [begin, end] = [`<!-- generated: ${name} -->`, '<!-- end -->'];
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`The marks ${begin} and ${end} are missing. Put them where the generated part belongs.`);
  return `${text.slice(0, from + begin.length)}\n${part}\n${text.slice(to)}`;
}

/** What a generated file holds, empty where there is none yet. */
export function current(path: string): Promise<string> {
  return readFile(join(root, path), 'utf8').catch(() => '');
}

if (resolve(process.argv[1] ?? '') === import.meta.filename) {
  for (const [path, make] of Object.entries(generated)) {
    const now = await current(path);
    const next = await make(now);
    if (next === now) continue;
    await writeFile(join(root, path), next);
    process.stdout.write(`${path} is written anew.\n`);
  }
}
