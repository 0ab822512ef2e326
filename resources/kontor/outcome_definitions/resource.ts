import type { Condition, DefinitionWhole, OutcomeRule, VersionRow } from '../../../billing/outcome/definition.ts';
import type { Json, Resource, World } from '../../../server/context.ts';
import { definitionsById } from './rows.ts';

const renderCondition = ({ key, operator, value, values }: Condition): Json => ({ key, operator, value, values });

export const renderRule = ({ event_name, conditions, effect, outcome, quiet_for, within, requires_open, final }: OutcomeRule): Json => ({
  conditions: conditions.map(renderCondition),
  effect,
  event_name,
  final,
  outcome,
  quiet_for,
  requires_open,
  within,
});

export const renderVersion = (version: VersionRow): Json => ({
  id: version.id,
  object: 'kontor.outcome_definition_version',
  created: version.created,
  effective_from: version.effective_from,
  outcomes: version.outcomes.map(({ name, meter }) => ({ meter, name })),
  rules: version.rules.map(renderRule),
  timing: version.timing,
  version: version.version,
});

/** The newest version stands on the definition itself; all of them are listed beside it. */
export function renderDefinition(definition: DefinitionWhole, world: World): Json {
  const newest = definition.versions.at(-1)!;
  return {
    id: definition.id,
    object: 'kontor.outcome_definition',
    archived_at: definition.archived_at,
    created: definition.created,
    customer_key: definition.customer_key,
    display_name: definition.display_name,
    effective_from: newest.effective_from,
    livemode: world.livemode,
    metadata: definition.metadata,
    outcomes: newest.outcomes.map(({ name, meter }) => ({ meter, name })),
    rules: newest.rules.map(renderRule),
    status: definition.archived_at === null ? 'active' : 'archived',
    subject_key: definition.subject_key,
    timing: newest.timing,
    version: newest.version,
  };
}

export const outcomeDefinition: Resource<DefinitionWhole> = {
  object: 'kontor.outcome_definition',
  prefix: 'odef',
  render: renderDefinition,
  load: (ctx, ids) => definitionsById(ctx.tx, ids),
  expands: { 'outcomes.meter': 'billing.meter' },
};
