/**
 * What `npm test` runs: the types, the laws, then every test, part by part. `npm test -- resources/customers billing/money` runs only the tests whose path begins so,
 * `--name <pattern>` only those whose name matches. A file may take ten minutes, or `--minutes <n>`.
 */

import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { parseArgs } from 'node:util';
import { lend } from '../server/database/database.ts';
import { readMigrations } from '../server/database/migrate.ts';
import { connection, ensureTemplate, startTestServer, type TestServer } from '../tests/postgres.ts';
import { Report } from './report.ts';

const root = join(import.meta.dirname, '..');

/** The parts in the order in which they run and fail: what is cheap and close to the cause first. */
const parts = ['tools', 'billing', 'server', 'connectors', 'resources', 'elements', 'dashboard', 'examples', 'tests/start', 'tests/stories', 'tests/conformance', 'tests/simulation', 'tests'] as const;

const { values: flags, positionals: chosen } = parseArgs({ allowPositionals: true, options: { name: { type: 'string', multiple: true }, minutes: { type: 'string', default: '10' } } });

/** How many files run at once: one more than there are processors, since each waits now and then, and no more than PostgreSQL has connections for. */
const atOnce = Math.min(availableParallelism() + 1, 4);

function partOf(file: string): string {
  return parts.find((part) => file.startsWith(`${part}/`)) ?? 'the rest';
}

/** The test files, or the chosen ones, in the order of the parts. */
function testFiles(): string[] {
  const found = globSync('**/*.test.ts', { cwd: root, exclude: ['node_modules/**', 'data/**'] }).map((file) => file.replaceAll('\\', '/'));
  const wanted = chosen.map((path) => relative(root, join(process.cwd(), path)).replaceAll('\\', '/'));
  const order = [...parts, 'the rest'] as string[];
  return found.filter((file) => wanted.length === 0 || wanted.some((path) => file.startsWith(path)))
    .sort((a, b) => order.indexOf(partOf(a)) - order.indexOf(partOf(b)) || (a < b ? -1 : 1));
}

/** Runs a program of ours; true when it found nothing to complain about. */
function program(report: Report, part: string, ...commands: string[][]): Promise<boolean> {
  return report.timed(part, async () => {
    let good = true;
    for (const words of commands) {
      const child = spawn(process.execPath, words, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
      good = await new Promise<boolean>((resolve) => child.once('exit', (code) => resolve(code === 0))) && good;
    }
    return good;
  });
}

/** Databases of test files that have ended are removed while others still run, since they are in memory. */
function sweep(server: TestServer): NodeJS.Timeout {
  const timer = setInterval(() => {
    lend(connection(server, 'postgres', 'postgres'), async (superuser) => {
      const { rows } = await superuser.query<{ name: string }>(`select datname as name from pg_database where datname like 'test\\_%'`);
      for (const { name } of rows) {
        try {
          process.kill(Number(name.split('_')[1]), 0);
        } catch {
          await superuser.query(`drop database ${name} with (force)`);
        }
      }
    }).catch(() => undefined);
  }, 3000);
  timer.unref();
  return timer;
}

async function tests(report: Report, files: string[]): Promise<boolean> {
  if (!files.every((file) => file.startsWith('billing/'))) {
    const server = await startTestServer();
    process.env['KONTOR_TEST_POSTGRES'] = JSON.stringify(server);
    await lend(connection(server, 'postgres', 'postgres'), async (superuser) => ensureTemplate(server, superuser, await readMigrations()));
    sweep(server);
  }
  const stream = run({ files: files.map((file) => join(root, file)), cwd: root, concurrency: atOnce, timeout: Number(flags.minutes) * 60_000, ...(flags.name === undefined ? {} : { testNamePatterns: flags.name }) });
  return report.tests(stream, (file) => relative(root, file).replaceAll('\\', '/'), partOf);
}

const report = new Report();
const files = testFiles();
if (files.length === 0) {
  process.stderr.write(`No test begins with ${chosen.join(' or ')}. Name a folder or a file, e.g. npm test -- resources/customers.\n`);
  process.exit(1);
}
let good = true;
if (chosen.length === 0) {
  const tsc = join('node_modules', 'typescript', 'bin', 'tsc');
  good = await program(report, 'types', [tsc, '-p', 'tsconfig.json'], [tsc, '-p', 'billing/tsconfig.json']);
  good = await program(report, 'tidy', ['tools/tidy.ts']) && good;
}
good = await tests(report, files) && good;
report.summary(good);
process.exit(good ? 0 : 1);
