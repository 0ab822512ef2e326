/** What is exported is imported: by another file, a test of it at the least. */

import { importsOf } from './imports.ts';
import { lineAt, ofCode, type Law, type Source } from './source.ts';

export const exports: Law = (files) => {
  const wanted = new Set<string>();
  for (const file of files.filter(ofCode)) for (const { to, clause } of importsOf(file)) for (const name of namesIn(clause, file)) wanted.add(`${to}:${name}`);
  return files.filter(ofCode).flatMap((file) => [...exportsOf(file)]
    .filter(({ name }) => !wanted.has(`${file.path}:${name}`) && !wanted.has(`${file.path}:*`))
    .map(({ name, line }) => ({ path: file.path, line, message: `exports ${name}, and no other file imports it. Leave the word export out, or all of it where this file does not use it either.` })));
};

/** The names that an import takes, as their own file calls them; `*` where it may be all. */
function namesIn(clause: string, file: Source): string[] {
  const whole = /\*\s*as\s+(\w+)/.exec(clause)?.[1];
  if (whole !== undefined) return [...file.code.matchAll(new RegExp(`\\b${whole}\\.(\\w+)`, 'g'))].map(([, name]) => name!);
  const listed = /\{([^}]*)\}/.exec(clause)?.[1];
  return listed === undefined ? ['*'] : listed.split(',').map((each) => each.trim().replace(/^type\s+/, '').split(/\s/)[0]!);
}

function* exportsOf(file: Source): Generator<{ name: string; line: number }> {
  for (const match of file.code.matchAll(/^export\s+(?:async\s+)?(?:function\*?|const|let|class|type|interface)\s+(?=\w)(\w+)|^export\s*\{([^}]*)\}/gm)) {
    const names = match[1] === undefined ? match[2]!.split(',').map((each) => each.trim().split(/\s/).at(-1)!).filter(Boolean) : [match[1]];
    for (const name of names) yield { name, line: lineAt(file.text, match.index) };
  }
}
