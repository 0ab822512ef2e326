/** What became of subjects made true: their rows, what is told, their timers, and what goes onto their meters and comes off them. */
import type { MeterRow } from '../../../billing/catalog.ts';
import { together, type Instant } from '../../../billing/decision.ts';
import type { Count, Observed } from '../../../billing/outcome/observe.ts';
import { commit } from '../../../server/commit.ts';
import type { Context } from '../../../server/context.ts';
import { recordOwn, type Own } from '../../../server/usage/record.ts';
import { metersById } from '../../billing/meters/rows.ts';

type Meters = ReadonlyMap<string, MeterRow>;

/** Meters by their ids. */
export const metersOf = async (ctx: Context, ids: readonly string[]): Promise<Meters> => new Map((await metersById(ctx.tx, [...new Set(ids)])).map((meter) => [meter.id, meter]));

/** An outcome is one unit on its meter; what is taken off is one unit less at the same moment, so that nothing of what was counted is ever changed. Each has a name that nobody can have used, and that says of which outcome it is. */
function units({ counted, uncounted }: Observed, meters: Meters): Own[] {
  const unit = ({ meter: id, customer, at }: Count, identifier: string, value: string): Own => {
    const meter = meters.get(id)!;
    const payload = { [meter.customer_mapping.event_payload_key]: customer, [meter.value_settings.event_payload_key]: value };
    return { meter, customer, given: { event_name: meter.event_name, identifier, timestamp: at, payload } };
  };
  return [...(uncounted ? [unit(uncounted, `${uncounted.identifier}:back`, '-1')] : []), ...(counted ? [unit(counted, counted.identifier, '1')] : [])];
}

/** Makes true what became of subjects, each at its moment. The meters are looked up where they are not given. */
export async function take(ctx: Context, observed: readonly Observed[], now: Instant, given?: Meters): Promise<void> {
  if (observed.length === 0) return;
  const meters = given ?? (await metersOf(ctx, observed.flatMap(({ counted, uncounted }) => [counted?.meter ?? [], uncounted?.meter ?? []].flat())));
  await Promise.all([commit(ctx, together(observed)), recordOwn(ctx, observed.flatMap((each) => units(each, meters)), now)]);
}
