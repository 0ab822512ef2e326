/** What has become of a subject: a pure function of the set of its events, the decisions about it and the present moment (docs/concepts/outcomes.md). */
import type { Instant } from '../decision.ts';
import { matches, seconds, type DefinitionWhole, type OutcomeRule, type Terms, type VersionRow, versionFor } from './definition.ts';

/** An event of a subject, as it is kept with it. `canceled` ones are kept, so that they are not taken for new when they come again. */
export type SubjectEvent = EventName & { at: Instant; payload: Record<string, string>; canceled?: true };

/** What makes an event one: its name and its identifier. */
export type EventName = { name: string; identifier: string };

/** An event's name as one text. */
export const keyOf = ({ name, identifier }: EventName): string => `${name}\x1f${identifier}`;

/** A contest of the success of an outcome, and what became of it. */
export type Contest = {
  outcome: string;
  at: Instant;
  reason: string;
  by: 'customer' | 'operator';
  /** Whether the success is not counted until the decision; so where it was on no finalised invoice. */
  held: boolean;
  resolution: { accepted: boolean; at: Instant; reason: string | null } | null;
};

type OutcomeState = 'new' | 'open' | 'succeeded' | 'failed' | 'reversed';

type Success = { outcome: string; meter: string; basis: 'confirmed' | 'assumed'; occurred_at: Instant; settled_at: Instant; /** The events that made it. */ events: EventName[] };

/** A step by which an outcome changed. `rule` is the position of its rule in the version. */
export type Step = { at: Instant; outcome: string; state: OutcomeState | 'contested'; by: 'event' | 'quiet' | 'contest'; event: EventName | null; rule: number | null };

export type Judgement = {
  /** Null where the definition does not judge the subject. */
  version: VersionRow | null;
  state: OutcomeState | 'contested' | 'ignored';
  /** The success that stands for the subject, counted or held. */
  success: Success | null;
  /** What is on the meter, and when. */
  counted: { meter: string; at: Instant } | null;
  /** What would be counted next if nothing else happened. */
  provisional: { meter: string; due_at: Instant } | null;
  /** When silence next decides something. */
  due_at: Instant | null;
  /** When it was taken back last; null while it is not. */
  reversed_at: Instant | null;
  reversed_by: 'event' | 'contest' | null;
  history: Step[];
};

/** One outcome of a subject on its way. */
type Course = {
  name: string;
  meter: string;
  state: OutcomeState;
  closed: boolean;
  opened_at: Instant;
  quiet: number | null;
  due: Instant | null;
  /** What made or would make the success. */
  evidence: EventName[];
  basis: Success['basis'];
  settled_at: Instant;
  contest: Contest | null;
  /** The step at which it changed last. */
  changed: number;
  reversed_by: 'event' | 'contest' | null;
};

