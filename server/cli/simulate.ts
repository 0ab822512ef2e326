import { StartRefused } from '../refused.ts';
import { command } from './command.ts';
import { print } from './terminal.ts';

/** Bills so many random lives twice and returns, as text, those whose bills differ. */
export type Simulation = (seed: number, count: number) => Promise<string[]>;

const whole = (text: string, flag: string): number => {
  if (!/^[0-9]{1,9}$/.test(text)) throw new StartRefused(`${flag} is a whole number, not ${text}.`);
  return Number(text);
};

export const simulate = (run: Simulation) =>
  command({
    name: 'simulate',
    about: 'Bill random lives twice, by the engine and by the reference model, and print each that comes out differently.',
    flags: {
      seed: { type: 'string', value: 'N', about: 'The first life; the same number is always the same life. 0 where it is left out.' },
      count: { type: 'string', value: 'M', about: 'How many lives, one after the other. 1 where it is left out.' },
    },
    async run({ seed = '0', count = '1' }) {
      const found = await run(whole(seed, '--seed'), whole(count, '--count'));
      for (const text of found) print(`${text}\n`);
      if (found.length > 0) throw new StartRefused(`${found.length} of ${count} lives are billed in two ways.`);
      print(`Lives ${seed} to ${whole(seed, '--seed') + whole(count, '--count') - 1} are billed the same by the book and by the engine.`);
    },
  });
