/** What happens to schedules by themselves, in bulk. How the phases of a running one follow each other is decided with its subscription. */
import { together, type Instant } from '../../billing/decision.ts';
import { announceEnd } from '../../billing/schedule/edit.ts';
import { startAll } from '../../billing/schedule/start.ts';
import { commit } from '../../server/commit.ts';
import { momentAt, realMoment, type Context } from '../../server/context.ts';
import { customersById } from '../customers/rows.ts';
import { readTerms } from '../subscriptions/rows.ts';
import { startFacts } from './facts.ts';
import { customersOf, schedulesById } from './rows.ts';

type Due = readonly { subject: string; at: Instant }[];

/** Starts each at the moment that it was set for. What a request has started meanwhile is left alone. */
export async function startDue(ctx: Context, due: Due): Promise<void> {
  const ids = due.map((each) => each.subject);
  const customers = await customersById(ctx.tx, await customersOf(ctx.tx, ids), true);
  const waiting = (await schedulesById(ctx.tx, ids, true)).filter((schedule) => schedule.status === 'not_started');
  if (waiting.length === 0) return;
  const { named } = await readTerms(ctx, waiting.map((schedule) => schedule.phases[0]!), realMoment(ctx.app));
  const facts = await startFacts(ctx, customers);
  const byId = new Map(customers.map((customer) => [customer.id, facts(customer)]));
  await commit(ctx, startAll(waiting.map((schedule) => ({ schedule, facts: byId.get(schedule.customer)! })), named, ({ phases }) => momentAt(ctx, phases[0]!.start_date)));
}

/** Announces the ends of schedules. */
export async function announceDue(ctx: Context, due: Due): Promise<void> {
  const at = new Map(due.map((each) => [each.subject, each.at]));
  const schedules = await schedulesById(ctx.tx, [...at.keys()]);
  await commit(ctx, together(schedules.map((schedule) => announceEnd(schedule, momentAt(ctx, at.get(schedule.id)!)))));
}
