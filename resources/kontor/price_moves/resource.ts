import type { PriceMoveEntryRow, PriceMoveWhole } from '../../../billing/price_move/price_move.ts';
import type { Json, Resource, World } from '../../../server/context.ts';
import { minor } from '../../../server/http/wire.ts';
import { movesById, wholeMoves } from './rows.ts';

export function renderMove(move: PriceMoveWhole, world: World): Json {
  const { pending, scheduled, applied, skipped, failed } = move.progress;
  return {
    id: move.id,
    object: 'kontor.price_move',
    canceled_at: move.canceled_at,
    created: move.created,
    finished_at: move.finished_at,
    from_price: move.from_price,
    left_out: move.left_out,
    livemode: world.livemode,
    progress: { pending, scheduled, applied, skipped, failed },
    proration_behavior: move.proration_behavior,
    started_at: move.started_at,
    status: move.status,
    to_price: move.to_price,
    totals: move.totals,
    when: move.when,
  };
}

const amount = (value: bigint | null): number | null => (value === null ? null : minor(value));

export function renderEntry(entry: PriceMoveEntryRow): Json {
  return {
    id: entry.id,
    object: 'kontor.price_move_entry',
    amount_now: minor(entry.amount_now),
    applied_at: entry.applied_at,
    currency: entry.currency,
    customer: entry.customer,
    effective_at: entry.effective_at,
    invoice: entry.invoice,
    next_amount_after: amount(entry.next_amount_after),
    next_amount_before: amount(entry.next_amount_before),
    next_at_after: entry.next_at_after,
    next_at_before: entry.next_at_before,
    planned_at: entry.planned_at,
    price_move: entry.price_move,
    reason: entry.reason,
    state: entry.state,
    subscription: entry.subscription,
    subscription_item: entry.subscription_item,
  };
}

export const priceMove: Resource<PriceMoveWhole> = {
  object: 'kontor.price_move',
  prefix: 'pmv',
  render: renderMove,
  load: async (ctx, ids) => wholeMoves(ctx.tx, await movesById(ctx.tx, ids)),
  expands: { from_price: 'price', to_price: 'price' },
};

export const priceMoveEntry: Resource<PriceMoveEntryRow> = {
  object: 'kontor.price_move_entry',
  prefix: 'pmve',
  render: renderEntry,
  expands: { customer: 'customer', invoice: 'invoice', price_move: 'kontor.price_move', subscription: 'subscription', subscription_item: 'subscription_item' },
};
