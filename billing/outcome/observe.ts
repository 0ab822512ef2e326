/** Taking in what is new about a subject: events, cancellations, decisions, and silence. What it is judged by is their set, so nothing depends on the order in which they come. */
import type { Decision, Fact, Instant, Moment } from '../decision.ts';
import type { DefinitionWhole } from './definition.ts';
import { countIdentifier, type OutcomeRow, type OutcomeWhole } from './outcome.ts';
import { earliest, judge, keyOf, latest, type Contest, type EventName, type SubjectEvent } from './settle.ts';

/** A subject's name: for a definition and a customer there is one. */
export type Subject = { definition: string; customer: string; test_clock: string | null; subject: string };

/** What is put on a meter, or taken from it, for an outcome. */
export type Count = { identifier: string; meter: string; customer: string; at: Instant };

/** What became of a subject. `counted` goes onto its meter, `uncounted` is taken from it. */
export type Observed = Decision & { outcome: OutcomeWhole; counted: Count | null; uncounted: Count | null };

/** No event is older than this when it comes; so long after a definition was archived a subject may still begin that it judges. */
const EARLIEST_S = 35 * 86_400;

/** The same for all, by which many are told to be alike. */
const NO_CONTESTS: Contest[] = [];

function blank({ definition, customer, test_clock, subject }: Subject, events: SubjectEvent[], moment: Moment): OutcomeRow {
  return {
    definition, customer, test_clock, subject, events,
    id: moment.newId('outc'),
    created: moment.now,
    updated: moment.now,
    version: null,
    state: 'new',
    outcome: null, basis: null, began_at: null, occurred_at: null, settled_at: null, reversed_at: null, reversed_by: null, due_at: null,
    meter: null, counted_at: null, counts: 0, provisional_meter: null,
    contests: NO_CONTESTS,
  };
}

const isSuccess = ({ state }: Pick<OutcomeRow, 'state'>): boolean => state === 'succeeded' || state === 'contested';

function factsOf(before: OutcomeRow | null, after: OutcomeWhole, moment: Moment): Fact[] {
  const was = before !== null && isSuccess(before);
  const is = isSuccess(after);
  const fact = (type: string): Fact => ({ type, object: 'kontor.outcome', whole: after, at: moment.now });
  const same = was && is && before.outcome === after.outcome && before.settled_at === after.settled_at;
  const told: Fact[] = [];
  if (was && !same) told.push(fact('kontor.outcome.reversed'));
  if (is && !same) told.push(fact('kontor.outcome.settled'));
  if (same && before.state !== 'contested' && after.state === 'contested') told.push(fact('kontor.outcome.contested'));
  if (same && before.state === 'contested' && after.state === 'succeeded') told.push(fact('kontor.outcome.contest_refused'));
  return told;
}

/** The timer of an outcome's silence. Each is in a lane of its own: a customer may have very many, and none has to wait for another. */
export function silence(row: OutcomeRow) {
  return { kind: 'outcome.settle', subject: row.id, at: row.due_at, lane: row.id, test_clock: row.test_clock };
}

/** The row as it is judged at the moment, with what changes on meters, what is told, and the timer of its silence. */
function judged(definition: DefinitionWhole, before: OutcomeRow | null, given: OutcomeRow, moment: Moment): Observed {
  const { version, state, success, counted, provisional, due_at, reversed_at, reversed_by } = judge(definition, given.events, given.contests, moment.now);
  const stays = counted !== null && given.meter === counted.meter && given.counted_at === counted.at;
  const onMeter = (row: OutcomeRow): Count => ({ identifier: countIdentifier(row), meter: row.meter!, customer: row.customer, at: row.counted_at! });
  const outcome: OutcomeWhole = {
    ...given,
    version: version?.version ?? null,
    state, reversed_at, reversed_by, due_at,
    outcome: success?.outcome ?? null,
    basis: success?.basis ?? null,
    occurred_at: success?.occurred_at ?? null,
    settled_at: success?.settled_at ?? null,
    provisional_meter: provisional?.meter ?? null,
    began_at: earliest(given.events),
    updated: moment.now,
    meter: counted?.meter ?? null,
    counted_at: counted?.at ?? null,
    counts: given.counts + (counted !== null && !stays ? 1 : 0),
    terms: definition,
  };
  return {
    puts: [{ table: 'outcomes', before, after: outcome }],
    facts: factsOf(before, outcome, moment),
    postings: [],
    timers: (before?.due_at ?? null) === due_at ? [] : [silence(outcome)],
    calls: [],
    outcome,
    counted: counted !== null && !stays ? onMeter(outcome) : null,
    uncounted: given.meter !== null && !stays ? onMeter(given) : null,
  };
}

/** Whether an archived definition takes no subjects any more. */
export const isOver = (definition: DefinitionWhole, at: Instant): boolean => definition.archived_at !== null && at >= definition.archived_at + EARLIEST_S;

/** What is new about a subject's events. Each list may repeat what is known, and those that were taken or put back may be none of its own. */
export type News = { recorded: readonly SubjectEvent[]; canceled: readonly EventName[]; restored: readonly EventName[] };

/** A subject after news of its events; null where they change nothing. */
export function observe(definition: DefinitionWhole, before: OutcomeRow | null, of: Subject, { recorded, canceled, restored }: News, moment: Moment): Observed | null {
  if (before === null && (recorded.length === 0 || isOver(definition, moment.now))) return null;
  const events = new Map(before?.events.map((event) => [keyOf(event), event]));
  let changed = false;
  const set = (key: string, event: SubjectEvent) => {
    events.set(key, event);
    changed = true;
  };
  for (const event of recorded) {
    const key = keyOf(event);
    if (!events.has(key)) set(key, event);
  }
  const mark = (names: readonly EventName[], is: boolean) => {
    for (const key of names.map(keyOf)) {
      const known = events.get(key);
      if (!known || (known.canceled ?? false) === is) continue;
      const { canceled: _, ...event } = known;
      set(key, is ? { ...event, canceled: true } : event);
    }
  };
  mark(canceled, true);
  mark(restored, false);
  if (!changed) return null;
  const kept = latest([...events.values()]);
  return judged(definition, before, before ? { ...before, events: kept } : blank(of, kept, moment), moment);
}

/** The time has come that was set; null where it was set anew meanwhile, or there is nothing to decide any more. */
export function settleDue(definition: DefinitionWhole, before: OutcomeRow, moment: Moment): Observed | null {
  return before.due_at !== null && before.due_at <= moment.now ? judged(definition, before, before, moment) : null;
}

/** The definition has changed: the subject is judged again; null where nothing comes of it. */
export function rejudge(definition: DefinitionWhole, before: OutcomeRow, moment: Moment): Observed | null {
  const { version, state, due_at } = before;
  const again = judge(definition, before.events, before.contests, moment.now);
  return again.version?.version === (version ?? undefined) && again.state === state && again.due_at === due_at ? null : judged(definition, before, before, moment);
}

/** The subject with a decision about it. */
export const decidedOn = (definition: DefinitionWhole, before: OutcomeRow, contests: Contest[], moment: Moment): Observed => judged(definition, before, { ...before, contests }, moment);
