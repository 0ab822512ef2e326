/** Outcomes learn of the events that concern them as those are recorded: in the same transaction, many subjects at once. */
import type { DefinitionWhole } from '../../../billing/outcome/definition.ts';
import { isOver, observe as observeSubject, type News, type Observed, type Subject } from '../../../billing/outcome/observe.ts';
import { fieldOf, type UsageEvent, type Watched } from '../../../billing/usage.ts';
import { momentAt, type Context, type UsageBatch, type UsageObserver } from '../../../server/context.ts';
import { definitionsIn, type Definitions } from '../outcome_definitions/rows.ts';
import { clocksOf, lockSubjects, subjectKey } from './rows.ts';
import { metersOf, take } from './take.ts';

/** The names that definitions look at, with where they find the customer, those that look at one name in one place, and the subject. */
async function watches(ctx: Context, names: readonly string[]): Promise<ReadonlyMap<string, Watched>> {
  const { byName } = await definitionsIn(ctx);
  const watched = new Map<string, Watched>();
  for (const name of names) {
    const definitions = byName.get(name) ?? [];
    const [first] = definitions;
    if (first) watched.set(name, { mapping: { type: 'by_id', event_payload_key: first.customer_key }, keys: [...new Set(definitions.map(({ subject_key }) => subject_key))], ending: definitions.every(({ archived_at }) => archived_at !== null) });
  }
  return watched;
}

/** The events about subjects that have begun, or may begin. */
async function heeds(ctx: Context, events: readonly UsageEvent[]): Promise<Set<UsageEvent>> {
  const { byName } = await definitionsIn(ctx);
  const about = events.flatMap((event) => (byName.get(event.event_name) ?? []).map((definition) => ({ event, definition, of: { definition: definition.id, customer: event.customer, subject: fieldOf(event.payload, definition.subject_key) ?? '' } })));
  const begun = await lockSubjects(ctx.tx, about.map(({ of }) => of));
  return new Set(about.filter(({ event, definition, of }) => begun.has(subjectKey(of)) || !isOver(definition, event.created)).map(({ event }) => event));
}

/** What is new about a subject. */
type Told = { definition: DefinitionWhole; of: Omit<Subject, 'test_clock'> } & { [part in keyof UsageBatch]: UsageEvent[] };

const PARTS = ['recorded', 'canceled', 'restored'] as const;

/** What is new, by subject, in one order: who begins several begins them in that. Subjects are found step by step, as their names as one text would cost more. */
function bySubject(batch: UsageBatch, { byName }: Definitions): Told[] {
  const all: Told[] = [];
  const subjects = new Map<string, Map<DefinitionWhole, Map<string, Told>>>();
  for (const part of PARTS) {
    for (const event of batch[part]) {
      for (const definition of byName.get(event.event_name) ?? []) {
        const subject = fieldOf(event.payload, definition.subject_key);
        if (subject === undefined || subject === '') continue;
        const { customer } = event;
        const told = subjects.getOrInsertComputed(subject, () => new Map()).getOrInsertComputed(definition, () => new Map()).getOrInsertComputed(customer, () => {
          const first: Told = { definition, of: { definition: definition.id, customer, subject }, recorded: [], canceled: [], restored: [] };
          all.push(first);
          return first;
        });
        told[part].push(event);
      }
    }
  }
  return all.sort(({ of: a }, { of: b }) => (a.subject < b.subject ? -1 : a.subject > b.subject ? 1 : a.definition < b.definition ? -1 : a.definition > b.definition ? 1 : a.customer < b.customer ? -1 : 1));
}

const nameOf = ({ event_name: name, identifier }: UsageEvent) => ({ name, identifier });

/** What an event says beside whom and what it is about; the same for all that say nothing. */
function restOf(payload: Record<string, string>, { subject_key, customer_key }: DefinitionWhole): Record<string, string> {
  const names = Object.keys(payload).filter((name) => name !== subject_key && name !== customer_key);
  return names.length === 0 ? NOTHING : Object.fromEntries(names.map((name) => [name, payload[name]!]));
}

const NOTHING: Record<string, string> = Object.freeze({});

const newsOf = ({ definition, recorded, canceled, restored }: Told): News => ({
  recorded: recorded.map(({ event_name: name, identifier, timestamp: at, payload }) => ({ name, identifier, at, payload: restOf(payload, definition) })),
  canceled: canceled.map(nameOf),
  restored: restored.map(nameOf),
});

async function observe(ctx: Context, batch: UsageBatch): Promise<void> {
  const definitions = await definitionsIn(ctx);
  if (definitions.byName.size === 0) return;
  const told = bySubject(batch, definitions);
  if (told.length === 0) return;
  const [customers, known, meters] = await Promise.all([
    clocksOf(ctx.tx, [...new Set(told.map(({ of }) => of.customer))], ctx.app.clock.now()),
    lockSubjects(ctx.tx, told.map(({ of }) => of)),
    metersOf(ctx, [...new Set(told.map(({ definition }) => definition))].flatMap(({ versions }) => versions.flatMap(({ outcomes }) => outcomes.map(({ meter }) => meter)))),
  ]);
  const observed = told.flatMap((each): Observed[] => {
    const customer = customers.get(each.of.customer);
    const news = customer && observeSubject(each.definition, known.get(subjectKey(each.of)) ?? null, { ...each.of, test_clock: customer.test_clock }, newsOf(each), momentAt(ctx, customer.now));
    return news ? [news] : [];
  });
  // Where somebody else begins one of these at the same moment, the transaction is contended, and all of it is tried again.
  for (const [now, each] of Map.groupBy(observed, ({ outcome }) => customers.get(outcome.customer)!.now)) await take(ctx, each, now, meters);
}

export const outcomeObserver: UsageObserver = { watches, heeds, observe };
