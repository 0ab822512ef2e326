/** The vault's own database: one file of SQLite in its directory, apart from everything else that Kontor keeps. */
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** A card. `sealed_key` is its data key, sealed with version `key_version` of its world's key; `number` is sealed with that data key. */
export type Row = { token: string; world: number; created: number; key_version: number; data_version: number; sealed_key: Uint8Array; number: Uint8Array; fingerprint: Uint8Array };
/** A key of a world, sealed with version `root_version` of the root key. */
export type KeyRow = { world: number; purpose: 'world key' | 'fingerprint key'; version: number; root_version: number; sealed: Uint8Array };

/**
 * What is deleted is overwritten, and what is committed is on the disk. Versions only go up: `root_version` and `data_version` are those with which everything is sealed from now on; what has an earlier one waits to be
 * sealed anew.
 */
const SCHEMA = `
  pragma journal_mode = wal;
  pragma synchronous = full;
  pragma secure_delete = on;
  pragma busy_timeout = 10000;
  create table if not exists state (one integer primary key check (one = 1), root_version integer not null, root_print text not null, data_version integer not null) strict;
  create table if not exists keys (
    world integer not null, purpose text not null, version integer not null, root_version integer not null, sealed blob not null, primary key (world, purpose, version)
  ) strict, without rowid;
  create table if not exists cards (
    token text primary key, world integer not null, created integer not null, key_version integer not null, data_version integer not null, sealed_key blob not null, number blob not null, fingerprint blob not null
  ) strict, without rowid;
  create index if not exists cards_of_world on cards (world, key_version);
  create index if not exists cards_by_data on cards (data_version);
`;

export class Store {
  readonly database: DatabaseSync;

  constructor(directory: string) {
    this.database = new DatabaseSync(join(directory, 'vault.sqlite'));
    this.database.exec(SCHEMA);
    if (process.platform !== 'win32') chmodSync(join(directory, 'vault.sqlite'), 0o600);
  }

  /** What another process does with the same vault comes before or after, never in between. */
  alone<T>(work: () => T): T {
    this.database.exec('begin immediate');
    try {
      const done = work();
      this.database.exec('commit');
      return done;
    } catch (error) {
      this.database.exec('rollback');
      throw error;
    }
  }

  all<T>(query: string, ...values: (string | number | Uint8Array)[]): T[] {
    return this.database.prepare(query).all(...values) as T[];
  }

  one<T>(query: string, ...values: (string | number | Uint8Array)[]): T | undefined {
    return this.database.prepare(query).get(...values) as T | undefined;
  }

  /** How many rows it has changed. */
  run(statement: string, ...values: (string | number | Uint8Array)[]): number {
    return Number(this.database.prepare(statement).run(...values).changes);
  }

  /** Empties the log of changes, in which there is still what was deleted. */
  forget(): void {
    this.database.exec('pragma wal_checkpoint(truncate)');
  }

  close(): void {
    this.database.close();
  }
}
