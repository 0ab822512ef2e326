/** The plan as a whole: what its dry run comes to, and its way from a draft to the last of its entries. */
import { decision, refuse, type Decision, type Instant, type Moment, type Timer } from '../decision.ts';
import { minor } from '../money.ts';
import type { ProrationBehavior } from '../subscription/change.ts';
import { refusePrice, type PriceAsked } from '../subscription/items.ts';
import type { MoveTotals, PriceMoveEntryRow, PriceMoveRow } from './price_move.ts';

type MoveOrder = { from: { id: string }; to: PriceAsked; proration_behavior: ProrationBehavior; when: PriceMoveRow['when'] };

const applying = (move: PriceMoveRow, at: Instant | null): Timer => ({ kind: 'price_move.apply', subject: move.id, at, lane: move.id, test_clock: null });

/** A new plan without its entries. The price that is left may be archived; the one that is gone to may not, and has to recur. */
export function draftMove({ from, to, proration_behavior, when }: MoveOrder, moment: Moment): PriceMoveRow {
  if (from.id === to.terms.id) refuse(undefined, 'The two prices are the same one.', to.param);
  // Whether it has an amount in the currency of a subscription is that subscription's own question.
  refusePrice(to, 'recurring', to.terms.currency);
  return {
    id: moment.newId('pmv'), created: moment.now, from_price: from.id, to_price: to.terms.id, proration_behavior, when, status: 'draft', left_out: 0, totals: [], started_at: null, finished_at: null, canceled_at: null,
  };
}

/** The sums of what can be moved, by currency. */
function totalsOf(entries: readonly PriceMoveEntryRow[]): MoveTotals[] {
  const movable = Map.groupBy(entries.filter((entry) => entry.state === 'pending'), (entry) => entry.currency);
  const sum = (amounts: readonly (bigint | null)[]) => minor(amounts.reduce<bigint>((all, each) => all + (each ?? 0n), 0n));
  return [...movable].sort(([a], [b]) => (a < b ? -1 : 1)).map(([currency, each]) => ({
    currency,
    subscriptions: each.length,
    amount_now: sum(each.map((entry) => entry.amount_now)),
    next_amount_before: sum(each.map((entry) => entry.next_amount_before)),
    next_amount_after: sum(each.map((entry) => entry.next_amount_after)),
  }));
}

/** The plan with its dry run, to be looked at. */
export function planMove(move: PriceMoveRow, entries: readonly PriceMoveEntryRow[], left_out: number): Decision & { move: PriceMoveRow } {
  const planned: PriceMoveRow = { ...move, left_out, totals: totalsOf(entries) };
  const puts = [{ table: 'price_moves', before: null, after: planned }, ...entries.map((after) => ({ table: 'price_move_entries', before: null, after }))];
  return { ...decision(), puts, move: planned };
}

const changed = (before: PriceMoveRow, after: PriceMoveRow, at: Instant | null): Decision & { move: PriceMoveRow } =>
  ({ ...decision(), puts: [{ table: 'price_moves', before, after }], timers: [applying(after, at)], move: after });

/** Lets the entries move by themselves from now on. */
export function startMove(before: PriceMoveRow, moment: Moment): Decision & { move: PriceMoveRow } {
  if (before.status !== 'draft') refuse(undefined, `The price move ${before.id} is ${before.status}: only a draft can be applied. Make another plan for what is left.`);
  return changed(before, { ...before, status: 'applying', started_at: moment.now }, moment.now);
}

/** Stops it. What has moved stays moved; what is pending, or waits for the end of a period (`scheduled` of them do), stays as it was. */
export function cancelMove(before: PriceMoveRow, scheduled: number, moment: Moment): Decision & { move: PriceMoveRow } {
  const stoppable = before.status === 'draft' || before.status === 'applying' || (before.status === 'applied' && scheduled > 0);
  if (!stoppable) refuse(undefined, `The price move ${before.id} is ${before.status}: there is nothing left to cancel.`);
  return changed(before, { ...before, status: 'canceled', canceled_at: moment.now }, null);
}

/** Writes what a batch has come to, and goes on at once; a batch without entries is the end. */
export function advanceMove(before: PriceMoveRow, entries: readonly { before: PriceMoveEntryRow; after: PriceMoveEntryRow }[], moment: Moment): Decision & { move: PriceMoveRow } {
  const next = entries.length > 0 ? changed(before, before, moment.now) : changed(before, { ...before, status: 'applied', finished_at: moment.now }, null);
  return { ...next, puts: [...next.puts, ...entries.map((entry) => ({ table: 'price_move_entries', ...entry }))] };
}
