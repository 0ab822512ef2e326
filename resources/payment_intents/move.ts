/** A payment that a processor was not able to take goes to another one: whether that can have the method is asked first, and nothing is charged by asking. */
import { together, type Decision } from '../../billing/decision.ts';
import { unpack } from '../../billing/payment/attempt.ts';
import { goOnAt, type MoveQuestion } from '../../billing/payment/failover.ts';
import { monthOf } from '../../billing/payment/method.ts';
import { settlePayment, waitsFor, type AskedQuestion, type PaymentAnswer } from '../../billing/payment/settle.ts';
import { hasEnded } from '../../billing/subscription/end.ts';
import { commit } from '../../server/commit.ts';
import { momentAt, realMoment, type Answered, type App, type CallCommand, type Context, type Json, type OpenCall, type World } from '../../server/context.ts';
import { processorNamed } from '../kontor/processors/rows.ts';
import { attemptsById, questionsById } from '../payment_attempts/rows.ts';
import { stopCollectingOf } from '../subscriptions/rows.ts';
import { Affected } from './affected.ts';

const questionOf = (call: OpenCall): MoveQuestion => call.request as unknown as MoveQuestion;

type Moved = { kind: 'kept'; processor: string; reference: string; identity: string | null } | { kind: 'nowhere' };

/** The first that can have the method. Who does not answer cannot. */
async function ask(app: App, world: World, call: OpenCall): Promise<Json> {
  const { method, to } = questionOf(call);
  for (const name of to) {
    const kept = await (await processorNamed(app, world, name)).tokenize(method, monthOf(app.clock.now()));
    if (kept.kind === 'other') return { kind: 'kept', processor: name, reference: kept.method.reference, identity: kept.method.identity ?? null } satisfies Moved;
  }
  return { kind: 'nowhere' } satisfies Moved;
}

/** The payment goes on where the method is now, or ends as it would have without others. Where it has gone on meanwhile in another way, nothing is done. */
async function answer(ctx: Context, answers: readonly Answered[]): Promise<void> {
  const calls = answers.map(({ call }) => call);
  const affected = await Affected.lock(ctx, calls);
  const failed = calls.map((call) => questionOf(call).failed);
  const [attempts, asked] = [new Map((await attemptsById(ctx.tx, failed)).map((attempt) => [attempt.id, attempt])), await questionsById(ctx.tx, failed)];
  const living = [...affected.subscriptions.values()].filter((each) => !hasEnded(each));
  const decided: Decision[] = [];
  for (const { call, answer: word } of answers) {
    const { failed: op_id } = questionOf(call);
    const payment = affected.payment(call);
    const question = { ...(asked.get(op_id)!.request as object), op_id } as AskedQuestion;
    const attempt = attempts.get(op_id)!;
    if (attempt.state !== 'failed' || !waitsFor(payment.payment_intent, question)) continue;
    const { op_id: _, ...begun } = question;
    const moment = payment.payment_intent.test_clock === null ? realMoment(ctx.app) : momentAt(ctx, question.at);
    const moved = word as Moved;
    const settled = moved.kind === 'kept' ? goOnAt(payment, begun, moved, moment) : settlePayment(payment, question, unpack<PaymentAnswer>(attempt.word!), moment);
    affected.take(settled);
    decided.push(settled);
  }
  await commit(ctx, together(decided));
  await stopCollectingOf(ctx, living.map(({ id }) => affected.subscriptions.get(id)!).filter(hasEnded));
}

export const move: CallCommand = { ask, answer };
