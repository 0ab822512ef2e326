/** Definitions as they are made, continued by new versions, and archived. */
import type { MeterRow } from '../catalog.ts';
import { decision, refuse, together, type Decision, type Fact, type Instant, type Moment } from '../decision.ts';
import { mergeMetadata } from '../metadata.ts';
import { createMeter } from '../meter.ts';
import { eventNames, type DefinitionWhole, type OutcomeKind, type OutcomeRule, type Terms, type VersionRow } from './definition.ts';
import { isOwnName } from '../usage.ts';
import { refuseTerms } from './terms.ts';

type RuleGiven = Pick<OutcomeRule, 'event_name' | 'effect'> & Partial<Omit<OutcomeRule, 'conditions'>> & { conditions?: { key: string; operator: OutcomeRule['conditions'][number]['operator']; value?: string; values?: string[] }[] };

/** What is left out is as in the newest version; of a definition without one there is one outcome, and it is counted when it is settled. */
export type TermsGiven = { timing?: Terms['timing']; outcomes?: { name: string; meter?: string }[]; rules: RuleGiven[] };

type DefinitionGiven = TermsGiven & { display_name: string; subject_key: string; customer_key: string; metadata?: Record<string, string> | '' };

export type Defined = Decision & { definition: DefinitionWhole };

/** What a definition finds the subject and the customer of an event by. */
type Keys = Pick<DefinitionWhole, 'subject_key' | 'customer_key'>;

const ruleOf = ({ conditions = [], outcome = null, quiet_for = null, within = null, requires_open = false, final = false, event_name, effect }: RuleGiven): OutcomeRule => ({
  event_name, effect, outcome, quiet_for, within, requires_open, final,
  conditions: conditions.map(({ key, operator, value = null, values = null }) => ({ key, operator, value, values })),
});

/** The definition that counts on a meter in some version, or looks at events of a name. */
const counterOn = (definitions: readonly DefinitionWhole[], meter: string) => definitions.find(({ versions }) => versions.some(({ outcomes }) => outcomes.some((kind) => kind.meter === meter)));
const watcherOf = (definitions: readonly DefinitionWhole[], event_name: string) => definitions.find((each) => eventNames(each).has(event_name));

/** A meter adds up what is put on it and taken from it, for the customers that it finds where it is told. No definition looks at what it counts: outcomes that make outcomes may never end. */
function refuseMeter(meter: MeterRow, definitions: readonly DefinitionWhole[], param: string): void {
  const watcher = watcherOf(definitions, meter.event_name);
  if (watcher) refuse(undefined, `The definition ${watcher.id} looks at events named ${meter.event_name}, which the meter ${meter.id} counts: its outcomes would be made of outcomes. Name another meter, or none.`, param);
  if (meter.status !== 'active') refuse(undefined, `The meter ${meter.id} is inactive. Reactivate it, or name another one.`, param);
  if (meter.default_aggregation.formula !== 'sum') refuse(undefined, `The meter ${meter.id} has the formula \`${meter.default_aggregation.formula}\`. Successes are put on a meter and taken from it: it needs \`sum\`.`, param);
  if (meter.event_time_window !== null) refuse(undefined, `The meter ${meter.id} counts one event of each ${meter.event_time_window}. Successes are counted one by one: it must have no \`event_time_window\`.`, param);
}

/** The meters of outcomes; where none is named, the latest one of that outcome or a new one. */
function metersOf(given: TermsGiven, { named, definitions }: Around, versions: readonly VersionRow[], definition: { id: string; display_name: string }, moment: Moment): Decision & { kinds: OutcomeKind[] } {
  const made: Decision[] = [];
  const known = versions.flatMap(({ outcomes }) => outcomes);
  const asked: NonNullable<TermsGiven['outcomes']> = given.outcomes ?? versions.at(-1)?.outcomes.map(({ name }) => ({ name })) ?? [{ name: 'success' }];
  const kinds = asked.map(({ name, meter: id }, n): OutcomeKind => {
    const had = known.findLast((kind) => kind.name === name);
    const meter = id === undefined ? undefined : named.get(id)!;
    if (meter) refuseMeter(meter, definitions, `outcomes[${n}][meter]`);
    if (meter || had) return { name, meter: meter?.id ?? had!.meter };
    const created = createMeter({ display_name: `${definition.display_name}: ${name}`, event_name: `kontor.outcome.${definition.id}.${name}`, default_aggregation: { formula: 'sum' } }, null, moment);
    made.push(created);
    return { name, meter: created.meter.id };
  });
  return { ...together(made), kinds };
}

