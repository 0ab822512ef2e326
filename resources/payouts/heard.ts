/** Payouts that a processor makes by itself: what a webhook tells of is looked up there, and booked as it is by now. */
import { heardBank, hearPayout, type PayoutWord } from '../../billing/balance/heard.ts';
import { decision, together } from '../../billing/decision.ts';
import { pack, unpack, type PackedWord } from '../../billing/payment/attempt.ts';
import { commit } from '../../server/commit.ts';
import { realMoment, type Answered, type App, type CallCommand, type Context, type OpenCall, type World } from '../../server/context.ts';
import { bankAccountNamed, lockPayouts } from '../kontor/bank_accounts/rows.ts';
import { processorNamed, type NewsQuestion } from '../kontor/processors/rows.ts';
import { payoutNamed } from './rows.ts';

async function ask(app: App, world: World, call: OpenCall<NewsQuestion>): Promise<PackedWord | null> {
  const processor = await processorNamed(app, world, call.request.processor);
  const found = await processor.findPayout?.(call.subject);
  return found === undefined ? { kind: 'absent' } : found.kind === 'unknown' ? null : pack(found);
}

async function answer(ctx: Context, answers: readonly Answered<NewsQuestion, PackedWord>[]): Promise<void> {
  await lockPayouts(ctx.tx);
  for (const { call, answer: said } of answers) {
    if (said.kind !== 'payout') continue;
    const word = unpack<PayoutWord>(said);
    const [processor, moment] = [call.request.processor, realMoment(ctx.app)];
    const known = await bankAccountNamed(ctx.tx, processor, word.bank.reference);
    const bank = known ?? heardBank(word, processor, moment);
    const made = known ? decision() : { ...decision(), puts: [{ table: 'bank_accounts', before: null, after: bank }] };
    await commit(ctx, together([made, hearPayout(await payoutNamed(ctx.tx, word.reference), bank, word, moment)]));
  }
}

export const hearing: CallCommand<NewsQuestion, PackedWord> = { ask, answer };
