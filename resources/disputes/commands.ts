import { isInquiry, type Disputed, type DisputeRow, type Evidence } from '../../billing/dispute/dispute.ts';
import { openDisputes, type DisputeNews } from '../../billing/dispute/open.ts';
import { acceptDispute, keepResponse, proceedDispute, refuseUnacceptable, respond, submits, type Judgement, type Response } from '../../billing/dispute/respond.ts';
import { refuse, together, type Moment } from '../../billing/decision.ts';
import { mergeMetadata } from '../../billing/metadata.ts';
import { unpack } from '../../billing/payment/attempt.ts';
import type { Succeeded } from '../../billing/payment/outcome.ts';
import { commit } from '../../server/commit.ts';
import { momentAt, momentOn, type Context, type Json, type TimerCommand } from '../../server/context.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import type { Answer } from '../../server/http/route.ts';
import { equal, page, renderList, within } from '../../server/lists.ts';
import { filesById } from '../files/rows.ts';
import { processorNamed } from '../kontor/processors/rows.ts';
import { attemptsById } from '../payment_attempts/rows.ts';
import { sendAnswer } from './heard.ts';
import type * as params from './params.ts';
import { FILES } from './evidence.ts';
import { renderDispute } from './resource.ts';
import { disputesById, lockContested, lockDisputes, withTransactions } from './rows.ts';

type Path = { dispute: string };

async function shown(ctx: Context, id: string): Promise<Json> {
  const [found] = await disputesById(ctx.tx, [id]);
  return renderDispute(found ?? missing('dispute', id), ctx.world);
}

export async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  return shown(ctx, path.dispute);
}

async function locked(ctx: Context, id: string): Promise<{ disputed: Disputed; moment: Moment }> {
  const [disputed] = await lockDisputes(ctx, [id]);
  if (!disputed) missing('dispute', id);
  return { disputed, moment: await momentOn(ctx, disputed.dispute.test_clock) };
}

/** How the bank of the sandbox will decide. */
async function judgeOf(ctx: Context, { processor }: DisputeRow, moment: Moment): Promise<(evidence: Evidence, dispute: DisputeRow) => Judgement> {
  const { judgeEvidence } = await processorNamed(ctx.app, ctx.world, processor, ctx.tx);
  return (evidence, dispute) => {
    const judged = judgeEvidence!(typeof evidence.uncategorized_text === 'string' ? evidence.uncategorized_text : null, isInquiry(dispute));
    return judged && { verdict: judged.verdict, at: moment.now + (dispute.test_clock === null ? judged.after.real : judged.after.on_clock) };
  };
}

/** All files of a dispute have so many bytes together at most: 4.5 megabytes. */
const MOST_BYTES = 4.5 * 1_048_576;

/** Refuses files that are not there, and more of them than banks take. */
async function refuseFiles(ctx: Context, before: Evidence, given: Params<typeof params.updateDispute>['evidence']): Promise<void> {
  const named = FILES.flatMap((name) => (given?.[name] ? [{ name, id: given[name] }] : []));
  if (named.length === 0) return;
  const all = new Set(FILES.flatMap((name) => (given?.[name] !== undefined ? (given[name] ?? []) : ((before[name] as string | undefined) ?? []))));
  const found = await filesById(ctx.tx, [...all]);
  const absent = named.find(({ id }) => !found.some((each) => each.id === id));
  if (absent) missing('file', absent.id, `evidence[${absent.name}]`);
  const bytes = found.reduce((sum, { size }) => sum + Number(size), 0);
  if (bytes > MOST_BYTES) refuse(undefined, `The files of the dispute have ${bytes} bytes together; at most ${MOST_BYTES} are taken. Give smaller ones, or an empty value for one that is to be left out.`, `evidence[${named.at(-1)!.name}]`);
}

/** What is submitted to a live processor is answered once that has taken it. */
const sent = (id: string): Answer => ({ ref: { object: 'dispute', id, refuseUnpaid: true } });

export async function update(ctx: Context, given: Params<typeof params.updateDispute>, path: Path): Promise<Answer> {
  const { disputed: { dispute }, moment } = await locked(ctx, path.dispute);
  const { evidence, submit, intended_submission_method } = given;
  await refuseFiles(ctx, dispute.evidence, evidence);
  const response: Response = { evidence: evidence as Evidence | undefined, submit, intended_submission_method, metadata: mergeMetadata(dispute.metadata, given.metadata) };
  if (dispute.processor_reference !== null && submits(response)) {
    const kept = keepResponse(dispute, response, moment);
    await commit(ctx, together([kept, await sendAnswer(ctx, kept.dispute, { evidence: kept.dispute.evidence }, moment)]));
    return sent(dispute.id);
  }
  const responded = respond(dispute, response, await judgeOf(ctx, dispute, moment), moment);
  await commit(ctx, responded);
  return renderDispute(responded.dispute, ctx.world);
}

export async function close(ctx: Context, _given: object, path: Path): Promise<Answer> {
  const { disputed, moment } = await locked(ctx, path.dispute);
  const { dispute } = disputed;
  if (dispute.processor_reference !== null) {
    refuseUnacceptable(dispute);
    await commit(ctx, await sendAnswer(ctx, dispute, { accept: true }, moment));
    return sent(dispute.id);
  }
  await commit(ctx, acceptDispute(disputed, moment));
  return shown(ctx, path.dispute);
}

export async function list(ctx: Context, given: Params<typeof params.listDisputes>): Promise<Json> {
  const { charge, payment_intent } = given;
  // What lives on test clocks is listed by its payment only.
  const everywhere = charge === undefined && payment_intent === undefined ? equal('test_clock', null) : [];
  const { data, has_more } = await page<DisputeRow>(ctx, 'disputes', 'dispute', [...equal('charge', charge), ...equal('payment_intent', payment_intent), ...within('created', given.created), ...everywhere], given);
  return renderList('/v1/disputes', (await withTransactions(ctx.tx, data)).map((each) => renderDispute(each, ctx.world)), has_more);
}

/** What the sandbox foretold of charges that have come: each is contested once, one after the other, as two may be by one method. */
export const contest: TimerCommand = async (ctx, due) => {
  for (const { subject, at } of due) {
    const facts = await lockContested(ctx, subject);
    const [attempt] = await attemptsById(ctx.tx, [facts.charge.attempt!]);
    const news = unpack<Succeeded>(attempt!.word!).foretold.find((each): each is DisputeNews => each.kind === 'dispute');
    if (news) await commit(ctx, openDisputes(facts, news, momentAt(ctx, at)));
  }
};

/** One after the other: two may be about one charge. */
export const proceed: TimerCommand = async (ctx, due) => {
  for (const { subject, at } of due) {
    const [disputed] = await lockDisputes(ctx, [subject]);
    if (disputed) await commit(ctx, proceedDispute(disputed, momentAt(ctx, at)));
  }
};
