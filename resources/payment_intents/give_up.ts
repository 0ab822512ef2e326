/** What waits for its holder at a processor is given up there before something else is tried, and where nothing is to be paid any more: a page that stays open would take the money beside it. */
import type { AttemptRow, PackedWord } from '../../billing/payment/attempt.ts';
import type { ChargeQuestion } from '../../billing/payment/intent.ts';
import type { Processor } from '../../connectors/processors/processor.ts';
import type { App, CallCommand, Context, OpenCall, World } from '../../server/context.ts';
import { inWorld } from '../../server/database/world.ts';
import { processorNamed } from '../kontor/processors/rows.ts';
import { attemptsOf, lookUp, mayMove, questionsById, tell } from '../payment_attempts/rows.ts';

/** What has become of an attempt now: it is given up, or what stands in the way of that. Null where the processor knows nothing more of it; `unknown` while it has not answered. */
async function giveUp(processor: Processor, attempt: AttemptRow, question: OpenCall): Promise<PackedWord | 'unknown' | null> {
  const { method, currency } = question.request as unknown as ChargeQuestion;
  const reference = attempt.reference!;
  const said = await processor.cancel({ op_id: `${attempt.id}:give_up`, charge: reference, authorized: attempt.id, method, currency, reason: 'abandoned' });
  if (said.kind === 'succeeded') return { kind: 'canceled', reference };
  return said.kind === 'unknown' ? 'unknown' : lookUp(processor, attempt, question);
}

/** Gives up what an intent has begun at processors before this attempt of it. `taken` where money has come or is on its way all the same, `unknown` while that is not known. */
export async function giveUpBefore(app: App, world: World, intent: string, op_id: string | null = null): Promise<'gone' | 'taken' | 'unknown'> {
  const [left, questions] = await inWorld(app.database.pool, world, async (tx) => {
    // The sandbox has pages of Kontor's own, which ask the intent first.
    const open = (await attemptsOf(tx, [intent])).filter((each) => each.verb === 'charge' && each.id !== op_id && mayMove(each.state) && each.processor !== app.connectors.processors.test.name);
    return [open, open.length === 0 ? new Map<string, OpenCall>() : await questionsById(tx, open.map((each) => each.id))] as const;
  });
  const words: { op_id: string; word: PackedWord }[] = [];
  for (const attempt of left) {
    const processor = await processorNamed(app, world, attempt.processor);
    if (!processor.capabilities().gives_up) {
      // Its page stays open; what was paid there afterwards is a surplus.
      if (attempt.state === 'requires_action') continue;
      return 'taken';
    }
    const word = await giveUp(processor, attempt, questions.get(attempt.id)!);
    if (word === 'unknown') return 'unknown';
    if (word) words.push({ op_id: attempt.id, word });
  }
  if (words.length === 0) return 'gone';
  await inWorld(app.database.pool, world, async (tx) => {
    const ctx: Context = { app, tx, world, request: null, calls: [] };
    await tell(ctx, words);
  });
  return words.some(({ word: { kind } }) => kind === 'succeeded' || kind === 'pending') ? 'taken' : 'gone';
}

export const givingUp: CallCommand = {
  ask: async (app, world, call) => ((await giveUpBefore(app, world, call.subject)) === 'unknown' ? null : {}),
  // What was found was told as words about the attempts.
  answer: async () => undefined,
};
