/**
 * Random lives, billed twice: by the engine and by the reference model, which know nothing of each other. `kontor simulate --seed N --count M` prints each life whose bills differ in
 * anything, to the minor unit, as the smallest part of it that shows the difference.
 */
import { Covered } from './covered.ts';
import { live } from './engine.ts';
import type { History } from './reference/history.ts';
import { randomHistory } from './reference/random.ts';
import { recompute } from './reference/recompute.ts';
import { shrink } from './shrink.ts';
import { historyText, outcomeText, sideBySide } from './tell.ts';

export type Difference = { seed: number; text: string };
type Disturb = (history: History) => History;

/** What both make of a life. One that breaks off says so. */
function twice(history: History, disturb: Disturb, covered?: Covered): [book: string[], engine: string[]] {
  const told = (run: () => string[]) => {
    try {
      return run();
    } catch (error) {
      return [`  failed: ${(error as Error).stack}`];
    }
  };
  const byBook = () => {
    const outcome = recompute(history);
    covered?.count(history, outcome);
    return outcomeText(outcome);
  };
  return [told(byBook), told(() => outcomeText(live(disturb(history))))];
}

const same = ([book, engine]: [string[], string[]]): boolean => book.length === engine.length && book.every((line, n) => line === engine[n]);

/** Lives one life twice; null where both bill the same. `disturb` changes what the engine is told, to see that it would be found. */
export function judge(seed: number, disturb: Disturb = (history) => history, covered?: Covered): Difference | null {
  const history = randomHistory(seed);
  if (same(twice(history, disturb, covered))) return null;
  const smallest = shrink(history, (smaller) => !same(twice(smaller, disturb)));
  const text = [`Life ${seed} is billed in two ways. Once more: npm run kontor -- simulate --seed ${seed}. The smallest part of it that shows it:`, ...historyText(smallest), 'comes to', ...sideBySide(...twice(smallest, disturb))].join('\n');
  return { seed, text };
}

/** The differences among so many lives, at most `most` of them, and what the lives have reached. */
export function judgeAll(first: number, count: number, most = 10): { found: Difference[]; covered: Covered } {
  const found: Difference[] = [];
  const covered = new Covered();
  for (let seed = first; seed < first + count && found.length < most; seed += 1) {
    const difference = judge(seed, undefined, covered);
    if (difference) found.push(difference);
  }
  return { found, covered };
}

/** For `kontor simulate`: lives in portions, and at the end what all of them have reached. */
export class Simulator {
  private readonly covered = new Covered();

  run(first: number, count: number): string[] {
    const { found, covered } = judgeAll(first, count);
    this.covered.add(covered);
    return found.map((difference) => difference.text);
  }

  tell(): string[] {
    return this.covered.tell();
  }
}
