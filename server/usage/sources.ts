/** Who counts events of a name, and where their customer is found. */
import { isDeepStrictEqual } from 'node:util';
import type { MeterRow } from '../../billing/catalog.ts';
import type { Mapping, Watched } from '../../billing/usage.ts';
import type { App, Context } from '../context.ts';
import { arrayText, rows, sql } from '../database/sql.ts';

/** The active meter, if any; what finds the customer, by the meter or by whoever observes the name; and what else they say of it, where no meter counts it. Nobody counts a name without a mapping. */
type Source = Omit<Watched, 'mapping'> & { meter: MeterRow | null; mapping: Mapping | undefined };
type Sources = ReadonlyMap<string, Source>;

/** The sources of these names. */
export async function sourcesOf(ctx: Context, names: readonly string[]): Promise<Map<string, Source>> {
  const [meters, ...watched] = await Promise.all([
    rows<MeterRow>(ctx.tx, sql`select * from meters where event_name = any(${arrayText(names, true)}::text[]) and status = 'active'`),
    ...ctx.app.register.usage.map((observer) => observer.watches(ctx, names)),
  ]);
  const byName = new Map(meters.map((meter) => [meter.event_name, meter]));
  return new Map(names.map((name) => {
    const meter = byName.get(name) ?? null;
    const watch = watched.find((each) => each.has(name))?.get(name);
    return [name, { meter, mapping: meter?.customer_mapping ?? watch?.mapping, keys: watch?.keys ?? [], ending: watch?.ending ?? false }];
  }));
}

/** Of so many names is remembered what they were. */
const MOST_NAMES = 1_000;
const lately = new WeakMap<App, Map<number, Map<string, Source>>>();

/**
 * The sources of these names, and what `ask` asks on their account. It asks in the same message, by what they were when they were looked up last; where they have changed since, that counts for nothing and
 * it asks again.
 */
export async function bySources<Answer>(ctx: Context, names: readonly string[], ask: (sources: Sources) => Promise<Answer>): Promise<[Sources, Answer]> {
  const known = lately.getOrInsertComputed(ctx.app, () => new Map()).getOrInsertComputed(ctx.world.id, () => new Map<string, Source>());
  const before = new Map(names.flatMap((name) => known.get(name) ? [[name, known.get(name)!] as const] : []));
  const [sources, early] = await Promise.all([sourcesOf(ctx, names), before.size > 0 ? ask(before) : null]);
  if (early !== null && isDeepStrictEqual(before, sources)) return [sources, early];
  if (known.size > MOST_NAMES) known.clear();
  for (const [name, source] of sources) known.set(name, source);
  return [sources, await ask(sources)];
}
