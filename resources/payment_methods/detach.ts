/** A processor is asked to let a method go, until it has answered. */
import type { PackedWord } from '../../billing/payment/attempt.ts';
import type { DetachQuestion } from '../../billing/payment/method.ts';
import { commit } from '../../server/commit.ts';
import type { CallCommand } from '../../server/context.ts';
import { askProcessor, hear, keep, missed } from '../payment_attempts/rows.ts';

export const detaching: CallCommand = {
  async ask(app, world, call) {
    const { processor, method } = call.request as unknown as DetachQuestion;
    return askProcessor(app, world, call, { processor, verb: 'detach', put: (of) => of.detach({ op_id: call.id, method }) });
  },
  async answer(ctx, answers) {
    const heard = await hear(ctx.tx, answers.map(({ call, answer }) => ({ op_id: call.id, word: answer as PackedWord, at: ctx.app.clock.now() })));
    await commit(ctx, keep(heard.values()));
  },
  missed,
};
