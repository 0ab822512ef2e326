/** What waits for its holder at a processor is given up there before something else is tried, and where nothing is to be paid any more: a page that stays open would take the money beside it. */
import { numberOf, type AttemptRow, type PackedWord } from '../../billing/payment/attempt.ts';
import type { ChargeQuestion } from '../../billing/payment/confirm.ts';
import type { Processor } from '../../connectors/processors/processor.ts';
import type { App, CallCommand, OpenCall, World } from '../../server/context.ts';
import { processorNamed } from '../kontor/processors/rows.ts';
import { lookUp, openAt, tellOf } from '../payment_attempts/rows.ts';

/** What has become of an attempt now: it is given up, or what stands in the way of that. Null where the processor knows nothing more of it; `unknown` while it has not answered. */
async function giveUp(processor: Processor, attempt: AttemptRow, question: OpenCall<ChargeQuestion>): Promise<PackedWord | 'unknown' | null> {
  const { method, currency } = question.request;
  const reference = attempt.reference!;
  const said = await processor.cancel({ op_id: `${attempt.id}:give_up`, charge: reference, authorized: attempt.id, method, currency, reason: 'abandoned' });
  if (said.kind === 'succeeded') return { kind: 'canceled', reference };
  return said.kind === 'unknown' ? 'unknown' : lookUp(processor, attempt, question);
}

/** Gives up what an intent has begun at processors by attempts up to the `last` one of them: later ones are what it goes on with. `taken` where money has come or is on its way all the same, `unknown` while that is not known. */
export async function giveUpTo(app: App, world: World, intent: string, last: number): Promise<'gone' | 'taken' | 'unknown'> {
  const words: { op_id: string; word: PackedWord }[] = [];
  for (const { attempt, question } of await openAt<ChargeQuestion>(app, world, intent, 'charge', last)) {
    const processor = await processorNamed(app, world, attempt.processor);
    if (!processor.capabilities().gives_up) {
      // Its page stays open; what was paid there afterwards is a surplus.
      if (attempt.state === 'requires_action') continue;
      return 'taken';
    }
    const word = await giveUp(processor, attempt, question);
    if (word === 'unknown') return 'unknown';
    if (word) words.push({ op_id: attempt.id, word });
  }
  await tellOf(app, world, words);
  return words.some(({ word: { kind } }) => kind === 'succeeded' || kind === 'pending') ? 'taken' : 'gone';
}

export const givingUp: CallCommand = {
  ask: async (app, world, call) => ((await giveUpTo(app, world, call.subject, numberOf(call.id))) === 'unknown' ? null : {}),
  // What was found was told as words about the attempts.
  answer: async () => undefined,
};
