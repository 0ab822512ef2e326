/** What a success is, said once as data: which events open, make, end and take back an outcome. The rules are told in docs/concepts/outcomes.md. */
import type { Instant } from '../decision.ts';
import { compare, parseDecimal } from '../money.ts';

export const OPERATORS = ['eq', 'ne', 'in', 'not_in', 'gt', 'gte', 'lt', 'lte', 'exists', 'absent'] as const;
export type Operator = (typeof OPERATORS)[number];

/** A condition on a value of an event's payload. */
export type Condition = { key: string; operator: Operator; value: string | null; values: string[] | null };

export const EFFECTS = ['open', 'extend', 'succeed', 'fail', 'reverse'] as const;
export type Effect = (typeof EFFECTS)[number];

/** What an event does to an outcome. `quiet_for` and `within` are durations such as `24h`. */
export type OutcomeRule = {
  event_name: string;
  conditions: Condition[];
  effect: Effect;
  /** Null means every outcome of the definition. */
  outcome: string | null;
  quiet_for: string | null;
  within: string | null;
  requires_open: boolean;
  final: boolean;
};

/** What a subject may end in, and the meter that counts it. */
export type OutcomeKind = { name: string; meter: string };

type Timing = 'occurred_at' | 'settled_at';

/** What a version says; never changed once it is made. */
export type Terms = {
  timing: Timing;
  /** The dearest first. */
  outcomes: OutcomeKind[];
  rules: OutcomeRule[];
};

export type VersionRow = Terms & {
  id: string;
  created: Instant;
  definition: string;
  /** 1 for the first. */
  version: number;
  /** Null: since ever. */
  effective_from: Instant | null;
};

export type DefinitionRow = {
  id: string;
  created: Instant;
  updated: Instant;
  display_name: string;
  /** The keys of an event's payload: what there is at most one success of, and whom it is charged to. */
  subject_key: string;
  customer_key: string;
  archived_at: Instant | null;
  metadata: Record<string, string>;
  /** The number of the newest version. */
  version: number;
};

/** A definition with all its versions, oldest first. */
export type DefinitionWhole = DefinitionRow & { versions: VersionRow[] };

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** A duration in seconds; null where the text is none. */
export function seconds(text: string): number | null {
  const read = /^([1-9][0-9]{0,7})([smhdw])$/.exec(text);
  return read === null ? null : Number(read[1]) * UNITS[read[2]!]!;
}

/** Whether a condition holds for a payload. */
export function holds({ key, operator, value, values }: Condition, payload: Readonly<Record<string, string>>): boolean {
  const found = Object.hasOwn(payload, key) ? payload[key]! : null;
  if (operator === 'absent') return found === null;
  if (found === null) return false;
  switch (operator) {
    case 'exists': return true;
    case 'eq': return found === value;
    case 'ne': return found !== value;
    case 'in': return values!.includes(found);
    case 'not_in': return !values!.includes(found);
  }
  const [left, right] = [parseDecimal(found), parseDecimal(value!)];
  if (left === null || right === null) return false;
  const order = compare(left, right);
  return operator === 'gt' ? order > 0 : operator === 'gte' ? order >= 0 : operator === 'lt' ? order < 0 : order <= 0;
}

/** Whether a rule is about an event, by its name and its conditions. */
export function matches(rule: OutcomeRule, event: { name: string; payload: Readonly<Record<string, string>> }): boolean {
  return rule.event_name === event.name && rule.conditions.every((condition) => holds(condition, event.payload));
}

/** The version by which a subject is judged whose earliest event has this timestamp; null where the definition was archived by then. */
export function versionFor(definition: Pick<DefinitionWhole, 'archived_at' | 'versions'>, earliest: Instant): VersionRow | null {
  if (definition.archived_at !== null && earliest >= definition.archived_at) return null;
  let best: VersionRow | null = null;
  for (const each of definition.versions) {
    if (each.effective_from !== null && each.effective_from > earliest) continue;
    if (best === null || (each.effective_from ?? -Infinity) >= (best.effective_from ?? -Infinity)) best = each;
  }
  return best;
}

/** The names of all events that concern a definition, of whatever version. */
export const eventNames = ({ versions }: Pick<DefinitionWhole, 'versions'>): Set<string> => new Set(versions.flatMap((version) => version.rules.map((rule) => rule.event_name)));
