/** What a command prints: results on standard output, for people and programs; everything else on standard error. */

import type { Instant } from '../../billing/decision.ts';

// Whoever read may have left, as `kontor start | head` does: that is no reason for what runs to end.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function say(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}

/** Columns for people, the first row their names. */
export function table(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd()).join('\n');
}

/** A time as people read it, in UTC, e.g. `2026-11-22T10:45:00Z`. */
export function dateOf(at: Instant): string {
  return Temporal.Instant.fromEpochMilliseconds(at * 1000).toString();
}
