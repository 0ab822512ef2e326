/** The laws of the house: `node tools/run.mjs tools/tidy.ts`. Each finding says what is wrong and what to do instead; docs/decisions/ says why. */

import { execFileSync } from 'node:child_process';
import { lstatSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { exceptions, type Exception } from './laws/exceptions.ts';
import { exports } from './laws/exports.ts';
import { imports } from './laws/imports.ts';
import { links } from './laws/links.ts';
import { names } from './laws/names.ts';
import { sizes } from './laws/sizes.ts';
import { source, type Law, type Problem, type Source } from './laws/source.ts';
import { words } from './laws/words.ts';

const laws: readonly Law[] = [imports, exports, names, words, sizes, links];

/** What breaks a law without being excepted, and the exceptions that nothing needs. */
export function findings(files: readonly Source[], excepted: readonly Exception[] = exceptions): Problem[] {
  const used = new Set<Exception>();
  const found = laws.flatMap((law) => law(files)).filter((problem) => {
    const exception = excepted.find(({ path, says }) => path === problem.path && problem.message.includes(says));
    if (exception !== undefined) used.add(exception);
    return exception === undefined;
  });
  const idle = excepted.filter((exception) => !used.has(exception));
  return [...found, ...idle.map(({ path, says }) => ({ path: 'tools/laws/exceptions.ts', line: 1, message: `excepts "${says}" in ${path}, and nothing there needs it. Remove the entry.` }))];
}

/** Every file of the repository as it stands, new ones that are not ignored included. */
export function filesOf(root: string): Source[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 });
  return [...new Set(listed.split('\0').filter(Boolean))].flatMap((path) => {
    const whole = join(root, path);
    const stat = lstatSync(whole, { throwIfNoEntry: false });
    if (stat === undefined || !stat.isFile()) return [];
    const isText = /\.(ts|mts|tsx|js|mjs|jsx|md|sql|css|html|json|yml|yaml)$/.test(path) && stat.size < 1_000_000;
    return [source(path, isText ? readFileSync(whole, 'utf8') : '')];
  });
}

if (resolve(process.argv[1] ?? '') === import.meta.filename) {
  const found = findings(filesOf(join(import.meta.dirname, '..')));
  for (const { path, line, message } of found) process.stdout.write(`${path}:${line} ${message}\n`);
  if (found.length > 0) process.stdout.write(`${found.length === 1 ? 'One thing is' : `${found.length} things are`} not tidy.\n`);
  process.exitCode = found.length === 0 ? 0 : 1;
}
