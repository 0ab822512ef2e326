import { activateAlert, archiveAlert, createAlert, deactivateAlert, triggerAlert, type AlertRow } from '../../../billing/alert.ts';
import { refuse, together, type Decision, type Moment } from '../../../billing/decision.ts';
import { commit } from '../../../server/commit.ts';
import { momentAt, momentOn, type Context, type Json, type TimerCommand, type World } from '../../../server/context.ts';
import { missing } from '../../../server/http/errors.ts';
import type { Params } from '../../../server/http/params.ts';
import type { Answer } from '../../../server/http/route.ts';
import { equal, page, renderList } from '../../../server/lists.ts';
import { sql } from '../../../server/database/sql.ts';
import { usageOf } from '../../../server/usage/counted.ts';
import { customersById } from '../../customers/rows.ts';
import { metersById } from '../meters/rows.ts';
import type * as params from './params.ts';
import { alertsById, clockOf, spansOf } from './rows.ts';

type Given = { title: string; usage_threshold?: { filters?: { customer?: string }[]; gte: number; meter: string; recurrence: AlertRow['recurrence'] } };

/** The two kinds of alerts are the same but for how often they tell. */
export function commandsOf(recurrence: AlertRow['recurrence'], url: string, render: (alert: AlertRow, world: World) => Json) {
  async function create(ctx: Context, given: Given): Promise<Json> {
    const { usage_threshold: wanted = refuse('parameter_missing', 'Say what usage the alert waits for: give `usage_threshold`.', 'usage_threshold') } = given;
    const [meter] = await metersById(ctx.tx, [wanted.meter]);
    if (!meter) missing('meter', wanted.meter, 'usage_threshold[meter]');
    const [filter] = wanted.filters ?? [];
    const at = 'usage_threshold[filters][0][customer]';
    const customer = filter === undefined ? null : (filter.customer ?? refuse('parameter_missing', 'Say whose usage is watched: give `customer`.', at));
    const watched = customer === null ? { test_clock: null } : ((await clockOf(ctx.tx, customer)) ?? missing('customer', customer, at));
    const made = createAlert({ title: given.title, meter: meter.id, customer, gte: String(wanted.gte), recurrence }, await momentOn(ctx, watched.test_clock));
    await commit(ctx, made);
    return render(made.alert, ctx.world);
  }

  const mine = (found: AlertRow | undefined, id: string): AlertRow => (found?.recurrence === recurrence ? found : missing('alert', id));

  const change = (decide: (alert: AlertRow, moment: Moment) => Decision & { alert: AlertRow }) => async (ctx: Context, _given: object, path: { alert: string }): Promise<Answer> => {
    const before = mine((await alertsById(ctx.tx, [path.alert], true))[0], path.alert);
    const clock = before.customer === null ? null : (await clockOf(ctx.tx, before.customer))?.test_clock;
    const made = decide(before, await momentOn(ctx, clock ?? null));
    await commit(ctx, made);
    return render(made.alert, ctx.world);
  };

  return {
    create,
    activate: change(activateAlert),
    deactivate: change(deactivateAlert),
    archive: change(archiveAlert),
    retrieve: async (ctx: Context, _given: object, path: { alert: string }): Promise<Json> => render(mine((await alertsById(ctx.tx, [path.alert]))[0], path.alert), ctx.world),
    async list(ctx: Context, given: Params<typeof params.listAlerts>): Promise<Json> {
      const { data, has_more } = await page<AlertRow>(ctx, 'billing_alerts', 'alert', [sql`status <> 'archived'`, ...equal('recurrence', recurrence), ...equal('meter', given.meter)], given);
      return renderList(url, data.map((each) => render(each, ctx.world)), has_more);
    },
  };
}

/** Usage may be reported so much ahead of its time, and counts at once; but a level lasts no longer than until now. */
const AHEAD_S = 300;

/** Tells of each alert and customer whose usage has reached it; the subject of a timer names both. Customers are locked, so that what two see is told once. */
export const checkDue: TimerCommand = async (ctx, due) => {
  const pairs = due.map(({ subject, at }) => {
    const [alert, customer] = subject.split(':') as [string, string];
    return { key: subject, alert, customer, at };
  });
  await customersById(ctx.tx, [...new Set(pairs.map((pair) => pair.customer))], true);
  const alerts = new Map((await alertsById(ctx.tx, pairs.map((pair) => pair.alert))).map((each) => [each.id, each]));
  const spans = await spansOf(ctx.tx, pairs.filter((pair) => alerts.has(pair.alert)));
  const open = pairs.filter(({ key, alert }) => spans.get(key)?.told === false && alerts.get(alert)?.status === 'active');
  const levels = new Set((await metersById(ctx.tx, open.map(({ alert }) => alerts.get(alert)!.meter))).filter((meter) => meter.default_aggregation.formula === 'weighted_by_time').map((meter) => meter.id));
  const usage = await usageOf(ctx.tx, open.map(({ key, alert, customer, at }) => {
    const { meter } = alerts.get(alert)!;
    return { key, meter, customer, start: spans.get(key)!.from, end: at + 1 + (levels.has(meter) ? 0 : AHEAD_S) };
  }));
  await commit(ctx, together(open.map(({ key, alert, customer, at }) => triggerAlert(alerts.get(alert)!, customer, { counted_from: spans.get(key)!.from, value: usage.get(key)!, told: false }, momentAt(ctx, at)))));
};
