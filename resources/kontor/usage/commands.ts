import { isDeepStrictEqual } from 'node:util';
import { decision, refuse, type Instant } from '../../../billing/decision.ts';
import { refuseCount, refuseOwnName, type UsageGiven } from '../../../billing/usage.ts';
import { commit } from '../../../server/commit.ts';
import { momentOn, type Context, type Json } from '../../../server/context.ts';
import { missing } from '../../../server/http/errors.ts';
import type { Params } from '../../../server/http/params.ts';
import { equal, page, renderList } from '../../../server/lists.ts';
import { cancelEvents, canceledBy, latestEvent, restoreEvents } from '../../../server/usage/cancel.ts';
import { countedFor } from '../../../server/usage/counted.ts';
import { BY_DEFAULT, eventsByName, metersOf, type StoredEvent } from '../../../server/usage/events.ts';
import { isLevel } from '../../../server/usage/levels.ts';
import { recordReadable } from '../../../server/usage/named.ts';
import { record } from '../../../server/usage/record.ts';
import { refuseDropped } from '../../../server/usage/recount.ts';
import { sourcesOf } from '../../../server/usage/sources.ts';
import { holding, tellOfHeld } from '../../../server/usage/tell.ts';
import { customerClock } from '../../billing/meter_events/rows.ts';
import { activeMeter, metersById } from '../../billing/meters/rows.ts';
import { customersById } from '../../customers/rows.ts';
import { MOST_EVENTS, type createCorrection, type listCorrections, type listEvents, type recordEvents } from './params.ts';
import { renderBatch, renderCorrection, renderEvent, type CorrectionRow } from './resource.ts';
import { correctionsById, eventsWithin, pageOfEvents, recordedBy, takenBackBy } from './rows.ts';

export async function recordBatch(ctx: Context, { events }: Params<typeof recordEvents>): Promise<Json> {
  return renderBatch(await recordReadable(ctx, events), ctx.app.url);
}

/** The events of a customer that a meter counts, newest first: what usage is made of. */
export async function events(ctx: Context, { customer, meter: wanted, start_time: start, end_time: end, limit, starting_after, ending_before }: Params<typeof listEvents>): Promise<Json> {
  // Also of a customer who was deleted since.
  if ((await customersById(ctx.tx, [customer])).length === 0) missing('customer', customer, 'customer');
  const [meter = missing('meter', wanted, 'meter')] = await metersById(ctx.tx, [wanted]);
  const [cursor, param] = starting_after === undefined ? [ending_before, 'ending_before'] : [starting_after, 'starting_after'];
  const at = cursor === undefined ? null : (await eventsByName(ctx, [{ meter: meter.id, event_name: meter.event_name, identifier: cursor }]))[0];
  if (cursor !== undefined && at?.customer !== customer) missing('event', cursor, param);
  const found = await pageOfEvents(ctx.tx, ctx.world.id, { meter: meter.id, customer, start, end }, at && { side: starting_after === undefined ? 'after' : 'before', ...at }, limit + 1);
  const data = found.slice(0, limit);
  return renderList('/v1/kontor/usage/events', (ending_before === undefined ? data : data.reverse()).map((each) => renderEvent(each, ctx.world)), found.length > limit);
}

/** What names the events that a correction records, from 0. */
const nameWithin = (correction: string, n: number): string => `${correction}:${n}`;

/** What a correction takes back, puts back and records, and the span that it is about. */
type Plan = { event_name: string; /** Null where no meter counts the events: outcomes follow from them. */ meter: string | null; customer: string; start: Instant; end: Instant; cancels: readonly StoredEvent[]; restores: string | null; records: readonly Omit<UsageGiven, 'identifier'>[] };

type Given = Params<typeof createCorrection>;

/** More events than this are not taken back at once. */
const MOST_CANCELED = 10_000;

/** Where the customer of events is found that no meter counts; undefined where nobody looks at them. */
const mappingOf = async (ctx: Context, event_name: string) => (await sourcesOf(ctx, [event_name])).get(event_name)!.mapping;

/** What an event said. Of one that no meter counts, the customer is kept apart from the rest. */
async function payloadOf(ctx: Context, { meter, event_name, customer, payload }: StoredEvent): Promise<Record<string, string>> {
  const mapping = meter === null ? await mappingOf(ctx, event_name) : undefined;
  if (!mapping) return payload;
  const { [BY_DEFAULT.event_payload_key]: _, ...rest } = payload;
  return { ...rest, [mapping.event_payload_key]: customer };
}

/** What the meter counts in the span of a plan. */
async function countedBy(ctx: Context, { meter, customer, start, end }: Plan): Promise<string | null> {
  return meter === null ? null : (await countedFor(ctx.tx, [{ key: 'span', meter, customer, start, end }])).get('span')!;
}

