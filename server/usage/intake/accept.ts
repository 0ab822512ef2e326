/**
 * Usage that is acknowledged from a stream: it is judged as `record` judges it, held against what is counted already, and published. What nobody has counted yet cannot be compared, so of two events with
 * one name that come within the time that counting takes, both are accepted; the second one has no effect, and where it says something else, it is reported as the stream's errors are.
 */
import { inContext, type App, type Context, type World } from '../../context.ts';
import type { UsageGiven } from '../../../billing/usage.ts';
import { placesOf, type Looked } from '../events.ts';
import { compared, judge, type Candidate, type Recorded } from '../record.ts';
import type { Intake } from './intake.ts';
import { messagesOf, partitionOf } from './message.ts';

/** A repetition among those that were given, with what it repeats. */
type Again = { candidate: Candidate; first: Candidate };

/** What became of each, as `record` says it; an error where nobody knows whether it is kept: the same is to be sent again. */
export async function accept(app: App, intake: Intake, world: World, given: readonly UsageGiven[]): Promise<(Recorded | Error)[]> {
  const results: (Recorded | Error)[] = [];
  const { fresh, again } = await inContext(app, world, async (ctx) => {
    const judged: Recorded[] = [];
    const { candidates, looked } = await judge(ctx, given, { gathered: true }, judged);
    const sorted = await apart(ctx, candidates, looked, judged);
    judged.forEach((each, at) => { results[at] = each; });
    return sorted;
  });
  const partitions = Map.groupBy(fresh, ({ event }) => partitionOf(world.id, event.customer));
  await Promise.all([...partitions].flatMap(([partition, candidates]) => messagesOf(world.id, candidates).map(async ({ text, candidates: within }) => {
    const failure = await intake.publish(partition, app.clock.newId('usage'), text).then(() => null, (error: Error) => error);
    for (const { at, event } of within) results[at] = failure ?? { status: 'accepted', event };
  })));
  for (const { candidate, first } of again) {
    const became = results[first.at]!;
    results[candidate.at] = became instanceof Error ? became : compared(first.event, candidate);
  }
  return results;
}

/** Answers what repeats an event that is counted, and sets apart what repeats another one of these. */
async function apart(ctx: Context, candidates: readonly Candidate[], looked: Looked, results: Recorded[]): Promise<{ fresh: Candidate[]; again: Again[] }> {
  const places = await placesOf(ctx, candidates, looked);
  const fresh = new Map<string, Candidate>();
  const again: Again[] = [];
  for (const [n, candidate] of candidates.entries()) {
    const [stored, first] = [places[n]!.stored, fresh.get(candidate.name)];
    if (stored) results[candidate.at] = compared(stored, candidate);
    else if (first) again.push({ candidate, first });
    else fresh.set(candidate.name, candidate);
  }
  return { fresh: [...fresh.values()], again };
}
