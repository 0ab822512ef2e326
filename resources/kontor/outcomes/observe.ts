/** Outcomes learn of the events that concern them as those are recorded: in the same transaction, many subjects at once. */
import type { DefinitionWhole } from '../../../billing/outcome/definition.ts';
import { observe as observeSubject, type News, type Observed, type Subject } from '../../../billing/outcome/observe.ts';
import type { OutcomeRow } from '../../../billing/outcome/outcome.ts';
import { fieldOf, type UsageEvent, type Watched } from '../../../billing/usage.ts';
import { insertFree } from '../../../server/commit.ts';
import { momentAt, type Context, type UsageBatch, type UsageObserver } from '../../../server/context.ts';
import { definitionsIn, type Definitions } from '../outcome_definitions/rows.ts';
import { clocksOf, lockSubjects, subjectKey } from './rows.ts';
import { take } from './take.ts';

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

type Told = { definition: DefinitionWhole; of: Omit<Subject, 'test_clock'>; recorded: UsageEvent[]; canceled: UsageEvent[]; restored: UsageEvent[] };

/** What is new, by subject, in the order of their keys: who locks several locks them in one order. */
function bySubject(batch: UsageBatch, { byName }: Definitions): Map<string, Told> {
  const all = new Map<string, Told>();
  const parts = ['recorded', 'canceled', 'restored'] as const;
  for (const part of parts) {
    for (const event of batch[part]) {
      for (const definition of byName.get(event.event_name) ?? []) {
        const subject = fieldOf(event.payload, definition.subject_key);
        if (subject === undefined || subject === '') continue;
        const of = { definition: definition.id, customer: event.customer, subject };
        const key = subjectKey(of);
        if (!all.has(key)) all.set(key, { definition, of, recorded: [], canceled: [], restored: [] });
        all.get(key)![part].push(event);
      }
    }
  }
  return new Map([...all].sort(([a], [b]) => (a < b ? -1 : 1)));
}

const nameOf = ({ event_name: name, identifier }: UsageEvent) => ({ name, identifier });

/** What an event says beside whom and what it is about. */
function newsOf({ definition, recorded, canceled, restored }: Told): News {
  const rest = ({ payload }: UsageEvent) => {
    const { [definition.subject_key]: _subject, [definition.customer_key]: _customer, ...others } = payload;
    return others;
  };
  return { recorded: recorded.map((event) => ({ ...nameOf(event), at: event.timestamp, payload: rest(event) })), canceled: canceled.map(nameOf), restored: restored.map(nameOf) };
}

async function observe(ctx: Context, batch: UsageBatch): Promise<void> {
  const definitions = await definitionsIn(ctx);
  if (definitions.byName.size === 0) return;
  const told = bySubject(batch, definitions);
  if (told.size === 0) return;
  const customers = await clocksOf(ctx.tx, [...new Set([...told.values()].map(({ of }) => of.customer))], ctx.app.clock.now());
  const living = new Map([...told].filter(([, { of }]) => customers.has(of.customer)));
  const of = ({ of: named }: Told): Subject => ({ ...named, test_clock: customers.get(named.customer)!.test_clock });
  const decide = (key: string, before: OutcomeRow | null): Observed | null => {
    const each = living.get(key)!;
    return observeSubject(each.definition, before, of(each), newsOf(each), momentAt(ctx, customers.get(each.of.customer)!.now));
  };
  const known = await lockSubjects(ctx.tx, [...living.values()].map(of));
  const observed = new Map([...living.keys()].flatMap((key) => [[key, decide(key, known.get(key) ?? null)] as const]));
  const fresh = [...observed].filter(([key, each]) => each !== null && !known.has(key));
  const inserted = await insertFree(ctx, 'outcomes', fresh.map(([, each]) => each!.outcome));
  // Somebody else has begun these at the same moment.
  const late = fresh.filter(([, each]) => !inserted.has(each!.outcome.id)).map(([key]) => key);
  for (const [key, row] of await lockSubjects(ctx.tx, late.map((key) => of(living.get(key)!)))) observed.set(key, decide(key, row));
  const found = [...observed.values()].filter((each) => each !== null);
  for (const [now, each] of Map.groupBy(found, (one) => customers.get(one.outcome.customer)!.now)) await take(ctx, each, now, inserted);
}

export const outcomeObserver: UsageObserver = { watches, observe };
