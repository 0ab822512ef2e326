import { readFile } from 'node:fs/promises';
import { command } from './command.ts';
import { print } from './terminal.ts';

export const version = command({
  name: 'version',
  about: 'Print the version of Kontor.',
  flags: {},
  async run() {
    const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
    print((JSON.parse(text) as { version: string }).version);
  },
});
