/** What a success is, said once as data: which events open, make, end and take back an outcome. The rules are told in docs/concepts/outcomes.md. */
import { refuse, type Instant } from '../decision.ts';
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

export type Timing = 'occurred_at' | 'settled_at';

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

const LONGEST = 400 * 86_400;
const DURATION = 'A duration is a whole number with `s`, `m`, `h`, `d` or `w`, such as `24h` or `30d`, of at most 400 days';

function refuseDuration(text: string | null, param: string): void {
  if (text === null) return;
  const length = seconds(text);
  if (length === null || length > LONGEST) refuse(undefined, `${DURATION}; it is ${text}.`, param);
}

const LISTED = new Set<Operator>(['in', 'not_in']);
const NUMERIC = new Set<Operator>(['gt', 'gte', 'lt', 'lte']);
const BARE = new Set<Operator>(['exists', 'absent']);

function refuseCondition({ operator, value, values }: Condition, param: string, rule: string): void {
  if (LISTED.has(operator)) {
    if (values === null || values.length === 0) refuse('parameter_missing', `${rule}: the operator \`${operator}\` needs \`values\`.`, `${param}[values]`);
    if (value !== null) refuse('parameter_unknown', `${rule}: the operator \`${operator}\` takes \`values\`, not \`value\`.`, `${param}[value]`);
    return;
  }
  if (values !== null) refuse('parameter_unknown', `${rule}: the operator \`${operator}\` takes no \`values\`.`, `${param}[values]`);
  if (BARE.has(operator) && value !== null) refuse('parameter_unknown', `${rule}: the operator \`${operator}\` takes no \`value\`.`, `${param}[value]`);
  if (!BARE.has(operator) && value === null) refuse('parameter_missing', `${rule}: the operator \`${operator}\` needs a \`value\`.`, `${param}[value]`);
  if (NUMERIC.has(operator) && parseDecimal(value!) === null) refuse(undefined, `${rule}: the operator \`${operator}\` compares numbers; \`${value}\` is none.`, `${param}[value]`);
}

/** Fields that only one effect reads, with the effect that reads them. */
const OWN: [keyof OutcomeRule, readonly Effect[]][] = [['quiet_for', ['open']], ['within', ['reverse']], ['requires_open', ['succeed']], ['final', ['fail', 'reverse']]];

function refuseRule(rule: OutcomeRule, n: number, names: readonly string[]): void {
  const at = (field: string) => `rules[${n}][${field}]`;
  const said = `The rule ${n + 1} (\`${rule.event_name}\` → \`${rule.effect}\`)`;
  if (rule.outcome !== null && !names.includes(rule.outcome)) refuse(undefined, `${said} names the outcome \`${rule.outcome}\`, of which there is none; there are ${names.map((name) => `\`${name}\``).join(', ')}.`, at('outcome'));
  if (rule.outcome === null && names.length > 1 && (rule.effect === 'open' || rule.effect === 'succeed')) {
    refuse('parameter_missing', `${said} must say which outcome it leads to, since there are several.`, at('outcome'));
  }
  for (const [field, effects] of OWN) {
    if (!effects.includes(rule.effect) && rule[field]) refuse('parameter_unknown', `${said}: \`${field}\` belongs to rules that ${effects.map((effect) => `\`${effect}\``).join(' or ')}.`, at(field));
  }
  refuseDuration(rule.quiet_for, at('quiet_for'));
  refuseDuration(rule.within, at('within'));
  for (const [m, condition] of rule.conditions.entries()) refuseCondition(condition, `rules[${n}][conditions][${m}]`, said);
}

/** A rule that can never have its effect is a mistake of whoever wrote it. */
function refuseUnreachable({ outcomes, rules }: Terms): void {
  for (const [n, { name }] of outcomes.entries()) {
    const own = rules.filter((rule) => rule.outcome === null || rule.outcome === name);
    const made = own.some((rule) => (rule.effect === 'succeed' && !rule.requires_open) || (rule.effect === 'open' && rule.quiet_for !== null));
    const confirmed = own.some((rule) => rule.effect === 'open') && own.some((rule) => rule.effect === 'succeed');
    if (!made && !confirmed) {
      refuse(undefined, `No rule leads to a success of the outcome \`${name}\`: it needs one that \`succeed\`s, or one that \`open\`s with a \`quiet_for\`.`, `outcomes[${n}][name]`);
    }
  }
  for (const [n, rule] of rules.entries()) {
    const key = JSON.stringify([rule.event_name, rule.conditions, rule.outcome, rule.effect]);
    const same = rules.findIndex((each) => JSON.stringify([each.event_name, each.conditions, each.outcome, each.effect]) === key && each.within === rule.within && each.requires_open === rule.requires_open);
    if (same < n) refuse(undefined, `The rule ${n + 1} (\`${rule.event_name}\` → \`${rule.effect}\`) never comes to its turn: the rule ${same + 1} says the same.`, `rules[${n}]`);
  }
}

/** Refuses terms that do not make sense, saying which rule is wrong. */
export function refuseTerms(terms: Terms): void {
  const names = terms.outcomes.map((kind) => kind.name);
  for (const [n, name] of names.entries()) if (names.indexOf(name) < n) refuse(undefined, `The outcome \`${name}\` is there twice.`, `outcomes[${n}][name]`);
  const meters = terms.outcomes.map((kind) => kind.meter);
  for (const [n, meter] of meters.entries()) if (meters.indexOf(meter) < n) refuse(undefined, `The meter ${meter} counts \`${names[meters.indexOf(meter)]}\` already: each outcome needs a meter of its own.`, `outcomes[${n}][meter]`);
  for (const [n, rule] of terms.rules.entries()) refuseRule(rule, n, names);
  refuseUnreachable(terms);
}

function holds({ key, operator, value, values }: Condition, payload: Readonly<Record<string, string>>): boolean {
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
