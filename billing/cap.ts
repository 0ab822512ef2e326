/** Caps: how much a customer may use. Who asks before something is used is told yes or no, and can reserve it, so that no cap is passed however many ask at once. */
import type { MeterRow, Metadata } from './catalog.ts';
import { decision, refuse, type Decision, type Instant, type Moment } from './decision.ts';
import type { Used } from './metering.ts';
import { add, compare, formatDecimal, formatMoney, parseDecimal, positive, subtract, ZERO, type Decimal } from './money.ts';
import { costSoFar, type More } from './subscription/cost.ts';
import type { SubscriptionWhole } from './subscription/subscription.ts';
import { isOwnName } from './usage.ts';

export type CapRow = {
  id: string;
  created: Instant;
  customer: string;
  test_clock: string | null;
  name: string | null;
  status: 'active' | 'archived';
  /** Units of a meter, a plain decimal; or minor units of a currency over all that is metered, in the billing periods. */
  meter: string | null;
  quantity: string | null;
  currency: string | null;
  amount: bigint | null;
  period: 'billing_period' | 'day' | 'month' | 'lifetime';
  metadata: Metadata;
};

export type ReservationRow = {
  id: string;
  created: Instant;
  customer: string;
  test_clock: string | null;
  meter: string;
  quantity: string;
  /** The values of its meter's dimensions, by which it is priced and recorded. */
  dimensions: Record<string, string>;
  status: 'reserved' | 'finalized' | 'released' | 'expired';
  /** From then on it does not count any more. */
  expires_at: Instant;
  finalized_quantity: string | null;
  identifier: string | null;
  metadata: Metadata;
};

/** What there is by now. `counted` is the usage in each cap's span, by cap; `usage` that of the subscriptions' items in their periods, by item. */
export type CapFacts = {
  caps: readonly CapRow[];
  counted: ReadonlyMap<string, string>;
  subscriptions: readonly SubscriptionWhole[];
  usage: ReadonlyMap<string, Used>;
  /** What is reserved and counts. */
  reserved: readonly More[];
};

/** How a cap stands to so much more usage. Plain decimals: units, or minor units. */
export type CapState = { cap: CapRow; limit: string; used: string; reserved: string; remaining: string; allowed: boolean };

const decimalOf = (text: string): Decimal => parseDecimal(text)!;

function ofMeter(reserved: CapFacts['reserved'], meter: string): Decimal {
  return reserved.filter((each) => each.meter === meter).reduce((sum, each) => add(sum, decimalOf(each.quantity)), ZERO);
}

function unitsState(cap: CapRow, facts: CapFacts, asked: Decimal): CapState {
  const [limit, used, reserved] = [decimalOf(cap.quantity!), decimalOf(facts.counted.get(cap.id) ?? '0'), ofMeter(facts.reserved, cap.meter!)];
  const remaining = subtract(subtract(limit, used), reserved);
  return { cap, limit: cap.quantity!, used: formatDecimal(used), reserved: formatDecimal(reserved), remaining: formatDecimal(compare(remaining, ZERO) < 0 ? ZERO : remaining), allowed: compare(asked, remaining) <= 0 };
}

/** Money is what usage costs at its prices, before discounts, credits and tax. What costs nothing more is allowed, whatever was spent. */
function moneyState(cap: CapRow, facts: CapFacts, asked: More, at: Instant): CapState {
  const sum = (more: readonly More[]) =>
    facts.subscriptions.filter((each) => each.currency === cap.currency).flatMap((each) => costSoFar(each, facts.usage, at, more)).reduce((whole, cost) => whole + cost.amount, 0n);
  const [used, held, wanted] = [sum([]), sum(facts.reserved), sum([...facts.reserved, asked])];
  const remaining = cap.amount! - held;
  return { cap, limit: cap.amount!.toString(), used: used.toString(), reserved: (held - used).toString(), remaining: positive(remaining).toString(), allowed: wanted <= cap.amount! || wanted <= held };
}

/** How the caps that concern a meter stand to so much more usage of it. Usage counts that lies before `at`. */
export function capStates(facts: CapFacts, asked: More, at: Instant): CapState[] {
  const { meter, quantity } = asked;
  return facts.caps.filter((cap) => cap.status === 'active' && (cap.meter === null || cap.meter === meter)).map((cap) => (cap.meter === null ? moneyState(cap, facts, asked, at) : unitsState(cap, facts, decimalOf(quantity))));
}

/** Why it is refused, in a sentence. */
export function tellReached({ cap, remaining, limit }: CapState, quantity: string): string {
  const named = cap.name === null ? cap.id : `“${cap.name}”`;
  if (cap.currency === null) return `The cap ${named} of ${limit} leaves ${remaining}, less than the ${quantity} asked for.`;
  return `The cap ${named} of ${formatMoney(cap.amount!, cap.currency)} leaves ${formatMoney(BigInt(remaining), cap.currency)}, and ${quantity} more would cost more than that.`;
}

