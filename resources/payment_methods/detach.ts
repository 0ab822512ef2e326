/** A processor is asked to let a method go, until it has answered. */
import type { PackedWord } from '../../billing/payment/attempt.ts';
import type { DetachQuestion } from '../../billing/payment/method.ts';
import { commit } from '../../server/commit.ts';
import type { CallCommand } from '../../server/context.ts';
import { askProcessor, hearAnswers, keep, missed } from '../payment_attempts/rows.ts';

export const detaching: CallCommand<DetachQuestion, PackedWord> = {
  async ask(app, world, call) {
    const { processor, method } = call.request;
    return askProcessor(app, world, call, { processor, verb: 'detach', put: (of) => of.detach({ op_id: call.id, method }) });
  },
  async answer(ctx, answers) {
    await commit(ctx, keep((await hearAnswers(ctx, answers)).values()));
  },
  missed,
};
