/** What `npm test` shows: a line for each file, failures in full, how long each part took, and the sums as Node's own reporter writes them. */

import { inspect } from 'node:util';
import type { TestsStream } from 'node:test';

type File = { passed: number; failed: number; milliseconds: number; failures: string[]; said: string };

const colours = process.stdout.hasColors?.() === true;
const paint = (code: number, text: string): string => (colours ? `\u001b[${code}m${text}\u001b[39m` : text);
const green = (text: string): string => paint(32, text);
const red = (text: string): string => paint(31, text);
const grey = (text: string): string => paint(90, text);

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

export class Report {
  private readonly parts = new Map<string, { from: number; to: number; good: boolean }>();
  private readonly counts = { tests: 0, suites: 0, pass: 0, fail: 0, cancelled: 0, skipped: 0, todo: 0 };
  private readonly failed: string[] = [];

  /** Runs one part that is not a test and tells how it went. */
  async timed(part: string, work: () => Promise<boolean>): Promise<boolean> {
    const from = performance.now();
    const good = await work();
    const to = performance.now();
    this.parts.set(part, { from, to, good });
    if (!good) this.failed.push(part);
    this.line(`${good ? green('✔') : red('✘')} ${part} ${grey(seconds(to - from))}`);
    return good;
  }

  /** Follows a run of tests to its end; true when all have passed. */
  async tests(stream: TestsStream, nameOf: (file: string) => string, partOf: (file: string) => string): Promise<boolean> {
    const files = new Map<string, File>();
    const at = (file: string | undefined): File => {
      const name = nameOf(file ?? '');
      let found = files.get(name);
      if (found === undefined) files.set(name, found = { passed: 0, failed: 0, milliseconds: 0, failures: [], said: '' });
      return found;
    };
    for await (const event of stream as AsyncIterable<{ type: string; data: any }>) {
      const { type, data } = event;
      if (type === 'test:stdout' || type === 'test:stderr') at(data.file).said += data.message;
      else if (type === 'test:pass' || type === 'test:fail') this.result(type === 'test:pass', data, at(data.file));
      else if (type === 'test:summary') this.summed(data, at(data.file), nameOf, partOf);
    }
    return this.counts.fail + this.counts.cancelled === 0;
  }

  /** How each part went and how long it took, and the sums. */
  summary(good: boolean): void {
    this.line('');
    for (const [part, { from, to, good: went }] of this.parts) this.line(`${went ? green('✔') : red('✘')} ${part.padEnd(20)} ${seconds(to - from).padStart(8)}`);
    this.line('');
    if (this.failed.length > 0) this.line(`${red('Failed:')} ${this.failed.join(', ')}\n`);
    for (const [name, count] of Object.entries(this.counts)) this.line(`ℹ ${name} ${count}`);
    this.line(`ℹ duration_ms ${Math.round(performance.now())}`);
    this.line(good ? green('All is well.') : red('Not everything is well; see above.'));
  }

  private result(passed: boolean, data: any, file: File): void {
    // A file that fails as a whole is told by its own tests, unless it could not even be loaded.
    const isFile = data.nesting === 0 && data.name === data.file;
    if (data.details?.type === 'suite') return;
    if (data.skip !== undefined) return;
    if (passed) file.passed += isFile ? 0 : 1;
    else if (data.details?.error?.failureType !== 'subtestsFailed' || isFile) {
      file.failed += 1;
      const { error } = data.details;
      const shown = error?.cause instanceof Error ? error.cause.stack ?? error.cause.message : inspect(error?.cause ?? error, { depth: 6 });
      file.failures.push(`  ${red('✘')} ${data.name}\n${String(shown).replaceAll(/^/gm, '      ')}`);
    }
  }

  private summed(data: any, file: File, nameOf: (file: string) => string, partOf: (file: string) => string): void {
    if (data.file === undefined) {
      const { tests, suites, passed, failed, cancelled, skipped, todo } = data.counts;
      Object.assign(this.counts, { tests, suites, pass: passed, fail: failed, cancelled, skipped, todo });
      return;
    }
    const name = nameOf(data.file);
    const to = performance.now();
    const from = to - data.duration_ms;
    const part = this.parts.get(partOf(name)) ?? { from, to, good: true };
    this.parts.set(partOf(name), { from: Math.min(from, part.from), to, good: part.good && data.success });
    const count = data.counts.tests === 1 ? '1 test' : `${data.counts.tests} tests`;
    this.line(`${data.success ? green('✔') : red('✘')} ${name} ${grey(`${count}, ${seconds(data.duration_ms)}`)}`);
    if (data.success) return;
    this.failed.push(name);
    if (file.said.trim() !== '') this.line(file.said.trimEnd().replaceAll(/^/gm, '    '));
    for (const failure of file.failures) this.line(failure);
  }

  private line(text: string): void {
    process.stdout.write(`${text}\n`);
  }
}
