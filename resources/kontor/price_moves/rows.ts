import type { Instant } from '../../../billing/decision.ts';
import type { EntryState, PriceMoveEntryRow, PriceMoveRow, PriceMoveWhole } from '../../../billing/price_move/price_move.ts';
import { row, rows, rowsById, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';

/** `lock` keeps others from changing them until the transaction ends. */
export function movesById(tx: Tx, ids: readonly string[], lock = false): Promise<PriceMoveRow[]> {
  return rowsById<PriceMoveRow>(tx, 'price_moves', ids, lock);
}

/** Plans with how many of their entries are in which state: one count for all of them. */
export async function wholeMoves(tx: Tx, moves: readonly PriceMoveRow[]): Promise<PriceMoveWhole[]> {
  const counted = await rows<{ price_move: string; state: EntryState; count: number }>(
    tx,
    sql`select price_move, state, count(*)::integer as count from price_move_entries where price_move = any(${moves.map((move) => move.id)}::text[]) group by price_move, state`,
  );
  const of = Map.groupBy(counted, (each) => each.price_move);
  return moves.map((move) => ({ ...move, progress: { pending: 0, scheduled: 0, applied: 0, skipped: 0, failed: 0, ...Object.fromEntries((of.get(move.id) ?? []).map(({ state, count }) => [state, count])) } }));
}

/** The subscriptions that have a price and have not ended, or of them those that are named: the ones whose item was made first come first. */
export async function subscribersOf(tx: Tx, price: string, named: readonly string[] | undefined, limit: number): Promise<{ subscriptions: string[]; left_out: number }> {
  const having = sql`from subscription_items i join subscriptions s on s.world = i.world and s.id = i.subscription
    where i.price = ${price} and not i.deleted and s.status not in ('canceled', 'incomplete_expired') ${named === undefined ? sql`` : sql`and s.id = any(${named}::text[])`}`;
  const [found, all] = await Promise.all([
    rows<{ subscription: string }>(tx, sql`select i.subscription ${having} order by i.created, i.id limit ${limit}`),
    row<{ count: number }>(tx, sql`select count(*)::integer as count ${having}`),
  ]);
  return { subscriptions: found.map((each) => each.subscription), left_out: all!.count - found.length };
}

/** The times of test clocks. `hold` keeps them from being advanced until the transaction ends. */
export async function timesOf(tx: Tx, clocks: readonly string[], hold: boolean): Promise<Map<string, Instant>> {
  if (clocks.length === 0) return new Map();
  const found = await rows<{ id: string; frozen_time: Instant }>(tx, sql`select id, frozen_time from test_clocks where id = any(${clocks}::text[]) order by id ${hold ? sql`for share` : sql``}`);
  return new Map(found.map((clock) => [clock.id, clock.frozen_time]));
}

/** Keeps customers from being locked by anybody else, in the order in which all lock them: entries that name them may be written then in any order. */
export async function holdCustomers(tx: Tx, customers: readonly string[]): Promise<void> {
  await rows(tx, sql`select id from customers where id = any(${customers}::text[]) order by id for key share`);
}

/** What is to be moved next, of each customer one, so that none of a batch bears upon another. */
export function nextEntries(tx: Tx, move: string, limit: number): Promise<PriceMoveEntryRow[]> {
  return rows<PriceMoveEntryRow>(tx, sql`select distinct on (customer) * from price_move_entries where price_move = ${move} and state = 'pending' order by customer, id limit ${limit}`);
}
