/** Whether a customer may use so much, and reserving it: asked before it is used, so that nothing is spent that should not be. */
import { capStates, expireReservation, finalizeReservation, refuseParts, refuseUncountable, releaseReservation, reserve, tellReached, type CapState, type ReservationRow } from '../../../../billing/cap.ts';
import type { MeterRow } from '../../../../billing/catalog.ts';
import type { CustomerRow } from '../../../../billing/customer/customer.ts';
import { refuse, together, type Decision, type Moment } from '../../../../billing/decision.ts';
import { refuseNoDimension } from '../../../../billing/meter.ts';
import { mergeMetadata } from '../../../../billing/metadata.ts';
import { OTHER_EVENT } from '../../../../billing/usage.ts';
import { commit } from '../../../../server/commit.ts';
import { momentOn, type Context, type Json, type Room, type TimerCommand } from '../../../../server/context.ts';
import { missing } from '../../../../server/http/errors.ts';
import { byDefault, choice, decimal, doc, exactlyOne, fields, id, integer, listParams, map, metadata, required, text, timestamp, type Params } from '../../../../server/http/params.ts';
import { get, post } from '../../../../server/http/route.ts';
import { lockLanes } from '../../../../server/lanes.ts';
import { equal, page, renderList } from '../../../../server/lists.ts';
import { partitionOf } from '../../../../server/usage/intake/message.ts';
import { record } from '../../../../server/usage/record.ts';
import { activeMeter, metersById } from '../../../billing/meters/rows.ts';
import { existingCustomer } from '../../../customers/rows.ts';
import { renderReservation, renderState, reservation } from '../../caps/resource.ts';
import { capFacts, capsOf, reservationsById } from '../../caps/rows.ts';

const LONGEST_S = 7 * 86_400;
const asked = {
  customer: required(id('cus')),
  event_name: doc('The name of the events in which it would be reported. Give it, or `meter`.', text({ min: 1, max: 100 })),
  meter: doc('What would count it: for outcomes the meter of the outcome.', id('mtr')),
  dimensions: doc('The values of its meter’s dimensions, by which it may have a price of its own.', map(text({ max: 100 }), { max: 10, names: text({ max: 100 }) })),
  quantity: doc('How much would be used.', byDefault(decimal({ min: '0.000000000001', max: 999_999_999_999_999, places: 12 }), '1')),
};
const one = exactlyOne(['event_name', 'meter']);
const checkParams = fields(asked, one);
const reserveParams = fields({ ...asked, expires_in: doc('How many seconds it is held.', byDefault(integer({ min: 1, max: LONGEST_S }), 3_600)), metadata: metadata() }, one);
const finalizeParams = fields({
  identifier: doc('The identifier of the event that is recorded. By default the id of the reservation.', text({ min: 1, max: 100 })),
  quantity: doc('What was used in the end, at most what was reserved. By default all of it; 0 records nothing.', decimal({ min: 0, max: 999_999_999_999_999, places: 12 })),
  timestamp: timestamp(),
});
const listReservations = listParams({ customer: id('cus'), status: choice('reserved', 'finalized', 'released', 'expired') });
const nothing = fields({});

type Asked = { customer: CustomerRow; meter: MeterRow; dimensions: Record<string, string>; states: CapState[]; moment: Moment; up_to_date: boolean };

/** So long an answer waits for usage that was acknowledged and is not counted yet. */
const PATIENCE_MS = 1_000;

/** The meter that is named, or that counts the events that are named. */
async function askedMeter(ctx: Context, { event_name, meter: named }: Params<typeof checkParams>): Promise<MeterRow> {
  if (event_name !== undefined) {
    return (await activeMeter(ctx.tx, event_name)) ?? refuse('resource_missing', `No active meter counts events named ${event_name}. Where they make outcomes, give the \`meter\` of the outcome instead.`, 'event_name', { status: 400 });
  }
  const [meter = missing('meter', named!, 'meter')] = await metersById(ctx.tx, [named!]);
  if (meter.status !== 'active') refuse(undefined, `The meter ${meter.id} is inactive, and counts nothing any more.`, 'meter');
  return meter;
}

/** How the customer's caps stand to what is asked for. With `lock`, nobody else is promised something until this is decided. */
async function ask(ctx: Context, given: Params<typeof checkParams>, lock: boolean): Promise<Asked> {
  const customer = await existingCustomer(ctx, given.customer, 'customer');
  const meter = await askedMeter(ctx, given);
  refuseUncountable(meter, given.meter === undefined ? 'event_name' : 'meter');
  const dimensions = { ...given.dimensions };
  for (const key of Object.keys(dimensions)) refuseNoDimension(meter, key, `dimensions[${key}]`);
  const { intake } = ctx.app;
  const up_to_date = intake === null || (await intake.reaches(partitionOf(ctx.world.id, customer.id), PATIENCE_MS));
  const moment = await momentOn(ctx, customer.test_clock);
  if (lock) lockLanes(ctx.tx, [customer.id]);
  const caps = await capsOf(ctx.tx, customer.id, lock);
  const facts = await capFacts(ctx.tx, customer.id, caps, moment.now);
  return { customer, meter, dimensions, moment, up_to_date, states: capStates(facts, { meter: meter.id, quantity: given.quantity, dimensions }, moment.now + 1) };
}

