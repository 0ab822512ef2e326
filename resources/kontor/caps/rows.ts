import type { CapFacts, CapRow, ReservationRow } from '../../../billing/cap.ts';
import type { Instant } from '../../../billing/decision.ts';
import { usageAsked } from '../../../billing/subscription/lines.ts';
import type { SubscriptionWhole } from '../../../billing/subscription/subscription.ts';
import { rows, rowsById, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';
import { usageByGroup, usageOf } from '../../../server/usage/counted.ts';
import type { Asked } from '../../../server/usage/spans.ts';
import { provisionalOf } from '../outcomes/rows.ts';
import { ongoingOf } from '../../subscriptions/rows.ts';

export function capsById(tx: Tx, ids: readonly string[], lock = false): Promise<CapRow[]> {
  return rowsById<CapRow>(tx, 'usage_caps', ids, lock);
}

/** The active caps of a customer. Whoever reserves, or records what was reserved, locks them first: one after the other. */
export function capsOf(tx: Tx, customer: string, lock: boolean): Promise<CapRow[]> {
  return rows<CapRow>(tx, sql`select * from usage_caps where customer = ${customer} and status = 'active' order by id ${lock ? sql`for update` : sql``}`);
}

const HOUR = 3_600;
const DAY = 86_400;

/** Where the span of a cap begins that counts units: `at` lies in it. */
function spanStart(cap: CapRow, subscriptions: readonly SubscriptionWhole[], at: Instant): Instant {
  const month = () => Date.parse(`${new Date(at * 1_000).toISOString().slice(0, 7)}-01T00:00:00Z`) / 1_000;
  if (cap.period === 'lifetime') return 0;
  if (cap.period === 'day') return at - (at % DAY);
  if (cap.period === 'month') return month();
  const starts = subscriptions.flatMap((each) => each.items.filter((item) => item.terms.meter === cap.meter).map((item) => item.current_period_start));
  return starts.length > 0 ? Math.max(...starts) : month();
}

/** All that says how the caps of a customer stand at a moment: what was reported a little ahead of it counts, too, and so do outcomes that silence will make a success. */
export async function capFacts(tx: Tx, customer: string, caps: readonly CapRow[], at: Instant): Promise<CapFacts> {
  const until = at + HOUR;
  const reserved = await rows<ReservationRow>(tx, sql`select * from usage_reservations where customer = ${customer} and status = 'reserved' and expires_at > to_timestamp(${at}::bigint)`);
  const subscriptions = caps.some((cap) => cap.meter === null || cap.period === 'billing_period') ? await ongoingOf(tx, customer) : [];
  const spans = caps.filter((cap) => cap.meter !== null).map((cap): Asked => ({ key: cap.id, meter: cap.meter!, customer, start: spanStart(cap, subscriptions, at), end: until }));
  const items = caps.some((cap) => cap.meter === null) ? subscriptions.flatMap((each) => usageAsked(each, at + 1)).map((each) => ({ ...each, end: until })) : [];
  const provisional = (await provisionalOf(tx, customer)).map((each) => ({ ...each, dimensions: {} }));
  return { caps, counted: await usageOf(tx, spans), subscriptions, usage: await usageByGroup(tx, items), reserved: [...reserved, ...provisional] };
}

export function reservationsById(tx: Tx, ids: readonly string[], lock = false): Promise<ReservationRow[]> {
  return rowsById<ReservationRow>(tx, 'usage_reservations', ids, lock);
}
