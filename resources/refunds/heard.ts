/** Refunds that somebody has made at a live processor: what a webhook tells of is looked up there, and booked as it is by now. */
import { together } from '../../billing/decision.ts';
import { refundedInquiry } from '../../billing/dispute/respond.ts';
import { unpack, type PackedWord } from '../../billing/payment/attempt.ts';
import { refundable } from '../../billing/payment/refund.ts';
import { hearRefund, type RefundWord } from '../../billing/payment/refund_heard.ts';
import { commit } from '../../server/commit.ts';
import type { Answered, App, CallCommand, Context, OpenCall, World } from '../../server/context.ts';
import { chargeAt, onceBooked } from '../charges/rows.ts';
import { lockInquiriesOf } from '../disputes/rows.ts';
import { processorNamed, type NewsQuestion } from '../kontor/processors/rows.ts';
import { settlementAt, settlementOf } from '../kontor/settings/rows.ts';
import { attemptsNamed } from '../payment_attempts/rows.ts';
import { lockRefundable, refundNamed } from './rows.ts';

async function ask(app: App, world: World, call: OpenCall<NewsQuestion>): Promise<PackedWord | null> {
  const processor = await processorNamed(app, world, call.request.processor);
  const found = await processor.findRefund?.(call.subject);
  if (found === undefined || found.kind === 'absent') return { kind: 'absent' };
  return found.kind === 'unknown' ? null : onceBooked(app, world, call, processor.name, found);
}

async function hear(ctx: Context, processor: string, word: RefundWord): Promise<void> {
  const id = await chargeAt(ctx.tx, processor, word.charge);
  // What was asked for here has an attempt, to which its words go.
  if (id === null || (await attemptsNamed(ctx.tx, processor, word.reference)).length > 0) return;
  const { moment, ...facts } = await lockRefundable(ctx, id, 'charge');
  const heard = hearRefund({ ...facts, settlement: settlementAt(await settlementOf(ctx), processor) }, await refundNamed(ctx.tx, id, word.reference), word, moment);
  const { charge } = heard;
  const inquiries = charge.disputed && refundable(charge) === 0n ? await lockInquiriesOf(ctx, [id]) : [];
  await commit(ctx, together([heard, ...inquiries.map((inquiry) => refundedInquiry({ ...inquiry, charge }, moment))]));
}

/** One after the other: two may be of one charge. */
async function answer(ctx: Context, answers: readonly Answered<NewsQuestion, PackedWord>[]): Promise<void> {
  for (const { call, answer: word } of answers) if (word.kind === 'refund') await hear(ctx, call.request.processor, unpack<RefundWord>(word));
}

export const hearing: CallCommand<NewsQuestion, PackedWord> = { ask, answer };
