/** What names an event whose sender gave it no identifier: the request's idempotency key, so that a repeated request is a repeated event. */
import { hash } from 'node:crypto';
import { Refusal } from '../../billing/decision.ts';
import type { UsageGiven } from '../../billing/usage.ts';
import type { Context } from '../context.ts';
import { keyMismatch } from '../http/errors.ts';
import { recordTogether } from './gather.ts';
import type { Recorded } from './record.ts';

/** Records the events of one request, together with those of others. */
export async function recordRequest(ctx: Context, given: readonly UsageGiven[]): Promise<Recorded[]> {
  const key = ctx.request!.idempotency_key;
  if (key === null) return recordTogether(ctx.app, ctx.world, given);
  const named = given.map((each, at) => (each.identifier === undefined ? { ...each, identifier: `mtrev_${hash('sha256', `${key}\x1f${at}\x1f${given.length}`).slice(0, 32)}` } : each));
  const recorded = await recordTogether(ctx.app, ctx.world, named);
  for (const [at, each] of recorded.entries()) {
    if (each.status === 'refused' && each.refusal.param === 'identifier' && given[at]!.identifier === undefined) return keyMismatch(key);
  }
  return recorded;
}

/** Records those of a batch that could be read; the others have their refusals for a result, each in its place. */
export async function recordReadable(ctx: Context, given: readonly (UsageGiven | Refusal)[]): Promise<Recorded[]> {
  const readable = given.filter((each): each is UsageGiven => !(each instanceof Refusal));
  const recorded = readable.length === 0 ? [] : await recordRequest(ctx, readable);
  let next = 0;
  return given.map((each) => (each instanceof Refusal ? { status: 'refused', refusal: each } : recorded[next++]!));
}

/** The event, or what it is refused for. */
export function eventOf(recorded: Recorded): Extract<Recorded, { event: unknown }>['event'] {
  if (recorded.status === 'refused') throw recorded.refusal satisfies Refusal;
  return recorded.event;
}
