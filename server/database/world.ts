/**
 * Every query of a tenant goes through `inWorld`: one account in one mode, for one transaction. The policies of the database read which world it is from the transaction, so that a
 * query which forgets to ask for it still sees nothing else; a connection that is in no transaction of ours sees no world at all.
 *
 * Tables that are also looked at over all worlds have a second policy beside that one. PostgreSQL then has a choice of two where it plans, and does not see that an index by world holds the rows in its order: so what only reads such a
 * table, and neither locks nor changes its rows, says `world = kontor_world()` itself.
 */

import type pg from 'pg';
import { outboxOf } from './batch.ts';
import { rows, sql, statementName, type Sql } from './sql.ts';

/** Anything that can be asked a query: a pool, a client, a transaction. */
export type Queryable = Pick<pg.ClientBase, 'query'>;

/** A transaction. It ends with the function that it was given to. */
export type Tx = Queryable & {
  /** Sends a statement without waiting for it: it travels with what comes next, and where it fails, the transaction fails at its end. */
  later(statement: pg.QueryConfig): void;
};

/**
 * Runs `work` in a transaction in which only the rows of the world exist. Commits when it returns, rolls back when it throws. Retries nothing: what failed is told to the caller.
 * Throws when PostgreSQL rolled back although `work` returned, which happens when it has swallowed the error of a query.
 */
export function inWorld<Result>(pool: pg.Pool, world: { readonly id: number }, work: (tx: Tx) => Promise<Result>): Promise<Result> {
  return transaction(pool, [BEGIN, settingOf(world)], work);
}

/** Runs `work` in a transaction that sees, in the tables which allow it, the rows of all worlds, and can change nothing: to find out what is due, and whose key it is. */
export function overAllWorlds<Result>(pool: pg.Pool, work: (tx: Tx) => Promise<Result>): Promise<Result> {
  return transaction(pool, [BEGIN_READING, setting('0')], work);
}

/** The worlds in which there is something of a kind, e.g. ``sql`timers t where t.world = w.id and …` ``: who works in all of them begins so. */
export function worldsWith(pool: pg.Pool, something: Sql): Promise<{ id: number; account: string; livemode: boolean }[]> {
  return overAllWorlds(pool, (tx) => rows(tx, sql`select w.id, w.account, w.livemode from worlds w where exists (select from ${something} offset 0)`));
}

/** Runs `work` in one transaction that is in several worlds, one after the other: what is sent after `enter` sees that one only, and before it none. For what must hold together although it is of several tenants. */
export function inWorldsInTurn<Result>(pool: pg.Pool, work: (tx: Tx, enter: (world: { readonly id: number }) => void) => Promise<Result>): Promise<Result> {
  return transaction(pool, [BEGIN], (tx) => work(tx, (world) => tx.later(settingOf(world))));
}

const named = (text: string): pg.QueryConfig => ({ name: statementName(text), text });
const [BEGIN, BEGIN_READING, COMMIT] = [named('begin'), named('begin read only'), named('commit')];
const SETTING = named(`select set_config('kontor.world', $1, true)`);
const setting = (world: string): pg.QueryConfig => ({ ...SETTING, values: [world] });

function settingOf({ id }: { readonly id: number }): pg.QueryConfig {
  if (!Number.isSafeInteger(id) || id < 1) throw new Error(`There is no world number ${id}.`);
  return setting(String(id));
}

/** What PostgreSQL says to every statement after one that failed: also where that kept it from parsing the statement. */
const ABORTED = new Set<unknown>(['25P02', '26000']);

async function transaction<Result>(pool: pg.Pool, opening: readonly pg.QueryConfig[], work: (tx: Tx) => Promise<Result>): Promise<Result> {
  const client = await pool.connect();
  const { query, later, flush } = outboxOf(client);
  let broken: Error | undefined;
  // Why something failed that was sent for later. It is told at the end, or in place of what fails because of it.
  let unheard: unknown;
  const send = (statement: pg.QueryConfig): void => later(statement, (error) => { unheard ??= error; });
  const cause = (error: unknown): unknown => (ABORTED.has((error as { code?: unknown }).code) ? (unheard ?? error) : error);
  try {
    // The opening travels with the first query of the work, and what is sent for later with the commit.
    opening.forEach(send);
    const result = await work({ query, later: send });
    const { command } = await query(COMMIT);
    if (unheard !== undefined) throw unheard;
    if (command !== 'COMMIT') throw new Error('The transaction was rolled back, since a query in it had failed and its error was not passed on.');
    return result;
  } catch (error) {
    flush();
    // Where the roll-back fails too, the connection is gone; the server rolls back by itself, and the pool must not use it again.
    await client.query('rollback').catch((failure: Error) => { broken = failure; });
    throw cause(error);
  } finally {
    client.release(broken);
  }
}

/** Whether a row could not be inserted since the table has another one of its name. */
const isTaken = (error: unknown, table: RegExp): boolean => (error as { code?: unknown }).code === '23505' && table.test((error as { table?: string }).table ?? '');

/** What of the database passes by itself, so that the same may be tried again: others held what was wanted, or it could not be reached. Null for every other error. Nothing was done. */
export function passing(error: unknown): 'contended' | 'unreachable' | null {
  const { code = '', message = '' } = error as { code?: unknown; message?: string };
  // Usage events are appended, and outcomes begun, where their names were free a moment ago (`server/usage/record.ts`).
  if (/^(?:40001|40P01|55P03)$/.test(String(code)) || isTaken(error, /^(?:meter_events_[0-9]+|outcomes)$/)) return 'contended';
  const gone = /^(?:08...|53...|57P0[1-5]|25006|ECONN(?:REFUSED|RESET)|ENOENT|EPIPE|ETIMEDOUT)$/.test(String(code)) || /^(?:Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/.test(message);
  return gone ? 'unreachable' : null;
}

/** Runs `work` in a transaction of a connection that is the caller's own. */
export async function transactionOn<Result>(client: Queryable, work: () => Promise<Result>): Promise<Result> {
  await client.query('begin');
  try {
    const result = await work();
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}