/** Refuses rules over events that definitions cause, or whose customer is found elsewhere, and conditions on what names a subject. `others` are the definitions and meters that have to do with events of the same names. */
function refuseNames(terms: Terms, { subject_key, customer_key }: Keys, others: Pick<Around, 'definitions' | 'meters'>): void {
  for (const [n, { event_name, conditions }] of terms.rules.entries()) {
    const param = `rules[${n}][event_name]`;
    const naming = conditions.findIndex(({ key }) => key === subject_key || key === customer_key);
    if (naming >= 0) refuse(undefined, `Rules look at what an event says of its subject. \`${conditions[naming]!.key}\` says which subject or whose it is.`, `rules[${n}][conditions][${naming}][key]`);
    if (isOwnName(event_name)) refuse(undefined, `The events named ${event_name} are Kontor's own. Name the events of your systems.`, param);
    const meter = others.meters.find((each) => each.event_name === event_name);
    if (meter && terms.outcomes.some((kind) => kind.meter === meter.id)) refuse(undefined, `The meter ${meter.id} counts the successes; an event named ${event_name} would count itself. Choose another name.`, param);
    const counter = meter && counterOn(others.definitions, meter.id);
    if (counter) refuse(undefined, `The events named ${event_name} count outcomes of the definition ${counter.id}: outcomes cannot be made of outcomes. Name the events of your systems.`, param);
    if (meter && meter.customer_mapping.event_payload_key !== customer_key) refuse(undefined, `The meter ${meter.id} finds the customer of events named ${event_name} in \`${meter.customer_mapping.event_payload_key}\`, not in \`${customer_key}\`.`, 'customer_key');
    const other = others.definitions.find((each) => eventNames(each).has(event_name) && each.customer_key !== customer_key);
    if (other) refuse(undefined, `The definition ${other.id} finds the customer of events named ${event_name} in \`${other.customer_key}\`, not in \`${customer_key}\`.`, 'customer_key');
  }
}

/** Refuses a meter that would find the customer of events elsewhere than those who look at events of its name. */
export function refuseCustomerKey(watching: readonly DefinitionWhole[], { event_name, customer_mapping }: { event_name: string; customer_mapping?: MeterRow['customer_mapping'] }): void {
  const key = customer_mapping?.event_payload_key ?? 'stripe_customer_id';
  const other = watching.find((each) => each.customer_key !== key);
  if (other) refuse(undefined, `The definition ${other.id} finds the customer of events named ${event_name} in \`${other.customer_key}\`, not in \`${key}\`.`, 'customer_mapping[event_payload_key]');
}

export type Around = { definitions: readonly DefinitionWhole[]; meters: readonly MeterRow[]; named: ReadonlyMap<string, MeterRow> };

const told = (type: string, whole: DefinitionWhole, moment: Moment, before?: DefinitionWhole): Fact => ({ type, object: 'kontor.outcome_definition', whole, ...(before && { before }), at: moment.now });

function versionOf(terms: Terms, definition: { id: string; version: number }, effective_from: Instant | null, moment: Moment): VersionRow {
  return { ...terms, id: moment.newId('odv'), created: moment.now, definition: definition.id, version: definition.version, effective_from };
}

