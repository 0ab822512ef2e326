/** A customer or an operator says that a success was none: held until somebody decides, and taken back where that is accepted. */
import { refuse, type Moment } from '../decision.ts';
import type { DefinitionWhole } from './definition.ts';
import { decidedOn, type Observed } from './observe.ts';
import type { OutcomeRow } from './outcome.ts';
import type { Contest } from './settle.ts';

type ContestGiven = { reason: string; by: Contest['by'] };

/** The contest of the success that stands, where it was decided already. */
const decidedContest = (row: OutcomeRow): Contest | undefined => row.contests.findLast((contest) => contest.outcome === row.outcome && contest.resolution !== null && contest.at >= (row.settled_at ?? 0));

/** Contests the success that stands for a subject. `billed`: it is on a finalised invoice, and stays there until it is decided. */
export function contest(definition: DefinitionWhole, before: OutcomeRow, given: ContestGiven, billed: boolean, moment: Moment): Observed {
  if (before.state === 'contested') refuse('resource_already_exists', `The outcome ${before.id} is contested already.`);
  if (before.state !== 'succeeded') refuse(undefined, `Only a success can be contested; the outcome ${before.id} is ${before.state}.`);
  if (decidedContest(before)) refuse(undefined, `The outcome ${before.id} was contested before, and the contest was refused.`);
  // A success may be up to five minutes ahead, as events may.
  const made: Contest = { ...given, outcome: before.outcome!, at: Math.max(moment.now, before.settled_at!), held: !billed, resolution: null };
  return decidedOn(definition, before, [...before.contests, made], moment);
}

/** Decides a contest. */
export function resolve(definition: DefinitionWhole, before: OutcomeRow, given: { accepted: boolean; reason: string | null }, moment: Moment): Observed {
  if (before.state !== 'contested') refuse(undefined, `The outcome ${before.id} is not contested; it is ${before.state}.`);
  const index = before.contests.findLastIndex((each) => each.resolution === null && each.outcome === before.outcome);
  const contests = before.contests.map((each, n): Contest => (n === index ? { ...each, resolution: { ...given, at: Math.max(moment.now, each.at) } } : each));
  return decidedOn(definition, before, contests, moment);
}
