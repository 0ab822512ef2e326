/** Every link in the documentation leads somewhere: to a file that exists, and there to a heading that exists. */

import { posix } from 'node:path';
import { lineAt, type Law, type Problem, type Source } from './source.ts';

export const links: Law = (files) => {
  const paths = new Set<string>();
  for (const { path } of files) for (let each = path; each !== '.'; each = posix.dirname(each)) paths.add(each);
  const pages = new Map(files.filter(({ path }) => path.endsWith('.md')).map((file) => [file.path, headings(file)]));
  return [...files].filter(({ path }) => path.endsWith('.md')).flatMap((file) => broken(file, paths, pages));
};

function broken(file: Source, paths: ReadonlySet<string>, pages: ReadonlyMap<string, ReadonlySet<string>>): Problem[] {
  const text = withoutCode(file.text);
  const problems: Problem[] = [];
  for (const match of text.matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)|^\[[^\]]+\]:\s+(\S+)/gm)) {
    const target = match[1] ?? match[2]!;
    if (/^[a-z][a-z+.-]*:/i.test(target)) continue;
    const [path = '', anchor] = target.split('#', 2);
    const to = path === '' ? file.path : posix.normalize(posix.join(posix.dirname(file.path), decodeURIComponent(path))).replace(/\/$/, '');
    const line = lineAt(text, match.index);
    if (!paths.has(to) && to !== '.') problems.push({ path: file.path, line, message: `links to ${target}, and there is no ${to}. Correct the link, or write the page.` });
    else if (anchor !== undefined && anchor !== '' && pages.has(to) && !pages.get(to)!.has(anchor)) problems.push({ path: file.path, line, message: `links to ${target}, and ${to} has no such heading. Its headings: ${[...pages.get(to)!].join(', ')}.` });
  }
  return problems;
}

/** Code blocks and code spans blanked, lines kept. */
function withoutCode(text: string): string {
  return text.replaceAll(/^(```|~~~)[^]*?^\1/gm, (block) => block.replaceAll(/[^\n]/g, ' ')).replaceAll(/`[^`\n]*`/g, (span) => ' '.repeat(span.length));
}

/** The headings as they are linked to: lower case, spaces as hyphens, most marks dropped, numbered where they repeat. */
function headings(file: Source): Set<string> {
  const found = new Set<string>();
  const text = file.text.replaceAll(/^(```|~~~)[^]*?^\1/gm, '');
  for (const [, title] of text.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const plain = title!.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(/\s/g, '-');
    let slug = plain;
    for (let n = 1; found.has(slug); n += 1) slug = `${plain}-${n}`;
    found.add(slug);
  }
  for (const [, id] of text.matchAll(/<a (?:id|name)="([^"]+)"/g)) found.add(id!);
  return found;
}