/** The terms as given, after these versions, their meters made where none is named. */
export function termsOf(given: TermsGiven, versions: readonly VersionRow[], definition: { id: string; display_name: string } & Keys, around: Around, moment: Moment): Decision & { terms: Terms } {
  const { kinds, ...made } = metersOf(given, around, versions, definition, moment);
  const terms: Terms = { timing: given.timing ?? versions.at(-1)?.timing ?? 'settled_at', outcomes: kinds, rules: given.rules.map(ruleOf) };
  refuseTerms(terms);
  refuseNames(terms, definition, around);
  return { ...made, terms };
}

export function createDefinition(given: DefinitionGiven, around: Around, moment: Moment): Defined {
  const { display_name, subject_key, customer_key } = given;
  if (subject_key === customer_key) refuse(undefined, 'What there is at most one success of is not the customer: give another `subject_key`.', 'subject_key');
  const row = { id: moment.newId('odef'), created: moment.now, updated: moment.now, display_name, subject_key, customer_key, archived_at: null, metadata: mergeMetadata({}, given.metadata), version: 1 };
  const { terms, ...meters } = termsOf(given, [], row, around, moment);
  const version = versionOf(terms, row, null, moment);
  const definition: DefinitionWhole = { ...row, versions: [version] };
  const made: Decision = {
    ...decision(),
    puts: [{ table: 'outcome_definitions', before: null, after: row }, { table: 'outcome_definition_versions', before: null, after: version }],
    facts: [told('kontor.outcome_definition.created', definition, moment)],
  };
  return { ...together([meters, made]), definition };
}

/** The timer that judges again what a change of the definition is about: the subjects that begin since a moment. Each change has its own, so that none is lost to the next one. */
const rejudging = ({ id }: DefinitionWhole, since: Instant, moment: Moment) => ({ kind: 'outcome.rejudge', subject: `${id}:${since}`, at: moment.now, lane: id, test_clock: null });

function changed(type: string, before: DefinitionWhole, definition: DefinitionWhole, moment: Moment): Defined {
  return { ...decision(), puts: [{ table: 'outcome_definitions', before, after: definition }], facts: [told(type, definition, moment, before)], definition };
}

function refuseArchived({ id, archived_at }: DefinitionWhole): void {
  if (archived_at !== null) refuse(undefined, `The definition ${id} is archived. Make a new one.`);
}

/** A new version, in force from a moment that is not over. */
export function createVersion(before: DefinitionWhole, given: TermsGiven & { effective_from?: Instant }, around: Around, moment: Moment): Defined {
  refuseArchived(before);
  const effective_from = given.effective_from ?? moment.now;
  if (effective_from < moment.now) refuse(undefined, 'A version is in force from now on or later: what began before is judged as it was agreed then.', 'effective_from');
  const { terms, ...meters } = termsOf(given, before.versions, before, around, moment);
  const row = { ...before, updated: moment.now, version: before.version + 1 };
  const version = versionOf(terms, row, effective_from, moment);
  const after: DefinitionWhole = { ...row, versions: [...before.versions, version] };
  const made = changed('kontor.outcome_definition.updated', before, after, moment);
  return { ...together([meters, { ...made, puts: [...made.puts, { table: 'outcome_definition_versions', before: null, after: version }], timers: [rejudging(after, effective_from, moment)] }]), definition: after };
}

export function updateDefinition(before: DefinitionWhole, given: { display_name?: string; metadata?: Record<string, string> | '' }, moment: Moment): Defined {
  const after = { ...before, updated: moment.now, display_name: given.display_name ?? before.display_name, metadata: mergeMetadata(before.metadata, given.metadata) };
  return changed('kontor.outcome_definition.updated', before, after, moment);
}

/** From now on it judges no new subjects; those that have begun go on. */
export function archiveDefinition(before: DefinitionWhole, moment: Moment): Defined {
  refuseArchived(before);
  const after = { ...before, updated: moment.now, archived_at: moment.now };
  const made = changed('kontor.outcome_definition.updated', before, after, moment);
  return { ...made, timers: [rejudging(after, moment.now, moment)] };
}
