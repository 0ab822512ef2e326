import type { MeterRow } from '../../../billing/catalog.ts';
import { refuse, type Instant } from '../../../billing/decision.ts';
import { createMeter, refuseNoDimension } from '../../../billing/meter.ts';
import { refuseCustomerKey } from '../../../billing/outcome/define.ts';
import { add, compare, formatDecimal, parseDecimal, ZERO } from '../../../billing/money.ts';
import { windowsOf } from '../../../billing/usage.ts';
import { commit } from '../../../server/commit.ts';
import { realMoment, type Context, type Json, type World } from '../../../server/context.ts';
import { holdName } from '../../../server/database/name.ts';
import { missing } from '../../../server/http/errors.ts';
import type { Params } from '../../../server/http/params.ts';
import { renderList } from '../../../server/lists.ts';
import { countedApart, countedFor } from '../../../server/usage/counted.ts';
import type { Asked } from '../../../server/usage/spans.ts';
import { customerClock } from '../../billing/meter_events/rows.ts';
import { meter as stripes } from '../../billing/meters/resource.ts';
import { activeMeter, metersById } from '../../billing/meters/rows.ts';
import { watchersOf } from '../outcome_definitions/rows.ts';
import type * as params from './params.ts';

/** The meter as /v1/billing/meters shows it, with what is ours. */
const renderMeter = (row: MeterRow, world: World): Json => ({ ...stripes.render(row, world), object: 'kontor.meter', dimensions: row.dimensions });

export async function create(ctx: Context, given: Params<typeof params.createMeter>): Promise<Json> {
  refuseCustomerKey(await watchersOf(ctx, given.event_name), given);
  await holdName(ctx.tx, 'event_name', given.event_name);
  const made = createMeter(given, await activeMeter(ctx.tx, given.event_name), realMoment(ctx.app));
  await commit(ctx, made);
  return renderMeter(made.meter, ctx.world);
}

async function meterOf(ctx: Context, id: string): Promise<MeterRow> {
  const [found] = await metersById(ctx.tx, [id]);
  return found ?? missing('meter', id);
}

export async function retrieve(ctx: Context, _given: object, path: { meter: string }): Promise<Json> {
  return renderMeter(await meterOf(ctx, path.meter), ctx.world);
}

/** So many rows are told at once. */
const MOST_ROWS = 1_000;

/** What was counted for a customer: by hours or days, for some values of dimensions only, and apart for each combination of them. Newest first; windows in which nothing was counted have a row only where nothing is grouped. */
export async function summaries(ctx: Context, given: Params<typeof params.listSummaries>, path: { meter: string }): Promise<Json> {
  const meter = await meterOf(ctx, path.meter);
  const { customer, start_time: start, end_time: end, dimensions, group_by } = given;
  for (const [n, key] of (group_by ?? []).entries()) refuseNoDimension(meter, key, `group_by[${n}]`);
  for (const key of Object.keys(dimensions ?? {})) refuseNoDimension(meter, key, `dimensions[${key}]`);
  if (!(await customerClock(ctx.tx, customer))) missing('customer', customer, 'customer');
  const { windows, has_more } = windowsOf({ start, end }, given.value_grouping_window, { limit: MOST_ROWS });
  if (has_more) refuse(undefined, `There are more than ${MOST_ROWS} windows from \`start_time\` to \`end_time\`. Ask for fewer, or for days.`, 'end_time');
  const asked = windows.map((window): Asked => ({ ...window, key: String(window.start), meter: meter.id, customer, ...(dimensions && { dimensions }) }));
  const render = (window: { start: Instant; end: Instant }, value: string, values: Record<string, string>): Json => ({
    object: 'kontor.usage_summary', customer, dimensions: values, end_time: window.end, livemode: ctx.world.livemode, meter: meter.id, start_time: window.start, value,
  });
  const url = `/v1/kontor/meters/${meter.id}/summaries`;
  if (!group_by) {
    const values = await countedFor(ctx.tx, asked);
    return renderList(url, windows.map((window) => render(window, values.get(String(window.start))!, dimensions ?? {})));
  }
  if (meter.default_aggregation.formula === 'unique_count' && group_by.length < meter.dimensions.length) {
    refuse(undefined, 'Different values are counted apart only by all dimensions of the meter: a value of two combinations is one value.', 'group_by');
  }
  const apart = await countedApart(ctx.tx, asked);
  const data = windows.flatMap((window) => grouped(meter, apart.get(String(window.start))!, group_by).map(([values, value]) => render(window, value, { ...dimensions, ...values })));
  return renderList(url, data);
}

/** Combinations of all dimensions as those of some of them. */
function grouped(meter: MeterRow, apart: readonly { dimensions: string; value: string }[], keys: readonly string[]): [Record<string, string>, string][] {
  const groups = new Map<string, { values: Record<string, string>; total: typeof ZERO | null }>();
  for (const { dimensions, value } of apart) {
    const all = JSON.parse(dimensions || '{}') as Record<string, string>;
    const values = Object.fromEntries(keys.map((key) => [key, all[key] ?? '']));
    const name = JSON.stringify(values);
    const group = groups.get(name) ?? { values, total: null };
    const decimal = parseDecimal(value)!;
    const larger = group.total === null || compare(decimal, group.total) > 0 ? decimal : group.total;
    groups.set(name, { values, total: meter.default_aggregation.formula === 'max' ? larger : add(group.total ?? ZERO, decimal) });
  }
  return [...groups.values()].map(({ values, total }) => [values, formatDecimal(total ?? ZERO)]);
}
