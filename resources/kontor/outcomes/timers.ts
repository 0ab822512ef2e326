/** What happens to outcomes by themselves: silence decides, and a changed definition judges again. Many at once. */
import { decision, type Instant } from '../../../billing/decision.ts';
import { rejudge, settleDue, silence, type Observed } from '../../../billing/outcome/observe.ts';
import { commit } from '../../../server/commit.ts';
import { momentAt, type Context, type TimerCommand } from '../../../server/context.ts';
import { definitionsIn } from '../outcome_definitions/rows.ts';
import { begunSince, clocksOf, idleOutcomes, livingCustomers, outcomesById } from './rows.ts';
import { take } from './take.ts';

/**
 * Silence has lasted as long as it had to: each is decided at the moment that its timer was set for. What an event comes for right now is not waited for, since whoever records it sets the timer again, and
 * waits for this one: it is looked at once more.
 */
export const settle: TimerCommand = async (ctx, due) => {
  const { byId } = await definitionsIn(ctx);
  const found = await idleOutcomes(ctx.tx, due.map((each) => each.subject));
  await lookAgain(ctx, due.filter(({ subject }) => !found.some((each) => each.id === subject)));
  const living = await livingCustomers(ctx.tx, found.map((each) => each.customer));
  const set = new Map(due.map(({ subject, at }) => [subject, at]));
  const observed = found.filter((each) => living.has(each.customer)).flatMap((each) => settleDue(byId.get(each.definition)!, each, momentAt(ctx, set.get(each.id)!)) ?? []);
  await take(ctx, observed, Math.max(...set.values()));
};

async function lookAgain(ctx: Context, due: Parameters<TimerCommand>[1]): Promise<void> {
  if (due.length === 0) return;
  const at = new Map(due.map((each) => [each.subject, each.at]));
  const there = await outcomesById(ctx.tx, [...at.keys()]);
  await commit(ctx, { ...decision(), timers: there.map((each) => ({ ...silence(each), at: at.get(each.id)! })) });
}

/** So many subjects are judged again in one transaction. */
const BATCH = 500;

/** The subject is the definition's id, the moment since which its subjects are judged again and, where some were, the id of the last one, with colons between them. */
export const judgeAgain: TimerCommand = async (ctx, due) => {
  for (const { subject, at } of due) await judgePage(ctx, subject, at);
};

async function judgePage(ctx: Context, subject: string, at: Instant): Promise<void> {
  const [id, since, after = ''] = subject.split(':') as [string, string, string?];
  const definition = (await definitionsIn(ctx)).byId.get(id)!;
  const found = await begunSince(ctx.tx, id, Number(since), after, BATCH);
  const customers = await clocksOf(ctx.tx, [...new Set(found.map((each) => each.customer))], ctx.app.clock.now());
  const observed = found.flatMap((each): Observed[] => {
    const customer = customers.get(each.customer);
    const again = customer && rejudge(definition, each, momentAt(ctx, customer.now));
    return again ? [again] : [];
  });
  for (const [now, each] of Map.groupBy(observed, (one) => customers.get(one.outcome.customer)!.now)) await take(ctx, each, now);
  if (found.length === BATCH) await commit(ctx, { ...decision(), timers: [{ kind: 'outcome.rejudge', subject: `${id}:${since}:${found.at(-1)!.id}`, at, lane: id, test_clock: null }] });
}
