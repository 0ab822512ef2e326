/** What `npm test` shows: a line for each file, failures in full, how long each part took, and the sums as Node's own reporter writes them. */

import { inspect } from 'node:util';
import type { TestsStream } from 'node:test';

/** What of Node's events is told here. */
type Told = {
  name: string;
  file?: string;
  message: string;
  skip?: unknown;
  details: { type?: string; duration_ms: number; error?: { failureType?: string; cause?: unknown } };
  counts: { tests: number; suites: number; passed: number; failed: number; cancelled: number; skipped: number; todo: number };
  success: boolean;
  duration_ms: number;
};

type File = { failures: string[]; said: string };

const colours = process.stdout.hasColors?.() === true;
const paint = (code: number, text: string): string => (colours ? `\u001b[${code}m${text}\u001b[39m` : text);
const green = (text: string): string => paint(32, text);
const red = (text: string): string => paint(31, text);
const grey = (text: string): string => paint(90, text);

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function indent(text: string, by: number): string {
  return text.replaceAll(/^/gm, ' '.repeat(by));
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
      if (found === undefined) files.set(name, found = { failures: [], said: '' });
      return found;
    };
    for await (const event of stream as AsyncIterable<{ type: string; data: Told }>) {
      const { type, data } = event;
      const name = data.file === undefined ? '' : nameOf(data.file);
      if (type === 'test:stdout' || type === 'test:stderr') at(data.file).said += data.message;
      else if (type === 'test:fail' && data.name === data.file) {
        // The file has ended badly as a whole: it could not be loaded, or left before its tests were done.
        if (this.failed.includes(name)) continue;
        this.put(partOf(name), data.details.duration_ms, false);
        if (data.details.error?.failureType === 'hookFailed') this.result(false, data, at(data.file));
        this.line(`${red('✘')} ${name} ${grey('ended before its tests did')}`);
        this.told(name, at(data.file));
      } else if (type === 'test:pass' || type === 'test:fail') this.result(type === 'test:pass', data, at(data.file));
      else if (type === 'test:summary' && name !== '') this.summed(data, at(data.file), name, partOf(name));
      else if (type === 'test:summary') {
        const { tests, suites, passed, failed, cancelled, skipped, todo } = data.counts;
        Object.assign(this.counts, { tests, suites, pass: passed, fail: failed, cancelled, skipped, todo });
      }
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

  private result(passed: boolean, data: Told, file: File): void {
    if (data.details.type === 'suite' || data.skip !== undefined || passed) return;
    const { error } = data.details;
    if (error?.failureType === 'subtestsFailed') return;
    const shown = error?.cause instanceof Error ? error.cause.stack ?? error.cause.message : inspect(error?.cause ?? error, { depth: 6 });
    const short = String(shown).split('\n').filter((line) => !/^\s+at .*node:internal/.test(line)).join('\n');
    file.failures.push(`  ${red('✘')} ${data.name}\n${indent(short, 6)}`);
  }

  private summed(data: Told, file: File, name: string, part: string): void {
    const count = data.counts.tests === 1 ? '1 test' : `${data.counts.tests} tests`;
    this.put(part, data.duration_ms, data.success);
    this.line(`${data.success ? green('✔') : red('✘')} ${name} ${grey(`${count}, ${seconds(data.duration_ms)}`)}`);
    if (!data.success) this.told(name, file);
  }

  /** A part takes from when its first file begins to when its last one ends. */
  private put(part: string, duration: number, good: boolean): void {
    const to = performance.now();
    const known = this.parts.get(part) ?? { from: to - duration, to, good: true };
    this.parts.set(part, { from: Math.min(to - duration, known.from), to, good: known.good && good });
  }

  private told(name: string, file: File): void {
    this.failed.push(name);
    if (file.said.trim() !== '') this.line(indent(file.said.trimEnd(), 4));
    for (const failure of file.failures) this.line(failure);
  }

  private line(text: string): void {
    process.stdout.write(`${text}\n`);
  }
}
