/**
 * What the first start leaves behind: an account, and two test keys whose text is kept in a file for its owner only, so that every start can show them. Keys of live mode are never kept.
 */

import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAccount, createKey, listAccounts, listWorlds, type AccountRow } from '../accounts.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../database/database.ts';
import { overAllWorlds, transactionOn, type Queryable } from '../database/world.ts';
import { hashKey, keyByHash } from '../http/keys.ts';
import { StartRefused } from '../refused.ts';

/** `example` says what is to become of the example's data: `none` was asked for, it is `wanted`, or it is `made`. */
type Kept = { account: string; secret_key: string; publishable_key: string; example: 'none' | 'wanted' | 'made' };

export type Beginning = {
  /** The account that was made first. */
  account: AccountRow;
  /** Its kept test keys; null where there are none here, or where they are no longer good. */
  kept: Kept | null;
};

type Means = { database: Database; clock: Clock; pepper: string; data: string };

/** The account and its kept keys; both are made where the database has no account. Of several processes that start at once, one makes them. */
export async function begin(means: Means, example: boolean): Promise<Beginning> {
  const account = await means.database.asOwner((owner) =>
    transactionOn(owner, async () => {
      await owner.query(`select pg_advisory_xact_lock(hashtext('kontor.first account'))`);
      const [oldest] = await listAccounts(owner);
      return oldest ?? (await makeFirst(means, owner, example));
    }),
  );
  return { account, kept: await goodKept(means) };
}

async function makeFirst({ clock, pepper, data }: Means, owner: Queryable, example: boolean): Promise<AccountRow> {
  const account = await createAccount(owner, clock);
  const world = (await listWorlds(owner)).find((each) => each.account === account.id && !each.livemode)!;
  const secret = await createKey(owner, clock, pepper, world, { kind: 'secret', name: 'kept for kontor start' });
  const publishable = await createKey(owner, clock, pepper, world, { kind: 'publishable', name: 'kept for kontor start' });
  // Written before the commit: a crash in between leaves keys that open nothing, and not an account without keys.
  await keep(data, { account: account.id, secret_key: secret.text, publishable_key: publishable.text, example: example ? 'wanted' : 'none' });
  return account;
}

const fileIn = (data: string): string => join(data, 'test.keys');

/** Writes the file whole or not at all. */
export async function keep(data: string, kept: Kept): Promise<void> {
  const draft = `${fileIn(data)}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(kept)}\n`, { mode: 0o600, flush: true });
  await rename(draft, fileIn(data));
}

/** What is kept, if this database knows the keys and both are still good. */
async function goodKept({ database, clock, pepper, data }: Means): Promise<Kept | null> {
  const text = await readFile(fileIn(data), 'utf8').catch(() => null);
  if (text === null) return null;
  let kept: Kept;
  try {
    kept = JSON.parse(text) as Kept;
  } catch {
    throw new StartRefused(`The file ${fileIn(data)} cannot be read as JSON. Remove it, and make new keys with kontor keys create.`);
  }
  for (const key of [kept.secret_key, kept.publishable_key]) {
    const known = await overAllWorlds(database.pool, (tx) => keyByHash(tx, hashKey(pepper, key)));
    if (known === undefined || known.revoked_at !== null || (known.expires_at !== null && known.expires_at <= clock.now())) return null;
  }
  return kept;
}
