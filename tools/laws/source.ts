/** A file as the laws see it, and what they say of it. */

export type Source = {
  /** From the root, with `/`. */
  readonly path: string;
  readonly text: string;
  /** The text with comments blanked out and what is inside of strings and regular expressions, too: every other character stands where it stood. For code only, else the text. */
  readonly code: string;
  /** The text with comments blanked out. */
  readonly uncommented: string;
};

export type Problem = { readonly path: string; readonly line: number; readonly message: string };

/** Looks at all files at once, since some laws are about what is there and what is not. */
export type Law = (files: readonly Source[]) => Problem[];

const isCode = (path: string): boolean => /\.(ts|mts|tsx|js|mjs|jsx)$/.test(path);

export function source(path: string, text: string): Source {
  if (!isCode(path)) return { path, text, code: text, uncommented: text };
  const { code, uncommented } = blank(text);
  return { path, text, code, uncommented };
}

/** Whether this is code of ours, as opposed to data, prose and pictures. */
export function ofCode(file: Source): boolean {
  return isCode(file.path);
}

export function isTest(path: string): boolean {
  return path.startsWith('tests/') || /\.test\.(ts|tsx)$/.test(path);
}

export function lineAt(text: string, position: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < position; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}

/** Every match of a pattern as a problem at its line. */
export function matches(file: Source, text: string, pattern: RegExp, message: string | ((match: RegExpMatchArray) => string)): Problem[] {
  return [...text.matchAll(pattern)].map((match) => ({ path: file.path, line: lineAt(text, match.index), message: typeof message === 'string' ? message : message(match) }));
}

type Kind = 'code' | 'comment' | 'string';

function blank(text: string): { code: string; uncommented: string } {
  const kinds = kindsOf(text);
  const keep = (wanted: (kind: Kind) => boolean): string => {
    let out = '';
    for (let at = 0; at < text.length; at += 1) out += text[at] === '\n' || wanted(kinds[at]!) ? text[at] : ' ';
    return out;
  };
  return { code: keep((kind) => kind === 'code'), uncommented: keep((kind) => kind !== 'comment') };
}

/** What each character belongs to. Quotes themselves are code, so that a blanked string is still seen to be one. */
function kindsOf(text: string): Kind[] {
  const kinds = new Array<Kind>(text.length).fill('code');
  const mark = (from: number, to: number, kind: Kind): void => { kinds.fill(kind, from, to); };
  /** For each template literal that is open, the depth of braces at which its `${` was met. */
  const templates: number[] = [];
  let depth = 0;
  let at = 0;
  const template = (from: number): number => {
    for (let next = from; next < text.length; next += 1) {
      if (text[next] === '\\') next += 1;
      else if (text[next] === '`') { mark(from, next, 'string'); return next + 1; }
      else if (text[next] === '$' && text[next + 1] === '{') { mark(from, next, 'string'); templates.push(depth); depth += 1; return next + 2; }
    }
    mark(from, text.length, 'string');
    return text.length;
  };
  while (at < text.length) {
    const end = endOfPlain(text, at);
    if (end !== null) {
      mark(at + (end.kind === 'string' ? 1 : 0), end.kind === 'string' ? end.at - 1 : end.at, end.kind);
      at = end.at;
    } else if (text[at] === '`') at = template(at + 1);
    else if (text[at] === '}' && templates.at(-1) === depth - 1) {
      depth -= 1;
      templates.pop();
      at = template(at + 1);
    } else {
      if (text[at] === '{') depth += 1;
      else if (text[at] === '}') depth -= 1;
      at += 1;
    }
  }
  return kinds;
}

/** The end of the comment, string or regular expression that begins here; null where none does. */
function endOfPlain(text: string, at: number): { at: number; kind: Kind } | null {
  const first = text[at];
  const pair = text.slice(at, at + 2);
  if (pair === '//' || (pair === '#!' && at === 0)) return { at: until(text, '\n', at), kind: 'comment' };
  if (pair === '/*') return { at: Math.min(text.length, until(text, '*/', at) + 2), kind: 'comment' };
  if (first === "'" || first === '"') return { at: quoted(text, at, first), kind: 'string' };
  if (first === '/' && /(^|[(,=:[!&|?{};+\n]|=>|\breturn)\s*$/.test(text.slice(Math.max(0, at - 40), at))) return { at: regular(text, at), kind: 'string' };
  return null;
}

function until(text: string, what: string, from: number): number {
  const found = text.indexOf(what, from);
  return found < 0 ? text.length : found;
}

function quoted(text: string, from: number, quote: string): number {
  for (let at = from + 1; at < text.length && text[at] !== '\n'; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === quote) return at + 1;
  }
  return from + 1;
}

function regular(text: string, from: number): number {
  let inClass = false;
  for (let at = from + 1; at < text.length && text[at] !== '\n'; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '[') inClass = true;
    else if (text[at] === ']') inClass = false;
    else if (text[at] === '/' && !inClass) return at + 1;
  }
  return from + 1;
}
