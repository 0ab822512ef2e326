/**
 * Every query of a tenant goes through `inWorld`: one account in one mode, for one transaction. The policies of the database read which world it is from the transaction, so that a
 * query which forgets to ask for it still sees nothing else; a connection that is in no transaction of ours sees no world at all.
 */

import type pg from 'pg';

/** Anything that can be asked a query: a pool, a client, a transaction. */
export type Queryable = Pick<pg.ClientBase, 'query'>;

/** A transaction. It ends with the function that it was given to. */
export type Tx = Queryable;

/**
 * Runs `work` in a transaction in which only the rows of the world exist. Commits when it returns, rolls back when it throws. Retries nothing: what failed is told to the caller.
 * Throws when PostgreSQL rolled back although `work` returned, which happens when it has swallowed the error of a query.
 */
export function inWorld<Result>(pool: pg.Pool, world: { readonly id: number }, work: (tx: Tx) => Promise<Result>): Promise<Result> {
  if (!Number.isSafeInteger(world.id) || world.id < 1) throw new Error(`There is no world number ${world.id}.`);
  return transaction(pool, `begin; set local kontor.world = '${world.id}'`, work);
}

/** Runs `work` in a transaction that sees, in the tables which allow it, the rows of all worlds, and can change nothing: to find out what is due, and whose key it is. */
export function overAllWorlds<Result>(pool: pg.Pool, work: (tx: Tx) => Promise<Result>): Promise<Result> {
  return transaction(pool, `begin read only; set local kontor.world = '0'`, work);
}

async function transaction<Result>(pool: pg.Pool, opening: string, work: (tx: Tx) => Promise<Result>): Promise<Result> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    // One trip to the server for both statements.
    await client.query(opening);
    const result = await work(client);
    const { command } = await client.query('commit');
    if (command !== 'COMMIT') throw new Error('The transaction was rolled back, since a query in it had failed and its error was not passed on.');
    return result;
  } catch (error) {
    // Where the roll-back fails too, the connection is gone; the server rolls back by itself, and the pool must not use it again.
    await client.query('rollback').catch((failure: Error) => { broken = failure; });
    throw error;
  } finally {
    client.release(broken);
  }
}
