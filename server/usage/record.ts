/**
 * The only door by which usage is recorded, whoever reports it: a request, a batch, the stream, a correction, or Kontor itself where it counts an outcome.
 *
 * `record(ctx, events)` takes any number of events in the transaction of the context and answers each one by itself:
 * - `accepted`: it is new. It is kept, counted in its hour, and shown to those who observe usage (`usage` of a room, see `UsageObserver`), all in this transaction.
 * - `duplicate`: its meter has an event with this identifier, and it says the same. It has no effect; the event is the one that is there.
 * - `refused`: it has no effect, and no other event of the batch minds. The refusal is what a request with this event alone is answered.
 * It throws only for what concerns all: then nothing is recorded, and the transaction has to be rolled back. What is written goes out with what the transaction sends next, so that a failure may be told
 * there; where another transaction has recorded one of the names meanwhile, that failure is `contended` (see `passing`), and the same is to be tried again.
 *
 * An event is counted by the active meter of its name. Where there is none, it is kept all the same if somebody observes events of its name (`meter` is null, and it has no value).
 */
import type { MeterRow } from '../../billing/catalog.ts';
import { Refusal, refuse, type Instant } from '../../billing/decision.ts';
import { customerOf, fieldOf, isRepetition, OTHER_EVENT, refuseAboutNothing, restOf, usageEvent, type Mapping, type UsageEvent, type UsageGiven } from '../../billing/usage.ts';
import type { Context } from '../context.ts';
import { instants, int4s, int8s, jsons } from '../database/arrays.ts';
import { arrayText, later, rows, sql } from '../database/sql.ts';
import { quoted } from '../http/forms.ts';
import { keyOf, nameOf, seriesWithin, takeNumbers } from './keys.ts';
import { countIn } from './hours.ts';
import { BY_DEFAULT, lookFor, placesOf, type Looked } from './events.ts';
import { ensureSlot, slotAt } from './slots.ts';
import { bySources } from './sources.ts';
import { tellOfUsage } from './tell.ts';

export type Recorded = { status: 'accepted' | 'duplicate'; event: UsageEvent } | { status: 'refused'; refusal: Refusal };

export type Recording = {
  /** For what Kontor counts itself: the timestamp may be any, and counts as the moment where there is none. */
  settled?: { now: Instant };
  /** Events of several requests: none of them may keep the others waiting for a test clock. */
  gathered?: boolean;
  /** Chooses keys in place of a hash, so that a test can see what happens when two names have one key. */
  key?: (name: string, attempt: number) => bigint;
};

/** An event that may be kept, if its name is free; `at` is its place among those that were given. */
export type Candidate = { at: number; name: string; given: UsageGiven; event: UsageEvent; mapping: Mapping; meter: MeterRow | null };

/** An event whose name is free, and the key that it gets. */
type Fresh = Pick<Candidate, 'event' | 'mapping' | 'meter'> & { key: bigint };

export async function record(ctx: Context, given: readonly UsageGiven[], how: Recording = {}): Promise<Recorded[]> {
  const results: Recorded[] = [];
  const { candidates, looked } = await judge(ctx, given, how, results);
  await admit(ctx, candidates, results, how.key, looked);
  return results;
}

/** What becomes of an event whose name another one has. */
export function compared(before: UsageEvent, { event, given, mapping }: Candidate): Recorded {
  const keys = [mapping.event_payload_key, ...(before.meter === null ? [BY_DEFAULT.event_payload_key] : [])];
  return isRepetition(before, event, given, keys) ? { status: 'duplicate', event: before } : { status: 'refused', refusal: OTHER_EVENT(event.identifier) };
}

/** Keeps and counts what was judged, and says of each what became of it, in its place among the results. */
export async function admit(ctx: Context, candidates: readonly Candidate[], results: Recorded[], key?: Recording['key'], looked?: Looked): Promise<void> {
  if (candidates.length === 0) return;
  const found = looked ?? (await lookFor(ctx, candidates, key));
  const places = await placesOf(ctx, candidates, found, key);
  const fresh: Fresh[] = [];
  for (const [n, candidate] of candidates.entries()) {
    const place = places[n]!;
    const there = place.stored ?? place.claimed;
    results[candidate.at] = there ? compared(there, candidate) : { status: 'accepted', event: candidate.event };
    if (there) continue;
    // Of several with one name the first is kept, and the others are held against it.
    place.claimed = candidate.event;
    fresh.push({ ...candidate, key: place.key });
  }
  await keep(ctx, found.slot, fresh);
}

/** What Kontor counts itself on a meter, for a customer who is there, under a name that was made just now: so nothing is looked for. */
export type Own = { meter: MeterRow; customer: string; given: UsageGiven & { identifier: string } };

