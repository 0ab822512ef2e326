/** Names of files and folders: no drawers, nothing unexpected at the root. */

import type { Law, Problem } from './source.ts';

const drawers = ['utils', 'util', 'helpers', 'helper', 'common', 'shared', 'misc', 'core', 'lib', 'service', 'services', 'manager', 'handler', 'handlers', 'types', 'index'];

/** What stands at the root, and nothing else. */
const roots = [
  'README.md', 'LICENSE', 'SECURITY.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'kontor.ts', 'package.json', 'package-lock.json', 'tsconfig.json', '.gitignore', '.npmrc', '.ci',
  'billing', 'resources', 'server', 'connectors', 'elements', 'dashboard', 'examples', 'tests', 'docs', 'tools',
];

export const names: Law = (files) => {
  const problems: Problem[] = [];
  const told = new Set<string>();
  for (const { path } of files) {
    const segments = path.split('/');
    if (!roots.includes(segments[0]!) && !told.has(segments[0]!)) {
      told.add(segments[0]!);
      problems.push({ path, line: 1, message: `${segments[0]} does not belong at the root. Put it into the room it is about, or add it to tools/laws/names.ts with a reason in docs/decisions/.` });
    }
    for (const [n, segment] of segments.entries()) {
      const upTo = segments.slice(0, n + 1).join('/');
      if (told.has(upTo)) continue;
      const why = wrong(segment, upTo);
      if (why === null) continue;
      told.add(upTo);
      problems.push({ path: upTo, line: 1, message: why });
    }
  }
  return problems;
};

function wrong(segment: string, path: string): string | null {
  const name = segment.split('.')[0]!.toLowerCase();
  // A web page's front door has this name by the convention of all web servers.
  if (drawers.includes(name) && segment !== 'index.html') return `"${name}" is a drawer, not a name. Say what is inside: the noun that it is about.`;
  if (/v2/i.test(segment) && path !== 'resources/v2') return '"v2" names nothing. Replace what was there, or name what is different.';
  return null;
}
