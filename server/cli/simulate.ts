import { StartRefused } from '../refused.ts';
import { command } from './command.ts';
import { print, say } from './terminal.ts';

/** `run` bills so many random lives twice and returns, as text, the first of those whose bills differ; `tell` says what all of them have reached. */
export type Simulation = () => Promise<{ run(seed: number, count: number): string[]; tell(): string[] }>;

/** So many lives take some seconds; how far it is, is told in between. */
const PORTION = 1000;

const whole = (text: string, flag: string, least: number): number => {
  if (!/^[0-9]{1,9}$/.test(text) || Number(text) < least) throw new StartRefused(`${flag} is '${text}'. Write a whole number from ${least} to 999999999.`);
  return Number(text);
};

export const simulate = (begin: Simulation) =>
  command({
    name: 'simulate',
    about: 'Bill random lives twice, by the engine and by the reference model; print the first that come out differently, and what the lives have reached.',
    flags: {
      seed: { type: 'string', value: 'N', about: 'The first life; the same number is always the same life. 0 where it is left out.' },
      count: { type: 'string', value: 'M', about: 'How many lives, one after the other. 1 where it is left out.' },
    },
    async run({ seed = '0', count = '1' }) {
      const [first, lives] = [whole(seed, '--seed', 0), whole(count, '--count', 1)];
      const simulation = await begin();
      for (let done = 0; done < lives; done += PORTION) {
        if (done > 0) say(`${done} of ${lives} lives so far.`);
        const found = simulation.run(first + done, Math.min(PORTION, lives - done));
        for (const text of found) print(`${text}\n`);
        if (found.length > 0) throw new StartRefused(`${found.length === 1 ? 'A life is' : `${found.length} lives are`} billed in two ways; each is above.`);
      }
      if (lives > 1) for (const line of simulation.tell()) print(line);
      print(lives === 1 ? `Life ${first} is billed the same by the book and by the engine.` : `Lives ${first} to ${first + lives - 1} are billed the same by the book and by the engine.`);
    },
  });