/** Records what Kontor counts itself, as of the moment. It goes out with what the transaction sends next. */
export async function recordOwn(ctx: Context, own: readonly Own[], now: Instant): Promise<void> {
  const slot = slotAt(ctx.app.clock.now());
  await ensureSlot(ctx.app, slot);
  const number = takeNumbers(ctx.app.clock, own.length);
  await keep(ctx, slot, own.map(({ meter, customer, given }, n) => {
    const event = { ...usageEvent(given, { meter, customer, settled: true }, { now }), identifier: given.identifier, number: BigInt(number + n) };
    return { event, meter, mapping: meter.customer_mapping, key: keyOf(nameOf(event), 0) };
  }));
}

/** Keeps events, counts them in their hours, and shows them to those who observe usage. */
async function keep(ctx: Context, slot: number, fresh: readonly Fresh[]): Promise<void> {
  if (fresh.length === 0) return;
  append(ctx, slot, fresh);
  const recorded = fresh.map(({ event }) => event);
  countIn(ctx.tx, ctx.world.id, recorded, new Map(fresh.flatMap(({ meter }) => (meter ? [[meter.id, meter]] : []))));
  await tellOfUsage(ctx, { recorded, canceled: [], restored: [] });
}

/** Does the work for each event that is not refused yet. One that it refuses has that as its result, and no other minds. */
function eachOf(given: readonly UsageGiven[], results: Recorded[], work: (each: UsageGiven, at: number) => void): void {
  for (let at = 0; at < given.length; at += 1) {
    if (results[at] !== undefined) continue;
    try {
      work(given[at]!, at);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      results[at] = { status: 'refused', refusal: error };
    }
  }
}

/** The events that say something that can be kept, and what has their keys; the others get their refusals. Writes nothing. */
export async function judge(ctx: Context, given: readonly UsageGiven[], { settled, gathered = false, key }: Recording, results: Recorded[]): Promise<{ candidates: readonly Candidate[]; looked: Looked }> {
  const named = given.map(({ event_name, identifier = ctx.app.clock.newId('mtrev') }) => ({ event_name, identifier }));
  const [sources, [found, all]] = await bySources(ctx, [...new Set(given.map((each) => each.event_name))], (by) => {
    const mentioned = given.flatMap(({ event_name, payload }) => (by.get(event_name)?.mapping && fieldOf(payload, by.get(event_name)!.mapping!.event_payload_key)) ?? []);
    return Promise.all([customersBy(ctx, [...new Set(mentioned)]), lookFor(ctx, named.map((each) => ({ name: nameOf({ meter: by.get(each.event_name)?.meter?.id ?? null, ...each }) })), key)]);
  });
  const moments = await momentsOf(ctx, ctx.request !== null || gathered, found);
  // All events of a customer have the same text of its id, so that whatever is looked up by it afterwards is found without comparing letters.
  const customers = new Map<string, string>();
  const number = takeNumbers(ctx.app.clock, given.length);
  const candidates: Candidate[] = [];
  eachOf(given, results, (each, at) => {
    const { meter, mapping, keys } = sources.get(each.event_name)!;
    if (!mapping) return refuse('resource_missing', `No active meter counts events named ${each.event_name}.`, 'event_name', { status: 400, usage_error: 'no_meter' });
    const text = customerOf(mapping, each.payload);
    if (!meter) refuseAboutNothing(keys, each.payload);
    const customer = customers.getOrInsert(text, text);
    const now = moments.get(customer) ?? refuse('resource_missing', `No such customer: '${quoted(customer)}'`, `payload[${mapping.event_payload_key}]`, { status: 400, usage_error: 'meter_event_customer_not_found' });
    if (now instanceof Refusal) throw now;
    const { identifier } = named[at]!;
    const event = { ...usageEvent(each, { meter, customer, settled: settled !== undefined }, { now: settled?.now ?? now }), identifier, number: BigInt(number + at) };
    candidates.push({ at, name: nameOf(event), given: each, event, mapping, meter });
  });
  const heeded = await withoutUnheeded(ctx, candidates, (name) => sources.get(name)!.ending, results);
  return { candidates: heeded, looked: { ...all, keys: heeded.map(({ at }) => all.keys[at]!) } };
}

/** Without the events that nobody looks at any more, and no meter counts; they get their refusals. */
async function withoutUnheeded(ctx: Context, candidates: readonly Candidate[], isEnding: (name: string) => boolean, results: Recorded[]): Promise<readonly Candidate[]> {
  const doubtful = candidates.filter(({ meter, event }) => meter === null && isEnding(event.event_name));
  if (doubtful.length === 0) return candidates;
  const heeded = await Promise.all(ctx.app.register.usage.map((observer) => observer.heeds?.(ctx, doubtful.map(({ event }) => event)) ?? new Set<UsageEvent>()));
  const unheeded = new Set(doubtful.filter(({ event }) => !heeded.some((each) => each.has(event))));
  for (const { at, event } of unheeded) {
    const sentence = `No active meter counts events named ${event.event_name}, and the outcome definitions that follow them are archived: they take no new subjects any more.`;
    results[at] = { status: 'refused', refusal: new Refusal('resource_missing', sentence, 'event_name', { status: 400, usage_error: 'no_meter' }) };
  }
  return candidates.filter((each) => !unheeded.has(each));
}

