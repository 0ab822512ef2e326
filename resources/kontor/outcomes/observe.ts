/** Outcomes learn of the events that concern them as those are recorded: in the same transaction, many subjects at once. */
import type { DefinitionWhole } from '../../../billing/outcome/definition.ts';
import { observe as observeSubject, type News, type Observed, type Subject } from '../../../billing/outcome/observe.ts';
import { fieldOf, type UsageEvent, type Watched } from '../../../billing/usage.ts';
import { momentAt, type Context, type UsageBatch, type UsageObserver } from '../../../server/context.ts';
import { isTaken } from '../../../server/database/world.ts';
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
    if (first) watched.set(name, { mapping: { type: 'by_id', event_payload_key: first.customer_key }, keys: [...new Set(definitions.map(({ subject_key }) => subject_key))] });
  }
  return watched;
}

/** What is new about a subject; `key` is what names it. */
type Told = { key: string; definition: DefinitionWhole; of: Omit<Subject, 'test_clock'> } & { [part in keyof UsageBatch]: UsageEvent[] };

const PARTS = ['recorded', 'canceled', 'restored'] as const;

/** What is new, by subject, in the order of their keys: who locks several locks them in one order. */
function bySubject(batch: UsageBatch, { byName }: Definitions): Told[] {
  const all = new Map<string, Told>();
  for (const part of PARTS) {
    for (const event of batch[part]) {
      for (const definition of byName.get(event.event_name) ?? []) {
        const subject = fieldOf(event.payload, definition.subject_key);
        if (subject === undefined || subject === '') continue;
        const of = { definition: definition.id, customer: event.customer, subject };
        const key = subjectKey(of);
        all.getOrInsertComputed(key, () => ({ key, definition, of, recorded: [], canceled: [], restored: [] }))[part].push(event);
      }
    }
  }
  return [...all.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
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
  const [customers, held, meters] = await Promise.all([
    clocksOf(ctx.tx, [...new Set(told.map(({ of }) => of.customer))], ctx.app.clock.now()),
    lockSubjects(ctx.tx, told.map(({ of }) => of)),
    metersOf(ctx, [...new Set(told.map(({ definition }) => definition))].flatMap(({ versions }) => versions.flatMap(({ outcomes }) => outcomes.map(({ meter }) => meter)))),
  ]);
  let known = held;
  const living = told.filter(({ of }) => customers.has(of.customer));
  const judge = (each: Told): Observed | null => {
    const { test_clock, now } = customers.get(each.of.customer)!;
    return observeSubject(each.definition, known.get(each.key) ?? null, { ...each.of, test_clock }, newsOf(each), momentAt(ctx, now));
  };
  const takeAll = async (): Promise<void> => {
    const observed = living.map(judge).filter((each) => each !== null);
    for (const [now, each] of Map.groupBy(observed, ({ outcome }) => customers.get(outcome.customer)!.now)) await take(ctx, each, now, meters);
  };
  while (living.some(({ key }) => !known.has(key))) {
    try {
      return await ctx.tx.attempt(takeAll);
    } catch (error) {
      if (!isTaken(error, /^outcomes$/)) throw error;
      // Somebody else has begun some of these at the same moment.
      known = await lockSubjects(ctx.tx, living.map(({ of }) => of));
    }
  }
  await takeAll();
}

export const outcomeObserver: UsageObserver = { watches, observe };
