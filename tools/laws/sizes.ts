/** A file that passes 400 lines, or a function that passes 70, is asking for a second idea. */

import { isTest, lineAt, ofCode, type Law, type Problem, type Source } from './source.ts';

const mostLines = { file: 400, function: 70 } as const;

export const sizes: Law = (files) => files.filter((file) => ofCode(file) && !isGenerated(file)).flatMap((file) => {
  const lines = file.text.trimEnd().split('\n').length;
  const long = lines > mostLines.file ? [{ path: file.path, line: mostLines.file, message: `has ${lines} lines, and ${mostLines.file} are enough. Which second idea is in it? Give that a file of its own.` }] : [];
  return [...long, ...(isTest(file.path) ? [] : longFunctions(file))];
});

/** What is generated says so in its first lines; what is golden is in a folder of that name. */
function isGenerated(file: Source): boolean {
  return file.path.includes('/golden/') || /\bGenerated (by|from)\b/.test(file.text.slice(0, 300));
}

const notFunctions = new Set(['if', 'for', 'while', 'switch', 'catch', 'with']);

/** Every block in braces that is the body of a function, told from the others by what stands before it. */
function longFunctions(file: Source): Problem[] {
  const { code } = file;
  const problems: Problem[] = [];
  const open: { at: number; isFunction: boolean; from: number }[] = [];
  const parens: number[] = [];
  /** Where the last pair of parentheses on this level began and ended. */
  let closed: { from: number; to: number } | null = null;
  for (let at = 0; at < code.length; at += 1) {
    const character = code[at];
    if (character === '(') parens.push(at);
    else if (character === ')') closed = { from: parens.pop() ?? 0, to: at };
    else if (character === ';') closed = null;
    else if (character === '{') {
      open.push({ at, ...headOf(code, at, closed) });
      closed = null;
    } else if (character === '}') {
      const block = open.pop();
      if (block === undefined || !block.isFunction) continue;
      const from = lineAt(code, block.from);
      const lines = lineAt(code, at) - from + 1;
      if (lines > mostLines.function) problems.push({ path: file.path, line: from, message: `a function of ${lines} lines, and ${mostLines.function} are enough. Which step in it has a name? Let that be a function.` });
    }
  }
  return problems;
}

/** Whether the block that opens here is a function's body, and where its head begins. */
function headOf(code: string, at: number, closed: { from: number; to: number } | null): { isFunction: boolean; from: number } {
  const before = code.slice(Math.max(0, at - 400), at).trimEnd();
  if (before.endsWith('=>')) return { isFunction: true, from: closed?.from ?? at };
  if (closed === null) return { isFunction: false, from: at };
  const between = code.slice(closed.to + 1, at).trim();
  if (between !== '' && !/^:[^=]*$/s.test(between)) return { isFunction: false, from: at };
  const word = /([\w$]+)\s*(<[^()]*>)?\s*$/.exec(code.slice(Math.max(0, closed.from - 200), closed.from))?.[1] ?? '';
  return { isFunction: !notFunctions.has(word), from: closed.from };
}