/** Says what to amend in place of an event that is taken back. */
async function refuseAmended(ctx: Context, event: StoredEvent): Promise<never> {
  const refused = (why: string): never => refuse(undefined, `The event ${event.identifier} is taken back already${why}`, 'amend[identifier]');
  for (let place: StoredEvent = event; ; ) {
    const by = await takenBackBy(ctx.tx, place);
    if (by === null) return refused('. Report what has happened under another identifier.');
    if (by.type !== 'amend') return refused(`, by the correction ${by.id}. Revert that, or report what has happened under another identifier.`);
    const identifier = nameWithin(by.id, 0);
    const next = await latestEvent(ctx, event.event_name, identifier);
    if (!next?.canceled) return refused(`: in its place is ${identifier}. Amend that one, or revert the correction ${by.id}.`);
    place = next;
  }
}

async function planAmend(ctx: Context, { event_name, identifier, payload, timestamp }: NonNullable<Given['amend']>): Promise<Plan> {
  const event = await latestEvent(ctx, event_name, identifier);
  if (!event) return refuse('resource_missing', `No event named ${event_name} has the identifier ${identifier}.`, 'amend[identifier]', { status: 400 });
  refuseCount(event, 'amend[identifier]');
  if (event.canceled) return refuseAmended(ctx, event);
  if (!payload && timestamp === undefined) refuse('parameter_missing', 'Say what the event should have said, or when: give `payload`, `timestamp` or both.', 'amend[payload]');
  const said = await payloadOf(ctx, event);
  const replacement = { event_name, payload: payload ?? said, timestamp: timestamp ?? event.timestamp };
  if (replacement.timestamp === event.timestamp && isDeepStrictEqual({ ...replacement.payload }, { ...said })) refuse(undefined, `The event ${identifier} says just this already: there is nothing to amend.`, 'amend[payload]');
  const [meter] = event.meter === null ? [] : await metersOf(ctx.tx, [event.meter]);
  // A level that comes between others takes these to be counted.
  if (meter && isLevel(meter)) await refuseDropped(ctx.tx, { meter: meter!.id, customer: event.customer, start: replacement.timestamp, end: replacement.timestamp + 1 }, 'amend[timestamp]');
  const [first, last] = [event.timestamp, replacement.timestamp].sort((a, b) => a - b) as [Instant, Instant];
  return { event_name, meter: event.meter, customer: event.customer, start: first, end: last + 1, cancels: [event], restores: null, records: [replacement] };
}

async function planBackfill(ctx: Context, { event_name, customer, start_time: start, end_time: end, events }: NonNullable<Given['backfill']>): Promise<Plan> {
  const meter = await activeMeter(ctx.tx, event_name);
  if (!meter && !(await mappingOf(ctx, event_name))) refuse('resource_missing', `No active meter counts events named ${event_name}, and no outcome follows from them.`, 'backfill[event_name]', { status: 400 });
  const of = { event_name, meter: meter?.id ?? null, customer, start, end };
  const cancels = await eventsWithin(ctx.tx, ctx.world.id, of, MOST_CANCELED + 1);
  if (cancels.length > MOST_CANCELED) refuse(undefined, `There are more than ${MOST_CANCELED} events from \`start_time\` to \`end_time\`. Correct a shorter span at once.`, 'backfill[end_time]');
  refuseOwnName(event_name, 'backfill[event_name]');
  if (meter) await refuseDropped(ctx.tx, { meter: meter.id, customer, start, end }, 'backfill[start_time]');
  for (const each of cancels) refuseCount(each, 'backfill[event_name]');
  for (const [n, { timestamp }] of events.entries()) {
    if (timestamp < start || timestamp >= end) refuse(undefined, 'An event of a backfill lies between its `start_time` and its `end_time`.', `backfill[events][${n}][timestamp]`);
  }
  return { ...of, cancels, restores: null, records: events.map(({ payload, timestamp }) => ({ event_name, payload, timestamp })) };
}

async function planRevert(ctx: Context, { correction }: NonNullable<Given['revert']>): Promise<Plan & { reverted: CorrectionRow }> {
  const [reverted] = await correctionsById(ctx.tx, [correction], true);
  if (!reverted) return missing('usage correction', correction, 'revert[correction]');
  if (reverted.type === 'revert') refuse(undefined, 'What takes a correction back cannot be taken back itself. Make the correction again.', 'revert[correction]');
  if (reverted.reverted_by !== null) refuse(undefined, `The correction ${correction} is taken back already, by ${reverted.reverted_by}.`, 'revert[correction]');
  const [recorded, canceled] = [await recordedBy(ctx.tx, ctx.world.id, reverted, MOST_EVENTS), await canceledBy(ctx.tx, reverted.id)];
  if (recorded.some((event) => event.canceled)) refuse(undefined, `An event of ${correction} was taken back since. Take that back first.`, 'revert[correction]');
  if (canceled.length !== reverted.events_canceled || recorded.length !== reverted.events_recorded) refuse(undefined, `The events of ${correction} are not kept any more.`, 'revert[correction]');
  return { event_name: reverted.event_name, meter: reverted.meter, customer: reverted.customer, start: reverted.starts_at, end: reverted.ends_at, cancels: recorded, restores: reverted.id, records: [], reverted };
}

