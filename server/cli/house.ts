/** What a command beside the server works with: the configuration, the database and the secret that keys are hashed with. */

import { existsSync } from 'node:fs';
import { readConfig, type Config } from '../config.ts';
import { machineClock, type Clock } from '../clock.ts';
import { joinDatabase, type Database } from '../database/database.ts';
import { prepareDirectory, standing } from '../database/cluster.ts';
import { overAllWorlds } from '../database/world.ts';
import { row, sql } from '../database/sql.ts';
import { hashKey } from '../http/keys.ts';
import { StartRefused } from '../refused.ts';
import { secretFile } from '../secret.ts';
import type { Flag } from './command.ts';
import { say } from './terminal.ts';

export const dataFlag = { type: 'string', value: 'DIR', about: 'The data directory; otherwise KONTOR_DATA, or ./data.' } as const satisfies Flag;

/** The configuration, with flags in the place of variables: what is wrong with a flag is told under its own name. */
export function configOf(flags: { data?: string | undefined; port?: string | undefined }): Config {
  const given = Object.entries({ KONTOR_DATA: flags.data, KONTOR_PORT: flags.port }).filter(([, value]) => value !== undefined);
  try {
    return readConfig({ ...process.env, ...Object.fromEntries(given) });
  } catch (error) {
    if (!(error instanceof StartRefused)) throw error;
    throw new StartRefused(given.reduce((message, [variable]) => message.replaceAll(`${variable} is`, `--${variable.slice('KONTOR_'.length).toLowerCase()} is`), error.message));
  }
}

export type House = { config: Config; database: Database; clock: Clock };

/** Opens the database for a command, beside a server or alone, and closes it afterwards. */
export async function inHouse(flags: { data?: string | undefined }, work: (house: House) => Promise<void>): Promise<void> {
  const config = configOf(flags);
  if (config.database_url === null && (await standing(config.data)) === null) throw new StartRefused(`There is no Kontor in ${config.data} yet. Run kontor start, or name another data directory with --data.`);
  const database = await joinDatabase(config, say);
  try {
    const { rows: [found] } = await database.pool.query<{ migrated: boolean }>(`select to_regclass('public.api_keys') is not null as migrated`);
    if (!found!.migrated) throw new StartRefused('The database has no tables yet. Run kontor migrate, or kontor start.');
    await work({ config, database, clock: machineClock() });
  } finally {
    await database.close();
  }
}

/** The secret that keys are hashed with. A new one is only made for a database without keys: with another than theirs, every key would be refused. */
export async function readPepper(config: Config, database: Database): Promise<string> {
  if (!existsSync(config.pepper_file)) {
    const key = await overAllWorlds(database.pool, (tx) => row(tx, sql`select id from api_keys limit 1`));
    if (key) throw new StartRefused(`The file ${config.pepper_file} is missing, and the keys in this database are hashed with what was in it. Restore it from a backup, or name it in KONTOR_PEPPER_FILE.`);
    await prepareDirectory(config.data);
  }
  const pepper = (await secretFile(config.pepper_file, 'the pepper of the API keys')).reveal();
  const fingerprint = hashKey(pepper, 'fingerprint of the pepper');
  const known = await database.asOwner(async (owner) => {
    await row(owner, sql`insert into installation (pepper_fingerprint) values (${fingerprint}) on conflict do nothing`);
    return row<{ pepper_fingerprint: Buffer }>(owner, sql`select pepper_fingerprint from installation`);
  });
  if (!known!.pepper_fingerprint.equals(fingerprint)) {
    throw new StartRefused(`The keys in this database are hashed with another secret than that in ${config.pepper_file}. Processes that share a database share this file: copy it from where Kontor started first, or name it in KONTOR_PEPPER_FILE.`);
  }
  return pepper;
}