/** Code points order as their UTF-8 bytes do; JavaScript's own order is that of UTF-16. */
const byBytes = (a: string, b: string): number => {
  const [x, y] = [[...a], [...b]];
  for (let n = 0; n < Math.min(x.length, y.length); n += 1) {
    const difference = x[n]!.codePointAt(0)! - y[n]!.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return x.length - y.length;
};

/** The events that count, each once, in the order in which they are taken. */
function inOrder({ rules }: Terms, events: readonly SubjectEvent[]): SubjectEvent[] {
  const first = (event: SubjectEvent) => rules.findIndex((rule) => matches(rule, event));
  return events
    .filter((event) => !event.canceled && first(event) >= 0)
    .sort((a, b) => a.at - b.at || first(a) - first(b) || byBytes(a.identifier, b.identifier))
    // A rule is about one name, so that an event which comes again stands behind itself.
    .filter((event, n, all) => n === 0 || event.identifier !== all[n - 1]!.identifier || event.name !== all[n - 1]!.name);
}

const length = (duration: string | null): number | null => (duration === null ? null : seconds(duration));

function applies(rule: OutcomeRule, course: Course, at: Instant): boolean {
  const { state, closed } = course;
  switch (rule.effect) {
    case 'open':
    case 'fail': return !closed && state !== 'succeeded';
    case 'extend': return !closed && state === 'open';
    case 'succeed': return !closed && state !== 'succeeded' && (!rule.requires_open || state === 'open');
    case 'reverse': return state === 'succeeded' && (rule.within === null || at < course.settled_at + length(rule.within)!);
  }
}

class Subject {
  readonly courses: Course[];
  readonly history: Step[] = [];
  private readonly terms: Terms;

  constructor(terms: Terms) {
    this.terms = terms;
    this.courses = terms.outcomes.map(({ name, meter }) => ({
      name, meter, state: 'new', closed: false, opened_at: 0, quiet: null, due: null, evidence: [], basis: 'confirmed', settled_at: 0, contest: null, changed: -1, reversed_by: null,
    }));
  }

  private turn(course: Course, state: Step['state'], step: number, by: Pick<Step, 'at' | 'by' | 'event' | 'rule'>): void {
    if (state !== 'contested') course.state = state;
    course.changed = step;
    this.history.push({ outcome: course.name, state, ...by });
  }

  /** Silence decides: what is due by the moment has succeeded at its own. */
  wait(until: Instant, step: number): void {
    const due = this.courses.filter((course) => course.state === 'open' && course.due !== null && course.due <= until);
    for (const course of due.length < 2 ? due : due.sort((a, b) => a.due! - b.due!)) this.settle(course, course.due!, 'assumed', step, { at: course.due!, by: 'quiet', event: null, rule: null });
  }

  private settle(course: Course, at: Instant, basis: Success['basis'], step: number, by: Pick<Step, 'at' | 'by' | 'event' | 'rule'>): void {
    if (course.state !== 'open') course.opened_at = at;
    course.settled_at = at;
    course.basis = basis;
    course.due = null;
    course.contest = null;
    this.turn(course, 'succeeded', step, by);
  }

  take(event: SubjectEvent, step: number): void {
    for (const course of this.courses) {
      const rule = this.terms.rules.findIndex((each) => matches(each, event) && (each.outcome === null || each.outcome === course.name) && applies(each, course, event.at));
      if (rule >= 0) this.act(course, this.terms.rules[rule]!, event, step, rule);
    }
  }

  private act(course: Course, rule: OutcomeRule, event: SubjectEvent, step: number, position: number): void {
    const { name, identifier } = event;
    const by = { at: event.at, by: 'event', event: { name, identifier }, rule: position } as const;
    const goes = course.state === 'open';
    const evidence = goes ? [...course.evidence, by.event] : [by.event];
    switch (rule.effect) {
      case 'open':
        course.evidence = evidence;
        course.opened_at = event.at;
        course.quiet = length(rule.quiet_for);
        course.due = course.quiet === null ? null : event.at + course.quiet;
        return this.turn(course, 'open', step, by);
      case 'extend':
        course.evidence = evidence;
        if (course.due !== null) course.due = event.at + course.quiet!;
        return this.turn(course, 'open', step, by);
      case 'succeed':
        course.evidence = evidence;
        return this.settle(course, event.at, 'confirmed', step, by);
      case 'fail':
        course.closed ||= rule.final;
        course.due = null;
        return this.turn(course, 'failed', step, by);
      case 'reverse':
        course.closed ||= rule.final;
        return this.reverse(course, 'event', step, by);
    }
  }

  private reverse(course: Course, by: 'event' | 'contest', step: number, how: Pick<Step, 'at' | 'by' | 'event' | 'rule'>): void {
    course.reversed_by = by;
    course.contest = null;
    this.turn(course, 'reversed', step, how);
  }

  contest(contest: Contest, step: number): void {
    const course = this.courses.find((each) => each.name === contest.outcome);
    if (course?.state !== 'succeeded' || course.contest !== null) return;
    course.contest = contest;
    this.turn(course, 'contested', step, { at: contest.at, by: 'contest', event: null, rule: null });
  }

  resolve(contest: Contest, step: number): void {
    const course = this.courses.find((each) => each.contest === contest);
    if (course === undefined) return;
    const how = { at: contest.resolution!.at, by: 'contest', event: null, rule: null } as const;
    if (contest.resolution!.accepted) return this.reverse(course, 'contest', step, how);
    course.contest = null;
    this.turn(course, 'succeeded', step, how);
  }
}

function summary(version: VersionRow, { courses, history }: Subject): Judgement {
  const best = courses.find((course) => course.state === 'succeeded') ?? null;
  const open = courses.filter((course) => course.state === 'open');
  const waiting = open.filter((course) => course.due !== null);
  // What is counted next: the dearest that silence makes, where it is dearer than what counts already.
  const next = waiting.find((course) => best === null || courses.indexOf(course) < courses.indexOf(best)) ?? null;
  const last = courses.reduce((latest, course) => (course.changed > latest.changed ? course : latest), courses[0]!);
  const state = best ? (best.contest ? 'contested' : 'succeeded') : open.length > 0 ? 'open' : last.state;
  const success = best && { outcome: best.name, meter: best.meter, basis: best.basis, occurred_at: best.opened_at, settled_at: best.settled_at, events: best.evidence };
  return {
    version, state, success, history,
    counted: success && !best!.contest?.held ? { meter: success.meter, at: version.timing === 'occurred_at' ? success.occurred_at : success.settled_at } : null,
    provisional: next && { meter: next.meter, due_at: next.due! },
    due_at: waiting.reduce<Instant | null>((first, { due }) => (first === null || due! < first ? due : first), null),
    reversed_at: state === 'reversed' ? history.findLast((step) => step.state === 'reversed')!.at : null,
    reversed_by: state === 'reversed' ? last.reversed_by : null,
  };
}

const IGNORED: Judgement = { version: null, state: 'ignored', success: null, counted: null, provisional: null, due_at: null, reversed_at: null, reversed_by: null, history: [] };

/** What a version makes of a subject at a moment. Events and contests may come in any order, and more than once. */
export function judgeBy(version: VersionRow, events: readonly SubjectEvent[], contests: readonly Contest[], now: Instant): Judgement {
  const decisions = contests.flatMap((contest) => [
    { at: contest.at, rank: 1, apply: (subject: Subject, step: number) => subject.contest(contest, step) },
    ...(contest.resolution ? [{ at: contest.resolution.at, rank: 2, apply: (subject: Subject, step: number) => subject.resolve(contest, step) }] : []),
  ]);
  const taken = inOrder(version, events).map((event) => ({ at: event.at, rank: 0, apply: (subject: Subject, step: number) => subject.take(event, step) }));
  const subject = new Subject(version);
  // A stable sort keeps the order of the events, and of the decisions of one second.
  const items = decisions.length === 0 ? taken : [...taken, ...decisions].sort((a, b) => a.at - b.at || a.rank - b.rank);
  let step = 0;
  for (const { at, apply } of items) {
    subject.wait(at, step);
    apply(subject, step + 1);
    step += 2;
  }
  subject.wait(now, step);
  return summary(version, subject);
}

/** The earliest event that has not been canceled; what says which version judges. */
export const earliest = (events: readonly SubjectEvent[]): Instant | null => events.reduce<Instant | null>((first, event) => (event.canceled || (first !== null && first <= event.at) ? first : event.at), null);

/** So many events a subject is judged from: the latest ones. A definition whose subjects have more names the wrong key. */
const MOST_EVENTS = 500;

/** The latest events, however they came: of a set, always the same. */
export function latest(events: readonly SubjectEvent[]): SubjectEvent[] {
  if (events.length <= MOST_EVENTS) return [...events];
  return events.toSorted((a, b) => a.at - b.at || byBytes(a.name, b.name) || byBytes(a.identifier, b.identifier)).slice(-MOST_EVENTS);
}

/** What a definition makes of a subject at a moment. */
export function judge(definition: Pick<DefinitionWhole, 'archived_at' | 'versions'>, events: readonly SubjectEvent[], contests: readonly Contest[], now: Instant): Judgement {
  const first = earliest(events);
  const version = first === null ? definition.versions[0]! : versionFor(definition, first);
  return version === null ? IGNORED : judgeBy(version, events, contests, now);
}
