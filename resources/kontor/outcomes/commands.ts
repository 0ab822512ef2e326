import { refuse as refuseRequest, type Moment } from '../../../billing/decision.ts';
import { contest as contestSuccess, resolve } from '../../../billing/outcome/contest.ts';
import type { DefinitionWhole } from '../../../billing/outcome/definition.ts';
import type { Observed } from '../../../billing/outcome/observe.ts';
import type { OutcomeRow } from '../../../billing/outcome/outcome.ts';
import { momentOn, type Context, type Json } from '../../../server/context.ts';
import { sql } from '../../../server/database/sql.ts';
import { missing } from '../../../server/http/errors.ts';
import type { Params } from '../../../server/http/params.ts';
import { equal, named, page, renderList } from '../../../server/lists.ts';
import { definitionsById, definitionsIn } from '../outcome_definitions/rows.ts';
import type * as params from './params.ts';
import { renderEvidence, renderOutcome } from './resource.ts';
import { billedLine, isBilled, livingCustomers, outcomesById, outcomesOfLine, receiptsOfLine } from './rows.ts';
import { take } from './take.ts';

type Path = { outcome: string };

/** An outcome, locked, at its customer's time. */
async function lockOutcome(ctx: Context, id: string): Promise<{ outcome: OutcomeRow; definition: DefinitionWhole; moment: Moment }> {
  const [found] = await outcomesById(ctx.tx, [id]);
  const moment = await momentOn(ctx, (found ?? missing('outcome', id)).test_clock);
  const { byId } = await definitionsIn(ctx);
  // Its test clock may have been deleted meanwhile, and the outcome with it.
  const outcome = (await outcomesById(ctx.tx, [id], true))[0] ?? missing('outcome', id);
  const { customer } = outcome;
  if (!(await livingCustomers(ctx.tx, [customer])).has(customer)) refuseRequest(undefined, `The customer ${customer} is deleted. What became of its outcomes stays as it is.`);
  return { outcome, definition: byId.get(outcome.definition)!, moment };
}

async function done(ctx: Context, observed: Observed, moment: Moment): Promise<Json> {
  await take(ctx, [observed], moment.now);
  return renderOutcome(observed.outcome, ctx.world);
}

export async function contest(ctx: Context, given: Params<typeof params.contestOutcome>, path: Path): Promise<Json> {
  const { outcome, definition, moment } = await lockOutcome(ctx, path.outcome);
  return done(ctx, contestSuccess(definition, outcome, given, await isBilled(ctx.tx, outcome), moment), moment);
}

export async function accept(ctx: Context, { reason = null }: { reason?: string | null }, path: Path): Promise<Json> {
  const { outcome, definition, moment } = await lockOutcome(ctx, path.outcome);
  return done(ctx, resolve(definition, outcome, { accepted: true, reason }, moment), moment);
}

export async function refuse(ctx: Context, { reason }: Params<typeof params.refuseContest>, path: Path): Promise<Json> {
  const { outcome, definition, moment } = await lockOutcome(ctx, path.outcome);
  return done(ctx, resolve(definition, outcome, { accepted: false, reason }, moment), moment);
}

export async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  const [found] = await outcomesById(ctx.tx, [path.outcome]);
  if (!found) return missing('outcome', path.outcome);
  const [definition] = await definitionsById(ctx.tx, [found.definition]);
  const { now } = await momentOn(ctx, found.test_clock);
  return { ...renderOutcome(found, ctx.world), evidence: renderEvidence(found, definition!, now) };
}

export async function list(ctx: Context, given: Params<typeof params.listOutcomes>): Promise<Json> {
  const { customer, definition, invoice, state, subject } = given;
  const narrowed = customer ?? definition ?? invoice ?? subject;
  const conditions = [
    ...equal('customer', customer),
    ...equal('definition', definition),
    ...named('state', state),
    ...equal('subject', subject),
    ...(invoice === undefined ? [] : [sql`id = any(array(select r.outcome from outcome_receipts r where r.invoice = ${invoice} and r.kind = 'billed'))`]),
    // What lives on test clocks is listed only by what it belongs to.
    ...(narrowed === undefined ? equal('test_clock', null) : []),
  ];
  const { data, has_more } = await page<OutcomeRow>(ctx, 'outcomes', 'outcome', conditions, given, { created: 'id' });
  return renderList('/v1/kontor/outcomes', data.map((each) => renderOutcome(each, ctx.world)), has_more);
}

type LinePath = { invoice: string; line: string };

/** The successes that a line of usage billed, also those that were taken back since; of a line that puts it right, those that it adds and takes back. Until receipts are written, five minutes after the invoice, those that count in its period. */
export async function ofLine(ctx: Context, given: Params<typeof params.listOfLine>, path: LinePath): Promise<Json> {
  const line = await billedLine(ctx.tx, path.invoice, path.line);
  if (!line) return missing('invoice line item', path.line);
  const { data, has_more } = await page<OutcomeRow>(ctx, 'outcomes', 'outcome', [sql`id = any(array(${outcomesOfLine(ctx.world.id, line)}))`], given, { created: 'id' });
  const receipts = await receiptsOfLine(ctx.tx, line.id, data.map((each) => each.id));
  return renderList(`/v1/kontor/invoices/${path.invoice}/lines/${path.line}/outcomes`, data.map((each) => ({ ...renderOutcome(each, ctx.world), receipt: receipts.get(each.id)?.billed ?? null, taken_back: receipts.get(each.id)?.taken_back ?? each.counted_at === null })), has_more);
}
