import { refuse, together } from '../../billing/decision.ts';
import { cancelSchedule, editSchedule, releaseSchedule } from '../../billing/schedule/edit.ts';
import type { ScheduleRow } from '../../billing/schedule/schedule.ts';
import { createSchedule, scheduleOf } from '../../billing/schedule/start.ts';
import { commit } from '../../server/commit.ts';
import { momentOn, type Context, type Json } from '../../server/context.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import type { Answer } from '../../server/http/route.ts';
import { page, renderList } from '../../server/lists.ts';
import { lockCustomer } from '../customers/rows.ts';
import { changeFacts, lockSubscription, unpaidOf } from '../subscriptions/rows.ts';
import { changeAsked, newAsked } from './asked.ts';
import { lockSchedule, startFacts, type LockedSchedule } from './facts.ts';
import type * as params from './params.ts';
import { renderSchedule } from './resource.ts';
import { matching, schedulesById, wholeSchedules } from './rows.ts';

type Created = Params<typeof params.createSchedule>;
type Updated = Params<typeof params.updateSchedule>;

const answer = (id: string): Answer => ({ ref: { object: 'subscription_schedule', id } });

export async function create(ctx: Context, given: Created): Promise<Answer> {
  if (given.from_subscription !== undefined) return adopt(ctx, given, given.from_subscription);
  const { customer: whose = refuse('parameter_missing', 'Say for whom the schedule is: give `customer`, or `from_subscription`.', 'customer') } = given;
  const customer = await lockCustomer(ctx, whose, 'customer');
  const moment = await momentOn(ctx, customer.test_clock);
  const { order, named, made: before } = await newAsked(ctx, given, customer, moment);
  const made = createSchedule(order, (await startFacts(ctx, [customer]))(customer), named, moment);
  await commit(ctx, together([...before, made]));
  return answer(made.schedule.id);
}

/** A schedule of a subscription that runs is made of that alone; what is to come is said by a change of it. */
async function adopt(ctx: Context, { from_subscription: _from, ...rest }: Created, subscription: string): Promise<Answer> {
  const [more] = Object.entries(rest).filter(([, value]) => value !== undefined).map(([name]) => name);
  if (more !== undefined) refuse(undefined, 'A schedule that is made `from_subscription` takes everything from there. Make it first, then change it.', more);
  const locked = await lockSubscription(ctx, subscription, 'from_subscription');
  const made = scheduleOf(locked.subscription, locked.moment);
  await commit(ctx, made);
  return answer(made.schedule.id);
}

export async function update(ctx: Context, given: Updated, path: { schedule: string }): Promise<Answer> {
  const locked = await lockSchedule(ctx, path.schedule);
  const { schedule, customer, moment } = locked;
  const { order, named, made } = await changeAsked(ctx, given, schedule, customer, moment);
  const facts = { schedule, named, running: locked.running && (await changeFacts(ctx, locked.running)), starting: (await startFacts(ctx, [customer]))(customer) };
  await commit(ctx, together([...made, editSchedule(order, facts, moment)]));
  return answer(schedule.id);
}

const runningFacts = async (ctx: Context, { running }: LockedSchedule) => running && { ...(await changeFacts(ctx, running)), unpaid: await unpaidOf(ctx.tx, [running.subscription.id]) };

export async function cancel(ctx: Context, given: Params<typeof params.cancelSchedule>, path: { schedule: string }): Promise<Answer> {
  const locked = await lockSchedule(ctx, path.schedule);
  await commit(ctx, cancelSchedule(given, locked.schedule, await runningFacts(ctx, locked), locked.moment));
  return answer(path.schedule);
}

export async function release(ctx: Context, given: Params<typeof params.releaseSchedule>, path: { schedule: string }): Promise<Answer> {
  const { schedule, running, moment } = await lockSchedule(ctx, path.schedule);
  await commit(ctx, releaseSchedule(given, schedule, running && running.subscription, moment));
  return answer(path.schedule);
}

export async function retrieve(ctx: Context, _given: object, path: { schedule: string }): Promise<Json> {
  const [found] = await schedulesById(ctx.tx, [path.schedule]);
  return renderSchedule(found ?? missing('subscription schedule', path.schedule), ctx.world);
}

export async function list(ctx: Context, given: Params<typeof params.listSchedules>): Promise<Json> {
  const { data, has_more } = await page<ScheduleRow>(ctx, 'subscription_schedules', 'subscription schedule', matching(given), given);
  return renderList('/v1/subscription_schedules', (await wholeSchedules(ctx.tx, data)).map((each) => renderSchedule(each, ctx.world)), has_more);
}
