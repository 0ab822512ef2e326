import { eventNames, type DefinitionRow, type DefinitionWhole, type VersionRow } from '../../../billing/outcome/definition.ts';
import type { App, Context } from '../../../server/context.ts';
import { row, rows, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';

/** Definitions with all their versions, oldest first. */
export async function wholeDefinitions(tx: Tx, found: readonly DefinitionRow[]): Promise<DefinitionWhole[]> {
  if (found.length === 0) return [];
  const versions = await rows<VersionRow>(tx, sql`select * from outcome_definition_versions where definition = any(${found.map((each) => each.id)}::text[]) order by definition, version`);
  const byDefinition = Map.groupBy(versions, (version) => version.definition);
  return found.map((each) => ({ ...each, versions: byDefinition.get(each.id)! }));
}

export async function definitionsById(tx: Tx, ids: readonly string[]): Promise<DefinitionWhole[]> {
  return wholeDefinitions(tx, await rows<DefinitionRow>(tx, sql`select * from outcome_definitions where id = any(${ids}::text[])`));
}

/** All definitions of a world, by id and by the names of the events that concern them. */
export type Definitions = { stamp: string; byId: ReadonlyMap<string, DefinitionWhole>; byName: ReadonlyMap<string, readonly DefinitionWhole[]> };

const LOCK = sql`hashtextextended('outcome definitions', kontor_world())`;

/** Keeps all who judge by definitions out until the transaction ends, once those who do by now are done: whoever changes one then sees all that was judged by what it was. */
export async function lockDefinitions(tx: Tx): Promise<void> {
  await rows(tx, sql`select pg_advisory_xact_lock(${LOCK})`);
}

const remembered = new WeakMap<App, Map<number, Definitions>>();
/** By world: a transaction that counts from a stream is in several, one after the other. */
const ofTransaction = new WeakMap<Tx, Map<number, Definitions>>();

/** Who looks at events of a name. Nobody else does until the transaction ends. */
export const watchersOf = async (ctx: Context, event_name: string): Promise<readonly DefinitionWhole[]> => (await definitionsIn(ctx)).byName.get(event_name) ?? [];

/** The definitions as they are, kept in memory: of the database only whether they have changed is asked, once in a transaction. They stay as they are until it ends. */
export async function definitionsIn(ctx: Context): Promise<Definitions> {
  const known = ofTransaction.get(ctx.tx) ?? new Map<number, Definitions>();
  if (known.has(ctx.world.id)) return known.get(ctx.world.id)!;
  const memory = remembered.get(ctx.app) ?? new Map<number, Definitions>();
  remembered.set(ctx.app, memory);
  const [, stamped] = await Promise.all([
    rows(ctx.tx, sql`select pg_advisory_xact_lock_shared(${LOCK})`),
    row<{ stamp: string }>(ctx.tx, sql`select concat_ws(' ', count(*), sum(version), count(archived_at)) as stamp from outcome_definitions`),
  ]);
  const { stamp } = stamped!;
  const found = memory.get(ctx.world.id);
  const definitions = found?.stamp === stamp ? found : await readAll(ctx.tx, stamp);
  memory.set(ctx.world.id, definitions);
  ofTransaction.set(ctx.tx, known.set(ctx.world.id, definitions));
  return definitions;
}

async function readAll(tx: Tx, stamp: string): Promise<Definitions> {
  const all = await wholeDefinitions(tx, await rows<DefinitionRow>(tx, sql`select * from outcome_definitions`));
  const byName = new Map<string, DefinitionWhole[]>();
  for (const each of all) for (const name of eventNames(each)) byName.set(name, [...(byName.get(name) ?? []), each]);
  return { stamp, byId: new Map(all.map((each) => [each.id, each])), byName };
}