async function check(ctx: Context, given: Params<typeof checkParams>): Promise<Json> {
  const { customer, meter, states, up_to_date } = await ask(ctx, given, false);
  const reached = states.find((state) => !state.allowed);
  return {
    object: 'kontor.usage_check',
    allowed: reached === undefined,
    cap: reached?.cap.id ?? null,
    caps: states.map(renderState),
    customer: customer.id,
    livemode: ctx.world.livemode,
    message: reached ? tellReached(reached, given.quantity) : null,
    meter: meter.id,
    quantity: given.quantity,
    reason: reached ? 'cap_reached' : null,
    up_to_date,
  };
}

async function create(ctx: Context, given: Params<typeof reserveParams>): Promise<Json> {
  const { customer, meter, dimensions, states, moment } = await ask(ctx, given, true);
  refuseParts(meter, given.quantity);
  const { quantity, expires_in } = given;
  const made = reserve({ customer: customer.id, test_clock: customer.test_clock, meter: meter.id, quantity, dimensions, expires_in, metadata: mergeMetadata({}, given.metadata) }, states, moment);
  await commit(ctx, made);
  return renderReservation(made.reservation, ctx.world);
}

type Path = { reservation: string };

/** A reservation, locked after the caps of its customer, at the time at which that lives. */
async function lockReservation(ctx: Context, { reservation: wanted }: Path): Promise<{ before: ReservationRow; moment: Moment }> {
  const [found] = await reservationsById(ctx.tx, [wanted]);
  if (!found) missing('usage reservation', wanted);
  const moment = await momentOn(ctx, found.test_clock);
  lockLanes(ctx.tx, [found.customer]);
  await capsOf(ctx.tx, found.customer, true);
  const [before] = await reservationsById(ctx.tx, [wanted], true);
  return { before: before!, moment };
}

async function close(ctx: Context, made: Decision & { reservation: ReservationRow }): Promise<Json> {
  await commit(ctx, made);
  return renderReservation(made.reservation, ctx.world);
}

/** Records what was used, by the door of all usage: the reservation and the event change places in one transaction. */
async function finalize(ctx: Context, given: Params<typeof finalizeParams>, path: Path): Promise<Json> {
  const { before, moment } = await lockReservation(ctx, path);
  const { quantity = before.quantity, identifier = before.id, timestamp: at } = given;
  const [meter] = await metersById(ctx.tx, [before.meter]);
  const made = finalizeReservation(before, { quantity, identifier }, meter!, moment);
  if (quantity !== '0') {
    const { event_name, customer_mapping, value_settings } = meter!;
    const payload = { ...before.dimensions, [value_settings.event_payload_key]: quantity, [customer_mapping.event_payload_key]: before.customer };
    const [recorded] = await record(ctx, [{ event_name, identifier, payload, ...(at !== undefined && { timestamp: at }) }]);
    if (recorded!.status === 'refused') throw recorded!.refusal;
    // What was recorded before was not used by this reservation, whatever it says.
    if (recorded!.status === 'duplicate') throw OTHER_EVENT(identifier);
  }
  return close(ctx, made);
}

async function release(ctx: Context, _given: object, path: Path): Promise<Json> {
  const { before, moment } = await lockReservation(ctx, path);
  return close(ctx, releaseReservation(before, moment));
}

const expireDue: TimerCommand = async (ctx, due) => commit(ctx, together((await reservationsById(ctx.tx, due.map((each) => each.subject), true)).map(expireReservation)));

async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  const [found] = await reservationsById(ctx.tx, [path.reservation]);
  return renderReservation(found ?? missing('usage reservation', path.reservation), ctx.world);
}

async function list(ctx: Context, given: Params<typeof listReservations>): Promise<Json> {
  const conditions = [...equal('customer', given.customer), ...equal('status', given.status), ...(given.customer === undefined ? equal('test_clock', null) : [])];
  const { data, has_more } = await page<ReservationRow>(ctx, 'usage_reservations', 'usage reservation', conditions, given);
  return renderList('/v1/kontor/usage/reservations', data.map((each) => renderReservation(each, ctx.world)), has_more);
}

export const usageCheck: Room = {
  resources: [reservation],
  routes: [
    post('/v1/kontor/usage/check', checkParams, check),
    post('/v1/kontor/usage/reservations', reserveParams, create),
    get('/v1/kontor/usage/reservations', listReservations, list),
    get('/v1/kontor/usage/reservations/:reservation', nothing, retrieve),
    post('/v1/kontor/usage/reservations/:reservation/finalize', finalizeParams, finalize),
    post('/v1/kontor/usage/reservations/:reservation/release', nothing, release),
  ],
  timers: { 'usage_reservation.expire': expireDue },
};
