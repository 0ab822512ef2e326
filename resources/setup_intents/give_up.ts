/** What waits for its holder at a processor is given up there once the setup is canceled, or goes on with another method: whoever finds the page open keeps nothing by it. */
import { numberOf, type PackedWord } from '../../billing/payment/attempt.ts';
import type { SaveQuestion } from '../../billing/payment/setup.ts';
import type { CallCommand } from '../../server/context.ts';
import { processorNamed } from '../kontor/processors/rows.ts';
import { lookUp, openAt, tellOf } from '../payment_attempts/rows.ts';

export const givingUp: CallCommand = {
  async ask(app, world, call) {
    const words: { op_id: string; word: PackedWord }[] = [];
    for (const { attempt, question } of await openAt<SaveQuestion>(app, world, call.subject, 'save', numberOf(call.id))) {
      const processor = await processorNamed(app, world, attempt.processor);
      const { method } = question.request;
      const reference = attempt.reference!;
      const said = await processor.abandon?.({ op_id: `${attempt.id}:give_up`, setup: reference, method });
      if (said?.kind === 'unknown') return null;
      const word = said?.kind === 'succeeded' ? { kind: 'canceled', reference } : said && (await lookUp(processor, attempt, question));
      if (word) words.push({ op_id: attempt.id, word });
    }
    await tellOf(app, world, words);
    return {};
  },
  // What was found was told as words about the attempts.
  answer: async () => undefined,
};
