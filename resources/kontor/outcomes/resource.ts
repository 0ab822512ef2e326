import type { Instant } from '../../../billing/decision.ts';
import type { DefinitionWhole } from '../../../billing/outcome/definition.ts';
import type { OutcomeRow, OutcomeWhole } from '../../../billing/outcome/outcome.ts';
import { judge, type Contest, type Step } from '../../../billing/outcome/settle.ts';
import type { Json, Resource, World } from '../../../server/context.ts';
import { renderRule, renderVersion } from '../outcome_definitions/resource.ts';
import { outcomesById } from './rows.ts';

const renderContest = ({ outcome, at, reason, by, held, resolution }: Contest): Json => ({
  by,
  contested_at: at,
  held,
  outcome,
  reason,
  resolution: resolution && { accepted: resolution.accepted, reason: resolution.reason, resolved_at: resolution.at },
});

export function renderOutcome(outcome: OutcomeRow | OutcomeWhole, world: World): Json {
  return {
    id: outcome.id,
    object: 'kontor.outcome',
    basis: outcome.basis,
    contests: outcome.contests.map(renderContest),
    counted_at: outcome.counted_at,
    created: outcome.created,
    customer: outcome.customer,
    definition: outcome.definition,
    due_at: outcome.due_at,
    livemode: world.livemode,
    meter: outcome.meter,
    occurred_at: outcome.occurred_at,
    outcome: outcome.outcome,
    reversed_at: outcome.reversed_at,
    reversed_by: outcome.reversed_by,
    settled_at: outcome.settled_at,
    state: outcome.state,
    subject: outcome.subject,
    test_clock: outcome.test_clock,
    updated: outcome.updated,
    version: outcome.version,
  };
}

/** All from which the outcome follows: its events, the version that judges them, and each step with the rule that took it. */
export function renderEvidence(outcome: OutcomeRow, definition: DefinitionWhole, now: Instant): Json {
  const { version, success, history } = judge(definition, outcome.events, outcome.contests, now);
  const step = ({ at, outcome: name, state, by, event, rule }: Step): Json => ({ at, by, event: event && { event_name: event.name, identifier: event.identifier }, outcome: name, rule: rule === null ? null : renderRule(version!.rules[rule]!), state });
  return {
    events: outcome.events.toSorted((a, b) => a.at - b.at).map(({ name, identifier, at, payload, canceled = false }) => ({ canceled, event_name: name, identifier, payload, timestamp: at })),
    history: history.map(step),
    made_by: success?.events.map(({ name, identifier }) => ({ event_name: name, identifier })) ?? [],
    version: version && renderVersion(version),
  };
}

export const outcome: Resource<OutcomeRow> = {
  object: 'kontor.outcome',
  prefix: 'outc',
  render: renderOutcome,
  load: (ctx, ids) => outcomesById(ctx.tx, ids),
  expands: { customer: 'customer', definition: 'kontor.outcome_definition', meter: 'billing.meter' },
};
