import { windowsOf } from '../../../../billing/usage.ts';
import type { Context, Json } from '../../../../server/context.ts';
import { missing } from '../../../../server/http/errors.ts';
import type { Params } from '../../../../server/http/params.ts';
import { renderList } from '../../../../server/lists.ts';
import { countedFor } from '../../../../server/usage/counted.ts';
import { customerClock } from '../../meter_events/rows.ts';
import { metersById } from '../rows.ts';
import type * as params from './params.ts';
import { renderSummary, startOf } from './resource.ts';

function cursor(id: string | undefined, param: string): number | undefined {
  return id === undefined ? undefined : (startOf(id) ?? missing('meter event summary', id, param));
}

export async function listSummaries(ctx: Context, given: Params<typeof params.listEventSummaries>, path: { meter: string }): Promise<Json> {
  const [meter] = await metersById(ctx.tx, [path.meter]);
  if (!meter) missing('meter', path.meter);
  const { customer, limit, start_time: start, end_time: end, value_grouping_window: by } = given;
  if (!(await customerClock(ctx.tx, customer))) missing('customer', customer, 'customer');
  const { windows, has_more } = windowsOf({ start, end }, by, { limit, after: cursor(given.starting_after, 'starting_after'), before: cursor(given.ending_before, 'ending_before') });
  const values = await countedFor(ctx.tx, windows.map((window) => ({ ...window, meter: meter.id, customer, key: String(window.start) })));
  const data = windows.map((window) => renderSummary({ ...window, meter: meter.id, customer, value: values.get(String(window.start))! }, ctx.world));
  return renderList(`/v1/billing/meters/${meter.id}/event_summaries`, data, has_more);
}
