/**
 * Random lives, billed twice: by the engine and by the reference model, which know nothing of each other. `kontor simulate --seed N --count M` prints each life whose bills differ in
 * anything, to the minor unit.
 */
import { live } from './engine.ts';
import { randomHistory, recompute, type History } from './reference.ts';
import { historyText, outcomeText, sideBySide } from './tell.ts';

export type Difference = { seed: number; text: string };

/** Lives one life twice; null where both bill the same. `disturb` changes what the engine is told, to see that it would be found. */
export function judge(seed: number, disturb: (history: History) => History = (history) => history): Difference | null {
  const history = randomHistory(seed);
  const book = outcomeText(recompute(history));
  let engine: string[];
  try {
    engine = outcomeText(live(disturb(history)));
  } catch (error) {
    engine = [`  failed: ${(error as Error).stack}`];
  }
  if (book.length === engine.length && book.every((line, n) => line === engine[n])) return null;
  const text = [`Life ${seed} is billed in two ways. Once more: npm run kontor -- simulate --seed ${seed}`, ...historyText(history), 'comes to', ...sideBySide(book, engine)].join('\n');
  return { seed, text };
}

/** The differences among so many lives, at most `most` of them. */
export function judgeAll(first: number, count: number, most = 10): Difference[] {
  const found: Difference[] = [];
  for (let seed = first; seed < first + count && found.length < most; seed += 1) {
    const difference = judge(seed);
    if (difference) found.push(difference);
  }
  return found;
}
