/** Accounts, their two worlds, and keys to them. Made from the command line, by the owner of the tables; the server itself only reads them. */
import type { Instant } from '../billing/decision.ts';
import type { Clock } from './clock.ts';
import type { World } from './context.ts';
import { row, rows, sql } from './database/sql.ts';
import type { Queryable } from './database/world.ts';
import { hashKey, type KeyKind, masked, newKeyText, type Permissions } from './http/keys.ts';

export type AccountRow = {
  id: string;
  created: Instant;
  business_name: string;
  email: string | null;
  country: string;
  default_currency: string;
  settings: Record<string, unknown>;
};

/** A new account with a test and a live world. */
export async function createAccount(owner: Queryable, clock: Clock, about: Partial<Pick<AccountRow, 'business_name' | 'email' | 'country' | 'default_currency'>> = {}): Promise<AccountRow> {
  const { business_name = 'My company', email = null, country = 'US', default_currency = 'usd' } = about;
  const account: AccountRow = { id: clock.newId('acct'), created: clock.now(), business_name, email, country, default_currency, settings: {} };
  await row(
    owner,
    sql`insert into accounts (id, created, business_name, email, country, default_currency, settings)
        values (${account.id}, to_timestamp(${account.created}::bigint), ${business_name}, ${email}, ${country}, ${default_currency}, '{}')`,
  );
  await row(owner, sql`insert into worlds (account, livemode) values (${account.id}, false), (${account.id}, true)`);
  return account;
}

export async function listAccounts(owner: Queryable): Promise<AccountRow[]> {
  return rows<AccountRow>(owner, sql`select * from accounts order by created, id`);
}

/** The worlds of all accounts, oldest account first. */
export async function listWorlds(owner: Queryable): Promise<World[]> {
  return rows<World>(owner, sql`select w.id, w.account, w.livemode from worlds w join accounts a on a.id = w.account order by a.created, a.id, w.livemode`);
}

export async function accountById(tx: Queryable, id: string): Promise<AccountRow> {
  return (await row<AccountRow>(tx, sql`select * from accounts where id = ${id}`))!;
}

export type KeyOrder = { kind: KeyKind; name?: string | null; permissions?: Permissions; expires_at?: Instant | null };

/** A new key. Its text is returned once and stored nowhere. Runs in the key's world. */
export async function createKey(owner: Queryable, clock: Clock, pepper: string, world: World, order: KeyOrder): Promise<{ id: string; text: string }> {
  const id = clock.newId('key');
  const text = newKeyText(clock, order.kind, world.livemode);
  await enter(owner, world);
  await row(
    owner,
    sql`insert into api_keys (id, world, kind, name, hash, hint, permissions, created, expires_at)
        values (${id}, ${world.id}, ${order.kind}, ${order.name ?? null}, ${hashKey(pepper, text)}, ${masked(text)}, ${JSON.stringify(order.permissions ?? {})},
                to_timestamp(${clock.now()}::bigint), to_timestamp(${order.expires_at ?? null}::bigint))`,
  );
  return { id, text };
}

/** Row-level security holds for the owner, too: it enters a world for the rest of its session. */
async function enter(owner: Queryable, world: World): Promise<void> {
  await owner.query(`set kontor.world = '${world.id}'`);
}

export type KeyRow = { id: string; kind: KeyKind; name: string | null; hint: string; permissions: Permissions; created: Instant; expires_at: Instant | null; revoked_at: Instant | null };

export async function listKeys(owner: Queryable, world: World): Promise<KeyRow[]> {
  await enter(owner, world);
  return rows<KeyRow>(owner, sql`select id, kind, name, hint, permissions, created, expires_at, revoked_at from api_keys order by created, id`);
}

/** Ends a key now. Returns false where there is no such key that is still good. */
export async function revokeKey(owner: Queryable, clock: Clock, world: World, id: string): Promise<boolean> {
  await enter(owner, world);
  const key = await row(owner, sql`update api_keys set revoked_at = to_timestamp(${clock.now()}::bigint) where id = ${id} and revoked_at is null returning id`);
  return key !== undefined;
}

/** How long a rolled key stays good beside its successor, at most. */
export const LONGEST_OVERLAP_S = 7 * 86_400;

/** Replaces a key that is still good by a new one of the same kind; the old one stays good for `overlap` seconds, where it does not end earlier. Null where there is no such key. */
export async function rollKey(owner: Queryable, clock: Clock, pepper: string, world: World, id: string, overlap: number): Promise<{ id: string; text: string } | null> {
  await enter(owner, world);
  const now = clock.now();
  const until = now + Math.min(overlap, LONGEST_OVERLAP_S);
  const key = await row<KeyRow>(
    owner,
    sql`update api_keys set expires_at = least(expires_at, to_timestamp(${until}::bigint))
        where id = ${id} and revoked_at is null and (expires_at is null or expires_at > to_timestamp(${now}::bigint)) returning id, kind, name, permissions`,
  );
  return key ? createKey(owner, clock, pepper, world, { kind: key.kind, name: key.name, permissions: key.permissions }) : null;
}
