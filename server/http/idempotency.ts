/** Idempotency as Stripe's v1: the first answer is stored in the transaction of its effect and given again, byte for byte. */
import { createHash } from 'node:crypto';
import type { App, Context, Json } from '../context.ts';
import { later, row, sql } from '../database/sql.ts';
import { keyInUse, keyMismatch } from './errors.ts';
import { isMap, Upload, type Raw, type RawMap } from './forms.ts';
import type { Reference } from './route.ts';

/** Keys are kept this long; after that the same key is a new request. */
export const KEY_LIFETIME_S = 30 * 86_400;

/** What an unfinished request waits for: the answers to its calls, and the object to answer with; where others have removed that by then, as the request has `left` it. */
export type Continuation = Reference['ref'] & { left: Json; expand: string[]; calls: string[] };

export type Remembered = { status: number; body: string; request_id: string } | { continuation: Continuation };

/**
 * By which a request is recognised: its parameters, however they are spelt and in whichever order. It is signed, so that nobody finds out by trying what short secret, such as the number of a card, was among them.
 */
export function fingerprint(app: Pick<App, 'sign'>, method: string, path: string, params: RawMap): Buffer {
  return Buffer.from(app.sign(createHash('sha256').update(`${method} ${path}\n${JSON.stringify(params, inOrder)}`).digest('base64url')), 'base64url');
}

/** Maps by their names, and of a file what is in it. */
function inOrder(_name: string, value: Raw): unknown {
  if (value instanceof Upload) return [value.filename, createHash('sha256').update(value.bytes).digest('base64url')];
  return isMap(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value;
}

/** A browser's keys are its own: it neither sees what a secret key was answered, nor stands in its way. */
const keptAs = (ctx: Context, key: string): string => (ctx.request!.publishable ? `publishable ${key}` : key);

/** Waits until no other transaction has the key. */
export function awaitKey(ctx: Context, key: string): void {
  later(ctx.tx, sql`select pg_advisory_xact_lock(hashtextextended(${`key ${keptAs(ctx, key)}`}, ${ctx.world.id}))`);
}

/**
 * Claims the key for this transaction. Returns what an earlier request with it left, or null for a new one.
 * Refuses while another transaction holds the key, or where the earlier request was another one.
 */
export async function claimKey(ctx: Context, key: string, print: Buffer): Promise<Remembered | null> {
  const kept = keptAs(ctx, key);
  const found = await row<{ locked: boolean; fingerprint: Buffer | null; status: number | null; body: string; request_id: string; continuation: Continuation | null }>(
    ctx.tx,
    sql`select pg_try_advisory_xact_lock(hashtextextended(${`key ${kept}`}, ${ctx.world.id})) as locked, k.fingerprint, k.status, k.body, k.request_id, k.continuation
        from (select 1) one left join idempotency_keys k on k.world = kontor_world() and k.key = ${kept} and k.created > to_timestamp(${ctx.app.clock.now() - KEY_LIFETIME_S}::bigint)`,
  );
  if (!found?.locked) keyInUse(key);
  if (!found.fingerprint) return null;
  if (!found.fingerprint.equals(print)) keyMismatch(key);
  if (found.status !== null) return { status: found.status, body: found.body, request_id: found.request_id };
  return { continuation: found.continuation! };
}

/** Remembers the answer, or what the answer waits for. */
export function remember(ctx: Context, key: string, print: Buffer, what: { status: number; body: string } | { continuation: Continuation }): void {
  const { status, body, continuation } = { status: null, body: null, continuation: null, ...what };
  later(
    ctx.tx,
    sql`insert into idempotency_keys (key, request_id, fingerprint, continuation, status, body, created)
        values (${keptAs(ctx, key)}, ${ctx.request!.id}, ${print}, ${continuation}, ${status}, ${body}, to_timestamp(${ctx.app.clock.now()}::bigint))
        on conflict (world, key) do update
        set request_id = excluded.request_id, fingerprint = excluded.fingerprint, continuation = excluded.continuation, status = excluded.status, body = excluded.body, created = excluded.created
        where idempotency_keys.status is null or idempotency_keys.created <= to_timestamp(${ctx.app.clock.now() - KEY_LIFETIME_S}::bigint)`,
  );
}
