/** A plan that moves subscriptions from one price to another, as it is stored. */
import type { Instant } from '../decision.ts';
import type { ProrationBehavior } from '../subscription/change.ts';

/** What the plan's subscriptions of one currency come to together, in minor units; each a sum of the entries that can be moved. */
export type MoveTotals = { currency: string; subscriptions: number; amount_now: number; next_amount_before: number; next_amount_after: number };

export type PriceMoveRow = {
  id: string;
  created: Instant;
  from_price: string;
  to_price: string;
  proration_behavior: ProrationBehavior;
  /** `period_end`: each item keeps its price until its own period ends. */
  when: 'now' | 'period_end';
  /** A draft is looked at; once it is applied its entries move by themselves, and `applied` says that none is left to. */
  status: 'draft' | 'applying' | 'applied' | 'canceled';
  left_out: number;
  totals: MoveTotals[];
  started_at: Instant | null;
  finished_at: Instant | null;
  canceled_at: Instant | null;
};

/** `scheduled`: its item waits for the end of its period. */
export type EntryState = 'pending' | 'scheduled' | 'applied' | 'skipped' | 'failed';

/** A plan with how many of its entries are in each state. */
export type PriceMoveWhole = PriceMoveRow & { progress: Record<EntryState, number> };

/** One subscription of a plan. Amounts are invoices' totals: after discounts and tax, before the customer's balance. */
export type PriceMoveEntryRow = {
  id: string;
  created: Instant;
  price_move: string;
  subscription: string;
  subscription_item: string;
  customer: string;
  state: EntryState;
  reason: string | null;
  currency: string;
  planned_at: Instant;
  seen: Record<string, string>;
  amount_now: bigint;
  next_amount_before: bigint | null;
  next_amount_after: bigint | null;
  next_at_before: Instant | null;
  next_at_after: Instant | null;
  /** From when on the new price counts. */
  effective_at: Instant | null;
  applied_at: Instant | null;
  invoice: string | null;
};
