/** What is asked about amounts that are only reserved, and what is heard of it. */
import { inSettlementOf } from '../../billing/balance/settlement.ts';
import { decision, together, type Decision } from '../../billing/decision.ts';
import { unpack, type PackedWord } from '../../billing/payment/attempt.ts';
import { releaseIntent, settleHandling, waitsForHandling, type HandledAnswer, type HandleQuestion } from '../../billing/payment/capture.ts';
import { commit } from '../../server/commit.ts';
import { momentAt, momentOn, realMoment, type Answered, type App, type CallCommand, type Context, type NotYet, type OpenCall, type TimerCommand, type World } from '../../server/context.ts';
import { settlementOf } from '../kontor/settings/rows.ts';
import { askProcessor, hearAnswers, keep, missed, toLookUp } from '../payment_attempts/rows.ts';
import { Affected } from './affected.ts';
import { lockIntent, reservedBy } from './rows.ts';

async function ask(app: App, world: World, call: OpenCall<HandleQuestion>): Promise<PackedWord | NotYet | null> {
  const { verb, processor, reference: charge, authorized, method, currency, amount, final, reason, words } = call.request;
  const about = { op_id: call.id, charge, authorized, method, currency };
  return askProcessor(app, world, call, {
    processor, verb,
    put: (of) => (verb === 'cancel' ? of.cancel({ ...about, reason }) : verb === 'capture' ? of.capture({ ...about, ...words, amount: BigInt(amount), final }) : of.increment({ ...about, ...words, amount: BigInt(amount) })),
  });
}

async function answer(ctx: Context, answers: readonly Answered<HandleQuestion, PackedWord>[]): Promise<void> {
  const affected = await Affected.lock(ctx, answers.map(({ call }) => call));
  const heard = await hearAnswers(ctx, answers);
  const settlement = await settlementOf(ctx);
  const decided: Decision[] = [];
  const gone: string[] = [];
  for (const { call, at } of answers) {
    const attempt = heard.get(call.id)!;
    const payment = affected.payment(call);
    const { payment_intent: intent, charge } = payment;
    if (attempt.after === attempt.before || charge === null || !waitsForHandling(intent, call.id)) continue;
    const question = call.request;
    const first = attempt.before.heard === null;
    const moment = at !== undefined ? momentAt(ctx, at) : intent.test_clock === null ? realMoment(ctx.app) : first ? momentAt(ctx, question.at) : await momentOn(ctx, intent.test_clock);
    const settled = settleHandling({ ...payment, charge }, question, inSettlementOf(charge, unpack<HandledAnswer>(attempt.after.word!), question, settlement), moment);
    affected.take(settled);
    decided.push(settled);
    // What is not as it would have to be was captured or given up there: it is looked at.
    if (attempt.after.state === 'declined') gone.push(question.authorized);
  }
  await commit(ctx, together([keep(heard.values()), ...decided, { ...decision(), calls: gone.map((op_id) => toLookUp(op_id, String(ctx.app.clock.now()))) }]));
}

export const handling: CallCommand<HandleQuestion, PackedWord> = { ask, answer, missed };

/** The time in which what is reserved can be captured has passed. */
export const expire: TimerCommand = async (ctx, due) => {
  for (const { subject, at } of due) {
    const { intent } = await lockIntent(ctx, subject);
    if (intent.status === 'requires_capture') await commit(ctx, releaseIntent(await reservedBy(ctx, intent), 'automatic', momentAt(ctx, at)));
  }
};
