import type { MeterRow } from '../../../billing/catalog.ts';
import type { Decision } from '../../../billing/decision.ts';
import { createMeter, deactivateMeter, reactivateMeter, renameMeter } from '../../../billing/meter.ts';
import { refuseCustomerKey } from '../../../billing/outcome/define.ts';
import { commit } from '../../../server/commit.ts';
import { realMoment, type Context, type Json } from '../../../server/context.ts';
import { holdName } from '../../../server/database/name.ts';
import { missing } from '../../../server/http/errors.ts';
import type { Params } from '../../../server/http/params.ts';
import { equal, page, renderList } from '../../../server/lists.ts';
import { definitionsIn, watchersOf } from '../../kontor/outcome_definitions/rows.ts';
import type * as params from './params.ts';
import { meter } from './resource.ts';
import { activeMeter, counterOf, metersById } from './rows.ts';

type Path = { meter: string };

const rendered = (ctx: Context, row: MeterRow): Json => meter.render(row, ctx.world);

/** The active meter of that name. Nobody else takes the name meanwhile. */
async function rivalOf(ctx: Context, eventName: string): Promise<MeterRow | null> {
  await holdName(ctx.tx, 'event_name', eventName);
  return activeMeter(ctx.tx, eventName);
}

async function lockMeter(ctx: Context, id: string): Promise<MeterRow> {
  const [found] = await metersById(ctx.tx, [id], true);
  return found ?? missing('meter', id);
}

async function done(ctx: Context, decided: Decision & { meter: MeterRow }): Promise<Json> {
  await commit(ctx, decided);
  return rendered(ctx, decided.meter);
}

export async function create(ctx: Context, given: Params<typeof params.createMeter>): Promise<Json> {
  refuseCustomerKey(await watchersOf(ctx, given.event_name), given);
  return done(ctx, createMeter(given, await rivalOf(ctx, given.event_name), realMoment(ctx.app)));
}

export async function update(ctx: Context, given: Params<typeof params.updateMeter>, path: Path): Promise<Json> {
  return done(ctx, renameMeter(await lockMeter(ctx, path.meter), given.display_name, realMoment(ctx.app)));
}

export async function deactivate(ctx: Context, _given: object, path: Path): Promise<Json> {
  const before = await lockMeter(ctx, path.meter);
  return done(ctx, deactivateMeter(before, await counterOf(ctx.tx, before.id), realMoment(ctx.app)));
}

export async function reactivate(ctx: Context, _given: object, path: Path): Promise<Json> {
  // Who makes a definition locks first those, then meters.
  const { byName } = await definitionsIn(ctx);
  const before = await lockMeter(ctx, path.meter);
  refuseCustomerKey(byName.get(before.event_name) ?? [], before);
  return done(ctx, reactivateMeter(before, before.status === 'active' ? null : await rivalOf(ctx, before.event_name), realMoment(ctx.app)));
}

export async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  const [found] = await metersById(ctx.tx, [path.meter]);
  return rendered(ctx, found ?? missing('meter', path.meter));
}

export async function list(ctx: Context, given: Params<typeof params.listMeters>): Promise<Json> {
  const { data, has_more } = await page<MeterRow>(ctx, 'meters', 'meter', equal('status', given.status), given);
  return renderList('/v1/billing/meters', data.map((each) => rendered(ctx, each)), has_more);
}
