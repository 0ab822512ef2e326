/** What a definition may say: terms that make no sense are refused, with the rule that is wrong (docs/concepts/outcomes.md, "A definition"). */
import { refuse } from '../decision.ts';
import { add, compare, formatDecimal, multiply, parseDecimal, subtract, type Decimal } from '../money.ts';
import { holds, seconds, type Condition, type Effect, type Operator, type OutcomeRule, type Terms } from './definition.ts';

const ONE: Decimal = { digits: 1n, scale: 0 };
const HALF: Decimal = { digits: 5n, scale: 1 };

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

/** The values of a key that tell all conditions on it apart: of whatever a payload may have there, one of these meets the same conditions. Null: nothing is there. */
function samplesOf(conditions: readonly Condition[]): (string | null)[] {
  const texts = conditions.flatMap(({ value, values }) => [...(value === null ? [] : [value]), ...(values ?? [])]);
  const numbers = texts.flatMap((each) => parseDecimal(each) ?? []).sort(compare);
  const around = numbers.flatMap((number, n) => [n === 0 ? subtract(number, ONE) : multiply(add(numbers[n - 1]!, number), HALF), number, ...(n === numbers.length - 1 ? [add(number, ONE)] : [])]);
  // Longer than each that is named, and so none of them.
  const zeros = '0'.repeat(1 + Math.max(0, ...texts.map((each) => each.length)));
  return [null, ...texts, `${texts.join('')}x`, ...around.map(formatDecimal).map((text) => `${text}${text.includes('.') ? '' : '.'}${zeros}`)];
}

const keysOf = (conditions: readonly Condition[]): string[] => [...new Set(conditions.map(({ key }) => key))];
const ofKey = (conditions: readonly Condition[], key: string): Condition[] => conditions.filter((each) => each.key === key);
const meet = (conditions: readonly Condition[], key: string, value: string | null): boolean => conditions.every((each) => holds(each, value === null ? {} : { [key]: value }));

/** A key on which no value meets all conditions; undefined where there is none. */
const contradiction = (conditions: readonly Condition[]): string | undefined => keysOf(conditions).find((key) => !samplesOf(ofKey(conditions, key)).some((value) => meet(ofKey(conditions, key), key, value)));

/** Whether all that meets `narrow`, which something does, meets `broad`. */
function covers(broad: readonly Condition[], narrow: readonly Condition[]): boolean {
  return keysOf(broad).every((key) => samplesOf([...ofKey(broad, key), ...ofKey(narrow, key)]).every((value) => !meet(ofKey(narrow, key), key, value) || meet(ofKey(broad, key), key, value)));
}

/** Of so many combinations of values it is asked whether rules cover them together. */
const MOST_COMBINATIONS = 2_000;

/** Whether all that meets `narrow` meets one of `broad`. Where the values are too many to tell, it is taken not to. */
function coverTogether(broad: readonly (readonly Condition[])[], narrow: readonly Condition[]): boolean {
  const all = [...broad.flat(), ...narrow];
  const samples = keysOf(all).map((key) => ({ key, values: samplesOf(ofKey(all, key)) }));
  if (samples.reduce((count, { values }) => count * values.length, 1) > MOST_COMBINATIONS) return false;
  const payloads = samples.reduce<Record<string, string>[]>((made, { key, values }) => made.flatMap((payload) => values.map((value) => (value === null ? payload : { ...payload, [key]: value }))), [{}]);
  return payloads.every((payload) => !narrow.every((each) => holds(each, payload)) || broad.some((conditions) => conditions.every((each) => holds(each, payload))));
}

/** In which states of an outcome a rule applies: wherever it is not `settled`, only while it is `open`, or while it is a `success`. */
const appliesTo = ({ effect, requires_open }: OutcomeRule): 'unsettled' | 'open' | 'success' => (effect === 'reverse' ? 'success' : effect === 'extend' || requires_open ? 'open' : 'unsettled');

/** Whether `first` applies to an outcome and an event whenever `second` does, where its conditions hold. */
function appliesBefore(first: OutcomeRule, second: OutcomeRule): boolean {
  const [one, other] = [appliesTo(first), appliesTo(second)];
  const states = one === other || (one === 'unsettled' && other === 'open');
  const within = first.within === null || (second.within !== null && seconds(first.within)! >= seconds(second.within)!);
  return first.event_name === second.event_name && states && within;
}

const isAbout = (rule: OutcomeRule, name: string): boolean => rule.outcome === null || rule.outcome === name;

/** The numbers of the earlier rules that take the place of a rule for an outcome whenever it is for an event: one that does so by itself, or all that do so together. None where it comes to its turn. */
function takersOf(rules: readonly OutcomeRule[], n: number, name: string): number[] {
  const before = [...rules.keys()].slice(0, n).filter((each) => isAbout(rules[each]!, name) && appliesBefore(rules[each]!, rules[n]!));
  const alone = before.find((each) => covers(rules[each]!.conditions, rules[n]!.conditions));
  if (alone !== undefined) return [alone + 1];
  return before.length > 1 && coverTogether(before.map((each) => rules[each]!.conditions), rules[n]!.conditions) ? before.map((each) => each + 1) : [];
}

/** A rule that can never have its effect is a mistake of whoever wrote it. */
function refuseUnreachable({ outcomes, rules }: Terms): void {
  for (const [n, { name }] of outcomes.entries()) {
    const own = rules.filter((rule) => isAbout(rule, name));
    const made = own.some((rule) => (rule.effect === 'succeed' && !rule.requires_open) || (rule.effect === 'open' && rule.quiet_for !== null));
    const confirmed = own.some((rule) => rule.effect === 'open') && own.some((rule) => rule.effect === 'succeed');
    if (!made && !confirmed) {
      refuse(undefined, `No rule leads to a success of the outcome \`${name}\`: it needs one that \`succeed\`s, or one that \`open\`s with a \`quiet_for\`.`, `outcomes[${n}][name]`);
    }
  }
  for (const [n, rule] of rules.entries()) {
    const said = `The rule ${n + 1} (\`${rule.event_name}\` → \`${rule.effect}\`)`;
    const key = contradiction(rule.conditions);
    if (key !== undefined) refuse(undefined, `${said} can never hold: its conditions on \`${key}\` contradict each other.`, `rules[${n}][conditions]`);
    const about = outcomes.filter(({ name }) => isAbout(rule, name));
    const opened = about.filter(({ name }) => rules.some((each) => each.effect === 'open' && isAbout(each, name)));
    if (appliesTo(rule) === 'open' && opened.length === 0) refuse(undefined, `${said} never has an effect: it needs an outcome that is open, and no rule \`open\`s one.`, `rules[${n}]`);
    const takers = about.map(({ name }) => takersOf(rules, n, name));
    const [first] = takers;
    if (takers.every((each) => each.length > 0)) refuse(undefined, `${said} never comes to its turn: whenever it is for an event, so is ${first!.length === 1 ? 'the rule' : 'one of the rules'} ${first!.join(', ')} before it.`, `rules[${n}]`);
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
