/** API keys: who calls, in which world, and what they may do. */
import { createHmac } from 'node:crypto';
import type { Instant } from '../../billing/decision.ts';
import type { Clock } from '../clock.ts';
import type { Pool } from 'pg';
import type { World } from '../context.ts';
import { overAllWorlds, type Tx } from '../database/world.ts';
import { row, sql } from '../database/sql.ts';
import { forbidden, unauthorized } from './errors.ts';
import { areaOf, type Method, type Route } from './route.ts';

export type KeyKind = 'secret' | 'publishable' | 'restricted';

/** What a restricted key may do: by the first part of the path under /v1 (`customers`, `billing/meters` → `billing`), or `*`. */
export type Permissions = Record<string, 'read' | 'write'>;

export type Key = { id: string; kind: KeyKind; permissions: Permissions; world: World; expires_at: Instant | null; revoked_at: Instant | null };

const PREFIXES: Record<KeyKind, string> = { secret: 'sk', publishable: 'pk', restricted: 'rk' };

/** A new key's text, e.g. `sk_test_` and 32 letters and digits. */
export function newKeyText(clock: Clock, kind: KeyKind, livemode: boolean): string {
  return `${PREFIXES[kind]}_${livemode ? 'live' : 'test'}_${clock.secret(32)}`;
}

/** Keys are stored only as this: without the pepper, which is not in the database, the hash says nothing. */
export function hashKey(pepper: string, text: string): Buffer {
  return createHmac('sha256', pepper).update(text).digest();
}

/** Finds a key by its hash, in whichever world it is. */
export async function keyByHash(tx: Tx, hash: Buffer): Promise<Key | undefined> {
  const found = await row<{ id: string; kind: KeyKind; permissions: Permissions; expires_at: Instant | null; revoked_at: Instant | null; world: number; account: string; livemode: boolean }>(
    tx,
    sql`select k.id, k.kind, k.permissions, k.expires_at, k.revoked_at, w.id as world, w.account, w.livemode
        from api_keys k join worlds w on w.id = k.world where k.hash = ${hash}`,
  );
  if (!found) return undefined;
  const { world, account, livemode, ...key } = found;
  return { ...key, world: { id: world, account, livemode } };
}

/** How long a key that was found is trusted without asking again, so that a revoked one is dead within this time. */
const TRUST_MS = 2_000;

type Seen = { key: Key; until: number };

export class Gate {
  private readonly seen = new Map<string, Seen>();
  /** What is being looked up: many requests find at once that a key has to be, and one asks for all. */
  private readonly asked = new Map<string, Promise<Seen>>();
  private readonly pool: Pool;
  private readonly pepper: string;
  private readonly clock: Clock;
  constructor(pool: Pool, pepper: string, clock: Clock) {
    this.pool = pool;
    this.pepper = pepper;
    this.clock = clock;
  }

  /** The key of an `Authorization` header, Bearer or Basic (the key as the user). Refuses with 401. */
  async authenticate(header: string | undefined): Promise<Key> {
    const text = keyText(header);
    const seen = this.seen.get(text);
    const { key } = seen && seen.until >= this.clock.milliseconds() ? seen : await this.ask(text);
    if (key.revoked_at !== null) unauthorized(`The API key ${masked(text)} was revoked.`, 'api_key_expired');
    if (key.expires_at !== null && key.expires_at <= this.clock.now()) unauthorized(`The API key ${masked(text)} has expired.`, 'api_key_expired');
    return key;
  }

  private ask(text: string): Promise<Seen> {
    const asked = this.asked.get(text) ?? this.look(text).finally(() => this.asked.delete(text));
    this.asked.set(text, asked);
    return asked;
  }

  private async look(text: string): Promise<Seen> {
    const until = this.clock.milliseconds() + TRUST_MS;
    const key = /^(sk|pk|rk)_(test|live)_[A-Za-z0-9]{24,}$/.test(text) ? await overAllWorlds(this.pool, (tx) => keyByHash(tx, hashKey(this.pepper, text))) : undefined;
    if (!key) return unauthorized(`Invalid API Key provided: ${masked(text)}`);
    if (this.seen.size > 10_000) this.seen.clear();
    const seen = { key, until };
    this.seen.set(text, seen);
    return seen;
  }
}

function keyText(header: string | undefined): string {
  const [scheme, value] = (header ?? '').split(/\s+/, 2);
  if (scheme?.toLowerCase() === 'bearer' && value) return value;
  if (scheme?.toLowerCase() === 'basic' && value) return Buffer.from(value, 'base64').toString('utf8').split(':', 1)[0] ?? '';
  return unauthorized();
}

/** Enough of a key to recognise it, never enough to use it. */
export function masked(text: string): string {
  return text.length <= 12 ? '*'.repeat(text.length) : `${text.slice(0, 8)}${'*'.repeat(8)}${text.slice(-4)}`;
}

const grantedTo = ({ permissions }: Key, area: string): 'read' | 'write' | undefined => permissions[area] ?? permissions['*'];

/** Whether a key may read what is in a part of the API. */
export const mayRead = (key: Key, area: string): boolean => key.kind === 'secret' || grantedTo(key, area) !== undefined;

/** Refuses what this kind of key may not do. */
export function authorize(key: Key, route: Route): void {
  if (key.kind === 'secret') return;
  if (key.kind === 'publishable') {
    if (route.publishable) return;
    forbidden('This request needs a secret key. A publishable key identifies your account in a browser and may only make the requests meant for it.', 'secret_key_required');
  }
  const area = areaOf(route);
  const granted = grantedTo(key, area);
  if (granted === 'write' || (granted === 'read' && route.method === ('GET' satisfies Method))) return;
  forbidden(`This restricted key has no permission to ${route.method === 'GET' ? 'read' : 'write'} \`${area}\`. Give it \`${area}=${route.method === 'GET' ? 'read' : 'write'}\` with \`kontor keys\`, or use another key.`);
}
