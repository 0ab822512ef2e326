/** Reads and locks what decisions about schedules need. */
import type { CustomerWhole } from '../../billing/customer/customer.ts';
import type { Moment } from '../../billing/decision.ts';
import type { ScheduleWhole } from '../../billing/schedule/schedule.ts';
import type { StartFacts } from '../../billing/subscription/start.ts';
import { momentOn, type Context } from '../../server/context.ts';
import { missing } from '../../server/http/errors.ts';
import { payersOf } from '../charges/rows.ts';
import { customersById } from '../customers/rows.ts';
import { lockSubscription, pendingOf, subscriptionCounts, surroundings, type Locked } from '../subscriptions/rows.ts';
import { ownerOf, schedulesById } from './rows.ts';
import { startDue } from './timers.ts';

/** What a start reads, by customer. */
export async function startFacts(ctx: Context, customers: readonly CustomerWhole[]): Promise<(customer: CustomerWhole) => StartFacts> {
  const ids = customers.map((customer) => customer.id);
  const [around, counts, payers, pending] = await Promise.all([surroundings(ctx, customers), subscriptionCounts(ctx.tx, ids), payersOf(ctx.tx, ids), pendingOf(ctx.tx, ids, [])]);
  return (customer) => ({ ...around(customer), subscriptions: counts.get(customer.id) ?? 0, first_time: !payers.has(customer.id), pending: pending.get(customer.id) ?? [] });
}

export type LockedSchedule = { schedule: ScheduleWhole; customer: CustomerWhole; moment: Moment; /** Its subscription, while it runs. */ running: Locked | null };

/** A schedule for a request, locked with its subscription, at its own time: what was to happen until now has happened. */
export async function lockSchedule(ctx: Context, id: string): Promise<LockedSchedule> {
  const owner = (await ownerOf(ctx.tx, id)) ?? missing('subscription schedule', id);
  const moment = await momentOn(ctx, owner.test_clock);
  const [customer] = await customersById(ctx.tx, [owner.customer], true);
  const read = async () => (await schedulesById(ctx.tx, [id], true))[0]!;
  let schedule = await read();
  if (schedule.status === 'not_started' && schedule.phases[0]!.start_date <= moment.now) {
    await startDue(ctx, [{ subject: id, at: schedule.phases[0]!.start_date }]);
    schedule = await read();
  }
  if (schedule.status !== 'active') return { schedule, customer: customer!, moment, running: null };
  const running = await lockSubscription(ctx, schedule.subscription!);
  schedule = await read();
  return { schedule, customer: running.customer, moment, running: schedule.status === 'active' ? running : null };
}
