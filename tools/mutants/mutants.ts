/**
 * `npm run mutants`: makes each seeded bug in a copy of the source, one after the other, runs the tests that are meant to find it and, where they do not, all others, and prints which test found
 * which. `npm run mutants -- lock "half a cent"` takes those whose names have one of these words in them. Exit code 1 where a bug was found by nothing.
 */

import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { filesOf } from '../tidy.ts';
import { bugs, disturbed, type Bug } from './bugs.ts';

const root = join(import.meta.dirname, '..', '..');

/** In the order in which they are asked where a bug's own tests are silent: what is cheap first. */
const BROADER: readonly (readonly string[])[] = [['billing'], ['server', 'resources'], ['tests/stories', 'tests/conformance', 'examples'], ['tests/simulation']];

/** Tests that take longer than this hang, which is a way of being found. */
const PATIENCE_MS = 10 * 60_000;

type Finding = { by: string; in: string };

/** The repository's files as they are, not only those that are committed; the packages by reference. */
function copy(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kontor-mutants-'));
  for (const { path } of filesOf(root)) cpSync(join(root, path), join(folder, path), { recursive: true });
  // Some tests ask git which files there are.
  for (const words of [['init', '--quiet'], ['add', '--all']]) execFileSync('git', words, { cwd: folder });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
  return folder;
}

/** The first test that failed, as the runner has told it so far. */
function failureIn(said: string): Finding | null {
  let file = '';
  for (const line of said.split('\n').slice(0, -1)) {
    file = /^✘ (\S+\.test\.ts)/.exec(line)?.[1] ?? file;
    const name = /^ {2}✘ (.*)/.exec(line)?.[1];
    if (name !== undefined) return { by: name.startsWith('/') ? 'what is verified after the tests' : name, in: file };
  }
  return null;
}

/** Runs tests of the copy until one fails. Returns it, or null; throws where the tests cannot even be run, which finds nothing. */
async function run(folder: string, tests: readonly string[]): Promise<Finding | null> {
  const { KONTOR_TEST_POSTGRES: _server, ...env } = process.env;
  const child = spawn(process.execPath, ['tools/test.ts', ...tests], { cwd: folder, env: { ...env, NO_COLOR: '1' }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  setPriority(child.pid!, 10);
  let said = '';
  let finding: Finding | null = null;
  const end = (found: Finding | null) => {
    if (finding !== null || found === null) return;
    finding = found;
    process.kill(-child.pid!, 'SIGKILL');
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part: Buffer) => {
      said += part;
      end(failureIn(said));
    });
  }
  const patience = setTimeout(() => end({ by: 'no end within ten minutes', in: tests.join(' ') }), PATIENCE_MS);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(patience);
  if (finding === null && code !== 0) throw new Error(`The tests could not be run:\n${said.slice(-2_000)}`);
  return finding;
}

function restore(folder: string, { edits }: Bug): void {
  for (const { path } of edits) cpSync(join(root, path), join(folder, path));
}

async function find(folder: string, bug: Bug): Promise<Finding | null> {
  for (const [path, own] of Map.groupBy(bug.edits, (edit) => edit.path)) writeFileSync(join(folder, path), disturbed(readFileSync(join(root, path), 'utf8'), own));
  try {
    for (const tests of [bug.tests, ...BROADER]) {
      const finding = await run(folder, tests);
      if (finding === null) continue;
      restore(folder, bug);
      // A test that fails without the bug, too, has not found it.
      if (tests !== bug.tests && (await run(folder, [finding.in])) !== null) throw new Error(`${finding.in} fails without any seeded bug. Mend that first.`);
      return finding;
    }
    return null;
  } finally {
    restore(folder, bug);
  }
}

const words = process.argv.slice(2);
const chosen = bugs.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
if (chosen.length === 0) {
  process.stderr.write(`No seeded bug has ${words.join(' or ')} in its name. They are in tools/mutants/bugs.ts.\n`);
  process.exit(1);
}

const folder = copy();
let survivors = 0;
try {
  process.stdout.write('| bug | in | found by | of |\n|---|---|---|---|\n');
  for (const bug of chosen) {
    const finding = await find(folder, bug);
    if (finding === null) survivors += 1;
    const where = [...new Set(bug.edits.map((edit) => edit.path))].join(', ');
    process.stdout.write(`| ${bug.name} | \`${where}\` | ${finding === null ? '**nothing**' : finding.by.replaceAll('|', '\\|')} | ${finding === null ? '' : `\`${finding.in}\``} |\n`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.stdout.write(survivors === 0 ? `All ${chosen.length} were found.\n` : `${survivors} of ${chosen.length} were found by nothing.\n`);
process.exitCode = survivors === 0 ? 0 : 1;
