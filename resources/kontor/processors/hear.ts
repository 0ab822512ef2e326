/** What is heard of an operation after its answer: by a look-up, by a webhook that leads to one, or because the sandbox foretold it. All are words about the attempt, and merge with what was heard before. */
import { decision, refuse, type Timer } from '../../../billing/decision.ts';
import { isOver, pack, type AttemptRow, type PackedWord } from '../../../billing/payment/attempt.ts';
import type { Consequence } from '../../../billing/payment/outcome.ts';
import type { News, Notice } from '../../../connectors/processors/processor.ts';
import { performCalls } from '../../../server/calls.ts';
import { commit } from '../../../server/commit.ts';
import { inContext, type Answered, type App, type CallCommand, type Context, type OpenCall, type Receiver, type TimerCommand, type World } from '../../../server/context.ts';
import { holdName } from '../../../server/database/name.ts';
import { inWorld } from '../../../server/database/world.ts';
import { missing } from '../../../server/http/errors.ts';
import { attemptsById, attemptsNoticed, lookAgain, lookUp, mayMove, questionsById, tell, toLookUp, type LookUpQuestion } from '../../payment_attempts/rows.ts';
import { processorNamed, worldOfProcessor, type NewsQuestion } from './rows.ts';

const NOTHING_NEW = { kind: 'nothing_new' };

/** Null while what a webhook has told of is not found. A look-up because time has passed finds nothing new at times, and the next one follows. */
async function ask(app: App, world: World, call: OpenCall<LookUpQuestion>): Promise<PackedWord | null> {
  const [attempt, question] = await inWorld(app.database.pool, world, async (tx) => [(await attemptsById(tx, [call.subject]))[0]!, (await questionsById(tx, [call.subject])).get(call.subject)!] as const);
  // A refund that has gone through may come back.
  if (isOver(attempt.state) && attempt.verb !== 'refund') return NOTHING_NEW;
  const processor = await processorNamed(app, world, attempt.processor);
  const word = await lookUp(processor, attempt, question, call.request);
  return word ?? (Object.keys(call.request).length === 0 ? NOTHING_NEW : null);
}

async function answer(ctx: Context, answers: readonly Answered<object, PackedWord>[]): Promise<void> {
  await tell(ctx, answers.filter((each) => each.answer.kind !== NOTHING_NEW.kind).map(({ call, answer: word }) => ({ op_id: call.subject, word })));
}

export const lookup: CallCommand<LookUpQuestion, PackedWord> = { ask, answer };

/** What is under way for days is looked up now and then, in case no webhook comes. */
export const lookUpAgain: TimerCommand = async (ctx, due) => {
  const now = ctx.app.clock.now();
  const waiting = (await attemptsById(ctx.tx, due.map((each) => each.subject))).filter(({ state }) => mayMove(state));
  await commit(ctx, { ...decision(), calls: waiting.map((attempt) => toLookUp(attempt.id, String(now))), timers: waiting.flatMap((attempt): Timer[] => lookAgain(attempt, now)) });
};

/** What the sandbox foretold of the end of an attempt; of one that was given up, which says nothing more, nothing. */
function foretold({ word }: AttemptRow): PackedWord[] {
  const consequences = (word?.foretold ?? []) as Consequence[];
  return consequences.flatMap((each) => (each.kind === 'charge_settles' || each.kind === 'refund_settles' ? [pack(each.outcome)] : []));
}

export const settle: TimerCommand = async (ctx, due) => {
  const attempts = new Map((await attemptsById(ctx.tx, due.map((each) => each.subject))).map((attempt) => [attempt.id, attempt]));
  await tell(ctx, due.flatMap(({ subject, at }) => foretold(attempts.get(subject)!).map((word) => ({ op_id: subject, word, at }))));
};

/** Writes a look-up for each notice that is about an attempt of ours, once however often the notice comes. */
async function note(ctx: Context, processor: string, notices: readonly Notice[]): Promise<void> {
  const found = await attemptsNoticed(ctx.tx, processor, notices);
  for (const { attempt, notice } of found.toSorted((a, b) => (a.notice.id < b.notice.id ? -1 : 1))) {
    const { reference, said } = notice.sought;
    const call = toLookUp(attempt.id, notice.id, { ...(reference !== undefined && { reference }), ...(said && { said }) });
    await holdName(ctx.tx, 'notice', call.id);
    if (!(await questionsById(ctx.tx, [call.id])).has(call.id)) await commit(ctx, { ...decision(), calls: [call] });
  }
}

/** The calls that look news up. */
const KINDS: Record<News['about'], string> = { dispute: 'processor.dispute', payout: 'processor.payout', refund: 'processor.refund_news' };

/** Writes a call for each piece of news, once however often it comes. */
async function noteNews(ctx: Context, processor: string, news: readonly News[]): Promise<void> {
  for (const { id: name, about, reference, said } of news.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    const id = `${processor}:${about}:${name}`;
    await holdName(ctx.tx, 'notice', id);
    if ((await questionsById(ctx.tx, [id])).has(id)) continue;
    await commit(ctx, { ...decision(), calls: [{ id, kind: KINDS[about], subject: reference, request: { processor, ...(said && { said: pack(said) }) } satisfies NewsQuestion, test_clock: null }] });
  }
}

/** A webhook is believed only as far as its signature, and only that something happened: what happened is looked up. */
async function receive(app: App, path: Record<string, string>, delivery: Parameters<Receiver['receive']>[2]): Promise<void> {
  const { processor: id } = path as { processor: string };
  const world = (await worldOfProcessor(app, id)) ?? missing('processor', id);
  const received = await (await processorNamed(app, world, id)).receive(delivery);
  if (received.kind === 'refused') return refuse('webhook_signature_invalid', received.message);
  const calls = await inContext(app, world, async (ctx) => {
    await note(ctx, id, received.notices);
    await noteNews(ctx, id, received.news ?? []);
    return ctx.calls;
  });
  await performCalls(app, world, calls);
  app.nudge();
}

export const webhooks: Receiver = { path: '/v1/kontor/processors/:processor/webhooks', receive };
