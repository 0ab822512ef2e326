/** A payment that a processor was not able to take goes to another one: whether that can have the method is asked first, and nothing is charged by asking. */
import { together, type Decision } from '../../billing/decision.ts';
import { unpack } from '../../billing/payment/attempt.ts';
import { goOnAt, type MoveQuestion } from '../../billing/payment/failover.ts';
import { waitsFor, type ChargeQuestion, type AskedQuestion } from '../../billing/payment/confirm.ts';
import { monthOf } from '../../billing/payment/method.ts';
import type { PaymentAnswer } from '../../billing/payment/outcome.ts';
import { settlePayment } from '../../billing/payment/settle.ts';
import { hasEnded } from '../../billing/subscription/subscription.ts';
import { commit } from '../../server/commit.ts';
import { momentAt, realMoment, type Answered, type App, type CallCommand, type Context, type OpenCall, type World } from '../../server/context.ts';
import { processorNamed } from '../kontor/processors/rows.ts';
import { attemptsById, questionsById } from '../payment_attempts/rows.ts';
import { stopCollectingOf } from '../subscriptions/rows.ts';
import { Affected } from './affected.ts';

type Moved = { kind: 'kept'; processor: string; reference: string; identity: string | null } | { kind: 'nowhere' };

/** The first that can have the method. Who does not answer cannot. */
async function ask(app: App, world: World, call: OpenCall<MoveQuestion>): Promise<Moved> {
  const { method, to } = call.request;
  for (const name of to) {
    const kept = await (await processorNamed(app, world, name)).tokenize(method, monthOf(app.clock.now()));
    if (kept.kind === 'other') return { kind: 'kept', processor: name, reference: kept.method.reference, identity: kept.method.identity ?? null };
  }
  return { kind: 'nowhere' };
}

/** The payment goes on where the method is now, or ends as it would have without others. Where it has gone on meanwhile in another way, nothing is done. */
async function answer(ctx: Context, answers: readonly Answered<MoveQuestion, Moved>[]): Promise<void> {
  const calls = answers.map(({ call }) => call);
  const affected = await Affected.lock(ctx, calls);
  const failed = calls.map((call) => call.request.failed);
  const [attempts, asked] = [new Map((await attemptsById(ctx.tx, failed)).map((attempt) => [attempt.id, attempt])), await questionsById<ChargeQuestion>(ctx.tx, failed)];
  const living = [...affected.subscriptions.values()].filter((each) => !hasEnded(each));
  const decided: Decision[] = [];
  for (const { call, answer: moved } of answers) {
    const { failed: op_id } = call.request;
    const payment = affected.payment(call);
    const begun = asked.get(op_id)!.request;
    const question: AskedQuestion = { ...begun, op_id };
    const attempt = attempts.get(op_id)!;
    if (attempt.state !== 'failed' || !waitsFor(payment.payment_intent, question)) continue;
    const moment = payment.payment_intent.test_clock === null ? realMoment(ctx.app) : momentAt(ctx, question.at);
    const settled = moved.kind === 'kept' ? goOnAt(payment, begun, moved, moment) : settlePayment(payment, question, unpack<PaymentAnswer>(attempt.word!), moment);
    affected.take(settled);
    decided.push(settled);
  }
  await commit(ctx, together(decided));
  await stopCollectingOf(ctx, living.map(({ id }) => affected.subscriptions.get(id)!).filter(hasEnded));
}

export const move: CallCommand<MoveQuestion, Moved> = { ask, answer };
