import type { AttemptRow } from '../../../billing/payment/attempt.ts';
import { waysTo } from '../../../billing/payment/resolve.ts';
import type { Processor } from '../../../connectors/processors/processor.ts';
import type { Context, Resource } from '../../../server/context.ts';
import { attemptsById, questionsById } from '../../payment_attempts/rows.ts';
import { processorNamed } from '../processors/rows.ts';

/** `clears_up`: how a word will come where none has; null where one has come. */
type AttemptWhole = AttemptRow & { asked: number; clears_up: 'repetition' | 'look_up' | 'person' | null };

export async function wholeAttempts(ctx: Context, attempts: readonly AttemptRow[]): Promise<AttemptWhole[]> {
  const questions = await questionsById(ctx.tx, attempts.map((each) => each.id));
  const now = ctx.app.clock.now();
  const isOpen = ({ state }: AttemptRow) => state === 'unknown' || state === 'sending';
  const processors = new Map<string, Processor>();
  for (const name of new Set(attempts.filter(isOpen).map((each) => each.processor))) processors.set(name, await processorNamed(ctx.app, ctx.world, name, ctx.tx));
  return attempts.map((attempt): AttemptWhole => {
    const { attempts: asked = 0, begun = null } = questions.get(attempt.id) ?? {};
    if (!isOpen(attempt)) return { ...attempt, asked, clears_up: null };
    if (attempt.word?.contradicts === true) return { ...attempt, asked, clears_up: 'person' };
    const [way] = waysTo({ begun: asked, age_s: now - (begun ?? now), verb: attempt.verb }, processors.get(attempt.processor)!.capabilities());
    return { ...attempt, asked, clears_up: way === undefined ? 'person' : way === 'put' ? 'repetition' : 'look_up' };
  });
}

export const paymentAttempt: Resource<AttemptWhole> = {
  object: 'kontor.payment_attempt',
  prefix: 'attempt',
  render: ({ id, asked, clears_up, created, decided, heard, processor, reference, state, subject, verb, word }, { livemode }) => ({
    id, object: 'kontor.payment_attempt', asked, clears_up, created, decided, heard_at: heard, livemode, outcome: word && { kind: word.kind, code: word.code ?? null, decline_code: word.decline_code ?? null, message: word.message ?? word.reason ?? null }, processor, reference, state, subject, verb,
  }),
  load: async (ctx, ids) => wholeAttempts(ctx, await attemptsById(ctx.tx, ids)),
};
