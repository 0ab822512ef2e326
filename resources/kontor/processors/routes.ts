/**
 * What is heard of an operation after its answer: by a look-up, or because the sandbox foretold it. Both are words about the attempt, and are taken by the command that takes answers to its question.
 *
 * To look an operation up, write a call of the kind `processor.lookup` with its `op_id` as the subject.
 */
import type { Consequence } from '../../../billing/payment/outcome.ts';
import { pack, type AttemptRow, type PackedWord } from '../../../billing/payment/attempt.ts';
import type { Answered, App, CallCommand, Context, Json, OpenCall, Room, TimerCommand, World } from '../../../server/context.ts';
import { inWorld } from '../../../server/database/world.ts';
import { attemptsById, processorNamed, questionsById } from '../../payment_attempts/rows.ts';

/** Gives words to the commands that take the answers of the operations that they are about. */
async function tell(ctx: Context, words: readonly { op_id: string; word: PackedWord; at?: number }[]): Promise<void> {
  const questions = await questionsById(ctx.tx, words.map((each) => each.op_id));
  const answers = words.flatMap(({ op_id, word, at }): Answered[] => {
    const call = questions.get(op_id);
    return call ? [{ call, answer: word, ...(at !== undefined && { at }) }] : [];
  });
  for (const [kind, taken] of Map.groupBy(answers, (each) => each.call.kind)) await ctx.app.register.calls.get(kind)!.answer(ctx, taken);
}

/** Null while the processor does not know, or has never heard of it: that it is absent is no word about it. */
async function ask(app: App, world: World, call: OpenCall): Promise<Json | null> {
  const [attempt] = await inWorld(app.database.pool, world, (tx) => attemptsById(tx, [call.subject]));
  const found = await processorNamed(app, world, attempt!.processor).lookup({ op_id: call.subject });
  if (found.kind === 'unknown') return null;
  return found.kind === 'absent' ? { kind: 'absent' } : pack(found.outcome);
}

async function answer(ctx: Context, answers: readonly Answered[]): Promise<void> {
  await tell(ctx, answers.filter(({ answer: word }) => word.kind !== 'absent' && word.kind !== 'unknown').map(({ call, answer: word }) => ({ op_id: call.subject, word: word as PackedWord })));
}

const lookup: CallCommand = { ask, answer };

/** What the sandbox foretold of the end of an attempt. */
function foretold({ word }: AttemptRow): PackedWord[] {
  const consequences = (word?.foretold ?? []) as Consequence[];
  return consequences.flatMap((each) => (each.kind === 'charge_settles' || each.kind === 'refund_settles' ? [each.outcome as unknown as PackedWord] : []));
}

const settle: TimerCommand = async (ctx, due) => {
  const attempts = new Map((await attemptsById(ctx.tx, due.map((each) => each.subject))).map((attempt) => [attempt.id, attempt]));
  await tell(ctx, due.flatMap(({ subject, at }) => foretold(attempts.get(subject)!).map((word) => ({ op_id: subject, word, at }))));
};

export const processors: Room = { calls: { 'processor.lookup': lookup }, timers: { 'payment_attempt.settle': settle } };
