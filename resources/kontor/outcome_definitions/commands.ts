import { archiveDefinition, createDefinition, createVersion, updateDefinition, type Around, type Defined, type TermsGiven } from '../../../billing/outcome/define.ts';
import type { DefinitionRow, DefinitionWhole } from '../../../billing/outcome/definition.ts';
import { commit } from '../../../server/commit.ts';
import { realMoment, type Context, type Json } from '../../../server/context.ts';
import { sql } from '../../../server/database/sql.ts';
import { missing } from '../../../server/http/errors.ts';
import type { Params } from '../../../server/http/params.ts';
import { lockLanes } from '../../../server/lanes.ts';
import { page, renderList } from '../../../server/lists.ts';
import { activeMeters, metersById } from '../../billing/meters/rows.ts';
import type * as params from './params.ts';
import { renderDefinition, renderVersion } from './resource.ts';
import { definitionsById, definitionsIn, lockDefinitions, wholeDefinitions } from './rows.ts';

type Path = { outcome_definition: string };

/** What terms are held against: the meters that they name, and whoever else has to do with events of these names. `lock` keeps the meters from being deactivated until the transaction ends. */
export async function aroundOf(ctx: Context, given: TermsGiven, lock = true): Promise<Around> {
  const ids = given.outcomes?.map((each) => each.meter) ?? [];
  const named = new Map((await metersById(ctx.tx, ids.filter((id) => id !== undefined), lock)).map((meter) => [meter.id, meter]));
  for (const [n, id] of ids.entries()) if (id !== undefined && !named.has(id)) missing('meter', id, `outcomes[${n}][meter]`);
  const { byId } = await definitionsIn(ctx);
  return { named, definitions: [...byId.values()], meters: await activeMeters(ctx.tx, given.rules.map((rule) => rule.event_name)) };
}

async function done(ctx: Context, decided: Defined): Promise<Json> {
  await commit(ctx, decided);
  return renderDefinition(decided.definition, ctx.world);
}

export async function create(ctx: Context, given: Params<typeof params.createDefinition>): Promise<Json> {
  await lockDefinitions(ctx.tx);
  return done(ctx, createDefinition(given, await aroundOf(ctx, given), realMoment(ctx.app)));
}

async function lockDefinition(ctx: Context, id: string): Promise<DefinitionWhole> {
  lockLanes(ctx.tx, [id]);
  await lockDefinitions(ctx.tx);
  const [found] = await definitionsById(ctx.tx, [id]);
  return found ?? missing('outcome definition', id);
}

export async function update(ctx: Context, given: Params<typeof params.updateDefinition>, path: Path): Promise<Json> {
  return done(ctx, updateDefinition(await lockDefinition(ctx, path.outcome_definition), given, realMoment(ctx.app)));
}

export async function addVersion(ctx: Context, given: Params<typeof params.createVersion>, path: Path): Promise<Json> {
  const before = await lockDefinition(ctx, path.outcome_definition);
  return done(ctx, createVersion(before, given, await aroundOf(ctx, given), realMoment(ctx.app)));
}

export async function archive(ctx: Context, _given: object, path: Path): Promise<Json> {
  return done(ctx, archiveDefinition(await lockDefinition(ctx, path.outcome_definition), realMoment(ctx.app)));
}

export async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  const [found] = await definitionsById(ctx.tx, [path.outcome_definition]);
  return renderDefinition(found ?? missing('outcome definition', path.outcome_definition), ctx.world);
}

/** All versions, the newest first. */
export async function versions(ctx: Context, _given: object, path: Path): Promise<Json> {
  const [found] = await definitionsById(ctx.tx, [path.outcome_definition]);
  if (!found) return missing('outcome definition', path.outcome_definition);
  return renderList(`/v1/kontor/outcome_definitions/${found.id}/versions`, found.versions.toReversed().map(renderVersion));
}

export async function list(ctx: Context, given: Params<typeof params.listDefinitions>): Promise<Json> {
  const conditions = given.archived === undefined ? [] : [given.archived ? sql`archived_at is not null` : sql`archived_at is null`];
  const { data, has_more } = await page<DefinitionRow>(ctx, 'outcome_definitions', 'outcome definition', conditions, given);
  return renderList('/v1/kontor/outcome_definitions', (await wholeDefinitions(ctx.tx, data)).map((each) => renderDefinition(each, ctx.world)), has_more);
}