type Customer = { id: string; test_clock: string | null };

const customersBy = async (ctx: Context, ids: readonly string[]): Promise<Customer[]> =>
  ids.length === 0 ? [] : rows<Customer>(ctx.tx, sql`select id, test_clock from customers where id = any(${arrayText(ids, true)}::text[]) and not deleted`);

/** The moment of each of these customers: of its test clock, or of real time. A clock that is being advanced refuses its customers' events, unless a timer of that clock is at work. */
async function momentsOf(ctx: Context, asked: boolean, customers: readonly Customer[]): Promise<Map<string, Instant | Refusal>> {
  const clocks = [...new Set(customers.flatMap((each) => each.test_clock ?? []))].sort();
  const times = clocks.length === 0 ? [] : await rows<{ id: string; frozen_time: Instant; status: string }>(
    ctx.tx,
    sql`select id, frozen_time, status from test_clocks where id = any(${clocks}::text[]) order by id for share ${asked ? sql`skip locked` : sql``}`,
  );
  const onClocks = new Map(times.filter(({ status }) => status !== 'advancing' || !asked).map(({ id, frozen_time }) => [id, frozen_time]));
  const now = ctx.app.clock.now();
  return new Map(customers.map(({ id, test_clock }) => [id, test_clock === null ? now : (onClocks.get(test_clock) ?? advancing(test_clock))]));
}

const advancing = (clock: string): Refusal => new Refusal(undefined, `The test clock ${clock} is being advanced. Wait until its status is \`ready\`, then try again.`, undefined, { status: 429, should_retry: true });

/**
 * Appends events whose keys were free a moment ago, sorted by key so that nobody waits in a circle. Where somebody else has taken a key meanwhile, the transaction fails as contended, and what it was for
 * is tried again: that costs less than asking PostgreSQL to be ready for it with every row.
 */
function append(ctx: Context, slot: number, fresh: readonly Fresh[]): void {
  const sorted = fresh.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const events = sorted.map(({ event }) => event);
  const { kinds, kindOf } = kindsOf(events);
  const rests = sorted.map(restText);
  later(
    ctx.tx,
    sql`insert into meter_events (world, slot, key, series, number, meter, event_name, identifier, customer, timestamp, value, dimensions, payload, created)
        select ${ctx.world.id}::integer, ${slot}::integer, r.key, r.series, r.number, (${arrayText(kinds.map((each) => each.meter))}::text[])[r.kind], (${arrayText(kinds.map((each) => each.event_name), true)}::text[])[r.kind],
          r.identifier, r.customer, r.timestamp, r.value, coalesce(r.dimensions, ''), r.payload, (${instants(kinds.map((each) => each.created))}::timestamptz[])[r.kind]
        from unnest(${int8s(sorted.map(({ key }) => key))}::bigint[], ${int8s(seriesOfAll(ctx.world.id, events))}::bigint[], ${int8s(events.map((each) => each.number))}::bigint[], ${int4s(kindOf)}::integer[],
          ${arrayText(events.map((each) => each.identifier), true)}::text[], ${arrayText(events.map((each) => each.customer), true)}::text[], ${instants(events.map((each) => each.timestamp))}::timestamptz[],
          ${arrayText(events.map((each) => each.value))}::numeric[], ${orNothing(events.map((each) => each.dimensions || null))}::text[], ${rests.some((each) => each !== null) ? jsons(rests, 'json') : null}::json[])
          as r (key, series, number, kind, identifier, customer, timestamp, value, dimensions, payload)`,
  );
}

/** What events have in common, once each, and the number of that of each event, from 1: most events of a batch say the same, which PostgreSQL would read again with each. */
function kindsOf(events: readonly UsageEvent[]): { kinds: UsageEvent[]; kindOf: number[] } {
  const kinds: UsageEvent[] = [];
  const numbers = new Map<string | null, Map<string, Map<Instant, number>>>();
  let last: UsageEvent | undefined;
  let number = 0;
  const kindOf = events.map((event) => {
    if (last && event.meter === last.meter && event.event_name === last.event_name && event.created === last.created) return number;
    last = event;
    return (number = numbers.getOrInsertComputed(event.meter, () => new Map()).getOrInsertComputed(event.event_name, () => new Map()).getOrInsertComputed(event.created, () => kinds.push(event)));
  });
  return { kinds, kindOf };
}

/** A column of text that is empty for most batches: nothing at all then, which `unnest` fills up. */
const orNothing = (values: readonly (string | null)[]): string | null => (values.some((value) => value !== null) ? arrayText(values, true) : null);

function seriesOfAll(world: number, events: readonly UsageEvent[]): bigint[] {
  const sources = new Map<string, (customer: string) => bigint>();
  return events.map(({ meter, event_name, customer }) => sources.getOrInsertComputed(meter ?? event_name, () => seriesWithin(world, meter, event_name))(customer));
}

function restText({ event, mapping, meter }: Fresh): string | null {
  const rest = restOf(event.payload, mapping, meter);
  return rest && JSON.stringify(rest);
}