async function planOf(ctx: Context, given: Given): Promise<Plan & { reverted?: CorrectionRow }> {
  if (given.type === 'amend') return planAmend(ctx, given.amend!);
  return given.type === 'backfill' ? planBackfill(ctx, given.backfill!) : planRevert(ctx, given.revert!);
}

/** Corrects usage at any time, also of periods that are billed: what is owed then comes to the next invoice. */
export async function correct(ctx: Context, given: Given): Promise<Json> {
  if (given.type === 'backfill' && !(await customerClock(ctx.tx, given.backfill!.customer))) missing('customer', given.backfill!.customer, 'backfill[customer]');
  const plan = await planOf(ctx, given);
  const customer = (await customerClock(ctx.tx, plan.customer)) ?? missing('customer', plan.customer, given.type === 'amend' ? 'amend[identifier]' : 'revert[correction]');
  const { now } = await momentOn(ctx, customer.test_clock);
  if (plan.end - 1 > now + 300) refuse(undefined, 'Usage is recorded when it has happened: this lies more than 5 minutes ahead.', given.type === 'amend' ? 'amend[timestamp]' : 'backfill[end_time]');
  const id = ctx.app.clock.newId('mtrc');
  // A dry run is the same work, taken back.
  if (given.dry_run) await ctx.tx.query('savepoint dry_run');
  const before = await countedBy(ctx, plan);
  const held = holding(ctx);
  const canceled = await cancelEvents(held, plan.cancels, now, id);
  if (canceled.length !== plan.cancels.length) refuse('lock_timeout', 'Somebody else takes the same events back right now. Look at them again.', undefined, { status: 409 });
  if (plan.restores !== null) await restoreEvents(held, plan.restores, now);
  await recordAll(held, plan, id, now, given);
  const after = await countedBy(ctx, plan);
  const { event_name, meter, reverted } = plan;
  const row: CorrectionRow = {
    id, created: now, type: given.type, event_name, meter, customer: plan.customer, starts_at: plan.start, ends_at: plan.end, events_canceled: canceled.length, events_recorded: plan.records.length,
    before, after, reverts: plan.restores, reverted_by: null, reason: given.reason ?? null,
  };
  if (given.dry_run) await ctx.tx.query('rollback to savepoint dry_run');
  else {
    await tellOfHeld(ctx, held);
    const puts = [{ table: 'usage_corrections', before: null, after: row }, ...(reverted ? [{ table: 'usage_corrections', before: reverted, after: { ...reverted, reverted_by: id } }] : [])];
    await commit(ctx, { ...decision(), puts });
  }
  return renderCorrection(row, ctx.world, given.dry_run);
}

/** `payload[value]` within `amend` is `amend[payload][value]`. */
const inside = (at: string, param: string | undefined): string => (param === undefined ? at : `${at}[${param.split('[', 1)[0]}]${param.includes('[') ? param.slice(param.indexOf('[')) : ''}`);

/** Records what a correction puts in place: all of it, or the correction is refused. */
async function recordAll(ctx: Context, plan: Plan, id: string, now: Instant, given: Given): Promise<void> {
  const recorded = await record(ctx, plan.records.map((each, n) => ({ ...each, identifier: nameWithin(id, n) })), { settled: { now } });
  for (const [n, each] of recorded.entries()) {
    const at = given.type === 'amend' ? 'amend' : `backfill[events][${n}]`;
    if (each.status === 'refused') refuse(each.refusal.code, each.refusal.message, inside(at, each.refusal.param), { status: 400 });
    else if (each.event.customer !== plan.customer) refuse(undefined, `The payload names another customer than ${plan.customer}. A correction is about one customer: take the event back, and report it for the other one.`, `${at}[payload]`);
    else if (each.event.meter !== plan.meter) refuse(undefined, `Events of this name are counted by another meter by now than ${plan.meter ?? 'none'}.`, `${at}[event_name]`);
  }
}

export async function retrieve(ctx: Context, _given: object, path: { correction: string }): Promise<Json> {
  const [found] = await correctionsById(ctx.tx, [path.correction]);
  return renderCorrection(found ?? missing('usage correction', path.correction), ctx.world);
}

export async function list(ctx: Context, given: Params<typeof listCorrections>): Promise<Json> {
  const { data, has_more } = await page<CorrectionRow>(ctx, 'usage_corrections', 'usage correction', [...equal('customer', given.customer), ...equal('meter', given.meter), ...equal('type', given.type)], given);
  return renderList('/v1/kontor/usage/corrections', data.map((each) => renderCorrection(each, ctx.world)), has_more);
}
