import type { Config } from '../config.ts';
import { StartRefused } from '../refused.ts';
import { command, type Command } from './command.ts';
import { configOf, dataFlag } from './house.ts';
import { print } from './terminal.ts';

const LEVELS = ['root', 'worlds', 'data'] as const;
type Level = (typeof LEVELS)[number];

/** What a custodian can do with the vault, which stands beside the server and its database. */
type Custody = {
  check(): Promise<{ cards: number; findings: string[] }>;
  rotate(level: Level): Promise<{ sealed: number; resumed: boolean }>;
  close(): Promise<void>;
};

/** The vault of a data directory; null where there is none yet. */
export type Custodian = (config: Config) => Custody | null;

async function withVault<T>(custody: Custody, work: (custody: Custody) => Promise<T>): Promise<T> {
  try {
    return await work(custody);
  } catch (error) {
    throw new StartRefused((error as Error).message);
  } finally {
    await custody.close();
  }
}

function vaultOf(custodian: Custodian, flags: { data?: string | undefined }): Custody {
  const config = configOf(flags);
  const custody = custodian(config);
  if (custody) return custody;
  throw new StartRefused(`There is no vault in ${config.data}. It is made with the first card number that is typed.`);
}

/** Opens every card. Says what it finds, a sentence each, and returns how much that was. */
export async function checkVault(custody: Custody): Promise<number> {
  const { cards, findings } = await withVault(custody, (vault) => vault.check());
  for (const finding of findings) print(`vault: ${finding}`);
  print(findings.length === 0 ? `${cards} card${cards === 1 ? '' : 's'} in the vault: all of them open.` : `${findings.length} of ${cards} cards in the vault are not as they were kept.`);
  return findings.length;
}

export const vault = (custodian: Custodian): readonly Command[] => [
  command({
    name: 'vault check',
    about: 'Check that every card in the vault opens and is the one that was kept. Changes nothing; the exit code is 1 where one does not.',
    flags: { data: dataFlag },
    async run(flags) {
      if ((await checkVault(vaultOf(custodian, flags))) > 0) throw new StartRefused('Restore the vault from a backup; docs/operating/vault.md says how.');
    },
  }),
  command({
    name: 'vault rotate',
    about: 'Take new keys for the vault, beside a server or without one, and seal with them what was sealed with the old ones. Broken off, it goes on where it was when it is run again.',
    flags: { data: dataFlag, keys: { type: 'string', value: 'LEVEL', about: `Which keys: ${LEVELS.join(', ')}; otherwise all of them, in this order.` } },
    async run(flags) {
      const levels = flags.keys === undefined ? LEVELS : LEVELS.filter((level) => level === flags.keys);
      if (levels.length === 0) throw new StartRefused(`There are no keys '${flags.keys}'. Write one of: ${LEVELS.join(', ')}.`);
      await withVault(vaultOf(custodian, flags), async (custody) => {
        for (const level of levels) {
          const { sealed, resumed } = await custody.rotate(level);
          print(`${level}: ${resumed ? 'a rotation that was broken off is finished: ' : ''}${sealed} ${level === 'root' ? 'key' : 'card'}${sealed === 1 ? '' : 's'}${level === 'root' ? ' of worlds' : ''} sealed anew.`);
        }
      });
    },
  }),
];
