/** Who may import whom. The wall that matters is around the pure core: `billing/` imports nothing. */

import { posix } from 'node:path';
import { isTest, lineAt, ofCode, type Law, type Source } from './source.ts';

type Import = {
  readonly from: string;
  readonly specifier: string;
  /** The path from the root; null for a package. */
  readonly to: string | null;
  /** What stands between `import` and `from`; empty where nothing does. */
  readonly clause: string;
};

/** Why this import is not allowed; null where it is. */
type Rule = (each: Import) => string | null;

const within = (folder: string, path: string): boolean => path.startsWith(`${folder}/`);

/** The contracts of the connectors are the files above their folders: `connectors/processors/processor.ts`. */
const isContract = (path: string): boolean => /^connectors\/([a-z_]+\/)?[a-z_]+\.ts$/.test(path);

const rules: Readonly<Record<string, Rule>> = {
  billing({ to, specifier }) {
    if (to === null) return `billing/ imports nothing, not even ${specifier}: it is a pure function of what it is given. Do this in server/ or in a room, and pass the result in.`;
    return within('billing', to) ? null : 'billing/ imports only itself. Pass what it needs as a value, or return a decision that somebody else carries out.';
  },
  server({ to }) {
    if (to === null || within('billing', to) || within('server', to)) return null;
    return 'server/ imports only billing/ and itself. It is told of rooms and connectors by the register that kontor.ts hands to it.';
  },
  connectors({ from, to }) {
    if (to === null || within('billing', to) || isContract(to) || within(posix.dirname(from), to)) return null;
    const own = from.split('/').slice(0, 3).join('/');
    if (within(own, to)) return null;
    return 'A connector imports only billing/, its contract and its own folder, never server/, resources/ or another connector. Say what it needs in the contract.';
  },
  resources({ from, to }) {
    if (to === null || within('billing', to) || within('server', to) || isContract(to)) return null;
    if (!within('resources', to)) return 'A room imports only billing/, server/, the contracts of connectors, and other rooms.';
    if (within(posix.dirname(from), to) || /\/(rows|resource|params)\.ts$/.test(to)) return null;
    return 'Of another room only rows.ts, resource.ts and params.ts may be imported. If two resources must change together, that is one decision in billing/, not one command calling another.';
  },
  elements({ to }) {
    if (to === null || within('elements', to) || to === 'billing/money.ts') return null;
    return 'elements/ imports only billing/money.ts of ours, since it runs on other people\'s pages.';
  },
  dashboard({ to, clause }) {
    if (to === null || within('billing', to) || within('elements', to) || within('dashboard', to)) return null;
    if (/^resources\/.*\/resource\.ts$/.test(to)) return /^type\b/.test(clause) ? null : 'dashboard/ imports only types of a resource.ts (import type): it is a client of the public API.';
    return 'dashboard/ imports only billing/, elements/ and the types of resources: it is a client of the public API.';
  },
};

export const imports: Law = (files) => files.filter(ofCode).flatMap((file) => {
  const room = file.path.split('/')[0]!;
  const rule = file.path.includes('/') ? rules[room] : undefined;
  return [...importsOf(file)].flatMap(({ line, ...each }) => {
    if (isTest(file.path)) {
      // A test may use the tools of testing and, outside of the core, the harness.
      if (each.to === null || (room !== 'billing' && within('tests', each.to)) || rule === undefined) return [];
    } else if (each.to !== null && isTest(each.to) && !['tools', 'tests', 'examples', 'kontor.ts'].includes(room)) {
      return [{ path: file.path, line, message: `The program does not import from tests (${each.specifier}). Move what both need to where the program has it.` }];
    }
    const why = rule?.(each) ?? null;
    return why === null ? [] : [{ path: file.path, line, message: `imports ${each.specifier}. ${why}` }];
  });
});

/** What a file imports, and what it exports again of others. */
export function* importsOf(file: Source): Generator<Import & { line: number }> {
  const statement = /(?:^|\n)[ \t]*(?:import|export)\b([^;'"`]*?)\bfrom\s*['"]([^'"\n]+)['"]|(?:^|\n)[ \t]*import\s*['"]([^'"\n]+)['"]|\bimport\(\s*['"]([^'"\n]+)['"]/g;
  for (const match of file.uncommented.matchAll(statement)) {
    const specifier = match[2] ?? match[3] ?? match[4]!;
    // The words of an import inside of a string are not one.
    const at = match.index + match[0].length - specifier.length - 2;
    if (file.code[at] !== "'" && file.code[at] !== '"') continue;
    const to = specifier.startsWith('.') ? posix.join(posix.dirname(file.path), specifier) : null;
    yield { from: file.path, specifier, to, clause: match[1]?.trim() ?? '', line: lineAt(file.text, at) };
  }
}
