/** What is asked of the processor that is to keep a method, and what its answers make true. */
import { together, type Decision } from '../../billing/decision.ts';
import { unpack, type PackedWord } from '../../billing/payment/attempt.ts';
import type { Outcome, Unknown } from '../../billing/payment/outcome.ts';
import { keptElsewhere, settleSetup, waitsForSetup, type SaveQuestion, type SetupIntentWhole } from '../../billing/payment/setup.ts';
import { afterSetup } from '../../billing/subscription/setup.ts';
import { commit } from '../../server/commit.ts';
import { momentAt, momentOn, realMoment, type Answered, type App, type CallCommand, type Context, type NotYet, type OpenCall, type World } from '../../server/context.ts';
import { customersById } from '../customers/rows.ts';
import { askProcessor, hearAnswers, keep, missed, ownFirst, placedAt } from '../payment_attempts/rows.ts';
import { methodsById, withoutTwin } from '../payment_methods/rows.ts';
import { lockSetup, setupAttemptsById } from './rows.ts';

type Word = Exclude<Outcome, Unknown>;

async function ask(app: App, world: World, call: OpenCall<SaveQuestion>): Promise<PackedWord | NotYet | null> {
  const { processor, method, usage, payer, request_three_d_secure, options, authentication, return_url, agreed, description, metadata } = call.request;
  const request = { op_id: call.id, method, purpose: 'setup', usage, payer, return_url, request_three_d_secure, options, authentication, acceptance: agreed?.acceptance ?? null, description, metadata: ownFirst({ setup_intent: call.subject }, metadata) } as const;
  return askProcessor(app, world, call, { processor, verb: 'save', put: (of) => of.save(request) });
}

/** A page of Kontor's own is at Kontor's address. */
function placed(ctx: Context, intent: SetupIntentWhole, word: Word): Word {
  return word.kind === 'requires_action' ? { ...word, action: placedAt(ctx, intent, word.action) } : word;
}

async function answer(ctx: Context, answers: readonly Answered<SaveQuestion, PackedWord>[]): Promise<void> {
  const decided: Decision[] = [];
  for (const answered of answers) {
    const { call, at } = answered;
    const { intent, subscription } = await lockSetup(ctx, call.subject);
    const heard = await hearAnswers(ctx, [answered]);
    decided.push(keep(heard.values()));
    const attempt = heard.get(call.id)!;
    if (attempt.before === attempt.after) continue;
    const question = call.request;
    if (!waitsForSetup(intent, call.id)) {
      decided.push(keptElsewhere((await methodsById(ctx.tx, [question.payment_method], true))[0]!, unpack<Word>(attempt.after.word!)));
      continue;
    }
    const [setup_attempt] = await setupAttemptsById(ctx.tx, [question.setup_attempt], true);
    const [payment_method] = await methodsById(ctx.tx, [question.payment_method], true);
    const [customer = null] = intent.customer === null ? [] : await customersById(ctx.tx, [intent.customer]);
    const first = attempt.before.heard === null;
    const moment = at !== undefined ? momentAt(ctx, at) : intent.test_clock === null ? realMoment(ctx.app) : first ? momentAt(ctx, question.at) : await momentOn(ctx, intent.test_clock);
    const settled = settleSetup({ setup_intent: intent, setup_attempt: setup_attempt!, payment_method: payment_method!, customer }, question, placed(ctx, intent, await withoutTwin(ctx, question.processor, unpack<Word>(attempt.after.word!))), moment);
    decided.push(settled, afterSetup(subscription, settled.setup_intent, settled.kept, moment));
  }
  await commit(ctx, together(decided));
}

export const save: CallCommand<SaveQuestion, PackedWord> = { ask, answer, missed };
