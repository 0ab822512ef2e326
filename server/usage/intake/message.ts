/** A message of the stream: events of one world and one partition that were judged and accepted, as JSON. What can be worked out again from the event and its meter is not in it. */
import { hash } from 'node:crypto';
import type { Instant } from '../../../billing/decision.ts';
import { customerOf, usageEvent, type UsageGiven } from '../../../billing/usage.ts';
import type { Context } from '../../context.ts';
import { arrayText, rows, sql } from '../../database/sql.ts';
import { metersOf } from '../events.ts';
import { nameOf } from '../keys.ts';
import type { Candidate } from '../record.ts';

/** So many partitions there are, for good: a customer's usage stays in its partition, where it is counted in the order of its acceptance. */
export const PARTITIONS = 8;

export const partitionOf = (world: number, customer: string): number => hash('sha256', `${world}\x1f${customer}`, 'buffer')[0]! % PARTITIONS;

/** An event as it travels; `timestamp` is there where it was given, `key` finds the customer where no meter does. */
export type Carried = UsageGiven & { identifier: string; number: string; created: Instant; meter: string | null; key?: string };

export type Message = { world: number; events: readonly Carried[] };

/** A message holds no more than so many bytes of JSON, half of what a server takes by default: an event has a few thousand at most. */
const MOST_BYTES = 500_000;

function carried({ given, event, mapping, meter }: Candidate): Carried {
  const { event_name, identifier, payload, number, created } = event;
  return { event_name, identifier, payload, ...(given.timestamp !== undefined && { timestamp: given.timestamp }), number: String(number), created, meter: event.meter, ...(meter === null && { key: mapping.event_payload_key }) };
}

/** The events as messages that are small enough, each with the events that are in it. */
export function messagesOf(world: number, candidates: readonly Candidate[]): { text: string; candidates: Candidate[] }[] {
  const messages: { parts: string[]; bytes: number; candidates: Candidate[] }[] = [];
  for (const each of candidates) {
    const part = JSON.stringify(carried(each));
    const bytes = Buffer.byteLength(part) + 1;
    let last = messages.at(-1);
    if (!last || last.bytes + bytes > MOST_BYTES) messages.push((last = { parts: [], bytes: 0, candidates: [] }));
    last.parts.push(part);
    last.bytes += bytes;
    last.candidates.push(each);
  }
  return messages.map(({ parts, candidates: within }) => ({ text: `{"world":${world},"events":[${parts.join(',')}]}`, candidates: within }));
}

/** What a message says. Throws for one that no Kontor of this version has written. */
export function readMessage(text: string): Message {
  const { world, events } = JSON.parse(text) as Partial<Message>;
  if (!Number.isSafeInteger(world) || !Array.isArray(events)) throw new Error('A message of the stream says nothing that this version of Kontor understands.');
  return { world: world!, events };
}

/** The events as they were when they were accepted: by the meter that counted them then, also where it has been deactivated since. Those of customers that are gone, with their test clock, are left out. */
export async function candidatesOf(ctx: Context, events: readonly Carried[]): Promise<Candidate[]> {
  const meters = new Map((await metersOf(ctx.tx, events.flatMap(({ meter }) => meter ?? []))).map((meter) => [meter.id, meter]));
  const all = events.map((each, at): Candidate => {
    const { event_name, identifier, payload, timestamp, created, number, key } = each;
    const meter = each.meter === null ? null : meters.get(each.meter)!;
    const mapping = meter?.customer_mapping ?? { type: 'by_id', event_payload_key: key! };
    const given: UsageGiven = { event_name, identifier, payload, ...(timestamp !== undefined && { timestamp }) };
    const event = { ...usageEvent(given, { meter, customer: customerOf(mapping, payload), settled: true }, { now: created }), identifier, number: BigInt(number) };
    return { at, name: nameOf(event), given, event, mapping, meter };
  });
  const there = await rows<{ id: string }>(ctx.tx, sql`select id from customers where id = any(${arrayText([...new Set(all.map(({ event }) => event.customer))], true)}::text[])`);
  const customers = new Set(there.map(({ id }) => id));
  return all.filter(({ event }) => customers.has(event.customer));
}
