/** What became of subjects made true: their rows, what is told, their timers, and what goes onto their meters and comes off them. */
import { assert, together, type Instant } from '../../../billing/decision.ts';
import type { Count, Observed } from '../../../billing/outcome/observe.ts';
import type { UsageGiven } from '../../../billing/usage.ts';
import { commit } from '../../../server/commit.ts';
import type { Context } from '../../../server/context.ts';
import { record } from '../../../server/usage/record.ts';
import { metersById } from '../../billing/meters/rows.ts';

/** An outcome is one unit on its meter; what is taken off is one unit less at the same moment, so that nothing of what was counted is ever changed. */
const units = ({ counted, uncounted }: Observed): { count: Count; value: string; identifier: string }[] => [
  ...(uncounted ? [{ count: uncounted, value: '-1', identifier: `${uncounted.identifier}:back` }] : []),
  ...(counted ? [{ count: counted, value: '1', identifier: counted.identifier }] : []),
];

/** Puts all of it on the meters, as of the moment. What counts an outcome that was inserted just now has a name that nobody can have used. */
async function count(ctx: Context, observed: readonly Observed[], now: Instant, inserted: ReadonlySet<string>): Promise<void> {
  const all = observed.flatMap((each) => units(each).map((unit) => ({ ...unit, outcome: each.outcome.id })));
  if (all.length === 0) return;
  const meters = new Map((await metersById(ctx.tx, [...new Set(all.map(({ count: { meter } }) => meter))])).map((meter) => [meter.id, meter]));
  const events = all.map(({ count: { meter: id, customer, at }, value, identifier, outcome }): UsageGiven => {
    const meter = meters.get(id)!;
    return { event_name: meter.event_name, identifier, timestamp: at, payload: { outcome, [meter.customer_mapping.event_payload_key]: customer, [meter.value_settings.event_payload_key]: value } };
  });
  const unused = new Set(all.filter(({ outcome }) => inserted.has(outcome)).map(({ identifier }) => identifier));
  for (const [n, result] of (await record(ctx, events, { settled: { now }, unused })).entries()) {
    if (result.status === 'refused') throw new Error(`The outcome ${all[n]!.outcome} could not be counted: ${result.refusal.message}`);
    assert(result.status === 'accepted', `${events[n]!.identifier} was counted once`);
  }
}

/** Makes true what became of subjects, those that are there already apart from their rows, each at its moment. */
export async function take(ctx: Context, observed: readonly Observed[], now: Instant, inserted: ReadonlySet<string> = new Set()): Promise<void> {
  if (observed.length === 0) return;
  const decided = together(observed);
  await commit(ctx, { ...decided, puts: decided.puts.filter((put) => !inserted.has(put.after!.id)) });
  await count(ctx, observed, now, inserted);
}
