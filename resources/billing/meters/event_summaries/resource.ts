import type Stripe from 'stripe';
import type { Window } from '../../../../billing/usage.ts';
import type { World } from '../../../../server/context.ts';
import type { Wire } from '../../../../server/http/wire.ts';

/** What a meter counted for a customer in a window. */
type Summary = Window & { meter: string; customer: string; value: string };

/** A summary is nowhere stored: its id says what it is about. */
const idOf = ({ meter, customer, start, end }: Summary) => `mtrusg_${meter.slice(4)}_${customer.slice(4)}_${start}_${end}`;

/** The beginning of the window that an id names. */
export const startOf = (id: string): number | null => {
  const match = /^mtrusg_.+_([0-9]{1,12})_[0-9]{1,12}$/.exec(id);
  return match && Number(match[1]);
};

export function renderSummary(summary: Summary, world: World): Wire<Stripe.Billing.MeterEventSummary> {
  return {
    id: idOf(summary),
    object: 'billing.meter_event_summary',
    aggregated_value: Number(summary.value),
    end_time: summary.end,
    livemode: world.livemode,
    meter: summary.meter,
    start_time: summary.start,
  };
}