/** Only what adds up can be asked for piece by piece. */
export function refuseUncountable(meter: MeterRow, param: string): void {
  const { formula } = meter.default_aggregation;
  if (formula !== 'sum' && formula !== 'count') refuse(undefined, `The meter ${meter.id} does not add up what it counts (its formula is \`${formula}\`), so it cannot be capped.`, param);
}

/** A meter that counts events counts one for each. */
export function refuseParts(meter: MeterRow, quantity: string): void {
  if (meter.default_aggregation.formula === 'count' && quantity !== '1') refuse(undefined, `The meter ${meter.id} counts events: reserve one at a time, and report it or nothing.`, 'quantity');
}

export function createCap(given: Omit<CapRow, 'id' | 'created' | 'status'>, moment: Moment): Decision & { cap: CapRow } {
  const cap: CapRow = { ...given, id: moment.newId('cap'), created: moment.now, status: 'active' };
  return { ...decision(), puts: [{ table: 'usage_caps', before: null, after: cap }], cap };
}

/** What it allows cannot change any more once it is archived. */
export function changeCap(before: CapRow, change: Partial<Pick<CapRow, 'name' | 'quantity' | 'amount' | 'status' | 'metadata'>>): Decision & { cap: CapRow } {
  const { name: _name, metadata: _metadata, ...limits } = change;
  if (before.status === 'archived' && Object.keys(limits).length > 0) refuse(undefined, `The cap ${before.id} is archived. Make another one.`);
  const cap = { ...before, ...change };
  return { ...decision(), puts: [{ table: 'usage_caps', before, after: cap }], cap };
}

const expiry = (reservation: ReservationRow, at: Instant | null) => ({ kind: 'usage_reservation.expire', subject: reservation.id, at, lane: reservation.customer, test_clock: reservation.test_clock });

/** Reserves usage that the caps allow. Their rows are locked by who asks, so that nobody else is promised the same. */
export function reserve(given: Pick<ReservationRow, 'customer' | 'test_clock' | 'meter' | 'quantity' | 'dimensions' | 'metadata'> & { expires_in: number }, states: readonly CapState[], moment: Moment): Decision & { reservation: ReservationRow } {
  const reached = states.find((state) => !state.allowed);
  if (reached) refuse('usage_cap_reached', tellReached(reached, given.quantity), 'quantity');
  const { expires_in, ...rest } = given;
  const reservation: ReservationRow = { ...rest, id: moment.newId('ures'), created: moment.now, status: 'reserved', expires_at: moment.now + expires_in, finalized_quantity: null, identifier: null };
  return { ...decision(), puts: [{ table: 'usage_reservations', before: null, after: reservation }], timers: [expiry(reservation, reservation.expires_at)], reservation };
}

function refuseClosed({ id, status, expires_at }: ReservationRow, moment: Moment): void {
  if (status === 'finalized' || status === 'released') refuse(undefined, `The reservation ${id} is ${status} already.`);
  if (expires_at <= moment.now) refuse(undefined, `The reservation ${id} has expired, and holds nothing any more. Report what was used as an event.`);
}

/** What was used in the end, which is no more than what was reserved. */
export function finalizeReservation(before: ReservationRow, used: { quantity: string; identifier: string }, meter: MeterRow, moment: Moment): Decision & { reservation: ReservationRow } {
  refuseClosed(before, moment);
  if (compare(decimalOf(used.quantity), decimalOf(before.quantity)) > 0) refuse(undefined, `The reservation ${before.id} is for ${before.quantity}; ${used.quantity} is more than that. Reserve more before it is used.`, 'quantity');
  if (used.quantity !== '0') refuseParts(meter, used.quantity);
  if (used.quantity !== '0' && isOwnName(meter.event_name)) refuse(undefined, `The reservation ${before.id} is of outcomes, which are counted as they come about. Report what happened, and release it.`, 'quantity');
  return changed(before, { status: 'finalized', finalized_quantity: used.quantity, identifier: used.identifier });
}

export function releaseReservation(before: ReservationRow, moment: Moment): Decision & { reservation: ReservationRow } {
  refuseClosed(before, moment);
  return changed(before, { status: 'released' });
}

/** Its time is over. The timer of one that was closed before finds nothing. */
export const expireReservation = (before: ReservationRow): Decision => (before.status === 'reserved' ? changed(before, { status: 'expired' }) : decision());

function changed(before: ReservationRow, change: Partial<ReservationRow>): Decision & { reservation: ReservationRow } {
  const reservation = { ...before, ...change };
  return { ...decision(), puts: [{ table: 'usage_reservations', before, after: reservation }], reservation };
}
