/** Who waits for usage to reach something: what is looked at once a batch is recorded. It costs a look-up in an index for each kind of thing that waits. */
import { usesIn } from '../../../billing/usage.ts';
import type { Context, UsageObserver } from '../../../server/context.ts';
import { arrayText, later, sql } from '../../../server/database/sql.ts';

/**
 * Sets the timers of what may be reached by the usage of these customers. They run in the lane of the customer, right after this transaction: a timer that is being run is waited for and set again, so
 * that no usage goes unseen. On a test clock they are set for its time, in real time for now. One that is due earlier stays: it counts up to its own second, and sets itself again for usage that lies behind it.
 */
function setThresholds(ctx: Context, customers: readonly string[]): void {
  later(
    ctx.tx,
    sql`insert into timers (kind, subject, at, lane, test_clock)
        select 'subscription.threshold', s.id, coalesce(c.frozen_time, to_timestamp(${ctx.app.clock.now()}::bigint))
            + (case when (s.billing_thresholds ->> 'reset_billing_cycle_anchor')::boolean then interval '1 second' else interval '0' end), s.customer, s.test_clock
        from subscriptions s left join test_clocks c on c.id = s.test_clock
        where s.watched and s.customer = any(${arrayText(customers, true)}::text[]) and s.status in ('active', 'past_due')
        order by s.id
        on conflict (world, kind, subject) do update set at = case when timers.failures = 0 then least(timers.at, excluded.at) else excluded.at end, failures = 0, error = null`,
  );
}

/** Alerts that have told all that they tell are not asked again: those that tell once at all, and have. */
function setAlerts(ctx: Context, used: readonly { meter: string; customer: string }[]): void {
  later(
    ctx.tx,
    sql`insert into timers (kind, subject, at, lane, test_clock)
        select distinct 'alert.check', a.id || ':' || u.customer, coalesce(k.frozen_time, to_timestamp(${ctx.app.clock.now()}::bigint)), u.customer, c.test_clock
        from unnest(${arrayText(used.map((each) => each.meter), true)}::text[], ${arrayText(used.map((each) => each.customer), true)}::text[]) as u (meter, customer)
        join billing_alerts a on a.meter = u.meter and a.status = 'active' and (a.customer is null or a.customer = u.customer)
        join customers c on c.id = u.customer left join test_clocks k on k.id = c.test_clock
        where a.recurrence = 'recurring' or not exists (select from billing_alert_triggers t where t.alert = a.id and t.customer = u.customer and t.triggered_at >= a.since and c.test_clock is null)
        order by 2
        on conflict (world, kind, subject) do update set at = excluded.at, failures = 0, error = null`,
  );
}

function setTopUps(ctx: Context, customers: readonly string[]): void {
  later(
    ctx.tx,
    sql`insert into timers (kind, subject, at, lane, test_clock)
        select 'credit_top_up.check', t.id, coalesce(k.frozen_time, to_timestamp(${ctx.app.clock.now()}::bigint)), t.customer, t.test_clock
        from credit_top_ups t left join test_clocks k on k.id = t.test_clock where t.active and t.customer = any(${arrayText(customers, true)}::text[])
        order by t.id
        on conflict (world, kind, subject) do update set at = excluded.at, failures = 0, error = null`,
  );
}

export const watchers: UsageObserver = {
  watches: async () => new Map(),
  async observe(ctx, { recorded, restored }) {
    const used = usesIn([...recorded, ...restored]);
    if (used.length === 0) return;
    const customers = [...new Set(used.map(({ customer }) => customer))];
    setThresholds(ctx, customers);
    setTopUps(ctx, customers);
    setAlerts(ctx, used);
  },
};
