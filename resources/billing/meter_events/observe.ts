/** Who waits for usage to reach something: what is looked at once a batch is recorded. It costs a look-up in an index for each kind of thing that waits. */
import { usesIn } from '../../../billing/usage.ts';
import type { Context, UsageObserver } from '../../../server/context.ts';
import { arrayText, later, sql } from '../../../server/database/sql.ts';

/**
 * Sets the timers of what may be reached by this usage: thresholds of subscriptions, top-ups of credits, and alerts; those that tell once at all, and have told, are not asked again. They run in the lane of
 * the customer, right after this transaction: a timer that is being run is waited for and set again, so that no usage goes unseen. On a test clock they are set for its time, in real time for now. A
 * threshold that is due earlier stays: it counts up to its own second, and sets itself again for usage that lies behind it.
 */
function setTimers(ctx: Context, used: readonly { meter: string; customer: string }[]): void {
  const customers = sql`${arrayText([...new Set(used.map(({ customer }) => customer))], true)}::text[]`;
  later(
    ctx.tx,
    sql`insert into timers (kind, subject, at, lane, test_clock)
        select w.kind, w.subject, coalesce((select k.frozen_time from test_clocks k where k.id = w.test_clock), to_timestamp(${ctx.app.clock.now()}::bigint)) + make_interval(secs => w.after), w.customer, w.test_clock
        from (
          select 'subscription.threshold' as kind, s.id as subject, s.customer, s.test_clock, case when (s.billing_thresholds ->> 'reset_billing_cycle_anchor')::boolean then 1 else 0 end as after
          from subscriptions s where s.watched and s.customer = any(${customers}) and s.status in ('active', 'past_due')
          union all
          select 'credit_top_up.check', t.id, t.customer, t.test_clock, 0 from credit_top_ups t where t.active and t.customer = any(${customers})
          union all
          select distinct 'alert.check', a.id || ':' || u.customer, u.customer, c.test_clock, 0
          from unnest(${arrayText(used.map(({ meter }) => meter), true)}::text[], ${arrayText(used.map(({ customer }) => customer), true)}::text[]) as u (meter, customer)
          join billing_alerts a on a.meter = u.meter and a.status = 'active' and (a.customer is null or a.customer = u.customer)
          join customers c on c.id = u.customer
          where a.recurrence = 'recurring' or not exists (select from billing_alert_triggers t where t.alert = a.id and t.customer = u.customer and t.triggered_at >= a.since and c.test_clock is null)) w
        order by w.kind, w.subject
        on conflict (world, kind, subject) do update
        set at = case when timers.kind = 'subscription.threshold' and timers.failures = 0 then least(timers.at, excluded.at) else excluded.at end, failures = 0, error = null`,
  );
}

export const watchers: UsageObserver = {
  watches: async () => new Map(),
  async observe(ctx, { recorded, restored }) {
    const used = usesIn([...recorded, ...restored]);
    if (used.length > 0) setTimers(ctx, used);
  },
};
