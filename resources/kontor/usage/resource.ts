import type { Instant } from '../../../billing/decision.ts';
import type { Json, Resource, World } from '../../../server/context.ts';
import { answerTo } from '../../../server/http/errors.ts';
import type { Recorded } from '../../../server/usage/record.ts';
import type { StoredEvent } from '../../../server/usage/events.ts';
import { correctionsById } from './rows.ts';

/** The answer to a batch: what became of each event, in the order in which they were sent. */
export function renderBatch(recorded: readonly Recorded[], url: string): Json {
  const count = (status: Recorded['status']) => recorded.filter((each) => each.status === status).length;
  return {
    object: 'kontor.usage_batch',
    accepted: count('accepted'),
    duplicates: count('duplicate'),
    refused: count('refused'),
    results: recorded.map((each) => (each.status === 'refused' ? { status: each.status, error: answerTo(each.refusal, url).body.error } : { status: each.status, identifier: each.event.identifier, timestamp: each.event.timestamp })),
  };
}

/** An event as a meter counts it. */
export function renderEvent(event: StoredEvent, world: World): Json {
  return {
    object: 'kontor.usage_event',
    created: event.created,
    customer: event.customer,
    dimensions: event.dimensions === '' ? {} : (JSON.parse(event.dimensions) as Json),
    event_name: event.event_name,
    identifier: event.identifier,
    livemode: world.livemode,
    meter: event.meter,
    payload: event.payload,
    timestamp: event.timestamp,
    value: event.value,
  };
}

export type CorrectionRow = {
  id: string;
  created: Instant;
  type: 'amend' | 'backfill' | 'revert';
  event_name: string;
  /** Null where no meter counts its events: outcomes follow from them. */
  meter: string | null;
  customer: string;
  starts_at: Instant;
  ends_at: Instant;
  events_canceled: number;
  events_recorded: number;
  /** What the meter had counted in the span, and counts since: exact decimals. Null without a meter. */
  before: string | null;
  after: string | null;
  reverts: string | null;
  reverted_by: string | null;
  reason: string | null;
};

export function renderCorrection(row: CorrectionRow, world: World, dry_run = false): Json {
  return {
    id: row.id,
    object: 'kontor.usage_correction',
    after: row.after,
    before: row.before,
    created: row.created,
    customer: row.customer,
    dry_run,
    end_time: row.ends_at,
    event_name: row.event_name,
    events_canceled: row.events_canceled,
    events_recorded: row.events_recorded,
    livemode: world.livemode,
    meter: row.meter,
    reason: row.reason,
    reverted_by: row.reverted_by,
    reverts: row.reverts,
    start_time: row.starts_at,
    type: row.type,
  };
}

export const correction: Resource<CorrectionRow> = {
  object: 'kontor.usage_correction',
  prefix: 'mtrc',
  render: (row, world) => renderCorrection(row, world),
  load: (ctx, ids) => correctionsById(ctx.tx, ids),
  expands: { customer: 'customer', meter: 'billing.meter', reverted_by: 'kontor.usage_correction', reverts: 'kontor.usage_correction' },
};
